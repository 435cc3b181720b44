package ra

import (
	"encoding/binary"
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
func prefixOf(o *icmp6.Option) (icmp6.PrefixInformation, bool) {
	if o.Type != icmp6.OptPrefixInformation || !sound(o) || o.Length != 4 {
		return icmp6.PrefixInformation{}, false
	}
	p, ok := o.PrefixInformation()
	return p, ok && p.PrefixLength <= 128
}

// hostPrefix is a prefix as a host holds it that heard every RA of the link.
type hostPrefix struct {
	bits  uint64 // of the prefix, which has 64
	at    instant
	valid uint32 // seconds, at
	era   uint32
	told  bool
}

// left returns how much of the valid lifetime is left at time t, which is not before h.at.
func (h *hostPrefix) left(t instant) time.Duration {
	return max(0, seconds(h.valid)-t.sub(h.at))
}

// checkWithdrawal follows how hosts take over the valid lifetime in p, of the option at that offset in the RA of the report.
// They do not believe every cut: RFC 4862 §5.5.3(e).
func (c *Checker) checkWithdrawal(l *Link, p *icmp6.PrefixInformation, offset int) {
	if !p.Autonomous || p.PrefixLength != 64 || p.PreferredLifetime > p.ValidLifetime || isLinkLocal(p) || isMulticast(p) {
		return
	}
	address := p.Address.As16()
	bits := binary.BigEndian.Uint64(address[:])
	h, held := l.hostPrefix(bits)
	switch {
	case held:
	case p.ValidLifetime == 0:
		return
	default:
		h = l.holdPrefix(h)
		*h = hostPrefix{bits: bits, valid: p.ValidLifetime, at: c.now, era: c.clock.Era}
		return
	}
	taken := p.ValidLifetime
	if left := h.left(c.now); h.era == c.clock.Era && c.now >= h.at && left > 0 {
		taken = believed(uint64(left/time.Second), p.ValidLifetime)
		if seconds(taken) > seconds(p.ValidLifetime)+lifetimeSlack && !h.told {
			h.told = true
			prefix := p.Prefix()
			c.report.Add("pio.two-hour-rule", offset+4, prefix.String(),
				"prefix %v: valid lifetime %d s, but hosts that have %s left keep it for %s", prefix, p.ValidLifetime,
				h.text(left), lifetime(taken))
		}
	}
	h.valid, h.at, h.era = taken, c.now, c.clock.Era
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

// hostPrefix returns what hosts hold of the prefix with those bits. If held is false it is the one that was heard longest ago,
// or nil for none.
func (l *Link) hostPrefix(bits uint64) (h *hostPrefix, held bool) {
	for i := range l.prefixes {
		k := &l.prefixes[i]
		if k.bits == bits {
			return k, true
		}
		if h == nil || k.at < h.at {
			h = k
		}
	}
	return h, false
}

// holdPrefix makes room for another prefix, in place of the oldest if need be.
func (l *Link) holdPrefix(oldest *hostPrefix) *hostPrefix {
	if len(l.prefixes) == maxPrefixes {
		l.EvictedPrefixes++
		return oldest
	}
	l.prefixes = append(l.prefixes, hostPrefix{})
	return &l.prefixes[len(l.prefixes)-1]
}

// routerPrefix is what a router says of a prefix.
type routerPrefix struct {
	prefix           netip.Prefix
	info             icmp6.PrefixInformation // as last sent
	usable           bool                    // info is
	offset           int                     // of the option, in its message
	at               instant
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
	moment          instant // the last that was counted, or at
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
func (p *routerPrefix) heard(t instant, frame uint64, era uint32) {
	if p.at != 0 {
		p.returned = p.returned || t.sub(p.at) >= partGap
		p.longest = max(p.longest, min(p.absent, longestRemember))
	}
	p.at, p.frame, p.era, p.moment, p.absent = t, frame, era, t, 0
}

// leftOut takes in an RA to all nodes without the prefix.
func (p *routerPrefix) leftOut(t instant) {
	if p.moment == 0 || t.sub(p.moment) >= partGap {
		p.absent++
		p.moment = t
	}
}

// given reports whether the router still gives new hosts an address of the prefix at time t of era. Hosts that have one
// may keep it for longer: their lifetimes go on.
func (p *routerPrefix) given(t instant, era uint32) bool {
	return p.inForce(t, era) && !p.withdrawn && !p.lost()
}

// inForce reports whether a host that heard the prefix when it was last advertised has an address of it.
func (p *routerPrefix) inForce(t instant, era uint32) bool {
	return p.usable && (p.info.ValidLifetime == infinity || p.era != era || t.sub(p.at) <= seconds(p.info.ValidLifetime))
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
func (p *routerPrefix) offered() bool { return p.usable && p.info.PreferredLifetime > 0 }

// findPrefix returns what r says of a prefix, or nil. It is likely to be the one at likely.
func (r *Router) findPrefix(prefix netip.Prefix, likely int) *routerPrefix {
	if likely < len(r.prefixes) && r.prefixes[likely].prefix == prefix {
		return &r.prefixes[likely]
	}
	for i := range r.prefixes {
		if r.prefixes[i].prefix == prefix {
			return &r.prefixes[i]
		}
	}
	return nil
}

// placePrefix returns where r's prefixes have prefix, and makes it a new one if need be, in place of the one that was heard
// longest ago when there is no room. It is likely to be at likely.
func (r *Router) placePrefix(prefix netip.Prefix, likely int) int {
	if likely < len(r.prefixes) && r.prefixes[likely].prefix == prefix {
		return likely
	}
	oldest := 0
	for i := range r.prefixes {
		if r.prefixes[i].prefix == prefix {
			return i
		}
		if r.prefixes[i].at < r.prefixes[oldest].at {
			oldest = i
		}
	}
	if len(r.prefixes) < maxPrefixes {
		r.prefixes = append(r.prefixes, routerPrefix{prefix: prefix})
		return len(r.prefixes) - 1
	}
	r.EvictedPrefixes++
	r.prefixes[oldest] = routerPrefix{prefix: prefix}
	return oldest
}

// takePrefixes takes in the prefixes of the RA of the report. ok says that r.said.order is all there is to know of where
// they are: none had to make room, none is in the message twice. newest is when the youngest of those that hosts use was
// first heard, counted by r.turn.
func (c *Checker) takePrefixes(l *Link, r *Router) (newest uint64, ok bool) {
	r.turn++
	evicted, order, at := r.EvictedPrefixes, r.said.order[:0], -1
	ok = true
	for i := range c.report.Packet.Message.Options {
		o := &c.report.Packet.Message.Options[i]
		info, usual := prefixOf(o)
		if !usual {
			continue
		}
		c.checkWithdrawal(l, &info, o.Offset)
		at = r.placePrefix(info.Prefix(), at+1)
		k := &r.prefixes[at]
		if ok = ok && k.last != r.turn; ok {
			order = append(order, uint8(at))
		}
		k.info, k.usable, k.offset = info, usable(&info), o.Offset
		newest = max(newest, c.hear(r, k))
	}
	r.said.order = order
	return newest, ok && r.EvictedPrefixes == evicted
}

// repeatPrefixes is takePrefixes for an RA that has the prefixes of the one before.
func (c *Checker) repeatPrefixes(l *Link, r *Router) (newest uint64) {
	r.turn++
	for _, at := range r.said.order {
		k := &r.prefixes[at]
		c.checkWithdrawal(l, &k.info, k.offset)
		newest = max(newest, c.hear(r, k))
	}
	return newest
}

// hear takes in that the RA of the report has k. It returns when k was first heard if hosts use it, or else 0.
func (c *Checker) hear(r *Router, k *routerPrefix) uint64 {
	k.heard(c.now, c.report.Packet.Frame.Number, c.clock.Era)
	k.withdrawn = r.leaving()
	k.last, k.missing = r.turn, 0
	if k.first == 0 {
		k.first = r.turn
	}
	if k.offered() {
		return k.first
	}
	return 0
}

// checkReplaced looks for prefixes of r that a new one in the RA of the report has replaced without a word about the old one
// (RFC 9096 §3.5); newest is when the newest of those in the RA was first heard, 0 if there are none: such an RA may be one
// part of several.
func (c *Checker) checkReplaced(r *Router, newest uint64) {
	p, t := c.report.Packet, c.now
	if p.Destination != netip.IPv6LinkLocalAllNodes() || p.Message.RA.RouterLifetime == 0 {
		return
	}
	for i := range r.prefixes {
		k := &r.prefixes[i]
		if k.last != r.turn {
			k.leftOut(t)
		}
		if newest <= k.last || !k.offered() || k.told || t.sub(k.at) > seconds(k.info.PreferredLifetime) {
			continue
		}
		k.missing++
		if k.missing == replacedAfter {
			k.told = true
			c.report.Add("pio.stale-prefix", -1, k.prefix.String(),
				"prefix %v, preferred for %s when it was last advertised %s ago, is missing from %d RAs that have a new prefix",
				k.prefix, lifetime(k.info.PreferredLifetime), inSeconds(t.sub(k.at)), k.missing)
		}
	}
}
