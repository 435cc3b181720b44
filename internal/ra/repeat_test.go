package ra

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"reflect"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// forget has c look at the next packet as if it had kept nothing of what it worked out before, and used nothing again.
func (c *Checker) forget() {
	c.spares, c.recent = spares{}, nil
	for _, l := range c.links {
		for _, r := range l.Routers {
			r.last.whole, r.said.known, r.peers = false, false, nil
		}
	}
}

// samePicture fails where quick and slow export something else.
func samePicture(t *testing.T, when string, quick, slow *Checker) {
	t.Helper()
	got, want := picture(quick), picture(slow)
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Fatalf("%s:\n%s\nwant\n%s", when, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Fatalf("%s: %d lines, want %d", when, len(got), len(want))
	}
}

// picture is what c exports of all links, a line for each thing.
func picture(c *Checker) []string {
	lines := []string{fmt.Sprintf("%+v", c.Evicted())}
	for _, l := range c.Links() {
		lines = append(lines, fmt.Sprint(l.Where, l.MTU, l.Advertisements, l.EvictedRouters, l.EvictedHosts, l.EvictedPrefixes, l.Untold,
			l.Prefixes(), l.Silent()))
		for _, r := range l.Routers {
			shown := *r
			shown.routerState = routerState{}
			lines = append(lines, fmt.Sprintf("%+v", shown))
		}
		for _, h := range l.Hosts {
			shown := *h
			shown.hostState = hostState{}
			lines = append(lines, fmt.Sprintf("%+v", shown))
		}
	}
	return lines
}

// repeaters returns what routers say that repeat themselves, now and then something else, and now and then with a byte
// changed; ports of a bond and a machine with a stolen address are among them.
func repeaters(rng *rand.Rand, n int) []shot {
	one := func(list ...[]byte) []byte { return list[rng.IntN(len(list))] }
	life := func() uint32 { return []uint32{0, 20, 600, 7200, 86400, infinity}[rng.IntN(6)] }
	message := func() []byte {
		var options []byte
		for range rng.IntN(7) {
			prefix := fmt.Sprintf("2001:db8:%x::", rng.IntN(4))
			options = append(options, one(craft.PIO(prefix, 64, 0xc0, life(), life()), craft.PIO(prefix, 64, 0x80, life(), 60),
				craft.RDNSS(life(), "2001:db8::53"), craft.RDNSS(life(), "2001:db8::53", "2001:db8::54"), craft.RDNSS(life(), otherLL),
				craft.DNSSL(life(), craft.Name("a")), craft.DNSSL(life(), craft.Name("b")), craft.MTU(1400+100*rng.Uint32N(2)),
				craft.RIO(prefix, 48, 0, life(), 8), craft.RIO(prefix, 48, 0, life(), 16), craft.Interval(10000),
				craft.CaptivePortal("https://a.example/"), craft.PREF64("64:ff9b::", 0, 600), craft.PREF64("2001:db8:64::", 0, 600),
				craft.SLLA(craft.RouterMAC))...)
		}
		switch rng.IntN(20) {
		case 0: // more than are kept
			for i := range 70 {
				options = append(options, craft.PIO(fmt.Sprintf("2001:db8:f%02x::", i+rng.IntN(9)), 64, 0xc0, 86400, 14400)...)
			}
		case 1: // more than are kept together with what is
			for range 40 {
				options = append(options, craft.RIO(fmt.Sprintf("2001:db8:e%02x::", rng.IntN(99)), 48, 0, 600, 8)...)
			}
		}
		return craft.RA{CurHopLimit: uint8(64 + rng.IntN(2)), Flags: uint8(rng.IntN(4) << 6),
			Lifetime: []uint16{0, 10, 1800, 1800}[rng.IntN(4)]}.Message(options)
	}
	said := make([][]byte, 5)
	var shots []shot
	at := 0.0
	for range n {
		at += []float64{0, 0.001, 0.3, 1, 3, 9, 30, -0.4, 700}[rng.IntN(9)]
		if rng.IntN(300) == 0 {
			at += []float64{1e4, -1e4}[rng.IntN(2)]
		}
		i := rng.IntN(len(said))
		if said[i] == nil || rng.IntN(10) == 0 {
			said[i] = message()
			if other := said[rng.IntN(len(said))]; other != nil && rng.IntN(2) == 0 {
				said[i] = bytes.Clone(other)
			}
		}
		msg, dst := said[i], craft.AllNodes
		if rng.IntN(12) == 0 {
			msg = bytes.Clone(msg)
			msg[4+rng.IntN(len(msg)-4)]++
		}
		if rng.IntN(8) == 0 {
			dst = craft.GuestLL
		}
		mac := packet.MAC{2, 0, 0, 0, 9, byte(i)}
		x := shot{at: at, data: craft.Frame(mac.String(), fmt.Sprintf("fe80::%x", i/2+1), dst, msg)}
		switch rng.IntN(30) {
		case 0:
			x.data[21] = 64
		case 1:
			x.change = func(f *packet.Frame) { f.Interface = &packet.Interface{Name: "eth0", MTU: 1450} }
		case 2:
			x.change = func(f *packet.Frame) { f.Direction = packet.Outgoing }
		case 3:
			cut := rng.IntN(40)
			x.change = func(f *packet.Frame) { f.Data = f.Data[:len(f.Data)-cut] }
		case 4:
			x = rs(at)
		case 5:
			x.change = func(f *packet.Frame) { f.Length += 40 }
		case 6:
			mtu := 1400 + rng.IntN(200)
			x.change = func(f *packet.Frame) { f.Interface.MTU = mtu }
		}
		shots = append(shots, x)
	}
	return shots
}

