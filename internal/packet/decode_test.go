package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
)

var eth0 = &Interface{Name: "eth0"}

// frame returns data as an uncut frame of that link type.
func frame(lt LinkType, data []byte) *Frame {
	return &Frame{Number: 1, Time: time.Unix(1700000000, 0), Data: data, Length: len(data), LinkType: lt, Interface: eth0}
}

func ra() []byte { return craft.CloudStackRA().Message(craft.CloudStackOptions()...) }

// icmp returns the RA with its checksum, as protocol 58.
func icmp() []byte { return craft.ICMPv6(craft.RouterLL, craft.AllNodes, ra()) }

// ip returns the RA's packet with payload in front of which the header says next.
func ip(next uint8, payload ...[]byte) []byte {
	return craft.IPv6(craft.RouterLL, craft.AllNodes, 255, next, craft.Join(payload...))
}

// ether returns an IPv6 packet in a frame from the router to all nodes.
func ether(vlans []uint16, packet []byte) []byte {
	return craft.Ethernet(craft.MulticastMAC(craft.AllNodes), craft.MAC(craft.RouterMAC), vlans, 0x86dd, packet)
}

// outer returns an IPv4 or IPv6 packet in a frame between two tunnel endpoints.
func outer(vlans []uint16, packet []byte) []byte {
	etherType := uint16(0x86dd)
	if packet[0]>>4 == 4 {
		etherType = 0x0800
	}
	return craft.Ethernet(craft.MAC("02:00:00:00:0a:02"), craft.MAC("02:00:00:00:0a:01"), vlans, etherType, packet)
}

func sll(packetType byte, etherType uint16, payload []byte) []byte {
	return craft.Join([]byte{0, packetType, 0, 1, 0, 6}, craft.MAC(craft.RouterMAC), []byte{0, 0},
		binary.BigEndian.AppendUint16(nil, etherType), payload)
}

func sll2(packetType byte, index uint32, etherType uint16, payload []byte) []byte {
	return craft.Join(binary.BigEndian.AppendUint16(nil, etherType), []byte{0, 0},
		binary.BigEndian.AppendUint32(nil, index), []byte{0, 1, packetType, 6},
		craft.MAC(craft.RouterMAC), []byte{0, 0}, payload)
}

// authentication returns an AH whose length byte is n and that is as long as it says.
func authentication(next, n byte) []byte {
	b := make([]byte, 4*(int(n)+2))
	b[0], b[1] = next, n
	return b
}

func routing(next, typ, left byte) []byte {
	return craft.Join([]byte{next, 2, typ, left, 0, 0, 0, 0}, craft.Addr(craft.GuestLL))
}

// checkRA fails the test if p is not the whole CloudStack RA.
func checkRA(t *testing.T, p *Packet) {
	t.Helper()
	if !p.IsICMPv6 || !p.Complete || p.Protocol != 58 || p.Checksum != ChecksumGood {
		t.Fatalf("IsICMPv6 %v, Complete %v, Protocol %d, Checksum %d", p.IsICMPv6, p.Complete, p.Protocol, p.Checksum)
	}
	if !bytes.Equal(p.Payload, icmp()) || !bytes.Equal(p.Message.Raw, icmp()) {
		t.Fatalf("payload % x", p.Payload)
	}
	if p.Message.Type != icmp6.TypeRouterAdvertisement || len(p.Message.Options) != 3 {
		t.Fatalf("%v with %d options", p.Message.Type, len(p.Message.Options))
	}
	if p.Source != netip.MustParseAddr(craft.RouterLL) || p.Destination != netip.MustParseAddr(craft.AllNodes) ||
		p.HopLimit != 255 || p.FlowLabel != 0 || p.TrafficClass != 0 {
		t.Fatalf("from %v to %v, hop limit %d", p.Source, p.Destination, p.HopLimit)
	}
}

