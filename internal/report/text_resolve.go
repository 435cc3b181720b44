package report

import (
	"fmt"
	"strconv"
	"strings"

	"v6probe/internal/resolve"
)

// Resolved writes what asking for a neighbor came to: where it is, and how many questions each station answered, and how
// fast; then the burst, if there was one.
func (t *Text) Resolved(r *resolve.Result) {
	for _, l := range wrap(resolvedHead(r), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	t.line("")
	if len(r.Stations) == 0 {
		t.askedInVain(r)
	}
	for i := range r.Stations {
		if i > 0 {
			t.line("")
		}
		t.station(r, &r.Stations[i])
	}
	if r.Counts[resolve.Slow].Sent == 0 {
		return
	}
	if len(r.Stations) > 1 {
		t.line("")
	}
	t.item(2, "slow", column, burstText(r.Counts[resolve.Slow]))
	if r.Counts[resolve.Burst].Sent > 0 {
		t.item(2, "burst", column, burstText(r.Counts[resolve.Burst])+burstMeaning(r))
	}
	if r.Counts[resolve.UnicastBurst].Sent > 0 {
		t.item(2, "", column, "by unicast: "+burstText(r.Counts[resolve.UnicastBurst]))
	}
}

// resolvedHead says in one sentence where the neighbor is.
func resolvedHead(r *resolve.Result) string {
	target := r.Target.String()
	switch n := len(r.Stations); {
	case n == 0 && r.Counts[resolve.Group].Sent == 0:
		return target + " was not asked for."
	case n == 0:
		return target + " does not answer."
	case n > 1 && r.Overriding() > 1:
		return fmt.Sprintf("%s is a duplicate: %s answer for it.", target, Plural(n, "station"))
	case n > 1:
		return fmt.Sprintf("%s answer for %s, as for an anycast address or as proxies.", Plural(n, "station"), target)
	}
	s := &r.Stations[0]
	head := fmt.Sprintf("%s is at %v", target, s.MAC)
	switch {
	case s.Source != r.Target:
		head += fmt.Sprintf(", where %v answers for it, as a proxy does", s.Source)
	case !s.Override:
		head += ", which answers as for an anycast address or as a proxy (O=0)"
	case s.Router:
		head += ", a router"
	}
	if r.GroupLost() {
		head += ", but hosts do not find it: solicitations to its group are lost"
	}
	return head + "."
}

func (t *Text) askedInVain(r *resolve.Result) {
	for _, k := range [...]resolve.Kind{resolve.Group, resolve.AllNodes, resolve.Unicast} {
		if c := r.Counts[k]; c.Sent > 0 {
			t.item(2, kindName(k), column, fmt.Sprintf("%d asked, none answered", c.Sent))
		}
	}
}

func (t *Text) station(r *resolve.Result, s *resolve.Station) {
	if len(r.Stations) > 1 {
		t.line(fmt.Sprintf("Station %v, from %v", s.MAC, s.Source))
	}
	if s.EthernetSource != s.MAC {
		t.item(2, "frames from", column, s.EthernetSource.String())
	}
	t.item(2, "flags", column, flagNames(s))
	for _, k := range [...]resolve.Kind{resolve.Group, resolve.AllNodes, resolve.Unicast} {
		sent := r.Counts[k].Sent
		if k == resolve.Unicast {
			sent /= len(r.Stations) // each was asked as often
		}
		if sent == 0 {
			continue
		}
		text := fmt.Sprintf("%d asked, %d answered", sent, s.Answered[k])
		if s.Answered[k] == 0 {
			text = fmt.Sprintf("%d asked, none answered", sent)
		}
		t.item(2, kindName(k), column, text+roundTrips(s, k))
	}
}

func kindName(k resolve.Kind) string {
	switch k {
	case resolve.Group:
		return "multicast"
	case resolve.AllNodes:
		return "all nodes"
	}
	return "unicast"
}

func flagNames(s *resolve.Station) string {
	var names []string
	if s.Router {
		names = append(names, "R (router)")
	}
	if s.Solicited {
		names = append(names, "S (solicited)")
	}
	if s.Override {
		names = append(names, "O (override)")
	}
	if len(names) == 0 {
		return "none"
	}
	return strings.Join(names, ", ")
}

// roundTrips lists the round-trip times of a kind: " in 0.061, 0.064, 0.070 ms".
func roundTrips(s *resolve.Station, k resolve.Kind) string {
	var list []string
	for _, rtt := range s.RTT {
		if rtt.Kind == k {
			list = append(list, strconv.FormatFloat(float64(rtt.Time)/1e6, 'f', 3, 64))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " in " + strings.Join(list, ", ") + nbsp + "ms"
}

func burstText(c resolve.Count) string {
	s := Plural(c.Sent, "solicitation")
	if rate := c.Rate(); rate > 0 {
		s += fmt.Sprintf(" at %.0f/s", rate)
	}
	if c.Held > 0 {
		s += fmt.Sprintf(" (and %d that did not leave this host)", c.Held)
	}
	if c.Lost() == 0 {
		return s + ", all answered"
	}
	return s + fmt.Sprintf(", %d answered, %d lost (%.1f%s%%)", c.Answered, c.Lost(), 100*float64(c.Lost())/float64(c.Sent), nbsp)
}

// burstMeaning says what the loss, or that there is none, means.
func burstMeaning(r *resolve.Result) string {
	c := r.Counts[resolve.Burst]
	switch {
	case !r.Complete:
		return ": it ended early, so nothing can be told from it"
	case r.HeldBack():
		return ": limited in this host"
	case c.Lost() == 0:
		return fmt.Sprintf(": no limit on %s at this rate", Plural(c.Sent, "solicitation"))
	case r.RateLimited():
		return ": limited"
	case r.PlainLoss():
		return ": as when it is slow, so that is plain loss and no limit"
	}
	return ": too few to tell a limit from plain loss; more tell more"
}

// ResolveLines says for the progress how far the asking is.
func ResolveLines(r *resolve.Result) []string {
	c := r.Asked()
	lines := []string{fmt.Sprintf("%v: %d asked, %d answered", r.Target, c.Sent, c.Answered)}
	for _, k := range [...]struct {
		name string
		kind resolve.Kind
	}{{"slow", resolve.Slow}, {"burst", resolve.Burst}, {"burst by unicast", resolve.UnicastBurst}} {
		if c := r.Counts[k.kind]; c.Sent > 0 {
			lines = append(lines, fmt.Sprintf("%s: %d asked, %d answered", k.name, c.Sent, c.Answered))
		}
	}
	return lines
}
