package nd

import (
	"fmt"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// maxGroups bounds each of the two lists of the table.
	maxGroups = 4096
	// reportGrace is how much later than the Maximum Response Delay a report may come (RFC 3810 §5.1.3): for a busy host.
	reportGrace = time.Second
	// maxQuerySources is how many of the stations that report are remembered.
	maxQuerySources = 4
	// missedQueries is how many queries in a row a neighbor must miss where its report may have been lost, or hidden.
	missedQueries = 2
)

// listeners are the solicited-node groups of every link: the neighbor whose group it is, and when it was last reported.
// The groups of one host, whose addresses end in the same 24 bits, are one (RFC 4291 §2.7.1). What else hosts listen to
// concerns no neighbor discovery.
type listeners struct {
	era    uint32
	groups table[groupKey, group]
	open   bool // there may be a link whose last query is

	lost ndcheck.Stamp // when frames were last lost to the capture
}

// groupKey is a solicited-node group on a link.
type groupKey struct {
	link uint32
	low  uint32 // the 24 bits at the end of the group's address
}

// group is one solicited-node group. Its neighbor is zero as long as the group is only heard of in reports.
type group struct {
	neighbor    ip
	mac         packet.MAC
	first, last ndcheck.Stamp // when the neighbor was heard
	since       uint32        // the last query at that time
	in, out     bool          // its frames came in at the interface since then, or went out there
	reported    ndcheck.Stamp // zero for never
	judged      uint32        // the last query that it was judged by
	missed      int           // queries in a row
	silent      bool          // that it misses them is told
	querier     netip.Addr

	left   ndcheck.Stamp // when leaver said that it listens no longer, zero for never or when it was reported since
	leaver packet.MAC
}

// queryState is a link's last general query.
type queryState struct {
	query query
	// uncertain says that it was told that the silence of neighbors proves nothing here.
	uncertain bool
}

// query is a general query. Hosts have until due to report.
type query struct {
	number    uint32 // from 1 on, 0 for none
	open      bool   // due is still to come
	querier   netip.Addr
	mac       packet.MAC
	at, due   ndcheck.Stamp
	direction packet.Direction
	reporters [maxQuerySources]packet.MAC
	count     int // of reporters
	reported  int // groups
	missing   int // groups of neighbors that are there, at due
}

func newListeners() listeners { return listeners{groups: newTable[groupKey, group](maxGroups)} }

// beginListeners forgets what is of another era.
func (c *Checker) beginListeners() {
	s := &c.listeners
	if s.era == c.clock.Era {
		return
	}
	s.era = c.clock.Era
	evicted := s.groups.evicted
	s.groups = newTable[groupKey, group](maxGroups)
	s.groups.evicted = evicted
	s.lost = 0
	for _, l := range c.links.order {
		l.query = query{}
	}
}

func groupOf(l *link, a netip.Addr) groupKey {
	return groupKey{l.id, uint32(ipOf(a).low) & 0xffffff}
}

func (k groupKey) hash(s *seed) uint64 { return s.mix(uint64(k.link), uint64(k.low)) }

// address returns the group's address.
func (k groupKey) address() netip.Addr {
	return ip{0xff02 << 48, 1<<32 | 0xff<<24 | uint64(k.low)}.addr()
}

// listenerAlive takes in that p, which receivers accept, came from a neighbor.
func (c *Checker) listenerAlive(l *link, p *packet.Packet) {
	if p.Source.IsUnspecified() || !p.Source.IsValid() {
		return
	}
	c.beginListeners()
	k := groupKey{l.id, uint32(c.this.source.low) & 0xffffff}
	g, isNew := c.listeners.groups.add(k)
	if !isNew {
		c.listeners.groups.touch(k)
	}
	t := c.clock.Packet
	if g.first == 0 {
		g.first = t
	}
	g.last = t
	g.neighbor, g.mac = c.this.source, p.EthernetSource
	if g.since != l.query.number {
		g.since, g.in, g.out = l.query.number, false, false
	}
	g.in = g.in || p.Frame.Direction == packet.Incoming
	g.out = g.out || p.Frame.Direction == packet.Outgoing
	if q := &l.query; q.number > 0 && !q.open {
		c.judgeGroup(l, k, g)
	}
}

