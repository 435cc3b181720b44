package nd

import (
	"testing"

	"v6probe/internal/craft"
)

// TestLinksOfRouterMessages: a link on which only routers and those that ask for them speak is one to be shown.
func TestLinksOfRouterMessages(t *testing.T) {
	rs := func(from node, options ...[]byte) shot { return icmpFrom(0, from, "ff02::2", craft.RS(options...)) }
	for _, tt := range []struct {
		name      string
		shot      shot
		links     int
		neighbors int
	}{
		{"an RA", raFrom(0, nodeR, 1800), 1, 1},
		{"an RA that hosts drop", raFrom(0, nodeA, 1800), 1, 0},
		{"an RS", rs(nodeG, craft.SLLA(nodeG.mac)), 1, 1},
		{"an RS of a host without an address", rs(node{nodeG.mac, "::"}), 1, 0},
		{"an echo request", tick(0), 0, 0},
	} {
		s := newStage(t)
		s.play(tt.shot)
		links := s.checker.Links()
		if len(links) != tt.links {
			t.Errorf("%s: %d links, want %d", tt.name, len(links), tt.links)
		} else if tt.links > 0 && len(links[0].Neighbors) != tt.neighbors {
			t.Errorf("%s: %+v", tt.name, links[0].Neighbors)
		}
	}
}

// TestProxyHasAddressesOfItsOwn: what a proxy solicits from, or has tested, it has by right.
func TestProxyHasAddressesOfItsOwn(t *testing.T) {
	answersFor := func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS, n.addr) }
	const tested, silent = "2001:db8::b:2", "2001:db8::b:3"
	guest := guests(1)[0]
	s := newStage(t)
	for _, x := range inOrder(
		[]shot{dadFrom(0, nodeB.mac, tested), nsFrom(1, nodeB, nodeR.addr), dadFrom(2, guest.mac, guest.addr), nsFrom(4, guest, nodeR.addr)},
		each(10, 1, guests(17), answersFor),
		[]shot{naFrom(40, nodeB, nodeG.addr, flagS|flagO), naFrom(41, nodeB.as(tested), nodeG.addr, flagS|flagO),
			naFor(42, nodeB, nodeG.addr, flagS, silent),
			nsFrom(50, nodeB.as(guest.addr), nodeR.addr)}) { // of another's address, which does not become its own by that
		s.play(x)
	}
	l := s.link()
	if len(l.Proxies) != 1 || l.Proxies[0] != (Proxy{MAC: hwaddr(nodeB.mac), Targets: 18, Owned: 1}) {
		t.Errorf("%+v", l.Proxies)
	}
	for a, want := range map[string]bool{nodeB.addr: false, tested: false, silent: true, guest.addr: true} {
		if n := s.neighbor(a); !n.Address.IsValid() {
			t.Errorf("%s is not known", a)
		}
		for _, n := range l.Neighbors {
			if n.Address == addr(a) && n.Proxied != want {
				t.Errorf("proxied %v, want %v: %+v", n.Proxied, want, n)
			}
		}
	}
}
