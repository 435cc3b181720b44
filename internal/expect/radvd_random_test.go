package expect

import (
	"math/rand/v2"
	"strings"
)

// radvdGenerator writes files by the grammar of radvd 2.19, most of them valid.
type radvdGenerator struct {
	r *rand.Rand
}

func newRadvdGenerator(seed uint64) *radvdGenerator {
	return &radvdGenerator{rand.New(rand.NewPCG(seed, 6))}
}

func (g *radvdGenerator) pick(words ...string) string { return words[g.r.IntN(len(words))] }

// file is one file: with one block, of vr0, that sends; or of any kind, every other of them damaged.
func (g *radvdGenerator) file(sends bool) string {
	var tokens []string
	if sends {
		tokens = g.iface("vr0", "AdvSendAdvert", "on", ";", "IgnoreIfMissing", "off", ";")
	} else {
		for range 1 + g.r.IntN(3) {
			tokens = append(tokens, g.iface(g.pick("vr0", "eth1", "eth2", "br-lan", "eth0.12", "wg0@x", "L"))...)
		}
		for range g.r.IntN(2) {
			tokens = g.damage(tokens)
		}
	}
	var b strings.Builder
	for _, t := range tokens {
		b.WriteString(t)
		b.WriteString(g.pick(" ", " ", " ", "\n", "\t", "  ", " # by chance: \"x; }\n"))
	}
	return b.String() + "\n"
}

func (g *radvdGenerator) damage(tokens []string) []string {
	i := g.r.IntN(len(tokens))
	switch g.r.IntN(6) {
	case 0: // take one out
		return append(append([]string(nil), tokens[:i]...), tokens[i+1:]...)
	case 1: // one twice
		return append(append([]string(nil), tokens[:i+1]...), tokens[i:]...)
	case 2: // cut the rest off
		return tokens[:i]
	case 3: // one letter more
		tokens[i] += g.pick("x", "0", "-", ":", "\"", "#", "\x00", "\r", "é", ".", "!", ";", "\\")
	case 4: // two change places
		j := g.r.IntN(len(tokens))
		tokens[i], tokens[j] = tokens[j], tokens[i]
	case 5: // another
		tokens[i] = g.pick("on", "infinity", "low", "7", "-1", "0.5", "4294967296", "fe80::1", "::1", "1:2:3:4:5:6:7:8", "\"q\"",
			"{", "}", ";", "/", "prefix", "AdvOnLink", "AdvLifeTime", "AdvValidLifeTime", "x")
	}
	return tokens
}

func (g *radvdGenerator) iface(name string, first ...string) []string {
	t := append([]string{"interface", name, "{"}, first...)
	for i := range radvdFile.options {
		o := &radvdFile.options[i]
		silent := o.name == "AdvSendAdvert" || o.name == "UnicastOnly"
		if !o.since && g.r.IntN(6) == 0 && (len(first) == 0 || !silent) {
			t = append(t, g.option(o)...)
		}
	}
	for range g.r.IntN(5) {
		b := &radvdFile.blocks[g.r.IntN(len(radvdFile.blocks))]
		if !b.since && (len(first) == 0 || b.head < bodyAddresses) {
			t = append(t, g.block(b)...)
		}
	}
	if g.r.IntN(3) == 0 {
		t = append(t, "MaxRtrAdvInterval", g.number("MaxRtrAdvInterval"), ";")
	}
	return append(t, "}", ";")
}

func (g *radvdGenerator) option(o *radvdOption) []string {
	value := ""
	switch o.takes {
	case takesSwitch:
		value = g.pick("on", "off")
	case takesNumber, takesSeconds:
		value = g.number(o.name)
	case takesLifetime:
		value = g.pick("0", "1", "30", "600", "14400", "86400", "100000", "4294967295", "infinity")
	case takesPreference:
		value = g.pick("low", "medium", "high", "-1", "-2", "-0", "-3", "-99999999999999999999")
	case takesName:
		value = g.pick("eth0", "ppp0")
	}
	return []string{o.name, value, ";"}
}

func (g *radvdGenerator) number(name string) string {
	switch name {
	case "MaxRtrAdvInterval":
		return g.pick("10", "15", "30.5", "600", "1800", "4", "1801", "9.2", "0.5")
	case "MinRtrAdvInterval":
		return g.pick("3", "5", "7.25", "450", "2", "0.2")
	case "MinDelayBetweenRAs":
		return g.pick("3", "4.5", "2.5")
	case "AdvLinkMTU":
		return g.pick("0", "1280", "1450", "1500", "1279")
	case "AdvReachableTime":
		return g.pick("0", "30000", "3600000", "3600001")
	case "AdvDefaultLifetime":
		return g.pick("0", "1800", "9000", "45", "9001", "4294967295")
	case "HomeAgentLifetime":
		return g.pick("0", "1", "1800", "65520", "65521", "4294967295")
	}
	return g.pick("0", "1", "15", "16", "64", "255", "256", "4660", "65535", "65536", "4294967295")
}

func (g *radvdGenerator) block(b *radvdBlock) []string {
	t := []string{b.name}
	address := func() string {
		return g.pick("2001:db8::", "2001:DB8:1::1", "fe80::1", "fd00:1:2:3:4:5:6:7", "0::1", "64:ff9b::", "1:2:3:4:5:6:7::")
	}
	switch b.head {
	case headPrefix:
		t = append(t, address(), "/", g.pick("64", "48", "0", "128", "064", "129"))
		if b.bare && g.r.IntN(4) == 0 {
			return append(t, ";")
		}
	case headAddress:
		t = append(t, address())
		if g.r.IntN(2) == 0 {
			t = append(t, "/", "64")
		}
	case headAddresses:
		for range 1 + g.r.IntN(3) {
			t = append(t, address())
		}
	case headDomains:
		for range 1 + g.r.IntN(3) {
			t = append(t, g.pick("example.org", "a.b-c.Example", "x", "example.org.", "a..b", ".", strings.Repeat("a", 64)))
		}
	}
	t = append(t, "{")
	if b.head >= bodyAddresses {
		for range 1 + g.r.IntN(2) {
			t = append(t, address(), ";")
		}
	}
	for i := range b.options {
		if o := &b.options[i]; g.r.IntN(3) == 0 && (o.takes != takesName || g.r.IntN(4) == 0) {
			t = append(t, g.option(o)...)
		}
	}
	return append(t, "}", ";")
}
