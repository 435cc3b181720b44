package ra

import (
	"fmt"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// rdnssPace is whether a router's DNS servers live from one of its RAs to the next.
type rdnssPace struct {
	last     instant   // the last RA with servers; zero when the next one begins anew
	lifetime uint32    // seconds, the shortest in that RA
	seen     time.Time // the last RA with servers, whatever came after
	frame    uint64

	gaps []serverGap // the newest maxServerGaps
	n    int         // all there were

	// What the gaps showed that are no longer kept.
	shown verdict
}

const maxServerGaps = 16 // kept of a router

// serverGap is the time between two RAs with servers.
type serverGap struct {
	length   time.Duration
	lifetime uint32 // of the servers in the first, in seconds
}

// verdict is what a row of gaps shows.
type verdict struct {
	longest time.Duration // of the usual gaps

	gap    time.Duration // the longest that outlasted the servers; 0 if they live long enough
	outran uint32        // their lifetime
}

// take takes in what an RA to all nodes says; away says that the router was away before it or the capture paused.
func (d *rdnssPace) take(s *serversSaid, p *packet.Packet, t instant, away bool) {
	if !s.some {
		if s.withdrawn {
			d.last = 0
		}
		return // an RA may carry a part of the options (RFC 4861 §6.2.3)
	}
	if gap, ok := since(d.last, t); ok && !away && gap >= minInterval && gap <= maxInterval {
		if d.n > 0 && d.n%maxServerGaps == 0 {
			d.shown = d.judge()
		}
		if d.n < maxServerGaps {
			d.gaps = append(d.gaps, serverGap{})
		}
		d.gaps[d.n%maxServerGaps] = serverGap{gap, d.lifetime}
		d.n++
	}
	d.last, d.lifetime = t, s.lifetime
	d.seen, d.frame = p.Frame.Time, p.Frame.Number
}

// judge returns what all gaps show. A gap much longer than most is none of the router's pace: it was away, or the capture
// paused. Its timer is set at random between two limits (RFC 4861 §6.2.4), and RAs to solicitations come in between, so
// the measure is a gap that three in four do not exceed: hardly one is twice as long. One short-lived gap among many may be a lost packet.
func (d *rdnssPace) judge() verdict {
	var sorted [maxServerGaps]time.Duration
	n := len(d.gaps)
	for i := range n {
		sorted[i] = d.gaps[i].length
	}
	slices.Sort(sorted[:n])
	v, longer := verdict{}, 0
	for _, g := range d.gaps {
		if g.length > 2*sorted[(n-1)*3/4]+slack {
			continue
		}
		v.longest = max(v.longest, g.length)
		if g.lifetime != infinity && g.length > seconds(g.lifetime)+slack {
			longer++
			if g.length > v.gap {
				v.gap, v.outran = g.length, g.lifetime
			}
		}
	}
	if longer < min(n, 2) {
		v.gap = 0
	}
	if d.shown.gap > v.gap {
		v.gap, v.outran = d.shown.gap, d.shown.outran
	}
	v.longest = max(v.longest, d.shown.longest)
	return v
}

// endRDNSS judges at the end whether r's DNS servers live long enough (RFC 8106 §5.1).
func (l *Link) endRDNSS(r *Router) (rule.Finding, bool) {
	d, v := &r.rdnss, r.rdnss.judge()
	f := l.finding("rdnss.lifetime-short", "")
	f.Source, f.Time, f.Frame = r.Source, d.seen, d.frame
	switch {
	case v.gap > 0:
		f.Detail = fmt.Sprintf("the DNS servers live for %d s, and %s passed between two RAs that have them", v.outran,
			inSeconds(v.gap))
		return f, true
	case v.longest > 0 && d.lifetime != infinity && 3*v.longest > seconds(d.lifetime)+slack:
		f.Severity = rule.Info
		f.Detail = fmt.Sprintf("the DNS servers live for %d s, less than 3 × the longest time between RAs, which is %s",
			d.lifetime, inSeconds(v.longest))
		return f, true
	}
	return rule.Finding{}, false
}
