package capture

import (
	"bytes"
	"encoding/binary"
	"net"
	"testing"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestLiveFrame(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	left, right := openLive(t, "left", LiveOptions{}), openLive(t, "right", LiveOptions{})
	quiet := openLive(t, "left", LiveOptions{IgnoreOutgoing: true})

	before := time.Now()
	inject(t, "left", udpNoise(), numberedRA(1), udpNoise(), numberedRA(2))
	for _, c := range []struct {
		name string
		live *Live
		want packet.Direction
	}{{"left", left, packet.Outgoing}, {"right", right, packet.Incoming}} {
		f := expect(t, c.live, numberedRA(1))
		link := linkByName(t, c.name).Attrs()
		want := packet.Interface{Name: c.name, Index: link.Index, LinkType: packet.LinkTypeEthernet, MTU: 1450, MarksOffload: true,
			HardwareAddr: packet.MAC(link.HardwareAddr)}
		if *f.Interface != want {
			t.Errorf("interface %+v, want %+v", *f.Interface, want)
		}
		if f.Number != 1 || f.Direction != c.want || f.LinkType != packet.LinkTypeEthernet || f.Offload {
			t.Errorf("%s: %+v", c.name, f)
		}
		// The clock of the kernel's stamps may be a tick behind that of the process.
		if tick := 10 * time.Millisecond; f.Time.Before(before.Add(-tick)) || f.Time.After(time.Now().Add(tick)) {
			t.Errorf("%s: captured at %v, sent after %v", c.name, f.Time, before)
		}
		if f := expect(t, c.live, numberedRA(2)); f.Number != 2 {
			t.Errorf("number %d after 1", f.Number)
		}
		expectNothing(t, c.live)
		if s := c.live.Stats(); s != (Stats{Frames: 2}) {
			t.Errorf("%+v", s)
		}
	}
	expectNothing(t, quiet)
	inject(t, "right", numberedRA(3))
	expect(t, quiet, numberedRA(3))

	if link := linkByName(t, "right").Attrs(); link.Promisc != 1 {
		t.Errorf("promiscuous by %d, want 1", link.Promisc)
	}
	right.Close()
	if link := linkByName(t, "right").Attrs(); link.Promisc != 0 {
		t.Errorf("promiscuous by %d when closed", link.Promisc)
	}
}

func TestLiveTags(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	left, right := openLive(t, "left", LiveOptions{}), openLive(t, "right", LiveOptions{})
	ra := numberedRA(1)
	// Tags that the kernel puts aside on receipt, all or the outer one, with their priority bits; and 0x9100, which
	// it leaves alone.
	for _, tags := range [][]uint16{{0x8100, 0xa064}, {0x88a8, 200}, {0x88a8, 200, 0x8100, 100}, {0x8100, 7, 0x8100, 8},
		{0x8100, 0}, {0x9100, 5}, {0x9100, 5, 0x8100, 6}} {
		tagged := withTags(ra, tags...)
		inject(t, "left", tagged)
		expect(t, right, tagged)
		expect(t, left, tagged)
	}
	// Three tags are more than Match admits; the filter sees two of them.
	inject(t, "left", withTags(ra, 0x88a8, 1, 0x8100, 2, 0x8100, 3), numberedRA(2))
	if f := expect(t, right, numberedRA(2)); f.Number != 8 {
		t.Errorf("number %d, want 8", f.Number)
	}
}

// TestLiveLarge captures large packets for their length only, cut, where they are asked for.
func TestLiveLarge(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	plain, large := openLive(t, "right", LiveOptions{}), openLive(t, "right", LiveOptions{Filter: Filter{Large: true}})
	all := openLive(t, AnyInterface, LiveOptions{Filter: Filter{Large: true}, IgnoreOutgoing: true})
	echo := craft.Frame(craft.GuestMAC, craft.GuestLL, craft.RouterLL, craft.Echo(1300))
	tagged := withTags(large6, 0x8100, 100)
	inject(t, "left", tcp6, large6, echo, tagged, withTags(large6, 0x88a8, 1, 0x8100, 2, 0x8100, 3), numberedRA(1))
	for _, live := range []*Live{large, all} {
		for i, want := range [][]byte{large6[:largeCutoff], echo, tagged[:largeCutoff+tagLength], numberedRA(1)} {
			f := next(t, live)
			length := []int{len(large6), len(echo), len(tagged), len(numberedRA(1))}[i]
			if !bytes.Equal(f.Data, want) || f.Length != length {
				t.Errorf("frame %d: %d bytes of %d, want %d of %d", i, len(f.Data), f.Length, len(want), length)
			}
		}
	}
	expect(t, plain, echo)
	expect(t, plain, numberedRA(1))
}

// TestLiveTCP captures short segments too where they are asked for, and of long ones the first bytes.
func TestLiveTCP(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	right := openLive(t, "right", LiveOptions{Filter: Filter{TCP: true}})
	inject(t, "left", tcp4, tcp6, large6, numberedRA(1))
	for i, want := range [][]byte{tcp6, large6[:largeCutoff], numberedRA(1)} {
		if f := next(t, right); !bytes.Equal(f.Data, want) {
			t.Errorf("frame %d: %d bytes of %d, want %d", i, len(f.Data), f.Length, len(want))
		}
	}
}

// TestLiveTagOffload sends frames whose tag stands beside the data all the way, as a VLAN interface does on a device
// that inserts tags by itself.
func TestLiveTagOffload(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	pushTag(t, "left", 0x8100, 100)
	left, right := openLive(t, "left", LiveOptions{}), openLive(t, "right", LiveOptions{})
	all := openLive(t, AnyInterface, LiveOptions{})
	ra := numberedRA(1)
	inject(t, "left", ra, withTags(ra, 0x8100, 7))
	for _, live := range []*Live{left, right} {
		expect(t, live, withTags(ra, 0x8100, 100))
		expect(t, live, withTags(ra, 0x8100, 100, 0x8100, 7))
	}
	for range 2 {
		next(t, all)
	}
	expect(t, all, withTags(ra, 0x8100, 100, 0x8100, 7))
}

// TestLiveIPv6 also looks at what the capture does to the interface: a router's must be left alone, because radvd takes
// promiscuous mode for a change and advertises anew.
func TestLiveIPv6(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	for _, tt := range []struct {
		on      bool
		promisc int
	}{{true, 0}, {false, 1}} {
		setIPv6(t, "right", tt.on)
		right := openLive(t, "right", LiveOptions{IgnoreOutgoing: true})
		inject(t, "left", numberedRA(1))
		expect(t, right, numberedRA(1))
		if got := linkByName(t, "right").Attrs().Promisc; got != tt.promisc {
			t.Errorf("IPv6 %v: promiscuous by %d, want %d", tt.on, got, tt.promisc)
		}
	}
}

func TestLiveBridge(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "port")
	addPair(t, "port2", "right")
	attrs := netlink.NewLinkAttrs()
	attrs.Name = "bridge"
	snooping := false
	bridge := &netlink.Bridge{LinkAttrs: attrs, MulticastSnooping: &snooping}
	addLink(t, bridge)
	for _, port := range []string{"port", "port2"} {
		if err := netlink.LinkSetMaster(linkByName(t, port), bridge); err != nil {
			t.Fatal(err)
		}
	}
	lives := make(map[string]*Live)
	for _, name := range []string{"port", "port2", "bridge", "right"} {
		lives[name] = openLive(t, name, LiveOptions{})
	}
	inject(t, "left", numberedRA(1))
	for name, want := range map[string]packet.Direction{"port": packet.Incoming, "port2": packet.Outgoing,
		"bridge": packet.Incoming, "right": packet.Incoming} {
		if f := expect(t, lives[name], numberedRA(1)); f.Direction != want {
			t.Errorf("%s: direction %v, want %v", name, f.Direction, want)
		}
	}
}

