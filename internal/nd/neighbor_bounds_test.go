package nd

import (
	"math/rand/v2"
	"runtime"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// nsFlood makes solicitations from random sources for random targets of a /64, perSecond of them a second.
type nsFlood struct {
	rng       *rand.Rand
	frame     packet.Frame
	perSecond int
	n         int
}

func newNSFlood(perSecond int) *nsFlood {
	data := nsFrom(0, node{nodeA.mac, "2001:db8::1"}, "2001:db8::2").data
	return &nsFlood{rng: rand.New(rand.NewPCG(1, 1)), perSecond: perSecond, frame: packet.Frame{Data: data, Length: len(data),
		LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{Name: "eth0", MarksOffload: true}, Offload: true}}
}

// next changes the frame's Ethernet source, its interface identifiers, and its option. The checksum is the hardware's.
func (f *nsFlood) next() *packet.Frame {
	d, a, b := f.frame.Data, f.rng.Uint64(), f.rng.Uint64()
	for i := range 8 {
		d[14+16+i] = byte(a >> (8 * i))    // source
		d[14+40+16+i] = byte(b >> (8 * i)) // target
	}
	copy(d[14+35:14+40], []byte{1, 0xff, d[14+40+21], d[14+40+22], d[14+40+23]}) // its solicited-node group
	copy(d[2:6], d[14+36:14+40])
	copy(d[7:12], d[14+16:])
	copy(d[14+40+26:], d[6:12])
	f.n++
	f.frame.Number = uint64(f.n)
	f.frame.Time = start.Add(time.Duration(f.n) * time.Second / time.Duration(f.perSecond))
	return &f.frame
}

func heapInUse() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// A scan of a /64 with forged sources: the tables stay within their bounds, and what is in use is not forgotten for it.
func TestTablesInFlood(t *testing.T) {
	n := 200_000
	if testing.Short() {
		n = 50_000
	}
	s := newStage(t)
	heap := heapInUse()
	for _, at := range []float64{-60, -30, -1} {
		s.play(nsFrom(at, nodeG, nodeA.addr))
		s.play(naFrom(at+0.1, nodeA, nodeG.addr, flagS|flagO))
	}
	f := newNSFlood(n / 30)
	var p packet.Packet
	for range n {
		if !s.decoder.Decode(f.next(), &p) {
			t.Fatal("a frame of the flood is none")
		}
		for _, found := range s.checker.Packet(&p) {
			if found.Rule != "ns.flood" {
				t.Fatalf("%s: %s", found.Rule, found.Detail)
			}
		}
	}
	if grown := heapInUse() - heap; grown > 20<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	c := s.checker
	sizes := []int{c.neighbors.table.length, c.questions.table.length, c.stations.answers.length}
	if sizes[0] > 2*maxNeighbors || sizes[1] > 2*maxQuestions || sizes[2] != 1 {
		t.Errorf("tables of %d entries", sizes)
	}
	if a := s.neighbor(nodeA.addr); a.State != Stale || a.MAC != hwaddr(nodeA.mac) || s.neighbor(nodeG.addr).MAC != hwaddr(nodeG.mac) {
		t.Errorf("the genuine neighbor is %+v", a)
	}
	q := c.questions.table.peek(questionKey{0, ipOf(addr(nodeG.addr)), ipOf(addr(nodeA.addr))})
	if q == nil || q.tries != 1 || !q.answered {
		t.Errorf("the genuine question is %+v", q)
	}
	for _, x := range asks(nodeG, nodeA.addr, 40, 41, 42, 43) {
		s.play(x)
	}
	s.play(tick(50))
	if got := s.link().Questions; len(got) != 1 || got[0].Target != addr(nodeA.addr) {
		t.Errorf("questions %+v", got)
	}
}

// Links have their bound too, and the tables are theirs together.
func TestTablesInFloodOfLinks(t *testing.T) {
	s := newStage(t)
	f := newNSFlood(10000)
	var p packet.Packet
	for i := range 20_000 {
		frame := *f.next()
		frame.Data = craft.Join(frame.Data[:12], []byte{0x81, 0, byte(i >> 8 & 0x0f), byte(i)}, frame.Data[12:])
		frame.Length = len(frame.Data)
		s.decoder.Decode(&frame, &p)
		s.checker.Packet(&p)
	}
	total := 0
	for _, l := range s.checker.Links() {
		total += len(l.Neighbors)
	}
	if n := len(s.checker.links.order); n != maxLinks+1 || total != s.checker.neighbors.table.length || total > 2*maxNeighbors {
		t.Errorf("%d links, %d neighbors of %d", n, total, s.checker.neighbors.table.length)
	}
}

// A solicitation and its answer, again and again, cost no memory.
func TestExchangeDoesNotAllocate(t *testing.T) {
	s := newStage(t)
	shots := []shot{nsFrom(0, nodeG, nodeA.addr), naFrom(0, nodeA, nodeG.addr, flagS|flagO), nsUnicast(0, nodeG, nodeA.addr),
		naBare(0, nodeA, nodeG.addr, flagS), raFrom(0, nodeR, 1800)}
	frames := make([]packet.Frame, len(shots))
	packets := make([]packet.Packet, len(shots))
	for i, x := range shots {
		frames[i] = packet.Frame{Number: 1, Data: x.data, Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
		if !packet.NewDecoder().Decode(&frames[i], &packets[i]) {
			t.Fatal(i)
		}
	}
	now := start
	exchange := func() {
		for i := range packets {
			now = now.Add(2 * time.Second)
			packets[i].Frame.Time = now
			if found := s.checker.Packet(&packets[i]); len(found) > 0 {
				t.Fatal(found)
			}
		}
	}
	exchange()
	if n := testing.AllocsPerRun(1000, exchange); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkExchange(b *testing.B) {
	s := newStage(b)
	shots := []shot{nsFrom(0, nodeG, nodeA.addr), naFrom(0, nodeA, nodeG.addr, flagS|flagO)}
	var frames [2]packet.Frame
	var packets [2]packet.Packet
	for i, x := range shots {
		frames[i] = packet.Frame{Number: 1, Data: x.data, Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
		packet.NewDecoder().Decode(&frames[i], &packets[i])
	}
	now := start
	for b.Loop() {
		now = now.Add(time.Second)
		for i := range packets {
			packets[i].Frame.Time = now
			s.checker.Packet(&packets[i])
		}
	}
}

func BenchmarkTablesInFlood(b *testing.B) {
	s := newStage(b)
	f := newNSFlood(10000)
	var p packet.Packet
	for b.Loop() {
		s.decoder.Decode(f.next(), &p)
		s.checker.Packet(&p)
	}
}
