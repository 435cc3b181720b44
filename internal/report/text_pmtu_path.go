package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"v6probe/internal/host"
	"v6probe/internal/pmtu"
)

// The marks of what lies between two hops: the path narrows and the network says so, what it says is wrong, and silence.
const (
	markNarrow = `\ /`
	markWrong  = `\!/`
	markHole   = `>X<`
)

// targetNote marks the row of a target that answers.
const targetNote = "target"

// pathRow is a line of the picture: a hop in columns, or what lies between two hops as a text.
type pathRow struct {
	hop, address, rtt, size, note string

	text string // in place of all columns but the first
	sgr  string
}

// path draws the way to the target hop by hop, with the size that is known to come to each, and between them what narrows
// it.
func (t *Text) path(p *PathMTU) {
	if !p.Reached && len(p.Said) == 0 && len(p.Refused) == 0 && !anyHop(p.Hops) {
		return // there is nothing to draw
	}
	rows := pathRows(p)
	widths := fitRows(rows, t.style.width())
	t.line("")
	for _, r := range rows {
		if r.text != "" {
			t.between(r)
			continue
		}
		t.line(t.painted(r.sgr, r.line(widths)))
	}
}

// rowWidths are the widths of the columns of the picture; 0 for one that there is no room for.
type rowWidths struct{ address, rtt, target, size int }

// fitRows returns the widths with which no row is longer than columns. A narrow terminal gets no RTT, and is not told which row
// is the target's; a very narrow one gets no sizes either: broken lines could not be read at all.
func fitRows(rows []pathRow, columns int) rowWidths {
	w := rowWidths{rtt: 8, target: len(targetNote), size: 7}
	for _, r := range rows {
		if r.text == "" {
			w.address = max(w.address, utf8.RuneCountInString(r.address))
		}
	}
	for _, drop := range []*int{&w.rtt, &w.target, &w.size} {
		for _, r := range rows {
			if r.text == "" && utf8.RuneCountInString(r.line(w)) > columns {
				*drop = 0
			}
		}
	}
	return w
}

// line returns a row in columns of those widths.
func (r *pathRow) line(w rowWidths) string {
	l := fmt.Sprintf("%5s  %-*s", r.hop, w.address, r.address)
	if w.rtt > 0 {
		l += fmt.Sprintf("  %*s", w.rtt, r.rtt)
	}
	if w.size > 0 {
		l += fmt.Sprintf("  %*s", w.size, r.size)
	}
	if r.note != targetNote || w.target > 0 {
		l += "  " + r.note
	}
	return strings.TrimRight(l, " ")
}

func (t *Text) painted(sgr, text string) string {
	if sgr == "" {
		return text
	}
	return t.style.paint(sgr, text)
}

// between writes what lies between two hops, broken into lines where it must.
func (t *Text) between(r pathRow) {
	mark := r.hop
	for _, l := range wrap(r.text, t.style.width()-7) {
		t.line(t.painted(r.sgr, fmt.Sprintf("%5s  %s", mark, l)))
		mark = ""
	}
}

func anyHop(hops []pmtu.Hop) bool {
	for _, h := range hops {
		if h.Address.IsValid() {
			return true
		}
	}
	return false
}

func pathRows(p *PathMTU) []pathRow {
	here := "this host"
	if p.Interface != "" {
		here += ", " + printable(p.Interface)
	}
	here += fmt.Sprintf(", MTU%s%d", nbsp, p.Local)
	rows := []pathRow{{hop: "hop", address: "address", rtt: "RTT", size: "arrived", sgr: sgrDim}, {address: here}}
	if text := limitText(p); text != "" {
		rows = append(rows, pathRow{text: text})
	}
	rows = append(rows, narrowings(p, 0)...)
	last := len(p.Hops)
	if p.Distance > 0 {
		last = max(p.Distance-1, 0)
	}
	for n := 1; n <= last; {
		end := alike1(p, n, last)
		rows = append(rows, routerRow(p, n, end))
		rows = append(rows, narrowings(p, end)...)
		n = end + 1
	}
	return append(rows, targetRows(p)...)
}

// limitText says what holds this host's MTU below that of the interface, if anything does.
func limitText(p *PathMTU) string {
	if p.Max > 0 || p.Limit == host.LimitDevice {
		return ""
	}
	by := "its route"
	switch p.Limit {
	case host.LimitAdvertised:
		by = "the router's advertisement"
	case host.LimitSetting:
		by = "its IPv6 setting"
	}
	return fmt.Sprintf("by %s; the interface takes%s%d", by, nbsp, p.DeviceMTU)
}

