package host

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// tell has a Packet Too Big about an echo request to target come from the router, and waits until the guest has taken it.
func tell(t *testing.T, guest, router *lab.Namespace, target string, mtu int) {
	t.Helper()
	to, _, _ := strings.Cut(target, "%")
	echo := craft.IPv6("fd00::2", to, 64, 58, craft.ICMPv6("fd00::2", to, craft.Echo(0)))
	check(t, router.Inject("vr0", craft.Ethernet(craft.MAC(guestMAC), craft.MAC(routerMAC), nil, 0x86dd, craft.IPv6("fd00::1", "fd00::2", 64, 58,
		craft.ICMPv6("fd00::1", "fd00::2", craft.TooBig(uint32(mtu), echo))))))
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for ctx.Err() == nil {
		// By the source as well, as the kernel chooses between routers by both.
		if w, err := way(t, guest, target, "", "fd00::2"); err == nil && w.CachedMTU == mtu {
			return
		}
		if got, _, ok := learned(t, guest, target); ok && got == mtu {
			return
		}
	}
	t.Fatalf("the guest did not take the MTU of %d to %s", mtu, target)
}

func learned(t *testing.T, n *lab.Namespace, target string) (mtu int, expires time.Duration, ok bool) {
	t.Helper()
	check(t, n.Do(func() error {
		mtu, expires, ok = Exception(netip.MustParseAddr(target))
		return nil
	}))
	return mtu, expires, ok
}

func flush(n *lab.Namespace, target string) error {
	return n.Do(func() error { return FlushException(netip.MustParseAddr(target)) })
}

// learner is a pair whose guest reaches 2001:db8::/32 by the router.
func learner(t *testing.T) (guest, router *lab.Namespace) {
	t.Helper()
	guest, router = pair(t)
	ip(t, guest, "-6 route add 2001:db8::/32 via fd00::1 mtu 1450", "-6 route add 2001:db8:1::/48 via fd00::1 table 77",
		"-6 rule add to 2001:db8:1::/48 lookup 77")
	return guest, router
}

// TestLearned: of what a lookup tells only what a Packet Too Big made is an exception.
func TestLearned(t *testing.T) {
	const cloned = unix.RTM_F_CLONED
	for _, c := range []struct {
		r    route
		own  int
		want bool
	}{
		{route{flags: cloned, mtu: 1400, expires: time.Second}, 0, true},
		{route{flags: cloned, mtu: 1400, expires: time.Second}, 1450, true},
		{route{flags: cloned, mtu: 1450, expires: time.Second}, 1450, false}, // a Redirect, say
		{route{flags: cloned, mtu: 1400}, 0, false},                          // an IPv4 route as it was set
		{route{flags: cloned, expires: time.Second}, 0, false},
		{route{mtu: 1400, expires: time.Second}, 0, false}, // a router's route, which expires too
	} {
		if got := c.r.learned(c.own); got != c.want {
			t.Errorf("%+v, own %d: %v", c.r, c.own, got)
		}
	}
}

// TestException: what the cache learned is told beside what the route itself says, and goes for one destination alone.
func TestException(t *testing.T) {
	guest, router := learner(t)
	const one, other, elsewhere, link = "2001:db8::1", "2001:db8::2", "2001:db8:1::1", "fd00::9"
	targets := map[string]int{one: 1400, other: 1300, elsewhere: 1380, link: 1290}
	for target, mtu := range targets {
		if _, _, ok := learned(t, guest, target); ok {
			t.Errorf("something is known of %s before", target)
		}
		tell(t, guest, router, target, mtu)
	}
	w, err := way(t, guest, one, "", "")
	if err != nil || w.MTU != 1450 || w.Limit != LimitRoute || w.RouteMTU != 1450 || w.CachedMTU != 1400 ||
		w.CachedExpires <= 0 || w.CachedExpires > 10*time.Minute {
		t.Errorf("%+v, %v", w, err)
	}
	if w, err := way(t, guest, link, "", ""); err != nil || w.MTU != 1500 || w.CachedMTU != 1290 {
		t.Errorf("%+v, %v", w, err)
	}
	if _, expires, ok := learned(t, guest, one); !ok || expires <= 0 || expires > 10*time.Minute {
		t.Errorf("expires in %v", expires)
	}
	if cache := ip(t, guest, "-6 route show cache"); !strings.Contains(cache, "mtu 1400") {
		t.Errorf("ip does not know of it:\n%s", cache)
	}

	for _, gone := range []string{one, elsewhere, link} {
		check(t, flush(guest, gone), flush(guest, gone)) // the second time there is nothing to do
		delete(targets, gone)
		for target := range targets {
			if got, _, ok := learned(t, guest, target); !ok || got != targets[target] {
				t.Errorf("%d, %v is left of the %d to %s, after that to %s went", got, ok, targets[target], target, gone)
			}
		}
		if w, err := way(t, guest, gone, "", ""); err != nil || w.CachedMTU != 0 {
			t.Errorf("to %s there is still %+v, %v", gone, w, err)
		}
		if got, _, ok := learned(t, guest, gone); ok {
			t.Errorf("to %s there is still %d", gone, got)
		}
	}
	routes := ip(t, guest, "-6 route show table all")
	for _, want := range []string{"2001:db8::/32", "2001:db8:1::/48", "fd00::/64"} {
		if !strings.Contains(routes, want) {
			t.Errorf("the route to %s is gone:\n%s", want, routes)
		}
	}
}

