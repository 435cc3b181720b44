package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"v6probe/internal/resolve"
)

// Resolved writes what asking for a neighbor came to: where it is, and how many questions each station answered, and how
// fast; then the burst, if there was one.
func (t *Text) Resolved(r *resolve.Result) {
	for _, l := range wrap(resolvedHead(r), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	if r.Total().Sent > 0 {
		t.line("")
	}
	if len(r.Stations) == 0 {
		t.askedInVain(r)
	}
	for i := range r.Stations {
		if i > 0 {
			t.line("")
		}
		t.station(r, &r.Stations[i])
	}
	t.burst(r)
	if text := ResolvedEarly(r); text != "" {
		t.item(2, "early end", column, text)
	}
}

func (t *Text) burst(r *resolve.Result) {
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

// ResolvedEarly says what cannot be told since the asking ended early, "" if all can.
func ResolvedEarly(r *resolve.Result) string {
	switch {
	case r.Complete || r.Untold() || len(r.Stations) == 0 && r.Link.Own == "":
		return ""
	case r.Burst > 0 && r.Counts[resolve.Burst].Sent == 0 && !r.Settled:
		return "whether another station answers as well cannot be told, and the burst was not sent"
	case r.Burst > 0 && r.Counts[resolve.Burst].Sent == 0:
		return "the burst was not sent, so whether there is a limit cannot be told"
	case !r.Settled:
		return "whether another station answers as well cannot be told"
	case r.Burst > 0:
		return "whether there is a limit cannot be told"
	}
	return "not all was asked"
}

// ownHead says in one sentence who else has an address of this host.
func ownHead(r *resolve.Result) string {
	head := fmt.Sprintf("%v is this host's own address (%s)", r.Target, printable(r.Link.Own))
	switch n := len(r.Stations); {
	case r.Untold():
		return head + "; whether another station has it cannot be told."
	case n == 0 && r.Heard.FromTarget > 0:
		return head + "; nobody else answers for it, but another station sends from it."
	case n == 0:
		return head + ": only this host has it, as far as answers came."
	case r.Claim() == resolve.Duplicate:
		return head + ", and a duplicate: " + Plural(n, "other station") + " " + answer(n) + " for it."
	case r.Claim() == resolve.Unclear:
		return head + "; " + Plural(n, "other station") + " " + answer(n) + " for it: a duplicate, unless it is an anycast address, which " +
			"answers to unicast do not tell."
	default:
		return head + "; " + Plural(n, "other station") + " " + answer(n) + " for it as for an anycast address or as a proxy."
	}
}

func answer(n int) string {
	if n == 1 {
		return "answers"
	}
	return "answer"
}

// resolvedHead says in one sentence where the neighbor is.
func resolvedHead(r *resolve.Result) string {
	target := r.Target.String()
	switch n := len(r.Stations); {
	case r.Total().Sent == 0:
		return target + " was not asked for: nothing left this host."
	case r.Link.Own != "":
		return ownHead(r)
	case r.Untold():
		return target + " did not answer before the asking ended early: nothing can be told."
	case n == 0:
		return target + " does not answer."
	case n > 1 && r.Claim() == resolve.Unclear:
		return fmt.Sprintf("%s answer for %s: a duplicate, unless it is an anycast address, which answers to unicast do not tell.",
			Plural(n, "station"), target)
	case n > 1 && r.Claim() == resolve.Duplicate:
		return fmt.Sprintf("%s is a duplicate: %s answer for it.", target, Plural(n, "station"))
	case n > 1:
		return fmt.Sprintf("%s answer for %s, as for an anycast address or as proxies.", Plural(n, "station"), target)
	}
	s := &r.Stations[0]
	head := fmt.Sprintf("%s is at %v", target, s.MAC)
	switch {
	case s.Source != r.Target:
		head += fmt.Sprintf(", where %v answers for it, as a proxy does", s.Source)
	case s.OverrideKnown && !s.Override:
		head += ", which answers as for an anycast address or as a proxy (O=0)"
	case s.Router:
		head += ", a router"
	}
	if r.GroupLost() {
		head += ", but hosts do not find it: solicitations to its group are lost"
		if r.Counts[resolve.Group].Sent == 0 {
			head = strings.TrimSuffix(head, "lost") + "held back in this host"
		}
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
			sent = s.AskedAlone
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
	text := strings.Join(names, ", ")
	if text == "" {
		text = "none"
	}
	if !s.OverrideKnown {
		text += "; O is unknown: it answered unicast only, or without its Ethernet address"
	}
	return text
}

// roundTrips lists the round-trip times of a kind: " in 0.061, 0.064, 1.20 ms".
func roundTrips(s *resolve.Station, k resolve.Kind) string {
	var list []string
	for _, rtt := range s.RTT {
		if rtt.Kind == k {
			list = append(list, milliseconds(rtt.Time))
		}
	}
	if len(list) == 0 {
		return ""
	}
	return " in " + strings.Join(list, ", ") + nbsp + "ms"
}

// milliseconds says a time with three digits, of which no more than three are decimals.
func milliseconds(d time.Duration) string {
	ms := float64(d) / 1e6
	decimals := 3
	for limit := 1.0; decimals > 0 && ms >= limit; limit *= 10 {
		decimals--
	}
	return strconv.FormatFloat(ms, 'f', decimals, 64)
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
