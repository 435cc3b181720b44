// Package slaac is a model of an IPv6 host that configures itself (RFC 4862): fed with the packets of its link it holds what a
// conforming host would hold, its addresses and their lifetimes, its routers, routes, DNS servers and parameters (RFC 4861
// §6.3, RFC 4191, RFC 8106). It sends nothing, packet time is its only clock, and what it keeps is bounded.
package slaac

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// Options says which host it is.
type Options struct {
	MAC     packet.MAC // its interface identifier is made of it (RFC 4291 appendix A)
	LinkMTU int        // bytes of IP; 0 when unknown: the interface of the capture may say it
	Knobs   *Knobs     // nil for a host as Linux sets it up
}

// Knobs are the settings of a Linux host, net.ipv6.conf.DEV.*, that decide what it makes of a Router Advertisement. There is none
// for the P flag of RFC 9762, by which a host that prefers prefix delegation passes over A: Linux does not know it.
type Knobs struct {
	AcceptRA            int  // accept_ra: 0 never, 2 always, any other value unless it forwards
	AcceptRADefrtr      bool // accept_ra_defrtr: take default routers, and the hop limit with them
	AcceptRAPinfo       bool // accept_ra_pinfo: look at Prefix Information
	AcceptRAMinHopLimit int  // accept_ra_min_hop_limit: a Cur Hop Limit below it is not taken
	AcceptRAMTU         bool // accept_ra_mtu: take the MTU
	Autoconf            bool // autoconf: form addresses
	Forwarding          bool // forwarding
}

// Defaults returns the settings of a Linux host that nobody has changed.
func Defaults() Knobs {
	return Knobs{AcceptRA: 1, AcceptRADefrtr: true, AcceptRAPinfo: true, AcceptRAMinHopLimit: 1, AcceptRAMTU: true, Autoconf: true}
}

// What a host keeps at most. A flood fills the tables and no more; what finds no room is counted.
const (
	maxRouters   = 16
	maxPrefixes  = 64
	maxAddresses = 64
	maxRefusals  = 64
	maxRoutes    = 64
	maxServers   = 16
	maxDomains   = 16
	maxConflicts = 16
	maxNonces    = 8
	maxTests     = 16
)

// The defaults of RFC 4861 §10, which hold until a router says otherwise.
const (
	defaultRetransTimer  = time.Second
	defaultReachableTime = 30 * time.Second
	defaultHopLimit      = 64
)

// Host is one host. It is up from its first packet on.
type Host struct {
	mac       packet.MAC
	knobs     Knobs
	linkMTU   int
	clock     clock
	linkLocal address

	routers   []router
	prefixes  []onLink
	addresses []address
	refused   []Refusal
	routes    []route
	servers   []server
	domains   []domain
	conflicts []conflict
	nonces    []string     // of its own tests, the newest last
	tests     []netip.Addr // that it was heard to test, the newest last
	heard     bool         // packets of its own are among those it was shown

	mtu       MTU
	hopLimit  HopLimit
	reachable time.Duration
	retrans   time.Duration
	managed   bool
	other     bool
	cut       bool
	seen      uint64 // Router Advertisements that came to it
	dropped   uint64
	unheard   uint64
	noRoom    uint64
}

// New returns a host that has seen nothing.
func New(o Options) *Host {
	h := &Host{mac: o.MAC, knobs: Defaults(), linkMTU: o.LinkMTU, reachable: defaultReachableTime, retrans: defaultRetransTimer}
	if o.Knobs != nil {
		h.knobs = *o.Knobs
	}
	h.linkLocal = address{addr: packet.EUI64(linkLocalPrefix, o.MAC), prefix: linkLocalPrefix, valid: never, preferred: never}
	return h
}

// Packet shows h one packet of its link, in the order of their capture. dropped says that a receiver drops it, as the checkers
// found: then it tells h nothing, and is only counted.
func (h *Host) Packet(p *packet.Packet, dropped bool) {
	if h.clock.tick(p.Frame.Time) {
		h.linkLocal.tested = h.clock.now + h.retrans // from here on it is up, and tests its link-local address
	}
	if h.linkMTU == 0 && len(p.Tunnels) == 0 && p.Frame.Interface != nil {
		h.linkMTU = p.Frame.Interface.MTU
	}
	h.heard = h.heard || h.sent(p)
	if !p.IsICMPv6 || p.IsPiece() {
		return
	}
	switch p.Message.Type {
	case icmp6.TypeRouterAdvertisement:
		h.advertisement(p, dropped)
	case icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement:
		if !dropped && !p.Message.Short {
			h.neighbor(p)
		}
	}
}

// sent reports whether p is h's own packet.
func (h *Host) sent(p *packet.Packet) bool {
	return p.EthernetSource == h.mac && h.mac != (packet.MAC{})
}

// never is the end of what has an infinite lifetime.
const never = Forever

// clock counts the host's time from its first packet on. Packet time may stand still or be set back; the host's does not.
type clock struct {
	now     time.Duration
	last    time.Time
	started bool
}

const (
	// latest bounds the host's time, so that the longest lifetime of 32 bits of seconds can be added to it.
	latest = 4 * time.Duration(1e18)
	// reorder is how far packets may be out of order; what steps back further is a clock that was set.
	reorder = time.Second
)

// tick takes over the time of a packet, and reports whether it is the first.
func (c *clock) tick(t time.Time) (first bool) {
	if !c.started {
		c.started, c.last = true, t
		return true
	}
	switch d := t.Sub(c.last); {
	case d > 0:
		c.now, c.last = c.after(d), t
	case d < -reorder:
		c.last = t
	}
	return false
}

// after returns the host's time d later.
func (c *clock) after(d time.Duration) time.Duration {
	if d <= 0 {
		return c.now
	}
	if d > latest-c.now {
		return latest
	}
	return c.now + d
}

// end returns when a lifetime of so many seconds that begins now is over.
func (c *clock) end(seconds uint32) time.Duration {
	if seconds == infinity {
		return never
	}
	return c.now + time.Duration(seconds)*time.Second
}

// infinity is the lifetime of RFC 4861 §4.6.2 that does not end.
const infinity = 0xffffffff

var linkLocalPrefix = netip.MustParsePrefix("fe80::/64")
