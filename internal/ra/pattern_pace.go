package ra

import (
	"fmt"
	"hash/maphash"
	"math/bits"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
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
	last     time.Time // zero when the next RA begins anew
	lifetime uint16    // of that RA
	era      uint32    // of that RA
	gaps     int       // as far as over tells of them
	over     uint16    // a bit for each gap, 1 when it was longer than the lifetime; the newest is the lowest
	toldOver bool

	said time.Time // the last RA that checkTurns saw

	runs     [4]run // of equal RAs; a split advertisement (RFC 4861 §6.2.3) has several, one for each part
	next     int
	toldFast bool
}

// run is a row of equal RAs, each within fastGap of the one before.
type run struct {
	content     uint64
	first, last time.Time
	gaps        int
}

// speaker returns the router that the pace of r's address is kept of, which is the first of that address: hosts do not
// care from which Ethernet address an RA comes, and the ports of a bond take turns.
func (l *Link) speaker(r *Router) *Router {
	for _, o := range l.Routers {
		if o.Source == r.Source {
			return o
		}
	}
	return r
}

// checkPace judges when the RA of the report comes after those before.
func (c *Checker) checkPace(r *Router) {
	p := c.report.Packet
	t, s := p.Frame.Time, c.link(p).speaker(r)
	interval, limited := advertisedInterval(p.Message.Options)
	lifetime := p.Message.RA.RouterLifetime
	if limited && lifetime > 0 && uint64(interval) > 1000*uint64(lifetime) && !s.pace.toldOver {
		s.pace.toldOver = true
		c.report.Add("ra.interval-vs-lifetime", -1, "",
			"its Advertisement Interval option says %d ms, its router lifetime is %d s", interval, lifetime)
	}
	if p.Destination != netip.IPv6LinkLocalAllNodes() {
		return
	}
	if s.pace.era != c.era {
		s.pace.era, s.pace.last, s.rdnss.last = c.era, time.Time{}, time.Time{}
	}
	if lifetime == 0 {
		r.pace.runs, s.pace.last, s.rdnss.last = [4]run{}, time.Time{}, time.Time{}
		return
	}
	away := false
	if gap, ok := since(s.pace.last, t); ok && gap >= minInterval {
		away = c.checkGap(&s.pace, gap)
	}
	s.pace.last, s.pace.lifetime = t, lifetime
	if !limited || interval >= mobileInterval {
		c.checkFast(r, t)
	}
	s.rdnss.take(p, away)
}

// checkGap takes in a gap. It reports whether that tells nothing of the pace: hosts lost their router in it, which was
// away, or the capture paused. A pace it is when most gaps are like that.
func (c *Checker) checkGap(d *pace, gap time.Duration) (away bool) {
	over := gap > seconds(d.lifetime)+slack
	d.gaps, d.over = min(d.gaps+1, 16), d.over<<1
	if over {
		d.over |= 1
	}
	if n := bits.OnesCount16(d.over); over && n >= 2 && 2*n > d.gaps && !d.toldOver {
		d.toldOver = true
		c.report.Add("ra.interval-vs-lifetime", -1, "",
			"%d of the last %d gaps between its RAs exceed its router lifetime of %d s, this one is %s",
			n, d.gaps, d.lifetime, inSeconds(gap))
	}
	return over && !d.toldOver
}

// advertisedInterval returns what an Advertisement Interval option says, in milliseconds.
func advertisedInterval(options []icmp6.Option) (ms uint32, ok bool) {
	for _, o := range options {
		if ms, ok := o.AdvertisementInterval(); ok && sound(o) && o.Length == 1 {
			return ms, true
		}
	}
	return 0, false
}

