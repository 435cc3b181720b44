package report

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"v6probe/internal/nd"
	"v6probe/internal/packet"
)

// What a report shows of a link at most; the rest is counted.
const (
	maxNeighbors = 32
	maxEntries   = 8   // of each other kind
	maxRows      = 512 // rows and entries of all links together
)

// Neighbors writes the picture of every link: who is here and what is wrong in a sentence, then what is known of each.
// listened is how long a live capture took, 0 for a file.
func (t *Text) Neighbors(links []nd.Link, listened time.Duration) {
	if len(links) == 0 {
		t.noDiscovery(listened)
		return
	}
	links = sorted(links, func(a, b nd.Link) int { return cmp.Compare(rank(&a), rank(&b)) })
	room := maxRows
	for i := range links {
		if i > 0 {
			t.line("")
		}
		if room <= 0 {
			t.andMore(0, len(links)-i, "link")
			break
		}
		room -= t.neighborLink(&links[i])
	}
	if n := links[0].Forgotten; n > 0 {
		t.line("")
		t.item(0, "", 0, Plural(n, "neighbor")+" more: forgotten for lack of room.")
	}
}

// rank is 0 for a link that wants looking at.
func rank(l *nd.Link) int {
	if len(troubles(l)) > 0 {
		return 0
	}
	return 1
}

func (t *Text) noDiscovery(listened time.Duration) {
	head := "No neighbor discovery was heard."
	if listened > 0 {
		head = "No neighbor discovery was heard in " + Duration(listened) + "."
	}
	t.line(t.style.paint(sgrBold, head))
	text := "That is, no NS, NA, RS, RA, Redirect, MLD message or ICMPv6 error. "
	if listened == 0 {
		text += "Either there were none, or a filter kept them out of the capture: `icmp6` loses MLD and whatever stands " +
			"behind an extension header."
	} else {
		text += "It proves little: hosts ask for a neighbor only when they have something to send to it, and while TCP gets on " +
			"they need not ask. Perhaps nobody is here, perhaps this interface does not get their frames. To make a neighbor " +
			"speak, ask for it: `v6probe nd ADDRESS`."
	}
	t.item(0, "", 0, text)
}

// neighborLink writes the block of a link and returns how many rows and entries it has.
func (t *Text) neighborLink(l *nd.Link) int {
	head := ndHeadline(l)
	if name := l.Where.String(); name != "" {
		head = printable(name) + ": " + head
	}
	for _, s := range wrap(head, t.style.width()) {
		t.line(t.style.paint(sgrBold, s))
	}
	t.neighborTable(l)
	t.section("Duplicate addresses", "duplicate", duplicateTexts(l))
	t.section("Asked in vain", "question", questionTexts(l))
	t.section("Scan", "scan", scanTexts(l))
	t.section("Proxies", "station", proxyTexts(l))
	n := t.errorSection(l)
	t.section("Redirects", "redirect", redirectTexts(l))
	t.section("Silent multicast groups", "group", silentTexts(l))
	return 1 + n + min(len(l.Neighbors), maxNeighbors) + min(len(l.Duplicates), maxEntries) + min(len(l.Questions), maxEntries) +
		min(len(l.Proxies), maxEntries) + min(len(l.Redirects), maxEntries) + min(len(l.Silent), maxEntries)
}

func (t *Text) section(title, noun string, entries []string) {
	if len(entries) == 0 {
		return
	}
	t.line("")
	t.line(title)
	for _, e := range firstOf(entries, maxEntries) {
		t.entry(2, e)
	}
	t.andMore(2, len(entries)-maxEntries, noun)
}

// ndHeadline says in one sentence who is here and what is wrong at a glance.
func ndHeadline(l *nd.Link) string {
	s := whoIsHere(l.Neighbors)
	if s != "" && l.Forgotten > 0 {
		s = "at least " + s
	}
	bad := troubles(l)
	if len(bad) == 0 && s != "" {
		bad = []string{"no question is left unanswered and no duplicate was seen"}
	}
	if l.ErrorCount > 0 {
		bad = append(bad, Plural(l.ErrorCount, "ICMPv6 error"))
	}
	return strings.Join(append([]string{cmp.Or(s, "no neighbor was heard")}, bad...), "; ") + "."
}

