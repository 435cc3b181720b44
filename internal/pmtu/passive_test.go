package pmtu

import (
	"slices"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

const mssText = " mss 1440/1440"

func join(parts ...[]sight) []sight { return slices.Concat(parts...) }

func one(x sight) []sight { return []sight{x} }

// TestArrived has what proves that a size arrives, and what does not.
func TestArrived(t *testing.T) {
	const back = "b>a" + mssText
	full := join(greet(1440, 1440), one(data(1, 1, 1500)), one(ack(1.1, 1441)))
	bare := []sight{data(0.5, 1, 100), ack(0.6, 41), data(1, 41, 1500), ack(1.1, 1481)}
	mtu := func(n int) func(*packet.Frame) {
		return func(f *packet.Frame) { f.Interface = &packet.Interface{Name: "eth0", MTU: n} }
	}
	tests := []scene{
		{name: "nothing"},
		{name: "segment", sights: full, paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "segment, capture cut short", sights: with(snapped, full...), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "segment, offloaded", sights: offloaded(full), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "segment, offloaded, behind a router that may have refused it", sights: with(func(f *packet.Frame) {
			if f.Data[7] == 64 {
				f.Data[7] = 63
			}
		}, offloaded(full)...), paths: []string{"a>b" + mssText, back}},
		{name: "in the middle of a connection", sights: bare, paths: []string{"a>b 1500 tcp-ack"}},
		{name: "in the middle, offloaded: it may have been cut or joined", sights: offloaded(bare)},
		{name: "in the middle, cut short", sights: with(snapped, bare...)},
		{name: "in the middle, the very first segment may be sent again", sights: []sight{data(1, 41, 1500), ack(1.1, 1481)}},
		{name: "offloaded, of no full length", sights: offloaded(join(greet(1440, 1440), one(data(1, 1, 1400)), one(ack(1.1, 1341)))),
			paths: []string{"a>b" + mssText, back}},
		{name: "of no full length", sights: join(greet(1440, 1440), one(data(1, 1, 1400)), one(ack(1.1, 1341))),
			paths: []string{"a>b 1400 tcp-ack" + mssText, back}},
		{name: "1280 bytes say nothing", sights: join(greet(1440, 1440), one(data(1, 1, 1280)), one(ack(1.1, 1221))),
			paths: []string{"a>b" + mssText, back}},
		{name: "longer than the other end takes", sights: join(greet(8940, 1440), one(data(1, 1, 2940)), one(ack(1.1, 2881))),
			paths: []string{"a>b mss 8940/1440", "b>a mss 1440/8940"}},
		{name: "jumbo frames", sights: join(greet(8940, 8940), one(data(1, 1, 9000)), one(ack(1.1, 8941))),
			paths: []string{"a>b 9000 tcp-ack mss 8940/8940", "b>a mss 8940/8940"}},
		{name: "longer than the interface's MTU", sights: with(mtu(1450), full...), paths: []string{"a>b" + mssText, back}},
		{name: "as long as the interface's MTU", sights: with(mtu(1500), full...), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "acknowledged in part", sights: join(greet(1440, 1440), one(data(1, 1, 1500)), one(ack(1.1, 1440))),
			paths: []string{"a>b" + mssText, back}},
		{name: "acknowledged out of order", sights: join(greet(1440, 1440), one(data(1, 1, 1500)), one(data(1, 1441, 1500)),
			one(ack(1.1, 1, 1441, 2881))), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "sent again in pieces", sights: join(greet(1440, 1440), one(data(1, 1, 1500)), one(data(1.3, 1, 1260)),
			one(data(1.3, 1201, 300)), one(ack(1.4, 1441))), paths: []string{"a>b" + mssText, back}},
		{name: "pieces joined when sent again", sights: join(greet(1440, 1440), one(data(1, 1, 760)), one(data(1, 701, 800)),
			one(data(1.3, 1, 1500)), one(ack(1.4, 1441))), paths: []string{"a>b" + mssText, back}},
		{name: "something was sent that the capture lacks", sights: join(greet(1440, 1440), one(data(1, 1, 1500)), one(ack(1.4, 2000))),
			paths: []string{"a>b" + mssText, back}},
		{name: "no acknowledgement", sights: join(greet(1440, 1440), one(data(1, 1, 1500))), paths: []string{"a>b" + mssText, back}},
		{name: "acknowledgements alone", sights: []sight{ack(1, 1000), ack(2, 4000)}},
		{name: "a SYN that nobody answers", sights: greet(1440, 1440)[:1]},
		{name: "a SYN flood", sights: greet(1440, 1440)[:2]},
		{name: "a new connection of the same ports", sights: join(full, later(10, 1<<20, greet(1340, 1440))),
			paths: []string{"a>b 1500 tcp-ack mss 1340/1440", "b>a mss 1440/1340"}},
		{name: "a SYN sent again", sights: join(greet(1440, 1440)[:1], full), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},

		{name: "echo", sights: []sight{ping(0, sceneA, sceneB, 64, 1400, false), ping(0.1, sceneB, sceneA, 57, 1400, true)},
			paths: []string{"a>b 1400 echo", "b>a 1400 echo here 1400"}},
		{name: "echo, seen at its destination", sights: []sight{ping(0, sceneA, sceneB, 57, 1400, false), ping(0.1, sceneB, sceneA, 64, 1400, true)},
			paths: []string{"a>b 1400 echo here 1400"}},
		{name: "echo, seen on a router", sights: []sight{ping(0, sceneA, sceneB, 63, 1400, false), ping(0.1, sceneB, sceneA, 61, 1400, true)},
			paths: []string{"a>b 1400 echo here 1400", "b>a 1400 seen here"}},
		{name: "echo, directions known", sights: join(with(outgoing, ping(0, sceneA, sceneB, 5, 1400, false)),
			with(incoming, ping(0.1, sceneB, sceneA, 64, 1400, true))), paths: []string{"a>b 1400 echo", "b>a 1400 echo here 1400"}},
		{name: "echo, shorter reply", sights: []sight{ping(0, sceneA, sceneB, 64, 1400, false), ping(0.1, sceneB, sceneA, 64, 1399, true)}},
		{name: "echo, reply from another", sights: []sight{ping(0, sceneA, sceneB, 64, 1400, false), ping(0.1, sceneR, sceneA, 64, 1400, true)}},
		{name: "echo, reply too late", sights: []sight{ping(0, sceneA, sceneB, 64, 1400, false), ping(61, sceneB, sceneA, 64, 1400, true)}},
		{name: "echo, reply without request", sights: one(ping(0, sceneB, sceneA, 64, 1400, true))},
		{name: "echo of 1280 bytes", sights: []sight{ping(0, sceneA, sceneB, 64, 1280, false), ping(0.1, sceneB, sceneA, 57, 1280, true)}},
		{name: "seen here", sights: with(incoming, data(1, 1, 1500)), paths: []string{"a>b 1500 seen here"}},
		{name: "seen here, joined of several", sights: offloaded(with(incoming, data(1, 1, 1500)))},
		{name: "sent from here", sights: with(outgoing, data(1, 1, 1500))},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

// TestSaid has what is said of an MTU without being proof.
func TestSaid(t *testing.T) {
	const back = "b>a" + mssText
	long := data(1, 1, 1500)
	narrow := join(greet(1440, 1440), one(long), one(tooBig(1.1, 1400, long)))
	other := tooBig(1.2, 1400, long)
	other.ip = craft.IPv6(sceneB, sceneA, 63, 58, craft.ICMPv6(sceneB, sceneA, craft.TooBig(1400, long.ip[:1232])))
	misled := tooBig(1.1, 1400, long)
	misled.ip = craft.IPv6(sceneR, sceneB, 63, 58, craft.ICMPv6(sceneR, sceneB, craft.TooBig(1400, long.ip[:1232])))
	fragments := func(id uint32, from, to string, hopLimit, typ uint8, at float64) []sight {
		msg := craft.Echo(2000)
		msg[0] = typ
		var list []sight
		for _, ip := range craft.FragmentIPv6(from, to, hopLimit, 58, id, craft.ICMPv6(from, to, msg), 1352) {
			list = append(list, sight{at: at, ip: ip})
		}
		return list
	}
	tests := []scene{
		{name: "packet too big", sights: narrow, paths: []string{"a>b most 1400 by 1" + mssText, back}},
		{name: "twice", sights: join(narrow, one(tooBig(1.2, 1400, long))), paths: []string{"a>b most 1400 by 1" + mssText, back}},
		{name: "by two", sights: join(narrow, one(other)), paths: []string{"a>b most 1400 by 2" + mssText, back}},
		{name: "a staircase", sights: join(narrow, one(tooBig(1.2, 1300, long)), one(tooBig(1.3, 1450, long))),
			paths: []string{"a>b most 1300 by 1" + mssText, back}},
		{name: "and obeyed", sights: offloaded(join(narrow, []sight{data(1.2, 1, 1400), data(1.2, 1341, 160), ack(1.3, 1441),
			data(1.4, 1441, 1400), ack(1.5, 2781)})), paths: []string{"a>b 1400 tcp-ack most 1400 by 1" + mssText, back}},
		{name: "and cut further down by the hardware", sights: offloaded(join(narrow, []sight{data(1.2, 1, 1400), data(1.2, 1341, 160),
			ack(1.3, 1441), data(1.4, 1441, 1500), ack(1.5, 2881)})),
			paths: []string{"a>b most 1400 by 1" + mssText, back}},
		{name: "refused, and acknowledged all the same", sights: offloaded(join(narrow, one(ack(1.5, 1441)))),
			paths: []string{"a>b most 1400 by 1" + mssText, back}},
		{name: "and more passes all the same", sights: join(narrow, []sight{data(1.4, 1441, 1500), ack(1.5, 2881)}),
			paths: []string{"a>b 1500 tcp-ack most 1400 by 1 passed" + mssText, back}},
		{name: "more had passed before", sights: join(greet(1440, 1440), []sight{data(0.5, 1, 1500), ack(0.6, 1441), tooBig(1, 1400, long)}),
			paths: []string{"a>b 1500 tcp-ack most 1400 by 1" + mssText, back}},
		{name: "more was sent before", sights: []sight{ping(0.5, sceneA, sceneB, 64, 1500, false), tooBig(0.6, 1400, long),
			ping(0.7, sceneB, sceneA, 64, 1500, true)}, paths: []string{"a>b 1500 echo most 1400 by 1"}},
		{name: "less than any path", sights: one(tooBig(1, 1279, long))},
		{name: "no less than the packet", sights: one(tooBig(1, 1500, long))},
		{name: "to another than the sender", sights: one(misled)},
		{name: "alone", sights: one(tooBig(1, 1400, long)), paths: []string{"a>b most 1400 by 1"}},
		{name: "fragments", sights: fragments(7, sceneA, sceneB, 64, 128, 0), paths: []string{"a>b fragment 1400"}},
		{name: "fragments, answered", sights: join(fragments(7, sceneA, sceneB, 64, 128, 0), fragments(9, sceneB, sceneA, 57, 129, 0.1)),
			paths: []string{"a>b 1400 echo fragment 1400", "b>a 1400 echo fragment 1400"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}

// TestBlackHole has black holes, and what looks like one and is none.
func TestBlackHole(t *testing.T) {
	const back = "b>a" + mssText
	quiet := []string{"a>b" + mssText, back}
	fin := fromB(3, craft.Segment{Sequence: 1, Ack: 1, Flags: craft.FIN | craft.ACK, Window: 500})
	lost := join(greet(1440, 1440), one(data(1, 1, 1500)))
	// A short segment after the long one is acknowledged.
	tail := join(lost, []sight{data(1.01, 1441, 500), ack(1.1, 1, 1441, 1881)})
	hole := join(tail, again(1, 1500, backoff...))
	tests := []scene{
		{name: "hole", sights: hole, paths: []string{"a>b hole 1500 sent 6 small 500 passed 0" + mssText, back}, found: 1,
			detail: "1500 bytes was sent 6 times in 6.2 s and not acknowledged"},
		{name: "hole, cut short", sights: with(snapped, hole...), found: 1,
			paths: []string{"a>b hole 1500 sent 6 small 500 passed 0" + mssText, back}},
		{name: "hole, in the middle of a connection", sights: join([]sight{data(0.5, 1, 100), ack(0.6, 41), data(1, 41, 1500),
			data(1.01, 1481, 500), ack(1.1, 41, 1481, 1921)}, again(41, 1500, backoff...)), found: 1,
			paths: []string{"a>b hole 1500 sent 6 small 500 passed 0"}},
		{name: "hole, many short ones pass", sights: join(tail, []sight{data(1.2, 1881, 200), ack(1.2, 1, 1441, 2021), data(1.3, 2021, 200),
			ack(1.3, 1, 1441, 2161), data(1.4, 2161, 200), ack(1.4, 1, 1441, 2301), data(1.5, 2301, 200), ack(1.5, 1, 1441, 2441)},
			again(1, 1500, 1.6, 2, 2.8, 4.4, 7.6)), found: 1, paths: []string{"a>b hole 1500 sent 6 small 200 passed 0" + mssText, back}},
		{name: "hole, each frame twice", sights: func() (twice []sight) {
			for _, x := range hole {
				twice = append(twice, x, x)
			}
			return twice
		}(), found: 1, paths: []string{"a>b hole 1500 sent 6 small 500 passed 0" + mssText, back}},
		{name: "hole, the end of the other way is acknowledged", sights: join(lost, again(1, 1500, 1.2, 1.6, 2.4),
			[]sight{fin, fromA(3.01, craft.Segment{Sequence: 1441, Ack: 2, Flags: craft.ACK, Window: 500})}, again(1, 1500, 4, 7.2)), found: 1,
			paths: []string{"a>b hole 1500 sent 6 small 60 passed 0" + mssText, back}},
		{name: "the end of the other way comes again", sights: join(lost, again(1, 1500, 1.2, 1.6, 2.4), []sight{fin,
			fromA(3.01, craft.Segment{Sequence: 1441, Ack: 2, Flags: craft.ACK, Window: 500})}, again(1, 1500, 4, 7.2),
			one(sight{at: 7.3, ip: fin.ip})), paths: quiet},
		{name: "hole, found out", sights: join(lost, again(1, 1500, 1.2, 1.6, 2.4), []sight{data(4, 1, 1084), ack(4.1, 1025),
			data(4.2, 1025, 476), ack(4.3, 1441)}), found: 1, detail: "cut to 1084 bytes it arrived",
			paths: []string{"a>b hole 1500 sent 4 small 0 passed 1084" + mssText, back}},
		{name: "hole, found out in long pieces", sights: offloaded(join(lost, again(1, 1500, 1.2, 1.6, 2.4), []sight{data(4, 1, 1400),
			ack(4.1, 1341), data(4.2, 1341, 160), ack(4.3, 1441), data(4.4, 1441, 1500), ack(4.5, 2881)})), found: 1,
			paths: []string{"a>b hole 1500 sent 4 small 0 passed 1400" + mssText, back}},
		{name: "hole, found out, and the hardware cuts what comes again", sights: offloaded(join(lost, one(data(1.01, 1441, 1500)),
			again(1, 1500, 1.2, 1.6, 2.4), []sight{data(4, 1, 1084), ack(4.1, 1025), data(4.2, 1025, 476), ack(4.3, 1441),
				data(4.4, 1441, 1500), ack(4.5, 2881)})), found: 1,
			paths: []string{"a>b hole 1500 sent 4 small 0 passed 1084" + mssText, back}},
		{name: "an outage, after which as long ones arrive again", sights: join(lost, again(1, 1500, 1.2, 1.6, 2.4), []sight{data(4, 1, 1084),
			ack(4.1, 1025), data(4.2, 1025, 476), ack(4.3, 1441), data(5, 1441, 1492), ack(5.1, 2873)}),
			paths: []string{"a>b 1492 tcp-ack" + mssText, back}},
		{name: "hole, found out, and searched for", sights: join(lost, again(1, 1500, 1.2, 1.6, 2.4), []sight{data(4, 1, 1084),
			ack(4.1, 1025), data(4.2, 1025, 476), ack(4.3, 1441), data(5, 1441, 1399), ack(5.1, 2780)}), found: 1,
			paths: []string{"a>b 1399 tcp-ack hole 1500 sent 4 small 0 passed 1084" + mssText, back}},
		{name: "hole, two connections one after the other", sights: join(hole, later(10, 1<<20, hole)), found: 2, paths: []string{"a>b hole 1500 sent 6 small 500 passed 0" + mssText, back}},
		{name: "the MTU was told for less than that", sights: join(tail, one(tooBig(1.1, 1400, data(1, 1, 1500))),
			again(1, 1500, backoff...)),
			paths: []string{"a>b most 1400 by 1" + mssText, back}},
		{name: "hole, behind the narrowest that was told", sights: join(tail, one(tooBig(1.1, 1500, data(1, 1, 1600))), again(1, 1500, backoff...)),
			found: 1, paths: []string{"a>b most 1500 by 1 hole 1500 sent 6 small 500 passed 0" + mssText, back}},

		{name: "nothing short passes", sights: join(lost, again(1, 1500, backoff...)), paths: quiet},
		{name: "short ones are lost too", sights: join(lost, one(data(1.01, 1441, 500)), again(1, 1500, backoff...)), paths: quiet},
		{name: "only short ones are lost", sights: join(greet(1440, 1440), []sight{data(1, 1, 1000), data(1.01, 941, 500), ack(1.1, 1, 941, 1381)},
			again(1, 1000, backoff...)), paths: quiet},
		{name: "twice again only", sights: join(tail, again(1, 1500, 1.2, 8)), paths: quiet},
		{name: "for a short time only", sights: join(tail, again(1, 1500, 1.2, 1.6, 2.4)), paths: quiet},
		{name: "it arrives in the end", sights: join(hole, one(ack(7.3, 1881))), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "another as long arrives", sights: join(tail, []sight{data(1.2, 1881, 1500), ack(1.3, 1, 1881, 3321, 1441, 1881)},
			again(1, 1500, 1.4, 1.8, 2.6, 4.2, 7.4)), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "another as long arrives, offloaded", sights: offloaded(join(tail, []sight{data(1.2, 1881, 1460), ack(1.3, 1, 1441, 3281)},
			again(1, 1500, 1.4, 1.8, 2.6, 4.2, 7.4))), paths: quiet},
		{name: "an echo as long arrives", sights: join(hole[:len(hole)-1], []sight{ping(5, sceneA, sceneB, 64, 1500, false),
			ping(5.1, sceneB, sceneA, 64, 1500, true)}, hole[len(hole)-1:]), paths: []string{"a>b 1500 echo" + mssText, back}},
		{name: "cut smaller after it was lost twice", sights: join(lost, again(1, 1500, 1.2), []sight{data(4, 1, 1084), ack(4.1, 1025),
			data(4.2, 1025, 476), ack(4.3, 1441)}), paths: quiet},
		{name: "one of no more than 1280 bytes is lost", sights: join(greet(1440, 1440), []sight{data(0.1, 1, 1500), ack(0.2, 1441),
			data(1, 1441, 1280), data(1.01, 2661, 500), ack(1.1, 1441, 2661, 3101)}, again(1441, 1280, backoff...)),
			paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "what is before it is lost too", sights: join(greet(1440, 1440), []sight{data(0.9, 1, 100), data(1, 41, 1500), data(1.01, 1481, 500),
			ack(1.1, 1, 1481, 1921)}, again(41, 1500, backoff...)), paths: quiet},
		{name: "one lost, found by its timer", sights: join(tail, []sight{data(1.3, 1, 1500), ack(1.4, 1881)}),
			paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "no room at the other end", sights: join(greet(1440, 1440), []sight{data(1, 1, 100), ackRoom(1.1, 0, 41), data(1.2, 41, 1500),
			data(1.21, 1481, 500), ackRoom(1.3, 0, 41, 1481, 1921)}, again(41, 1500, backoff...)), paths: quiet},
		{name: "no room for so much", sights: join(greet(1440, 1440), []sight{data(1, 1, 100), ackRoom(1.1, 11, 41), data(1.2, 41, 1500),
			data(1.21, 1481, 500), ackRoom(1.3, 11, 41, 1481, 1921)}, again(41, 1500, backoff...)), paths: quiet},
		{name: "the other end answers each time", sights: join(tail, func() (list []sight) {
			for _, at := range backoff {
				list = append(list, data(at, 1, 1500), ack(at+0.1, 1, 1441, 1881))
			}
			return list
		}()), paths: quiet},
		{name: "the other end resets at once", sights: join(hole, one(fromB(7.3, craft.Segment{Sequence: 1, Flags: craft.RST}))), paths: quiet},
		{name: "keep-alives", sights: join(greet(1440, 1440), []sight{data(1, 1, 1500), ack(1.1, 1441), data(9, 1440, 61), ack(9.1, 1441),
			data(19, 1440, 61), ack(19.1, 1441), data(29, 1440, 61), ack(29.1, 1441)}), paths: []string{"a>b 1500 tcp-ack" + mssText, back}},
		{name: "out of order", sights: join(greet(1440, 1440), []sight{data(1.01, 1441, 500), data(1.02, 1, 1500), ack(1.1, 1881)}), paths: quiet},
		{name: "the other way is not seen", sights: slices.DeleteFunc(slices.Clone(hole), func(x sight) bool { return x.ip[7] == 57 })},
		{name: "this way is not seen", sights: slices.DeleteFunc(slices.Clone(hole), func(x sight) bool { return x.ip[7] == 64 })},
		{name: "packets still to be cut", sights: join(greet(1440, 1440), []sight{data(1, 1, 20060), data(1.01, 20001, 500),
			ack(1.1, 1, 20001, 20441)}, again(1, 20060, backoff...)), paths: quiet},
		{name: "the clock was set", sights: join(tail, again(1, 1500, 1.2, 1.6), again(1, 1500, 9000, 9004, 9008, 9016)), paths: quiet},
		{name: "a larger size tried, as PLPMTUD does", sights: join(greet(8940, 8940), []sight{data(1, 1, 2000), data(1.01, 1941, 500),
			ack(1.1, 1, 1941, 2381), data(1.2, 1, 1200), data(1.2, 1141, 860), ack(1.3, 2381)}),
			paths: []string{"a>b mss 8940/8940", "b>a mss 8940/8940"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, tt.run)
	}
}
