package host

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// bridgesOf returns the bridges of a namespace by name.
func bridgesOf(t *testing.T, n *lab.Namespace) map[string]*Bridge {
	t.Helper()
	all := make(map[string]*Bridge)
	check(t, n.Do(func() error {
		list, err := Bridges()
		for i := range list {
			all[list[i].Name] = &list[i]
		}
		return err
	}))
	return all
}

func portOf(t *testing.T, b *Bridge, name string) *BridgePort {
	t.Helper()
	for i := range b.Ports {
		if b.Ports[i].Name == name {
			return &b.Ports[i]
		}
	}
	t.Fatalf("%s has no port %s", b.Name, name)
	return nil
}

// until reads a bridge until ok says so: whether there is a carrier, and with it a port's state, the kernel tells a moment later.
func until(t *testing.T, n *lab.Namespace, name string, ok func(b *Bridge) bool) *Bridge {
	t.Helper()
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for end := time.Now().Add(10 * time.Second); ; <-tick.C {
		b := bridgesOf(t, n)[name]
		if ok(b) {
			return b
		}
		if time.Now().After(end) {
			t.Fatalf("%+v", b)
		}
	}
}

// TestBridges makes the bridge of a KVM host, and changes one thing after the other.
func TestBridges(t *testing.T) {
	n, _ := pair(t)
	if _, err := exec.LookPath("bridge"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip(err)
	}
	bridge := func(line string) {
		t.Helper()
		_, err := n.Output(t.Context(), "bridge", strings.Fields(line)...)
		check(t, err)
	}
	check(t, lab.Veth(lab.End{NS: n, Name: "vnet1"}, lab.End{NS: n, Name: "g1"}))
	ip(t, n, "addr add 192.0.2.1/24 dev eth0", "link add vxlan100 type vxlan id 100 local 192.0.2.1 remote 192.0.2.2 dev eth0 dstport 8472",
		"link set vxlan100 up", "link set vnet1 down")
	check(t, n.AddBridge("brvx-100", "vnet1", "vxlan100"), n.AddBridge("br1"))
	ip(t, n, "link set vnet1 up")

	until(t, n, "brvx-100", func(b *Bridge) bool {
		return portOf(t, b, "vnet1").State == PortForwarding && portOf(t, b, "vxlan100").State == PortForwarding
	})
	all := bridgesOf(t, n)
	b := all["brvx-100"]
	if len(all) != 2 || !b.Up || b.Snooping || b.STP || b.HasIPv6 || len(b.Ports) != 2 || len(b.Groups) != 0 || b.CallIP6Tables || len(all["br1"].Ports) != 0 {
		t.Fatalf("%+v", all)
	}
	tap, tunnel := portOf(t, b, "vnet1"), portOf(t, b, "vxlan100")
	if !tap.Carrier || tap.State != PortForwarding || tap.Bridge != "brvx-100" || !tap.McastFlood || tap.Address == [6]byte{} {
		t.Errorf("%+v", tap)
	}
	if !slices.Equal(tunnel.Floods, addrs("192.0.2.2")) || tunnel.Tunnel.ID != 100 || tunnel.Tunnel.Port != 8472 {
		t.Errorf("%+v", tunnel)
	}

	bridge("fdb add 02:00:00:00:00:09 dev vnet1 master static")
	bridge("fdb append 00:00:00:00:00:00 dev vxlan100 dst 192.0.2.3")
	bridge("fdb append 02:00:00:00:00:07 dev vxlan100 dst 192.0.2.7")
	bridge("link set dev vnet1 state 4")
	ip(t, n, "link set g1 down", "link set brvx-100 type bridge mcast_snooping 1 nf_call_ip6tables 1")
	b = until(t, n, "brvx-100", func(b *Bridge) bool { return !portOf(t, b, "vnet1").Carrier })
	tap, tunnel = portOf(t, b, "vnet1"), portOf(t, b, "vxlan100")
	if !b.Snooping || !b.CallIP6Tables || b.Asked() || !slices.Equal(tap.Stations, [][6]byte{{2, 0, 0, 0, 0, 9}}) || tap.Carrier {
		t.Errorf("%+v", b)
	}
	if slices.SortFunc(tunnel.Floods, netip.Addr.Compare); !slices.Equal(tunnel.Floods, addrs("192.0.2.2", "192.0.2.3")) {
		t.Errorf("%+v", tunnel)
	}
	if !slices.Equal(tunnel.Routed, addrs("192.0.2.3")) {
		t.Errorf("by whatever route: %v", tunnel.Routed)
	}
	shown := ip(t, n, "-d link show dev vnet1")
	if !strings.Contains(shown, "state "+tap.State.String()+" ") {
		t.Errorf("state %v, and ip says\n%s", tap.State, shown)
	}

	ip(t, n, "link set g1 up")
	until(t, n, "brvx-100", func(b *Bridge) bool {
		tap := portOf(t, b, "vnet1")
		return tap.Carrier && tap.State == PortForwarding
	})
	bridge("mdb add dev brvx-100 port vnet1 grp ff02::1:ff00:9 permanent")
	bridge("mdb add dev brvx-100 port vnet1 grp 239.0.0.9 permanent")
	bridge("link set dev vnet1 mcast_router 2")
	b = bridgesOf(t, n)["brvx-100"]
	tap = portOf(t, b, "vnet1")
	if !slices.Contains(b.Groups, Group{tap.Index, netip.MustParseAddr("ff02::1:ff00:9")}) || slices.ContainsFunc(b.Groups, func(g Group) bool { return g.Address.Is4In6() }) {
		t.Errorf("groups %v", b.Groups)
	}
	if !tap.Router || portOf(t, b, "vxlan100").Router {
		t.Errorf("routers: %+v", b.Ports)
	}
	// It asks only once it has an address to ask from.
	ip(t, n, "link set brvx-100 type bridge mcast_querier 1")
	if b = bridgesOf(t, n)["brvx-100"]; !b.Querier || b.Asked() {
		t.Errorf("%+v", b)
	}
	check(t, n.Sysctl("ipv6/conf/brvx-100/disable_ipv6", "0"))
	ip(t, n, "addr add fe80::1/64 dev brvx-100 nodad")
	if b = bridgesOf(t, n)["brvx-100"]; !b.HasIPv6 || !b.Asked() || b.OtherQuerier {
		t.Errorf("%+v", b)
	}
}

