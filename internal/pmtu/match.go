package pmtu

import (
	"bytes"
	"encoding/binary"
	"net/netip"

	"v6probe/internal/icmp6"
)

// The codes that matter here (RFC 4443 §3), and the flags of TCP (RFC 9293 §3.1).
const (
	codePortUnreachable    = 4 // of a Destination Unreachable
	codeHopLimit           = 0 // of a Time Exceeded
	codeUnrecognizedNext   = 1 // of a Parameter Problem
	codeUnrecognizedOption = 2

	flagSYN, flagRST, flagACK = 0x02, 0x04, 0x10
)

const (
	minMessage = 8 // bytes of an echo, and of an error without its quote
	telling    = 8 // bytes of the upper layer in which each kind says which probe it is
)

// matcher knows which probes were sent and tells replies to them from everything else that comes in.
type matcher struct {
	wire
	sent  map[int]Probe // by ID
	used  Silence       // the kinds that were sent
	probe []byte        // room for one packet
}

func newMatcher(w wire) *matcher { return &matcher{wire: w, sent: make(map[int]Probe)} }

// add makes p a probe that was sent.
func (m *matcher) add(p Probe) {
	m.sent[p.ID] = p
	m.used[p.Kind] = true
}

// icmp returns what the ICMPv6 message b from source, one with a good checksum that came in for us with that hop limit,
// says to a probe. False means that it has nothing to do with any. The reply's Time is not set.
func (m *matcher) icmp(source netip.Addr, hopLimit int, b []byte) (Reply, bool) {
	var msg icmp6.Message
	msg.Decode(b)
	r := Reply{Source: source.WithZone(""), HopLimit: hopLimit}
	if len(b) < minMessage {
		return r, false
	}
	if msg.Type == icmp6.TypeEchoReply {
		r.ID = m.idOf(binary.BigEndian.Uint16(b[6:]))
		return r, r.Source == m.target && msg.Code == 0 && m.isAnswer(r.ID, b)
	}
	q, ok := icmp6.ParseQuote(msg.Quoted())
	if !ok || q.Source != m.source || q.Destination != m.target {
		return r, false
	}
	r.QuotedHopLimit = int(q.HopLimit)
	p, ok := m.quoted(&q, msg.Quoted())
	r.ID = p.ID
	if msg.Type == icmp6.TypePacketTooBig {
		r.Type, r.MTU = TooBig, msg.MTU()
		return r, ok || m.uses(q.Protocol)
	}
	if !ok {
		return r, false
	}
	return m.judge(r, msg.Type, msg.Code, p.Kind)
}

// judge says what an error message, other than a Packet Too Big, is for a probe of kind k that it quotes. An Answer to an
// echo is an Echo Reply and nothing else, as its length counts, and one to a SYN a segment, as errors are rate limited.
func (m *matcher) judge(r Reply, t icmp6.Type, code uint8, k Kind) (Reply, bool) {
	reached := r.Source == m.target && limited(k)
	switch t {
	case icmp6.TypeDestinationUnreachable:
		if !reached || code != codePortUnreachable {
			r.Type, r.Code = Unreachable, code
		}
		return r, true
	case icmp6.TypeTimeExceeded:
		r.Type = Exceeded
		return r, code == codeHopLimit
	case icmp6.TypeParameterProblem:
		// From the middle of the path it says nothing that a Reply can: the probe counts as lost.
		return r, reached && (code == codeUnrecognizedNext || code == codeUnrecognizedOption && k == Option)
	}
	return r, false
}

// uses reports whether a probe of the protocol was sent.
func (m *matcher) uses(proto uint8) bool {
	switch proto {
	case protoICMPv6:
		return m.used[Echo]
	case protoUDP:
		return m.used[UDP] || m.used[Option]
	case protoDestinationOptions: // the quote ends there
		return m.used[Option]
	case protoTCP:
		return m.used[TCP]
	}
	return false
}

// isAnswer reports whether b is the Echo Reply to the probe of that ID: with the same data, all of them (RFC 4443 §4.2).
func (m *matcher) isAnswer(id int, b []byte) bool {
	p, ok := m.sent[id]
	if !ok || p.Kind != Echo || len(b) != p.Size-ipv6HeaderSize {
		return false
	}
	sent, ok := m.rebuild(p)
	return ok && bytes.Equal(b[4:], sent[ipv6HeaderSize+4:])
}

func (m *matcher) rebuild(p Probe) ([]byte, bool) {
	b, err := m.build(m.probe, p)
	if err != nil {
		return nil, false
	}
	m.probe = b
	return b, true
}

// quoted returns the probe that b quotes; q is b decoded. All of it must be as it was sent, up to the nonce, but for what
// routers may change. That a quote ends before the nonce does, as very old routers have it, is no fault as long as it
// says which probe it was and has the flow label. With the nonce it need not have: firewalls set that anew.
func (m *matcher) quoted(q *icmp6.Quote, b []byte) (Probe, bool) {
	if q.IsFragment || len(q.Payload) < telling {
		return Probe{}, false
	}
	id, last := 0, q.Payload[:telling]
	switch q.Protocol {
	case protoICMPv6, protoUDP:
		id = m.idOf(binary.BigEndian.Uint16(last[6:]))
	case protoTCP:
		id = int((binary.BigEndian.Uint32(last[4:]) - m.sequence) >> 16)
	}
	p, ok := m.sent[id]
	if !ok {
		return Probe{}, false
	}
	sent, ok := m.rebuild(p)
	end := min(nonceOffset(p.Kind)+nonceSize, p.Size)
	n := min(q.Bytes, end)
	// The payload length and next header, then the addresses and all that follows.
	if !ok || n < upperOffset(p.Kind)+telling || !bytes.Equal(b[4:7], sent[4:7]) || !bytes.Equal(b[8:n], sent[8:n]) {
		return Probe{}, false
	}
	if n < nonceOffset(p.Kind)+nonceSize && q.FlowLabel != m.labelOf(p.Flow) {
		return Probe{}, false
	}
	return p, true
}

// tcp returns what the TCP segment b from source, which came in for us with that hop limit, says to a probe. A SYN-ACK or
// RST acknowledges the SYN, or the data as well (RFC 9293 §3.10.7.1). The reply's Time is not set.
func (m *matcher) tcp(source netip.Addr, hopLimit int, b []byte) (Reply, bool) {
	if source = source.WithZone(""); len(b) < tcpHeaderSize || source != m.target || b[13]&flagACK == 0 {
		return Reply{}, false
	}
	if syn, rst := b[13]&flagSYN != 0, b[13]&flagRST != 0; syn == rst {
		return Reply{}, false
	}
	acknowledged := binary.BigEndian.Uint32(b[8:]) - 1 - m.sequence
	p, ok := m.sent[int(acknowledged>>16)]
	if !ok || p.Kind != TCP || binary.BigEndian.Uint16(b) != m.tcpPort || binary.BigEndian.Uint16(b[2:]) != m.sourcePort(p.ID) {
		return Reply{}, false
	}
	if data := int(acknowledged & 0xffff); data != 0 && data != p.Size-dataOffset(TCP) {
		return Reply{}, false
	}
	return Reply{ID: p.ID, Source: source, HopLimit: hopLimit}, true
}
