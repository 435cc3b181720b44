package main

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/host"
	"v6probe/internal/kvm"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// TestEavesdropper shows it frames of a KVM host: VXLAN of networks that it has and of others, and neighbor discovery at taps.
func TestEavesdropper(t *testing.T) {
	const guest, router = "02:01:00:cb:00:01", "02:01:00:cb:00:fe"
	tunnel := host.BridgePort{Port: host.Port{Link: host.Link{Name: "vxlan100", Index: 3, Kind: "vxlan", Tunnel: &host.Tunnel{ID: 100, Port: 4789}}}}
	tap := host.BridgePort{Port: host.Port{Link: host.Link{Name: "vnet1", Index: 2, Kind: "tap", Up: true}}, Carrier: true}
	b := host.Bridge{Link: host.Link{Name: "brvx-100", Index: 1, Up: true, Kind: "bridge"}, Ports: []host.BridgePort{tap, tunnel}, Snooping: true,
		OtherQuerier: true, Groups: []host.Group{{Port: 3, Address: netip.MustParseAddr("ff02::1:ff00:1")}}}
	e := newEavesdropper(kvm.Facts{Bridges: []host.Bridge{b}}, "")
	if !e.suspects["vnet1"] || e.duration(time.Minute) != time.Minute || e.allSeen() {
		t.Fatalf("suspects %v", e.suspects)
	}
	if other := newEavesdropper(kvm.Facts{Bridges: []host.Bridge{b}}, "br1"); other.duration(time.Minute) != 0 {
		t.Errorf("there is nothing to listen to for br1: %v", other.duration(time.Minute))
	}

	e.own = func(a netip.Addr) bool { return a == netip.MustParseAddr("192.0.2.1") }
	hear := func(device string, frame []byte) {
		e.frame(&packet.Frame{Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet, Interface: &packet.Interface{Name: device},
			Direction: packet.Incoming})
	}
	ns := craft.Frame(guest, "fe80::1:ff:fecb:1", "ff02::1:ff00:1", craft.NS("fe80::1"))
	outer := func(port uint16, vni uint32) []byte {
		return craft.Ethernet(craft.MAC(guest), craft.MAC(router), nil, 0x0800, craft.VXLAN("192.0.2.2", "192.0.2.1", port, vni, ns))
	}
	hear("eth0", outer(8472, 100))
	hear("eth0", outer(8472, 100))
	hear("eth0", outer(4789, 7))                                                                                                          // of a network that is not here
	hear("vnet1", craft.Ethernet(craft.MAC(guest), craft.MAC(router), nil, 0x0800, craft.VXLAN("192.0.2.2", "192.0.2.9", 4789, 100, ns))) // for another
	want := []kvm.VXLANSeen{{Device: "eth0", VNI: 100, Port: 8472, From: netip.MustParseAddr("192.0.2.2"), Count: 2}}
	if !slices.Equal(e.underlay, want) || !e.allSeen() || len(e.heard) != 0 {
		t.Errorf("%+v, heard %+v", e.underlay, e.heard)
	}

	// Somebody who tests an address may have no other yet: its tap stays suspect.
	hear("vnet1", craft.Frame(guest, "::", "ff02::1:ffcb:1", craft.NS("fe80::1:ff:fecb:1")))
	if !e.suspects["vnet1"] || len(e.heard) != 1 || e.heard[0].Address.IsValid() {
		t.Errorf("heard %+v", e.heard)
	}
	hear("vnet1", ns)
	hear("vnet1", ns)
	hear("vnet1", slices.Concat(ns[:12], []byte{0x81, 0, 0, 7}, ns[12:]))                                         // of a VLAN
	hear("eth1", ns)                                                                                              // no port of a bridge
	hear("vnet1", craft.Frame(router, "2001:db8::9", "fd17:625c:f037:2::5", craft.TooBig(1400, make([]byte, 8)))) // forwarded
	hear("vxlan100", craft.Frame(router, "fe80::fe", "ff02::1", craft.CloudStackRA().Message()))
	if len(e.suspects) != 0 || len(e.heard) != 3 || e.heard[1].Advertises || !e.heard[2].Advertises || e.heard[2].Device != "vxlan100" {
		t.Errorf("suspects %v, heard %+v", e.suspects, e.heard)
	}
}

// TestNoRouter: silence alone is no error, and a short one says nothing.
func TestNoRouter(t *testing.T) {
	now := time.Now()
	for _, c := range []struct {
		asked time.Time
		took  time.Duration
		want  rule.Severity
	}{
		{time.Time{}, 5 * time.Second, rule.Info},
		{now.Add(-time.Second), 5 * time.Second, rule.Info},
		{now.Add(-5 * time.Second), 5 * time.Second, rule.Error},
		{time.Time{}, 20 * time.Second, rule.Warning},
	} {
		if f := noRouter(&host.Bridge{}, c.asked, c.took); f.Severity != c.want || f.Rule != "ra.absent" {
			t.Errorf("%+v: %+v", c, f)
		}
	}
}

// TestClosedSince: ports that went away, or no longer forward.
func TestClosedSince(t *testing.T) {
	port := func(index int, name string, state host.PortState) host.BridgePort {
		return host.BridgePort{Port: host.Port{Link: host.Link{Index: index, Name: name, Up: true}}, State: state}
	}
	bridge := func(ports ...host.BridgePort) host.Bridge {
		return host.Bridge{Link: host.Link{Index: 1}, Ports: ports}
	}
	before := bridge(port(2, "a", host.PortForwarding), port(3, "b", host.PortForwarding), port(4, "c", host.PortForwarding), port(5, "d", host.PortDisabled))
	now := bridge(port(2, "renamed", host.PortForwarding), port(3, "b", host.PortDisabled))
	if got := closedSince(&before, []host.Bridge{now}); !slices.Equal(got, []string{"b", "c"}) {
		t.Errorf("closed: %q", got)
	}
}

// TestGuardTest: what is no guest's may be the router, in whose name nothing is sent; and nothing by the way to other hosts.
func TestGuardTest(t *testing.T) {
	router := [6]byte{2, 1, 0, 0xcb, 0, 0xfe}
	tap := host.BridgePort{Port: host.Port{Link: host.Link{Name: "vnet9", Kind: "tap"}}, Stations: [][6]byte{router}}
	tunnel := host.BridgePort{Port: host.Port{Link: host.Link{Name: "vxlan100", Kind: "vxlan"}}}
	b := &host.Bridge{Ports: []host.BridgePort{tap, tunnel}}
	own := netip.MustParseAddr("fe80::1:ff:fecb:fe")
	for _, guest := range []bool{false, true} {
		g, err := newGuardTest("vnet9", b, guest)
		if err != nil || (g.source == own) != guest || !g.source.IsLinkLocalUnicast() || g.mac != packet.MAC(router) {
			t.Fatalf("guest %v: %+v, %v", guest, g, err)
		}
		for i, frame := range g.frames() {
			if source := netip.AddrFrom16([16]byte(frame[22:38])); source != g.source {
				t.Errorf("frame %d is from %v", i, source)
			}
		}
	}
	for _, name := range []string{"vxlan100", "eth7", ""} {
		if _, err := newGuardTest(name, b, false); err == nil {
			t.Errorf("%q: no error", name)
		}
	}
}
