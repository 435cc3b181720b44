package nd

import (
	"encoding/binary"
	"math/rand/v2"
	"runtime"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

func TestErrorGroups(t *testing.T) {
	s := newStage(t)
	udp := datagram(nodeA.addr, nodeB.addr, 100)
	fragment := craft.FragmentIPv6(nodeA.addr, nodeB.addr, 63, 17, 7, make([]byte, 2896), 1448)[1]
	for _, x := range []shot{
		{at: 0, data: errorFrom(craft.Unreachable(0, udp))},
		packetAt(1, segment, 1500),
		tooBigAt(1.1, 1450, segment, 1500),
		tooBigAt(1.101, 1450, segment, 1500), // a copy
		tooBigAt(2, 1420, segment, 1450),
		packetAt(3, segment, 1420),
		{at: 4, data: errorFrom(craft.Unreachable(0, udp))},
		{at: 5, data: errorFrom(craft.Unreachable(4, udp))},
		{at: 6, data: errorFrom(craft.TimeExceeded(0, ping(nodeA.addr, nodeB.addr, 100)))},
		{at: 7, data: errorFrom(craft.ParameterProblem(1, 6, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 100))))},
		{at: 8, data: tooBig(1500, full)}, // ptb.not-smaller
		{at: 9, data: tooBig(1400, fragment)},
		{at: 10, data: errorFrom(craft.TooBig(1400, nil)[:7])},
	} {
		s.play(x)
	}
	group := func(typ, code uint8, mtu uint32, protocol uint8, count uint64, first, last float64, frame uint64, quoted int) ErrorGroup {
		return ErrorGroup{Type: typ, Code: code, MTU: mtu, Source: addr(midway.addr), HopLimit: 60, From: addr(nodeA.addr), To: addr(nodeB.addr),
			Protocol: protocol, SourcePort: 40000, Port: 443, HasPorts: true, Count: count, First: after(first), Last: after(last),
			LastFrame: frame, QuotedLength: quoted}
	}
	shrank := group(2, 0, 1420, 6, 3, 1.1, 8, 11, 1450)
	shrank.SeenBefore, shrank.Fate, shrank.LargestSince, shrank.Encapsulation = true, FateShrank, 1420, explain(1420)
	later := group(2, 0, 1400, 17, 1, 9, 9, 12, 1496)
	later.SourcePort, later.Port, later.HasPorts = 0, 0, false
	exceeded := group(3, 0, 0, 58, 1, 6, 6, 9, 100)
	exceeded.SourcePort, exceeded.Port, exceeded.HasPorts, exceeded.HasEcho = 0x1234, 0, false, true
	problem := ErrorGroup{Type: 4, Code: 1, Source: addr(midway.addr), HopLimit: 60, Count: 1, First: after(7), Last: after(7), LastFrame: 10}
	want := []ErrorGroup{group(1, 0, 0, 17, 2, 0, 4, 7, 100), group(1, 4, 0, 17, 1, 5, 5, 8, 100), shrank, later, exceeded, problem}
	link := s.link()
	for i := range max(len(link.Errors), len(want)) {
		if i >= len(link.Errors) || i >= len(want) || link.Errors[i] != want[i] {
			t.Fatalf("group %d:\ngot  %+v\nwant %+v", i, link.Errors, want)
		}
	}
	if link.ErrorCount != 11 {
		t.Errorf("%d errors", link.ErrorCount)
	}
}

func TestEncapsulationOfGroup(t *testing.T) {
	s := newStage(t)
	s.play(tooBigAt(0, 1450, segment, 1500))
	if got := s.link().Errors[0].Encapsulation; got != explain(1450) || got == "" {
		t.Errorf("%q", got)
	}
}

// forgery is a Packet Too Big that can be about another flow each time without a new checksum: words and their
// complements, in the quoted addresses and ports, cancel each other.
type forgery struct {
	data  []byte
	quote int // offset of the quoted packet
	r     *rand.Rand
}

func newForgery() *forgery {
	const a = "::ffff:ffff:ffff:ffff" // four words of 0 and their complements
	ip := craft.IPv6(a, a, 63, 6, craft.Join([]byte{0, 0, 0xff, 0xff}, make([]byte, 1456)))
	data := limited(midway.as(a), a, 60, craft.TooBig(1400, ip[:1232]))
	return &forgery{data, len(data) - 1232, rand.New(rand.NewPCG(1, 2))}
}

