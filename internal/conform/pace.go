package conform

import (
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/packet"
)

const (
	// Two equal messages of one sender within copyGap are one message seen twice: a router waits 3 seconds (RFC 4861 §6.2.6).
	copyGap = 10 * time.Millisecond
	// slack is how much a router's timer, and the way to the capture, may be off.
	slack = time.Second
	// answerWindow is how long a router has for its answer to a solicitation: MIN_DELAY_BETWEEN_RAS and MAX_RA_DELAY_TIME.
	answerWindow = 3500 * time.Millisecond
	// initialInterval is the most between the first three advertisements (RFC 4861 §6.2.4, MAX_INITIAL_RTR_ADVERT_INTERVAL).
	initialInterval = 16 * time.Second
	// enoughShort is how many short gaps in a row are no answers to solicitations that the capture does not show.
	enoughShort = 3
	// enoughLong is how many long ones are no lost advertisements.
	enoughLong = 2
)

// pace is how a router's advertisements to all nodes follow each other.
type pace struct {
	last time.Time
	era  uint32
	runs []run // by group: what is long for one may not be for another
}

// run is how many gaps in a row were long, or short.
type run struct{ long, short int }

// gap takes in an advertisement of r. It returns the time since the one before, and whether both were for all nodes.
func (r *router) gap(p *packet.Packet, era uint32) (gap time.Duration, regular bool) {
	if p.Destination != netip.IPv6LinkLocalAllNodes() {
		return 0, false
	}
	t := &r.pace
	gap = p.Frame.Time.Sub(t.last)
	regular = !t.last.IsZero() && t.era == era && gap >= copyGap && p.Message.RA.RouterLifetime > 0
	switch {
	case p.Message.RA.RouterLifetime == 0:
		t.last = time.Time{} // it says goodbye: until it comes back, nothing is due
	case gap >= copyGap || t.era != era:
		t.last, t.era = p.Frame.Time, era
	}
	return gap, regular
}

// checkInterval compares the time between two advertisements with what is expected. A lost one makes a long gap, and an answer
// to a host a short one, so that it takes several in a row.
func (c *Checker) checkInterval(l *link, i int, r *router, o *origin, gap time.Duration) {
	m := &l.matches[i]
	says := m.says(r)
	if says == nil || says.Interval == nil {
		return
	}
	least := time.Duration(says.Interval.Min) * time.Millisecond
	most := time.Duration(says.Interval.Max) * time.Millisecond
	if r.pace.runs == nil {
		r.pace.runs = make([]run, len(c.groups))
	}
	p := &r.pace.runs[i]
	asked := !l.asked.IsZero() && o.time.Sub(l.asked) >= 0 && o.time.Sub(l.asked) <= answerWindow
	switch {
	case gap > most+slack:
		p.long, p.short = p.long+1, 0
	case gap < least-slack/2 && !asked && gap < initialInterval-slack:
		p.long, p.short = 0, p.short+1
	default:
		p.long, p.short = 0, 0
	}
	if p.long < enoughLong && p.short < enoughShort && gap <= 2*most+slack {
		return
	}
	expected := fmt.Sprintf("%v to %v", least, most)
	if least == most {
		expected = most.String()
	}
	c.add(l, o, finding{id: "expect.interval", subject: m.link.Name, place: says.Interval.Place, offset: -1},
		"%v pass between two advertisements, expected %s", gap.Round(10*time.Millisecond), expected)
}

// turn takes in that r speaks now: where two take turns, both are there.
func (c *Checker) turn(l *link, r *router, p *packet.Packet) {
	if p.Destination != netip.IPv6LinkLocalAllNodes() {
		return
	}
	if l.last != nil && l.last != r && !r.at.IsZero() && r.era == c.clock.Era {
		r.turns++
	}
	l.last = r
}

// checkAdvertisers counts the routers that offer themselves. One that was heard once before another took over may be gone; so
// two must have come back.
func (c *Checker) checkAdvertisers(l *link, m *match, o *origin) {
	e := m.link
	if e.Advertisers == 0 {
		return
	}
	var there []netip.Addr
	for _, r := range l.order {
		lives := r.lifetime > 0 && r.era == c.clock.Era && o.time.Sub(r.at) <= time.Duration(r.lifetime)*time.Second
		if lives && r.turns >= 2 && allows(e, r) {
			there = append(there, r.key.source)
		}
	}
	if len(there) > e.Advertisers {
		c.add(l, nil, finding{id: "expect.advertisers", subject: e.Name, place: e.Place, offset: -1},
			"%d routers take turns, expected %d: %s", len(there), e.Advertisers, listed(there, ""))
	}
}
