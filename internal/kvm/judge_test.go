package kvm

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

func TestHealthy(t *testing.T) {
	l := check(t, cloud().Input)
	want := []string{"bridges", "taps", "VXLAN", "underlay", "flooding", "multicast", "filter", "security group",
		"rogue routers"}
	if got := lineNames(l); !slices.Equal(got, want) {
		t.Errorf("lines %q", got)
	}
	for _, line := range l.Lines {
		if line.Status != checklist.OK {
			t.Errorf("%s: %v: %s", line.Name, line.Status, line.Text)
		}
	}
	s := cloud()
	s.Expect = expectation(100, "fd17:625c:f037:2:1:ff:fecb:1")
	check(t, s.Input)
}

// TestFaults breaks one thing after the other.
func TestFaults(t *testing.T) {
	of := func(kind uint8) func(p *filter.Packet) bool {
		return func(p *filter.Packet) bool { return p.Type == kind }
	}
	for _, c := range []struct {
		name  string
		fault func(s *scene)
		want  string // rule@severity
		says  string // in the detail
	}{
		{"bridge down", func(s *scene) { s.Bridges[0].Up = false }, "kvm.bridge-down@error",
			"bridge brvx-100 is down, with vnet9 and vnet1 on it"},
		{"tap down", func(s *scene) { s.port("vnet1").Up = false }, "kvm.bridge-down@error",
			"vnet1, a guest's port on bridge brvx-100, is down"},
		{"tap blocked", func(s *scene) { s.port("vnet1").State = host.PortBlocking }, "kvm.bridge-down@error", "is blocking"},
		{"VXLAN down", func(s *scene) { s.port("vxlan100").Up = false }, "kvm.bridge-down@error",
			"vxlan100, the tunnel to other hosts"},
		{"underlay down", func(s *scene) {
			s.Links[0].Up = false
			s.Strays = []Stray{{"vxlan100", netip.MustParseAddr("10.0.0.2"), "no route"}}
		}, "kvm.bridge-down@error", "eth0, which carries vxlan100, is down"},
		{"multicast off", func(s *scene) { s.port("vnet1").McastFlood = false }, "kvm.lost@error", "mcast_flood is off on vnet1"},
		{"isolated", func(s *scene) { s.port("vnet1").Isolated, s.port("vxlan100").Isolated = true, true }, "kvm.lost@error",
			"both isolated"},
		{"isolated from the router", func(s *scene) { s.port("vnet1").Isolated, s.port("vnet9").Isolated = true, true },
			"kvm.lost@error",
			"vnet1 and vnet9 are both isolated"},
		{"no route to another host", func(s *scene) {
			s.Strays = []Stray{{"vxlan7", netip.MustParseAddr("10.0.0.7"), "no route to 10.0.0.7"}, {"vxlan100",
				netip.MustParseAddr("10.0.0.2"), "no route to 10.0.0.2"}}
		}, "kvm.vxlan-no-flood@error", "vxlan100 is to send to 10.0.0.2 what is for all, and does not get it there: no route " +
			"to 10.0.0.2"},
		{"address that is not here", func(s *scene) {
			s.Strays = []Stray{{Device: "vxlan100",
				Why: "it sends from 10.0.0.1, which"}}
		},
			"kvm.vxlan-no-flood@error", "vxlan100 sends nothing: it sends from 10.0.0.1"},
		{"tunnel too narrow", func(s *scene) {
			s.Fits = []rule.Finding{{Rule: "pmtu.tunnel-mtu", Severity: rule.Error, Subject: "vxlan100"}}
		}, "pmtu.tunnel-mtu@error", ""},
		{"guest too wide", func(s *scene) {
			s.Fits = []rule.Finding{{Rule: "pmtu.bridge-port-mtu", Severity: rule.Error, Subject: "brvx-100"}}
			s.port("vxlan100").MTU = 1450
		}, "pmtu.bridge-port-mtu@error", ""},
		{"flooding", func(s *scene) { s.port("vxlan100").Floods = nil }, "kvm.vxlan-no-flood@error",
			"what vnet9 and vnet1 send to all stays"},
		{"flooding off", func(s *scene) { s.port("vxlan100").McastFlood = false }, "kvm.vxlan-no-flood@error",
			"mcast_flood is off on vxlan100"},
		{"port", func(s *scene) {
			s.Underlay = []VXLANSeen{{"eth0", 100, 8472, netip.MustParseAddr("10.0.0.2"), 3}, {"eth0", 100, 4789,
				netip.MustParseAddr("10.0.0.3"), 3}}
		}, "kvm.vxlan-port@error", "10.0.0.2 sends VNI 100 to UDP port 8472 (3 packets by eth0), and vxlan100 takes port 4789"},
		{"VNI by name", func(s *scene) { s.port("vxlan100").Tunnel.ID = 101 }, "kvm.vxlan-vni@error",
			"by its name the bridge is that of VNI 100"},
		{"VNI by expectation", func(s *scene) { s.Expect = expectation(4711) }, "kvm.vxlan-vni@error",
			"network web (Isolated), to which"},
		{"set member", func(s *scene) {
			set := s.Filter.Sets["i-2-1-VM-6"]
			set.Members = []netip.Prefix{netip.MustParsePrefix("fe80::dead/128")}
			s.Filter.Sets["i-2-1-VM-6"] = set
			s.drop("-m set ! --match-set i-2-1-VM-6 src -j DROP", func(p *filter.Packet) bool {
				return p.PhysIn == "vnet1" &&
					p.Type == 136
			})
		}, "kvm.set-member@error", "fe80::1:ff:fecb:1 of the machine on vnet1 (02:01:00:cb:00:01) is not in set i-2-1-VM-6"},
		{"set member expected", func(s *scene) { s.Expect = expectation(100, "fd17:625c:f037:2::99") }, "kvm.set-member@error",
			"fd17:625c:f037:2::99"},
		{"set member, by the prefix of others", func(s *scene) {
			b := &s.Bridges[0]
			p := b.Ports[1]
			p.Link, p.Stations = s.link("vnet2", "tap", 1500), [][6]byte{remoteMAC}
			b.Ports = append(b.Ports, p)
			s.Filter.Chains = append(s.Filter.Chains, securityGroups("vnet2", "i-2-2-VM-6")[2])
			s.Filter.Chains[3].Name = "i-2-2-def"
			s.Filter.Chains[1].Rules = number(slices.Insert(s.Filter.Chains[1].Rules, 1,
				yes("-m physdev --physdev-in vnet2 -j i-2-2-def", filter.Drop, "",
					func(p *filter.Packet) bool { return p.PhysIn == "vnet2" && p.Type == 134 }),
				yes("-m physdev --physdev-out vnet2 -j ACCEPT", filter.Accept, "",
					func(p *filter.Packet) bool { return p.PhysOut == "vnet2" }))...)
			s.Filter.Sets["i-2-2-VM-6"] = filter.Set{Type: "hash:net", Family: "inet6",
				Members: []netip.Prefix{host128(packet.LinkLocal(remoteMAC))}}
		}, "kvm.set-member@error", "fd17:625c:f037:2:1:ff:fecb:2 of the machine on vnet2"},
		{"set family", func(s *scene) { s.Filter.Sets["i-2-1-VM-6"] = filter.Set{Type: "hash:net", Family: "inet"} },
			"kvm.set-family@error", "is one of IPv4"},
		{"set family, asked by no rule", func(s *scene) {
			s.Filter.Sets["i-2-1-VM-6"] = filter.Set{Type: "hash:net", Family: "inet"}
			def := s.Filter.Chains[2]
			def.Rules = number(slices.Delete(def.Rules, 4, 5)...)
		}, "kvm.set-family@error", "is one of IPv4"},
		{"RA", func(s *scene) { s.drop("icmpv6 type nd-router-advert drop", of(134)) }, "filter.router-advertisement@error",
			"nft chain bridge fw forward, handle 7 (`icmpv6 type nd-router-advert drop`) drops Router Advertisements to and from " +
				"the machines on vnet9 and vnet1"},
		{"RA to one host", func(s *scene) {
			s.drop("ip6 daddr != ff02::1 drop", func(p *filter.Packet) bool { return p.Type == 134 && !p.Target.IsMulticast() })
		}, "filter.router-advertisement@warning", "Router Advertisements that answer one host"},
		{"RA, in a chain that may be passed over", func(s *scene) {
			s.drop("icmpv6 type nd-router-advert drop", of(134))
			s.Filter.Chains[len(s.Filter.Chains)-1].Priority = 0
		}, "filter.router-advertisement@error", "unless the kernel passes over the chain"},
		{"RS", func(s *scene) { s.drop("drop", of(133)) }, "filter.router-solicitation@warning", ""},
		{"NS", func(s *scene) { s.drop("drop", of(135)) }, "filter.neighbor-solicitation@error", ""},
		{"NS of a test", func(s *scene) {
			s.drop("drop", func(p *filter.Packet) bool { return p.Type == 135 && p.Source.IsUnspecified() && p.PhysIn == "vnet1" })
		}, "filter.neighbor-solicitation@error", "from the machine on vnet1"},
		{"NA", func(s *scene) { s.drop("drop", of(136)) }, "filter.neighbor-advertisement@error", ""},
		{"PTB", func(s *scene) { s.drop("drop", of(2)) }, "filter.packet-too-big@error", ""},
		{"rules off", func(s *scene) { s.CallIP6 = false }, "filter.guard-missing@warning",
			"net.bridge.bridge-nf-call-ip6tables is 0"},
		{"guard out", func(s *scene) {
			def := s.Filter.Chains[2]
			def.Rules[0] = yes("-m physdev --physdev-in vnet1 -p icmpv6 --icmpv6-type 134 -j RETURN", filter.Return, "",
				func(p *filter.Packet) bool { return p.PhysIn == "vnet1" && p.Type == 134 })
		}, "filter.guard-missing@warning", "a Router Advertisement that vnet1 sends passes"},
		{"no rules", func(s *scene) {
			b := &s.Bridges[0]
			l := s.link("vnet2", "tap", 1500)
			p := b.Ports[1]
			p.Link, p.Stations = l, [][6]byte{{2, 1, 0, 0xcb, 0, 9}}
			b.Ports = append(b.Ports, p)
			s.Filter.Chains[1].Rules = slices.Insert(s.Filter.Chains[1].Rules, 3, yes("-m physdev --physdev-in vnet2 -j DROP",
				filter.Drop, "",
				func(p *filter.Packet) bool { return p.PhysIn == "vnet2" || p.PhysOut == "vnet2" }))
			number(s.Filter.Chains[1].Rules...)
		}, "kvm.group-missing@error", "vnet2 is led to no rules of a security group, as others here are"},
		{"queries to nobody", func(s *scene) {
			snooping(s)
			s.drop("icmpv6 type mld-listener-query drop", of(130))
		}, "filter.listener-query@warning", ""},
		{"group lost", func(s *scene) {
			snooping(s)
			s.Bridges[0].Groups = slices.DeleteFunc(s.Bridges[0].Groups,
				func(g host.Group) bool { return g.Port == s.port("vnet9").Index })
		}, "kvm.snooping-group-lost@error", "does not know that the router on vnet9, fe80::1:ff:fecb:fe, listens to " +
			"ff02::1:ffcb:fe"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := cloud()
			c.fault(s)
			l := check(t, s.Input, c.want)
			if f, ok := l.First(); !ok || !strings.Contains(f.Detail, c.says) {
				t.Errorf("it says %q, without %q", f.Detail, c.says)
			}
			for _, f := range l.Findings() {
				if f.Rule[:4] != "pmtu" && (f.Subject == "" || f.Detail == "") {
					t.Errorf("without a subject or a detail: %+v", f)
				}
			}
		})
	}
}

