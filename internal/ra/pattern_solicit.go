package ra

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// answerWindow is how long a router has for its answer: MIN_DELAY_BETWEEN_RAS and MAX_RA_DELAY_TIME, RFC 4861 §6.2.6.
	answerWindow = 3500 * time.Millisecond
	// unicastWindow is how long an RA to the host alone counts as its answer.
	unicastWindow = 10 * time.Second
	// A host repeats itself after 4 seconds (RFC 4861 §10, RTR_SOLICITATION_INTERVAL) or, with RFC 7559, after 8 the
	// second time, give or take a tenth. What comes later may be a host that was started again.
	repeatWindow = 10 * time.Second
	// aliveWindow is how much later an RA still says that the router was there: the default MaxRtrAdvInterval, RFC 4861
	// §6.2.1.
	aliveWindow = 600 * time.Second
	// maxSolicitations is after how many a host gives up (RFC 4861 §10, MAX_RTR_SOLICITATIONS).
	maxSolicitations = 3
)

// hostState is what a Host knows besides what it shows.
//
// The evidence that a solicitation was not answered is that the host repeats it: it would not, had it an answer (RFC 4861
// §6.3.7). So it does not matter where the capture stands, and whether it sees what goes to the host alone. But a second
// solicitation may be another program's of the same host, a kernel's after a boot loader's; only a third is a repetition,
// unless an answer would have been seen.
type hostState struct {
	key      routerKey
	seen     uint64
	era      uint32
	waiting  bool      // on its link's list
	asked    uint64    // solicitations that routers must answer, copies of a frame apart
	frame    uint64    // the last of them
	answered time.Time // the solicitation that By answered

	tries tries // that nothing has answered so far
	given tries // that the host gave up, or began anew
	told  bool
}

// tries are solicitations of a host of which each repeats the one before.
type tries struct {
	count       int
	spaced      int // of them, those that come when an answer to the one before is overdue, and the first
	first, last time.Time
	open        time.Time  // the one that an answer is due to
	missed      int        // those that got none within answerWindow
	alive       netip.Addr // a router that hosts had at the first
}

// host returns the sender of p, and makes it if need be.
func (c *Checker) host(l *Link, p *packet.Packet) *Host {
	key := keyOf(p)
	h := l.hosts[key]
	if h == nil {
		if len(l.Hosts) >= maxHosts || c.hosts >= maxAllHosts {
			c.forgetHosts(l)
		}
		h = c.spares.host()
		h.Source, h.MAC, h.HasMAC = p.Source, p.EthernetSource, p.EthernetSource != packet.MAC{}
		h.First, h.key = p.Frame.Time, key
		c.hosts++
		l.hosts[key] = h
		l.Hosts = append(l.Hosts, h)
	}
	h.seen = c.clock.Packets
	return h
}

// solicitation takes in a Router Solicitation.
func (c *Checker) solicitation(p *packet.Packet) {
	l := c.link(p)
	c.list(l)
	h := c.host(l, p)
	t := p.Frame.Time
	copied := h.Count > 0 && t.Sub(h.Last).Abs() < copyGap
	h.Count++
	h.Last = t
	h.Outgoing = p.SentHere()
	// A router need not answer what it drops, nor what goes to another router. Without any address nobody knows who asks.
	if copied || c.report.Drops() || p.Destination != netip.IPv6LinkLocalAllRouters() || p.Source.IsUnspecified() && !h.HasMAC {
		return
	}
	h.asked++
	h.frame = p.Frame.Number
	h.ask(l, t, c.now, c.clock.Era)
	if !h.waiting {
		h.waiting = true
		l.waiting = append(l.waiting, h)
	}
	// Packets may be out of order.
	if d := l.toAll.Sub(t); d >= 0 && d <= answerWindow {
		h.answer(l.toAll, l.toAllBy, false)
	} else if d := l.toOne.Sub(t); l.toOneHost == h.Source && d >= 0 && d <= answerWindow {
		h.answer(l.toOne, l.toOneBy, true)
	}
}

// ask takes in that h solicits at time t, which is now.
func (h *Host) ask(l *Link, t time.Time, now instant, era uint32) {
	s := &h.tries
	wait := t.Sub(s.open)
	switch {
	case h.era != era || wait < 0:
		h.era, h.tries, h.given = era, tries{}, tries{}
	case s.open.IsZero():
	case wait < answerWindow:
		s.count++
		s.last = t
		return
	case wait > repeatWindow:
		if s.missed++; l.proves(h, s) {
			h.given = *s
		}
		*s = tries{}
	default:
		s.missed++
	}
	if s.count == 0 {
		s.first, s.alive = t, l.alive(now, era)
	}
	s.count++
	s.spaced++
	s.last, s.open = t, t
}

