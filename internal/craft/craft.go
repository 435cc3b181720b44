// Package craft builds packets byte by byte, faults included, for tests, fixtures and the lab. It is no part of the
// product: nothing in it checks anything, and what is broken on purpose stays broken. Lengths and checksums are filled
// in where the caller leaves them to it.
package craft

import (
	"encoding/binary"
	"net/netip"
)

// Addresses that most packets use.
const (
	RouterLL   = "fe80::ff:fe00:1" // the EUI-64 address of RouterMAC
	RouterMAC  = "02:00:00:00:00:01"
	GuestLL    = "fe80::ff:fe00:2"
	GuestMAC   = "02:00:00:00:00:02"
	AllNodes   = "ff02::1"
	AllRouters = "ff02::2"
)

// Addr returns the 16 bytes of an IPv6 address or the 4 of an IPv4 one; it panics on anything else.
func Addr(s string) []byte { return netip.MustParseAddr(s).AsSlice() }

// MAC returns the six bytes of a colon-separated Ethernet address; it panics on anything else.
func MAC(s string) []byte {
	b := make([]byte, 0, 6)
	for i := 0; i < 17; i += 3 {
		b = append(b, hex(s[i])<<4|hex(s[i+1]))
	}
	return b
}

func hex(c byte) byte {
	switch {
	case c >= '0' && c <= '9':
		return c - '0'
	case c >= 'a' && c <= 'f':
		return c - 'a' + 10
	}
	panic("craft: not a lower-case hex digit")
}

// MulticastMAC returns the Ethernet address of an IPv6 multicast address (RFC 2464 §7).
func MulticastMAC(dst string) []byte { return append([]byte{0x33, 0x33}, Addr(dst)[12:]...) }

// Join returns its arguments one after the other in a new slice.
func Join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

func u16(v uint16) []byte { return binary.BigEndian.AppendUint16(nil, v) }
func u32(v uint32) []byte { return binary.BigEndian.AppendUint32(nil, v) }

// Ethernet returns a frame; vlans are 802.1Q ids, outer first. An outer tag of two is 802.1ad.
func Ethernet(dst, src []byte, vlans []uint16, etherType uint16, payload []byte) []byte {
	b := Join(dst, src)
	for i, v := range vlans {
		tpid := uint16(0x8100)
		if i == 0 && len(vlans) > 1 {
			tpid = 0x88a8
		}
		b = Join(b, u16(tpid), u16(v))
	}
	return Join(b, u16(etherType), payload)
}

// IPv6 returns a packet whose payload, extension headers included, begins with protocol next.
func IPv6(src, dst string, hopLimit, next uint8, payload []byte) []byte {
	return Join([]byte{0x60, 0, 0, 0}, u16(uint16(len(payload))), []byte{next, hopLimit}, Addr(src), Addr(dst), payload)
}

// ICMPv6 returns msg with its checksum filled in, as protocol 58 between src and dst.
func ICMPv6(src, dst string, msg []byte) []byte {
	b := Join(msg)
	b[2], b[3] = 0, 0
	binary.BigEndian.PutUint16(b[2:], ^sum(pseudo(src, dst, len(b), 58), b))
	return b
}

// Offloaded returns msg with the checksum that a kernel leaves to the hardware: the folded sum of the pseudo-header.
func Offloaded(src, dst string, msg []byte) []byte {
	b := Join(msg)
	binary.BigEndian.PutUint16(b[2:], sum(pseudo(src, dst, len(b), 58)))
	return b
}

func pseudo(src, dst string, length int, proto uint8) []byte {
	return Join(Addr(src), Addr(dst), u32(uint32(length)), []byte{0, 0, 0, proto})
}

// sum is the ones' complement sum of RFC 1071, not complemented.
func sum(parts ...[]byte) uint16 {
	var s uint32
	for _, p := range parts {
		for i := 0; i+1 < len(p); i += 2 {
			s += uint32(p[i])<<8 | uint32(p[i+1])
		}
		if len(p)%2 == 1 {
			s += uint32(p[len(p)-1]) << 8
		}
	}
	for s > 0xffff {
		s = s>>16 + s&0xffff
	}
	return uint16(s)
}

// Frame returns msg, its checksum filled in, in IPv6 with hop limit 255, in Ethernet from srcMAC; the destination's
// Ethernet address is that of the multicast group, or GuestMAC.
func Frame(srcMAC, src, dst string, msg []byte) []byte {
	return EthernetIPv6(srcMAC, dst, IPv6(src, dst, 255, 58, ICMPv6(src, dst, msg)))
}

// EthernetIPv6 returns the IPv6 packet ip in Ethernet from srcMAC to the address that fits dst.
func EthernetIPv6(srcMAC, dst string, ip []byte) []byte {
	dstMAC := MAC(GuestMAC)
	if netip.MustParseAddr(dst).IsMulticast() {
		dstMAC = MulticastMAC(dst)
	}
	return Ethernet(dstMAC, MAC(srcMAC), nil, 0x86dd, ip)
}

// VXLAN returns an outer IP packet (IPv4 or IPv6, by src) that carries the Ethernet frame inner to the UDP port.
func VXLAN(src, dst string, port uint16, vni uint32, inner []byte) []byte {
	udp := Join(u16(49152), u16(port), u16(uint16(16+len(inner))), u16(0),
		[]byte{8, 0, 0, 0}, u32(vni<<8), inner)
	if netip.MustParseAddr(src).Is6() {
		return IPv6(src, dst, 64, 17, udp)
	}
	return IPv4(src, dst, 17, udp)
}

// IPv4 returns a packet with TTL 64 and a right header checksum.
func IPv4(src, dst string, proto uint8, payload []byte) []byte {
	h := Join([]byte{0x45, 0}, u16(uint16(20+len(payload))), []byte{0, 0, 0x40, 0, 64, proto, 0, 0}, Addr(src), Addr(dst))
	binary.BigEndian.PutUint16(h[10:], ^sum(h))
	return Join(h, payload)
}

// UDP6 returns a UDP datagram over IPv6 with its checksum.
func UDP6(src, dst string, sport, dport uint16, payload []byte) []byte {
	b := Join(u16(sport), u16(dport), u16(uint16(8+len(payload))), u16(0), payload)
	binary.BigEndian.PutUint16(b[6:], ^sum(pseudo(src, dst, len(b), 17), b))
	return b
}

// HopByHop returns a hop-by-hop header (or, by the protocol number before it, a destination-options header) of eight
// bytes filled with a PadN.
func HopByHop(next uint8) []byte { return []byte{next, 0, 1, 4, 0, 0, 0, 0} }

// FragmentHeader returns the eight-byte Fragment header (protocol 44); offset is in bytes.
func FragmentHeader(next uint8, offset uint16, more bool, id uint32) []byte {
	v := offset &^ 7
	if more {
		v |= 1
	}
	return Join([]byte{next, 0}, u16(v), u32(id))
}
