package nd

import (
	"fmt"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

const gateway = "2001:db8::1"

// asks is a guest that asks for target at every time of ats.
func asks(from node, target string, ats ...float64) []shot {
	var shots []shot
	for _, at := range ats {
		shots = append(shots, nsFrom(at, from, target))
	}
	return shots
}

func TestUnanswered(t *testing.T) {
	const (
		want = "ns.unanswered"
		info = "ns.unanswered:info"
		bare = "na.missing-tlla"
	)
	g := nodeG.as("2001:db8::9")
	gw := nodeR.as(gateway)
	seen := nsFrom(-20, nodeA, nodeG.addr)
	rest := []shot{tick(30)}
	na := func(at float64) shot { return naFrom(at, gw, g.addr, flagS|flagO) }
	toAll := func(at float64) shot { return naFrom(at, gw, craft.AllNodes, flagO) }
	runScenes(t, []scene{
		{"three tries", join(asks(g, gateway, 0, 1, 2), rest), want,
			"2001:db8::9 (02:00:00:00:00:02) asked 3 times within 2.0 s for 2001:db8::1 and got no answer; 2001:db8::1 was never heard on this link"},
		{"three tries of neighbor unreachability detection", join([]shot{nsUnicast(0, g, gateway), nsUnicast(1, g, gateway),
			nsUnicast(2, g, gateway)}, rest), want, ""},
		{"of a neighbor that was there", join([]shot{seen}, asks(g, nodeA.addr, 0, 1.1, 2.1), rest), want,
			"2001:db8::a was last heard 20 s before, at 02:00:00:00:00:0a"},
		{"of a neighbor that is there", join([]shot{seen}, asks(g, nodeA.addr, 0, 1), []shot{naFrom(1.5, nodeA, nodeB.addr, flagS)},
			asks(g, nodeA.addr, 2), rest), want, "2001:db8::a was heard otherwise meanwhile, at 02:00:00:00:00:0a"},
		{"an unasked word to all is no answer to a probe", join([]shot{nsUnicast(0, g, gateway), toAll(0.5), nsUnicast(1, g, gateway), toAll(1.5),
			nsUnicast(2, g, gateway), toAll(2.5), nsUnicast(3, g, gateway)}, rest), want, "got no answer; 2001:db8::1 was heard otherwise meanwhile"},
		{"who hears it need not take it", join([]shot{outgoing(asks(g, gateway, 0)[0]), na(0.1), outgoing(asks(g, gateway, 1)[0]), na(1.1),
			outgoing(asks(g, gateway, 2)[0]), na(2.1), outgoing(asks(g, gateway, 3)[0])}, rest), want, "its own firewall or kernel"},
		{"a router that sends itself", join([]shot{raFrom(-5, nodeR, 1800), nsFrom(-4, nodeR.as("2001:db8::77"), nodeG.addr)},
			asks(nodeR.as("2001:db8::77"), "2001:db8::dead", 0, 1, 2), rest), info, "the router itself sends to it"},
		{"two tries", join(asks(g, gateway, 0, 1), rest), "", ""},
		{"three tries at the end of the capture", join(asks(g, gateway, 0, 1, 2), []shot{tick(2.9)}), want, "the last had little time for its answer"},
		{"a second after the third", join(asks(g, gateway, 0, 1, 2), []shot{tick(3)}), want, ""},
		{"four tries to the end", asks(g, gateway, 0, 1, 2, 3), want, ""},
		{"without an end", asks(g, gateway, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9), want, ""},
		{"far apart", join(asks(g, gateway, 0, 5, 10, 15), rest), "", ""},
		{"asked again and again", join(asks(g, gateway, 0, 2.6, 5.2, 7.8, 10.4), rest), "", ""},
		{"asked again after the second answer", join(asks(g, gateway, 0, 1, 4), rest), "", ""},
		{"at growing gaps", join(asks(g, gateway, 0, 1, 4, 13), []shot{tick(40)}), want, "4 times within 13 s"},
		{"at gaps that grow too much", join(asks(g, gateway, 0, 1, 6, 30), []shot{tick(60)}), "", ""},
		{"under two addresses in turns", inOrder(asks(g, gateway, 0, 2, 4), asks(g.as("2001:db8::beef"), gateway, 1, 3, 5), rest), want + " " + want, ""},
		{"twice under one address, once under another", inOrder(asks(g, gateway, 0, 2), asks(g.as("2001:db8::beef"), gateway, 1), rest), "", ""},
		{"close together", join(asks(g, gateway, 0, 0.2, 0.4, 0.6), rest), "", ""},
		{"others in between", join(asks(g, gateway, 0, 0.5, 1, 1.5, 2), rest), want, ""},
		{"mirrored", join(asks(g, gateway, 0, 0.001, 1, 1.001), rest), "", ""},
		{"a bit too fast", asks(g, gateway, 0, 0.9, 1.8, 2.7, 3.6), want, ""},
		{"a clock that was set back and ahead", join(asks(g, gateway, 0, 1), []shot{tick(-100)}, asks(g, gateway, 2), rest), "", ""},
		{"a clock that was set back, and three tries", join(asks(g, gateway, 0, 1), []shot{tick(-100)}, asks(g, gateway, 2, 3, 4), rest), want, "3 times"},
		{"two captures in one", join(asks(g, gateway, 0, 1, 2), []shot{tick(10000)}), "", ""},
		{"of two askers", join(asks(g, gateway, 0, 1), asks(nodeA, gateway, 2, 3), rest), "", ""},
		{"for two targets", join(asks(g, gateway, 0, 1), asks(g, nodeA.addr, 2, 3), rest), "", ""},
		{"for itself", join(asks(g, g.addr, 0, 1, 2), rest), "", ""},
		{"duplicate address detection", join([]shot{dadFrom(0, g.mac, g.addr), dadFrom(1, g.mac, g.addr), dadFrom(2, g.mac, g.addr)}, rest), "", ""},
		{"a clock that was set back", join(asks(g, gateway, 100, 101), asks(g, gateway, 1), rest), "", ""},
		{"a slow timer", join([]shot{icmpFrom(0, nodeR, craft.AllNodes, craft.RA{RetransTimer: 4000}.Message())},
			asks(g, gateway, 1, 5, 9), []shot{tick(12.9)}), want, "the last had little time for its answer"},
		{"a slow timer that ran out", join([]shot{icmpFrom(0, nodeR, craft.AllNodes, craft.RA{RetransTimer: 4000}.Message())},
			asks(g, gateway, 1, 5, 9), []shot{tick(13)}), want, ""},

		{"answered at last", join(asks(g, gateway, 0, 1, 2), []shot{na(2.5)}, rest), "", ""},
		{"answered at once", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 30), []shot{na(30.1)}, asks(g, gateway, 60), []shot{na(60.1), tick(90)}), "", ""},
		{"one answer is lost", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 1), []shot{na(1.1)}, rest), "", ""},
		{"no answer arrives", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 1), []shot{na(1.1)}, asks(g, gateway, 2),
			[]shot{na(2.1)}, rest), want, "goes on, although 3 good answers were seen here: what 2001:db8::1 sends"},
		{"answered by another", inOrder([]shot{nsFrom(-5, gw, nodeA.addr)}, asks(g, gateway, 0, 1, 2), every(0.1, 1, 3, func(at float64) shot {
			return naFor(at, nodeC, g.addr, flagS, gateway)
		}), rest), want, "goes on, answered 3 times by 02:00:00:00:00:0c, not by 02:00:00:00:00:01 where it was"},
		{"answered by another with Override", inOrder([]shot{naFrom(-5, gw, nodeA.addr, flagS|flagO)}, asks(g, gateway, 0, 1, 2), every(0.1, 1, 3, func(at float64) shot {
			return naFor(at, nodeC, g.addr, flagS|flagO, gateway)
		}), rest), want, "goes on, answered 3 times by 02:00:00:00:00:0c, not by 02:00:00:00:00:01 where it was"},
		{"answered by its owner and another", inOrder([]shot{nsFrom(-5, gw, nodeA.addr)}, asks(g, gateway, 0, 1, 2), every(0.1, 1, 3, na),
			every(0.2, 1, 3, func(at float64) shot { return naFor(at, nodeC, g.addr, flagS, gateway) }), rest), want, "goes on, although 3 good answers"},
		{"answered to all nodes", join(asks(g, gateway, 0, 1, 2), []shot{naFrom(2.5, gw, craft.AllNodes, flagO)}, rest), "", ""},
		{"answered before", join([]shot{naFrom(-1, gw, craft.AllNodes, flagO)}, asks(g, gateway, 0, 1, 2), rest), want, "and got no answer; 2001:db8::1 was last heard 1.0 s before"},
		{"answered to all nodes without a link-layer address", join(asks(g, gateway, 0, 1, 2), []shot{naBare(2.5, gw, craft.AllNodes, flagO)}, rest), want, ""},
		{"answered to another", join(asks(g, gateway, 0, 1, 2), []shot{naFrom(2.5, gw, nodeA.addr, flagS|flagO)}, rest), want, "heard otherwise"},
		{"answered and asked again much later", join(asks(g, gateway, 0, 1), []shot{na(1.5)}, asks(g, gateway, 10, 11), rest), "", ""},
		{"told once", join(asks(g, gateway, 0, 1, 2), asks(g, gateway, 10, 11, 12), rest), want, ""},
		{"told anew when it was answered in between", join(asks(g, gateway, 0, 1, 2), asks(g, gateway, 10), []shot{na(10.1)},
			asks(g, gateway, 20), []shot{na(20.1)}, asks(g, gateway, 30, 31, 32), []shot{tick(40)}), want + " " + want, "was last heard 9.9 s before"},

		{"answers that are dropped", join(asks(g, gateway, 0), []shot{naFrom(0.1, gw, craft.AllNodes, flagS|flagO)}, asks(g, gateway, 1),
			[]shot{naFrom(1.1, gw, craft.AllNodes, flagS|flagO)}, asks(g, gateway, 2), rest),
			"na.solicited-to-multicast na.solicited-to-multicast " + want, "2 were seen, of no use by na.solicited-to-multicast"},
		{"answers from afar", join(asks(g, gateway, 0, 1, 2), []shot{{at: 2.5, data: craft.EthernetIPv6(gw.mac, g.addr, craft.IPv6(gw.addr, g.addr, 64, 58,
			craft.ICMPv6(gw.addr, g.addr, craft.NA(flagS|flagO, gateway, craft.TLLA(gw.mac)))))}}, rest), "nd.hop-limit " + want,
			"1 was seen, of no use by nd.hop-limit"},
		{"answers without a link-layer address", join(asks(g, gateway, 0, 1, 2), []shot{naBare(2.1, gw, g.addr, flagS|flagO)}, rest), bare + " " + want,
			"1 was seen, of no use by na.missing-tlla"},

		{"answers with a link-layer address that is too long", inOrder(asks(g, gateway, 0, 1, 2), every(0.1, 1, 3, func(at float64) shot {
			return icmpFrom(at, gw, g.addr, craft.NA(flagS|flagO, gateway, craft.Option(2, make([]byte, 14))))
		}), rest), bare + " " + bare + " " + bare + " " + want, "3 were seen, of no use by na.missing-tlla"},
		{"to a unicast one, with one that is too long", []shot{nsUnicast(0, g, gateway),
			icmpFrom(0.1, gw, g.addr, craft.NA(flagS|flagO, gateway, craft.Option(2, make([]byte, 14)))), tick(5)}, bare,
			"its option has 16 bytes, not the 8 of an Ethernet address: receivers drop the whole message"},
		{"to a multicast one, cut in the option by the capture", []shot{nsFrom(0, g, gateway), cutBy(4, na(0.1)), tick(5)}, "", ""},
		{"at growing gaps, the second but a little longer", asks(g, gateway, 0, 0.9, 2.4, 4), want, "3 times"},
		{"unsolicited, with one that is too long", []shot{nsFrom(0, g, gateway),
			icmpFrom(0.1, gw, craft.AllNodes, craft.NA(flagO, gateway, craft.Option(2, make([]byte, 14)))), tick(5)}, "", ""},

		{"one that said goodbye", join([]shot{naFrom(-9, nodeA, nodeG.addr, flagS|flagO), leaveV2(-5, nodeA)}, asks(g, nodeA.addr, 0, 1, 2), rest), info,
			"it left its solicited-node group 5.0 s before, as a host does that shuts down or gives the address up"},
		{"one that said goodbye and was heard again", join([]shot{naFrom(-9, nodeA, nodeG.addr, flagS|flagO), leaveV2(-5, nodeA),
			naFrom(-4, nodeA, nodeG.addr, flagS|flagO)}, asks(g, nodeA.addr, 0, 1, 2), rest), want, ""},
		{"one that said goodbye and came back", join([]shot{naFrom(-9, nodeA, nodeG.addr, flagS|flagO), leaveV2(-5, nodeA), reportV2(-4, nodeA)},
			asks(g, nodeA.addr, 0, 1, 2), rest), want, ""},
		{"one in whose name another said goodbye", join([]shot{naFrom(-9, nodeA, nodeG.addr, flagS|flagO), rewritten(leaveV2(-5, nodeA), nodeC.mac)},
			asks(g, nodeA.addr, 0, 1, 2), rest), want, ""},

		{"bare, to a multicast solicitation", join(asks(g, gateway, 0), []shot{naBare(0.1, gw, g.addr, flagS|flagO)}, rest), bare,
			"2001:db8::1 answers the multicast solicitation of 2001:db8::9 for 2001:db8::1 without its link-layer address"},
		{"bare, to a unicast one", []shot{nsFrom(0, g, gateway), nsUnicast(1, g, gateway), naBare(1.1, gw, g.addr, flagS)}, "", ""},
		{"bare, to none", []shot{naBare(1.1, gw, g.addr, flagS)}, "", ""},
		{"bare, to another's", []shot{nsFrom(0, nodeA, gateway), naBare(0.1, gw, g.addr, flagS)}, "", ""},
		{"bare, long after", []shot{nsFrom(0, g, gateway), naBare(9, gw, g.addr, flagS)}, "", ""},
		{"bare, with S=0", []shot{nsFrom(0, g, gateway), naBare(0.1, gw, g.addr, flagO)}, "", ""},
		{"bare, unsolicited", []shot{nsFrom(0, g, gateway), naBare(0.1, gw, craft.AllNodes, flagO)}, "", ""},

		{"a router asks for nobody", join([]shot{raFrom(-5, nodeR, 45)}, asks(nodeR, gateway, 0, 1, 2), rest), info,
			"never heard on this link: somebody sends to it through that router"},
		{"that may be a scan", join([]shot{raFrom(-5, nodeR, 45)}, asks(nodeR, gateway, 0, 1, 2), []shot{tick(9)}), info, ""},
		{"one that is no scan is answered", join([]shot{raFrom(-5, nodeR, 45)}, asks(nodeR, gateway, 0, 1, 2), []shot{tick(5),
			naFrom(6, nodeA.as(gateway), nodeR.addr, flagS|flagO), tick(30)}), "", ""},
		{"a router asks for one that was there", join([]shot{raFrom(-20, nodeR, 45), seen}, asks(nodeR, nodeA.addr, 0, 1, 2), rest), want, ""},
		{"a guest asks where a router is", join([]shot{raFrom(-5, nodeR, 45)}, asks(nodeG, gateway, 0, 1, 2), rest), want, ""},
		{"who asks like a router where none is known", join(asks(nodeG, gateway, 0, 1, 2), rest), info, "that it is a router is not known"},
		{"a guest asks for a link-local address", join(asks(nodeG, nodeR.addr, 0, 1, 2), rest), want, ""},
	})
}

