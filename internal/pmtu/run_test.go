package pmtu

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// probeSim runs the prober over a simulated path.
func probeSim(s *simPath, flows int) *Result {
	r, err := Run(context.Background(), Config{Target: simTarget, Local: s.local, Flows: flows}, s)
	if err != nil {
		panic(err)
	}
	return r
}

// truth returns what the host should find that begins with size: the size that vanishes without a word, and the node
// before the link where it does; ok is false when there is none.
func (s *simPath) truth() (size, node int, ok bool) {
	there, _ := s.mtu()
	for size = s.local; size > there; {
		node, mtu := s.fate(size)
		if mtu == 0 || mtu >= size {
			return size, node, true
		}
		if mtu < MinMTU {
			return 0, 0, false
		}
		size = mtu
	}
	return 0, 0, false
}

// fate returns the node before the link that size does not pass, and what MTU the host is told of it, 0 for silence.
func (s *simPath) fate(size int) (node, mtu int) {
	for i := range s.there {
		n := &s.nodes[i]
		if n.shouts > 0 && size > n.shouts && i > 0 && mtu == 0 && !s.filter {
			mtu = n.shouts
		}
		if size <= s.there[i] {
			continue
		}
		if (n.silent || i == 0) && !n.tunnel || s.filter || mtu != 0 {
			return i, mtu
		}
		if n.says > 0 {
			return i, n.says
		}
		return i, s.there[i]
	}
	return 0, 0
}

// verify compares a result with the truth.
func verify(s *simPath, r *Result) error {
	there, back := s.mtu()
	var errs []error
	fail := func(format string, args ...any) { errs = append(errs, fmt.Errorf(format, args...)) }
	switch {
	case r.MTU == 0:
	case r.Either && r.MTU != min(there, back):
		fail("MTU %d either way, truth %d and %d", r.MTU, there, back)
	case r.MTU == back && !s.answers[UDP] && !s.answers[TCP] && s.shouts():
		// A lie that fits the way back, of a target that answers no UDP and no TCP, cannot be told from the truth.
	case !r.Either && r.MTU != there:
		fail("MTU %d, truth %d", r.MTU, there)
	}
	if r.AtLeast > there {
		fail("%d is said to arrive, truth %d", r.AtLeast, there)
	}
	if b := r.Return; b.MTU > back || b.Most > 0 && b.Most < min(back, there) {
		fail("return %d to %d, truth %d", b.MTU, b.Most, back)
	}
	if r.Return.Hole && back >= r.Local {
		fail("a hole on the way back, truth %d", back)
	}
	size, node, ok := s.truth()
	if r.MTU > 0 && !r.Either && (r.Hole != nil) != ok && !s.mayHide() {
		fail("hole %+v, truth %v (%d behind node %d)", r.Hole, ok, size, node)
	}
	if h := r.Hole; h != nil && ok && !r.Either && !s.mayHide() {
		node, mtu := s.fate(h.Size)
		if mtu != 0 && !h.NotShrinking {
			fail("hole at %d, but it is told %d", h.Size, mtu)
		}
		if (h.After > node || h.Before > 0 && h.Before <= node) && !(h.Here && s.shouts()) {
			fail("hole at %d after %d, before %d; truth behind %d", h.Size, h.After, h.Before, node)
		}
	}
	return errors.Join(errs...)
}

// mayHide reports whether Packet Too Big messages are so few, and lost besides, that none of them may be seen.
func (s *simPath) mayHide() bool {
	return s.loss > 0 && slices.ContainsFunc(s.nodes, func(n simNode) bool { return n.interval > 0 })
}

// shouts reports whether a router refuses what it passes on. Where that is what the path carries, its word cannot be told from
// a true one.
func (s *simPath) shouts() bool {
	return slices.ContainsFunc(s.nodes, func(n simNode) bool { return n.shouts > 0 })
}

// describe says what a path is like, for an error.
func (s *simPath) describe() string {
	return fmt.Sprintf("there %v back %v told %v nodes %+v answers %v loss %v jitter %v filter %v forger %v", s.there, s.back, s.backPTB, s.nodes, s.answers,
		s.loss, s.jitter, s.filter, s.forger)
}

// randomPath returns a path with faults.
func randomPath(seed uint64) *simPath {
	r := rand.New(rand.NewPCG(seed, 2))
	chance := func(p float64) bool { return r.Float64() < p }
	local := []int{1500, 1500, 1450, 1430, 9000, 8950, 1280, 1320, 1492}[r.IntN(9)]
	s := newSimPath(seed, r.IntN(9), local)
	size := func() int {
		if chance(.5) {
			sizes := ladder(local)
			return sizes[r.IntN(len(sizes))]
		}
		return max(MinMTU, local-r.IntN(local-MinMTU+1))
	}
	for i := range s.there {
		n := &s.nodes[i]
		n.quiet = chance(.15)
		n.silent = chance(.3)
		n.tunnel = chance(.1)
		if i == 0 && chance(.1) || i > 0 && chance(.3) {
			s.there[i] = size()
		}
		if i > 0 && chance(.03) {
			n.says = max(1000, size()-r.IntN(100))
		}
		if i > 0 && n.says == 0 && chance(.03) {
			n.shouts, n.silent = size(), false
		}
		if n.shouts == 0 && chance(.1) {
			n.interval = time.Second
		}
		if chance(.05) {
			s.back[i], s.backPTB[i] = size(), chance(.5)
		}
		s.delay[i] = time.Duration(r.IntN(10000)) * time.Microsecond
	}
	for k := range s.answers {
		s.answers[k] = chance(.8)
	}
	if chance(.3) {
		s.loss = []float64{.01, .05, .15}[r.IntN(3)]
	}
	if chance(.3) {
		s.jitter = time.Duration(r.IntN(8000)) * time.Microsecond
	}
	if chance(.05) {
		s.echoes.gap = 100 * time.Millisecond
	}
	s.forger = chance(.05)
	s.filter = chance(.05)
	return s
}

