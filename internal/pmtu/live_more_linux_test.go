package pmtu

import (
	"context"
	"errors"
	"io/fs"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// TestLiveFragments has the answer come back in fragments.
func TestLiveFragments(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	liveRun(t, p.server, "ip", "-6", "route", "replace", "default", "via", liveRouter1, "mtu", "1400")
	l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveServer)})
	got := ask(t, l, Probe{ID: 1, Kind: Echo, Size: 1500, HopLimit: 64}, Probe{ID: 2, Kind: Echo, Size: 1400, HopLimit: 64})
	if got[0].Type != Answer || got[0].FragmentSize != 1400 || got[1].FragmentSize != 0 || got[1].ID != 2 {
		t.Errorf("%+v", got)
	}
}

// TestLiveUnreachable asks for who is not there, and gets a word from the router and from this host.
func TestLiveUnreachable(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	liveRun(t, p.router, "ip", "-6", "route", "add", "prohibit", "fd00:3::/64")
	for _, c := range []struct {
		target, source string
		code           uint8
	}{
		{"fd00:3::1", liveRouter, 1},  // administratively prohibited
		{"fd00:4::1", liveRouter, 0},  // no route
		{"fd00:1::99", liveGuest, 3},  // no such neighbor
		{"fd00:2::99", liveRouter, 3}, // nor there
	} {
		l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(c.target)})
		got := ask(t, l, Probe{ID: 1, Kind: Echo, Size: 100, HopLimit: 64})[0]
		if got.Type != Unreachable || got.Code != c.code || got.Source != netip.MustParseAddr(c.source) {
			t.Errorf("%s: %+v", c.target, got)
		}
	}
}

// TestLiveOwn probes this host's own addresses, and a link-local one.
func TestLiveOwn(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	own, err := p.guest.WaitLinkLocal(ctx, "eth0")
	liveCheck(t, err)
	neighbor, err := p.router.WaitLinkLocal(ctx, "r0")
	liveCheck(t, err)
	for _, c := range []struct {
		target netip.Addr
		iface  string
		size   int
	}{
		{netip.IPv6Loopback(), "", 65536},
		{netip.MustParseAddr(liveGuest), "", 65536},
		{netip.MustParseAddr(liveGuest), "eth0", 1500},
		{own.WithZone("eth0"), "", 1500},
		{neighbor, "eth0", 1500},
		{neighbor.WithZone("eth0"), "", 1500},
	} {
		l := openLive(t, p.guest, Options{Target: c.target, Interface: c.iface})
		for i, got := range ask(t, l, Probe{ID: 1, Kind: Echo, Size: c.size, HopLimit: 64},
			Probe{ID: 2, Kind: UDP, Size: 1280, HopLimit: 64},
			Probe{ID: 3, Kind: TCP, Size: 1280, HopLimit: 64}, Probe{ID: 4, Kind: Option, Size: 1280, HopLimit: 64}) {
			if got.Type != Answer || got.ID != i+1 || got.Source != c.target.WithZone("") || got.Filtered {
				t.Errorf("%v: %+v", c.target, got)
			}
		}
	}
}

