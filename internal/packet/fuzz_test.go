package packet

import (
	"bytes"
	"slices"
	"testing"
	"time"
	"unsafe"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"

	"v6probe/internal/craft"
)

var linkTypes = []LinkType{LinkTypeEthernet, LinkTypeIPv6, LinkTypeRaw, LinkTypeNull, LinkTypeLoop, LinkTypeSLL, LinkTypeSLL2, LinkTypeIPv4}

// within reports whether part lies in whole.
func within(part, whole []byte) bool {
	if len(part) == 0 {
		return true
	}
	if len(whole) == 0 {
		return false
	}
	from, at := uintptr(unsafe.Pointer(&whole[0])), uintptr(unsafe.Pointer(&part[0]))
	return at >= from && at+uintptr(len(part)) <= from+uintptr(len(whole))
}

// checkInvariants checks what holds for whatever comes.
func checkInvariants(t *testing.T, d *Decoder, f *Frame, p *Packet) {
	t.Helper()
	buffer := f.Data
	if p.Fragment.Reassembled {
		buffer = d.joined
	}
	if !within(p.Payload, buffer) || len(p.Payload) > 0 && &p.Payload[0] != &buffer[p.PayloadOffset] {
		t.Fatalf("payload of %d bytes at %d is not in the buffer of %d", len(p.Payload), p.PayloadOffset, len(buffer))
	}
	if p.PayloadOffset > len(buffer) || p.IPOffset > len(f.Data) {
		t.Fatalf("payload at %d of %d, IP at %d", p.PayloadOffset, len(buffer), p.IPOffset)
	}
	for _, e := range p.Extensions {
		if e.Length < 8 || e.Offset < 0 || e.Offset+e.Length > len(buffer) {
			t.Fatalf("extension %+v in %d bytes", e, len(buffer))
		}
	}
	for _, m := range p.Damage {
		if m.Offset < 0 || m.Offset > max(len(buffer), len(f.Data)) {
			t.Fatalf("damage %+v in %d bytes", m, len(buffer))
		}
	}
	if len(p.VLANs) > maxVLANs || len(p.Tunnels) > maxTunnels || len(p.Extensions) > maxExtensions || len(p.Damage) > 2*maxExtensions {
		t.Fatalf("%d tags, %d tunnels, %d extensions, %d damages", len(p.VLANs), len(p.Tunnels), len(p.Extensions), len(p.Damage))
	}
	if p.IsICMPv6 && (p.Protocol != protoICMPv6 || len(p.Payload) == 0 || len(p.Message.Raw) != len(p.Payload)) ||
		!p.IsICMPv6 && p.Message.Raw != nil {
		t.Fatalf("IsICMPv6 %v, protocol %d, payload of %d bytes", p.IsICMPv6, p.Protocol, len(p.Payload))
	}
	if p.Checksum != ChecksumUnverified && (!p.Complete || !p.IsICMPv6) {
		t.Fatalf("checksum %d of an incomplete message", p.Checksum)
	}
	if len(d.datagrams.slots) > maxDatagrams || room(d) > 12<<20 {
		t.Fatalf("%d datagrams, %d bytes", len(d.datagrams.slots), room(d))
	}
}

func FuzzDecode(f *testing.F) {
	add := func(lt byte, frames ...[]byte) {
		blob := []byte{lt}
		for _, b := range frames {
			blob = craft.Join(blob, []byte{byte(len(b) >> 8), byte(len(b)), 0}, b)
		}
		f.Add(blob)
	}
	data, _ := complexFrame()
	add(0, ether(nil, ip(58, icmp())), data)
	add(1, piecesOf(1, 58, icmp(), 56)...)
	add(1, piecesOf(1, 60, craft.Join(craft.HopByHop(58), icmp()), 24)...)
	add(2, ip(51, authentication(58, 0), icmp()), craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 1, data))
	add(3, craft.Join([]byte{30, 0, 0, 0}, ip(43, routing(58, 0, 1), icmp())))
	add(5, sll(4, 0x86dd, ip(58, icmp())))
	add(6, sll2(4, 7, 0x86dd, ip(58, icmp())))
	f.Fuzz(func(t *testing.T, blob []byte) {
		if len(blob) == 0 {
			return
		}
		lt := linkTypes[int(blob[0])%len(linkTypes)]
		blob = blob[1:]
		d, large := NewDecoder(), NewDecoder()
		large.Large, large.TCP = true, true
		var p, q Packet
		// Each frame: its length, what the capture cut off (the top bit: the sender left the checksum), its bytes.
		for i := 0; len(blob) >= 3; i++ {
			n := min(int(blob[0])<<8|int(blob[1]), len(blob)-3)
			cut := int(blob[2])
			fr := &Frame{Time: time.Unix(int64(i), 0), Data: blob[3 : 3+n : 3+n], Length: n + cut&0x7f, LinkType: lt,
				Interface: eth0, Offload: cut&0x80 != 0}
			blob = blob[3+n:]
			kept := d.Decode(fr, &p)
			if kept {
				checkInvariants(t, d, fr, &p)
				_ = p.Link().String()
			}
			if more := large.Decode(fr, &q); more {
				checkInvariants(t, large, fr, &q)
				if !kept && (q.IsICMPv6 || q.PayloadLength < LargePayload && q.Protocol != protoTCP) {
					t.Fatalf("kept for its length or as TCP: %d bytes, protocol %d", q.PayloadLength, q.Protocol)
				}
			} else if kept {
				t.Fatal("not kept with large packets")
			}
			if kept && (p.IsICMPv6 != q.IsICMPv6 || p.Protocol != q.Protocol || p.Complete != q.Complete || p.Checksum != q.Checksum ||
				p.Fragment != q.Fragment || !bytes.Equal(p.Payload, q.Payload) || !slices.Equal(p.Damage, q.Damage)) {
				t.Fatalf("with large packets\n%+v, without\n%+v", q, p)
			}
		}
	})
}

