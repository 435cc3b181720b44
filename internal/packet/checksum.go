package packet

import (
	"encoding/binary"
	"math/bits"
	"net/netip"
)

// offload is what is known of a checksum that does not fit: whether the sender left it to its hardware.
type offload uint8

const (
	offloadUnknown offload = iota // it did if the stored value is the sum of the pseudo-header
	offloadNo
	offloadYes
)

// offload returns what is known of p. Behind a tunnel what the capture says is about the outer packet.
func (p *Packet) offload() offload {
	switch {
	case len(p.Tunnels) > 0:
		return offloadUnknown
	case p.Frame.Offload:
		return offloadYes
	case p.Frame.Interface.MarksOffload:
		return offloadNo
	}
	return offloadUnknown
}

// verify judges the checksum of msg, a whole ICMPv6 message (RFC 4443 §2.3).
func verify(src, dst netip.Addr, msg []byte, o offload) Checksum {
	if len(msg) < minICMPv6 {
		return ChecksumUnverified
	}
	pseudo := pseudoSum(src, dst, len(msg), protoICMPv6)
	switch {
	case fold(sum(msg, pseudo)) == 0xffff:
		return ChecksumGood
	case o == offloadYes, o == offloadUnknown && binary.BigEndian.Uint16(msg[2:]) == fold(pseudo):
		return ChecksumOffload
	}
	return ChecksumBad
}

// ICMPv6Checksum returns the checksum of msg, whose own checksum field is zero, from src to dst (RFC 4443 §2.3).
func ICMPv6Checksum(src, dst netip.Addr, msg []byte) uint16 {
	return ^fold(sum(msg, pseudoSum(src, dst, len(msg), protoICMPv6)))
}

// SumFits reports whether the checksum in p's Payload, a whole TCP segment or UDP datagram, fits (RFC 8200 §8.1). It does
// not where the sender has left it to its hardware, as with all that hardware is to cut into several packets, and where
// several packets were joined into one.
func (p *Packet) SumFits() bool {
	return p.Complete && fold(sum(p.Payload, pseudoSum(p.Source, p.Destination, len(p.Payload), p.Protocol))) == 0xffff
}

// pseudoSum returns the sum of the pseudo-header (RFC 8200 §8.1) of a message of that length and protocol.
func pseudoSum(src, dst netip.Addr, length int, proto uint8) uint64 {
	a, b := src.As16(), dst.As16()
	s, carry := bits.Add64(uint64(length)+uint64(proto), binary.BigEndian.Uint64(a[:8]), 0)
	s, carry = bits.Add64(s, binary.BigEndian.Uint64(a[8:]), carry)
	s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[:8]), carry)
	s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
	s, carry = bits.Add64(s, 0, carry)
	return s + carry
}

// sum adds b to s as big-endian 64-bit words in ones' complement. Folding keeps the sum of 16-bit words that RFC 1071
// asks for, since 2^16 is 1 modulo 2^16-1.
func sum(b []byte, s uint64) uint64 {
	var carry uint64
	for len(b) >= 32 { // four at a time, as most of the cost of one is the loop
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[8:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[16:]), carry)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b[24:]), carry)
		b = b[32:]
	}
	for len(b) >= 8 {
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(b), carry)
		b = b[8:]
	}
	if len(b) > 0 {
		var last [8]byte
		copy(last[:], b)
		s, carry = bits.Add64(s, binary.BigEndian.Uint64(last[:]), carry)
	}
	s, carry = bits.Add64(s, carry, 0)
	return s + carry
}

// fold brings a sum down to 16 bits.
func fold(s uint64) uint16 {
	s = s>>32 + s&0xffffffff
	s = s>>16&0xffff + s>>32 + s&0xffff
	s = s>>16 + s&0xffff
	return uint16(s>>16 + s&0xffff)
}
