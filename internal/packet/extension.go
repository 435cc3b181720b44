package packet

import (
	"encoding/binary"
	"slices"
)

const (
	maxExtensions = 16

	optionPad1        = 0
	optionPadN        = 1
	optionJumbo       = 0xc2 // RFC 2675 §2
	optionHomeAddress = 0xc9 // RFC 6275 §6.3
)

// walk follows the header chain of one IPv6 packet (RFC 8200 §4).
type walk struct {
	*view
	next    uint8 // the protocol number of the header at off
	nextAt  int   // where that number stands
	splice  int   // where the number of the Fragment header stands: reassembly puts its next header there
	count   int   // extension headers passed
	damages int   // how many damages p had before this packet
	first   bool  // inside the first fragment of several
	joined  bool  // inside a reassembled packet
	detour  bool  // the addresses of the pseudo-header are not those of the IPv6 header
}

// place says where follow has stopped.
type place uint8

const (
	atUpper    place = iota // at the header that next names, which is no extension header
	atFragment              // behind a Fragment header that is not atomic
	lost                    // the chain cannot be followed; next is the last next header there was to read
)

// isExtension reports whether a header of that number tells what comes after it. ESP hides that, and 59 says nothing.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopByHop, protoRouting, protoFragment, protoAH, protoDestinationOptions, protoMobility, protoHIP, protoShim6:
		return true
	}
	return false
}

// mayBeICMPv6 reports whether a header of that number is ICMPv6 or may lead to it.
func mayBeICMPv6(proto uint8) bool { return proto == protoICMPv6 || isExtension(proto) }

// extensionLength returns the bytes of the extension header that b begins with, or the least it can have.
func extensionLength(proto uint8, b []byte) int {
	switch {
	case proto == protoFragment || len(b) < 2:
		return 8
	case proto == protoAH:
		return 4 * (int(b[1]) + 2)
	}
	return 8 * (int(b[1]) + 1)
}

// follow walks over the extension headers. Each is at least eight bytes long, so that it comes to an end.
func (w *walk) follow(p *Packet) place {
	for ; isExtension(w.next); w.count++ {
		if w.count == maxExtensions {
			p.damage(DamageTooManyExtensions, w.off)
			return lost
		}
		b, proto := w.rest(), w.next
		length := extensionLength(proto, b)
		if length > len(b) {
			w.missing(p, length)
			if len(b) > 0 {
				w.next = b[0]
			}
			return lost
		}
		p.Extensions = append(p.Extensions, Extension{Header: proto, Offset: w.off, Length: length})
		from := w.nextAt
		w.nextAt, w.next, w.off = w.off, b[0], w.off+length
		switch proto {
		case protoHopByHop, protoDestinationOptions:
			w.options(p, b[:length], proto)
		case protoRouting:
			w.detour = w.detour || b[3] != 0 // segments left: the final destination is in the routing header
		case protoAH:
			if length < 12 { // RFC 4302 §2: the fixed fields alone
				p.damage(DamageExtension, w.nextAt)
			}
		case protoFragment:
			if w.isAtomic(p, b) {
				continue
			}
			if w.first || w.joined { // a fragment of a fragment, which no receiver takes
				p.damage(DamageExtension, w.nextAt)
				return lost
			}
			w.splice = from
			return atFragment
		}
	}
	return atUpper
}

// missing records that the packet ends before the extension header at off does. A capture that was cut is recorded
// already.
func (w *walk) missing(p *Packet, length int) {
	switch {
	case !w.sure || w.off+length <= w.end:
	case w.first:
		p.damage(DamageFirstFragmentIncomplete, w.off)
	default:
		p.damage(DamageExtension, w.off)
	}
}

// isAtomic reads the Fragment header b (RFC 8200 §4.5), and reports whether it is of a packet that is not fragmented
// at all (RFC 6946).
func (w *walk) isAtomic(p *Packet, b []byte) bool {
	v := binary.BigEndian.Uint16(b[2:])
	f := Fragment{ID: binary.BigEndian.Uint32(b[4:]), Offset: int(v &^ 7), More: v&1 != 0, Atomic: v&^6 == 0}
	if !w.first && !w.joined { // else p.Fragment tells of the fragment, or of the reassembly
		p.IsFragment, p.Fragment = true, f
	}
	return f.Atomic
}

// options looks through the options of the header b of that number, which ends at w.off (RFC 8200 §4.2). Of those that a
// receiver drops the packet for it records the first.
func (w *walk) options(p *Packet, b []byte, proto uint8) {
	refused := false
	for i := 2; i < len(b); {
		if b[i] == optionPad1 {
			i++
			continue
		}
		if i+2 > len(b) || i+2+int(b[i+1]) > len(b) {
			if !refused {
				p.damage(DamageOptions, w.off-len(b)+i)
			}
			return
		}
		end := i + 2 + int(b[i+1])
		if !refused && refuses(proto, b[i], b[i+2:end]) {
			refused = true
			p.damage(DamageOptions, w.off-len(b)+i)
		}
		if b[i] == optionHomeAddress {
			w.detour = true // RFC 6275 §11.3.2: the home address is the source in the pseudo-header
		}
		i = end
	}
}

// refuses reports whether a receiver drops the packet for an option in a header of that number: one that it does not know
// and may not step over, as the two high bits of its type say, or padding that is not zero, which Linux does not take.
func refuses(proto, option uint8, data []byte) bool {
	switch option {
	case optionPadN:
		return slices.ContainsFunc(data, func(c byte) bool { return c != 0 })
	case optionJumbo:
		return proto != protoHopByHop
	case optionHomeAddress:
		return proto != protoDestinationOptions
	}
	return option>>6 != 0
}

// jumboLength returns the payload length in the jumbo payload option of the hop-by-hop header b, or 0. Its alignment
// makes it the first option wherever it is used.
func jumboLength(b []byte) int {
	if len(b) < 8 || b[2] != optionJumbo || b[3] != 4 {
		return 0
	}
	if n := binary.BigEndian.Uint32(b[4:]); n > 0xffff && n < 1<<30 {
		return int(n)
	}
	return 0
}
