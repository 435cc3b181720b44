package expect

import (
	"encoding/binary"
	"math"
	"slices"
	"strings"

	"v6probe/internal/rule"
)

// The types of the options that have no field of their own.
const (
	optInterval     = 7
	optHomeAgent    = 8
	optContext      = 34
	optBorderRouter = 35
)

// prefix reads a prefix block.
func (r *radvdReader) prefix(n *radvdNode) error {
	s := r.options(n)
	p := Prefix{Prefix: radvdMasked(n.args), OnLink: s.on("AdvOnLink", true), Autonomous: s.on("AdvAutonomous", true),
		RouterAddress: s.on("AdvRouterAddr", false), Valid: s.number("AdvValidLifetime", 86400),
		Preferred: s.number("AdvPreferredLifetime", 14400), Place: s.home}
	if p.Preferred.Min > p.Valid.Min {
		at := p.Preferred.Place
		if _, set := s.place("AdvPreferredLifetime"); !set {
			at = p.Valid.Place
		}
		return r.fail(at, "set AdvPreferredLifetime to that of AdvValidLifetime or less",
			"AdvPreferredLifetime, %s, is longer than AdvValidLifetime, %s", p.Preferred, p.Valid)
	}
	of6, has6 := s.place("Base6Interface")
	_, has4 := s.place("Base6to4Interface")
	if has6 && n.args[1].number != 64 {
		return r.fail(of6, "", "Base6Interface is for prefixes of length 64, not %d", n.args[1].number)
	}
	r.routerAddress = r.routerAddress || p.RouterAddress.On
	if has6 || has4 || n.args[0].addr.IsUnspecified() {
		r.says.Prefixes.More = true // they are made of the addresses that an interface has
		return nil
	}
	if s.on("DecrementLifetimes", false).On { // they run down from the start of radvd
		p.Valid.Min, p.Preferred.Min = 0, 0
	}
	r.says.Prefixes.List = append(r.says.Prefixes.List, p)
	return nil
}

// route reads a route block.
func (r *radvdReader) route(n *radvdNode) {
	s := r.options(n)
	r.says.Routes.List = append(r.says.Routes.List, Route{Prefix: radvdMasked(n.args), Place: s.home,
		Preference: r.preference(&s, "AdvRoutePreference"), Lifetime: s.number("AdvRouteLifetime", radvdWhole(3*r.max))})
}

// radvdWhole is how radvd makes a lifetime of a time with decimals. What is larger than any lifetime is refused with its
// interval.
func radvdWhole(seconds float64) uint64 {
	return uint64(min(seconds, math.MaxUint32))
}

// nat64 reads a nat64prefix block.
func (r *radvdReader) nat64(n *radvdNode) error {
	s := r.options(n)
	length := n.args[1].number
	life := s.number("AdvValidLifetime", min(maxNAT64, radvdWhole(3*r.max)))
	switch {
	case n.args[0].addr.IsUnspecified():
		return r.fail(n.args[0].place(r.file), "", "radvd refuses :: as a NAT64 prefix")
	case length != 96 && (length < 32 || length > 64 || length%8 != 0):
		return r.fail(n.args[1].place(r.file), "", "the length of a NAT64 prefix is 32, 40, 48, 56, 64 or 96, not %d", length)
	case life.Min > maxNAT64:
		return r.fail(life.Place, "", "the lifetime of a NAT64 prefix is at most %d seconds, not %d", maxNAT64, life.Min)
	}
	life = Exactly((life.Min+7)&^7, life.Place) // its field counts eights of seconds
	r.says.PREF64.List = append(r.says.PREF64.List, NAT64{Prefix: radvdMasked(n.args), Lifetime: life, Place: s.home})
	return nil
}

// maxNAT64 is the longest lifetime of a NAT64 prefix, in seconds.
const maxNAT64 = 8191 * 8

// servers reads an RDNSS block. By default radvd 2.19 sends MaxRtrAdvInterval as the lifetime, whatever its manual says,
// and 2.20 three times that.
func (r *radvdReader) servers(n *radvdNode) {
	s := r.options(n)
	life := s.number("AdvRDNSSLifetime", radvdWhole(r.max))
	if _, set := s.place("AdvRDNSSLifetime"); !set {
		life.Max = radvdWhole(3 * r.max)
	}
	for i := range n.args {
		t := &n.args[i]
		r.says.RDNSS.List = append(r.says.RDNSS.List, Server{Address: t.addr, Lifetime: life, Place: t.place(r.file)})
	}
}

// domains reads a DNSSL block. The default is that of RDNSS. What is less than MaxRtrAdvInterval, and not 0, radvd 2.19
// sends as MaxRtrAdvInterval; 2.20 does not.
func (r *radvdReader) domains(n *radvdNode) error {
	s := r.options(n)
	life := s.number("AdvDNSSLLifetime", radvdWhole(r.max))
	if _, set := s.place("AdvDNSSLLifetime"); !set {
		life.Max = radvdWhole(3 * r.max)
	} else if life.Min != 0 && float64(life.Min) < r.max {
		life.Max = radvdWhole(r.max)
	}
	size, damaged := 8, false
	for i := range n.args {
		t := &n.args[i]
		name := strings.TrimSuffix(t.text, ".")
		size += len(name) + 2
		if fault := radvdDomainFault(name); fault != "" && !damaged {
			r.flaw(t.place(r.file), "Correct the name.", "radvd sends the search domain %v damaged: %s", t, fault)
			r.says.DNSSL.More, damaged = true, true
		}
		if damaged {
			continue // nobody can tell where the next one begins
		}
		r.says.DNSSL.List = append(r.says.DNSSL.List, Domain{Name: name, Lifetime: life, Place: t.place(r.file)})
	}
	if size > 255*8 {
		return r.fail(s.home, "make a second block of some",
			"these search domains do not fit into one option, which has at most 2040 bytes, and radvd sends none of them")
	}
	return nil
}

