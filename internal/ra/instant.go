package ra

import "time"

// instant is the time of a packet in nanoseconds, or 0 for none. A time.Time takes three times the room and each
// comparison of two is a call, which tells where a flood has many compared for each message.
//
// Times from 1823 to 2116 keep their distances; others are folded into these, so that those near each other stay so. A
// clock that jumps that far begins a new era, and what lies in different eras is not compared.
type instant int64

const foldInstant = 1 << 62 // 0 must be no packet's time, and the distance of two no overflow

func instantOf(t time.Time) instant {
	if t.IsZero() {
		return 0
	}
	return max(1, instant(uint64(t.UnixNano()+foldInstant)&(1<<63-1)))
}

// sub returns the time from u to t.
func (t instant) sub(u instant) time.Duration { return time.Duration(t - u) }

// add returns the time d after t.
func (t instant) add(d time.Duration) instant { return t + instant(d) }

// since returns the time from one packet to a later one; ok is false when there was no earlier one or it is not earlier.
func since(from, to instant) (d time.Duration, ok bool) {
	if from == 0 {
		return 0, false
	}
	d = to.sub(from)
	return d, d > 0
}

// within reports whether at most d passed from one packet, if there was one, to a later one.
func within(from, to instant, d time.Duration) bool {
	span := to.sub(from)
	return from != 0 && span >= 0 && span <= d
}
