package nd

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// The querier of scenes.
var nodeQ = node{"02:00:00:00:00:0f", "fe80::ff:fe00:f"}

const allMLDv2 = "ff02::16"

// queryAll is a general query of nodeQ with a Maximum Response Delay in milliseconds.
func queryAll(at float64, delay uint16) shot {
	return shot{at: at, data: craft.MLDFrame(nodeQ.mac, nodeQ.addr, craft.AllNodes, craft.MLDv2Query(delay, "::", 2, 125))}
}

// linkLocal returns the EUI-64 address of a node that has one of those of scenes, from which it reports.
func linkLocal(n node) string {
	m := hwaddr(n.mac)
	return fmt.Sprintf("fe80::ff:fe00:%x", int(m[4])<<8|int(m[5]))
}

// reportV2 is a node's report that it listens to its own group, reportV1 the same in version 1.
func reportV2(at float64, from node) shot {
	return shot{at: at, data: craft.MLDFrame(from.mac, linkLocal(from), allMLDv2, craft.MLDv2ReportOf(
		craft.MLDRecord(2, "ff02::fb"), craft.MLDRecord(2, solicitedNode(from.addr))))}
}

func reportV1(at float64, from node) shot {
	group := solicitedNode(from.addr)
	return shot{at: at, data: craft.MLDFrame(from.mac, linkLocal(from), group, craft.MLDReport(group))}
}

// leaveV2 is a node's word that it no longer listens to its own group.
func leaveV2(at float64, from node) shot {
	return shot{at: at, data: craft.MLDFrame(from.mac, linkLocal(from), allMLDv2, craft.MLDv2ReportOf(craft.MLDRecord(3, solicitedNode(from.addr))))}
}

// livesOn returns a sign of life of a node each five seconds.
func livesOn(from, to float64, n node) []shot {
	return every(from, 5, int((to-from)/5)+1, func(at float64) shot { return naFrom(at, n, craft.AllNodes, flagO) })
}

func eachOf(f func(shot) shot, shots ...shot) []shot { return eachShot(f, shots) }