// What is kept of a message must make no difference: to the findings, to the picture, to the end.
func TestRepeatsAreNoDifferent(t *testing.T) {
	seeds := 60
	if testing.Short() {
		seeds = 15
	}
	for seed := range uint64(seeds) {
		quick, slow := newStage(t, Options{}), newStage(t, Options{})
		known := 0
		for i, x := range repeaters(rand.New(rand.NewPCG(seed, 3)), 400) {
			got := slices.Clone(quick.play(x))
			slow.checker.forget()
			if want := slow.play(x); !slices.Equal(got, want) {
				t.Fatalf("seed %d, frame %d:\n%+v\nwant\n%+v", seed, i, got, want)
			}
			for _, l := range quick.checker.links {
				for _, r := range l.Routers {
					if r.seen == quick.checker.clock.Packets && r.said.known && r.said.message == r.last.message {
						known++
					}
				}
			}
			if i%50 == 0 {
				samePicture(t, fmt.Sprintf("seed %d, frame %d", seed, i), quick.checker, slow.checker)
				if got, want := quick.checker.Finish(true), slow.checker.Finish(true); !slices.Equal(got, want) {
					t.Fatalf("seed %d, end after frame %d:\n%+v\nwant\n%+v", seed, i, got, want)
				}
			}
		}
		if known < 100 {
			t.Errorf("seed %d: only %d messages could be known again", seed, known)
		}
	}
}

// Who was forgotten leaves nothing behind for the one that takes the room.
func TestSparesAreEmpty(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 1))
	quick, slow := newStage(t, Options{}), newStage(t, Options{})
	n := 4000
	if testing.Short() {
		n = 1500
	}
	shots := repeaters(rng, n)
	for i, x := range shots {
		if x.change != nil {
			continue
		}
		k := rng.IntN(1 << 10)
		x.at = float64(i) / 2000
		x.data[11], x.data[10] = byte(k), byte(k>>8)
		if rng.IntN(3) > 0 {
			x.data[14+8+15] = byte(k) // of the IPv6 source
		}
		if rng.IntN(4) > 0 {
			x.data = onVLAN(x.data, rng.IntN(1<<12))
		}
		x.change = func(f *packet.Frame) { f.Offload = true }
		got := slices.Clone(quick.play(x))
		slow.checker.forget()
		if want := slow.play(x); !slices.Equal(got, want) {
			t.Fatalf("frame %d:\n%+v\nwant\n%+v", i, got, want)
		}
	}
	samePicture(t, "at the end", quick.checker, slow.checker)
	if e := quick.checker.Evicted(); e.Routers == 0 {
		t.Errorf("evicted %+v", e)
	}
	for _, l := range quick.checker.Links() {
		inRows := 0
		for _, r := range l.routers {
			last := r
			for ; r != nil; r = r.namesake {
				inRows++
				last = r
			}
			if l.routers[last.Source].tail != last {
				t.Errorf("the row of %v does not know its last", last.Source)
			}
		}
		if inRows != len(l.Routers) {
			t.Errorf("%v: %d routers, %d of them in rows", l.Where, len(l.Routers), inRows)
		}
	}
	checkSpares(t, &quick.checker.spares)
}