// TestQuerier has somebody behind a port ask for listeners.
func TestQuerier(t *testing.T) {
	n, _ := pair(t)
	check(t, lab.Veth(lab.End{NS: n, Name: "vnet1"}, lab.End{NS: n, Name: "g1"}), n.AddBridge("br1", "vnet1"))
	ip(t, n, "link set br1 type bridge mcast_snooping 1")
	query := craft.MLDFrame(routerMAC, "fe80::9", "ff02::1", craft.MLDQuery(1000, "::"))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil { // until the port forwards
		check(t, n.Inject("g1", query))
		b := bridgesOf(t, n)["br1"]
		if !b.QuerierKnown {
			t.Skip("this kernel does not tell who asks")
		}
		if !b.OtherQuerier {
			continue
		}
		if b.QuerierAddress != netip.MustParseAddr("fe80::9") || !b.Asked() || !b.Ports[0].Router {
			t.Errorf("%+v", b)
		}
		return
	}
	t.Error("nobody was taken for a querier")
}

func TestParseBridge(t *testing.T) {
	options := func(set, known uint32) []byte {
		return attribute(unix.IFLA_BR_MULTI_BOOLOPT, binary.NativeEndian.AppendUint32(binary.NativeEndian.AppendUint32(nil, set), known)...)
	}
	six := netip.MustParseAddr("fe80::9").AsSlice()
	on := attribute(unix.IFLA_BR_MCAST_SNOOPING, 1)
	timer := attribute(querierIPv6Timer, make([]byte, 8)...)
	for _, c := range []struct {
		data [][]byte
		want string // known, other, address, VLANs, asked
	}{
		{[][]byte{on}, "false false invalid IP false false"},
		{[][]byte{on, options(0, 1)}, "false false invalid IP false false"}, // Linux 5.4
		{[][]byte{on, options(0, 7)}, "true false invalid IP false false"},
		{[][]byte{on, options(2, 7)}, "true false invalid IP true false"},
		{[][]byte{on, options(0, 7), attribute(unix.IFLA_BR_MCAST_QUERIER_STATE, slices.Concat(attribute(querierIPv6Address, six...), timer)...)},
			"true true fe80::9 false true"},
		{[][]byte{on, attribute(unix.IFLA_BR_MCAST_QUERIER_STATE, attribute(querierIPv6Address, six...)...)}, "true false invalid IP false false"}, // its own
		{[][]byte{attribute(unix.IFLA_BR_MCAST_QUERIER_STATE, timer...)}, "true true invalid IP false false"},
	} {
		m := linkMessage("bridge", c.data...)
		d, _ := parseLink(m)
		b, told := parseBridge(d.Link, m)
		if got := fmt.Sprint(b.QuerierKnown, b.OtherQuerier, b.QuerierAddress, b.VLANSnooping, b.Asked()); got != c.want || told != b.QuerierKnown {
			t.Errorf("%x: %s, want %s", c.data, got, c.want)
		}
	}
}

