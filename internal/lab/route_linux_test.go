package lab

import (
	"net/netip"
	"strings"
	"testing"
)

func TestRoutes(t *testing.T) {
	guest, _ := pair(t)
	check(t, guest.AddAddress("eth0", "fd00::2/64"), guest.SetMTU("eth0", 1400),
		guest.AddRoute("2001:db8:1::/64", "fd00::1"), guest.AddRoute("2001:db8:2::/64", "fd00::1", "fd00::3"))
	for prefix, routers := range map[string][]string{
		"2001:db8:1::/64": {"via fd00::1 "}, "2001:db8:2::/64": {"via fd00::1 ", "via fd00::3 "},
	} {
		out, err := guest.Output(deadline(t), "ip", "-6", "route", "show", prefix)
		check(t, err)
		if got := strings.Count(out, "via "); got != len(routers) {
			t.Errorf("%s has %d routers, want %d", prefix, got, len(routers))
		}
		for _, r := range routers {
			if !strings.Contains(out, r) {
				t.Errorf("%s goes %q, not %s", prefix, out, r)
			}
		}
	}
	if mtu, err := guest.RouteMTU(netip.MustParseAddr("2001:db8:1::1")); err != nil || mtu != 0 {
		t.Errorf("a new route has the path MTU %d (%v)", mtu, err)
	}
	if _, err := guest.RouteMTU(netip.MustParseAddr("2001:db8:3::1")); err == nil {
		t.Error("there is a route to nowhere")
	}
	if err := guest.AddRoute("2001:db8:4::/64", "fd01::1"); err == nil {
		t.Error("a router may be out of reach")
	}
	if err := guest.SetMTU("eth1", 1500); err == nil {
		t.Error("no interface has an MTU")
	}
	link, err := guest.Output(deadline(t), "ip", "link", "show", "eth0")
	check(t, err)
	if !strings.Contains(link, "mtu 1400 ") {
		t.Errorf("eth0 is %q, without mtu 1400", link)
	}
}

func TestFirewall(t *testing.T) {
	n := namespace(t)
	check(t, n.Firewall(deadline(t), CloudStackFirewall))
	out, err := n.Output(deadline(t), "nft", "list", "tables")
	check(t, err)
	if !strings.Contains(out, "table ip6 ip6_firewall") {
		t.Errorf("the tables are %q", out)
	}
	if err := n.Firewall(deadline(t), "table ip6 {"); err == nil || !strings.Contains(err.Error(), "syntax error") {
		t.Errorf("error %v lacks nft's own words", err)
	}
}
