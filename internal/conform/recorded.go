package conform

import (
	"bytes"
	"slices"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
)

// recorded is what a router's advertisements said, each number from its least to its most.
type recorded struct {
	count                     int
	hopLimit, lifetime        *expect.Range
	reachable, retrans        *expect.Range
	managed, other, homeAgent flag
	preference                *expect.Text
	variable                  bool // the preference
	sourceLinkLayer           int  // how many had the option
	mtu                       *expect.Range
	withMTU, withPortal       int
	portals                   bool // it varies
	portal                    *expect.Text
	prefixes                  []prefix
	routes                    []expect.Route
	servers                   []expect.Server
	domains                   []expect.Domain
	nat64s                    []expect.NAT64
	options                   []expect.Option
	changedRoute              []bool // its preference varies
}

// prefix is a prefix with flags that may vary.
type prefix struct {
	expect.Prefix
	onLink, autonomous, router flag
}

// flag is a flag that may vary.
type flag struct{ set, clear bool }

func (f *flag) take(on bool) {
	f.set = f.set || on
	f.clear = f.clear || !on
}

// expected is what to expect of the flag: nothing where it varies.
func (f *flag) expected() *expect.Switch {
	if f.set == f.clear {
		return nil
	}
	return &expect.Switch{On: f.set}
}

func widen(r **expect.Range, n uint64) {
	if *r == nil {
		*r = &expect.Range{Min: n, Max: n}
		return
	}
	(*r).Min, (*r).Max = min((*r).Min, n), max((*r).Max, n)
}

// take takes in an advertisement.
func (s *recorded) take(m *icmp6.Message) {
	f := &m.RA
	s.count++
	widen(&s.hopLimit, uint64(f.CurHopLimit))
	widen(&s.lifetime, uint64(f.RouterLifetime))
	widen(&s.reachable, uint64(f.ReachableTime))
	widen(&s.retrans, uint64(f.RetransTimer))
	s.managed.take(f.Managed)
	s.other.take(f.Other)
	s.homeAgent.take(f.HomeAgent)
	preference := f.Preference
	if preference == icmp6.PreferenceReserved {
		preference = icmp6.PreferenceMedium
	}
	s.variable = s.variable || s.preference != nil && s.preference.Want != preference.String()
	s.preference = &expect.Text{Want: preference.String()}
	linkLayer, mtu, portal := false, false, false
	for i := range m.Options {
		o := &m.Options[i]
		if !sound(o) {
			continue
		}
		switch o.Type {
		case icmp6.OptSourceLinkLayerAddress:
			linkLayer = true
		case icmp6.OptMTU:
			if v, ok := o.MTU(); ok {
				mtu = true
				widen(&s.mtu, uint64(v.MTU))
			}
		case icmp6.OptCaptivePortal:
			if uri, ok := o.CaptivePortal(); ok {
				portal = true
				text := string(bytes.TrimRight(uri, "\x00"))
				s.portals = s.portals || s.portal != nil && s.portal.Want != text
				s.portal = &expect.Text{Want: text}
			}
		default:
			s.item(o)
		}
	}
	for n, there := range map[*int]bool{&s.sourceLinkLayer: linkLayer, &s.withMTU: mtu, &s.withPortal: portal} {
		if there {
			*n++
		}
	}
}

// item takes in an option of which there may be several.
func (s *recorded) item(o *icmp6.Option) {
	switch o.Type {
	case icmp6.OptPrefixInformation:
		s.prefix(o)
	case icmp6.OptRouteInformation:
		s.route(o)
	case icmp6.OptRDNSS:
		v, _ := o.RDNSS()
		for i := range v.Len() {
			s.server(v, i)
		}
	case icmp6.OptDNSSL:
		v, ok := o.DNSSL()
		if !ok {
			return
		}
		names, _ := v.Domains()
		for _, name := range names {
			s.domain(strings.TrimSuffix(name, "."), v.Lifetime)
		}
	case icmp6.OptPREF64:
		if v, ok := o.PREF64(); ok && v.Prefix().IsValid() {
			i := slices.IndexFunc(s.nat64s, func(w expect.NAT64) bool { return w.Prefix == v.Prefix() })
			if i < 0 && len(s.nat64s) < maxRecordedItems && v.Lifetime > 0 {
				i = len(s.nat64s)
				s.nat64s = append(s.nat64s, expect.NAT64{Prefix: v.Prefix()})
			}
			if i >= 0 {
				widen(&s.nat64s[i].Lifetime, uint64(v.Lifetime))
			}
		}
	default:
		if len(o.Raw) < 2 {
			return
		}
		same := func(w expect.Option) bool { return w.Type == uint8(o.Type) && bytes.Equal(w.Data, o.Raw[2:]) }
		if len(s.options) < maxRecordedItems && !slices.ContainsFunc(s.options, same) {
			s.options = append(s.options, expect.Option{Type: uint8(o.Type), Data: bytes.Clone(o.Raw[2:])})
		}
	}
}

