package vr

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/rule"
)

// TestHealthy wants no finding on routers of which nothing is wrong, and no line above a note.
func TestHealthy(t *testing.T) {
	for _, c := range []struct {
		name    string
		make    func(t *testing.T, s *scene)
		named   []string
		guests  string
		verdict string
	}{
		{"isolated network", func(*testing.T, *scene) {}, nil, "eth0", "This router advertises on eth0, forwards"},
		{"isolated network, as the API has it", func(t *testing.T, s *scene) { s.network(t, "Isolated", `,"privatemtu":1500`) },
			nil, "eth0", "advertises on eth0"},
		{"VPC with three tiers", func(t *testing.T, s *scene) { s.vpc(t) }, nil, "eth2 eth3 eth4",
			"advertises on eth2, eth3 and eth4"},
		{"VPC, one tier named", func(t *testing.T, s *scene) { s.vpc(t) }, []string{"eth3"}, "eth3", "advertises on eth3"},
		{"VPC by its interfaces", func(t *testing.T, s *scene) {
			s.vpc(t)
			s.Role.Guests, s.Role.Public = []string{"eth2", "eth3", "eth4"}, "eth1"
		}, nil, "eth2 eth3 eth4", "advertises on eth2, eth3 and eth4"},
		{"shared network", func(t *testing.T, s *scene) {
			s.Role.Type, s.World, s.Heard = Shared, nil, []Heard{{Interface: "eth0", Others: []Speaker{other(1800)}}}
			s.All.Forwarding = 0
			s.quietRadvd()
		}, nil, "eth0", "leaves advertising to the upstream router"},
		{"shared network, as the API has it", func(t *testing.T, s *scene) {
			s.network(t, "Shared", "")
			s.Heard = []Heard{{Interface: "eth0", Others: []Speaker{other(1800)}}}
			s.quietRadvd()
		}, nil, "eth0", "This router is silent, as it should be"},
		{"shared network without IPv6", func(t *testing.T, s *scene) {
			s.Role.Type, s.World, s.Heard, s.All.Forwarding = Shared, nil, nil, 0
			s.iface("eth0").Conf.DisableIPv6 = 1
			s.lose("eth0", "f")
			s.quietRadvd()
			s.Filter = &filter.Ruleset{}
		}, nil, "eth0", "leaves advertising to the upstream router"},
		{"backup of a redundant pair", func(t *testing.T, s *scene) {
			s.Role.Redundant, s.Role.Backup, s.World, s.iface("eth2").Up = true, true, nil, false
			s.lose("eth0", "fd17")
			s.Heard = []Heard{{Interface: "eth0", Others: []Speaker{other(45)}}}
			s.quietRadvd()
		}, nil, "eth0", "This backup is silent"},
		{"plain Linux with dnsmasq", func(t *testing.T, s *scene) {
			s.Role.Type, s.Senders = "", []string{"dnsmasq (77)"}
			s.quietRadvd()
		}, nil, "eth0", "advertises on eth0"},
		{"plain Linux with a VPN and a dummy", func(t *testing.T, s *scene) {
			s.Role.Type = ""
			s.add("wg0", "", "fd00:1::1/64")
			s.iface("wg0").Kind, s.iface("wg0").NoARP = "wireguard", true
			s.add("dummy0", "", "2001:db8:d::1/64")
			s.iface("dummy0").Kind = "dummy"
		}, nil, "eth0", "advertises on eth0"},
		{"another router that is expected", func(t *testing.T, s *scene) {
			s.network(t, "Isolated", "")
			r := s.Expect.Links[0].Routers[0]
			r.Address = addr("fe80::bad")
			s.Expect.Links[0].Routers = append(s.Expect.Links[0].Routers, r)
			s.Heard[0].Others = []Speaker{other(1800)}
		}, nil, "eth0", "advertises on eth0"},
		{"the way out is a link-local router", func(t *testing.T, s *scene) {
			s.World.Gateway = addr("fe80::1")
			s.lose("eth2", "2001")
		}, nil, "eth0", "advertises on eth0"},
		{"the guests' prefix is routed, and no address in it", func(t *testing.T, s *scene) {
			s.lose("eth0", "fd17")
			s.Radvd.Ways = map[netip.Prefix]string{netip.MustParsePrefix("fd17:625c:f037:2::/64"): "eth0"}
		}, nil, "eth0", "advertises on eth0"},
		{"connections are not tracked", func(t *testing.T, s *scene) { s.Connections = Table{Absent: true} }, nil, "eth0", ""},
		{"without a limit of connections", func(t *testing.T, s *scene) { s.Connections = Table{Used: 5} }, nil, "eth0", ""},
		{"the backlog's counter began again", func(t *testing.T, s *scene) { s.Backlog = Backlog{Before: 9, After: 1} }, nil, "eth0", ""},
		{"findings about others", func(t *testing.T, s *scene) {
			s.wire("rs.dst", "fe80::5", rule.Place{})
			s.wire("ra.absent", "", rule.Place{})
		}, nil, "eth0", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := isolated(t)
			c.make(t, s)
			l := s.judged(t, c.named...)
			if got := strings.Join(s.Guests, " "); got != c.guests {
				t.Errorf("guests on %q, want %q", got, c.guests)
			}
			if got := found(l); len(got) > 0 {
				t.Errorf("found %v", got)
			}
			for _, line := range l.Lines {
				if line.Status != checklist.OK && (line.Name != "input filter" || line.Status != checklist.Skipped) {
					t.Errorf("%s: %v: %s", line.Name, line.Status, line.Text)
				}
			}
			checkForm(t, l)
			if !strings.Contains(l.Healthy, c.verdict) {
				t.Errorf("verdict %q", l.Healthy)
			}
		})
	}
}

