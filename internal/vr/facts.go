// Package vr judges a virtual router, CloudStack's or any Linux machine that advertises to guests: by what it reads of the
// machine, and by what others heard on the guests' interfaces.
package vr

import (
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/expect"
	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Facts is what was read of this machine. Nothing is sent for it. What is text may be shown as it is.
type Facts struct {
	Role       Role
	Interfaces []Interface
	NoIPv6     bool // the kernel runs without it
	All        host.Conf
	AllUnread  string // why All could not be read; "" where it was

	// World is how the kernel would send to a global address that is nobody's; nil where there is no way, and NoWorld says why.
	World   *host.Way
	NoWorld string
	Refused string // "unreachable", "prohibit" or "blackhole", where a route or a rule refuses that; else ""

	Radvd Radvd
	// Senders are other programs in this network namespace that may advertise, "dnsmasq (412)".
	Senders []string

	Connections Table
	Neighbors   Table
	Backlog     Backlog

	Filter      *filter.Ruleset // nil where it could not be read
	FilterError string          // why not

	// Guests and Public are the interfaces to judge, which Choose sets. Sure says that these are the guests' for certain, and
	// not only by their addresses.
	Guests []string
	Public string // the way out; "" where it is not known
	Sure   map[string]bool
}

// Interface is one of the machine's.
type Interface struct {
	host.Device
	Conf      *host.Conf // nil where it has no IPv6, as with an MTU below 1280
	Addresses []host.OwnAddress
}

// The types of virtual routers, by CloudStack's own names.
const (
	Isolated = "router"
	VPC      = "vpcrouter"
	Shared   = "dhcpsrvr"
)

// Role is what this machine is in its zone.
type Role struct {
	Type      string // Isolated, VPC or Shared; "" for a router that is not known to be CloudStack's
	Redundant bool
	Backup    bool     // of a redundant pair the one that rests
	Evidence  []string // where that comes from

	Guests   []string              // interfaces that CloudStack calls the guests'
	Public   string                // likewise
	Gateways map[string]netip.Addr // the guests' gateway that an interface should have
}

// Radvd is what is known of the daemon.
type Radvd struct {
	Running   bool   // in this network namespace
	Unsure    string // why that could not be told; "" where it could
	PID       int    // of one of its processes
	Installed bool

	File    string        // its configuration
	Missing bool          // there is no such file
	State   *expect.State // what File says; nil where there is none, or it cannot be read
	Problem string        // why it cannot be read, and where
	Place   rule.Place    // of Problem
	Hint    string

	// Ways are the interfaces by which this machine reaches the prefixes that File advertises; "" for none.
	Ways map[netip.Prefix]string
}

// block returns what the configuration says of an interface, nil for nothing.
func (r *Radvd) block(name string) *expect.Link {
	if r.State == nil {
		return nil
	}
	for _, l := range r.State.Links {
		if l.Iface == name {
			return l
		}
	}
	return nil
}

// silent reports whether a block has radvd send nothing.
func silent(l *expect.Link) bool { return l.Says == nil }

// Interval returns the longest time between two advertisements to all guests that radvd's configuration allows for the
// interfaces to judge. Where it says nothing, it is what CloudStack sets.
func (f *Facts) Interval() time.Duration {
	longest := time.Duration(0)
	for _, name := range f.Guests {
		if b := f.Radvd.block(name); b != nil && !silent(b) && b.Says.Interval != nil {
			longest = max(longest, time.Duration(b.Says.Interval.Max)*time.Millisecond)
		}
	}
	if longest == 0 {
		return cloudStackInterval
	}
	return longest
}

// cloudStackInterval is the MaxRtrAdvInterval of CloudStack's template.
const cloudStackInterval = 15 * time.Second

// Table is how full a table of the kernel is.
type Table struct {
	Used, Max uint64 // Max is 0 for no limit
	Absent    bool   // there is none: connections are not tracked
	Unread    string // why it could not be read; "" where it was
}

// Backlog counts packets that were dropped as a processor's queue was full, since the machine started.
type Backlog struct {
	Before, After uint64 // when the facts were read, and after listening
	Unread        string
}

// Input is all that Judge goes by.
type Input struct {
	Facts
	Expect *expect.State // what the user expects; may be nil

	// What was heard on Guests meanwhile, and for how long; Deaf says why nothing could be. Wire has what the judges of
	// advertisements and of expectations found, each with its Link.
	Heard    []Heard
	Listened time.Duration
	Deaf     string
	Wire     []rule.Finding
}

// Heard is who advertises on an interface.
type Heard struct {
	Interface string
	Own       []Speaker // this machine
	Others    []Speaker
}

// Speaker is one source of advertisements, and what the last of them said.
type Speaker struct {
	Source   netip.Addr
	MAC      packet.MAC
	Count    uint64
	Lifetime uint16 // seconds
	Prefixes []netip.Prefix
	Servers  []netip.Addr // for DNS
}

func (f *Facts) iface(name string) *Interface {
	i := slices.IndexFunc(f.Interfaces, func(i Interface) bool { return i.Name == name })
	if i < 0 {
		return nil
	}
	return &f.Interfaces[i]
}

// linkLocal returns the interface's first usable link-local address.
func (i *Interface) linkLocal() (netip.Addr, bool) {
	for _, a := range i.Addresses {
		if a.Prefix.Addr().IsLinkLocalUnicast() && usable(a) {
			return a.Prefix.Addr(), true
		}
	}
	return netip.Addr{}, false
}

// globals returns the interface's usable addresses of a wider scope, unique local ones among them.
func (i *Interface) globals() []host.OwnAddress {
	var list []host.OwnAddress
	for _, a := range i.Addresses {
		if !a.Prefix.Addr().IsLinkLocalUnicast() && !a.Prefix.Addr().IsLoopback() && usable(a) {
			list = append(list, a)
		}
	}
	return list
}

func (i *Interface) within(p netip.Prefix) bool {
	return slices.ContainsFunc(i.globals(), func(a host.OwnAddress) bool { return p.Contains(a.Prefix.Addr()) })
}

// usable reports whether packets may be sent from an address.
func usable(a host.OwnAddress) bool { return !a.Failed && (!a.Tentative || a.Optimistic) }

func (i *Interface) hasMAC(m expect.MAC) bool { return len(i.MAC) == len(m) && expect.MAC(i.MAC) == m }

// expected returns the network of an expectation that an interface is on, nil where that cannot be told.
func (f *Facts) expected(want *expect.State, i *Interface) *expect.Link {
	if want == nil {
		return nil
	}
	for _, l := range want.Links {
		for _, r := range slices.Concat(l.Routers, l.Forbidden) {
			if i.hasMAC(r.MAC) {
				return l
			}
		}
	}
	for _, l := range want.Links {
		if l.Iface == i.Name || slices.ContainsFunc(l.Prefixes, i.within) {
			return l
		}
	}
	return nil
}
