// Package encap knows what tunnels take from an MTU, so that a number can be read as the tunnel that explains it.
package encap

import "fmt"

// Candidate is a way to get an MTU: what is left of a common link MTU inside a tunnel. It is a hint, never a proof.
type Candidate struct {
	Link      int    // bytes of IP that the underlay carries: 1500
	Overhead  int    // bytes
	Tunnel    string // "VXLAN or Geneve"
	IPv6Outer bool   // the underlay is IPv6

	// Inside is the tunnel that the underlay is itself within, and has its MTU from: "VXLAN or Geneve over IPv4". "" for
	// none.
	Inside string
}

// tunnel is what an encapsulation puts around an IP packet, the outer IP header included.
type tunnel struct {
	name       string
	ipv4, ipv6 int // bytes over an IPv4 and an IPv6 underlay, 0 where it does not exist
}

// tunnels has the likeliest first. An outer VLAN tag is not in the MTU, an inner one is.
var tunnels = []tunnel{
	{"VXLAN or Geneve", 50, 70}, // RFC 7348 §5, RFC 8926 §3
	{"VXLAN or Geneve with an inner VLAN tag", 54, 74},
	{"WireGuard", 60, 80},
	{"SIT or IPIP", 20, 0},                         // RFC 4213 §3.2, RFC 2003
	{"ip6tnl", 0, 40},                              // RFC 2473
	{"ip6tnl with its encapsulation limit", 0, 48}, // RFC 2473 §4.1.1; Linux puts it in unless told not to
	{"GRE", 24, 44},                                // RFC 2784
	{"GRE with its encapsulation limit", 0, 52},
	{"GRE with a key", 28, 48}, // RFC 2890; a checksum or a sequence number is as long
	{"GRE with two of key, checksum and sequence number", 32, 52},
	{"GRE with key, checksum and sequence number", 36, 56},
	{"VXLAN-GPE with IP inside", 36, 56},
	{"gretap", 38, 58},
	{"gretap with a key, or NVGRE", 42, 62}, // RFC 7637
}

// links are the MTUs that underlays have in practice: Ethernet, jumbo frames, and what operators raise it to so that
// VXLAN fits, in switches and in hosts.
var links = []int{1500, 9000, 1600, 9216}

// PPPoE stands on Ethernet, not on IP (RFC 2516 §7).
const (
	pppoe         = "PPPoE"
	pppoeLink     = 1500
	pppoeOverhead = 8
)

// Explain returns the ways to get mtu, the likeliest first; none when the number is no tunnel's.
func Explain(mtu int) []Candidate {
	var found []Candidate
	for _, link := range links {
		overhead := link - mtu
		if overhead <= 0 {
			continue
		}
		for _, t := range tunnels {
			switch overhead {
			case t.ipv4:
				found = append(found, Candidate{Link: link, Overhead: overhead, Tunnel: t.name})
			case t.ipv6:
				found = append(found, Candidate{Link: link, Overhead: overhead, Tunnel: t.name, IPv6Outer: true})
			}
		}
	}
	if mtu == pppoeLink-pppoeOverhead {
		found = append(found, Candidate{Link: pppoeLink, Overhead: pppoeOverhead, Tunnel: pppoe})
	}
	return found
}

// Nested returns the ways to get mtu by a second tunnel, one that begins in a guest whose network is a VXLAN on Ethernet: a
// WireGuard, or the overlay of Kubernetes. Round numbers are among them, so that it is less of a hint than what Explain says
// and of use only where that says nothing.
func Nested(mtu int) []Candidate {
	var found []Candidate
	for _, outer := range []Candidate{
		{Link: 1500, Overhead: 50, Tunnel: tunnels[0].name},
		{Link: 1500, Overhead: 70, Tunnel: tunnels[0].name, IPv6Outer: true},
	} {
		link := outer.Link - outer.Overhead
		for _, t := range tunnels {
			if t.name != "WireGuard" && t.name != tunnels[0].name {
				continue
			}
			c := Candidate{Link: link, Overhead: link - mtu, Tunnel: t.name, IPv6Outer: link-mtu == t.ipv6,
				Inside: outer.name()}
			if c.Overhead == t.ipv4 || c.Overhead == t.ipv6 {
				found = append(found, c)
			}
		}
	}
	return found
}

// name returns "VXLAN or Geneve over IPv4".
func (c Candidate) name() string {
	switch {
	case c.Tunnel == pppoe:
		return c.Tunnel
	case c.IPv6Outer:
		return c.Tunnel + " over IPv6"
	}
	return c.Tunnel + " over IPv4"
}

// String returns "1450 = 1500 - 50: VXLAN or Geneve over IPv4", and of a nested one "1390 = 1450 - 60: WireGuard over IPv4,
// within VXLAN or Geneve over IPv4".
func (c Candidate) String() string {
	s := fmt.Sprintf("%d = %d - %d: %s", c.Link-c.Overhead, c.Link, c.Overhead, c.name())
	if c.Inside != "" {
		s += ", within " + c.Inside
	}
	return s
}
