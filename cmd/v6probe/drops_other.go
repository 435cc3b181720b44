//go:build !linux

package main

import "v6probe/internal/icmp6"

// openDrops fails: other kernels do not say what they drop.
func openDrops([]icmp6.Type, string) (dropSource, error) {
	return nil, hinted("run it on the Virtual Router, the guest or the KVM host", "counting what the kernel drops needs Linux")
}
