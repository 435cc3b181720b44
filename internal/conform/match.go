package conform

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// group is the expected links of one source, of which one may be a link of the wire.
type group struct {
	source string
	links  []*expect.Link
	// open says that there is one only, which may be any link.
	open bool
	// claimed says that a link of the wire is known to be one of them.
	claimed bool
}

// groupBySource puts links together by their sources. What CloudStack says in several files is one.
func groupBySource(links []*expect.Link) []group {
	var groups []group
	for _, l := range links {
		source := l.Place.File
		if l.CloudStack {
			source = "CloudStack"
		}
		i := slices.IndexFunc(groups, func(g group) bool { return g.source == source })
		if i < 0 {
			i = len(groups)
			groups = append(groups, group{source: source})
		}
		groups[i].links = append(groups[i].links, l)
	}
	for i := range groups {
		only := groups[i].links[0]
		groups[i].open = len(groups[i].links) == 1 && only.Iface == "" && only.VNI == nil && only.VLAN == nil && !only.CloudStack
	}
	return groups
}

// rank is how sure it is that a link of the wire is an expected one.
type rank int

const (
	unknown rank = iota
	byName       // the interface is called so, which is that of another machine perhaps
	byPrefix
	byMachine // a machine of it speaks, known by its Ethernet address
	byOwnName // and the machine itself advertises on it
	bySegment // VNI or VLAN
	byBoth    // and what is heard there: several VLANs may have one id, on other wires
	alone     // there is nothing else that it could be
)

// match is the expected link that a link of the wire is, as far as that is known.
type match struct {
	rank   rank
	link   *expect.Link
	offers []offer
}

// clue is what a packet tells about the link that it is on.
type clue struct {
	prefixes []netip.Prefix // advertised in it
	mac      expect.MAC     // its sender
	outgoing bool           // the capturing host sent it
}

// recognize looks which link of each group l is. Where two are as likely, as where networks share a prefix, it is none for now.
func (c *Checker) recognize(l *link, k *clue) {
	for i := range c.groups {
		g, m := &c.groups[i], &l.matches[i]
		var best *expect.Link
		most, ties := unknown, 0
		for _, e := range g.links {
			r := g.rank(e, l.where, k)
			switch closer := alike(e, l.where) && (best == nil || !alike(best, l.where)); {
			case r > most, r == most && r > unknown && closer:
				best, most, ties = e, r, 0
			case r == most && r > unknown && alike(e, l.where) == alike(best, l.where):
				ties++
			}
		}
		if ties == 0 && most > m.rank {
			if m.link != best {
				m.link, m.offers = best, nil
			}
			m.rank = most
		}
		g.claimed = g.claimed || m.rank > unknown
	}
}

// alike reports whether e and where are both in a tunnel or VLAN, or both in none. Of two that are as likely it is the one.
func alike(e *expect.Link, where packet.Link) bool {
	return (e.VNI != nil) == where.Tunneled && (e.VLAN != nil) == (where.VLANs != [2]uint16{} && !where.Tunneled)
}

// rank tells how sure it is that e is the link called where.
func (g *group) rank(e *expect.Link, where packet.Link, k *clue) rank {
	vlan := uint32(where.VLANs[1])
	if vlan == 0 {
		vlan = uint32(where.VLANs[0])
	}
	prefix := slices.ContainsFunc(e.Prefixes, func(p netip.Prefix) bool { return slices.Contains(k.prefixes, p) })
	machine := k.mac != (expect.MAC{}) && has(e, k.mac)
	switch {
	case g.open:
		return alone
	case where.Tunneled && e.VNI != nil && e.VNI.Number == where.VNI,
		!where.Tunneled && vlan != 0 && e.VLAN != nil && e.VLAN.Number == vlan:
		if prefix || machine {
			return byBoth
		}
		return bySegment
	case k.outgoing && e.Iface != "" && e.Iface == where.Interface:
		return byOwnName
	case machine:
		return byMachine
	case prefix:
		return byPrefix
	case e.Iface != "" && e.Iface == where.Interface:
		return byName
	}
	return unknown
}

