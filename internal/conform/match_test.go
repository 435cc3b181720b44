package conform

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// TestMatch has links that are told apart by what their source says of them.
func TestMatch(t *testing.T) {
	named := func(name string, prefix netip.Prefix, change func(*expect.Link)) *expect.Link {
		l := &expect.Link{Name: name, Place: rule.Place{File: "all", Path: name}, Prefixes: []netip.Prefix{prefix},
			Says: &expect.Advertisement{Prefixes: &expect.Prefixes{List: []expect.Prefix{{Prefix: prefix, Place: rule.Place{File: "all", Path: name}}}}}}
		change(l)
		return l
	}
	segments := &expect.State{Links: []*expect.Link{
		named("web", web, func(l *expect.Link) { l.VNI = &expect.ID{Number: 100, Place: rule.Place{File: "all", Path: "100"}} }),
		named("db", db, func(l *expect.Link) {
			l.VLAN = &expect.ID{Number: 200, Place: rule.Place{File: "all", Path: "200"}}
			l.Neighbors = []expect.Neighbor{{Name: "vm", MAC: expect.MAC(craft.MAC(craft.GuestMAC))}}
		}),
	}}
	guard := func(vni uint32, name, mac string) func(l *expect.Link) {
		return func(l *expect.Link) {
			l.VNI = &expect.ID{Number: vni, Place: rule.Place{File: "all", Path: fmt.Sprint(vni)}}
			l.OnlyRouters, l.Routers = true, []expect.Router{{Name: name, MAC: expect.MAC(craft.MAC(mac)), Place: l.Place}}
		}
	}
	guarded := &expect.State{Links: []*expect.Link{named("web", web, guard(100, "r-1-VM", craft.RouterMAC)), named("db", db, guard(300, "", otherMAC))}}
	tagged := func(id uint32) func(l *expect.Link) {
		return func(l *expect.Link) { l.VLAN = &expect.ID{Number: id} }
	}
	twins := &expect.State{Links: []*expect.Link{named("a", web, tagged(7)), named("b", web, tagged(7)), named("c", web, tagged(8)), named("d", db, tagged(8))}}
	leaving := craft.CloudStackRA()
	leaving.Lifetime = 0
	bye := leaving.Message()
	watched := func(name string) func(l *expect.Link) {
		return func(l *expect.Link) {
			l.Iface, l.Routers = name, []expect.Router{{MAC: expect.MAC(craft.MAC(craft.RouterMAC)), Required: true}}
		}
	}
	seen := &expect.State{Links: []*expect.Link{named("cloudbr0", web, watched("cloudbr0")), named("vnet3", web, watched("vnet3"))}}
	interfaces := &expect.State{Links: []*expect.Link{
		named("eth2", web, func(l *expect.Link) { l.Iface = "eth2" }), named("eth3", db, func(l *expect.Link) { l.Iface = "eth3" }),
	}}
	one := &expect.State{Links: segments.Links[:1]}
	vxlan := func(vni uint32, msg []byte) shot {
		inner := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg)
		return shot{data: craft.Ethernet(craft.MAC(otherMAC), craft.MAC(craft.RouterMAC), nil, 0x800, craft.VXLAN("192.0.2.1", "192.0.2.2", 8472, vni, inner))}
	}
	vlan := func(id uint16, msg []byte) shot {
		return shot{data: craft.Ethernet(craft.MulticastMAC(craft.AllNodes), craft.MAC(craft.RouterMAC), []uint16{id}, 0x86dd,
			craft.IPv6(craft.RouterLL, craft.AllNodes, 255, 58, craft.ICMPv6(craft.RouterLL, craft.AllNodes, msg)))}
	}
	on := func(x shot, iface string, d packet.Direction) shot {
		x.iface, x.change = iface, func(f *packet.Frame) { f.Direction = d }
		return x
	}
	dbRA := upstream()
	third := craft.CloudStackRA().Message(craft.PIO("2001:db8:3::", 64, 0xc0, 86400, 14400))
	for _, tt := range []struct {
		name  string
		want  *expect.State
		shots []shot
		found []string
	}{
		{"in its VNI", segments, []shot{vxlan(100, good())}, nil},
		{"in its VLAN", segments, []shot{vlan(200, dbRA)}, nil},
		{"in the other's VNI", segments, []shot{vxlan(100, dbRA)}, []string{
			"ra.unknown-prefix all (web) 2001:db8:2::/64 is advertised, expected 2001:db8:1::/64; it is that of db", "expect.prefix-missing"}},
		{"its router in the other's VNI", guarded, []shot{vxlan(300, good())}, []string{"expect.segment all (100) web is advertised in VNI 300, expected VNI 100"}},
		{"another's router on a tap", guarded, []shot{from(otherMAC, otherLL, 0, dbRA), sent(1, dbRA)},
			[]string{"ra.unknown-router all (db) fe80::ff:fe00:1 (02:00:00:00:00:01) is none of the routers of db: 02:00:00:00:00:03; it is r-1-VM 02:00:00:00:00:01 of web"}},
		{"in a VNI of nobody", segments, []shot{vxlan(300, good())}, []string{"expect.segment all (100) web is advertised in VNI 300, expected VNI 100"}},
		{"on a VLAN of nobody", segments, []shot{vlan(300, dbRA)}, []string{"expect.segment all (200) db is advertised in VLAN 300, expected VLAN 200"}},
		{"another interface of the router", &expect.State{Links: interfaces.Links[:1]}, []shot{on(sent(0, upstream()), "eth1", packet.Incoming),
			on(sent(0, good()), "eth2", packet.Outgoing)}, []string{"expect.unmatched"}},
		{"one of two is not there", &expect.State{Links: []*expect.Link{interfaces.Links[0], named("gone", db, func(l *expect.Link) {
			l.Routers = []expect.Router{{Address: netip.MustParseAddr("fe80::7"), Required: true}}
		})}}, []shot{on(sent(0, good()), "eth2", packet.Outgoing)}, []string{"expect.router-missing"}},
		{"a bridge and its tap", seen, []shot{on(sent(0, good()), "cloudbr0", packet.Incoming), on(sent(0, good()), "vnet3", packet.Outgoing)}, nil},
		{"the host has an interface of that name", &expect.State{Links: interfaces.Links[:1]}, []shot{on(sent(0, third), "eth2", packet.Incoming),
			on(sent(0, good()), "vnet5", packet.Incoming)}, []string{"expect.unmatched"}},
		{"an interface of that name, and nothing else", interfaces, []shot{on(sent(0, third), "eth3", packet.Incoming)},
			[]string{"ra.unknown-prefix all (eth3)", "expect.prefix-missing"}},
		{"only a goodbye", one, []shot{sent(0, bye)}, []string{"expect.unmatched"}},
		{"a VXLAN's on a VLAN", one, []shot{vlan(77, good())}, []string{"expect.segment all (100) web is advertised in VLAN 77, expected VNI 100"}},
		{"a guest on the wrong bridge", segments, []shot{from(craft.GuestMAC, craft.GuestLL, 0, craft.NA(0x20, craft.GuestLL)), sent(1, good())}, nil},
		{"two networks have the prefix", twins, []shot{sent(0, good())}, []string{"expect.unmatched all (a)"}},
		{"two have the VLAN", twins, []shot{vlan(7, good())}, []string{"expect.unmatched all (a)"}},
		{"two have the VLAN, one the prefix", twins, []shot{vlan(8, dbRA)}, nil},
		{"on a tap, by its prefix", segments, []shot{sent(0, dbRA)}, nil},
		{"a guest is known", segments, []shot{from(craft.GuestMAC, craft.GuestLL, 0, craft.NA(0x20, craft.GuestLL)), sent(1, third)},
			[]string{"ra.unknown-prefix all (db) 2001:db8:3::/64", "expect.prefix-missing"}},
		{"nothing tells", segments, []shot{sent(0, third)}, []string{"expect.unmatched all (web) 2001:db8:3::/64 is advertised here, which is none of web, db"}},
		{"there is one only", one, []shot{sent(0, third)}, []string{"ra.unknown-prefix all (web)", "expect.prefix-missing"}},
		{"it is elsewhere", one, []shot{vxlan(300, third)}, []string{"expect.unmatched"}},
		{"the router's own interface", interfaces, []shot{on(sent(0, third), "eth3", packet.Outgoing)}, []string{"ra.unknown-prefix all (eth3)", "expect.prefix-missing"}},
		{"mixed up on the router", interfaces, []shot{on(sent(0, good()), "eth3", packet.Outgoing)}, []string{"ra.unknown-prefix all (eth3)", "expect.prefix-missing"}},
		{"an interface of that name on a guest", interfaces, []shot{on(sent(0, good()), "eth3", packet.Incoming)}, nil},
		{"two of the wire, nothing tells", one, []shot{on(sent(0, third), "a", packet.Incoming), on(sent(0, third), "b", packet.Incoming)}, []string{"expect.unmatched", "expect.unmatched"}},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, tt.want, tt.shots...), tt.found...) })
	}
}

