package ndcheck

import "time"

const (
	// MaxReorder is how far packets may be out of order. A greater step back is a clock that was set.
	MaxReorder = time.Second
	// Nothing at all for longer than any router lifetime of RFC 4861 §6.2.1 is a clock that was set, or two captures
	// joined into one.
	maxSilence = 9000 * time.Second
)

// Clock is the time as packets tell it, the only one that a checker has.
type Clock struct {
	First, Now time.Time
	Stamp      Stamp  // that of Now
	Packet     Stamp  // of the last packet itself, which may be before Now
	Era        uint32 // counts the breaks in time; what lies in different eras is not compared
	Packets    uint64 // also the running number that says which of two was seen later
}

// Tick takes over the time of a packet.
func (c *Clock) Tick(t time.Time) {
	c.Packets++
	c.Packet = StampOf(t)
	d := c.Packet.Sub(c.Stamp)
	if !c.Packet.exact() || !c.Stamp.exact() {
		d = t.Sub(c.Now)
	}
	switch {
	case c.Packets == 1:
		c.First = t
		c.set(t)
	case d < -MaxReorder || d > maxSilence:
		c.Era++
		c.set(t)
	case d > 0:
		c.set(t)
	}
}

// set makes t, the last packet's time, the present one.
func (c *Clock) set(t time.Time) { c.Now, c.Stamp = t, c.Packet }

// Stamp is the time of a packet as one number of nanoseconds, for what is kept and compared by the million. 0 is a time
// that never was: it lies more than 30 years before any packet, so that nothing is soon after it.
type Stamp int64

const (
	firstStamp = 1e18 // of 1970
	maxSeconds = 8e9  // since then, in the year 2223: what is later has lastStamp, so that differences do not overflow
	lastStamp  = firstStamp + maxSeconds*1e9
)

// StampOf returns the Stamp of t, which is not before 1970 in a capture.
func StampOf(t time.Time) Stamp {
	sec := t.Unix()
	switch {
	case sec < 0:
		return firstStamp
	case sec >= maxSeconds:
		return lastStamp
	}
	return firstStamp + Stamp(sec*1e9+int64(t.Nanosecond()))
}

// exact reports whether s is the Stamp of one time only.
func (s Stamp) exact() bool { return s > firstStamp && s < lastStamp }

// Sub returns the time from o to s.
func (s Stamp) Sub(o Stamp) time.Duration { return time.Duration(s - o) }

// Add returns the Stamp that is d after s.
func (s Stamp) Add(d time.Duration) Stamp { return s + Stamp(d) }

// UnixNano returns s in nanoseconds since 1970.
func (s Stamp) UnixNano() int64 { return int64(s - firstStamp) }

// Time returns the time of s, in UTC.
func (s Stamp) Time() time.Time { return time.Unix(0, s.UnixNano()).UTC() }
