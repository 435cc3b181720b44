package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"

	"v6probe/internal/craft"
)

func TestDamage(t *testing.T) {
	hop := craft.HopByHop
	many := func(n int) []byte { return craft.Join(bytes.Repeat(hop(60), n-1), hop(58), icmp()) }
	length := func(b []byte, at int, v uint16) []byte {
		b = bytes.Clone(b)
		binary.BigEndian.PutUint16(b[at:], v)
		return b
	}
	n := uint16(len(icmp()))
	vxlan := craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, ip(58, icmp())))
	tests := []struct {
		name     string
		packet   []byte
		want     []Damage
		protocol uint8
		whole    bool // the RA is there
	}{
		{"AH of length 0", ip(51, []byte{58, 0, 0, 0, 0, 0, 0, 0}, icmp()), []Damage{{DamageExtension, 40}}, 58, true},
		{"AH past the end", ip(51, []byte{58, 200, 0, 0, 0, 0, 0, 0}, icmp()), []Damage{{DamageExtension, 40}}, 58, false},
		{"options past the end", ip(60, []byte{58, 200, 1, 4, 0, 0, 0, 0}, icmp()), []Damage{{DamageExtension, 40}}, 58, false},
		{"options that are not there", ip(60), []Damage{{DamageExtension, 40}}, 60, false},
		{"one byte of options", ip(0, []byte{58}), []Damage{{DamageExtension, 40}}, 58, false},
		{"half a Fragment header", ip(44, []byte{58, 0, 0, 0}), []Damage{{DamageExtension, 40}}, 58, false},
		{"an option past its header", ip(60, []byte{58, 0, 0, 1, 4, 0, 0, 0}, icmp()), []Damage{{DamageOptions, 43}}, 58, true},
		{"an option without length", ip(0, []byte{58, 0, 1, 3, 0, 0, 0, 5}, icmp()), []Damage{{DamageOptions, 47}}, 58, true},
		{"an unknown option to step over", ip(60, []byte{58, 0, 0x1e, 4, 1, 2, 3, 4}, icmp()), nil, 58, true},
		{"an unknown option to drop the packet for", ip(60, []byte{58, 0, 0x5e, 4, 1, 2, 3, 4}, icmp()), []Damage{{DamageOptions, 42}}, 58, true},
		{"an unknown option to complain of", ip(0, []byte{58, 0, 0x9e, 4, 1, 2, 3, 4}, icmp()), []Damage{{DamageOptions, 42}}, 58, true},
		{"two unknown options", ip(0, []byte{58, 0, 0xde, 0, 0, 0, 0xde, 0}, icmp()), []Damage{{DamageOptions, 42}}, 58, true},
		{"a home address hop by hop", ip(0, append([]byte{58, 2, 1, 2, 0, 0, 0xc9, 16}, make([]byte, 16)...), icmp()),
			[]Damage{{DamageOptions, 46}}, 58, false},
		{"a jumbo payload for the destination", ip(60, []byte{58, 0, 0xc2, 4, 0, 1, 0, 0}, icmp()), []Damage{{DamageOptions, 42}}, 58, true},
		{"padding", ip(60, []byte{58, 0, 1, 4, 0, 0, 0, 0}, icmp()), nil, 58, true},
		{"padding that hides something", ip(60, []byte{58, 0, 1, 4, 0, 0, 0, 1}, icmp()), []Damage{{DamageOptions, 42}}, 58, true},
		{"padding that hides something, then a home address", ip(60, append([]byte{58, 2, 1, 2, 0, 1, 0xc9, 16}, make([]byte, 16)...), icmp()),
			[]Damage{{DamageOptions, 42}}, 58, false},
		{"a router alert", ip(0, []byte{58, 0, 5, 2, 0, 0, 1, 0}, icmp()), nil, 58, true},
		{"sixteen headers", ip(60, many(16)), nil, 58, true},
		{"seventeen headers", ip(60, many(17)), []Damage{{DamageTooManyExtensions, 168}}, 60, false},
		{"payload length one too large", length(ip(58, icmp()), 4, n+1), []Damage{{DamageLength, 4}}, 58, false},
		{"payload length a lie", length(ip(58, icmp()), 4, 65535), []Damage{{DamageLength, 4}}, 58, false},
		{"payload length past the end, chain too", length(ip(60, []byte{58, 2, 1, 4, 0, 0, 0, 0}), 4, 900), []Damage{{DamageLength, 4}}, 58, false},
		{"payload length one too small", length(ip(58, icmp()), 4, n-1), nil, 58, false},
		{"payload length zero", length(ip(58, icmp()), 4, 0), nil, 58, false},
		{"payload length zero, options", length(ip(0, hop(58), icmp()), 4, 0), []Damage{{DamageExtension, 40}}, 0, false},
		{"payload length of a first fragment a lie", length(ip(44, craft.FragmentHeader(58, 0, true, 1), []byte{134}), 4, 900),
			[]Damage{{DamageLength, 4}}, 58, false},
		{"39 bytes", ip(58)[:39], []Damage{{DamageLength, 0}}, 58, false},
		{"IPv4 length a lie", length(vxlan, 2, 900), []Damage{{DamageLength, 2}}, 58, true},
		{"UDP length a lie", length(vxlan, 24, 900), []Damage{{DamageLength, 24}}, 58, true},
		{"UDP length too small", length(vxlan, 24, 90), []Damage{{DamageLength, 54}}, 58, false},
		{"UDP length zero", length(vxlan, 24, 0), nil, 58, true},
		{"IPv4 length zero", length(vxlan, 2, 0), nil, 58, true},
	}
	d := NewDecoder()
	var p Packet
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			if !d.Decode(frame(LinkTypeRaw, tt.packet), &p) {
				t.Fatal("not kept")
			}
			if !slices.Equal(p.Damage, tt.want) || p.Protocol != tt.protocol {
				t.Errorf("damage %v, protocol %d; want %v, %d", p.Damage, p.Protocol, tt.want, tt.protocol)
			}
			if tt.whole {
				checkRA(t, &p)
			} else if p.Checksum == ChecksumGood {
				t.Error("checksum is good")
			}
			if len(tt.want) > 0 && tt.want[0].Kind == DamageLength && p.Complete != tt.whole {
				t.Errorf("complete %v", p.Complete)
			}
		})
	}
}

