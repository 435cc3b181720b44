package capture

import (
	"hash/maphash"
	"time"
)

// senders tells those who are heard again from those who are heard once, of whom a flood is made, and those who flood
// themselves. It is a pair of Bloom filters: when the newer has as many as it may hold, the older is emptied and takes its
// place. One stranger in 20 is taken for one who was heard before.
//
// A router must be heard again before it is forgotten: CloudStack's advertises every 15 seconds at the latest, and
// 250,000 strangers a second are remembered for as long.
type senders struct {
	seed  maphash.Seed
	words [][2]uint64 // of both filters, beside each other, as both are looked at
	newer int         // which is it
	n     int         // in the newer

	since time.Time // the beginning of the time that frames are counted in
	spoke [sendersSlots]uint16
}

const (
	sendersMost  = 1 << 22 // in each filter
	sendersWords = 1 << 19 // of each filter: 4 MiB, for which no memory is taken before they are written to

	// A sender may send so much in sendersTime before it floods. They are told apart by some bits of a hash.
	sendersFrames = 256
	sendersTime   = 100 * time.Millisecond
	sendersSlots  = 1 << 10
)

// known takes in a frame of that sender at time t, and reports whether it was heard before and does not flood.
func (s *senders) known(from sender, t time.Time) bool {
	h := maphash.Comparable(s.seed, from)
	if !s.heard(h) {
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

// heard takes in a sender by its hash, and reports whether it was heard before.
func (s *senders) heard(h uint64) bool {
	if s.words == nil {
		s.words = make([][2]uint64, sendersWords)
	}
	if s.n == sendersMost {
		s.newer, s.n = 1-s.newer, 0
		for i := range s.words {
			s.words[i][s.newer] = 0
		}
	}
	// Three bits of one word: there is one place to look at, and that is what takes time.
	at := &s.words[h>>18%sendersWords]
	bits := uint64(1)<<(h&63) | 1<<(h>>6&63) | 1<<(h>>12&63)
	if at[s.newer]&bits == bits {
		return true
	}
	at[s.newer] |= bits
	s.n++
	return at[1-s.newer]&bits == bits
}