func TestListenerSilence(t *testing.T) {
	both := func(at float64) []shot {
		return []shot{queryAll(at, 10000), reportV2(at+2, nodeA), reportV2(at+3, nodeB)}
	}
	other := node{"02:00:00:00:01:0f", "fe80::ff:fe00:10f"}
	tick60 := []shot{tick(60)}
	runScenes(t, []scene{
		{"on its tap", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000))}), "mld.no-report",
			"fe80::ff:fe00:1 is there and sent no report for ff02::1:ff00:1 within 11 s of a general query of fe80::ff:fe00:f; it was not heard to report"},
		{"on its tap, where it reported before", inOrder(eachOf(incoming, reportV2(1, nodeR), incoming(raFrom(2, nodeR, 1800)), raFrom(22, nodeR, 1800)),
			[]shot{outgoing(queryAll(12, 10000))}, tick60), "mld.no-report", "it reported the group 11 s before"},
		{"on its tap, after it was elsewhere", inOrder(eachOf(incoming, livesOn(5, 60, nodeR)...), []shot{outgoing(naFrom(0, nodeR, craft.AllNodes, flagO)),
			outgoing(queryAll(12, 10000))}), "mld.no-report", ""},
		{"seen both ways", inOrder(eachOf(incoming, livesOn(5, 60, nodeR)...), []shot{outgoing(naFrom(14, nodeR, craft.AllNodes, flagO)),
			outgoing(queryAll(12, 10000))}), "mld.no-report:info", ""},
		{"on the neighbor itself", inOrder(eachOf(outgoing, livesOn(0, 60, nodeR)...), []shot{incoming(queryAll(12, 10000))}), "mld.no-report", ""},
		{"heard only later", inOrder([]shot{incoming(naFrom(1, nodeR, craft.AllNodes, flagO)), outgoing(queryAll(12, 10000)), tick(40),
			incoming(naFrom(50, nodeR, craft.AllNodes, flagO))}), "mld.no-report", ""},
		{"two queries, two others report", inOrder(livesOn(0, 200, nodeR), livesOn(0, 200, nodeA), livesOn(0, 200, nodeB), both(12), both(137)),
			"mld.no-report", "2 general queries in a row"},
		{"then it reports, then it is silent again", inOrder(eachOf(incoming, livesOn(0, 200, nodeR)...), eachOf(outgoing, queryAll(12, 10000),
			queryAll(62, 10000), queryAll(112, 10000)), []shot{incoming(reportV2(63, nodeR))}), "mld.no-report mld.no-report", ""},
		{"query after query", inOrder(eachOf(incoming, livesOn(0, 200, nodeR)...), eachOf(outgoing, queryAll(12, 10000),
			queryAll(62, 10000), queryAll(112, 10000))), "mld.no-report", ""},
		{"queries faster than their answers", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), eachOf(outgoing, every(12, 2, 20, func(at float64) shot {
			return queryAll(at, 10000)
		})...)), "mld.no-report", ""},
		{"a query that gives hours, then one that does not", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), eachOf(outgoing, queryAll(12, 0xffff),
			queryAll(13, 10000))), "mld.no-report", ""},

		{"no directions, one query", inOrder(livesOn(0, 60, nodeR), both(12), tick60), "mld.no-report:info", "a report lost"},
		{"no directions", inOrder(livesOn(0, 60, nodeR), []shot{queryAll(12, 10000)}), "mld.no-report:info", "cannot be known here"},
		{"no directions, one other reports", inOrder(livesOn(0, 200, nodeR), []shot{queryAll(12, 10000), reportV2(14, nodeA), queryAll(137, 10000),
			reportV2(139, nodeA)}), "mld.no-report:info", ""},
		{"a guest sees its neighbors", inOrder(eachOf(incoming, livesOn(0, 200, nodeR)...), eachOf(incoming, both(12)...), eachOf(incoming, both(137)...)),
			"mld.no-report:info", ""},
		{"more are silent than report", inOrder(livesOn(0, 200, nodeR), livesOn(0, 200, nodeG), livesOn(0, 200, nodeC), both(12), both(137)), "mld.no-report:info", ""},

		{"all report", inOrder(livesOn(0, 200, nodeA), livesOn(0, 200, nodeB), both(12), both(137)), "", ""},
		{"it reports", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000)), incoming(reportV2(21, nodeR))}), "", ""},
		{"it reports in version 1", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000)), incoming(reportV1(21, nodeR))}), "", ""},
		{"another reports its group in version 1", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			outgoing(reportV1(21, other.as("fe80::1:ff00:1")))}), "", ""},
		{"it reports from ::", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			incoming(shot{at: 20, data: craft.MLDFrame(nodeR.mac, "::", allMLDv2, craft.MLDv2ReportOf(craft.MLDRecord(4, solicitedNode(nodeR.addr))))})}), "", ""},
		{"its link-local address reports for the global one", inOrder(eachOf(incoming, livesOn(0, 60, nodeR.as("2001:db8::ff:fe00:1"))...),
			[]shot{outgoing(queryAll(12, 10000)), incoming(reportV2(21, nodeR))}), "", ""},
		{"it has time still", inOrder(eachOf(incoming, livesOn(0, 22, nodeR)...), []shot{outgoing(queryAll(12, 10000))}), "", ""},
		{"it was not heard before", inOrder(eachOf(incoming, livesOn(13, 60, nodeR)...), []shot{outgoing(queryAll(12, 10000))}), "", ""},
		{"it is gone", inOrder(eachOf(incoming, livesOn(0, 11, nodeR)...), []shot{outgoing(queryAll(12, 10000))}, tick60), "", ""},
		{"it stops after the query", inOrder(eachOf(incoming, livesOn(0, 14, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			incoming(naFrom(12.001, nodeR, craft.AllNodes, flagO)), incoming(naFrom(21, nodeR, craft.AllNodes, flagO))}, tick60), "", ""},
		{"it is there when its time is up", inOrder(eachOf(incoming, livesOn(0, 14, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			incoming(naFrom(22.1, nodeR, craft.AllNodes, flagO))}, tick60), "mld.no-report", ""},
		{"frames were lost meanwhile", inOrder(eachOf(incoming, livesOn(0, 14, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			afterLoss(3, incoming(naFrom(20, nodeR, craft.AllNodes, flagO))), incoming(naFrom(22.1, nodeR, craft.AllNodes, flagO))}, tick60),
			"mld.no-report:info", "frames were lost to this capture meanwhile"},
		{"frames were lost before", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{afterLoss(3, incoming(naFrom(11, nodeR, craft.AllNodes, flagO))),
			outgoing(queryAll(12, 10000))}), "mld.no-report", ""},
		{"frames were lost in one of two", inOrder(eachOf(incoming, livesOn(0, 200, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			afterLoss(3, incoming(naFrom(20, nodeR, craft.AllNodes, flagO))), outgoing(queryAll(62, 10000))}), "mld.no-report mld.no-report:info", ""},
		{"it left", inOrder(eachOf(incoming, livesOn(0, 14, nodeR)...), []shot{outgoing(queryAll(12, 10000)), incoming(leaveV2(15, nodeR))}, tick60), "", ""},
		{"it left in version 1", inOrder(eachOf(incoming, livesOn(0, 14, nodeR)...), []shot{outgoing(queryAll(12, 10000)),
			incoming(shot{at: 15, data: craft.MLDFrame(nodeR.mac, nodeR.addr, craft.AllRouters, craft.MLDDone(solicitedNode(nodeR.addr)))})}, tick60), "", ""},
		{"the querier itself", inOrder(eachOf(incoming, livesOn(0, 60, nodeQ)...), []shot{outgoing(queryAll(12, 10000))}), "", ""},
		{"a query about one group", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(shot{at: 12, data: craft.MLDFrame(nodeQ.mac, nodeQ.addr,
			"ff02::fb", craft.MLDv2Query(10000, "ff02::fb", 2, 125))})}), "", ""},
		{"on another link", inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{on(&packet.Interface{Name: "eth1"}, outgoing(queryAll(12, 10000)))}), "", ""},
		{"a clock set back", inOrder(eachOf(incoming, livesOn(-5000, -4990, nodeR)...), []shot{}, eachOf(incoming, livesOn(0, 60, nodeR)...)), "", ""},
	})
}