func TestStacks(t *testing.T) {
	inner := ether(nil, ip(58, icmp()))
	le := []byte{30, 0, 0, 0}
	hop := func(next byte) []byte { return craft.HopByHop(next) }
	tests := []struct {
		name       string
		linkType   LinkType
		data       []byte
		link       string
		extensions []uint8
		payloadAt  int
		ethernet   bool
	}{
		{"plain", LinkTypeEthernet, inner, "eth0", nil, 54, true},
		{"VLAN", LinkTypeEthernet, ether([]uint16{100}, ip(58, icmp())), "eth0 vlan 100", nil, 58, true},
		{"QinQ", LinkTypeEthernet, ether([]uint16{100, 7}, ip(58, icmp())), "eth0 vlan 100.7", nil, 62, true},
		{"eight tags", LinkTypeEthernet, ether([]uint16{1, 2, 3, 4, 5, 6, 7, 8}, ip(58, icmp())), "eth0 vlan 7.8", nil, 86, true},
		{"VXLAN 8472", LinkTypeEthernet, outer(nil, craft.VXLAN("10.0.0.1", "10.0.0.2", 8472, 5001, inner)),
			"eth0 vni 5001", nil, 104, true},
		{"VXLAN 4789", LinkTypeEthernet, outer(nil, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 5001, inner)),
			"eth0 vni 5001", nil, 104, true},
		{"VXLAN over IPv6", LinkTypeEthernet, outer(nil, craft.VXLAN("2001:db8::1", "2001:db8::2", 8472, 5001, inner)),
			"eth0 vni 5001", nil, 124, true},
		{"VXLAN 4789 over IPv6", LinkTypeRaw, craft.VXLAN("2001:db8::1", "2001:db8::2", 4789, 1<<24-1, inner),
			"eth0 vni 16777215", nil, 110, true},
		{"tag in VXLAN", LinkTypeEthernet, outer([]uint16{9}, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 5001,
			ether([]uint16{100}, ip(58, icmp())))), "eth0 vni 5001 vlan 100", nil, 112, true},
		{"VXLAN in VXLAN", LinkTypeEthernet, outer(nil, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1,
			outer(nil, craft.VXLAN("fd00::1", "fd00::2", 8472, 2, inner)))), "eth0 vni 2", nil, 174, true},
		{"VXLAN behind destination options", LinkTypeIPv6, craft.IPv6("fd00::1", "fd00::2", 64, 60,
			craft.Join(hop(17), craft.VXLAN("fd00::1", "fd00::2", 8472, 2, inner)[40:])), "eth0 vni 2", nil, 118, true},
		{"destination options", LinkTypeEthernet, ether(nil, ip(60, hop(58), icmp())), "eth0", []uint8{60}, 62, true},
		{"hop-by-hop", LinkTypeEthernet, ether(nil, ip(0, hop(58), icmp())), "eth0", []uint8{0}, 62, true},
		{"AH", LinkTypeEthernet, ether(nil, ip(51, authentication(58, 4), icmp())), "eth0", []uint8{51}, 78, true},
		{"every header", LinkTypeEthernet, ether(nil, ip(0, hop(60), hop(43), routing(135, 0, 0), hop(139), hop(140), hop(51),
			authentication(58, 1), icmp())), "eth0", []uint8{0, 60, 43, 135, 139, 140, 51}, 130, true},
		{"SLL", LinkTypeSLL, sll(2, 0x86dd, ip(58, icmp())), "eth0", nil, 56, false},
		{"SLL with a tag", LinkTypeSLL, sll(2, 0x8100, craft.Join([]byte{0, 100, 0x86, 0xdd}, ip(58, icmp()))),
			"eth0 vlan 100", nil, 60, false},
		{"SLL2", LinkTypeSLL2, sll2(2, 3, 0x86dd, ip(58, icmp())), "if3", nil, 60, false},
		{"raw", LinkTypeRaw, ip(58, icmp()), "eth0", nil, 40, false},
		{"IPv6", LinkTypeIPv6, ip(58, icmp()), "eth0", nil, 40, false},
		{"IPv4 with VXLAN", LinkTypeIPv4, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, inner), "eth0 vni 1", nil, 90, true},
		{"null", LinkTypeNull, craft.Join(le, ip(58, icmp())), "eth0", nil, 44, false},
		{"null, the other byte order", LinkTypeNull, craft.Join([]byte{0, 0, 0, 28}, ip(58, icmp())), "eth0", nil, 44, false},
		{"null of Linux", LinkTypeNull, craft.Join([]byte{10, 0, 0, 0}, ip(58, icmp())), "eth0", nil, 44, false},
		{"loop", LinkTypeLoop, craft.Join([]byte{0, 0, 0, 24}, ip(58, icmp())), "eth0", nil, 44, false},
	}
	d := NewDecoder()
	var p Packet
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !d.Decode(frame(tt.linkType, tt.data), &p) {
				t.Fatal("not kept")
			}
			checkRA(t, &p)
			if len(p.Damage) > 0 || p.IsFragment {
				t.Errorf("damage %v, IsFragment %v", p.Damage, p.IsFragment)
			}
			if got := p.Link().String(); got != tt.link {
				t.Errorf("link %q, want %q", got, tt.link)
			}
			var extensions []uint8
			at := p.IPOffset + 40
			for _, e := range p.Extensions {
				if e.Offset != at {
					t.Errorf("extension %d at %d, want %d", e.Header, e.Offset, at)
				}
				extensions, at = append(extensions, e.Header), at+e.Length
			}
			if !slices.Equal(extensions, tt.extensions) {
				t.Errorf("extensions %v, want %v", extensions, tt.extensions)
			}
			if p.PayloadOffset != tt.payloadAt || at != tt.payloadAt || &tt.data[tt.payloadAt] != &p.Payload[0] {
				t.Errorf("payload at %d, headers to %d, want %d", p.PayloadOffset, at, tt.payloadAt)
			}
			if p.HasEthernet != tt.ethernet || p.HasEthernet && p.EthernetDestination != (MAC{0x33, 0x33, 0, 0, 0, 1}) {
				t.Errorf("HasEthernet %v, to %v", p.HasEthernet, p.EthernetDestination)
			}
			if (tt.ethernet || tt.linkType == LinkTypeSLL) && p.EthernetSource.String() != craft.RouterMAC {
				t.Errorf("Ethernet source %v", p.EthernetSource)
			}
		})
	}
}

