package expect

import "strings"

// refuses says what an option takes, if the token ahead is not that; else it is "".
func (p *radvdParser) refuses(takes radvdTakes) string {
	t := &p.ahead
	ok, what := false, ""
	switch takes {
	case takesSwitch:
		ok, what = p.one("on", "off"), "on or off"
	case takesNumber:
		ok, what = t.kind == radvdNumber, "a whole number"
	case takesSeconds:
		ok, what = t.kind == radvdNumber || t.kind == radvdDecimal, "a number of seconds"
	case takesLifetime:
		ok, what = t.kind == radvdNumber || p.one("infinity"), "a whole number of seconds, or infinity"
	case takesPreference:
		ok, what = t.kind == radvdSigned || p.one("low", "medium", "high"), "low, medium or high"
	case takesName:
		ok, what = t.kind == radvdWord && !radvdReserved(t), "the name of an interface"
	case takesURI:
		ok, what = t.kind == radvdWord && !radvdReserved(t), "a URI in quotes"
	}
	if ok {
		return ""
	}
	return what
}

// one reports whether the token ahead is one of the words.
func (p *radvdParser) one(words ...string) bool {
	for _, w := range words {
		if p.ahead.is(w) {
			p.word(&p.ahead, w, false)
			return true
		}
	}
	return false
}

func radvdValueHint(t *radvdToken, takes radvdTakes) string {
	text, _, comment := strings.Cut(t.text, "#")
	switch {
	case comment && text != "":
		return "put a blank before the #"
	case takes == takesSwitch && (t.is("yes") || t.is("true") || t.text == "1"):
		return "write: on"
	case takes == takesSwitch && (t.is("no") || t.is("false") || t.text == "0"):
		return "write: off"
	case takes == takesNumber && t.kind == radvdDecimal:
		return "only MaxRtrAdvInterval, MinRtrAdvInterval and MinDelayBetweenRAs take decimals"
	case takes == takesNumber && t.is("infinity"):
		return "only lifetimes of prefixes, routes, DNS servers and search domains can be infinite"
	}
	return ""
}

// head reads what stands before the braces of n.
func (p *radvdParser) head(b *radvdBlock, n *radvdNode) error {
	switch b.head {
	case headName:
		if p.refuses(takesName) != "" {
			return p.fail(&p.ahead, "", "%v stands where the name of the interface should", &p.ahead)
		}
		n.args = []radvdToken{p.take()}
	case headPrefix:
		return p.prefix(n)
	case headAddress:
		return p.address(n)
	case headAddresses:
		return p.addresses(n)
	case headDomains:
		return p.domains(n)
	}
	return nil
}

// address reads an address, and a length if there is one.
func (p *radvdParser) address(n *radvdNode) error {
	if p.ahead.kind != radvdAddress {
		return p.noAddress()
	}
	n.args = append(n.args, p.take())
	if !p.ahead.is("/") {
		return nil
	}
	p.take()
	if p.ahead.kind != radvdNumber {
		return p.fail(&p.ahead, "", "%v stands where the length of a prefix should", &p.ahead)
	}
	n.args = append(n.args, p.take())
	return nil
}

func (p *radvdParser) noAddress() error {
	hint := ""
	if rest, ok := strings.CutPrefix(p.ahead.text, "::"); ok && radvdGroups(rest) {
		hint = "radvd reads no address that begins with two colons; write 0::" + rest
	}
	return p.fail(&p.ahead, hint, "%v stands where an IPv6 address should", &p.ahead)
}

// prefix reads an address with a length.
func (p *radvdParser) prefix(n *radvdNode) error {
	if err := p.address(n); err != nil {
		return err
	}
	if len(n.args) < 2 {
		return p.fail(&p.ahead, "write ADDRESS/LENGTH", "the prefix %v has no length", &n.args[0])
	}
	if n.args[1].number > 128 {
		return p.fail(&n.args[1], "", "the length of a prefix is at most 128, not %d", n.args[1].number)
	}
	return nil
}

// addresses reads the servers of an RDNSS block. The option has room for 127 (RFC 8106 §5.1).
func (p *radvdParser) addresses(n *radvdNode) error {
	for p.ahead.kind == radvdAddress || len(n.args) == 0 || !p.ahead.is("{") {
		switch {
		case p.ahead.kind != radvdAddress:
			return p.noAddress()
		case len(n.args) == 127:
			return p.fail(&p.ahead, "make a second block of the others", "an RDNSS block has at most 127 addresses")
		case len(n.args) == 3:
			p.needs220(&p.ahead, "it takes at most 3 addresses in an RDNSS block")
		}
		n.args = append(n.args, p.take())
	}
	return nil
}

// domains reads the suffixes of a DNSSL block.
func (p *radvdParser) domains(n *radvdNode) error {
	for len(n.args) == 0 || !p.ahead.is("{") {
		t := &p.ahead
		const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-."
		if t.kind != radvdWord || radvdReserved(t) || strings.Trim(t.text, letters) != "" {
			return p.fail(t, "", "%v stands where a search domain should", t)
		}
		n.args = append(n.args, p.take())
	}
	return nil
}

// member reads one of a list in braces.
func (p *radvdParser) member(b *radvdBlock) (radvdNode, error) {
	n := radvdNode{at: p.ahead}
	switch {
	case b.head == bodyPrefixes:
		if err := p.prefix(&n); err != nil {
			return n, err
		}
	case b.head == bodyClients && p.ahead.kind == radvdNotAddress:
		p.needs220(&p.ahead, "it takes no %v", &p.ahead)
		n.args = []radvdToken{p.take()}
	case p.ahead.kind != radvdAddress:
		return n, p.noAddress()
	default:
		n.args = []radvdToken{p.take()}
	}
	return n, p.semicolon()
}
