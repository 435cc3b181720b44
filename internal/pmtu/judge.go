package pmtu

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/rule"
)

// Wanted is what else there is to judge by.
type Wanted struct {
	Link   string // the interface that the probes left by
	MTU    int    // the least that is wanted of the path, in bytes; 0: nothing is
	Cached int    // what this host's route cache has for the target; 0: nothing
}

// Findings judges the result.
func (r *Result) Findings(w Wanted) []rule.Finding {
	j := judge{Result: r, link: w.Link}
	switch {
	case !r.Reached && r.Complete:
		j.unreachable()
	case r.Reached:
		j.size(w)
		j.hole()
		j.back()
		j.flows()
	}
	j.said()
	if r.Forged > 0 {
		j.add("pmtu.ptb-forged", netip.Addr{}, "%s about packets to %v that were not sent say less than the %d bytes that arrive",
			times(r.Forged, "Packet Too Big"), r.Target, r.AtLeast)
	}
	if w.Cached > 0 && r.MTU > 0 && w.Cached != r.MTU {
		j.add("pmtu.host-cache", netip.Addr{}, "this host's cache says %d for %v, the path carries %d", w.Cached, r.Target, r.MTU)
	}
	if r.Loss > 0 && r.Reached {
		j.add("pmtu.loss", netip.Addr{}, "%.0f %% of the probes that fit the path got no answer", 100*r.Loss)
	}
	return j.found
}

type judge struct {
	*Result
	link  string
	found []rule.Finding
}

func (j *judge) add(id rule.ID, source netip.Addr, format string, args ...any) *rule.Finding {
	known, _ := rule.Lookup(id)
	j.found = append(j.found, rule.Finding{Rule: id, Severity: known.Severity, Link: j.link, Source: source, Offset: -1,
		Detail: fmt.Sprintf(format, args...), Subject: fmt.Sprint(len(j.found))})
	return &j.found[len(j.found)-1]
}

// size judges how much the path carries.
func (j *judge) size(w Wanted) {
	switch {
	case j.MTU == 0 && j.AtLeast < MinMTU && j.Method == TCP && j.TooBig == 0:
		j.add("pmtu.unknown", netip.Addr{}, "%v answers TCP alone, and only a SYN without data: it may drop others whatever their size", j.Target)
	case j.MTU == 0 && j.AtLeast < MinMTU && j.TooBig > 0 && j.TooBig <= MinMTU:
		j.add("pmtu.below-1280", netip.Addr{}, "packets of %d bytes arrive at %v, and none of %d", j.AtLeast, j.Target, MinMTU)
	case j.MTU == 0 && j.Complete:
		j.add("pmtu.unknown", netip.Addr{}, "%d bytes arrive at %v; whether more do cannot be told", j.AtLeast, j.Target)
	case j.MTU == 0:
	case w.MTU > 0 && j.MTU < w.MTU:
		j.add("pmtu.below-expected", netip.Addr{}, "%d bytes arrive at %v, %d are wanted", j.MTU, j.Target, w.MTU)
	case j.MTU < j.Local && j.Hole == nil && j.Walk[len(j.Walk)-1].Passed:
		j.add("pmtu.narrow", netip.Addr{}, "%d bytes arrive at %v, this host's link takes %d", j.MTU, j.Target, j.Local)
	}
	if j.MTU > 0 && j.MTU < j.Local {
		if list := encap.Explain(j.MTU); len(list) > 0 {
			var texts []string
			for _, c := range list {
				texts = append(texts, c.String())
			}
			j.add("pmtu.encapsulation", netip.Addr{}, "%s", strings.Join(texts, "; or "))
		}
	}
}

