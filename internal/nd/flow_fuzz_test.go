package nd

import (
	"maps"
	"slices"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// flowEvent is a packet of a flow, or a Packet Too Big about one, as FuzzFlow has played it.
type flowEvent struct {
	at     time.Time
	mtu    int // 0 for a packet
	length int // of the packet, or of the quoted one
}

// FuzzFlow plays packets of four flows and errors about them, four bytes an event: what it is, the time since the one
// before, and two for sizes. Nothing may be said of a flow that its events do not bear out.
func FuzzFlow(f *testing.F) {
	f.Add([]byte{0, 0, 220, 0, 8, 1, 220, 120, 0, 120, 220, 0, 0, 50, 220, 0, 0, 50, 220, 0, 0, 50, 220, 0})
	f.Add([]byte{9, 0, 220, 120, 9, 200, 220, 120, 9, 200, 220, 120, 1, 2, 220, 0, 9, 1, 220, 160})
	f.Add([]byte{10, 0, 220, 120, 2, 0, 240, 0, 32, 255, 0, 0, 10, 0, 220, 160, 64, 0, 0, 0, 10, 0, 220, 160})
	f.Add([]byte{3, 0, 220, 0, 11, 1, 220, 120, 19, 1, 220, 120, 27, 1, 220, 120, 3, 9, 110, 0})
	f.Fuzz(func(t *testing.T, input []byte) {
		if len(input) > 1024 {
			return
		}
		s := newStage(t)
		now := start
		var history [4][]flowEvent
		for ; len(input) >= 4; input = input[4:] {
			kind, flow := input[0]>>3, int(input[0]&3)
			now = now.Add(time.Duration(input[1]) * 10 * time.Millisecond)
			length, mtu := 1280+int(input[2]), 1240+int(input[3])
			e := flowEvent{at: now, length: length}
			build := [4]ipMaker{segment, datagram, ping, segment}[flow]
			to := nodeB.addr
			if flow == 3 {
				to = nodeC.addr
			}
			ip := build(nodeA.addr, to, length)
			data := craft.EthernetIPv6(nodeA.mac, to, ip)
			good := true
			switch {
			case kind&7 == 1:
				e.mtu = mtu
				data = limited(midway, nodeA.addr, 60, craft.TooBig(uint32(mtu), ip[:1232]))
			case kind&7 == 2: // with a bad checksum
				data = spoilt(limited(midway, nodeA.addr, 60, craft.TooBig(uint32(mtu), ip[:1232])))
				good = false
			case kind&7 == 3:
				data = limited(midway, nodeA.addr, 60, craft.Unreachable(input[2], ip[:mtu-1200]))
				good = false
			case kind&4 != 0:
				now = now.Add(time.Duration(input[1]) * time.Minute)
				continue
			case kind&8 != 0 && input[3] == 0:
				now = now.Add(-time.Hour)
				history = [4][]flowEvent{}
				flow, good, data = 0, false, tick(0).data
			}
			if good && (e.mtu == 0 || e.mtu >= 1280) {
				history[flow] = append(history[flow], e)
			}
			frame := packet.Frame{Number: 1, Time: now, Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
			if !s.decoder.Decode(&frame, &s.packet) {
				t.Fatal("not kept")
			}
			for _, found := range s.checker.Packet(&s.packet) {
				h := history[flow]
				searches := flow == 1
				if found.Rule == "ptb.ignored" && !bearsOutIgnored(h, searches) || found.Rule == "ptb.increase" && !bearsOutIncrease(h, found.Severity) {
					t.Fatalf("%s: %s\n%v", found.Rule, found.Detail, h)
				}
			}
		}
		for _, l := range s.checker.Links() {
			if !slices.IsSortedFunc(l.Errors, compareErrors) {
				t.Fatalf("not in order: %+v", l.Errors)
			}
			for _, e := range l.Errors {
				if e.Count == 0 || e.Last.IsZero() || e.Type != 2 && (e.Fate != FateUnknown || e.Encapsulation != "") ||
					e.TooBigSince > 0 && e.LargestSince <= 1280 {
					t.Fatalf("%+v", e)
				}
			}
		}
	})
}

// bearsOutIgnored reports whether a flow's events, of which the last one led to ptb.ignored, can mean that: by the packets
// as long as a quoted one, or by the messages of one MTU. Where the sender may be searching the MTU, both must be more than
// three of one length.
func bearsOutIgnored(h []flowEvent, searches bool) bool {
	for i, first := range h {
		if first.mtu == 0 {
			continue
		}
		repeats, quoted, messages := map[int]int{}, map[int]int{}, 0
		last := first.at
		for _, e := range h[i:] {
			if e.mtu == first.mtu {
				last = e.at
				if e.length > e.mtu {
					messages++
					quoted[e.length]++
				}
			}
			if e.mtu == 0 && e.at.Sub(first.at) >= reactTime {
				repeats[e.length]++
			}
		}
		enough := ignoredMessages
		if searches {
			enough, messages = sizeProbes+1, slices.Max(append(slices.Collect(maps.Values(quoted)), 0))
		}
		if messages >= enough && last.Sub(first.at) >= ignoredSpan {
			return true
		}
		for _, e := range h[i:] {
			if e.mtu > 0 && e.length > e.mtu && repeats[e.length] >= enough {
				return true
			}
		}
	}
	return false
}

// bearsOutIncrease reports whether the last event is a larger MTU than one in the five minutes before, and an error only if
// it contradicts itself.
func bearsOutIncrease(h []flowEvent, s rule.Severity) bool {
	last := h[len(h)-1]
	if s != rule.Error && last.length <= last.mtu {
		return false // only what fits neither may have been a trial
	}
	return slices.ContainsFunc(h[:len(h)-1], func(e flowEvent) bool {
		return e.mtu > 0 && e.mtu < last.mtu && last.at.Sub(e.at) <= trialTime
	})
}
