package report

import (
	"cmp"
	"fmt"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/icmp6"
	"v6probe/internal/pmtu"
)

// pmtuItem is a line of what else is known: a name in a column and a text.
type pmtuItem struct{ name, text string }

// pmtuItems are what is known beside the picture, the most useful first.
func pmtuItems(p *PathMTU) []pmtuItem {
	var items []pmtuItem
	add := func(name, format string, args ...any) {
		items = append(items, pmtuItem{name, fmt.Sprintf(format, args...)})
	}
	if h := p.Hole; h != nil && !told(h) && h.After == 0 && h.Before == 0 {
		add("where", "not known: no router on the way says Time Exceeded; try it from another host")
	}
	if p.Either {
		add("which way", "not known: what is longer, or the answer to it, which is as long, gets lost; try it from the other end")
	}
	if s := walkText(p); s != "" {
		add("hosts", "%s", s)
	}
	for _, s := range firstOf(unplaced(p), maxEntries) {
		add("told", "%v says %d by Packet Too Big; at which hop it is, is not known", s.Source, s.MTU)
	}
	for i, r := range firstOf(p.Refused, maxEntries) {
		if i == 0 && !p.Reached {
			continue // it is in the picture
		}
		name, cause := refusal(&r)
		text := fmt.Sprintf("%v: %s, %s", r.Source, name, times(uint64(r.Count)))
		if cause != "" {
			text += ". Usually: " + cause
		}
		add("refused", "%s", text)
	}
	items = append(items, flowItems(p)...)
	return append(items, tunnelItems(p)...)
}

// refusal says why packets do not arrive, and the usual cause of that.
func refusal(r *pmtu.Refusal) (name, cause string) {
	if r.Loop {
		return messageName(icmp6.TypeTimeExceeded, 0), "a routing loop: routers send the packets to each other in a circle"
	}
	_, cause = codeWords(icmp6.TypeDestinationUnreachable, r.Code)
	return messageName(icmp6.TypeDestinationUnreachable, r.Code), cause
}

// unplaced returns what was said by routers of which it is not known where they are.
func unplaced(p *PathMTU) []pmtu.Said {
	var list []pmtu.Said
	for _, s := range p.Said {
		if s.Hop == 0 && !s.Tunnel {
			list = append(list, s)
		}
	}
	return list
}

// walkText tells what a host meets that believes each Packet Too Big, "" where nothing stops it.
func walkText(p *PathMTU) string {
	if len(p.Walk) == 0 || len(p.Walk) == 1 && p.Walk[0].Passed {
		return ""
	}
	var b strings.Builder
	for i, s := range firstOf(p.Walk, maxEntries) {
		if i > 0 {
			b.WriteString(", ")
		}
		fmt.Fprintf(&b, "send%s%d", nbsp, s.Size)
		switch {
		case s.Passed:
			b.WriteString(", which arrives")
		case s.Held:
			b.WriteString(", which this host's own filter drops")
		case s.Refused:
			fmt.Fprintf(&b, ", are refused by %s without an MTU, and fail", sourceHop(p, s.Source))
		case s.Silent && p.Hole != nil && p.Hole.Here:
			b.WriteString(", and hang: their own filter drops the Packet Too Big")
		case s.Silent:
			b.WriteString(", hear nothing, and hang")
		case s.Ignored:
			fmt.Fprintf(&b, ", are told%s%d by %s, do not believe it, and hang", nbsp, s.MTU, sourceHop(p, s.Source))
		case int(s.MTU) >= s.Size:
			fmt.Fprintf(&b, ", are told%s%d by %s, send the same again, and hang", nbsp, s.MTU, sourceHop(p, s.Source))
		case s.MTU > 0:
			fmt.Fprintf(&b, ", are told%s%d by %s", nbsp, s.MTU, sourceHop(p, s.Source))
		}
	}
	return b.String()
}

// tunnelItems says which tunnel explains the numbers, and what follows from the one that the user names.
func tunnelItems(p *PathMTU) []pmtuItem {
	var items []pmtuItem
	for _, c := range candidates(p) {
		items = append(items, pmtuItem{"tunnel?", c.String()})
	}
	if len(items) == 0 && p.MTU > 0 && p.MTU < p.Local && !usualLink(p.MTU) {
		text := fmt.Sprintf("no usual one leaves%s%d of a usual link: an MTU set by hand?", nbsp, p.MTU)
		items = append(items, pmtuItem{"tunnel?", text})
	}
	for _, e := range p.Carriers {
		items = append(items, pmtuItem{"advice", carrierText(p, e)})
	}
	return items
}

// carrierText says what follows from the tunnel that the user names.
func carrierText(p *PathMTU, e encap.Encapsulation) string {
	found := cmp.Or(p.MTU, p.AtLeast)
	if p.Underlay == 0 {
		s := fmt.Sprintf("%s takes%s%d: for packets of %d the underlay needs%s%d",
			e.Title, nbsp, e.Overhead, p.Local, nbsp, e.Underlay(p.Local))
		if found > 0 && found < p.Local {
			s += fmt.Sprintf("; if this is what narrows the path, the underlay has%s%d: raise it by%s%d, or give the guests%s%d",
				nbsp, e.Underlay(found), nbsp, p.Local-found, nbsp, found)
		}
		return s
	}
	leaves := e.Overlay(p.Underlay)
	s := fmt.Sprintf("%s leaves%s%d of an underlay of%s%d", e.Title, nbsp, leaves, nbsp, p.Underlay)
	switch {
	case found == 0:
		return s
	case found == leaves && found < p.Local:
		return s + fmt.Sprintf(", and that is what arrives: give the guests%s%d, or the underlay%s%d",
			nbsp, leaves, nbsp, e.Underlay(p.Local))
	case found >= leaves:
		return s + fmt.Sprintf(", and%s%d bytes arrive: it does not narrow this path", nbsp, found)
	}
	return s + fmt.Sprintf(", but no more than%s%d bytes arrive: the path is narrower elsewhere, or the underlay has but%s%d",
		nbsp, found, nbsp, e.Underlay(found))
}