// vpc makes the scene the router of a VPC, in which eth1 is the way out.
func (s *scene) vpc(t *testing.T) {
	s.Role.Type, s.Interfaces, s.Heard = VPC, nil, nil
	s.add("eth0", "0e:00:a9:fe:00:01")
	s.add("eth1", "1e:00:01:00:00:02", "fe80::1c00:1ff:fe00:2/64", "2001:db8:1::2/64")
	s.World.Device = "eth1"
	conf := ""
	for _, n := range []string{"2", "3", "4"} {
		s.add("eth"+n, "02:01:00:cb:00:f"+n, "fe80::1:ff:fecb:f"+n+"/64", "fd17:625c:f037:"+n+"::1/64")
		conf += strings.ReplaceAll(strings.ReplaceAll(radvdConf, "eth0", "eth"+n), "f037:2:", "f037:"+n+":")
		s.says("eth"+n, "fe80::1:ff:fecb:f"+n)
	}
	s.radvd(t, conf)
}

func (s *scene) quietRadvd() {
	s.Radvd = Radvd{File: "/etc/radvd.conf", Missing: true, Installed: true}
}

// TestTiers wants the tier named that has no block, and the others left alone.
func TestTiers(t *testing.T) {
	s := isolated(t)
	s.vpc(t)
	s.Radvd.State.Links = slices.Delete(s.Radvd.State.Links, 1, 2)
	s.Heard = slices.Delete(s.Heard, 1, 2)
	l := s.judged(t)
	if got := found(l); !slices.Equal(got, []string{"vr.radvd-interface@error"}) {
		t.Fatalf("found %v", got)
	}
	var status []checklist.Status
	for _, line := range l.Lines {
		if line.Name == "advertisement" {
			status = append(status, line.Status)
		}
	}
	if !slices.Equal(status, []checklist.Status{checklist.OK, checklist.Skipped, checklist.OK}) {
		t.Errorf("advertisements: %v", status)
	}
	s.Role.Type = "" // of a plain router it may be meant so
	l = s.judged(t)
	if got := found(l); !slices.Equal(got, []string{"vr.radvd-interface@info"}) {
		t.Errorf("found %v", got)
	}
	if want := "Nothing wrong was found, but nothing is advertised on eth3."; l.Healthy != want {
		t.Errorf("verdict %q", l.Healthy)
	}
}

