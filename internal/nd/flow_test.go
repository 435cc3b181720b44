package nd

import (
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// midway is the router in the middle of the path from nodeA to nodeB.
var midway = nodeR.as("2001:db8:f::1")

// datagram returns an IPv6 packet of length bytes with a UDP datagram in it.
func datagram(src, dst string, length int) []byte {
	return craft.IPv6(src, dst, 63, 17, craft.UDP6(src, dst, 40000, 443, make([]byte, length-48)))
}

// ping returns an IPv6 packet of length bytes with an echo request in it.
func ping(src, dst string, length int) []byte {
	return craft.IPv6(src, dst, 63, 58, craft.ICMPv6(src, dst, craft.Echo(length-48)))
}

type ipMaker func(src, dst string, length int) []byte

// packetAt is a packet of the flow from nodeA to nodeB.
func packetAt(at float64, make ipMaker, length int) shot {
	return shot{at: at, data: craft.EthernetIPv6(nodeA.mac, nodeB.addr, make(nodeA.addr, nodeB.addr, length))}
}

// packets returns a packetAt for every.
func packets(make ipMaker, length int) func(float64) shot {
	return func(at float64) shot { return packetAt(at, make, length) }
}

// tooBigAt is midway's Packet Too Big about such a packet.
func tooBigAt(at float64, mtu uint32, make ipMaker, length int) shot {
	ip := make(nodeA.addr, nodeB.addr, length)
	return shot{at: at, data: limited(midway, nodeA.addr, 60, craft.TooBig(mtu, ip[:1280-48]))}
}

// tooBigs returns a tooBigAt for every.
func tooBigs(mtu uint32, make ipMaker, length int) func(float64) shot {
	return func(at float64) shot { return tooBigAt(at, mtu, make, length) }
}

// seenTwice returns each shot and, a millisecond later, its copy.
func seenTwice(shots []shot) []shot {
	var all []shot
	for _, x := range shots {
		y := x
		y.at += 0.001
		all = append(all, x, y)
	}
	return all
}

// snapped returns x as the kernel's filter cuts it.
func snapped(x shot) shot {
	before := x.change
	x.change = func(f *packet.Frame) {
		if before != nil {
			before(f)
		}
		f.Data = f.Data[:256]
	}
	return x
}

func mapShots(shots []shot, f func(shot) shot) []shot {
	var all []shot
	for _, x := range shots {
		all = append(all, f(x))
	}
	return all
}

func TestFlow(t *testing.T) {
	begin := []shot{packetAt(0, segment, 1500), tooBigAt(0.01, 1400, segment, 1500)}
	fragments := craft.FragmentIPv6(nodeA.addr, nodeB.addr, 63, 58, 7, ping(nodeA.addr, nodeB.addr, 1500)[40:], 1352)
	firstFragment := func(at float64) shot {
		return shot{at: at, data: craft.EthernetIPv6(nodeA.mac, nodeB.addr, fragments[0])}
	}
	lastFragment := func(at float64) shot {
		return shot{at: at, data: craft.EthernetIPv6(nodeA.mac, nodeB.addr, fragments[1])}
	}
	tests := []struct {
		scene
		fate    Fate
		largest int
		tooBig  uint64
	}{
		{scene{name: "shrinks", shots: join(begin, every(0.02, 0.01, 500, packets(segment, 1400)))}, FateShrank, 1400, 0},
		{scene{name: "shrinks, cut by the capture", shots: mapShots(begin[:1], snapped)}, 0, 0, 0},
		{scene{name: "what was on its way", shots: join(begin, every(0.02, 0.05, 18, packets(segment, 1500)),
			every(1.2, 0.1, 5, packets(segment, 1400)))}, FateShrank, 1400, 0},
		{scene{name: "quiet", shots: join(begin, []shot{packetAt(0.5, segment, 1500), tick(60)})}, FateQuiet, 0, 0},
		{scene{name: "two late ones", shots: join(begin, every(1.2, 0.5, 2, packets(segment, 1500)))}, FateUnclear, 1500, 2},
		{scene{name: "two late ones, then smaller ones", shots: join(begin, every(1.2, 0.5, 2, packets(segment, 1500)),
			every(3, 1, 2, packets(segment, 1380)))}, FateShrank, 1500, 2},
		{scene{name: "two late ones, each seen twice", shots: join(begin, seenTwice(every(1.2, 0.5, 2, packets(segment, 1500))))},
			FateUnclear, 1500, 2},
		{scene{name: "goes on", shots: join(begin, every(1.2, 0.5, 3, packets(segment, 1500))), want: "ptb.ignored",
			detail: "2001:db8::a > 2001:db8::b, TCP 40000 > 443: told once in 2.2 s that 1400 bytes fit, its sender goes on with packets of " +
				"1500 (3 seen here)"}, FateIgnored, 1500, 3},
		{scene{name: "goes on, cut by the capture", shots: mapShots(join(begin, every(1.2, 0.5, 3, packets(segment, 1500))), snapped),
			want: "ptb.ignored"}, FateIgnored, 1500, 3},
		{scene{name: "goes on, told of a shorter packet last", shots: join(begin, []shot{tooBigAt(0.02, 1400, segment, 1450)},
			every(1.2, 0.5, 3, packets(segment, 1500))), want: "ptb.ignored"}, FateIgnored, 1500, 3},
		{scene{name: "goes on, told of a joined packet first", shots: join([]shot{packetAt(0, segment, 7212), tooBigAt(0.01, 1400, segment, 7212),
			tooBigAt(0.02, 1400, segment, 1500)}, every(1.2, 0.5, 3, packets(segment, 1500))), want: "ptb.ignored", detail: "packets of 1500"},
			FateIgnored, 1500, 3},
		{scene{name: "goes on, told of two sizes in turn", shots: join(begin, []shot{tooBigAt(0.02, 1400, segment, 1450), tooBigAt(0.03, 1400, segment, 1500)},
			every(1.2, 0.5, 3, packets(segment, 1450))), want: "ptb.ignored"}, FateIgnored, 1450, 3},
		{scene{name: "goes on, is told again and again", shots: inOrder(begin, every(1.2, 0.5, 40, packets(segment, 1500)),
			every(1.21, 0.5, 40, tooBigs(1400, segment, 1500))), want: "ptb.ignored"}, FateIgnored, 1500, 40},
		{scene{name: "goes on, some smaller between", shots: inOrder(begin, every(1.2, 0.5, 3, packets(segment, 1500)),
			every(0.1, 0.1, 20, packets(segment, 1300))), want: "ptb.ignored"}, FateIgnored, 1500, 3},
		{scene{name: "goes on from here", shots: mapShots(join(begin[:1], []shot{incoming(begin[1])}, every(1.2, 0.5, 3, packets(segment, 1500))),
			func(x shot) shot {
				if x.change == nil {
					return outgoing(x)
				}
				return x
			}), want: "ptb.ignored", detail: "it is this host"}, FateIgnored, 1500, 3},
		{scene{name: "joined segments", shots: join(begin, every(0.1, 0.1, 30, packets(segment, 4300)))}, FateShrank, 0, 0},
		{scene{name: "joined datagrams", shots: join([]shot{packetAt(0, datagram, 1500), tooBigAt(0.01, 1400, datagram, 1500)},
			every(1.2, 0.1, 30, packets(datagram, 4300)))}, FateShrank, 0, 0},
		{scene{name: "joined segments, told just before", shots: join(begin, []shot{tooBigAt(0.9, 1400, segment, 1500),
			packetAt(1.1, segment, 4300)})}, FateUnclear, 0, 0},
		{scene{name: "joined segments, just after", shots: join(begin, every(0.1, 0.1, 5, packets(segment, 4300)))}, FateUnclear, 0, 0},
		{scene{name: "joined segments, told again and again", shots: inOrder(begin, every(1.1, 0.5, 10, packets(segment, 4300)),
			every(1.2, 0.5, 10, tooBigs(1400, segment, 1500))), want: "ptb.ignored"}, FateIgnored, 0, 0},
		{scene{name: "no joining of echoes", shots: join([]shot{packetAt(0, ping, 1500), tooBigAt(0.01, 1400, ping, 1500)},
			every(2, 1, 5, packets(ping, 1460)))}, FateUnclear, 1460, 5},

		{scene{name: "told by messages alone", shots: every(0, 1.5, 3, tooBigs(1400, segment, 1500)), want: "ptb.ignored",
			detail: "told 3 times in 3.0 s"}, FateIgnored, 0, 0},
		{scene{name: "too few messages", shots: every(0, 3, 2, tooBigs(1400, segment, 1500))}, FateUnknown, 0, 0},
		{scene{name: "copies of two messages", shots: seenTwice(every(0, 3, 2, tooBigs(1400, segment, 1500)))}, FateUnknown, 0, 0},
		{scene{name: "messages in too short a time", shots: every(0, 0.1, 29, tooBigs(1400, segment, 1500))}, FateUnknown, 0, 0},
		{scene{name: "a narrower midway each time", shots: []shot{tooBigAt(0, 1480, segment, 1500), tooBigAt(2, 1420, segment, 1480),
			tooBigAt(4, 1400, segment, 1420)}, want: "ptb.encapsulation ptb.encapsulation"}, FateUnknown, 0, 0},
		{scene{name: "messages against what is seen", shots: inOrder(begin, every(0.5, 1.5, 5, tooBigs(1400, segment, 1500)),
			every(0.2, 0.1, 50, packets(segment, 1400)))}, FateShrank, 1400, 0},

		{scene{name: "tries again later", shots: join(begin, every(0.1, 0.2, 50, packets(segment, 1400)), every(600, 0.1, 8, packets(segment, 1500)),
			[]shot{tooBigAt(600.75, 1400, segment, 1500), packetAt(600.8, segment, 1500)}, every(602, 1, 3, packets(segment, 1400)))}, FateShrank, 1400, 0},
		{scene{name: "tries again three times", shots: every(0, 600, 3, tooBigs(1400, segment, 1500))}, FateUnknown, 0, 0},
		{scene{name: "the clock is set back", shots: join(begin, every(-100, 0.5, 3, packets(segment, 1500)))}, FateQuiet, 0, 0},

		{scene{name: "searches the size", shots: inOrder(every(0, 0.02, 2000, packets(datagram, 1300)), every(1, 7, 5, packets(datagram, 1500)),
			every(1.01, 7, 5, tooBigs(1400, datagram, 1500)))}, FateShrank, 1500, 4},
		{scene{name: "searches the size, is not seen", shots: every(1, 15, 3, tooBigs(1400, datagram, 1500))}, FateUnknown, 0, 0},
		{scene{name: "searches by three tries of each size", shots: inOrder(every(1, 2, 3, packets(datagram, 1500)), every(1.01, 2, 1, tooBigs(1400, datagram, 1500)),
			every(7, 2, 3, packets(datagram, 1450)), every(7.01, 2, 1, tooBigs(1400, datagram, 1450)))}, FateUnclear, 1500, 4},
		{scene{name: "searches two sizes by three tries, messages alone", shots: join(every(1, 1.5, 3, tooBigs(1401, datagram, 1450)),
			every(5.5, 1.5, 3, tooBigs(1401, datagram, 1500)))}, FateUnknown, 0, 0},
		{scene{name: "searches two sizes by three tries", shots: inOrder(every(0, 1, 3, packets(datagram, 1450)),
			every(0.01, 1, 3, tooBigs(1401, datagram, 1450)), every(3, 1, 3, packets(datagram, 1500)),
			every(3.01, 1, 3, tooBigs(1401, datagram, 1500)))}, FateUnclear, 1500, 3},
		{scene{name: "searches by three tries, told of one before", shots: join([]shot{tooBigAt(0, 1400, datagram, 1500)},
			every(2, 2, 3, packets(datagram, 1500)))}, FateUnclear, 1500, 3},
		{scene{name: "more than a search of one of two sizes", shots: join(every(1, 1.5, 3, tooBigs(1401, datagram, 1450)),
			every(5.5, 1.5, 4, tooBigs(1401, datagram, 1500))), want: "ptb.ignored", detail: "packets of 1500"}, FateIgnored, 0, 0},
		{scene{name: "more than a search", shots: every(1, 15, 4, tooBigs(1400, datagram, 1500)), want: "ptb.ignored", detail: "UDP"},
			FateIgnored, 0, 0},
		{scene{name: "datagrams go on", shots: join([]shot{packetAt(0, datagram, 1500), tooBigAt(0.01, 1400, datagram, 1500)},
			every(1.2, 0.5, 4, packets(datagram, 1500))), want: "ptb.ignored"}, FateIgnored, 1500, 4},
		{scene{name: "told again and again of what fits", shots: join(every(0, 1.5, 5, tooBigs(1401, segment, 1300)),
			every(10, 1, 5, packets(segment, 1300))), want: "ptb.not-smaller ptb.not-smaller ptb.not-smaller ptb.not-smaller ptb.not-smaller"},
			FateShrank, 1300, 0},
		{scene{name: "told by what does not fit its own quote, and shrinks", shots: join([]shot{packetAt(0, segment, 1500), tooBigAt(0.01, 1401, segment, 1300)},
			every(1.2, 0.1, 5, packets(segment, 1400))), want: "ptb.not-smaller"}, FateShrank, 1400, 0},

		{scene{name: "echoes go on", shots: inOrder(every(0, 1, 5, packets(ping, 1500)), every(0.01, 1, 5, tooBigs(1400, ping, 1500))),
			want: "ptb.ignored", detail: "echo-request id 4660"}, FateIgnored, 1500, 3},
		{scene{name: "echoes in fragments", shots: join([]shot{packetAt(0, ping, 1500), tooBigAt(0.01, 1400, ping, 1500)}, every(1, 1, 5, firstFragment))},
			FateShrank, 1400, 0},
		{scene{name: "echoes put together", shots: inOrder([]shot{packetAt(0, ping, 1500), tooBigAt(0.01, 1400, ping, 1500)},
			every(2, 1, 5, firstFragment), every(2.01, 1, 5, lastFragment))}, FateShrank, 1400, 0},
		{scene{name: "echoes with a bad checksum", shots: join([]shot{packetAt(0, ping, 1500), tooBigAt(0.01, 1400, ping, 1500)},
			mapShots(every(2, 1, 5, packets(ping, 1500)), func(x shot) shot { return shot{at: x.at, data: spoilt(x.data)} }))}, FateQuiet, 0, 0},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := tt.run(t)
			for _, f := range s.found {
				if f.Rule == "ptb.ignored" && f.Source != addr(nodeA.addr) {
					t.Errorf("the finding is about %v", f.Source)
				}
			}
			var e ErrorGroup
			if all := s.checker.Links(); len(all) > 0 && len(all[0].Errors) > 0 {
				e = all[0].Errors[0]
			}
			if e.Fate != tt.fate || e.LargestSince != tt.largest || e.TooBigSince != tt.tooBig {
				t.Errorf("fate %d, largest %d, too big %d, want %d, %d, %d", e.Fate, e.LargestSince, e.TooBigSince, tt.fate, tt.largest, tt.tooBig)
			}
		})
	}
}

