package lab

import (
	"bytes"
	"context"
	"fmt"
	"net"
	"net/netip"
	"os/exec"
	"strings"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// SetMTU sets the MTU of an interface, in bytes. The other end of a veth pair keeps its own; what comes in there may be
// four bytes longer than its MTU, a VLAN tag, and is dropped above that.
func (n *Namespace) SetMTU(name string, mtu int) error {
	return n.withLink(name, "set the MTU of", func(l netlink.Link) error { return netlink.LinkSetMTU(l, mtu) })
}

// AddRoute adds an IPv6 route to a prefix such as "2001:db8::/32" or "::/0" by a router, or by several of the same weight
// among which the flows are spread.
func (n *Namespace) AddRoute(prefix string, via ...string) error {
	_, dst, err := net.ParseCIDR(prefix)
	if err != nil {
		return err
	}
	route := netlink.Route{Dst: dst, Family: unix.AF_INET6}
	if len(via) == 1 {
		route.Gw = net.ParseIP(via[0])
	} else {
		for _, v := range via {
			route.MultiPath = append(route.MultiPath, &netlink.NexthopInfo{Gw: net.ParseIP(v)})
		}
	}
	if err := n.Do(func() error { return netlink.RouteAdd(&route) }); err != nil {
		return fmt.Errorf("add a route to %s by %s: %w", prefix, strings.Join(via, ", "), err)
	}
	return nil
}

// RouteMTU returns the MTU in bytes that the kernel's routes have for an IPv6 destination, 0 for none: a path MTU that
// it was told, or one that is set.
func (n *Namespace) RouteMTU(dst netip.Addr) (int, error) {
	mtu := 0
	err := n.Do(func() error {
		routes, err := netlink.RouteGet(net.IP(dst.AsSlice()))
		if len(routes) > 0 {
			mtu = routes[0].MTU
		}
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("look up the route to %v: %w", dst, err)
	}
	return mtu, nil
}

// Firewall runs a script of nft inside the namespace.
func (n *Namespace) Firewall(ctx context.Context, script string) error {
	cmd := exec.CommandContext(ctx, "nft", "-f", "-")
	cmd.Stdin = strings.NewReader(script)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := n.Run(cmd); err != nil {
		return fmt.Errorf("nft: %w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	return nil
}
