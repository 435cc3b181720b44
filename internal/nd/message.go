package nd

import (
	"net"
	"net/netip"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

// checkMessage adds what is wrong with a message of a type that Judges names, by itself. Of a fragment only that it is
// one is said: what is missing may be right.
func checkMessage(r *ndcheck.Report) {
	before := len(r.Findings)
	ndcheck.Message(r)
	p := r.Packet
	if p.IsPiece() {
		return
	}
	switch t := p.Message.Type; {
	case t == icmp6.TypeNeighborSolicitation:
		checkSolicitation(r)
	case t == icmp6.TypeNeighborAdvertisement:
		checkAdvertisement(r)
	case t == icmp6.TypeRedirect:
		checkRedirect(r)
	default:
		if p.Checksum == packet.ChecksumBad {
			r.Add("icmp.checksum", 2, "", "checksum is 0x%04x, which does not fit the message", p.Message.Checksum)
		}
		if t.IsMLD() {
			checkListener(r)
			return
		}
		checkError(r, before)
	}
}

// clean reports whether p is one of the solicitations and advertisements that nearly all are: with nothing in it that a rule
// is about, so that checkMessage need not look for each of them. Its answer may be false for others of which that is true.
func clean(p *packet.Packet) bool {
	m := &p.Message
	if len(p.Damage) > 0 || len(p.Extensions) > 0 || p.IsFragment || p.HopLimit != 255 || p.Checksum == packet.ChecksumBad ||
		m.Code != 0 || m.Short || m.Reserved != 0 || m.Trailing > 0 || len(m.Options) > 1 || m.Target.IsMulticast() {
		return false
	}
	group := p.Destination.IsMulticast()
	if group && p.HasEthernet && p.EthernetDestination != packet.MulticastMAC(p.Destination) {
		return false
	}
	var own icmp6.OptionType
	switch m.Type {
	case icmp6.TypeNeighborSolicitation:
		if p.Source.IsUnspecified() {
			return false
		}
		own = icmp6.OptSourceLinkLayerAddress
	case icmp6.TypeNeighborAdvertisement:
		if m.NA.Solicited && group {
			return false
		}
		own = icmp6.OptTargetLinkLayerAddress
	default:
		return false
	}
	if len(m.Options) == 0 {
		return true
	}
	o := &m.Options[0]
	return o.Type == own && o.Fault == icmp6.FaultNone && len(o.Raw) == 8 &&
		(own == icmp6.OptTargetLinkLayerAddress || packet.MAC(o.Raw[2:]) == p.EthernetSource)
}

// The bytes of the fixed part of each message (RFC 4861 §4.3 to §4.5).
const (
	neighborSize = 24 // of a solicitation and an advertisement
	redirectSize = 40
)

// checkSolicitation judges a Neighbor Solicitation by RFC 4861 §7.1.1.
func checkSolicitation(r *ndcheck.Report) {
	p := r.Packet
	m := &p.Message
	probe := p.Source.IsUnspecified()
	// The RFC asks for a solicited-node group, not for the target's.
	if probe && !isSolicitedNode(p.Destination) {
		r.AddAt("ns.dad-destination", p.IPOffset+24, p.Destination.String(), "the source is ::, yet the destination is %v, not in "+
			"ff02::1:ff00:0/104", p.Destination)
	}
	if m.Short {
		if p.Complete { // else the capture cut off what may well be in the message
			r.Add("ns.too-short", 0, "", "%d bytes, a Neighbor Solicitation has at least %d", len(m.Raw), neighborSize)
		}
		return
	}
	if m.Target.IsMulticast() {
		r.Add("ns.target-multicast", 8, m.Target.String(), "the target is %v", m.Target)
	}
	if !probe {
		return
	}
	for _, o := range m.Options {
		if a, ok := o.LinkLayerAddress(); ok && o.Type == icmp6.OptSourceLinkLayerAddress && !o.Guessed {
			r.Add("ns.dad-with-slla", o.Offset, "", "the source is ::, yet the option says %v", net.HardwareAddr(a))
		}
	}
}

// isSolicitedNode reports whether a is in ff02::1:ff00:0/104 (RFC 4291 §2.7.1).
func isSolicitedNode(a netip.Addr) bool {
	b := a.As16()
	return [13]byte(b[:]) == [13]byte{0xff, 0x02, 11: 1, 12: 0xff}
}

// checkAdvertisement judges a Neighbor Advertisement by RFC 4861 §7.1.2.
func checkAdvertisement(r *ndcheck.Report) {
	p := r.Packet
	m := &p.Message
	if m.Short {
		if p.Complete {
			r.Add("na.too-short", 0, "", "%d bytes, a Neighbor Advertisement has at least %d", len(m.Raw), neighborSize)
		}
		return
	}
	if m.Target.IsMulticast() {
		r.Add("na.target-multicast", 8, m.Target.String(), "the target is %v", m.Target)
	}
	if m.NA.Solicited && p.Destination.IsMulticast() {
		r.Add("na.solicited-to-multicast", 4, m.Target.String(), "the S flag is set, yet the destination is %v; the target is %v",
			p.Destination, m.Target)
	}
}

// checkRedirect judges a Redirect by what RFC 4861 §8.1 asks of the message itself.
func checkRedirect(r *ndcheck.Report) {
	p := r.Packet
	m := &p.Message
	if !p.Source.IsLinkLocalUnicast() {
		r.AddAt("redirect.src-not-link-local", p.IPOffset+8, "", "the source is %v, not in fe80::/10", p.Source)
	}
	if m.Short {
		if p.Complete {
			r.Add("redirect.too-short", 0, "", "%d bytes, a Redirect has at least %d", len(m.Raw), redirectSize)
		}
		return
	}
	if m.RedirectDestination.IsMulticast() {
		r.Add("redirect.dst-multicast", 24, m.RedirectDestination.String(), "it is about %v, a group", m.RedirectDestination)
	}
	if !m.Target.IsLinkLocalUnicast() && m.Target != m.RedirectDestination {
		r.Add("redirect.target", 8, m.RedirectDestination.String(), "the target is %v, neither in fe80::/10 nor the destination %v",
			m.Target, m.RedirectDestination)
	}
}
