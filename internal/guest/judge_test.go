package guest

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

const (
	ownMAC    = "02:01:00:cb:00:01"
	ownLocal  = "fe80::1:ff:fecb:1"
	ownGlobal = "fd17:625c:f037:2:1:ff:fecb:1"
	ownPrefix = "fd17:625c:f037:2::/64"
	router    = "fe80::1:ff:fecb:fe"
	server    = "2001:db8:80::80"
)

func at(s string) netip.Addr { return netip.MustParseAddr(s) }

func macOf(last byte) packet.MAC { return packet.MAC{2, 1, 0, 0xcb, 0, last} }

// healthyGuest is a guest that has all it needs.
func healthyGuest() Input {
	f := &Facts{
		Interface: Interface{Name: "eth0", Index: 2, MAC: macOf(1), Up: true, Carrier: true, State: "up", Running: true, MTU: 1500,
			Kind: "veth", Multicast: true, Table: 254},
		Settings: &Settings{Conf: host.Conf{AcceptRA: 1, AcceptRADefrtr: 1, AcceptRAPinfo: 1, Autoconf: 1, AcceptDAD: 1, DADTransmits: 1, MTU: 1500},
			AcceptRAMinHopLimit: 1, AcceptRAMTU: 1, HopLimit: 64},
		All: &AllSettings{},
		Addresses: []Address{
			{Prefix: netip.MustParsePrefix(ownLocal + "/64"), Valid: Forever, Preferred: Forever, Permanent: true, Origin: "kernel_ll"},
			{Prefix: netip.MustParsePrefix(ownGlobal + "/64"), Valid: 86399e9, Preferred: 14399e9, ManageTemp: true, Origin: "kernel_ra"},
		},
		Routes:    []Route{{Gateway: at(router), Device: "eth0", Index: 2, Table: 254, Metric: 1024, Protocol: "ra", FromRA: true, Expires: 44e9}},
		Neighbors: []Neighbor{{Address: at(router), MAC: macOf(0xfe), State: "reachable", Router: true}},
		World:     &host.Way{Device: "eth0", Index: 2, Gateway: at(router)},
	}
	return Input{
		Facts: f,
		State: slaac.State{
			MAC: macOf(1), Advertisements: 1, LinkMTU: 1500, Present: true,
			LinkLocal: slaac.Address{Address: at(ownLocal), State: slaac.Preferred, Valid: Forever, Preferred: Forever},
			Addresses: []slaac.Address{{Address: at(ownGlobal), Prefix: netip.MustParsePrefix(ownPrefix), State: slaac.Preferred,
				Valid: 86400e9, Preferred: 14400e9, Router: at(router)}},
			Routers:  []slaac.Router{{Address: at(router), MAC: macOf(0xfe), Left: 45e9, WasDefault: true, Count: 1}},
			DNS:      []slaac.Server{{Address: at(server), Router: at(router), Left: 30e9}},
			HopLimit: slaac.HopLimit{Value: 64},
		},
		Heard: Heard{Listened: 1100e6, Solicitations: 1, Answered: true, Alone: true, After: 2e5, Advertisements: 1,
			Routers: []Advertiser{{Address: at(router), MAC: macOf(0xfe), Lifetime: 45e9}}},
		Probes: Probes{
			Gateways: []Gateway{{Address: at(router), Status: Answered, Group: Answered, MAC: macOf(0xfe), Time: 1e5, Asked: 1}},
			DNS:      []DNS{{Server: at(server), Status: Answered, Rcode: "NOERROR", Time: 1e6, Asked: 1}},
			Target:   &Target{Address: at(server), Source: at(ownGlobal), Status: Answered, Asked: 3, Replies: 3, Time: 1e6},
		},
		Target: server,
		Path:   &Path{Text: "1500 bytes"},
	}
}

// bare takes from a guest what an advertisement gave it, as after its link was set down and up.
func bare(in *Input) {
	in.Facts.Addresses = in.Facts.Addresses[:1]
	in.Facts.Routes, in.Facts.Neighbors, in.Facts.World, in.Facts.NoWorld = nil, nil, nil, "no route to 2000::1"
	in.Probes, in.Path = Probes{}, nil
}

