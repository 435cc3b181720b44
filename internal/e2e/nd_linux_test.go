package e2e

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

const (
	guest2MAC = "02:00:00:00:00:05"
	guest2LL  = "fe80::ff:fe00:5"
	router2   = "02:00:00:00:00:03"
	prefix    = "fd17:625c:f037:2::"
)

// zone is a hypervisor's bridge with the machines of a network on its taps: vnet0 is the router's, vnet1 the guest's,
// vnet2 that of a third.
type zone struct{ host, vr, guest, third *lab.Namespace }

// bridged makes a zone. Nobody but the router has an address besides the link-local one.
func bridged(t *testing.T, thirdMAC string, third *lab.Namespace) zone {
	t.Helper()
	z := zone{host(t), router(t), host(t), third}
	for tap, m := range map[string]struct {
		ns  *lab.Namespace
		mac string
	}{"vnet0": {z.vr, craft.RouterMAC}, "vnet1": {z.guest, craft.GuestMAC}, "vnet2": {z.third, thirdMAC}} {
		check(t, lab.Veth(lab.End{NS: m.ns, Name: "eth0", MAC: m.mac}, lab.End{NS: z.host, Name: tap}))
	}
	check(t, z.host.AddBridge("cloudbr0", "vnet0", "vnet1", "vnet2"), z.vr.AddAddress("eth0", gateway))
	for _, ns := range []*lab.Namespace{z.vr, z.guest, z.third} {
		_, err := ns.WaitLinkLocal(within(t, 20*time.Second), "eth0")
		check(t, err)
	}
	return z
}

// ip runs ip of iproute2 in a namespace.
func ip(t *testing.T, ns *lab.Namespace, args string) {
	t.Helper()
	_, err := ns.Output(within(t, 20*time.Second), "ip", strings.Fields(args)...)
	check(t, err)
}

// nft loads a ruleset in a namespace.
func nft(t *testing.T, ns *lab.Namespace, ruleset string) {
	t.Helper()
	cmd := exec.Command("nft", "-f", "-")
	cmd.Stdin = strings.NewReader(ruleset)
	check(t, ns.Run(cmd))
}

// knock sends a datagram to a port of address where nothing listens, of that many bytes.
func knock(t *testing.T, ns *lab.Namespace, address string, size int) {
	t.Helper()
	check(t, ns.Do(func() error {
		c, err := net.Dial("udp6", netip.AddrPortFrom(netip.MustParseAddr(address), 9).String())
		if err != nil {
			return err
		}
		_, err = c.Write(make([]byte, size))
		return errors.Join(err, c.Close())
	}))
}

// until runs v6probe nd until it has written text.
func until(t *testing.T, p *probe, text string) result {
	t.Helper()
	ctx, cancel := context.WithCancel(within(t, 40*time.Second))
	defer cancel()
	go func() {
		<-p.ended
		cancel()
	}()
	check(t, p.stdout.await(ctx, text))
	p.interrupt(t)
	return p.wait(t)
}

// questions returns a function that waits for so many solicitations more on an interface.
func questions(t *testing.T, ns *lab.Namespace, name string) func(n int) {
	t.Helper()
	l, err := ns.Listen(name)
	check(t, err)
	t.Cleanup(func() { l.Close() })
	return func(n int) {
		t.Helper()
		for range n {
			_, err := l.Await(within(t, 20*time.Second), lab.ICMPv6Type(135))
			check(t, err)
		}
	}
}

// detail returns what the first finding of a rule says.
func (r result) detail(id string) string {
	for _, l := range r.of("finding") {
		if l.Rule == id {
			return l.Detail
		}
	}
	return ""
}

// TestDuplicateAddress shows two guests with one address, of which the second tests it before use.
func TestDuplicateAddress(t *testing.T) {
	needs(t, "ip")
	t.Parallel()
	third := host(t)
	z := bridged(t, guest2MAC, third)
	check(t, z.guest.AddAddress("eth0", prefix+"20/64"), third.Sysctl("ipv6/conf/eth0/accept_dad", "1"))
	file := filepath.Join(t.TempDir(), "dad.pcapng")
	p := start(t, z.host, "nd", "-i", "vnet2", "--json", "--timeout", "0", "-w", file)
	ip(t, third, "-6 address add "+prefix+"20/64 dev eth0")
	r := until(t, p, `"rule":"dad.conflict"`)
	r.want(t, 1, "dad.conflict")
	contains(t, r.detail("dad.conflict"), prefix+"20", craft.GuestMAC, guest2MAC)
	r.replay(t, "nd", file)
}

