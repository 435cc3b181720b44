package ra

import (
	"fmt"
	"math/bits"
	"net/netip"
	"time"

	"v6probe/internal/rule"
)

const (
	// RFC 4861 §6.2.6 and §10: MIN_DELAY_BETWEEN_RAS is 3 seconds; a little less is the capture's clock.
	fastGap = 2900 * time.Millisecond
	// A router with an Advertisement Interval below that serves mobile nodes, and may send faster (RFC 6275 §7.5).
	mobileInterval = 3000 // milliseconds

	// Gaps and lifetimes are told apart when they differ by more than that: a router's timer, the way of its RA and the
	// clock of the capture all have their say.
	slack = time.Second

	// MaxRtrAdvInterval is at most 1800 seconds (RFC 4861 §6.2.1). A longer gap says that the router was away.
	maxInterval = 1800 * time.Second

	// A router repeats nothing that soon, unless it floods the link: equal RAs are copies, as a mirror port makes them,
	// and others are parts of one advertisement (RFC 4861 §6.2.3).
	minInterval = 200 * time.Millisecond
)

// pace is when a router sends to all nodes. Only RAs that receivers accept count.
type pace struct {
	last     instant // zero when the next RA begins anew
	lifetime uint16  // of that RA
	era      uint32  // of that RA
	gaps     int     // as far as over tells of them
	over     uint16  // a bit for each gap, 1 when it was longer than the lifetime; the newest is the lowest
	toldOver bool

	said instant // the last RA that checkTurns saw

	runs     [4]run // of equal RAs; a split advertisement (RFC 4861 §6.2.3) has several, one for each part
	next     int
	toldFast bool
}

// run is a row of equal RAs, each within fastGap of the one before.
type run struct {
	content     uint64
	first, last instant
	gaps        int
}

// checkPace judges when the RA of the report comes after those before. The pace of r's address is kept of its speaker: hosts do
// not care from which Ethernet address an RA comes, and the ports of a bond take turns.
func (c *Checker) checkPace(r *Router) {
	p := c.report.Packet
	t, s := c.now, c.speaker
	interval, limited := r.said.interval, r.said.limited
	lifetime := p.Message.RA.RouterLifetime
	if limited && lifetime > 0 && uint64(interval) > 1000*uint64(lifetime) && !s.pace.toldOver {
		s.pace.toldOver = true
		c.report.Add("ra.interval-vs-lifetime", -1, "",
			"its Advertisement Interval option says %d ms, its router lifetime is %d s", interval, lifetime)
	}
	if p.Destination != netip.IPv6LinkLocalAllNodes() {
		return
	}
	if s.pace.era != c.clock.Era {
		s.pace.era, s.pace.last, s.rdnss.last = c.clock.Era, 0, 0
	}
	if lifetime == 0 {
		r.pace.runs, s.pace.last, s.rdnss.last = [4]run{}, 0, 0
		return
	}
	away := false
	if gap, ok := since(s.pace.last, t); ok && gap >= minInterval {
		away = c.checkGap(&s.pace, gap)
	}
	s.pace.last, s.pace.lifetime = t, lifetime
	if !limited || interval >= mobileInterval {
		c.checkFast(r)
	}
	s.rdnss.take(&r.said.servers, p, t, away)
}

// checkGap takes in a gap. It reports whether that tells nothing of the pace: hosts lost their router in it, which was
// away, or the capture paused. A pace it is when most gaps are like that, or half of many.
func (c *Checker) checkGap(d *pace, gap time.Duration) (away bool) {
	over := gap > seconds(d.lifetime)+slack
	d.gaps, d.over = min(d.gaps+1, 16), d.over<<1
	if over {
		d.over |= 1
	}
	if n := bits.OnesCount16(d.over); over && n >= 2 && (2*n > d.gaps || d.gaps >= 8 && 2*n == d.gaps) && !d.toldOver {
		d.toldOver = true
		c.report.Add("ra.interval-vs-lifetime", -1, "",
			"%d of the last %d gaps between its RAs exceed its router lifetime of %d s, this one is %s",
			n, d.gaps, d.lifetime, inSeconds(gap))
	}
	return over && !d.toldOver
}

// checkFast looks for RAs that repeat each other too soon.
func (c *Checker) checkFast(r *Router) {
	content, t := r.said.content, c.now
	var row *run
	for i := range r.pace.runs {
		if r.pace.runs[i].content == content && r.pace.runs[i].last != 0 {
			row = &r.pace.runs[i]
		}
	}
	if row == nil {
		row = &r.pace.runs[r.pace.next]
		r.pace.next = (r.pace.next + 1) % len(r.pace.runs)
		*row = run{content: content}
	}
	gap, ok := since(row.last, t)
	switch {
	case ok && gap < minInterval:
		return
	case ok && gap < fastGap:
		row.gaps++
	default:
		row.first, row.gaps = t, 0
	}
	row.last = t
	if row.gaps >= 3 && !r.pace.toldFast {
		r.pace.toldFast = true
		c.report.Add("ra.too-fast", -1, "", "%d equal RAs to all nodes within %s", row.gaps+1, inSeconds(t.sub(row.first)))
	}
}

// endSilent judges at the end whether r went away without a goodbye (RFC 4861 §6.2.5).
func (l *Link) endSilent(r *Router, now instant, era uint32) (rule.Finding, bool) {
	silent := now.sub(r.accepted)
	if r.Accepted == 0 || r.era != era || r.Fields.RouterLifetime == 0 || silent <= seconds(r.Fields.RouterLifetime)+slack {
		return rule.Finding{}, false
	}
	for o := l.routers[r.Source]; o != nil; o = o.namesake {
		if o.era == era && o.accepted > r.accepted {
			return rule.Finding{}, false // it went on from another Ethernet address
		}
	}
	f := l.finding("ra.final-missing", fmt.Sprintf("nothing for %s after its last RA, whose router lifetime is %d s",
		inSeconds(silent), r.Fields.RouterLifetime))
	f.Source, f.Time, f.Frame = r.Source, r.at, r.number
	return f, true
}

// inSeconds writes a time as people read it: "9.8 s".
func inSeconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