// unasked takes away what lies behind the router.
func unasked(in *Input) {
	in.Probes.DNS, in.Probes.Target, in.Path = nil, nil, nil
}

// quiet takes away all that was heard.
func quiet(in *Input) {
	in.State = slaac.State{MAC: macOf(1), LinkLocal: in.State.LinkLocal, HopLimit: in.State.HopLimit}
	in.Heard = Heard{Listened: 20e9, Solicitations: 3, Findings: []rule.Finding{
		{Rule: "ra.absent", Severity: rule.Error}, {Rule: "rs.unanswered", Severity: rule.Warning}}}
}

// byHand gives it an address and a route that no advertisement gives.
func byHand(in *Input) {
	in.Facts.Addresses = append(in.Facts.Addresses[:1:1], Address{Prefix: netip.MustParsePrefix("2001:db8:7::7/64"), Valid: Forever,
		Preferred: Forever, Permanent: true})
	in.Facts.Routes = []Route{{Gateway: at("2001:db8:7::1"), Device: "eth0", Index: 2, Table: 254, Protocol: "static", Expires: Forever}}
	in.Facts.World = &host.Way{Device: "eth0", Index: 2, Gateway: at("2001:db8:7::1")}
	in.Probes.Gateways = []Gateway{{Address: at("2001:db8:7::1"), Status: Answered, Group: Answered, Asked: 1}}
}

func onWire(id rule.ID) func(*Input) {
	return func(in *Input) {
		r, _ := rule.Lookup(id)
		in.Heard.Findings = append(in.Heard.Findings, rule.Finding{Rule: id, Severity: r.Severity, Source: at(router), Detail: "as was seen"})
	}
}

// noPrefix is apache/cloudstack#13121.
func noPrefix(in *Input) {
	in.State.Addresses = nil
	onWire("ra.no-address-source")(in)
	if len(in.Facts.Addresses) > 1 {
		in.Facts.Addresses = in.Facts.Addresses[:1]
	}
	unasked(in)
}

func settings(change func(*Settings)) func(*Input) {
	return func(in *Input) { bare(in); change(in.Facts.Settings) }
}

// tellings lists the findings as "rule" for an error, "rule (warning)" and "rule (info)", and those in the order of the lines.
func tellings(l checklist.List) []string {
	var list []string
	for _, f := range l.Findings() {
		s := string(f.Rule)
		if f.Severity != rule.Error {
			s += " (" + f.Severity.String() + ")"
		}
		list = append(list, s)
	}
	return list
}

func all(changes ...func(*Input)) func(*Input) {
	return func(in *Input) {
		for _, c := range changes {
			c(in)
		}
	}
}

