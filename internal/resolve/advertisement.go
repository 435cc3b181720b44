package resolve

import (
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// dropped returns the rule by which hosts drop a Neighbor Advertisement (RFC 4861 §7.1.2, RFC 6980), "" if they do not.
func dropped(p *packet.Packet) rule.ID {
	m := &p.Message
	switch {
	case p.HopLimit != 255:
		return "nd.hop-limit"
	case p.Checksum == packet.ChecksumBad:
		return "icmp.checksum"
	case m.Code != 0:
		return "nd.code"
	case m.Short:
		return "na.too-short"
	case p.IsFragment && p.Fragment.Atomic:
		return "nd.atomic-fragment"
	case p.IsFragment:
		return "nd.fragmented"
	case m.NA.Solicited && p.Destination.IsMulticast():
		return "na.solicited-to-multicast"
	}
	for i := range m.Options {
		switch m.Options[i].Fault {
		case icmp6.FaultZero:
			return "nd.opt-len-zero"
		case icmp6.FaultOverrun:
			return "nd.opt-overrun"
		}
	}
	return ""
}

// targetLinkLayerAddress returns the Ethernet address in the option of p, if it has one that can be used.
func targetLinkLayerAddress(p *packet.Packet) (packet.MAC, bool) {
	for _, o := range p.Message.Options {
		if o.Type != icmp6.OptTargetLinkLayerAddress {
			continue
		}
		if a, ok := o.LinkLayerAddress(); ok && len(a) == 6 && isUnicast(packet.MAC(a)) {
			return packet.MAC(a), true
		}
	}
	return packet.MAC{}, false
}
