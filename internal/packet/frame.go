// Package packet turns a captured frame into the ICMPv6 message in it: link layers, VLAN and VXLAN stacks, the IPv6
// header and its extension headers, fragments, and the checksum. It never fails and never panics: what is damaged is
// recorded with its byte offset, and what could be read is kept.
package packet

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
)

// LinkType is a LINKTYPE_ value as pcap files carry it.
type LinkType uint16

// The link types that Decode understands.
const (
	LinkTypeNull     LinkType = 0 // BSD loopback: a four-byte address family in the byte order of the writer
	LinkTypeEthernet LinkType = 1
	LinkTypeRaw      LinkType = 101 // IPv4 or IPv6, told apart by the version nibble
	LinkTypeLoop     LinkType = 108 // OpenBSD loopback: the family is big-endian
	LinkTypeSLL      LinkType = 113 // Linux cooked capture
	LinkTypeIPv4     LinkType = 228
	LinkTypeIPv6     LinkType = 229
	LinkTypeSLL2     LinkType = 276 // Linux cooked capture, version 2
)

// Direction says which way a frame went, seen from the interface that it was captured on.
type Direction uint8

// The directions; a plain pcap file does not know.
const (
	DirectionUnknown Direction = iota
	Incoming
	Outgoing
)

// Interface is what is known of the interface that a frame was captured on.
type Interface struct {
	Name         string // "" when the capture does not say
	Index        int    // live only
	LinkType     LinkType
	MTU          int // bytes of IP; 0 when unknown
	HardwareAddr MAC // zero when unknown
	// MarksOffload says that Frame.Offload is known of each frame, as it is live. Else a checksum that looks like one
	// left to the hardware is taken for that.
	MarksOffload bool
}

// MAC is an Ethernet address.
type MAC [6]byte

// Frame is one captured frame. Data is valid until the source that gave it is asked for the next one.
type Frame struct {
	Number    uint64 // counted from 1, every record of the source included
	Lost      uint64 // how many frames are known to have been lost between the one before and this one, or hereabouts
	Time      time.Time
	Data      []byte // what was captured, VLAN tags in their place
	Length    int    // on the wire
	LinkType  LinkType
	Interface *Interface // never nil
	Direction Direction
	Offload   bool // the sending host has left the checksum to its hardware (TP_STATUS_CSUMNOTREADY)
}

// VLAN is one 802.1Q or 802.1ad tag.
type VLAN struct {
	TPID     uint16 // 0x8100, 0x88a8 or 0x9100
	ID       uint16
	Priority uint8 // PCP
}

// Tunnel is one VXLAN layer around the message.
type Tunnel struct {
	VNI         uint32
	Source      netip.Addr // of the outer packet: the sending tunnel endpoint
	Destination netip.Addr
	Port        uint16 // UDP destination port: 8472 or 4789
	VLANs       []VLAN // tags outside this tunnel
}

// Extension is one IPv6 extension header in front of the message.
type Extension struct {
	Header uint8 // its protocol number: 0 hop-by-hop, 43 routing, 44 fragment, 60 destination options, 51 AH …
	Offset int   // in the frame, or in the reassembled packet
	Length int   // bytes
}

// Fragment says what is known of the fragmentation of a packet.
type Fragment struct {
	ID          uint32
	Offset      int  // bytes
	More        bool // M flag
	Atomic      bool // offset 0 and no more fragments: RFC 6946
	Reassembled bool // Message was put together from Pieces fragments
	Pieces      int
}

// Checksum is what is known of the ICMPv6 checksum.
type Checksum uint8

// The states of a checksum.
const (
	ChecksumUnverified Checksum = iota // the packet is cut short, a fragment, or of another protocol
	ChecksumGood
	ChecksumBad
	ChecksumOffload // left to the sender's hardware: the stored value is the sum of the pseudo-header, or Frame.Offload
)

// DamageKind says what is wrong with a packet below its message.
type DamageKind uint8

// The kinds of damage.
const (
	DamageTruncated               DamageKind = iota // the capture cut the frame (snap length)
	DamageLength                                    // a length field reaches past the frame as it was on the wire
	DamageExtension                                 // an extension header with an impossible length or place
	DamageTooManyExtensions                         // more extension headers than are followed
	DamageTooDeep                                   // more tunnels or tags than are followed
	DamageFirstFragmentIncomplete                   // RFC 7112 §5: the first fragment lacks part of the header chain
	DamageOverlap                                   // RFC 5722: fragments overlap; the datagram is refused
	DamageFragmentLength                            // RFC 8200 §4.5: not a multiple of 8, past 65535, or past the last fragment
	DamageFragmentLimit                             // more fragments than are kept: the datagram is not put together
	DamageOptions                                   // hop-by-hop or destination options that do not parse, or that a receiver refuses
)

// Damage is one thing wrong with a packet.
type Damage struct {
	Kind   DamageKind
	Offset int // in the frame, or in the reassembled packet
}

// Packet is a decoded frame. Its slices alias the frame's data or the decoder's own buffers: they are valid until the
// next Decode. Keep copies of what must last.
//
// A reassembled packet begins with its IPv6 header at offset 0 and has no Fragment header (RFC 8200 §4.5). Its hop
// limit, traffic class and flow label are those of its first fragment; its link layers, IPOffset and Fragment are those
// of the frame that completed it.
type Packet struct {
	// Frame is the frame as it was given, except that a cooked capture may know its Direction, and SLL2 its
	// Interface (named "if3" by the index), where the source does not.
	Frame Frame

	// The innermost link layer. HasEthernet is false for raw IP, loopback and cooked captures (a cooked capture
	// may still know the sender's address, in EthernetSource).
	HasEthernet         bool
	EthernetSource      MAC
	EthernetDestination MAC
	VLANs               []VLAN   // innermost link layer's tags, outer first
	Tunnels             []Tunnel // outer first

	// The IPv6 header (RFC 8200 §3); offsets are into Frame.Data.
	IPOffset      int
	TrafficClass  uint8
	FlowLabel     uint32
	PayloadLength uint16
	HopLimit      uint8
	Source        netip.Addr
	Destination   netip.Addr

	Extensions []Extension
	IsFragment bool     // a Fragment header is there
	Fragment   Fragment // when IsFragment

	// Protocol is the upper-layer protocol that ends the header chain: 58 for ICMPv6. In a fragment other than the
	// first it is the fragment header's next header and there is no payload. Where the chain breaks off it is the last
	// next header that was there to read.
	Protocol uint8

	// Payload is the upper-layer bytes, bounded by the IPv6 payload length (Ethernet padding is not in it) and by
	// the capture. PayloadOffset is its place in Frame.Data, or in the reassembled packet.
	Payload       []byte
	PayloadOffset int
	// Complete says that Payload is whole: neither cut by the capture nor one fragment of several.
	Complete bool

	Checksum Checksum
	Damage   []Damage

	// IsICMPv6 says that Message was decoded from Payload. In a first fragment Message has what is there, and
	// Complete is false.
	IsICMPv6 bool
	Message  icmp6.Message
}

// IsPiece reports whether p is one fragment of several, whose message is not all there yet.
func (p *Packet) IsPiece() bool {
	return p.IsFragment && !p.Fragment.Reassembled && !p.Fragment.Atomic
}

// Link names the layer-2 segment a packet was seen on, as a comparable value.
type Link struct {
	Interface string
	VLANs     [2]uint16 // the innermost link layer's VLAN ids, outer first, 0 for none
	Tunneled  bool
	VNI       uint32 // innermost, when Tunneled
}
