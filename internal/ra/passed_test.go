package ra

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestPassed: one that was forgotten has returned when it is heard again, and is proven when that happens again.
func TestPassed(t *testing.T) {
	s := newPassed()
	for i, want := range []Standing{Passing, Returned, Proven, Proven} {
		got := s.standing(7)
		if got != want {
			t.Errorf("forgotten %d times: %d, want %d", i, got, want)
		}
		s.add(7, got)
	}
}

// TestProvenInFlood: a router that is heard every three seconds in a flood of strangers, which begins before it, is forgotten
// once, stays when it comes back, and is proven when it is heard again.
func TestProvenInFlood(t *testing.T) {
	c := New(Options{})
	strangers := craft.NewStrangers(1)
	genuine := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...))
	at, n := time.Unix(1700000000, 0), 0
	for second := range 8 {
		for range 2000 {
			_, stranger := strangers.Next()
			n++
			c.Packet(decodeFrame(t, stranger, func(f *packet.Frame) { f.Time, f.Number = at, uint64(n) }))
			at = at.Add(500 * time.Microsecond)
		}
		if second%3 == 1 {
			n++
			c.Packet(decodeFrame(t, genuine, func(f *packet.Frame) { f.Time, f.Number = at, uint64(n) }))
		}
	}
	var known []string // returned, or proven
	for _, r := range c.Links()[0].Routers {
		if r.Standing() > Passing {
			known = append(known, r.Source.String())
		}
		if genuine := r.Source.String() == craft.RouterLL; genuine != (r.Standing() == Proven) {
			t.Errorf("%v: standing %d", r.Source, r.Standing())
		}
	}
	if len(known) == 0 || len(known) > 3 || known[0] != craft.RouterLL {
		t.Errorf("known: %v, want the one that came back", known)
	}
}
