package kvm

import (
	"context"
	"net/netip"
	"os"
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
	// Without the file there is no br_netfilter, and nothing that is bridged meets ip6tables.
	b, err := os.ReadFile("/proc/sys/net/bridge/bridge-nf-call-ip6tables")
	f.CallIP6 = err == nil && strings.TrimSpace(string(b)) != "0"
	if f.Filter, err = filter.Read(ctx); err != nil {
		f.Filter, f.FilterError = nil, err.Error()
	}
	return f, nil
}
