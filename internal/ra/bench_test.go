package ra

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// player gives frames to a checker as fast as it takes them.
type player struct {
	*stage
	frame packet.Frame
}

func newPlayer(tb testing.TB) *player {
	s := newStage(tb, Options{})
	return &player{s, packet.Frame{LinkType: packet.LinkTypeEthernet, Interface: s.iface, Time: start}}
}

func (p *player) give(gap time.Duration, data []byte) {
	p.frame.Number++
	p.frame.Time = p.frame.Time.Add(gap)
	p.frame.Data, p.frame.Length = data, len(data)
	if p.decoder.Decode(&p.frame, &p.packet) {
		p.checker.Packet(&p.packet)
	}
}

// pair is what two routers of a link repeat.
func pair(options ...[]byte) [][]byte {
	list := append(craft.CloudStackOptions(), options...)
	a := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(list...))
	list[2] = craft.SLLA(otherMAC)
	return [][]byte{a, craft.Frame(otherMAC, otherLL, craft.AllNodes, craft.CloudStackRA().Message(list...))}
}

// BenchmarkDecode is what the other benchmarks take besides.
func BenchmarkDecode(b *testing.B) {
	p := newPlayer(b)
	frames := pair(craft.DNSSL(30, craft.Name("cs1cloud", "internal")))
	p.frame.Data, p.frame.Length = frames[0], len(frames[0])
	for b.Loop() {
		p.decoder.Decode(&p.frame, &p.packet)
	}
}

func BenchmarkRepeated(b *testing.B) {
	p := newPlayer(b)
	frames := pair(craft.DNSSL(30, craft.Name("cs1cloud", "internal")))
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p.give(5*time.Second, frames[i%2])
		i++
	}
}

// BenchmarkCountdown has lifetimes that count down, so that no message is the one before.
func BenchmarkCountdown(b *testing.B) {
	p := newPlayer(b)
	frames := pair(craft.DNSSL(30, craft.Name("cs1cloud", "internal")))
	p.frame.Offload = true // the checksum does not fit any more
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		f := frames[i%2]
		at := 54 + 16 + bytes.Index(f[54+16:], []byte{3, 4, 64})
		binary.BigEndian.PutUint32(f[at+4:], 86400-uint32(i%4000)*5)
		p.give(5*time.Second, f)
		i++
	}
}

// floods are messages of which each is from somebody new, in one way or another.
func floods() map[string][][]byte {
	list := make(map[string][][]byte)
	strangers := craft.NewStrangers(1)
	msg := func(mac string) []byte { return goodRA.Message(goodPIO, craft.SLLA(mac)) }
	for i := range 1 << 13 {
		_, f := strangers.Next()
		f = bytes.Clone(f)
		mac := packet.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)}
		add := func(name string, f []byte) { list[name] = append(list[name], f) }
		add("Routers", f)
		add("VLANs", onVLAN(f, i))
		add("Links", craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800,
			craft.VXLAN("10.0.0.1", "10.0.0.2", 4789, uint32(i), f)))
		add("MACs", craft.Frame(mac.String(), craft.RouterLL, craft.AllNodes, msg(mac.String())))
		add("Hosts", craft.Frame(mac.String(), fmt.Sprintf("fe80::1:%x", i), craft.AllRouters, craft.RS(craft.SLLA(mac.String()))))
	}
	return list
}

func BenchmarkFlood(b *testing.B) {
	for name, frames := range floods() {
		b.Run(name, func(b *testing.B) {
			p := newPlayer(b)
			b.ReportAllocs()
			i := 0
			for b.Loop() {
				p.give(20*time.Microsecond, frames[i%len(frames)])
				i++
			}
		})
	}
}

// BenchmarkMany has as many routers as a link may have without being flooded, which say the same.
func BenchmarkMany(b *testing.B) {
	p := newPlayer(b)
	var frames [][]byte
	for i := range 40 {
		mac := packet.MAC{2, 0, 0, 1, 0, byte(i)}.String()
		frames = append(frames, craft.Frame(mac, fmt.Sprintf("fe80::1:%x", i), craft.AllNodes, goodRA.Message(goodPIO, craft.SLLA(mac),
			craft.RDNSS(600, "2001:db8::53"), craft.MTU(1500))))
	}
	b.ReportAllocs()
	i := 0
	for b.Loop() {
		p.give(500*time.Millisecond, frames[i%len(frames)])
		i++
	}
}