func TestLiveRefused(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	liveRun(t, p.guest, "ip", "-6", "route", "del", "default")
	for prefix, kind := range map[string]string{"fd00:5::/64": "prohibit", "fd00:6::/64": "unreachable", "fd00:7::/64": "blackhole"} {
		liveRun(t, p.guest, "ip", "-6", "route", "add", kind, prefix)
	}
	open := func(o Options) error {
		return p.guest.Do(func() error {
			l, err := Open(t.Context(), o)
			if err == nil {
				err = errors.Join(l.Send(Probe{ID: 1, Kind: Echo, Size: 1600, HopLimit: 64}), l.Close())
			}
			return err
		})
	}
	for _, c := range []struct {
		o    Options
		want string
	}{
		{Options{Target: netip.MustParseAddr("192.0.2.1")}, "192.0.2.1 is not the IPv6 address of one host"},
		{Options{Target: netip.MustParseAddr("ff02::1"), Interface: "eth0"}, "ff02::1 is not the IPv6 address of one host"},
		{Options{}, "invalid IP is not the IPv6 address of one host"},
		{Options{Target: netip.MustParseAddr("fe80::1")}, "fe80::1 is link-local: each interface has its own"},
		{Options{Target: netip.MustParseAddr("fe80::1%eth9")}, "eth9: no such interface"},
		{Options{Target: netip.MustParseAddr(liveServer)}, "no route to fd00:2::2"},
		{Options{Target: netip.MustParseAddr(liveServer), Source: netip.MustParseAddr(liveGuest)}, "no route to fd00:2::2"},
		{Options{Target: netip.MustParseAddr("fd00:5::1")}, "the route to fd00:5::1 refuses packets: permission denied"},
		{Options{Target: netip.MustParseAddr("fd00:6::1")}, "the route to fd00:6::1 refuses packets: no route to host"},
		{Options{Target: netip.MustParseAddr("fd00:7::1")}, "the route to fd00:7::1 refuses packets: invalid argument"},
		{Options{Target: netip.MustParseAddr(liveRouter), Source: netip.MustParseAddr("fd00::9")}, "fd00::9 is no address of this host"},
		{Options{Target: netip.MustParseAddr(liveRouter)}, "1600 bytes are more than the MTU of this host's own interface"},
	} {
		err := open(c.o)
		if err == nil || !strings.HasPrefix(err.Error(), c.want) || errors.Is(err, fs.ErrPermission) || strings.Contains(err.Error(), "\n") {
			t.Errorf("%+v: %v, want %s", c.o, err, c.want)
		}
	}
}

// TestLiveSourceRoute has a rule that keeps one source address from the target.
func TestLiveSourceRoute(t *testing.T) {
	liveNeeds(t, "ip")
	t.Parallel()
	p := newLivePath(t, "1500")
	liveCheck(t, p.guest.AddAddress("eth0", "fd00:1::3/64"))
	liveRun(t, p.guest, "ip", "-6", "rule", "add", "from", "fd00:1::3", "unreachable")
	probe := Probe{ID: 1, Kind: Echo, Size: 1280, HopLimit: 64}
	ask(t, openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveRouter), Source: netip.MustParseAddr(liveGuest)}), probe)
	l := openLive(t, p.guest, Options{Target: netip.MustParseAddr(liveRouter), Source: netip.MustParseAddr("fd00:1::3")})
	if err := l.Send(probe); err == nil || err.Error() != "no route to fd00:1::1" {
		t.Error(err)
	}
}

func TestLivePermission(t *testing.T) {
	liveNeeds(t)
	n, err := lab.New()
	liveCheck(t, err)
	defer n.Close()
	err = n.Do(func() error {
		// Of this thread only, which ends with the function.
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			return err
		}
		_, err := Open(t.Context(), Options{Target: netip.IPv6Loopback()})
		return err
	})
	var denied *PermissionError
	if !errors.As(err, &denied) || !errors.Is(err, fs.ErrPermission) || !strings.Contains(denied.Hint(), "setcap cap_net_raw,cap_net_admin+ep") {
		t.Errorf("%v", err)
	}
}

// TestLiveContext ends a wait that would be long.
func TestLiveContext(t *testing.T) {
	liveNeeds(t)
	n, err := lab.New()
	liveCheck(t, err)
	defer n.Close()
	ctx, cancel := context.WithCancel(t.Context())
	var l *Live
	liveCheck(t, n.Do(func() (err error) {
		l, err = Open(ctx, Options{Target: netip.IPv6Loopback()})
		return err
	}))
	failed := make(chan error)
	go func() {
		_, _, err := l.Receive(l.Now().Add(time.Hour))
		failed <- err
	}()
	cancel()
	if err := <-failed; err != context.Canceled {
		t.Error(err)
	}
	// It may not have been waiting yet, so look at what would have ended that as well.
	<-l.woke
	if n, err := unix.Poll([]unix.PollFd{{Fd: int32(l.wake), Events: unix.POLLIN}}, 0); n != 1 {
		t.Error("nothing ends the wait: ", err)
	}
	for range 2 {
		liveCheck(t, l.Close())
	}
}
