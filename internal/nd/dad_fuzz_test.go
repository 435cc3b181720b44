package nd

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// script plays what a fuzzer wrote, four bytes a step: what happens, who does it, to whom, and how long after the step
// before, on a scale from a tenth of a millisecond to minutes. It returns what was found as text. After 256 steps it ends.
func script(t *testing.T, input []byte, step func(s *stage, at float64, what, who, whom byte)) (*stage, string) {
	s, at := newStage(t), 0.0
	for n := 0; len(input) >= 4 && n < 256; n++ {
		switch d := float64(input[3] & 0x3f); input[3] >> 6 {
		case 0:
			at += d / 10_000
		case 1:
			at += d / 100
		case 2:
			at += d
		case 3:
			at += -5000 + d*200
		}
		step(s, at, input[0], input[1], input[2])
		input = input[4:]
	}
	s.found = append(s.found, s.checker.Finish(true)...)
	var said strings.Builder
	for _, f := range s.found {
		if f.Detail == "" || strings.Contains(f.Detail, "%!") || strings.ContainsFunc(f.Detail, func(c rune) bool { return c < ' ' || c > '~' }) {
			t.Fatalf("finding %+v", f)
		}
		fmt.Fprintln(&said, f.Rule, f.Severity, f.Link, f.Source, f.Subject, f.Detail)
	}
	for _, v := range s.checker.Links() {
		if v.Scan != nil {
			fmt.Fprintf(&said, "%+v\n", *v.Scan)
			v.Scan = nil
		}
		fmt.Fprintf(&said, "%+v\n", v)
	}
	return s, said.String()
}

// fuzzScript makes a target of step: the same input gives the same findings, and check holds at the end.
func fuzzScript(f *testing.F, step func(s *stage, at float64, what, who, whom byte), check func(*testing.T, *stage)) {
	f.Fuzz(func(t *testing.T, input []byte) {
		s, once := script(t, input, step)
		check(t, s)
		if _, again := script(t, input, step); again != once {
			t.Fatalf("once\n%s\nand once\n%s", once, again)
		}
	})
}

// fuzzNode returns one of eight nodes.
func fuzzNode(n byte) node {
	n &= 7
	return node{packet.MAC{2, 0, 0, 0, 0, 0x10 + n}.String(), fmt.Sprintf("2001:db8::%x", 0x10+int(n))}
}

// fuzzWay changes how x is seen by the three bits of n from bit 5 on.
func fuzzWay(x shot, n byte) shot {
	switch n >> 5 {
	case 1:
		return incoming(x)
	case 2:
		return outgoing(x)
	case 3:
		return on(&packet.Interface{Name: "eth1"}, x)
	case 4:
		return raw(x)
	case 5:
		return cooked(x, packet.Outgoing)
	case 6:
		return tunneled(x, 2)
	}
	return x
}

func FuzzDAD(f *testing.F) {
	f.Add([]byte{0, 1, 1, 0, 1, 2, 1, 1})
	f.Add([]byte{0x20, 1, 1, 0, 0x40, 1, 1, 1, 0, 1, 1, 1, 2, 3, 1, 65})
	f.Add([]byte{3, 1, 1, 0, 3, 2, 1, 3, 4, 2, 1, 64, 5, 0, 0, 193})
	step := func(s *stage, at float64, what, who, whom byte) {
		n, target := fuzzNode(who), fuzzNode(whom).addr
		var x shot
		switch what & 7 {
		case 0:
			x = dadFrom(at, n.mac, target, who>>3, 2, 3, 4, 5, 6)
		case 1:
			x = naFor(at, n, craft.AllNodes, whom, target)
		case 2:
			x = naFor(at, n, fuzzNode(whom>>3).addr, whom, target)
		case 3:
			x = dadFrom(at, n.mac, target)
		case 4:
			x = rewritten(dadFrom(at, n.mac, target, who>>3, 2, 3, 4, 5, 6), fuzzNode(whom>>3).mac)
		case 5:
			x = nsFrom(at, n, target)
		case 6:
			x = rewritten(naFor(at, n, craft.AllNodes, whom, target), fuzzNode(whom>>3).mac)
		case 7:
			x = raFrom(at, n, uint16(whom))
		}
		s.play(fuzzWay(x, what))
	}
	fuzzScript(f, step, func(t *testing.T, s *stage) {
		for _, v := range s.checker.Links() {
			for _, d := range v.Duplicates {
				// Two stations with one Ethernet address are told by the side that they are on.
				clones := slices.ContainsFunc(s.found, func(f rule.Finding) bool {
					return f.Source == d.Address && strings.Contains(f.Detail, "side of the interface")
				})
				if d.Prober == d.Defender && d.Prober != (packet.MAC{}) && !clones {
					t.Fatalf("%+v", d)
				}
			}
		}
		for _, f := range s.found {
			if f.Rule == "dad.conflict" && f.Severity < rule.Error && f.Link != "eth0" {
				t.Fatalf("%+v", f)
			}
		}
		c := &s.checker.probes
		if int(c.recent.length) > maxProbes || c.conflicts.length > 2*maxDuplicates {
			t.Fatalf("%d probes, %d conflicts", c.recent.length, c.conflicts.length)
		}
	})
}