// cutBy returns x as a capture has it that stops n bytes before the frame's end.
func cutBy(n int, x shot) shot {
	x.change = func(f *packet.Frame) { f.Data = f.Data[:len(f.Data)-n] }
	return x
}

func TestQuestions(t *testing.T) {
	g := nodeG.as("2001:db8::9")
	gw := nodeR.as(gateway)
	base := Question{Asker: addr(g.addr), AskerMAC: hwaddr(g.mac), Target: addr(gateway)}
	one := func(change func(*Question)) []Question {
		q := base
		change(&q)
		return []Question{q}
	}
	na := func(at float64) shot { return naFrom(at, gw, g.addr, flagS|flagO) }
	for _, tt := range []struct {
		name  string
		shots []shot
		want  []Question
	}{
		{"unanswered", join(asks(g, gateway, 0, 1, 2), []shot{tick(5)}), one(func(q *Question) {
			q.Tries, q.First, q.Last, q.LastFrame = 3, after(0), after(2), 3
		})},
		{"goes on", join(asks(g, gateway, 0, 1, 2, 10, 11, 12, 13), []shot{tick(14)}), one(func(q *Question) {
			q.Tries, q.First, q.Last, q.LastFrame = 7, after(0), after(13), 7
		})},
		{"not yet", asks(g, gateway, 0, 1, 2), nil},
		{"answered", join(asks(g, gateway, 0, 1, 2), []shot{na(2.1), tick(5)}), nil},
		{"answered after all", join(asks(g, gateway, 0, 1, 2, 3, 4), []shot{na(4.1), tick(5)}), nil},
		{"answered for good", join(asks(g, gateway, 0, 1, 2, 3, 4), []shot{na(4.1)}, asks(g, gateway, 30, 31), []shot{tick(32)}), nil},
		{"lost", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 1), []shot{na(1.1)}, asks(g, gateway, 2), []shot{na(2.1), tick(5)}),
			one(func(q *Question) {
				q.Tries, q.First, q.Last, q.LastFrame, q.Seen, q.Known = 3, after(0), after(2), 5, 3, true
			})},
		{"lost, and dropped", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 1), []shot{na(1.1)}, asks(g, gateway, 2),
			[]shot{naFrom(2.1, gw, craft.AllNodes, flagS|flagO), tick(5)}), one(func(q *Question) {
			q.Tries, q.First, q.Last, q.LastFrame, q.Seen, q.Known = 3, after(0), after(2), 5, 3, true
		})},
		{"arrives after all", join(asks(g, gateway, 0), []shot{na(0.1)}, asks(g, gateway, 1), []shot{na(1.1)}, asks(g, gateway, 2),
			[]shot{na(2.1), tick(5)}, asks(g, gateway, 30), []shot{na(30.1), tick(40)}), nil},
		{"dropped", join(asks(g, gateway, 0, 1, 2), []shot{naFrom(2.1, gw, craft.AllNodes, flagS|flagO), tick(5)}), one(func(q *Question) {
			q.Tries, q.First, q.Last, q.LastFrame, q.Seen, q.Invalid = 3, after(0), after(2), 3, 1, "na.solicited-to-multicast"
		})},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStage(t)
			for _, x := range tt.shots {
				s.play(x)
			}
			got := s.link().Questions
			if len(got) != len(tt.want) || len(got) > 0 && got[0] != tt.want[0] {
				t.Errorf("\n%+v, want\n%+v", got, tt.want)
			}
		})
	}
}