// hole judges where packets vanish.
func (j *judge) hole() {
	last := &j.Walk[len(j.Walk)-1]
	switch {
	case last.Held:
		j.add("pmtu.held-here", netip.Addr{}, "a filter of this host does not let packets of %d bytes out by %s; %d bytes arrive", last.Size,
			j.link, j.AtLeast)
	case last.Refused:
		j.add(unreachableRule(last.Code), last.Source, "%v answers packets of %d bytes with Destination Unreachable, code %d, instead of a "+
			"Packet Too Big; %d bytes arrive", last.Source, last.Size, last.Code, j.AtLeast).Severity = rule.Error
	}
	h := j.Hole
	if h == nil || j.Split != nil {
		return
	}
	if h.Here {
		j.add("pmtu.ptb-filtered-here", netip.Addr{}, "the Packet Too Big for %d bytes comes in on %s and is dropped there: what is longer "+
			"than %d vanishes", h.Size, j.link, max(j.MTU, j.AtLeast))
		return
	}
	if h.NotShrinking {
		return // the Packet Too Big that is wrong says it
	}
	way := "on the way there"
	if j.Either {
		way = "there or back, which cannot be told"
	}
	mtu := max(j.MTU, j.AtLeast)
	sizes := fmt.Sprintf("more than %d bytes", mtu)
	if j.speaks(h.Size) { // of the sizes between
		sizes = fmt.Sprintf("%d bytes", h.Size)
	}
	f := j.add("pmtu.black-hole", netip.Addr{}, "packets of %s vanish %s, %s", sizes, j.Place(), way)
	// A router that believes in a wider link would clamp to that: the size must be said.
	known, _ := rule.Lookup(f.Rule)
	f.Fix = strings.ReplaceAll(known.Fix, "maxseg size set MSS", fmt.Sprintf("maxseg size set %d", mtu-tcpHeaders))
}

// speaks reports whether a Packet Too Big comes of sizes below that.
func (r *Result) speaks(size int) bool {
	return slices.ContainsFunc(r.Said, func(s Said) bool { return !s.Filtered && s.Smallest < size })
}

// tcpHeaders are the bytes of the IPv6 and the TCP header, which the maximum segment size does not count.
const tcpHeaders = 60

// Place says between which hops packets vanish: "between hop 2 (2001:db8::1) and hop 3 (2001:db8::2)".
func (r *Result) Place() string {
	h := r.Hole
	name := func(n int) string {
		switch {
		case n == 0:
			return "this host"
		case n == r.Distance:
			return "the target"
		case n <= len(r.Hops) && r.Hops[n-1].Address.IsValid():
			return fmt.Sprintf("hop %d (%v)", n, r.Hops[n-1].Address)
		}
		return fmt.Sprintf("hop %d", n)
	}
	switch {
	case h == nil:
		return ""
	case h.Before > 0:
		return "between " + name(h.After) + " and " + name(h.Before)
	case h.After > 0:
		return "behind " + name(h.After)
	case r.Distance > 0:
		return fmt.Sprintf("somewhere on the %d hops", r.Distance)
	}
	return "somewhere on the way"
}

// back judges the way back.
func (j *judge) back() {
	b := j.Return
	if b.Most == 0 || b.MTU >= j.AtLeast {
		return
	}
	sizes := fmt.Sprintf("more than %d bytes", b.MTU)
	switch {
	case b.Hole && b.MTU < MinMTU: // nothing between was tried
		sizes = fmt.Sprintf("%d bytes and more", MinMTU)
	case b.Most > b.MTU:
		sizes = fmt.Sprintf("more than %d to %d bytes", b.MTU, b.Most)
	}
	if b.Hole {
		j.add("pmtu.return-black-hole", netip.Addr{}, "echoes of %s get no answer from %v, though %d arrive there: the answers vanish on the "+
			"way back, unless a filter drops long echoes", sizes, j.Target, j.AtLeast)
		return
	}
	j.add("pmtu.return-narrow", netip.Addr{}, "%v sends answers of %s in fragments, and %d arrive there", j.Target, sizes, j.AtLeast)
}

// said judges the Packet Too Big messages.
func (j *judge) said() {
	for i := range j.Said {
		s := &j.Said[i]
		sizes := fmt.Sprintf("%d to %d bytes", s.Smallest, s.Largest)
		if s.Smallest == s.Largest {
			sizes = fmt.Sprintf("%d bytes", s.Smallest)
		}
		switch {
		case s.MTU < MinMTU:
			j.add("ptb.below-1280", s.Source, "%s says an MTU of %d for packets of %s; %d arrive", j.sender(s), s.MTU, sizes, j.AtLeast)
		case s.High:
			j.add("pmtu.ptb-wrong", s.Source, "%s says an MTU of %d, but refuses packets of %s", j.sender(s), s.MTU, sizes)
		case s.Low:
			j.add("pmtu.ptb-wrong", s.Source, "%s says an MTU of %d, but %d bytes arrive", j.sender(s), s.MTU, j.AtLeast)
		case s.Tunnel:
			where := "before hop 1"
			if s.Hop > 0 {
				where = fmt.Sprintf("between hop %d and hop %d", s.Hop, s.Hop+1)
			}
			j.add("ptb.source-is-destination", s.Source, "a tunnel endpoint %s says an MTU of %d in the name of %v for packets of %s", where,
				s.MTU, s.Source, sizes)
		}
	}
}

