package nd

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestDuplicate(t *testing.T) {
	const want = "nd.duplicate-address"
	twin := node{nodeB.mac, nodeA.addr}
	ll, llTwin := nodeA.as("fe80::1"), nodeB.as("fe80::1")
	mixed := func(x shot) shot { return cooked(x, packet.Incoming) }
	solicited := func(at float64, n node) shot { return naFrom(at, n, nodeG.addr, flagS|flagO) }
	runScenes(t, []scene{
		{"both answer", []shot{nsFrom(0, nodeG, nodeA.addr), solicited(0.1, nodeA), solicited(0.4, twin)}, want,
			"two stations have 2001:db8::a: 02:00:00:00:00:0a and 02:00:00:00:00:0b answered fe80::ff:fe00:2 within 0.3 s, both with Override"},
		{"both answer, told once", []shot{solicited(0, nodeA), solicited(0.1, twin), solicited(10, nodeA), solicited(10.1, twin)}, want, ""},
		{"in turns", []shot{solicited(0, nodeA), solicited(5, twin), solicited(10, nodeA)}, want, "answer in turns, with Override, the last time 5.0 s apart"},
		{"a failover", []shot{solicited(0, nodeA), solicited(5, twin), solicited(10, twin)}, "", ""},
		{"a failover and back", []shot{solicited(0, nodeA), naFrom(5, twin, craft.AllNodes, flagO), solicited(6, twin),
			naFrom(10, nodeA, craft.AllNodes, flagO), solicited(11, nodeA)}, "nd.binding-flap", ""},
		{"a failover between two questions", []shot{solicited(0, nodeA), naFrom(0.2, twin, craft.AllNodes, flagO),
			naFrom(0.3, twin, nodeC.addr, flagS|flagO)}, "", ""},
		{"in turns, but slowly", []shot{solicited(0, nodeA), solicited(70, twin), solicited(140, nodeA)}, "", ""},
		{"without Override", []shot{solicited(0, nodeA), naFrom(0.1, twin, nodeG.addr, flagS)}, "", ""},
		{"an anycast address", []shot{naFrom(0, nodeA, nodeG.addr, flagS), naFrom(0.1, twin, nodeG.addr, flagS)}, "", ""},
		{"a cluster with one link-layer address", []shot{icmpFrom(0, nodeA, nodeG.addr, craft.NA(flagS|flagO, nodeA.addr, craft.TLLA(newMAC))),
			icmpFrom(0.1, twin, nodeG.addr, craft.NA(flagS|flagO, nodeA.addr, craft.TLLA(newMAC)))}, "", ""},
		{"a cluster whose members answer in turns", every(0, 5, 4, func(at float64) shot {
			from := []node{nodeA, twin}[int(at)/5%2]
			return icmpFrom(at, from, nodeG.addr, craft.NA(flagS|flagO, nodeA.addr, craft.TLLA(newMAC)))
		}), "", ""},
		{"the old one answers on", []shot{solicited(0, nodeA), naFrom(5, twin, craft.AllNodes, flagO), solicited(6, nodeA)}, "nd.binding-flap", ""},
		{"found by duplicate address detection", []shot{dadFrom(0, nodeA.mac, nodeA.addr), naFrom(0.1, twin, craft.AllNodes, flagO),
			solicited(1.1, nodeA), solicited(1.2, twin)}, "dad.conflict dad.conflict", ""},
		{"a bond", []shot{solicited(0, nodeA), icmpFrom(0.1, nodeA, nodeG.addr, craft.NA(flagS|flagO, nodeA.addr, craft.TLLA(newMAC)))}, "", ""},
		{"mirrored", []shot{solicited(0, nodeA), solicited(0.001, nodeA)}, "", ""},
		{"a clock that was set back", []shot{solicited(100, nodeA), solicited(105, twin), solicited(1, nodeA)}, "", ""},
		{"a link-local address on two links", []shot{mixed(solicited(0, ll)), mixed(solicited(1, llTwin)), mixed(solicited(2, ll)), mixed(solicited(3, llTwin)),
			mixed(solicited(90, ll)), mixed(solicited(91, llTwin)), mixed(solicited(92, ll))}, want + ":info", "whether they are on one link cannot be known"},
		{"a global address in a capture of two links", []shot{mixed(solicited(0, nodeA)), mixed(solicited(0.1, twin))}, want, "within 0.1 s"},
	})
}

