// Package host reads what this machine says about sizes: by which interface it reaches a target and how much that carries,
// what its route cache has learned, and whether its tunnels fit into what is below them. It changes nothing but for
// FlushException.
package host

import (
	"net/netip"
	"time"
)

// Limit says what sets the MTU of a Way.
type Limit uint8

// The limits.
const (
	LimitDevice     Limit = iota // the interface's MTU
	LimitAdvertised              // the MTU option of a Router Advertisement (RFC 4861 §4.6.4)
	LimitSetting                 // net.ipv6.conf.DEV.mtu, set by hand
	LimitRoute                   // the MTU that was given to the route
)

// String returns "device", "router advertisement", "setting" or "route".
func (l Limit) String() string {
	switch l {
	case LimitAdvertised:
		return "router advertisement"
	case LimitSetting:
		return "setting"
	case LimitRoute:
		return "route"
	}
	return "device"
}

// Way is how this host reaches a target. MTUs are in bytes of IP.
type Way struct {
	Target  netip.Addr
	Device  string
	Index   int        // of the device
	Gateway netip.Addr // not valid where the target is on the link
	Source  netip.Addr // that the kernel prefers, or that was asked for; not valid where it names none
	// Local says that the target is an address of this host, and Holder is then the device that has it: packets to it go by
	// the loopback interface, which is Device.
	Local  bool
	Holder string

	// MTU is what this host may send, apart from what its route cache has learned, and Limit is what sets it.
	MTU   int
	Limit Limit

	DeviceMTU  int
	ConfMTU    int // net.ipv6.conf.DEV.mtu; 0 for IPv4, and where the device has no IPv6
	Advertised int // by the last Router Advertisement with an MTU option; 0 for none, or where the kernel does not tell
	RouteMTU   int // given to the route, by hand or from a Router Advertisement; 0 for none

	// CachedMTU is what the route cache has learned from a Packet Too Big, 0 for nothing, and CachedExpires for how much
	// longer it believes that.
	CachedMTU     int
	CachedExpires time.Duration
}

// settle sets MTU and Limit, by the kernel's own precedence: the MTU of a route stands before that of its device's IPv6
// settings, and neither can make the device carry more than it does. A Router Advertisement sets both, and is named for it.
func (w *Way) settle() {
	w.MTU, w.Limit = w.DeviceMTU, LimitDevice
	mtu, limit := w.ConfMTU, LimitSetting
	if w.RouteMTU > 0 && w.RouteMTU != w.ConfMTU {
		mtu, limit = w.RouteMTU, LimitRoute
	}
	if mtu > 0 && mtu < w.MTU {
		w.MTU, w.Limit = mtu, limit
		if limit == LimitSetting && mtu == w.Advertised {
			w.Limit = LimitAdvertised
		}
	}
}

// Link is an interface of this host.
type Link struct {
	Name  string
	Index int
	MTU   int // bytes of what it carries, Ethernet's own header not counted
	Up    bool
	// Kind is the kernel's: "veth", "bridge", "vxlan", "vlan", "bond", "gre", "sit", "wireguard" and so on; "tap" or "tun"
	// where it says tun; "loopback"; "" for hardware.
	Kind   string
	Master int // index of the bridge or bond that it is a port of; 0 for none
	Lower  int // index of the interface below: of a VLAN, or the underlay of a tunnel; 0 for none, or not known
	// Foreign says that what is below is in another network namespace.
	Foreign bool
	Tunnel  *Tunnel // nil for what is none
}

// Tunnel is what a link of a tunnel's kind puts around packets.
type Tunnel struct {
	ID            uint32     // of VXLAN and Geneve
	Port          uint16     // UDP destination of VXLAN and Geneve
	TTL           uint8      // 0: the kernel's default, or that of the packet inside
	Local, Remote netip.Addr // Remote may be a multicast group; not valid where they are not set

	// Remotes are the other ends that the forwarding database of a VXLAN names; looked up only where neither Remote nor the
	// interface below tells the underlay. At most maxRemotes of them.
	Remotes []netip.Addr

	IPv6Outer     bool
	Learning      bool // VXLAN learns addresses from packets; EVPN turns that off
	External      bool // the outer addresses come with each packet
	GPE           bool // VXLAN without the Ethernet header inside
	Key, Csum     bool // GRE
	Seq           bool
	EncapLimit    bool // the destination option of RFC 2473 §4.1.1
	Encapsulation bool // the tunnel is itself in UDP (FOU, GUE), of unknown length
}

// maxRemotes bounds how many ends of a tunnel are looked at.
const maxRemotes = 256

// Refusal says why there is no way to a target, or why something may not be changed.
type Refusal struct {
	Reason string // "no route to 2001:db8::1"
	Advice string
}

func (e *Refusal) Error() string { return e.Reason }

// Hint says what can be done about it, in one line.
func (e *Refusal) Hint() string { return e.Advice }