func TestTagsAndTunnels(t *testing.T) {
	inner := ether([]uint16{7}, ip(58, icmp()))
	inner[14] |= 0xa0 // priority 5
	data := outer([]uint16{100, 4000}, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 5001, inner))
	data = outer([]uint16{9}, craft.VXLAN("fd00::1", "fd00::2", 8472, 6, data))
	binary.BigEndian.PutUint16(data[12:], 0x9100)
	var p Packet
	d := NewDecoder()
	for range 2 { // a reused Packet must give the same
		if !d.Decode(frame(LinkTypeEthernet, data), &p) {
			t.Fatal("not kept")
		}
		checkRA(t, &p)
		if want := []VLAN{{TPID: 0x8100, ID: 7, Priority: 5}}; !slices.Equal(p.VLANs, want) {
			t.Errorf("tags %v, want %v", p.VLANs, want)
		}
		if len(p.Tunnels) != 2 {
			t.Fatalf("%d tunnels", len(p.Tunnels))
		}
		first, second := p.Tunnels[0], p.Tunnels[1]
		if first.VNI != 6 || first.Source.String() != "fd00::1" || first.Destination.String() != "fd00::2" ||
			first.Port != 8472 || !slices.Equal(first.VLANs, []VLAN{{TPID: 0x9100, ID: 9}}) || first.Overhead(2) != 78 {
			t.Errorf("outer tunnel %+v, overhead %d", first, first.Overhead(2))
		}
		if second.VNI != 5001 || second.Source.String() != "10.0.0.1" || second.Destination.String() != "10.0.0.2" ||
			second.Port != 4789 || second.Overhead(1) != 54 ||
			!slices.Equal(second.VLANs, []VLAN{{TPID: 0x88a8, ID: 100}, {TPID: 0x8100, ID: 4000}}) {
			t.Errorf("inner tunnel %+v, overhead %d", second, second.Overhead(1))
		}
	}
}

