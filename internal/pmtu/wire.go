package pmtu

import (
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net/netip"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// The numbers of RFC 8200 and of IANA's Assigned Internet Protocol Numbers that probes have.
const (
	protoTCP                = 6
	protoUDP                = 17
	protoICMPv6             = 58
	protoDestinationOptions = 60

	ipv6HeaderSize   = 40
	optionHeaderSize = 8 // a destination options header with one option
	echoHeaderSize   = 8
	udpHeaderSize    = 8
	tcpHeaderSize    = 20

	// unknownOption is an experimental option type (RFC 4727 §3.4) of action 10: who does not know it discards the packet
	// and sends a Parameter Problem (RFC 8200 §4.2).
	unknownOption = 0x9e

	fillerSize = 2 // in front of the nonce, of all but TCP
	nonceSize  = 8

	// MaxSize is the largest IPv6 packet without a jumbo payload option, in bytes.
	MaxSize = ipv6HeaderSize + 0xffff

	maxID = 0xfffe // what a tag can tell
)

// wire knows the numbers of a run: what its probes look like. They are random, so that only who sees a probe can answer it.
//
// A router may choose the way of a packet by its addresses and its flow label, or by the first four bytes of the upper
// layer as well. So in a flow only what comes after these differs from probe to probe: the sequence number of an echo, and
// the checksum of UDP, which a filler in the data makes what it is to be. TCP cannot have that: an open port answers no
// second SYN from the same port while it waits for an end of the first. There each probe has its own source port, and the
// probes of a flow have but the label in common.
type wire struct {
	source, target netip.Addr // without a zone
	tcpPort        uint16     // destinations
	udpPort        uint16

	nonce    [nonceSize]byte
	label    uint32 // of flow 0
	id       uint16 // of flow 0: the identifier of echoes
	checksum uint16 // of all echoes
	port     uint16 // where the source ports begin to count
	tag      uint16 // where the tags of the probes begin to count
	sequence uint32 // where the sequence numbers of TCP begin to count
}

// newWire draws the numbers of a run.
func newWire(source, target netip.Addr, tcpPort, udpPort uint16) wire {
	w := wire{source: source.WithZone(""), target: target.WithZone(""), tcpPort: tcpPort, udpPort: udpPort}
	var b [16]byte
	rand.Read(w.nonce[:]) // it does not fail
	rand.Read(b[:])
	w.label = binary.BigEndian.Uint32(b[0:])
	w.sequence = binary.BigEndian.Uint32(b[4:])
	w.id = binary.BigEndian.Uint16(b[8:])
	w.port = binary.BigEndian.Uint16(b[10:])
	w.tag = binary.BigEndian.Uint16(b[12:])
	w.checksum = binary.BigEndian.Uint16(b[14:]) | 1 // some take 0 for none
	return w
}

// labelOf returns the flow label of a flow, which is never 0: that would be none (RFC 6437 §2).
func (w *wire) labelOf(flow int) uint32 {
	// Labels that are far apart differ in any bits that a router may look at.
	const step = 0x9e37
	return 1 + (w.label%0xfffff+uint32(flow)*step)%0xfffff
}

// sourcePort returns the n-th source port, one that hosts take for a connection (net.ipv4.ip_local_port_range).
func (w *wire) sourcePort(n int) uint16 {
	const first, count = 32768, 28232
	return first + uint16((int(w.port)+n)%count)
}

// tagOf returns the 16 bits that tell a probe from the others. They are not 0, which UDP could not have as its checksum.
func (w *wire) tagOf(id int) uint16 { return uint16(1 + (int(w.tag)+id)%0xffff) }

// idOf is the inverse of tagOf. The result may be the ID of no probe.
func (w *wire) idOf(tag uint16) int { return (int(tag) - 1 + 2*0xffff - int(w.tag)) % 0xffff }

// sequenceOf returns the sequence number of a TCP probe. Between two of them is room for the data of any packet.
func (w *wire) sequenceOf(id int) uint32 { return w.sequence + uint32(id)<<16 }

// upperOffset returns where the upper layer of a probe begins.
func upperOffset(k Kind) int {
	if k == Option {
		return ipv6HeaderSize + optionHeaderSize
	}
	return ipv6HeaderSize
}

// dataOffset returns where the data of a probe begin: behind all headers.
func dataOffset(k Kind) int {
	switch k {
	case Echo:
		return ipv6HeaderSize + echoHeaderSize
	case TCP:
		return ipv6HeaderSize + tcpHeaderSize
	}
	return upperOffset(k) + udpHeaderSize
}

// nonceOffset returns where the nonce of a probe begins. A packet of the least size may end before it does.
func nonceOffset(k Kind) int {
	if k == TCP {
		return dataOffset(k)
	}
	return dataOffset(k) + fillerSize
}

// build returns the packet of a probe, its IPv6 header first. It lies in buf if that is large enough.
func (w *wire) build(buf []byte, p Probe) ([]byte, error) {
	if p.ID < 1 || p.ID > maxID || p.Flow < 0 || p.HopLimit < 1 || p.HopLimit > 255 || p.Kind > Option {
		return nil, fmt.Errorf("no such probe: %+v", p)
	}
	if least := nonceOffset(p.Kind); p.Size < least || p.Size > MaxSize {
		return nil, fmt.Errorf("an %s probe of %d bytes: it has %d to %d", p.Kind, p.Size, least, MaxSize)
	}
	if cap(buf) < p.Size {
		buf = make([]byte, p.Size)
	}
	b := buf[:p.Size]
	clear(b[:dataOffset(p.Kind)])

	binary.BigEndian.PutUint32(b, 6<<28|w.labelOf(p.Flow))
	binary.BigEndian.PutUint16(b[4:], uint16(p.Size-ipv6HeaderSize))
	b[7] = uint8(p.HopLimit)
	copy(b[8:], w.source.AsSlice())
	copy(b[24:], w.target.AsSlice())

	data := b[dataOffset(p.Kind):]
	for i := range data {
		data[i] = byte(i)
	}
	copy(b[nonceOffset(p.Kind):], w.nonce[:])

	upper := b[upperOffset(p.Kind):]
	switch p.Kind {
	case Echo:
		b[6] = protoICMPv6
		w.echo(upper, p)
	case TCP:
		b[6] = protoTCP
		w.tcp(upper, p)
	case UDP:
		b[6] = protoUDP
		w.udp(upper, p)
	case Option:
		b[6] = protoDestinationOptions
		copy(b[ipv6HeaderSize:], []byte{protoUDP, 0, unknownOption, 4})
		copy(b[ipv6HeaderSize+4:], w.nonce[:4])
		w.udp(upper, p)
	}
	return b, nil
}

// echo fills in an Echo Request (RFC 4443 §4.1).
func (w *wire) echo(b []byte, p Probe) {
	b[0] = uint8(icmp6.TypeEchoRequest)
	binary.BigEndian.PutUint16(b[2:], w.checksum)
	binary.BigEndian.PutUint16(b[4:], w.id+uint16(p.Flow))
	binary.BigEndian.PutUint16(b[6:], w.tagOf(p.ID))
	w.fit(b, protoICMPv6, echoHeaderSize)
}

// udp fills in a UDP header (RFC 768).
func (w *wire) udp(b []byte, p Probe) {
	binary.BigEndian.PutUint16(b, w.sourcePort(p.Flow))
	binary.BigEndian.PutUint16(b[2:], w.udpPort)
	binary.BigEndian.PutUint16(b[4:], uint16(len(b)))
	binary.BigEndian.PutUint16(b[6:], w.tagOf(p.ID))
	w.fit(b, protoUDP, udpHeaderSize)
}

// tcp fills in the header of a SYN (RFC 9293 §3.1).
func (w *wire) tcp(b []byte, p Probe) {
	const offset, syn, window = tcpHeaderSize / 4, 2, 1280
	binary.BigEndian.PutUint16(b, w.sourcePort(p.ID))
	binary.BigEndian.PutUint16(b[2:], w.tcpPort)
	binary.BigEndian.PutUint32(b[4:], w.sequenceOf(p.ID))
	b[12], b[13] = offset<<4, syn
	binary.BigEndian.PutUint16(b[14:], window)
	binary.BigEndian.PutUint16(b[16:], checksum(w.source, w.target, protoTCP, b))
}

// fit sets the filler at b[at:] so that the checksum that b has already is right.
func (w *wire) fit(b []byte, proto uint8, at int) {
	b[at], b[at+1] = 0, 0
	binary.BigEndian.PutUint16(b[at:], checksum(w.source, w.target, proto, b))
}

// checksum returns the checksum of b, an upper-layer packet of the protocol from src to dst whose own checksum field is
// zero (RFC 8200 §8.1). It is 0 when b has the right one in that field.
func checksum(src, dst netip.Addr, proto uint8, b []byte) uint16 {
	// The pseudo-header differs from that of ICMPv6 in its next header, and -n is ^n in ones' complement.
	sum := uint32(^packet.ICMPv6Checksum(src, dst, b)) + uint32(proto) + uint32(^uint16(protoICMPv6))
	sum = sum>>16 + sum&0xffff
	return ^uint16(sum>>16 + sum)
}
