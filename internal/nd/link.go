package nd

import (
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

// maxLinks is how many links are kept. What comes after shares one picture without a name.
const maxLinks = 1024

// links are the layer-2 segments seen so far. The tables of all trackers are keyed by link.id, so that one bound holds
// for all links together.
type links struct {
	index map[packet.Link]*link
	order []*link
	last  *link // the one of the last packet
	// plain is the interface of the last packet that was in no VLAN and no tunnel, on which last then is, else nil.
	plain *packet.Interface
}

// link is one layer-2 segment.
type link struct {
	id    uint32
	where packet.Link
	name  string

	hardwareAddr packet.MAC // of the interface, zero when unknown or when the link is inside a tunnel
	// mixed says that the capture does not tell its interfaces apart, so that this may be several links.
	mixed bool

	messages       uint64 // RSs and RAs included
	advertisements uint64 // of neighbors
	errors         uint64 // of ICMPv6

	scanState
	queryState
	mirrorState
}

// link returns the link that p was seen on, and makes it if need be.
func (c *Checker) link(p *packet.Packet) *link {
	l := c.links.last
	if i := p.Frame.Interface; i == nil || i != c.links.plain || len(p.VLANs)+len(p.Tunnels) > 0 {
		l = c.links.find(p.Link())
		c.links.plain = nil
		if len(p.VLANs)+len(p.Tunnels) == 0 {
			c.links.plain = i
		}
	}
	l.mixed = l.mixed || p.Frame.LinkType == packet.LinkTypeSLL
	if i := p.Frame.Interface; i != nil && len(p.Tunnels) == 0 && i.HardwareAddr != (packet.MAC{}) {
		l.hardwareAddr = i.HardwareAddr
	}
	return l
}

// find returns the link that key names, and makes it if need be.
func (s *links) find(key packet.Link) *link {
	l := s.last
	if l == nil || l.where != key {
		if l = s.index[key]; l == nil {
			l = s.add(key)
		}
		s.last = l
	}
	return l
}

func (s *links) add(key packet.Link) *link {
	if s.index == nil {
		s.index = make(map[packet.Link]*link)
	}
	if len(s.order) >= maxLinks {
		key = packet.Link{Interface: "…"}
		if l := s.index[key]; l != nil {
			return l
		}
	}
	l := &link{id: uint32(len(s.order)), where: key, name: key.String()}
	s.index[key] = l
	s.order = append(s.order, l)
	return l
}

// count takes a message into the link's counts.
func (l *link) count(p *packet.Packet) {
	l.messages++
	switch t := p.Message.Type; {
	case t == icmp6.TypeNeighborAdvertisement:
		l.advertisements++
	case t.IsError():
		l.errors++
	}
}

// within reports whether b comes no more than d after a.
func within(a, b ndcheck.Stamp, d time.Duration) bool {
	age := b.Sub(a)
	return age >= 0 && age <= d
}