// alike1 returns the last hop of the run of silent, or of unasked, hops that begins at n; n itself for a hop that answered.
func alike1(p *PathMTU, n, last int) int {
	asked := n <= len(p.Hops)
	if asked && p.Hops[n-1].Address.IsValid() {
		return n
	}
	for n < last && (n+1 <= len(p.Hops)) == asked && !(asked && p.Hops[n].Address.IsValid()) && len(narrowings(p, n)) == 0 {
		n++
	}
	return n
}

// routerRow is the row of the hops n to end; they are several only where they did not answer.
func routerRow(p *PathMTU, n, end int) pathRow {
	hop, count := fmt.Sprint(n), end-n+1
	if count > 1 {
		hop = fmt.Sprintf("%d-%d", n, end)
	}
	if n > len(p.Hops) {
		return pathRow{hop: hop, address: Plural(count, "router") + ", not asked", sgr: sgrDim}
	}
	h := &p.Hops[n-1]
	if !h.Address.IsValid() {
		return pathRow{hop: hop, address: "no answer", size: arrived(p, end), sgr: sgrDim}
	}
	return pathRow{hop: hop, address: h.Address.String(), rtt: rttText(h), size: arrived(p, n)}
}

func rttText(h *pmtu.Hop) string {
	if h.RTT <= 0 {
		return ""
	}
	return milliseconds(h.RTT) + nbsp + "ms"
}

func size(n int) string {
	if n <= 0 {
		return ""
	}
	return fmt.Sprint(n)
}

// arrived says the length of the largest packet that is known to have come to hop n: what a later hop or the target got
// passed here, and whoever calls a packet too big has seen it. Small probes tell nothing of that.
func arrived(p *PathMTU, n int) string {
	largest := max(p.MTU, p.AtLeast)
	for _, h := range p.Hops[n-1:] {
		largest = max(largest, h.Largest)
	}
	for _, s := range p.Said {
		if s.Hop >= n && s.MTU >= pmtu.MinMTU {
			largest = max(largest, s.Largest)
		}
	}
	if largest < pmtu.MinMTU {
		return ""
	}
	return fmt.Sprint(largest)
}

// targetRows are the rows of the target and of the way back.
func targetRows(p *PathMTU) []pathRow {
	hop := "?"
	if p.Distance > 0 {
		hop = fmt.Sprint(p.Distance)
	}
	r := pathRow{hop: hop, address: p.Target.String(), size: size(cmp.Or(p.MTU, p.AtLeast)), note: targetNote}
	if !p.Reached {
		r.note = "target, no answer"
		var rows []pathRow
		if len(p.Refused) > 0 {
			r.note = "target, not reached"
			first := &p.Refused[0]
			reason, cause := refusal(first)
			text := fmt.Sprintf("%v answers %s, %s: %s", first.Source, reason, times(uint64(first.Count)), cause)
			text = strings.TrimSuffix(text, ": ")
			rows = append(rows, pathRow{hop: markHole, text: text, sgr: sgrBold + sgrRed})
		}
		return append(rows, r)
	}
	if p.RTT > 0 {
		r.rtt = milliseconds(p.RTT) + nbsp + "ms"
	}
	text, sgr := backText(p)
	return []pathRow{r, {hop: "back", text: text, sgr: sgr}}
}

// backText says what is known of the way back.
func backText(p *PathMTU) (text, sgr string) {
	b := p.Return
	switch {
	case b.Hole && b.MTU == 0:
		return "long echoes get no answer, though they arrive there", sgrBold + sgrRed
	case b.Hole:
		return fmt.Sprintf("%d: longer echoes get no answer, though they arrive there", b.MTU), sgrBold + sgrRed
	case b.MTU == 0:
		return fmt.Sprintf("not known: answers to %s are short", kindWord(p.Method)), sgrDim
	case backNarrow(p):
		return backRange(b) + ": longer answers come in fragments, so the target was told", sgrYellow
	}
	return fmt.Sprintf("at least%s%d: answers of that size arrive whole", nbsp, b.MTU), ""
}