// TestRandomPaths probes many paths: what is found must be the truth, or "unknown".
func TestRandomPaths(t *testing.T) {
	n := uint64(100_000)
	if testing.Short() {
		n = 2000
	}
	const shards = 2
	for shard := range uint64(shards) {
		t.Run(fmt.Sprint(shard), func(t *testing.T) {
			t.Parallel()
			unknown, known := 0, 0
			for seed := shard; seed < n; seed += shards {
				s := randomPath(seed)
				r := probeSim(s, 1)
				if err := verify(s, r); err != nil {
					t.Errorf("seed %d: %v\n%s\n%+v", seed, err, s.describe(), r)
				}
				if t.Failed() && testing.Verbose() {
					return
				}
				switch {
				case s.answers == [4]bool{}:
				case r.MTU == 0:
					unknown++
				default:
					known++
				}
			}
			t.Logf("%d known, %d unknown", known, unknown)
		})
	}
}

// TestQuietPaths bounds the packets and the round trips on paths without loss, four hops long.
func TestQuietPaths(t *testing.T) {
	narrow := func(mtu int, silent bool) func(*simPath) {
		return func(s *simPath) { s.there[2], s.nodes[2].silent = mtu, silent }
	}
	tests := []struct {
		name   string
		local  int
		change func(*simPath)
		rounds int
		hole   *Hole
	}{
		{"clean", 1500, func(*simPath) {}, 1, nil},
		{"clean jumbo", 9000, func(*simPath) {}, 1, nil},
		{"least", 1280, func(*simPath) {}, 1, nil},
		{"told", 1450, narrow(1400, false), 2, nil},
		{"told an odd size", 1500, narrow(1411, false), 2, nil},
		{"staircase", 1500, func(s *simPath) { s.there[1], s.there[2], s.there[3] = 1450, 1400, 1280 }, 2, nil},
		{"silent", 1450, narrow(1400, true), 3, &Hole{Size: 1420, After: 2, Before: 3}},
		{"silent, of 1500", 1500, narrow(1400, true), 3, &Hole{Size: 1420, After: 2, Before: 3}},
		{"silent at an odd size", 1450, narrow(1404, true), 5, &Hole{Size: 1420, After: 2, Before: 3}},
		{"silent at the least", 1450, narrow(1280, true), 3, &Hole{Size: 1320, After: 2, Before: 3}},
		{"silent before the first hop", 1500, func(s *simPath) { s.there[0] = 1450 }, 3, &Hole{Size: 1462, Before: 1}},
		{"silent at the end", 1500, func(s *simPath) { s.there[3], s.nodes[3].silent = 1400, true }, 3, &Hole{Size: 1420, After: 3, Before: 4}},
		{"tunnel", 1500, func(s *simPath) { s.there[0], s.nodes[0].tunnel = 1450, true }, 2, nil},
		{"back, told", 1450, func(s *simPath) { s.back[2] = 1400 }, 4, nil},
		{"back, silent", 1450, func(s *simPath) { s.back[2], s.backPTB[2] = 1400, false }, 4, nil},
		{"filtered here", 1500, func(s *simPath) { narrow(1400, false)(s); s.filter = true }, 3, &Hole{Size: 1420, After: 2, Before: 3, Here: true}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimPath(1, 3, tt.local)
			tt.change(s)
			r := probeSim(s, 1)
			if err := verify(s, r); err != nil {
				t.Error(err)
			}
			if r.MTU == 0 || r.Either {
				t.Errorf("MTU %d, either %v", r.MTU, r.Either)
			}
			if (r.Hole == nil) != (tt.hole == nil) || r.Hole != nil && *r.Hole != *tt.hole {
				t.Errorf("hole %+v, want %+v", r.Hole, tt.hole)
			}
			if r.Distance != 4 || len(r.Hops) != 3 {
				t.Errorf("distance %d, %d hops", r.Distance, len(r.Hops))
			}
			if r.Sent > 60 || r.Rounds > tt.rounds {
				t.Errorf("%d packets in %d rounds, want 60 and %d at most", r.Sent, r.Rounds, tt.rounds)
			}
			t.Logf("%d packets, %d rounds, %v", r.Sent, r.Rounds, r.Took)
		})
	}
}