// TestPlain judges machines of which nothing is known but what they show.
func TestPlain(t *testing.T) {
	laptop := func(s *scene) {
		s.Role.Type, s.All.Forwarding, s.Interfaces, s.Heard = "", 0, nil, nil
		s.add("wlan0", "02:00:00:00:00:01", "fe80::1/64", "2001:db8:1::5/64")
		s.add("eth0", "02:00:00:00:00:02", "fe80::2/64")
		s.World.Device = "wlan0"
		s.Radvd = Radvd{File: "/etc/radvd.conf", Missing: true}
	}
	s := isolated(t)
	laptop(s)
	if got := found(s.judged(t)); !slices.Equal(got, []string{"vr.forwarding-off@error"}) {
		t.Errorf("a laptop: found %v", got)
	}
	s = isolated(t)
	laptop(s)
	s.Radvd.Installed = true
	if got := found(s.judged(t)); !slices.Equal(got, []string{"vr.forwarding-off@error", "vr.radvd-down@error"}) {
		t.Errorf("a router that is not set up: found %v", got)
	}
	// dnsmasq may be slower than was listened for; of CloudStack's it is known that it does not advertise.
	s = isolated(t)
	s.Role.Type, s.Senders, s.Heard = "", []string{"dnsmasq (77)"}, nil
	s.quietRadvd()
	if l := s.judged(t); len(found(l)) > 0 || line(l, "radvd").Status != checklist.Unknown {
		t.Errorf("with dnsmasq: found %v, radvd %v", found(l), line(l, "radvd").Status)
	}
	s.Role.Type = Isolated
	if got := found(s.judged(t)); !slices.Equal(got, []string{"vr.radvd-down@error"}) {
		t.Errorf("with CloudStack's dnsmasq: found %v", got)
	}
}

// TestChoose wants the interfaces told apart.
func TestChoose(t *testing.T) {
	for _, c := range []struct {
		name           string
		make           func(t *testing.T, s *scene)
		named          []string
		guests, public string
	}{
		{"by radvd's configuration, without a default route", func(t *testing.T, s *scene) { s.Role.Type, s.World = "", nil },
			nil, "eth0", "eth2"},
		{"of several without a block none is the way out", func(t *testing.T, s *scene) {
			s.Role.Type, s.World = "", nil
			s.add("eth3", "", "2001:db8:3::1/64")
		}, nil, "eth0", ""},
		{"by the expectation", func(t *testing.T, s *scene) {
			s.Role.Type, s.World, s.Radvd.State = "", nil, nil
			s.network(t, "Isolated", "")
		}, nil, "eth0", "eth2"},
		{"by addresses", func(t *testing.T, s *scene) {
			s.Role.Type, s.Radvd.State = "", nil
			s.add("eth3", "", "2001:db8:3::1/64")
			s.add("eth4", "", "2001:db8:4::1/128")
		}, nil, "eth0 eth3", "eth2"},
		{"a port of a bridge is none", func(t *testing.T, s *scene) {
			s.Role.Type, s.Radvd.State = "", nil
			s.iface("eth0").Master = 9
			s.add("br0", "", "fd00::1/64")
		}, nil, "br0", "eth2"},
		{"the one that is left", func(t *testing.T, s *scene) {
			s.Role.Type, s.Radvd.State = "", nil
			s.iface("eth1").Up = false
			s.lose("eth0", "fd17")
		}, nil, "eth0", "eth2"},
		{"a tier of IPv4 alone", func(t *testing.T, s *scene) { s.vpc(t); s.add("eth5", "", "fe80::5/64") }, nil, "eth2 eth3 eth4", "eth1"},
		{"a tier that has lost its address", func(t *testing.T, s *scene) { s.vpc(t); s.lose("eth3", "fd") }, nil, "eth2 eth3 eth4", "eth1"},
		{"a tier of which only CloudStack knows", func(t *testing.T, s *scene) {
			s.vpc(t)
			s.add("eth5", "", "fe80::5/64")
			s.Role.Gateways = map[string]netip.Addr{"eth5": netip.MustParseAddr("fd17::1")}
		}, nil, "eth2 eth3 eth4 eth5", "eth1"},
		{"the way out, named", func(t *testing.T, s *scene) {}, []string{"eth2"}, "eth2", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := isolated(t)
			c.make(t, s)
			if err := s.Choose(c.named, s.Expect); err != nil {
				t.Fatal(err)
			}
			if got := strings.Join(s.Guests, " "); got != c.guests || s.Public != c.public {
				t.Errorf("guests on %q and out by %q, want %q and %q", got, s.Public, c.guests, c.public)
			}
		})
	}
	s := isolated(t)
	s.Role.Type, s.Radvd.State = "", nil
	s.lose("eth0", "fd17")
	s.All.Forwarding, s.Radvd.Running, s.Heard = 0, false, nil
	if got := found(s.judged(t)); len(s.Guests) > 0 || !slices.Equal(got, []string{"vr.forwarding-off@error"}) {
		t.Errorf("no router: guests on %v, found %v", s.Guests, got)
	}
	s.All.Forwarding = 1
	if err := s.Choose(nil, nil); err == nil {
		t.Errorf("of eth0 and eth1, %v was chosen", s.Guests)
	}
}

