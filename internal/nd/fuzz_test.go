package nd

import (
	"encoding/binary"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// fuzzFrame writes a frame into the input of FuzzChecker: its time after the one before, in units of 10 ms, its way, and
// its length, then its bytes. A time of 0xfffe is a step back by an hour, 0xffff one ahead by a day.
func fuzzFrame(input []byte, after uint16, way byte, data []byte) []byte {
	input = binary.BigEndian.AppendUint16(input, after)
	input = append(input, way)
	input = binary.BigEndian.AppendUint16(input, uint16(len(data)))
	return append(input, data...)
}

// fuzzScene writes the frames of a scene, which is in order. Their checksums are the hardware's, so that a changed one still
// gets through.
func fuzzScene(shots []shot) []byte {
	var input []byte
	now := shots[0].at
	for _, x := range shots {
		input = fuzzFrame(input, uint16((x.at-now)*100), 1, x.data)
		now = x.at
	}
	return input
}

// FuzzChecker plays rows of frames: none may bring the checker down, drive a table over its bound or get an empty or
// unclean finding, and the same row gets the same findings.
func FuzzChecker(f *testing.F) {
	gw := nodeR.as(gateway)
	f.Add(fuzzScene(join(asks(nodeG, gateway, 0, 1, 2), []shot{tick(30)})))
	f.Add(fuzzScene([]shot{nsFrom(0, nodeG, gateway), naFrom(0.1, gw, nodeG.addr, flagR|flagS|flagO), naFrom(0.2, node{nodeB.mac, gateway}, nodeG.addr, flagS|flagO)}))
	f.Add(fuzzScene([]shot{raFrom(0, nodeR, 45), naFrom(1, nodeR, nodeG.addr, flagS), naBare(2, nodeR, craft.AllNodes, flagS)}))
	f.Add(fuzzScene([]shot{dadFrom(0, nodeA.mac, nodeA.addr, 1, 2, 3, 4, 5, 6), naFrom(0.5, node{nodeB.mac, nodeA.addr}, craft.AllNodes, flagO),
		nsFrom(1, nodeA, gateway), nsFrom(2, moved(nodeA), gateway), nsFrom(3, nodeA, gateway)}))
	f.Add(fuzzScene(each(0, 1, guests(16), func(at float64, n node) shot { return naFor(at, nodeB, nodeG.addr, flagS, n.addr) })))
	f.Add(fuzzFrame(fuzzFrame(nil, 0xffff, 1, nsFrom(0, nodeG, gateway).data), 0xfffe, 6, nsFrom(0, nodeG, gateway).data))
	f.Fuzz(func(t *testing.T, input []byte) {
		first, second := fuzzRun(t, input), fuzzRun(t, input)
		if first != second {
			t.Fatalf("once\n%s\nand once\n%s", first, second)
		}
	})
}

// fuzzRun plays an input and returns the findings as text.
func fuzzRun(t *testing.T, input []byte) string {
	c, d, now := New(), packet.NewDecoder(), start
	interfaces := [4]packet.Interface{{Name: "eth0"}, {Name: "tap0", HardwareAddr: hwaddr(nodeA.mac), MTU: 1500}, {}, {Name: "any"}}
	linkTypes := [4]packet.LinkType{packet.LinkTypeEthernet, packet.LinkTypeEthernet, packet.LinkTypeRaw, packet.LinkTypeSLL}
	var p packet.Packet
	var said strings.Builder
	say := func(found []rule.Finding) {
		for i := range found {
			x := &found[i]
			if x.Detail == "" || strings.Contains(x.Detail, "%!") || strings.ContainsFunc(x.Detail, func(r rune) bool { return r < ' ' || r == 0x7f }) {
				t.Fatalf("finding %+v", x)
			}
			said.WriteString(string(x.Rule) + " " + x.Link + " " + x.Severity.String() + " " + x.Detail + "\n")
		}
	}
	for number := uint64(1); len(input) >= 5; number++ {
		switch step := binary.BigEndian.Uint16(input); step {
		case 0xfffe:
			now = now.Add(-time.Hour)
		case 0xffff:
			now = now.Add(24 * time.Hour)
		default:
			now = now.Add(time.Duration(step) * 10 * time.Millisecond)
		}
		way, n := input[2], min(int(binary.BigEndian.Uint16(input[3:])), len(input)-5)
		frame := packet.Frame{Number: number, Time: now, Data: input[5 : 5+n : 5+n], Length: n + int(way>>6), Offload: way&1 != 0,
			Direction: packet.Direction(way >> 1 & 3 % 3), LinkType: linkTypes[way>>3&3], Interface: &interfaces[way>>3&3]}
		input = input[5+n:]
		if d.Decode(&frame, &p) {
			say(c.Packet(&p))
		}
	}
	for _, l := range c.Links() {
		if len(l.Neighbors) > 2*maxNeighbors || len(l.Questions) > 2*maxQuestions || len(l.Proxies) > 2*maxStations {
			t.Fatalf("%d neighbors, %d questions, %d proxies", len(l.Neighbors), len(l.Questions), len(l.Proxies))
		}
	}
	say(c.Finish(true))
	c.neighbors.table.check(t)
	c.questions.table.check(t)
	c.questions.toAll.check(t)
	c.stations.answers.check(t)
	c.stations.all.check(t)
	return said.String()
}