func FuzzScan(f *testing.F) {
	f.Add([]byte{0, 1, 255, 0, 1, 1, 255, 64, 4, 0, 0, 160})
	f.Add([]byte{2, 1, 255, 0, 2, 1, 255, 1, 3, 2, 255, 64, 1, 1, 1, 129})
	f.Add([]byte{0, 1, 255, 0, 5, 1, 255, 1, 4, 0, 0, 193, 0, 1, 255, 64})
	step := func(s *stage, at float64, what, who, whom byte) {
		if s.number > 8000 {
			return // enough, and it takes long
		}
		for i := range int(whom) {
			n, at := fuzzNode(who), at+float64(i)*float64(who>>3)/5000
			var x shot
			switch what & 7 {
			case 0: // one asks for many
				x = nsFrom(at, n, empty(i))
			case 1: // one under many addresses
				x = nsFrom(at, node{n.mac, nth(i).addr}, empty(i+int(who)))
			case 2: // many
				x = nsFrom(at, nth(i), empty(i+256*int(who)))
			case 3:
				x = dadFrom(at, nth(i).mac, nth(i).addr)
			case 4:
				x = tick(at)
			case 5: // who was asked for answers
				x = naFor(at, nth(i), n.addr, flagS|flagO, empty(i))
			case 6:
				x = nsUnicast(at, n, empty(i/8))
			case 7:
				x = raFrom(at, n, 1800)
			}
			s.play(fuzzWay(x, what))
		}
	}
	fuzzScript(f, step, func(t *testing.T, s *stage) {
		c := &s.checker.scans
		open := make(map[uint32]int)
		unknown := make(map[uint32]int)
		for i := range int(c.recent.length) {
			k, a := c.recent.at(i)
			if !a.heard {
				open[k.link]++
			}
			if a.unknown {
				unknown[k.link]++
			}
		}
		for _, l := range s.checker.links.order {
			if l.sought != open[l.id] || l.unknown != unknown[l.id] || l.sought > maxLinkSought {
				t.Fatalf("%s: %d targets, counted %d; %d unknown, counted %d", l.name, open[l.id], l.sought, unknown[l.id], l.unknown)
			}
		}
		named := make(map[string]int)
		for _, f := range s.found {
			if f.Rule == "ns.flood" && f.Severity > rule.Info {
				named[f.Link]++
			}
		}
		for _, v := range s.checker.Links() {
			if n := named[v.Where.String()]; n > 1 || (v.Scan != nil) != (n == 1) {
				t.Fatalf("%v is named %d times, its scan is %+v", v.Where, n, v.Scan)
			}
		}
	})
}

func FuzzListener(f *testing.F) {
	f.Add([]byte{0x20, 1, 0, 0, 0x41, 0, 1, 129, 0x20, 1, 0, 130, 4, 0, 0, 160})
	f.Add([]byte{0, 1, 0, 0, 0, 2, 0, 1, 1, 0, 10, 129, 2, 2, 0, 129, 0, 1, 0, 140, 1, 0, 10, 129, 3, 2, 0, 129, 4, 0, 0, 140})
	step := func(s *stage, at float64, what, who, whom byte) {
		n := fuzzNode(who)
		var x shot
		switch what & 7 {
		case 0:
			x = naFrom(at, n, craft.AllNodes, flagO)
		case 1:
			x = queryAll(at, uint16(whom)<<8)
		case 2:
			x = reportV2(at, n)
		case 3:
			x = reportV1(at, n)
		case 4:
			x = tick(at)
		case 5:
			x = leaveV2(at, n)
		case 6:
			x = shot{at: at, data: craft.MLDFrame(nodeQ.mac, nodeQ.addr, craft.AllNodes, craft.MLDQuery(uint16(whom)<<8, "::"))}
		case 7:
			x = naFrom(at, n.as(linkLocal(n)), craft.AllNodes, flagO)
		}
		s.play(fuzzWay(x, what))
	}
	fuzzScript(f, step, func(t *testing.T, s *stage) {
		var silent, doubts int
		for _, f := range s.found {
			if f.Rule == "mld.no-report" {
				if silent++; f.Severity == rule.Info {
					doubts++
				}
			}
		}
		shown := 0
		for _, v := range s.checker.Links() {
			shown += len(v.Silent)
			for _, g := range v.Silent {
				if g.Missed == 0 || !g.Neighbor.Is6() || !g.Querier.Is6() || !s.checker.silentGroup(s.checker.links.index[v.Where], g.Neighbor) {
					t.Fatalf("%+v", g)
				}
			}
		}
		if shown > silent-doubts || doubts > len(s.checker.links.order) || s.checker.listeners.groups.length > 2*maxGroups {
			t.Fatalf("%d silent groups of %d findings, %d doubts", shown, silent, doubts)
		}
	})
}
