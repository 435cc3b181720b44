package nd

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
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

// addrKey is an address on a link.
type addrKey struct {
	link uint32
	addr [16]byte
}

// several reports whether frames of a may be of several stations that are on links of their own: the capture does not
// tell its interfaces apart, and link-local addresses are unique on each link only (RFC 4291 §2.5.6).
func (l *link) several(a netip.Addr) bool { return l.mixed && a.IsLinkLocalUnicast() }

func keyOf(l *link, a netip.Addr) addrKey { return addrKey{l.id, a.As16()} }

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

	observed  bool      // MAC is that of frames from the address: no option has told it yet
	confirmed time.Time // by the last solicited advertisement
	conflict  time.Time // when it was first seen in State InConflict

	// The station that sent from the address, by its Ethernet source, and when it last did. It is sure when it solicited or
	// is a router: one that only advertises the address may be a proxy, and does not take the place of another.
	user     packet.MAC
	userAt   time.Time
	userSure bool
	tester   packet.MAC // the station that tested the address, by its Ethernet source

	// The last Router Advertisement and its router lifetime, and whether an advertisement said R=1.
	advertised time.Time
	lifetime   time.Duration
	saidRouter bool

	before   packet.MAC // MAC before its last change
	changed  time.Time
	flapTold time.Time
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
	n := c.neighbors.table.peek(keyOf(l, a))
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
	now := c.clock.Now
	if n.State != InConflict {
		n.conflict = time.Time{}
	}
	switch n.State {
	case Reachable:
		if !within(n.confirmed, now, c.reachableTime(l)) {
			n.State = Stale
		}
	case Tentative:
		if !within(n.Last, now, testTime) {
			n.State = Stale
		}
	case InConflict:
		if n.conflict.IsZero() {
			n.conflict = now
		}
		if !within(n.conflict, now, conflictHold) {
			n.State, n.conflict = Stale, time.Time{}
		}
	}
}

// heard returns the neighbor with address a, of which p is a sign of life, and makes it if need be.
func (c *Checker) heard(l *link, a netip.Addr, p *packet.Packet) (n *neighbor, isNew bool) {
	key := keyOf(l, a)
	now := c.clock.Now
	n, isNew = c.neighbors.table.add(key)
	if isNew {
		n.Address, n.First = a, p.Frame.Time
	} else {
		c.age(l, n)
		if !within(n.Last, now, copyGap) {
			c.neighbors.table.touch(key)
		}
	}
	n.Last, n.LastFrame = now, p.Frame.Number
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
