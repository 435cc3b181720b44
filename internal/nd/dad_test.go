package nd

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

var (
	nonceA = []byte{1, 2, 3, 4, 5, 6}
	nonceB = []byte{6, 5, 4, 3, 2, 1}
)

// raw returns x as a capture without link layer has it.
func raw(x shot) shot {
	x.change = func(f *packet.Frame) {
		f.Data, f.LinkType, f.Length = f.Data[14:], packet.LinkTypeRaw, f.Length-14
	}
	return x
}

// eachShot returns f of every shot.
func eachShot(f func(shot) shot, shots []shot) []shot {
	var changed []shot
	for _, x := range shots {
		changed = append(changed, f(x))
	}
	return changed
}

// cooked returns x as a capture on all interfaces has it that does not tell them apart.
func cooked(x shot, d packet.Direction) shot {
	typ := byte(3) // a multicast from somebody else
	if d == packet.Outgoing {
		typ = 4
	}
	x.data = craft.Join([]byte{0, typ, 0, 1, 0, 6}, x.data[6:12], []byte{0, 0}, x.data[12:])
	x.change = func(f *packet.Frame) { f.LinkType = packet.LinkTypeSLL }
	return x
}

// tunneled returns x in VXLAN, as it goes to the tunnel endpoint 192.0.2.n.
func tunneled(x shot, n int) shot {
	outer := craft.VXLAN("192.0.2.1", fmt.Sprintf("192.0.2.%d", n), 4789, 5001, x.data)
	x.data = craft.Ethernet(craft.MAC("02:00:00:00:01:02"), craft.MAC("02:00:00:00:01:01"), nil, 0x0800, outer)
	return x
}

// rewritten returns x with another Ethernet source.
func rewritten(x shot, mac string) shot {
	x.data = craft.Join(x.data[:6], craft.MAC(mac), x.data[12:])
	return x
}

