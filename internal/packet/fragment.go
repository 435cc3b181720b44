package packet

import (
	"bytes"
	"encoding/binary"
	"net/netip"
	"slices"
	"time"
)

const (
	maxDatagrams = 64
	maxPieces    = 256
	maxPayload   = 65535            // RFC 8200 §4.5
	maxAge       = 60 * time.Second // RFC 8200 §4.5
)

// fragment takes the fragment that w stands in. The one that completes its datagram becomes the reassembled packet.
func (d *Decoder) fragment(w *walk, p *Packet) outcome {
	key := datagramKey{id: p.Fragment.ID, source: p.Source, destination: p.Destination, link: p.Link()}
	g := d.datagrams.find(&key, p.Frame.Time)
	// What comes after the header chain is the first fragment's to say, so a later one belongs to its datagram
	// whatever it claims. UDP goes on for the tunnel that may be in it.
	if g == nil && !mayBeICMPv6(w.next) && (w.next != protoUDP && !d.Large || p.Fragment.Offset != 0) {
		return ignore
	}
	if p.Fragment.Offset == 0 {
		before := *w.view
		first := *w
		first.first = true
		if o := d.settle(&first, p, first.follow(p)); o != keep || !mayBeICMPv6(p.Protocol) {
			return o
		}
		*w.view = before
	}
	if !w.whole() {
		return keep
	}

	at := w.off - 8
	piece := w.rest()
	offset, end := p.Fragment.Offset, p.Fragment.Offset+len(piece)
	if p.Fragment.More && len(piece)%8 != 0 || at-p.IPOffset-ipv6Header+end > maxPayload {
		p.damage(DamageFragmentLength, at+2)
		return keep
	}
	if len(piece) == 0 {
		return keep
	}
	if g == nil {
		g = d.datagrams.add(&key, p.Frame.Time)
	}
	if g.refused {
		return keep
	}
	if kind, ok := g.put(offset, piece, p.Fragment.More); !ok {
		g.refused = true
		p.damage(kind, at+2)
		return keep
	}
	if offset == 0 && len(g.head) == 0 {
		g.head = append(g.head, w.data[p.IPOffset:at]...)
		g.head[w.splice-p.IPOffset] = w.data[at]
	}
	if g.have != g.total {
		return keep
	}
	g.live = false
	return d.join(w, p, g)
}

// join makes p the packet that g was the fragments of.
func (d *Decoder) join(w *walk, p *Packet, g *datagram) outcome {
	length := len(g.head) - ipv6Header + g.total
	if length > maxPayload {
		p.damage(DamageFragmentLength, w.off-6)
		return keep
	}
	if d.Outlive {
		d.joined = nil
	}
	d.joined = append(append(d.joined[:0], g.head...), g.data[:g.total]...)

	// The walk over the whole packet finds again what was found in this fragment, except for one thing.
	for _, m := range p.Damage[w.damages:] {
		if m.Kind == DamageFirstFragmentIncomplete {
			p.Damage[w.damages] = Damage{Kind: m.Kind, Offset: m.Offset - p.IPOffset - 8}
			w.damages++
			break
		}
	}
	p.Damage = p.Damage[:w.damages]
	p.header(d.joined)
	p.PayloadLength = uint16(length)
	p.Extensions = p.Extensions[:0]
	p.Fragment.Reassembled, p.Fragment.Pieces = true, len(g.pieces)
	p.Payload, p.PayloadOffset, p.IsICMPv6 = nil, 0, false

	binary.BigEndian.PutUint16(d.joined[4:], p.PayloadLength)
	j := walk{view: &view{data: d.joined, off: ipv6Header, end: len(d.joined), sure: true},
		next: d.joined[6], nextAt: 6, joined: true}
	return d.settle(&j, p, j.follow(p))
}

// datagramKey tells datagrams apart (RFC 8200 §4.5), on every link anew.
type datagramKey struct {
	id                  uint32
	source, destination netip.Addr
	link                Link
}

// datagram is a packet of which not all fragments are there.
type datagram struct {
	key     datagramKey
	live    bool
	refused bool      // kept so that what still comes of it is known
	since   time.Time // packet time of the fragment that came first
	arrival uint64    // grows from datagram to datagram
	total   int       // bytes, -1 until the last fragment is there
	have    int       // bytes
	pieces  []piece   // by offset, none overlapping
	head    []byte    // the IPv6 header and what stands before the Fragment header, of the fragment with offset 0
	data    []byte    // grows as needed
}

// piece is the extent of one fragment.
type piece struct {
	offset, end int
	more        bool
}

// datagrams holds the datagrams being put together. Few are ever there, so they are searched one by one.
type datagrams struct {
	slots    []datagram
	arrivals uint64
}

// find returns the datagram of that key, or nil. It drops those that are too old at the time now.
func (ds *datagrams) find(key *datagramKey, now time.Time) *datagram {
	var found *datagram
	for i := range ds.slots {
		g := &ds.slots[i]
		if !g.live {
			continue
		}
		if now.Sub(g.since) > maxAge {
			g.live = false
		} else if g.key.id == key.id && g.key == *key {
			found = g
		}
	}
	return found
}

// add begins a datagram, in the room of the oldest if there is no other.
func (ds *datagrams) add(key *datagramKey, now time.Time) *datagram {
	var g *datagram
	for i := range ds.slots {
		s := &ds.slots[i]
		if g == nil || !s.live && g.live || s.live == g.live && s.arrival < g.arrival {
			g = s
		}
	}
	if len(ds.slots) < maxDatagrams && (g == nil || g.live) {
		ds.slots = append(ds.slots, datagram{})
		g = &ds.slots[len(ds.slots)-1]
	}
	ds.arrivals++
	*g = datagram{key: *key, live: true, since: now, arrival: ds.arrivals, total: -1,
		pieces: g.pieces[:0], head: g.head[:0], data: g.data}
	return g
}

// put takes in one fragment, or tells why the datagram is to be refused. An exact duplicate changes nothing.
func (g *datagram) put(offset int, b []byte, more bool) (DamageKind, bool) {
	end := offset + len(b)
	i, _ := slices.BinarySearchFunc(g.pieces, offset, func(p piece, offset int) int { return p.offset - offset })
	if i < len(g.pieces) && g.pieces[i].offset < end {
		same := g.pieces[i] == piece{offset, end, more} && bytes.Equal(g.data[offset:end], b)
		return DamageOverlap, same
	}
	if i > 0 && g.pieces[i-1].end > offset {
		return DamageOverlap, false
	}
	if g.total >= 0 && end > g.total || !more && i < len(g.pieces) {
		return DamageFragmentLength, false // another end than the one that is known
	}
	if len(g.pieces) == maxPieces {
		return DamageFragmentLimit, false
	}
	g.pieces = slices.Insert(g.pieces, i, piece{offset, end, more})
	if !more {
		g.total = end
	}
	g.grow(end)
	g.have += copy(g.data[offset:], b)
	return 0, true
}

// grow makes room for the first n bytes.
func (g *datagram) grow(n int) {
	if n <= len(g.data) {
		return
	}
	data := make([]byte, min(maxPayload, max(n, 2*len(g.data), 2048)))
	copy(data, g.data)
	g.data = data
}
