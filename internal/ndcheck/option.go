package ndcheck

import (
	"encoding/binary"
	"fmt"

	"v6probe/internal/icmp6"
)

// decoded reports whether icmp6 has a view of options of type t.
func decoded(t icmp6.OptionType) bool {
	switch t {
	case icmp6.OptSourceLinkLayerAddress, icmp6.OptTargetLinkLayerAddress, icmp6.OptPrefixInformation,
		icmp6.OptRedirectedHeader, icmp6.OptMTU, icmp6.OptAdvertisementInterval, icmp6.OptHomeAgentInformation,
		icmp6.OptNonce, icmp6.OptRouteInformation, icmp6.OptRDNSS, icmp6.OptFlagsExtension, icmp6.OptDNSSL,
		icmp6.Opt6CO, icmp6.OptCaptivePortal, icmp6.OptPREF64, icmp6.OptEncryptedDNS:
		return true
	}
	return false
}

// allowed reports whether an option of type t, which is a decoded one, means something in a message of type m: RFC 4861
// §4.1 to §4.5, and for the younger options the RFC that defines them. All of those speak of Router Advertisements, but
// for the nonce, which RFC 3971 and RFC 7527 put into any message.
func allowed(m icmp6.Type, t icmp6.OptionType) bool {
	switch t {
	case icmp6.OptNonce:
		return true
	case icmp6.OptSourceLinkLayerAddress:
		return m == icmp6.TypeRouterSolicitation || m == icmp6.TypeRouterAdvertisement ||
			m == icmp6.TypeNeighborSolicitation
	case icmp6.OptTargetLinkLayerAddress:
		return m == icmp6.TypeNeighborAdvertisement || m == icmp6.TypeRedirect
	case icmp6.OptRedirectedHeader:
		return m == icmp6.TypeRedirect
	}
	return m == icmp6.TypeRouterAdvertisement
}

// name returns an option's name for a detail; for one that is not decoded, its name in the IANA registry if it has one.
func name(t icmp6.OptionType) string {
	if decoded(t) {
		return t.String()
	}
	if s := registered(t); s != "" {
		return fmt.Sprintf("option %d (%s)", t, s)
	}
	return fmt.Sprintf("option %d", t)
}

// registered returns the name under which the IANA registry "IPv6 Neighbor Discovery Option Formats" has an option that
// is not decoded.
func registered(t icmp6.OptionType) string {
	switch t {
	case 6:
		return "NBMA shortcut limit"
	case 9:
		return "source address list"
	case 10:
		return "target address list"
	case 11:
		return "CGA"
	case 12:
		return "RSA signature"
	case 13:
		return "timestamp"
	case 15:
		return "trust anchor"
	case 16:
		return "certificate"
	case 17:
		return "IP address or prefix"
	case 18:
		return "new router prefix information"
	case 19:
		return "link-layer address"
	case 20:
		return "neighbor advertisement acknowledgment"
	case 23:
		return "MAP"
	case 27:
		return "handover key request"
	case 28:
		return "handover key reply"
	case 29:
		return "handover assist information"
	case 30:
		return "mobile node identifier"
	case 32:
		return "proxy signature"
	case 33:
		return "address registration"
	case 35:
		return "authoritative border router"
	case 36:
		return "6LoWPAN capability indication"
	case 138:
		return "CARD request"
	case 139:
		return "CARD reply"
	case 253, 254:
		return "experiment"
	}
	return ""
}

// checkReserved notes reserved bits that are set, in the message and in its options.
func checkReserved(r *Report) {
	m := &r.Packet.Message
	if m.Short {
		return
	}
	switch {
	case m.Reserved != 0:
		r.Add("nd.reserved-nonzero", 4, "", "the reserved field is 0x%08x", m.Reserved)
	case m.RA.ReservedFlags != 0:
		r.Add("nd.reserved-nonzero", 5, "", "reserved flag bits 0x%02x are set", m.RA.ReservedFlags)
	}
	for i := range m.Options {
		o := &m.Options[i]
		if o.Fault != icmp6.FaultNone || o.Guessed {
			continue
		}
		if offset, bits := reserved(o); bits != 0 {
			r.Add("nd.reserved-nonzero", o.Offset+offset, at(o), "reserved bits of the %v option are 0x%x", o.Type, bits)
		}
	}
}

// reserved returns the first reserved field of o that is not zero, and its place in the option; 0 bits if all are zero.
func reserved(o *icmp6.Option) (offset int, bits uint64) {
	switch o.Type {
	case icmp6.OptPrefixInformation:
		p, _ := o.PrefixInformation()
		if p.ReservedFlags != 0 {
			return 3, uint64(p.ReservedFlags)
		}
		return 12, uint64(p.Reserved)
	case icmp6.OptRouteInformation:
		p, _ := o.RouteInformation()
		return 3, uint64(p.Reserved)
	case icmp6.OptRedirectedHeader: // 48 bits
		return 2, binary.BigEndian.Uint64(o.Raw) & (1<<48 - 1)
	case icmp6.Opt6CO:
		p, _ := o.SixCO()
		if p.Reserved != 0 {
			return 3, uint64(p.Reserved)
		}
		return 4, uint64(binary.BigEndian.Uint16(o.Raw[4:]))
	case icmp6.OptMTU, icmp6.OptAdvertisementInterval, icmp6.OptHomeAgentInformation, icmp6.OptRDNSS, icmp6.OptDNSSL:
		return 2, uint64(binary.BigEndian.Uint16(o.Raw[2:]))
	}
	return 0, 0
}