func TestDADConflict(t *testing.T) {
	probe := func(at float64) shot { return dadFrom(at, nodeB.mac, nodeA.addr, nonceB...) }
	defence := func(at float64) shot { return naFrom(at, nodeA, craft.AllNodes, flagO) }
	const own = "fe80::ff:fe00:b" // the EUI-64 address of nodeB
	runScenes(t, []scene{
		{"defended", []shot{probe(0), defence(0.0004)}, "dad.conflict",
			"02:00:00:00:00:0b tests 2001:db8::a, and 02:00:00:00:00:0a advertised it "},
		{"seen twice on a mirror port", []shot{probe(0), probe(0.001), defence(0.002), defence(0.003)}, "dad.conflict", ""},
		{"defended without override, by a proxy", []shot{probe(0), naFor(0.3, nodeR, craft.AllNodes, 0, nodeA.addr)}, "dad.conflict",
			"02:00:00:00:00:01, fe80::ff:fe00:1, advertised it"},
		{"defended in another's name", []shot{probe(0), rewritten(defence(0.3), nodeR.mac)}, "dad.conflict",
			"02:00:00:00:00:01 (in the name of 02:00:00:00:00:0a) advertised"},
		{"its owner answers another at that time", []shot{probe(0), naFrom(0.5, nodeA, nodeC.addr, flagS|flagO)}, "dad.conflict", ""},
		{"the second of two tests is answered", []shot{probe(0), probe(1), defence(1.001)}, "dad.conflict", ""},
		{"a slow answer", []shot{probe(0), defence(1.9)}, "dad.conflict", "later, so 02:00:00:00:00:0b may not use it"},
		{"without a nonce", []shot{dadFrom(0, nodeB.mac, nodeA.addr), defence(0.001)}, "dad.conflict", ""},
		{"both at once", []shot{probe(0), dadFrom(0.7, nodeA.mac, nodeA.addr, nonceA...)}, "dad.conflict",
			"02:00:00:00:00:0b and 02:00:00:00:00:0a test 2001:db8::a at the same time: whichever hears the other"},
		{"both at once without a nonce", []shot{dadFrom(0, nodeB.mac, nodeA.addr), dadFrom(0.7, nodeA.mac, nodeA.addr)}, "dad.conflict", ""},
		{"both at once, mirrored", []shot{probe(0), dadFrom(0.001, nodeA.mac, nodeA.addr, nonceA...), probe(0.002),
			dadFrom(0.003, nodeA.mac, nodeA.addr, nonceA...)}, "dad.conflict dad.looped:info", ""},
		{"one after the other", []shot{probe(0), dadFrom(1.3, nodeA.mac, nodeA.addr, nonceA...), naFrom(1.301, nodeB.as(nodeA.addr), craft.AllNodes, flagO), tick(3)},
			"dad.conflict", "02:00:00:00:00:0a tests 2001:db8::a, and 02:00:00:00:00:0b advertised"},
		{"the second just before the first is done, at the end", []shot{probe(0), dadFrom(0.95, nodeA.mac, nodeA.addr, nonceA...)}, "dad.conflict", ""},
		{"both at once, out of order", []shot{probe(0.7), dadFrom(0, nodeA.mac, nodeA.addr, nonceA...)}, "dad.conflict", ""},
		{"one just before the other has done", []shot{probe(0), dadFrom(1.012, nodeA.mac, nodeA.addr, nonceA...), tick(3)}, "dad.conflict",
			"test 2001:db8::a at the same time"},
		{"and the other succeeds", []shot{probe(0), dadFrom(1.012, nodeA.mac, nodeA.addr, nonceA...), naFrom(2.1, nodeA, craft.AllNodes, flagO), tick(3)},
			"dad.conflict", "at the same time"},
		{"and the capture ends", []shot{probe(0), dadFrom(1.012, nodeA.mac, nodeA.addr, nonceA...), tick(1.2)}, "dad.conflict", ""},
		{"the address of its own", []shot{dadFrom(0, nodeB.mac, own), naFor(0.1, nodeA, craft.AllNodes, flagO, own)}, "dad.conflict",
			"it is made of the Ethernet address of 02:00:00:00:00:0b"},
		{"no Ethernet addresses", []shot{raw(probe(0)), raw(defence(0.1))}, "dad.conflict", "a station tests"},
		{"a clone", []shot{incoming(probe(0)), outgoing(naFrom(0.1, nodeB.as(nodeA.addr), craft.AllNodes, flagO))}, "dad.conflict",
			"02:00:00:00:00:0b tests 2001:db8::a, and another station with the same Ethernet address advertised it 0.1 s later from the other side"},
		{"of a clone, on its own tap", []shot{outgoing(probe(0)), incoming(naFrom(0.1, nodeB.as(nodeA.addr), craft.AllNodes, flagO))}, "dad.conflict", ""},
		{"two clones at once", []shot{incoming(probe(0)), outgoing(dadFrom(0.3, nodeB.mac, nodeA.addr, nonceA...))}, "dad.conflict",
			"two stations with the Ethernet address 02:00:00:00:00:0b test 2001:db8::a at the same time"},
		{"two victims of one proxy", []shot{
			probe(0), naFor(0.1, nodeR, craft.AllNodes, 0, nodeA.addr),
			dadFrom(5, nodeC.mac, nodeC.addr), naFor(5.1, nodeR, craft.AllNodes, 0, nodeC.addr),
		}, "dad.conflict dad.conflict nd.proxy", ""},
		{"several links in one capture", []shot{cooked(dadFrom(0, nodeB.mac, own), packet.Incoming),
			cooked(dadFrom(0.5, nodeA.mac, own), packet.Incoming)}, "dad.conflict:info", "whether they are on one link cannot be known"},
	})
}