// settle decides at the end about links that nothing was recognized in. Where a group has one link, none of the wire is known
// to be it, and there is one with advertisements, that one it is: a wrong prefix on the only link is what is looked for.
// Otherwise it cannot be known, and is said: to compare nothing must not pass for a good result.
func (c *Checker) settle() {
	for i := range c.groups {
		g := &c.groups[i]
		var heard []*link
		for _, l := range c.order {
			if len(l.order) > 0 && l.matches[i].link == nil {
				heard = append(heard, l)
			}
		}
		if !g.claimed && len(heard) == 1 && len(g.links) == 1 && !contradicts(g.links[0], heard[0].where) {
			l := heard[0]
			l.matches[i] = match{rank: alone, link: g.links[0]}
			for _, r := range l.order {
				c.compareLast(l, &l.matches[i], r)
			}
			continue
		}
		for _, l := range heard {
			c.unmatched(l, g)
		}
	}
}

// contradicts reports whether e is known to be in another segment than where.
func contradicts(e *expect.Link, where packet.Link) bool {
	return where.Tunneled && e.VNI != nil && e.VNI.Number != where.VNI ||
		!where.Tunneled && e.VLAN != nil && (where.VLANs[0] != 0 || where.VLANs[1] != 0)
}

func (c *Checker) unmatched(l *link, g *group) {
	var names []string
	for _, e := range g.links {
		names = append(names, e.Name)
	}
	what := strings.Join(names[:min(len(names), 4)], ", ")
	if n := len(names) - 4; n > 0 {
		what += fmt.Sprintf(" and %d more", n)
	}
	prefixes := "no prefix"
	if len(l.prefixes) > 0 {
		prefixes = fmt.Sprint(l.prefixes[0])
	}
	c.add(l, nil, finding{id: "expect.unmatched", subject: g.source, place: g.links[0].Place, offset: -1},
		"%s is advertised here, which is none of %s", prefixes, what)
	if g.claimed { // something was compared: this may well be a link that nothing is said of
		c.found[len(c.found)-1].Severity = rule.Info
	}
}

// checkSegment compares the segment that l is on with that of the network that is advertised there.
func (c *Checker) checkSegment(l *link, o *origin, m *match) {
	if m.rank < bySegment && contradicts(m.link, l.where) {
		c.segment(l, o, m.link)
	}
}

// segment reports that e is advertised on l, which is another segment than its own.
func (c *Checker) segment(l *link, o *origin, e *expect.Link) {
	if l.where.Tunneled {
		c.add(l, o, finding{id: "expect.segment", subject: e.Name, place: e.VNI.Place, offset: -1},
			"%s is advertised in VNI %d, expected VNI %d", e.Name, l.where.VNI, e.VNI.Number)
		return
	}
	c.add(l, o, finding{id: "expect.segment", subject: e.Name, place: e.VLAN.Place, offset: -1},
		"%s is advertised on %s, expected VLAN %d", e.Name, l.text, e.VLAN.Number)
}

// flaws tells what is wrong with the expectation of the links that were seen. A file may describe a whole zone, of which the
// rest is of no interest here.
func (c *Checker) flaws() {
	for i := range c.want.Flaws {
		f := &c.want.Flaws[i]
		concerned := len(c.want.Links) == 1
		for _, l := range c.order {
			for j := range l.matches {
				concerned = concerned || l.matches[j].link != nil && l.matches[j].link.Name == f.Link
			}
		}
		if !concerned {
			continue
		}
		c.found = append(c.found, rule.Finding{Rule: f.Rule, Severity: f.Severity, Detail: f.Detail, Fix: f.Fix, Expected: f.Place,
			Subject: f.Place.String(), Offset: -1})
	}
}

// has reports whether a machine with that address is expected on e, or expected not to advertise there.
func has(e *expect.Link, mac expect.MAC) bool {
	router := func(r expect.Router) bool { return r.MAC == mac }
	return slices.ContainsFunc(e.Routers, router) || slices.ContainsFunc(e.Forbidden, router) ||
		slices.ContainsFunc(e.Neighbors, func(n expect.Neighbor) bool { return n.MAC == mac })
}