// Whoever does not answer is no neighbor any more, until it is heard again.
func TestFailed(t *testing.T) {
	s := newStage(t)
	for _, x := range join([]shot{nsFrom(-9, nodeA, nodeG.addr)}, asks(nodeG, nodeA.addr, 0, 1, 2), []shot{tick(5)}) {
		s.play(x)
	}
	if n := s.neighbor(nodeA.addr); n.State != Failed || !n.HasMAC {
		t.Errorf("%+v", n)
	}
	s.play(naFrom(6, moved(nodeA), nodeG.addr, flagS)) // O does not matter: the entry begins anew
	if n := s.neighbor(nodeA.addr); n.State != Reachable || n.MAC != hwaddr(newMAC) || n.Changes != 0 {
		t.Errorf("%+v", n)
	}
}

// One that does not answer a single asker, but is heard otherwise, is there.
func TestNotFailed(t *testing.T) {
	s := newStage(t)
	for _, x := range inOrder(asks(nodeG, nodeA.addr, 0, 1, 2), []shot{naFrom(1.5, nodeA, nodeB.addr, flagS), tick(5)}) {
		s.play(x)
	}
	if n := s.neighbor(nodeA.addr); n.State != Reachable {
		t.Errorf("%+v", n)
	}
}

// A scan from outside makes a router ask three times for each of many addresses: none of them is worth a word. A neighbor
// that was there and is not any more is.
func TestQuestionsOfScan(t *testing.T) {
	var scan []shot
	for i := range 600 {
		at := float64(i) / 60
		scan = append(scan, asks(nodeR, fmt.Sprintf("2001:db8::%x", i+0x100), at, at+1, at+2)...)
	}
	s := scene{"", inOrder([]shot{raFrom(-5, nodeR, 45), nsFrom(-4, nodeA, nodeR.addr)}, scan, asks(nodeR, nodeA.addr, 9, 10, 11), []shot{tick(60)}),
		"ns.flood ns.unanswered", "asked 3 times within 2.0 s for 2001:db8::a"}.run(t)
	if q := s.link().Questions; len(q) != 1 || q[0].Target != addr(nodeA.addr) {
		t.Errorf("%d questions are shown", len(q))
	}
	if n := s.checker.questions.table.length; n >= 600 { // from the time on when it is known to be a scan
		t.Errorf("%d questions are kept", n)
	}
}

