package ra

import (
	"hash/maphash"

	"v6probe/internal/bloom"
	"v6probe/internal/packet"
)

// passed knows again routers that were forgotten for lack of room. In a flood of strangers a real router is forgotten between
// two of its RAs; that it comes back tells it from them.
type passed struct {
	once  bloom.Pair // of those that were forgotten
	again bloom.Pair // of those that had returned, and were forgotten once more
}

func newPassed() passed {
	// Fifteen seconds of a flood of 70,000 a second, in twice 4 MiB.
	return passed{bloom.New(1<<20, 1<<18), bloom.New(1<<14, 1<<12)}
}

// add takes in that one with hash h and that standing was forgotten.
func (s *passed) add(h uint64, standing Standing) {
	if standing > Passing {
		s.again.Add(h)
	}
	s.once.Add(h)
}

// standing returns how one with hash h, which is not there, is known.
func (s *passed) standing(h uint64) Standing {
	switch {
	case !s.once.Has(h):
		return Passing
	case s.again.Has(h):
		return Proven
	}
	return Returned
}

// passage is what a router that passes is known by.
type passage struct {
	where packet.Link
	key   routerKey
}

func (c *Checker) passage(l *Link, r *Router) uint64 {
	return maphash.Comparable(c.seed, passage{l.Where, routerKey{r.Source, r.MAC}})
}
