package host

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
	"v6probe/internal/rule"
)

// linksOf returns the interfaces of a namespace by name, and what Tunnels has to say about them.
func linksOf(t *testing.T, n *lab.Namespace) (map[string]Link, []rule.Finding) {
	t.Helper()
	all := make(map[string]Link)
	var found []rule.Finding
	check(t, n.Do(func() error {
		list, err := Links()
		for _, l := range list {
			all[l.Name] = l
		}
		found = Tunnels(list, func(a netip.Addr) (Way, error) { return Route(a, "", netip.Addr{}) })
		return err
	}))
	return all, found
}

// TestLinks makes the interfaces of a KVM host, with VXLANs as CloudStack's two scripts make them, and compares with ip.
func TestLinks(t *testing.T) {
	host, _ := pair(t)
	ip(t, host, "addr add 192.0.2.2/24 dev eth0", "addr add 10.0.0.1/32 dev lo",
		"link add vxlan100 type vxlan id 100 group 239.0.0.100 dev eth0 dstport 8472 ttl 10",
		"link add vxlan6 type vxlan id 16777215 group ff05::100 dev eth0 dstport 8473",
		"link add vxlan200 type vxlan id 200 local 10.0.0.1 dstport 4789 nolearning",
		"link add vxlan300 type vxlan id 300 local fd00::2 remote fd00::9 dstport 4790",
		"link add vxlan400 type vxlan external gpe dstport 4791",
		"link set vxlan100 up", "link set vxlan200 up", "link set vxlan300 up mtu 1430")
	tap, err := host.AddTap("vnet0", "")
	check(t, err)
	defer tap.Close()
	check(t, lab.Veth(lab.End{NS: host, Name: "p0"}, lab.End{NS: host, Name: "p1"}), host.AddBridge("brvx-200", "vxlan200", "vnet0"))

	all, found := linksOf(t, host)
	index := func(name string) int {
		t.Helper()
		i, err := host.Index(name)
		check(t, err)
		return i
	}
	for _, want := range []Link{
		{Name: "lo", MTU: 65536, Up: true, Kind: "loopback"},
		{Name: "eth0", MTU: 1500, Up: true, Kind: "veth"}, // its other end is in another namespace, and not below it
		{Name: "p0", MTU: 1500, Up: true, Kind: "veth"},
		{Name: "vnet0", MTU: 1500, Up: true, Kind: "tap", Master: index("brvx-200")},
		{Name: "brvx-200", MTU: 1500, Up: true, Kind: "bridge"},
		{Name: "vxlan100", MTU: 1450, Up: true, Kind: "vxlan", Lower: index("eth0"), Tunnel: &Tunnel{ID: 100, Port: 8472, TTL: 10,
			Remote: netip.MustParseAddr("239.0.0.100"), Learning: true}},
		{Name: "vxlan6", MTU: 1430, Kind: "vxlan", Lower: index("eth0"), Tunnel: &Tunnel{ID: 16777215, Port: 8473,
			Remote: netip.MustParseAddr("ff05::100"), Learning: true, IPv6Outer: true}},
		{Name: "vxlan200", MTU: 1500, Up: true, Kind: "vxlan", Master: index("brvx-200"), Tunnel: &Tunnel{ID: 200, Port: 4789,
			Local: netip.MustParseAddr("10.0.0.1")}},
		{Name: "vxlan300", MTU: 1430, Up: true, Kind: "vxlan", Tunnel: &Tunnel{ID: 300, Port: 4790, Local: netip.MustParseAddr("fd00::2"),
			Remote: netip.MustParseAddr("fd00::9"), Learning: true, IPv6Outer: true}},
		{Name: "vxlan400", MTU: 1500, Kind: "vxlan", Tunnel: &Tunnel{Port: 4791, External: true, GPE: true}},
	} {
		want.Index = index(want.Name)
		got := all[want.Name]
		if show(got) != show(want) {
			t.Errorf("%s:\n%s, want\n%s", want.Name, show(got), show(want))
		}
		shown := ip(t, host, "-d link show dev "+want.Name)
		if !strings.Contains(shown, fmt.Sprintf("mtu %d ", got.MTU)) || got.Kind == "vxlan" && got.Tunnel.ID != 0 &&
			!strings.Contains(shown, fmt.Sprintf("vxlan id %d ", got.Tunnel.ID)) || got.Kind == "tap" && !strings.Contains(shown, "tun type tap") {
			t.Errorf("ip says otherwise than %s:\n%s", show(got), shown)
		}
	}
	if len(found) != 0 {
		t.Errorf("the underlay of vxlan200 is not known yet: %+v", found)
	}

	// What a routing daemon puts in: an entry for flooding and one for a guest.
	for _, line := range []string{"00:00:00:00:00:00 dst 192.0.2.9", "02:00:00:00:00:09 dst 192.0.2.9", "00:00:00:00:00:00 dst 192.0.2.8"} {
		bridgeFDB(t, host, "vxlan200", line)
	}
	all, found = linksOf(t, host)
	got := all["vxlan200"].Tunnel.Remotes
	slices.SortFunc(got, netip.Addr.Compare)
	if !slices.Equal(got, addrs("192.0.2.8", "192.0.2.9")) {
		t.Errorf("other ends %v", got)
	}
	if len(found) != 1 || !strings.HasPrefix(found[0].Detail, "vxlan200 carries 1500 over eth0 to 192.0.2.") ||
		!strings.Contains(found[0].Detail, ", MTU 1500, with VXLAN over IPv4: 50 bytes too many; it was made without dev") {
		t.Errorf("found %+v", found)
	}
	ip(t, host, "link set vxlan200 mtu 1450") // the tap still has 1500
	if _, found = linksOf(t, host); len(found) != 1 || found[0].Rule != "pmtu.bridge-port-mtu" ||
		!strings.HasPrefix(found[0].Detail, "on brvx-200 vnet0 (1500) may send more than vxlan200 carries, 1450") {
		t.Errorf("found %+v", found)
	}
	ip(t, host, "link set vnet0 mtu 1450", "link set eth0 mtu 1400") // and now the underlay shrinks
	if _, found = linksOf(t, host); len(found) != 3 {
		t.Errorf("found %+v, want vxlan100, vxlan200 and vxlan300", found)
	}
}

