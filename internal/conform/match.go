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
	unknown   rank = iota
	byName         // the interface is called so, which is that of another machine perhaps; only where nothing else tells
	byGuest        // a guest of it speaks, known by its Ethernet address, and may be on the wrong link
	byPrefix       // its prefix is advertised
	byRouter       // a router of it speaks
	byOwnName      // the interface is called so, and the machine itself advertises on it
	bySegment      // VNI or VLAN
	byBoth         // and what is heard there: several VLANs may have one id, on other wires
	alone          // there is nothing else that it could be
)

// match is the expected link that a link of the wire is, as far as that is known.
type match struct {
	rank   rank
	link   *expect.Link
	tied   bool // it may be any of several
	offers map[offerKey]*offer
	order  []*offer
}

// clue is what a packet tells about the link that it is on.
type clue struct {
	prefixes []netip.Prefix // advertised in it
	mac      expect.MAC     // its sender
	outgoing bool           // the capturing host sent it
}

// spot is an expected link in its group. router says that it is a router by which it was found.
type spot struct {
	group  int
	link   *expect.Link
	router bool
}

// directory finds expected links by what a packet tells. A zone has thousands.
type directory struct {
	byMAC       map[expect.MAC][]spot
	byPrefix    map[netip.Prefix][]spot
	byInterface map[string][]spot
	byVNI       map[uint32][]spot
	byVLAN      map[uint32][]spot
}

func newDirectory(groups []group) directory {
	d := directory{make(map[expect.MAC][]spot), make(map[netip.Prefix][]spot), make(map[string][]spot), make(map[uint32][]spot),
		make(map[uint32][]spot)}
	for i := range groups {
		for _, e := range groups[i].links {
			s := spot{group: i, link: e}
			for _, r := range slices.Concat(e.Routers, e.Forbidden) {
				d.byMAC[r.MAC] = append(d.byMAC[r.MAC], spot{i, e, true})
			}
			for _, n := range e.Neighbors {
				d.byMAC[n.MAC] = append(d.byMAC[n.MAC], s)
			}
			for _, p := range e.Prefixes {
				d.byPrefix[p] = append(d.byPrefix[p], s)
			}
			d.byInterface[e.Iface] = append(d.byInterface[e.Iface], s)
			if e.VNI != nil {
				d.byVNI[e.VNI.Number] = append(d.byVNI[e.VNI.Number], s)
			}
			if e.VLAN != nil {
				d.byVLAN[e.VLAN.Number] = append(d.byVLAN[e.VLAN.Number], s)
			}
		}
	}
	delete(d.byMAC, expect.MAC{}) // that is not known
	delete(d.byInterface, "")
	return d
}

// find returns the links that where, or a packet there, points to, each with the rank that follows from all that does.
func (d *directory) find(where packet.Link, k *clue) map[spot]rank {
	found := make(map[spot]rank)
	add := func(list []spot, r rank) {
		for _, s := range list {
			if s.router {
				s.router, r = false, byRouter
			}
			if old := found[s]; old == bySegment || r == bySegment && old > unknown {
				found[s] = byBoth
			} else {
				found[s] = max(old, r)
			}
		}
	}
	if vlan := innerVLAN(where); where.Tunneled {
		add(d.byVNI[where.VNI], bySegment)
	} else if vlan != 0 {
		add(d.byVLAN[vlan], bySegment)
	}
	if k.outgoing {
		add(d.byInterface[where.Interface], byOwnName)
	}
	add(d.byMAC[k.mac], byGuest)
	for _, p := range k.prefixes {
		add(d.byPrefix[p], byPrefix)
	}
	return found
}

func innerVLAN(where packet.Link) uint32 {
	if where.VLANs[1] != 0 {
		return uint32(where.VLANs[1])
	}
	return uint32(where.VLANs[0])
}

// recognize looks which link of each group l is. Where two are as likely, as where networks share a prefix, it is none for now.
// mixed says that the capture does not tell its interfaces apart, so that each packet speaks for itself.
func (c *Checker) recognize(l *link, k *clue, mixed bool) {
	best := make([]match, len(c.groups))
	for s, r := range c.directory.find(l.where, k) {
		b := &best[s.group]
		switch near := closeness(s.link, l.where); {
		case b.link == nil, r > b.rank, r == b.rank && near > closeness(b.link, l.where):
			*b = match{rank: r, link: s.link}
		case r == b.rank && near == closeness(b.link, l.where):
			b.tied = true
		}
	}
	for i := range c.groups {
		g, m, b := &c.groups[i], &l.matches[i], &best[i]
		if g.open {
			*b = match{rank: alone, link: g.links[0]}
		}
		if mixed && b.link != nil {
			m.rank = unknown
		}
		switch {
		case b.tied:
			m.tied = m.link == nil
		case b.rank > m.rank:
			m.rank, m.link, m.tied = b.rank, b.link, false
		}
		g.claimed = g.claimed || m.rank > unknown
	}
}

