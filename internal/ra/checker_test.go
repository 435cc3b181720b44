package ra

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// healthyHour is a CloudStack network: its router advertises every 5 to 15 seconds as radvd does, guests boot and are
// answered, and at half time the router is restarted.
func healthyHour(seed uint64) []shot {
	r := rand.New(rand.NewPCG(seed, 1))
	vr := craft.CloudStackRA().Message(craft.CloudStackOptions()...)
	final := craft.RA{CurHopLimit: 64}.Message(craft.CloudStackOptions()...)
	var shots []shot
	last, restarted := 0.0, false
	for at := 0.0; at < 3600; {
		shots = append(shots, ra(at, vr))
		last, at = at, at+5+10*r.Float64()
		if at > 1800 && !restarted {
			restarted = true
			shots = append(shots, ra(1800, final))
			at = 1800 + 0.5 + r.Float64()
		}
		if r.IntN(10) > 0 || at-last < 4 {
			continue
		}
		mac := fmt.Sprintf("02:00:00:00:02:%02x", r.IntN(256))
		src := "fe80::ff:fe00:2" + mac[15:]
		boot := last + 0.5 + 3*r.Float64()
		shots = append(shots, shot{at: boot, data: craft.Frame(mac, src, craft.AllRouters, craft.RS(craft.SLLA(mac)))},
			raTo(boot+0.0002, src, vr))
	}
	return shots
}

func TestHealthyHour(t *testing.T) {
	for seed := range uint64(20) {
		s := newStage(t, Options{})
		guests := 0
		for _, x := range healthyHour(seed) {
			s.play(x)
		}
		s.end()
		for _, f := range s.found {
			if f.Severity > rule.Info || f.Rule != "pio.host-bits" && f.Rule != "rdnss.lifetime-short" {
				t.Errorf("seed %d: %v: %s", seed, f.Rule, f.Detail)
			}
		}
		l := s.checker.Links()[0]
		for _, h := range l.Hosts {
			guests++
			if !h.Answered || !h.Unicast {
				t.Errorf("seed %d: host %+v", seed, h)
			}
		}
		if len(l.Routers) != 1 || guests < 10 || l.Routers[0].MinGap < 100*time.Millisecond || l.Routers[0].MaxGap > 16*time.Second {
			t.Errorf("seed %d: %d routers, %d guests, %v to %v apart", seed, len(l.Routers), guests, l.Routers[0].MinGap, l.Routers[0].MaxGap)
		}
	}
}

// The same packets make the same findings, in the same order.
func TestDeterminism(t *testing.T) {
	var shots []shot
	for i := range 40 {
		mac := packet.MAC{2, 0, 0, 2, 0, byte(i)}.String()
		data := craft.Frame(mac, fmt.Sprintf("fe80::%x", i%7+1), craft.AllNodes, craft.RA{CurHopLimit: uint8(64 + i), Lifetime: 20}.Message(craft.RDNSS(1, "2001:db8::53")))
		if i%3 == 0 {
			data = craft.Join(data[:12], []byte{0x81, 0, 0, byte(i)}, data[12:])
		}
		shots = append(shots, shot{at: 3 * float64(i), data: data}, rs(3*float64(i)+1))
	}
	shots = append(shots, ns(500))
	run := func() []rule.Finding {
		s := newStage(t, Options{})
		for _, x := range shots {
			s.play(x)
		}
		s.end()
		return s.found
	}
	first := run()
	if len(first) < 40 {
		t.Fatalf("%d findings", len(first))
	}
	for range 5 {
		if !slices.Equal(run(), first) {
			t.Fatal("another run found something else")
		}
	}
}

// A damaged fragment is named although nobody knows what it would have become.
func TestDamagedFragment(t *testing.T) {
	pieces := craft.FragmentIPv6(craft.RouterLL, craft.AllNodes, 255, 58, 7, craft.ICMPv6(craft.RouterLL, craft.AllNodes, healthy()), 40)
	overlap := craft.Join(pieces[1])
	overlap[43] -= 16
	s := newStage(t, Options{})
	for i, p := range [][]byte{pieces[0], overlap} {
		s.play(shot{at: float64(i), data: craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, p)})
	}
	if got, want := s.end(), "ip.overlapping-fragment nd.fragmented ra.absent"; got != want {
		t.Errorf("findings %q, want %q", got, want)
	}
	s = newStage(t, Options{})
	for i, p := range pieces {
		s.play(shot{at: float64(i), data: craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, p)})
	}
	if got, want := s.end(), "nd.fragmented nd.fragmented"; got != want {
		t.Errorf("whole: findings %q, want %q", got, want)
	}
	if r := s.checker.Links()[0].Routers[0]; r.Count != 1 || r.Accepted != 0 {
		t.Errorf("router %+v", r)
	}
}

