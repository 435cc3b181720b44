package pmtu

import (
	"encoding/binary"
	"net/netip"
	"slices"
	"testing"
)

const wireHop = "2001:db8:ff::1" // a router

// fixedMatcher has sent a probe of each kind, with the kind and one as its ID.
func fixedMatcher(kinds ...Kind) *matcher {
	m := newMatcher(fixedWire())
	for _, k := range kinds {
		m.add(Probe{ID: 1 + int(k), Kind: k, Size: 1500, HopLimit: 9, Flow: int(k)})
	}
	return m
}

// message returns an ICMPv6 message, its checksum left out.
func message(typ, code uint8, word uint32, rest []byte) []byte {
	b := binary.BigEndian.AppendUint32([]byte{typ, code, 0, 0}, word)
	return append(b, rest...)
}

// change returns b with the byte at i changed.
func change(b []byte, i int) []byte {
	b = slices.Clone(b)
	b[i] ^= 1
	return b
}

func TestMatchTooBig(t *testing.T) {
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		m := fixedMatcher(kind)
		sent := built(t, &m.wire, m.sent[1+int(kind)])
		upper := upperOffset(kind)
		relabel := func(b []byte) []byte { b = slices.Clone(b); b[3] ^= 1; return b }
		other := Echo
		if kind == Echo {
			other = TCP
		}
		stranger := fixedMatcher(other)
		foreign := built(t, &stranger.wire, stranger.sent[1+int(other)])
		for _, c := range []struct {
			name  string
			quote []byte
			id    int // -1 for no reply
		}{
			{"whole", sent, 1 + int(kind)},
			{"1280 bytes in all", sent[:1232], 1 + int(kind)},
			{"up to the nonce", sent[:nonceOffset(kind)+nonceSize], 1 + int(kind)},
			{"eight bytes of the upper layer", sent[:upper+telling], 1 + int(kind)},
			{"padded", append(slices.Clone(sent), 1, 2, 3), 1 + int(kind)},
			{"another label, nonce", relabel(sent), 1 + int(kind)},
			{"another traffic class", change(sent, 0), 1 + int(kind)},
			{"another hop limit", change(sent, 7), 1 + int(kind)},
			{"later bytes damaged", change(sent, 1000), 1 + int(kind)},
			{"another label, no nonce", relabel(sent[:nonceOffset(kind)+nonceSize-1]), 0},
			{"too short", sent[:upper+telling-1], 0},
			{"another length", change(sent, 5), 0},
			{"another nonce", change(sent, nonceOffset(kind)), 0},
			{"another end of the nonce", change(sent, nonceOffset(kind)+nonceSize-1), 0},
			{"other ports, or type", change(sent, upper+1), 0},
			{"another identifier, length or sequence number", change(sent, upper+5), 0},
			{"another tag or sequence number", change(sent, upper+7), 0},
			{"the header only", sent[:ipv6HeaderSize], 0},
			{"another source", change(sent, 8), -1},
			{"another destination", change(sent, 39), -1},
			{"not IPv6", append([]byte{0x40}, sent[1:]...), -1},
			{"a cut header", sent[:39], -1},
			{"another protocol", foreign, -1},
			{"nothing", nil, -1},
		} {
			r, ok := m.icmp(netip.MustParseAddr(wireHop), 61, message(2, 0, 1400, c.quote))
			if c.id < 0 {
				if ok {
					t.Errorf("%v, %s: %+v", kind, c.name, r)
				}
				continue
			}
			want := Reply{ID: c.id, Type: TooBig, Source: netip.MustParseAddr(wireHop), HopLimit: 61,
				QuotedHopLimit: int(c.quote[7]), MTU: 1400}
			if !ok || r != want {
				t.Errorf("%v, %s: %+v, want %+v", kind, c.name, r, want)
			}
		}
	}
}

