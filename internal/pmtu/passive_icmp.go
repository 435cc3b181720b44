package pmtu

import (
	"encoding/binary"
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// echoKey names an echo, by its request.
type echoKey struct {
	path         pathKey
	id, sequence uint16
}

// echo is a request that may be answered.
type echo struct {
	length   int // of the message with its IPv6 header, put together
	size     int // of the longest packet that it came in
	at       time.Time
	era      uint32
	frame    uint64
	hopLimit uint8
	here     bool // the capturing host has sent it
}

// icmp takes in a message.
func (c *Checker) icmp(p *packet.Packet) {
	m := &p.Message
	switch m.Type {
	case icmp6.TypePacketTooBig:
		c.tooBig(p)
	case icmp6.TypeEchoRequest, icmp6.TypeEchoReply:
		if m.Code != 0 || len(p.Payload) < echoBytes || sizeOf(p) <= MinMTU {
			return
		}
		k := echoKey{pathKey{p.Source, p.Destination}, binary.BigEndian.Uint16(p.Payload[4:]), binary.BigEndian.Uint16(p.Payload[6:])}
		size := c.largestPiece(p)
		if size == 0 {
			return
		}
		if m.Type == icmp6.TypeEchoRequest {
			*c.echoes.add(k) = echo{sizeOf(p), size, p.Frame.Time, c.era, p.Frame.Number, p.HopLimit, p.SentHere()}
			return
		}
		k.path = pathKey{p.Destination, p.Source}
		c.reply(p, k, size)
	}
}

// reply takes in the reply to the echo k, whose longest packet had size bytes.
func (c *Checker) reply(p *packet.Packet, k echoKey, size int) {
	e := c.echoes.peek(k)
	if e == nil || e.era != c.era || p.Frame.Time.Sub(e.at) > echoWait || e.length != sizeOf(p) {
		return
	}
	if e.size > MinMTU {
		c.proven(k.path, e.size, e.at, ByEcho, e.frame)
	}
	// The reply is back only where the capture was made at the end that asked.
	back := e.here && p.Frame.Direction == packet.Incoming
	if p.Frame.Direction == packet.DirectionUnknown {
		back = isInitial(e.hopLimit) && p.HopLimit > 32 && !isInitial(p.HopLimit)
	}
	if back && size > MinMTU {
		c.proven(pathKey{p.Source, p.Destination}, size, p.Frame.Time, ByEcho, p.Frame.Number)
	}
}

// tooBig takes in a Packet Too Big that says something of a path: MTUs that hosts discard do not (RFC 8201 §4), nor those
// that the quoted packet fits. nd judges them.
func (c *Checker) tooBig(p *packet.Packet) {
	q, ok := icmp6.ParseQuote(p.Message.Quoted())
	mtu := p.Message.MTU()
	if !ok || p.Message.Code != 0 || mtu < MinMTU || uint64(mtu) >= uint64(q.Length) || !onPath(q.Source) || !onPath(q.Destination) ||
		q.Source != p.Destination {
		return
	}
	c.said(pathKey{q.Source, q.Destination}, p.Source, mtu, q.Length, p.Frame.Number)
	if q.Protocol == protocolTCP && q.HasPorts {
		c.returned(&q, int(mtu))
	}
}

// datagram is one whose fragments pass, and the length of the longest.
type datagram struct {
	path    pathKey
	id      uint32
	at      time.Time
	largest int
}

// fragment takes in one fragment of several, or the one that completed its datagram.
func (c *Checker) fragment(p *packet.Packet) {
	size := fragmentSize(p)
	k := pathKey{p.Source, p.Destination}
	g := c.datagram(k, p.Fragment.ID)
	if g == nil {
		g = &c.fragments[c.next]
		c.next = (c.next + 1) % len(c.fragments)
		*g = datagram{path: k, id: p.Fragment.ID}
	}
	g.at, g.largest = c.now, max(g.largest, size)
	if p.Fragment.Offset != 0 || !p.Fragment.More || size <= MinMTU || size > linkLimit(p) {
		return
	}
	if v := c.paths.peek(k); v != nil && v.Fragment >= size {
		return
	}
	v := c.paths.claim(k)
	v.note(c.now, p.Frame.Number)
	v.Fragment = size
}

// datagram returns the datagram of which a fragment was seen, or nil.
func (c *Checker) datagram(k pathKey, id uint32) *datagram {
	for i := range c.fragments {
		g := &c.fragments[i]
		if g.id == id && g.path == k && g.path != (pathKey{netip.Addr{}, netip.Addr{}}) && c.now.Sub(g.at) <= pieceWait {
			return g
		}
	}
	return nil
}

// fragmentSize returns the length of the packet in the frame, which p.PayloadLength no longer is when p was put together.
func fragmentSize(p *packet.Packet) int {
	if b := p.Frame.Data; p.Fragment.Reassembled && len(b) >= p.IPOffset+6 {
		return ipv6Bytes + int(binary.BigEndian.Uint16(b[p.IPOffset+4:]))
	}
	return sizeOf(p)
}

// largestPiece returns the length of the longest packet that p came in; 0 where that is not known.
func (c *Checker) largestPiece(p *packet.Packet) int {
	switch g := c.datagram(pathKey{p.Source, p.Destination}, p.Fragment.ID); {
	case !p.Fragment.Reassembled:
		if size := sizeOf(p); size <= linkLimit(p) {
			return size
		}
		return 0
	case g == nil:
		return 0
	default:
		return g.largest
	}
}