// The rest of Neighbor Discovery is another command's business.
func TestOtherMessages(t *testing.T) {
	s := newStage(t, Options{})
	x := ns(0)
	x.data[21] = 64
	s.play(x)
	if len(s.found) > 0 || len(s.checker.Links()) > 0 {
		t.Errorf("findings %v, links %v", s.found, s.checker.Links())
	}
}

func BenchmarkChecker(b *testing.B) {
	s := newStage(b, Options{})
	data := toAll(craft.CloudStackRA().Message(craft.CloudStackOptions()...))
	f := packet.Frame{Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet, Interface: s.iface, Time: start}
	for b.Loop() {
		f.Number++
		f.Time = f.Time.Add(10 * time.Second)
		s.decoder.Decode(&f, &s.packet)
		s.checker.Packet(&s.packet)
	}
}

// fuzzOp is how many bytes of a fuzz input tell of a frame: which one, when, from whom, and two bytes of it to change.
const fuzzOp = 8

// fuzzShots turns a fuzz input into frames.
func fuzzShots(b []byte) []shot {
	vr := craft.CloudStackRA().Message(craft.CloudStackOptions()...)
	all := healthy(craft.MTU(1500), craft.RDNSS(600, "2001:db8::53"), craft.DNSSL(600, craft.Name("zone", "example")), craft.RIO("2001:db8:f::", 48, 0, 1800, 8),
		craft.PREF64("64:ff9b::", 0, 1800), craft.CaptivePortal("https://a.example/"), craft.Interval(10000))
	templates := []shot{ra(0, vr), ra(0, healthy()), ra(0, all), ra(0, prefixed(slaac(60, 0))), ra(0, routerLifetime(0)),
		raTo(0, craft.GuestLL, vr), rs(0), ns(0), dhcp(0, 1, 7), dhcp(0, 3, 8), dhcpAnswer(0, 2), {data: tagged(toAll(all))}}
	var shots []shot
	at := 0.0
	for ; len(b) >= fuzzOp; b = b[fuzzOp:] {
		x := templates[int(b[0])%len(templates)]
		x.data = craft.Join(x.data)
		switch at += float64(b[1]) / 4; b[1] {
		case 0xff:
			at -= 1e4
		case 0xfe:
			at += 1e12
		case 0xfd:
			at = -1e12
		case 0xfc:
			at += 1e4
		}
		if b[2] > 0 { // another sender
			x.data[11], x.data[37] = b[2], b[2]
		}
		for i := 3; i+1 < fuzzOp; i += 2 {
			if b[i] > 0 {
				x.data[(int(b[i])+14)%len(x.data)] = b[i+1]
			}
		}
		// The checksum is wrong now, which only hardware may leave it.
		x.at, x.change = at, func(f *packet.Frame) { f.Offload = true }
		shots = append(shots, x)
	}
	return shots
}

func FuzzChecker(f *testing.F) {
	op := func(template, step, sender byte, changes ...byte) []byte {
		return append([]byte{template, step, sender}, append(changes, make([]byte, fuzzOp-3-len(changes))...)...)
	}
	f.Add(craft.Join(op(0, 0, 0), op(6, 4, 0), op(5, 1, 0), op(0, 40, 0), op(1, 4, 3), op(4, 40, 0)))
	f.Add(craft.Join(op(6, 0, 0), op(6, 16, 0), op(6, 16, 0), op(1, 20, 0), op(8, 4, 0), op(8, 4, 0), op(10, 1, 0)))
	f.Add(craft.Join(op(2, 0, 0), op(2, 20, 5, 44, 0xff), op(3, 20, 0), op(11, 20, 0), op(1, 0xff, 0), op(1, 0xfe, 0)))
	f.Fuzz(func(t *testing.T, b []byte) {
		shots := fuzzShots(b)
		play := func() ([]rule.Finding, *Checker) {
			s := newStage(t, Options{})
			for _, x := range shots {
				s.play(x)
			}
			s.end()
			return s.found, s.checker
		}
		found, c := play()
		for _, l := range c.Links() {
			l.Prefixes()
			for _, r := range l.Routers {
				if r.MinGap < 0 || r.MaxGap < r.MinGap || r.Accepted > r.Count || len(r.Options) != len(r.heard) {
					t.Errorf("router %+v", r)
				}
			}
			for _, h := range l.Hosts {
				if h.After < 0 || h.Answered && !h.By.IsValid() {
					t.Errorf("host %+v", h)
				}
			}
		}
		if again, _ := play(); !slices.Equal(again, found) {
			t.Errorf("another run found %v, not %v", again, found)
		}
	})
}
