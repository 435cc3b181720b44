package packet

import (
	"bytes"
	"encoding/binary"
	"slices"
	"testing"

	"v6probe/internal/craft"
)

// piecesOf cuts the fragmentable part b, which begins with protocol next, into packets with size bytes each.
func piecesOf(id uint32, next uint8, b []byte, size int) [][]byte {
	var packets [][]byte
	for at := 0; at < len(b); at += size {
		end := min(at+size, len(b))
		packets = append(packets, ip(44, craft.FragmentHeader(next, uint16(at), end < len(b), id), b[at:end]))
	}
	return packets
}

func checkReassembled(t *testing.T, p *Packet, pieces int) {
	t.Helper()
	checkRA(t, p)
	if !p.IsFragment || !p.Fragment.Reassembled || p.Fragment.Pieces != pieces || p.Fragment.Atomic {
		t.Errorf("IsFragment %v, %+v, want %d pieces", p.IsFragment, p.Fragment, pieces)
	}
}

func TestReassembly(t *testing.T) {
	hop := craft.HopByHop
	tests := []struct {
		name       string
		packets    [][]byte
		extensions []Extension
	}{
		{"two", piecesOf(1, 58, icmp(), 56), nil},
		{"many", piecesOf(2, 58, icmp(), 8), nil},
		{"options inside", piecesOf(3, 60, craft.Join(hop(58), icmp()), 24), []Extension{{60, 40, 8}}},
		{"options in front", [][]byte{
			ip(0, hop(44), craft.FragmentHeader(58, 0, true, 4), icmp()[:16]),
			ip(0, hop(44), craft.FragmentHeader(58, 16, false, 4), icmp()[16:])}, []Extension{{0, 40, 8}}},
		{"in front and inside", [][]byte{
			ip(0, hop(60), hop(44), craft.FragmentHeader(51, 0, true, 5), authentication(58, 2), icmp()[:16]),
			ip(0, hop(44), craft.FragmentHeader(58, 32, false, 5), icmp()[16:])},
			[]Extension{{0, 40, 8}, {60, 48, 8}, {51, 56, 16}}},
		{"an atomic header in front", [][]byte{
			ip(44, craft.FragmentHeader(44, 0, false, 9), craft.FragmentHeader(58, 0, true, 6), icmp()[:16]),
			ip(44, craft.FragmentHeader(58, 16, false, 6), icmp()[16:])}, []Extension{{44, 40, 8}}},
		// Only the first fragment says what the datagram holds.
		{"a later one that claims TCP", [][]byte{
			ip(44, craft.FragmentHeader(58, 0, true, 7), icmp()[:16]),
			ip(44, craft.FragmentHeader(6, 16, false, 7), icmp()[16:])}, nil},
	}
	for _, tt := range tests {
		orders := map[string]func([][]byte){"in order": func([][]byte) {}, "backwards": slices.Reverse[[][]byte]}
		for order, arrange := range orders {
			if tt.name == "a later one that claims TCP" && order == "backwards" {
				continue
			}
			t.Run(tt.name+" "+order, func(t *testing.T) {
				packets := slices.Clone(tt.packets)
				arrange(packets)
				d := NewDecoder()
				var p Packet
				for i, b := range packets {
					// Each twice: exact duplicates are legal.
					last := i == len(packets)-1
					if !last {
						d.Decode(frame(LinkTypeEthernet, ether([]uint16{5}, b)), &p)
					}
					data := ether([]uint16{5}, b)
					if !d.Decode(frame(LinkTypeEthernet, data), &p) {
						t.Fatalf("piece %d not kept", i)
					}
					if len(p.Damage) > 0 || !p.IsFragment || p.Fragment.Reassembled != last || p.Complete != last {
						t.Fatalf("piece %d: damage %v, %+v, complete %v", i, p.Damage, p.Fragment, p.Complete)
					}
					if !last && p.IsICMPv6 != (p.Fragment.Offset == 0 && p.Protocol == 58 && len(p.Payload) > 0) {
						t.Errorf("piece %d: IsICMPv6 %v, protocol %d", i, p.IsICMPv6, p.Protocol)
					}
					clear(data) // the source reuses its buffer
				}
				checkReassembled(t, &p, len(packets))
				if !slices.Equal(p.Extensions, tt.extensions) {
					t.Errorf("extensions %v, want %v", p.Extensions, tt.extensions)
				}
				n := 40
				for _, e := range tt.extensions {
					n += e.Length
				}
				if p.PayloadOffset != n || int(p.PayloadLength) != n-40+len(icmp()) || p.IPOffset != 18 ||
					p.Link().String() != "eth0 vlan 5" {
					t.Errorf("payload at %d, payload length %d, IP at %d, link %v",
						p.PayloadOffset, p.PayloadLength, p.IPOffset, p.Link())
				}
			})
		}
	}
}

