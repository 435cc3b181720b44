package host

import "net/netip"

// Bridge is a bridge with its ports, and how it treats multicast.
type Bridge struct {
	Link
	STP           bool // it looks for loops, and blocks ports where it finds one
	VLANFiltering bool // it keeps VLANs apart
	Snooping      bool // it sends multicast only where it is wanted, once there is a querier
	VLANSnooping  bool // it does so for each VLAN by itself
	Querier       bool // it asks itself; for IPv6 only where HasIPv6
	HasIPv6       bool // it has a link-local address to ask from
	// OtherQuerier says that somebody else has asked who listens to IPv6 multicast, and lately; QuerierKnown that the kernel
	// tells. Linux 5.14 does only where there is one, and older ones do not at all.
	OtherQuerier   bool
	QuerierKnown   bool
	QuerierAddress netip.Addr // of the other one, where the kernel tells
	CallIP6Tables  bool       // its IPv6 packets go through ip6tables whatever net.bridge.bridge-nf-call-ip6tables says

	Ports  []BridgePort
	Groups []Group // that it knows listeners of; IPv6 only
}

// Asked reports whether somebody asks who listens to IPv6 multicast, so that the bridge sends it to listeners only.
func (b *Bridge) Asked() bool { return b.Snooping && (b.OtherQuerier || b.Querier && b.HasIPv6) }

// BridgePort is a port of a bridge, with what is known of who is behind it.
type BridgePort struct {
	Port
	Address  [6]byte // its own Ethernet address
	Carrier  bool    // there is somebody at the other end: the virtual machine runs, the cable is in
	State    PortState
	Router   bool         // a multicast router is behind it: all multicast goes there
	Stations [][6]byte    // Ethernet addresses that the bridge has learned there; at most maxStations of them
	Floods   []netip.Addr // of a VXLAN: where it sends what is for all, and what it knows no end for; groups too
	Routed   []netip.Addr // those of Floods that it sends by whatever route there is, as no entry names an interface
}

// PortState is what the bridge lets pass by a port.
type PortState uint8

// The states, with the numbers that IEEE 802.1D has for them in Linux.
const (
	PortDisabled PortState = iota
	PortListening
	PortLearning
	PortForwarding
	PortBlocking
)

// String returns the name that `bridge link` shows.
func (s PortState) String() string {
	if names := [...]string{"disabled", "listening", "learning", "forwarding", "blocking"}; int(s) < len(names) {
		return names[s]
	}
	return "unknown"
}

// Group is a multicast group that somebody behind a port listens to.
type Group struct {
	Port    int // index; of the bridge itself where it is the bridge's own host that listens
	Address netip.Addr
}

// maxStations and maxGroups bound what is kept of tables that guests can fill.
const (
	maxStations = 64
	maxGroups   = 1 << 16
)
