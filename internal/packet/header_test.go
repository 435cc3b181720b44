package packet

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"v6probe/internal/craft"
)

// stack is what gopacket reads from a frame down to its innermost IPv6 packet.
type stack struct {
	src, dst MAC
	vlans    []VLAN
	tunnels  []Tunnel
	ip       []byte // the IPv6 packet, bounded by the lengths of the layers around it; nil: there is none
	deep     bool   // more tags or tunnels than are followed
}

// byGopacket reads a frame with the layers of gopacket. It follows them itself, because gopacket takes other ports for
// VXLAN than we do, does not look at the I flag or the IP version, and does not know TPID 0x9100 for a tag.
func byGopacket(data []byte) (s stack) {
	for {
		var eth layers.Ethernet
		if eth.DecodeFromBytes(data, gopacket.NilDecodeFeedback) != nil {
			return s
		}
		s.src, s.dst = MAC(eth.SrcMAC), MAC(eth.DstMAC)
		etherType, rest := eth.EthernetType, eth.Payload
		for etherType == layers.EthernetTypeDot1Q || etherType == layers.EthernetTypeQinQ || etherType == 0x9100 {
			var tag layers.Dot1Q
			if s.deep = len(s.vlans) == maxVLANs; s.deep || tag.DecodeFromBytes(rest, gopacket.NilDecodeFeedback) != nil {
				return s
			}
			s.vlans = append(s.vlans, VLAN{TPID: uint16(etherType), ID: tag.VLANIdentifier, Priority: tag.Priority})
			etherType, rest = tag.Type, tag.Payload
		}
		t, inner := s.tunnel(etherType, rest)
		if inner == nil {
			return s
		}
		if s.deep = len(s.tunnels) == maxTunnels; s.deep {
			return s
		}
		t.VLANs, s.vlans = s.vlans, nil
		s.tunnels = append(s.tunnels, t)
		s.ip, data = nil, inner
	}
}

// tunnel reads an IP packet, which becomes s.ip if it is IPv6, and returns the frame in it if it is VXLAN.
func (s *stack) tunnel(etherType layers.EthernetType, b []byte) (t Tunnel, inner []byte) {
	var segment []byte
	switch {
	case etherType == layers.EthernetTypeIPv6:
		s.ip = b
		var ip layers.IPv6
		if ip.DecodeFromBytes(b, gopacket.NilDecodeFeedback) != nil || ip.Version != 6 || ip.NextHeader != layers.IPProtocolUDP {
			return t, nil
		}
		t.Source, t.Destination, segment = netip.AddrFrom16([16]byte(ip.SrcIP)), netip.AddrFrom16([16]byte(ip.DstIP)), ip.Payload
	case etherType == layers.EthernetTypeIPv4:
		var ip layers.IPv4
		// With a payload an error is about the options, on which nothing depends.
		if err := ip.DecodeFromBytes(b, gopacket.NilDecodeFeedback); err != nil && ip.Payload == nil || ip.Version != 4 ||
			ip.Protocol != layers.IPProtocolUDP || ip.FragOffset != 0 {
			return t, nil
		}
		t.Source, t.Destination, segment = netip.AddrFrom4([4]byte(ip.SrcIP)), netip.AddrFrom4([4]byte(ip.DstIP)), ip.Payload
	}
	var udp layers.UDP
	var vxlan layers.VXLAN
	if udp.DecodeFromBytes(segment, gopacket.NilDecodeFeedback) != nil || udp.DstPort != 4789 && udp.DstPort != 8472 {
		return t, nil
	}
	s.ip = nil
	if vxlan.DecodeFromBytes(udp.Payload, gopacket.NilDecodeFeedback) != nil || !vxlan.ValidIDFlag {
		return t, nil
	}
	t.VNI, t.Port = vxlan.VNI, uint16(udp.DstPort)
	return t, vxlan.Payload
}