// checkSpares wants nothing in what is to be used again but the room of slices and maps.
func checkSpares(t *testing.T, s *spares) {
	t.Helper()
	if len(s.routers) == 0 || len(s.hosts) == 0 || len(s.links) == 0 {
		t.Fatalf("%d routers, %d hosts, %d links to be used again", len(s.routers), len(s.hosts), len(s.links))
	}
	for _, r := range s.routers {
		if n := len(r.Options) + len(r.heard) + len(r.prefixes) + len(r.said.order) + len(r.Dropped) + len(r.Tunnels); n > 0 {
			t.Fatalf("a router with %d things in it", n)
		}
		r.Options, r.heard, r.prefixes, r.said.order, r.Dropped, r.Tunnels = nil, nil, nil, nil, nil, nil
		if !reflect.DeepEqual(*r, Router{}) {
			t.Fatalf("router %+v", *r)
		}
	}
	for _, h := range s.hosts {
		if *h != (Host{}) {
			t.Fatalf("host %+v", *h)
		}
	}
	for _, l := range s.links {
		if n := len(l.Routers) + len(l.Hosts) + len(l.prefixes) + len(l.routers) + len(l.hosts); n > 0 {
			t.Fatalf("a link with %d things in it", n)
		}
		l.Routers, l.Hosts, l.prefixes, l.routers, l.hosts = nil, nil, nil, nil, nil
		if !reflect.DeepEqual(*l, Link{}) {
			t.Fatalf("link %+v", *l)
		}
	}
}

// That two routers were compared is remembered only as long as it brings the same.
func TestPeers(t *testing.T) {
	short := fields(func(r *craft.RA) { r.Lifetime = 10 }, craft.RDNSS(600, "2001:db8:5::53"))
	second := func(at float64) shot { return ra2(at, goodRA.Message(goodPIO, craft.RDNSS(20, "2001:db8:6::53"))) }
	other := ra2(5, goodRA.Message(goodPIO, craft.RDNSS(600, "2001:db8:5::53")))
	both := ra(0, healthy(craft.RDNSS(30, "2001:db8:5::53"), craft.RDNSS(600, "2001:db8:6::53")))
	for _, tt := range []scene{
		{name: "servers that had run out are back", want: "ra.inconsistent-rdnss ra.interval-vs-lifetime rdnss.lifetime-short",
			shots: []shot{ra(0, short), second(15), ra(50, short), second(65), ra(70, short)}},
		{name: "servers run out", want: "ra.inconsistent-rdnss", shots: join([]shot{both, other}, every(10, 10, 4, sends(healthy())))},
		{name: "servers do not run out yet", shots: join([]shot{both, other}, every(10, 10, 3, sends(healthy())))},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Neither routers that repeat themselves nor a flood allocate: of the latter, no more than now and then.
func TestAllocations(t *testing.T) {
	own := [][]byte{toAll(healthy(craft.RDNSS(600, craft.RouterLL), craft.DNSSL(600, craft.Name("a"), craft.Name("b")))),
		craft.Frame(otherMAC, otherLL, craft.AllNodes, goodRA.Message(goodPIO, craft.RDNSS(600, otherLL), craft.DNSSL(600, craft.Name("a"))))}
	for name, frames := range map[string][][]byte{"same": pair(), "each its own server": own} {
		p := newPlayer(t)
		i := 0
		next := func() {
			p.give(5*time.Second, frames[i%2])
			i++
		}
		for range 100 {
			next()
		}
		if n := testing.AllocsPerRun(200, next); n != 0 {
			t.Errorf("%s: %v allocations a message", name, n)
		}
		if f := p.checker.report.Findings; slices.ContainsFunc(f, func(f rule.Finding) bool { return f.Severity > rule.Info }) {
			t.Errorf("%s: %+v", name, f)
		}
	}
	for name, frames := range floods() {
		p := newPlayer(t)
		i := 0
		next := func() {
			p.give(20*time.Microsecond, frames[i%len(frames)])
			i++
		}
		for range len(frames) {
			next()
		}
		if n := testing.AllocsPerRun(1, func() {
			for range 4000 {
				next()
			}
		}); n > 400 {
			t.Errorf("%s: %v allocations for 4000 messages", name, n)
		}
	}
}
