package nd

import (
	"fmt"
	"net/netip"

	"v6probe/internal/rule"
)

// tellQuestion reports that no answer to q arrives, unless it is part of a scan. What a router asks for may be the
// beginning of one, and is held back for a while; end says that no more will come.
func (c *Checker) tellQuestion(l *link, q *question, end bool) {
	target := c.neighbor(l, q.target)
	if target == nil && l.scanned(q.asker) {
		q.told, q.scan = true, true
		return
	}
	severity, doubt := c.gravity(l, q, target)
	if severity == rule.Info && !end && c.clock.Now.Sub(q.first) < scanDoubt {
		return
	}
	q.told = true
	if target != nil && target.Last.Before(q.runFirst) {
		target.to(Failed)
	}
	if end && q.open {
		doubt += "; the last had little time for its answer"
		if c.clock.Now.Sub(q.last) < soonestAnswer {
			severity = rule.Info
		}
	}
	f := c.add(l, "ns.unanswered", fmt.Sprintf("%s asked %d times within %s for %v and %s%s", named(q.asker, stationText(q.mac, q.asker)),
		q.tries, seconds(q.last.Sub(q.first)), q.target, c.outcome(l, q, target), doubt))
	f.Severity = min(f.Severity, severity)
	f.Source, f.Subject, f.Frame, f.Time = q.asker, q.target.String(), q.frame, c.clock.Now
}

// isRouter reports whether q's asker is a router, under whichever of its addresses it asks.
func (c *Checker) isRouter(l *link, q *question) bool {
	router := false
	c.eachNeighbor(l, func(n *Neighbor) {
		router = router || n.Router && (n.Address == q.asker || n.HasMAC && n.MAC == q.mac)
	})
	return router
}

// gravity says how bad it is that q is not answered. Packets from anywhere, for addresses that nobody has, make a router
// ask. It asks from its link-local address then (RFC 4861 §7.2.2), as a host has no reason to for a global address.
func (c *Checker) gravity(l *link, q *question, target *neighbor) (s rule.Severity, doubt string) {
	if target != nil {
		if left, ok := c.saidGoodbye(l, target); ok && q.seen == 0 && !q.first.Before(left) {
			return rule.Info, fmt.Sprintf("; it left its solicited-node group %s before, as a host does that shuts down or gives the address up",
				seconds(q.first.Sub(left)))
		}
		return rule.Error, ""
	}
	const scan = ": somebody sends to it through that router, which a scan from outside does as well"
	if c.isRouter(l, q) {
		if !q.asker.IsLinkLocalUnicast() {
			return rule.Info, ": the router itself sends to it" // it asks under the address that it sends from
		}
		return rule.Info, scan
	}
	forwards := q.asker.IsLinkLocalUnicast() && !q.target.IsLinkLocalUnicast()
	if forwards && !c.hasRouter(l) {
		return rule.Info, scan + "; that it is a router is not known, but it asks like one"
	}
	return rule.Error, ""
}

// outcome says what answers to q were seen, and what is known of its target.
func (c *Checker) outcome(l *link, q *question, n *neighbor) string {
	if q.seen > 0 && !q.seenOwner {
		return fmt.Sprintf("goes on, answered %s by %v, not by %v where it was", timesText(q.seen), q.other, q.where)
	}
	if q.seen > 0 {
		what := fmt.Sprintf("goes on, although %s seen here: ", counted(q.seen, "good answer was", "good answers were"))
		if q.here {
			return what + "they reach this host, and its own firewall or kernel does not take them"
		}
		return what + fmt.Sprintf("what %v sends to %v is lost between here and there", q.target, q.asker)
	}
	s := "got no answer"
	if q.bad > 0 {
		s = fmt.Sprintf("got no answer that it can use: %s seen, of no use by %s", counted(q.bad, "was", "were"), q.invalid)
	}
	where := ""
	if n != nil && n.HasMAC {
		where = ", at " + n.MAC.String()
	}
	switch {
	case n == nil:
		s += fmt.Sprintf("; %v was never heard on this link", q.target)
	case n.Last.Before(q.runFirst):
		s += fmt.Sprintf("; %v was last heard %s before%s", q.target, seconds(q.runFirst.Sub(n.Last)), where)
	default:
		s += fmt.Sprintf("; %v was heard otherwise meanwhile%s", q.target, where)
	}
	if c.silentGroup(l, q.target) {
		s += "; no report for its solicited-node group came, so that a snooping bridge does not deliver what goes there"
	}
	return s
}

func counted(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

// named writes an address and the station behind it.
func named(a netip.Addr, station string) string {
	if s := a.String(); s != station {
		return s + " (" + station + ")"
	}
	return station
}
