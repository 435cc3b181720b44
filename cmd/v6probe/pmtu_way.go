package main

import (
	"net"
	"net/netip"
	"strconv"

	"v6probe/internal/host"
	"v6probe/internal/pmtu"
)

// findWay finds how this host reaches the target, and says what keeps it from that. An interface that cannot carry IPv6 has
// no route either, so that it is looked at first.
func (r *pathRun) findWay() error {
	if err := linkTrouble(r.iface); err != nil {
		return err
	}
	way, err := host.Route(r.zoned(), r.iface, r.source)
	if err != nil {
		if trouble := everyLink(); r.iface == "" && trouble != nil {
			return trouble
		}
		return err
	}
	r.way = way
	switch {
	case way.Local:
		return hinted("name a target elsewhere", "%v is this host's own address (%s): there is no path to it", r.target, way.Holder)
	case way.MTU < pmtu.MinMTU && way.MTU < way.DeviceMTU:
		return hinted("see: ip -6 route get fibmatch "+r.target.String(), "the route to %v has an MTU of %d: IPv6 needs %d at least",
			r.target, way.MTU, pmtu.MinMTU)
	}
	return linkTrouble(way.Device)
}

// linkTrouble says what keeps an interface that is up from carrying IPv6, nil where nothing does.
func linkTrouble(name string) error {
	ifi, err := net.InterfaceByName(name)
	switch {
	case err != nil || ifi.Flags&net.FlagUp == 0:
		return nil // the routing table says it
	case ifi.MTU < pmtu.MinMTU:
		return hinted("raise it: ip link set "+name+" mtu "+strconv.Itoa(pmtu.MinMTU), "%s has an MTU of %d: IPv6 needs %d at least",
			name, ifi.MTU, pmtu.MinMTU)
	case ifi.Flags&net.FlagRunning == 0:
		return hinted("is its other end up, and the cable in? see: ip -d link show "+name, "%s has no carrier", name)
	}
	return nil
}

// everyLink says what is wrong with the first interface where all that are up have some trouble, nil where one has none.
func everyLink() (first error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil
	}
	for _, ifi := range list {
		if ifi.Flags&net.FlagUp == 0 || ifi.Flags&net.FlagLoopback != 0 {
			continue
		}
		trouble := linkTrouble(ifi.Name)
		if trouble == nil {
			return nil
		}
		if first == nil {
			first = trouble
		}
	}
	return first
}

// ownAddresses lists the addresses that --source may name.
func ownAddresses() (list []string) {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is6() && !p.Addr().Is4In6() && !p.Addr().IsLoopback() {
			list = append(list, p.Addr().String())
		}
	}
	return list
}