func TestDuplicateView(t *testing.T) {
	s := newStage(t)
	for _, n := range []node{nodeC, nodeA} {
		s.play(naFrom(0, n, nodeG.addr, flagS|flagO))
		s.play(naFrom(0.5, node{nodeB.mac, n.addr}, nodeG.addr, flagS|flagO))
	}
	got := s.link().Duplicates
	want := Duplicate{Address: addr(nodeA.addr), Prober: hwaddr(nodeA.mac), Defender: hwaddr(nodeB.mac), At: after(0.5), Frame: 4}
	if len(got) != 2 || got[0] != want || got[1].Address != addr(nodeC.addr) {
		t.Errorf("%+v", got)
	}
	if n := s.neighbor(nodeA.addr); n.State != InConflict {
		t.Errorf("%+v", n)
	}
	if got := s.end(); got != "nd.duplicate-address nd.duplicate-address" {
		t.Error(got)
	}
}

// guests are n nodes, each with an address of its own.
func guests(n int) []node {
	var all []node
	for i := range n {
		all = append(all, node{fmt.Sprintf("02:00:00:01:00:%02x", i), fmt.Sprintf("2001:db8::1:%x", i)})
	}
	return all
}

// each is what f makes of each node, step seconds apart.
func each(from, step float64, nodes []node, f func(at float64, n node) shot) []shot {
	var shots []shot
	for i, n := range nodes {
		shots = append(shots, f(from+step*float64(i), n))
	}
	return shots
}