// radvdDomainFault says why a name cannot be on the wire (RFC 1035 §3.1).
func radvdDomainFault(name string) string {
	if len(name) > 253 {
		return "it is longer than 253 bytes"
	}
	for label := range strings.SplitSeq(name, ".") {
		switch {
		case label == "":
			return "a label of it is empty"
		case len(label) > 63:
			return "a label of it is longer than 63 bytes"
		}
	}
	return ""
}

// context reads a lowpanco block, the 6LoWPAN Context Option (RFC 6775 §4.2). radvd sends one, without its prefix.
func (r *radvdReader) context(n *radvdNode) {
	s := r.options(n)
	data := make([]byte, 22)
	data[0] = byte(r.field("AdvContextLength", s.number("AdvContextLength", 0), math.MaxUint8).Min)
	data[1] = byte(r.field("AdvContextID", s.number("AdvContextID", 0), 15).Min)
	if s.on("AdvContextCompressionFlag", false).On {
		data[1] |= 1 << 4
	}
	binary.BigEndian.PutUint16(data[4:], uint16(r.field("AdvLifeTime", s.number("AdvLifeTime", 0), math.MaxUint16).Min))
	r.only(optContext, &s, data)
}

// border reads an abro block, the Authoritative Border Router Option (RFC 6775 §4.3). radvd sends one.
func (r *radvdReader) border(n *radvdNode) {
	s := r.options(n)
	data := make([]byte, 6, 22)
	for i, name := range []string{"AdvVersionLow", "AdvVersionHigh", "AdvValidLifeTime"} {
		binary.BigEndian.PutUint16(data[2*i:], uint16(r.field(name, s.number(name, 0), math.MaxUint16).Min))
	}
	addr := n.args[0].addr.As16()
	r.only(optBorderRouter, &s, append(data, addr[:]...))
}

// mobile reads what home agents send: the Advertisement Interval and Home Agent Information options (RFC 6275 §7.3 and
// §7.4, RFC 3963 §4.2 for the R flag).
func (r *radvdReader) mobile() error {
	s := &r.set
	if at := s.on("AdvIntervalOpt", false); at.On {
		most := r.max
		if most < 0.2 { // what its timer may be late by
			most += 0.02
		}
		r.option(optInterval, at.Place, binary.BigEndian.AppendUint32([]byte{0, 0}, uint32(1000*most)))
	}
	router := r.says.RouterLifetime.Min
	info, support := s.on("AdvHomeAgentInfo", false), s.on("AdvMobRtrSupportFlag", false)
	life := r.signed("HomeAgentLifetime", router)
	preference := r.field("HomeAgentPreference", s.number("HomeAgentPreference", 0), math.MaxUint16)
	switch {
	case support.On && !info.On:
		return r.fail(support.Place, "put AdvHomeAgentInfo on; into the block",
			"AdvMobRtrSupportFlag is on without AdvHomeAgentInfo")
	case !info.On:
		return nil
	case !s.on("AdvHomeAgentFlag", false).On:
		return r.fail(info.Place, "put AdvHomeAgentFlag on; into the block",
			"AdvHomeAgentInfo is on without AdvHomeAgentFlag")
	case life.Min < 1 || life.Min > radvdMostAgent:
		return r.fail(life.Place, "", "HomeAgentLifetime must be from 1 to %d seconds, not %d", radvdMostAgent, life.Min)
	case !support.On && preference.Min == 0 && life.Min == router:
		return nil // it says nothing that is not in the advertisement already
	}
	data := make([]byte, 2, 6)
	if support.On {
		data[0] = 0x80
	}
	data = binary.BigEndian.AppendUint16(data, uint16(preference.Min))
	r.option(optHomeAgent, info.Place, binary.BigEndian.AppendUint16(data, uint16(life.Min)))
	return nil
}

// option adds an option that has no field of its own. They are sent in the order of their types.
func (r *radvdReader) option(t uint8, p rule.Place, data []byte) {
	list := &r.says.Options.List
	*list = append(*list, Option{Type: t, Data: data, Place: p})
	slices.SortFunc(*list, func(a, b Option) int { return int(a.Type) - int(b.Type) })
}

// only adds an option of which radvd sends the first that the interface has.
func (r *radvdReader) only(t uint8, s *radvdSet, data []byte) {
	for i := range r.says.Options.List {
		if o := &r.says.Options.List[i]; o.Type == t {
			r.flaw(s.home, "Take it out.", "radvd sends the option of the first such block only, in line %d", o.Place.Line)
			return
		}
	}
	r.option(t, s.home, data)
}