// closeness tells which of two links that are as likely it is: the one with the name of the interface, and one that is in a
// tunnel or VLAN if it is, or in none.
func closeness(e *expect.Link, where packet.Link) int {
	n := 0
	if e.Iface != "" && e.Iface == where.Interface {
		n += 2
	}
	if (e.VNI != nil) == where.Tunneled && (e.VLAN != nil) == (where.VLANs != [2]uint16{} && !where.Tunneled) {
		n++
	}
	return n
}

// settle decides at the end about links that nothing was recognized in. One that is called as an expected one, which was not
// found elsewhere, is that. Where a group has one link, none of the wire is known to be it, and there is one with
// advertisements, that one it is: a wrong prefix on the only link is what is looked for. Otherwise it cannot be known, and is
// said: to compare nothing must not pass for a good result.
func (c *Checker) settle() {
	for i := range c.groups {
		g := &c.groups[i]
		var heard []*link
		for _, l := range c.order {
			if len(l.order) == 0 || l.matches[i].link != nil {
				continue
			}
			named := slices.IndexFunc(g.links, func(e *expect.Link) bool {
				return e.Iface != "" && e.Iface == l.where.Interface && c.wire(e) == nil
			})
			if named < 0 || !c.settleOn(l, i, match{rank: byName, link: g.links[named]}) {
				heard = append(heard, l)
			}
		}
		if !g.claimed && len(heard) == 1 && len(g.links) == 1 && !contradicts(g.links[0], heard[0].where) &&
			c.settleOn(heard[0], i, match{rank: alone, link: g.links[0]}) {
			continue
		}
		for _, l := range heard {
			c.unmatched(l, g, l.matches[i].tied)
		}
	}
}

// settleOn takes l for what m says, in group i, and compares what was kept of it. It reports false when nothing was.
func (c *Checker) settleOn(l *link, i int, m match) bool {
	compared := false
	for _, r := range l.order {
		compared = compared || len(r.last) > 0
	}
	if !compared {
		return false
	}
	l.matches[i], c.groups[i].claimed = m, true
	for _, r := range l.order {
		c.compareLast(l, &l.matches[i], r)
	}
	return true
}

// contradicts reports whether e is known to be in another segment than where: in another VXLAN or VLAN, or in a VXLAN and not in
// a VLAN.
func contradicts(e *expect.Link, where packet.Link) bool {
	vlan := innerVLAN(where)
	if e.VLAN != nil && vlan == e.VLAN.Number || e.VNI != nil && where.Tunneled && where.VNI == e.VNI.Number {
		return false
	}
	return (e.VNI != nil || e.VLAN != nil) && (where.Tunneled || vlan != 0)
}

func (c *Checker) unmatched(l *link, g *group, tied bool) {
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
	which := "which is none of"
	if tied {
		which = "which may be more than one of"
	}
	c.add(l, nil, finding{id: "expect.unmatched", subject: g.source, place: g.links[0].Place, offset: -1},
		"%s is advertised here, %s %s", prefixes, which, what)
	switch {
	case g.claimed: // something was compared: this may well be a link that nothing is said of
		c.found[len(c.found)-1].Severity = rule.Info
	case tied:
		c.found[len(c.found)-1].Severity = rule.Warning
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
	there := fmt.Sprintf("VNI %d", l.where.VNI)
	if !l.where.Tunneled {
		there = fmt.Sprintf("VLAN %d", innerVLAN(l.where))
	}
	own, place := "", rule.Place{}
	if e.VNI != nil {
		own, place = fmt.Sprintf("VNI %d", e.VNI.Number), e.VNI.Place
	} else {
		own, place = fmt.Sprintf("VLAN %d", e.VLAN.Number), e.VLAN.Place
	}
	c.add(l, o, finding{id: "expect.segment", subject: e.Name, place: place, offset: -1}, "%s is advertised in %s, expected %s", e.Name,
		there, own)
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
