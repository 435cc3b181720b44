package nd

import (
	"fmt"
	"net/netip"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// tellQuestion reports that no answer to q arrives, unless it is part of a scan. What a router asks for may be the
// beginning of one, and is held back for a while; end says that no more will come.
func (c *Checker) tellQuestion(l *link, k *questionKey, q *question, end bool) {
	asker := k.asker.addr()
	target := c.neighborAt(l, k.target)
	if target == nil && l.scanned(k.asker) {
		q.told, q.scan = true, true
		return
	}
	severity, doubt := c.gravity(l, k, q, target)
	if severity == rule.Info && !end && c.clock.Stamp.Sub(q.first) < scanDoubt {
		return
	}
	q.told = true
	if target != nil && target.last < q.runFirst {
		target.to(Failed)
	}
	if end && q.open {
		doubt += "; the last had little time for its answer"
		if c.clock.Stamp.Sub(q.last) < soonestAnswer {
			severity = rule.Info
		}
	}
	f := c.add(l, "ns.unanswered", fmt.Sprintf("%s asked %d times within %s for %v and %s%s", named(asker, stationText(q.mac, asker)),
		q.tries, seconds(q.last.Sub(q.first)), k.target.addr(), c.outcome(l, k, q, target), doubt))
	f.Severity = min(f.Severity, severity)
	f.Source, f.Subject, f.Frame, f.Time = asker, k.target.addr().String(), q.frame, c.clock.Now
}

// isRouter reports whether asker, a station with address mac, is a router, under whichever of its addresses it asks.
func (c *Checker) isRouter(l *link, asker netip.Addr, mac packet.MAC) bool {
	router := false
	c.eachNeighbor(l, func(n *Neighbor) {
		router = router || n.Router && (n.Address == asker || n.HasMAC && n.MAC == mac)
	})
	return router
}

// gravity says how bad it is that q is not answered. Packets from anywhere, for addresses that nobody has, make a router
// ask. It asks from its link-local address then (RFC 4861 §7.2.2), as a host has no reason to for a global address.
func (c *Checker) gravity(l *link, k *questionKey, q *question, target *neighbor) (s rule.Severity, doubt string) {
	if target != nil {
		if left, ok := c.saidGoodbye(l, target); ok && q.seen == 0 && q.first >= left {
			return rule.Info, fmt.Sprintf("; it left its solicited-node group %s before, as a host does that shuts down or gives the address up",
				seconds(q.first.Sub(left)))
		}
		return rule.Error, ""
	}
	asker := k.asker.addr()
	const scan = ": somebody sends to it through that router, which a scan from outside does as well"
	if c.isRouter(l, asker, q.mac) {
		if !asker.IsLinkLocalUnicast() {
			return rule.Info, ": the router itself sends to it" // it asks under the address that it sends from
		}
		return rule.Info, scan
	}
	forwards := asker.IsLinkLocalUnicast() && !k.target.addr().IsLinkLocalUnicast()
	if forwards && !c.hasRouter(l) {
		return rule.Info, scan + "; that it is a router is not known, but it asks like one"
	}
	return rule.Error, ""
}

// outcome says what answers to q were seen, and what is known of its target.
func (c *Checker) outcome(l *link, k *questionKey, q *question, n *neighbor) string {
	if q.seen > 0 && !q.seenOwner {
		return fmt.Sprintf("goes on, answered %s by %v, not by %v where it was", timesText(q.seen), q.other, q.where)
	}
	if q.seen > 0 {
		what := fmt.Sprintf("goes on, although %s seen here: ", counted(q.seen, "good answer was", "good answers were"))
		if q.here {
			return what + "they reach this host, and its own firewall or kernel does not take them"
		}
		return what + fmt.Sprintf("what %v sends to %v is lost between here and there", k.target.addr(), k.asker.addr())
	}
	s, target := "got no answer", k.target.addr()
	if q.bad > 0 {
		s = fmt.Sprintf("got no answer that it can use: %s seen, of no use by %s", counted(q.bad, "was", "were"), q.invalid)
	}
	where := ""
	if n != nil && n.HasMAC {
		where = ", at " + n.MAC.String()
	}
	switch {
	case n == nil:
		s += fmt.Sprintf("; %v was never heard on this link", target)
	case n.last < q.runFirst:
		s += fmt.Sprintf("; %v was last heard %s before%s", target, seconds(q.runFirst.Sub(n.last)), where)
	default:
		s += fmt.Sprintf("; %v was heard otherwise meanwhile%s", target, where)
	}
	if c.silentGroup(l, target) {
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
