package guest

import (
	"errors"
	"net/netip"
	"testing"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/lab"
)

// The kernel's own autoconfiguration is read back: who made each address, its lifetimes, the route and the gateway.
func TestReadAutoconfigured(t *testing.T) {
	needs(t, "radvd", "ip")
	t.Parallel()
	guest, router := pair(t)
	r, err := router.Radvd(lab.CloudStackRadvd("eth0", routerAddress+"/64"))
	check(t, err)
	defer r.Kill()
	_, err = guest.WaitAddress(within(t, 30*time.Second), "eth0", func(a netip.Addr) bool { return a == addr(guestAddress) })
	check(t, err)
	f := read(t, guest, "eth0")

	i := f.Interface
	if i.Name != "eth0" || i.MAC.String() != guestMAC || !i.Up || !i.Carrier || !i.Running || i.MTU != 1500 || i.Kind != "veth" ||
		i.State != "up" || i.Master != "" || i.NoARP || i.Loopback || !i.Multicast || i.Table != host.MainTable {
		t.Errorf("interface %+v", i)
	}
	if len(f.Addresses) != 2 {
		t.Fatalf("addresses %+v", f.Addresses)
	}
	ll, global := f.Addresses[0], f.Addresses[1]
	if ll.Prefix.String() != guestLL+"/64" || !ll.Permanent || ll.Valid != Forever || ll.Origin != "kernel_ll" || !ll.Usable() {
		t.Errorf("link-local %+v", ll)
	}
	if global.Prefix.String() != guestAddress+"/64" || global.Permanent || global.Deprecated || global.Origin != "kernel_ra" ||
		global.Valid <= 23*time.Hour || global.Valid > 24*time.Hour ||
		global.Preferred <= 3*time.Hour || global.Preferred > 4*time.Hour {
		t.Errorf("global %+v", global)
	}
	if len(f.Routes) != 1 {
		t.Fatalf("routes %+v", f.Routes)
	}
	route := f.Routes[0]
	if route.Gateway != addr(routerLL) || route.Device != "eth0" || route.Index != i.Index || !route.FromRA || route.Metric != 1024 ||
		route.Table != host.MainTable || route.Refusing != "" || route.Expires <= 0 || route.Expires > 45*time.Second {
		t.Errorf("route %+v", route)
	}
	if len(f.Neighbors) != 1 || f.Neighbors[0].Address != addr(routerLL) || f.Neighbors[0].MAC.String() != routerMAC ||
		!f.Neighbors[0].Router {
		t.Errorf("neighbors %+v", f.Neighbors)
	}
	if f.World == nil || f.World.Gateway != addr(routerLL) || f.World.Source != addr(guestAddress) {
		t.Errorf("world %+v, %s", f.World, f.NoWorld)
	}
	s := f.Settings
	if s == nil || s.AcceptRA != 1 || s.Autoconf != 1 || s.AcceptRAMinHopLimit != 1 || s.AcceptRAMTU != 1 ||
		s.RouterSolicitations != -1 || s.HopLimit != 64 || f.All == nil || f.All.Forwarding != 0 {
		t.Errorf("settings %+v, all %+v", s, f.All)
	}
	if f.IPv6 != IPv6On || len(f.Unread) > 0 {
		t.Errorf("IPv6 %v, unread %v", f.IPv6, f.Unread)
	}
}

// What breaks a guest is seen.
func TestReadBroken(t *testing.T) {
	needs(t, "ip")
	t.Parallel()
	guest, _ := pair(t)
	run(t, guest, "ip -6 route add unreachable default metric 5")
	run(t, guest, "ip -6 route add default metric 9 nexthop via fe80::1 dev eth0 nexthop via fe80::2 dev eth0")
	run(t, guest, "ip -6 route add default via fe80::3 dev eth0 table 77 pref high")
	run(t, guest, "ip -6 neigh add fe80::1 lladdr 02:00:00:00:00:77 dev eth0 nud permanent")
	f := read(t, guest, "eth0")
	if len(f.Routes) != 4 || f.Routes[0].Refusing != "unreachable" || f.Routes[0].Metric != 5 ||
		f.Routes[1].Gateway != addr("fe80::1") || f.Routes[2].Gateway != addr("fe80::2") || f.Routes[2].Device != "eth0" ||
		f.Routes[3].Table != 77 || f.Routes[3].Expires != Forever || f.Routes[3].Preference.String() != "high" {
		t.Errorf("routes %+v", f.Routes)
	}
	if len(f.Neighbors) != 1 || f.Neighbors[0].State != "permanent" {
		t.Errorf("neighbors %+v", f.Neighbors)
	}
	if f.World != nil || f.NoWorld == "" {
		t.Errorf("world %+v", f.World)
	}

	check(t, guest.Sysctl("ipv6/conf/eth0/accept_ra", "0"), guest.Sysctl("ipv6/conf/eth0/disable_ipv6", "1"))
	f = read(t, guest, "eth0")
	if f.Settings == nil || f.Settings.DisableIPv6 != 1 || f.Settings.AcceptRA != 0 || len(f.Addresses) != 0 {
		t.Errorf("disabled: settings %+v, addresses %+v", f.Settings, f.Addresses)
	}

	run(t, guest, "ip link set eth0 mtu 1200")
	f = read(t, guest, "eth0")
	if f.Settings != nil || f.Interface.MTU != 1200 || len(f.Unread) != 0 || f.IPv6 != IPv6On {
		t.Errorf("MTU 1200: %+v", f)
	}

	check(t, guest.SetDown("eth0"))
	if i := read(t, guest, "eth0").Interface; i.Up || i.Running || i.Carrier || i.State != "down" {
		t.Errorf("down: %+v", i)
	}
}

// An address that another station has, and one that is tested still.
func TestReadDuplicate(t *testing.T) {
	needs(t, "ip")
	t.Parallel()
	guest, _ := pair(t)
	check(t, guest.Sysctl("ipv6/conf/eth0/accept_dad", "1"), guest.Sysctl("ipv6/conf/eth0/dad_transmits", "1"))
	run(t, guest, "ip -6 addr add "+routerAddress+"/64 dev eth0")
	ctx, tick := within(t, 20*time.Second), time.NewTicker(10*time.Millisecond)
	defer tick.Stop()
	for ; ctx.Err() == nil; <-tick.C {
		f := read(t, guest, "eth0")
		a := f.Addresses[len(f.Addresses)-1]
		if a.Addr() != addr(routerAddress) || a.Usable() {
			t.Fatalf("%+v: not tentative", a)
		}
		if a.Failed {
			return
		}
	}
	t.Error("the duplicate was not found")
}

func TestReadNothing(t *testing.T) {
	needs(t)
	t.Parallel()
	guest := newHost(t)
	err := guest.Do(func() error { _, err := Read("eth9"); return err })
	var refusal *host.Refusal
	if !errors.As(err, &refusal) || refusal.Hint() != "interfaces here: lo" {
		t.Errorf("%v", err)
	}
	if f := read(t, guest, "lo"); !f.Interface.Loopback || f.World != nil || f.NoWorld == "" || len(f.Routes) > 0 {
		t.Errorf("%+v", f)
	}
}
