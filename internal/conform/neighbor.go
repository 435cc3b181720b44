package conform

import (
	"net/netip"
	"slices"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// addressBook finds the neighbors that are expected.
type addressBook struct {
	byMAC     map[expect.MAC][]resident
	byAddress map[netip.Addr][]resident
}

// resident is a neighbor and the link that it is on.
type resident struct {
	link     *expect.Link
	neighbor *expect.Neighbor
}

func newAddressBook(links []*expect.Link) addressBook {
	b := addressBook{make(map[expect.MAC][]resident), make(map[netip.Addr][]resident)}
	for _, l := range links {
		for i := range l.Neighbors {
			n := &l.Neighbors[i]
			r := resident{l, n}
			if n.MAC != (expect.MAC{}) {
				b.byMAC[n.MAC] = append(b.byMAC[n.MAC], r)
			}
			for _, a := range n.Addresses {
				b.byAddress[a] = append(b.byAddress[a], r)
			}
		}
	}
	return b
}

// neighbor compares who says that an address is its own with who should.
func (c *Checker) neighbor(p *packet.Packet) {
	if len(c.places.byMAC) == 0 && len(c.places.byAddress) == 0 {
		return
	}
	l := c.link(p.Link())
	if l == nil {
		return
	}
	mac := expect.MAC(p.EthernetSource)
	c.recognize(l, &clue{mac: mac}, p.Frame.LinkType == packet.LinkTypeSLL)
	o := &origin{p.Frame.Number, p.Frame.Time, p.Source, p.PayloadOffset}
	own := p.Source
	if p.Message.Type == icmp6.TypeNeighborAdvertisement || p.Source.IsUnspecified() { // tested for a duplicate
		own = p.Message.Target
	}
	for i := range l.matches {
		if e := l.matches[i].link; e != nil {
			c.checkAddress(l, o, e, mac, own)
		}
	}
}

// checkAddress compares the use of an address on a link with what is expected there.
func (c *Checker) checkAddress(l *link, o *origin, e *expect.Link, mac expect.MAC, own netip.Addr) {
	anything := false // it may use any address, as a proxy does
	for _, r := range c.places.byMAC[mac] {
		if r.link != e {
			continue
		}
		c.met[r.neighbor] = true
		anything = anything || len(r.neighbor.Addresses) == 0
		inside := slices.ContainsFunc(e.Prefixes, func(p netip.Prefix) bool { return p.Contains(own) })
		if inside && len(r.neighbor.Addresses) > 0 && !slices.Contains(r.neighbor.Addresses, own) {
			c.add(l, o, finding{id: "expect.address", subject: r.neighbor.Name + own.String(), place: r.neighbor.Place, offset: -1},
				"%s uses %v, expected %s", neighborName(r.neighbor), own, listed(r.neighbor.Addresses, "none"))
		}
	}
	var other *expect.Neighbor
	for _, r := range c.places.byAddress[own] {
		switch {
		case r.link != e:
		case r.neighbor.MAC == (expect.MAC{}), r.neighbor.MAC == mac:
			c.met[r.neighbor] = true
			return
		default:
			other = r.neighbor
		}
	}
	if other != nil && !anything && mac != (expect.MAC{}) {
		c.add(l, o, finding{id: "expect.neighbor", subject: own.String() + mac.String(), place: other.Place, offset: -1},
			"%v is used by %v, expected %s", own, mac, neighborName(other))
	}
}

func neighborName(n *expect.Neighbor) string {
	s := n.Name
	if n.MAC != (expect.MAC{}) {
		if s != "" {
			s += " "
		}
		s += n.MAC.String()
	}
	if s == "" {
		return listed(n.Addresses, "a neighbor")
	}
	return s
}

// absent reports at the end who is required and was not heard, on links that were not found either.
func (c *Checker) absent() {
	for _, e := range c.want.Links {
		l := c.wire(e)
		for i := range e.Routers {
			if r := &e.Routers[i]; r.Required && !c.seen[r] {
				c.add(l, nil, finding{id: "expect.router-missing", subject: e.Name + routerName(r), place: r.Place, offset: -1},
					"%s was not heard on %s", routerName(r), e.Name)
			}
		}
		for i := range e.Neighbors {
			if n := &e.Neighbors[i]; n.Required && !c.met[n] {
				c.add(l, nil, finding{id: "expect.neighbor-missing", subject: e.Name + neighborName(n), place: n.Place, offset: -1},
					"%s was not seen on %s", neighborName(n), e.Name)
			}
		}
	}
}

// wire returns the link of the wire that e is, or nil.
func (c *Checker) wire(e *expect.Link) *link {
	for _, l := range c.order {
		for i := range l.matches {
			if l.matches[i].link == e {
				return l
			}
		}
	}
	return nil
}