func TestIncrease(t *testing.T) {
	aside := shot{at: 10, data: limited(midway, nodeA.addr, 60, craft.TooBig(1400, segment(nodeA.addr, nodeC.addr, 1500)[:1232]))}
	first := tooBigAt(0, 1300, segment, 1500)
	runScenes(t, []scene{
		{name: "larger", shots: []shot{first, tooBigAt(10, 1400, segment, 1500)}, want: "ptb.increase",
			detail: "the MTU is 1400, but 10 s before it was 1300 for the same flow: 2001:db8::a > 2001:db8::b, TCP 40000 > 443"},
		{name: "larger, for a trial", shots: []shot{tooBigAt(0, 1300, datagram, 1500), tooBigAt(10, 1400, datagram, 1500)}, want: "ptb.increase:info",
			detail: "the packet of 1500 bytes fits neither"},
		{name: "larger, for a packet that was on its way", shots: []shot{first, tooBigAt(0.001, 1400, segment, 1500)}, want: "ptb.increase:info"},
		{name: "larger, for a packet that fits it", shots: []shot{first, tooBigAt(10, 1400, segment, 1350)}, want: "ptb.increase ptb.not-smaller",
			detail: "the MTU is 1400, but 10 s before it was 1300"},
		{name: "larger, for a packet that fits both", shots: []shot{first, tooBigAt(10, 1400, segment, 1300)}, want: "ptb.increase ptb.not-smaller"},
		{name: "larger, for a packet as long as it says", shots: []shot{first, tooBigAt(10, 1500, segment, 1500)}, want: "ptb.increase ptb.not-smaller"},
		{name: "from another router, within 5 minutes", shots: []shot{first, {at: 299, data: limited(midway.as("2001:db8:f::2"), nodeA.addr, 60,
			craft.TooBig(1400, segment(nodeA.addr, nodeB.addr, 1500)[:1232]))}}, want: "ptb.increase"},
		{name: "after 5 minutes", shots: []shot{first, tooBigAt(301, 1400, segment, 1500)}},
		{name: "the smaller one again, and larger", shots: []shot{first, tooBigAt(200, 1300, segment, 1500), tooBigAt(400, 1400, segment, 1500)},
			want: "ptb.increase"},
		{name: "does not count itself", shots: []shot{first, tooBigAt(1, 1400, segment, 1500), tooBigAt(2, 1300, segment, 1500)},
			want: "ptb.increase"},
		{name: "the first one quotes what fits", shots: []shot{tooBigAt(0, 1301, segment, 1290), tooBigAt(1, 1400, segment, 1500)},
			want: "ptb.increase ptb.not-smaller"},
		{name: "the same", shots: []shot{first, tooBigAt(10, 1300, segment, 1500)}},
		{name: "smaller", shots: []shot{first, tooBigAt(10, 1290, segment, 1500)}},
		{name: "of another flow", shots: []shot{first, aside}},
		{name: "of an echo and of TCP", shots: []shot{first, tooBigAt(10, 1400, ping, 1500)}},
		{name: "the first one is dropped", shots: []shot{{at: 0, data: spoilt(first.data)}, tooBigAt(10, 1400, segment, 1500)}, want: "icmp.checksum"},
		{name: "the first one went elsewhere", shots: []shot{{at: 0, data: limited(midway, nodeC.addr, 60, craft.TooBig(1300,
			segment(nodeA.addr, nodeB.addr, 1500)[:1232]))}, tooBigAt(10, 1400, segment, 1500)}, want: "ptb.quote-mismatch"},
		{name: "a later fragment names no flow", shots: []shot{
			{at: 0, data: tooBig(1300, craft.FragmentIPv6(nodeA.addr, nodeB.addr, 63, 17, 7, make([]byte, 2896), 1448)[1])},
			{at: 1, data: tooBig(1400, craft.FragmentIPv6(nodeA.addr, nodeB.addr, 63, 17, 8, make([]byte, 2896), 1448)[1])}}},
		{name: "the clock was set, and came back", shots: []shot{{at: 50, data: first.data}, tick(10), tooBigAt(60, 1400, segment, 1500)}},
		{name: "the clock was set", shots: []shot{{at: 50, data: first.data}, tooBigAt(10, 1400, segment, 1500)}},
	})
}
