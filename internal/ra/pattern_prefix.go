package ra

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
)

const (
	// twoHours is what hosts hold on to, in seconds (RFC 4862 §5.5.3(e)).
	twoHours = 7200
	// lifetimeSlack is how far two lifetimes that count down in real time may be apart: clocks and the way of the RA
	// differ (RFC 4861 §6.2.7).
	lifetimeSlack = 5 * time.Second
	// replacedAfter is how many RAs a prefix is missing from before it counts as given up.
	replacedAfter = 3
)

// prefixOf returns the Prefix Information in o if a host can make anything of it.
func prefixOf(o icmp6.Option) (icmp6.PrefixInformation, bool) {
	p, ok := o.PrefixInformation()
	return p, ok && sound(o) && o.Length == 4 && p.PrefixLength <= 128
}

// hostPrefix is a prefix as a host holds it that heard every RA of the link.
type hostPrefix struct {
	prefix netip.Prefix
	valid  uint32 // seconds, at
	at     time.Time
	era    uint32
	told   bool
}

// left returns how much of the valid lifetime is left at time t, which is not before h.at.
func (h *hostPrefix) left(t time.Time) time.Duration {
	return max(0, seconds(h.valid)-t.Sub(h.at))
}

// checkWithdrawal follows how hosts take over the valid lifetimes in the RA of the report. They do not believe every cut:
// RFC 4862 §5.5.3(e).
func (c *Checker) checkWithdrawal(l *Link) {
	t := c.report.Packet.Frame.Time
	for _, o := range c.report.Packet.Message.Options {
		p, ok := prefixOf(o)
		if !ok || !p.Autonomous || p.PrefixLength != 64 || p.PreferredLifetime > p.ValidLifetime || isLinkLocal(p) ||
			isMulticast(p) {
			continue
		}
		h := l.hostPrefix(p.Prefix())
		if h == nil {
			if p.ValidLifetime > 0 {
				l.holdPrefix(hostPrefix{prefix: p.Prefix(), valid: p.ValidLifetime, at: t, era: c.clock.Era})
			}
			continue
		}
		taken, told := p.ValidLifetime, h.told
		if held := h.left(t); h.era == c.clock.Era && !t.Before(h.at) && held > 0 {
			taken = believed(uint64(held/time.Second), p.ValidLifetime)
			if seconds(taken) > seconds(p.ValidLifetime)+lifetimeSlack && !told {
				told = true
				c.report.Add("pio.two-hour-rule", o.Offset+4, h.prefix.String(),
					"prefix %v: valid lifetime %d s, but hosts that have %s left keep it for %s", h.prefix, p.ValidLifetime,
					h.text(held), lifetime(taken))
			}
		}
		*h = hostPrefix{prefix: h.prefix, valid: taken, at: t, era: c.clock.Era, told: told}
	}
}

// believed returns the valid lifetime that a host takes over which has held left and hears valid, all in seconds.
func believed(held uint64, valid uint32) uint32 {
	switch {
	case valid > twoHours || uint64(valid) > held:
		return valid
	case held <= twoHours:
		return uint32(held)
	}
	return twoHours
}

// text writes what is left of h.
func (h *hostPrefix) text(held time.Duration) string {
	if h.valid == infinity {
		return lifetime(infinity)
	}
	return lifetime(uint32(held / time.Second))
}

// hostPrefix returns what hosts hold of a prefix, or nil.
func (l *Link) hostPrefix(prefix netip.Prefix) *hostPrefix {
	for i := range l.prefixes {
		if l.prefixes[i].prefix == prefix {
			return &l.prefixes[i]
		}
	}
	return nil
}

// holdPrefix adds h, in place of the one that was heard longest ago when there is no room.
func (l *Link) holdPrefix(h hostPrefix) {
	if len(l.prefixes) < maxPrefixes {
		l.prefixes = append(l.prefixes, h)
		return
	}
	oldest := 0
	for i := range l.prefixes {
		if l.prefixes[i].at.Before(l.prefixes[oldest].at) {
			oldest = i
		}
	}
	l.prefixes[oldest] = h
}

// routerPrefix is what a router says of a prefix.
type routerPrefix struct {
	prefix           netip.Prefix
	info             icmp6.PrefixInformation // as last sent
	at               time.Time
	valid, preferred lifetimePast

	first, last uint64 // the RAs that had it, counted by routerState.turn
	missing     int    // RAs to all nodes since that have a newer prefix and not this one
	told        bool

	frame     uint64 // the last that had it
	era       uint32 // of at
	withdrawn bool   // the router said goodbye, and has not come back with it
	returned  bool   // it was in an RA again
	// Moments since at at which the router spoke to all nodes and left it out, and the most there were before it returned.
	absent, longest int
	moment          time.Time // the last that was counted, or at
}

