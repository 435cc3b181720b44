package capture

import (
	"bytes"
	"slices"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// Frames to build others from.
var (
	na      = craft.NA(0x20, craft.GuestLL)
	ndIP    = craft.IPv6(craft.GuestLL, craft.AllNodes, 255, 58, craft.ICMPv6(craft.GuestLL, craft.AllNodes, na))
	ndFrame = craft.EthernetIPv6(craft.GuestMAC, craft.AllNodes, ndIP)
	tcpIP   = craft.IPv6(craft.GuestLL, craft.RouterLL, 64, 6, make([]byte, 40))
	tcp6    = craft.EthernetIPv6(craft.GuestMAC, craft.RouterLL, tcpIP)
	tcp4    = ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 40)))
)

// Frames that matter for their length alone.
var (
	large6IP = craft.IPv6(craft.GuestLL, craft.RouterLL, 64, 6, make([]byte, 1240))
	large6   = craft.EthernetIPv6(craft.GuestMAC, craft.RouterLL, large6IP)
)

func ether(typ uint16, ip []byte, vlans ...uint16) []byte {
	return craft.Ethernet(craft.MAC(craft.RouterMAC), craft.MAC(craft.GuestMAC), vlans, typ, ip)
}

func vxlan4(port uint16, inner []byte) []byte {
	return ether(0x0800, craft.VXLAN("192.0.2.1", "192.0.2.2", port, 5001, inner))
}

func vxlan6(port uint16, inner []byte) []byte {
	return ether(0x86dd, craft.VXLAN("2001:db8::1", "2001:db8::2", port, 5001, inner))
}

func ip6(next uint8, payload []byte) []byte {
	return craft.IPv6(craft.GuestLL, craft.RouterLL, 255, next, payload)
}

func udp6(sport, dport uint16) []byte {
	return ip6(17, craft.UDP6(craft.GuestLL, craft.RouterLL, sport, dport, []byte{1}))
}

// with returns a copy of b with the byte at offset at changed.
func with(b []byte, at int, v byte) []byte {
	c := craft.Join(b)
	c[at] = v
	return c
}

// options4 returns an IPv4 packet with a header of 24 bytes instead of 20.
func options4(ip []byte) []byte {
	return craft.Join([]byte{0x46}, ip[1:20], []byte{1, 1, 1, 1}, ip[20:])
}