// TestGatewayFiltered shows a guest whose question for the gateway an operator's own bridge filter eats.
func TestGatewayFiltered(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	z := bridged(t, guest2MAC, host(t))
	nft(t, z.host, `table bridge filter {
		chain forward {
			type filter hook forward priority 0
			iifname "vnet1" icmpv6 type nd-neighbor-solicit drop
		}
	}`)
	check(t, z.guest.AddAddress("eth0", prefix+"20/64"))
	file := filepath.Join(t.TempDir(), "filtered.pcapng")
	p := start(t, z.host, "nd", "-i", "vnet1", "--json", "--timeout", "0", "-w", file)
	asks := questions(t, z.host, "vnet1")
	knock(t, z.guest, prefix+"1", 8)
	asks(3) // that is how often the kernel asks
	knock(t, z.guest, prefix+"2", 8)
	asks(3)
	r := until(t, p, `"rule":"ns.unanswered"`)
	r.want(t, 0, "ns.unanswered")
	contains(t, r.detail("ns.unanswered"), prefix+"20", prefix+"1")
	r.replay(t, "nd", file)
}

// TestProxyForEveryone shows a neighbor discovery proxy that answers for every address, those of others too.
func TestProxyForEveryone(t *testing.T) {
	needs(t, "ndppd", "ip")
	t.Parallel()
	third := router(t)
	z := bridged(t, router2, third)
	config := filepath.Join(t.TempDir(), "ndppd.conf")
	check(t, os.WriteFile(config, []byte("proxy eth0 {\n\trouter no\n\trule ::/0 {\n\t\tstatic\n\t}\n}\n"), 0o644))
	daemon := exec.Command("ndppd", "-c", config)
	p := start(t, z.host, "nd", "-i", "vnet1", "--json", "--timeout", "0")
	check(t, third.Start(daemon))
	t.Cleanup(func() {
		daemon.Process.Kill()
		daemon.Wait()
	})
	check(t, z.guest.AddAddress("eth0", prefix+"20/64"))
	check(t, third.AddAddress("eth0", prefix+"3/64")) // ndppd needs a route to whom it answers
	heard, err := z.host.Listen("vnet2")
	check(t, err)
	defer heard.Close()
	for i := range 20 {
		address := fmt.Sprintf("%s1:%x", prefix, i)
		if i == 10 {
			address = prefix + "1" // the router's own
		}
		knock(t, z.guest, address, 8)
		_, err := heard.Await(within(t, 20*time.Second), lab.ICMPv6Type(136))
		check(t, err)
	}
	r := until(t, p, `"rule":"nd.proxy"`)
	r.want(t, 0, "nd.proxy")
	contains(t, r.detail("nd.proxy"), router2)
}

// TestRedirect shows a router that sends a guest to another router of the link.
func TestRedirect(t *testing.T) {
	needs(t, "ip", "radvd")
	t.Parallel()
	third := router(t)
	z := bridged(t, router2, third)
	check(t, z.guest.AddAddress("eth0", prefix+"20/64"), third.AddAddress("eth0", prefix+"2/64"))
	ip(t, z.vr, "-6 route add 2001:db8:f::/48 via fe80::ff:fe00:3 dev eth0")
	ip(t, z.guest, "-6 route add default via "+craft.RouterLL+" dev eth0")
	p := start(t, z.guest, "nd", "-i", "eth0", "--json", "--timeout", "0")
	// The router may have to ask for both of them first.
	knock(t, z.guest, "2001:db8:f::1", 8)
	r := until(t, p, `"message":"redirect"`)
	r.want(t, 0)
	contains(t, r.stdout, `"router":"`+craft.RouterLL+`","host":"`+prefix+`20","destination":"2001:db8:f::1","target":"fe80::ff:fe00:3"`)
}

// routed makes a guest, its router, and a server behind it.
func routed(t *testing.T) (guest, vr, server *lab.Namespace) {
	t.Helper()
	guest, vr = isolated(t)
	server = host(t)
	link(t, lab.End{NS: vr, Name: "eth1", MAC: "02:00:00:00:01:01"}, lab.End{NS: server, Name: "eth0", MAC: "02:00:00:00:01:02"})
	check(t, guest.AddAddress("eth0", prefix+"20/64"), vr.AddAddress("eth1", "2001:db8:2::1/64"),
		server.AddAddress("eth0", "2001:db8:2::80/64"))
	ip(t, guest, "-6 route add default via "+craft.RouterLL+" dev eth0")
	ip(t, server, "-6 route add default via 2001:db8:2::1")
	return guest, vr, server
}

