package guest

import (
	"context"
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/dns/dnsmessage"
	"golang.org/x/net/ipv6"

	"v6probe/internal/icmp6"
	"v6probe/internal/lab"
)

// serve answers UDP in a namespace until the test ends. What answer returns is sent back, if anything.
func serve(t *testing.T, n *lab.Namespace, where string, group string, answer func(b []byte) [][]byte) {
	t.Helper()
	var c net.PacketConn
	check(t, n.Do(func() (err error) {
		if c, err = net.ListenPacket("udp6", where); err != nil || group == "" {
			return err
		}
		ifi, err := net.InterfaceByName("eth0")
		if err != nil {
			return err
		}
		return ipv6.NewPacketConn(c).JoinGroup(ifi, &net.UDPAddr{IP: net.ParseIP(group)})
	}))
	done := make(chan struct{})
	go func() {
		defer close(done)
		b := make([]byte, 2048)
		for {
			n, from, err := c.ReadFrom(b)
			if err != nil {
				return
			}
			for _, a := range answer(b[:n]) {
				c.WriteTo(a, from)
			}
		}
	}()
	t.Cleanup(func() {
		c.Close()
		<-done
	})
}

// advertise answers a client's message as a DHCPv6 server does.
func advertise(request []byte, kind byte, server string, options ...[]byte) []byte {
	b := append([]byte{kind}, request[1:4]...)
	walkOptions(request[4:], func(code uint16, value []byte) {
		if code == dhcpClientID {
			b = appendOption(b, dhcpClientID, value)
		}
	})
	b = appendOption(b, dhcpServerID, []byte(server))
	for _, o := range options {
		b = append(b, o...)
	}
	return b
}

func solicit(t *testing.T, n *lab.Namespace, stateless bool) *DHCPv6 {
	t.Helper()
	var d *DHCPv6
	inside(t, n, func(ctx context.Context, f *Facts) (err error) {
		d, err = Solicit(ctx, f, stateless)
		return err
	})
	return d
}

func TestSolicit(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, router := pair(t)
	got := make(chan byte, 8)
	serve(t, router, ":547", "ff02::1:2", func(b []byte) [][]byte {
		got <- b[0]
		if b[0] == dhcpInformationRequest {
			return [][]byte{advertise(b, dhcpReply, "one", appendOption(nil, dhcpDNSServers, addr("2001:db8::53").AsSlice()))}
		}
		address := append(addr("2001:db8::77").AsSlice(), 0, 0, 1, 0, 0, 0, 2, 0)
		stray := advertise(b, dhcpAdvertise, "stray")
		stray[1] ^= 1
		none := appendOption(nil, dhcpStatus, append([]byte{0, 2}, "none\x1b"...))
		return [][]byte{stray, advertise(b, dhcpAdvertise, "one",
			appendOption(nil, dhcpIANA, append(make([]byte, 12), appendOption(nil, dhcpIAAddress, address)...))),
			advertise(b, dhcpAdvertise, "two", none), advertise(b, dhcpAdvertise, "one")}
	})
	d := solicit(t, guest, false)
	if len(d.Servers) != 2 || d.Asked != 1 || d.Stateless {
		t.Fatalf("%+v", d)
	}
	one, two := d.Servers[0], d.Servers[1]
	if one.DUID != "6f6e65" || one.Address != addr(routerLL) || one.Message != "advertise" || one.Code != 0 ||
		len(one.Addresses) != 1 || one.Addresses[0] != addr("2001:db8::77") {
		t.Errorf("%+v", one)
	}
	if two.Code != 2 || two.CodeText != `"none\x1b"` {
		t.Errorf("%+v", two)
	}
	// The port is held meanwhile: the server is not told that nobody has it.
	if n := counter(t, guest, "Icmp6OutDestUnreachs"); n != "0" {
		t.Errorf("%s times the guest called a port unreachable", n)
	}
	d = solicit(t, guest, true)
	if len(d.Servers) != 1 || d.Servers[0].Message != "reply" || len(d.Servers[0].DNS) != 1 || !d.Stateless {
		t.Errorf("stateless: %+v", d)
	}
	if a, b := <-got, <-got; a != dhcpSolicit || b != dhcpInformationRequest || len(got) > 0 {
		t.Errorf("the server heard %d, %d and %d more", a, b, len(got))
	}
}

// counter reads one of a namespace's snmp6.
func counter(t *testing.T, n *lab.Namespace, name string) string {
	t.Helper()
	var value string
	check(t, n.Do(func() error {
		b, err := os.ReadFile("/proc/thread-self/net/snmp6")
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) == 2 && f[0] == name {
				value = f[1]
			}
		}
		return err
	}))
	return value
}

// A client that has port 546 neither keeps the question from being answered nor loses anything.
func TestSolicitBesideClient(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, router := pair(t)
	serve(t, router, ":547", "ff02::1:2", func(b []byte) [][]byte { return [][]byte{advertise(b, dhcpAdvertise, "one")} })
	var client net.PacketConn
	check(t, guest.Do(func() (err error) {
		client, err = net.ListenPacket("udp6", "["+guestLL+"%eth0]:546")
		return err
	}))
	defer client.Close()
	if d := solicit(t, guest, false); len(d.Servers) != 1 {
		t.Errorf("%+v", d)
	}
	client.SetReadDeadline(time.Now().Add(10 * time.Second))
	b := make([]byte, 100)
	if n, _, err := client.ReadFrom(b); err != nil || b[0] != dhcpAdvertise {
		t.Errorf("the client did not hear it: %v", err)
	} else if n < 4 {
		t.Error("short")
	}
}

