package ra

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"
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
	fresh     [floodSlow]instant // when new sources came
	nextFresh int

	times   [floodRate]instant
	next    int
	sources [floodSources + 1]routerKey
	marks   [floodSources + 1]uint64  // mark of each, which tells most of them apart
	at      [floodSources + 1]instant // when the last of each was heard
	until   instant                   // hosts have other worries than routers that contradict each other
}

// checkFlood looks for more RAs than any number of healthy routers sends. The one of the report is from key; fresh says that
// there is no such router yet.
func (c *Checker) checkFlood(l *Link, key routerKey, fresh bool) {
	f, t := &l.flood, c.now
	at := f.take(key, t)
	var newcomers int
	var span time.Duration
	if fresh && !l.mixed {
		newcomers, span = f.newcomer(t)
	}
	first := f.times[f.next]
	f.times[f.next] = t
	f.next = (f.next + 1) % floodRate
	fast := within(first, t, time.Second)
	if fast || newcomers > 0 || l.Flooded && !l.mixed && f.count(at, t) > floodSources {
		f.until = t.add(floodSpan)
	}
	if l.Flooded || !fast && newcomers == 0 {
		return
	}
	l.Flooded = true
	if fast {
		c.report.Add("ra.flood", -1, "", "%d RAs within %s, from %s", floodRate+1, inSeconds(t.sub(first)), sourcesText(f.count(at, t)))
	} else {
		c.report.Add("ra.flood", -1, "", "RAs from %d new sources within %s", newcomers, inSeconds(span))
	}
	c.report.Findings[len(c.report.Findings)-1].Source = netip.Addr{} // it is about the link
}

func sourcesText(n int) string {
	switch {
	case n == 1:
		return "one source"
	case n > floodSources:
		return fmt.Sprintf("%d or more sources", n)
	}
	return fmt.Sprintf("%d sources", n)
}

// newcomer takes in a source that was never heard before. It returns how many there were, if they are too many, and within
// which time.
func (f *flood) newcomer(t instant) (n int, span time.Duration) {
	slow, quick := f.fresh[f.nextFresh], f.fresh[(f.nextFresh+floodSlow-floodSources)%floodSlow]
	f.fresh[f.nextFresh] = t
	f.nextFresh = (f.nextFresh + 1) % floodSlow
	switch {
	case within(quick, t, time.Second):
		return floodSources + 1, t.sub(quick)
	case within(slow, t, floodSpan):
		return floodSlow + 1, t.sub(slow)
	}
	return 0, 0
}

// take takes in a source, in place of the one that was heard longest ago if it is not among them, and returns its place.
func (f *flood) take(key routerKey, t instant) int {
	at, mark := 0, key.mark()
	for i := range f.marks {
		if f.marks[i] == mark && f.sources[i] == key {
			at = i
			break
		}
		if f.at[i] < f.at[at] {
			at = i
		}
	}
	f.sources[at], f.marks[at], f.at[at] = key, mark, t
	return at
}

// mark returns a number that is the same for equal keys, and hardly for others unless they are made for that.
func (k *routerKey) mark() uint64 {
	a := k.source.As16()
	return binary.BigEndian.Uint64(a[8:]) ^ uint64(binary.BigEndian.Uint32(k.mac[2:]))<<32
}

// count returns how many sources there were within floodSpan before t, as far as it counts; the one at that place is
// counted whenever it was.
func (f *flood) count(at int, t instant) int {
	n := 1
	for i, heard := range f.at {
		if i != at && within(heard, t, floodSpan) {
			n++
		}
	}
	return n
}
