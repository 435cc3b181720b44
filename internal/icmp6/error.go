package icmp6

import (
	"encoding/binary"
	"net/netip"
)

// The protocol numbers that a quoted packet is read by (IANA, Assigned Internet Protocol Numbers).
const (
	protoHopByHop           = 0
	protoTCP                = 6
	protoUDP                = 17
	protoDCCP               = 33
	protoRouting            = 43
	protoFragment           = 44
	protoAH                 = 51
	protoICMPv6             = 58
	protoDestinationOptions = 60
	protoSCTP               = 132
	protoMobility           = 135
	protoUDPLite            = 136
	protoHIP                = 139
	protoShim6              = 140
)

const (
	errorHeaderSize = 8  // bytes of an error message before its quote (RFC 4443 §3)
	ipv6HeaderSize  = 40 // RFC 8200 §3
)

// IsError reports whether t is one of the four error messages of RFC 4443 §3.
func (t Type) IsError() bool { return t >= TypeDestinationUnreachable && t <= TypeParameterProblem }

// MTU returns the MTU of a Packet Too Big, in bytes (RFC 4443 §3.2); 0 where it is cut off.
func (m *Message) MTU() uint32 {
	if m.Type != TypePacketTooBig {
		return 0
	}
	return uint32At(m.Raw, 4)
}

// Pointer returns where in the quoted packet the problem lies, of a Parameter Problem (RFC 4443 §3.4); 0 where it is
// cut off.
func (m *Message) Pointer() uint32 {
	if m.Type != TypeParameterProblem {
		return 0
	}
	return uint32At(m.Raw, 4)
}

// Quoted returns the packet that an error message quotes, as far as it is there: from byte 8 on, up to the extensions of
// RFC 4884 §4 where the message says that it has any. It is nil for other messages.
func (m *Message) Quoted() []byte {
	if !m.Type.IsError() || len(m.Raw) < errorHeaderSize {
		return nil
	}
	b := m.Raw[errorHeaderSize:]
	if m.Type == TypeDestinationUnreachable || m.Type == TypeTimeExceeded { // the two that RFC 4884 extends
		if length := 8 * int(m.Raw[4]); length > 0 && length < len(b) {
			return b[:length:length]
		}
	}
	return b
}

// Quote is a quoted IPv6 packet, decoded as far as it goes.
type Quote struct {
	Source, Destination netip.Addr
	TrafficClass        uint8
	FlowLabel           uint32
	HopLimit            uint8
	Length              int // bytes of the whole packet, its header included, as that header says
	Bytes               int // of it that are quoted

	Extensions     [8]uint8 // the first extension headers
	ExtensionCount int      // of them all
	IsFragment     bool
	FragmentOffset int // bytes
	FragmentID     uint32

	Protocol      uint8  // the upper layer, or the last next header that could be read
	Payload       []byte // the upper layer's bytes; nil when the quote ends before them, or in a later fragment
	PayloadOffset int    // from the start of the quoted packet

	HasPorts                    bool // TCP, UDP, UDP-Lite, SCTP, DCCP
	SourcePort, DestinationPort uint16
	HasICMP                     bool // ICMPv6: its type and code are there
	ICMPType                    Type
	ICMPCode                    uint8
	HasEcho                     bool // an echo request or reply whose identifier and sequence number are there
	EchoID, EchoSequence        uint16
}

// ParseQuote decodes b, a packet as an error or a Redirect quotes it. False means that b has no IPv6 header.
func ParseQuote(b []byte) (Quote, bool) {
	if len(b) < ipv6HeaderSize || b[0]>>4 != 6 {
		return Quote{}, false
	}
	first := binary.BigEndian.Uint32(b)
	q := Quote{
		Source:        netip.AddrFrom16([16]byte(b[8:])),
		Destination:   netip.AddrFrom16([16]byte(b[24:])),
		TrafficClass:  uint8(first >> 20),
		FlowLabel:     first & 0xfffff,
		HopLimit:      b[7],
		Length:        ipv6HeaderSize + quotedPayload(b),
		Protocol:      b[6],
		PayloadOffset: ipv6HeaderSize,
	}
	q.Bytes = min(len(b), q.Length) // what comes after it is padding
	q.follow(b[:q.Bytes:q.Bytes])
	q.upper()
	return q, true
}

// quotedPayload returns the payload length of the packet b, which may stand in a jumbo payload option (RFC 2675 §2).
func quotedPayload(b []byte) int {
	n := int(binary.BigEndian.Uint16(b[4:]))
	h := b[ipv6HeaderSize:]
	if n == 0 && b[6] == protoHopByHop && len(h) >= 8 && h[2] == 0xc2 && h[3] == 4 {
		if jumbo := binary.BigEndian.Uint32(h[4:]); jumbo > 0xffff && jumbo < 1<<30 {
			n = int(jumbo)
		}
	}
	return n
}

// follow walks over the extension headers of the packet b to the upper layer. Each is at least eight bytes long.
func (q *Quote) follow(b []byte) {
	for isExtension(q.Protocol) && q.PayloadOffset < len(b) {
		h, proto := b[q.PayloadOffset:], q.Protocol
		if q.ExtensionCount < len(q.Extensions) {
			q.Extensions[q.ExtensionCount] = proto
		}
		q.ExtensionCount++
		q.Protocol = h[0]
		length := extensionLength(proto, h)
		if length > len(h) {
			return
		}
		if proto == protoFragment {
			q.IsFragment = true
			q.FragmentOffset = int(binary.BigEndian.Uint16(h[2:]) &^ 7)
			q.FragmentID = binary.BigEndian.Uint32(h[4:])
		}
		q.PayloadOffset += length
		if q.FragmentOffset > 0 {
			return // RFC 8200 §4.5: what the next header tells of stands in the first fragment
		}
	}
	if q.PayloadOffset < len(b) {
		q.Payload = b[q.PayloadOffset:]
	}
}

// isExtension reports whether a header of that number tells what comes after it. ESP hides that, and 59 says nothing.
func isExtension(proto uint8) bool {
	switch proto {
	case protoHopByHop, protoRouting, protoFragment, protoAH, protoDestinationOptions, protoMobility, protoHIP, protoShim6:
		return true
	}
	return false
}

// extensionLength returns the bytes of the extension header that b begins with, or the least it can have.
func extensionLength(proto uint8, b []byte) int {
	switch {
	case proto == protoFragment || len(b) < 2:
		return 8
	case proto == protoAH:
		return 4 * (int(b[1]) + 2) // RFC 4302 §2.2
	}
	return 8 * (int(b[1]) + 1)
}

// BeginsWithPorts reports whether the header of an upper-layer protocol begins with two ports: TCP, UDP, DCCP, SCTP and
// UDP-Lite.
func BeginsWithPorts(protocol uint8) bool {
	switch protocol {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// upper reads what tells one conversation from another at the start of the upper layer.
func (q *Quote) upper() {
	b := q.Payload
	switch {
	case BeginsWithPorts(q.Protocol):
		if q.HasPorts = len(b) >= 4; q.HasPorts {
			q.SourcePort, q.DestinationPort = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
		}
	case q.Protocol == protoICMPv6:
		if q.HasICMP = len(b) >= 2; q.HasICMP {
			q.ICMPType, q.ICMPCode = Type(b[0]), b[1]
		}
		if q.HasEcho = len(b) >= 8 && (q.ICMPType == TypeEchoRequest || q.ICMPType == TypeEchoReply); q.HasEcho {
			q.EchoID, q.EchoSequence = binary.BigEndian.Uint16(b[4:]), binary.BigEndian.Uint16(b[6:])
		}
	}
}