// faults has each fault of a guest, with all that may be told of it.
var faults = []struct {
	name   string
	change func(*Input)
	want   []string
	broken string // how the verdict begins
}{
	{"down", all(bare, quiet, func(in *Input) {
		in.Facts.Addresses = nil
		in.Facts.Interface.Up, in.Facts.Interface.Carrier, in.Facts.Interface.Running = false, false, false
		in.Heard = Heard{}
	}), []string{"guest.interface-down"}, "eth0 cannot use IPv6"},
	{"no carrier", all(bare, quiet, func(in *Input) {
		in.Facts.Interface.Carrier, in.Facts.Interface.Running, in.Facts.Addresses, in.Heard = false, false, nil, Heard{}
	}), []string{"guest.interface-down"}, "eth0 cannot use IPv6"},
	{"MTU", all(bare, quiet, func(in *Input) {
		in.Facts.Interface.MTU, in.Facts.Settings, in.Facts.Addresses, in.Heard = 1200, nil, nil, Heard{}
	}), []string{"guest.mtu-below-1280"}, "eth0 cannot use IPv6"},
	{"IPv6 off", all(bare, func(in *Input) {
		in.Facts.Settings.DisableIPv6, in.Facts.Addresses = 1, nil
	}), []string{"guest.ipv6-disabled"}, "eth0 cannot use IPv6"},
	{"IPv6 off, and nobody heard", all(bare, quiet, func(in *Input) {
		in.Facts.Settings.DisableIPv6, in.Facts.Addresses, in.Heard.Solicitations = 1, nil, 0
	}), []string{"guest.ipv6-disabled"}, "eth0 cannot use IPv6"},
	{"no IPv6 in the kernel", all(bare, quiet, func(in *Input) {
		in.Facts.IPv6, in.Facts.Settings, in.Facts.Addresses, in.Heard.Solicitations = IPv6Disabled, nil, nil, 0
	}), []string{"guest.ipv6-disabled"}, "eth0 cannot use IPv6"},
	{"no link-local", all(quiet, bare, func(in *Input) {
		in.Facts.Settings.AddrGenMode, in.Facts.Addresses, in.Heard.Solicitations = 1, nil, 0
	}), []string{"guest.no-link-local"}, "eth0 has no global address"},
	{"no link-local, but an advertisement", func(in *Input) {
		in.Facts.Settings.AddrGenMode, in.Facts.Addresses, in.Heard.Solicitations = 1, in.Facts.Addresses[1:], 0
		in.Probes.Gateways, in.Probes.Failed = nil, []Failure{{Probe: ProbeGateway, Why: "no link-local address"}}
	}, []string{"guest.no-link-local"}, "eth0 has " + ownGlobal + " and a default route, but something is wrong"},
	{"link-local is a duplicate", all(bare, func(in *Input) {
		in.Facts.Addresses[0].Failed, in.Facts.Addresses[0].Tentative, in.Heard.Solicitations = true, true, 0
		in.Facts.Addresses = append(in.Facts.Addresses, Address{Prefix: netip.MustParsePrefix(ownGlobal + "/64"), Tentative: true, Failed: true})
		in.Heard.Findings = []rule.Finding{{Rule: "dad.conflict", Severity: rule.Error, Source: at(ownLocal)},
			{Rule: "dad.conflict", Severity: rule.Error, Source: at(ownGlobal)}}
	}), []string{"guest.dad-failed"}, "eth0 has no global address"},
	{"address is a duplicate", all(func(in *Input) {
		in.Facts.Addresses[1].Failed, in.Facts.Addresses[1].Tentative = true, true
		in.Heard.Findings = []rule.Finding{{Rule: "dad.conflict", Severity: rule.Error, Source: at(ownGlobal)}}
	}, unasked), []string{"guest.dad-failed"}, "eth0 has no global address"},
	{"another claims it", func(in *Input) {
		in.Heard.Findings = []rule.Finding{{Rule: "dad.conflict", Severity: rule.Error, Source: at(ownGlobal)}}
	}, []string{"dad.conflict"}, "eth0 has " + ownGlobal},
	{"nobody advertises", all(bare, quiet), []string{"ra.absent"}, "eth0 has no global address"},
	{"nobody advertises any more", func(in *Input) { quiet(in); in.Probes.DNS = nil }, []string{"ra.absent"}, "eth0 has " + ownGlobal},
	{"to others alone", all(bare, func(in *Input) {
		in.State.Advertisements, in.State.Addresses, in.State.Routers, in.State.DNS, in.State.Unheard = 0, nil, nil, nil, 2
		in.Heard.Advertisements, in.Heard.Answered = 2, false
	}), []string{"ra.absent"}, "eth0 has no global address"},
	{"receivers drop it", all(bare, onWire("nd.hop-limit"), func(in *Input) {
		in.State.Dropped, in.State.Addresses, in.State.Routers, in.State.DNS = 1, nil, nil, nil
	}), []string{"nd.hop-limit"}, "eth0 has no global address"},
	{"solicitations are not answered", func(in *Input) { in.Heard.Answered, in.Heard.Solicitations, in.Heard.Missed = false, 3, 2 },
		[]string{"ra.solicit-unanswered (warning)"}, ""},
	{"no prefix", noPrefix, []string{"ra.no-address-source"}, "eth0 has no global address"},
	{"a prefix that is no /64", all(noPrefix, onWire("pio.not-64"), func(in *Input) {
		in.State.Refused = []slaac.Refusal{{Prefix: netip.MustParsePrefix("fd17:625c:f037:2::/56"), Reason: slaac.NotSixtyFour, Router: at(router)}}
	}), []string{"pio.not-64"}, "eth0 has no global address"},
	{"another prefix than expected", all(onWire("ra.unknown-prefix"), onWire("expect.prefix-missing"), func(in *Input) {
		in.Expect = expectation("2001:db8:55:0:1:ff:fecb:1")
	}), []string{"ra.unknown-prefix", "expect.prefix-missing"}, "eth0 has " + ownGlobal},
	{"accept_ra=0", settings(func(s *Settings) { s.AcceptRA = 0 }), []string{"guest.accept-ra-off"}, "eth0 has no global address"},
	{"accept_ra=0 on a guest that was up", func(in *Input) { in.Facts.Settings.AcceptRA = 0 }, []string{"guest.accept-ra-off"}, "eth0 has " + ownGlobal},
	{"forwarding", settings(func(s *Settings) { s.Forwarding = 1 }), []string{"guest.accept-ra-forwarding"}, "eth0 has no global address"},
	{"pinfo", all(settings(func(s *Settings) { s.AcceptRAPinfo = 0 }), withRoute), []string{"guest.accept-ra-pinfo-off"}, "eth0 has no global address"},
	{"autoconf", all(settings(func(s *Settings) { s.Autoconf = 0 }), withRoute), []string{"guest.autoconf-off"}, "eth0 has no global address"},
	{"defrtr", func(in *Input) {
		global := in.Facts.Addresses
		settings(func(s *Settings) { s.AcceptRADefrtr = 0 })(in)
		in.Facts.Addresses = global
	}, []string{"guest.accept-ra-defrtr-off"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"hop limit", func(in *Input) {
		in.Facts.Settings.AcceptRAMinHopLimit, in.State.HopLimit.Refused = 65, 64
	}, []string{"guest.hop-limit-refused (warning)"}, ""},
	{"MTU ignored", func(in *Input) {
		in.Facts.Settings.AcceptRAMTU, in.State.MTU = 0, slaac.MTU{Refused: 1450, Reason: slaac.MTUOff}
	}, []string{"guest.ra-mtu-ignored (warning)"}, ""},
	{"address missing", bare, []string{"guest.address-missing"}, "eth0 has no global address"},
	{"one address missing", func(in *Input) {
		in.State.Addresses = append(in.State.Addresses, slaac.Address{Address: at("2001:db8:9:0:1:ff:fecb:1"), Valid: 60e9,
			Prefix: netip.MustParsePrefix("2001:db8:9::/64"), Router: at(router)})
	}, []string{"guest.address-missing"}, "eth0 has " + ownGlobal},
	{"this kernel drops it", all(bare, func(in *Input) {
		in.Drops = &Drops{Text: "dropped", Findings: []rule.Finding{{Rule: "drop.filter-input", Severity: rule.Error}}}
	}), []string{"drop.filter-input"}, "eth0 has no global address"},
	{"not the expected address", func(in *Input) {
		in.Facts.Addresses[1].Prefix = netip.MustParsePrefix("fd17:625c:f037:2:aaaa:bbbb:cccc:dddd/64")
		in.Facts.Addresses[1].StablePrivacy, in.Facts.Settings.AddrGenMode = true, 3
		in.Expect = expectation(ownGlobal)
	}, []string{"guest.not-eui64"}, "eth0 has fd17:625c:f037:2:aaaa:bbbb:cccc:dddd"},
	// Security groups drop what it sends: whether the server is there cannot be told.
	{"not the expected address, and no answer", func(in *Input) {
		in.Facts.Addresses[1].Prefix = netip.MustParsePrefix("fd17:625c:f037:2:aaaa:bbbb:cccc:dddd/64")
		in.Expect = expectation(ownGlobal)
		in.Probes.DNS[0].Status, in.Probes.Target.Status, in.Probes.Target.Replies, in.Path = Silent, Silent, 0, nil
	}, []string{"guest.not-eui64"}, "eth0 has fd17:625c:f037:2:aaaa:bbbb:cccc:dddd"},
	{"no router", func(in *Input) {
		in.State.Routers = []slaac.Router{{Address: at(router), Count: 1}}
		noWay(in)
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a goodbye", func(in *Input) {
		in.State.Routers = []slaac.Router{{Address: at(router), Count: 1, WasDefault: true, Farewell: true}}
		noWay(in)
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a route that was taken away", noWay, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a route that refuses", func(in *Input) {
		noWay(in)
		in.Facts.Routes = []Route{{Device: "lo", Index: 1, Refusing: "unreachable", Expires: Forever}}
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a route that refuses comes before", func(in *Input) {
		in.Facts.Routes = append([]Route{{Device: "lo", Index: 1, Table: 254, Metric: 10, Refusing: "blackhole", Expires: Forever}}, in.Facts.Routes...)
		in.Facts.World, in.Facts.NoWorld, in.Facts.Refused = nil, "2000::1: a route of this host says blackhole", "blackhole"
		unasked(in)
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a rule that refuses", func(in *Input) {
		in.Facts.World, in.Facts.NoWorld, in.Facts.Refused = nil, "2000::1: a route of this host says prohibit", "prohibit"
		unasked(in)
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"lifetimes that are too short", func(in *Input) {
		bare(in)
		in.Facts.Settings.AcceptRAMinLft = 100000
	}, []string{"guest.address-missing"}, "eth0 has no global address"},
	{"a router lifetime that is too short", func(in *Input) {
		noWay(in)
		in.Facts.Settings.AcceptRAMinLft = 100
	}, []string{"guest.no-default-route"}, "eth0 has " + ownGlobal + ", but no default route"},
	{"a route that is not renewed", func(in *Input) { in.Facts.Routes[0].Expires = 20e9 }, []string{"guest.no-default-route (warning)"}, ""},
	{"a router that is silent, and the host goes by it", func(in *Input) {
		in.Facts.Routes = append([]Route{{Gateway: at("fe80::99"), Device: "eth0", Index: 2, Table: 254, Metric: 10, Protocol: "static",
			Expires: Forever}}, in.Facts.Routes...)
		in.Probes.Gateways = append([]Gateway{{Address: at("fe80::99"), Status: Silent, Group: Silent, Asked: 5}}, in.Probes.Gateways...)
		e := Error{Type: icmp6.TypeDestinationUnreachable, Code: 3, From: at(ownGlobal), Local: true, Count: 1}
		in.Probes.DNS[0] = DNS{Server: at(server), Status: Refused, Asked: 1, Error: &e}
	}, []string{"guest.gateway-unreachable"}, "eth0 has " + ownGlobal + ", but its router does not answer"},
	{"the router is silent", func(in *Input) {
		in.Probes.Gateways[0] = Gateway{Address: at(router), Status: Silent, Group: Silent, Unicast: Silent, Asked: 5}
		unasked(in)
	}, []string{"guest.gateway-unreachable"}, "eth0 has " + ownGlobal + ", but its router does not answer"},
	{"the router is silent, and was asked through", func(in *Input) {
		in.Probes.Gateways[0] = Gateway{Address: at(router), Status: Silent, Group: Silent, Asked: 5}
		in.Probes.DNS[0].Status, in.Probes.Target.Status, in.Probes.Target.Replies, in.Path = Silent, Silent, 0, nil
	}, []string{"guest.gateway-unreachable"}, ""},
	{"its group is lost", func(in *Input) {
		in.Probes.Gateways[0] = Gateway{Address: at(router), Status: Answered, Group: Silent, Unicast: Answered, Asked: 2}
	}, []string{"guest.gateway-unreachable (warning)"}, ""},
	{"a filter of this host", func(in *Input) {
		in.Probes.Gateways[0] = Gateway{Address: at(router), Status: Refused, Why: whyFiltered}
		unasked(in)
	}, []string{"guest.gateway-unreachable"}, ""},
	{"DNS", func(in *Input) { in.Probes.DNS[0] = DNS{Server: at(server), Status: Silent, Asked: 2} }, []string{"guest.dns-silent"},
		"eth0 has " + ownGlobal + " and a default route, but its DNS fails"},
	{"DNS, nobody listens", func(in *Input) {
		in.Probes.DNS[0] = DNS{Server: at(server), Status: Refused, Asked: 1, Error: &Error{Type: icmp6.TypeDestinationUnreachable, Code: 4, From: at(server)}}
	}, []string{"guest.dns-silent"}, ""},
	{"DNS, without a target", func(in *Input) {
		in.Probes.DNS[0] = DNS{Server: at(server), Status: Silent, Asked: 2}
		in.Target, in.Probes.Target, in.Path = "", nil, nil
	}, []string{"guest.dns-silent"}, ""},
	{"one of two servers", func(in *Input) {
		in.Probes.DNS = append(in.Probes.DNS, DNS{Server: at("2001:db8::2"), Status: Silent, Asked: 2})
	}, []string{"guest.dns-silent (warning)"}, ""},
	{"no DHCPv6", func(in *Input) { in.State.Managed, in.Probes.DHCPv6 = true, &DHCPv6{Asked: 2} }, []string{"ra.managed-no-server (warning)"}, ""},
	{"a DHCPv6 server, and no client", func(in *Input) {
		bare(in)
		in.State.Managed, in.State.Addresses = true, nil
		in.Probes.DHCPv6 = &DHCPv6{Asked: 1, Servers: []Server{{Address: at(router)}}}
		withRoute(in)
	}, []string{"guest.address-missing"}, "eth0 has no global address"},
	{"nothing beyond the router", func(in *Input) {
		in.Probes.DNS[0] = DNS{Server: at(server), Status: Silent, Asked: 2}
		in.Probes.Target.Status, in.Probes.Target.Replies, in.Path = Silent, 0, nil
	}, []string{"guest.target-silent"}, "eth0 has " + ownGlobal + " and a default route, but not all gets through"},
	{"the target alone", func(in *Input) { in.Probes.Target.Status, in.Probes.Target.Replies, in.Path = Silent, 0, nil },
		[]string{"guest.target-silent"}, ""},
	{"no route on the way", func(in *Input) {
		e := Error{Type: icmp6.TypeDestinationUnreachable, From: at("fd17:625c:f037:2::1"), Count: 3}
		in.Probes.DNS[0] = DNS{Server: at(server), Status: Refused, Asked: 1, Error: &e}
		in.Probes.Target.Status, in.Probes.Target.Replies, in.Probes.Target.Errors, in.Path = Refused, 0, []Error{e}, nil
	}, []string{"unreach.no-route"}, "eth0 has " + ownGlobal + " and a default route, but not all gets through"},
	{"a black hole", func(in *Input) {
		in.Path = &Path{Text: "at least 1280 bytes", Findings: []rule.Finding{{Rule: "pmtu.black-hole", Severity: rule.Error}}}
	}, []string{"pmtu.black-hole"}, "eth0 has " + ownGlobal + " and a default route, but not all gets through"},
	{"an option", onWire("rdnss.length"), []string{"rdnss.length"}, "eth0 has " + ownGlobal + " and a default route, but something is wrong"},
}

func withRoute(in *Input) {
	h := healthyGuest()
	in.Facts.Routes, in.Facts.World, in.Probes.Gateways = h.Facts.Routes, h.Facts.World, h.Probes.Gateways
}

func noWay(in *Input) {
	in.Facts.Routes, in.Facts.World, in.Facts.NoWorld, in.Probes, in.Path = nil, nil, "no route to 2000::1", Probes{}, nil
}

func expectation(addresses ...string) *expect.State {
	n := expect.Neighbor{Name: "vm", MAC: expect.MAC(macOf(1)), Place: rule.Place{File: "vm.json", Line: 7}}
	for _, a := range addresses {
		n.Addresses = append(n.Addresses, at(a))
	}
	return &expect.State{Links: []*expect.Link{{Name: "net", Neighbors: []expect.Neighbor{n}}}}
}

// TestFaults: each fault is told, at its line, and nothing else is.
func TestFaults(t *testing.T) {
	for _, tt := range faults {
		t.Run(tt.name, func(t *testing.T) {
			in := healthyGuest()
			tt.change(&in)
			l := Judge(in)
			if got := tellings(l); !slices.Equal(got, tt.want) {
				t.Errorf("told %v, want %v\n%s", got, tt.want, shown(l))
			}
			if !strings.HasPrefix(l.Broken, tt.broken) {
				t.Errorf("%q does not begin with %q", l.Broken, tt.broken)
			}
			inOrder(t, l)
		})
	}
}

// TestEveryRule: the faults have every rule about a guest.
func TestEveryRule(t *testing.T) {
	var seen []string
	for _, tt := range faults {
		for _, w := range tt.want {
			id, _, _ := strings.Cut(w, " ")
			seen = append(seen, id)
		}
	}
	for _, r := range rule.All() {
		if strings.HasPrefix(string(r.ID), "guest.") && r.ID != "guest.ra-client" && !slices.Contains(seen, string(r.ID)) {
			t.Errorf("no fault has %s", r.ID)
		}
	}
}

// TestPairs: of two faults both are told, the one to mend first first.
func TestPairs(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*Input)
		want   []string
	}{
		{"no prefix, and accept_ra=0", all(settings(func(s *Settings) { s.AcceptRA = 0 }), noPrefix), []string{"ra.no-address-source", "guest.accept-ra-off"}},
		{"nobody advertises, and forwarding", all(settings(func(s *Settings) { s.Forwarding = 1 }), quiet, func(in *Input) { in.Heard.Solicitations = 0 }),
			[]string{"ra.absent", "guest.accept-ra-forwarding"}},
		{"router lifetime 0, and autoconf=0", all(settings(func(s *Settings) { s.Autoconf = 0 }), func(in *Input) {
			in.State.Routers = []slaac.Router{{Address: at(router), Count: 1}}
		}), []string{"guest.autoconf-off", "guest.no-default-route"}},
		{"router lifetime 0, and accept_ra=0", all(settings(func(s *Settings) { s.AcceptRA = 0 }), func(in *Input) {
			in.State.Routers = []slaac.Router{{Address: at(router), Count: 1}}
		}), []string{"guest.accept-ra-off", "guest.no-default-route"}},
		{"accept_ra=0 and autoconf=0", settings(func(s *Settings) { s.AcceptRA, s.Autoconf = 0, 0 }), []string{"guest.accept-ra-off", "guest.autoconf-off"}},
		{"IPv6 off, and no prefix", all(bare, noPrefix, func(in *Input) { in.Facts.Settings.DisableIPv6, in.Facts.Addresses = 1, nil }),
			[]string{"guest.ipv6-disabled", "ra.no-address-source"}},
		{"another address, and DNS", func(in *Input) {
			in.Facts.Addresses[1].Prefix = netip.MustParsePrefix("fd17:625c:f037:2::99/64")
			in.Expect, in.Probes.DNS[0].Status = expectation(ownGlobal), Silent
		}, []string{"guest.not-eui64", "guest.dns-silent"}},
		{"DNS, and a black hole", func(in *Input) {
			in.Probes.DNS[0].Status = Silent
			in.Path = &Path{Findings: []rule.Finding{{Rule: "pmtu.black-hole", Severity: rule.Error}}}
		}, []string{"guest.dns-silent", "pmtu.black-hole"}},
		{"down, and accept_ra=0", all(bare, quiet, func(in *Input) {
			in.Facts.Interface.Up, in.Facts.Interface.Carrier, in.Heard = false, false, Heard{}
			in.Facts.Settings.AcceptRA, in.Facts.Addresses = 0, nil
		}), []string{"guest.interface-down", "guest.accept-ra-off"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := healthyGuest()
			tt.change(&in)
			l := Judge(in)
			if got := tellings(l); !slices.Equal(got, tt.want) {
				t.Errorf("told %v, want %v\n%s", got, tt.want, shown(l))
			}
		})
	}
}

// TestHealthyLines: of a healthy guest every line is ok.
func TestHealthyLines(t *testing.T) {
	l := Judge(healthyGuest())
	for _, line := range l.Lines {
		if line.Status != checklist.OK {
			t.Errorf("%s is %v: %s", line.Name, line.Status, line.Text)
		}
	}
	if want := "eth0 has " + ownGlobal + " and a default route by " + router + "."; l.Healthy != want {
		t.Errorf("%q, want %q", l.Healthy, want)
	}
}

// TestExpectedPlace: an address that is not the expected one is told with the place of that.
func TestExpectedPlace(t *testing.T) {
	in := healthyGuest()
	in.Expect = expectation("2001:db8::1")
	l := Judge(in)
	f, ok := l.First()
	if !ok || f.Rule != "guest.not-eui64" || f.Expected.Line != 7 || !strings.Contains(f.Detail, "expected 2001:db8::1") {
		t.Errorf("%+v", f)
	}
}

// TestFixNamesTheInterface: what is told to type can be typed.
func TestFixNamesTheInterface(t *testing.T) {
	for _, tt := range faults {
		in := healthyGuest()
		tt.change(&in)
		l := Judge(in)
		for _, f := range l.Findings() {
			if strings.HasPrefix(string(f.Rule), "guest.") && strings.Contains(f.Fix, "DEV") {
				t.Errorf("%s: the fix of %s names no interface: %s", tt.name, f.Rule, f.Fix)
			}
		}
	}
}

// inOrder wants the lines in their order, and a finding for each that failed.
func inOrder(t *testing.T, l checklist.List) {
	t.Helper()
	order := []string{lineLink, lineIPv6, lineLocal, lineSolicit, lineHeard, lineSettings, lineAddress, lineTest, lineIdent, lineRoute, lineGateway,
		lineDNS, lineDHCP, lineTarget, linePath, lineDrops}
	last := -1
	for _, line := range l.Lines {
		i := slices.Index(order, line.Name)
		if i < last || i < 0 {
			t.Errorf("line %q is out of order", line.Name)
		}
		last = i
		if line.Text == "" {
			t.Errorf("line %q says nothing", line.Name)
		}
		if line.Status == checklist.Fail && len(line.Findings) == 0 {
			t.Errorf("line %q failed without a finding", line.Name)
		}
	}
}

func shown(l checklist.List) string {
	var b strings.Builder
	for _, line := range l.Lines {
		fmt.Fprintf(&b, "  %-8v %-15s %s\n", line.Status, line.Name, line.Text)
	}
	return b.String()
}

// TestAnyTwo puts any two faults together, whether that can be or not: the judge keeps to its form, and tells an error where there
// is one.
func TestAnyTwo(t *testing.T) {
	for _, a := range faults {
		for _, b := range faults {
			in := healthyGuest()
			in.Facts.Addresses = slices.Clone(in.Facts.Addresses)
			func() {
				defer func() {
					if recover() != nil {
						in = healthyGuest() // b changes what a has taken away
						a.change(&in)
					}
				}()
				a.change(&in)
				b.change(&in)
			}()
			inOrder(t, Judge(in))
			in.Facts = nil
			inOrder(t, Judge(in))
		}
	}
}

// TestKnobs: the model is held to what the host refuses, and not to what keeps it from all.
func TestKnobs(t *testing.T) {
	in := healthyGuest()
	in.Facts.Settings.AcceptRA, in.Facts.Settings.AcceptRAMinHopLimit, in.Facts.Settings.AcceptRAMTU = 0, 70, 0
	k := in.Facts.Knobs()
	want := slaac.Defaults()
	want.AcceptRAMinHopLimit, want.AcceptRAMTU = 70, false
	if k != want {
		t.Errorf("%+v, want %+v", k, want)
	}
	in.Facts.Settings.AcceptRAMinHopLimit, in.Facts.Settings.AcceptRAMTU = Unset, Unset
	if k := in.Facts.Knobs(); k != slaac.Defaults() {
		t.Errorf("on an old kernel: %+v", k)
	}
}