// TestExceptionOfEach has two routers at once. The kernel does not remove what it knows of the second, and that is said.
func TestExceptionOfEach(t *testing.T) {
	guest, router := learner(t)
	ip(t, guest, "-6 route add 2001:db8:9::/48 nexthop via fd00::1 nexthop via fd00::7")
	routers := make(map[string]int)
	for i := range 16 {
		target := fmt.Sprintf("2001:db8:9::%x", i+1)
		tell(t, guest, router, target, 1300+i)
		if got, _, ok := learned(t, guest, target); !ok || got != 1300+i {
			t.Errorf("to %s: %d, %v", target, got, ok)
		}
		before, err := way(t, guest, target, "", "fd00::2")
		check(t, err)
		routers[before.Gateway.String()]++
		refused := flush(guest, target)
		after, err := way(t, guest, target, "", "fd00::2")
		if err != nil || (after.CachedMTU != 0) != (refused != nil) {
			t.Errorf("%+v, %v; flush said %v", after, err, refused)
		}
		if before.Gateway == netip.MustParseAddr("fd00::1") && refused != nil {
			t.Errorf("of the first router: %v", refused)
		}
	}
	if len(routers) != 2 {
		t.Errorf("the routers were not both chosen: %v", routers)
	}
}

// TestExceptionOfZone has a link-local target of the same address on two links.
func TestExceptionOfZone(t *testing.T) {
	guest, router := learner(t)
	check(t, lab.Veth(lab.End{NS: guest, Name: "eth1"}, lab.End{NS: router, Name: "vr1"}))
	index, err := guest.Index("eth0")
	check(t, err)
	tell(t, guest, router, "fe80::77%eth0", 1333)
	for zone, want := range map[string]bool{"eth0": true, "eth1": false, fmt.Sprint(index): true} {
		if got, _, ok := learned(t, guest, "fe80::77%"+zone); ok != want {
			t.Errorf("on %s: %d, %v", zone, got, ok)
		}
	}
	check(t, flush(guest, "fe80::77%eth1"))
	if _, _, ok := learned(t, guest, "fe80::77%eth0"); !ok {
		t.Error("it went with that of the other link")
	}
}

// TestFlushNeedsPrivilege drops CAP_NET_ADMIN.
func TestFlushNeedsPrivilege(t *testing.T) {
	guest, router := learner(t)
	tell(t, guest, router, "2001:db8::1", 1400)
	err := guest.Do(func() error {
		// The thread ends with Do, and its capabilities are its own.
		header := unix.CapUserHeader{Version: unix.LINUX_CAPABILITY_VERSION_3}
		var none [2]unix.CapUserData
		if err := unix.Capset(&header, &none[0]); err != nil {
			return err
		}
		return FlushException(netip.MustParseAddr("2001:db8::1"))
	})
	var refusal *Refusal
	if !errors.As(err, &refusal) || err.Error() != "route cache: the MTU of 1400 to 2001:db8::1 stays: to remove it needs CAP_NET_ADMIN" ||
		!strings.Contains(refusal.Hint(), "it goes by itself in ") {
		t.Errorf("%v", err)
	}
}
