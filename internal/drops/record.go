package drops

import "net/netip"

// Record is one entry of the kernel's map, added up over all CPUs, before anything is named.
type Record struct {
	Location  uint64    // the address that called kfree_skb
	Callers   [5]uint64 // the return addresses after it, innermost first; 0 where there is none or no stack was taken
	NetNS     uint32    // inode of the network namespace; 0 where the packet had no device
	Interface uint32    // index of the packet's device; 0 for none
	Arrived   uint32    // index of the device by which it came (skb_iif); 0 for none
	Reason    uint32    // the kernel's number; 0 where this kernel gives none
	VNI       uint32
	VLAN      uint16
	Type      uint8
	Code      uint8
	Flags     Flags

	Packets     uint64
	Bytes       uint64
	First, Last int64  // ns of CLOCK_MONOTONIC
	Name        string // of the device, as it was called when a packet was dropped
	Source      netip.Addr
	Destination netip.Addr
}
