package pmtu

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

const (
	wireSource = "2001:db8:1::2"
	wireTarget = "2001:db8:2::9"
)

// fixedWire has numbers that do not change from run to run.
func fixedWire() wire {
	return wire{source: netip.MustParseAddr(wireSource), target: netip.MustParseAddr(wireTarget), tcpPort: 443, udpPort: 33434,
		nonce: [nonceSize]byte{0xa1, 0xb2, 0xc3, 0xd4, 0xe5, 0xf6, 0x07, 0x18}, label: 0xfffff, id: 0xfffe, checksum: 0x1234,
		port: 28231, tag: 0xfffd, sequence: 0xffff0007}
}

func built(t testing.TB, w *wire, p Probe) []byte {
	t.Helper()
	b, err := w.build(nil, p)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// plainSum is RFC 1071 to the letter, over the pseudo-header of RFC 8200 §8.1 and b.
func plainSum(proto uint8, b []byte) uint16 {
	src, dst := netip.MustParseAddr(wireSource).As16(), netip.MustParseAddr(wireTarget).As16()
	all := append(append(src[:], dst[:]...), 0, 0, 0, 0, 0, 0, 0, proto)
	binary.BigEndian.PutUint32(all[32:], uint32(len(b)))
	all = append(all, b...)
	if len(all)%2 == 1 {
		all = append(all, 0)
	}
	var sum uint32
	for i := 0; i < len(all); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(all[i:]))
		sum = sum>>16 + sum&0xffff
	}
	return uint16(sum)
}

func TestBuildChecksum(t *testing.T) {
	random := newWire(netip.MustParseAddr(wireSource), netip.MustParseAddr(wireTarget), 443, 33434)
	fixed := fixedWire()
	for _, w := range []*wire{&fixed, &random} {
		for kind, proto := range map[Kind]uint8{Echo: protoICMPv6, UDP: protoUDP, TCP: protoTCP, Option: protoUDP} {
			for _, size := range []int{nonceOffset(kind), 64, 65, 1279, 1280, 1281, 1500, 9000, 65535, MaxSize} {
				for _, id := range []int{1, 2, 1234, maxID} {
					p := Probe{ID: id, Kind: kind, Size: size, HopLimit: 64, Flow: id % 9}
					b := built(t, w, p)
					upper := b[upperOffset(kind):]
					if len(b) != size || plainSum(proto, upper) != 0xffff {
						t.Fatalf("%+v: %d bytes, sum %#x", p, len(b), plainSum(proto, upper))
					}
					if proto == protoUDP && binary.BigEndian.Uint16(upper[6:]) == 0 {
						t.Fatalf("%+v has no checksum", p)
					}
					if proto == protoICMPv6 && packet.ICMPv6Checksum(w.source, w.target, upper) != 0 {
						t.Fatalf("%+v: packet disagrees", p)
					}
				}
			}
		}
	}
}

// TestBuildDecodes has gopacket read the packets.
func TestBuildDecodes(t *testing.T) {
	w := fixedWire()
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		p := Probe{ID: 3, Kind: kind, Size: 1301, HopLimit: 17, Flow: 2}
		b := built(t, &w, p)
		pkt := gopacket.NewPacket(b, layers.LayerTypeIPv6, gopacket.Default)
		if e := pkt.ErrorLayer(); e != nil {
			t.Fatalf("%v: %v", kind, e.Error())
		}
		ip := pkt.NetworkLayer().(*layers.IPv6)
		if ip.Version != 6 || ip.TrafficClass != 0 || ip.FlowLabel != w.labelOf(2) || ip.Length != 1301-40 || ip.HopLimit != 17 ||
			ip.SrcIP.String() != wireSource || ip.DstIP.String() != wireTarget {
			t.Errorf("%v: %+v", kind, ip)
		}
		var data []byte
		switch kind {
		case Echo:
			icmp := pkt.Layer(layers.LayerTypeICMPv6).(*layers.ICMPv6)
			echo := pkt.Layer(layers.LayerTypeICMPv6Echo).(*layers.ICMPv6Echo)
			if icmp.TypeCode != layers.CreateICMPv6TypeCode(128, 0) || echo.Identifier != 0 || echo.SeqNumber != w.tagOf(3) {
				t.Errorf("%+v, %+v", icmp, echo)
			}
			data = icmp.Payload[4+fillerSize:]
		case UDP, Option:
			udp := pkt.Layer(layers.LayerTypeUDP).(*layers.UDP)
			if udp.SrcPort != layers.UDPPort(w.sourcePort(2)) || udp.DstPort != 33434 ||
				int(udp.Length) != len(udp.Payload)+8 || udp.Checksum != w.tagOf(3) {
				t.Errorf("%+v", udp)
			}
			data = udp.Payload[fillerSize:]
			if kind == UDP {
				break
			}
			o := pkt.Layer(layers.LayerTypeIPv6Destination).(*layers.IPv6Destination)
			if len(o.Options) != 1 || o.Options[0].OptionType != 0x9e || len(o.Options[0].OptionData) != 4 || o.ActualLength != 8 {
				t.Errorf("%+v", o)
			}
		case TCP:
			tcp := pkt.Layer(layers.LayerTypeTCP).(*layers.TCP)
			if !tcp.SYN || tcp.ACK || tcp.RST || tcp.FIN || tcp.PSH ||
				tcp.SrcPort != layers.TCPPort(w.sourcePort(3)) || tcp.DstPort != 443 ||
				tcp.Seq != w.sequenceOf(3) || len(tcp.Options) != 0 {
				t.Errorf("%+v", tcp)
			}
			data = tcp.Payload
		}
		if !bytes.HasPrefix(data, w.nonce[:]) {
			t.Errorf("%v: data %x", kind, data[:16])
		}
		// Written again by gopacket, checksum and lengths computed, it is the same.
		if kind == Echo || kind == Option {
			continue // gopacket v1.1.19 writes neither the data of an echo nor an option
		}
		buffer := gopacket.NewSerializeBuffer()
		var list []gopacket.SerializableLayer
		for _, l := range pkt.Layers() {
			if c, ok := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); ok {
				c.SetNetworkLayerForChecksum(ip)
			}
			list = append(list, l.(gopacket.SerializableLayer))
		}
		options := gopacket.SerializeOptions{ComputeChecksums: true, FixLengths: true}
		if err := gopacket.SerializeLayers(buffer, options, list...); err != nil {
			t.Fatal(err)
		}
		if got := buffer.Bytes(); !bytes.Equal(got, b) {
			t.Errorf("%v: gopacket writes\n%x, ours is\n%x", kind, got[:80], b[:80])
		}
	}
}

