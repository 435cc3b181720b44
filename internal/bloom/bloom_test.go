package bloom

import (
	"math/rand/v2"
	"testing"
)

// TestPair: what was taken in is known for at least as many others as a filter holds, few are taken for it, and in the end it is
// forgotten.
func TestPair(t *testing.T) {
	const known, most = 0x9e3779b97f4a7c15, 1 << 20
	p := New(most, most/4)
	rng := rand.New(rand.NewPCG(1, 2))
	if p.Has(known) || p.Add(known) {
		t.Error("known at once")
	}
	if !p.Has(known) || p.Has(known+1<<40) {
		t.Fatalf("known: %v, another: %v", p.Has(known), p.Has(known+1<<40))
	}
	for range most {
		p.Add(rng.Uint64())
	}
	if !p.Has(known) {
		t.Error("forgotten too soon")
	}
	wrong := 0
	for range 100000 {
		if p.Has(rng.Uint64()) {
			wrong++
		}
	}
	if wrong > 100 {
		t.Errorf("%d of 100000 strangers are known", wrong)
	}
	for range most + most/100 { // some seem to be there and do not count
		p.Add(rng.Uint64())
	}
	if p.Has(known) {
		t.Error("never forgotten")
	}
}

// TestAdd: what is added again in time is known for as long as that goes on.
func TestAdd(t *testing.T) {
	const most = 1 << 12
	p := New(most, most/4)
	rng := rand.New(rand.NewPCG(3, 4))
	p.Add(7)
	for round := range 5 {
		for range most {
			p.Add(rng.Uint64())
		}
		if !p.Add(7) {
			t.Errorf("round %d: forgotten", round)
		}
	}
}