// addTun makes a tun or tap interface of a hardware type and returns its file, which is the other end of the wire.
func addTun(t *testing.T, name string, mode netlink.TuntapMode, hardware int) int {
	t.Helper()
	attrs := netlink.NewLinkAttrs()
	attrs.Name = name
	tun := &netlink.Tuntap{LinkAttrs: attrs, Mode: mode, Flags: netlink.TUNTAP_NO_PI, Queues: 1, NonPersist: true}
	if err := netlink.LinkAdd(tun); err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	t.Cleanup(func() { tun.Fds[0].Close() })
	fd := int(tun.Fds[0].Fd())
	if hardware != 0 {
		if err := unix.IoctlSetInt(fd, unix.TUNSETLINK, hardware); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
	}
	setUp(t, name)
	return fd
}

// writeTun lets a frame come in on the interface of fd.
func writeTun(t *testing.T, fd int, data []byte) {
	t.Helper()
	if _, err := unix.Write(fd, data); err != nil {
		t.Fatal(err)
	}
}

func TestLiveTap(t *testing.T) {
	newSpace(t)
	fd := addTun(t, "vnet0", netlink.TUNTAP_MODE_TAP, 0)
	live := openLive(t, "vnet0", LiveOptions{})
	writeTun(t, fd, numberedRA(1))
	if f := expect(t, live, numberedRA(1)); f.Direction != packet.Incoming {
		t.Errorf("from the guest: %v", f.Direction)
	}
	inject(t, "vnet0", numberedRA(2))
	if f := expect(t, live, numberedRA(2)); f.Direction != packet.Outgoing {
		t.Errorf("to the guest: %v", f.Direction)
	}
}

