package ndcheck

import (
	"math/rand/v2"
	"testing"
	"time"
)

// A Stamp orders and measures as the time does that it is of, and 0 is long before all of them.
func TestStamp(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	at := func() time.Time { return time.Unix(rng.Int64N(maxSeconds-1), 1+rng.Int64N(1e9-1)).UTC() }
	for range 10_000 {
		a, b := at(), at()
		s, o := StampOf(a), StampOf(b)
		if s.Sub(o) != a.Sub(b) || s.Time() != a || s.UnixNano() != a.UnixNano() || !s.exact() || s.Sub(0) < 30*365*24*time.Hour {
			t.Fatalf("%v is %d, %v %d", a, s, b, o)
		}
		if d := time.Duration(rng.Int64N(1e12)); s.Add(d).Sub(s) != d {
			t.Fatalf("%v after %v", d, a)
		}
	}
	for _, a := range []time.Time{{}, time.Unix(-1, 0), time.Unix(0, 0), time.Unix(maxSeconds, 0), time.Unix(maxSeconds+1, 0), time.Unix(1<<40, 5)} {
		if s := StampOf(a); s.exact() || s < firstStamp || s > lastStamp {
			t.Errorf("%v is %d", a, s)
		}
	}
}

// plainClock is what Clock does, with times only.
type plainClock struct {
	now     time.Time
	era     uint32
	started bool
}

func (c *plainClock) tick(t time.Time) {
	d := t.Sub(c.now)
	switch {
	case !c.started:
		c.now, c.started = t, true
	case d < -MaxReorder || d > maxSilence:
		c.era++
		c.now = t
	case d > 0:
		c.now = t
	}
}

// A Clock tells the time as times do, also where no Stamp is exact.
func TestClock(t *testing.T) {
	rng := rand.New(rand.NewPCG(3, 4))
	for _, from := range []int64{0, 1, 1_700_000_000, maxSeconds - 2, maxSeconds, 1 << 40} {
		var c Clock
		var plain plainClock
		now := time.Unix(from, 0).UTC()
		for step := range 5000 {
			switch n := rng.IntN(100); {
			case n < 60:
				now = now.Add(time.Duration(rng.Int64N(1e9)))
			case n < 90:
				now = now.Add(-time.Duration(rng.Int64N(11e8)))
			case n < 95:
				now = now.Add(time.Duration(rng.Int64N(int64(2 * maxSilence))))
			default:
				now = now.Add(-time.Duration(rng.Int64N(int64(2 * maxSilence))))
			}
			now = time.Unix(max(now.Unix(), 0), int64(now.Nanosecond())).UTC()
			c.Tick(now)
			plain.tick(now)
			if c.Now != plain.now || c.Era != plain.era || c.Stamp != StampOf(plain.now) || c.Packet != StampOf(now) {
				t.Fatalf("from %d, step %d: %v is %+v, want %+v", from, step, now, c, plain)
			}
		}
	}
}
