package report

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/pmtu"
)

// narrowed says whether and how the path is narrower than what this host may send.
func narrowed(p *PathMTU) string {
	if h := p.Hole; h != nil {
		return ", BLACK HOLE: " + holeHead(p, h) + "."
	}
	switch last := lastStep(p); {
	case last.Held:
		return fmt.Sprintf(", but that is this host's own doing: a filter lets no packet of%s%d bytes out.", nbsp, last.Size)
	case last.Refused:
		name, _ := refusal(&pmtu.Refusal{Code: last.Code})
		return fmt.Sprintf(": %s answers longer packets with %s, from which hosts learn no MTU.", sourceHop(p, last.Source), name)
	}
	if s := firstSaid(p, func(s *pmtu.Said) bool { return s.MTU < pmtu.MinMTU }); s != nil {
		return fmt.Sprintf(", but %s says%s%d, which hosts do not believe: every IPv6 link carries%s%d.",
			sayer(s), nbsp, s.MTU, nbsp, pmtu.MinMTU)
	}
	if s := firstSaid(p, func(s *pmtu.Said) bool { return s.Low || s.High }); s != nil {
		return fmt.Sprintf(", but %s says%s%d in its Packet Too Big: %s.", sayer(s), nbsp, s.MTU, lie(s))
	}
	told := truthful(p)
	switch {
	case p.MTU >= p.Local && p.Max > 0:
		return ", all that was asked for (--max)."
	case p.MTU >= p.Local:
		return ", as wide as this host's link."
	case len(told) == 0:
		return fmt.Sprintf(", less than the%s%d of this host's link.", nbsp, p.Local)
	case len(told) == 1 && told[0].Tunnel:
		return fmt.Sprintf(": %s says so, as it should, but in the target's name.", sayer(&told[0]))
	case len(told) == 1:
		return fmt.Sprintf(": %s says so by Packet Too Big, as it should.", sayer(&told[0]))
	}
	names := make([]string, len(told))
	for i := range told {
		names[i] = sayer(&told[i])
	}
	if hops, ok := hopList(told); ok {
		return fmt.Sprintf(", in %d steps: hops %s say so by Packet Too Big, as they should.", len(told), hops)
	}
	return fmt.Sprintf(", in %d steps: %s say so by Packet Too Big, as they should.", len(told), enumerate(names))
}

// hopList returns "1, 2 and 3" for messages that all come from known hops.
func hopList(said []pmtu.Said) (string, bool) {
	var list []string
	for i := range said {
		if said[i].Tunnel || said[i].Hop == 0 {
			return "", false
		}
		list = append(list, fmt.Sprint(said[i].Hop))
	}
	return enumerate(list), true
}

// enumerate joins a list of no more than a few: "a, b and c"; of a longer one it names the first.
func enumerate(list []string) string {
	const most = 5
	if n := len(list) - most; n > 0 {
		return strings.Join(list[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	if n := len(list) - 1; n > 0 {
		return strings.Join(list[:n], ", ") + " and " + list[n]
	}
	return strings.Join(list, "")
}

// truthful returns what was said of the path's MTU and holds.
func truthful(p *PathMTU) []pmtu.Said {
	return slices.DeleteFunc(slices.Clone(p.Said), func(s pmtu.Said) bool {
		return s.Low || s.High || s.Filtered || s.MTU < pmtu.MinMTU
	})
}

func firstSaid(p *PathMTU, ok func(*pmtu.Said) bool) *pmtu.Said {
	for i := range p.Said {
		if ok(&p.Said[i]) {
			return &p.Said[i]
		}
	}
	return nil
}

// sayer says who sent a Packet Too Big.
func sayer(s *pmtu.Said) string {
	switch {
	case s.Tunnel && s.Hop == 0:
		return "a tunnel endpoint before hop" + nbsp + "1"
	case s.Tunnel:
		return fmt.Sprintf("a tunnel endpoint after hop%s%d", nbsp, s.Hop)
	case s.Hop > 0:
		return fmt.Sprintf("hop%s%d", nbsp, s.Hop)
	}
	return s.Source.String()
}

// lie says what is wrong with the MTU that was said.
func lie(s *pmtu.Said) string {
	if s.Low {
		return "too little, and hosts send less than passes"
	}
	return "too much, and packets of that size do not pass"
}

// holeHead says what vanishes and where.
func holeHead(p *PathMTU, h *pmtu.Hole) string {
	what := "larger packets"
	if low, top := vanishing(p, h); low > p.MTU+1 || top > 0 {
		what = "packets of " + sizesText(low, top)
	}
	if p.Either {
		what += ", or their answers,"
	}
	last := lastStep(p)
	switch {
	case h.Here:
		return what + " are refused, but a filter of this host drops the Packet Too Big that says so"
	case h.NotShrinking:
		return fmt.Sprintf("%s refuses packets of%s%d bytes, but says that%s%d pass",
			sourceHop(p, last.Source), nbsp, last.Size, nbsp, last.MTU)
	}
	return what + " vanish without a word " + holePlace(p, h)
}

// vanishing returns the sizes that get no word: from low on, up to top; 0 is for whatever is longer. Between the path's MTU
// and what vanishes, and beyond it, others may send Packet Too Big as they should.
func vanishing(p *PathMTU, h *pmtu.Hole) (low, top int) {
	low = p.MTU + 1
	if p.MTU == 0 {
		low = h.Size
	}
	for i := range p.Said {
		s := &p.Said[i]
		switch {
		case s.Filtered:
		case s.Smallest <= h.Size:
			low = h.Size
		case top == 0 || int(s.MTU) < top:
			top = max(int(s.MTU), h.Size)
		}
	}
	return low, top
}

// sizesText says sizes from low to top, 0 for whatever is longer.
func sizesText(low, top int) string {
	switch {
	case top == 0:
		return fmt.Sprintf("%d bytes and more", low)
	case top <= low:
		return fmt.Sprintf("%d bytes", low)
	}
	return fmt.Sprintf("%d to%s%d bytes", low, nbsp, top)
}

// lastStep returns the last size of the walk, at which a host hangs where there is a hole.
func lastStep(p *PathMTU) pmtu.Step {
	if len(p.Walk) == 0 {
		return pmtu.Step{}
	}
	return p.Walk[len(p.Walk)-1]
}

// told reports whether a message comes of what the hole swallows, though it does not help: the sender's place is the
// hole's.
func told(h *pmtu.Hole) bool { return h.Here || h.NotShrinking }

// holePlace says between which hops packets vanish.
func holePlace(p *PathMTU, h *pmtu.Hole) string {
	switch {
	case h.Before == 0 && h.After == 0 && p.Distance > 0:
		return fmt.Sprintf("somewhere on the %s to it", Plural(p.Distance, "hop"))
	case h.Before == 0 && h.After == 0:
		return "somewhere on the way"
	case h.Before == 0:
		return fmt.Sprintf("somewhere after hop%s%d", nbsp, h.After)
	}
	return fmt.Sprintf("between %s and %s", hopName(p, h.After), hopName(p, h.Before))
}

func hopName(p *PathMTU, n int) string {
	switch n {
	case 0:
		return "this host"
	case p.Distance:
		return "the target"
	}
	return fmt.Sprintf("hop%s%d", nbsp, n)
}
