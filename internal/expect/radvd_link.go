package expect

import (
	"math"
	"slices"
	"strconv"
)

// Limits of radvd, in seconds; mobile has those for home agents (RFC 6275 §7.5), which radvd allows wherever any of the
// options for them is on.
const (
	radvdMaxInterval      = 600 // its default
	radvdLeastMax         = 4
	radvdMostMax          = 1800
	radvdLeastMin         = 3
	radvdLeastDelay       = 3
	radvdMobileLeastMax   = 0.07
	radvdMobileLeastMin   = 0.03
	radvdMobileLeastDelay = 0.03
	radvdMostRouter       = 9000
	radvdMostReach        = 3600000 // milliseconds
	radvdMostAgent        = 65520
)

func (t *radvdToken) seconds() float64 {
	if t.kind == radvdNumber {
		return float64(t.number)
	}
	f, _ := strconv.ParseFloat(t.text, 64) // digits, a point and digits; too many of them are +Inf, which is out of range
	return f
}

// newRadvdReader begins a Link. Its lists of options are empty and closed: radvd sends no other than the file has.
func newRadvdReader(file, name string, n *radvdNode, state *State) *radvdReader {
	home := n.at.place(file)
	says := &Advertisement{
		Prefixes: &Prefixes{Place: home},
		Routes:   &Routes{Place: home},
		RDNSS:    &Servers{Place: home},
		DNSSL:    &Domains{Place: home},
		PREF64:   &NAT64s{Place: home},
		Portal:   &Text{Place: home},
		Options:  &Options{Place: home},
	}
	r := &radvdReader{file: file, home: home, state: state, max: radvdMaxInterval, says: says,
		link: &Link{Name: name, Keys: []string{name}, Iface: name, Place: home, Says: says}}
	r.set = r.options(n)
	return r
}

// setUp reads what goes by the interface block as a whole. With most of it radvd finds fault when it sets the interface up,
// and does not send there then.
func (r *radvdReader) setUp() error {
	if err := r.intervals(); err != nil {
		return err
	}
	if err := r.header(); err != nil {
		return err
	}
	if err := r.mobile(); err != nil {
		return err
	}
	l := r.link
	for i := range r.says.Prefixes.List {
		if p := r.says.Prefixes.List[i].Prefix; !slices.Contains(l.Prefixes, p) {
			l.Prefixes = append(l.Prefixes, p)
		}
	}
	if send := r.set.on("AdvSendAdvert", false); !send.On {
		r.flaw(send.Place, "Put AdvSendAdvert on; into the block, or take the block out.",
			"radvd stays silent on %s: AdvSendAdvert is off, as it is by default", l.Name)
		l.Says, l.Routers, l.OnlyRouters = nil, nil, true
	}
	return nil
}

// statement reads one statement of an interface block. The order counts, as the default lifetimes in a block go by the
// MaxRtrAdvInterval that stands before it; one behind it comes too late.
func (r *radvdReader) statement(n *radvdNode) error {
	switch n.name {
	case "MaxRtrAdvInterval":
		r.max = n.args[0].seconds()
	case "prefix":
		return r.prefix(n)
	case "route":
		r.route(n)
	case "nat64prefix":
		return r.nat64(n)
	case "RDNSS":
		r.servers(n)
	case "DNSSL":
		return r.domains(n)
	case "lowpanco":
		r.context(n)
	case "abro":
		r.border(n)
	case "AdvRASrcAddress":
		r.sources(n)
	case "AdvCaptivePortalAPI":
		return r.portal(n)
	case "clients":
		r.clients = true
	}
	return nil
}

// sources reads the addresses of which radvd takes the first that its interface has. It sends from no other.
func (r *radvdReader) sources(n *radvdNode) {
	r.link.OnlyRouters = true
	for i := range n.body {
		p, a := n.body[i].at.place(r.file), n.body[i].args[0].addr
		if !a.IsLinkLocalUnicast() {
			r.flaw(p, "List link-local addresses only.", "hosts drop advertisements from %v: it is no link-local address", a)
		}
		r.link.Routers = append(r.link.Routers, Router{Address: a, Place: p})
	}
}

// isMobile reports whether the limits of home agents hold.
func (r *radvdReader) isMobile() bool {
	for _, name := range []string{"AdvHomeAgentFlag", "AdvHomeAgentInfo", "AdvIntervalOpt"} {
		if r.set.on(name, false).On {
			return true
		}
	}
	return r.routerAddress
}

// intervals reads how often radvd sends.
func (r *radvdReader) intervals() error {
	most, mostAt := r.set.seconds("MaxRtrAdvInterval", radvdMaxInterval)
	least, leastAt := r.set.seconds("MinRtrAdvInterval", 0.33*most)
	delay, delayAt := r.set.seconds("MinDelayBetweenRAs", radvdLeastDelay)
	lowMax, lowMin, lowDelay := float64(radvdLeastMax), float64(radvdLeastMin), float64(radvdLeastDelay)
	if r.isMobile() {
		lowMax, lowMin, lowDelay = radvdMobileLeastMax, radvdMobileLeastMin, radvdMobileLeastDelay
	}
	switch {
	case most < lowMax || most > radvdMostMax:
		return r.fail(mostAt, "", "MaxRtrAdvInterval must be from %v to %d seconds, not %v", lowMax, radvdMostMax, most)
	case least < lowMin || least > 0.75*most:
		if _, set := r.set.place("MinRtrAdvInterval"); !set {
			return r.fail(mostAt, "put MinRtrAdvInterval into the block, or set MaxRtrAdvInterval to 10 or more",
				"a third of MaxRtrAdvInterval %v is the default of MinRtrAdvInterval, and radvd refuses less than %v seconds "+
					"there", most, lowMin)
		}
		return r.fail(leastAt, "",
			"MinRtrAdvInterval must be from %v seconds to three quarters of MaxRtrAdvInterval, %v, not %v", lowMin, 0.75*most, least)
	case delay < lowDelay:
		return r.fail(delayAt, "", "MinDelayBetweenRAs must be at least %v seconds, not %v", lowDelay, delay)
	}
	if !r.clients && !r.set.on("UnicastOnly", false).On { // without either, nobody is told unasked, or each by himself
		r.says.Interval = &Range{Min: uint64(least * 1000), Max: uint64(math.Ceil(most * 1000)), Place: mostAt}
	}
	return nil
}