// TestFlaws has faults of the expectation itself, which are told of a link that is there.
func TestFlaws(t *testing.T) {
	s := network(nil)
	s.Flaws = []expect.Flaw{{Rule: "expect.network-mtu", Severity: rule.Error, Link: "eth0", Detail: "576", Place: at(70)},
		{Rule: "expect.source", Severity: rule.Warning, Link: "eth1", Detail: "of another link", Place: at(71)}}
	s.Links = append(s.Links, &expect.Link{Name: "eth1", Place: at(72), Iface: "eth1"})
	wants(t, play(t, s, sent(0, good())), "expect.network-mtu vr.conf:70 576")
	s.Links = s.Links[1:]
	wants(t, play(t, s), "expect.network-mtu", "expect.source vr.conf:71 of another link")
}

// TestEveryRule wants each rule of this package in a test.
func TestEveryRule(t *testing.T) {
	var text []byte
	for _, name := range []string{"conform_test.go", "match_test.go"} {
		b, err := os.ReadFile(name)
		if err != nil {
			t.Fatal(err)
		}
		text = append(text, b...)
	}
	for _, r := range rule.All() {
		if id := string(r.ID); strings.HasPrefix(id, "expect.") && !bytes.Contains(text, []byte(`"`+id)) {
			t.Errorf("no test has %s", id)
		}
	}
}
