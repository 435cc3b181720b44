package host

import (
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"unicode"

	"v6probe/internal/rule"
)

// The interfaces of the scenes: lo, an uplink, and what a case adds from index 3 on.
func scene(uplink int, more ...Link) []Link {
	list := []Link{{Name: "lo", Index: 1, MTU: 65536, Up: true, Kind: "loopback"}, {Name: "eth0", Index: 2, MTU: uplink, Up: true}}
	for i, l := range more {
		l.Index, l.Up = i+3, !l.Up // so that a case writes Up for what is down
		list = append(list, l)
	}
	return list
}

// uplinkRoute has everything behind eth0 of that MTU, with the host's own addresses on lo and on eth0.
func uplinkRoute(uplink int) func(netip.Addr) (Way, error) {
	return func(a netip.Addr) (Way, error) {
		switch a.String() {
		case "10.0.0.1", "fd00::1":
			return Way{Device: "lo", MTU: 65536, DeviceMTU: 65536, Local: true, Holder: "lo"}, nil
		case "10.0.0.2":
			return Way{Device: "lo", MTU: 65536, DeviceMTU: 65536, Local: true, Holder: "dummy0"}, nil
		case "192.0.2.1":
			return Way{Device: "lo", MTU: 65536, DeviceMTU: 65536, Local: true, Holder: "eth0"}, nil
		case "198.51.100.1":
			return Way{Device: "eth0", Index: 2, DeviceMTU: uplink, MTU: 1400, Limit: LimitRoute}, nil
		case "203.0.113.3": // by the tunnel itself, the first interface of a case
			return Way{Device: "vxlan100", Index: 3, DeviceMTU: 1500, MTU: 1500}, nil
		case "203.0.113.1":
			return Way{}, errors.New("no route")
		}
		return Way{Device: "eth0", Index: 2, DeviceMTU: uplink, MTU: uplink}, nil
	}
}

func addrs(list ...string) (all []netip.Addr) {
	for _, s := range list {
		all = append(all, netip.MustParseAddr(s))
	}
	return all
}

// multicast is a VXLAN as CloudStack's modifyvxlan.sh makes it, evpn one as modifyvxlan-evpn.sh does.
func multicast(mtu int, group string) Link {
	g := netip.MustParseAddr(group)
	return Link{Name: "vxlan100", MTU: mtu, Kind: "vxlan", Lower: 2,
		Tunnel: &Tunnel{ID: 100, Port: 8472, Remote: g, IPv6Outer: g.Is6(), Learning: true}}
}

func evpn(mtu int, local string, remotes ...string) Link {
	a := netip.MustParseAddr(local)
	return Link{Name: "vxlan100", MTU: mtu, Kind: "vxlan",
		Tunnel: &Tunnel{ID: 100, Port: 4789, Local: a, IPv6Outer: a.Is6(), Remotes: addrs(remotes...)}}
}

func tunnel(kind string, mtu, lower int, t Tunnel) Link {
	return Link{Name: "t0", MTU: mtu, Kind: kind, Lower: lower, Tunnel: &t}
}

func port(name, kind string, mtu, master int) Link {
	return Link{Name: name, Kind: kind, MTU: mtu, Master: master}
}

func with(l Link, f func(*Link)) Link {
	f(&l)
	return l
}

