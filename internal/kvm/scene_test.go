package kvm

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

var (
	vrMAC     = packet.MAC{0x02, 0x01, 0x00, 0xcb, 0x00, 0xfe}
	guestMAC  = packet.MAC{0x02, 0x01, 0x00, 0xcb, 0x00, 0x01}
	remoteMAC = packet.MAC{0x02, 0x01, 0x00, 0xcb, 0x00, 0x02}
	zone      = netip.MustParsePrefix("fd17:625c:f037:2::/64")
)

// scene is a host in the making.
type scene struct {
	Input
	index int
}

// link adds an interface.
func (s *scene) link(name, kind string, mtu int) host.Link {
	s.index++
	l := host.Link{Name: name, Index: s.index, MTU: mtu, Up: true, Kind: kind}
	s.Links = append(s.Links, l)
	return l
}

// bridge adds a bridge with ports; their kinds are told by their names.
func (s *scene) bridge(name string, ports ...string) *host.Bridge {
	b := host.Bridge{Link: s.link(name, "bridge", 1500), QuerierKnown: true}
	for _, port := range ports {
		kind := "tap"
		switch {
		case strings.HasPrefix(port, "vxlan"):
			kind = "vxlan"
		case strings.HasPrefix(port, "veth"):
			kind = "veth"
		case strings.HasPrefix(port, "bond") && strings.Contains(port, "."):
			kind = "vlan"
		case strings.HasPrefix(port, "eth"):
			kind = ""
		}
		l := s.link(port, kind, 1500)
		l.Master = b.Index
		if kind == "vxlan" {
			l.Tunnel = &host.Tunnel{ID: 100, Port: 4789, Learning: true}
		}
		s.Links[len(s.Links)-1] = l
		b.Ports = append(b.Ports, host.BridgePort{Port: host.Port{Link: l, Bridge: name, Flood: true, McastFlood: true,
			Learning: true},
			Carrier: true, State: host.PortForwarding})
	}
	s.Bridges = append(s.Bridges, b)
	return &s.Bridges[len(s.Bridges)-1]
}

// port returns a port of any bridge.
func (s *scene) port(name string) *host.BridgePort {
	for i := range s.Bridges {
		for j := range s.Bridges[i].Ports {
			if p := &s.Bridges[i].Ports[j]; p.Name == name {
				return p
			}
		}
	}
	panic("no port " + name)
}

// cloud is kvm1 of a healthy zone with security groups: the virtual router on vnet9, a guest on vnet1, another beyond
// vxlan100.
func cloud() *scene {
	s := &scene{}
	eth := s.link("eth0", "", 1550)
	s.bridge("brvx-100", "vnet9", "vnet1", "vxlan100")
	s.port("vnet9").Stations = [][6]byte{vrMAC}
	s.port("vnet1").Stations = [][6]byte{guestMAC}
	p := s.port("vxlan100")
	p.Stations, p.Lower = [][6]byte{remoteMAC}, eth.Index
	p.Floods = []netip.Addr{netip.MustParseAddr("10.0.0.2")}
	p.Tunnel.Remote = p.Floods[0]
	s.CallIP6 = true
	s.Heard = []Heard{{Device: "vnet9", MAC: vrMAC, Address: packet.LinkLocal(vrMAC), Advertises: true}}
	s.Filter = &filter.Ruleset{Chains: securityGroups("vnet1", "i-2-1-VM-6"), Sets: map[string]filter.Set{
		"i-2-1-VM-6": {Type: "hash:net", Family: "inet6", Members: []netip.Prefix{host128(packet.LinkLocal(guestMAC)),
			host128(netip.MustParseAddr("fd17:625c:f037:2:1:ff:fecb:1"))}},
	}}
	s.link("vxlan200", "vxlan", 1500) // not used by guests
	return s
}

func host128(a netip.Addr) netip.Prefix { return netip.PrefixFrom(a, 128) }

// yes makes a rule that matches packets for which is holds.
func yes(text string, act filter.Act, chain string, is func(p *filter.Packet) bool) filter.Rule {
	return filter.Rule{Text: text, Apply: func(p *filter.Packet) (filter.Truth, filter.Act, string) {
		if is(p) {
			return filter.Yes, act, chain
		}
		return filter.No, act, chain
	}}
}

func any(*filter.Packet) bool { return true }

// number gives rules their numbers.
func number(rules ...filter.Rule) []filter.Rule {
	for i := range rules {
		rules[i].Handle = uint64(i + 1)
	}
	return rules
}

