package craft

// AH returns an Authentication Header (protocol 51) of 24 bytes whose length byte is units: 4 says what it is, in words
// of four bytes less two.
func AH(next, units uint8) []byte {
	return Join([]byte{next, units, 0, 0}, u32(0x1001), u32(7), make([]byte, 12))
}

// DestinationOptions returns a destination-options header (protocol 60) of units × 8 + 8 bytes, filled with one PadN.
// units is at most 31.
func DestinationOptions(next, units uint8) []byte {
	return Join([]byte{next, units, 1, units*8 + 4}, make([]byte, int(units)*8+4))
}

// RouterAlert returns the hop-by-hop header that MLD carries (RFC 2711, RFC 3810 §5).
func RouterAlert(next uint8) []byte { return []byte{next, 0, 5, 2, 0, 0, 1, 0} }

// MLDv2Report returns a report that joins group (RFC 3810 §5.2), checksum zero.
func MLDv2Report(group string) []byte {
	return Join([]byte{143, 0, 0, 0, 0, 0, 0, 1, 4, 0, 0, 0}, Addr(group))
}

// Echo returns an Echo Request with n bytes of data, checksum zero.
func Echo(n int) []byte {
	b := []byte{128, 0, 0, 0, 0x12, 0x34, 0, 1}
	for i := range n {
		b = append(b, byte(i))
	}
	return b
}

// DHCPv6 returns a DHCPv6 message (RFC 8415 §8) with its options left to the caller.
func DHCPv6(typ uint8, transaction uint32, options ...[]byte) []byte {
	return Join(u32(uint32(typ)<<24|transaction&0xffffff), Join(options...))
}

// DHCPv6Option returns one DHCPv6 option (RFC 8415 §21.1).
func DHCPv6Option(code uint16, body []byte) []byte {
	return Join(u16(code), u16(uint16(len(body))), body)
}

// DUID returns the link-layer DUID of mac (RFC 8415 §11.4).
func DUID(mac string) []byte { return Join([]byte{0, 3, 0, 1}, MAC(mac)) }

// SLL returns a Linux cooked frame (LINKTYPE_LINUX_SLL) with a packet of etherType that mac sent; packetType is 0 for
// one to this host, 1 broadcast, 2 multicast, 3 to another, 4 from this host.
func SLL(packetType uint16, mac string, etherType uint16, payload []byte) []byte {
	return Join(u16(packetType), u16(1), u16(6), MAC(mac), []byte{0, 0}, u16(etherType), payload)
}

// SLL2 is SLL for version 2 (LINKTYPE_LINUX_SLL2), seen on interface index.
func SLL2(packetType uint8, mac string, index uint32, etherType uint16, payload []byte) []byte {
	return Join(u16(etherType), u16(0), u32(index), u16(1), []byte{packetType, 6}, MAC(mac), []byte{0, 0}, payload)
}

// EncryptedDNSName returns option 144 that ends after its name: the ADN-only form of RFC 9463 §6.1.
func EncryptedDNSName(priority uint16, lifetime uint32, adn []byte) []byte {
	return Option(144, u16(priority), u32(lifetime), u16(uint16(len(adn))), adn)
}

// SvcParam returns one service parameter in the wire format of RFC 9460 §2.2.
func SvcParam(key uint16, value []byte) []byte { return Join(u16(key), u16(uint16(len(value))), value) }

// FragmentIPv6 cuts payload, which begins with protocol next, at the offsets given (multiples of 8) and returns an IPv6
// packet for each piece.
func FragmentIPv6(src, dst string, hopLimit, next uint8, id uint32, payload []byte, cuts ...int) [][]byte {
	var packets [][]byte
	from := 0
	for _, to := range append(cuts, len(payload)) {
		h := FragmentHeader(next, uint16(from), to < len(payload), id)
		packets = append(packets, IPv6(src, dst, hopLimit, 44, Join(h, payload[from:to])))
		from = to
	}
	return packets
}
