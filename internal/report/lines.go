package report

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"time"
	"unicode/utf8"

	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
)

// maxLines is more than any screen has.
const maxLines = 64

// RouterLines returns a line for each router, for Progress.Show, and how many routers there are beyond them.
func RouterLines(links []*ra.Link) (lines []string, more int) {
	n := 0
	for _, l := range links {
		n += len(l.Routers)
		prefixes := l.Prefixes()
		for _, r := range l.Foremost(maxLines - len(lines)) {
			lines = append(lines, routerLine(l, r, prefixes))
		}
	}
	return lines, n - len(lines)
}

// routerLine is that of a router, of which prefixes are those of the whole link.
func routerLine(l *ra.Link, r *ra.Router, prefixes []netip.Prefix) string {
	s := fmt.Sprintf("%v  %s, last %s", r.Source, times(r.Count), r.Last.Local().Format(time.TimeOnly))
	s = prefixed(l.Where, s)
	if len(r.Dropped) > 0 {
		return s + "  invalid: " + string(r.Dropped[0])
	}
	offered := false
	for _, pre := range prefixes {
		if offers(r, pre) {
			s += "  " + pre.String()
			offered = true
		}
	}
	if !offered {
		s += "  no prefix for SLAAC"
	}
	return s
}

// prefixed puts the name of the link, if it has one, before s.
func prefixed(where packet.Link, s string) string {
	if name := where.String(); name != "" {
		return printable(name) + "  " + s
	}
	return s
}

// maxTroubleLines is how many lines of each kind of trouble the live table shows: the screen is for neighbors as well.
const maxTroubleLines = 4

// linkHead is the head of the column of links in the live table.
const linkHead = "Link  "

// NeighborLines returns the live table of nd, for Progress.Show, on a terminal so many columns wide: what is wrong, then
// the neighbors. more is how many lines there are beyond these.
func NeighborLines(links []nd.Link, columns int) (lines []string, more int) {
	for i := range links {
		lines = append(lines, troubleLines(&links[i])...)
	}
	type row struct {
		link string
		nd.Neighbor
	}
	var rows []row
	width, prefix, all := 12, 0, 0
	for i := range links {
		all += len(links[i].Neighbors)
		name := prefixed(links[i].Where, "")
		for _, n := range firstOf(worstNeighbors(&links[i]), max(maxLines-len(lines)-len(rows), 0)) {
			rows = append(rows, row{name, n})
			width, prefix = max(width, len(n.Address.String())), max(prefix, utf8.RuneCountInString(name))
		}
	}
	if prefix > 0 {
		prefix = max(prefix, len(linkHead))
	}
	// 45 columns take the MAC, the flag, the state and the time.
	width = max(min(width, columns-prefix-45), 12)
	line := func(link, address, mac, router, state, seen string) {
		lines = append(lines, fmt.Sprintf("%-*s%-*s  %-17s  %-1s  %-10s  %s", prefix, link, width, address, mac, router, state, seen))
	}
	more = all - len(rows)
	if len(rows) > 0 {
		line(linkHead[:min(prefix, len(linkHead))], "Neighbor", "MAC", "R", "state", "seen")
	}
	for _, r := range rows {
		line(r.link, r.Address.String(), macOf(r.Neighbor), routerFlag(r.Neighbor), stateName(r.State), r.Last.Local().Format(time.TimeOnly))
	}
	shown := firstOf(lines, min(len(lines), maxLines))
	return shown, more + len(lines) - len(shown)
}

// routerFlag returns "R" for a router, "" for any other neighbor.
func routerFlag(n nd.Neighbor) string {
	if n.Router {
		return "R"
	}
	return ""
}

func troubleLines(l *nd.Link) []string {
	var lines []string
	add := func(format string, args ...any) {
		lines = append(lines, prefixed(l.Where, fmt.Sprintf(format, args...)))
	}
	for _, d := range firstOf(l.Duplicates, maxTroubleLines) {
		add("duplicate: %v is on %v and %v", d.Address, d.Prober, d.Defender)
	}
	for _, q := range firstOf(worstQuestions(l.Questions), maxTroubleLines) {
		add("in vain: %v asks for %v, %s", q.Asker, q.Target, times(uint64(q.Tries)))
	}
	if s := l.Scan; s != nil {
		add("scan: %s, up to %d in a second", Plural(s.Solicitations, "solicitation"), s.Peak)
	}
	for _, p := range firstOf(worstProxies(l.Proxies), maxTroubleLines) {
		add("proxy: %v answers for %s", p.MAC, addresses(p.Targets))
	}
	for _, e := range firstOf(worstErrors(l.Errors), maxTroubleLines) {
		add("error: %s from %v, %s: %s", errorName(&e), e.Source, times(e.Count), flowText(&e))
	}
	return lines
}

// firstOf returns the first n of list, or as many as there are.
func firstOf[T any](list []T, n int) []T { return list[:min(len(list), n)] }

// macOf returns the MAC of n as text, "" where it is not known.
func macOf(n nd.Neighbor) string {
	if !n.HasMAC {
		return ""
	}
	return n.MAC.String()
}

// worstNeighbors returns the neighbors of l, those that want looking at first: in conflict, routers, and last those that
// are not there. Before these come the sources of a scan.
func worstNeighbors(l *nd.Link) []nd.Neighbor {
	rank := func(n nd.Neighbor) int {
		switch {
		case n.State == nd.InConflict:
			return 0
		case n.State == nd.Incomplete:
			return 6
		case n.State == nd.Failed:
			return 5
		case n.Router:
			return 1
		case n.Changes > 1 || n.Proxied:
			return 2
		case l.Scan != nil && n.Learnt == nd.FromNS:
			return 4
		}
		return 3
	}
	return sorted(l.Neighbors, func(a, b nd.Neighbor) int { return cmp.Or(cmp.Compare(rank(a), rank(b)), a.Address.Compare(b.Address)) })
}

// worstQuestions returns first those whose answers get lost, then those for who is known to be there, then the most
// insistent.
func worstQuestions(list []nd.Question) []nd.Question {
	rank := func(q nd.Question) int {
		switch {
		case q.Seen > 0:
			return 0
		case q.Known:
			return 1
		}
		return 2
	}
	return sorted(list, func(a, b nd.Question) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Tries, a.Tries))
	})
}

func worstProxies(list []nd.Proxy) []nd.Proxy {
	return sorted(list, func(a, b nd.Proxy) int { return cmp.Compare(b.Targets, a.Targets) })
}

// sorted returns a sorted copy of list.
func sorted[T any](list []T, compare func(a, b T) int) []T {
	list = slices.Clone(list)
	slices.SortStableFunc(list, compare)
	return list
}

// addresses says how many addresses: Plural knows nouns with an s only.
func addresses(n int) string {
	if n == 1 {
		return "1" + nbsp + "address"
	}
	return fmt.Sprintf("%d%saddresses", n, nbsp)
}

// address returns a as text; the zero Addr, which a message cut short leaves, is "?".
func address(a netip.Addr) string {
	if !a.IsValid() {
		return "?"
	}
	return a.String()
}
