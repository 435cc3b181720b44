package vr

import (
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/filter"
	"v6probe/internal/rule"
)

// lineNames are those of the contract, with one advertisement.
var lineNames = []string{"IPv6", "forwarding", "addresses", "default route", "radvd", "configuration", "advertisement", "other routers",
	"input filter", "forward filter", "connections", "neighbors", "backlog", "MTU"}

// TestFaults breaks one thing, or two, after the other. What is wanted is all that is found, in its order.
func TestFaults(t *testing.T) {
	is := func(want ...string) []string { return want }
	for _, c := range []struct {
		name  string
		fault func(t *testing.T, s *scene)
		want  []string // rule@severity
		says  string   // in the detail of the first
		fix   string   // in its fix
	}{
		{"no IPv6", func(t *testing.T, s *scene) { s.NoIPv6, s.AllUnread, s.Heard, s.World = true, "not there", nil, nil },
			is("vr.ipv6-disabled@error"), "runs without IPv6", "ipv6.disable=1"},
		{"IPv6 off", func(t *testing.T, s *scene) { s.iface("eth0").Conf.DisableIPv6, s.Heard = 1, nil; s.lose("eth0", "f") },
			is("vr.ipv6-disabled@error"), "off on eth0,", "net.ipv6.conf.eth0.disable_ipv6=0"},
		{"IPv6 off everywhere", func(t *testing.T, s *scene) {
			s.All.DisableIPv6, s.World, s.Heard, s.Role.Public = 1, nil, nil, "eth2"
			for _, name := range []string{"eth0", "eth2"} {
				s.iface(name).Conf.DisableIPv6, s.iface(name).Addresses = 1, nil
			}
		}, is("vr.ipv6-disabled@error"), "off on eth0 and eth2", "net.ipv6.conf.all.disable_ipv6=0`"},
		{"guests' interface down", func(t *testing.T, s *scene) { s.iface("eth0").Up, s.Heard = false, nil; s.lose("eth0", "f") },
			is("vr.no-link-local@error"), "eth0 is down", "ip link set eth0 up"},
		{"public interface down", func(t *testing.T, s *scene) { s.iface("eth2").Up, s.World = false, nil },
			is("vr.no-default-route@error"), "eth2 is down", "ip link set eth2 up"},
		{"MTU too small", func(t *testing.T, s *scene) {
			i := s.iface("eth0")
			i.MTU, i.Conf, i.Addresses, s.Heard = 1200, nil, nil, nil
		}, is("vr.interface-mtu@error"), "eth0 carries 1200 bytes", "mtu 1500"},
		{"MTU too small, as CloudStack was told", func(t *testing.T, s *scene) {
			i := s.iface("eth0")
			i.MTU, i.Conf, i.Addresses, s.Heard = 1200, nil, nil, nil
			s.network(t, "Isolated", `,"privatemtu":1200`)
			s.wire("expect.network-mtu", "", rule.Place{File: "net.json"})
		}, is("expect.network-mtu@error"), "privatemtu is 1200", "privatemtu=1450"},
		{"CloudStack was told of a small MTU, and has it not set yet", func(t *testing.T, s *scene) {
			s.network(t, "Isolated", `,"privatemtu":1200`)
			s.wire("expect.network-mtu", "", rule.Place{File: "net.json"})
		}, is("expect.network-mtu@error"), "privatemtu is 1200", ""},
		{"another MTU than CloudStack says", func(t *testing.T, s *scene) { s.network(t, "Isolated", `,"privatemtu":1450`) },
			is("vr.interface-mtu@error"), "eth0 carries 1500 bytes, and network \"web\" (Isolated) has 1450", "mtu 1450"},
		{"a smaller MTU than CloudStack says", func(t *testing.T, s *scene) {
			s.network(t, "Isolated", `,"privatemtu":1500`)
			s.iface("eth0").MTU = 1400
		}, is("vr.interface-mtu@error"), "eth0 carries 1400 bytes", "mtu 1500"},

		{"forwarding off", func(t *testing.T, s *scene) {
			s.All.Forwarding, s.iface("eth0").Conf.Forwarding, s.Heard[0].Own[0].Lifetime = 0, 0, 0
			s.wire("expect.router-lifetime", "fe80::1:ff:fecb:fe", rule.Place{File: "/etc/radvd.conf", Line: 1})
			s.wire("ra.lifetime-zero-with-preference", "fe80::1:ff:fecb:fe", rule.Place{})
		}, is("vr.forwarding-off@error"), "net.ipv6.conf.all.forwarding is 0", ""},
		{"forwarding off on the guests' interface", func(t *testing.T, s *scene) { s.iface("eth0").Conf.Forwarding = 0 },
			is("vr.forwarding-off@error"), "drop their default route", "net.ipv6.conf.eth0.forwarding=1"},

		{"no link-local address", func(t *testing.T, s *scene) {
			s.lose("eth0", "fe80")
			s.iface("eth0").Conf.AddrGenMode, s.Heard = 1, nil
		}, is("vr.no-link-local@error"), "addr_gen_mode is 1", "addr_gen_mode=0"},
		{"duplicate link-local address", func(t *testing.T, s *scene) { s.iface("eth0").Addresses[0].Failed, s.Heard = true, nil },
			is("vr.no-link-local@error"), "another station on eth0 has fe80::1:ff:fecb:fe too", "v6probe nd fe80::1:ff:fecb:fe -i eth0"},
		{"tentative link-local address", func(t *testing.T, s *scene) { s.iface("eth0").Addresses[0].Tentative, s.Heard = true, nil },
			is("vr.no-link-local@error"), "tested still", "carrier"},
		{"no gateway", func(t *testing.T, s *scene) { s.lose("eth0", "fd17") },
			is("vr.no-address@error"), "eth0 has no address in fd17:625c:f037:2::/64", "ip -6 addr add fd17:625c:f037:2::1/64 dev eth0"},
		{"another gateway than CloudStack has", func(t *testing.T, s *scene) { s.Role.Gateways["eth0"] = addr("fd17:625c:f037:2::ffff") },
			is("vr.no-address@error"), "eth0 lacks fd17:625c:f037:2::ffff", ""},
		{"duplicate gateway", func(t *testing.T, s *scene) { s.iface("eth0").Addresses[1].Failed = true },
			is("vr.no-address@error"), "another station on eth0 has fd17:625c:f037:2::1 too", ""},
		{"no public address", func(t *testing.T, s *scene) { s.lose("eth2", "2001") },
			is("vr.no-address@error"), "eth2 has no global address, and its gateway is 2001:db8:1::1", ""},
		{"no default route", func(t *testing.T, s *scene) { s.World = nil },
			is("vr.no-default-route@error"), "no IPv6 default route", "dev eth2"},

		{"radvd down", func(t *testing.T, s *scene) { s.Radvd.Running, s.Heard = false, nil },
			is("vr.radvd-down@error"), "nobody advertises to the guests on eth0", ""},
		{"radvd down, no configuration", func(t *testing.T, s *scene) {
			s.Radvd.Running, s.Radvd.State, s.Radvd.Missing, s.Heard = false, nil, true, nil
		}, is("vr.radvd-down@error"), "there is no /etc/radvd.conf", ""},
		{"radvd down, the expectation misses the router", func(t *testing.T, s *scene) {
			s.Radvd.Running, s.Heard = false, nil
			s.wire("expect.router-missing", "", rule.Place{File: "net.yaml"})
			s.wire("ra.absent", "", rule.Place{})
		}, is("vr.radvd-down@error"), "", ""},
		{"configuration broken", func(t *testing.T, s *scene) {
			s.Radvd.Running, s.Radvd.State, s.Heard = false, nil, nil
			s.Radvd.Problem, s.Radvd.Hint = "/etc/radvd.conf:3: AdvOnLink has no value", "put a value there"
		}, is("vr.radvd-config@error"), "radvd does not start with it", "put a value there"},
		{"configuration broken under radvd", func(t *testing.T, s *scene) {
			s.Radvd.State, s.Radvd.Problem = nil, "/etc/radvd.conf:3: AdvOnLink has no value"
		}, is("vr.radvd-config@error"), "will not start again", ""},
		{"no block", func(t *testing.T, s *scene) {
			s.radvd(t, strings.Replace(radvdConf, "eth0", "eth7", 1))
			s.Heard = nil
		}, is("vr.radvd-interface@error"), "no block of eth0", ""},
		{"silent block", func(t *testing.T, s *scene) {
			s.radvd(t, strings.Replace(radvdConf, "AdvSendAdvert on", "AdvSendAdvert off", 1))
			s.Heard = nil
			s.wire("expect.source", "", s.Radvd.State.Flaws[0].Place)
		}, is("vr.radvd-config@error"), "AdvSendAdvert is off for eth0", "AdvSendAdvert on"},
		{"not sent", func(t *testing.T, s *scene) { s.Heard = nil },
			is("vr.not-advertising@error"), "nothing is advertised on eth0 in 16.0 s, though it is set to at least every 15.0 s", ""},
		{"another is sent than configured", func(t *testing.T, s *scene) {
			s.wire("expect.rdnss", "fe80::1:ff:fecb:fe", rule.Place{File: "/etc/radvd.conf", Line: 6})
		}, is("expect.rdnss@error"), "", "systemctl reload radvd"},
		{"another is sent than CloudStack has", func(t *testing.T, s *scene) {
			s.wire("expect.rdnss", "fe80::1:ff:fecb:fe", rule.Place{File: "net.json", Line: 6})
		}, is("expect.rdnss@error"), "", ""},
		{"another prefix is sent than configured", func(t *testing.T, s *scene) {
			s.wire("ra.unknown-prefix", "fe80::1:ff:fecb:fe", rule.Place{File: "/etc/radvd.conf", Line: 5})
			s.wire("expect.prefix-missing", "fe80::1:ff:fecb:fe", rule.Place{File: "/etc/radvd.conf", Line: 5})
		}, is("expect.prefix-missing@error", "ra.unknown-prefix@error"), "", "systemctl reload radvd"},
		{"no prefix", func(t *testing.T, s *scene) { s.wire("ra.no-address-source", "", rule.Place{}) },
			is("ra.no-address-source@error"), "", ""},
		{"a shared network's router advertises", func(t *testing.T, s *scene) {
			s.network(t, "Shared", "")
			s.wire("ra.unknown-router", "fe80::1:ff:fecb:fe", rule.Place{File: "net.json"})
		}, is("vr.radvd-unexpected@error"), "radvd must not run on the Virtual Router of a Shared network", "systemctl disable --now radvd"},
		{"dhcpsrvr advertises", func(t *testing.T, s *scene) { s.Role.Type, s.World = Shared, nil },
			is("vr.radvd-unexpected@error"), "on a shared network", ""},
		{"a backup advertises", func(t *testing.T, s *scene) { s.Role.Backup, s.World = true, nil },
			is("vr.radvd-unexpected@error"), "backup of a redundant pair", ""},
		{"a backup advertises by other means", func(t *testing.T, s *scene) { s.Role.Backup, s.Radvd.Running = true, false },
			is("vr.radvd-unexpected@error"), "this machine advertises on eth0 and must not", ""},

		{"second router", func(t *testing.T, s *scene) {
			s.Heard[0].Others = []Speaker{other(1800)}
			s.wire("ra.inconsistent-cur-hop-limit", "fe80::1:ff:fecb:fe", rule.Place{})
			s.wire("expect.advertisers", "", rule.Place{File: "net.json"})
			s.wire("ra.unknown-router", "fe80::bad", rule.Place{File: "net.json"})
		}, is("vr.second-router@error"), "fe80::bad (02:00:00:00:0b:ad) on eth0 advertises too, prefix 2001:db8:bad::/64", ""},
		{"second router that is none by default", func(t *testing.T, s *scene) { s.Heard[0].Others = []Speaker{other(0)} },
			is("vr.second-router@info"), "with lifetime 0", ""},

		{"a default route that refuses", func(t *testing.T, s *scene) { s.World, s.Refused = nil, "blackhole" },
			is("vr.no-default-route@error"), "of the type blackhole comes before", "fibmatch 2000::1"},
		{"connections", func(t *testing.T, s *scene) { s.Connections.Used = 900000 },
			is("vr.conntrack-full@error"), "900000 of 1000000 connections are in use, 90 %", ""},
		{"many connections", func(t *testing.T, s *scene) { s.Connections.Used = 899999 }, is("vr.conntrack-full@info"), "89 %", ""},
		{"neighbors", func(t *testing.T, s *scene) { s.Neighbors.Used = 1000 },
			is("vr.neighbor-table-full@error"), "1000 of 1024 IPv6 neighbors are in use, 97 %", ""},
		{"many neighbors", func(t *testing.T, s *scene) { s.Neighbors.Used = 768 }, is("vr.neighbor-table-full@info"), "75 %", ""},
		{"backlog", func(t *testing.T, s *scene) { s.Backlog = Backlog{Before: 5, After: 12} },
			is("vr.backlog-drops@warning"), "7 received packets were dropped in 16.0 s", ""},

		{"no forwarding and no route", func(t *testing.T, s *scene) { s.All.Forwarding, s.World = 0, nil },
			is("vr.forwarding-off@error", "vr.no-default-route@error"), "", ""},
		{"radvd down and neighbor solicitations dropped", func(t *testing.T, s *scene) {
			s.Radvd.Running, s.Heard = false, nil
			s.rule("fw_input", "drop", filter.Drop, ofType(135))
		}, is("vr.radvd-down@error", "filter.neighbor-solicitation@error"), "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := isolated(t)
			c.fault(t, s)
			l := s.judged(t)
			if got := found(l); !slices.Equal(got, c.want) {
				t.Fatalf("found %v, want %v", got, c.want)
			}
			checkForm(t, l)
			f := l.Findings()[0]
			if !strings.Contains(f.Detail, c.says) || !strings.Contains(f.Fix, c.fix) {
				t.Errorf("detail %q, fix %q", f.Detail, f.Fix)
			}
		})
	}
}