// TestFilter breaks the packet filter.
func TestFilter(t *testing.T) {
	from := func(in string, kind uint8) func(p *filter.Packet) filter.Truth {
		return func(p *filter.Packet) filter.Truth {
			if p.In == in && p.Type == kind {
				return filter.Yes
			}
			return filter.No
		}
	}
	sometimes := func(p *filter.Packet) filter.Truth {
		if p.Type == 135 {
			return filter.CannotTell
		}
		return filter.No
	}
	stateful := func(p *filter.Packet) filter.Truth {
		if p.Track == filter.Established || p.Track == filter.Related {
			return filter.Yes
		}
		return filter.No
	}
	everything := func(*filter.Packet) filter.Truth { return filter.Yes }
	for _, c := range []struct {
		name string
		make func(s *scene)
		want []string
		says string // in the first detail
		fix  string
	}{
		{"as CloudStack writes it", func(s *scene) {
			s.rule("fw_input", "icmpv6 type { … } accept", filter.Accept, ofType(128, 129, 134, 135, 136))
			s.Filter.Chains[0].Policy = filter.Drop
		}, []string{"filter.router-solicitation@warning", "filter.listener-query@warning", "filter.packet-too-big@warning"},
			"to this router on eth0 are dropped by the policy of nft table ip6 ip6_firewall chain fw_input",
			"`nft insert rule ip6 ip6_firewall fw_input icmpv6 type nd-router-solicit accept`"},
		{"solicitations", func(s *scene) { s.rule("fw_input", "drop", filter.Drop, ofType(135)) },
			[]string{"filter.neighbor-solicitation@error"}, "to this router on eth0 and eth2 are dropped by nft table", "nd-neighbor-solicit accept"},
		{"advertisements of neighbors", func(s *scene) { s.rule("fw_input", "drop", filter.Drop, from("eth2", 136)) },
			[]string{"filter.neighbor-advertisement@error"}, "on eth2 are dropped by nft table ip6 ip6_firewall chain fw_input, handle 7 (`drop`)",
			"nd-neighbor-advert accept"},
		{"on the way out", func(s *scene) { s.rule("fw_output", "drop", filter.Drop, ofType(136)) },
			[]string{"filter.neighbor-advertisement@error"}, "out of eth0 and eth2 are dropped by", "fw_output icmpv6 type nd-neighbor-advert accept"},
		{"our advertisements", func(s *scene) { s.rule("fw_output", "drop", filter.Drop, ofType(134)); s.Heard = nil },
			[]string{"filter.router-advertisement@error"}, "advertisements out of eth0 are dropped by nft", "fw_output icmpv6 type nd-router-advert accept"},
		{"Packet Too Big for guests", func(s *scene) { s.rule("fw_forward", "drop", filter.Drop, from("eth2", 2)) },
			[]string{"filter.packet-too-big@error"}, "from eth2 to guests on eth0 are dropped by", "fw_forward icmpv6 type packet-too-big accept"},
		{"Packet Too Big of guests", func(s *scene) { s.rule("fw_forward", "drop", filter.Drop, from("eth0", 2)) },
			[]string{"filter.packet-too-big@error"}, "to eth2 from guests on eth0 are dropped by", ""},
		{"no rule for what is established", func(s *scene) { s.rule("fw_forward", "drop", filter.Drop, everything) },
			[]string{"filter.packet-too-big@error"}, "", ""},
		{"a rule for it", func(s *scene) {
			s.rule("fw_forward", "ct state established,related accept", filter.Accept, stateful)
			s.rule("fw_forward", "drop", filter.Drop, everything)
		}, []string{}, "", ""},
		{"queries of listeners", func(s *scene) { s.rule("fw_input", "drop", filter.Drop, ofType(130)) },
			[]string{"filter.listener-query@warning"}, "", "mld-listener-query accept"},
		{"it depends", func(s *scene) { s.rule("fw_input", "limit rate 1/second drop", filter.Drop, sometimes) },
			[]string{"filter.cannot-tell@info"}, "whether Neighbor Solicitations to this router on eth0 pass depends on nft table ip6 ip6_firewall " +
				"chain fw_input, handle 7 (`limit rate 1/second drop`)", ""},
		{"echo", func(s *scene) { s.rule("fw_input", "drop", filter.Drop, ofType(128)) }, []string{}, "", ""},
		{"solicitations unanswered, which are dropped", func(s *scene) {
			s.rule("fw_input", "drop", filter.Drop, ofType(133))
			s.wire("ra.solicit-unanswered", "fe80::1:ff:fecb:fe", rule.Place{})
		}, []string{"filter.router-solicitation@warning"}, "", ""},
		{"solicitations unanswered, which are not", func(s *scene) { s.wire("ra.solicit-unanswered", "fe80::1:ff:fecb:fe", rule.Place{}) },
			[]string{"ra.solicit-unanswered@warning"}, "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := isolated(t)
			c.make(s)
			l := s.judged(t)
			if got := found(l); !slices.Equal(got, c.want) {
				t.Fatalf("found %v, want %v", got, c.want)
			}
			checkForm(t, l)
			if all := l.Findings(); len(all) > 0 && (!strings.Contains(all[0].Detail, c.says) || !strings.Contains(all[0].Fix, c.fix)) {
				t.Errorf("detail %q, fix %q", all[0].Detail, all[0].Fix)
			}
		})
	}
}