// agree decodes data and checks that every layer around the innermost IPv6 packet is as gopacket reads it, and that the
// packet is the one that gopacket leaves, no longer and no shorter. It reports whether data was kept.
func agree(t *testing.T, name string, data []byte) bool {
	t.Helper()
	var p, alone Packet
	kept := NewDecoder().Decode(frame(LinkTypeEthernet, data), &p)
	s := byGopacket(data)
	if s.deep {
		if !kept || !slices.ContainsFunc(p.Damage, func(d Damage) bool { return d.Kind == DamageTooDeep }) {
			t.Errorf("%s: kept %v, damage %v, want too deep\n% x", name, kept, p.Damage, data)
		}
		return kept
	}
	want := s.ip != nil && NewDecoder().Decode(frame(LinkTypeEthernet, ether(nil, s.ip)), &alone)
	if kept != want {
		t.Errorf("%s: kept %v, want %v: %+v\n% x", name, kept, want, s, data)
	}
	if !kept || !want {
		return kept
	}
	if p.EthernetSource != s.src || p.EthernetDestination != s.dst || !slices.Equal(p.VLANs, s.vlans) ||
		!slices.EqualFunc(p.Tunnels, s.tunnels, sameTunnel) {
		t.Errorf("%s: from %v to %v, tags %v, tunnels %v, want %+v\n% x", name, p.EthernetSource, p.EthernetDestination,
			p.VLANs, p.Tunnels, s, data)
	}
	// What gopacket leaves is cut out of data, so that its capacity tells its place.
	if at := cap(data) - cap(s.ip); p.IPOffset != at || !bytes.Equal(p.Payload, alone.Payload) || p.Protocol != alone.Protocol ||
		p.IsICMPv6 != alone.IsICMPv6 || p.Complete && !alone.Complete {
		t.Errorf("%s: IP at %d, protocol %d, complete %v, payload % x, want %d, %d, %v, % x\n% x", name, p.IPOffset, p.Protocol,
			p.Complete, p.Payload, at, alone.Protocol, alone.Complete, alone.Payload, data)
	}
	return kept
}

func sameTunnel(a, b Tunnel) bool {
	return a.VNI == b.VNI && a.Source == b.Source && a.Destination == b.Destination && a.Port == b.Port && slices.Equal(a.VLANs, b.VLANs)
}

