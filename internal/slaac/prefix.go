package slaac

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// twoHours is what a host holds on to (RFC 4862 §5.5.3(e)).
const twoHours = 2 * time.Hour

// onLink is a prefix of the link (RFC 4861 §5.1).
type onLink struct {
	prefix netip.Prefix
	end    time.Duration
}

// prefixInformation takes in a Prefix Information option: for the list of prefixes (RFC 4861 §6.3.4), and to form an address.
func (h *Host) prefixInformation(p *packet.Packet, o icmp6.Option) {
	pio, ok := o.PrefixInformation()
	switch {
	case !h.knobs.AcceptRAPinfo:
		h.refuse(p, pio, PinfoOff)
		return
	case !ok || o.Length != 4:
		h.refuse(p, icmp6.PrefixInformation{PrefixLength: 255}, BadLength)
		return
	case pio.PrefixLength > 128:
		h.refuse(p, pio, BadPrefixLength)
		return
	}
	if pio.OnLink && !isLinkLocal(pio) && !isMulticast(pio) {
		h.setOnLink(pio)
	}
	if why := h.autoconfigure(p, pio); why != Accepted {
		h.refuse(p, pio, why)
	}
}

// setOnLink puts a prefix on the list of those on the link, or takes it off with valid lifetime 0 (RFC 4861 §6.3.4).
func (h *Host) setOnLink(pio icmp6.PrefixInformation) {
	prefix, gone := pio.Prefix(), -1
	for i := range h.prefixes {
		if h.prefixes[i].prefix == prefix {
			h.prefixes[i].end = h.clock.end(pio.ValidLifetime)
			return
		}
		if h.prefixes[i].end <= h.clock.now {
			gone = i
		}
	}
	entry := onLink{prefix, h.clock.end(pio.ValidLifetime)}
	switch {
	case pio.ValidLifetime == 0:
	case len(h.prefixes) < maxPrefixes:
		h.prefixes = append(h.prefixes, entry)
	case gone >= 0:
		h.prefixes[gone] = entry
	default:
		h.noRoom++
	}
}

// autoconfigure follows RFC 4862 §5.5.3 from (a) to (e), and says why there is no address of pio.
func (h *Host) autoconfigure(p *packet.Packet, pio icmp6.PrefixInformation) Reason {
	switch {
	case !pio.Autonomous: // (a)
		return NotAutonomous
	case isLinkLocal(pio): // (b)
		return LinkLocalPrefix
	case isMulticast(pio):
		return MulticastPrefix
	case pio.PreferredLifetime > pio.ValidLifetime: // (c)
		return PreferredOverValid
	case !h.knobs.Autoconf:
		return AutoconfOff
	}
	if a := h.formed(pio.Prefix()); a != nil && a.valid > h.clock.now {
		h.refresh(a, p, pio)
		return Accepted
	}
	switch { // (d)
	case pio.ValidLifetime == 0:
		return ValidZero
	case pio.PrefixLength != 64:
		return NotSixtyFour
	}
	return h.form(p, pio)
}

// refresh is RFC 4862 §5.5.3(e): the preferred lifetime is as received, the valid one not every time.
func (h *Host) refresh(a *address, p *packet.Packet, pio icmp6.PrefixInformation) {
	remaining, received := left(a.valid, h.clock.now), h.clock.end(pio.ValidLifetime)
	a.preferred, a.router, a.held = h.clock.end(pio.PreferredLifetime), p.Source, false
	switch said := left(received, h.clock.now); {
	case said > twoHours || said > remaining: // 1
		a.valid = received
	case remaining <= twoHours: // 2
		a.held = said < remaining
	default: // 3
		a.valid, a.held = h.clock.now+twoHours, said < twoHours
	}
}

// refuse remembers that a prefix gives no address.
func (h *Host) refuse(p *packet.Packet, pio icmp6.PrefixInformation, why Reason) {
	prefix := pio.Prefix()
	for i := range h.refused {
		if r := &h.refused[i]; r.Prefix == prefix && r.Reason == why && r.Router == p.Source {
			r.Count++
			return
		}
	}
	if len(h.refused) == maxRefusals {
		h.noRoom++
		return
	}
	h.refused = append(h.refused, Refusal{Prefix: prefix, Reason: why, Router: p.Source, Frame: p.Frame.Number, Count: 1})
}

// isLinkLocal reports whether pio's prefix lies in fe80::/10.
func isLinkLocal(pio icmp6.PrefixInformation) bool {
	return pio.PrefixLength >= 10 && pio.Address.IsLinkLocalUnicast()
}

// isMulticast reports whether pio's prefix lies in ff00::/8.
func isMulticast(pio icmp6.PrefixInformation) bool {
	return pio.PrefixLength >= 8 && pio.Address.IsMulticast()
}