// snooping makes the bridge snoop, with a querier, and all reported; CloudStack's rules are made to let queries pass.
func snooping(s *scene) {
	b := &s.Bridges[0]
	b.Snooping, b.OtherQuerier = true, true
	for port, mac := range map[string]packet.MAC{"vnet9": vrMAC, "vnet1": guestMAC} {
		b.Groups = append(b.Groups, host.Group{Port: s.port(port).Index, Address: packet.SolicitedNode(packet.LinkLocal(mac))})
	}
	s.Filter.Chains[2].Rules = slices.Insert(s.Filter.Chains[2].Rules, 0, yes("-p icmpv6 --icmpv6-type 130 -j ACCEPT",
		filter.Accept, "",
		func(p *filter.Packet) bool { return p.Type == 130 }))
}

// TestTwo has two faults at once: both are told.
func TestTwo(t *testing.T) {
	s := cloud()
	s.port("vxlan100").Floods = nil
	s.drop("drop", func(p *filter.Packet) bool { return p.Type == 134 })
	check(t, s.Input, "kvm.vxlan-no-flood@error", "filter.router-advertisement@error")
}

// TestConsequences has what follows from a fault be skipped, and not told.
func TestConsequences(t *testing.T) {
	s := cloud()
	s.Bridges[0].Up = false
	s.port("vxlan100").Floods = nil
	s.drop("drop", any)
	l := check(t, s.Input, "kvm.bridge-down@error")
	for _, line := range l.Lines[1:] {
		if line.Status != checklist.Skipped || line.Text != "brvx-100 is down" {
			t.Errorf("%s: %v %s", line.Name, line.Status, line.Text)
		}
	}
	// A rule that drops all: one finding for each message, with all taps.
	s = cloud()
	s.drop("drop", any)
	check(t, s.Input, "filter.router-solicitation@warning", "filter.neighbor-solicitation@error",
		"filter.neighbor-advertisement@error",
		"filter.router-advertisement@error", "filter.packet-too-big@error")
}