// Plain RAs, which gopacket decodes right too, come out the same.
func TestAgainstGopacket(t *testing.T) {
	d := NewDecoder()
	var p Packet
	for i := range 64 {
		packet := ip(58, icmp())
		packet[0], packet[1], packet[2], packet[3], packet[7] = 0x60|byte(i)>>4, byte(i*37), byte(i*11), byte(i*5), byte(255-i)
		var vlans []uint16
		for v := range i % 4 {
			vlans = append(vlans, uint16(v+i))
		}
		data := ether(vlans, packet)
		if !d.Decode(frame(LinkTypeEthernet, data), &p) {
			t.Fatal("not kept")
		}
		other := gopacket.NewPacket(data, layers.LayerTypeEthernet, gopacket.Default)
		eth := other.Layer(layers.LayerTypeEthernet).(*layers.Ethernet)
		ip6 := other.Layer(layers.LayerTypeIPv6).(*layers.IPv6)
		ra := other.Layer(layers.LayerTypeICMPv6RouterAdvertisement).(*layers.ICMPv6RouterAdvertisement)
		if p.EthernetSource.String() != eth.SrcMAC.String() || p.EthernetDestination.String() != eth.DstMAC.String() {
			t.Errorf("from %v to %v", p.EthernetSource, p.EthernetDestination)
		}
		if p.Source.String() != ip6.SrcIP.String() || p.Destination.String() != ip6.DstIP.String() ||
			p.TrafficClass != ip6.TrafficClass || p.FlowLabel != ip6.FlowLabel || p.HopLimit != ip6.HopLimit || p.PayloadLength != ip6.Length {
			t.Errorf("%v: %v > %v, class %d, flow %d, hop limit %d, length %d", ip6, p.Source, p.Destination,
				p.TrafficClass, p.FlowLabel, p.HopLimit, p.PayloadLength)
		}
		if p.Message.RA.RouterLifetime != ra.RouterLifetime || p.Message.RA.CurHopLimit != ra.HopLimit || len(p.Message.Options) != len(ra.Options) {
			t.Errorf("%+v, want %+v", p.Message.RA, ra)
		}
		tags := 0
		for _, l := range other.Layers() {
			if q, ok := l.(*layers.Dot1Q); ok {
				if p.VLANs[tags].ID != q.VLANIdentifier || p.VLANs[tags].Priority != q.Priority {
					t.Errorf("tag %d: %+v, want %+v", tags, p.VLANs[tags], q)
				}
				tags++
			}
		}
		if tags != len(p.VLANs) {
			t.Errorf("%d tags, want %d", len(p.VLANs), tags)
		}
	}
}

// framesOf are the ones that Decode must take without a single allocation.
func framesOf() map[string]*Frame {
	plain := ether(nil, ip(58, icmp()))
	nested, _ := complexFrame()
	return map[string]*Frame{
		"plain": frame(LinkTypeEthernet, plain),
		"QinQ":  frame(LinkTypeEthernet, ether([]uint16{100, 7}, ip(58, icmp()))),
		"VXLAN": frame(LinkTypeEthernet, outer([]uint16{9}, craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, 5001, plain))),
		"all":   frame(LinkTypeEthernet, nested),
		"SLL2":  frame(LinkTypeSLL2, sll2(0, 3, 0x86dd, ip(58, icmp()))),
		"TCP":   frame(LinkTypeEthernet, ether(nil, ip(6, make([]byte, 1000)))),
	}
}

func TestDecodeDoesNotAllocate(t *testing.T) {
	for name, f := range framesOf() {
		d := NewDecoder()
		var p Packet
		d.Decode(f, &p)
		if n := testing.AllocsPerRun(100, func() {
			d.Decode(f, &p)
			_ = p.Link()
		}); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
	// Fragments, once there is room for them.
	d := NewDecoder()
	var p Packet
	var frames []*Frame
	for _, b := range piecesOf(1, 58, icmp(), 16) {
		frames = append(frames, frame(LinkTypeIPv6, b))
	}
	all := func() {
		for _, f := range frames {
			d.Decode(f, &p)
		}
	}
	all()
	if n := testing.AllocsPerRun(100, all); n != 0 || !p.Fragment.Reassembled {
		t.Errorf("fragments: %v allocations, %+v", n, p.Fragment)
	}
}

func BenchmarkDecode(b *testing.B) {
	for name, f := range framesOf() {
		b.Run(name, func(b *testing.B) {
			d := NewDecoder()
			var p Packet
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(f, &p)
			}
		})
	}
	b.Run("message alone", func(b *testing.B) {
		var p Packet
		msg := icmp()
		for b.Loop() {
			p.Message.Decode(msg)
		}
	})
	b.Run("fragments", func(b *testing.B) {
		d := NewDecoder()
		var p Packet
		frames := [2]*Frame{}
		for i, data := range piecesOf(1, 58, icmp(), 56) {
			frames[i] = frame(LinkTypeIPv6, data)
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			d.Decode(frames[i&1], &p)
		}
	})
}