func TestMatch(t *testing.T) {
	const eth, sll, sll2 = packet.LinkTypeEthernet, packet.LinkTypeSLL, packet.LinkTypeSLL2
	cooked := func(typ, ip []byte) []byte { return craft.Join(make([]byte, 14), typ, ip) }
	cooked2 := func(typ, ip []byte) []byte { return craft.Join(typ, make([]byte, 18), ip) }
	six, four, tag := []byte{0x86, 0xdd}, []byte{0x08, 0x00}, []byte{0x81, 0x00}
	tcp4IP, family := tcp4[14:], []byte{30, 0, 0, 0}
	vx := vxlan4(8472, ndFrame)
	tests := []struct {
		name string
		lt   packet.LinkType
		data []byte
		want bool
	}{
		{"nd", eth, ndFrame, true},
		{"tcp over ipv6", eth, tcp6, false},
		{"tcp over ipv4", eth, tcp4, false},
		{"icmpv6 number in ipv4", eth, ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 58, make([]byte, 40))), false},
		{"hop-by-hop", eth, ether(0x86dd, ip6(0, craft.HopByHop(58))), true},
		{"routing", eth, ether(0x86dd, ip6(43, make([]byte, 8))), true},
		{"fragment", eth, ether(0x86dd, ip6(44, craft.FragmentHeader(58, 0, true, 1))), true},
		{"authentication", eth, ether(0x86dd, ip6(51, make([]byte, 12))), true},
		{"destination options", eth, ether(0x86dd, ip6(60, craft.HopByHop(58))), true},
		{"esp", eth, ether(0x86dd, ip6(50, make([]byte, 12))), false},
		{"no next header", eth, ether(0x86dd, ip6(59, nil)), false},
		{"mobility", eth, ether(0x86dd, ip6(135, make([]byte, 8))), false},
		{"hip", eth, ether(0x86dd, ip6(139, make([]byte, 8))), false},
		{"ipv6 in ipv6", eth, ether(0x86dd, ip6(41, ndIP)), false},
		{"dhcpv6 from client", eth, ether(0x86dd, udp6(546, 9)), true},
		{"dhcpv6 from server", eth, ether(0x86dd, udp6(547, 9)), true},
		{"dhcpv6 to client", eth, ether(0x86dd, udp6(9, 546)), true},
		{"dhcpv6 to server", eth, ether(0x86dd, udp6(9, 547)), true},
		{"dns", eth, ether(0x86dd, udp6(53, 545)), false},
		{"dhcpv6 ports in ipv4", eth, ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 17, udp6(546, 547)[40:])), false},
		{"dhcpv6, source port only", eth, ether(0x86dd, udp6(546, 9))[:14+42], true},
		{"dhcpv6, destination port cut", eth, ether(0x86dd, udp6(9, 546))[:14+43], false},

		{"vlan", eth, ether(0x86dd, ndIP, 100), true},
		{"vlan of tcp", eth, ether(0x86dd, tcpIP, 100), false},
		{"qinq", eth, ether(0x86dd, ndIP, 100, 7), true},
		{"qinq of tcp", eth, ether(0x86dd, tcpIP, 100, 7), false},
		{"vlan 0x9100", eth, with(ether(0x86dd, ndIP, 100), 12, 0x91), true},
		{"vlan 0x9200", eth, with(ether(0x86dd, ndIP, 100), 12, 0x92), false},
		{"three tags", eth, ether(0x86dd, ndIP, 100, 7, 8), false},
		{"vlan cut in tag", eth, ether(0x86dd, ndIP, 100)[:17], false},
		{"vlan cut after tag", eth, ether(0x86dd, ndIP, 100)[:18], false},

		{"vxlan", eth, vx, true},
		{"vxlan, iana port", eth, vxlan4(4789, ndFrame), true},
		{"vxlan, other port", eth, vxlan4(4790, ndFrame), false},
		{"vxlan of tcp", eth, vxlan4(8472, tcp6), false},
		{"vxlan of tcp over ipv4", eth, vxlan4(8472, tcp4), false},
		{"vxlan over ipv6", eth, vxlan6(8472, ndFrame), true},
		{"vxlan over ipv6 of tcp", eth, vxlan6(4789, tcp6), false},
		{"vxlan in vlan", eth, ether(0x0800, vx[14:], 9), true},
		{"vxlan in qinq", eth, ether(0x0800, vx[14:], 9, 10), true},
		{"vlan in vxlan", eth, vxlan4(8472, ether(0x86dd, ndIP, 100)), true},
		{"qinq in vxlan", eth, vxlan4(8472, ether(0x86dd, ndIP, 100, 7)), false},
		{"dhcpv6 in vxlan", eth, vxlan4(8472, ether(0x86dd, udp6(546, 547))), true},
		{"vxlan with ip options", eth, ether(0x0800, options4(vx[14:])), true},
		{"vxlan of tcp with ip options", eth, ether(0x0800, options4(vxlan4(8472, tcp6)[14:])), false},
		{"first fragment of vxlan", eth, with(vx, 14+6, 0x20), true},
		{"later fragment of vxlan", eth, with(vx, 14+7, 1), false},
		{"later fragment of vxlan, high bits", eth, with(vx, 14+6, 0x10), false},
		{"vxlan in vxlan", eth, vxlan4(8472, vxlan4(4789, tcp4)), true},
		{"vxlan in vxlan over ipv6", eth, vxlan6(8472, vxlan6(4789, tcp4)), true},
		{"vxlan in vxlan, inner is a later fragment", eth, vxlan4(8472, with(vxlan4(4789, tcp4), 14+7, 1)), false},
		{"vxlan cut before the inner next header", eth, vx[:50+14+6], false},
		{"vxlan cut behind the inner next header", eth, vx[:50+14+7], true},
		{"vxlan cut in the inner type", eth, vx[:50+13], false},
		{"vxlan cut in the port", eth, vx[:14+20+3], false},
		{"vxlan, sctp instead of udp", eth, with(vx, 14+9, 132), false},

		{"empty", eth, nil, false},
		{"cut in the type", eth, ndFrame[:13], false},
		{"cut before the next header", eth, ndFrame[:20], false},
		{"cut behind the next header", eth, ndFrame[:21], true},
		{"arp", eth, ether(0x0806, make([]byte, 28)), false},

		{"raw ipv6", packet.LinkTypeRaw, ndIP, true},
		{"raw ipv6 tcp", packet.LinkTypeRaw, tcpIP, false},
		{"raw vxlan", packet.LinkTypeRaw, vx[14:], true},
		{"raw ipv4 tcp", packet.LinkTypeRaw, tcp4IP, false},
		{"raw of version 5", packet.LinkTypeRaw, with(ndIP, 0, 0x50), false},
		{"raw empty", packet.LinkTypeRaw, nil, false},
		{"ipv6", packet.LinkTypeIPv6, ndIP, true},
		{"ipv6 tcp", packet.LinkTypeIPv6, tcpIP, false},
		{"ipv4", packet.LinkTypeIPv4, vx[14:], true},
		{"ipv4 tcp", packet.LinkTypeIPv4, tcp4IP, false},
		{"null", packet.LinkTypeNull, craft.Join(family, ndIP), true},
		{"null tcp", packet.LinkTypeNull, craft.Join(family, tcpIP), false},
		{"null cut", packet.LinkTypeNull, family, false},
		{"loop", packet.LinkTypeLoop, craft.Join([]byte{0, 0, 0, 24}, ndIP), true},
		{"sll", sll, cooked(six, ndIP), true},
		{"sll tcp", sll, cooked(six, tcpIP), false},
		{"sll vxlan", sll, cooked(four, vx[14:]), true},
		{"sll vlan", sll, cooked(tag, craft.Join([]byte{0, 100}, six, ndIP)), true},
		{"sll cut", sll, make([]byte, 15), false},
		{"sll2", sll2, cooked2(six, ndIP), true},
		{"sll2 tcp", sll2, cooked2(six, tcpIP), false},
		{"sll2 vlan", sll2, cooked2(tag, craft.Join([]byte{0, 100}, six, ndIP)), true},
		{"sll2 cut", sll2, cooked2(six, ndIP)[:19], false},
		{"802.11", 105, ndFrame, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := Match(tt.lt, tt.data); got != tt.want {
				t.Errorf("Match(%d, % x) = %v", tt.lt, tt.data, got)
			}
		})
	}
}

