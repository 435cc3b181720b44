package filter

import "encoding/binary"

// bits are bytes of which some bits are known: those that are 1 in known. What is not known is 0 in value.
type bits struct{ value, known []byte }

// unknownBits returns n bytes of which nothing is known.
func unknownBits(n int) bits { return bits{make([]byte, n), make([]byte, n)} }

// knownBits returns b, all of it known.
func knownBits(b []byte) bits {
	known := make([]byte, len(b))
	for i := range known {
		known[i] = 0xff
	}
	return bits{b, known}
}

// set makes the bytes from offset on known.
func (b bits) set(offset int, v ...byte) {
	copy(b.value[offset:], v)
	for i := range v {
		b.known[offset+i] = 0xff
	}
}

// slice returns the n bytes from offset on, of which those past the end are not known.
func (b bits) slice(offset, n int) bits {
	s := unknownBits(n)
	if offset < len(b.value) {
		copy(s.value, b.value[offset:])
		copy(s.known, b.known[offset:])
	}
	return s
}

// allKnown reports whether every bit is known.
func (b bits) allKnown() bool {
	for _, k := range b.known {
		if k != 0xff {
			return false
		}
	}
	return true
}

// equal tells whether b is v, which is as long.
func (b bits) equal(v []byte) Truth {
	truth := Yes
	for i, want := range v {
		if (b.value[i]^want)&b.known[i] != 0 {
			return No
		}
		if b.known[i] != 0xff {
			truth = CannotTell
		}
	}
	return truth
}

// compare compares b with v, which is as long, as memcmp does: low is the result for the least that b may be, high for the
// greatest.
func (b bits) compare(v []byte) (low, high int) {
	for i, want := range v {
		least, most := b.value[i], b.value[i]|^b.known[i]
		if low == 0 && least != want {
			low = sign(int(least) - int(want))
		}
		if high == 0 && most != want {
			high = sign(int(most) - int(want))
		}
	}
	return low, high
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// within tells whether from <= b <= to; all are as long.
func (b bits) within(from, to []byte) Truth {
	low, high := b.compare(from)
	low2, high2 := b.compare(to)
	switch {
	case low >= 0 && high2 <= 0:
		return Yes
	case high < 0 || low2 > 0:
		return No
	}
	return CannotTell
}

// Sizes of headers, in bytes.
const (
	sizeEthernet = 14
	sizeIPv6     = 40
	sizeHopOpts  = 8
	sizeICMPv6   = 8 // no message is shorter
)

// Numbers of protocols.
const (
	protoHopOpts = 0
	protoICMPv6  = 58
	etherIPv6    = 0x86dd
)

// hasHopOpts reports whether the message goes with a Hop-by-Hop header that has a Router Alert in it: MLD does
// (RFC 2710 §3, RFC 3810 §5), so that the Next Header field of such a packet is 0.
func (p *Packet) hasHopOpts() bool { return p.Type >= 130 && p.Type <= 132 || p.Type == 143 }

// transport is where the ICMPv6 header begins in the IPv6 packet.
func (p *Packet) transport() int {
	if p.hasHopOpts() {
		return sizeIPv6 + sizeHopOpts
	}
	return sizeIPv6
}

// network returns the bytes of p from its IPv6 header to the code of the ICMPv6 message. The traffic class, the flow label
// and what follows the code are not known.
func (p *Packet) network() bits {
	b := unknownBits(p.transport() + 2)
	b.value[0], b.known[0] = 0x60, 0xf0
	if p.Length >= sizeIPv6 && p.Length-sizeIPv6 <= 0xffff {
		b.set(4, binary.BigEndian.AppendUint16(nil, uint16(p.Length-sizeIPv6))...)
	}
	next := byte(protoICMPv6)
	if p.hasHopOpts() {
		next = protoHopOpts
		b.set(sizeIPv6, protoICMPv6, 0)
	}
	b.set(6, next, p.HopLimit)
	if p.Source.Is6() {
		b.set(8, p.Source.AsSlice()...)
	}
	if p.Target.Is6() {
		b.set(24, p.Target.AsSlice()...)
	}
	b.set(p.transport(), p.Type, p.Code)
	return b
}

// link returns the Ethernet header of p. An address of zeros is not known, save that of a multicast destination.
func (p *Packet) link() bits {
	b := unknownBits(sizeEthernet)
	switch {
	case p.EtherTarget != [6]byte{}:
		b.set(0, p.EtherTarget[:]...)
	case p.Target.IsMulticast() && p.Target.Is6():
		group := p.Target.As16()
		b.set(0, 0x33, 0x33, group[12], group[13], group[14], group[15])
	}
	if p.EtherSource != [6]byte{} {
		b.set(6, p.EtherSource[:]...)
	}
	b.set(12, etherIPv6>>8, etherIPv6&0xff)
	return b
}

// read returns n bytes of the IPv6 packet. Yes says that the packet is that long, No that it is shorter.
func (p *Packet) read(offset, n int) (bits, Truth) {
	b := p.network().slice(offset, n)
	switch end := offset + n; {
	case end <= p.transport()+sizeICMPv6 && p.Length == 0, p.Length != 0 && end <= p.Length:
		return b, Yes
	case p.Length != 0:
		return b, No
	}
	return b, CannotTell
}