// TestPacketTooBig shows the error of a link with an MTU of 1400, and the TCP flow that it is about.
func TestPacketTooBig(t *testing.T) {
	needs(t, "ip")
	t.Parallel()
	guest, vr, server := routed(t)
	ip(t, vr, "link set eth1 mtu 1400")
	ip(t, guest, "link set eth0 gso_max_segs 1") // what is captured is what is on the wire
	file := filepath.Join(t.TempDir(), "ptb.pcapng")
	asJSON := start(t, guest, "nd", "-i", "eth0", "--json", "--timeout", "0", "-w", file)
	asText := start(t, guest, "nd", "-i", "eth0", "--timeout", "0", "--color", "never")
	transfer(t, guest, server, 1<<20)
	r := until(t, asJSON, `"message":"packet-too-big"`)
	r.want(t, 0)
	contains(t, r.stdout, `"mtu":1400`, `"fate":"shrank"`, `"seen_before":true`)
	r.replay(t, "nd", file)
	asText.interrupt(t)
	text := asText.wait(t)
	contains(t, text.stdout, "packet-too-big", "1400", prefix+"20", "2001:db8:2::80")
}

// transfer sends that many bytes from one to the other over TCP.
func transfer(t *testing.T, from, to *lab.Namespace, size int64) {
	t.Helper()
	var l net.Listener
	check(t, to.Do(func() (err error) {
		l, err = net.Listen("tcp6", "[2001:db8:2::80]:80")
		return err
	}))
	defer l.Close()
	got := make(chan int64, 1)
	go func() {
		c, err := l.Accept()
		if err != nil {
			got <- -1
			return
		}
		defer c.Close()
		n, _ := io.Copy(io.Discard, c)
		got <- n
	}()
	check(t, from.Do(func() error {
		c, err := net.Dial("tcp6", l.Addr().String())
		if err != nil {
			return err
		}
		_, err = c.Write(make([]byte, size))
		return errors.Join(err, c.Close())
	}))
	select {
	case n := <-got:
		if n != size {
			t.Fatalf("%d bytes arrived, want %d", n, size)
		}
	case <-within(t, 30*time.Second).Done():
		t.Fatal("the transfer does not end")
	}
}

// TestNoRoute shows a router that lacks a route.
func TestNoRoute(t *testing.T) {
	needs(t, "ip")
	t.Parallel()
	guest, vr, _ := routed(t)
	_ = vr
	p := start(t, guest, "nd", "-i", "eth0", "--json", "--timeout", "0")
	knock(t, guest, "2001:db8:99::1", 8)
	r := until(t, p, `"rule":"unreach.no-route"`)
	r.want(t, 0)
	contains(t, r.stdout, `"source":"`+prefix+`1"`)
	contains(t, r.detail("unreach.no-route"), prefix+"20", "2001:db8:99::1")
}

// TestSilentGroup shows CloudStack's input chain: the router does not hear the bridge's queries, and its group is named
// while the bridge still knows it.
func TestSilentGroup(t *testing.T) {
	needs(t, "ip", "nft", "bridge")
	t.Parallel()
	z := bridged(t, guest2MAC, host(t))
	nft(t, z.vr, lab.CloudStackFirewall)
	check(t, z.host.Sysctl("ipv6/conf/cloudbr0/accept_dad", "0"), z.host.Sysctl("ipv6/conf/cloudbr0/disable_ipv6", "0"))
	_, err := z.host.WaitLinkLocal(within(t, 20*time.Second), "cloudbr0")
	check(t, err)
	file := filepath.Join(t.TempDir(), "mld.pcapng")
	p := start(t, z.host, "nd", "-i", "vnet0", "--json", "--timeout", "0", "-w", file)
	// Times are in hundredths of a second. The router reports its groups by itself when its interface comes up.
	ip(t, z.host, "link set cloudbr0 type bridge mcast_snooping 1 mcast_querier 1 mcast_query_interval 800 "+
		"mcast_query_response_interval 100 mcast_startup_query_interval 200 mcast_startup_query_count 3 mcast_membership_interval 6000")
	ip(t, z.vr, "-6 address add "+prefix+"77/64 dev eth0 nodad")
	// Questions for others keep the router alive in the capture.
	asks := questions(t, z.host, "vnet0")
	for i := range 4 {
		knock(t, z.vr, fmt.Sprintf("%s%d", prefix, 90+i), 8)
		asks(3)
	}
	r := until(t, p, `"rule":"mld.no-report"`)
	known, err := z.host.Output(within(t, 10*time.Second), "bridge", "mdb", "show", "dev", "cloudbr0")
	check(t, err)
	contains(t, known, "ff02::1:ff00:77")
	if !strings.Contains(r.stdout, "ff02::1:ff00:77") {
		t.Errorf("the group is not named:\n%s", r.stdout)
	}
	r.replay(t, "nd", file)
}