func TestProxy(t *testing.T) {
	const want = "nd.proxy"
	router := nodeR.addr
	speaks := func(at float64, n node) shot { return nsFrom(at, n, router) }
	tests := func(at float64, n node) shot { return dadFrom(at, n.mac, n.addr) }
	// answersFor is an answer of nodeB for another's address, proper as RFC 4861 §7.2.8 has it.
	answersFor := func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS, n.addr) }
	// aliases is one with Override, as of its own address.
	aliases := func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS|flagO, n.addr) }
	// claims is one that looks as if the other had sent it.
	claims := func(at float64, n node) shot { return naFrom(at, node{nodeB.mac, n.addr}, nodeG.addr, flagS|flagO) }
	// defends is an answer to a test.
	defends := func(at float64, n node) shot { return naFor(at, nodeB, craft.AllNodes, 0, n.addr) }
	owns := func(at float64, n node) shot { return naFrom(at, n, nodeG.addr, flagS|flagO) }
	four, three, many := guests(4), guests(3), guests(16)
	local := []node{four[0].as("fe80::1"), four[1].as("fe80::2")}
	mixed := func(x shot) shot { return cooked(x, packet.Incoming) }
	runScenes(t, []scene{
		{"for four that are here", join(each(0, 0.1, four, speaks), each(10, 1, four, answersFor)), want,
			"02:00:00:00:00:0b answers for 4 addresses that other stations use, 2001:db8::1:3 of 02:00:00:01:00:03 among them"},
		{"for three", join(each(0, 0.1, three, speaks), each(10, 1, three, answersFor), each(20, 1, three, answersFor)), "", ""},
		{"with four that answer as well", inOrder(each(10, 1, four, owns), each(10.1, 1, four, answersFor)), want, ""},
		{"sooner than four that answer as well", inOrder(each(10, 1, four, answersFor), each(10.1, 1, four, owns),
			[]shot{answersFor(20, four[0])}), want, ""},
		{"with Override, like four that solicit", inOrder(each(0, 0.1, four, speaks), each(10, 1, four, owns), each(10.1, 1, four, claims)),
			"nd.duplicate-address nd.duplicate-address nd.duplicate-address " + want, ""},
		{"from the same four addresses", join(each(0, 0.1, four, owns), each(2, 0.1, four, claims), each(4, 0.1, four, owns), each(6, 0.1, four, claims)),
			"nd.duplicate-address nd.duplicate-address nd.duplicate-address nd.duplicate-address", ""},
		{"with Override, between the words of their owners", inOrder(each(0, 0.1, four, speaks), each(10, 0.1, four, claims),
			each(12, 0.1, four, speaks), each(14, 0.1, four, claims)),
			"nd.binding-flap nd.binding-flap nd.binding-flap nd.binding-flap " + want, ""},
		{"a failover of a router with many addresses", join(each(0, 0.1, many, func(at float64, n node) shot { return nsFrom(at, node{nodeA.mac, n.addr}, router) }),
			each(5, 0.01, many, func(at float64, n node) shot { return naFrom(at, node{nodeB.mac, n.addr}, craft.AllNodes, flagO) }),
			each(10, 0.1, many, claims)), "", ""},
		{"a failover and back after minutes", join(
			each(0, 0.1, many, func(at float64, n node) shot { return naFrom(at, node{nodeA.mac, n.addr}, nodeG.addr, flagS|flagO) }),
			each(100, 0.1, many, claims), each(110, 0.1, many, func(at float64, n node) shot { return nsFrom(at, node{nodeB.mac, n.addr}, router) }),
			each(300, 0.1, many, func(at float64, n node) shot { return naFrom(at, node{nodeA.mac, n.addr}, nodeG.addr, flagS|flagO) })), "", ""},
		{"for sixteen that are not here", each(0, 1, many, answersFor), want + ":info",
			"02:00:00:00:00:0b answers for 16 addresses without Override from another one than each of them, as a proxy does, now for 2001:db8::1:f " +
				"from 2001:db8::b; no other station was heard to have one of them"},
		{"for one that is here and sixteen that are not", join([]shot{speaks(-1, guests(20)[19])}, each(0, 1, append(guests(20)[19:], many...), answersFor)), want,
			"02:00:00:00:00:0b answers for 16 addresses from another one than each of them, now for 2001:db8::1:e from 2001:db8::b; 1 of them is another station's"},
		{"for sixteen, then for one that is here", join(each(0, 1, many, answersFor), []shot{speaks(20, many[3]), answersFor(21, many[3])}),
			want + " " + want + ":info", ""},
		{"twenty addresses of its own", each(0, 1, guests(20), aliases), want + ":info",
			"answers for 16 addresses from another one than each of them, with Override, now for 2001:db8::1:f from 2001:db8::b: a proxy, or addresses " +
				"of its own, which cannot be told apart"},
		{"for fifteen, twice", join(each(0, 1, many[:15], answersFor), each(100, 1, many[:15], answersFor)), "", ""},
		{"a host with many addresses", each(0, 1, guests(100), claims), "", ""},
		{"a host with many addresses that it uses", join(each(0, 0.1, many, func(at float64, n node) shot { return nsFrom(at, node{nodeB.mac, n.addr}, router) }),
			each(10, 1, many, answersFor)), "", ""},
		{"the answers of others", each(0, 1, many, func(at float64, n node) shot {
			return icmpFrom(at, nodeB, nodeG.addr, craft.NA(flagS, n.addr, craft.TLLA(n.mac)))
		}), "", ""},
	})
	// Detection itself is another's to judge; see only what is said of the proxy.
	for _, tt := range []struct {
		name  string
		shots []shot
		want  bool
	}{
		{"to the tests of two", inOrder(each(0, 5, four[:2], tests), each(0.1, 5, four[:2], defends)), true},
		{"to two tests of one", inOrder(each(0, 5, four[:2], func(at float64, n node) shot { return dadFrom(at, nodeA.mac, n.addr) }),
			each(0.1, 5, four[:2], defends)), false},
		{"to the tests of two for the same", []shot{dadFrom(0, nodeA.mac, four[0].addr), defends(0.1, four[0]),
			dadFrom(5, nodeC.mac, four[0].addr), defends(5.1, four[0])}, false},
		{"to the tests of two for what it has", inOrder(each(-9, 1, four[:2], func(at float64, n node) shot { return nsFrom(at, node{nodeB.mac, n.addr}, router) }),
			each(0, 5, four[:2], tests), each(0.1, 5, four[:2], claims)), false},
		{"to the test of one, and tests itself", []shot{dadFrom(0, nodeB.mac, four[1].addr), defends(1.1, four[1]), dadFrom(5, nodeA.mac, four[0].addr),
			defends(5.1, four[0])}, false},
		{"after it tested the same as two", inOrder(each(0, 5, four[:2], tests), each(0.1, 5, four[:2], func(at float64, n node) shot {
			return dadFrom(at, nodeB.mac, n.addr)
		}), each(20, 1, four[:2], defends)), false},
		{"for two that tested long ago", inOrder(each(-60, 5, four[:2], tests), each(10, 5, four[:2], owns), each(10.1, 5, four[:2], claims),
			each(11, 5, four[:2], speaks), each(12, 5, four[:2], claims)), false},
		{"long after the tests of two", join(each(0, 1, four[:2], tests), each(30, 1, four[:2], defends)), false},
		{"on other links, for link-local ones", inOrder(eachOf(mixed, each(0, 5, local, tests)...), eachOf(mixed, each(0.1, 5, local, func(at float64, n node) shot {
			return naFrom(at, node{nodeB.mac, n.addr}, nodeG.addr, flagS|flagO)
		})...)), false},
		{"the testers themselves", join(each(0, 0.1, four, tests), each(1, 0.1, four, func(at float64, n node) shot { return naFrom(at, n, craft.AllNodes, flagO) })), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			for _, x := range tt.shots {
				s.play(x)
			}
			said := ""
			for _, f := range s.found {
				if f.Rule == want {
					said += f.Detail
				}
			}
			wanted := ""
			if tt.want {
				wanted = "02:00:00:00:00:0b answers the duplicate address detection of others, of 02:00:00:01:00:00 for 2001:db8::1:0 and of " +
					"02:00:00:01:00:01 for 2001:db8::1:1: with it no guest gets an address"
			}
			if said != wanted {
				t.Errorf("%q, want %q", said, wanted)
			}
		})
	}
}