// TestMatchSmall has a probe end in the middle of its nonce.
func TestMatchSmall(t *testing.T) {
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		m := fixedMatcher()
		m.add(Probe{ID: 7, Kind: kind, Size: nonceOffset(kind) + 3, HopLimit: 1})
		sent := built(t, &m.wire, m.sent[7])
		for _, c := range []struct {
			quote []byte
			id    int
		}{{sent, 7}, {change(sent, len(sent)-1), 0}, {change(sent, 3), 0}, {append(slices.Clone(sent), 9), 7}} {
			if r, ok := m.icmp(netip.MustParseAddr(wireHop), 64, message(2, 0, 1280, c.quote)); !ok || r.ID != c.id {
				t.Errorf("%v: %+v, want %d", kind, r, c.id)
			}
		}
	}
}

func TestMatchErrors(t *testing.T) {
	const target, hop = wireTarget, wireHop
	none := Reply{ID: -1}
	for _, c := range []struct {
		name   string
		source string
		typ    uint8
		code   uint8
		kind   Kind
		want   Reply
	}{
		{"hop limit", hop, 3, 0, Echo, Reply{Type: Exceeded}},
		{"hop limit, at the target", target, 3, 0, UDP, Reply{Type: Exceeded}},
		{"reassembly", target, 3, 1, Echo, none},
		{"no route", hop, 1, 0, Echo, Reply{Type: Unreachable}},
		{"prohibited", hop, 1, 1, TCP, Reply{Type: Unreachable, Code: 1}},
		{"prohibited by the target", target, 1, 1, UDP, Reply{Type: Unreachable, Code: 1}},
		{"port", target, 1, 4, UDP, Reply{}},
		{"port, option", target, 1, 4, Option, Reply{}},
		{"port, tcp", target, 1, 4, TCP, Reply{Type: Unreachable, Code: 4}},
		{"port, for an echo", target, 1, 4, Echo, Reply{Type: Unreachable, Code: 4}},
		{"port, by a router", hop, 1, 4, UDP, Reply{Type: Unreachable, Code: 4}},
		{"option", target, 4, 2, Option, Reply{}},
		{"option, none sent", target, 4, 2, UDP, none},
		{"option, by a router", hop, 4, 2, Option, none},
		{"next header", target, 4, 1, Option, Reply{}},
		{"next header, tcp", target, 4, 1, TCP, none},
		{"next header, for an echo", target, 4, 1, Echo, none},
		{"header", target, 4, 0, Option, none},
		{"too big in the target's name", target, 2, 0, UDP, Reply{Type: TooBig, MTU: 40}},
		{"too big, code 1", hop, 2, 1, UDP, Reply{Type: TooBig, MTU: 40}},
		{"redirect", hop, 137, 0, UDP, none},
		{"not assigned", hop, 100, 0, UDP, none},
	} {
		m := fixedMatcher(Echo, UDP, TCP, Option)
		sent := built(t, &m.wire, m.sent[1+int(c.kind)])
		word := uint32(40)
		if c.typ == 1 || c.typ == 3 {
			word = 0 // the length of RFC 4884
		}
		r, ok := m.icmp(netip.MustParseAddr(c.source+"%eth0"), 60, message(c.typ, c.code, word, sent[:1232]))
		if c.want == none {
			if ok {
				t.Errorf("%s: %+v", c.name, r)
			}
			continue
		}
		c.want.ID, c.want.Source, c.want.HopLimit, c.want.QuotedHopLimit = 1+int(c.kind), netip.MustParseAddr(c.source), 60, 9
		if !ok || r != c.want {
			t.Errorf("%s: %+v, want %+v", c.name, r, c.want)
		}
		// Without a match none of them says anything, but for a Packet Too Big.
		foreign := message(c.typ, c.code, word, change(sent, nonceOffset(c.kind)))
		if r, ok := m.icmp(netip.MustParseAddr(c.source), 60, foreign); ok != (c.typ == 2) || ok && r.ID != 0 {
			t.Errorf("%s, another nonce: %+v", c.name, r)
		}
	}
}

func TestMatchExtended(t *testing.T) {
	// A quote of 128 bytes with extensions behind it (RFC 4884 §4).
	m := fixedMatcher(Echo)
	sent := built(t, &m.wire, m.sent[1])
	r, ok := m.icmp(netip.MustParseAddr(wireHop), 60, message(3, 0, 16<<24, append(slices.Clone(sent[:128]), 0x20, 0, 0, 0)))
	if !ok || r.ID != 1 || r.Type != Exceeded {
		t.Errorf("%+v", r)
	}
}