// whoIsHere counts the stations that are here, by their Ethernet addresses: one that has several addresses is still one,
// and one router. "" is nobody.
func whoIsHere(list []nd.Neighbor) string {
	stations := make(map[packet.MAC]bool) // whether it is a router
	known, unknown, unknownRouters := 0, 0, 0
	for _, n := range list {
		switch {
		case n.State == nd.Incomplete || n.State == nd.Failed:
		case n.HasMAC:
			known++
			stations[n.MAC] = stations[n.MAC] || n.Router
		default:
			unknown++
			if n.Router {
				unknownRouters++
			}
		}
	}
	routers := 0
	for _, router := range stations {
		if router {
			routers++
		}
	}
	var s string
	if known > 0 {
		s = Plural(len(stations), "station") + " with " + addresses(known) + isHere(len(stations)) + ofThem(len(stations), routers, "a router", "routers")
	}
	if unknown == 0 {
		return s
	}
	if s != "" {
		s += ", and "
	}
	s += addresses(unknown) + " whose MAC is not known"
	if known == 0 {
		s += isHere(unknown)
	}
	return s + ofThem(unknown, unknownRouters, "a router's", "routers'")
}

func isHere(n int) string {
	if n == 1 {
		return " is here"
	}
	return " are here"
}

// ofThem says that n of all are one, or several.
func ofThem(all, n int, one, several string) string {
	switch {
	case n == 0:
		return ""
	case all == 1:
		return ", " + one
	case n == 1:
		return ", 1 of them " + one
	}
	return fmt.Sprintf(", %d of them %s", n, several)
}

// troubles lists what is wrong, worst first.
func troubles(l *nd.Link) []string {
	var s []string
	if n := len(l.Duplicates); n > 0 {
		s = append(s, addresses(n)+map[bool]string{true: " is a duplicate", false: " are duplicates"}[n == 1])
	}
	lost, unanswered := 0, 0
	for _, q := range l.Questions {
		if q.Seen > 0 {
			lost++
		} else {
			unanswered++
		}
	}
	if lost > 0 {
		s = append(s, Plural(lost, "question")+" with answers that do not help the asker")
	}
	if unanswered > 0 {
		s = append(s, Plural(unanswered, "question")+" without an answer")
	}
	if l.Scan != nil {
		s = append(s, "a scan for addresses that nobody has")
	}
	if n := len(l.Proxies); n > 0 {
		s = append(s, Plural(n, "station")+" answering for others")
	}
	ignored := 0
	for i := range l.Errors {
		if l.Errors[i].Fate == nd.FateIgnored {
			ignored++
		}
	}
	if ignored > 0 {
		s = append(s, Plural(ignored, "flow")+" sending too big in spite of Packet Too Big")
	}
	if n := len(l.Silent); n > 0 {
		s = append(s, Plural(n, "multicast group")+" that nobody reports")
	}
	return s
}

func (t *Text) neighborTable(l *nd.Link) {
	if len(l.Neighbors) == 0 {
		return
	}
	var rows [][]string
	for _, n := range firstOf(worstNeighbors(l), maxNeighbors) {
		rows = append(rows, []string{n.Address.String(), macOf(n), routerFlag(n), stateName(n.State), ago(l.Now, n.Last), knownFrom(n)})
	}
	t.line("")
	t.table([]string{"Neighbor", "MAC", "R", "state", "seen", "from"}, rows)
	t.andMore(0, len(l.Neighbors)-maxNeighbors, "neighbor")
}

func duplicateTexts(l *nd.Link) []string {
	var s []string
	for _, d := range l.Duplicates {
		how := fmt.Sprintf("%v and %v both use it", d.Prober, d.Defender)
		switch {
		case d.Both:
			how = fmt.Sprintf("%v and %v tested it at the same time (duplicate address detection): who hears the other may "+
				"not use it", d.Prober, d.Defender)
		case d.Probed:
			how = fmt.Sprintf("%v tested it (duplicate address detection), and %v has it already", d.Prober, d.Defender)
		}
		s = append(s, fmt.Sprintf("%v: %s; %s%s.", d.Address, how, justNow(l.Now, d.At), inFrame(d.Frame)))
	}
	return s
}

