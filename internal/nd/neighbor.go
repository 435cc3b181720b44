package nd

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

const (
	// maxNeighbors is half of how many neighbors are kept on all links together, each with some 400 bytes.
	maxNeighbors = 4096

	// copyGap is how far apart copies of one frame may be, as a mirror port or a capture on several interfaces makes them.
	copyGap = 10 * time.Millisecond
	// testTime is how long an address stays tentative after its last test: RETRANS_TIMER, after which its owner uses it
	// (RFC 4862 §5.4), and some more for an owner that is busy.
	testTime = 3 * time.Second
	// conflictHold is how long a neighbor is shown in conflict after the last proof of it.
	conflictHold = time.Minute
	// flapWindow is how soon a neighbor must be back at the link-layer address that it had for that to be flapping.
	flapWindow = time.Minute
)

// The variables of an interface that Router Advertisements may set: their defaults (RFC 4861 §10) and bounds
// (§6.2.1 for ReachableTime; our own for RetransTimer).
const (
	defaultReachableTime = 30 * time.Second
	maxReachableTime     = time.Hour
	defaultRetransTimer  = time.Second
	minRetransTimer      = 100 * time.Millisecond
	maxRetransTimer      = 10 * time.Second
)

// several reports whether frames of a may be of several stations that are on links of their own: the capture does not
// tell its interfaces apart, and link-local addresses are unique on each link only (RFC 4291 §2.5.6).
func (l *link) several(a netip.Addr) bool { return l.mixed && a.IsLinkLocalUnicast() }

// neighbors is the neighbor cache of every link.
type neighbors struct {
	table table[addrKey, neighbor]
	links []routed // by link.id
}

// routed is what routers have said to a link.
type routed struct {
	router             bool          // there is one
	reachable, retrans time.Duration // 0 for what they leave open
}

// neighbor is a Neighbor and what is known besides what is shown.
type neighbor struct {
	Neighbor

	last ndcheck.Stamp // of Last

	observed  bool          // MAC is that of frames from the address: no option has told it yet
	confirmed ndcheck.Stamp // by the last solicited advertisement
	conflict  ndcheck.Stamp // when it was first seen in State InConflict

	// The station that sent from the address, by its Ethernet source, and when it last did. It is sure when it solicited or
	// is a router: one that only advertises the address may be a proxy, and does not take the place of another.
	user     packet.MAC
	userAt   ndcheck.Stamp
	userSure bool
	tester   packet.MAC // the station that tested the address, by its Ethernet source

	// The last Router Advertisement and its router lifetime, and whether an advertisement said R=1.
	advertised ndcheck.Stamp
	lifetime   time.Duration
	saidRouter bool

	before   packet.MAC // MAC before its last change
	changed  ndcheck.Stamp
	flapTold ndcheck.Stamp
}

func newNeighbors() neighbors { return neighbors{table: newTable[addrKey, neighbor](maxNeighbors)} }

// known returns what is known of address a, or nil. The pointer is good until the next packet.
func (c *Checker) known(l *link, a netip.Addr) *Neighbor {
	if n := c.neighbor(l, a); n != nil {
		return &n.Neighbor
	}
	return nil
}

func (c *Checker) neighbor(l *link, a netip.Addr) *neighbor {
	if !a.IsValid() {
		return nil
	}
	return c.neighborAt(l, ipOf(a))
}

func (c *Checker) neighborAt(l *link, a ip) *neighbor {
	n := c.neighbors.table.peek(l.key(a))
	if n != nil {
		c.age(l, n)
	}
	return n
}

// eachNeighbor calls f for every neighbor of l.
func (c *Checker) eachNeighbor(l *link, f func(*Neighbor)) {
	c.neighbors.table.each(func(k addrKey, n *neighbor) {
		if k.link == l.id {
			c.age(l, n)
			f(&n.Neighbor)
		}
	})
}

// age takes n from the states that end by themselves.
func (c *Checker) age(l *link, n *neighbor) {
	now := c.clock.Stamp
	if n.State != InConflict {
		n.conflict = 0
	}
	switch n.State {
	case Reachable:
		if !within(n.confirmed, now, c.reachableTime(l)) {
			n.State = Stale
		}
	case Tentative:
		if !within(n.last, now, testTime) {
			n.State = Stale
		}
	case InConflict:
		if n.conflict == 0 {
			n.conflict = now
		}
		if !within(n.conflict, now, conflictHold) {
			n.State, n.conflict = Stale, 0
		}
	}
}

// heard returns the neighbor with address a, which is key's, of which p is a sign of life, and makes it if need be.
func (c *Checker) heard(l *link, key ip, a netip.Addr, p *packet.Packet) (n *neighbor, isNew bool) {
	k := l.key(key)
	now := c.clock.Stamp
	n, isNew = c.neighbors.table.add(k)
	if isNew {
		n.Address, n.First = a, p.Frame.Time
	} else {
		c.age(l, n)
		if !within(n.last, now, copyGap) {
			c.neighbors.table.touch(k)
		}
	}
	n.last, n.Last, n.LastFrame = now, c.clock.Now, p.Frame.Number
	return n, isNew
}

// routed returns what routers have said to l.
func (c *Checker) routed(l *link) *routed {
	for len(c.neighbors.links) <= int(l.id) {
		c.neighbors.links = append(c.neighbors.links, routed{})
	}
	return &c.neighbors.links[l.id]
}

// hasRouter reports whether a router was heard on l.
func (c *Checker) hasRouter(l *link) bool { return c.routed(l).router }

// reachableTime is how long a neighbor stays reachable on l (RFC 4861 §6.3.4).
func (c *Checker) reachableTime(l *link) time.Duration {
	return cmp.Or(c.routed(l).reachable, defaultReachableTime)
}

// retransTimer is how long hosts on l wait for an answer. Not every host takes it over from a router.
func (c *Checker) retransTimer(l *link) time.Duration {
	return cmp.Or(c.routed(l).retrans, defaultRetransTimer)
}

// setTimers takes over what an RA says of l.
func (c *Checker) setTimers(l *link, ra *icmp6.RouterFields) {
	r := c.routed(l)
	if ra.ReachableTime > 0 {
		r.reachable = min(time.Duration(ra.ReachableTime)*time.Millisecond, maxReachableTime)
	}
	if ra.RetransTimer > 0 {
		r.retrans = min(max(time.Duration(ra.RetransTimer)*time.Millisecond, minRetransTimer), maxRetransTimer)
	}
}

func (c *Checker) viewNeighbors(l *link, v *Link) {
	c.eachNeighbor(l, func(n *Neighbor) { v.Neighbors = append(v.Neighbors, *n) })
	slices.SortFunc(v.Neighbors, func(a, b Neighbor) int { return a.Address.Compare(b.Address) })
	v.Forgotten = c.neighbors.table.evicted
}
