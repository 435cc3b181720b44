package nd

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// newMAC is another link-layer address of a neighbor than its own.
const newMAC = "02:00:00:00:00:99"

// moved is n at newMAC.
func moved(n node) node { return node{newMAC, n.addr} }

// naLike is n's advertisement to the guest with the link-layer address mac in its option, none if it is "".
func naLike(at float64, n node, flags uint8, mac string) shot {
	var options [][]byte
	if mac != "" {
		options = append(options, craft.TLLA(mac))
	}
	return icmpFrom(at, n, nodeG.addr, craft.NA(flags, n.addr, options...))
}

// The table of RFC 4861 §7.2.5 and Appendix C: what an advertisement makes of an entry in each state.
func TestAdvertisement(t *testing.T) {
	const old, other = "02:00:00:00:00:0a", newMAC // nodeA's address, and another one
	states := map[State][]shot{
		Incomplete: nil,
		Stale:      {nsFrom(0, nodeA, nodeG.addr)},
		Reachable:  {naFrom(0, nodeA, nodeG.addr, flagS|flagO)},
		Tentative:  {dadFrom(0, old, nodeA.addr)},
	}
	for _, tt := range []struct {
		state State
		flags uint8
		mac   string // of the option
		want  State
		at    string // MAC
	}{
		{Incomplete, flagS | flagO, old, Reachable, old},
		{Incomplete, flagS, old, Reachable, old}, // O does not matter
		{Incomplete, flagO, old, Stale, old},
		{Incomplete, 0, old, Stale, old},
		{Incomplete, flagS, "", Reachable, old}, // by the frame's source

		{Stale, flagS | flagO, old, Reachable, old},
		{Stale, flagS, old, Reachable, old},
		{Stale, flagO, old, Stale, old},
		{Stale, 0, "", Stale, old},
		{Stale, flagS, "", Reachable, old},
		{Stale, flagS, other, Stale, old}, // ignored
		{Stale, 0, other, Stale, old},
		{Stale, flagS | flagO, other, Reachable, other},
		{Stale, flagO, other, Stale, other},

		{Reachable, flagS | flagO, old, Reachable, old},
		{Reachable, flagO, old, Reachable, old}, // the state does not change
		{Reachable, 0, old, Reachable, old},
		{Reachable, flagO, "", Reachable, old},
		{Reachable, 0, other, Stale, old}, // not updated in any other way
		{Reachable, flagS, other, Stale, old},
		{Reachable, flagO, other, Stale, other},
		{Reachable, flagS | flagO, other, Reachable, other},

		{Tentative, flagO, old, Stale, old},
		{Tentative, flagS | flagO, old, Reachable, old},
		{Tentative, 0, "", Stale, old},
	} {
		name := fmt.Sprintf("%v %#x %q", tt.state, tt.flags, tt.mac)
		t.Run(name, func(t *testing.T) {
			s := newStage(t)
			for _, x := range states[tt.state] {
				s.play(x)
			}
			if tt.state != Incomplete && s.neighbor(nodeA.addr).State != tt.state {
				t.Fatalf("before: %+v", s.neighbor(nodeA.addr))
			}
			s.play(naLike(1, nodeA, tt.flags|flagR, tt.mac))
			n := s.neighbor(nodeA.addr)
			if n.State != tt.want || n.MAC != hwaddr(tt.at) || !n.HasMAC {
				t.Errorf("state %v, at %v; want %v, at %v", n.State, n.MAC, tt.want, tt.at)
			}
			ignored := tt.mac == other && tt.flags&flagO == 0
			if n.Router == ignored {
				t.Errorf("IsRouter %v", n.Router)
			}
			if s.end() != "" {
				t.Errorf("findings %v", s.found)
			}
		})
	}
}