func TestFirstFragment(t *testing.T) {
	d := NewDecoder()
	var p Packet
	if !d.Decode(frame(LinkTypeIPv6, piecesOf(1, 58, icmp(), 56)[0]), &p) {
		t.Fatal("not kept")
	}
	if !p.IsICMPv6 || p.Complete || p.Checksum != ChecksumUnverified || len(p.Message.Raw) != 56 || p.PayloadOffset != 48 ||
		p.Fragment != (Fragment{ID: 1, More: true}) || !slices.Equal(p.Extensions, []Extension{{44, 40, 8}}) {
		t.Errorf("message of %d bytes, complete %v, %+v, %v", len(p.Message.Raw), p.Complete, p.Fragment, p.Extensions)
	}
	d.Decode(frame(LinkTypeIPv6, ip(44, craft.FragmentHeader(58, 1000, true, 1), icmp()[:16])), &p)
	if p.IsICMPv6 || p.Payload != nil || p.Message.Raw != nil || p.Protocol != 58 ||
		p.Fragment != (Fragment{ID: 1, Offset: 1000, More: true}) {
		t.Errorf("a later fragment: %+v, payload % x", p.Fragment, p.Payload)
	}
}

func TestAtomicFragment(t *testing.T) {
	d := NewDecoder()
	var p Packet
	header := craft.FragmentHeader(58, 0, false, 7)
	header[3] |= 6 // reserved bits mean nothing
	if !d.Decode(frame(LinkTypeIPv6, ip(44, header, icmp())), &p) {
		t.Fatal("not kept")
	}
	checkRA(t, &p)
	if !p.IsFragment || p.Fragment != (Fragment{ID: 7, Atomic: true}) || len(p.Extensions) != 1 || len(d.datagrams.slots) != 0 {
		t.Errorf("%+v, extensions %v", p.Fragment, p.Extensions)
	}
}

func TestFirstFragmentDecidesTheHeader(t *testing.T) {
	packets := piecesOf(1, 58, icmp(), 56)
	packets[0][7], packets[1][7] = 255, 17
	d := NewDecoder()
	var p Packet
	for _, b := range packets {
		d.Decode(frame(LinkTypeIPv6, b), &p)
	}
	checkReassembled(t, &p, 2)
}

