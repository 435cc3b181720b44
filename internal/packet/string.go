package packet

import (
	"net/netip"
	"strconv"
)

// String returns the address as colon-separated hexadecimal, "02:00:00:00:00:01".
func (m MAC) String() string {
	const digits = "0123456789abcdef"
	var b [17]byte
	for i, v := range m {
		if i > 0 {
			b[3*i-1] = ':'
		}
		b[3*i], b[3*i+1] = digits[v>>4], digits[v&15]
	}
	return string(b[:])
}

// Link returns the segment that p was seen on.
func (p *Packet) Link() Link {
	var l Link
	if p.Frame.Interface != nil {
		l.Interface = p.Frame.Interface.Name
	}
	if n := len(p.VLANs); n == 1 {
		l.VLANs[0] = p.VLANs[0].ID
	} else if n > 1 {
		l.VLANs = [2]uint16{p.VLANs[n-2].ID, p.VLANs[n-1].ID}
	}
	if n := len(p.Tunnels); n > 0 {
		l.Tunneled, l.VNI = true, p.Tunnels[n-1].VNI
	}
	return l
}

// MulticastMAC returns the Ethernet address of an IPv6 multicast address (RFC 2464 §7).
func MulticastMAC(group netip.Addr) MAC {
	a := group.As16()
	return MAC{0x33, 0x33, a[12], a[13], a[14], a[15]}
}

// SentHere reports whether the capturing host itself sent p. A frame that leaves on a bridge port, to a virtual machine
// for one, may come from anywhere.
func (p *Packet) SentHere() bool {
	if p.Frame.Direction != Outgoing || len(p.Tunnels) > 0 {
		return false
	}
	own := p.Frame.Interface.HardwareAddr
	return own == (MAC{}) || p.EthernetSource == own
}

// String returns "eth0", "eth0 vlan 100", "eth0 vni 5001", "vlan 100.7"; "" for the untagged link of a capture that
// does not name its interface.
func (l Link) String() string {
	b := []byte(l.Interface)
	if l.Tunneled {
		b = append(b, " vni "...)
		b = strconv.AppendUint(b, uint64(l.VNI), 10)
	}
	if l.VLANs != [2]uint16{} {
		b = append(b, " vlan "...)
		b = strconv.AppendUint(b, uint64(l.VLANs[0]), 10)
	}
	if l.VLANs[1] != 0 {
		b = append(b, '.')
		b = strconv.AppendUint(b, uint64(l.VLANs[1]), 10)
	}
	if l.Interface == "" && len(b) > 0 {
		b = b[1:] // the space
	}
	return string(b)
}

// String returns a short phrase: "cut short by the capture".
func (k DamageKind) String() string {
	switch k {
	case DamageTruncated:
		return "cut short by the capture"
	case DamageLength:
		return "a length reaches past the end of the frame"
	case DamageExtension:
		return "an extension header that cannot be right"
	case DamageTooManyExtensions:
		return "too many extension headers"
	case DamageTooDeep:
		return "too many tunnels or VLAN tags"
	case DamageFirstFragmentIncomplete:
		return "the first fragment lacks part of the header chain"
	case DamageOverlap:
		return "overlapping fragments"
	case DamageFragmentLength:
		return "a fragment of impossible length"
	case DamageFragmentLimit:
		return "too many fragments"
	case DamageOptions:
		return "extension header options that do not parse or that receivers refuse"
	}
	return "damage " + strconv.Itoa(int(k))
}
