package ra

import (
	"hash/maphash"

	"v6probe/internal/packet"
)

// passed knows again routers that were forgotten for lack of room. In a flood of strangers a real router is forgotten between
// two of its RAs; that it comes back tells it from them. It is a pair of Bloom filters: when the newer has as many as it may
// hold, the older is emptied and takes its place. One stranger in about 3,000 is taken for one that came back.
type passed struct {
	slots [][2][2]uint64 // of both filters, beside each other, as both are looked at
	newer int            // which is it
	n     int            // in the newer
}

const (
	passedMost  = 1 << 20 // in each: fifteen seconds of a flood of 70,000 a second
	passedSlots = 1 << 18 // of each: four MiB
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
	if s.slots == nil {
		s.slots = make([][2][2]uint64, passedSlots)
	}
	if s.n == passedMost {
		s.newer, s.n = 1-s.newer, 0
		for i := range s.slots {
			s.slots[i][s.newer] = [2]uint64{}
		}
	}
	s.n++
	slot, a, b := passedBits(h)
	words := &s.slots[slot][s.newer]
	words[0] |= a
	words[1] |= b
}

// has reports whether one with hash h seems to have been forgotten.
func (s *passed) has(h uint64) bool {
	if s.slots == nil {
		return false
	}
	slot, a, b := passedBits(h)
	for _, words := range s.slots[slot] {
		if words[0]&a == a && words[1]&b == b {
			return true
		}
	}
	return false
}

// passedBits are where h stands: its slot, for there is one place to look at, and two bits of each of the words there.
func passedBits(h uint64) (slot, a, b uint64) {
	return h >> 24 % passedSlots, 1<<(h&63) | 1<<(h>>6&63), 1<<(h>>12&63) | 1<<(h>>18&63)
}
