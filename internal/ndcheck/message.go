package ndcheck

import (
	"fmt"
	"strings"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// protocolFragment is the Fragment header's protocol number (RFC 8200 §4.5).
const protocolFragment = 44

// Message adds what is wrong with r.Packet as a Neighbor Discovery message of any type. What is wrong with the fragments
// of a packet it says of every packet, because a fragment may hide any message.
func Message(r *Report) {
	checkDamage(r)
	p := r.Packet
	if !p.IsICMPv6 || !p.Message.Type.IsND() {
		return
	}
	checkHeaders(r)
	if p.HopLimit != 255 {
		r.AddAt("nd.hop-limit", p.IPOffset+7, "", "hop limit is %d, not 255", p.HopLimit)
	}
	if p.Checksum == packet.ChecksumBad {
		r.Add("icmp.checksum", 2, "", "checksum is 0x%04x, which does not fit the message", p.Message.Checksum)
	}
	if p.Message.Code != 0 && len(p.Message.Raw) > 1 {
		r.Add("nd.code", 1, "", "code is %d, not 0", p.Message.Code)
	}
	checkEthernet(r)
	checkReserved(r)
	checkOptions(r)
}

// checkDamage adds what is wrong below the message, of whatever protocol that is: a receiver drops such a packet, and a
// filter on the way may not see what is in it.
func checkDamage(r *Report) {
	p := r.Packet
	for _, d := range p.Damage {
		switch d.Kind {
		case packet.DamageFirstFragmentIncomplete:
			r.AddAt("ip.first-fragment-incomplete", d.Offset, "", "fragment 0x%08x ends inside its header chain", p.Fragment.ID)
		case packet.DamageOverlap:
			r.AddAt("ip.overlapping-fragment", d.Offset, "", "fragment 0x%08x at offset %d overlaps one before it",
				p.Fragment.ID, p.Fragment.Offset)
		case packet.DamageFragmentLength:
			r.AddAt("ip.fragment-length", d.Offset, "", "fragment 0x%08x at offset %d: %v", p.Fragment.ID, p.Fragment.Offset, d.Kind)
		case packet.DamageLength:
			r.AddAt("ip.payload-length", d.Offset, "", "%v", d.Kind)
		case packet.DamageExtension, packet.DamageOptions:
			r.AddAt("ip.extension-header", d.Offset, "", "%v", d.Kind)
		case packet.DamageTooManyExtensions, packet.DamageTooDeep, packet.DamageFragmentLimit:
			r.AddAt("ip.not-followed", d.Offset, "", "%v", d.Kind)
		}
	}
}

// checkHeaders adds what is wrong with the headers between IPv6 and the message.
func checkHeaders(r *Report) {
	p := r.Packet
	if len(p.Extensions) == 0 && !p.IsFragment {
		return
	}
	var others []string
	first := -1
	for _, x := range p.Extensions {
		if x.Header == protocolFragment {
			continue
		}
		if first < 0 {
			first = x.Offset
		}
		others = append(others, headerName(x.Header))
	}
	if first >= 0 {
		r.AddAt("nd.ext-header", first, "", "%s: before the %v there is %s", plural(len(others), "extension header"),
			p.Message.Type, strings.Join(others, ", "))
	}
	if !p.IsFragment {
		return
	}
	at := p.IPOffset
	for _, x := range p.Extensions {
		if x.Header == protocolFragment {
			at = x.Offset
		}
	}
	switch {
	case p.Fragment.Atomic:
		r.AddAt("nd.atomic-fragment", at, "", "a Fragment header (id 0x%08x) around a whole %v", p.Fragment.ID, p.Message.Type)
	case p.Fragment.Reassembled:
		r.AddAt("nd.fragmented", at, "", "%v in %s", p.Message.Type, plural(p.Fragment.Pieces, "fragment"))
	default:
		r.AddAt("nd.fragmented", at, "", "first fragment of a %v", p.Message.Type)
	}
}

// headerName returns an extension header's name (RFC 8200 §4.1 and the IANA registry).
func headerName(protocol uint8) string {
	switch protocol {
	case 0:
		return "hop-by-hop options"
	case 43:
		return "routing"
	case 51:
		return "authentication"
	case 60:
		return "destination options"
	case 135:
		return "mobility"
	case 139:
		return "host identity"
	case 140:
		return "shim6"
	}
	return fmt.Sprintf("header %d", protocol)
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// checkEthernet compares the frame's Ethernet addresses with what the message says, as far as they are known.
func checkEthernet(r *Report) {
	p := r.Packet
	// RFC 6085 allows a unicast address in place of the group.
	if p.HasEthernet && p.Destination.IsMulticast() && p.EthernetDestination[0]&1 == 1 {
		if want := packet.MulticastMAC(p.Destination); p.EthernetDestination != want {
			r.AddAt("nd.l2-multicast-mismatch", -1, "", "the Ethernet destination is %v, but %v belongs to %v",
				p.EthernetDestination, p.Destination, want)
		}
	}
	if p.EthernetSource == (packet.MAC{}) {
		return
	}
	for i := range p.Message.Options {
		o := &p.Message.Options[i]
		if o.Type != icmp6.OptSourceLinkLayerAddress || o.Fault != icmp6.FaultNone || o.Guessed {
			continue
		}
		addr, ok := o.LinkLayerAddress()
		if ok && len(addr) == 6 && packet.MAC(addr) != p.EthernetSource {
			text := packet.MAC(addr).String()
			r.Add("nd.slla-not-ethernet-source", o.Offset, text, "the option says %s, the frame comes from %v", text,
				p.EthernetSource)
		}
	}
}

// checkOptions adds what is wrong with the row of options. What the capture, or a fragment's end, has cut off may be
// right in the message itself.
func checkOptions(r *Report) {
	p := r.Packet
	m := &p.Message
	guessed := false
	for i := range m.Options {
		o := &m.Options[i]
		switch {
		case o.Fault == icmp6.FaultZero:
			if !o.Guessed { // what comes after the first is guesswork
				r.Add("nd.opt-len-zero", o.Offset+1, at(o), "%s has length 0", name(o.Type))
			}
			guessed = true
		case o.Fault == icmp6.FaultOverrun && p.Complete:
			r.Add("nd.opt-overrun", o.Offset+1, at(o), "%s is %d bytes long, but the message has %d left", name(o.Type),
				8*int(o.Length), len(m.Raw)-o.Offset)
		}
		if o.Guessed || o.Fault == icmp6.FaultZero || o.Fault == icmp6.FaultOverrun && p.Complete {
			continue
		}
		switch {
		case !decoded(o.Type):
			r.Add("nd.opt-unknown", o.Offset, o.Type.String(), "%s, %d bytes", name(o.Type), 8*int(o.Length))
		case !allowed(m.Type, o.Type):
			r.Add("nd.opt-not-allowed", o.Offset, o.Type.String(), "%s in a %v", name(o.Type), m.Type)
		}
	}
	if m.Trailing > 0 && p.Complete && !guessed {
		r.Add("nd.trailing-bytes", len(m.Raw)-m.Trailing, "", "%s after the last option", plural(m.Trailing, "byte"))
	}
}

// at names an option by its place, which stays the same when the sender repeats its message.
func at(o *icmp6.Option) string { return fmt.Sprintf("option %d at %d", o.Type, o.Offset) }
