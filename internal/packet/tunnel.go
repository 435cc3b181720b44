package packet

import (
	"net/netip"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
)

const (
	udpHeader   = 8
	vxlanHeader = 8

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
	return n + udpHeader + vxlanHeader + 14 + 4*innerVLANs
}

// datagram decodes UDP. It goes down into VXLAN, and keeps DHCPv6.
func (d *Decoder) datagram(v *view, p *Packet) outcome {
	b := v.rest()
	if len(b) < udpHeader || d.udp.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil {
		return ignore
	}
	switch {
	case d.udp.DstPort == portVXLAN, d.udp.DstPort == portVXLANLinux:
		return d.tunnel(v, p)
	case p.Source.Is4(), p.IsFragment && !p.Fragment.Atomic:
		return ignore
	case isDHCP(d.udp.SrcPort), isDHCP(d.udp.DstPort):
		p.Protocol = protoUDP
		p.Payload, p.PayloadOffset = b[:len(b):len(b)], v.off
		p.Complete = v.whole()
		return keep
	}
	return ignore
}

func isDHCP(port layers.UDPPort) bool { return port == portDHCPClient || port == portDHCPServer }

// tunnel enters VXLAN (RFC 7348 §5). v stands at the UDP header, which d.udp holds.
func (d *Decoder) tunnel(v *view, p *Packet) outcome {
	if d.udp.Length != 0 { // RFC 2675 §4: zero leaves the length to the IP header
		v.bound(p, v.off+int(d.udp.Length), v.off+4)
	}
	v.off += udpHeader
	b := v.rest()
	if len(b) < vxlanHeader || d.vxlan.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil || !d.vxlan.ValidIDFlag {
		return ignore
	}
	if len(p.Tunnels) == maxTunnels {
		p.resetIP()
		p.damage(DamageTooDeep, v.off)
		return keep
	}
	p.enter(d.vxlan.VNI, p.Source, p.Destination, uint16(d.udp.DstPort))
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