func TestFragmentDamage(t *testing.T) {
	fragment := func(offset uint16, more bool, b []byte) []byte {
		return ip(44, craft.FragmentHeader(58, offset, more, 1), b)
	}
	msg := icmp()
	other := bytes.Repeat([]byte{0xaa}, 16)
	tests := []struct {
		name    string
		packets [][]byte
		want    []Damage // of the last packet; the ones before have none
		refused bool
	}{
		{"overlap", [][]byte{fragment(0, true, msg[:24]), fragment(16, false, msg[16:])}, []Damage{{DamageOverlap, 42}}, true},
		{"overlap from below", [][]byte{fragment(16, false, msg[16:]), fragment(0, true, msg[:24])}, []Damage{{DamageOverlap, 42}}, true},
		{"overlap of other content", [][]byte{fragment(0, true, msg[:16]), fragment(0, true, other)}, []Damage{{DamageOverlap, 42}}, true},
		{"overlap of other extent", [][]byte{fragment(0, true, msg[:16]), fragment(0, true, msg[:24])}, []Damage{{DamageOverlap, 42}}, true},
		{"overlap inside", [][]byte{fragment(0, true, msg[:24]), fragment(8, true, msg[8:16])}, []Damage{{DamageOverlap, 42}}, true},
		{"the same, but last", [][]byte{fragment(16, true, msg[16:32]), fragment(16, false, msg[16:32])}, []Damage{{DamageOverlap, 42}}, true},
		{"two ends", [][]byte{fragment(16, false, msg[16:32]), fragment(32, false, msg[32:40])}, []Damage{{DamageFragmentLength, 42}}, true},
		{"past the last", [][]byte{fragment(16, false, msg[16:32]), fragment(64, true, msg[:8])}, []Damage{{DamageFragmentLength, 42}}, true},
		{"last before the end", [][]byte{fragment(64, true, msg[:8]), fragment(16, false, msg[16:32])}, []Damage{{DamageFragmentLength, 42}}, true},
		{"no multiple of 8", [][]byte{fragment(8, true, msg[:13])}, []Damage{{DamageFragmentLength, 42}}, false},
		{"past 65535", [][]byte{fragment(65528, true, msg[:8])}, []Damage{{DamageFragmentLength, 42}}, false},
		{"up to 65535", [][]byte{fragment(65528, false, msg[:7])}, nil, false},
		{"past 65535 with the headers in front", [][]byte{ip(60, craft.HopByHop(44), craft.FragmentHeader(58, 65520, true, 1), msg[:8])},
			[]Damage{{DamageFragmentLength, 50}}, false},
		{"no ICMPv6 header", [][]byte{fragment(0, true, nil)}, []Damage{{DamageFirstFragmentIncomplete, 48}}, false},
		{"the options fill it", [][]byte{ip(44, craft.FragmentHeader(60, 0, true, 1), craft.HopByHop(58))},
			[]Damage{{DamageFirstFragmentIncomplete, 56}}, false},
		{"the options reach into the next", [][]byte{ip(44, craft.FragmentHeader(60, 0, true, 1), []byte{58, 1, 1, 12, 0, 0, 0, 0})},
			[]Damage{{DamageFirstFragmentIncomplete, 48}}, false},
		{"a fragment of a fragment", [][]byte{ip(44, craft.FragmentHeader(44, 0, true, 1), craft.FragmentHeader(58, 0, true, 2), msg[:16])},
			[]Damage{{DamageExtension, 48}}, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			d := NewDecoder()
			var p Packet
			for i, b := range tt.packets {
				if !d.Decode(frame(LinkTypeIPv6, b), &p) {
					t.Fatalf("packet %d not kept", i)
				}
				if i < len(tt.packets)-1 && len(p.Damage) > 0 {
					t.Fatalf("packet %d: damage %v", i, p.Damage)
				}
			}
			if !slices.Equal(p.Damage, tt.want) || p.Fragment.ID != 1 {
				t.Errorf("damage %v, want %v; %+v", p.Damage, tt.want, p.Fragment)
			}
			// A datagram that was refused stays so, and says so once.
			for _, b := range piecesOf(1, 58, msg, 8) {
				d.Decode(frame(LinkTypeIPv6, b), &p)
				if tt.refused && (len(p.Damage) > 0 || p.Fragment.Reassembled) {
					t.Fatalf("after the refusal: damage %v, %+v", p.Damage, p.Fragment)
				}
			}
			if len(tt.want) > 0 && tt.want[0].Kind == DamageFragmentLength && !tt.refused && !p.Fragment.Reassembled {
				t.Error("the bad fragment alone is to be refused")
			}
		})
	}
}

