// Package icmp6 gives tolerant views over ICMPv6 bytes: the Neighbor Discovery messages of RFC 4861 and every option
// they may carry, the error messages of RFC 4443 with the packets that they quote, and Multicast Listener Discovery
// (RFC 2710, RFC 3810). Decoding never fails: damage is recorded where it lies, the raw bytes stay at hand, and the rest is
// decoded as far as it goes. Whether a message is any good is for others to judge.
package icmp6

import (
	"encoding/binary"
	"net/netip"
	"strconv"
)

// Type is an ICMPv6 message type (RFC 4443 §2.1).
type Type uint8

// The message types that v6probe knows by name.
const (
	TypeDestinationUnreachable Type = 1
	TypePacketTooBig           Type = 2
	TypeTimeExceeded           Type = 3
	TypeParameterProblem       Type = 4
	TypeEchoRequest            Type = 128
	TypeEchoReply              Type = 129
	TypeMLDQuery               Type = 130
	TypeMLDReport              Type = 131
	TypeMLDDone                Type = 132
	TypeRouterSolicitation     Type = 133
	TypeRouterAdvertisement    Type = 134
	TypeNeighborSolicitation   Type = 135
	TypeNeighborAdvertisement  Type = 136
	TypeRedirect               Type = 137
	TypeMLDv2Report            Type = 143
)

// String returns the type's name in kebab-case, "router-advertisement", or "icmpv6-200" for a type without one.
func (t Type) String() string {
	switch t {
	case TypeDestinationUnreachable:
		return "destination-unreachable"
	case TypePacketTooBig:
		return "packet-too-big"
	case TypeTimeExceeded:
		return "time-exceeded"
	case TypeParameterProblem:
		return "parameter-problem"
	case TypeEchoRequest:
		return "echo-request"
	case TypeEchoReply:
		return "echo-reply"
	case TypeMLDQuery:
		return "mld-query"
	case TypeMLDReport:
		return "mld-report"
	case TypeMLDDone:
		return "mld-done"
	case TypeRouterSolicitation:
		return "router-solicitation"
	case TypeRouterAdvertisement:
		return "router-advertisement"
	case TypeNeighborSolicitation:
		return "neighbor-solicitation"
	case TypeNeighborAdvertisement:
		return "neighbor-advertisement"
	case TypeRedirect:
		return "redirect"
	case TypeMLDv2Report:
		return "mldv2-report"
	}
	return "icmpv6-" + strconv.Itoa(int(t))
}

// IsND reports whether t is one of the five Neighbor Discovery types of RFC 4861 §4.
func (t Type) IsND() bool { return t >= TypeRouterSolicitation && t <= TypeRedirect }

// Message is one ICMPv6 message. Every slice in it aliases the bytes given to Decode.
type Message struct {
	Type     Type
	Code     uint8
	Checksum uint16 // as sent
	Raw      []byte // the whole message, from the type byte on

	// Short says that the message ends before the fixed fields of its type do (RFC 4861 §6.1.1, §6.1.2, §7.1.1,
	// §7.1.2, §8.1, RFC 4443 §3, RFC 2710 §3, RFC 3810 §5.2). Fields that are not there are zero, and there are no
	// options.
	Short bool

	// Reserved is, of RS, NS and Redirect, the reserved 32 bits; of NA the 29 bits below the flags; of Destination
	// Unreachable and Time Exceeded the 24 unused bits below the length of RFC 4884; of MLD the reserved 16 bits.
	Reserved            uint32
	RA                  RouterFields  // when Type is TypeRouterAdvertisement
	NA                  NeighborFlags // when Type is TypeNeighborAdvertisement
	Target              netip.Addr    // NS, NA, Redirect
	RedirectDestination netip.Addr    // Redirect

	// Options holds the ND options in wire order; empty for a type that has none.
	Options []Option

	// Trailing is the number of bytes after the last option: fewer than eight, so that no option fits. They are
	// the last bytes of Raw.
	Trailing int
}

// RouterFields are the fixed fields of a Router Advertisement (RFC 4861 §4.2, RFC 4191 §2.2, RFC 4389 §4.1.3.3).
type RouterFields struct {
	CurHopLimit    uint8
	Flags          uint8 // the whole flags byte
	Managed        bool  // M
	Other          bool  // O
	HomeAgent      bool  // H, RFC 6275 §7.1
	Preference     Preference
	Proxy          bool   // P, RFC 4389
	SNAC           bool   // bit 0x02, draft-ietf-6man-snac-router-ra-flag
	ReservedFlags  uint8  // the flag bits without a name, in place: mask 0x01
	RouterLifetime uint16 // seconds
	ReachableTime  uint32 // milliseconds
	RetransTimer   uint32 // milliseconds
}

// NeighborFlags are the flags of a Neighbor Advertisement (RFC 4861 §4.4).
type NeighborFlags struct {
	Router    bool // R
	Solicited bool // S
	Override  bool // O
}

// Preference is the two-bit default router or route preference of RFC 4191 §2.1, as sent.
type Preference uint8

// The values of Preference; PreferenceReserved must not be sent.
const (
	PreferenceMedium   Preference = 0
	PreferenceHigh     Preference = 1
	PreferenceReserved Preference = 2
	PreferenceLow      Preference = 3
)