// A query that receivers drop is none.
func TestListenerBadQuery(t *testing.T) {
	bad := shot{at: 12, data: craft.Frame(nodeQ.mac, nodeQ.addr, craft.AllNodes, craft.MLDv2Query(10000, "::", 2, 125))}
	scene{shots: inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), []shot{outgoing(bad)}), want: "mld.invalid mld.invalid"}.run(t)
}

func TestListenerView(t *testing.T) {
	s := scene{shots: inOrder(eachOf(incoming, livesOn(0, 60, nodeR)...), eachOf(incoming, livesOn(0, 60, nodeG)...),
		[]shot{outgoing(queryAll(12, 10000)), incoming(reportV2(15, nodeG))}), want: "mld.no-report"}.run(t)
	want := []SilentGroup{{Group: addr("ff02::1:ff00:1"), Neighbor: addr(nodeR.addr), Querier: addr(nodeQ.addr), Missed: 1, Last: after(60)}}
	if got := s.link().Silent; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("silent %v, want %v", got, want)
	}
	l := s.checker.links.order[0]
	if !s.checker.silentGroup(l, addr("2001:db8::ff:fe00:1")) || s.checker.silentGroup(l, addr(nodeG.addr)) {
		t.Error("silentGroup")
	}
	if f := s.found[0]; f.Source != addr(nodeR.addr) || f.Subject != "ff02::1:ff00:1" {
		t.Errorf("finding %+v", f)
	}
	s.play(incoming(reportV2(70, nodeR)))
	if got := s.link().Silent; len(got) > 0 || s.checker.silentGroup(l, addr(nodeR.addr)) {
		t.Errorf("silent %v after its report", got)
	}
}

// A neighbor that speaks is not forgotten in a flood of others, and those are not taken for silent ones.
func TestListenerInFlood(t *testing.T) {
	f, s := newFlooder(), newStage(t)
	for i := range 60_000 {
		at := float64(i) / 1000
		if i%1000 == 0 {
			s.play(incoming(naFrom(at, nodeR, craft.AllNodes, flagO)))
		}
		if i == 20_500 {
			s.play(outgoing(queryAll(at, 10000)))
		}
		s.play(incoming(f.next(at, false)))
	}
	silent := s.link().Silent
	if len(silent) == 0 || silent[len(silent)-1].Neighbor != addr(nodeR.addr) {
		t.Errorf("%d silent groups, the router's not among them", len(silent))
	}
	if n := s.checker.listeners.groups.length; n > 2*maxGroups {
		t.Errorf("%d groups are kept", n)
	}
}

func TestListenerAllocations(t *testing.T) {
	s := newStage(t)
	s.play(incoming(naFrom(0, nodeR, craft.AllNodes, flagO)))
	l := s.checker.links.order[0]
	if n := testing.AllocsPerRun(100, func() { s.checker.listenerAlive(l, &s.packet) }); n > 0 {
		t.Errorf("%v allocations a message", n)
	}
	x := reportV2(1, nodeR)
	frame := packet.Frame{Number: 2, Time: after(1), Data: x.data, Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
	if !s.decoder.Decode(&frame, &s.packet) {
		t.Fatal("no packet")
	}
	if n := testing.AllocsPerRun(100, func() { s.checker.listen(l, &s.packet); s.checker.sweepListeners(false) }); n > 0 {
		t.Errorf("%v allocations a report", n)
	}
}