func (f *forgery) next() []byte {
	pair := func(at, n int) {
		for i := 0; i < n; i += 2 {
			v := uint16(f.r.Uint32())
			binary.BigEndian.PutUint16(f.data[at+i:], v)
			binary.BigEndian.PutUint16(f.data[at+n+i:], ^v)
		}
	}
	pair(f.quote+8, 8)
	pair(f.quote+24, 8)
	pair(f.quote+40, 2)
	pair(14+8, 8) // who sends it
	// It goes to the source of the packet that it quotes.
	copy(f.data[14+24:], f.data[f.quote+8:f.quote+24])
	return f.data
}

// TestErrorFlood has a million forged Packet Too Big around a flow that ignores a real one, and a few real errors: memory
// is bounded, and what is real stays.
func TestErrorFlood(t *testing.T) {
	const forged = 1_000_000
	s := newStage(t)
	for _, x := range []shot{
		{at: 0, data: errorFrom(craft.Unreachable(0, short))},
		packetAt(0, segment, 1500), packetAt(0.5, segment, 1500), tooBigAt(0.51, 1400, segment, 1500),
	} {
		s.play(x)
	}
	var before, now runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	f := newForgery()
	frame := packet.Frame{LinkType: packet.LinkTypeEthernet, Interface: s.iface}
	ignored := 0
	count := func(found []rule.Finding) {
		for _, x := range found {
			if x.Rule == "ptb.ignored" {
				ignored++
			} else {
				t.Fatalf("%+v", x)
			}
		}
	}
	for i := range forged {
		frame.Data = f.next()
		frame.Number, frame.Time, frame.Length = uint64(i)+10, after(1+float64(i)/forged*10), len(frame.Data)
		if !s.decoder.Decode(&frame, &s.packet) {
			t.Fatal("not kept")
		}
		count(s.checker.Packet(&s.packet))
		if i%(forged/4) == forged/8 { // four times
			count(s.play(packetAt(1+float64(i)/forged*10, segment, 1500)))
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&now)
	if grown := int64(now.HeapAlloc) - int64(before.HeapAlloc); grown > 16<<20 {
		t.Errorf("%d KiB more", grown>>10)
	}
	if ignored != 1 {
		t.Errorf("the flow that goes on was named %d times", ignored)
	}
	link := s.link()
	fates := map[Fate]int{}
	types := map[uint8]int{}
	for _, e := range link.Errors {
		fates[e.Fate]++
		types[e.Type]++
	}
	if fates[FateIgnored] != 1 || types[1] != 1 || types[2] > 2*maxErrorGroups {
		t.Errorf("fates %v, types %v", fates, types)
	}
	if n := s.checker.flows.table.length; n > 2*maxFlows {
		t.Errorf("%d flows", n)
	}
}

// TestErrorsDoNotAllocate plays again what is known.
func TestErrorsDoNotAllocate(t *testing.T) {
	s := newStage(t)
	shots := []shot{raFrom(0, nodeR, 1800), packetAt(0, segment, 1500), tooBigAt(0, 1400, segment, 1500), packetAt(0, datagram, 1300),
		packetAt(0, ping, 1400), {data: errorFrom(craft.TimeExceeded(0, short))}, redirectAt(0, nodeR, otherRouter.addr, craft.TLLA(otherRouter.mac))}
	frames := make([]packet.Frame, len(shots))
	for i, x := range shots {
		frames[i] = packet.Frame{Data: x.data, Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
	}
	at := 0.0
	all := func() {
		at += 0.3
		for i := range frames {
			frames[i].Time = after(at)
			s.decoder.Decode(&frames[i], &s.packet)
			s.checker.Packet(&s.packet)
		}
	}
	for range 50 {
		all()
	}
	if n := testing.AllocsPerRun(200, all); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkFlow(b *testing.B) {
	for _, bb := range []struct {
		name string
		many int
	}{{"one", 1}, {"many", 1000}} {
		b.Run(bb.name, func(b *testing.B) {
			s := newStage(b)
			data := packetAt(0, segment, 1500).data
			frame := packet.Frame{Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet, Interface: s.iface, Time: start}
			b.ReportAllocs()
			for i := 0; b.Loop(); i++ {
				binary.BigEndian.PutUint16(data[54:], uint16(i%bb.many))
				s.decoder.Decode(&frame, &s.packet)
				s.checker.Packet(&s.packet)
			}
		})
	}
}

func BenchmarkTooBigFlood(b *testing.B) {
	s := newStage(b)
	f := newForgery()
	frame := packet.Frame{LinkType: packet.LinkTypeEthernet, Interface: s.iface, Time: start}
	b.ReportAllocs()
	for b.Loop() {
		frame.Data = f.next()
		frame.Length = len(frame.Data)
		s.decoder.Decode(&frame, &s.packet)
		s.checker.Packet(&s.packet)
	}
}
