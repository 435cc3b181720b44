package ra

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// What is kept at most. When there is no room a quarter goes, those first that were seen once only and longest ago: a
// flood of random senders pushes out itself, and not the router that is heard again and again.
const (
	maxLinks      = 1024
	maxRouters    = 256  // a link
	maxAllRouters = 4096 // on all links
	maxHosts      = 1024 // a link
	maxAllHosts   = 4096 // on all links
	maxPrefixes   = 64   // a link, and a router

	maxKept = 4 << 20 // bytes of what all routers say, see Router.bytes
)

// linkState is what a Link knows besides what it shows.
type linkState struct {
	now  instant // when the link was last handed out
	era  uint32
	seen uint64 // the running number of its last packet

	listed     bool                   // an RA or RS was seen
	proven     bool                   // a router was heard again
	routers    map[netip.Addr]*Router // the first of each address; see namesake
	hosts      map[routerKey]*Host
	waiting    []*Host // solicited and got no answer yet
	nextRouter uint32

	// The last RA to all nodes, and to one host.
	toAll, toOne     time.Time
	toAllBy, toOneBy netip.Addr
	toOneHost        netip.Addr

	// mixed says that the capture does not tell its interfaces apart, so that this may be several links: routers are
	// not compared then.
	mixed bool
	// offered says that a router was forgotten that gave hosts addresses.
	offered bool

	served netip.Addr // a router whose RA was delivered to the machine behind this tap

	kept     int // Router.bytes of its routers
	prefixes []hostPrefix
	told     []conflict
	flood    flood
	dhcpv6   dhcpv6
}

// Prefixes returns the prefixes from which a new host on the link forms an address (RFC 4862 §5.5.3): /64, autonomous or
// preferring DHCPv6-PD, with a valid lifetime, in an RA that a receiver accepts, and still advertised. What a router that
// left or fell silent advertised is not there, nor what a router no longer mentions.
func (l *Link) Prefixes() []netip.Prefix {
	var list []netip.Prefix
	for _, r := range l.Foremost(len(l.Routers)) {
		if r.absent(l.now, l.era) {
			continue
		}
		for i := range r.prefixes {
			k := &r.prefixes[i]
			if k.given(l.now, l.era) && !slices.Contains(list, k.prefix) {
				list = append(list, k.prefix)
			}
		}
	}
	return list
}

// Foremost returns n routers, or all if there are no more, in the order of their first RA. In a flood, and where some are left
// out, those that are known well come before those that passed, and of two those that were heard more often.
func (l *Link) Foremost(n int) []*Router {
	if len(l.Routers) <= n && !l.Flooded {
		return l.Routers
	}
	first := slices.Clone(l.Routers)
	slices.SortStableFunc(first, func(a, b *Router) int {
		return cmp.Or(cmp.Compare(b.standing, a.standing), cmp.Compare(b.Count, a.Count))
	})
	return first[:min(n, len(first))]
}

// Silent reports whether every router that offered itself on the link has said nothing for longer than its lifetime.
func (l *Link) Silent() bool {
	offered := false
	for _, r := range l.Routers {
		if r.Accepted > 0 && r.Fields.RouterLifetime > 0 {
			offered = true
			if !r.gone(l.now, l.era) {
				return false
			}
		}
	}
	return offered
}

// link returns the link that p was seen on, and makes it if need be.
func (c *Checker) link(p *packet.Packet) *Link {
	key := p.Link()
	l := c.recent // packets of one link follow each other
	if l == nil || l.Where != key {
		l = c.links[key]
	}
	if l == nil {
		if len(c.links) >= maxLinks {
			c.forgetLinks()
		}
		l = c.spares.link()
		l.Where = key
		// It may be a link that was forgotten, of which something was known.
		l.offered = c.lost.Links > 0
		c.links[key] = l
	}
	c.recent = l
	l.seen = c.clock.Packets
	l.mixed = l.mixed || p.Frame.LinkType == packet.LinkTypeSLL
	if i := p.Frame.Interface; i != nil && len(p.Tunnels) == 0 {
		if i.MTU > 0 {
			l.MTU = i.MTU
		}
		if i.HardwareAddr != (packet.MAC{}) {
			l.HardwareAddr = i.HardwareAddr
		}
	}
	return l
}