func TestTags(t *testing.T) {
	for _, start := range []uint16{0, 1, 0x7fff, 0xfffe, 0xffff} {
		w := fixedWire()
		w.tag = start
		for id := 1; id <= maxID; id++ {
			if tag := w.tagOf(id); tag == 0 || w.idOf(tag) != id {
				t.Fatalf("start %d: ID %d has the tag %d, which is of %d", start, id, tag, w.idOf(tag))
			}
		}
	}
}

// TestFlow sees that what a router may choose the way by is the same in a flow, and differs between flows.
func TestFlow(t *testing.T) {
	w := fixedWire()
	labels := make(map[uint32]bool)
	for flow := range 1000 {
		label := w.labelOf(flow)
		if label == 0 || label > 0xfffff || labels[label] {
			t.Fatalf("flow %d has the label %#x", flow, label)
		}
		labels[label] = true
	}
	// The first four bytes of the packet, the addresses and the first four of the upper layer.
	key := func(p Probe) string {
		b := built(t, &w, p)
		return string(b[:4]) + string(b[8:40]) + string(b[upperOffset(p.Kind):][:4])
	}
	for _, kind := range []Kind{Echo, UDP, Option} {
		first := key(Probe{ID: 1, Kind: kind, Size: 1280, HopLimit: 64, Flow: 5})
		if second := key(Probe{ID: 40000, Kind: kind, Size: 1501, HopLimit: 2, Flow: 5}); second != first {
			t.Errorf("%v: %x and %x in one flow", kind, first, second)
		}
		other := key(Probe{ID: 1, Kind: kind, Size: 1280, HopLimit: 64, Flow: 6})
		if other == first || kind != Echo && other[36:] == first[36:] {
			t.Errorf("%v: %x in two flows", kind, other)
		}
	}
}

func TestRunsDiffer(t *testing.T) {
	a := newWire(netip.MustParseAddr(wireSource+"%1"), netip.MustParseAddr(wireTarget), 1, 2)
	b := newWire(a.source, a.target, 1, 2)
	if a.nonce == b.nonce || a == b || a.source.Zone() != "" {
		t.Errorf("%+v, %+v", a, b)
	}
}

func TestBuildReusesBuffer(t *testing.T) {
	w := fixedWire()
	buf := bytes.Repeat([]byte{0xee}, 2000)
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		p := Probe{ID: 9, Kind: kind, Size: 1333, HopLimit: 64}
		b, err := w.build(buf, p)
		if err != nil || !bytes.Equal(b, built(t, &w, p)) || &b[0] != &buf[0] {
			t.Errorf("%v: %v", kind, err)
		}
	}
	if n := testing.AllocsPerRun(10, func() { w.build(buf, Probe{ID: 1, Size: 1500, HopLimit: 64}) }); n > 2 {
		t.Errorf("%v allocations", n)
	}
}

func TestBuildRefuses(t *testing.T) {
	w := fixedWire()
	for _, p := range []Probe{
		{ID: 0, Size: 1280, HopLimit: 64},
		{ID: maxID + 1, Size: 1280, HopLimit: 64},
		{ID: 1, Size: 1280, HopLimit: 0},
		{ID: 1, Size: 1280, HopLimit: 256},
		{ID: 1, Size: 1280, HopLimit: 64, Flow: -1},
		{ID: 1, Kind: 4, Size: 1280, HopLimit: 64},
		{ID: 1, Size: 49, HopLimit: 64},
		{ID: 1, Kind: TCP, Size: 59, HopLimit: 64},
		{ID: 1, Kind: Option, Size: 57, HopLimit: 64},
		{ID: 1, Size: MaxSize + 1, HopLimit: 64},
		{ID: 1, Size: -1, HopLimit: 64},
	} {
		if b, err := w.build(nil, p); err == nil || b != nil {
			t.Errorf("%+v is built", p)
		}
	}
}

// TestQuoteDecodes has icmp6 read a packet as a router quotes it.
func TestQuoteDecodes(t *testing.T) {
	w := fixedWire()
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		q, ok := icmp6.ParseQuote(built(t, &w, Probe{ID: 5, Kind: kind, Size: 1400, HopLimit: 3})[:1232])
		if !ok || q.Length != 1400 || q.Bytes != 1232 || q.HopLimit != 3 ||
			q.PayloadOffset != upperOffset(kind) || q.HasEcho != (kind == Echo) || q.HasPorts == (kind == Echo) {
			t.Errorf("%v: %+v", kind, q)
		}
	}
}
