package nd

import (
	"bytes"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Link is the picture of one layer-2 segment, as a report shows it. It is a copy.
type Link struct {
	Where packet.Link
	Now   time.Time // the time that the picture is of

	Neighbors  []Neighbor // by address; at most as many as a table holds
	Questions  []Question // unanswered ones, and those whose answers do not arrive; oldest first
	Duplicates []Duplicate
	Scan       *Scan // nil when there is none
	Proxies    []Proxy
	Errors     []ErrorGroup // by kind and source
	Redirects  []Redirect
	Silent     []SilentGroup

	ErrorCount uint64 // ICMPv6 errors
	Forgotten  uint64 // neighbors, on all links
}

// State is what a host would think of a neighbor (RFC 4861 §7.3.2).
type State uint8

// The states. Tentative and Duplicate are not of RFC 4861: the one says that its address is still being tested by its
// owner (RFC 4862 §5.4), the other that two stations have it.
const (
	Incomplete State = iota // asked for, not answered
	Reachable               // confirmed within the last ReachableTime
	Stale
	Failed // asked for three times in vain
	Tentative
	InConflict
)

// Learnt is the set of messages that a neighbor is known from.
type Learnt uint8

// The members of Learnt.
const (
	FromNS Learnt = 1 << iota // its source link-layer address option
	FromNA                    // solicited
	FromUnsolicitedNA
	FromRS
	FromRA
	FromRedirect
	FromDAD // its test whether its own address is free
)

// Neighbor is one entry of a host's neighbor cache, as a host that heard all this would have it (RFC 4861 §7.2.5 and
// Appendix C).
type Neighbor struct {
	Address   netip.Addr
	MAC       packet.MAC
	HasMAC    bool
	Router    bool // IsRouter
	State     State
	Learnt    Learnt
	Outgoing  bool // an address of the capturing host
	Proxied   bool // a station answers for it that answers for others as well
	Changes   int  // of its link-layer address
	First     time.Time
	Last      time.Time // when it was heard, or when the last answer for it came
	LastFrame uint64
}

// Question is who asks for whom.
type Question struct {
	Asker       netip.Addr
	AskerMAC    packet.MAC
	Target      netip.Addr
	Tries       int // without an answer
	First, Last time.Time
	LastFrame   uint64
	// Seen counts the answers that were seen here though the asker goes on asking. Invalid is the rule by which receivers
	// drop them, "" when they are good, so that they must be lost on the way to the asker.
	Seen    int
	Invalid rule.ID
	Known   bool // the target was heard of otherwise
	Here    bool // the capturing host asks: answers seen here reach it
	// By is the station that gave the good answers where it is not the one that has the target, else zero.
	By packet.MAC
}

// Duplicate is an address that two stations have.
type Duplicate struct {
	Address  netip.Addr
	Prober   packet.MAC // who tested the address, or the first of two that use it
	Defender packet.MAC // who had it, or tested it at the same time
	Probed   bool       // found by duplicate address detection
	Both     bool       // both tested it at the same time
	At       time.Time
	Frame    uint64
}

// Scan is a flood of solicitations for addresses that nobody has (RFC 6583).
type Scan struct {
	Solicitations uint64
	Peak          int        // in one second
	Askers        int        // different ones, as far as they are counted
	Asker         netip.Addr // the busiest
	MAC           packet.MAC // the station that sent most of them
	First, Last   time.Time
}

// Proxy is a station that answers for addresses of others.
type Proxy struct {
	MAC     packet.MAC
	Targets int // for how many it answered
	Owned   int // of them, those that another station has
}

// Fate says what became of a flow after a Packet Too Big.
type Fate uint8

// The fates of a flow.
const (
	FateUnknown Fate = iota // the flow's packets are not seen here
	FateShrank              // no packet above the MTU since
	FateIgnored             // goes on sending packets that are too big
	FateQuiet               // nothing above 1280 bytes since
	FateUnclear             // goes on, but too soon, or in segments that are joined here, to say how long they are on the wire
)

// ErrorGroup is the ICMPv6 errors of one kind that one source sent about one flow.
type ErrorGroup struct {
	Type, Code    uint8
	MTU           uint32 // of a Packet Too Big, the last one
	Source        netip.Addr
	HopLimit      uint8
	From, To      netip.Addr // of the quoted packet
	Protocol      uint8
	SourcePort    uint16 // or the echo identifier
	Port          uint16
	HasPorts      bool
	HasEcho       bool
	Count         uint64
	First, Last   time.Time
	LastFrame     uint64
	QuotedLength  int // of the last quoted packet
	SeenBefore    bool
	Fate          Fate
	LargestSince  int    // bytes of IPv6
	TooBigSince   uint64 // packets of the flow above the MTU since then
	Encapsulation string // what the MTU of a Packet Too Big points to; "" for nothing
}

// Redirect is a router's word that a destination is better reached otherwise (RFC 4861 §8).
type Redirect struct {
	Router, Host, Destination, Target netip.Addr
	TargetMAC                         packet.MAC
	HasMAC                            bool
	OnLink                            bool    // the target is the destination itself
	Dropped                           rule.ID // why hosts drop it, "" when they take it
	Count                             uint64
	Last                              time.Time
}

// SilentGroup is a multicast group of a neighbor that a querier got no report for.
type SilentGroup struct {
	Group, Neighbor, Querier netip.Addr
	Missed                   int // queries in a row
	Last                     time.Time
}

// Forgotten counts what was forgotten for lack of room, on all links together, where more was going on than is kept.
type Forgotten struct {
	Neighbors uint64 // entries of the neighbor cache
	Questions uint64 // pairs of an asker and a target: one that goes on asking in vain may not be told
	Answers   uint64 // addresses that somebody answered for: a duplicate or a proxy may not be told
	Stations  uint64 // likewise by station
	Tests     uint64 // of addresses by duplicate address detection: a conflict may not be told
	Conflicts uint64 // duplicates that detection proved, which were told and are not in the picture
	Sought    uint64 // targets that nobody is known to have: a slow scan amidst a fast one may not be told
	Groups    uint64 // solicited-node groups: one that a querier hears nothing of may not be told
	Flows     uint64 // of large packets: what became of one after a Packet Too Big may not be known
	Errors    uint64 // groups of ICMPv6 errors, which are not in the picture
	Redirects uint64 // likewise
}

// Forgotten returns what was forgotten so far.
func (c *Checker) Forgotten() Forgotten {
	f := Forgotten{
		Neighbors: c.neighbors.table.evicted,
		Questions: c.questions.table.evicted,
		Answers:   c.stations.answers.evicted,
		Stations:  c.stations.all.evicted,
		Tests:     c.probes.recent.evicted,
		Conflicts: c.probes.conflicts.evicted,
		Sought:    c.scans.evicted,
		Groups:    c.listeners.groups.evicted,
		Flows:     c.flows.table.evicted,
		Redirects: c.redirects.table.evicted,
	}
	for i := range c.errors.tables {
		f.Errors += c.errors.tables[i].evicted
	}
	return f
}

// Links returns the picture of every link on which a message was seen, RSs and RAs included, in the order of their first.
func (c *Checker) Links() []Link {
	var all []Link
	for _, l := range c.links.order {
		if l.messages == 0 {
			continue
		}
		v := Link{Where: l.where, Now: c.clock.Now, ErrorCount: l.errors}
		c.viewNeighbors(l, &v)
		c.viewStations(l, &v)
		c.viewProxied(l, &v)
		c.viewQuestions(l, &v)
		c.viewProbes(l, &v)
		c.viewScan(l, &v)
		c.viewErrors(l, &v)
		c.viewRedirects(l, &v)
		c.viewListeners(l, &v)
		all = append(all, v)
	}
	return all
}

// viewProxied marks the neighbors that proxies answer for, and takes from what a proxy answers for the addresses that it
// has itself.
func (c *Checker) viewProxied(l *link, v *Link) {
	if len(v.Proxies) == 0 {
		return
	}
	foreign := make(map[netip.Addr]bool)
	c.stations.answers.each(func(k addrKey, a *answers) {
		if k.link != l.id {
			return
		}
		n := c.neighbors.table.peek(k)
		for i := range a.claims {
			m := &a.claims[i]
			switch p := v.proxy(m.mac); {
			case p == nil:
			case n != nil && !m.owned && n.belongs(m):
				p.Targets = max(0, p.Targets-1)
			default:
				foreign[k.addr.addr()] = true
			}
		}
	})
	for i := range v.Neighbors {
		v.Neighbors[i].Proxied = foreign[v.Neighbors[i].Address]
	}
}

// proxy returns the proxy with address mac, or nil.
func (v *Link) proxy(mac packet.MAC) *Proxy {
	i, ok := slices.BinarySearchFunc(v.Proxies, mac, func(p Proxy, mac packet.MAC) int { return bytes.Compare(p.MAC[:], mac[:]) })
	if !ok {
		return nil
	}
	return &v.Proxies[i]
}

// belongs reports whether the address of n is the claiming station's own, as it solicits from it or, when nobody is known
// to, has tested it.
func (n *neighbor) belongs(m *claim) bool {
	owner := n.tester
	if n.userSure {
		owner = n.user
	}
	return owner != (packet.MAC{}) && (owner == m.mac || owner == m.source)
}