// list makes l one of the links that are shown.
func (c *Checker) list(l *Link) {
	if !l.listed {
		l.listed = true
		c.order = append(c.order, l)
	}
}

// rank sorts routers by their standing, and those of one by when they were seen last.
func (r *Router) rank() uint64 { return uint64(r.standing)<<62 | r.seen }

// rank sorts links likewise: those on which no router was heard again come first.
func (l *Link) rank() uint64 {
	if l.proven {
		return 1<<63 | l.seen
	}
	return l.seen
}

// cut returns the rank up to which a quarter of c.ranks lies.
func (c *Checker) cut() uint64 {
	slices.Sort(c.ranks)
	return c.ranks[(len(c.ranks)-1)/4]
}

func (c *Checker) forgetLinks() {
	c.ranks = c.ranks[:0]
	for _, l := range c.links {
		c.ranks = append(c.ranks, l.rank())
	}
	last := c.cut()
	gone := func(l *Link) bool { return l.rank() <= last }
	c.order = slices.DeleteFunc(c.order, gone)
	for key, l := range c.links {
		if gone(l) {
			c.routers -= len(l.Routers)
			c.hosts -= len(l.Hosts)
			c.kept -= l.kept
			c.lost.addLink(l)
			delete(c.links, key)
			c.spares.keepLink(l)
		}
	}
	c.recent = nil
}

// forgetRouters makes room for a router of l.
func (c *Checker) forgetRouters(l *Link) {
	if len(l.Routers) < maxRouters {
		// All links together have too many: the one with the most loses.
		for _, other := range c.order {
			if len(other.Routers) > len(l.Routers) {
				l = other
			}
		}
	}
	c.evictRouters(l)
}

// account takes in that r says more than before, or less. Where all routers together say too much, the link with the most
// loses.
func (c *Checker) account(l *Link, r *Router) {
	more := r.bytes() - r.kept
	r.kept += more
	l.kept += more
	c.kept += more
	for c.kept > maxKept {
		for _, other := range c.order {
			if other.kept > l.kept {
				l = other
			}
		}
		c.evictRouters(l)
	}
}

// evictRouters forgets a quarter of the routers of l.
func (c *Checker) evictRouters(l *Link) {
	c.ranks = c.ranks[:0]
	for _, r := range l.Routers {
		c.ranks = append(c.ranks, r.rank())
	}
	last, before := c.cut(), len(l.Routers)
	l.Routers = slices.DeleteFunc(l.Routers, func(r *Router) bool {
		if r.rank() > last {
			return false
		}
		l.offered = l.offered || r.offers(instantOf(c.clock.Now), c.clock.Era)
		l.remove(r)
		l.kept -= r.kept
		c.kept -= r.kept
		c.lost.addSaid(r)
		c.passed.add(c.passage(l, r), r.standing)
		c.spares.keepRouter(r)
		return true
	})
	c.routers -= before - len(l.Routers)
	l.EvictedRouters += uint64(before - len(l.Routers))
}

// forgetHosts makes room for a host of l.
func (c *Checker) forgetHosts(l *Link) {
	if len(l.Hosts) < maxHosts {
		// All links together have too many: the one with the most loses.
		for _, other := range c.order {
			if len(other.Hosts) > len(l.Hosts) {
				l = other
			}
		}
	}
	c.ranks = c.ranks[:0]
	for _, h := range l.Hosts {
		c.ranks = append(c.ranks, h.seen)
	}
	last, before := c.cut(), len(l.Hosts)
	gone := func(h *Host) bool { return h.seen <= last }
	l.waiting = slices.DeleteFunc(l.waiting, gone)
	for _, h := range l.Hosts {
		if gone(h) {
			delete(l.hosts, h.key)
		}
	}
	l.Hosts = slices.DeleteFunc(l.Hosts, func(h *Host) bool {
		if !gone(h) {
			return false
		}
		c.spares.keepHost(h)
		return true
	})
	c.hosts -= before - len(l.Hosts)
	l.EvictedHosts += uint64(before - len(l.Hosts))
}

// finding returns a finding about a whole link.
func (l *Link) finding(id rule.ID, detail string) rule.Finding {
	known, _ := rule.Lookup(id)
	return rule.Finding{Rule: id, Severity: known.Severity, Detail: detail, Link: l.Where.String(), Offset: -1}
}
