package nd

import (
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// otherRouter is a second router of the link, elsewhere an address beyond it.
var otherRouter = node{"02:00:00:00:00:0d", "fe80::ff:fe00:d"}

const elsewhere = "2001:db8:e::1"

// redirectAt is a router's word to the guest that elsewhere is better reached through target.
func redirectAt(at float64, from node, target string, options ...[]byte) shot {
	return icmpFrom(at, from, nodeG.addr, craft.Redirect(target, elsewhere, options...))
}

func TestRedirect(t *testing.T) {
	rogue := node{"02:00:00:00:00:66", "fe80::66"}
	ra := raFrom(0, nodeR, 1800)
	runScenes(t, []scene{
		{name: "from the router", shots: []shot{ra, redirectAt(1, nodeR, otherRouter.addr)}},
		{name: "from one that says R=1", shots: []shot{naFrom(0, nodeR, nodeG.addr, flagR|flagS), redirectAt(1, nodeR, otherRouter.addr)}},
		{name: "from one of two", shots: []shot{ra, raFrom(0.1, otherRouter, 1800), redirectAt(1, otherRouter, nodeR.addr)}},
		{name: "no router known", shots: []shot{naFrom(0, rogue, nodeG.addr, flagS), redirectAt(1, rogue, otherRouter.addr)}},
		{name: "to the destination itself", shots: []shot{ra, redirectAt(1, nodeR, elsewhere)}},
		{name: "from no router", shots: []shot{ra, naFrom(0.5, rogue, nodeG.addr, flagS), redirectAt(1, rogue, rogue.addr)},
			want: "redirect.not-first-hop", detail: "the sender fe80::66 at 02:00:00:00:00:66 is not among the routers known here, " +
				"fe80::ff:fe00:1; it sends 2001:db8:e::1 to fe80::66: its advertisement says R=0"},
		{name: "from one that never advertised", shots: []shot{ra, tick(900), raFrom(1700, nodeR, 1800), redirectAt(1800, rogue, rogue.addr)},
			want: "redirect.not-first-hop:warning", detail: "it has not advertised so far"},
		{name: "from one that asked for routers", shots: []shot{raFrom(0, nodeR, 1800), rsFrom(0.5, rogue), redirectAt(1, rogue, rogue.addr)},
			want: "redirect.not-first-hop", detail: "it asked for routers, as a host does"},
		{name: "from a router that asked for others before", shots: []shot{ra, rsFrom(0.1, otherRouter), raFrom(0.5, otherRouter, 1800),
			redirectAt(1, otherRouter, nodeR.addr)}},
		{name: "from a router known by its global address", shots: []shot{naFrom(0, nodeR.as(nodeA.addr), nodeG.addr, flagR|flagS|flagO),
			nsFrom(0.5, nodeR, nodeG.addr), redirectAt(1, nodeR, otherRouter.addr)}},
		{name: "from the station of one of many routers", shots: inOrder(every(0, 0.01, 20, func(at float64) shot {
			return naFrom(at, nth(int(at*100)), nodeG.addr, flagR|flagS|flagO)
		}), []shot{redirectAt(2, node{nth(15).mac, otherRouter.addr}, nodeR.addr)})},
		{name: "from the station of a router, that says R=0 there", shots: []shot{naFrom(0, nodeR.as(nodeA.addr), nodeG.addr, flagR|flagS|flagO),
			naFrom(0.5, nodeR, nodeG.addr, flagS|flagO), redirectAt(1, nodeR, otherRouter.addr)}, want: "redirect.not-first-hop"},
		{name: "from the station of one that is a router no more", shots: []shot{ra, naFrom(0, rogue.as(nodeA.addr), nodeG.addr, flagR|flagS|flagO),
			naFrom(0.5, rogue.as(nodeA.addr), nodeG.addr, flagS|flagO), redirectAt(2, rogue, rogue.addr)},
			want: "redirect.not-first-hop:warning"},
		{name: "from one that may be a router", shots: []shot{ra, nsFrom(0.5, rogue, nodeR.addr), redirectAt(1, rogue, rogue.addr)},
			want: "redirect.not-first-hop:warning", detail: "it has not advertised so far"},
		{name: "where no router advertises", shots: []shot{naFrom(0, nodeR, nodeG.addr, flagR|flagS|flagO), redirectAt(1, rogue, rogue.addr)},
			want: "redirect.not-first-hop:info", detail: "may be one that was not heard yet"},
		{name: "from one not heard before", shots: []shot{ra, redirectAt(1799, rogue, rogue.addr)}, want: "redirect.not-first-hop:warning"},
		{name: "after the clock was set back", shots: []shot{tick(4000), ra, redirectAt(2000, rogue, rogue.addr)},
			want: "redirect.not-first-hop:warning"},
		{name: "long after another capture in the same file", shots: []shot{tick(0), raFrom(10000, nodeR, 1800), redirectAt(10001, rogue, rogue.addr)},
			want: "redirect.not-first-hop:warning"},
		{name: "dropped anyway", shots: []shot{ra, naFrom(0.5, rogue, nodeG.addr, flagS),
			{at: 1, data: limited(rogue, nodeG.addr, 64, craft.Redirect(rogue.addr, elsewhere))}}, want: "nd.hop-limit"},
		{name: "in the router's name", shots: []shot{ra, redirectAt(1, node{rogue.mac, nodeR.addr}, rogue.addr)}, want: "redirect.spoofed",
			detail: "in the name of fe80::ff:fe00:1 comes from 02:00:00:00:00:66, but that router is at 02:00:00:00:00:01"},
		{name: "the router's address and frames differ", shots: []shot{{at: 0, data: craft.Frame(otherRouter.mac, nodeR.addr, craft.AllNodes,
			craft.RA{Lifetime: 1800}.Message(craft.SLLA(nodeR.mac)))}, redirectAt(1, node{otherRouter.mac, nodeR.addr}, otherRouter.addr)}},
	})
}

func TestRedirectView(t *testing.T) {
	s := newStage(t)
	quoted := craft.RedirectedHeader(full[:100])
	for _, x := range []shot{
		redirectAt(0, nodeR, otherRouter.addr), // from a router, as it will turn out
		raFrom(1, nodeR, 1800),
		redirectAt(2, nodeR, otherRouter.addr, craft.TLLA(otherRouter.mac), quoted),
		redirectAt(2.001, nodeR, otherRouter.addr, craft.TLLA(otherRouter.mac), quoted),
		redirectAt(3, nodeR, otherRouter.addr, craft.TLLA(otherRouter.mac), quoted),
		redirectAt(3.001, nodeR, otherRouter.addr, craft.TLLA(otherRouter.mac)),
		redirectAt(4, nodeR, elsewhere),
		naFrom(5, nodeG, nodeR.addr, flagS),
		redirectAt(6, nodeG, nodeG.addr, craft.TLLA(nodeG.mac)),
		redirectAt(7, node{nodeC.mac, nodeR.addr}, nodeC.addr, craft.TLLA(nodeC.mac)), // redirect.target
		redirectAt(8, node{nodeC.mac, nodeR.addr}, "fe80::c", craft.TLLA(nodeC.mac)),  // redirect.spoofed
	} {
		s.play(x)
	}
	r, g, out := addr(nodeR.addr), addr(nodeG.addr), addr(elsewhere)
	want := []Redirect{
		{Router: r, Host: g, Destination: out, Target: addr(nodeC.addr), TargetMAC: hwaddr(nodeC.mac), HasMAC: true,
			Dropped: "redirect.target", Count: 1, Last: after(7)},
		{Router: r, Host: g, Destination: out, Target: out, OnLink: true, Count: 1, Last: after(4)},
		{Router: r, Host: g, Destination: out, Target: addr("fe80::c"), TargetMAC: hwaddr(nodeC.mac), HasMAC: true, Count: 1, Last: after(8)},
		{Router: r, Host: g, Destination: out, Target: addr(otherRouter.addr), TargetMAC: hwaddr(otherRouter.mac), HasMAC: true, Count: 4,
			Last: after(3.001)},
		{Router: g, Host: g, Destination: out, Target: g, TargetMAC: hwaddr(nodeG.mac), HasMAC: true, Dropped: "redirect.not-first-hop",
			Count: 1, Last: after(6)},
	}
	got := s.link().Redirects
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i] != want[i] {
			t.Fatalf("redirect %d:\ngot  %+v\nwant %+v", i, got, want)
		}
	}
	target := s.neighbor(otherRouter.addr)
	if !target.HasMAC || target.MAC != hwaddr(otherRouter.mac) || !target.Router || target.Learnt != FromRedirect || target.State != Stale {
		t.Errorf("the target is %+v", target)
	}
	if n := s.neighbor("fe80::c"); n.HasMAC {
		t.Errorf("learnt of a forged one: %+v", n)
	}
}

// TestRedirectMixed has frames of several links that the capture does not tell apart: nothing can be said of senders.
func TestRedirectMixed(t *testing.T) {
	s := newStage(t)
	for _, x := range []shot{raFrom(0, nodeR, 1800), naFrom(0.5, nodeG, nodeR.addr, flagS), redirectAt(1, nodeG, nodeG.addr)} {
		ip := x.data[14:]
		x.change = func(f *packet.Frame) {
			f.Data, f.LinkType = craft.SLL(0, craft.GuestMAC, 0x86dd, ip), packet.LinkTypeSLL
			f.Length = len(f.Data)
		}
		if found := s.play(x); x.at == 1 && len(found) > 0 {
			t.Errorf("%+v", found)
		}
	}
}
