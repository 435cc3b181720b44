package packet

import (
	"net/netip"
	"slices"

	"v6probe/internal/icmp6"
)

// Decoder decodes frames one after the other and puts fragments together. It keeps bounded state: fragments of at most
// maxDatagrams datagrams, the oldest out first. Packet time is its only clock.
type Decoder struct {
	// Large makes Decode also keep IPv6 packets of any protocol with a PayloadLength of LargePayload or more, unless they
	// are damaged, not counting what the capture cut off. Of a fragmented one it is the first fragment, of a tunnel what is
	// inside.
	Large bool
	// TCP makes Decode also keep TCP segments of any length, unless they are damaged likewise.
	TCP bool
	// Outlive has each reassembled packet get memory of its own, so that a Packet is good for as long as its frame is, and not
	// only until the next Decode.
	Outlive bool

	datagrams  datagrams
	joined     []byte                // the reassembled packet that the last Packet points into
	interfaces map[uint32]*Interface // of cooked captures, by index
}

// LargePayload is the payload length from which on an IPv6 packet may be too long for a path: with its header it has 1280
// bytes then, and what is shorter fits (RFC 8200 §5).
const LargePayload = 1240

// NewDecoder returns a decoder without state.
func NewDecoder() *Decoder { return &Decoder{} }

// outcome says how decoding goes on after a layer.
type outcome uint8

const (
	ignore  outcome = iota // nothing to look at
	keep                   // the packet is to be looked at
	descend                // the view stands at the next layer
)

// Decode decodes f into p, which it overwrites and whose slices it reuses. It reports whether p holds anything to look
// at: an ICMPv6 message (whole, cut, or the first fragment of one), a fragment that belongs to one or may, DHCPv6 (UDP
// ports 546 and 547), an IPv6 packet so damaged that its protocol cannot be known, or a frame with more tags or tunnels
// than are followed (its IPv6 fields are zero then); and what Large and TCP ask for. The fragment that completes a datagram
// yields the reassembled message.
func (d *Decoder) Decode(f *Frame, p *Packet) bool {
	p.reset(f)
	var v view // and then field by field: a literal is made elsewhere, and copied before what was written can be read fast
	v.data, v.end, v.sure = f.Data, max(f.Length, len(f.Data)), true
	etherType, o := d.link(&v, p)
	for o == descend {
		switch etherType {
		case etherTypeIPv6:
			o = d.ipv6(&v, p)
		case etherTypeIPv4:
			o = d.ipv4(&v, p)
		default:
			o = ignore
		}
		if o == descend {
			o = d.datagram(&v, p)
		}
		if o == descend {
			etherType, o = d.ethernet(&v, p)
		}
	}
	if !p.IsICMPv6 && p.Message.Raw != nil { // of an earlier frame
		p.Message = icmp6.Message{Options: p.Message.Options[:0]}
	}
	return o == keep
}

// view is the part of a frame, or of a reassembled packet, that is still to be decoded.
type view struct {
	data []byte // all that was captured
	off  int    // the next byte
	end  int    // where the layer around it ends; past len(data) when the capture cut the frame
	sure bool   // the layer really ends there, and not because an outer packet is a fragment or too short
}

// rest returns the captured bytes from off on.
func (v *view) rest() []byte { return v.data[v.off:min(v.end, len(v.data))] }

// bound ends v at end, as the length field at offset at says.
func (v *view) bound(p *Packet, end, at int) {
	if end <= v.end {
		v.end, v.sure = end, true
		return
	}
	if v.sure {
		p.damage(DamageLength, at)
	}
	v.sure = false
}

func (p *Packet) damage(k DamageKind, offset int) {
	p.Damage = append(p.Damage, Damage{Kind: k, Offset: offset})
}

// reset makes p an empty packet in f, but keeps its slices' room.
func (p *Packet) reset(f *Frame) {
	p.Frame = *f
	p.HasEthernet, p.EthernetSource, p.EthernetDestination = false, MAC{}, MAC{}
	p.VLANs, p.Tunnels, p.Damage = p.VLANs[:0], p.Tunnels[:0], p.Damage[:0]
	p.resetIP()
}

// resetIP forgets the IP header and all behind it: it was that of a tunnel.
func (p *Packet) resetIP() {
	p.IPOffset, p.TrafficClass, p.FlowLabel, p.PayloadLength, p.HopLimit = 0, 0, 0, 0, 0
	p.Source, p.Destination = netip.Addr{}, netip.Addr{}
	p.Extensions = p.Extensions[:0]
	p.IsFragment, p.Fragment = false, Fragment{}
	p.Protocol, p.Payload, p.PayloadOffset, p.Complete = 0, nil, 0, false
	p.Checksum, p.IsICMPv6 = ChecksumUnverified, false
	if len(p.Damage) > 0 {
		p.Damage = slices.DeleteFunc(p.Damage, isTruncated) // whether the cut matters is for the next header to say
	}
}

func isTruncated(d Damage) bool { return d.Kind == DamageTruncated }
