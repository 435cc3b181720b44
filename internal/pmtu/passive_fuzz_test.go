package pmtu

import (
	"encoding/binary"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// feed plays what blob says: for each packet its kind, how much later it comes, and bytes to overwrite in it.
func feed(s *stage, blob []byte) {
	long := data(0, 1, 1500)
	kinds := join(greet(1440, 1440), []sight{long, data(0, 1441, 500), data(0, 1, 1084), data(0, 1, 1400), ack(0, 1, 1441, 1881),
		ack(0, 1085), ack(0, 1441), ack(0, 1881), tooBig(0, 1400, long), ping(0, sceneA, sceneB, 64, 1400, false),
		ping(0, sceneB, sceneA, 57, 1400, true), fromB(0, craft.Segment{Sequence: 1, Flags: craft.RST}),
		fromB(0, craft.Segment{Sequence: 1, Ack: 1, Flags: craft.FIN | craft.ACK})})
	for _, ip := range craft.FragmentIPv6(sceneA, sceneB, 64, 58, 7, craft.ICMPv6(sceneA, sceneB, craft.Echo(2000)), 1352) {
		kinds = append(kinds, sight{ip: ip})
	}
	at := 0.0
	for len(blob) >= 3 {
		x := kinds[int(blob[0])%len(kinds)]
		at += float64(blob[1]) / 50
		x.at = at
		n := int(blob[2]) % 4
		blob = blob[3:]
		x.ip = slices.Clone(x.ip)
		for ; n > 0 && len(blob) >= 2; n-- {
			x.ip[int(blob[0])%min(len(x.ip), 120)] = blob[1]
			blob = blob[2:]
		}
		s.play(x)
	}
}

func FuzzChecker(f *testing.F) {
	f.Add([]byte{0, 0, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0, 4, 1, 0, 7, 1, 0, 3, 10, 0, 3, 20, 0, 3, 40, 0, 3, 80, 0, 3, 160, 0})
	f.Add([]byte{0, 0, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0, 3, 10, 0, 3, 20, 0, 3, 40, 0, 5, 80, 0, 8, 1, 0, 9, 1, 0})
	f.Add([]byte{0, 0, 0, 1, 1, 0, 2, 1, 0, 3, 1, 0, 11, 1, 0, 6, 1, 0, 9, 1, 2, 50, 7, 61, 9, 12, 1, 0, 13, 1, 0, 16, 1, 0, 17, 1, 0})
	f.Fuzz(func(t *testing.T, blob []byte) {
		first, second := newStage(), newStage()
		for _, s := range []*stage{first, second} {
			feed(s, blob)
			s.found = append(s.found, s.checker.Finish(false)...)
		}
		if !slices.Equal(first.found, second.found) {
			t.Fatalf("findings %+v, then %+v", first.found, second.found)
		}
		paths := first.checker.Paths()
		for i, p := range paths {
			if again := second.checker.Paths()[i]; summary(&again) != summary(&p) {
				t.Fatalf("path %+v, then %+v", p, again)
			}
			said := p.AtMost > 0
			if p.Frame == 0 || p.AtLeast > 0 != (p.AtLeastBy != ByNothing) || p.AtLeast > 0 && (p.AtLeast <= MinMTU || p.AtLeast > maxJumbo) ||
				said != (len(p.AtMostFrom) > 0) || said != (len(p.Said) > 0) || said && p.AtMost < MinMTU || p.Suspected.Size > maxJumbo ||
				len(p.Said) > maxSaid || len(p.AtMostFrom) > maxSaid {
				t.Fatalf("path %+v", p)
			}
		}
		for _, f := range first.found {
			if f.Frame == 0 || f.Time.IsZero() || f.Detail == "" || strings.Contains(f.Detail, "%!") {
				t.Fatalf("finding %+v", f)
			}
		}
	})
}

// TestMemory shows a million packets of random flows between what a real one sends, and wants the memory bounded and the real
// one's paths kept.
func TestMemory(t *testing.T) {
	if testing.Short() {
		t.Skip("it takes a few seconds")
	}
	s := newStage()
	for _, x := range join(greet(1440, 1440), one(data(1, 1, 1500)), one(ack(1.1, 1441))) {
		s.play(x)
	}
	random := rand.New(rand.NewPCG(3, 4))
	long := data(0, 1, 1500).ip
	error := tooBig(0, 1400, data(0, 1, 1500)).ip
	echo := ping(0, sceneA, sceneB, 64, 1400, false).ip
	var p packet.Packet
	f := packet.Frame{LinkType: packet.LinkTypeIPv6, Interface: s.iface, Time: sceneStart.Add(2 * time.Second), Direction: packet.Incoming}
	var before, after runtime.MemStats
	for i := range 1_000_000 {
		ip := [][]byte{long, error, echo}[i%3]
		a, b := netip.MustParseAddr(sceneA).As16(), netip.MustParseAddr(sceneB).As16()
		binary.BigEndian.PutUint64(a[8:], random.Uint64())
		binary.BigEndian.PutUint64(b[8:], random.Uint64())
		copy(ip[8:], a[:])
		copy(ip[24:], b[:])
		if i%3 == 1 {
			copy(ip[24:], a[:])    // to whom
			copy(ip[48+8:], a[:])  // the quoted packet came from
			copy(ip[48+24:], b[:]) // and was to go
		}
		f.Number, f.Data, f.Length = uint64(i)+10, ip, len(ip)
		if !s.decoder.Decode(&f, &p) {
			t.Fatal("not decoded")
		}
		p.Checksum = packet.ChecksumUnverified // it would be another for each
		s.checker.Packet(&p)
		if i == 100_000 {
			runtime.GC()
			runtime.ReadMemStats(&before)
		}
	}
	runtime.GC()
	runtime.ReadMemStats(&after)
	t.Logf("%d KB in use after 100,000 packets, %d KB after a million", before.HeapAlloc>>10, after.HeapAlloc>>10)
	if after.HeapAlloc > before.HeapAlloc+4<<20 || after.HeapAlloc > 40<<20 {
		t.Errorf("%d bytes, then %d", before.HeapAlloc, after.HeapAlloc)
	}
	list := s.checker.Paths()
	if len(list) > 4*maxPaths || s.checker.Forgotten() < 300_000 {
		t.Errorf("%d paths, %d forgotten", len(list), s.checker.Forgotten())
	}
	if len(list) == 0 || summary(&list[0]) != "a>b 1500 tcp-ack"+mssText {
		t.Error("what was proven has been forgotten")
	}
}

func TestTable(t *testing.T) {
	var gone []int
	table := newTable[int, string](2)
	table.dropped = func(k int, v *string) { gone = append(gone, k) }
	for k := range 4 {
		*table.add(k) = "x"
	}
	if table.use(0) == nil { // makes room for itself: 2 and 3 become old, 1 goes
		t.Fatal("0 was forgotten")
	}
	if table.peek(1) != nil || !slices.Equal(gone, []int{1}) || table.evicted != 1 {
		t.Errorf("forgotten: %v, %d", gone, table.evicted)
	}
	table.add(4)
	table.add(5)
	if slices.Sort(gone); !slices.Equal(gone, []int{1, 2, 3}) || table.peek(0) == nil {
		t.Errorf("forgotten: %v", gone)
	}
	table.remove(0)
	n := 0
	table.each(func(int, *string) { n++ })
	if table.peek(0) != nil || n != 2 {
		t.Errorf("%d left", n)
	}
}

// BenchmarkChecker is a bulk transfer in long segments, every other one acknowledged.
func BenchmarkChecker(b *testing.B) {
	s := newStage()
	for _, x := range greet(1440, 1440) {
		s.play(x)
	}
	frame := func(ip []byte) *packet.Packet {
		var p packet.Packet
		f := packet.Frame{Number: 1, Data: ip, Length: len(ip), LinkType: packet.LinkTypeIPv6, Interface: s.iface, Time: sceneStart.Add(time.Second)}
		s.decoder.Decode(&f, &p)
		return &p
	}
	segment, reply := frame(data(1, 1, 1500).ip), frame(ack(1, 1).ip)
	b.ReportAllocs()
	for sequence := uint32(startA + 1); b.Loop(); {
		for range 2 {
			binary.BigEndian.PutUint32(segment.Payload[4:], sequence)
			sequence += 1440
			s.checker.Packet(segment)
		}
		binary.BigEndian.PutUint32(reply.Payload[8:], sequence)
		s.checker.Packet(reply)
	}
}
