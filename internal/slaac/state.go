package slaac

import (
	"cmp"
	"math"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// Forever is what is left of an infinite lifetime.
const Forever = time.Duration(math.MaxInt64)

// State is what a host holds at one time. Nothing in it is shared with the host.
type State struct {
	Time    time.Time
	MAC     packet.MAC
	LinkMTU int // bytes of IP, 0 when unknown

	LinkLocal Address    // Duplicate when another station has it
	Conflicts []Conflict // over addresses that it tested and that were not formed of a prefix
	Addresses []Address  // formed by SLAAC, in the order of their first, those that ended included
	Refused   []Refusal  // prefixes of which no address was formed, and why
	Prefixes  []OnLink
	Routers   []Router // the default routers, best first, then the other ones that were heard
	Routes    []Route  // other than the default one
	DNS       []Server
	Domains   []Domain

	MTU           MTU
	HopLimit      HopLimit
	ReachableTime time.Duration
	RetransTimer  time.Duration
	Managed       bool // M of the last Router Advertisement (RFC 4861 §4.2)
	Other         bool // O likewise

	Advertisements uint64 // that came to it, those that it drops included
	Dropped        uint64 // of them
	Unheard        uint64 // others, to hosts or groups that it is not among
	Deaf           Reason // why it takes no advertisement at all; Accepted when it does
	Cut            bool   // the capture cut one short, so that options may be missing here
	NoRoom         uint64 // things that it could not keep
	Present        bool   // packets of this very host were among those it was shown
}

// AddressState is where an address is in its life (RFC 4862 §5.4, §5.5.4).
type AddressState uint8

// The states of an address.
const (
	Tentative  AddressState = iota // tested: not to be used yet
	Preferred                      // used without restriction
	Deprecated                     // not to be used for what is new
	Expired                        // its valid lifetime is over: it is gone
	Duplicate                      // another station has it
)

// String returns "tentative" and the like.
func (s AddressState) String() string {
	switch s {
	case Tentative:
		return "tentative"
	case Preferred:
		return "preferred"
	case Deprecated:
		return "deprecated"
	case Expired:
		return "expired"
	}
	return "duplicate"
}

// Address is an address of the host.
type Address struct {
	Address   netip.Addr
	Prefix    netip.Prefix // that it was formed of
	State     AddressState
	Valid     time.Duration // left
	Preferred time.Duration // left
	Router    netip.Addr    // that last gave the prefix
	// Held says that the router cut the valid lifetime and the host did not follow, or not all the way (RFC 4862 §5.5.3(e)).
	Held bool
	// Temporary says that the host may also use temporary addresses of the prefix (RFC 8981 §3.4).
	Temporary bool
	// Contested is the other station that claims the address, when there is one. The address is Duplicate then, unless the
	// host had passed its own test before.
	Contested packet.MAC
}

// Conflict is another station that claims an address.
type Conflict struct {
	Address netip.Addr
	MAC     packet.MAC // of the other one
}

// OnLink is a prefix whose addresses are reached without a router (RFC 4861 §6.3.4).
type OnLink struct {
	Prefix netip.Prefix
	Left   time.Duration
}

// Router is a router that the host has heard.
type Router struct {
	Address    netip.Addr
	MAC        packet.MAC       // zero when unknown
	Preference icmp6.Preference // RFC 4191 §2.2; the reserved value is medium
	Left       time.Duration    // as default router; 0 when it is none
	WasDefault bool             // it has been one
	Farewell   bool             // it ended that itself, with router lifetime 0
	Count      uint64           // of its advertisements that the host took
}

// Route is RFC 4191 §2.3.
type Route struct {
	Prefix     netip.Prefix
	Router     netip.Addr
	Preference icmp6.Preference
	Left       time.Duration
}

// Server is a recursive DNS server (RFC 8106 §5.1). Left is 0 for one whose lifetime ended.
type Server struct {
	Address netip.Addr
	Router  netip.Addr
	Left    time.Duration
}

// Domain is a name of the DNS search list (RFC 8106 §5.2), escaped as icmp6 does. Left is 0 when its lifetime ended.
type Domain struct {
	Name   string
	Router netip.Addr
	Left   time.Duration
}

// MTU is what the host makes of MTU options (RFC 4861 §6.3.4).
type MTU struct {
	Value   int    // in force; 0 when no option was taken: the link's own
	Refused uint32 // the last value that was not taken; 0 when none is
	Reason  Reason
}

// HopLimit is what the host makes of Cur Hop Limit.
type HopLimit struct {
	Value   uint8 // in force
	Refused uint8 // the last value that was not taken (accept_ra_min_hop_limit); 0 when none is
}

// Reason says why something was not taken.
type Reason uint8

// The reasons, in the order in which a host looks for them.
const (
	Accepted           Reason = iota
	Forwards                  // accept_ra=1 on a host that forwards
	AcceptRAOff               // accept_ra=0
	PinfoOff                  // accept_ra_pinfo=0
	BadLength                 // the option has not the length of its type
	BadPrefixLength           // above 128
	NotAutonomous             // RFC 4862 §5.5.3(a)
	LinkLocalPrefix           // §5.5.3(b)
	MulticastPrefix           // RFC 4291 §2.7
	PreferredOverValid        // §5.5.3(c)
	ValidZero                 // §5.5.3(d): no new address of a prefix with valid lifetime 0
	NotSixtyFour              // §5.5.3(d): prefix and identifier do not make 128 bits
	AutoconfOff               // autoconf=0
	InterfaceOff              // §5.4.5: the link-local address is a duplicate
	NoRoom                    // it has as many addresses as it keeps
	BelowMinimum              // an MTU below 1280 (RFC 8200 §5)
	AboveLink                 // an MTU above the link's
	MTUOff                    // accept_ra_mtu=0
)

// Refusal is a prefix that a router gave and the host formed no address of.
type Refusal struct {
	Prefix netip.Prefix // zero when there is none to read
	Reason Reason
	Router netip.Addr
	Frame  uint64 // the first
	Count  uint64
}

// At returns what the host holds at time t: when t is not after the last packet, then at that.
func (h *Host) At(t time.Time) State {
	now := h.clock.after(t.Sub(h.clock.last))
	if t.Before(h.clock.last) || !h.clock.started {
		t, now = h.clock.last, h.clock.now
	}
	s := State{
		Time: t, MAC: h.mac, LinkMTU: h.linkMTU, LinkLocal: h.linkLocal.at(now), Refused: slices.Clone(h.refused),
		MTU: h.mtu, HopLimit: h.hopLimit, ReachableTime: h.reachable, RetransTimer: h.retrans, Managed: h.managed, Other: h.other,
		Advertisements: h.seen, Dropped: h.dropped, Unheard: h.unheard, Deaf: h.deaf(), Cut: h.cut, NoRoom: h.noRoom, Present: h.heard,
	}
	if s.HopLimit.Value == 0 {
		s.HopLimit.Value = defaultHopLimit
	}
	for i := range h.addresses {
		s.Addresses = append(s.Addresses, h.addresses[i].at(now))
	}
	for _, c := range h.conflicts {
		if slices.Contains(h.tests, c.addr) && h.address(c.addr) == nil {
			s.Conflicts = append(s.Conflicts, Conflict{c.addr, c.mac})
		}
	}
	for _, p := range h.prefixes {
		if l := left(p.end, now); l > 0 {
			s.Prefixes = append(s.Prefixes, OnLink{p.prefix, l})
		}
	}
	h.routersAt(&s, now)
	for _, d := range h.servers {
		s.DNS = append(s.DNS, Server{d.addr, d.router, left(d.end, now)})
	}
	for _, d := range h.domains {
		s.Domains = append(s.Domains, Domain{d.name, d.router, left(d.end, now)})
	}
	return s
}

// routersAt fills in the routers and routes of s.
func (h *Host) routersAt(s *State, now time.Duration) {
	for i := range h.routers {
		r := &h.routers[i]
		s.Routers = append(s.Routers, Router{
			Address: r.addr, MAC: r.mac, Preference: r.preference, Left: left(r.end, now), WasDefault: r.was, Farewell: r.farewell,
			Count: r.count,
		})
	}
	slices.SortStableFunc(s.Routers, func(a, b Router) int { return cmp.Compare(b.rank(), a.rank()) })
	for _, r := range h.routes {
		if l := left(r.end, now); l > 0 {
			s.Routes = append(s.Routes, Route{r.prefix, r.router, r.preference, l})
		}
	}
}

// rank orders routers: default routers by preference, then the others (RFC 4191 §3.2).
func (r Router) rank() int {
	switch {
	case r.Left == 0:
		return 0
	case r.Preference == icmp6.PreferenceHigh:
		return 3
	case r.Preference == icmp6.PreferenceLow:
		return 1
	}
	return 2
}

// Default returns the router that the host sends to what it knows no better way to, if there is one.
func (s *State) Default() (Router, bool) {
	if len(s.Routers) > 0 && s.Routers[0].Left > 0 {
		return s.Routers[0], true
	}
	return Router{}, false
}

// Usable returns the addresses beyond the link that the host has, or gets once its test is over: neither duplicate nor expired.
func (s *State) Usable() []Address {
	var list []Address
	for _, a := range s.Addresses {
		if a.State <= Deprecated {
			list = append(list, a)
		}
	}
	return list
}

// left returns how much is left at now of what ends at end.
func left(end, now time.Duration) time.Duration {
	if end == never {
		return Forever
	}
	return max(0, end-now)
}