func TestIgnored(t *testing.T) {
	tcp := make([]byte, 20)
	vxlan := craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, ip(58, icmp())))
	change := func(b []byte, at int, v byte) []byte {
		b = bytes.Clone(b)
		b[at] = v
		return b
	}
	tests := []struct {
		name     string
		linkType LinkType
		data     []byte
	}{
		{"nothing", LinkTypeEthernet, nil},
		{"link type unknown", 999, ether(nil, ip(58, icmp()))},
		{"TCP", LinkTypeEthernet, ether(nil, ip(6, tcp))},
		{"TCP behind options", LinkTypeEthernet, ether(nil, ip(60, craft.HopByHop(6), tcp))},
		{"TCP fragment", LinkTypeEthernet, ether(nil, ip(44, craft.FragmentHeader(6, 0, true, 1), tcp))},
		{"later TCP fragment", LinkTypeEthernet, ether(nil, ip(44, craft.FragmentHeader(6, 8, true, 1), tcp))},
		{"TCP in the first fragment", LinkTypeEthernet, ether(nil, ip(44, craft.FragmentHeader(60, 0, true, 1), craft.HopByHop(6), tcp))},
		{"UDP fragment", LinkTypeEthernet, ether(nil, ip(44, craft.FragmentHeader(17, 0, true, 1),
			craft.UDP6(craft.RouterLL, craft.AllNodes, 547, 546, tcp)))},
		{"options of TCP reach past the end", LinkTypeEthernet, ether(nil, ip(60, []byte{6, 9, 1, 4, 0, 0, 0, 0}))},
		{"ESP", LinkTypeEthernet, ether(nil, ip(50, tcp))},
		{"no next header", LinkTypeEthernet, ether(nil, ip(59, tcp))},
		{"DNS", LinkTypeEthernet, ether(nil, ip(17, craft.UDP6(craft.RouterLL, craft.AllNodes, 53, 53, tcp)))},
		{"UDP cut", LinkTypeEthernet, ether(nil, ip(17, tcp[:7]))},
		{"ARP", LinkTypeEthernet, craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0806, make([]byte, 28))},
		{"802.3", LinkTypeEthernet, craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 40, make([]byte, 46))},
		{"IPv4 DHCP ports", LinkTypeIPv4, craft.IPv4("10.0.0.1", "10.0.0.2", 17, []byte{2, 34, 2, 35, 0, 8, 0, 0})},
		{"IPv4 in the IPv6 EtherType", LinkTypeEthernet, ether(nil, vxlan)},
		{"later IPv4 fragment", LinkTypeIPv4, change(vxlan, 7, 1)},
		{"IPv4 header not all there", LinkTypeIPv4, change(vxlan[:24], 0, 0x4f)},
		{"not even IPv4", LinkTypeEthernet, outer(nil, vxlan[:19])},
		{"Ethernet header cut", LinkTypeEthernet, ether(nil, nil)[:13]},
		{"tag cut", LinkTypeEthernet, ether([]uint16{1}, nil)[:17]},
		{"neither IPv4 nor IPv6", LinkTypeRaw, []byte{0x50, 0, 0, 0}},
		{"null cut", LinkTypeNull, []byte{30, 0, 0}},
		{"SLL cut", LinkTypeSLL, sll(0, 0x86dd, nil)[:15]},
		{"SLL2 cut", LinkTypeSLL2, sll2(0, 3, 0x86dd, nil)[:19]},
		{"another IPv4 family", LinkTypeNull, craft.Join([]byte{2, 0, 0, 0}, craft.IPv4("10.0.0.1", "10.0.0.2", 6, tcp))},
		{"IPv4 header too short", LinkTypeIPv4, change(vxlan, 0, 0x44)},
		{"IPv4 length too short", LinkTypeIPv4, change(change(vxlan, 2, 0), 3, 19)},
		{"VXLAN without I", LinkTypeIPv4, change(vxlan, 28, 0)},
		{"VXLAN to another port", LinkTypeIPv4, change(vxlan, 23, 1)},
		{"UDP length too short", LinkTypeIPv4, change(change(vxlan, 24, 0), 25, 7)},
		{"UDP without VXLAN", LinkTypeIPv4, change(change(vxlan, 24, 0), 25, 15)},
		{"null of another family", LinkTypeNull, craft.Join([]byte{7, 0, 0, 0}, ip(58, icmp()))},
		{"SLL with an address length past its end", LinkTypeSLL, craft.Join([]byte{0, 0, 0, 1, 255, 255}, make([]byte, 10))},
	}
	d := NewDecoder()
	var p Packet
	for _, tt := range tests {
		if d.Decode(frame(tt.linkType, tt.data), &p) {
			t.Errorf("%s: kept: protocol %d, damage %v", tt.name, p.Protocol, p.Damage)
		}
	}
}

func TestPaddingIsNoPayload(t *testing.T) {
	d := NewDecoder()
	var p Packet
	rs := craft.ICMPv6(craft.RouterLL, craft.AllNodes, craft.RS())
	for n := range 9 { // 46 is the least that Ethernet pads to; a trailer may come on top
		f := frame(LinkTypeEthernet, craft.Join(ether(nil, ip(58, rs)), bytes.Repeat([]byte{0xee}, n)))
		if !d.Decode(f, &p) || !bytes.Equal(p.Payload, rs) || p.Checksum != ChecksumGood || len(p.Damage) > 0 {
			t.Errorf("%d bytes of padding: payload % x, damage %v", n, p.Payload, p.Damage)
		}
		f.Length += 4 // a trailer that the capture cut off
		if !d.Decode(f, &p) || !p.Complete || len(p.Damage) > 0 {
			t.Errorf("cut padding: complete %v, damage %v", p.Complete, p.Damage)
		}
	}
}

