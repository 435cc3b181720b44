package kvm

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"

	"v6probe/internal/filter"
	"v6probe/internal/host"
)

// Read reads the facts in the network namespace of the calling thread. What may only be missing for want of permission, the
// packet filter, is no error.
func Read(ctx context.Context) (Facts, error) {
	var f Facts
	var err error
	if f.Links, err = host.Links(); err != nil {
		return f, err
	}
	if f.Bridges, err = host.Bridges(); err != nil {
		return f, err
	}
	f.Fits = host.Tunnels(f.Links, func(remote netip.Addr) (host.Way, error) { return host.Route(remote, "", netip.Addr{}) })
	f.Strays = strays(f.Bridges)
	// Without the file there is no br_netfilter, and nothing that is bridged meets ip6tables.
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-ip6tables")
	f.CallIP6 = err == nil && strings.TrimSpace(string(b)) != "0"
	if f.Filter, err = filter.Read(ctx); err != nil {
		f.Filter, f.FilterError = nil, err.Error()
	}
	return f, nil
}

// strays looks for tunnels on bridges that have no way to another end, or send from an address that this host has not: the
// kernel then drops what they send. What is bound to an interface needs no route.
func strays(bridges []host.Bridge) []Stray {
	var list []Stray
	own := ownAddresses()
	asked := make(map[netip.Addr]string) // why there is no way
	for _, b := range bridges {
		for _, p := range b.Ports {
			if p.Kind != "vxlan" || p.Tunnel == nil || p.Foreign || p.Tunnel.External || !p.Up {
				continue
			}
			if l := p.Tunnel.Local; l.IsValid() && own != nil && !slices.Contains(own, l) {
				list = append(list, Stray{Device: p.Name, Why: fmt.Sprintf("it sends from %v, which is no address of this host", l)})
				continue
			}
			for _, to := range p.Routed {
				if to.IsMulticast() || to.IsLinkLocalUnicast() {
					continue
				}
				why, known := asked[to]
				if !known {
					why = noWay(to)
					asked[to] = why
				}
				if why != "" {
					list = append(list, Stray{p.Name, to, why})
				}
			}
		}
	}
	return list
}

// noWay says why this host has no way to an address, "" where it has, or where it cannot be told.
func noWay(to netip.Addr) string {
	_, err := host.Route(to, "", netip.Addr{})
	if refusal := (*host.Refusal)(nil); errors.As(err, &refusal) {
		return refusal.Error()
	}
	return ""
}

// ownAddresses lists the addresses of this host, of all VRFs; nil where they cannot be had.
func ownAddresses() []netip.Addr {
	all, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	list := []netip.Addr{}
	for _, a := range all {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			list = append(list, p.Addr())
		}
	}
	return list
}
