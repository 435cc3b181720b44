package resolve

import (
	"encoding/binary"
	"net/netip"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

const (
	etherTypeIPv6  = 0x86dd
	protocolICMPv6 = 58

	ethernetLength = 14
	ipv6Length     = 40
	nsLength       = 24 + 8 // with the source link-layer address option
	optionSLLA     = 1
)

// flowLabelMask has the 20 bits of a flow label.
const flowLabelMask = 1<<20 - 1

// solicitation returns the Ethernet frame of a Neighbor Solicitation (RFC 4861 §4.3) from l for target to the address
// dst at the Ethernet address mac. The flow label marks it: the kernel's own solicitations have none. Without
// a source address it is one of duplicate address detection, which must not have a link-layer address either.
func solicitation(l *Link, target, dst netip.Addr, mac packet.MAC, flowLabel uint32) []byte {
	length := nsLength
	if l.Source.IsUnspecified() {
		length = 24
	}
	f := make([]byte, ethernetLength+ipv6Length+length)
	copy(f[0:], mac[:])
	copy(f[6:], l.MAC[:])
	binary.BigEndian.PutUint16(f[12:], etherTypeIPv6)

	ip := f[ethernetLength:]
	binary.BigEndian.PutUint32(ip, 6<<28|flowLabel&flowLabelMask)
	binary.BigEndian.PutUint16(ip[4:], uint16(length))
	ip[6], ip[7] = protocolICMPv6, 255
	copy(ip[8:], l.Source.AsSlice())
	copy(ip[24:], dst.AsSlice())

	ns := ip[ipv6Length:]
	ns[0] = uint8(icmp6.TypeNeighborSolicitation)
	copy(ns[8:], target.AsSlice())
	if length == nsLength {
		ns[24], ns[25] = optionSLLA, 1
		copy(ns[26:], l.MAC[:])
	}
	binary.BigEndian.PutUint16(ns[2:], packet.ICMPv6Checksum(l.Source, dst, ns))
	return f
}

// embedded returns the Ethernet address of one station that a has in its interface identifier, if it has one.
func embedded(a netip.Addr) (packet.MAC, bool) {
	mac, ok := packet.EmbeddedMAC(a)
	return mac, ok && isUnicast(mac)
}

// isUnicast reports whether m can be the address of one station.
func isUnicast(m packet.MAC) bool { return m[0]&1 == 0 && m != packet.MAC{} }