// TestParseRouters has the ports of kernels of three ages.
func TestParseRouters(t *testing.T) {
	port := func(more ...[]byte) []byte {
		return attribute(mdbaRouterPort, slices.Concat(append([][]byte{binary.NativeEndian.AppendUint32(nil, 5)}, more...)...)...)
	}
	for _, c := range []struct {
		body []byte
		told bool
		want string // router, other, known
	}{
		{port(number(1, 9)), false, "true false false"}, // before 5.14: of either protocol
		{port(number(1, 9), number(routerTimerIPv4, 9)), false, "false false false"},
		{port(number(1, 9), number(routerTimerIPv6, 9)), false, "true true true"},
		{port(number(1, 0), number(routerTimerIPv6, 0)), false, "true false false"}, // by hand
		{port(number(1, 9), number(routerTimerIPv6, 9)), true, "true false false"},
		{port()[:5], false, "false false false"},
	} {
		b := Bridge{Ports: []BridgePort{{Port: Port{Link: Link{Index: 5}}}}}
		b.parseRouters(c.body, c.told)
		if got := fmt.Sprint(b.Ports[0].Router, b.OtherQuerier, b.QuerierKnown); got != c.want {
			t.Errorf("%x: %s, want %s", c.body, got, c.want)
		}
	}
}

func FuzzParseBridge(f *testing.F) {
	f.Add(linkMessage("bridge", attribute(unix.IFLA_BR_MCAST_QUERIER_STATE, 1, 2, 3)))
	f.Add(slices.Concat(make([]byte, 12), attribute(unix.NDA_LLADDR, 0, 0, 0, 0, 0, 0), attribute(unix.NDA_DST, 1, 2, 3, 4)))
	f.Fuzz(func(t *testing.T, b []byte) {
		if len(b) >= unix.SizeofIfInfomsg {
			parseBridge(Link{}, b)
			parseBridgePort(Port{}, b)
		}
		bridge := Bridge{Ports: []BridgePort{{Port: Port{Link: Link{Kind: "vxlan"}}}}}
		bridge.parseGroups(b)
		bridge.parseRouters(b, false)
		if len(b) >= sizeofNdmsg {
			bridge.Ports[0].station(b)
		}
	})
}