// TestFilterMatch has what Filter adds; all else is admitted as before.
func TestFilterMatch(t *testing.T) {
	const eth = packet.LinkTypeEthernet
	udp := func(port uint16) []byte {
		return ip6(17, craft.UDP6(craft.GuestLL, craft.RouterLL, 9, port, make([]byte, 1400)))
	}
	tests := []struct {
		name string
		lt   packet.LinkType
		data []byte
		want bool
	}{
		{"1280 bytes", eth, large6, true},
		{"1279 bytes", eth, ether(0x86dd, large6IP[:len(large6IP)-1]), true}, // cut by the capture
		{"1279 bytes by the header", eth, ether(0x86dd, ip6(6, make([]byte, 1239))), false},
		{"ipv4", eth, ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 1400))), false},
		{"vlan", eth, ether(0x86dd, large6IP, 100), true},
		{"qinq", eth, ether(0x86dd, large6IP, 100, 7), true},
		{"three tags", eth, ether(0x86dd, large6IP, 100, 7, 8), false},
		{"vxlan", eth, vxlan4(8472, large6), true},
		{"vxlan, vlan inside", eth, vxlan4(8472, ether(0x86dd, large6IP, 100)), true},
		{"vxlan of ipv4", eth, vxlan4(8472, ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 1400)))), false},
		{"vxlan over ipv6 of ipv4, large outside", eth,
			vxlan6(8472, ether(0x0800, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 1400)))), false},
		{"vxlan over ipv6", eth, vxlan6(8472, large6), true},
		{"udp", eth, ether(0x86dd, udp(53)), true},
		{"udp, ports cut", eth, ether(0x86dd, udp(53))[:14+40+3], false},
		{"to the vxlan port, no frame inside", eth, ether(0x86dd, udp(8472)), false},
		{"esp", eth, ether(0x86dd, ip6(50, make([]byte, 1300))), true},
		{"cut behind the next header", eth, large6[:21], true},
		{"cut before the next header", eth, large6[:20], false},
		{"raw", packet.LinkTypeRaw, large6IP, true},
		{"ipv6", packet.LinkTypeIPv6, large6IP, true},
		{"null", packet.LinkTypeNull, craft.Join([]byte{30, 0, 0, 0}, large6IP), true},
		{"loop", packet.LinkTypeLoop, craft.Join([]byte{0, 0, 0, 24}, large6IP), true},
		{"sll", packet.LinkTypeSLL, craft.Join(make([]byte, 14), []byte{0x86, 0xdd}, large6IP), true},
		{"sll2", packet.LinkTypeSLL2, craft.Join([]byte{0x86, 0xdd}, make([]byte, 18), large6IP), true},
		{"802.11", 105, large6, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Filter{Large: true}).Match(tt.lt, tt.data); got != tt.want {
				t.Errorf("with large packets: %v", got)
			}
			if Match(tt.lt, tt.data) || (Filter{}).Match(tt.lt, tt.data) {
				t.Error("admitted without large packets")
			}
		})
	}
}