// The header chain runs over into the second fragment: RFC 7112 §5 forbids that, but some receivers take it.
func TestIncompleteFirstFragmentIsStillReassembled(t *testing.T) {
	packets := piecesOf(1, 60, craft.Join([]byte{58, 1, 1, 12}, make([]byte, 12), icmp()), 8)
	for _, firstIsLast := range []bool{false, true} {
		d := NewDecoder()
		var p Packet
		if firstIsLast {
			slices.Reverse(packets)
		}
		for _, b := range packets {
			d.Decode(frame(LinkTypeEthernet, ether(nil, b)), &p)
		}
		checkReassembled(t, &p, len(packets))
		if firstIsLast != slices.Equal(p.Damage, []Damage{{DamageFirstFragmentIncomplete, 40}}) || firstIsLast == (len(p.Damage) == 0) {
			t.Errorf("first is last %v: damage %v", firstIsLast, p.Damage)
		}
	}
}

func TestDamageInsideReassembled(t *testing.T) {
	for _, tt := range []struct {
		name       string
		next       uint8
		body       []byte
		want       []Damage
		incomplete bool // the first fragment lacks part of the chain
	}{
		{"options", 60, craft.Join([]byte{58, 0, 1, 9, 0, 0, 0, 0}, icmp()), []Damage{{DamageOptions, 42}}, false},
		{"a fragment in it", 60, craft.Join(craft.HopByHop(44), craft.FragmentHeader(58, 0, true, 2), icmp()),
			[]Damage{{DamageExtension, 48}}, false},
		{"no end of headers", 60, bytes.Repeat(craft.HopByHop(60), 20), []Damage{{DamageTooManyExtensions, 168}}, true},
		{"a header past the end", 60, craft.Join(craft.HopByHop(60), craft.HopByHop(60), []byte{58, 99}, make([]byte, 22)),
			[]Damage{{DamageExtension, 56}}, true},
	} {
		packets := piecesOf(1, tt.next, tt.body, 16)
		for range 2 {
			d := NewDecoder()
			var p Packet
			for _, b := range packets {
				if !d.Decode(frame(LinkTypeIPv6, b), &p) {
					t.Fatalf("%s: not kept", tt.name)
				}
			}
			if !p.Fragment.Reassembled || p.Fragment.ID != 1 || !slices.Equal(p.Damage, tt.want) {
				t.Errorf("%s: %+v, damage %v, want %v", tt.name, p.Fragment, p.Damage, tt.want)
			}
			slices.Reverse(packets) // the first fragment comes last: what is wrong is still said once
			if tt.incomplete {
				tt.want = slices.Insert(tt.want, 0, Damage{DamageFirstFragmentIncomplete, 56})
			}
		}
	}
}

// What the fragments held turns out to be no ICMPv6. The last fragment by itself may look like a tunnel.
func TestReassembledIsIgnored(t *testing.T) {
	hop := craft.HopByHop
	vxlan := craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, ip(58, icmp()[:4])))[20:]
	for name, body := range map[string][]byte{
		"TCP":    craft.Join(hop(60), hop(6), make([]byte, 24)),
		"DHCPv6": craft.Join(hop(60), hop(17), craft.UDP6(craft.RouterLL, craft.AllNodes, 547, 546, make([]byte, 16))),
		"VXLAN":  craft.Join(bytes.Repeat(hop(60), 10), hop(17), vxlan[:72], vxlan),
	} {
		size := 8
		if name == "VXLAN" {
			size = 80
		}
		d := NewDecoder()
		var p Packet
		packets := piecesOf(1, 60, body, size)
		for i, b := range packets {
			last := i == len(packets)-1
			if got := d.Decode(frame(LinkTypeIPv6, b), &p); got == last || p.Fragment.Reassembled != last || len(p.Tunnels) > 0 {
				t.Errorf("%s, piece %d: kept %v, %+v", name, i, got, p.Fragment)
			}
		}
	}
}