func TestTooDeep(t *testing.T) {
	nested := ether(nil, ip(58, icmp()))
	deep := func(n int) []byte {
		b := nested
		for i := range n {
			b = outer([]uint16{uint16(i + 1)}, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, uint32(i), b))
		}
		return b
	}
	var p Packet
	d := NewDecoder()
	if !d.Decode(frame(LinkTypeEthernet, deep(3)), &p) || len(p.Tunnels) != 3 {
		t.Fatalf("%d tunnels", len(p.Tunnels))
	}
	checkRA(t, &p)
	blank := func(name string) {
		t.Helper()
		if p.IsICMPv6 || p.Complete || p.Payload != nil || p.Source.IsValid() || p.Protocol != 0 {
			t.Errorf("%s: fields of a packet that was not decoded: %+v", name, p)
		}
	}
	const layer = 14 + 4 + 20 + 8 + 8
	if !d.Decode(frame(LinkTypeEthernet, deep(20)), &p) || !slices.Equal(p.Damage, []Damage{{DamageTooDeep, 4*layer - 8}}) ||
		len(p.Tunnels) != 3 {
		t.Errorf("20 tunnels: damage %v", p.Damage)
	}
	blank("20 tunnels")
	tags := []uint16{1, 2, 3, 4, 5, 6, 7, 8, 9}
	if !d.Decode(frame(LinkTypeEthernet, ether(tags, ip(58, icmp()))), &p) || !slices.Equal(p.Damage, []Damage{{DamageTooDeep, 14 + 32}}) {
		t.Errorf("nine tags: damage %v", p.Damage)
	}
	blank("nine tags")
	nested = ether(tags, ip(58, icmp()))
	if !d.Decode(frame(LinkTypeEthernet, deep(1)), &p) || !slices.Equal(p.Damage, []Damage{{DamageTooDeep, layer + 14 + 32}}) {
		t.Errorf("nine tags in a tunnel: damage %v", p.Damage)
	}
	blank("nine tags in a tunnel")
}

// complexFrame has tags, a tunnel over IPv6, tags in it and extension headers. It returns too where the inner IPv6
// header stands.
func complexFrame() (data []byte, at int) {
	packet := ip(0, craft.HopByHop(60), craft.HopByHop(51), authentication(58, 4), icmp())
	data = outer([]uint16{100}, craft.VXLAN("fd00::1", "fd00::2", 8472, 5001, ether([]uint16{7, 8}, packet)))
	return data, len(data) - len(packet)
}

