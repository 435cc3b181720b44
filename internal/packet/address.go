package packet

import "net/netip"

// EUI64 returns the address in the /64 that p begins with whose interface identifier is made of m (RFC 4291 appendix A).
func EUI64(p netip.Prefix, m MAC) netip.Addr {
	a := p.Masked().Addr().As16()
	copy(a[8:], []byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]})
	return netip.AddrFrom16(a)
}

// LinkLocal returns the link-local address whose interface identifier is made of m.
func LinkLocal(m MAC) netip.Addr {
	return EUI64(netip.PrefixFrom(netip.AddrFrom16([16]byte{0xfe, 0x80}), 64), m)
}

// EmbeddedMAC returns the Ethernet address of which the interface identifier of a is made; ok is false for one that is not made so.
func EmbeddedMAC(a netip.Addr) (m MAC, ok bool) {
	if !a.Is6() {
		return m, false
	}
	b := a.As16()
	if b[11] != 0xff || b[12] != 0xfe {
		return m, false
	}
	return MAC{b[8] ^ 2, b[9], b[10], b[13], b[14], b[15]}, true
}

// SolicitedNode returns the group to which a neighbor solicitation for a is sent (RFC 4291 §2.7.1).
func SolicitedNode(a netip.Addr) netip.Addr {
	b := a.As16()
	return netip.AddrFrom16([16]byte{0: 0xff, 1: 2, 11: 1, 12: 0xff, 13: b[13], 14: b[14], 15: b[15]})
}
