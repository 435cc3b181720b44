package packet

import (
	"encoding/binary"
	"net/netip"
)

const (
	ipv4Header    = 20     // without options
	moreFragments = 0x2000 // in the 16 bits of flags and fragment offset: RFC 791 §3.1
	offsetMask    = 0x1fff

	ipv6Header = 40
	minICMPv6  = 4 // type, code and checksum: what RFC 7112 §3 calls the upper-layer header

	protoHopByHop           = 0
	protoTCP                = 6
	protoUDP                = 17
	protoRouting            = 43
	protoFragment           = 44
	protoAH                 = 51
	protoICMPv6             = 58
	protoDestinationOptions = 60
	protoMobility           = 135
	protoHIP                = 139
	protoShim6              = 140
)

// whole says that everything up to the end of the layer was sent and captured.
func (v *view) whole() bool { return v.sure && v.end <= len(v.data) }

// ipv4 decodes the IPv4 header (RFC 791 §3.1) of what may be a tunnel, and leaves v at its UDP header. Nothing here
// depends on the IPv4 options. p holds the addresses until the tunnel takes them over.
func (d *Decoder) ipv4(v *view, p *Packet) outcome {
	b := v.rest()
	if len(b) < ipv4Header || b[0]>>4 != 4 {
		return ignore
	}
	header, total := int(b[0]&15)*4, int(binary.BigEndian.Uint16(b[2:]))
	if header < ipv4Header || total != 0 && total < header || header > len(b) {
		return ignore
	}
	fragment := binary.BigEndian.Uint16(b[6:])
	if b[9] != protoUDP || fragment&offsetMask != 0 { // only the first fragment has the UDP header
		return ignore
	}
	if total != 0 { // zero on a sender that leaves segmentation to its hardware
		v.bound(p, v.off+total, v.off+2)
	}
	if fragment&moreFragments != 0 {
		v.sure = false
	}
	v.off += header
	p.Source, p.Destination = netip.AddrFrom4([4]byte(b[12:])), netip.AddrFrom4([4]byte(b[16:]))
	return descend
}

// ipv6 decodes an IPv6 header (RFC 8200 §3) and what follows it, up to UDP.
func (d *Decoder) ipv6(v *view, p *Packet) outcome {
	b := v.rest()
	if len(b) > 0 && b[0]>>4 != 6 {
		return ignore
	}
	p.IPOffset = v.off
	if len(b) < ipv6Header {
		return p.shortHeader(v, b)
	}
	w := walk{view: v, damages: len(p.Damage)}
	p.header(b)
	p.PayloadLength = binary.BigEndian.Uint16(b[4:])
	w.next, w.nextAt = b[6], v.off+6

	end := v.off + ipv6Header + int(p.PayloadLength)
	if p.PayloadLength == 0 && w.next == protoHopByHop {
		end += jumboLength(b[ipv6Header:])
	}
	v.bound(p, end, v.off+4)
	if v.end > len(v.data) {
		p.damage(DamageTruncated, len(v.data))
	}
	v.off += ipv6Header
	return d.settle(&w, p, w.follow(p))
}

// header takes over the fields of an IPv6 header that a reassembled packet has from its first fragment.
func (p *Packet) header(b []byte) {
	word := binary.BigEndian.Uint32(b)
	p.TrafficClass, p.FlowLabel, p.HopLimit = uint8(word>>20), word&0xfffff, b[7]
	p.Source, p.Destination = netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
}

// shortHeader takes what there is of an IPv6 header that is not all there.
func (p *Packet) shortHeader(v *view, b []byte) outcome {
	if v.off+ipv6Header > v.end && v.sure {
		p.damage(DamageLength, v.off)
	}
	if v.end > len(v.data) {
		p.damage(DamageTruncated, len(v.data))
	}
	var h [ipv6Header]byte
	copy(h[:], b)
	p.header(h[:])
	if len(b) < 40 {
		p.Destination = netip.Addr{}
	}
	if len(b) < 24 {
		p.Source = netip.Addr{}
	}
	p.PayloadLength = binary.BigEndian.Uint16(h[4:])
	p.Protocol = h[6]
	if !mayBeICMPv6(h[6]) { // 0, which may, if it is not there
		return ignore
	}
	return keep
}

// settle ends the decoding of an IPv6 packet at the place where its header chain was left.
func (d *Decoder) settle(w *walk, p *Packet, at place) outcome {
	p.Protocol = w.next
	switch {
	case at == atFragment:
		return d.fragment(w, p)
	case at == atUpper && w.next == protoICMPv6:
		d.icmp(w, p)
		return keep
	case at == atUpper && w.next == protoUDP && !w.joined:
		if w.first {
			w.sure = false
		}
		return descend
	case at == lost && mayBeICMPv6(w.next):
		return keep
	case at == atUpper:
		return d.large(w.view, p)
	}
	return ignore
}

// large keeps a packet for its length, or TCP, if that is asked for. v stands at the header of its upper layer.
func (d *Decoder) large(v *view, p *Packet) outcome {
	if !(d.Large && p.PayloadLength >= LargePayload) && !(d.TCP && p.Protocol == protoTCP) {
		return ignore
	}
	for _, m := range p.Damage {
		if m.Kind != DamageTruncated {
			return ignore
		}
	}
	b := v.rest()
	p.Payload, p.PayloadOffset = b[:len(b):len(b)], v.off
	p.Complete = v.whole() && !p.IsPiece()
	return keep
}

// icmp decodes the ICMPv6 message that w has reached.
func (d *Decoder) icmp(w *walk, p *Packet) {
	b := w.rest()
	if w.first && w.sure && w.off+minICMPv6 > w.end {
		p.damage(DamageFirstFragmentIncomplete, w.off)
	}
	p.Payload, p.PayloadOffset = b[:len(b):len(b)], w.off
	p.Complete = w.whole() && !w.first
	if len(b) == 0 {
		return
	}
	p.IsICMPv6 = true
	p.Message.Decode(p.Payload)
	if p.Complete && !w.detour {
		// Frame.Offload speaks of the outermost packet.
		p.Checksum = verify(p.Source, p.Destination, b, p.offload())
	}
}