// TestDotted: sysctl takes the command for a VLAN.
func TestDotted(t *testing.T) {
	s := isolated(t)
	s.add("eth0.5", "", "fe80::5/64", "fd17:5::1/64")
	s.iface("eth0.5").Conf.Forwarding = 0
	s.Guests = []string{"eth0.5"}
	l := Judge(s.Input)
	for _, f := range l.Findings() {
		if f.Rule == "vr.forwarding-off" && strings.Contains(f.Fix, "net.ipv6.conf.eth0/5.forwarding=1") {
			return
		}
	}
	t.Error("no command for eth0.5")
}

// TestReplies: where what answers guests is dropped, that is said (apache/cloudstack#10970).
func TestReplies(t *testing.T) {
	s := isolated(t)
	s.rule("fw_forward", "icmpv6 type packet-too-big accept", filter.Accept, ofType(2))
	s.rule("fw_forward", "drop", filter.Drop, ofType(129))
	got := line(s.judged(t), "forward filter")
	if len(got.Findings) != 1 || got.Findings[0].Rule != "filter.established" || !strings.Contains(got.Findings[0].Fix, "ct state established") {
		t.Errorf("%v: %s, %+v", got.Status, got.Text, got.Findings)
	}
	// Who may not ask gets no answer.
	s.rule("fw_forward", "drop", filter.Drop, ofType(128))
	if got := line(s.judged(t), "forward filter"); len(got.Findings) != 0 {
		t.Errorf("%v: %s, %+v", got.Status, got.Text, got.Findings)
	}
}

// TestAcceptForOtherTools words the command for a filter that is none of nft's.
func TestAcceptForOtherTools(t *testing.T) {
	p := filter.Place{Tool: "ip6tables-legacy", Table: "filter", Chain: "INPUT", Handle: 3, Rule: "-j DROP"}
	if got, want := accept(p, 135), "`ip6tables-legacy -I INPUT -p icmpv6 --icmpv6-type 135 -j ACCEPT`"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	p.Table = "raw"
	if got, want := accept(p, 2), "`ip6tables-legacy -t raw -I INPUT -p icmpv6 --icmpv6-type 2 -j ACCEPT`"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
	if got, want := place(p), "ip6tables-legacy table raw chain INPUT, rule 3 (`-j DROP`)"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