// header reads what the advertisement says outside of its options, the MTU and the Source Link-Layer Address.
func (r *radvdReader) header() error {
	s, says := &r.set, r.says
	says.CurHopLimit = r.field("AdvCurHopLimit", s.number("AdvCurHopLimit", 64), math.MaxUint8)
	says.Managed = s.on("AdvManagedFlag", false)
	says.Other = s.on("AdvOtherConfigFlag", false)
	says.HomeAgent = s.on("AdvHomeAgentFlag", false)
	says.Preference = r.preference(s, "AdvDefaultPreference")
	says.ReachableTime = s.number("AdvReachableTime", 0)
	says.RetransTimer = s.number("AdvRetransTimer", 0)
	says.SourceLinkLayer = s.on("AdvSourceLLAddress", true)
	says.MTU = s.number("AdvLinkMTU", 0)
	says.RouterLifetime = r.signed("AdvDefaultLifetime", uint64(max(1, 3*r.max)))
	life := says.RouterLifetime
	switch {
	case life.Min != 0 && (life.Min > radvdMostRouter || float64(life.Min) < max(1, r.max)):
		return r.fail(life.Place, "", "AdvDefaultLifetime must be 0, or from MaxRtrAdvInterval, %v, to %d seconds, not %d",
			r.max, radvdMostRouter, life.Min)
	case says.ReachableTime.Min > radvdMostReach:
		return r.fail(says.ReachableTime.Place, "", "AdvReachableTime must be at most %d milliseconds, not %d",
			radvdMostReach, says.ReachableTime.Min)
	case says.MTU.Min != 0 && says.MTU.Min < 1280: // the most is what the interface has
		return r.fail(says.MTU.Place, "", "AdvLinkMTU must be 0 or at least 1280, not %d", says.MTU.Min)
	}
	return nil
}

// signed is a number that radvd keeps with a sign: one of 2³¹ and more is as good as none.
func (r *radvdReader) signed(name string, otherwise uint64) *Range {
	n := r.set.number(name, otherwise)
	if n.Min > math.MaxInt32 {
		n = Exactly(otherwise, n.Place)
	}
	return n
}

// field is n as it gets into a field that holds most and no more.
func (r *radvdReader) field(name string, n *Range, most uint64) *Range {
	if sent := n.Min & most; sent != n.Min {
		r.flaw(n.Place, "Set it to "+Number(most)+" or less.", "radvd sends %d for %s %d, as that does not fit",
			sent, name, n.Min)
		return Exactly(sent, n.Place)
	}
	return n
}

// preference reads low, medium or high, or a number of which two bits are sent (RFC 4191 §2.1). The fourth that they can
// make has no name; hosts take it for medium, or ignore the route.
func (r *radvdReader) preference(s *radvdSet, name string) *Text {
	p, ok := s.place(name)
	if !ok {
		return &Text{Want: "medium", Place: p}
	}
	t := &s.nodes[name].args[0]
	bits := int64(0)
	switch {
	case t.is("low"):
		bits = -1
	case t.is("high"):
		bits = 1
	case t.kind == radvdSigned:
		bits, _ = strconv.ParseInt(t.text, 10, 64) // out of range it is the least, of which the bits are 0 here as there
	}
	want := [4]string{"medium", "high", "", "low"}[bits&3]
	if want == "" {
		r.flaw(p, "Write low, medium or high.", "%s %s makes radvd send the reserved value 10", name, t.text)
		return nil
	}
	return &Text{Want: want, Place: p}
}

// portal reads the URI of a captive portal (RFC 8910), which is in quotes.
func (r *radvdReader) portal(n *radvdNode) error {
	t := &n.args[0]
	uri := t.text[:min(len(t.text), 255)] // where radvd cuts it, the quote before it counted
	if uri[0] == '"' {
		uri = uri[1:]
	}
	if len(uri) > 0 && uri[len(uri)-1] == '"' {
		uri = uri[:len(uri)-1]
	}
	p := n.at.place(r.file)
	if uri == "" {
		return r.fail(t.place(r.file), "", "the URI of the captive portal is empty")
	}
	for i := range len(uri) {
		if c := uri[i]; c <= ' ' || c > '~' {
			return r.fail(t.place(r.file), "", "the byte %#02x cannot be in a URI (RFC 3986)", c)
		}
	}
	if len(t.text) > 255 {
		r.flaw(p, "Use a shorter URI.", "radvd cuts the URI of the captive portal after 254 characters")
	}
	r.says.Portal = &Text{Want: uri, Place: p}
	return nil
}