func TestMatchEcho(t *testing.T) {
	m := fixedMatcher(Echo, UDP)
	sent := built(t, &m.wire, m.sent[1])[ipv6HeaderSize:]
	answer := change(sent, 0) // 129
	unsent := slices.Clone(answer)
	binary.BigEndian.PutUint16(unsent[6:], m.tagOf(2)) // that was UDP
	for _, c := range []struct {
		name   string
		source string
		b      []byte
		ok     bool
	}{
		{"answer", wireTarget, answer, true},
		{"another checksum", wireTarget, change(answer, 2), true}, // the kernel has looked at it
		{"question", wireTarget, sent, false},
		{"another source", wireHop, answer, false},
		{"code", wireTarget, change(answer, 1), false},
		{"identifier", wireTarget, change(answer, 5), false},
		{"sequence number", wireTarget, change(answer, 7), false},
		{"nonce", wireTarget, change(answer, 10), false},
		{"last byte", wireTarget, change(answer, len(answer)-1), false},
		{"shorter", wireTarget, answer[:len(answer)-1], false},
		{"longer", wireTarget, append(slices.Clone(answer), 0), false},
		{"the header only", wireTarget, answer[:8], false},
		{"cut", wireTarget, answer[:7], false},
		{"of no echo", wireTarget, unsent, false},
	} {
		r, ok := m.icmp(netip.MustParseAddr(c.source), 55, c.b)
		if ok != c.ok || ok && r != (Reply{ID: 1, Source: netip.MustParseAddr(wireTarget), HopLimit: 55}) {
			t.Errorf("%s: %+v, %v", c.name, r, ok)
		}
	}
}

func TestMatchTCP(t *testing.T) {
	const data = 1500 - 60
	for _, c := range []struct {
		name      string
		source    string
		from, to  int // added to the ports
		flags     uint8
		ack       uint32 // added to the probe's sequence number
		truncated int
		ok        bool
	}{
		{"syn-ack", wireTarget, 0, 0, 0x12, 1, 0, true},
		{"syn-ack with ece", wireTarget, 0, 0, 0x52, 1, 0, true},
		{"syn-ack of the data", wireTarget, 0, 0, 0x12, 1 + data, 0, true},
		{"rst of the data", wireTarget, 0, 0, 0x14, 1 + data, 0, true},
		{"rst", wireTarget, 0, 0, 0x14, 1, 0, true},
		{"no data acknowledged but some", wireTarget, 0, 0, 0x14, data, 0, false},
		{"nothing acknowledged", wireTarget, 0, 0, 0x14, 0, 0, false},
		{"another probe's", wireTarget, 0, 0, 0x12, 1 + 1<<16, 0, false},
		{"ack", wireTarget, 0, 0, 0x10, 1, 0, false},
		{"syn", wireTarget, 0, 0, 0x02, 1, 0, false},
		{"rst without ack", wireTarget, 0, 0, 0x04, 1, 0, false},
		{"syn and rst", wireTarget, 0, 0, 0x16, 1, 0, false},
		{"another source", wireHop, 0, 0, 0x12, 1, 0, false},
		{"another source port", wireTarget, 1, 0, 0x12, 1, 0, false},
		{"another destination port", wireTarget, 0, 1, 0x12, 1, 0, false},
		{"cut", wireTarget, 0, 0, 0x12, 1, 1, false},
	} {
		m := fixedMatcher(Echo, TCP)
		b := make([]byte, 20)
		binary.BigEndian.PutUint16(b, m.tcpPort+uint16(c.from))
		binary.BigEndian.PutUint16(b[2:], m.sourcePort(3)+uint16(c.to))
		binary.BigEndian.PutUint32(b[8:], m.sequenceOf(3)+c.ack)
		b[12], b[13] = 0x50, c.flags
		r, ok := m.tcp(netip.MustParseAddr(c.source), 58, b[:len(b)-c.truncated])
		if ok != c.ok || ok && r != (Reply{ID: 3, Source: netip.MustParseAddr(wireTarget), HopLimit: 58}) {
			t.Errorf("%s: %+v, %v", c.name, r, ok)
		}
	}
}