const (
	// RAs within that are one moment: parts of one advertisement (RFC 4861 §6.2.3).
	partGap = time.Second
	// A prefix that was left out this many times more than it ever was and returned is advertised no longer. How often
	// it is left out nobody knows before it has returned once.
	absentAfter     = 3
	absentAtFirst   = 10
	longestRemember = 16 // an outage is no habit
)

// heard takes in that the RA of packet p has the prefix.
func (p *routerPrefix) heard(t time.Time, frame uint64, era uint32) {
	if !p.at.IsZero() {
		p.returned = p.returned || t.Sub(p.at) >= partGap
		p.longest = max(p.longest, min(p.absent, longestRemember))
	}
	p.at, p.frame, p.era, p.moment, p.absent = t, frame, era, t, 0
}

// leftOut takes in an RA to all nodes without the prefix.
func (p *routerPrefix) leftOut(t time.Time) {
	if p.moment.IsZero() || t.Sub(p.moment) >= partGap {
		p.absent++
		p.moment = t
	}
}

// given reports whether the router still gives new hosts an address of the prefix at time t of era. Hosts that have one
// may keep it for longer: their lifetimes go on.
func (p *routerPrefix) given(t time.Time, era uint32) bool {
	return p.inForce(t, era) && !p.withdrawn && !p.lost()
}

// inForce reports whether a host that heard the prefix when it was last advertised has an address of it.
func (p *routerPrefix) inForce(t time.Time, era uint32) bool {
	return usable(p.info) && (p.info.ValidLifetime == infinity || p.era != era ||
		t.Sub(p.at) <= seconds(p.info.ValidLifetime))
}

// lost reports whether the router no longer advertises the prefix. One that only takes its turn with other options does
// return.
func (p *routerPrefix) lost() bool {
	if !p.returned {
		return p.absent >= absentAtFirst
	}
	return p.absent >= max(absentAfter, 2*p.longest+1)
}

// offered reports whether hosts use the prefix for new connections.
func (p *routerPrefix) offered() bool { return usable(p.info) && p.info.PreferredLifetime > 0 }

// prefix returns what r says of a prefix, and makes it if need be.
func (r *Router) prefix(prefix netip.Prefix) *routerPrefix {
	oldest := 0
	for i := range r.prefixes {
		if r.prefixes[i].prefix == prefix {
			return &r.prefixes[i]
		}
		if r.prefixes[i].at.Before(r.prefixes[oldest].at) {
			oldest = i
		}
	}
	if len(r.prefixes) < maxPrefixes {
		r.prefixes = append(r.prefixes, routerPrefix{prefix: prefix})
		return &r.prefixes[len(r.prefixes)-1]
	}
	r.prefixes[oldest] = routerPrefix{prefix: prefix}
	return &r.prefixes[oldest]
}

// checkReplaced takes in the prefixes of the RA of the report, and looks for those that a new one has replaced without a
// word about the old one (RFC 9096 §3.5). An RA that has none of them may be one part of several.
func (c *Checker) checkReplaced(r *Router) {
	p := c.report.Packet
	t := p.Frame.Time
	r.turn++
	var newest uint64 // when the youngest of the prefixes in this RA was first heard
	for _, o := range p.Message.Options {
		info, ok := prefixOf(o)
		if !ok {
			continue
		}
		k := r.prefix(info.Prefix())
		k.info = info
		k.heard(t, p.Frame.Number, c.clock.Era)
		k.withdrawn = r.leaving()
		k.last, k.missing = r.turn, 0
		if k.first == 0 {
			k.first = r.turn
		}
		if k.offered() {
			newest = max(newest, k.first)
		}
	}
	if p.Destination != netip.IPv6LinkLocalAllNodes() || p.Message.RA.RouterLifetime == 0 {
		return
	}
	for i := range r.prefixes {
		k := &r.prefixes[i]
		if k.last != r.turn {
			k.leftOut(t)
		}
		if newest <= k.last || !k.offered() || k.told || t.Sub(k.at) > seconds(k.info.PreferredLifetime) {
			continue
		}
		k.missing++
		if k.missing == replacedAfter {
			k.told = true
			c.report.Add("pio.stale-prefix", -1, k.prefix.String(),
				"prefix %v, preferred for %s when it was last advertised %s ago, is missing from %d RAs that have a new prefix",
				k.prefix, lifetime(k.info.PreferredLifetime), inSeconds(t.Sub(k.at)), k.missing)
		}
	}
}
