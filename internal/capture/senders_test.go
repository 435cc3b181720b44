package capture

import (
	"encoding/binary"
	"hash/maphash"
	"testing"
	"time"
)

// stranger returns one of 2^32 senders.
func stranger(n uint32) (s sender) {
	s.address = [16]byte{0: 0xfe, 1: 0x80}
	binary.BigEndian.PutUint32(s.address[12:], n)
	return s
}

// TestSenders: among so many strangers as come between two RAs in a flood a router is known again, and few strangers are
// taken for one that was heard before.
func TestSenders(t *testing.T) {
	s := newSenders()
	now := time.Unix(1e9, 0)
	router := stranger(0)
	if s.known(router, now) {
		t.Error("known at once")
	}
	const flood = 5 << 20
	n, taken := uint32(0), 0
	for round := range 3 {
		for range flood {
			n++
			now = now.Add(4 * time.Microsecond)
			if s.known(stranger(n), now) {
				taken++
			}
		}
		if !s.known(router, now) {
			t.Errorf("not known after %d strangers", (round+1)*flood)
		}
	}
	if taken > 3*flood/20 {
		t.Errorf("%d of %d strangers are taken for one that was heard", taken, 3*flood)
	}
	if s.known(stranger(1), now) && s.known(stranger(2), now) && s.known(stranger(3), now) && s.known(stranger(4), now) {
		t.Error("strangers are remembered for ever")
	}
}

// TestSendersFlood: who sends more than any router is not known for as long as that lasts, and others are.
func TestSendersFlood(t *testing.T) {
	s := newSenders()
	now := time.Unix(1e9, 0)
	router, flooder := stranger(0), stranger(1)
	for maphash.Comparable(s.seed, router)%sendersSlots == maphash.Comparable(s.seed, flooder)%sendersSlots {
		s.seed = maphash.MakeSeed()
	}
	s.known(router, now)
	s.known(flooder, now)
	for round := range 3 {
		n := 0
		for range 10 * sendersFrames {
			if s.known(flooder, now) {
				n++
			}
		}
		if n != sendersFrames || !s.known(router, now) {
			t.Errorf("round %d: %d frames of the flooder, want %d; or the router is not known", round, n, sendersFrames)
		}
		now = now.Add(sendersTime)
	}
	if !s.known(flooder, now.Add(-time.Hour)) {
		t.Error("not known when the clock is set back")
	}
}

func BenchmarkSenders(b *testing.B) {
	s := newSenders()
	now := time.Unix(1e9, 0)
	n := uint32(0)
	for b.Loop() {
		n++
		s.known(stranger(n), now)
	}
}
