package capture

import (
	"encoding/binary"

	"v6probe/internal/packet"
)

// Kind says how well a frame can be spared when frames come faster than they can be judged.
type Kind uint8

const (
	// KindSpare is what is looked at for the sake of something else: large packets, TCP, echoes, MLD, DHCPv6, and what
	// hides behind extension headers or in fragments.
	KindSpare Kind = iota
	// KindNeighbor is a Neighbor Solicitation or Advertisement.
	KindNeighbor
	// KindStranger is KindVital of a sender that a Queue has not heard before, as far as it remembers, or that floods: a
	// router that is heard again and again is not lost among thousands that someone makes up.
	KindStranger
	// KindVital is a Router Advertisement or Solicitation, a Redirect, or an ICMPv6 error.
	KindVital
	kinds
)

// String says what is of that kind.
func (k Kind) String() string {
	switch k {
	case KindNeighbor:
		return "NS and NA"
	case KindStranger:
		return "RA, RS, redirects and errors of new or flooding senders"
	case KindVital:
		return "RA, RS, redirects and errors"
	}
	return "others"
}

// sender is who a message is from: the Ethernet address that is next to its IPv6 header, zero if there is none, and the IPv6
// address.
type sender struct {
	mac     packet.MAC
	address [16]byte
}

// classify returns the kind of a frame that has matched, and the sender of what is vital. It looks as little as Match does and
// takes what it cannot place for what can be spared.
func classify(lt packet.LinkType, data []byte) (Kind, sender) {
	switch lt {
	case packet.LinkTypeEthernet:
		return kindInEthernet(data, 0, true)
	case packet.LinkTypeSLL:
		if len(data) >= 16 {
			return kindFrom(data, 16, binary.BigEndian.Uint16(data[14:]), true)
		}
	case packet.LinkTypeSLL2:
		if len(data) >= 20 {
			return kindFrom(data, 20, binary.BigEndian.Uint16(data), true)
		}
	case packet.LinkTypeRaw, packet.LinkTypeIPv4, packet.LinkTypeIPv6:
		return kindFrom(data, 0, versionType(data), true)
	case packet.LinkTypeNull, packet.LinkTypeLoop:
		if len(data) > 4 {
			return kindFrom(data, 4, versionType(data[4:]), true)
		}
	}
	return KindSpare, sender{}
}

// versionType returns the EtherType of an IP packet by its version.
func versionType(ip []byte) uint16 {
	if len(ip) > 0 && ip[0]>>4 == 4 {
		return etherTypeIPv4
	}
	return etherTypeIPv6
}

// kindInEthernet judges the Ethernet frame at eth; outer says that a tunnel may be in it.
func kindInEthernet(data []byte, eth int, outer bool) (Kind, sender) {
	if len(data) < eth+14 {
		return KindSpare, sender{}
	}
	k, from := kindFrom(data, eth+14, binary.BigEndian.Uint16(data[eth+12:]), outer)
	if from.mac == (packet.MAC{}) {
		from.mac = packet.MAC(data[eth+6:])
	}
	return k, from
}

// kindFrom judges what has EtherType typ and begins at ip; outer says that a tunnel may be in it.
func kindFrom(data []byte, ip int, typ uint16, outer bool) (Kind, sender) {
	for n := 0; n < 2 && isVLAN(typ) && len(data) >= ip+4; n++ {
		typ = binary.BigEndian.Uint16(data[ip+2:])
		ip += 4
	}
	next, transport := uint8(0), 0
	switch {
	case typ == etherTypeIPv6 && len(data) > ip+40 && data[ip]>>4 == 6:
		next, transport = data[ip+6], ip+40
	case typ == etherTypeIPv4 && len(data) > ip+20 && data[ip]>>4 == 4:
		next, transport = data[ip+9], ip+4*int(data[ip]&0xf)
	default:
		return KindSpare, sender{}
	}
	if next == protocolUDP && outer { // VXLAN, or it would not have matched
		return kindInEthernet(data, transport+16, false)
	}
	if next != protocolICMP6 || typ != etherTypeIPv6 {
		return KindSpare, sender{}
	}
	return kindOfType(data[transport]), sender{address: [16]byte(data[ip+8:])}
}

// kindOfType returns the kind of an ICMPv6 message of that type.
func kindOfType(t uint8) Kind {
	switch {
	case t < 128, t == 133, t == 134, t == 137:
		return KindVital
	case t == 135, t == 136:
		return KindNeighbor
	}
	return KindSpare
}