// TestForeign has a VXLAN that was made in one namespace and moved to another: what is below it is there, under an index that
// means something else here.
func TestForeign(t *testing.T) {
	host, other := namespace(t), namespace(t)
	check(t, lab.Veth(lab.End{NS: host, Name: "p0"}, lab.End{NS: host, Name: "p1"}))
	ip(t, host, "link add vxlan5 type vxlan id 5 group 239.0.0.5 dev p0 dstport 4789")
	moveTo(t, host, other, "vxlan5")
	all, _ := linksOf(t, other)
	if l := all["vxlan5"]; !l.Foreign || l.Lower != 0 || l.Tunnel == nil || l.Tunnel.ID != 5 {
		t.Errorf("%s", show(l))
	}
}

func show(l Link) string {
	t := "none"
	if l.Tunnel != nil {
		t = fmt.Sprintf("%+v", *l.Tunnel)
	}
	l.Tunnel = nil
	return fmt.Sprintf("%+v %s", l, t)
}

// attribute builds one.
func attribute(kind uint16, value ...byte) []byte { return appendAttribute(nil, kind, value) }

func number(kind uint16, n uint32) []byte {
	return attribute(kind, binary.NativeEndian.AppendUint32(nil, n)...)
}

// linkMessage builds what the kernel tells of a link, as far as it goes for kinds that not every kernel can make.
func linkMessage(kind string, data ...[]byte) []byte {
	b := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(b[4:], 7)
	binary.NativeEndian.PutUint32(b[8:], unix.IFF_UP)
	info := slices.Concat(attribute(unix.IFLA_INFO_KIND, append([]byte(kind), 0)...), attribute(unix.IFLA_INFO_DATA, slices.Concat(data...)...))
	return slices.Concat(b, attribute(unix.IFLA_IFNAME, 't', '0', 0), number(unix.IFLA_MTU, 1476), number(unix.IFLA_LINK, 2),
		attribute(unix.IFLA_LINKINFO|unix.NLA_F_NESTED, info...))
}

