// Package ra judges Router Advertisements and Router Solicitations: each by itself, against the other routers of its
// link, and against what the same router said before (RFC 4861 §6). It keeps the picture of each link that a report shows.
package ra

import (
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Options says what a Checker cannot see for itself.
type Options struct {
	// The machines that are known to be routers, by their link-local addresses or their Ethernet addresses; none of either when
	// nobody said.
	Routers []netip.Addr
	MACs    []packet.MAC
}

// knows reports whether r is a router for sure.
func (o *Options) knows(r *Router) bool {
	return slices.Contains(o.Routers, r.Source) || slices.Contains(o.MACs, r.MAC)
}

// Checker judges packets in the order of their capture. Packet time is its only clock. What it keeps is bounded.
type Checker struct {
	options Options
	seed    maphash.Seed
	report  ndcheck.Report

	links   map[packet.Link]*Link
	order   []*Link // those with an RA or RS, in the order of their first
	routers int     // on all links
	hosts   int     // on all links
	kept    int     // Router.bytes of all routers
	recent  *Link   // the last one that was looked for; nil for none

	// To be used again.
	ranks   []uint64
	scratch []byte
	spares  spares

	passed passed
	lost   Evicted // as far as no Link and no Router counts it any longer

	clock ndcheck.Clock
	now   instant // of the packet
	// The speaker of its sender's row, see routerState.
	speaker *Router
	heard   uint64 // Router Advertisements
	unseen  uint64 // frames that were lost to the capture
}

// New returns a Checker that has seen nothing.
func New(o Options) *Checker {
	return &Checker{options: o, seed: maphash.MakeSeed(), links: make(map[packet.Link]*Link), passed: newPassed()}
}

// Packet judges one packet and takes it into the picture. The findings are about this packet, or were proved by it. The
// slice is valid until the next call.
func (c *Checker) Packet(p *packet.Packet) []rule.Finding {
	c.report.Reset(p)
	c.clock.Tick(p.Frame.Time)
	c.unseen += p.Frame.Lost
	c.now = instantOf(p.Frame.Time)
	switch {
	case p.IsICMPv6 && p.Message.Type == icmp6.TypeRouterAdvertisement:
		if p.IsPiece() {
			checkRA(&c.report)
		} else {
			c.advertisement(p)
		}
	case p.IsICMPv6 && p.Message.Type == icmp6.TypeRouterSolicitation:
		checkRS(&c.report)
		if !p.IsPiece() {
			c.solicitation(p)
		}
	case p.IsICMPv6 && p.Message.Type.IsND():
		// The rest of Neighbor Discovery is not looked at here.
	default:
		ndcheck.Message(&c.report) // a damaged fragment may hide a Router Advertisement
		if p.Protocol == protocolUDP {
			c.dhcpv6(p)
		}
	}
	return c.report.Findings
}

// Links returns the picture of every link on which an RA or RS was seen, in the order of their first. They change with the
// next packet: what is forgotten for lack of room is used again.
func (c *Checker) Links() []*Link {
	for _, l := range c.order {
		l.now, l.era = instantOf(c.clock.Now), c.clock.Era
	}
	return slices.Clone(c.order)
}

// Forgotten returns how many links were forgotten for lack of room. One that comes back is not judged by what it lacks.
func (c *Checker) Forgotten() uint64 { return c.lost.Links }

// Link is what was seen on one layer-2 segment.
type Link struct {
	Where        packet.Link
	MTU          int        // of the interface it was captured on, 0 when unknown or when the link is inside a tunnel
	HardwareAddr packet.MAC // of that interface, zero when unknown
	Routers      []*Router  // in the order of their first RA
	Hosts        []*Host    // hosts that solicited, in the order of their first RS

	Advertisements uint64 // seen, whether receivers drop them or not
	// Routers and hosts that were forgotten for lack of room; one that came back is counted again.
	EvictedRouters, EvictedHosts uint64
	// What hosts hold of prefixes that was forgotten, so that a cut of their lifetimes is not seen.
	EvictedPrefixes uint64
	Untold          bool // more routers contradict each other than are named
	Flooded         bool // ra.flood was told

	DHCPv6Asked   bool // a client's Solicit or Information-request was seen
	DHCPv6Answers bool // a server's message was seen, or a client's that only follows one

	linkState
}

// Router is one source of RAs.
type Router struct {
	Source   netip.Addr
	MAC      packet.MAC
	HasMAC   bool
	Outgoing bool            // sent by the capturing host itself
	Tunnels  []packet.Tunnel // around its last RA
	// Twin says that another machine, told apart by its Ethernet address, speaks as the same router at the same time and
	// gives other prefixes. Two that say the same may be one, as in a bond.
	Twin bool

	Count    uint64    // RAs seen
	Accepted uint64    // of them, those that a receiver does not drop
	Dropped  []rule.ID // why a receiver drops its last RA; empty when it accepts it

	First, Last           time.Time
	FirstFrame, LastFrame uint64
	MinGap, MaxGap        time.Duration // between its RAs to all nodes; 0 until there are two

	// Fields are those of its last accepted RA, or of its last one when none was accepted.
	Fields icmp6.RouterFields
	// Options has the newest of each option that it sent: of each prefix, each route, each type else, in the order
	// of their first. Their bytes are copies.
	Options []icmp6.Option
	// Options, and prefixes of which more is known, that were forgotten or had no room at all.
	EvictedOptions, EvictedPrefixes uint64
	// Cut says that the capture cut an RA of it short, so that options may be missing here.
	Cut bool

	routerState
}

// Host is one source of RSs.
type Host struct {
	Source   netip.Addr
	MAC      packet.MAC
	HasMAC   bool
	Outgoing bool // the capturing host itself

	Count       uint64
	First, Last time.Time

	Answered bool // an RA came that it could take as the answer
	By       netip.Addr
	Unicast  bool          // to the host alone, so that it is an answer for sure
	After    time.Duration // from the last RS to that RA

	hostState
}