// listen takes in an MLD message that receivers accept.
func (c *Checker) listen(l *link, p *packet.Packet) {
	c.beginListeners()
	m := &p.Message
	switch m.Type {
	case icmp6.TypeMLDQuery:
		if q, ok := m.MLDQuery(); ok && q.Group.IsUnspecified() {
			c.generalQuery(l, p, q.MaxResponseDelay)
		}
		return
	case icmp6.TypeMLDReport:
		if a, ok := m.MLDGroup(); ok {
			c.groupReported(l, p, a)
		}
	case icmp6.TypeMLDDone:
		if a, ok := m.MLDGroup(); ok {
			c.groupLeft(l, p, a)
		}
	case icmp6.TypeMLDv2Report:
		for r := range m.MLDRecords() {
			if r.Joins() {
				c.groupReported(l, p, r.Group)
			} else if r.Type == recordToInclude && len(r.Sources) == 0 {
				c.groupLeft(l, p, r.Group)
			}
		}
	}
	c.listenerAlive(l, p)
}

// recordToInclude is CHANGE_TO_INCLUDE_MODE (RFC 3810 §5.2.12): with no source it leaves the group.
const recordToInclude = 3

// generalQuery takes in a general query. One that comes while another is open waits for the same reports, unless its
// answers are due before.
func (c *Checker) generalQuery(l *link, p *packet.Packet, delay time.Duration) {
	t := c.clock.Packet
	due := t.Add(delay + reportGrace)
	if q := &l.query; q.open {
		if c.clock.Stamp > q.due {
			c.sweepListeners(false)
		} else if due >= q.due {
			return
		}
	}
	c.listeners.open = true
	l.query = query{number: l.query.number + 1, open: true, querier: p.Source, mac: p.EthernetSource, at: t, due: due, direction: p.Frame.Direction}
}

// groupReported takes in that the sender of p listens to group a. In version 1 that speaks for all who do, as they keep
// quiet then (RFC 2710 §4); in version 2 it does so where it is about a solicited-node group, which is one host's.
func (c *Checker) groupReported(l *link, p *packet.Packet, a netip.Addr) {
	if !a.IsValid() || !isSolicitedNode(a) {
		return
	}
	at := c.clock.Packet
	k := groupOf(l, a)
	g, isNew := c.listeners.groups.add(k)
	if !isNew {
		c.listeners.groups.touch(k)
	}
	if q := &l.query; q.number > 0 && at >= q.at {
		if g.reported < q.at {
			q.reported++
		}
		if q.count < maxQuerySources && !slices.Contains(q.reporters[:q.count], p.EthernetSource) {
			q.reporters[q.count] = p.EthernetSource
			q.count++
		}
	}
	g.reported, g.missed, g.silent, g.left = at, 0, false, 0
}

// groupLeft takes in that the sender of p no longer listens to group a.
func (c *Checker) groupLeft(l *link, p *packet.Packet, a netip.Addr) {
	if !a.IsValid() || !isSolicitedNode(a) {
		return
	}
	if g := c.listeners.groups.peek(groupOf(l, a)); g != nil {
		*g = group{left: c.clock.Stamp, leaver: p.EthernetSource}
	}
}

// saidGoodbye returns when n left its solicited-node group, if that is the last that was heard of it.
func (c *Checker) saidGoodbye(l *link, n *neighbor) (when ndcheck.Stamp, ok bool) {
	if c.listeners.era != c.clock.Era {
		return when, false
	}
	g := c.listeners.groups.peek(groupOf(l, n.Address))
	ok = g != nil && g.left != 0 && g.leaver == n.MAC && g.left >= n.last
	if ok {
		when = g.left
	}
	return when, ok
}

// sweepListeners judges the neighbors of links whose query had its time. end says that nothing more will come.
func (c *Checker) sweepListeners(end bool) {
	c.beginListeners()
	if end {
		defer c.endListeners()
	}
	if !c.listeners.open {
		return
	}
	due, open := false, false
	for _, l := range c.links.order {
		if l.query.open && c.clock.Stamp > l.query.due {
			due = true
		}
	}
	if !due {
		return
	}
	c.eachSilent(func(l *link, _ groupKey, _ *group) { l.query.missing++ })
	c.eachSilent(c.judgeGroup)
	for _, l := range c.links.order {
		if l.query.open && c.clock.Stamp > l.query.due {
			l.query.open = false
		}
		open = open || l.query.open
	}
	c.listeners.open = open
}

// eachSilent calls f for each group that was not reported after a query that had its time.
func (c *Checker) eachSilent(f func(*link, groupKey, *group)) {
	c.listeners.groups.each(func(k groupKey, g *group) {
		if l := c.links.order[k.link]; l.query.open && c.clock.Stamp > l.query.due && l.query.silentIs(g) {
			f(l, k, g)
		}
	})
}

