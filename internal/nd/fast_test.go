package nd

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// garbler makes messages of all kinds, of which most have some bytes changed.
type garbler struct {
	rng     *rand.Rand
	frames  [][]byte
	decoder packet.Decoder
	iface   packet.Interface
	frame   packet.Frame
	packet  packet.Packet
}

func newGarbler() *garbler {
	g := &garbler{rng: rand.New(rand.NewPCG(3, 4)), iface: packet.Interface{Name: "eth0", MarksOffload: true}}
	quoted := craft.IPv6(nodeA.addr, nodeB.addr, 64, 6, make([]byte, 1300))
	for _, x := range []shot{
		nsFrom(0, nodeG, nodeA.addr), nsUnicast(0, nodeG, nodeA.addr), naFrom(0, nodeA, nodeG.addr, flagS|flagO), naFrom(0, nodeA, craft.AllNodes, flagO),
		naBare(0, nodeA, nodeG.addr, flagS), dadFrom(0, nodeA.mac, nodeA.addr), dadFrom(0, nodeA.mac, nodeA.addr, nonceB...), raFrom(0, nodeR, 1800),
		icmpFrom(0, nodeR, nodeG.addr, craft.TooBig(1280, quoted)), icmpFrom(0, nodeG, "ff02::2", craft.RS(craft.SLLA(nodeG.mac))),
		icmpFrom(0, nodeG, nodeA.addr, craft.NS(nodeA.addr, craft.SLLA(nodeG.mac), craft.Nonce(nonceB))),
	} {
		g.frames = append(g.frames, x.data)
	}
	return g
}

// next returns a message, as the only one of its capture, with its hardware's checksum.
func (g *garbler) next() *packet.Packet {
	for {
		data := slices.Clone(g.frames[g.rng.IntN(len(g.frames))])
		for range g.rng.IntN(4) {
			i := g.rng.IntN(min(len(data), 120))
			if data[i] ^= 1 << g.rng.IntN(8); g.rng.IntN(4) == 0 {
				data[i] = byte(g.rng.Uint32())
			}
		}
		length := len(data)
		if g.rng.IntN(8) == 0 {
			data = data[:len(data)-g.rng.IntN(len(data)/2)]
		}
		g.frame = packet.Frame{Number: g.frame.Number + 1, Time: start.Add(time.Duration(g.frame.Number) * time.Second), Data: data, Length: length,
			LinkType: packet.LinkTypeEthernet, Interface: &g.iface, Offload: g.rng.IntN(8) > 0}
		if g.decoder.Decode(&g.frame, &g.packet) && Judges(&g.packet) {
			return &g.packet
		}
	}
}

func findingsText(found []rule.Finding) string { return fmt.Sprintf("%+v", found) }

// What clean passes, no rule is about.
func TestClean(t *testing.T) {
	g := newGarbler()
	passed := 0
	for range 200_000 {
		p := g.next()
		if !clean(p) {
			continue
		}
		passed++
		var r ndcheck.Report
		r.Reset(p)
		if checkMessage(&r); len(r.Findings) > 0 {
			t.Fatalf("clean, yet %s\n%x", findingsText(r.Findings), g.frame.Data)
		}
	}
	if passed < 1000 {
		t.Errorf("%d were clean", passed)
	}
}

// A message gets the same findings by itself whether it was seen before or not.
func TestRecalled(t *testing.T) {
	g := newGarbler()
	rng := rand.New(rand.NewPCG(5, 6))
	var seasoned ndcheck.Report
	var kept []packet.Frame
	recalled := 0
	for range 20_000 {
		g.next()
		if kept = append(kept, g.frame); len(kept) > 50 {
			kept = kept[1:]
		}
		f := kept[rng.IntN(len(kept))]
		f.Number, f.Time = g.frame.Number, g.frame.Time
		var d packet.Decoder
		var p packet.Packet
		d.Decode(&f, &p)
		var fresh ndcheck.Report
		fresh.Reset(&p)
		checkMessage(&fresh)
		seasoned.Reset(&p)
		if seasoned.Recall() {
			recalled++
		} else {
			checkMessage(&seasoned)
			seasoned.Remember()
		}
		if a, b := findingsText(seasoned.Findings), findingsText(fresh.Findings); a != b {
			t.Fatalf("recalled\n%s\nfresh\n%s", a, b)
		}
	}
	if recalled < 1000 {
		t.Errorf("%d were recalled", recalled)
	}
}

