package guest

import (
	"net/netip"
	"slices"
	"strings"
	"testing"
)

// TestFixes wants a fix that mends what is broken here, and not what is so most often.
func TestFixes(t *testing.T) {
	silent := func(why string) func(*Input) {
		return func(in *Input) {
			in.Probes.Target.Status, in.Probes.Target.Replies, in.Probes.Target.Why, in.Path = Silent, 0, why, nil
		}
	}
	for _, tt := range []struct {
		name   string
		change func(*Input)
		fix    string
	}{
		{"a short lifetime of a prefix", all(bare, func(in *Input) { in.Facts.Settings.AcceptRAMinLft = 100000 }),
			"net.ipv6.conf.eth0.accept_ra_min_lft=0"},
		{"a short router lifetime", all(noWay, func(in *Input) { in.Facts.Settings.AcceptRAMinLft = 100 }),
			"net.ipv6.conf.eth0.accept_ra_min_lft=0"},
		{"a router lifetime that is long enough", all(noWay, func(in *Input) { in.Facts.Settings.AcceptRAMinLft = 45 }),
			"v6probe slaac --drops"},
		{"a route that is not renewed", func(in *Input) { in.Facts.Routes[0].Expires = 20e9 }, "ICMPv6 type 134 must pass"},
		{"a route that is not renewed, as the lifetime is short", func(in *Input) {
			in.Facts.Routes[0].Expires, in.Facts.Settings.AcceptRAMinLft = 20e9, 100
		}, "net.ipv6.conf.eth0.accept_ra_min_lft=0"},
		{"a route that refuses", func(in *Input) {
			in.Facts.Routes = slices.Insert(in.Facts.Routes, 0, Route{Device: "lo", Index: 1, Table: 254, Metric: 10, Refusing: "blackhole"})
			in.Facts.World, in.Facts.Refused = nil, "blackhole"
			unasked(in)
		}, "`ip -6 route del blackhole default metric 10`"},
		{"a rule that refuses", func(in *Input) {
			in.Facts.World, in.Facts.Refused = nil, "prohibit"
			unasked(in)
		}, "`ip -6 rule` and"},
		{"a target that this host refuses", silent(server + ": a route of this host says prohibit"), "`ip -6 route get fibmatch " + server},
		{"a target that a filter of this host drops", silent(whyFiltered), "`ip6tables -S OUTPUT` on this host"},
		{"a setting of a VLAN", func(in *Input) { in.Facts.Interface.Name, in.Facts.Settings.AcceptRA = "eth0.100", 0 },
			"`sysctl -w net.ipv6.conf.eth0/100.accept_ra=1`"},
		{"a target that is silent", silent(""), "CloudStack lists it in ip6routes"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			in := healthyGuest()
			tt.change(&in)
			l := Judge(in)
			if f, ok := l.First(); !ok || !strings.Contains(f.Fix, tt.fix) {
				t.Errorf("%q has no %q\n%s", f.Fix, tt.fix, shown(l))
			}
		})
	}
	// Where security groups let the address of the MAC send alone, the target is not at fault.
	in := healthyGuest()
	in.Facts.Addresses[1].Prefix = netip.MustParsePrefix("fd17:625c:f037:2:aaaa:bbbb:cccc:dddd/64")
	silent("")(&in)
	l := Judge(in)
	if f, ok := l.First(); !ok || !strings.Contains(f.Fix, "see guest.not-eui64") {
		t.Errorf("%q\n%s", f.Fix, shown(l))
	}
}
