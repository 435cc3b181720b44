package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/pmtu"
)

// maxPathBlocks is how many paths of a capture are told; the rest is counted.
const maxPathBlocks = 32

// Paths writes what a capture proves of each path: first those that look broken, then those that are narrow. Those of which
// only the MSS is known are counted. tooBig is how many Packet Too Big messages there were, those included that tell nothing.
func (t *Text) Paths(list []pmtu.Path, tooBig uint64) {
	all := len(list)
	list = slices.DeleteFunc(slices.Clone(list), func(p pmtu.Path) bool { return pathRank(&p) == mssOnly })
	if len(list) == 0 {
		t.line(t.style.paint(sgrBold, "The capture proves nothing about any path MTU."))
		t.item(0, "", 0, nothingProven(tooBig))
	}
	list = sorted(list, func(a, b pmtu.Path) int { return cmp.Compare(pathRank(&a), pathRank(&b)) })
	for i := range firstOf(list, maxPathBlocks) {
		if i > 0 {
			t.line("")
		}
		t.provenPath(&list[i])
	}
	if len(list) > maxPathBlocks {
		t.line("")
		t.andMore(0, len(list)-maxPathBlocks, "path")
	}
	if n := all - len(list); n > 0 {
		t.line("")
		t.item(0, "", 0, fmt.Sprintf("Of %s only the MSS is known, which tells nothing of what is between the ends.",
			Plural(n, "path")))
	}
}

// nothingProven says what is missing. Packet Too Big messages that are there and say nothing of a path are at fault.
func nothingProven(tooBig uint64) string {
	s := fmt.Sprintf("No packet of more than%s%d bytes in it is known to have arrived, ", nbsp, pmtu.MinMTU)
	if tooBig == 0 {
		return s + "none is called too big, and none is in fragments."
	}
	s += "and none is in fragments. "
	if tooBig == 1 {
		return s + "The one Packet Too Big message says no MTU that a host can use."
	}
	return s + fmt.Sprintf("None of the %s says an MTU that a host can use.", Plural(tooBig, "Packet Too Big message"))
}

// mssOnly is the rank of a path of which nothing is known but what its ends say of their links.
const mssOnly = 5

func pathRank(p *pmtu.Path) int {
	switch {
	case p.Suspected.Size > 0:
		return 0
	case p.AtMost > 0 && p.AtMost < pmtu.MinMTU || p.LargerPassed:
		return 1
	case p.AtMost > 0:
		return 2
	case p.AtLeast > 0:
		return 3
	case p.Fragment > 0:
		return 4
	}
	return mssOnly
}

func (t *Text) provenPath(p *pmtu.Path) {
	sgr := sgrBold
	if p.Suspected.Size > 0 {
		sgr += sgrRed
	}
	for _, l := range wrap(fmt.Sprintf("%v > %v: %s", p.Source, p.Destination, provenHead(p)), t.style.width()) {
		t.line(t.style.paint(sgr, l))
	}
	for _, i := range provenItems(p) {
		t.item(2, i.name, column, i.text)
	}
}

// provenHead says in a sentence what the path MTU can be.
func provenHead(p *pmtu.Path) string {
	if s := p.Suspected; s.Size > 0 {
		return fmt.Sprintf("BLACK HOLE suspected: packets of %d bytes get lost, and of %d do not.", s.Size, max(s.Small, s.Passed))
	}
	switch least, most := p.AtLeast, p.AtMost; {
	case least > 0 && p.AtLeastBy == pmtu.BySeen && most == 0:
		return fmt.Sprintf("path MTU at least%s%d as far as here.", nbsp, least)
	case least == 0 && most == 0:
		return fmt.Sprintf("path MTU%s%d to%s%d, as its sender believes.", nbsp, p.Fragment, nbsp, p.Fragment+7)
	case most == 0:
		return fmt.Sprintf("path MTU at least%s%d.", nbsp, least)
	case least == 0 || p.AtLeastBy == pmtu.BySeen:
		return fmt.Sprintf("path MTU at most%s%d, as %s says.", nbsp, most, mostFrom(p))
	case least == most:
		return fmt.Sprintf("path MTU%s%d.", nbsp, most)
	case least > most:
		return fmt.Sprintf("path MTU at least%s%d, although %s says%s%d.", nbsp, least, mostFrom(p), nbsp, most)
	default:
		return fmt.Sprintf("path MTU between%s%d and%s%d.", nbsp, least, nbsp, most)
	}
}

// mostFrom says who named the least MTU.
func mostFrom(p *pmtu.Path) string {
	if len(p.AtMostFrom) == 0 {
		return "a router"
	}
	return p.AtMostFrom[0].String()
}

// provenItems are the proofs.
func provenItems(p *pmtu.Path) []pmtuItem {
	var items []pmtuItem
	add := func(name, format string, args ...any) {
		items = append(items, pmtuItem{name, fmt.Sprintf(format, args...)})
	}
	if p.AtLeast > 0 {
		add("arrives", "%d%s (frame%s%d)", p.AtLeast, proofWord(p.AtLeastBy), nbsp, p.AtLeastFrame)
	}
	if p.SeenHere > p.AtLeast {
		add("seen here", "up to%s%d on the way", nbsp, p.SeenHere)
	}
	for _, s := range firstOf(p.Said, maxEntries) {
		sizes := fmt.Sprintf("%d", s.Smallest)
		if s.Largest > s.Smallest {
			sizes = fmt.Sprintf("%d to%s%d", s.Smallest, nbsp, s.Largest)
		}
		add("too big", "%d says %v, %s, of packets of %s bytes", s.MTU, s.Source, times(uint64(s.Count)), sizes)
	}
	if p.LargerPassed {
		add("passed", "more than%s%d arrived after that was said: the path has changed, or it is wrong", nbsp, p.AtMost)
	}
	if s := p.Suspected; s.Size > 0 {
		text := fmt.Sprintf("%d bytes were sent %s in %s and not acknowledged", s.Size, times(uint64(s.Sent)), Duration(s.Span))
		if s.Small > 0 {
			text += fmt.Sprintf(", while %d were", s.Small)
		}
		text += fmt.Sprintf(" (frame%s%d)", nbsp, s.Frame)
		if s.Passed > 0 {
			text += fmt.Sprintf("; cut to packets of %d the same data passed, so that it was the size", s.Passed)
		}
		add("hole?", "%s", text)
	}
	if p.Fragment > 0 {
		add("fragments", "the longest first one has%s%d bytes: its sender believes in%s%d to%s%d",
			nbsp, p.Fragment, nbsp, p.Fragment, nbsp, p.Fragment+7)
	}
	if s := mssText(p); s != "" {
		add("MSS", "%s", s)
	}
	return items
}

func proofWord(by pmtu.Proof) string {
	switch by {
	case pmtu.ByEcho:
		return " bytes: answered by an echo as long"
	case pmtu.ByTCPAck:
		return " bytes: acknowledged by TCP"
	}
	return " bytes came as far as here"
}

// mssText says what each end believes of its own link, which is its MSS and the headers.
func mssText(p *pmtu.Path) string {
	const headers = 60
	var parts []string
	if p.SourceMSS > 0 {
		parts = append(parts, fmt.Sprintf("%d from the source, as for a link of%s%d", p.SourceMSS, nbsp, p.SourceMSS+headers))
	}
	if p.DestinationMSS > 0 {
		mtu := p.DestinationMSS + headers
		parts = append(parts, fmt.Sprintf("%d from the destination, as for one of%s%d", p.DestinationMSS, nbsp, mtu))
	}
	return strings.Join(parts, "; ")
}
