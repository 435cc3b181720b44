package ra

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestEvicted wants everybody who is not there any more counted, also after the link was forgotten that counted before.
func TestEvicted(t *testing.T) {
	const routers, hosts = 6000, 5000
	s := newStage(t, Options{})
	for i := range routers {
		mac := packet.MAC{2, 0, 0, 1, byte(i >> 8), byte(i)}.String()
		pio := craft.PIO(fmt.Sprintf("2001:db8:%x::", i), 64, 0xc0, 7200, 3600)
		f := craft.Frame(mac, fmt.Sprintf("fe80::%x", i+1), craft.AllNodes, goodRA.Message(pio))
		if i%2 == 0 {
			f = onVLAN(f, i/2%3000+1)
		}
		s.play(shot{at: float64(i) / 1000, data: f})
	}
	for i := range hosts {
		mac := packet.MAC{2, 0, 0, 2, byte(i >> 8), byte(i)}.String()
		s.play(shot{at: 10, data: onVLAN(craft.Frame(mac, fmt.Sprintf("fe80::2:%x", i), craft.AllRouters, craft.RS()), i%3000+1)})
	}
	e := s.checker.Evicted()
	var there Evicted
	for _, l := range s.checker.Links() {
		there.Links++
		there.Routers += uint64(len(l.Routers))
		there.Hosts += uint64(len(l.Hosts))
		there.Prefixes += uint64(len(l.prefixes))
	}
	if e.Routers+there.Routers != routers || e.Hosts+there.Hosts != hosts || e.Links != s.checker.Forgotten() ||
		e.Links < 2000 || e.Options != 0 {
		t.Errorf("evicted %+v, there %+v, %d links forgotten", e, there, s.checker.Forgotten())
	}
	// On the untagged link there is one prefix a router, and room for 64.
	if e.Prefixes != routers/2-maxPrefixes {
		t.Errorf("%d prefixes evicted", e.Prefixes)
	}
}

func TestEvictedOfRouter(t *testing.T) {
	s := newStage(t, Options{})
	for k := range 3 {
		var routes, prefixes []byte
		for i := range 80 {
			routes = append(routes, craft.RIO(fmt.Sprintf("2001:db8:%x%02x::", k, i), 48, 0, 600, 8)...)
		}
		for i := range 30 {
			prefixes = append(prefixes, craft.PIO(fmt.Sprintf("2001:db8:%x%02x::", k, i), 64, 0xc0, 7200, 3600)...)
		}
		s.play(ra(float64(10*k), goodRA.Message(prefixes)))
		s.play(ra(float64(10*k+5), goodRA.Message(routes)))
	}
	r := s.checker.Links()[0].Routers[0]
	// Of 80 routes 64 have room, and push out all else.
	if len(r.Options) != maxOptions || r.EvictedOptions != 3*(80+30)-maxOptions || len(r.prefixes) != maxPrefixes ||
		r.EvictedPrefixes != 3*30-maxPrefixes {
		t.Errorf("%d options, %d evicted; %d prefixes, %d evicted", len(r.Options), r.EvictedOptions, len(r.prefixes), r.EvictedPrefixes)
	}
	if e := s.checker.Evicted(); e.Options != r.EvictedOptions || e.Prefixes != r.EvictedPrefixes+s.checker.Links()[0].EvictedPrefixes {
		t.Errorf("evicted %+v", e)
	}
}

// TestUntold wants it said that not all contradictions are named.
func TestUntold(t *testing.T) {
	for _, routers := range []int{6, 7} { // 15 and 21 pairs
		s := newStage(t, Options{})
		for i := range routers {
			mac := packet.MAC{2, 0, 0, 1, 0, byte(i)}.String()
			s.play(shot{at: float64(i), data: craft.Frame(mac, fmt.Sprintf("fe80::%x", i+1), craft.AllNodes,
				craft.RA{CurHopLimit: uint8(64 + i), Lifetime: 1800}.Message(goodPIO))})
		}
		if got, want := s.checker.Links()[0].Untold, routers > 6; got != want || len(s.found) != min(routers*(routers-1)/2, maxConflicts) {
			t.Errorf("%d routers: untold %v, %d findings", routers, got, len(s.found))
		}
	}
}

func TestInstant(t *testing.T) {
	if instantOf(start) == 0 || instantOf(start.Add(5)).sub(instantOf(start)) != 5 {
		t.Error("an instant of today")
	}
	for _, years := range []int{-400, -200, -56, 0, 80, 91, 300, 500} { // about the epoch, and where times are folded
		at := start.AddDate(years, 0, 0)
		if d, ok := since(instantOf(at), instantOf(at.Add(1e9))); !ok || d != 1e9 {
			t.Errorf("%v: %v later", at, d)
		}
	}
}
