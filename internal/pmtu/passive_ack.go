package pmtu

import (
	"net/netip"

	"v6probe/internal/packet"
)

func addrFrom(b [16]byte) netip.Addr { return netip.AddrFrom16(b) }

// acked takes in what g, of the other end, acknowledges of what end i sends.
func (c *Checker) acked(k connKey, i int, n *conn, g *segment, p *packet.Packet) {
	s, other := &n.half[i], &n.half[1-i]
	if !s.begun {
		return
	}
	if s.told {
		if ahead := int32(g.ack - s.una); ahead > maxAhead || ahead < -maxAhead {
			return
		}
	}
	if int32(g.ack-s.next) > 0 { // the capture lacks something that was sent, maybe the same bytes in another shape
		s.next = g.ack
		if s.long != nil {
			s.trials = [4]sent{}
		}
		s.short = [4]sent{}
	}
	before := s.told && s.una == s.initial && s.hasInitial
	moved := !s.told || int32(g.ack-s.una) > 0
	if moved {
		s.told, s.una, s.unaAt = true, g.ack, c.now
		if g.ack == s.next {
			s.settledAt, s.settledBy = c.now, g.size
		}
		c.arrivedUpTo(k, i, s, g.ack)
		if before && other.hasInitial && g.flags&tcpSYN == 0 {
			c.introduced(k, n, p.Frame.Number)
		}
	}
	known := s.hasInitial && other.hasInitial
	s.full = g.window == 0
	s.limit, s.limited = g.ack+uint32(g.window)<<other.scale, known && g.flags&tcpSYN == 0
	if s.long == nil {
		return
	}
	if !c.outOfOrder(k, i, s, g) && !moved && g.length == 0 && g.flags&(tcpSYN|tcpFIN) == 0 {
		s.rejected(g.ack)
	}
}

// arrivedUpTo takes in that all before ack has arrived.
func (c *Checker) arrivedUpTo(k connKey, i int, s *half, ack uint32) {
	if s.long != nil {
		c.passed(k, i, s, ack)
		for j := range s.trials {
			if t := &s.trials[j]; t.size > 0 && int32(ack-t.to) >= 0 {
				c.succeeded(k.pathOf(i), s, t)
			}
		}
	}
}

// succeeded takes in that the trial t has arrived, and ends it.
func (c *Checker) succeeded(path pathKey, s *half, t *sent) {
	s.proven = max(s.proven, t.size)
	c.proven(path, t.size, t.at, ByTCPAck, t.frame)
	*t = sent{}
}

// outOfOrder takes in the selective acknowledgements of g (RFC 2018), and reports whether one is new. What lies before the
// acknowledgement is about copies (RFC 2883).
func (c *Checker) outOfOrder(k connKey, i int, s *half, g *segment) (isNew bool) {
	for _, b := range g.sacks[:g.sacked] {
		if b.length() <= 0 || b.length() > maxAhead || int32(b.from-s.una) <= 0 || int32(s.next-b.to) < 0 {
			continue
		}
		for j := range s.trials {
			if t := &s.trials[j]; t.size > 0 && b.covers(t.span) {
				c.succeeded(k.pathOf(i), s, t)
			}
		}
		if s.shortSpan.covers(b) {
			continue
		}
		isNew = true
		more := b
		if b.from == s.shortSpan.from && b.covers(s.shortSpan) {
			more.from = s.shortSpan.to
		}
		if size := s.shortIn(more); size > 0 {
			s.shortAt, s.shortSize, s.shortSpan = c.now, size, b
		} else {
			s.longAt = c.now
		}
	}
	return isNew
}

// shortIn returns the length of the longest packet of the short segments that b consists of; 0 if there is more in it.
func (s *half) shortIn(b span) int {
	size, rest := 0, b.length()
	for j := range s.short {
		if t := &s.short[j]; t.size > 0 && b.covers(t.span) {
			size, rest = max(size, t.size), rest-t.length()
		}
	}
	if rest != 0 {
		return 0
	}
	return size
}

// hasRoom reports whether the other end had room for d.
func (s *half) hasRoom(d span) bool {
	return !s.full && (!s.limited || int32(s.limit-d.to) >= 0)
}