func TestParseLink(t *testing.T) {
	four, other4 := []byte{192, 0, 2, 1}, []byte{192, 0, 2, 2}
	six := netip.MustParseAddr("fd00::2").AsSlice()
	for _, c := range []struct {
		kind string
		data [][]byte
		want string // Lower, then the tunnel
	}{
		{"gre", [][]byte{number(greLink, 3), attribute(greInputFlags, 0x80, 0), attribute(greOutputFlags, 0x20, 0), attribute(greLocal, four...),
			attribute(greRemote, other4...), attribute(greTTL, 64)}, "3 {TTL:64 Local:192.0.2.1 Remote:192.0.2.2 Key:true}"},
		{"gretap", [][]byte{attribute(greOutputFlags, 0xb0, 0), attribute(greRemote, 0, 0, 0, 0)}, "0 {Key:true Csum:true Seq:true}"},
		{"gre", [][]byte{attribute(greEncapType, 1, 0), attribute(greMetadata)}, "0 {External:true Encapsulation:true}"},
		{"gre", [][]byte{attribute(greEncapType, 0, 0)}, "0 {}"},
		{"ip6gre", [][]byte{attribute(greRemote, six...)}, "0 {Remote:fd00::2 IPv6Outer:true EncapLimit:true}"},
		{"ip6gretap", [][]byte{number(greFlags, 1)}, "0 {IPv6Outer:true}"},
		{"sit", [][]byte{number(iptunLink, 4), attribute(iptunLocal, four...), attribute(iptunRemote, other4...), attribute(iptunTTL, 255)},
			"4 {TTL:255 Local:192.0.2.1 Remote:192.0.2.2}"},
		{"ipip", [][]byte{attribute(iptunEncapType, 2, 0), attribute(iptunMetadata)}, "0 {External:true Encapsulation:true}"},
		{"ip6tnl", [][]byte{attribute(iptunRemote, six...), number(iptunFlags, 0)}, "0 {Remote:fd00::2 IPv6Outer:true EncapLimit:true}"},
		{"ip6tnl", [][]byte{number(iptunFlags, 1)}, "0 {IPv6Outer:true}"},
		{"geneve", [][]byte{number(unix.IFLA_GENEVE_ID, 9), attribute(unix.IFLA_GENEVE_PORT, 0x17, 0xc1), attribute(unix.IFLA_GENEVE_REMOTE6, six...),
			attribute(unix.IFLA_GENEVE_TTL, 3)}, "2 {ID:9 Port:6081 TTL:3 Remote:fd00::2 IPv6Outer:true}"},
		{"geneve", [][]byte{attribute(unix.IFLA_GENEVE_COLLECT_METADATA)}, "2 {External:true}"},
		{"wireguard", nil, "2 {}"},
		{"vlan", nil, "2 none"},
	} {
		d, ok := parseLink(linkMessage(c.kind, c.data...))
		got := fmt.Sprint(d.Lower, " none")
		if d.Tunnel != nil {
			got = fmt.Sprintf("%d %s", d.Lower, brief(d.Tunnel))
		}
		if !ok || got != c.want || d.Name != "t0" || d.MTU != 1476 || d.Index != 7 || !d.Up || d.Kind != c.kind {
			t.Errorf("%s: %+v\n%s, want\n%s", c.kind, d, got, c.want)
		}
	}
	if _, ok := parseLink(make([]byte, unix.SizeofIfInfomsg-1)); ok {
		t.Error("a link of 15 bytes")
	}
}

// brief leaves out what is not set.
func brief(t *Tunnel) string {
	var list []string
	for f := range strings.FieldsSeq(strings.Trim(fmt.Sprintf("%+v", *t), "{}")) {
		_, v, _ := strings.Cut(f, ":")
		if v != "0" && v != "false" && v != "[]" && f != "Local:invalid" && f != "Remote:invalid" && f != "IP" {
			list = append(list, f)
		}
	}
	return "{" + strings.Join(list, " ") + "}"
}

func FuzzParse(f *testing.F) {
	f.Add(linkMessage("vxlan", number(unix.IFLA_VXLAN_ID, 1)))
	f.Add(linkMessage("ip6gre", number(greFlags, 0)))
	f.Add(slices.Concat(make([]byte, unix.SizeofRtMsg), attribute(unix.RTA_VIA, 10), attribute(unix.RTA_METRICS, number(unix.RTAX_MTU, 9)...)))
	f.Fuzz(func(t *testing.T, b []byte) {
		d, ok := parseLink(b)
		if ok != (len(b) >= unix.SizeofIfInfomsg) {
			t.Error("a link that is too short, or is not")
		}
		if d.Tunnel != nil {
			encapsulation(d.Link, d.Tunnel.IPv6Outer)
		}
		parseRoute(b)
		interrupted := false
		messages(b, 0, &interrupted, func(_ uint16, body []byte) {
			if len(body) > len(b) {
				t.Error("a body longer than the message")
			}
		})
	})
}