func inFrame(n uint64) string {
	if n == 0 {
		return ""
	}
	return fmt.Sprintf(" (frame%s%d)", nbsp, n)
}

func questionTexts(l *nd.Link) []string {
	var s []string
	for _, q := range worstQuestions(l.Questions) {
		var outcome string
		switch {
		case q.Seen > 0 && q.Invalid != "":
			outcome = fmt.Sprintf("%s seen here, which receivers drop: %s", Plural(q.Seen, "answer"), q.Invalid)
		case q.By != packet.MAC{}:
			outcome = fmt.Sprintf("%s seen here, of %v, which is not the station that has it", Plural(q.Seen, "answer"), q.By)
		case q.Seen > 0 && q.Here:
			outcome = fmt.Sprintf("%s came in here, which this host's own firewall or kernel does not take", Plural(q.Seen, "answer"))
		case q.Seen > 0:
			outcome = fmt.Sprintf("%s seen here, which must be lost on the way to the asker", Plural(q.Seen, "answer"))
		case q.Known:
			outcome = "no answer, though it was heard of otherwise"
		default:
			outcome = "no answer, nor was it heard of otherwise"
		}
		s = append(s, fmt.Sprintf("%v (%v) asks for %v, %s: %s.", q.Asker, q.AskerMAC, q.Target,
			howOften(uint64(q.Tries), q.Last.Sub(q.First), l.Now, q.Last), outcome))
	}
	return s
}

// mostAskers is how many askers of a scan are told apart.
const mostAskers = 256

func scanTexts(l *nd.Link) []string {
	c := l.Scan
	if c == nil {
		return nil
	}
	askers := Plural(c.Askers, "asker")
	if c.Askers >= mostAskers {
		askers = fmt.Sprintf("%d or more askers", mostAskers)
	}
	text := fmt.Sprintf("%s for addresses that nobody has, up to %d in a second, from %s", Plural(c.Solicitations, "solicitation"),
		c.Peak, askers)
	if d := c.Last.Sub(c.First); d > 0 {
		text += " in " + Duration(d)
	}
	if c.Asker.IsValid() {
		text += fmt.Sprintf("; the busiest is %v", c.Asker)
	}
	if c.MAC != (packet.MAC{}) {
		text += fmt.Sprintf("; most came from the station %v", c.MAC)
	}
	return []string{text + "."}
}

func proxyTexts(l *nd.Link) []string {
	var s []string
	for _, p := range worstProxies(l.Proxies) {
		text := fmt.Sprintf("%v answers for %s", p.MAC, addresses(p.Targets))
		if p.Owned > 0 {
			text += fmt.Sprintf(", %d of which another station has", p.Owned)
		}
		s = append(s, text+".")
	}
	return s
}

func redirectTexts(l *nd.Link) []string {
	list := sorted(l.Redirects, func(a, b nd.Redirect) int {
		return cmp.Or(-cmp.Compare(min(len(a.Dropped), 1), min(len(b.Dropped), 1)), cmp.Compare(b.Count, a.Count))
	})
	var s []string
	for _, r := range list {
		way := fmt.Sprintf("via %v", r.Target)
		if r.OnLink {
			way = "on this link"
		}
		if r.HasMAC {
			way += " (" + r.TargetMAC.String() + ")"
		}
		text := fmt.Sprintf("%v tells %v: %v is %s; %s", r.Router, r.Host, r.Destination, way, howOften(r.Count, 0, l.Now, r.Last))
		if r.Dropped != "" {
			text += "; hosts drop it: " + string(r.Dropped)
		}
		s = append(s, text+".")
	}
	return s
}

func silentTexts(l *nd.Link) []string {
	list := sorted(l.Silent, func(a, b nd.SilentGroup) int { return cmp.Compare(b.Missed, a.Missed) })
	var s []string
	for _, g := range list {
		s = append(s, fmt.Sprintf("%v of %v: no report for %s in a row of the querier %v, the last %s.", g.Group, g.Neighbor,
			queries(g.Missed), g.Querier, justNow(l.Now, g.Last)))
	}
	return s
}

func queries(n int) string {
	if n == 1 {
		return "1" + nbsp + "query"
	}
	return fmt.Sprintf("%d%squeries", n, nbsp)
}