func TestSnapLength(t *testing.T) {
	data, at := complexFrame()
	d := NewDecoder()
	var p Packet
	message := len(data) - len(icmp())
	for n := range data {
		f := frame(LinkTypeEthernet, slices.Clip(data[:n]))
		f.Length = len(data)
		kept := d.Decode(f, &p)
		if n < at {
			// Before that nothing says that there is IPv6 inside; but the outer IPv6 header is one.
			if want := n >= 18 && n <= 18+6; kept != want {
				t.Errorf("%d bytes: kept %v", n, kept)
			}
			continue
		}
		if !kept || p.Complete || p.Checksum != ChecksumUnverified || !slices.Equal(p.Damage, []Damage{{DamageTruncated, n}}) {
			t.Fatalf("%d bytes: kept %v, complete %v, damage %v", n, kept, p.Complete, p.Damage)
		}
		if p.IsICMPv6 != (n > message) || p.IsICMPv6 && !bytes.Equal(p.Payload, icmp()[:n-message]) {
			t.Fatalf("%d bytes: payload % x", n, p.Payload)
		}
		if n >= at+24 && p.Source != netip.MustParseAddr(craft.RouterLL) || n < at+24 && p.Source.IsValid() ||
			n >= at+40 && p.Destination != netip.MustParseAddr(craft.AllNodes) || n < at+40 && p.Destination.IsValid() {
			t.Errorf("%d bytes: from %v to %v", n, p.Source, p.Destination)
		}
	}
	if !d.Decode(frame(LinkTypeEthernet, data), &p) {
		t.Fatal("the whole frame is not kept")
	}
	checkRA(t, &p)
}

// What is wrong in the options of an outer IPv4 header hides nothing.
func TestIPv4Options(t *testing.T) {
	b := craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, ether(nil, ip(58, icmp())))
	d := NewDecoder()
	var p Packet
	for _, options := range [][]byte{{1, 1, 1, 0}, {0x44, 0, 0, 0}, {0x44, 9, 0, 0}, {1, 1, 1, 7}, {0x94, 4, 0, 0}} {
		packet := craft.Join(b[:20], options, b[20:])
		packet[0], packet[3] = 0x46, packet[3]+4
		if !d.Decode(frame(LinkTypeIPv4, packet), &p) || len(p.Damage) > 0 {
			t.Fatalf("options % x: damage %v", options, p.Damage)
		}
		checkRA(t, &p)
	}
}

// A capture that cuts TCP must not flood the reader with unknown packets.
func TestSnapLengthTCP(t *testing.T) {
	data := ether(nil, ip(6, make([]byte, 20)))
	d := NewDecoder()
	var p Packet
	for n := range data {
		f := frame(LinkTypeEthernet, data[:n])
		f.Length = len(data)
		if got, want := d.Decode(f, &p), n >= 14 && n <= 20; got != want {
			t.Errorf("%d bytes: kept %v", n, got)
		}
	}
}

// The same with the length on the wire: then it is no cut, but a lie.
func TestShortFrames(t *testing.T) {
	data, at := complexFrame()
	d := NewDecoder()
	var p Packet
	for n := range data {
		kept := d.Decode(frame(LinkTypeEthernet, data[:n]), &p)
		if kept && (p.Complete || len(p.Damage) == 0 || p.Damage[0].Kind != DamageLength) || kept != (n >= at || n >= 18 && n <= 18+6) {
			t.Fatalf("%d bytes: kept %v, complete %v, damage %v", n, kept, p.Complete, p.Damage)
		}
	}
}

func TestJumbo(t *testing.T) {
	d := NewDecoder()
	var p Packet
	big := func(next uint8, n int) []byte {
		b := ip(0, []byte{next, 0, 0xc2, 4}, binary.BigEndian.AppendUint32(nil, uint32(n+8)), make([]byte, n))
		b[4], b[5] = 0, 0
		return b
	}
	if d.Decode(frame(LinkTypeIPv6, big(6, 70_000)), &p) {
		t.Errorf("TCP with a jumbo length is kept: damage %v", p.Damage)
	}
	if !d.Decode(frame(LinkTypeIPv6, big(58, 70_000)), &p) || len(p.Payload) != 70_000 || len(p.Damage) > 0 || p.Checksum != ChecksumBad {
		t.Errorf("payload of %d bytes, damage %v", len(p.Payload), p.Damage)
	}
	if !d.Decode(frame(LinkTypeIPv6, big(58, 100)), &p) || !slices.Equal(p.Damage, []Damage{{DamageExtension, 40}}) {
		t.Errorf("a jumbo length that is none: damage %v", p.Damage)
	}
}
