package pmtu

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

const (
	protocolTCP = 6
	maxConns    = 2048 // half of how many connections are kept, each with some 300 bytes, and 500 more when it sends long segments
	tcpBytes    = 20   // of a TCP header without options (RFC 9293 §3.1)

	tcpFIN = 1 << 0
	tcpSYN = 1 << 1
	tcpRST = 1 << 2
	tcpACK = 1 << 4

	optionEnd, optionNop, optionMSS, optionScale, optionSACK = 0, 1, 2, 3, 5
	maxScale                                                 = 14 // RFC 7323 §2.3
	// maxAhead is how far numbers of one connection lie apart at most: the largest window there is (RFC 7323 §2.3).
	maxAhead = 1 << 30
)

// segment is a TCP segment as it passes, its numbers as they stand in it (RFC 9293 §3.1).
type segment struct {
	from, to      uint16 // ports
	sequence, ack uint32
	length        int // of its data
	size          int // of its packet
	flags         uint8
	window        uint16
	mss           int // 0 for none
	scale         int // -1 for none
	sacks         [4]span
	sacked        int // how many of them there are
}

// span is from where to where sequence numbers go, the last not included.
type span struct{ from, to uint32 }

// covers reports whether o lies in s.
func (s span) covers(o span) bool { return int32(o.from-s.from) >= 0 && int32(s.to-o.to) >= 0 }

func (s span) overlaps(o span) bool { return int32(o.to-s.from) > 0 && int32(s.to-o.from) > 0 }

func (s span) length() int { return int(s.to - s.from) }

// data is what numbers the data of g have.
func (g *segment) data() span { return span{g.sequence, g.sequence + uint32(g.length)} }

// readSegment reads the header of p, a TCP segment. False means that it makes no sense, or was cut too short.
func readSegment(p *packet.Packet) (g segment, ok bool) {
	b := p.Payload
	if len(b) < tcpBytes {
		return g, false
	}
	header := int(b[12]>>4) * 4
	upper := int(p.PayloadLength) - (p.PayloadOffset - p.IPOffset - ipv6Bytes) // bytes of TCP
	if header < tcpBytes || upper < header || header > len(b) {
		return g, false
	}
	g = segment{from: binary.BigEndian.Uint16(b), to: binary.BigEndian.Uint16(b[2:]), sequence: binary.BigEndian.Uint32(b[4:]),
		ack: binary.BigEndian.Uint32(b[8:]), length: upper - header, size: sizeOf(p), flags: b[13],
		window: binary.BigEndian.Uint16(b[14:]), scale: -1}
	g.options(b[tcpBytes:header])
	return g, true
}

