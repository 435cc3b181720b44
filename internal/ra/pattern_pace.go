package ra

import (
	"fmt"
	"hash/maphash"
	"net/netip"
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
)

// pace is when a router sends to all nodes. Only RAs that receivers accept count.
type pace struct {
	last     time.Time // zero when the next RA begins anew
	lifetime uint16    // of that RA
	over     int       // gaps longer than the lifetime
	longest  time.Duration
	toldOver bool

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

// checkPace judges when the RA of the report comes after those before.
func (c *Checker) checkPace(r *Router) {
	p := c.report.Packet
	interval, limited := advertisedInterval(p.Message.Options)
	lifetime := p.Message.RA.RouterLifetime
	if limited && lifetime > 0 && uint64(interval) > 1000*uint64(lifetime) && !r.pace.toldOver {
		r.pace.toldOver = true
		c.report.Add("ra.interval-vs-lifetime", -1, "",
			"its Advertisement Interval option says %d ms, its router lifetime is %d s", interval, lifetime)
	}
	if p.Destination != netip.IPv6LinkLocalAllNodes() {
		return
	}
	t := p.Frame.Time
	if lifetime == 0 {
		r.pace.runs, r.pace.last, r.rdnss.last = [4]run{}, time.Time{}, time.Time{}
		return
	}
	if gap, ok := since(r.pace.last, t); ok && gap > seconds(r.pace.lifetime)+slack {
		r.pace.over++
		r.pace.longest = max(r.pace.longest, gap)
		// One long gap may be a router that was away, or a clock that was set.
		if r.pace.over >= 2 && !r.pace.toldOver {
			r.pace.toldOver = true
			c.report.Add("ra.interval-vs-lifetime", -1, "",
				"%d gaps between its RAs exceed its router lifetime of %d s, the longest is %s", r.pace.over, r.pace.lifetime,
				inSeconds(r.pace.longest))
		}
	}
	r.pace.last, r.pace.lifetime = t, lifetime
	if !limited || interval >= mobileInterval {
		c.checkFast(r, t)
	}
	r.rdnss.take(p)
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
	if gap, ok := since(row.last, t); ok && gap < fastGap {
		row.gaps++
	} else {
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
	longest  time.Duration
	seen     time.Time // the last RA with servers, whatever came after
	frame    uint64

	gap    time.Duration // the longest that outlasted the lifetime
	outran uint32        // that lifetime
}

// take takes in the options of an RA to all nodes.
func (d *rdnssPace) take(p *packet.Packet) {
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
	if gap, ok := since(d.last, t); ok && gap <= maxInterval {
		d.longest = max(d.longest, gap)
		if d.lifetime != infinity && gap > seconds(d.lifetime)+slack && gap > d.gap {
			d.gap, d.outran = gap, d.lifetime
		}
	}
	d.last, d.lifetime = t, lifetime
	d.seen, d.frame = t, p.Frame.Number
}

// endRDNSS judges at the end whether r's DNS servers live long enough (RFC 8106 §5.1).
func (l *Link) endRDNSS(r *Router) (rule.Finding, bool) {
	d := &r.rdnss
	f := l.finding("rdnss.lifetime-short", "")
	f.Source, f.Time, f.Frame = r.Source, d.seen, d.frame
	switch {
	case d.gap > 0:
		f.Detail = fmt.Sprintf("the DNS servers live for %d s, and %s passed between two RAs that have them", d.outran,
			inSeconds(d.gap))
		return f, true
	case d.longest > 0 && d.lifetime != infinity && 3*d.longest > seconds(d.lifetime)+slack:
		f.Severity = rule.Info
		f.Detail = fmt.Sprintf("the DNS servers live for %d s, less than 3 × the longest time between RAs, which is %s",
			d.lifetime, inSeconds(d.longest))
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
	f := l.finding("ra.final-missing", fmt.Sprintf("nothing for %s after its last RA, whose router lifetime is %d s",
		inSeconds(silent), r.Fields.RouterLifetime))
	f.Source, f.Time, f.Frame = r.Source, r.accepted, r.frame
	return f, true
}

const (
	floodRate    = 64 // RAs a second
	floodSources = 16 // in floodSpan
	floodSpan    = 10 * time.Second
)

// flood is how many RAs come, and from how many sources, receivers dropping them or not.
type flood struct {
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
	first := f.times[f.next]
	f.times[f.next] = t
	f.next = (f.next + 1) % floodRate
	sources := f.count(keyOf(p), t)
	span := t.Sub(first)
	fast := !first.IsZero() && span >= 0 && span <= time.Second
	if !fast && (sources <= floodSources || l.mixed) {
		return
	}
	f.until = t.Add(floodSpan)
	if f.told {
		return
	}
	f.told = true
	from := fmt.Sprintf("%d", sources)
	if sources > floodSources {
		from += " or more"
	}
	if fast {
		c.report.Add("ra.flood", -1, "", "%d RAs within %s, from %s sources", floodRate+1, inSeconds(span), from)
	} else {
		c.report.Add("ra.flood", -1, "", "RAs from %s sources within %s", from, inSeconds(floodSpan))
	}
	c.report.Findings[len(c.report.Findings)-1].Source = netip.Addr{} // it is about the link
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
