package zone

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// Addresses of the zone.
const (
	guestAddress  = "fd17:625c:f037:2::100"
	vrAddress     = "fd17:625c:f037:2::1"
	serverAddress = "2001:db8:4::80"
	r1Address     = "2001:db8:1::2" // as the guest sees it
	r2Address     = "2001:db8:2::2"
	r1SecondTo    = "2001:db8:3::2" // r2's on the second path
	r1Second      = "2001:db8:3::1"
	guestNetwork  = "fd17:625c:f037:2::/64"
	serverNetwork = "2001:db8:4::/64"

	serverMAC   = "02:00:00:00:04:80"
	r2ServerMAC = "02:00:00:00:04:01" // r2's towards the server
)

// oneWay is the delay of the link between the VR and r1. There it is part of every round trip but the VR's own, so that
// the word of a router comes no sooner than the server's: a prober gains nothing by waiting for it.
const oneWay = 10 * time.Millisecond

// Zone is a network that is up, with the faults of its scenario.
type Zone struct {
	Scenario                  *Scenario
	Guest, VR, R1, R2, Server *lab.Namespace
	Target                    netip.Addr // the server
	Source                    netip.Addr // the guest
	GuestInterface            string

	host1, host2 *lab.Namespace
	wire         *lab.Namespace // the inner ends of what a Relay joins
	bridges      *lab.Namespace // a Linux bridge on a link
	closers      []func() error // in the order in which they were opened
}

// Missing returns what this kernel lacks for the scenario, nil if nothing.
func (s *Scenario) Missing() error {
	if !s.BrNetfilter {
		return nil
	}
	if _, err := os.Stat("/proc/sys/net/" + bridgeCall); err != nil {
		return errors.New("needs br_netfilter, which this kernel lacks or has not loaded")
	}
	return nil
}

const bridgeCall = "bridge/bridge-nf-call-ip6tables"

// Up builds the network of a scenario. When it returns a small packet has gone from the guest to the server and back, so
// that everyone on the way knows his neighbors, and the faults are there.
func Up(ctx context.Context, s *Scenario) (*Zone, error) {
	if err := s.Missing(); err != nil {
		return nil, fmt.Errorf("%s: %w", s.Name, err)
	}
	z := &Zone{Scenario: s, Target: netip.MustParseAddr(serverAddress), Source: netip.MustParseAddr(guestAddress),
		GuestInterface: "eth0"}
	for _, step := range []func(context.Context) error{
		z.namespaces, z.overlay, z.routers, z.routes, z.settle, z.filters, z.liars, z.poison,
	} {
		if err := step(ctx); err != nil {
			return nil, errors.Join(fmt.Errorf("%s: %w", s.Name, err), z.Close())
		}
	}
	return z, nil
}

// Close takes the network down.
func (z *Zone) Close() error {
	var err error
	for len(z.closers) > 0 {
		last := len(z.closers) - 1
		err = errors.Join(err, z.closers[last]())
		z.closers = z.closers[:last]
	}
	return err
}

func (z *Zone) namespaces(context.Context) error {
	for _, n := range []**lab.Namespace{&z.Guest, &z.host1, &z.host2, &z.VR, &z.R1, &z.R2, &z.Server, &z.wire, &z.bridges} {
		var err error
		if *n, err = lab.New(); err != nil {
			return err
		}
		z.closers = append(z.closers, (*n).Close)
	}
	var err error
	for _, n := range []*lab.Namespace{z.Guest, z.host1, z.host2, z.VR, z.R1, z.R2, z.Server} {
		err = errors.Join(err, n.SkipDAD(),
			n.Sysctl("ipv6/conf/default/router_solicitations", "0"),
			n.Sysctl("ipv6/conf/default/accept_ra", "0"))
	}
	for _, n := range []*lab.Namespace{z.VR, z.R1, z.R2} {
		err = errors.Join(err, n.Sysctl("ipv6/conf/all/forwarding", "1"))
	}
	for _, n := range []*lab.Namespace{z.wire, z.bridges} { // they have no addresses and say nothing
		err = errors.Join(err, n.Sysctl("ipv6/conf/default/disable_ipv6", "1"))
	}
	for _, n := range []*lab.Namespace{z.host1, z.host2, z.bridges} {
		call := "0"
		if z.Scenario.BrNetfilter {
			call = "1"
		}
		if e := n.Sysctl(bridgeCall, call); e != nil && !errors.Is(e, os.ErrNotExist) {
			err = errors.Join(err, e)
		}
	}
	return err
}