// narrowings are the rows of what lies between hop n and the next.
func narrowings(p *PathMTU, n int) []pathRow {
	var rows []pathRow
	for i := range p.Said {
		if s := &p.Said[i]; s.Hop == n && (n > 0 || s.Tunnel) {
			rows = append(rows, saidRow(p, s))
		}
	}
	if text, at := deniedText(p); text != "" && at == n {
		rows = append(rows, pathRow{hop: markHole, text: text, sgr: sgrBold + sgrRed})
	}
	if h := p.Hole; h != nil && !told(h) && h.After == n && (h.After > 0 || h.Before > 0) {
		rows = append(rows, pathRow{hop: markHole, text: holeText(p, h), sgr: sgrBold + sgrRed})
	}
	return rows
}

// deniedText says what keeps long packets back other than a narrow link, and behind which hop; "" for nothing, or where the
// hop is not known.
func deniedText(p *PathMTU) (text string, at int) {
	last := lastStep(p)
	switch {
	case last.Held:
		return fmt.Sprintf("packets of %d bytes are not let out: a filter of this host", last.Size), 0
	case last.Refused:
		name, cause := refusal(&pmtu.Refusal{Code: last.Code})
		i := slices.IndexFunc(p.Hops, func(h pmtu.Hop) bool { return h.Address == last.Source })
		return fmt.Sprintf("packets of %d bytes are refused here, %s: %s", last.Size, name, cause), i + 1
	}
	return "", 0
}

func saidRow(p *PathMTU, s *pmtu.Said) pathRow {
	from := ""
	if s.Hop > 0 && !s.Tunnel && s.Hop <= len(p.Hops) && p.Hops[s.Hop-1].Address != s.Source {
		from = fmt.Sprintf(" (from %v)", s.Source)
	}
	last := lastStep(p)
	switch {
	case (last.Ignored || p.Hole != nil && p.Hole.NotShrinking) && last.MTU == s.MTU && last.Source == s.Source:
		text := fmt.Sprintf("packets of %d bytes are refused here by Packet Too Big %d%s, ", last.Size, s.MTU, from)
		if last.Ignored {
			return pathRow{hop: markHole, text: text + "which hosts discard as less than 1280", sgr: sgrBold + sgrRed}
		}
		return pathRow{hop: markHole, text: text + "which is no less: hosts send the same again", sgr: sgrBold + sgrRed}
	case s.Filtered:
		text := fmt.Sprintf("%d from here on: a Packet Too Big says so%s, but a filter of this host drops it", s.MTU, from)
		return pathRow{hop: markHole, text: text, sgr: sgrBold + sgrRed}
	case s.MTU < pmtu.MinMTU:
		return pathRow{hop: markWrong, text: fmt.Sprintf("Packet Too Big %d%s: less than %d is discarded by hosts",
			s.MTU, from, pmtu.MinMTU), sgr: sgrRed}
	case s.Low:
		text := fmt.Sprintf("Packet Too Big %d%s, but longer packets pass here", s.MTU, from)
		return pathRow{hop: markWrong, text: text, sgr: sgrRed}
	case s.High:
		text := fmt.Sprintf("Packet Too Big %d%s, but packets of that size do not pass here", s.MTU, from)
		return pathRow{hop: markWrong, text: text, sgr: sgrRed}
	case s.Tunnel:
		return pathRow{hop: markNarrow, text: fmt.Sprintf("%d from here on: a tunnel endpoint says so in the target's name", s.MTU),
			sgr: sgrYellow}
	}
	return pathRow{hop: markNarrow, text: fmt.Sprintf("%d from here on: Packet Too Big%s", s.MTU, from), sgr: sgrYellow}
}

// holeText says what vanishes here, and both of what that may be: they look the same from outside (RFC 8201 §4).
func holeText(p *PathMTU, h *pmtu.Hole) string {
	what := "packets of " + sizesText(vanishing(p, h))
	if p.Either {
		what += ", or the answers to them,"
	}
	switch s := what + " vanish without a word "; {
	case h.Before != h.After+1:
		return s + holePlace(p, h) + ": a link is narrower than its router believes, or a filter drops the Packet Too Big"
	case h.After == 0:
		return s + fmt.Sprintf("here: what carries %s (tunnel, bridge, switch) is narrower than it", wayOut(p))
	default:
		return s + fmt.Sprintf("here: the link is narrower than hop%s%d believes, or a filter drops its Packet Too Big",
			nbsp, h.After)
	}
}