// TestFilterTCP has what TCP adds.
func TestFilterTCP(t *testing.T) {
	const eth = packet.LinkTypeEthernet
	tests := []struct {
		name string
		lt   packet.LinkType
		data []byte
		want bool
	}{
		{"tcp", eth, tcp6, true},
		{"large tcp", eth, large6, true},
		{"tcp over ipv4", eth, tcp4, false},
		{"vlan", eth, ether(0x86dd, tcpIP, 100), true},
		{"three tags", eth, ether(0x86dd, tcpIP, 100, 7, 8), false},
		{"vxlan", eth, vxlan4(8472, tcp6), true},
		{"vxlan over ipv6", eth, vxlan6(4789, tcp6), true},
		{"vxlan of tcp over ipv4", eth, vxlan4(8472, tcp4), false},
		{"udp", eth, ether(0x86dd, udp6(9, 53)), false},
		{"large udp", eth, ether(0x86dd, ip6(17, craft.UDP6(craft.GuestLL, craft.RouterLL, 9, 53, make([]byte, 1400)))), false},
		{"esp", eth, ether(0x86dd, ip6(50, make([]byte, 12))), false},
		{"next header 70", eth, ether(0x86dd, ip6(70, make([]byte, 12))), false},
		{"cut behind the next header", eth, tcp6[:21], true},
		{"cut before the next header", eth, tcp6[:20], false},
		{"raw", packet.LinkTypeRaw, tcpIP, true},
		{"802.11", 105, tcp6, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if got := (Filter{TCP: true}).Match(tt.lt, tt.data); got != tt.want {
				t.Errorf("with TCP: %v", got)
			}
			if Match(tt.lt, tt.data) {
				t.Error("admitted without TCP")
			}
		})
	}
}

// TestMatchCut cuts frames everywhere: no cut may panic, and a frame that is not admitted whole is not admitted cut.
func TestMatchCut(t *testing.T) {
	types := []packet.LinkType{0, 1, 101, 108, 113, 228, 229, 276}
	for _, f := range [][]byte{ndFrame, tcp4, vxlan4(8472, ndFrame), vxlan6(8472, tcp6), vxlan4(4789, vxlan6(8472, ndFrame)),
		large6, vxlan6(8472, large6)} {
		for n := range f {
			for _, lt := range types {
				for _, filter := range filters {
					if filter.Match(lt, f[:n]) && !filter.Match(lt, f) {
						t.Errorf("%+v, link type %d: the first %d of %d bytes are admitted, the whole is not", filter, lt, n, len(f))
					}
				}
			}
		}
	}
}

func TestMatchAllocates(t *testing.T) {
	vx := vxlan4(8472, ndFrame)
	for _, f := range filters {
		if n := testing.AllocsPerRun(100, func() { f.Match(packet.LinkTypeEthernet, vx) }); n != 0 {
			t.Errorf("%+v: %v allocations", f, n)
		}
	}
}

func BenchmarkMatch(b *testing.B) {
	for _, bb := range []struct {
		name  string
		frame []byte
	}{{"tcp4", tcp4}, {"nd", ndFrame}, {"vxlan", vxlan4(8472, ndFrame)}, {"vxlan-tcp", vxlan4(8472, tcp6)}} {
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Match(packet.LinkTypeEthernet, bb.frame)
			}
		})
	}
}

// TestFileFilter reads a large packet from a file of each format, for those who ask for it.
func TestFileFilter(t *testing.T) {
	n := ng{}
	fcs := craft.Join(large6, make([]byte, 4))
	for name, data := range map[string][]byte{
		"pcap": craft.Join(pcapHeader(false, magicMicro, 1), pcapRecord(false, 1, 0, len(tcp6), tcp6),
			pcapRecord(false, 1, 0, len(large6), large6), pcapRecord(false, 1, 0, len(ndFrame), ndFrame)),
		"pcap, fcs": craft.Join(pcapHeader(false, magicMicro, 0x24000001), pcapRecord(false, 1, 0, len(fcs), fcs),
			pcapRecord(false, 1, 0, len(ndFrame)+4, craft.Join(ndFrame, make([]byte, 4)))),
		"pcapng": craft.Join(n.section(), n.iface(1, 0), n.enhanced(0, 1, len(tcp6), tcp6), n.enhanced(0, 1, len(large6), large6),
			n.enhanced(0, 1, len(ndFrame), ndFrame)),
	} {
		for _, f := range filters {
			file, err := OpenFile("-", bytes.NewReader(data), f)
			if err != nil {
				t.Fatal(err)
			}
			frames, _, _ := drain(file)
			var want [][]byte
			for _, frame := range [][]byte{tcp6, large6, ndFrame} {
				if f.Match(packet.LinkTypeEthernet, frame) && (name != "pcap, fcs" || len(frame) != len(tcp6)) {
					want = append(want, frame)
				}
			}
			if !slices.EqualFunc(frames, want, func(f packet.Frame, b []byte) bool { return bytes.Equal(f.Data, b) && f.Length == len(b) }) {
				t.Errorf("%s, %+v: %d frames, want %d", name, f, len(frames), len(want))
			}
		}
	}
}
