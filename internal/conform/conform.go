// Package conform holds what is seen against what is expected to be there: each difference is a finding, with both values and
// the place where the expected one stands.
package conform

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// What is kept at most. What has no room is compared by itself, without what went before.
const (
	maxLinks   = 1024
	maxRouters = 4096 // on all links
)

// Checker compares packets in the order of their capture. Packet time is its only clock. What it keeps is bounded.
type Checker struct {
	want      *expect.State
	idle      bool // nothing is expected
	groups    []group
	directory directory
	links     map[packet.Link]*link
	order     []*link
	routers   int
	clock     ndcheck.Clock
	rules     rules
	seen      map[*expect.Router]bool // of those that are required
	met       map[*expect.Neighbor]bool
	places    addressBook

	found []rule.Finding
}

// link is a layer-2 segment on the wire.
type link struct {
	where   packet.Link
	text    string
	matches []match // one a group, in their order
	routers map[routerKey]*router
	order   []*router

	prefixes []netip.Prefix // advertised, for the hint of what it may be
	last     *router        // who spoke last
	asked    time.Time      // the last solicitation
}

// routerKey tells senders apart. Two machines that use one address by mistake are two.
type routerKey struct {
	source netip.Addr
	mac    packet.MAC
}

// router is one sender of advertisements.
type router struct {
	key      routerKey
	lifetime uint16 // of its last one
	at       time.Time
	era      uint32
	kept     bool   // there is room for it
	offered  bool   // it had another lifetime than 0 once
	zeros    int    // advertisements with lifetime 0 in a row, copies apart
	zero     origin // the first of them
	turns    int    // how often it spoke again after another router
	pace     pace
	last     []byte // its last advertisement, while it is not known what to compare it with
	from     origin // of last
}

// New returns a Checker of what is expected. A State that expects nothing finds nothing.
func New(want *expect.State) *Checker {
	c := &Checker{want: want, links: make(map[packet.Link]*link), seen: make(map[*expect.Router]bool),
		met: make(map[*expect.Neighbor]bool), rules: newRules(&want.Rules)}
	r := &want.Rules
	c.idle = len(want.Links)+len(want.Flaws)+len(r.Must)+len(r.MustNot)+len(r.Ignore) == 0
	c.groups = groupBySource(want.Links)
	c.directory = newDirectory(c.groups)
	c.places = newAddressBook(want.Links)
	return c
}

// Packet compares one packet and returns found, what others found about it, with the differences added and the expected rules
// applied. The slice is valid until the next call.
func (c *Checker) Packet(p *packet.Packet, found []rule.Finding) []rule.Finding {
	if c.idle {
		return found
	}
	c.clock.Tick(p.Frame.Time)
	c.found = append(c.found[:0], found...)
	if p.IsICMPv6 && !p.IsPiece() && !dropped(found) {
		switch p.Message.Type {
		case icmp6.TypeRouterAdvertisement:
			c.advertisement(p)
		case icmp6.TypeRouterSolicitation:
			if l := c.link(p.Link()); l != nil {
				l.asked = p.Frame.Time
			}
		case icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement:
			c.neighbor(p)
		}
	}
	c.found = c.Apply(c.found)
	return c.found
}

// Judged says which rules are judged at all: of the others, none is missed.
func (c *Checker) Judged(judged func(rule.ID) bool) { c.rules.judged = judged }

// Apply applies the expected rules to findings that are given to neither Packet nor Finish. It changes found.
func (c *Checker) Apply(found []rule.Finding) []rule.Finding { return c.rules.apply(found) }

// Finish ends the comparing: it returns found, what others found at the end, with what is missing added. whole is false when
// the input broke off, so that absence proves nothing.
func (c *Checker) Finish(whole bool, found []rule.Finding) []rule.Finding {
	if c.idle {
		return found
	}
	c.found = append(c.found[:0], found...)
	c.settle()
	if whole {
		for _, l := range c.order {
			for i := range l.matches {
				c.missing(l, &l.matches[i])
			}
		}
		c.absent()
	}
	c.zeros()
	c.flaws()
	c.found = c.rules.apply(c.found)
	if whole {
		c.found = append(c.found, c.rules.missing()...)
	}
	return c.found
}

// dropped reports whether a receiver drops the packet that found is about: it says nothing to anybody then.
func dropped(found []rule.Finding) bool {
	return slices.ContainsFunc(found, func(f rule.Finding) bool {
		known, _ := rule.Lookup(f.Rule)
		return known.Receiver == rule.ReceiverDrops
	})
}

// link returns the link called where; nil when there is no room for it.
func (c *Checker) link(where packet.Link) *link {
	l := c.links[where]
	if l == nil && len(c.links) < maxLinks {
		l = &link{where: where, text: where.String(), matches: make([]match, len(c.groups)), routers: make(map[routerKey]*router)}
		c.links[where] = l
		c.order = append(c.order, l)
	}
	return l
}

// router returns the sender of p on l; nil when there is no room for it.
func (c *Checker) router(l *link, p *packet.Packet) *router {
	key := routerKey{p.Source, p.EthernetSource}
	r := l.routers[key]
	if r == nil && c.routers < maxRouters {
		r = &router{key: key, kept: true}
		l.routers[key] = r
		l.order = append(l.order, r)
		c.routers++
	}
	return r
}

// origin is where a message was seen.
type origin struct {
	frame   uint64
	time    time.Time
	source  netip.Addr
	payload int // where the message begins in the frame
}

// finding is a finding under construction.
type finding struct {
	id      rule.ID
	subject string
	place   rule.Place
	offset  int // in the message, -1 for none
	fix     string
}

// add reports a difference in the message from o on l.
func (c *Checker) add(l *link, o *origin, f finding, format string, args ...any) {
	known, _ := rule.Lookup(f.id)
	out := rule.Finding{Rule: f.id, Severity: known.Severity, Detail: ndcheck.Escape(fmt.Sprintf(format, args...)), Fix: f.fix,
		Subject: f.subject, Expected: f.place, Offset: -1}
	if l != nil {
		out.Link = l.text
	}
	if o != nil {
		out.Frame, out.Time, out.Source = o.frame, o.time, o.source
		if f.offset >= 0 {
			out.Offset = o.payload + f.offset
		}
	}
	c.found = append(c.found, out)
}

// Advertised reports whether a rule of this package is about what routers advertise.
func Advertised(id rule.ID) bool {
	switch id {
	case "expect.address", "expect.neighbor", "expect.neighbor-missing", "expect.network-mtu", "expect.source", "expect.rule-missing",
		"expect.unmatched":
		return false
	}
	return strings.HasPrefix(string(id), "expect.") || id == "ra.unknown-router" || id == "ra.unknown-prefix"
}