// TestNoFalseAlarm has hosts of other kinds.
func TestNoFalseAlarm(t *testing.T) {
	for name, build := range map[string]func(s *scene){
		"no bridge": func(s *scene) { s.link("eth0", "", 1500) },
		"docker": func(s *scene) { // FORWARD drops by policy, and what is bridged goes through it
			b := s.bridge("docker0", "veth1a", "veth2b")
			b.Snooping = true
			s.CallIP6 = true
			s.drop("policy drop", any)
		},
		"docker without a container": func(s *scene) { s.bridge("docker0").Up = false },
		"libvirt": func(s *scene) {
			b := s.bridge("virbr0", "virbr0-nic", "vnet0")
			b.Ports[0].Up = false
			b.Snooping = true
			s.drop("reject", any)
		},
		"EVPN": func(s *scene) {
			s.bridge("brvx-100", "vnet1", "vxlan100")
			p := s.port("vxlan100")
			p.Tunnel.Learning, p.Tunnel.Local = false, netip.MustParseAddr("10.255.0.1")
			p.Floods = []netip.Addr{netip.MustParseAddr("10.255.0.2"), netip.MustParseAddr("10.255.0.3")}
			s.Filter = &filter.Ruleset{}
		},
		"flow based": func(s *scene) {
			s.bridge("br0", "vnet1", "vxlan0")
			p := s.port("vxlan0")
			p.Tunnel.External, p.Tunnel.ID = true, 0
			s.Filter = &filter.Ruleset{}
		},
		"VLANs": func(s *scene) {
			s.bridge("cloudbr0", "bond0.100", "vnet1").Snooping = true
			s.bridge("cloudbr1", "eth1", "vnet2")
			s.Filter = &filter.Ruleset{}
		},
		"no guests": func(s *scene) { s.bridge("brvx-100", "vxlan100").Up = false },
		"not root": func(s *scene) {
			s.bridge("brvx-100", "vnet1", "eth1")
			s.FilterError = "nftables: operation not permitted"
		},
		"machine that is off": func(s *scene) {
			s.bridge("cloudbr1", "eth1", "vnet2").Ports[1].Carrier = false
			s.port("vnet2").State = host.PortDisabled
			s.Filter = &filter.Ruleset{}
		},
		"IPv4 only, on a bridge with a querier": func(s *scene) {
			b := s.bridge("cloudbr1", "eth1", "vnet1", "vnet2")
			b.Snooping, b.OtherQuerier = true, true
			b.Groups = []host.Group{{Port: s.port("vnet1").Index, Address: packet.SolicitedNode(packet.LinkLocal(guestMAC))}}
			s.Filter = &filter.Ruleset{}
		},
		"querier just come up": func(s *scene) {
			b := s.bridge("cloudbr1", "eth1", "vnet1")
			b.Snooping, b.OtherQuerier = true, true
			s.Heard = []Heard{{Device: "vnet1", MAC: guestMAC, Address: packet.LinkLocal(guestMAC)}}
			s.Filter = &filter.Ruleset{}
		},
		"own querier without an address": func(s *scene) {
			b := s.bridge("cloudbr1", "eth1", "vnet1")
			b.Snooping, b.Querier = true, true
			b.Groups = []host.Group{{Port: 99}}
			s.Heard = []Heard{{Device: "vnet1", MAC: guestMAC, Address: packet.LinkLocal(guestMAC)}}
			s.Filter = &filter.Ruleset{}
		},
		"own querier, whose questions no port has to let pass": func(s *scene) {
			b := s.bridge("cloudbr1", "eth1", "vnet1")
			b.Snooping, b.Querier, b.HasIPv6 = true, true, true
			b.Groups = []host.Group{{Port: s.port("vnet1").Index, Address: packet.SolicitedNode(packet.LinkLocal(guestMAC))}}
			s.drop("icmpv6 type mld-listener-query drop", func(p *filter.Packet) bool { return p.Type == 130 })
		},
		"spanning tree": func(s *scene) {
			s.bridge("cloudbr1", "eth1", "eth2", "vnet1").STP = true
			s.port("eth2").State = host.PortBlocking
			s.Filter = &filter.Ruleset{}
		},
		"rule for one router": func(s *scene) { // who the router is, nobody has heard; the bridge has learned its address
			s.bridge("cloudbr1", "eth1", "vnet1")
			s.port("eth1").Stations = [][6]byte{{2, 0, 0, 0, 0, 7}, vrMAC}
			s.drop("ip6 saddr != fe80::1:ff:fecb:fe icmpv6 type nd-router-advert drop", func(p *filter.Packet) bool {
				return p.Type == 134 && p.Source != packet.LinkLocal(vrMAC)
			})
		},
		"two ports of VXLAN": func(s *scene) {
			s.bridge("brvx-100", "vnet1", "vxlan100")
			s.port("vxlan100").Floods = []netip.Addr{netip.MustParseAddr("10.0.0.2")}
			s.bridge("br1", "vnet2", "vxlan101")
			p := s.port("vxlan101")
			p.Floods, p.Tunnel.Port, p.Tunnel.ID = []netip.Addr{netip.MustParseAddr("10.0.0.2")}, 8472, 101
			s.Underlay = []VXLANSeen{{"eth0", 101, 8472, netip.MustParseAddr("10.0.0.2"), 9}}
			for _, b := range s.Bridges {
				for _, p := range b.Ports {
					s.Links[p.Index-1] = p.Link
				}
			}
			s.Filter = &filter.Ruleset{}
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := &scene{}
			build(s)
			check(t, s.Input)
		})
	}
}