func TestLiveTun(t *testing.T) {
	newSpace(t)
	fd := addTun(t, "tun0", netlink.TUNTAP_MODE_TUN, 0)
	live := openLive(t, "tun0", LiveOptions{})
	writeTun(t, fd, udpNoise()[14:])
	writeTun(t, fd, numberedRA(1)[14:])
	f := expect(t, live, numberedRA(1)[14:])
	if f.LinkType != packet.LinkTypeRaw || f.Interface.HardwareAddr != (packet.MAC{}) || f.Number != 1 {
		t.Errorf("%+v of %+v", f, f.Interface)
	}
}

func TestLiveAny(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	live := openLive(t, AnyInterface, LiveOptions{})
	tun := addTun(t, "tun0", netlink.TUNTAP_MODE_TUN, 0)
	ppp := addTun(t, "ppp0", netlink.TUNTAP_MODE_TUN, unix.ARPHRD_PPP)

	tagged := withTags(numberedRA(1), 0x8100, 100)
	inject(t, "left", udpNoise(), tagged)
	writeTun(t, tun, numberedRA(2)[14:])
	writeTun(t, ppp, numberedRA(3)[14:])
	writeTun(t, ppp, udpNoise()[14:])
	inject(t, "right", numberedRA(4))

	for i, want := range []struct {
		name      string
		link      packet.LinkType
		direction packet.Direction
		data      []byte
	}{
		{"left", packet.LinkTypeEthernet, packet.Outgoing, tagged},
		{"right", packet.LinkTypeEthernet, packet.Incoming, tagged},
		{"tun0", packet.LinkTypeRaw, packet.Incoming, numberedRA(2)[14:]},
		{"right", packet.LinkTypeEthernet, packet.Outgoing, numberedRA(4)},
		{"left", packet.LinkTypeEthernet, packet.Incoming, numberedRA(4)},
	} {
		f := expect(t, live, want.data)
		link := linkByName(t, want.name).Attrs()
		iface := packet.Interface{Name: want.name, Index: link.Index, LinkType: want.link, MTU: link.MTU, MarksOffload: true}
		copy(iface.HardwareAddr[:], link.HardwareAddr)
		if *f.Interface != iface || f.LinkType != want.link || f.Direction != want.direction || f.Number != uint64(i+1) {
			t.Errorf("frame %d: %+v of %+v, want %+v", i+1, f, *f.Interface, want)
		}
	}
	expectNothing(t, live)
	if s := live.Stats(); s.Frames != 6 || s.Unread != 1 {
		t.Errorf("%+v, want 6 frames, 1 of them unread", s)
	}
}

func TestLiveLoopback(t *testing.T) {
	newSpace(t)
	setUp(t, "lo")
	one, all := openLive(t, "lo", LiveOptions{}), openLive(t, AnyInterface, LiveOptions{})
	inject(t, "lo", numberedRA(1), numberedRA(2))
	for _, live := range []*Live{one, all} {
		expect(t, live, numberedRA(1))
		if f := expect(t, live, numberedRA(2)); f.Direction != packet.Incoming || f.Number != 2 {
			t.Errorf("%+v", f)
		}
		expectNothing(t, live)
	}
}

// TestLiveChecksum looks at what this machine sends by its own protocol code: the checksum of UDP is left to the device,
// that of ICMPv6 is not.
func TestLiveChecksum(t *testing.T) {
	newSpace(t)
	addPair(t, "left", "right")
	setIPv6(t, "left", true)
	link := linkByName(t, "left")
	source := &net.IPNet{IP: net.ParseIP(craft.RouterLL), Mask: net.CIDRMask(64, 128)}
	if err := netlink.AddrAdd(link, &netlink.Addr{IPNet: source, Flags: unix.IFA_F_NODAD}); err != nil {
		t.Fatal(err)
	}
	left, right := openLive(t, "left", LiveOptions{}), openLive(t, "right", LiveOptions{})
	const allAgents = "ff02::1:2"
	sendFrom(t, "left", unix.SOCK_DGRAM, unix.IPPROTO_UDP, allAgents, 547, []byte("dhcpv6"))
	sendFrom(t, "left", unix.SOCK_RAW, unix.IPPROTO_ICMPV6, craft.AllRouters, 0, craft.RS())
	for _, live := range []*Live{left, right} {
		f := nextTo(t, live, allAgents)
		port := binary.BigEndian.Uint16(f.Data[54:])
		whole := craft.UDP6(craft.RouterLL, allAgents, port, 547, []byte("dhcpv6"))
		if sent := f.Data[54:]; !f.Offload || bytes.Equal(sent, whole) || !bytes.Equal(sent[8:], whole[8:]) {
			t.Errorf("UDP: offload %v, sent % x, whole % x", f.Offload, sent, whole)
		}
		f = nextTo(t, live, craft.AllRouters)
		if want := craft.ICMPv6(craft.RouterLL, craft.AllRouters, craft.RS()); f.Offload || !bytes.Equal(f.Data[54:], want) {
			t.Errorf("ICMPv6: offload %v, sent % x, whole % x", f.Offload, f.Data[54:], want)
		}
	}
}
