package report

import (
	"bytes"
	"net/netip"

	"v6probe/internal/packet"
)

const (
	memoSlots = 1024 // a power of two
	memoRaw   = 256  // bytes of the longest message that is remembered
	memoText  = 2048 // bytes of the longest text that is
)

// memo remembers what message appended. A healthy link says the same over and over: routers repeat their advertisements, and
// neighbors their questions and answers. It has one slot for each value of the checksum's low bits, and a message that comes
// takes the place of the one before it.
type memo struct {
	slots []remembered // nil until there is a message
}

// remembered holds the text of a message. What message appends hangs on nothing but the key and the bytes, of which the
// decoded message is made.
type remembered struct {
	key  memoKey
	raw  []byte // empty while there is no text: one that comes once only is not worth the copying
	text []byte
}

// memoKey is what message reads of a packet, the message itself and what keyOf does not take aside.
type memoKey struct {
	source, destination                 netip.Addr
	ethernetSource, ethernetDestination packet.MAC
	hasEthernet                         bool
	hopLimit                            uint8
	checksum                            packet.Checksum
}

// keyOf returns the key of p; ok is false for one that is not remembered, as it is too long or not plain.
func keyOf(p *packet.Packet) (k memoKey, ok bool) {
	if n := len(p.Message.Raw); n == 0 || n > memoRaw || len(p.Extensions) > 0 || p.IsFragment || !p.Complete {
		return k, false
	}
	return memoKey{p.Source, p.Destination, p.EthernetSource, p.EthernetDestination,
		p.HasEthernet, p.HopLimit, p.Checksum}, true
}

// append does what o.message(p) does.
func (m *memo) append(o object, p *packet.Packet) object {
	key, ok := keyOf(p)
	if !ok {
		return o.message(p)
	}
	if m.slots == nil {
		m.slots = make([]remembered, memoSlots)
	}
	s := &m.slots[p.Message.Checksum%memoSlots]
	if s.key != key {
		s.key, s.raw = key, s.raw[:0]
		return o.message(p)
	}
	if bytes.Equal(s.raw, p.Message.Raw) {
		return append(o, s.text...)
	}
	from := len(o)
	if o = o.message(p); len(o)-from <= memoText {
		s.raw, s.text = append(s.raw[:0], p.Message.Raw...), append(s.text[:0], o[from:]...)
	}
	return o
}
