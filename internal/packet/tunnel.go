package packet

import (
	"encoding/binary"
	"net/netip"
)

const (
	udpHeader   = 8
	vxlanHeader = 8
	flagVNI     = 0x08 // I: the VNI is valid

	portVXLAN      = 4789 // RFC 7348 §5
	portVXLANLinux = 8472 // what Linux took before there was an RFC
	portDHCPClient = 546
	portDHCPServer = 547

	maxTunnels = 3
)

// Overhead returns the bytes that t adds to the inner IP packet: 50 over IPv4, 70 over IPv6, and 4 for each tag that
// the inner frame carries.
func (t Tunnel) Overhead(innerVLANs int) int {
	n := 40
	if t.Source.Is4() {
		n = 20
	}
	return n + udpHeader + vxlanHeader + ethernetHeader + vlanTag*innerVLANs
}

// datagram decodes UDP (RFC 768). It goes down into VXLAN, and keeps DHCPv6.
func (d *Decoder) datagram(v *view, p *Packet) outcome {
	b := v.rest()
	if len(b) < udpHeader {
		return ignore
	}
	src, dst, length := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:]), int(binary.BigEndian.Uint16(b[4:]))
	if length != 0 && length < udpHeader { // RFC 2675 §4: zero leaves the length to the IP header
		return ignore
	}
	switch {
	case dst == portVXLAN, dst == portVXLANLinux:
		if length != 0 {
			v.bound(p, v.off+length, v.off+4)
		}
		v.off += udpHeader
		return d.tunnel(v, p, dst)
	case p.Source.Is4():
		return ignore
	case p.IsFragment && !p.Fragment.Atomic: // no reassembly of UDP
	case isDHCP(src), isDHCP(dst):
		p.Protocol = protoUDP
		p.Payload, p.PayloadOffset = b[:len(b):len(b)], v.off
		p.Complete = v.whole()
		return keep
	}
	return d.large(v, p)
}

func isDHCP(port uint16) bool { return port == portDHCPClient || port == portDHCPServer }

// tunnel enters VXLAN (RFC 7348 §5): flags, of which I must be set and the others are ignored, and the VNI in the upper 24
// bits of the second word. v stands behind the UDP header, whose destination port is port.
func (d *Decoder) tunnel(v *view, p *Packet, port uint16) outcome {
	b := v.rest()
	if len(b) < vxlanHeader || b[0]&flagVNI == 0 {
		return ignore
	}
	if len(p.Tunnels) == maxTunnels {
		p.resetIP()
		p.damage(DamageTooDeep, v.off)
		return keep
	}
	p.enter(binary.BigEndian.Uint32(b[4:])>>8, p.Source, p.Destination, port)
	v.off += vxlanHeader
	return descend
}

// enter makes the link and IP layers decoded so far those of a tunnel.
func (p *Packet) enter(vni uint32, src, dst netip.Addr, port uint16) {
	n := len(p.Tunnels)
	if n == cap(p.Tunnels) {
		p.Tunnels = append(p.Tunnels, Tunnel{})
	}
	p.Tunnels = p.Tunnels[:n+1]
	t := &p.Tunnels[n]
	*t = Tunnel{VNI: vni, Source: src, Destination: dst, Port: port, VLANs: append(t.VLANs[:0], p.VLANs...)}
	p.VLANs = p.VLANs[:0]
	p.resetIP()
}