func (j *judge) sender(s *Said) string {
	if s.Hop > 0 && !s.Tunnel {
		return fmt.Sprintf("hop %d (%v)", s.Hop, s.Source)
	}
	return s.Source.String()
}

// flows compares the flows.
func (j *judge) flows() {
	switch s := j.Split; {
	case s == nil:
	case s.Told:
		j.add("pmtu.flows-differ", netip.Addr{}, "echoes of more than %d bytes are answered by Packet Too Big, while %s of %d arrives: they "+
			"go by different paths", s.Echo, strings.ToUpper(s.Other.String()), j.AtLeast).Severity = rule.Warning
	default:
		j.add("pmtu.flows-differ", netip.Addr{}, "echoes of more than %d bytes vanish %s, while %s of %d arrives: they go by different "+
			"paths, unless a filter there drops long echoes", s.Echo, j.Place(), strings.ToUpper(s.Other.String()), j.AtLeast)
	}
	if len(j.Flows) == 0 {
		return
	}
	var groups []string // in the order of their first flow
	count := make(map[string]int)
	for _, f := range j.Flows {
		text := fmt.Sprintf("%d", f.MTU)
		switch {
		case f.Dead:
			text = "no answer"
		case f.MTU == 0:
			text = fmt.Sprintf("at least %d", f.AtLeast)
		case f.Silent:
			text += ", and more vanishes without a word"
		}
		if count[text] == 0 {
			groups = append(groups, text)
		}
		count[text]++
	}
	if len(groups) < 2 {
		return
	}
	for i, g := range groups {
		groups[i] = fmt.Sprintf("%s: %s", times(count[g], "flow"), g)
	}
	j.add("pmtu.flows-differ", netip.Addr{}, "of %d flows to %v: %s", len(j.Flows), j.Target, strings.Join(groups, "; "))
}

// unreachable judges a target that answers nothing.
func (j *judge) unreachable() {
	if j.Held > 0 && j.Held == j.Sent {
		j.add("pmtu.held-here", netip.Addr{}, "a filter of this host lets none of %s out by %s", times(j.Sent, "packet"), j.link)
		return
	}
	said := false
	for i := range j.Refused {
		f := &j.Refused[i]
		if f.Loop {
			j.add("pmtu.routing-loop", f.Source, "%s from %v for packets to %v with a hop limit of %d", times(f.Count, "Time Exceeded"), f.Source,
				j.Target, hopLimit)
			said = true
			continue
		}
		from := f.Source.String()
		if f.Hop > 0 {
			from = fmt.Sprintf("hop %d (%v)", f.Hop, f.Source)
		}
		j.add(unreachableRule(f.Code), f.Source, "%s answers the probes to %v with Destination Unreachable, code %d", from, j.Target,
			f.Code).Severity = rule.Error
		said = true
	}
	if said {
		return
	}
	last := "no router on the way does either"
	for i := range j.Hops {
		if a := j.Hops[i].Address; a.IsValid() {
			last = fmt.Sprintf("the last router that does is hop %d (%v)", i+1, a)
		}
	}
	j.add("pmtu.unreachable", netip.Addr{}, "%v answers none of %s; %s", j.Target, times(j.Sent, "probe"), last)
}

// unreachableRule returns the rule about a code of Destination Unreachable (RFC 4443 §3.1).
func unreachableRule(code uint8) rule.ID {
	rules := []rule.ID{"unreach.no-route", "unreach.prohibited", "unreach.beyond-scope", "unreach.address", "unreach.port",
		"unreach.source-policy", "unreach.reject-route", "unreach.source-routing", "unreach.headers-too-long"}
	if int(code) < len(rules) {
		return rules[code]
	}
	return "unreach.code"
}

func times(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	if noun == "Packet Too Big" || noun == "Time Exceeded" {
		return fmt.Sprintf("%d %s messages", n, noun)
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
