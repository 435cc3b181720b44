package ra

import (
	"hash/maphash"

	"v6probe/internal/packet"
)

// passed knows again routers that were forgotten for lack of room. In a flood of strangers a real router is forgotten between
// two of its RAs; that it comes back tells it from them.
type passed struct {
	once  filter // of those that were forgotten
	again filter // of those that had returned, and were forgotten once more
}

func newPassed() passed {
	// Fifteen seconds of a flood of 70,000 a second, in twice 4 MiB.
	return passed{filter{most: 1 << 20, slots: 1 << 18}, filter{most: 1 << 14, slots: 1 << 12}}
}

// add takes in that one with hash h and that standing was forgotten.
func (s *passed) add(h uint64, standing Standing) {
	if standing > Passing {
		s.again.add(h)
	}
	s.once.add(h)
}

// standing returns how one with hash h, which is not there, is known.
func (s *passed) standing(h uint64) Standing {
	switch {
	case !s.once.has(h):
		return Passing
	case s.again.has(h):
		return Proven
	}
	return Returned
}

// filter is a pair of Bloom filters: when the newer has as many as it may hold, the older is emptied and takes its place. A slot
// for every four has one hash in about 3,000 seem to be there that is not.
type filter struct {
	most  int // that the newer may hold
	slots int // a power of two
	bits  [][2][2]uint64
	newer int // which of the pair, which lies together, as both are looked at
	n     int // in the newer
}

// passage is what a router that passes is known by.
type passage struct {
	where packet.Link
	key   routerKey
}

func (c *Checker) passage(l *Link, r *Router) uint64 {
	return maphash.Comparable(c.seed, passage{l.Where, routerKey{r.Source, r.MAC}})
}

// add takes in a hash.
func (f *filter) add(h uint64) {
	if f.bits == nil {
		f.bits = make([][2][2]uint64, f.slots)
	}
	if f.n == f.most {
		f.newer, f.n = 1-f.newer, 0
		for i := range f.bits {
			f.bits[i][f.newer] = [2]uint64{}
		}
	}
	f.n++
	slot, a, b := f.place(h)
	words := &f.bits[slot][f.newer]
	words[0] |= a
	words[1] |= b
}

// has reports whether h seems to be there.
func (f *filter) has(h uint64) bool {
	if f.bits == nil {
		return false
	}
	slot, a, b := f.place(h)
	for _, words := range f.bits[slot] {
		if words[0]&a == a && words[1]&b == b {
			return true
		}
	}
	return false
}

// place is where h stands: a slot, for there is one place to look at, and two bits of each of the words there.
func (f *filter) place(h uint64) (slot, a, b uint64) {
	return h >> 24 & uint64(f.slots-1), 1<<(h&63) | 1<<(h>>6&63), 1<<(h>>12&63) | 1<<(h>>18&63)
}
