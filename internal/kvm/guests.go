package kvm

import "v6probe/internal/host"

// Guests returns the interfaces that the rules of security groups name: behind them are guests, and no virtual routers.
func (f *Facts) Guests() map[string]bool { return readGroups(f.Filter).taps }

// IsTap reports whether a machine is behind a port.
func IsTap(p host.BridgePort) bool { return isTap(&p) }
