//go:build !linux

package host

import "net/netip"

// ReadDevice fails: it needs Linux.
func ReadDevice(name string) (Device, error) { return Device{}, errNeedsLinux }

// OwnAddresses fails: it needs Linux.
func OwnAddresses(index int) ([]OwnAddress, error) { return nil, errNeedsLinux }

// DefaultRoutes fails: it needs Linux.
func DefaultRoutes() ([]DefaultRoute, error) { return nil, errNeedsLinux }

// NeighborEntries fails: it needs Linux.
func NeighborEntries(index int, of []netip.Addr) ([]NeighborEntry, error) { return nil, errNeedsLinux }

// ReadSetting fails: it needs Linux.
func ReadSetting(iface, name string) (int, error) { return 0, errNeedsLinux }