// What is known of the target's multicast group is said.
func TestUnansweredGroup(t *testing.T) {
	g, gw := nodeG.as("2001:db8::9"), nodeR.as(gateway)
	s := newStage(t)
	for _, x := range join([]shot{incoming(naFrom(-1, gw, g.addr, flagS|flagO)), outgoing(queryAll(0, 1000)), incoming(naFrom(0.5, gw, g.addr, flagS|flagO)), incoming(naFrom(2.5, gw, g.addr, flagS|flagO))},
		asks(g, gateway, 10, 11, 12), []shot{tick(20)}) {
		s.play(x)
	}
	got := s.end()
	if last := s.found[len(s.found)-1]; got != "mld.no-report ns.unanswered" || !strings.Contains(last.Detail, "no report for its solicited-node group") {
		t.Errorf("%s: %s", got, last.Detail)
	}
}

// Questions stand in the order of their first try.
func TestQuestionsInOrder(t *testing.T) {
	s := newStage(t)
	for _, x := range inOrder(asks(nodeB, gateway, 1, 2, 3), asks(nodeC, gateway, 0, 1, 2), asks(nodeA, nodeB.addr, 1, 2, 3), []shot{tick(9)}) {
		s.play(x)
	}
	q := s.link().Questions
	if len(q) != 3 || q[0].Asker != addr(nodeC.addr) || q[1].Asker != addr(nodeA.addr) || q[2].Asker != addr(nodeB.addr) || !q[1].Known || q[2].Known {
		t.Errorf("%+v", q)
	}
}
