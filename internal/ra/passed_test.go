package ra

import (
	"math/rand/v2"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// TestPassed: what passed is known again for at least as many others as one filter holds, few are taken for it, and in the end
// it is forgotten.
func TestPassed(t *testing.T) {
	const known = 0x9e3779b97f4a7c15
	var s passed
	rng := rand.New(rand.NewPCG(1, 2))
	s.add(known)
	if !s.has(known) || s.has(known+1<<40) {
		t.Fatalf("known: %v, another: %v", s.has(known), s.has(known+1<<40))
	}
	for range passedMost {
		s.add(rng.Uint64())
	}
	if !s.has(known) {
		t.Error("forgotten too soon")
	}
	wrong := 0
	for range 100000 {
		if s.has(rng.Uint64()) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("%d of 100000 strangers are known", wrong)
	}
	for range passedMost {
		s.add(rng.Uint64())
	}
	if s.has(known) {
		t.Error("never forgotten")
	}
}

// TestProvenInFlood: a router that is heard every three seconds in a flood of strangers, which begins before it, is forgotten
// once and then stays.
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
	var proven []string
	for _, r := range c.Links()[0].Routers {
		if r.Proven() {
			proven = append(proven, r.Source.String())
		}
	}
	if len(proven) == 0 || len(proven) > 3 || proven[0] != craft.RouterLL {
		t.Errorf("proven: %v, want the one that came back", proven)
	}
}