func TestTunnels(t *testing.T) {
	const evpnNote = "; it was made without dev, as by CloudStack's modifyvxlan-evpn.sh, which ignores the underlay"
	remote := netip.MustParseAddr("192.0.2.2")
	for _, c := range []struct {
		name   string
		uplink int
		links  []Link
		want   []string // "rule: detail | fix"
	}{
		{"nothing", 1500, nil, nil},
		{"multicast", 1500, []Link{multicast(1450, "239.0.0.1")}, nil},
		{"multicast over IPv6", 1500, []Link{multicast(1430, "ff05::1")}, nil},
		{"multicast, jumbo", 9000, []Link{multicast(8950, "239.0.0.1")}, nil},
		{"EVPN lowered", 1500, []Link{evpn(1450, "10.0.0.1", "192.0.2.2")}, nil},
		{"EVPN on 1550", 1550, []Link{evpn(1500, "10.0.0.1", "192.0.2.2")}, nil},
		{"EVPN over IPv6 on 1570", 1570, []Link{evpn(1500, "fd00::1", "fd00::2")}, nil},
		{"EVPN without other ends", 1500, []Link{evpn(1500, "10.0.0.1")}, nil},
		{"EVPN with no way", 1500, []Link{evpn(1500, "10.0.0.1", "203.0.113.1")}, nil},
		{"EVPN on a dummy", 1500, []Link{evpn(1500, "10.0.0.2"), {Name: "dummy0", MTU: 1500, Kind: "dummy"}}, nil},
		{"EVPN through itself", 1500, []Link{evpn(1500, "10.0.0.1", "203.0.113.3")}, nil},
		{"EVPN with itself", 1500, []Link{evpn(1500, "10.0.0.1", "10.0.0.1")}, nil},
		{"docker", 1500, []Link{{Name: "docker0", MTU: 1500, Kind: "bridge"}, port("veth1", "veth", 1500, 3), port("veth2", "veth", 1500, 3)}, nil},
		{"unequal, no tunnel", 9000, []Link{{Name: "cloudbr0", MTU: 1500, Kind: "bridge"}, port("vnet0", "tap", 1500, 3), port("veth2", "veth", 9000, 3)}, nil},
		{"an empty bridge", 1500, []Link{{Name: "br0", MTU: 1500, Kind: "bridge"}}, nil},
		{"a bridge with guests that fit", 1500, []Link{multicast(1450, "239.0.0.1"), port("vnet0", "tap", 1450, 3)}, nil},
		{"down", 1500, []Link{with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Up = true })}, nil},
		{"foreign", 1500, []Link{with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Foreign, l.Lower = true, 0 })}, nil},
		{"lower not seen", 1500, []Link{with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Lower = 99 })}, nil},
		{"fallback sit0", 1500, []Link{tunnel("sit", 1480, 0, Tunnel{})}, nil},
		{"wireguard", 1500, []Link{tunnel("wireguard", 1420, 0, Tunnel{})}, nil},
		{"gre", 1500, []Link{tunnel("gre", 1476, 0, Tunnel{Remote: remote})}, nil},
		{"gre in UDP", 1500, []Link{tunnel("gre", 1476, 0, Tunnel{Remote: remote, Encapsulation: true})}, nil},
		{"ip6tnl", 1500, []Link{tunnel("ip6tnl", 1452, 2, Tunnel{IPv6Outer: true, EncapLimit: true})}, nil},
		{"VXLAN-GPE", 1500, []Link{tunnel("vxlan", 1464, 2, Tunnel{GPE: true, Learning: true})}, nil},
		{"tunnel in a tunnel", 1500, []Link{multicast(1450, "239.0.0.1"), tunnel("sit", 1430, 3, Tunnel{})}, nil},

		{"multicast too big", 1500, []Link{multicast(1500, "239.0.0.1")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0, MTU 1500, with VXLAN over IPv4: 50 bytes too many | " +
				"`ip link set eth0 mtu 1550` (with what is below it, and the switches behind it), or `ip link set vxlan100 mtu 1450`"}},
		{"with dev, nolearning", 1500, []Link{with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Tunnel.Learning = false })}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0, MTU 1500, with VXLAN over IPv4: 50 bytes too many | *"}},
		{"over IPv6 too big", 1500, []Link{multicast(1450, "ff05::1")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1450 over eth0, MTU 1500, with VXLAN over IPv6: 20 bytes too many | " +
				"`ip link set eth0 mtu 1520` (with what is below it, and the switches behind it), or `ip link set vxlan100 mtu 1430`"}},
		{"EVPN too big", 1500, []Link{with(evpn(1500, "10.0.0.1", "10.0.0.1", "203.0.113.1", "192.0.2.2"), func(l *Link) { l.Master = 4 }),
			port("brvx-100", "bridge", 1500, 0)}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0 to 192.0.2.2, MTU 1500, with VXLAN over IPv4: 50 bytes too many" + evpnNote +
				" | `ip link set eth0 mtu 1550` (with what is below it, and the switches behind it), or `ip link set vxlan100 mtu 1450` and " +
				"the guests on brvx-100 to 1450 (CloudStack: the network's privatemtu)"}},
		{"EVPN over IPv6 on 1550", 1550, []Link{evpn(1500, "fd00::1", "fd00::2")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0 to fd00::2, MTU 1550, with VXLAN over IPv6: 20 bytes too many" + evpnNote +
				" | `ip link set eth0 mtu 1570` (with what is below it, and the switches behind it), or `ip link set vxlan100 mtu 1480`"}},
		{"EVPN with its address on the uplink", 1500, []Link{evpn(1500, "192.0.2.1", "10.0.0.1")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0, MTU 1500, with VXLAN over IPv4: 50 bytes too many" + evpnNote +
				" | `ip link set eth0 mtu 1550` (with what is below it, and the switches behind it), or `ip link set vxlan100 mtu 1450`"}},
		{"the narrowest of the ways", 1550, []Link{evpn(1500, "10.0.0.1", "192.0.2.2", "198.51.100.1", "192.0.2.3")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0 to 198.51.100.1, MTU 1400, with VXLAN over IPv4: 150 bytes too many" + evpnNote +
				" | raise the way to 198.51.100.1 to 1550: see `ip route get fibmatch 198.51.100.1` and the MTU of eth0, or " +
				"`ip link set vxlan100 mtu 1350`"}},
		{"too small for IPv6", 1300, []Link{multicast(1500, "239.0.0.1")}, []string{
			"pmtu.tunnel-mtu: vxlan100 carries 1500 over eth0, MTU 1300, with VXLAN over IPv4: 250 bytes too many | " +
				"`ip link set eth0 mtu 1550` (with what is below it, and the switches behind it); the 1250 bytes that are left now are too few for IPv6"}},
		{"gre with all", 1500, []Link{tunnel("gre", 1476, 2, Tunnel{Key: true, Csum: true, Seq: true})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1476 over eth0, MTU 1500, with GRE over IPv4, key, checksum, sequence number: 12 bytes too many | *"}},
		{"ip6gretap", 1500, []Link{tunnel("ip6gretap", 1500, 2, Tunnel{IPv6Outer: true, EncapLimit: true})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1500 over eth0, MTU 1500, with gretap over IPv6, encapsulation limit: 66 bytes too many | *"}},
		{"ip6gre", 1500, []Link{tunnel("ip6gre", 1460, 2, Tunnel{IPv6Outer: true})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1460 over eth0, MTU 1500, with GRE over IPv6: 4 bytes too many | *"}},
		{"gretap", 1500, []Link{tunnel("gretap", 1500, 0, Tunnel{Remote: remote})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1500 over eth0 to 192.0.2.2, MTU 1500, with gretap over IPv4: 38 bytes too many | *"}},
		{"sit", 1500, []Link{tunnel("sit", 1500, 2, Tunnel{})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1500 over eth0, MTU 1500, with SIT over IPv4: 20 bytes too many | *"}},
		{"geneve", 1500, []Link{tunnel("geneve", 1500, 0, Tunnel{Remote: netip.MustParseAddr("fd00::2"), IPv6Outer: true})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1500 over eth0 to fd00::2, MTU 1500, with Geneve over IPv6: 70 bytes too many | *"}},
		{"VXLAN-GPE too big", 1500, []Link{tunnel("vxlan", 1500, 2, Tunnel{GPE: true, Learning: true})}, []string{
			"pmtu.tunnel-mtu: t0 carries 1500 over eth0, MTU 1500, with VXLAN-GPE with IP inside over IPv4: 36 bytes too many | *"}},

		{"guest above overlay", 1500, []Link{port("brvx-100", "bridge", 1450, 0), with(multicast(1450, "239.0.0.1"), func(l *Link) { l.Master = 3 }),
			port("vnet0", "tap", 1500, 3), port("vnet1", "tap", 1450, 3), port("veth9", "veth", 9000, 3), port("vnet7", "tap", 1500, 9)}, []string{
			"pmtu.bridge-port-mtu: on brvx-100 vnet0 (1500) and veth9 (9000) may send more than vxlan100 carries, 1450: packets between " +
				"the sizes vanish without a word | set the guests, and their ports here, to 1450 (CloudStack: the network's privatemtu), or " +
				"`ip link set eth0 mtu 9050` (with what is below it, and the switches behind it) and then `ip link set vxlan100 mtu 9000`"}},
		{"an underlay with room", 9100, []Link{port("brvx-100", "bridge", 1450, 0), with(multicast(1450, "239.0.0.1"), func(l *Link) { l.Master = 3 }),
			port("vnet0", "tap", 9000, 3)}, []string{
			"pmtu.bridge-port-mtu: on brvx-100 vnet0 (9000) may send more than vxlan100 carries, 1450: packets between the sizes vanish " +
				"without a word | set the guests, and their ports here, to 1450 (CloudStack: the network's privatemtu), or " +
				"`ip link set vxlan100 mtu 9000`"}},
		{"an underlay that is not known", 1500, []Link{port("brvx-100", "bridge", 1450, 0), with(evpn(1450, "fd00::1"), func(l *Link) { l.Master = 3 }),
			port("vnet0", "tap", 1500, 3)}, []string{
			"pmtu.bridge-port-mtu: on brvx-100 vnet0 (1500) may send more than vxlan100 carries, 1450: packets between the sizes vanish " +
				"without a word | set the guests, and their ports here, to 1450 (CloudStack: the network's privatemtu), or let what " +
				"carries vxlan100 carry 1570, and then `ip link set vxlan100 mtu 1500`"}},
		{"guests that are down", 1500, []Link{port("brvx-100", "bridge", 1450, 0), with(multicast(1450, "239.0.0.1"), func(l *Link) { l.Master = 3 }),
			with(port("vnet0", "tap", 1500, 3), func(l *Link) { l.Up = true })}, nil},
		{"the narrowest tunnel, many guests", 1500, []Link{port("br0", "bridge", 1450, 0),
			with(tunnel("gretap", 1462, 2, Tunnel{}), func(l *Link) { l.Master = 3 }),
			with(evpn(1430, "fd00::1", "fd00::2"), func(l *Link) { l.Master = 3 }),
			port("vnet0", "tap", 1500, 3), port("vnet1", "tap", 1500, 3), port("vnet2", "tap", 1500, 3), port("vnet3", "tap", 1500, 3),
			port("vnet4", "tap", 1500, 3), port("vnet5", "tap", 1500, 3)}, []string{
			"pmtu.bridge-port-mtu: on br0 vnet0 (1500), vnet1 (1500), vnet2 (1500), vnet3 (1500) and 2 more may send more than vxlan100 " +
				"carries, 1430: packets between the sizes vanish without a word | set the guests, and their ports here, to 1430 " +
				"(CloudStack: the network's privatemtu), or `ip link set eth0 mtu 1570` (with what is below it, and the switches behind it) " +
				"and then `ip link set vxlan100 mtu 1500`"}},
		{"both", 1500, []Link{port("brvx-100", "bridge", 1500, 0), with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Master = 3 }),
			port("vnet0", "tap", 9000, 3)}, []string{"pmtu.bridge-port-mtu: * | *", "pmtu.tunnel-mtu: * | *"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			found := Tunnels(scene(c.uplink, c.links...), uplinkRoute(c.uplink))
			if len(found) != len(c.want) {
				t.Fatalf("found %+v, want %q", found, c.want)
			}
			for i, f := range found {
				id, rest, _ := strings.Cut(c.want[i], ": ")
				detail, fix, _ := strings.Cut(rest, " | ")
				if string(f.Rule) != id || f.Severity != rule.Error || f.Offset != -1 || f.Subject == "" ||
					detail != "*" && f.Detail != detail || fix != "*" && f.Fix != fix {
					t.Errorf("\n%s: %s | %s, want\n%s", f.Rule, f.Detail, f.Fix, c.want[i])
				}
			}
		})
	}
}

// TestFits: a tunnel is listed also where it is not known what carries it.
func TestFits(t *testing.T) {
	links := scene(1500, multicast(1500, "239.0.0.1"), evpn(1500, "fd00::1"), tunnel("gre", 1476, 0, Tunnel{Encapsulation: true}),
		tunnel("gre", 1476, 2, Tunnel{Encapsulation: true}), with(evpn(1500, "10.0.0.1"), func(l *Link) { l.Up = true }),
		with(multicast(1500, "239.0.0.1"), func(l *Link) { l.Foreign, l.Lower = true, 0 }))
	var got []string
	for _, f := range Fits(links, uplinkRoute(1500)) {
		got = append(got, fmt.Sprintf("%s %d, %s, %q %d", f.Tunnel, f.MTU, f.Encapsulation.Title, f.Underlay, f.Left))
	}
	want := []string{`vxlan100 1500, VXLAN over IPv4, "eth0, MTU 1500" 1450`, `vxlan100 1500, VXLAN over IPv6, "" 0`,
		`vxlan100 1500, VXLAN over IPv4, "" 0`}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNames: whatever an interface is called, the terminal is safe.
func TestNames(t *testing.T) {
	for _, bad := range []string{"\x1b[2J", "a\nb", "\xff", "\u202e"} {
		links := scene(1500, Link{Name: "br" + bad, MTU: 1500, Kind: "bridge"}, with(multicast(1500, "239.0.0.1"), func(l *Link) {
			l.Name, l.Master = "v"+bad, 3
		}), port("t"+bad, "tap", 9000, 3))
		links[1].Name = "e" + bad
		found := Tunnels(links, uplinkRoute(1500))
		if len(found) != 2 {
			t.Fatalf("found %+v", found)
		}
		for _, f := range found {
			all := f.Detail + f.Fix + f.Subject
			if strings.ContainsFunc(all, func(r rune) bool { return !unicode.IsPrint(r) || r == unicode.ReplacementChar }) {
				t.Errorf("%q", all)
			}
			if !strings.Contains(all, fmt.Sprintf("%q", "v"+bad)) {
				t.Errorf("%q does not name the tunnel", all)
			}
		}
	}
	if printable("eth0.100") != "eth0.100" {
		t.Error("a plain name is quoted")
	}
}
