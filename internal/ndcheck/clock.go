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
	Era        uint32 // counts the breaks in time; what lies in different eras is not compared
	Packets    uint64 // also the running number that says which of two was seen later
}

// Tick takes over the time of a packet.
func (c *Clock) Tick(t time.Time) {
	c.Packets++
	d := t.Sub(c.Now)
	switch {
	case c.Packets == 1:
		c.First, c.Now = t, t
	case d < -MaxReorder || d > maxSilence:
		c.Era++
		c.Now = t
	case d > 0:
		c.Now = t
	}
}