// securityGroups are the chains that CloudStack's agent writes for one guest, in short.
func securityGroups(tap, set string) []*filter.Chain {
	out := func(p *filter.Packet) bool { return p.PhysOut == tap }
	in := func(p *filter.Packet) bool { return p.PhysIn == tap }
	members := func(p *filter.Packet) bool { // as the healthy set has them, whatever a test makes of it
		return p.Source == packet.LinkLocal(guestMAC) || p.Source == netip.MustParseAddr("fd17:625c:f037:2:1:ff:fecb:1")
	}
	kinds := func(kinds ...uint8) func(p *filter.Packet) bool {
		return func(p *filter.Packet) bool { return slices.Contains(kinds, p.Type) }
	}
	base := func(name string, rules ...filter.Rule) *filter.Chain {
		return &filter.Chain{Tool: "ip6tables", Family: filter.IPv6, Table: "filter", Name: name, Base: true, Hook: filter.Forward,
			Rules: rules}
	}
	chain := func(name string, rules ...filter.Rule) *filter.Chain {
		return &filter.Chain{Tool: "ip6tables", Family: filter.IPv6, Table: "filter", Name: name, Rules: number(rules...)}
	}
	forward := base("FORWARD", number(
		yes("-i brvx-100 -m physdev --physdev-is-bridged -j BF-brvx-100", filter.Jump, "BF-brvx-100", any),
		yes("-i brvx-100 -j DROP", filter.Drop, "", any))...)
	return []*filter.Chain{forward,
		chain("BF-brvx-100",
			yes("-m state --state RELATED,ESTABLISHED -j ACCEPT", filter.Accept, "", func(p *filter.Packet) bool {
				return p.Track == filter.Related || p.Track == filter.Established
			}),
			yes("-m physdev --physdev-in "+tap+" -j i-2-1-def", filter.Jump, "i-2-1-def", in),
			yes("-m physdev --physdev-out "+tap+" -j i-2-1-def", filter.Jump, "i-2-1-def", out),
			yes("-m physdev --physdev-in vnet9 -j ACCEPT", filter.Accept, "",
				func(p *filter.Packet) bool { return p.PhysIn == "vnet9" }),
			yes("-m physdev --physdev-out vnet9 -j ACCEPT", filter.Accept, "",
				func(p *filter.Packet) bool { return p.PhysOut == "vnet9" }),
			yes("-m physdev --physdev-out vxlan100 -j ACCEPT", filter.Accept, "",
				func(p *filter.Packet) bool { return p.PhysOut == "vxlan100" }),
		),
		chain("i-2-1-def",
			yes("-m physdev --physdev-in "+tap+" -p icmpv6 --icmpv6-type 134 -j DROP", filter.Drop, "", func(p *filter.Packet) bool {
				return in(p) && p.Type == 134
			}),
			yes("-m physdev --physdev-out "+tap+" -j ACCEPT", filter.Accept, "", func(p *filter.Packet) bool {
				return out(p) && kinds(134, 135, 136, 2)(p)
			}),
			yes("-m physdev --physdev-in "+tap+" -p icmpv6 --icmpv6-type 133 -j RETURN", filter.Return, "", kinds(133)),
			yes("-m physdev --physdev-in "+tap+" -p icmpv6 --icmpv6-type 135 -j RETURN", filter.Return, "", kinds(135)),
			yes("-m physdev --physdev-in "+tap+" -p icmpv6 --icmpv6-type 136 -m set --match-set "+set+" src -j RETURN", filter.Return,
				"",
				func(p *filter.Packet) bool { return p.Type == 136 && members(p) }),
			yes("-j DROP", filter.Drop, "", any),
		),
	}
}

// drop puts a rule of an nft bridge chain before all.
func (s *scene) drop(text string, is func(p *filter.Packet) bool) {
	if s.Filter == nil {
		s.Filter = &filter.Ruleset{}
	}
	s.Filter.Chains = append(s.Filter.Chains, &filter.Chain{Tool: "nft", Family: filter.Bridge, Table: "bridge fw",
		Name: "forward", Base: true,
		Hook: filter.Forward, Priority: -200, Rules: []filter.Rule{func() filter.Rule {
			r := yes(text, filter.Drop, "",
				is)
			r.Handle = 7
			return r
		}()}})
}

// told is what a list comes to: its findings above info as "rule@severity subject", one a line.
func told(l checklist.List) string {
	var s strings.Builder
	for _, f := range l.Findings() {
		if f.Severity > rule.Info {
			fmt.Fprintf(&s, "%s@%v\n", f.Rule, f.Severity)
		}
	}
	return s.String()
}

// shown is all of a list, for a failing test.
func shown(l checklist.List) string {
	var s strings.Builder
	for _, line := range l.Lines {
		fmt.Fprintf(&s, "%-8v %-16s %s\n", line.Status, line.Name, line.Text)
		for _, f := range line.Findings {
			fmt.Fprintf(&s, "    %v %s [%s] %s\n      fix: %s\n", f.Severity, f.Rule, f.Subject, f.Detail, f.Fix)
		}
	}
	return s.String()
}

// names of the lines, each once.
func lineNames(l checklist.List) []string {
	var list []string
	for _, line := range l.Lines {
		if !slices.Contains(list, line.Name) {
			list = append(list, line.Name)
		}
	}
	return list
}

func expectation(vni uint32, addresses ...string) *expect.State {
	n := expect.Neighbor{Name: "i-2-1-VM", MAC: expect.MAC(guestMAC)}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, netip.MustParseAddr(a))
	}
	return &expect.State{Links: []*expect.Link{{Name: "network web (Isolated)", VNI: &expect.ID{Number: vni},
		Prefixes: []netip.Prefix{zone},
		Routers:  []expect.Router{{MAC: expect.MAC(vrMAC)}}, Neighbors: []expect.Neighbor{n}}}}
}

func check(t *testing.T, in Input, want ...string) checklist.List {
	t.Helper()
	l := Judge(in)
	if got := told(l); got != strings.Join(append(want, ""), "\n") {
		t.Errorf("told:\n%swant %q\n%s", got, want, shown(l))
	}
	return l
}
