package slaac

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// router is a router that was heard.
type router struct {
	addr       netip.Addr
	mac        packet.MAC
	preference icmp6.Preference
	end        time.Duration // as default router
	was        bool
	farewell   bool
	count      uint64
}

// deaf says why h takes no Router Advertisement.
func (h *Host) deaf() Reason {
	switch {
	case h.linkLocal.duplicate:
		return InterfaceOff
	case h.knobs.AcceptRA == 0:
		return AcceptRAOff
	case h.knobs.AcceptRA != 2 && h.knobs.Forwarding:
		return Forwards
	}
	return Accepted
}

// advertisement takes in a Router Advertisement (RFC 4861 §6.3.4).
func (h *Host) advertisement(p *packet.Packet, dropped bool) {
	if h.sent(p) || p.EthernetSource == (packet.MAC{}) && p.Source == h.linkLocal.addr {
		return // a router does not listen to itself; who else has its address is another
	}
	if !h.reaches(p) {
		h.unheard++
		return
	}
	h.seen++
	if dropped || p.Message.Short {
		h.dropped++
		return
	}
	if h.deaf() != Accepted {
		return
	}
	h.cut = h.cut || !p.Complete
	f := p.Message.RA
	h.managed, h.other = f.Managed, f.Other
	h.parameters(f)
	h.defaultRouter(p)
	for _, o := range p.Message.Options {
		if o.Fault != icmp6.FaultNone || o.Guessed {
			continue
		}
		switch o.Type {
		case icmp6.OptPrefixInformation:
			h.prefixInformation(p, o)
		case icmp6.OptMTU:
			h.takeMTU(o)
		case icmp6.OptRouteInformation:
			h.routeInformation(p, o)
		case icmp6.OptRDNSS:
			h.rdnss(p.Source, o)
		case icmp6.OptDNSSL:
			h.dnssl(p.Source, o)
		}
	}
}

// reaches reports whether p comes to h: it is for all nodes, or for this one.
func (h *Host) reaches(p *packet.Packet) bool {
	if p.Destination.IsMulticast() {
		return p.Destination == netip.IPv6LinkLocalAllNodes()
	}
	if p.HasEthernet {
		return p.EthernetDestination == h.mac
	}
	return p.Destination == h.linkLocal.addr || h.address(p.Destination) != nil
}

// parameters takes over the fields that say something: zero is unspecified (RFC 4861 §6.3.4).
func (h *Host) parameters(f icmp6.RouterFields) {
	if f.CurHopLimit != 0 && h.knobs.AcceptRADefrtr {
		if int(f.CurHopLimit) < h.knobs.AcceptRAMinHopLimit {
			h.hopLimit.Refused = f.CurHopLimit
		} else {
			h.hopLimit = HopLimit{Value: f.CurHopLimit}
		}
	}
	if f.ReachableTime != 0 {
		h.reachable = time.Duration(f.ReachableTime) * time.Millisecond
	}
	if f.RetransTimer != 0 {
		h.retrans = time.Duration(f.RetransTimer) * time.Millisecond
	}
}

// defaultRouter takes in the router that sent p (RFC 4861 §6.3.4; RFC 4191 §2.2).
func (h *Host) defaultRouter(p *packet.Packet) {
	r := h.router(p.Source)
	if r == nil {
		return
	}
	r.count++
	r.mac = p.EthernetSource
	f := p.Message.RA
	h.setDefault(r, uint32(f.RouterLifetime), f.Preference)
}

// setDefault makes r a default router for so many seconds. The reserved preference is medium (RFC 4191 §2.2).
func (h *Host) setDefault(r *router, lifetime uint32, preference icmp6.Preference) {
	if !h.knobs.AcceptRADefrtr {
		return
	}
	if preference == icmp6.PreferenceReserved {
		preference = icmp6.PreferenceMedium
	}
	if lifetime == 0 {
		r.farewell = r.farewell || r.was && r.end > h.clock.now
		r.end = 0
		return
	}
	r.preference, r.end, r.was, r.farewell = preference, h.clock.end(lifetime), true, false
}

// router returns the router with that address, and makes it if there is room: that of one that is no default router any more.
func (h *Host) router(addr netip.Addr) *router {
	gone := -1
	for i := range h.routers {
		if h.routers[i].addr == addr {
			return &h.routers[i]
		}
		if gone < 0 && h.routers[i].end <= h.clock.now {
			gone = i
		}
	}
	switch {
	case len(h.routers) < maxRouters:
		h.routers = append(h.routers, router{})
		gone = len(h.routers) - 1
	case gone < 0:
		h.noRoom++
		return nil
	}
	h.routers[gone] = router{addr: addr}
	return &h.routers[gone]
}