// proves reports whether h got no answer to s: the third of them proves it. Two are enough where what goes to the host
// alone is seen, on the host itself and on the router.
func (l *Link) proves(h *Host, s *tries) bool {
	return s.missed >= 2 && (s.spaced >= maxSolicitations || h.Outgoing ||
		slices.ContainsFunc(l.Routers, func(r *Router) bool { return r.Outgoing }))
}

// answer takes in that the router by sent an RA at time t that h could take as its answer.
func (h *Host) answer(t time.Time, by netip.Addr, unicast bool) {
	h.tries = tries{}
	if unicast {
		h.given = tries{} // the router does answer
	}
	if h.Unicast && (!unicast || h.answered.Equal(h.Last)) {
		return // that was the surer answer, or the sooner one
	}
	h.Answered, h.By, h.Unicast, h.After, h.answered = true, by, unicast, max(0, t.Sub(h.Last)), h.Last
}

// alive returns a router that hosts have as their default router at time t, or the zero Addr.
func (l *Link) alive(t instant, era uint32) netip.Addr {
	for _, r := range l.Routers {
		if r.alive(t, era) {
			return r.Source
		}
	}
	return netip.Addr{}
}

// answer takes the RA of the report as an answer to those hosts that wait for one.
func (c *Checker) answer(l *Link, r *Router) {
	p := c.report.Packet
	t := p.Frame.Time
	if !p.Destination.IsMulticast() {
		l.toOne, l.toOneHost, l.toOneBy = t, p.Destination, r.Source
		for _, h := range l.Hosts {
			if h.Source != p.Destination {
				continue
			}
			if d := t.Sub(h.Last); d >= 0 && d <= unicastWindow {
				h.answer(t, r.Source, true)
			}
		}
		return
	}
	l.toAll, l.toAllBy = t, r.Source
	kept := l.waiting[:0]
	for _, h := range l.waiting {
		if h.era == c.clock.Era && t.Before(h.tries.open) {
			kept = append(kept, h) // it asked after that RA
			continue
		}
		h.waiting = false
		c.answerAll(l, h, r, t)
	}
	clear(l.waiting[len(kept):])
	l.waiting = kept
}

// answerAll takes the RA of the report, which went to all nodes, as an answer to h, or as the sign that the router is
// there and has not answered.
func (c *Checker) answerAll(l *Link, h *Host, r *Router, t time.Time) {
	s, given := h.tries, h.given
	h.given = tries{}
	if h.era != c.clock.Era {
		h.tries = tries{}
		return
	}
	if s.count > 0 && t.Sub(s.open) <= answerWindow {
		h.answer(t, r.Source, false)
	} else if s.count > 0 {
		s.missed++
	}
	h.tries = tries{}
	if !l.proves(h, &s) {
		s = given
	}
	if later := t.Sub(s.last); l.proves(h, &s) && !h.told && later <= aliveWindow {
		h.told = true
		doubt := ""
		if !s.alive.IsValid() {
			doubt = "; no router was heard before, so it may have come up only then"
		}
		c.report.Add("ra.solicit-unanswered", -1, h.name(), "%s; the next RA to all nodes came %s after the last%s", h.tried(s),
			inSeconds(later), doubt)
	}
}

// name returns the addresses of h.
func (h *Host) name() string {
	if !h.HasMAC {
		return h.Source.String()
	}
	return fmt.Sprintf("%v (%v)", h.Source, h.MAC)
}

// tried says what h did and what follows from it.
func (h *Host) tried(s tries) string {
	return fmt.Sprintf("%s solicited %d times within %s and repeated itself, so it heard no answer", h.name(), s.count,
		inSeconds(s.last.Sub(s.first)))
}

// endSolicitor judges at the end whether h was answered.
func (c *Checker) endSolicitor(l *Link, h *Host) (rule.Finding, bool) {
	if l.Advertisements == 0 {
		if h.asked < maxSolicitations {
			return rule.Finding{}, false
		}
		f := l.finding("rs.unanswered",
			fmt.Sprintf("%s solicited %d times, and no Router Advertisement was heard on the link at all", h.name(), h.asked))
		f.Source, f.Time, f.Frame = h.Source, h.Last, h.frame
		if c.heard > 0 {
			f.Severity = rule.Info
			f.Detail += "; there are routers on another link, so this one may be without IPv6 on purpose"
		}
		return f, true
	}
	s := h.tries
	if s.count > 0 && c.clock.Now.Sub(s.open) > answerWindow {
		s.missed++
	}
	if !l.proves(h, &s) {
		s = h.given
	}
	if h.told || h.era != c.clock.Era || !l.proves(h, &s) || !s.alive.IsValid() {
		return rule.Finding{}, false
	}
	f := l.finding("ra.solicit-unanswered",
		fmt.Sprintf("%s, though the router had advertised before; no RA came in the %s after that", h.tried(s), inSeconds(c.clock.Now.Sub(s.last))))
	f.Source, f.Subject, f.Time, f.Frame = s.alive, h.name(), s.last, h.frame
	return f, true
}
