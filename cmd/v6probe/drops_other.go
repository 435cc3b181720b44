//go:build !linux

package main

import "v6probe/internal/drops"

// openDrops fails: other kernels do not say what they drop.
func openDrops(drops.Options) (dropSource, error) {
	return nil, hinted("run it on the Virtual Router, the guest or the KVM host", "counting what the kernel drops needs Linux")
}