func (g *segment) options(b []byte) {
	for len(b) > 0 && b[0] != optionEnd {
		if b[0] == optionNop {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 || int(b[1]) > len(b) {
			return
		}
		v := b[2:b[1]]
		switch {
		case b[0] == optionMSS && len(v) == 2:
			g.mss = int(binary.BigEndian.Uint16(v))
		case b[0] == optionScale && len(v) == 1:
			g.scale = min(int(v[0]), maxScale)
		case b[0] == optionSACK:
			for ; len(v) >= 8 && g.sacked < len(g.sacks); v = v[8:] {
				g.sacks[g.sacked] = span{binary.BigEndian.Uint32(v), binary.BigEndian.Uint32(v[4:])}
				g.sacked++
			}
		}
		b = b[b[1]:]
	}
}

// connKey names a connection: its two ends, the lesser one first.
type connKey struct {
	address [2][16]byte
	port    [2]uint16
}

// connOf returns the connection that a segment is of, and which of its ends has sent it.
func connOf(source, destination netip.Addr, from, to uint16) (k connKey, sender int) {
	s, d := source.As16(), destination.As16()
	if order := bytes.Compare(s[:], d[:]); order < 0 || order == 0 && from < to {
		return connKey{[2][16]byte{s, d}, [2]uint16{from, to}}, 0
	}
	return connKey{[2][16]byte{d, s}, [2]uint16{to, from}}, 1
}

// conn is a connection, with what each end sends.
type conn struct {
	era  uint32
	half [2]half
}

// half is what one end of a connection sends, and what the other acknowledges of it.
type half struct {
	begun, told bool   // it has sent something; something of it was acknowledged
	next        uint32 // the number after the last that was sent
	una         uint32 // the first that was not acknowledged
	unaAt       time.Time

	initial    uint32 // of its SYN, when it was seen
	hasInitial bool
	mss        int // of its SYN
	scale      int // of its SYN, 0 for none

	limit   uint32 // the first number that the other end has no room for, when it is known
	limited bool
	full    bool // the other end had no room at all

	settledAt time.Time // when the other end had acknowledged all that was sent by then
	settledBy int       // the length of the packet that said so
	resentAt  time.Time // when something was sent again

	short     [4]sent // short segments that were sent last
	shortNext int
	*long
}

// long is what a half has that sends packets of more than MinMTU bytes.
type long struct {
	proven int     // the longest that is known to have arrived
	trials [4]sent // segments that prove more when they are acknowledged
	shrunk bool    // bytes were sent again in smaller segments
	stuck  stuck
	cut    stuck // the last stuck segment that arrived once it was cut
	// What was acknowledged out of order: short segments, their last span, and what may have been a long one.
	shortAt, longAt time.Time
	shortSize       int
	shortSpan       span
	lastWhole       time.Time // the last that was sent is the stuck segment, at that time; zero when it is another
}

// sent is a segment that was not acknowledged yet. The zero sent is none.
type sent struct {
	span
	size  int
	at    time.Time
	frame uint64
}

// tcp takes in a segment.
func (c *Checker) tcp(p *packet.Packet) {
	g, ok := readSegment(p)
	if !ok {
		return
	}
	k, i := connOf(p.Source, p.Destination, g.from, g.to)
	n := c.conns.add(k)
	if n.era != c.era {
		c.judge(k, n)
		*n = conn{era: c.era}
	}
	s, o := &n.half[i], &n.half[1-i]
	if g.flags&tcpSYN != 0 {
		c.syn(k, n, s, &g)
	}
	if g.flags&tcpRST != 0 {
		o.refused(c.now)
		return
	}
	if g.flags&tcpACK != 0 {
		c.acked(k, 1-i, n, &g, p)
	}
	if g.length > 0 && g.flags&tcpSYN == 0 {
		c.sends(k, i, n, &g, p)
	}
	if g.flags&tcpFIN != 0 && s.begun {
		switch g.sequence + uint32(g.length) + 1 {
		case s.next + 1:
			s.next++
		case s.next:
			s.resentAt = c.now
		}
	}
}

// pathOf returns the path from end i to the other.
func (k *connKey) pathOf(i int) pathKey {
	return pathKey{addrFrom(k.address[i]), addrFrom(k.address[1-i])}
}

// syn takes in the SYN g of s. Another initial number than before is a new connection of the same ports.
func (c *Checker) syn(k connKey, n *conn, s *half, g *segment) {
	if s.begun && (!s.hasInitial || s.initial != g.sequence) {
		c.judge(k, n)
		*n = conn{era: c.era}
	}
	if s.hasInitial {
		return
	}
	s.begun, s.hasInitial, s.initial, s.next = true, true, g.sequence, g.sequence+1+uint32(g.length)
	s.told, s.una, s.unaAt = true, g.sequence, c.now
	s.mss, s.scale = g.mss, max(g.scale, 0)
	if g.scale < 0 && g.flags&tcpACK != 0 { // it is used by both or by none (RFC 7323 §2.2)
		n.half[0].scale, n.half[1].scale = 0, 0
	}
}

// introduced takes over what both ends have said in their SYNs, once the connection stands.
func (c *Checker) introduced(k connKey, n *conn, frame uint64) {
	for i := range n.half {
		source, destination := n.half[i].mss, n.half[1-i].mss
		if source == 0 && destination == 0 {
			continue
		}
		v := c.paths.prove(k.pathOf(i))
		if v.SourceMSS != source || v.DestinationMSS != destination {
			v.note(c.now, frame)
		}
		v.SourceMSS, v.DestinationMSS = lesser(v.SourceMSS, source), lesser(v.DestinationMSS, destination)
	}
}

// lesser returns the lesser of the two that are known.
func lesser(a, b int) int {
	if a == 0 || b == 0 {
		return max(a, b)
	}
	return min(a, b)
}

// sends takes in that end i sends the data of g.
func (c *Checker) sends(k connKey, i int, n *conn, g *segment, p *packet.Packet) {
	s := &n.half[i]
	d := g.data()
	if !s.begun { // the capture has begun in the middle
		s.begun, s.next = true, d.to
		return
	}
	if ahead := int32(d.from - s.next); ahead > maxAhead || ahead < -maxAhead {
		return
	}
	fresh := int32(d.from-s.next) >= 0
	if int32(d.to-s.next) > 0 {
		s.next = d.to
	}
	if !fresh {
		s.resentAt = c.now
	}
	if s.told && int32(d.to-s.una) <= 0 { // sent in vain, or to keep the connection alive
		return
	}
	if g.size > MinMTU && s.long == nil {
		s.long = new(long)
	}
	now := sent{d, g.size, c.now, p.Frame.Number}
	if s.long != nil {
		s.mixed(d)
		s.lastWhole = time.Time{}
	}
	switch {
	case !fresh && s.long != nil:
		s.again(&now, p)
	case g.size <= MinMTU:
		s.short[s.shortNext] = now
		s.shortNext = (s.shortNext + 1) % len(s.short)
	case g.size > s.proven && c.isOne(k.pathOf(i), s, &n.half[1-i], g, p):
		s.try(now)
	}
}

// mixed gives up the trials whose bytes are sent in another shape: which of the two arrives is not known.
func (l *long) mixed(d span) {
	for i := range l.trials {
		if t := &l.trials[i]; t.size > 0 && t.overlaps(d) && t.span != d {
			*t = sent{}
		}
	}
}

// try makes t a trial, unless there are enough, all as long.
func (l *long) try(t sent) {
	least := 0
	for i := range l.trials {
		if l.trials[i].size < l.trials[least].size {
			least = i
		}
	}
	if l.trials[least].size < t.size {
		l.trials[least] = t
	}
}

// returned gives up the trials of the connection that a Packet Too Big quotes a segment of, if they are too long by it.
func (c *Checker) returned(q *icmp6.Quote, mtu int) {
	k, i := connOf(q.Source, q.Destination, q.SourcePort, q.DestinationPort)
	n := c.conns.peek(k)
	if n == nil || n.half[i].long == nil {
		return
	}
	for j := range n.half[i].trials {
		if t := &n.half[i].trials[j]; t.size > mtu {
			*t = sent{}
		}
	}
}

// isOne reports whether the segment g of s is one packet for sure. The sender's network card may have it still to cut, or
// this host's may have joined several. Such packets have no checksum that fits. Where that of all is left to the hardware,
// one is known by its length: as a Packet Too Big has it, or as long as both ends take. The latter only on the sender's own
// link, where each Packet Too Big to it would be seen: it goes on to send what it had made ready, and leaves the cutting to
// the hardware.
func (c *Checker) isOne(k pathKey, s, other *half, g *segment, p *packet.Packet) bool {
	limit := linkLimit(p)
	if other.mss > 0 {
		limit = min(limit, other.mss+ipv6Bytes+tcpBytes)
	}
	if g.size > limit {
		return false
	}
	if p.SumFits() {
		return true
	}
	v, most := c.paths.peek(k), 0
	if v != nil {
		most = v.AtMost
	}
	if most > 0 && g.size >= most {
		return g.size == most
	}
	return isInitial(p.HopLimit) && s.mss > 0 && other.mss > 0 && !s.shrunk && g.size == min(s.mss, other.mss)+ipv6Bytes+tcpBytes
}
