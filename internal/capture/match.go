package capture

import (
	"encoding/binary"

	"v6probe/internal/packet"
)

// Match reports whether a frame of link type lt may matter: whether it may hold ICMPv6, a piece of it, or DHCPv6. It
// looks at a few bytes only and never allocates. This comment is the one definition of what is admitted; the kernel's
// filter decides the same on the same bytes. A byte that a rule reads and that is not there means: not admitted.
//
// The network layer. Ethernet has its type at byte 12 and the packet at 14, SLL at 14 and 16, SLL2 at 0 and 20. While
// the type is a VLAN tag (0x8100, 0x88a8, 0x9100), at most twice, the type is the two bytes at packet + 2 and the
// packet moves by 4. Type 0x86dd is IPv6 and 0x0800 is IPv4, whatever the version nibble says; any other type is not
// admitted. Raw IP is told apart by the version nibble of its first byte; so is Null and Loop after four bytes, which
// are not looked at. A frame of any other link type is not admitted.
//
// IPv6, by the next header in byte 6: 58 (ICMPv6), 0, 43, 44, 51 and 60 (extension headers) are admitted. 17 is UDP
// from byte 40. Any other is not admitted.
//
// IPv4: admitted only as the outside of VXLAN. The protocol in byte 9 must be 17 and the fragment offset in bytes 6 and
// 7 must be 0; UDP begins after the header length in byte 0, taken as it stands.
//
// UDP: over IPv6, source port 546 or 547 is admitted, and so is such a destination port. Destination port 4789 or 8472
// is VXLAN: an Ethernet frame begins 16 bytes after the UDP header does. It is judged by these same rules, but for two:
// it has at most one VLAN tag, and if it is VXLAN again, it is admitted.
func Match(lt packet.LinkType, data []byte) bool { return match(lt, data, limits{never, nextHeaders}) }

// Filter chooses the frames that a source lets through. The zero Filter lets through what Match admits.
type Filter struct {
	// Large admits more: each IPv6 packet, the one inside VXLAN included, whose Payload Length (bytes 4 and 5) is
	// packet.LargePayload or more, whatever its next header: a Packet Too Big may be about it. A packet that is VXLAN is
	// judged by what is inside alone. Live, what is admitted for its length only is cut to its first 256 bytes.
	Large bool
	// TCP admits each IPv6 packet whose next header is 6 (TCP), the one inside VXLAN included. Live, it is cut likewise.
	TCP bool
}

// Match is the function Match for the frames that f lets through.
func (f Filter) Match(lt packet.LinkType, data []byte) bool { return match(lt, data, f.limits()) }

const (
	never       = 1 << 16 // more than a Payload Length can be
	largeCutoff = 256     // bytes captured of a frame for its length or for TCP only; the headers take 210, with all options of TCP
)

// limits is a Filter in the form that is quick to ask.
type limits struct {
	least int    // the Payload Length from which on IPv6 packets are admitted
	next  uint64 // a bit for each next header that is admitted
}

func (f Filter) limits() limits {
	l := limits{never, nextHeaders}
	if f.Large {
		l.least = packet.LargePayload
	}
	if f.TCP {
		l.next |= 1 << protocolTCP
	}
	return l
}

// match decides as Match does, and admits what l says.
func match(lt packet.LinkType, data []byte, l limits) bool {
	switch lt {
	case packet.LinkTypeEthernet:
		return len(data) >= 14 && matchFrom(data, 14, binary.BigEndian.Uint16(data[12:]), l)
	case packet.LinkTypeSLL:
		return len(data) >= 16 && matchFrom(data, 16, binary.BigEndian.Uint16(data[14:]), l)
	case packet.LinkTypeSLL2:
		return len(data) >= 20 && matchFrom(data, 20, binary.BigEndian.Uint16(data), l)
	case packet.LinkTypeRaw:
		return matchVersion(data, 0, l)
	case packet.LinkTypeNull, packet.LinkTypeLoop:
		return matchVersion(data, 4, l)
	case packet.LinkTypeIPv4:
		return matchFrom(data, 0, etherTypeIPv4, l)
	case packet.LinkTypeIPv6:
		return matchFrom(data, 0, etherTypeIPv6, l)
	}
	return false
}

// readable reports whether Match knows the link type.
func readable(lt packet.LinkType) bool {
	switch lt {
	case packet.LinkTypeNull, packet.LinkTypeEthernet, packet.LinkTypeRaw, packet.LinkTypeLoop, packet.LinkTypeSLL,
		packet.LinkTypeIPv4, packet.LinkTypeIPv6, packet.LinkTypeSLL2:
		return true
	}
	return false
}

func matchVersion(data []byte, ip int, l limits) bool {
	if len(data) <= ip {
		return false
	}
	switch data[ip] >> 4 {
	case 6:
		return matchFrom(data, ip, etherTypeIPv6, l)
	case 4:
		return matchFrom(data, ip, etherTypeIPv4, l)
	}
	return false
}

// nextHeaders has a bit for each next header that Match admits.
const nextHeaders uint64 = 1<<58 | 1<<0 | 1<<43 | 1<<44 | 1<<51 | 1<<60

// matchFrom judges what has EtherType typ and begins at ip. It is one loop, once for the frame and once for the frame
// inside VXLAN, because calls would take as long as the work.
func matchFrom(data []byte, ip int, typ uint16, l limits) bool {
	tags, inner := 2, false
	for {
		for ; tags > 0 && isVLAN(typ); tags-- {
			if len(data) < ip+4 {
				return false
			}
			typ = binary.BigEndian.Uint16(data[ip+2:])
			ip += 4
		}
		var udp int
		large := false
		switch typ {
		case etherTypeIPv4:
			if len(data) < ip+10 || data[ip+9] != protocolUDP || binary.BigEndian.Uint16(data[ip+6:])&0x1fff != 0 {
				return false
			}
			udp = ip + 4*int(data[ip]&0xf)
		case etherTypeIPv6:
			if len(data) < ip+7 {
				return false
			}
			large = int(binary.BigEndian.Uint16(data[ip+4:])) >= l.least
			if next := data[ip+6]; next != protocolUDP {
				return next < 64 && l.next>>next&1 != 0 || large
			}
			udp = ip + 40
			if len(data) >= udp+2 && isDHCPv6(binary.BigEndian.Uint16(data[udp:])) {
				return true
			}
		default:
			return false
		}
		if len(data) < udp+4 {
			return false
		}
		port := binary.BigEndian.Uint16(data[udp+2:])
		if typ == etherTypeIPv6 && isDHCPv6(port) {
			return true
		}
		if port != portVXLAN && port != portVXLANLinux {
			return large
		}
		eth := udp + 16
		if inner || len(data) < eth+14 {
			return inner
		}
		ip, typ = eth+14, binary.BigEndian.Uint16(data[eth+12:])
		tags, inner = 1, true
	}
}

func isVLAN(typ uint16) bool { return typ == 0x8100 || typ == 0x88a8 || typ == 0x9100 }

func isDHCPv6(port uint16) bool { return port == portDHCPv6Client || port == portDHCPv6Server }
