package nd

import (
	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

// The bytes of MLD messages (RFC 2710 §3, RFC 3810 §5.1, §5.2).
const (
	listenerSize = 24 // of version 1
	queryV2Size  = 28 // of a version 2 query, its sources not counted
	reportV2Size = 8  // of a version 2 report, its records not counted
)

// checkListener judges an MLD message by what RFC 3810 §5, §6.2, §7.4 and RFC 2710 §3 have receivers check.
func checkListener(r *ndcheck.Report) {
	p := r.Packet
	m := &p.Message
	if p.HopLimit != 1 {
		r.AddAt("mld.invalid", p.IPOffset+7, "hop limit", "the hop limit of the %v is %d, not 1", m.Type, p.HopLimit)
	}
	// Whoever has no link-local address yet reports from :: (RFC 3590 §4, RFC 3810 §5.2.13).
	if !p.Source.IsLinkLocalUnicast() && (m.Type == icmp6.TypeMLDQuery || !p.Source.IsUnspecified()) {
		r.AddAt("mld.invalid", p.IPOffset+8, "source", "the source of the %v is %v, not in fe80::/10", m.Type, p.Source)
	}
	// The headers of a packet that came in fragments are no longer there.
	if !p.IsFragment || p.Fragment.Atomic {
		switch value, ok := routerAlert(p); {
		case !ok:
			r.AddAt("mld.invalid", p.IPOffset+6, "router alert", "no Router Alert is before the %v", m.Type)
		case value != 0:
			r.AddAt("mld.invalid", p.IPOffset+6, "router alert", "the Router Alert before the %v has value %d, not 0: MLD", m.Type, value)
		}
	}
	if !p.Complete {
		return
	}
	n := len(m.Raw)
	switch {
	case m.Type == icmp6.TypeMLDv2Report:
		if n < reportV2Size {
			r.Add("icmp.too-short", 0, "", "%d bytes, an %v has at least %d", n, m.Type, reportV2Size)
		}
	case n < listenerSize:
		r.Add("icmp.too-short", 0, "", "%d bytes, an %v has at least %d", n, m.Type, listenerSize)
	case m.Type == icmp6.TypeMLDQuery && n > listenerSize && n < queryV2Size:
		r.Add("icmp.too-short", 0, "", "%d bytes, an %v has %d in version 1 and at least %d in version 2", n, m.Type, listenerSize,
			queryV2Size)
	}
}

const (
	protocolHopByHop  = 0
	optionPad1        = 0
	optionRouterAlert = 5 // RFC 2711 §2.1
)

// routerAlert returns the value of the Router Alert in the hop-by-hop options of p, which is not put together from
// fragments (RFC 2711 §2.1).
func routerAlert(p *packet.Packet) (value uint16, ok bool) {
	if len(p.Extensions) == 0 || p.Extensions[0].Header != protocolHopByHop {
		return 0, false // elsewhere than at the front it means nothing (RFC 8200 §4.3)
	}
	x := p.Extensions[0]
	b := p.Frame.Data[x.Offset : x.Offset+x.Length]
	for i := 2; i < len(b); {
		if b[i] == optionPad1 {
			i++
			continue
		}
		if i+2 > len(b) || i+2+int(b[i+1]) > len(b) {
			return 0, false
		}
		if b[i] == optionRouterAlert && b[i+1] == 2 {
			return uint16(b[i+2])<<8 | uint16(b[i+3]), true
		}
		i += 2 + int(b[i+1])
	}
	return 0, false
}