func TestDADSilent(t *testing.T) {
	probe := func(at float64) shot { return dadFrom(at, nodeB.mac, nodeB.addr, nonceB...) }
	other := func(at float64) shot { return naFor(at, nodeA, craft.AllNodes, flagO, nodeB.addr) }
	runScenes(t, []scene{
		{"a free address", []shot{probe(0), naFrom(1.1, nodeB, craft.AllNodes, flagO)}, "", ""},
		{"an optimistic station", []shot{probe(0), naFrom(0.01, nodeB, nodeA.addr, flagS)}, "", ""},
		{"the station behind another address", []shot{probe(0), rewritten(naFrom(0.9, nodeB, craft.AllNodes, flagO), nodeC.mac)}, "", ""},
		{"who had it before", []shot{other(0), probe(0.001)}, "", ""},
		{"who had it before, out of order", []shot{probe(0.001), other(0)}, "", ""},
		{"a second test, with the same nonce", []shot{probe(0), probe(1)}, "", ""},
		{"a second test, with another nonce", []shot{probe(0), dadFrom(0.4, nodeB.mac, nodeB.addr, nonceA...)}, "", ""},
		{"five tests without a nonce", every(0, 0.5, 5, func(at float64) shot { return dadFrom(at, nodeB.mac, nodeB.addr) }), "", ""},
		{"long after", []shot{probe(0), other(5)}, "", ""},
		{"another test long after", []shot{probe(0), dadFrom(3, nodeA.mac, nodeB.addr, nonceA...)}, "", ""},
		{"a proxy answers somebody else", []shot{probe(0), naFor(0.1, nodeA, nodeC.addr, flagS, nodeB.addr)}, "", ""},
		{"two tests, but of whom", []shot{raw(probe(0)), raw(dadFrom(0.5, nodeA.mac, nodeB.addr, nonceA...))}, "", ""},
		{"no Ethernet addresses, after the test", []shot{raw(probe(0)), raw(naFrom(1, nodeB, craft.AllNodes, flagO))}, "", ""},
		{"a clock set forward before an answer", []shot{probe(0), dadFrom(1.3, nodeA.mac, nodeB.addr, nonceA...), tick(20_000)}, "", ""},
		{"the capture ends before an answer", []shot{probe(0), dadFrom(1.3, nodeA.mac, nodeB.addr, nonceA...)}, "", ""},
		{"on another link", []shot{probe(0), on(&packet.Interface{Name: "eth1"}, other(0.1))}, "", ""},
		{"a clock set back", []shot{probe(0), tick(-3000), probe(-2990), other(0.1)}, "", ""},
		{"on a tap", []shot{incoming(probe(0)), incoming(naFrom(0.1, nodeB, craft.AllNodes, flagO))}, "", ""},
		{"on a tap, whose bridge sends it back", []shot{incoming(probe(0)), incoming(naFrom(0.1, nodeB, craft.AllNodes, flagO)),
			outgoing(naFrom(0.101, nodeB, craft.AllNodes, flagO))}, "", ""},
		{"on a tap that it leaves for another host", []shot{incoming(probe(0)), outgoing(naFrom(1.1, nodeB, craft.AllNodes, flagO))}, "", ""},
		{"through many interfaces", []shot{cooked(probe(0), packet.Incoming), cooked(naFrom(0.1, nodeB, craft.AllNodes, flagO), packet.Outgoing)}, "", ""},
		{"two tests come back late", []shot{incoming(probe(0)), incoming(dadFrom(0.4, nodeB.mac, nodeB.addr, nonceA...)), outgoing(probe(0.5))},
			"dad.looped", ""},
		{"an NS for it from elsewhere", []shot{probe(0), nsFrom(0.1, nodeA, nodeB.addr)}, "", ""},
	})
}