// missedBy reports whether the neighbor of g was there before q and still when its time to report was over, and did not
// report the group since. One that was heard sooner only may have left without having had to.
func (q *query) missedBy(g *group) bool {
	return q.silentIs(g) && g.last >= q.due.Add(-reportGrace)
}

// silentIs reports whether the neighbor of g was there before q and after it, and did not report the group since. The
// querier itself need not.
func (q *query) silentIs(g *group) bool {
	return g.first != 0 && g.first < q.at && g.last > q.at && g.reported < q.at &&
		g.mac != q.mac && ipOf(q.querier) != g.neighbor
}

// judgeGroup judges whether the silence of g's neighbor after the link's query proves anything.
func (c *Checker) judgeGroup(l *link, k groupKey, g *group) {
	q := &l.query
	if g.judged == q.number || !q.missedBy(g) {
		return
	}
	g.judged = q.number
	g.querier = q.querier
	if c.listeners.lost >= q.at {
		c.doubtGroup(l, k, g, "frames were lost to this capture meanwhile, and the report may have been among them")
		return
	}
	g.missed++
	others := q.count
	if slices.Contains(q.reporters[:q.count], g.mac) {
		others--
	}
	switch {
	case q.faces(l, g):
	case q.direction != packet.DirectionUnknown && (g.in || g.out), others < missedQueries, q.reported < q.missing:
		c.doubtGroup(l, k, g, "whether there was one cannot be known here, as a bridge that snoops passes reports on to routers alone")
		return
	case g.missed < missedQueries:
		return
	}
	if g.silent {
		return
	}
	g.silent = true
	neighbor := g.neighbor.addr()
	after := "was not heard to report the group before"
	if g.reported != 0 {
		after = fmt.Sprintf("reported the group %s before", seconds(q.at.Sub(g.reported)))
	}
	what := "a general query"
	if g.missed > 1 {
		what = fmt.Sprintf("%d general queries in a row", g.missed)
	}
	f := c.add(l, "mld.no-report", fmt.Sprintf("%v is there and sent no report for %v within %s of %s of %v; it %s: a bridge that snoops "+
		"forgets it, and then nobody's solicitations reach it any more", neighbor, k.address(), seconds(q.due.Sub(q.at)), what, q.querier, after))
	f.Source, f.Subject = neighbor, k.address().String()
}

// faces reports whether q and what g's neighbor sends pass the interface in opposite directions: then its reports, which
// go to where the query came from, pass there too. A bridge that snoops hides them from others.
func (q *query) faces(l *link, g *group) bool {
	if l.mixed || g.in && g.out {
		return false
	}
	return q.direction == packet.Outgoing && g.in || q.direction == packet.Incoming && g.out
}

// doubtGroup tells once a link why the silence of g's neighbor proves nothing there.
func (c *Checker) doubtGroup(l *link, k groupKey, g *group, why string) {
	if l.uncertain {
		return
	}
	l.uncertain = true
	f := c.add(l, "mld.no-report", fmt.Sprintf("after a general query of %v no report was seen for %v, the group of %v, which is there; %s",
		g.querier, k.address(), g.neighbor.addr(), why))
	f.Severity, f.Subject = rule.Info, "cannot know"
}

// endListeners tells at the end of neighbors that missed a query where only two in a row prove something.
func (c *Checker) endListeners() {
	c.listeners.groups.each(func(k groupKey, g *group) {
		if l := c.links.order[k.link]; g.missed > 0 && g.missed < missedQueries && !g.silent {
			c.doubtGroup(l, k, g, "that may be a report lost, which cannot be known before the next query")
		}
	})
}

// silentGroup reports whether the group that solicitations for a go to is one that a querier hears nothing of.
func (c *Checker) silentGroup(l *link, a netip.Addr) bool {
	if !a.IsValid() || c.listeners.era != c.clock.Era {
		return false
	}
	g := c.listeners.groups.peek(groupOf(l, a))
	return g != nil && g.silent
}

func (c *Checker) viewListeners(l *link, v *Link) {
	c.listeners.groups.each(func(k groupKey, g *group) {
		if k.link == l.id && g.silent {
			v.Silent = append(v.Silent, SilentGroup{Group: k.address(), Neighbor: g.neighbor.addr(), Querier: g.querier,
				Missed: g.missed, Last: g.last.Time()})
		}
	})
	slices.SortFunc(v.Silent, func(a, b SilentGroup) int { return a.Neighbor.Compare(b.Neighbor) })
}