// Headers below IPv6 are read as gopacket reads them, in frames as they should be and in what chance makes of them.
func TestHeadersAgainstGopacket(t *testing.T) {
	plain, tagged := ether(nil, ip(58, icmp())), ether([]uint16{100, 0xfff}, ip(58, icmp()))
	v4 := func(inner []byte) []byte { return craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 0xabcdef, inner) }
	v6 := func(inner []byte) []byte { return craft.VXLAN("fd00::1", "fd00::2", 8472, 1, inner) }
	set := func(b []byte, at int, values ...byte) []byte {
		b = bytes.Clone(b)
		copy(b[at:], values)
		return b
	}
	options := func(b ...byte) []byte { return craft.Join([]byte{0x46, 0, 0, 0}, v4(plain)[4:20], b, v4(plain)[20:]) }
	total := len(v4(plain))
	tests := []struct {
		name string
		data []byte
		kept bool
	}{
		{"plain", plain, true},
		{"two tags", tagged, true},
		{"priority and drop eligible", set(tagged, 14, 0xf0), true},
		{"TPID 0x9100", set(tagged, 12, 0x91, 0x00), true},
		{"eight tags", ether(make([]uint16, 8), ip(58, icmp())), true},
		{"nine tags", ether(make([]uint16, 9), ip(58, icmp())), true},
		{"padding", craft.Join(plain, make([]byte, 9)), true},
		{"802.3 length", set(plain, 12, 0, 86), false},
		{"greatest length", set(plain, 12, 0x05, 0xff), false},
		{"smallest EtherType", set(plain, 12, 0x06, 0x00), false},
		{"802.3 length in a tag", set(tagged, 20, 0, 86), false},
		{"VXLAN", outer(nil, v4(plain)), true},
		{"VXLAN over IPv6", outer([]uint16{9}, v6(tagged)), true},
		{"tags in and out", outer([]uint16{9}, v4(tagged)), true},
		{"three tunnels", outer(nil, v4(outer(nil, v6(outer([]uint16{1}, v4(tagged)))))), true},
		{"four tunnels", outer(nil, v4(outer(nil, v6(outer(nil, v4(outer(nil, v4(plain)))))))), true},
		{"padding behind VXLAN", outer(nil, craft.Join(v4(plain), make([]byte, 9))), true},
		{"IPv4 version 5", set(outer(nil, v4(plain)), 14, 0x55), false},
		{"IPv4 length zero", outer(nil, set(v4(plain), 2, 0, 0)), true},
		{"IPv4 length 19", outer(nil, set(v4(plain), 2, 0, 19)), false},
		{"IPv4 length 20", outer(nil, set(v4(plain), 2, 0, 20)), false},
		{"IPv4 length one short", outer(nil, set(v4(plain), 2, byte((total-1)>>8), byte(total-1))), true},
		{"IPv4 length past the end", outer(nil, set(v4(plain), 2, 0xff, 0xff)), true},
		{"IPv4 header of 16", outer(nil, craft.Join([]byte{0x44, 0, 0, 0}, v4(plain)[4:16], v4(plain)[20:])), false},
		{"IPv4 options", outer(nil, options(1, 1, 1, 0)), true},
		{"IPv4 option too long", outer(nil, options(7, 9, 4, 0)), true},
		{"IPv4 option of length 1", outer(nil, options(7, 1, 0, 0)), true},
		{"IPv4 header past the end", outer(nil, set(v4(plain)[:40], 0, 0x4f)), false},
		{"first IPv4 fragment", outer(nil, set(v4(plain), 6, 0x20, 0)), true},
		{"do not fragment", outer(nil, set(v4(plain), 6, 0x40, 0)), true},
		{"later IPv4 fragment", outer(nil, set(v4(plain), 6, 0, 1)), false},
		{"last IPv4 fragment", outer(nil, set(v4(plain), 6, 0x1f, 0xff)), false},
		{"TCP", outer(nil, set(v4(plain), 9, 6)), false},
		{"UDP length zero", outer(nil, set(v4(plain), 24, 0, 0)), true},
		{"UDP length 7", outer(nil, set(v4(plain), 24, 0, 7)), false},
		{"UDP length 8", outer(nil, set(v4(plain), 24, 0, 8)), false},
		{"UDP length one short", outer(nil, set(v4(plain), 24, byte((total-21)>>8), byte(total-21))), true},
		{"UDP length past the end", outer(nil, set(v4(plain), 24, 0xff, 0xff)), true},
		{"another port", outer(nil, set(v4(plain), 22, 0, 53)), false},
		{"no I flag", outer(nil, set(v4(plain), 28, 0xf7)), false},
		{"every flag", outer(nil, set(v4(plain), 28, 0xff, 0xff, 0xff, 0xff)), true},
		{"VNI and reserved bits", outer(nil, set(v4(plain), 32, 0xff, 0xff, 0xff, 0xff)), true},
		{"DHCPv6", ether(nil, ip(17, craft.UDP6(craft.RouterLL, craft.AllNodes, 547, 546, []byte("reply")))), true},
		{"ARP", set(plain, 12, 0x08, 0x06), false},
	}
	for _, tt := range tests {
		if kept := agree(t, tt.name, bytes.Clone(tt.data)); kept != tt.kept {
			t.Errorf("%s: kept %v", tt.name, kept)
		}
	}

	// Bytes that the headers have a use for are put in where chance would seldom put them.
	apt := []byte{0, 1, 7, 8, 17, 58, 0x05, 0x06, 0x20, 0x1f, 0x45, 0x46, 0x4f, 0x60, 0x81, 0x88, 0xa8, 0x91, 0x86, 0xdd, 0x12, 0xb5, 0xff}
	r := rand.New(rand.NewPCG(1, 2))
	kept, n := 0, 40000
	for i := range n {
		tt := tests[r.IntN(len(tests))]
		data := bytes.Clone(tt.data)
		for range 1 + r.IntN(3) {
			at := r.IntN(min(len(data), 80)) // the headers
			if r.IntN(2) == 0 {
				data[at] = apt[r.IntN(len(apt))]
			} else {
				data[at] ^= 1 << r.IntN(8)
			}
		}
		if r.IntN(4) == 0 {
			data = bytes.Clone(data[:r.IntN(len(data)+1)])
		}
		if agree(t, fmt.Sprintf("%s, mutation %d", tt.name, i), data) {
			kept++
		}
		if t.Failed() {
			return
		}
	}
	if kept < n/4 || kept > n*3/4 {
		t.Errorf("%d of %d mutations were kept: too few of one kind to compare", kept, n)
	}
}
