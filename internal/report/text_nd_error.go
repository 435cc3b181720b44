package report

import (
	"cmp"
	"fmt"
	"net/netip"

	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
)

// errorKind is what the errors have in common that are shown together.
type errorKind struct {
	name   string
	source netip.Addr
}

// maxFlows is how many flows are shown of one kind and source.
const maxFlows = 4

// worstErrors returns the errors that want looking at first: flows that ignore Packet Too Big, then by type, code and
// source, and there the most frequent flow.
func worstErrors(list []nd.ErrorGroup) []nd.ErrorGroup {
	rank := func(e *nd.ErrorGroup) int {
		switch {
		case e.Fate == nd.FateIgnored:
			return 0
		case icmp6.Type(e.Type) == icmp6.TypePacketTooBig:
			return 1
		}
		return 2
	}
	return sorted(list, func(a, b nd.ErrorGroup) int {
		return cmp.Or(cmp.Compare(rank(&a), rank(&b)), cmp.Compare(a.Type, b.Type), cmp.Compare(a.Code, b.Code),
			cmp.Compare(a.MTU, b.MTU), a.Source.Compare(b.Source), cmp.Compare(b.Count, a.Count))
	})
}

// errorSection writes the errors by kind and source, and in them by flow. It returns how many entries it wrote.
func (t *Text) errorSection(l *nd.Link) int {
	if len(l.Errors) == 0 {
		return 0
	}
	index := make(map[errorKind]int)
	var groups [][]nd.ErrorGroup
	for _, e := range worstErrors(l.Errors) {
		k := errorKind{errorName(&e), e.Source}
		i, ok := index[k]
		if !ok {
			i = len(groups)
			index[k] = i
			groups = append(groups, nil)
		}
		groups[i] = append(groups[i], e)
	}
	t.line("")
	t.line("ICMPv6 errors")
	n := 0
	for _, g := range firstOf(groups, maxEntries) {
		n += t.errorGroup(g)
	}
	t.andMore(2, len(groups)-maxEntries, "kind")
	return n
}

// errorGroup writes the errors of one kind and source: in one entry where they are about one flow.
func (t *Text) errorGroup(flows []nd.ErrorGroup) int {
	first := &flows[0]
	count, low, high := uint64(0), first.HopLimit, first.HopLimit
	for i := range flows {
		count += flows[i].Count
		low, high = min(low, flows[i].HopLimit), max(high, flows[i].HopLimit)
	}
	head := fmt.Sprintf("%s from %v, %s", errorName(first), first.Source, times(count))
	if low != high {
		head += fmt.Sprintf(", hop limit%s%d to%s%d", nbsp, low, nbsp, high)
	} else if !usualHopLimit(icmp6.Type(first.Type), low) {
		head += fmt.Sprintf(", hop limit%s%d", nbsp, low)
	}
	_, cause := codeWords(icmp6.Type(first.Type), first.Code)
	if cause != "" {
		cause = ". Usually: " + cause
	}
	if len(flows) == 1 {
		t.entry(2, head+": "+flowText(first)+aftermath(first)+cause+".")
		return 1
	}
	t.entry(2, head+", "+Plural(len(flows), "flow")+cause+".")
	for i := range firstOf(flows, maxFlows) {
		e := &flows[i]
		t.entry(4, fmt.Sprintf("%s, %s%s.", flowText(e), times(e.Count), aftermath(e)))
	}
	t.andMore(4, len(flows)-maxFlows, "flow")
	return 1 + min(len(flows), maxFlows)
}

// aftermath says what became of the flow after a Packet Too Big, and what its MTU points to.
func aftermath(e *nd.ErrorGroup) string {
	if icmp6.Type(e.Type) != icmp6.TypePacketTooBig {
		return ""
	}
	var s string
	switch e.Fate {
	case nd.FateShrank:
		s = "; the flow shrank"
		if e.LargestSince > 0 {
			s += fmt.Sprintf(" to%s%d", nbsp, e.LargestSince)
		}
	case nd.FateIgnored:
		s = "; the flow goes on sending too big"
		if e.TooBigSince > 0 {
			s += fmt.Sprintf(" (%s of up to %d bytes)", Plural(e.TooBigSince, "packet"), e.LargestSince)
		}
		s += ": its sender does not get the message, or ignores it"
	case nd.FateQuiet:
		s = "; nothing above 1280" + nbsp + "bytes was seen of the flow since"
	case nd.FateUnclear:
		s = "; the flow goes on, whether in smaller packets cannot be told here"
	case nd.FateUnknown:
		if !e.SeenBefore {
			s = "; the flow's packets are not seen here"
		}
	}
	if e.Encapsulation != "" {
		s += "; " + printable(e.Encapsulation)
	}
	return s
}