func TestSolicitNobody(t *testing.T) {
	needs(t)
	t.Parallel()
	guest, _ := pair(t)
	if d := solicit(t, guest, false); len(d.Servers) != 0 || d.Asked != 2 {
		t.Errorf("%+v", d)
	}
}

func askDNS(t *testing.T, n *lab.Namespace, server string) DNS {
	t.Helper()
	var d DNS
	inside(t, n, func(ctx context.Context, f *Facts) (err error) {
		d, err = AskDNS(ctx, f, addr(server))
		return err
	})
	return d
}

func TestDNS(t *testing.T) {
	needs(t, "nft")
	t.Parallel()
	guest, router := pair(t)
	check(t, guest.AddAddress("eth0", guestAddress+"/64"))
	serve(t, router, "["+routerAddress+"]:53", "", func(b []byte) [][]byte {
		stray := append([]byte(nil), b...)
		stray[0] ^= 1
		b[2] |= 0x80
		b[3] = uint8(dnsmessage.RCodeRefused)
		return [][]byte{stray, b}
	})
	if d := askDNS(t, guest, routerAddress); d.Status != Answered || d.Rcode != "REFUSED" || d.Asked != 1 || d.Time <= 0 {
		t.Errorf("%+v", d)
	}
	if d := askDNS(t, guest, routerLL); d.Status != Refused || d.Error == nil || d.Error.Type != icmp6.TypeDestinationUnreachable ||
		d.Error.Code != 4 || d.Error.From != addr(routerLL) || d.Error.Local || d.Why != "port unreachable from "+routerLL {
		t.Errorf("port: %+v", d)
	}
	if d := askDNS(t, guest, "2001:db8::53"); d.Status != Refused || d.Why != "no route to 2001:db8::53" {
		t.Errorf("no route: %+v", d)
	}
	giveUpSoon(t, guest)
	if d := askDNS(t, guest, "fd17:625c:f037:2::53"); d.Status != Refused || d.Error == nil || !d.Error.Local ||
		d.Error.Code != 3 ||
		d.Why != "address unreachable, says this host itself" {
		t.Errorf("nobody: %+v", d)
	}
	nft(t, router, `table ip6 f { chain in { type filter hook input priority 0; udp dport 53 drop; }; }`)
	if d := askDNS(t, guest, routerAddress); d.Status != Silent || d.Asked != 2 {
		t.Errorf("silent: %+v", d)
	}
}

// giveUpSoon has a guest find out by itself in a moment that nobody has an address.
func giveUpSoon(t *testing.T, n *lab.Namespace) {
	t.Helper()
	check(t, n.Sysctl("ipv6/neigh/eth0/mcast_solicit", "1"), n.Sysctl("ipv6/neigh/eth0/retrans_time_ms", "20"))
}

func reach(t *testing.T, n *lab.Namespace, target, source string) *Target {
	t.Helper()
	var got *Target
	from := netip.Addr{}
	if source != "" {
		from = addr(source)
	}
	inside(t, n, func(ctx context.Context, f *Facts) (err error) {
		got, err = Reach(ctx, f, addr(target), from)
		return err
	})
	return got
}

func TestReach(t *testing.T) {
	needs(t, "ip", "nft")
	t.Parallel()
	guest, router := pair(t)
	check(t, guest.AddAddress("eth0", guestAddress+"/64"))
	for _, target := range []string{routerAddress, routerLL} {
		if r := reach(t, guest, target, ""); r.Status != Answered || r.Replies != 3 || r.Asked != 3 || r.Time <= 0 || len(r.Errors) > 0 {
			t.Errorf("%s: %+v", target, r)
		}
	}
	if r := reach(t, guest, "2001:db8::1", ""); r.Status != Refused || r.Why != "no route to 2001:db8::1" || r.Asked != 0 {
		t.Errorf("no route: %+v", r)
	}
	run(t, guest, "ip -6 route add default via "+routerLL+" dev eth0")
	r := reach(t, guest, "2001:db8::1", guestAddress)
	if want := []Error{{Type: icmp6.TypeDestinationUnreachable, From: addr(routerAddress), Count: 3}}; r.Status != Refused ||
		len(r.Errors) != 1 || r.Errors[0] != want[0] || r.Why != "no route from "+routerAddress || r.Source != addr(guestAddress) {
		t.Errorf("no route at the router: %+v", r)
	}
	giveUpSoon(t, guest)
	if r := reach(t, guest, "fd17:625c:f037:2::53", ""); r.Status != Refused || len(r.Errors) != 1 ||
		!r.Errors[0].Local || r.Errors[0].Code != 3 {
		t.Errorf("nobody: %+v", r)
	}
	nft(t, router, `table ip6 f { chain in { type filter hook input priority 0; icmpv6 type echo-request drop; }; }`)
	if r := reach(t, guest, routerAddress, ""); r.Status != Silent || r.Asked != 3 || r.Replies != 0 {
		t.Errorf("silent: %+v", r)
	}
	nft(t, guest, `table ip6 f { chain out { type filter hook output priority 0; icmpv6 type echo-request drop; }; }`)
	if r := reach(t, guest, routerAddress, ""); r.Status != Refused || r.Why != whyFiltered {
		t.Errorf("filtered: %+v", r)
	}
}

func walkOptions(b []byte, f func(code uint16, value []byte)) {
	for len(b) >= 4 {
		n := 4 + int(binary.BigEndian.Uint16(b[2:]))
		f(binary.BigEndian.Uint16(b), b[4:n])
		b = b[n:]
	}
}