// checkForm checks what is true of every list.
func checkForm(t *testing.T, l checklist.List) {
	t.Helper()
	var got []string
	for _, line := range l.Lines {
		got = append(got, line.Name)
		if line.Text == "" || strings.HasSuffix(line.Text, ".") {
			t.Errorf("%s: text %q", line.Name, line.Text)
		}
	}
	if !slices.Equal(slices.Compact(got), lineNames) {
		t.Errorf("lines %q", got)
	}
	for _, f := range l.Findings() {
		known, ok := rule.Lookup(f.Rule)
		if !ok || f.Detail == "" || f.Detail[0] == ' ' || strings.HasSuffix(f.Detail, ".") || f.Fix == "" && known.Fix == "" {
			t.Errorf("%s: detail %q, fix %q", f.Rule, f.Detail, f.Fix)
		}
	}
}

// TestConsequences wants the lines after a fault skipped, with a word of the cause.
func TestConsequences(t *testing.T) {
	s := isolated(t)
	s.Radvd.Running, s.Heard = false, nil
	if got := line(s.judged(t), "advertisement"); got.Status != checklist.Skipped || !strings.Contains(got.Text, "radvd does not run") {
		t.Errorf("%v: %s", got.Status, got.Text)
	}
	s = isolated(t)
	s.lose("eth0", "fe80")
	s.Heard = nil
	if got := line(s.judged(t), "advertisement"); got.Status != checklist.Skipped || !strings.Contains(got.Text, "no link-local address") {
		t.Errorf("%v: %s", got.Status, got.Text)
	}
}

