package pmtu

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"testing"
)

// FuzzMatch has anybody send anything. It may be taken for a reply to a probe only if it has what only who saw the probe
// can know.
func FuzzMatch(f *testing.F) {
	kinds := []Kind{Echo, UDP, TCP, Option}
	m := fixedMatcher(kinds...)
	for _, k := range kinds {
		sent := built(f, &m.wire, m.sent[1+int(k)])
		for typ := uint8(1); typ <= 4; typ++ {
			f.Add(true, message(typ, 2, 0, sent[:1232]))
			f.Add(false, message(typ, 0, 0, sent[:upperOffset(k)+telling]))
		}
		f.Add(true, sent[upperOffset(k):])
	}
	f.Add(true, change(built(f, &m.wire, m.sent[1])[ipv6HeaderSize:], 0))
	synAck := make([]byte, 20)
	binary.BigEndian.PutUint16(synAck, m.tcpPort)
	binary.BigEndian.PutUint16(synAck[2:], m.sourcePort(3))
	binary.BigEndian.PutUint32(synAck[8:], m.sequenceOf(3)+1)
	synAck[13] = 0x12
	f.Add(true, synAck)

	f.Fuzz(func(t *testing.T, fromTarget bool, b []byte) {
		source := netip.MustParseAddr(wireHop)
		if fromTarget {
			source = m.target
		}
		before := bytes.Clone(b)
		r, ok := m.icmp(source, 64, b)
		if ok && r.ID == 0 && r.Type != TooBig {
			t.Errorf("%+v of no probe", r)
		}
		if p := m.sent[r.ID]; ok && r.ID != 0 {
			// Either the nonce is there, or the message ends before it and has the eight bytes that tell.
			sent := built(t, &m.wire, p)
			if at := nonceOffset(p.Kind); !bytes.Contains(b, m.nonce[:]) &&
				(len(b) >= minMessage+at+nonceSize+8 || !bytes.Contains(b, sent[upperOffset(p.Kind):][:telling])) {
				t.Errorf("%+v is taken for an answer to %+v", r, p)
			}
			if r.Type == Answer && !fromTarget || r.Source != source || p.ID != r.ID {
				t.Errorf("%+v from %v", r, source)
			}
		}
		if r, ok := m.tcp(source, 64, b); ok {
			ack := binary.BigEndian.Uint32(b[8:])
			if first := m.sequenceOf(3) + 1; r.ID != 3 || !fromTarget || ack != first && ack != first+1500-60 {
				t.Errorf("%+v for the acknowledgement of %d", r, ack)
			}
		}
		if !bytes.Equal(before, b) {
			t.Error("the message was changed")
		}
	})
}
