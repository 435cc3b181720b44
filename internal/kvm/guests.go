package kvm

import (
	"slices"

	"v6probe/internal/host"
)

// Guests returns the interfaces that the rules of security groups name: behind them are guests, and no virtual routers.
func (f *Facts) Guests() map[string]bool { return readGroups(f.Filter).taps }

// Takes reports whether a device of this host takes VXLAN of a number at a UDP port.
func (f *Facts) Takes(vni uint32, port uint16) bool {
	return slices.ContainsFunc(f.Links, func(l host.Link) bool {
		return l.Up && l.Tunnel != nil && l.Tunnel.Port == port && (l.Tunnel.ID == vni || l.Tunnel.External)
	})
}

// IsTap reports whether a machine is behind a port.
func IsTap(p host.BridgePort) bool { return isTap(&p) }
