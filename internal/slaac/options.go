package slaac

import (
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// minMTU is the least MTU of a link that carries IPv6 (RFC 8200 §5).
const minMTU = 1280

// maxIPMTU is the most that an MTU of an interface can be.
const maxIPMTU = 1 << 16

type route struct {
	prefix     netip.Prefix
	router     netip.Addr
	preference icmp6.Preference
	end        time.Duration
}

type server struct {
	addr, router netip.Addr
	end          time.Duration
}

type domain struct {
	name   string
	router netip.Addr
	end    time.Duration
}

// takeMTU takes in an MTU option: from 1280 to what the link can carry (RFC 4861 §6.3.4).
func (h *Host) takeMTU(o icmp6.Option) {
	m, ok := o.MTU()
	if !ok || o.Length != 1 {
		return
	}
	most := maxIPMTU
	if h.linkMTU > 0 {
		most = h.linkMTU
	}
	why := Accepted
	switch {
	case m.MTU < minMTU:
		why = BelowMinimum
	case uint64(m.MTU) > uint64(most):
		why = AboveLink
	case !h.knobs.AcceptRAMTU: // one that no host takes is no matter of the setting
		why = MTUOff
	}
	if why != Accepted {
		h.mtu.Refused, h.mtu.Reason = m.MTU, why
		return
	}
	h.mtu = MTU{Value: int(m.MTU)}
}

// routeInformation takes in a Route Information option (RFC 4191 §2.3). One for ::/0 is about the default route, and stands
// above the header's lifetime and preference (§3.1).
func (h *Host) routeInformation(p *packet.Packet, o icmp6.Option) {
	v, ok := o.RouteInformation()
	if !ok || v.PrefixLength > 128 || o.Length < routeUnits(v.PrefixLength) || o.Length > 3 ||
		v.Preference == icmp6.PreferenceReserved {
		return
	}
	if v.PrefixLength == 0 {
		if r := h.router(p.Source); r != nil {
			h.setDefault(r, v.Lifetime, v.Preference)
		}
		return
	}
	entry := route{v.Prefix(), p.Source, v.Preference, h.clock.end(v.Lifetime)}
	gone := -1
	for i := range h.routes {
		if h.routes[i].prefix == entry.prefix && h.routes[i].router == entry.router {
			h.routes[i] = entry
			return
		}
		if h.routes[i].end <= h.clock.now {
			gone = i
		}
	}
	switch {
	case v.Lifetime == 0:
	case len(h.routes) < maxRoutes:
		h.routes = append(h.routes, entry)
	case gone >= 0:
		h.routes[gone] = entry
	default:
		h.noRoom++
	}
}

// routeUnits returns how many units of 8 bytes a route needs (RFC 4191 §2.3).
func routeUnits(prefixLength uint8) uint8 {
	switch {
	case prefixLength == 0:
		return 1
	case prefixLength <= 64:
		return 2
	}
	return 3
}

// rdnss takes in an RDNSS option (RFC 8106 §5.1, §6.2). Lifetime 0 takes the servers away.
func (h *Host) rdnss(router netip.Addr, o icmp6.Option) {
	v, ok := o.RDNSS()
	if !ok || o.Length < 3 || o.Length%2 == 0 {
		return
	}
	for i := range v.Len() {
		a := v.Server(i)
		if a.IsUnspecified() || a.IsLoopback() || a.IsMulticast() {
			continue
		}
		at := slices.IndexFunc(h.servers, func(s server) bool { return s.addr == a })
		switch {
		case v.Lifetime == 0 && at >= 0:
			h.servers = slices.Delete(h.servers, at, at+1)
		case v.Lifetime == 0:
		case at >= 0:
			h.servers[at] = server{a, router, h.clock.end(v.Lifetime)}
		default:
			h.addServer(server{a, router, h.clock.end(v.Lifetime)})
		}
	}
}

// addServer keeps s, in place of one whose time is over if need be (RFC 8106 §6.2).
func (h *Host) addServer(s server) {
	if len(h.servers) == maxServers {
		h.servers = slices.DeleteFunc(h.servers, func(s server) bool { return s.end <= h.clock.now })
	}
	if len(h.servers) == maxServers {
		h.noRoom++
		return
	}
	h.servers = append(h.servers, s)
}

// dnssl takes in a DNSSL option (RFC 8106 §5.2, §6.2). A name that breaks the encoding ends it.
func (h *Host) dnssl(router netip.Addr, o icmp6.Option) {
	v, ok := o.DNSSL()
	if !ok || o.Length < 2 {
		return
	}
	names, _ := v.Domains()
	for _, name := range names {
		at := slices.IndexFunc(h.domains, func(d domain) bool { return d.name == name })
		switch {
		case v.Lifetime == 0 && at >= 0:
			h.domains = slices.Delete(h.domains, at, at+1)
		case v.Lifetime == 0:
		case at >= 0:
			h.domains[at] = domain{name, router, h.clock.end(v.Lifetime)}
		default:
			h.addDomain(domain{name, router, h.clock.end(v.Lifetime)})
		}
	}
}

func (h *Host) addDomain(d domain) {
	if len(h.domains) == maxDomains {
		h.domains = slices.DeleteFunc(h.domains, func(d domain) bool { return d.end <= h.clock.now })
	}
	if len(h.domains) == maxDomains {
		h.noRoom++
		return
	}
	h.domains = append(h.domains, d)
}