// String returns "medium", "high", "low" or "reserved".
func (p Preference) String() string {
	switch p {
	case PreferenceMedium:
		return "medium"
	case PreferenceHigh:
		return "high"
	case PreferenceLow:
		return "low"
	}
	return "reserved"
}

// fixedSize returns how many bytes the fixed fields of a message of type t have: options, a quoted packet or records
// follow them. It is 4 for a type of which nothing more is known here.
func fixedSize(t Type) int {
	switch t {
	case TypeRouterSolicitation:
		return 8
	case TypeRouterAdvertisement:
		return 16
	case TypeNeighborSolicitation, TypeNeighborAdvertisement:
		return 24
	case TypeRedirect:
		return 40
	case TypeDestinationUnreachable, TypePacketTooBig, TypeTimeExceeded, TypeParameterProblem:
		return errorHeaderSize
	case TypeMLDQuery, TypeMLDReport, TypeMLDDone:
		return mldv1Size
	case TypeMLDv2Report:
		return mldv2ReportSize
	}
	return 4
}

// Decode fills m from b, one whole ICMPv6 message as the IPv6 payload length bounds it, and keeps b. It reuses the
// option slice that m has, so that a message decoded into an old one allocates only when it has more options.
func (m *Message) Decode(b []byte) {
	m.reset(b)
	if len(b) > 0 {
		m.Type = Type(b[0])
	}
	if len(b) > 1 {
		m.Code = b[1]
	}
	m.Checksum = uint16At(b, 2)

	size := fixedSize(m.Type)
	m.Short = len(b) < size
	if !m.Type.IsND() {
		m.Reserved = reserved(m.Type, b)
		return
	}
	m.decodeFixed()
	if !m.Short {
		m.decodeOptions(size)
	}
}

// reset makes m an empty message with the bytes b, but keeps the room of its options. It goes field by field: a whole Message
// would be cleared elsewhere and then copied.
func (m *Message) reset(b []byte) {
	m.Type, m.Code, m.Checksum, m.Raw = 0, 0, 0, b
	m.Short, m.Reserved, m.RA, m.NA = false, 0, RouterFields{}, NeighborFlags{}
	m.Target, m.RedirectDestination = netip.Addr{}, netip.Addr{}
	m.Options, m.Trailing = m.Options[:0], 0
}

// decodeFixed reads the fixed fields of an ND message as far as the message has them.
func (m *Message) decodeFixed() {
	b := m.Raw
	switch m.Type {
	case TypeRouterAdvertisement:
		m.RA.decode(b)
	case TypeRouterSolicitation:
		m.Reserved = uint32At(b, 4)
	case TypeNeighborAdvertisement:
		if len(b) > 4 {
			m.NA = NeighborFlags{Router: b[4]&0x80 != 0, Solicited: b[4]&0x40 != 0, Override: b[4]&0x20 != 0}
		}
		m.Reserved = uint32At(b, 4) & 0x1fffffff
		m.Target = addrAt(b, 8)
	case TypeNeighborSolicitation:
		m.Reserved = uint32At(b, 4)
		m.Target = addrAt(b, 8)
	case TypeRedirect:
		m.Reserved = uint32At(b, 4)
		m.Target = addrAt(b, 8)
		m.RedirectDestination = addrAt(b, 24)
	}
}

// reserved reads the reserved bits of a message b of a type t that is not ND.
func reserved(t Type, b []byte) uint32 {
	switch t {
	case TypeDestinationUnreachable, TypeTimeExceeded:
		return uint32At(b, 4) & 0xffffff
	case TypeMLDQuery, TypeMLDReport, TypeMLDDone:
		return uint32(uint16At(b, 6))
	case TypeMLDv2Report:
		return uint32(uint16At(b, 4))
	}
	return 0
}

// decode reads the fixed part of a Router Advertisement as far as b has it, into r, which is zero.
func (r *RouterFields) decode(b []byte) {
	if len(b) > 4 {
		r.CurHopLimit = b[4]
	}
	if len(b) > 5 {
		f := b[5]
		r.Flags = f
		r.Managed = f&0x80 != 0
		r.Other = f&0x40 != 0
		r.HomeAgent = f&0x20 != 0
		r.Preference = Preference(f >> 3 & 3)
		r.Proxy = f&0x04 != 0
		r.SNAC = f&0x02 != 0
		r.ReservedFlags = f & 0x01
	}
	r.RouterLifetime = uint16At(b, 6)
	r.ReachableTime = uint32At(b, 8)
	r.RetransTimer = uint32At(b, 12)
}

// uint16At returns the number at b[i:], or 0 when b ends within it.
func uint16At(b []byte, i int) uint16 {
	if len(b) < i+2 {
		return 0
	}
	return binary.BigEndian.Uint16(b[i:])
}

// uint32At returns the number at b[i:], or 0 when b ends within it.
func uint32At(b []byte, i int) uint32 {
	if len(b) < i+4 {
		return 0
	}
	return binary.BigEndian.Uint32(b[i:])
}

// addrAt returns the address at b[i:], or the zero Addr when b ends within it.
func addrAt(b []byte, i int) netip.Addr {
	if len(b) < i+16 {
		return netip.Addr{}
	}
	return netip.AddrFrom16([16]byte(b[i:]))
}