// A neighbor that only tells its address in the solicitations of others, and those of which something else is told.
func TestLearn(t *testing.T) {
	ll := node{nodeA.mac, "fe80::a"}
	rs := func(at float64, n node, options ...[]byte) shot {
		return icmpFrom(at, n, craft.AllRouters, craft.RS(options...))
	}
	iface := &packet.Interface{Name: "tap0", HardwareAddr: hwaddr(nodeA.mac)}
	for _, tt := range []struct {
		name  string
		shots []shot
		want  Neighbor
	}{
		{"NS", []shot{nsFrom(0, ll, nodeG.addr)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"NS without its option", []shot{icmpFrom(0, ll, nodeG.addr, craft.NS(nodeG.addr))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"NS of one that is reachable", []shot{naFrom(0, ll, nodeG.addr, flagS), nsFrom(1, ll, nodeG.addr)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromNA | FromNS}},
		{"NS of one that has moved", []shot{naFrom(0, ll, nodeG.addr, flagS), nsFrom(1, moved(ll), nodeG.addr)},
			Neighbor{MAC: hwaddr(newMAC), HasMAC: true, State: Stale, Learnt: FromNA | FromNS, Changes: 1}},
		{"the frame's source, then the option", []shot{icmpFrom(0, ll, nodeG.addr, craft.NS(nodeG.addr)), nsFrom(1, moved(ll), nodeG.addr)},
			Neighbor{MAC: hwaddr(newMAC), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"a frame's source after the option", []shot{naLike(0, ll, flagS, newMAC), icmpFrom(1, ll, nodeG.addr, craft.NS(nodeG.addr))},
			Neighbor{MAC: hwaddr(newMAC), HasMAC: true, State: Reachable, Learnt: FromNA | FromNS}},
		{"RS", []shot{rs(0, ll, craft.SLLA(ll.mac))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromRS}},
		{"RS of a router", []shot{raFrom(0, ll, 1800), rs(1, ll, craft.SLLA(ll.mac))}, // hosts ignore an RS
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromRA | FromRS, Router: true}},
		{"RS of one that has moved", []shot{nsFrom(0, ll, nodeG.addr), rs(1, moved(ll), craft.SLLA(newMAC))}, // for routers alone
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS | FromRS}},
		{"RS of one that is reachable", []shot{naFrom(0, ll, nodeG.addr, flagS), rs(1, moved(ll), craft.SLLA(newMAC))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromNA | FromRS}},
		{"an option that is too long", []shot{nsFrom(0, ll, nodeG.addr),
			icmpFrom(1, moved(ll), nodeG.addr, craft.NA(flagS|flagO, ll.addr, craft.Option(2, make([]byte, 14)))),
			icmpFrom(2, moved(ll), nodeG.addr, craft.NS(nodeG.addr, craft.Option(1, make([]byte, 14))))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"RS that receivers drop", []shot{nsFrom(0, ll, nodeG.addr), rs(1, ll, craft.WithLength(craft.SLLA(newMAC), 0))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"RA", []shot{raFrom(0, ll, 1800)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromRA, Router: true}},
		{"RA with router lifetime 0", []shot{raFrom(0, ll, 0)}, // a router still
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromRA, Router: true}},
		{"RA that receivers drop", []shot{nsFrom(0, ll, nodeG.addr), icmpFrom(1, ll, craft.AllNodes,
			craft.RA{Lifetime: 1800}.Message(craft.WithLength(craft.SLLA(ll.mac), 2)))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS}},
		{"a router's advertisement with R=0 after its final RA", []shot{raFrom(0, ll, 1800), raFrom(1, ll, 0), naFrom(2, ll, nodeG.addr, flagS)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromRA | FromNA}},
		{"unsolicited NA", []shot{naFrom(0, ll, craft.AllNodes, flagO)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromUnsolicitedNA}},
		{"NA for another without the option", []shot{icmpFrom(0, nodeB, nodeG.addr, craft.NA(flagS, ll.addr))},
			Neighbor{State: Incomplete, Learnt: FromNA}},
		{"DAD", []shot{dadFrom(0, ll.mac, ll.addr), tick(2.9)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Tentative, Learnt: FromDAD}},
		{"DAD is over", []shot{dadFrom(0, ll.mac, ll.addr), tick(3.1)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromDAD}},
		{"DAD, and the address is used", []shot{dadFrom(0, ll.mac, ll.addr), nsFrom(1, ll, nodeG.addr)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromDAD | FromNS}},
		{"DAD for one that somebody has", []shot{naFrom(0, ll, nodeG.addr, flagS|flagO), dadFrom(1, newMAC, ll.addr)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromNA}},
		{"DAD again by who has it", []shot{naFrom(0, ll, nodeG.addr, flagS|flagO), dadFrom(1, ll.mac, ll.addr)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Tentative, Learnt: FromNA | FromDAD}},
		{"reachable for 30 s", []shot{naFrom(0, ll, nodeG.addr, flagS), tick(30)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromNA}},
		{"and not longer", []shot{naFrom(0, ll, nodeG.addr, flagS), tick(30.1)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNA}},
		{"reachable as long as the router says", []shot{naFrom(0, ll, nodeG.addr, flagS),
			icmpFrom(1, nodeR, craft.AllNodes, craft.RA{ReachableTime: 60000}.Message()), tick(59)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Reachable, Learnt: FromNA}},
		{"a clock that was set back", []shot{naFrom(100, ll, nodeG.addr, flagS), tick(1)},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNA}},
		{"of this host", []shot{on(iface, outgoing(nsFrom(0, ll, nodeG.addr)))},
			Neighbor{MAC: hwaddr(ll.mac), HasMAC: true, State: Stale, Learnt: FromNS, Outgoing: true}},
		{"on its way out, of another", []shot{on(iface, outgoing(nsFrom(0, moved(ll), nodeG.addr)))},
			Neighbor{MAC: hwaddr(newMAC), HasMAC: true, State: Stale, Learnt: FromNS}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := scene{shots: tt.shots}.run(t)
			got, first := s.neighbor(ll.addr), tt.shots[0].at
			if got.First != after(first) || got.Last.Before(got.First) || got.LastFrame == 0 {
				t.Errorf("first %v, last %v, frame %d", got.First, got.Last, got.LastFrame)
			}
			tt.want.Address, tt.want.First, tt.want.Last, tt.want.LastFrame = addr(ll.addr), got.First, got.Last, got.LastFrame
			if got != tt.want {
				t.Errorf("\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

// rsFrom is a node's Router Solicitation with its link-layer address.
func rsFrom(at float64, n node) shot {
	return icmpFrom(at, n, craft.AllRouters, craft.RS(craft.SLLA(n.mac)))
}

// What is dropped teaches nothing.
func TestNotLearnt(t *testing.T) {
	for _, x := range []shot{
		icmpFrom(0, nodeA, craft.AllNodes, craft.RA{Lifetime: 1800}.Message(craft.SLLA(nodeA.mac))), // not from a link-local address
		icmpFrom(0, node{nodeA.mac, "::"}, craft.AllRouters, craft.RS()),
		{at: 0, data: craft.EthernetIPv6(nodeA.mac, nodeG.addr, craft.IPv6(nodeA.addr, nodeG.addr, 254, 58,
			craft.ICMPv6(nodeA.addr, nodeG.addr, craft.RS(craft.SLLA(nodeA.mac)))))},
	} {
		s := newStage(t)
		s.play(x)
		s.play(nsFrom(1, nodeG, nodeR.addr))
		if got := s.link().Neighbors; len(got) != 1 || got[0].Address != addr(nodeG.addr) {
			t.Errorf("%x: %+v", x.data, got)
		}
	}
}

func TestNeighborRules(t *testing.T) {
	const flap, cleared = "nd.binding-flap", "nd.router-flag-cleared"
	ns := func(at float64, n node) shot { return nsFrom(at, n, nodeG.addr) }
	ll := nodeA.as("fe80::a")
	mixed := func(x shot) shot { return cooked(x, packet.Incoming) }
	global := nodeR.as("2001:db8::1")
	na := func(at float64, flags uint8) shot { return naFrom(at, nodeR, nodeG.addr, flags) }
	runScenes(t, []scene{
		{"a failover", []shot{ns(0, nodeA), ns(10, moved(nodeA)), ns(20, moved(nodeA))}, "", ""},
		{"there and back", []shot{ns(0, nodeA), ns(10, moved(nodeA)), ns(20, nodeA)}, flap,
			"2001:db8::a is at 02:00:00:00:00:0a again, after 10 s at 02:00:00:00:00:99: its link-layer address has changed 2 times"},
		{"there and back by unsolicited advertisements", []shot{ns(0, nodeA), naFrom(10, moved(nodeA), craft.AllNodes, flagO),
			naFrom(20, nodeA, craft.AllNodes, flagO)}, flap, ""},
		{"there and not back without Override", []shot{ns(0, nodeA), naFrom(10, moved(nodeA), nodeG.addr, flagS), ns(20, nodeA)}, "", ""},
		{"back after a long time", []shot{ns(0, nodeA), ns(10, moved(nodeA)), ns(71, nodeA)}, "", ""},
		{"on to a third", []shot{ns(0, nodeA), ns(10, moved(nodeA)), ns(20, node{nodeC.mac, nodeA.addr})}, "", ""},
		{"again and again is told once a minute", every(0, 5, 20, func(at float64) shot {
			if int(at)%10 == 0 {
				return ns(at, nodeA)
			}
			return ns(at, moved(nodeA))
		}), flap + " " + flap, "15 times"},
		{"two addresses of a station", []shot{ns(0, nodeA), ns(1, moved(nodeB)), ns(2, nodeA), ns(3, moved(nodeB))}, "", ""},
		{"a clock that was set back", []shot{ns(100, nodeA), ns(110, moved(nodeA)), ns(1, nodeA)}, "", ""},
		{"there and back by router solicitations", []shot{ns(0, ll), rsFrom(10, moved(ll)), rsFrom(20, ll)}, "", ""},
		{"a link-local address on two links", []shot{mixed(ns(0, ll)), mixed(ns(10, moved(ll))), mixed(ns(20, ll))}, "", ""},
		{"a link-local address tested on one of two links", []shot{mixed(dadFrom(0, ll.mac, ll.addr)), mixed(naFrom(0.5, moved(ll), nodeG.addr, flagS|flagO)),
			mixed(ns(1, ll)), mixed(ns(2, moved(ll)))}, "dad.conflict:info", ""},
		{"a global address in a capture of two links", []shot{mixed(ns(0, nodeA)), mixed(ns(10, moved(nodeA))), mixed(ns(20, nodeA))}, flap, ""},

		{"a router says R=0", []shot{raFrom(0, nodeR, 45), na(1, flagR|flagS), na(40, flagS)}, cleared,
			"the advertisement of fe80::ff:fe00:1 from 02:00:00:00:00:01 says R=0, though its RA, 40 s before, is good for 45 s"},
		{"and goes on to", []shot{raFrom(0, nodeR, 45), na(1, flagS), na(2, flagS)}, cleared, ""},
		{"and is a router again", []shot{raFrom(0, nodeR, 45), na(1, flagS), raFrom(2, nodeR, 45), na(3, flagS)}, cleared + " " + cleared, ""},
		{"after its final RA", []shot{raFrom(0, nodeR, 45), na(1, flagR), raFrom(2, nodeR, 0), na(3, flagS)}, "", ""},
		{"after its lifetime", []shot{raFrom(0, nodeR, 45), na(1, flagR), na(46, flagS)}, "", ""},
		{"without an RA", []shot{na(0, flagR|flagS|flagO), na(10, flagS|flagO)}, cleared, "though it said R=1 before"},
		{"a host", []shot{na(0, flagS|flagO), na(10, flagS|flagO)}, "", ""},
		{"another address of the router", []shot{raFrom(0, nodeR, 45), naFrom(1, nodeR.as("2001:db8::1"), nodeG.addr, flagS|flagO)}, "", ""},
		{"another station, without Override", []shot{raFrom(0, nodeR, 45), naFor(1, nodeA, nodeG.addr, flagS, nodeR.addr)}, "", ""},
		{"another address of the router, after its final RA", []shot{raFrom(0, nodeR, 45), naFrom(1, global, nodeG.addr, flagR|flagS|flagO),
			raFrom(5, nodeR, 0), naFrom(8, global, nodeG.addr, flagS|flagO)}, "", ""},
		{"a router on one of two links", []shot{mixed(raFrom(0, nodeR, 45)), mixed(naFrom(1, moved(nodeR), nodeG.addr, flagS|flagO))}, "", ""},
	})
}

// The frames of a mirror port, twice each, are no second sign of life.
func TestCopies(t *testing.T) {
	s := newStage(t)
	proven := func() [3]int {
		c := s.checker
		return [3]int{c.neighbors.table.proven.length, c.questions.table.proven.length, c.stations.answers.proven.length}
	}
	for _, at := range []float64{0, 0.001} {
		s.play(nsFrom(at, nodeA, nodeG.addr))
		s.play(naFrom(at+0.002, nodeG, nodeA.addr, flagS|flagO))
	}
	if got := proven(); got != [3]int{} {
		t.Errorf("%d proven after a copy", got)
	}
	s.play(nsFrom(1, nodeA, nodeG.addr))
	s.play(naFrom(1.002, nodeG, nodeA.addr, flagS|flagO))
	if got := proven(); got != [3]int{2, 1, 1} {
		t.Errorf("%d proven after a second one", got)
	}
}

// Links are told apart, and their neighbors stand in the order of their addresses.
func TestNeighborsOfLinks(t *testing.T) {
	s := newStage(t)
	other := &packet.Interface{Name: "eth1"}
	for _, x := range []shot{nsFrom(0, nodeB, nodeG.addr), on(other, nsFrom(1, moved(nodeB), nodeG.addr)), nsFrom(2, nodeA, nodeG.addr)} {
		s.play(x)
	}
	links := s.checker.Links()
	if len(links) != 2 || len(links[0].Neighbors) != 2 || len(links[1].Neighbors) != 1 {
		t.Fatalf("%+v", links)
	}
	if n := links[0].Neighbors; n[0].Address != addr(nodeA.addr) || n[1].MAC != hwaddr(nodeB.mac) || n[1].Changes != 0 {
		t.Errorf("%+v", n)
	}
	if n := links[1].Neighbors[0]; n.MAC != hwaddr(newMAC) {
		t.Errorf("%+v", n)
	}
	visited := 0
	s.checker.eachNeighbor(s.checker.links.order[0], func(n *Neighbor) { visited++ })
	if visited != 2 {
		t.Errorf("%d visited", visited)
	}
}

// A conflict that somebody has set holds for a minute.
func TestInConflict(t *testing.T) {
	s := newStage(t)
	s.play(nsFrom(0, nodeA, nodeG.addr))
	l := s.checker.links.order[0]
	s.checker.known(l, addr(nodeA.addr)).State = InConflict
	for _, tt := range []struct {
		at   float64
		want State
	}{{1, InConflict}, {50, InConflict}, {62, Reachable}} {
		s.play(naFrom(tt.at, moved(nodeA), nodeG.addr, flagS|flagO))
		if n := s.neighbor(nodeA.addr); n.State != tt.want || n.MAC != hwaddr(newMAC) {
			t.Errorf("at %v: %+v", tt.at, n)
		}
	}
	if got := s.end(); got != "" {
		t.Error(got)
	}

	for _, x := range []shot{naFrom(0.5, moved(nodeA), craft.AllNodes, flagO), naBare(0.5, moved(nodeA), craft.AllNodes, flagO)} {
		s = scene{shots: []shot{cooked(dadFrom(0, nodeA.mac, "fe80::a"), packet.Incoming), cooked(naFrom(0.5, node{newMAC, "fe80::a"}, craft.AllNodes, flagO),
			packet.Incoming)}, want: "dad.conflict:info"}.run(t)
		if n := s.neighbor("fe80::a"); n.State != Stale {
			t.Errorf("of several links: %+v", n)
		}
		s = scene{shots: []shot{dadFrom(0, nodeA.mac, nodeA.addr), x}, want: "dad.conflict"}.run(t)
		if n := s.neighbor(nodeA.addr); n.State != InConflict || n.MAC != hwaddr(newMAC) || n.Changes != 0 {
			t.Errorf("defended: %+v", n)
		}
	}
}
