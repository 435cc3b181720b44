package trace

import (
	"cmp"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// cutOff is how close to the end of the capture a message may begin that is not judged: not all of it may have been seen.
const cutOff = 50 * time.Millisecond

// Finish ends the following. end is when the capture ended.
func (c *Checker) Finish(end time.Time) {
	for len(c.order) > 0 {
		j := c.order[0]
		if end.Sub(j.first) >= cutOff {
			c.close(j)
			continue
		}
		delete(c.open, j.key)
		c.order = c.order[1:]
	}
}

// Paths returns what was followed: advertisements first, then by type, the most frequent first. It is valid after Finish.
func (c *Checker) Paths() []Path {
	c.suspect()
	list := make([]Path, len(c.paths))
	for i, p := range c.paths {
		list[i] = *p
	}
	rank := func(p Path) int {
		return slices.Index([]icmp6.Type{icmp6.TypeRouterAdvertisement, icmp6.TypeRouterSolicitation,
			icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement}, p.Type)
	}
	slices.SortStableFunc(list, func(a, b Path) int {
		return cmp.Or(cmp.Compare(rank(a), rank(b)), cmp.Compare(b.Count, a.Count))
	})
	return list
}

// suspect takes back that a machine may be no router where no other one advertises, and names the other one.
func (c *Checker) suspect() {
	for _, p := range c.paths {
		p.Other = netip.Addr{}
		for router := range c.served {
			if router != p.Source && (!p.Other.IsValid() || router.Less(p.Other)) {
				p.Other = router
			}
		}
		p.Suspect = p.Suspect && p.Other.IsValid()
	}
}

// Judge returns what is wrong with the paths. unsure says that the capture lost frames, so that what was not seen may have
// been there. reason, which may be nil, says why the kernel dropped what did not come out of a port, "" where that is not
// known.
func Judge(paths []Path, strays []Stray, unsure bool, reason func(p *Path, port string) string) []rule.Finding {
	var found []rule.Finding
	for _, s := range strays {
		detail := fmt.Sprintf("VXLAN of VNI %d comes from %v to UDP port %d, %s, and %s listens to %d", s.VNI, s.From, s.Port,
			times(s.Count), s.Overlay, s.Listens)
		found = append(found, checklist.Finding("kvm.vxlan-port", s.Overlay, detail, ""))
	}
	for i := range paths {
		p := &paths[i]
		if p.Test {
			found = append(found, p.guard()...)
			continue
		}
		if p.Rogue || p.Suspect {
			found = append(found, p.rogue()...)
			continue
		}
		if !unsure {
			found = append(found, p.lost(reason)...)
		}
	}
	return found
}

// rogue judges an advertisement of a machine that is no router, or may be none.
func (p *Path) rogue() []rule.Finding {
	passed := p.passed()
	detail := fmt.Sprintf("the machine behind %s (%v) advertises itself as %v", p.From, text(p.MAC), p.Source)
	if p.Disguise != "" {
		detail += ", " + p.Disguise
	}
	detail += ", " + times(p.Count)
	if passed == "" && p.Nowhere == p.Count {
		detail += "; none of it came out of another port"
	}
	f := checklist.Finding("ra.from-guest", p.From+p.Disguise, detail, "")
	f.Source = p.Source
	if p.Suspect {
		f.Detail += fmt.Sprintf(", though router %v serves this network: unless both are meant to, one of them does not belong "+
			"there", p.Other)
		return []rule.Finding{f}
	}
	return append([]rule.Finding{f}, p.guard()...)
}

// guard judges that an advertisement passed which should not.
func (p *Path) guard() []rule.Finding {
	passed := p.passed()
	if passed == "" {
		return nil
	}
	detail := fmt.Sprintf("the advertisement of %v from %s%s came out of %s", p.Source, p.From, before(", ", p.Disguise), passed)
	fix := fmt.Sprintf("drop it where it comes in: `nft add rule bridge TABLE CHAIN iifname \"%s\" icmpv6 type nd-router-advert drop` "+
		"in a forward chain, and for what comes in fragments `… exthdr frag exists drop`; or turn on security groups for the zone", p.From)
	f := checklist.Finding("kvm.guard-passed", p.From+p.Disguise, detail, fix)
	f.Source = p.Source
	return []rule.Finding{f}
}

// passed names the ports by which messages came out, with how many.
func (p *Path) passed() string {
	var list []string
	for _, e := range p.Exits {
		if e.Seen > 0 && e.Port != p.From { // a hairpin's own
			list = append(list, fmt.Sprintf("%s (%d of %d)", e.Port, e.Seen, p.Count))
		}
	}
	return strings.Join(list, ", ")
}

// lost judges what did not come out where it should.
func (p *Path) lost(reason func(p *Path, port string) string) []rule.Finding {
	var found []rule.Finding
	if p.Untaken != "" {
		found = append(found, p.finding(p.Untaken, 0, "came to this host in VXLAN %d from %v, and %s did not take it: %s", p.Tunnel.VNI,
			p.Tunnel.Source, p.Untaken, times(p.Count)))
	}
	for _, e := range p.Exits {
		switch {
		case e.Missed > 0:
			f := p.finding(e.Port, e.Seen, "from %s did not come out of %s: %s", p.entry(), e.Port, ofAll(e.Missed, e.Missed+e.Seen))
			if reason != nil {
				f.Detail += before("; ", reason(p, e.Port))
			}
			found = append(found, f)
		case e.Kind == Overlay && !e.Hidden && e.Below < e.Seen:
			found = append(found, p.finding(e.Port+" below", e.Below, "from %s went into %s and did not leave this host: %s", p.entry(), e.Port,
				ofAll(e.Seen-e.Below, e.Seen)))
		}
	}
	return found
}

// finding says that messages were lost at a place. Where some got through it is a warning.
func (p *Path) finding(place string, through uint64, format string, args ...any) rule.Finding {
	detail := fmt.Sprintf("%s of %s ", p.Name(), p.sender()) + fmt.Sprintf(format, args...)
	f := checklist.Finding("kvm.lost", p.From+" "+place+" "+p.Name(), detail, "")
	f.Source = p.Source
	if through > 0 {
		f.Severity = rule.Warning
	}
	return f
}

// Name is what the messages are called: "the Router Advertisement".
func (p *Path) Name() string {
	names := [...]string{"Router Solicitation", "Router Advertisement", "Neighbor Solicitation", "Neighbor Advertisement"}
	return names[p.Type-icmp6.TypeRouterSolicitation]
}

func (p *Path) sender() string {
	s := p.Source.String()
	if p.Target.IsValid() {
		s += " about " + p.Target.String()
	}
	return s
}

func (p *Path) entry() string {
	if p.From == "" {
		return "a port that was not seen"
	}
	return p.From
}

func before(sep, s string) string {
	if s == "" {
		return ""
	}
	return sep + s
}

func times(n uint64) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

func ofAll(n, all uint64) string {
	if n == all {
		return times(n)
	}
	return fmt.Sprintf("%d of %d", n, all)
}

func text(m [6]byte) string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}
