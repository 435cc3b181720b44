package ra

import (
	"math/rand/v2"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestFilter: what was taken in is known for at least as many others as a filter holds, few are taken for it, and in the end it
// is forgotten.
func TestFilter(t *testing.T) {
	const known = 0x9e3779b97f4a7c15
	f := newPassed().once
	rng := rand.New(rand.NewPCG(1, 2))
	if f.has(known) {
		t.Error("known at once")
	}
	f.add(known)
	if !f.has(known) || f.has(known+1<<40) {
		t.Fatalf("known: %v, another: %v", f.has(known), f.has(known+1<<40))
	}
	for range f.most {
		f.add(rng.Uint64())
	}
	if !f.has(known) {
		t.Error("forgotten too soon")
	}
	wrong := 0
	for range 100000 {
		if f.has(rng.Uint64()) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("%d of 100000 strangers are known", wrong)
	}
	for range f.most {
		f.add(rng.Uint64())
	}
	if f.has(known) {
		t.Error("never forgotten")
	}
}

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
	for _, r := range c.Links()[0].Routers {
		if genuine := r.Source.String() == craft.RouterLL; genuine != (r.Standing() == Proven) {
			t.Errorf("%v: standing %d", r.Source, r.Standing())
		}
		if r.Source.String() == craft.RouterLL {
			return
		}
	}
	t.Error("the router is forgotten")
}