// overlay joins the guest and the VR by the hosts' bridges and the VXLAN between them.
func (z *Zone) overlay(context.Context) error {
	s := z.Scenario
	err := errors.Join(
		lab.Veth(lab.End{NS: z.Guest, Name: "eth0", MAC: craft.GuestMAC}, lab.End{NS: z.host1, Name: "vnet0"}),
		lab.Veth(lab.End{NS: z.VR, Name: "eth0", MAC: craft.RouterMAC}, lab.End{NS: z.host2, Name: "vnet0"}))
	for _, n := range []*lab.Namespace{z.Guest, z.VR} {
		err = errors.Join(err, n.SetMTU("eth0", s.Guest))
	}
	if s.Underlay.Switch == 0 {
		err = errors.Join(err, lab.Veth(lab.End{NS: z.host1, Name: "cloudbr0"}, lab.End{NS: z.host2, Name: "cloudbr0"}))
	} else {
		w := lab.Wire{Largest: s.Underlay.Switch}
		err = errors.Join(err, z.relay(lab.End{NS: z.host1, Name: "cloudbr0"}, lab.End{NS: z.host2, Name: "cloudbr0"}, w))
	}
	address, length := [2]string{"192.0.2.1", "192.0.2.2"}, "/24"
	if s.Underlay.Family == 6 {
		address, length = [2]string{"2001:db8:ffff::1", "2001:db8:ffff::2"}, "/64"
	}
	for i, n := range []*lab.Namespace{z.host1, z.host2} {
		err = errors.Join(err,
			n.SetMTU("cloudbr0", s.Underlay.MTU), n.AddAddress("cloudbr0", address[i]+length),
			// Without the underlay's interface, so that a VXLAN device may have an MTU that the underlay cannot carry.
			n.AddVXLAN("vxlan100", lab.VXLAN{VNI: 100, Port: s.Underlay.Port, Local: address[i], Remote: address[1-i]}),
			n.SetMTU("vxlan100", s.Overlay), n.SetMTU("vnet0", s.Guest), n.AddBridge("brvx-100", "vnet0", "vxlan100"))
	}
	return errors.Join(err, z.Guest.AddAddress("eth0", guestAddress+"/64"), z.VR.AddAddress("eth0", vrAddress+"/64"))
}

// routers makes the links from the VR to the server.
func (z *Zone) routers(context.Context) error {
	links := z.Scenario.Links
	err := errors.Join(
		z.link(lab.End{NS: z.VR, Name: "eth1"}, lab.End{NS: z.R1, Name: "down0"}, 1, links.VRR1, oneWay),
		z.link(lab.End{NS: z.R1, Name: "up0"}, lab.End{NS: z.R2, Name: "down0"}, 2, links.R1R2, 0),
		z.link(lab.End{NS: z.R2, Name: "up0", MAC: r2ServerMAC}, lab.End{NS: z.Server, Name: "eth0", MAC: serverMAC},
			4, links.R2Server, 0))
	if second := z.Scenario.Second; second != nil {
		err = errors.Join(err,
			z.link(lab.End{NS: z.R1, Name: "up1"}, lab.End{NS: z.R2, Name: "down1"}, 3, *second, 0))
	}
	return err
}

// link joins two routers with the network 2001:db8:number::/64, near on the guest's side.
func (z *Zone) link(near, far lab.End, number int, l Link, delay time.Duration) error {
	var err error
	switch {
	case l.BridgePort != 0:
		name := "br" + strconv.Itoa(number)
		a, b := lab.End{NS: z.bridges, Name: name + "a"}, lab.End{NS: z.bridges, Name: name + "b"}
		err = errors.Join(z.veth(near, a), z.veth(far, b), z.bridges.SetMTU(b.Name, l.BridgePort),
			z.bridges.AddBridge(name, a.Name, b.Name))
	case l.Switch != 0 || delay != 0:
		err = z.relay(near, far, lab.Wire{Delay: delay, Largest: l.Switch})
	default:
		err = z.veth(near, far)
	}
	if err != nil {
		return err
	}
	network := fmt.Sprintf("2001:db8:%d::", number)
	host := "2"
	if far.NS == z.Server {
		host = "80"
	}
	return errors.Join(near.NS.AddAddress(near.Name, network+"1/64"), far.NS.AddAddress(far.Name, network+host+"/64"),
		// The device takes more: only so can one end believe in another MTU than the other, which drops what is too long
		// for its own device without a word.
		near.NS.Sysctl("ipv6/conf/"+near.Name+"/mtu", strconv.Itoa(l.MTU)),
		far.NS.Sysctl("ipv6/conf/"+far.Name+"/mtu", strconv.Itoa(l.Return)))
}

// veth makes a pair whose devices carry all that the zone knows.
func (z *Zone) veth(a, b lab.End) error {
	return errors.Join(lab.Veth(a, b), a.NS.SetMTU(a.Name, maxMTU), b.NS.SetMTU(b.Name, maxMTU))
}

// relay joins two interfaces by a Relay that does the same both ways.
func (z *Zone) relay(a, b lab.End, w lab.Wire) error {
	number := len(z.closers)
	inner := func(side string) lab.End { return lab.End{NS: z.wire, Name: "wire" + strconv.Itoa(number) + side} }
	near, far := inner("a"), inner("b")
	if err := errors.Join(z.veth(a, near), z.veth(b, far)); err != nil {
		return err
	}
	r, err := lab.StartRelay(lab.Place{NS: z.wire, Name: near.Name}, lab.Place{NS: z.wire, Name: far.Name}, w, w)
	if err != nil {
		return err
	}
	z.closers = append(z.closers, r.Close)
	return nil
}

func (z *Zone) routes(context.Context) error {
	up, down := []string{r2Address}, []string{"2001:db8:2::1"}
	var err error
	if z.Scenario.Second != nil {
		up = append(up, r1SecondTo)
		if z.Scenario.SecondReturn {
			down = append(down, r1Second)
		}
		for _, n := range []*lab.Namespace{z.R1, z.R2} {
			// By the addresses, the flow label and the protocol.
			err = errors.Join(err, n.Sysctl("ipv6/fib_multipath_hash_policy", "0"))
		}
	}
	return errors.Join(err,
		z.Guest.AddRoute("::/0", vrAddress), z.VR.AddRoute("::/0", r1Address),
		z.R1.AddRoute(guestNetwork, "2001:db8:1::1"), z.R1.AddRoute(serverNetwork, up...),
		z.R2.AddRoute("::/0", down...), z.Server.AddRoute("::/0", "2001:db8:4::1"))
}