func TestEmptyFragments(t *testing.T) {
	packets := piecesOf(1, 58, icmp(), 56)
	d := NewDecoder()
	var p Packet
	d.Decode(frame(LinkTypeIPv6, packets[0]), &p)
	for i := range 2 * maxPieces {
		b := ip(44, craft.FragmentHeader(58, uint16(56+8*i), i%2 == 0, 1))
		if !d.Decode(frame(LinkTypeIPv6, b), &p) || p.Fragment.Reassembled || len(p.Damage) > 0 {
			t.Fatalf("%+v, damage %v", p.Fragment, p.Damage)
		}
	}
	d.Decode(frame(LinkTypeIPv6, packets[1]), &p)
	checkReassembled(t, &p, 2)
}

// A datagram that is done is forgotten: the same fragments again are a new one.
func TestDatagramTwice(t *testing.T) {
	d := NewDecoder()
	var p Packet
	for i := range 6 {
		d.Decode(frame(LinkTypeIPv6, piecesOf(1, 58, icmp(), 56)[i%2]), &p)
		if p.Fragment.Reassembled != (i%2 == 1) || len(p.Damage) > 0 {
			t.Errorf("piece %d: %+v, damage %v", i, p.Fragment, p.Damage)
		}
	}
	if len(d.datagrams.slots) != 1 {
		t.Errorf("%d slots", len(d.datagrams.slots))
	}
}

// A cut fragment is shown, but its datagram can no longer be put together.
func TestCutFragment(t *testing.T) {
	packets := piecesOf(1, 58, icmp(), 56)
	for i, b := range packets {
		d := NewDecoder()
		var p Packet
		f := frame(LinkTypeIPv6, b[:len(b)-1])
		f.Length++
		if !d.Decode(f, &p) || !slices.Equal(p.Damage, []Damage{{DamageTruncated, len(b) - 1}}) {
			t.Errorf("piece %d: damage %v", i, p.Damage)
		}
		if d.Decode(frame(LinkTypeIPv6, packets[1-i]), &p); p.Fragment.Reassembled {
			t.Errorf("piece %d: joined with a part missing", i)
		}
	}
}

func TestFragmentedTunnel(t *testing.T) {
	inner := ether(nil, ip(58, icmp()))
	whole := craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, inner)
	six := craft.VXLAN("fd00::1", "fd00::2", 4789, 1, inner)
	const cut = 64 // of the payload of the outer packet
	four := bytes.Clone(whole[:20+cut])
	binary.BigEndian.PutUint16(four[2:], uint16(len(four)))
	four[6] |= 0x20 // MF
	for name, b := range map[string][]byte{
		"IPv4": four,
		"IPv6": craft.IPv6("fd00::1", "fd00::2", 64, 44, craft.Join(craft.FragmentHeader(17, 0, true, 1), six[40:40+cut])),
		"IPv6 behind options": craft.IPv6("fd00::1", "fd00::2", 64, 44, craft.Join(craft.FragmentHeader(60, 0, true, 1),
			craft.HopByHop(17), six[40:40+cut])),
	} {
		d := NewDecoder()
		var p Packet
		// 64 bytes are UDP, VXLAN, Ethernet and less than an IPv6 header: what is there is right, so no damage.
		if !d.Decode(frame(LinkTypeRaw, b), &p) || len(p.Tunnels) != 1 || p.Complete || p.IsICMPv6 || p.IsFragment || len(p.Damage) > 0 {
			t.Errorf("%s: %d tunnels, %+v, damage %v", name, len(p.Tunnels), p.Fragment, p.Damage)
		}
	}
	for n := 16 + 14 + 40; n < len(whole)-20; n++ {
		b := bytes.Clone(whole[:20+n])
		binary.BigEndian.PutUint16(b[2:], uint16(len(b)))
		b[6] |= 0x20
		var p Packet
		if !NewDecoder().Decode(frame(LinkTypeIPv4, b), &p) || p.Complete || len(p.Payload) != n-70 || len(p.Damage) > 0 ||
			p.IsICMPv6 != (n > 70) || p.Checksum != ChecksumUnverified {
			t.Fatalf("%d bytes: payload of %d, damage %v", n, len(p.Payload), p.Damage)
		}
	}
}