// No address that astray is about is a usual one.
func TestUsual(t *testing.T) {
	list := []string{"::", "::1", "::ffff:127.0.0.1", "::ffff:224.0.0.1", "::ffff:0.0.0.0", "::2", "::127.0.0.1", "ff02::1", "ff00::", "fe80::1",
		"2001:db8::1", "0:0:0:1::", "64:ff9b::1"}
	usual := 0
	for _, from := range list {
		for _, to := range list {
			p := packet.Packet{Source: netip.MustParseAddr(from), Destination: netip.MustParseAddr(to)}
			f := factsOf(&p)
			if f.usual() && astray(&p) {
				t.Errorf("%s > %s is usual", from, to)
			}
			if f.usual() {
				usual++
			}
		}
	}
	if usual < 20 {
		t.Errorf("%d are usual", usual)
	}
}

// An address is the same as a number, also as a text.
func TestIP(t *testing.T) {
	for _, s := range []string{"::", "::1", "2001:db8::1:2", "ff02::1:ff00:1", "::ffff:1.2.3.4", "fe80:1:2:3:4:5:6:7"} {
		a := netip.MustParseAddr(s)
		if got := ipOf(a).addr(); got != a {
			t.Errorf("%v is %v", a, got)
		}
	}
	if k := (groupKey{low: 0x123456}); k.address() != netip.MustParseAddr("ff02::1:ff12:3456") {
		t.Error(k.address())
	}
}

// The marks find the copies that a look at the last messages finds.
func TestMarks(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 8))
	var s mirrorState
	type sent struct {
		at       ndcheck.Stamp
		checksum uint16
		length   int
		source   ip
	}
	var last []sent
	copies := uint64(0)
	now := ndcheck.StampOf(start)
	for range 100_000 {
		now = now.Add(time.Duration(rng.IntN(4)) * time.Millisecond)
		x := sent{now, uint16(rng.IntN(3)<<8 | rng.IntN(20)), 24 + rng.IntN(2), ip{0, uint64(rng.IntN(2))}}
		if slices.ContainsFunc(last, func(o sent) bool {
			return o.checksum == x.checksum && o.length == x.length && o.source == x.source && within(o.at, now, lateCopyGap)
		}) {
			copies++
		} else if last = append(last, x); len(last) > len(s.marks) {
			last = last[1:]
		}
		s.mark(&packet.Packet{Message: icmp6.Message{Checksum: x.checksum, Raw: make([]byte, x.length)}}, x.source, now)
		if s.copies != copies {
			t.Fatalf("%d copies, want %d", s.copies, copies)
		}
	}
	if copies < 1000 {
		t.Errorf("%d copies", copies)
	}
}

// No message of a healthy link allocates, nor one of a flood.
func TestNoAllocations(t *testing.T) {
	healthy := newReplay(5000, craft.NewNeighbors(1).Next, func(t icmp6.Type) bool { return notRA(t) && !t.IsError() })
	routers := newReplay(100, craft.NewNeighbors(1).Next, isRA)
	flood, d := newNSFlood(100_000), packet.NewDecoder()
	var p packet.Packet
	for _, tt := range []struct {
		name   string
		warmUp int
		next   func() *packet.Packet
	}{
		{"healthy", 10_000, healthy.next},
		{"routers", 200, routers.next},
		{"flood", 100_000, func() *packet.Packet {
			d.Decode(flood.next(), &p)
			return &p
		}},
	} {
		c := New()
		for range tt.warmUp {
			c.Packet(tt.next())
		}
		many := func() {
			for range 5000 {
				c.Packet(tt.next())
			}
		}
		if n := testing.AllocsPerRun(4, many); n > 0 {
			t.Errorf("%s: %v allocations in 5000 messages", tt.name, n)
		}
	}
}
