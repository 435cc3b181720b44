package ra

import (
	"hash/maphash"

	"v6probe/internal/packet"
)

// passed knows again routers that were forgotten for lack of room. In a flood of strangers a real router is forgotten between
// two of its RAs; that it comes back tells it from them. It is a pair of Bloom filters: when the newer has as many as it may
// hold, the older is emptied and takes its place. One stranger in about 10,000 is taken for one that came back.
type passed struct {
	newer, older []uint64
	n            int // in newer
}

const (
	passedMost = 1 << 18 // in each: ten seconds of a flood of 25,000 a second
	passedBits = 1 << 23 // of each: one MiB
	passedAt   = 4       // bits for each that passed
)

// passage is what a router that passes is known by.
type passage struct {
	where packet.Link
	key   routerKey
}

func (c *Checker) passage(l *Link, r *Router) uint64 {
	return maphash.Comparable(c.seed, passage{l.Where, routerKey{r.Source, r.MAC}})
}

// add takes in that one with hash h was forgotten.
func (s *passed) add(h uint64) {
	if s.n%passedMost == 0 {
		s.newer, s.older = s.older, s.newer
		if s.newer == nil {
			s.newer = make([]uint64, passedBits/64)
		}
		clear(s.newer)
		s.n = 0
	}
	s.n++
	for i := range uint64(passedAt) {
		at := passedBit(h, i)
		s.newer[at/64] |= 1 << (at % 64)
	}
}

// has reports whether one with hash h seems to have been forgotten.
func (s *passed) has(h uint64) bool { return holds(s.newer, h) || holds(s.older, h) }

func holds(bits []uint64, h uint64) bool {
	if bits == nil {
		return false
	}
	for i := range uint64(passedAt) {
		if at := passedBit(h, i); bits[at/64]>>(at%64)&1 == 0 {
			return false
		}
	}
	return true
}

// passedBit is the bit that is the i-th for h.
func passedBit(h, i uint64) uint64 { return (h>>32 + i*(h|1)) % passedBits }
