package ra

import (
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/packet"
)

// More than that is no number of healthy routers, though a capture's first seconds may well show twenty, of which none was
// heard before.
const (
	floodRate    = 64 // RAs a second
	floodSources = 16 // new ones a second
	floodSlow    = 48 // new ones in floodSpan
	floodSpan    = 10 * time.Second
)

// flood is how many RAs come, and from how many sources, receivers dropping them or not.
type flood struct {
	fresh     [floodSlow]time.Time // when new sources came
	nextFresh int

	times   [floodRate]time.Time
	next    int
	sources [floodSources + 1]struct {
		key routerKey
		at  time.Time
	}
	told  bool
	until time.Time // hosts have other worries than routers that contradict each other
}

// checkFlood looks for more RAs than any number of healthy routers sends.
func (c *Checker) checkFlood(l *Link, p *packet.Packet) {
	f, t := &l.flood, p.Frame.Time
	sources := f.count(keyOf(p), t)
	fresh := ""
	if l.routers[keyOf(p)] == nil && !l.mixed {
		fresh = f.newcomer(t)
	}
	first := f.times[f.next]
	f.times[f.next] = t
	f.next = (f.next + 1) % floodRate
	fast := within(first, t, time.Second)
	if fast || fresh != "" || f.told && sources > floodSources && !l.mixed {
		f.until = t.Add(floodSpan)
	}
	if f.told || !fast && fresh == "" {
		return
	}
	f.told = true
	if fast {
		from := fmt.Sprintf("%d sources", sources)
		switch {
		case sources == 1:
			from = "one source"
		case sources > floodSources:
			from = fmt.Sprintf("%d or more sources", sources)
		}
		c.report.Add("ra.flood", -1, "", "%d RAs within %s, from %s", floodRate+1, inSeconds(t.Sub(first)), from)
	} else {
		c.report.Add("ra.flood", -1, "", "RAs from %s", fresh)
	}
	c.report.Findings[len(c.report.Findings)-1].Source = netip.Addr{} // it is about the link
}

// newcomer takes in a source that was never heard before. It returns how many there were, if they are too many.
func (f *flood) newcomer(t time.Time) string {
	slow, quick := f.fresh[f.nextFresh], f.fresh[(f.nextFresh+floodSlow-floodSources)%floodSlow]
	f.fresh[f.nextFresh] = t
	f.nextFresh = (f.nextFresh + 1) % floodSlow
	switch {
	case within(quick, t, time.Second):
		return fmt.Sprintf("%d new sources within %s", floodSources+1, inSeconds(t.Sub(quick)))
	case within(slow, t, floodSpan):
		return fmt.Sprintf("%d new sources within %s", floodSlow+1, inSeconds(t.Sub(slow)))
	}
	return ""
}

// within reports whether at most d passed from one packet, if there was one, to a later one.
func within(from, to time.Time, d time.Duration) bool {
	span := to.Sub(from)
	return !from.IsZero() && span >= 0 && span <= d
}

// count takes in a source and returns how many there were within floodSpan, as far as it counts.
func (f *flood) count(key routerKey, t time.Time) int {
	at, n := 0, 1
	for i := range f.sources {
		if s := &f.sources[i]; s.key == key {
			at = i
			break
		} else if s.at.Before(f.sources[at].at) {
			at = i
		}
	}
	f.sources[at].key, f.sources[at].at = key, t
	for i := range f.sources {
		if age := t.Sub(f.sources[i].at); i != at && !f.sources[i].at.IsZero() && age >= 0 && age <= floodSpan {
			n++
		}
	}
	return n
}
