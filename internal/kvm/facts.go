// Package kvm judges a KVM host, as CloudStack runs it, by what the host says of itself: its bridges and what is plugged
// into them, its tunnels, what it knows of multicast listeners, and its packet filter. It sends nothing.
package kvm

import (
	"net/netip"
	"time"

	"v6probe/internal/expect"
	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Facts is what a KVM host says of itself.
type Facts struct {
	Links   []host.Link
	Bridges []host.Bridge
	CallIP6 bool // net.bridge.bridge-nf-call-ip6tables: what is bridged goes through ip6tables

	// Fits has what host.Tunnels finds: tunnels that do not fit into what is below them, and guests that do not fit into a
	// tunnel.
	Fits []rule.Finding

	Strays []Stray // tunnels that do not get their packets out

	Filter      *filter.Ruleset // nil where it could not be read
	FilterError string          // why not
}

// Stray says why a tunnel does not send what it should.
type Stray struct {
	Device string
	To     netip.Addr // the other end; not valid for all of them
	Why    string     // "no route to 192.0.2.9"
}

// Input is all that Judge goes by.
type Input struct {
	Facts
	Bridge string // the one that is judged; "" is all
	Expect *expect.State

	// What was heard meanwhile, and for how long; Deaf says why nothing could be.
	Underlay []VXLANSeen
	Heard    []Heard
	Listened time.Duration
	Deaf     string
}

// VXLANSeen is VXLAN that came in by an interface of the underlay.
type VXLANSeen struct {
	Device string
	VNI    uint32
	Port   uint16     // UDP destination
	From   netip.Addr // the other end
	Count  uint64     // packets
}

// Heard is a station that was heard on a port of a bridge, by a message of neighbor discovery that it sent itself.
type Heard struct {
	Device     string
	MAC        packet.MAC
	Address    netip.Addr // not valid for one that was testing an address
	Advertises bool       // it sent a Router Advertisement
}

// isSolicitedNode reports whether a is such a group.
func isSolicitedNode(a netip.Addr) bool {
	b := a.As16()
	return [13]byte(b[:13]) == [13]byte{0xff, 0x02, 11: 1, 12: 0xff}
}

// groupMAC returns the Ethernet address of a multicast group (RFC 2464 §7).
func groupMAC(a netip.Addr) packet.MAC {
	b := a.As16()
	return packet.MAC{0x33, 0x33, b[12], b[13], b[14], b[15]}
}