func TestProxyView(t *testing.T) {
	s := newStage(t)
	five := guests(5)
	for _, x := range join(each(0, 0.1, five, func(at float64, n node) shot { return nsFrom(at, n, nodeR.addr) }),
		each(10, 0.1, five[:4], func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS, n.addr) }),
		[]shot{naFor(20, nodeB, nodeG.addr, flagS, "2001:db8::2:0")}) {
		s.play(x)
	}
	l := s.link()
	if len(l.Proxies) != 1 || l.Proxies[0] != (Proxy{MAC: hwaddr(nodeB.mac), Targets: 5, Owned: 4}) {
		t.Errorf("%+v", l.Proxies)
	}
	proxied := 0
	for _, n := range l.Neighbors {
		if n.Proxied {
			proxied++
		}
	}
	if proxied != 5 || s.neighbor(five[4].addr).Proxied {
		t.Errorf("%d proxied: %+v", proxied, l.Neighbors)
	}
}

// What is forgotten is not counted again when it comes back.
func TestProxyForgets(t *testing.T) {
	s := newStage(t)
	c := &s.checker.stations
	few := guests(10)
	for round := range 4 {
		for _, x := range each(float64(1000*round), 1, few, func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS, n.addr) }) {
			s.play(x)
			who := stationKey{0, hwaddr(nodeB.mac)}
			if got := c.all.peek(who); got.targets > 10 || got.foreign > 10 {
				t.Fatalf("round %d: %+v", round, *got)
			}
		}
		for i := range 2 * maxAnswers { // one that has them pushes the others out
			s.play(naFrom(float64(1000*round+20)+float64(i)/100, nodeA.as(fmt.Sprintf("2001:db8:%x::%x", round+1, i+1)), nodeG.addr, flagS|flagO))
		}
	}
	if got := s.end(); got != "" {
		t.Error(got)
	}
}

// An address that more stations claim than there is room for.
func TestManyClaims(t *testing.T) {
	s := newStage(t)
	for i, n := range guests(20) {
		s.play(naFrom(float64(i), node{n.mac, nodeA.addr}, nodeG.addr, flagS))
	}
	total := 0
	s.checker.stations.all.each(func(k stationKey, st *station) { total += st.targets })
	if total != len(answers{}.claims) {
		t.Errorf("%d claims counted", total)
	}
}