func (s *recorded) prefix(o *icmp6.Option) {
	v, ok := prefixOf(o)
	if !ok {
		return
	}
	i := slices.IndexFunc(s.prefixes, func(w prefix) bool { return w.Prefix.Prefix == v.Prefix() })
	if i < 0 {
		if len(s.prefixes) == maxRecordedItems || v.ValidLifetime == 0 { // withdrawn, of what was never seen
			return
		}
		i = len(s.prefixes)
		s.prefixes = append(s.prefixes, prefix{Prefix: expect.Prefix{Prefix: v.Prefix()}})
	}
	w := &s.prefixes[i]
	w.onLink.take(v.OnLink)
	w.autonomous.take(v.Autonomous)
	w.router.take(v.RouterAddress)
	widen(&w.Valid, uint64(v.ValidLifetime))
	widen(&w.Preferred, uint64(v.PreferredLifetime))
}

func (s *recorded) route(o *icmp6.Option) {
	v, ok := o.RouteInformation()
	if !ok || v.PrefixLength > 128 {
		return
	}
	i := slices.IndexFunc(s.routes, func(w expect.Route) bool { return w.Prefix == v.Prefix() })
	if i < 0 {
		if len(s.routes) == maxRecordedItems || v.Lifetime == 0 {
			return
		}
		i = len(s.routes)
		s.routes = append(s.routes, expect.Route{Prefix: v.Prefix(), Preference: &expect.Text{Want: v.Preference.String()}})
		s.changedRoute = append(s.changedRoute, false)
	}
	w := &s.routes[i]
	s.changedRoute[i] = s.changedRoute[i] || w.Preference.Want != v.Preference.String() || v.Preference == icmp6.PreferenceReserved
	widen(&w.Lifetime, uint64(v.Lifetime))
}

func (s *recorded) server(v icmp6.RDNSS, n int) {
	i := slices.IndexFunc(s.servers, func(w expect.Server) bool { return w.Address == v.Server(n) })
	if i < 0 {
		if len(s.servers) == maxRecordedItems || v.Lifetime == 0 {
			return
		}
		i = len(s.servers)
		s.servers = append(s.servers, expect.Server{Address: v.Server(n)})
	}
	widen(&s.servers[i].Lifetime, uint64(v.Lifetime))
}

func (s *recorded) domain(name string, lifetime uint32) {
	i := slices.IndexFunc(s.domains, func(w expect.Domain) bool { return strings.EqualFold(w.Name, name) })
	if i < 0 {
		if len(s.domains) == maxRecordedItems || lifetime == 0 {
			return
		}
		i = len(s.domains)
		s.domains = append(s.domains, expect.Domain{Name: name})
	}
	widen(&s.domains[i].Lifetime, uint64(lifetime))
}

// advertisement returns what to expect: all that stayed the same, and the ranges of what did not.
func (s *recorded) advertisement() *expect.Advertisement {
	a := &expect.Advertisement{
		CurHopLimit: s.hopLimit, RouterLifetime: s.lifetime, ReachableTime: s.reachable, RetransTimer: s.retrans,
		Managed: s.managed.expected(), Other: s.other.expected(), HomeAgent: s.homeAgent.expected(),
		Prefixes: &expect.Prefixes{}, Routes: &expect.Routes{List: s.routes}, RDNSS: &expect.Servers{List: s.servers},
		DNSSL: &expect.Domains{List: s.domains}, PREF64: &expect.NAT64s{List: s.nat64s}, Options: &expect.Options{List: s.options},
	}
	if !s.variable {
		a.Preference = s.preference
	}
	if s.sourceLinkLayer == 0 || s.sourceLinkLayer == s.count {
		a.SourceLinkLayer = &expect.Switch{On: s.sourceLinkLayer > 0}
	}
	switch s.withMTU {
	case 0:
		a.MTU = &expect.Range{}
	case s.count:
		a.MTU = s.mtu
	}
	switch s.withPortal {
	case 0:
		a.Portal = &expect.Text{}
	case s.count:
		if !s.portals {
			a.Portal = s.portal
		}
	}
	for i := range s.prefixes {
		w := &s.prefixes[i]
		w.OnLink, w.Autonomous, w.RouterAddress = w.onLink.expected(), w.autonomous.expected(), w.router.expected()
		a.Prefixes.List = append(a.Prefixes.List, w.Prefix)
	}
	for i := range s.changedRoute {
		if s.changedRoute[i] {
			a.Routes.List[i].Preference = nil
		}
	}
	return a
}