func TestDHCPv6(t *testing.T) {
	d := NewDecoder()
	var p Packet
	udp := craft.UDP6(craft.RouterLL, craft.AllNodes, 547, 1024, []byte("reply"))
	for _, data := range [][]byte{
		ip(17, udp), ip(60, craft.HopByHop(17), udp), ip(44, craft.FragmentHeader(17, 0, false, 1), udp),
		ip(17, craft.UDP6(craft.RouterLL, craft.AllNodes, 1024, 546, []byte("reply"))),
	} {
		if !d.Decode(frame(LinkTypeIPv6, data), &p) || p.Protocol != 17 || p.IsICMPv6 || !p.Complete ||
			len(p.Payload) != 13 || string(p.Payload[8:]) != "reply" || p.PayloadOffset != len(data)-13 {
			t.Errorf("protocol %d, payload % x at %d", p.Protocol, p.Payload, p.PayloadOffset)
		}
	}
	f := frame(LinkTypeIPv6, ip(17, udp)[:50])
	f.Length = 53
	if !d.Decode(f, &p) || p.Complete || len(p.Payload) != 10 || !slices.Equal(p.Damage, []Damage{{DamageTruncated, 50}}) {
		t.Errorf("cut: complete %v, payload % x, damage %v", p.Complete, p.Payload, p.Damage)
	}
}

func TestDirectionAndInterface(t *testing.T) {
	d := NewDecoder()
	for typ, want := range []Direction{Incoming, Incoming, Incoming, Incoming, Outgoing, DirectionUnknown} {
		for _, f := range []*Frame{frame(LinkTypeSLL, sll(byte(typ), 0x86dd, ip(58, icmp()))),
			frame(LinkTypeSLL2, sll2(byte(typ), 0, 0x86dd, ip(58, icmp())))} {
			var p Packet
			if !d.Decode(f, &p) || p.Frame.Direction != want || p.Frame.Interface != eth0 {
				t.Errorf("packet type %d: direction %d, want %d", typ, p.Frame.Direction, want)
			}
			f.Direction = Outgoing
			if !d.Decode(f, &p) || p.Frame.Direction != Outgoing {
				t.Errorf("packet type %d hides what the source knows", typ)
			}
		}
	}
	var p Packet
	data := sll(0, 0x86dd, ip(58, icmp()))
	data[5] = 8 // not an Ethernet address
	if d.Decode(frame(LinkTypeSLL, data), &p); p.EthernetSource != (MAC{}) {
		t.Errorf("Ethernet source %v", p.EthernetSource)
	}
	names := make(map[string]bool)
	for i := range uint32(1000) {
		d.Decode(frame(LinkTypeSLL2, sll2(0, i+1, 0x86dd, ip(58, icmp()))), &p)
		names[p.Link().Interface] = true
	}
	if len(names) != maxInterfaces+1 || len(d.interfaces) != maxInterfaces || !names["if256"] || !names["eth0"] {
		t.Errorf("%d names, %d interfaces", len(names), len(d.interfaces))
	}
}

func TestStrings(t *testing.T) {
	for want, l := range map[string]Link{
		"":                        {},
		"eth0":                    {Interface: "eth0"},
		"eth0 vlan 100":           {Interface: "eth0", VLANs: [2]uint16{100}},
		"vlan 100.7":              {VLANs: [2]uint16{100, 7}},
		"eth0 vni 5001":           {Interface: "eth0", Tunneled: true, VNI: 5001},
		"vni 0":                   {Tunneled: true},
		"eth0 vni 5001 vlan 0.12": {Interface: "eth0", Tunneled: true, VNI: 5001, VLANs: [2]uint16{0, 12}},
	} {
		if got := l.String(); got != want {
			t.Errorf("%+v: %q, want %q", l, got, want)
		}
	}
	seen := make(map[string]bool)
	for k := DamageTruncated; k <= DamageOptions+1; k++ {
		seen[k.String()] = true
	}
	if len(seen) != int(DamageOptions)+2 || !seen["cut short by the capture"] || !seen["damage 10"] {
		t.Errorf("phrases %v", seen)
	}
	if got := (MAC{0x02, 0, 0, 0xab, 0, 0xf1}).String(); got != "02:00:00:ab:00:f1" {
		t.Errorf("MAC %q", got)
	}
	if l := new(Packet).Link(); l != (Link{}) {
		t.Errorf("link of nothing %v", l)
	}
}