// TestCannotTell wants what could not be looked at called unknown, and the verdict to say so.
func TestCannotTell(t *testing.T) {
	for _, c := range []struct {
		name, line, says string
		doubt            func(s *scene)
	}{
		{"deaf", "advertisement", "operation not permitted", func(s *scene) { s.Heard, s.Deaf = nil, "operation not permitted" }},
		{"listened too short", "advertisement", "radvd may be silent for 15.0 s", func(s *scene) { s.Heard, s.Listened = nil, 5*time.Second }},
		{"filter unread", "input filter", "not permitted", func(s *scene) { s.Filter, s.FilterError = nil, "nft: not permitted" }},
		{"part of the filter unread", "forward filter", "ip6tables", func(s *scene) { s.Filter.Unread = []string{"ip6tables: not permitted"} }},
		{"only those who ask are told", "advertisement", "only to those who ask", func(s *scene) {
			s.Heard, s.Radvd.State.Links[0].Says.Interval = nil, nil
		}},
		{"radvd unseen", "radvd", "only root", func(s *scene) {
			s.Radvd.Running, s.Radvd.Unsure, s.Heard, s.Deaf = false, "only root may see", nil, "not permitted"
		}},
		{"connections unread", "connections", "not permitted", func(s *scene) { s.Connections = Table{Unread: "not permitted"} }},
		{"backlog unread", "backlog", "not permitted", func(s *scene) { s.Backlog.Unread = "not permitted" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := isolated(t)
			c.doubt(s)
			l := s.judged(t)
			if got := line(l, c.line); got.Status != checklist.Unknown || !strings.Contains(got.Text, c.says) {
				t.Errorf("%v: %s", got.Status, got.Text)
			}
			if got := found(l); len(got) > 0 {
				t.Errorf("found %v", got)
			}
			if !strings.Contains(l.Healthy, "not all could be looked at: ") || !strings.Contains(l.Healthy, c.line) {
				t.Errorf("verdict %q", l.Healthy)
			}
		})
	}
}
