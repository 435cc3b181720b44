package capture

import (
	"hash/maphash"
	"time"

	"v6probe/internal/bloom"
)

// senders tells those who are heard again from those who are heard once, of whom a flood is made, and those who flood
// themselves. One stranger in 20 is taken for one who was heard before.
type senders struct {
	seed maphash.Seed
	past bloom.Pair

	since time.Time // the beginning of the time that frames are counted in
	spoke [sendersSlots]uint16
}

const (
	// A sender may send so much in sendersTime before it floods. They are told apart by some bits of a hash.
	sendersFrames = 256
	sendersTime   = 100 * time.Millisecond
	sendersSlots  = 1 << 10
)

// newSenders returns senders of whom nobody was heard. A router must be heard again before it is forgotten: CloudStack's
// advertises every 15 seconds at the latest, and 250,000 strangers a second are remembered for as long, in twice 4 MiB.
func newSenders() senders { return senders{seed: maphash.MakeSeed(), past: bloom.New(1<<22, 1<<18)} }

// known takes in a frame of that sender at time t, and reports whether it was heard before and does not flood.
func (s *senders) known(from sender, t time.Time) bool {
	h := maphash.Comparable(s.seed, from)
	if !s.past.Add(h) {
		return false
	}
	if age := t.Sub(s.since); age < 0 || age >= sendersTime {
		s.since, s.spoke = t, [sendersSlots]uint16{}
	}
	n := &s.spoke[h%sendersSlots]
	if *n == sendersFrames {
		return false
	}
	*n++
	return true
}