// checkFast looks for RAs that repeat each other too soon.
func (c *Checker) checkFast(r *Router, t time.Time) {
	content := c.content(&c.report.Packet.Message)
	var row *run
	for i := range r.pace.runs {
		if r.pace.runs[i].content == content && !r.pace.runs[i].last.IsZero() {
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
		c.report.Add("ra.too-fast", -1, "", "%d equal RAs to all nodes within %s", row.gaps+1, inSeconds(t.Sub(row.first)))
	}
}

// content returns a hash of what an RA says, lifetimes apart: they may count down from one RA to the next.
func (c *Checker) content(m *icmp6.Message) uint64 {
	var h maphash.Hash
	h.SetSeed(c.seed)
	h.Write(m.Raw[4:16])
	for i := range m.Options {
		o := &m.Options[i]
		from, to := 0, 0
		switch o.Type {
		case icmp6.OptPrefixInformation:
			from, to = 4, 12
		case icmp6.OptRouteInformation, icmp6.OptRDNSS, icmp6.OptDNSSL, icmp6.OptEncryptedDNS:
			from, to = 4, 8
		case icmp6.OptPREF64:
			from, to = 2, 4
		}
		if len(o.Raw) < to {
			from, to = 0, 0
		}
		h.Write(o.Raw[:from])
		h.Write(o.Raw[to:])
	}
	return h.Sum64()
}

// rdnssPace is whether a router's DNS servers live from one of its RAs to the next.
type rdnssPace struct {
	last     time.Time // the last RA with servers; zero when the next one begins anew
	lifetime uint32    // seconds, the shortest in that RA
	seen     time.Time // the last RA with servers, whatever came after
	frame    uint64

	gaps [16]serverGap // the newest
	n    int           // all there were

	// What the gaps showed that are no longer kept.
	shown verdict
}

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

// take takes in the options of an RA to all nodes; away says that the router was away before it or the capture paused.
func (d *rdnssPace) take(p *packet.Packet, away bool) {
	t := p.Frame.Time
	lifetime, servers, withdrawn := uint32(infinity), false, false
	for _, o := range p.Message.Options {
		if s, ok := o.RDNSS(); ok && sound(o) && s.Len() > 0 {
			if s.Lifetime == 0 {
				withdrawn = true
				continue
			}
			servers, lifetime = true, min(lifetime, s.Lifetime)
		}
	}
	if !servers {
		if withdrawn {
			d.last = time.Time{}
		}
		return // an RA may carry a part of the options (RFC 4861 §6.2.3)
	}
	if gap, ok := since(d.last, t); ok && !away && gap >= minInterval && gap <= maxInterval {
		if d.n > 0 && d.n%len(d.gaps) == 0 {
			d.shown = d.judge()
		}
		d.gaps[d.n%len(d.gaps)] = serverGap{gap, d.lifetime}
		d.n++
	}
	d.last, d.lifetime = t, lifetime
	d.seen, d.frame = t, p.Frame.Number
}

// judge returns what all gaps show. A gap much longer than most is none of the router's pace: it was away, or the capture
// paused. Its timer is set at random between two limits (RFC 4861 §6.2.4), so that hardly a gap is longer than twice the
// median. One short-lived gap among many may be a lost packet.
func (d *rdnssPace) judge() verdict {
	var sorted [len(d.gaps)]time.Duration
	n := min(d.n, len(d.gaps))
	for i := range n {
		sorted[i] = d.gaps[i].length
	}
	slices.Sort(sorted[:n])
	v, longer := verdict{}, 0
	for _, g := range d.gaps[:n] {
		if g.length > 2*sorted[(n-1)/2]+slack {
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

// endSilent judges at the end whether r went away without a goodbye (RFC 4861 §6.2.5).
func (l *Link) endSilent(r *Router, now time.Time, era uint32) (rule.Finding, bool) {
	silent := now.Sub(r.accepted)
	if r.Accepted == 0 || r.era != era || r.Fields.RouterLifetime == 0 || silent <= seconds(r.Fields.RouterLifetime)+slack {
		return rule.Finding{}, false
	}
	for _, o := range l.Routers {
		if o.Source == r.Source && o.era == era && o.accepted.After(r.accepted) {
			return rule.Finding{}, false // it went on from another Ethernet address
		}
	}
	f := l.finding("ra.final-missing", fmt.Sprintf("nothing for %s after its last RA, whose router lifetime is %d s",
		inSeconds(silent), r.Fields.RouterLifetime))
	f.Source, f.Time, f.Frame = r.Source, r.accepted, r.frame
	return f, true
}

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
		from := fmt.Sprint(sources)
		if sources > floodSources {
			from += " or more"
		}
		c.report.Add("ra.flood", -1, "", "%d RAs within %s, from %s sources", floodRate+1, inSeconds(t.Sub(first)), from)
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

// inSeconds writes a time as people read it: "9.8 s".
func inSeconds(d time.Duration) string {
	if d < 100*time.Millisecond {
		return fmt.Sprintf("%.1f ms", float64(d)/float64(time.Millisecond))
	}
	return fmt.Sprintf("%.1f s", d.Seconds())
}
