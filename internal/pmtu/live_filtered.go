package pmtu

import (
	"slices"
	"time"
)

const (
	// delivery is how long the kernel may take from the interface to the socket. It is microseconds, but for a filter
	// that asks a program what to do.
	delivery = 5 * time.Millisecond
	// memory is how many replies are remembered: more than can be under way at once.
	memory = 1024
)

// screen finds out which replies came in on the interface and were then dropped by a filter of this host. It is told of
// each reply twice, in any order, once as it came in and once as it was delivered. Replies that say the same count as the
// same, each as often as it came.
type screen struct {
	delivered []Reply // and not seen to come in yet; the oldest first
	held      []Reply // came in and were not delivered yet; the oldest first
	gone      []Reply // were given out as filtered
}

// same makes replies that say the same equal.
func same(r Reply) Reply {
	r.Time, r.FragmentSize, r.Filtered = time.Time{}, 0, false
	return r
}

// take removes the first of list that says the same as r.
func take(list *[]Reply, r Reply) bool {
	i := slices.IndexFunc(*list, func(o Reply) bool { return same(o) == same(r) })
	if i < 0 {
		return false
	}
	*list = slices.Delete(*list, i, i+1)
	return true
}

// keep adds r to list, at the expense of the oldest.
func keep(list *[]Reply, r Reply) {
	if len(*list) == memory {
		*list = slices.Delete(*list, 0, memory/4)
	}
	*list = append(*list, r)
}

// deliver is told that r was delivered. False means that it was given out as filtered before.
func (s *screen) deliver(r Reply) bool {
	if take(&s.gone, r) {
		return false
	}
	if !take(&s.held, r) {
		keep(&s.delivered, r)
	}
	return true
}

// comeIn is told that r came in.
func (s *screen) comeIn(r Reply) {
	if !take(&s.delivered, r) {
		keep(&s.held, r)
	}
}

// due returns when the next reply is to be taken for filtered; false for none.
func (s *screen) due() (time.Time, bool) {
	if len(s.held) == 0 {
		return time.Time{}, false
	}
	return s.held[0].Time.Add(delivery), true
}

// filtered gives out the next reply that was not delivered in time.
func (s *screen) filtered(now time.Time) (Reply, bool) {
	if at, ok := s.due(); !ok || now.Before(at) {
		return Reply{}, false
	}
	r := s.held[0]
	s.held = slices.Delete(s.held, 0, 1)
	keep(&s.gone, r)
	r.Filtered = true
	return r, true
}
