package guest

import (
	"bufio"
	"bytes"
	"net/netip"
	"strconv"
	"strings"

	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// nobody returns a global unicast address that none has: a lookup of the way to it sends nothing.
func nobody() netip.Addr { return netip.AddrFrom16([16]byte{0x20, 15: 1}) }

// interfaceOf takes over what the kernel says of the interface itself.
func interfaceOf(d *host.Device) Interface {
	i := Interface{
		Name: escape(d.Name), Index: d.Index, Up: d.Up, Carrier: d.Carrier, State: d.State, Running: d.Running, MTU: d.MTU,
		Kind: d.Kind, Loopback: d.Loopback, NoARP: d.NoARP, Multicast: d.Multicast,
		Master: escape(d.MasterName), MasterKind: d.MasterKind, Table: d.Table,
	}
	copy(i.MAC[:], d.MAC)
	return i
}

// routesOf takes over the default routes.
func routesOf(list []host.DefaultRoute) []Route {
	var all []Route
	for _, r := range list {
		all = append(all, Route{
			Gateway: r.Gateway, From: r.From, Device: r.Device, Index: r.Index, Table: r.Table, Metric: r.Metric, Protocol: r.Protocol,
			FromRA: r.Protocol == "ra", Preference: icmp6.Preference(r.Preference), Expires: r.Expires, Refusing: r.Refusing,
			Dead: r.Dead, LinkDown: r.LinkDown,
		})
	}
	return all
}

// gatewaysOn returns the routers of the default routes by one interface, each once.
func gatewaysOn(routes []Route, index int) []netip.Addr {
	var list []netip.Addr
	seen := make(map[netip.Addr]bool)
	for _, r := range routes {
		if r.Index == index && r.Gateway.IsValid() && !seen[r.Gateway] {
			seen[r.Gateway] = true
			list = append(list, r.Gateway)
		}
	}
	return list
}

// neighborsOf takes over entries of the neighbor cache.
func neighborsOf(list []host.NeighborEntry) []Neighbor {
	var all []Neighbor
	for _, e := range list {
		n := Neighbor{Address: e.Address, State: e.State, Router: e.Router}
		if len(e.MAC) == len(packet.MAC{}) {
			n.MAC = packet.MAC(e.MAC)
		}
		all = append(all, n)
	}
	return all
}

// maxResolvers bounds how many servers are taken of resolv.conf; the C library takes three.
const maxResolvers = 16

// parseResolvers reads the servers of a resolv.conf (resolv.conf(5)). Lines of another form are passed over, as the C library
// does.
func parseResolvers(file []byte) []netip.Addr {
	var list []netip.Addr
	for lines := bufio.NewScanner(bytes.NewReader(file)); lines.Scan() && len(list) < maxResolvers; {
		f := strings.Fields(lines.Text())
		if len(f) < 2 || f[0] != "nameserver" {
			continue
		}
		// A zone may have any bytes, and is somebody's interface: the name of one is printable.
		if a, err := netip.ParseAddr(f[1]); err == nil && escape(a.Zone()) == a.Zone() {
			list = append(list, a)
		}
	}
	return list
}

// escape returns s as it may be shown.
func escape(s string) string {
	if q := strconv.Quote(s); q[1:len(q)-1] != s {
		return q
	}
	return s
}
