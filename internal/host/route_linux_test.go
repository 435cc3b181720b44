package host

import (
	"errors"
	"net/netip"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// way asks for a route inside a namespace.
func way(t *testing.T, n *lab.Namespace, target, iface, source string) (w Way, err error) {
	t.Helper()
	var from netip.Addr
	if source != "" {
		from = netip.MustParseAddr(source)
	}
	err = n.Do(func() error {
		w, err = Route(netip.MustParseAddr(target), iface, from)
		return err
	})
	return w, err
}

func TestRoute(t *testing.T) {
	guest, _ := pair(t)
	ip(t, guest, "-6 route add default via fd00::1", "-6 route add 2001:db8:1::/48 via fd00::1 mtu 1400",
		"-6 route add 2001:db8:2::/48 via fd00::1 mtu 9000", "addr add 192.0.2.2/24 dev eth0",
		"route add 198.51.100.0/24 via 192.0.2.1 mtu 1300", "-6 addr add fd00::3/64 dev eth0 nodad")
	index, err := guest.Index("eth0")
	check(t, err)
	for _, c := range []struct {
		target, iface, source string
		want                  Way
	}{
		{"fd00::1", "", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500}},
		{"2001:db8::1", "", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500, Gateway: netip.MustParseAddr("fd00::1")}},
		{"2001:db8::1", "eth0", "fd00::3", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500, Gateway: netip.MustParseAddr("fd00::1"),
			Source: netip.MustParseAddr("fd00::3")}},
		{"2001:db8:1::1", "", "", Way{Device: "eth0", MTU: 1400, Limit: LimitRoute, ConfMTU: 1500, RouteMTU: 1400,
			Gateway: netip.MustParseAddr("fd00::1")}},
		{"2001:db8:2::1", "", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500, RouteMTU: 9000, Gateway: netip.MustParseAddr("fd00::1")}},
		{"fe80::1%eth0", "", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500}},
		{"fe80::1", "eth0", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500}},
		{"ff02::1", "eth0", "", Way{Device: "eth0", MTU: 1500, ConfMTU: 1500}},
		{"::1", "", "", Way{Device: "lo", MTU: 65536, ConfMTU: 65536, DeviceMTU: 65536, Local: true, Holder: "lo"}},
		{"fd00::2", "", "", Way{Device: "lo", MTU: 65536, ConfMTU: 65536, DeviceMTU: 65536, Local: true, Holder: "eth0"}},
		{"192.0.2.1", "", "", Way{Device: "eth0", MTU: 1500}},
		{"198.51.100.1", "", "", Way{Device: "eth0", MTU: 1300, Limit: LimitRoute, RouteMTU: 1300, Gateway: netip.MustParseAddr("192.0.2.1")}},
		{"192.0.2.2", "", "", Way{Device: "lo", MTU: 65536, DeviceMTU: 65536, Local: true, Holder: "eth0"}},
	} {
		got, err := way(t, guest, c.target, c.iface, c.source)
		if err != nil {
			t.Errorf("%s: %v", c.target, err)
			continue
		}
		c.want.Target = netip.MustParseAddr(c.target)
		if c.want.Index = got.Index; c.want.Device == "eth0" {
			c.want.Index, c.want.DeviceMTU = index, 1500
		}
		if !c.want.Source.IsValid() && got.Source.IsValid() {
			c.want.Source = got.Source // the kernel's choice, looked at below
		}
		if got != c.want {
			t.Errorf("%s:\n%+v, want\n%+v", c.target, got, c.want)
		}
	}
	if w, err := way(t, guest, "192.0.2.1", "", ""); err != nil || w.Source != netip.MustParseAddr("192.0.2.2") {
		t.Errorf("source %v, %v", w.Source, err)
	}
	if w, err := way(t, guest, "fe80::1%eth0", "", ""); err != nil || !w.Source.IsLinkLocalUnicast() {
		t.Errorf("source %v, %v", w.Source, err)
	}
}

// TestRouteSettings changes the MTU that IPv6 has on an interface: by hand, and by a router.
func TestRouteSettings(t *testing.T) {
	guest, router := pair(t)
	check(t, guest.Sysctl("ipv6/conf/eth0/mtu", "1420"))
	w, err := way(t, guest, "fd00::1", "", "")
	if err != nil || w.MTU != 1420 || w.Limit != LimitSetting || w.DeviceMTU != 1500 || w.ConfMTU != 1420 || w.Advertised != 0 {
		t.Errorf("set by hand: %+v, %v", w, err)
	}

	ra := craft.CloudStackRA().Message(append(craft.CloudStackOptions(), craft.MTU(1380))...)
	check(t, router.Inject("vr0", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, ra)))
	deadline := time.Now().Add(20 * time.Second)
	for w.Advertised == 0 && time.Now().Before(deadline) {
		w, err = way(t, guest, "2001:db8::1", "eth0", "")
	}
	if err != nil || w.MTU != 1380 || w.Limit != LimitAdvertised || w.ConfMTU != 1380 || w.Advertised != 1380 || w.DeviceMTU != 1500 {
		t.Errorf("by a router: %+v, %v", w, err)
	}
}

func TestRouteRefuses(t *testing.T) {
	guest, _ := pair(t)
	check(t, lab.Veth(lab.End{NS: guest, Name: "down0"}, lab.End{NS: guest, Name: "down1"}), guest.SetDown("down0"))
	ip(t, guest, "-6 route add unreachable 2001:db8:1::/48", "-6 route add prohibit 2001:db8:2::/48",
		"-6 route add blackhole 2001:db8:3::/48")
	for _, c := range []struct{ target, iface, reason, hint string }{
		{"2001:db8::1", "", "no route to 2001:db8::1", "ip -6 route show; ip -6 addr"},
		{"2001:db8::1", "eth0", "no route to 2001:db8::1 by eth0", "ip -6 route show dev eth0"},
		{"192.0.2.1", "", "no route to 192.0.2.1", "ip -4 route show"},
		{"2001:db8:1::1", "", "2001:db8:1::1: a route of this host says unreachable", "ip -6 route get fibmatch 2001:db8:1::1"},
		{"2001:db8:2::1", "", "2001:db8:2::1: a route of this host says prohibit", "ip -6 route get"},
		{"2001:db8:3::1", "", "2001:db8:3::1: a route of this host says blackhole", "ip -6 route get"},
		{"2001:db8::1", "down0", "down0: the interface is down", "ip link set down0 up"},
		{"fd00::1", "nowhere", "nowhere: no such interface", "interfaces here: lo, eth0, down"},
		{"fd00::1", "a\x1b[2J", `"a\x1b[2J": no such interface`, "interfaces here: lo"},
		{"fd00::1", "this-name-is-too-long", "this-name-is-too-long: no such interface", "interfaces here: lo"},
		{"fe80::1", "", "fe80::1 is a link-local address: it needs an interface", "fe80::1%eth0"},
		{"fe80::1%eth0", "down0", "fe80::1%eth0 is on another interface than down0", "leave one of them out"},
	} {
		_, err := way(t, guest, c.target, c.iface, "")
		var refusal *Refusal
		if !errors.As(err, &refusal) || err.Error() != c.reason || !strings.Contains(refusal.Hint(), c.hint) {
			t.Errorf("%s by %q: %v, want %q and %q", c.target, c.iface, err, c.reason, c.hint)
			if refusal != nil {
				t.Log(refusal.Hint())
			}
		}
	}
}