func TestDADLooped(t *testing.T) {
	probe := func(at float64) shot { return dadFrom(at, nodeB.mac, nodeB.addr, nonceB...) }
	bare := func(at float64) shot { return dadFrom(at, nodeB.mac, nodeB.addr) }
	others := every(10, 10, 4, func(at float64) shot { return naFor(at, nodeA, craft.AllNodes, flagO, nodeA.addr) })
	fast := icmpFrom(-1, nodeR, craft.AllNodes, craft.RA{CurHopLimit: 64, Lifetime: 1800, RetransTimer: 100}.Message(craft.SLLA(nodeR.mac)))
	runScenes(t, []scene{
		{"out and in", []shot{outgoing(probe(0)), incoming(probe(0.002))}, "dad.looped",
			"the solicitation by which 02:00:00:00:00:0b tests 2001:db8::b comes back: it was seen in both directions"},
		{"in and out, as a bridge port with hairpin does", []shot{incoming(probe(0)), outgoing(probe(0.002))}, "dad.looped", ""},
		{"out and in without a nonce", []shot{outgoing(bare(0)), incoming(bare(0.3))}, "dad.looped", "carries no nonce"},
		{"later", []shot{probe(0), probe(0.05)}, "dad.looped", "it was seen again"},
		{"later, out of order", []shot{probe(0.05), probe(0)}, "dad.looped", "it was seen again"},
		{"again and again", every(0, 0.05, 10, probe), "dad.looped", ""},
		{"round and round", every(0, 0.001, 3, probe), "dad.looped", "it was seen 3 times within"},
		{"round and round without a nonce", every(0, 0.001, 3, bare), "dad.looped", ""},
		{"under another address", []shot{probe(0), rewritten(probe(0.001), nodeC.mac)}, "dad.looped", "it was seen from 02:00:00:00:00:0c too"},
		{"in a tunnel", []shot{outgoing(tunneled(probe(0), 2)), incoming(tunneled(probe(0.001), 3))}, "dad.looped", ""},
		{"and is defended", []shot{probe(0), probe(0.05), naFor(0.06, nodeA, craft.AllNodes, flagO, nodeB.addr)},
			"dad.conflict dad.looped", ""},

		{"a mirror port, or not", []shot{probe(0), probe(0.009)}, "dad.looped:info", "cannot be known"},
		{"seen twice as nothing else is", join([]shot{probe(0), probe(0.009)}, others), "dad.looped", "none of 4 other messages was"},
		{"a mirror port", twice(join([]shot{probe(0)}, others)), "", ""},
		{"a mirror port that loses some", join([]shot{probe(0), probe(0.009)}, others, twice([]shot{naFor(50, nodeA, craft.AllNodes, flagO, nodeA.addr)})), "", ""},
		{"a mirror port without a nonce", []shot{bare(0), bare(0.009)}, "", ""},
		{"of whom", eachShot(raw, every(0, 0.001, 3, bare)), "", ""},
		{"Linux with three tests", every(0, 1, 3, probe), "", ""},
		{"Linux with three tests, mirrored", twice(join(every(0, 1, 3, probe), others)), "", ""},
		{"Linux where routers ask for haste", join([]shot{fast}, every(0, 0.1, 3, probe)), "", ""},
		{"to five tunnel endpoints", []shot{outgoing(tunneled(probe(0), 2)), outgoing(tunneled(probe(0), 3)),
			outgoing(tunneled(probe(0.001), 4)), outgoing(tunneled(probe(0.001), 5)), outgoing(tunneled(probe(0.001), 6))}, "", ""},
		{"through a tunnel endpoint", []shot{incoming(tunneled(probe(0), 2)), outgoing(tunneled(probe(0.001), 3))}, "", ""},
		{"through many interfaces", []shot{cooked(probe(0), packet.Incoming), cooked(probe(0), packet.Incoming),
			cooked(probe(0), packet.Outgoing), cooked(probe(0), packet.Outgoing)}, "", ""},
		{"Linux with three tests each 0.5 s", every(0, 0.5, 3, probe), "", ""},
		{"Linux with three tests each 0.5 s, on its tap, copied", eachShot(incoming, twice(every(0, 0.5, 3, probe))), "dad.looped:info", ""},
		{"two tests 0.5 s apart, and one that is not", []shot{probe(0), probe(0.5), probe(0.8)}, "dad.looped", "it was seen again 0.3 s later"},
		{"each test comes back after 0.3 s", []shot{probe(0), probe(0.3), probe(1), probe(1.3)}, "dad.looped", ""},
		{"a mirror port that is late, or not", []shot{probe(0), probe(0.015)}, "dad.looped:info", "cannot be known"},
		{"three times, late", every(0, 0.008, 3, probe), "dad.looped", ""},
		{"late at an interface that tells directions", []shot{incoming(probe(0)), incoming(probe(0.015))}, "dad.looped", ""},
	})
}

func TestDADView(t *testing.T) {
	s := scene{shots: []shot{
		dadFrom(0, nodeB.mac, nodeA.addr, nonceB...), naFrom(0.001, nodeA, craft.AllNodes, flagO),
		dadFrom(5, nodeC.mac, nodeC.addr), dadFrom(5.5, nodeG.mac, nodeC.addr),
	}, want: "dad.conflict dad.conflict"}.run(t)
	got := s.link().Duplicates
	want := []Duplicate{
		{Address: addr(nodeA.addr), Prober: hwaddr(nodeB.mac), Defender: hwaddr(nodeA.mac), Probed: true, At: after(0.001), Frame: 2},
		{Address: addr(nodeC.addr), Prober: hwaddr(nodeC.mac), Defender: hwaddr(nodeG.mac), Probed: true, Both: true, At: after(5.5), Frame: 4},
	}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("duplicates %v, want %v", got, want)
	}
	f := s.found[0]
	if f.Source != addr(nodeA.addr) || f.Subject != "" || f.Frame != 2 || f.Link != "eth0" {
		t.Errorf("finding %+v", f)
	}
}

// A new attempt is told again, whatever repeats the answer to the old one is not.
func TestDADRepeated(t *testing.T) {
	attempt := func(at float64) []shot {
		return []shot{dadFrom(at, nodeB.mac, nodeA.addr), naFrom(at+0.001, nodeA, craft.AllNodes, flagO), naFrom(at+0.5, nodeA, craft.AllNodes, flagO)}
	}
	scene{shots: join(attempt(0), attempt(10)), want: "dad.conflict dad.conflict"}.run(t)
}

