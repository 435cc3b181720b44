package packet

import (
	"encoding/binary"
	"strconv"
)

const (
	ethernetHeader = 14 // destination, source, EtherType
	vlanTag        = 4  // the TPID aside, which is the EtherType before it: TCI, and the next EtherType

	etherTypeIPv4  = 0x0800
	etherTypeIPv6  = 0x86dd
	etherTypeVLAN  = 0x8100
	etherTypeQinQ  = 0x88a8
	etherTypeQinQ2 = 0x9100 // from before 802.1ad

	maxVLANs      = 8
	maxInterfaces = 256 // of one cooked capture
)

// link decodes the outermost link layer and returns the EtherType of what follows.
func (d *Decoder) link(v *view, p *Packet) (uint16, outcome) {
	switch p.Frame.LinkType {
	case LinkTypeEthernet:
		return d.ethernet(v, p)
	case LinkTypeRaw, LinkTypeIPv4, LinkTypeIPv6:
		return version(v)
	case LinkTypeNull, LinkTypeLoop:
		return loopback(v)
	case LinkTypeSLL:
		return d.cooked(v, p)
	case LinkTypeSLL2:
		return d.cooked2(v, p)
	}
	return 0, ignore
}

// ethernet decodes an Ethernet header (IEEE 802.3 §3.2) and the tags behind it. Below 0x0600 the EtherType is the length
// of an LLC frame (§3.2.6), in which nothing is looked for: no such value is a protocol or a tag here.
func (d *Decoder) ethernet(v *view, p *Packet) (uint16, outcome) {
	b := v.rest()
	if len(b) < ethernetHeader {
		return 0, ignore
	}
	p.HasEthernet = true
	p.EthernetDestination, p.EthernetSource = MAC(b[:6]), MAC(b[6:12])
	v.off += ethernetHeader
	return d.tags(v, p, binary.BigEndian.Uint16(b[12:]))
}

// tags decodes the stack of VLAN tags that etherType may begin. The 16 bits of a tag's TCI (IEEE 802.1Q §9.6) are the
// priority (3), the drop eligible indicator (1) and the VLAN id (12).
func (d *Decoder) tags(v *view, p *Packet, etherType uint16) (uint16, outcome) {
	for etherType == etherTypeVLAN || etherType == etherTypeQinQ || etherType == etherTypeQinQ2 {
		if len(p.VLANs) == maxVLANs {
			p.damage(DamageTooDeep, v.off)
			return 0, keep
		}
		b := v.rest()
		if len(b) < vlanTag {
			return 0, ignore
		}
		tci := binary.BigEndian.Uint16(b)
		p.VLANs = append(p.VLANs, VLAN{TPID: etherType, ID: tci & 0xfff, Priority: uint8(tci >> 13)})
		etherType = binary.BigEndian.Uint16(b[2:])
		v.off += vlanTag
	}
	return etherType, descend
}

// version tells IPv4 and IPv6 apart by the version nibble.
func version(v *view) (uint16, outcome) {
	if b := v.rest(); len(b) > 0 {
		switch b[0] >> 4 {
		case 4:
			return etherTypeIPv4, descend
		case 6:
			return etherTypeIPv6, descend
		}
	}
	return 0, ignore
}

// loopback decodes the four bytes of BSD loopback: an address family, of which nobody knows the byte order, and whose
// value for IPv6 differs from system to system.
func loopback(v *view) (uint16, outcome) {
	b := v.rest()
	if len(b) < 4 {
		return 0, ignore
	}
	v.off += 4
	family := binary.BigEndian.Uint32(b)
	if family > 0xffff {
		family = binary.LittleEndian.Uint32(b)
	}
	switch family {
	case 2:
		return etherTypeIPv4, descend
	case 10, 24, 28, 30: // Linux, NetBSD and OpenBSD, FreeBSD, Darwin
		return etherTypeIPv6, descend
	}
	return 0, ignore
}

// cooked decodes LINKTYPE_LINUX_SLL.
func (d *Decoder) cooked(v *view, p *Packet) (uint16, outcome) {
	b := v.rest()
	if len(b) < 16 {
		return 0, ignore
	}
	v.off += 16
	p.sender(binary.BigEndian.Uint16(b), int(binary.BigEndian.Uint16(b[4:])), b[6:14])
	return d.tags(v, p, binary.BigEndian.Uint16(b[14:]))
}

// cooked2 decodes LINKTYPE_LINUX_SLL2.
func (d *Decoder) cooked2(v *view, p *Packet) (uint16, outcome) {
	b := v.rest()
	if len(b) < 20 {
		return 0, ignore
	}
	v.off += 20
	p.sender(uint16(b[10]), int(b[11]), b[12:20])
	if index := binary.BigEndian.Uint32(b[4:]); index != 0 {
		p.Frame.Interface = d.interfaceOf(index, p.Frame.Interface)
	}
	return d.tags(v, p, binary.BigEndian.Uint16(b))
}

// sender takes over what a cooked header says of the frame: its packet type and the address of its sender.
func (p *Packet) sender(packetType uint16, length int, addr []byte) {
	if length == len(MAC{}) {
		p.EthernetSource = MAC(addr[:6])
	}
	if p.Frame.Direction != DirectionUnknown {
		return
	}
	switch {
	case packetType == 4: // PACKET_OUTGOING
		p.Frame.Direction = Outgoing
	case packetType < 4:
		p.Frame.Direction = Incoming
	}
}

// interfaceOf returns the interface of that index. A capture of "any" holds frames of several links, and what is said
// on one of them must not be held against another. The file has no names, so the index makes one.
func (d *Decoder) interfaceOf(index uint32, base *Interface) *Interface {
	if i, ok := d.interfaces[index]; ok {
		return i
	}
	if len(d.interfaces) == maxInterfaces {
		return base
	}
	if d.interfaces == nil {
		d.interfaces = make(map[uint32]*Interface)
	}
	i := &Interface{Name: "if" + strconv.FormatUint(uint64(index), 10), Index: int(index), LinkType: LinkTypeSLL2}
	d.interfaces[index] = i
	return i
}
