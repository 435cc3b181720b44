package ra

import (
	"fmt"
	"math/bits"

	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// field is what routers of a link must not contradict each other in (RFC 4861 §6.2.7 and the RFCs of younger options).
type field uint8

const (
	hopLimit field = iota // in the order in which turns are told
	reachableTime
	retransTimer
	managed
	other
	mtu
	portal
	rdnss
	dnssl
	pref64
	validLifetime // of a prefix, as the next
	preferredLifetime
)

// pasts is how many fields stand once in a Router Advertisement.
const pasts = int(validLifetime)

func (f field) rule() rule.ID {
	switch f {
	case hopLimit:
		return "ra.inconsistent-cur-hop-limit"
	case managed:
		return "ra.inconsistent-managed"
	case other:
		return "ra.inconsistent-other"
	case reachableTime:
		return "ra.inconsistent-reachable-time"
	case retransTimer:
		return "ra.inconsistent-retrans-timer"
	case mtu:
		return "ra.inconsistent-mtu"
	case portal:
		return "ra.inconsistent-captive-portal"
	case rdnss:
		return "ra.inconsistent-rdnss"
	case dnssl:
		return "ra.inconsistent-dnssl"
	case pref64:
		return "ra.inconsistent-pref64"
	case validLifetime:
		return "ra.inconsistent-valid-lifetime"
	}
	return "ra.inconsistent-preferred-lifetime"
}

// option returns the type of the options that say f, for those fields that a hash is kept of.
func (f field) option() icmp6.OptionType {
	switch f {
	case portal:
		return icmp6.OptCaptivePortal
	case rdnss:
		return icmp6.OptRDNSS
	case dnssl:
		return icmp6.OptDNSSL
	}
	return icmp6.OptPREF64
}

// maxConflicts is how many pairs of routers are named for each field.
const maxConflicts = 16

// conflict is a contradiction that was told, by the numbers of the routers; both are the same for a router that
// contradicts itself.
type conflict struct {
	field field
	a, b  uint32
}

// tell reports whether the conflict is new and worth a finding.
func (l *Link) tell(f field, a, b *Router) bool {
	k := conflict{f, min(a.id, b.id), max(a.id, b.id)}
	n := 0
	for _, told := range l.told {
		if told == k {
			return false
		}
		if told.field == f {
			n++
		}
	}
	if n >= maxConflicts {
		l.Untold = true
		return false
	}
	l.told = append(l.told, k)
	return true
}

// past is what a router said before in a field.
type past struct {
	set, turned   bool
	changes       uint8 // a bit for each of the last times that it was said, 1 when it was another than before
	value, before uint64
	changed       instant // when value took the place of before; zero if it never did
}

// minTurns is how often a value changes among the last eight when two machines speak as one. Whoever tries another value
// changes it twice.
const minTurns = 3

// say takes in a value; copied says that it may be a copy of the RA before. It reports whether the value goes back and
// forth, which it would not if the router was only set to another one.
func (h *past) say(v uint64, t instant, copied bool) bool {
	if h.set && v == h.value {
		h.stay(copied)
		return false
	}
	back := h.turned && v == h.before && t.sub(h.changed) <= maxInterval
	if h.set {
		h.turned, h.before, h.changed, h.changes = true, h.value, t, h.changes<<1|1
	}
	h.set, h.value = true, v
	return back && bits.OnesCount8(h.changes) >= minTurns
}

// stay takes in that the value is the one before.
func (h *past) stay(copied bool) {
	if !copied {
		h.changes <<= 1
	}
}

// lifetimePast is past for a lifetime, which may count down in real time. There, a value counts as the same when it ends
// at the same moment.
type lifetimePast struct {
	past
	at instant // when value was said
}

func (h *lifetimePast) say(v uint32, t instant, copied bool) bool {
	if h.set && uint64(v) != h.value && sameEnd(uint32(h.value), h.at, v, t) {
		h.stay(copied)
		return false
	}
	h.at = t
	return h.past.say(uint64(v), t, copied)
}

// sameEnd reports whether lifetimes a and b, in seconds, end at the same moment.
func sameEnd(a uint32, at instant, b uint32, bt instant) bool {
	if a == infinity || b == infinity {
		return a == b
	}
	return (at.sub(bt) + seconds(a) - seconds(b)).Abs() <= lifetimeSlack
}

// checkTurns takes in what the RA of the report says, and looks for values that take turns: then two machines speak as
// one router. Sets of servers may well do so, when the router splits its RA.
func (c *Checker) checkTurns(l *Link, r *Router) {
	t := c.now
	if c.report.Packet.Message.RA.RouterLifetime == 0 {
		return // a goodbye may well withdraw what was said before
	}
	copied := within(r.pace.said, t, minInterval)
	r.pace.said = t
	for in := r.said.fields; in != 0; in &= in - 1 {
		f := field(bits.TrailingZeros16(in))
		v := r.said.values[f]
		if r.past[f].say(v, t, copied) && f < rdnss && l.tell(f, r, r) {
			c.addTurn(f, "", r.past[f].before, v)
		}
	}
	for i := range r.prefixes {
		k := &r.prefixes[i]
		if k.last != r.turn {
			continue
		}
		if k.valid.say(k.info.ValidLifetime, t, copied) && l.tell(validLifetime, r, r) {
			c.addTurn(validLifetime, k.prefix.String(), k.valid.before, k.valid.value)
		}
		if k.preferred.say(k.info.PreferredLifetime, t, copied) && l.tell(preferredLifetime, r, r) {
			c.addTurn(preferredLifetime, k.prefix.String(), k.preferred.before, k.preferred.value)
		}
	}
}

// addTurn adds the finding that the router says a and b in turn.
func (c *Checker) addTurn(f field, prefix string, a, b uint64) {
	of := ""
	if prefix != "" {
		of = " for " + prefix
	}
	values := fmt.Sprintf("%d and %d", a, b)
	if f == portal {
		values = "one URI and another"
	}
	c.report.Add(f.rule(), -1, prefix, "the same router says %s%s in turn: two machines may share this address", values, of)
}