func TestDADProbing(t *testing.T) {
	s := newStage(t)
	s.play(dadFrom(0, nodeB.mac, nodeB.addr))
	for _, tt := range []struct {
		at   float64
		want bool
	}{{0.001, true}, {1.9, true}, {2.1, false}} {
		s.play(tick(tt.at))
		l := s.checker.links.order[0]
		if got := s.checker.probing(l, addr(nodeB.addr)); got != tt.want {
			t.Errorf("%v s: probing is %v", tt.at, got)
		}
		if s.checker.probing(l, addr(nodeA.addr)) {
			t.Errorf("%v s: another address is under test", tt.at)
		}
	}
	s.play(dadFrom(10, nodeB.mac, nodeB.addr))
	s.play(tick(-3000))
	if s.checker.probing(s.checker.links.order[0], addr(nodeB.addr)) {
		t.Error("still under test in another era")
	}
}

// flooder makes solicitations from random stations for random targets without allocation.
type flooder struct {
	random *rand.Rand
	ns     []byte // with a source link-layer address
	dad    []byte
}

func newFlooder() *flooder {
	return &flooder{rand.New(rand.NewPCG(1, 2)), nsFrom(0, nodeA, nodeB.addr).data, dadFrom(0, nodeA.mac, nodeB.addr, nonceA...).data}
}

// next returns a shot whose checksum is left to the hardware, so that it need not be made.
func (f *flooder) next(at float64, dad bool) shot {
	const ip, msg = 14, 54
	b := f.ns
	if dad {
		b = f.dad
	}
	binary.BigEndian.PutUint32(b[8:], f.random.Uint32())
	binary.BigEndian.PutUint64(b[msg+16:], f.random.Uint64())
	copy(b[ip+37:ip+40], b[msg+21:msg+24])
	copy(b[3:6], b[msg+21:msg+24])
	if dad {
		binary.BigEndian.PutUint32(b[msg+26:], f.random.Uint32())
	} else {
		binary.BigEndian.PutUint64(b[ip+16:], f.random.Uint64())
		copy(b[msg+26:], b[6:12])
	}
	return shot{at: at, data: b, change: func(p *packet.Frame) { p.Offload = true }}
}

// heldHeap returns how many bytes are held after a collection.
func heldHeap() int64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.HeapAlloc)
}

// In the middle of a flood of 100,000 solicitations a second, most of them tests, whoever has the address answers, or
// tests it too, almost a second later.
func TestDADInFlood(t *testing.T) {
	const n = 300_000
	f, s := newFlooder(), newStage(t)
	heap := heldHeap()
	for i := range n {
		at := float64(i) / 100_000
		switch i {
		case n / 2:
			s.play(dadFrom(at, nodeB.mac, nodeA.addr, nonceB...))
			s.play(dadFrom(at, nodeC.mac, nodeC.addr, nonceB...))
		case n/2 + 95_000:
			s.play(naFrom(at, nodeA, craft.AllNodes, flagO))
			s.play(dadFrom(at, nodeG.mac, nodeC.addr, nonceA...))
		}
		s.play(f.next(at, i%8 > 0))
	}
	if grown := heldHeap() - heap; grown > 24<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if got := s.end(); got != "dad.conflict dad.conflict ns.flood" {
		t.Errorf("findings %q", got)
	}
	if len(s.link().Duplicates) != 2 {
		t.Errorf("duplicates %v", s.link().Duplicates)
	}
}

func TestDADAllocations(t *testing.T) {
	s := newStage(t)
	s.play(dadFrom(0, nodeB.mac, nodeB.addr, nonceB...))
	s.packet.Message.Options = nil // the frame's bytes are spoiled
	l := s.checker.links.order[0]
	target := s.packet.Message.Target.As16()
	step := func() {
		binary.BigEndian.PutUint32(target[8:], binary.BigEndian.Uint32(target[8:])+1)
		s.packet.Message.Target = netip.AddrFrom16(target)
		s.packet.Frame.Time = s.packet.Frame.Time.Add(10 * time.Microsecond)
		s.checker.clock.Tick(s.packet.Frame.Time)
		s.checker.this = factsOf(&s.packet)
		s.checker.probe(l, &s.packet)
		s.checker.probe(l, &s.packet) // a copy
		s.checker.defend(l, &s.packet)
		s.checker.sweepProbes(false)
		if !s.checker.probing(l, s.packet.Message.Target) {
			t.Fatal("not under test")
		}
	}
	for range maxProbes {
		step()
	}
	if n := testing.AllocsPerRun(1000, step); n > 0 {
		t.Errorf("%v allocations a probe", n)
	}
	if n := s.checker.probes.recent.length; n != maxProbes {
		t.Errorf("%d probes are kept", n)
	}
	if len(s.checker.report.Findings) > 0 {
		t.Errorf("findings %v", s.checker.report.Findings)
	}
}
