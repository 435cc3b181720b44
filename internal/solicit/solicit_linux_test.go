package solicit

import (
	"bytes"
	"context"
	"net"
	"os"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/mdlayher/ndp"
	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/ifaddr"
)

// newSpace moves the test, which needs root, to a network namespace of its own, with two joined interfaces: "guest",
// which is to solicit, and "router". Neither makes addresses by itself. The thread ends with the test.
func newSpace(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		if os.Getenv("V6PROBE_CI") == "1" {
			t.Fatal("network namespaces need root")
		}
		t.Skip("network namespaces need root")
	}
	runtime.LockOSThread()
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		t.Fatal("network namespace:", err)
	}
	set(t, "default", "addr_gen_mode", "1")
	set(t, "default", "router_solicitations", "0")
	attrs := netlink.NewLinkAttrs()
	attrs.Name, attrs.HardwareAddr = "guest", net.HardwareAddr(craft.MAC(craft.GuestMAC))
	if err := netlink.LinkAdd(&netlink.Veth{LinkAttrs: attrs, PeerName: "router"}); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"guest", "router"} {
		if err := netlink.LinkSetUp(link(t, name)); err != nil {
			t.Fatal(err)
		}
	}
}

func link(t *testing.T, name string) netlink.Link {
	t.Helper()
	l, err := netlink.LinkByName(name)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func set(t *testing.T, iface, name, value string) {
	t.Helper()
	if err := os.WriteFile("/proc/sys/net/ipv6/conf/"+iface+"/"+name, []byte(value), 0); err != nil {
		t.Fatal(err)
	}
}

// addAddress gives guest an address; without detection it can be used at once.
func addAddress(t *testing.T, address string, detection bool) {
	t.Helper()
	a := &netlink.Addr{IPNet: &net.IPNet{IP: net.ParseIP(address), Mask: net.CIDRMask(64, 128)}}
	if !detection {
		a.Flags = unix.IFA_F_NODAD
	}
	if err := netlink.AddrAdd(link(t, "guest"), a); err != nil {
		t.Fatal(err)
	}
}

func TestAllowed(t *testing.T) {
	for _, c := range []struct {
		name   string
		iface  string
		change func(t *testing.T)
		want   string // the reason; "" if allowed
	}{
		{"guest", "guest", func(t *testing.T) { addAddress(t, craft.GuestLL, false) }, ""},
		{"any", "any", func(t *testing.T) {}, "any is no single interface"},
		{"missing", "eth7", func(t *testing.T) {}, `there is no interface "eth7"`},
		{"path", "../all", func(t *testing.T) {}, `there is no interface "../all"`},
		{"no address", "guest", func(t *testing.T) {}, "guest has no link-local address"},
		{"global address only", "guest", func(t *testing.T) { addAddress(t, "2001:db8::1", false) }, "guest has no link-local address"},
		{"tentative address", "guest", func(t *testing.T) {
			set(t, "guest", "dad_transmits", "1000")
			addAddress(t, craft.GuestLL, true)
		}, "the link-local address of guest may not be used yet: duplicate address detection is under way"},
		{"router", "guest", func(t *testing.T) {
			addAddress(t, craft.GuestLL, false)
			set(t, "guest", "forwarding", "1")
		}, "this machine is a router on guest (forwarding)"},
		{"IPv6 off", "guest", func(t *testing.T) {
			addAddress(t, craft.GuestLL, false)
			set(t, "guest", "disable_ipv6", "1")
		}, "IPv6 is off on guest (disable_ipv6)"},
		{"no IPv6", "guest", func(t *testing.T) {
			if err := netlink.LinkSetMTU(link(t, "guest"), 1000); err != nil {
				t.Fatal(err)
			}
		}, "guest has no IPv6"},
		{"bridge port", "guest", func(t *testing.T) {
			addAddress(t, craft.GuestLL, false)
			attrs := netlink.NewLinkAttrs()
			attrs.Name = "cloudbr0"
			bridge := &netlink.Bridge{LinkAttrs: attrs}
			if err := netlink.LinkAdd(bridge); err != nil {
				t.Fatal(err)
			}
			if err := netlink.LinkSetMaster(link(t, "guest"), bridge); err != nil {
				t.Fatal(err)
			}
		}, "guest is a port of bridge cloudbr0"},
	} {
		t.Run(c.name, func(t *testing.T) {
			newSpace(t)
			c.change(t)
			ok, reason := Allowed(c.iface)
			if ok != (c.want == "") || reason != c.want {
				t.Errorf("%v: %q, want %q", ok, reason, c.want)
			}
		})
	}
}

// TestAwait waits for duplicate address detection as long as that takes, and no longer than its context.
func TestAwait(t *testing.T) {
	newSpace(t)
	addAddress(t, craft.GuestLL, true) // which takes a second or two
	if ok, _ := Allowed("guest"); ok {
		t.Fatal("the address is not being checked")
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if ok, reason := Await(ended, "guest"); ok || !strings.Contains(reason, "duplicate address detection is under way") {
		t.Errorf("with a context that has ended: %v, %q", ok, reason)
	}
	if ok, reason := Await(t.Context(), "guest"); !ok {
		t.Error(reason)
	}
	set(t, "guest", "forwarding", "1")
	if ok, _ := Await(t.Context(), "guest"); ok {
		t.Error("a router may ask")
	}
}

func TestChooseLinkLocal(t *testing.T) {
	const list = "fe800000000000000000000000000001 02 40 20 80     eth0\n" +
		"20010db8000000000000000000000003 03 40 00 80     eth1\n" +
		"fe800000000000000000000000000003 03 40 20 c0     eth1\n" +
		"fe800000000000000000000000000004 04 40 20 88     eth2\n" +
		"damaged\nzz 05 40 20 80 eth3\n" +
		"fe800000000000000000000000000006 06 40 20 c0     eth4\n" +
		"fe800000000000000000000000000007 06 40 20 80     eth4\n"
	for index, want := range map[int]string{2: "fe80::1", 3: "", 4: "", 5: "", 6: "fe80::7", 7: ""} {
		a, err := chooseLinkLocal(ifaddr.Parse([]byte(list)), &net.Interface{Index: index})
		if got := a.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("interface %d: %v, %v; want %q", index, a, err, want)
		}
	}
}

// TestNew sends a solicitation for real and looks at it on the other side.
func TestNew(t *testing.T) {
	newSpace(t)
	addAddress(t, craft.GuestLL, false)
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer unix.Close(fd)
	const networkOrderIPv6 = 0xdd86
	router := &unix.SockaddrLinklayer{Protocol: networkOrderIPv6, Ifindex: link(t, "router").Attrs().Index}
	if err := unix.Bind(fd, router); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 20}); err != nil {
		t.Fatal(err)
	}

	asker, err := New("guest")
	if err != nil {
		t.Fatal(err)
	}
	defer asker.Close()
	answered := make(chan struct{})
	close(answered)
	if err := asker.Run(context.Background(), answered); err != nil || asker.Sent() != 1 {
		t.Fatalf("%v, %d sent", err, asker.Sent())
	}
	want := craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, craft.RS(craft.SLLA(craft.GuestMAC)))
	buffer := make([]byte, 2000)
	for {
		n, err := unix.Read(fd, buffer)
		if err != nil {
			t.Fatal("no solicitation:", err)
		}
		// The kernel gives its packets a flow label.
		copy(buffer[14:18], want[14:18])
		if bytes.Equal(buffer[:n], want) {
			break
		}
	}

	// What comes in is not kept for the asker, while another socket gets it.
	ifi, err := net.InterfaceByName("guest")
	if err != nil {
		t.Fatal(err)
	}
	listener, _, err := ndp.Listen(ifi, ndp.LinkLocal)
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	ra := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message())
	if err := unix.Sendto(fd, ra, 0, router); err != nil {
		t.Fatal(err)
	}
	listener.SetReadDeadline(time.Now().Add(20 * time.Second))
	for {
		m, _, _, err := listener.ReadFrom()
		if err != nil {
			t.Fatal("the advertisement did not come:", err)
		}
		if _, ok := m.(*ndp.RouterAdvertisement); ok {
			break
		}
	}
	// A deadline in the past would not even look.
	own := asker.conn.(*ndp.Conn)
	own.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if n, _, from, err := own.ReadRaw(buffer); err == nil {
		t.Errorf("%d bytes from %v are in the buffer", n, from)
	}
}

func TestNewFails(t *testing.T) {
	newSpace(t)
	for name, want := range map[string]string{
		"eth7":  `there is no interface "eth7"`,
		"guest": "guest has no link-local address",
	} {
		if _, err := New(name); err == nil || err.Error() != want {
			t.Errorf("%s: %v, want %s", name, err, want)
		}
	}
}
