package ra

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestAbsence(t *testing.T) {
	bare := goodRA.Message(craft.SLLA(craft.RouterMAC))
	managed := craft.RA{CurHopLimit: 64, Flags: 0x80, Lifetime: 1800}
	otherConfig := craft.RA{CurHopLimit: 64, Flags: 0x40, Lifetime: 1800}
	farAway := shot{at: 5, data: craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes,
		craft.IPv6(craft.RouterLL, craft.AllNodes, 64, 58, craft.ICMPv6(craft.RouterLL, craft.AllNodes, bare)))}
	cut := func(x shot, n int) shot {
		x.change = func(f *packet.Frame) { f.Data = f.Data[:n] }
		return x
	}
	ownHost := func(x shot) shot {
		x.change = func(f *packet.Frame) {
			f.Direction, f.Interface = packet.Outgoing, &packet.Interface{Name: "eth0", HardwareAddr: packet.MAC(craft.MAC(craft.GuestMAC))}
		}
		return x
	}
	onTap := func(x shot) shot {
		x.change = func(f *packet.Frame) {
			f.Direction, f.Interface = packet.Outgoing, &packet.Interface{Name: "eth0", HardwareAddr: packet.MAC{0xfe}}
		}
		return x
	}
	asked := func(x ...shot) []shot {
		return join(every(0, 10, 2, sends(managed.Message(goodPIO))), x)
	}
	for _, tt := range []scene{
		{name: "nothing at all", want: "ra.absent"},
		{name: "no RA", shots: []shot{ns(0), ns(30)}, want: "ra.absent", detail: "30.0 s"},
		{name: "no RA, and frames were lost", shots: []shot{afterLoss(3, ns(0)), afterLoss(4, ns(30))}, want: "ra.absent", detail: "7 frames were lost to this capture, and one may have been among them"},
		{name: "no RA, too short to know", shots: []shot{ns(0), ns(9)}, want: "ra.absent", detail: "may be silent for 15 s"},
		{name: "an RA that receivers drop is no silence", shots: []shot{farAway}, want: "nd.hop-limit"},
		{name: "an RA that the capture cut is no silence", shots: []shot{cut(ra(0, healthy()), 80)}},
		{name: "an RA cut in its fixed fields", shots: []shot{cut(ra(0, healthy()), 60)}},

		{name: "no address source", shots: every(0, 10, 3, sends(bare)), want: "ra.no-address-source", detail: "only fe80:: addresses"},
		{name: "no address source, on-link prefix only", shots: every(0, 10, 3, sends(prefixed(craft.PIO("2001:db8::", 64, 0x80, 86400, 14400)))),
			want: "ra.no-address-source"},
		{name: "no address source, prefix withdrawn", shots: []shot{ra(0, prefixed(slaac(3600, 1800))), ra(10, prefixed(slaac(0, 0)))},
			want: "pio.two-hour-rule ra.no-address-source"},
		{name: "no address source, prefix run out", shots: []shot{ra(0, prefixed(slaac(60, 30))), ra(40, bare), ra(80, bare)},
			want: "ra.no-address-source"},
		{name: "no address source, two routers", shots: []shot{ra(0, bare), ra2(5, bare)}, want: "nd.slla-not-ethernet-source ra.no-address-source",
			detail: "2 routers"},
		{name: "no address source, once a link", shots: []shot{ra(0, bare), ra(10, bare), {at: 11, data: tagged(toAll(bare))}},
			want: "ra.no-address-source ra.no-address-source"},
		{name: "the other router has the prefix", shots: []shot{ra(0, bare), ra2(5, goodRA.Message(goodPIO)), ra(10, bare)}},
		{name: "the prefix is in another part of the RA", shots: []shot{ra(0, bare), ra(0.1, goodRA.Message(goodPIO))}},
		{name: "M is an address source", shots: every(0, 10, 3, sends(managed.Message()))},
		{name: "no router offers itself", shots: every(0, 10, 3, sends(craft.RA{CurHopLimit: 64}.Message(craft.RIO("2001:db8:f::", 48, 0, 1800, 8))))},
		{name: "all RAs are dropped", shots: []shot{farAway, farAway}, want: "nd.hop-limit nd.hop-limit"},
		{name: "the prefix may be in what the capture cut", shots: []shot{cut(ra(0, healthy()), 90), cut(ra(10, healthy()), 90)}},

		{name: "managed, no server", shots: asked(dhcp(11, 1, 7), dhcp(12, 1, 7)), want: "ra.managed-no-server", detail: "sets M;"},
		{name: "other, no server", shots: join(every(0, 10, 2, sends(otherConfig.Message(goodPIO))), []shot{dhcp(11, 11, 7), dhcp(12.1, 11, 7)}),
			want: "ra.managed-no-server", detail: "sets O;"},
		{name: "managed, this host asked once", shots: asked(ownHost(dhcp(11, 1, 7)), ns(12)), want: "ra.managed-no-server"},
		{name: "managed, this host asked just now", shots: asked(ownHost(dhcp(11, 1, 7)), ns(11.9))},
		{name: "asked before the first RA", shots: join([]shot{dhcp(1, 1, 7), dhcp(2, 1, 7)}, every(3, 10, 2, sends(managed.Message(goodPIO)))),
			want: "ra.managed-no-server"},
		{name: "managed, server answers", shots: asked(dhcp(11, 1, 7), dhcpAnswer(11.01, 2))},
		{name: "managed, slow server", shots: asked(dhcp(11, 1, 7), dhcp(12, 1, 7), dhcpAnswer(12.5, 7))},
		{name: "managed, the server's answer goes past", shots: asked(dhcp(11, 1, 7), dhcp(12, 1, 7), dhcp(13, 3, 8))},
		{name: "managed, clients ask once each", shots: asked(dhcp(11, 1, 7), dhcpFrom(12, otherGuestMAC, otherGuestLL, 1, 8), ns(60))},
		{name: "managed, one ask seen twice", shots: asked(dhcp(11, 1, 7), dhcp(11.00001, 1, 7), ns(60))},
		{name: "managed, an ask leaves on a tap", shots: asked(onTap(dhcp(11, 1, 7)), ns(60))},
		{name: "managed, nobody asked", shots: asked(ns(60))},
		{name: "asked without M or O", shots: join(every(0, 10, 2, sends(healthy())), []shot{dhcp(11, 1, 7), dhcp(12, 1, 7)})},
		{name: "asked on another link", shots: asked(shot{at: 11, data: tagged(dhcp(0, 1, 7).data)}, shot{at: 12, data: tagged(dhcp(0, 1, 7).data)})},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestPace(t *testing.T) {
	vr := routerLifetime(45)
	goodbye := routerLifetime(0)
	dns := func(s uint32) []byte { return healthy(craft.RDNSS(s, "2001:db8::53")) }
	countdown := func(at float64) shot { return ra(at, healthy(craft.RDNSS(uint32(600-at), "2001:db8::53"))) }
	server, part := craft.RDNSS(600, "2001:db8::53"), goodRA.Message(craft.RDNSS(600, "2001:db8::53"))
	mirrored := func(shots []shot) []shot {
		var all []shot
		for _, x := range shots {
			for i := range 5 {
				y := x
				y.at += 1e-5 * float64(i)
				all = append(all, y)
			}
		}
		return all
	}
	sender := func(at float64, n int, r craft.RA) shot {
		mac := packet.MAC{2, 0, 0, 0, 9, byte(n)}.String()
		return shot{at: at, data: craft.Frame(mac, fmt.Sprintf("fe80::%x", n+1), craft.AllNodes, r.Message(goodPIO))}
	}
	for _, tt := range []scene{
		{name: "two gaps beyond the lifetime", shots: every(0, 60, 4, sends(vr)), want: "ra.interval-vs-lifetime", detail: "60.0 s"},
		{name: "one gap beyond the lifetime", shots: join(every(0, 15, 3, sends(vr)), every(200, 15, 3, sends(vr)))},
		{name: "gaps as long as the lifetime", shots: every(0, 45.5, 4, sends(vr))},
		{name: "gaps after a goodbye", shots: []shot{ra(0, vr), ra(10, goodbye), ra(300, vr), ra(310, goodbye), ra(600, vr), ra(610, goodbye), ra(900, vr)}},
		{name: "interval option beyond the lifetime", shots: []shot{ra(0, fields(func(r *craft.RA) { r.Lifetime = 45 }, craft.Interval(60000)))},
			want: "ra.interval-vs-lifetime", detail: "60000 ms"},
		{name: "interval option below the lifetime", shots: []shot{ra(0, fields(func(r *craft.RA) { r.Lifetime = 45 }, craft.Interval(45000)))}},
		{name: "interval option of no default router", shots: []shot{ra(0, healthy()), ra2(1, craft.RA{}.Message(craft.Interval(60000)))}},

		{name: "too fast", shots: every(0, 1, 10, sends(healthy())), want: "ra.too-fast", detail: "4 equal RAs to all nodes within 3.0 s"},
		{name: "too fast, lifetimes count down", shots: every(0, 1, 10, func(at float64) shot {
			return ra(at, prefixed(slaac(uint32(3600-at), uint32(1800-at))))
		}), want: "ra.too-fast"},
		{name: "three fast RAs", shots: join(every(0, 1, 3, sends(healthy())), every(10, 10, 3, sends(healthy())))},
		{name: "as fast as allowed", shots: every(0, 2.95, 10, sends(healthy()))},
		{name: "as fast as its interval option tells mobile nodes", shots: every(0, 1, 10, sends(healthy(craft.Interval(1000))))},
		{name: "restarts", shots: []shot{ra(0, healthy()), ra(1, routerLifetime(0)), ra(1.5, healthy()), ra(2, routerLifetime(0)), ra(2.5, healthy()),
			ra(3, routerLifetime(0)), ra(3.5, healthy())}},
		{name: "split into four parts", shots: join([]shot{ra(0, healthy(server)), ra(0.1, part), ra(0.2, healthy(craft.MTU(1500))), ra(0.3, healthy())},
			[]shot{ra(10, healthy(server)), ra(10.1, part), ra(10.2, healthy(craft.MTU(1500))), ra(10.3, healthy())})},
		{name: "each answered alone", shots: join(every(0, 0.5, 10, func(at float64) shot { return raTo(at, craft.GuestLL, healthy()) }),
			every(10, 10, 2, sends(healthy())))},
		{name: "mirrored five times", shots: mirrored(every(0, 10, 6, sends(healthy())))},
		{name: "two routers take turns", shots: join(every(0, 2, 2, sends(goodRA.Message(goodPIO))),
			every(1, 2, 2, func(at float64) shot { return ra2(at, goodRA.Message(goodPIO)) }))},

		{name: "flood of one", shots: every(0, 0.012, 100, sends(healthy())), want: "ra.flood ra.too-fast", detail: "65 RAs within"},
		{name: "many, not a flood", shots: every(0, 0.02, 100, func(at float64) shot { return raTo(at, craft.GuestLL, healthy()) })},
		{name: "flood of a loop", shots: every(0, 1e-4, 200, sends(healthy())), want: "ra.flood"},

		{name: "flood of many, who differ and do not say goodbye", shots: join(every(0, 0.05, 30, func(at float64) shot {
			n := int(at*20 + 0.5)
			return sender(at, n, craft.RA{CurHopLimit: uint8(64 + max(0, n-17)), Lifetime: 45})
		}), []shot{ns(100)}), want: "ra.flood", detail: "17 new sources within 0.8 s"},
		{name: "sixteen routers", shots: every(0, 0.25, 64, func(at float64) shot { return sender(at, int(at*4+0.5)%16, goodRA) })},

		{name: "gone without a goodbye", shots: []shot{ra(0, vr), ra(10, vr), ns(60)}, want: "ra.final-missing", detail: "50.0 s"},
		{name: "gone, the lifetime not over", shots: []shot{ra(0, vr), ra(10, vr), ns(55.5)}},
		{name: "gone with a goodbye", shots: []shot{ra(0, vr), ra(10, goodbye), ns(600)}},
		{name: "answers one host only", shots: []shot{ra(0, vr), raTo(40, craft.GuestLL, vr), ns(80)}},

		{name: "servers expire", shots: every(0, 20, 3, sends(dns(10))), want: "rdnss.lifetime-short", detail: "10 s, and 20.0 s"},
		{name: "servers expire once", shots: join(every(0, 10, 3, sends(dns(30))), []shot{ra(60, dns(30))})},
		{name: "servers below three intervals", shots: every(0, 15, 3, sends(dns(30))), want: "rdnss.lifetime-short:info", detail: "15.0 s"},
		{name: "servers of three intervals", shots: every(0, 15.2, 3, sends(dns(45)))},
		{name: "servers without end", shots: every(0, 15, 3, sends(dns(0xffffffff)))},
		{name: "servers heard once", shots: []shot{ra(0, dns(5))}},
		{name: "servers count down", shots: every(0, 10, 50, countdown)},
		{name: "servers withdrawn", shots: []shot{ra(0, dns(60)), ra(10, dns(0)), ra(400, dns(60)), ra(410, dns(60))}},
		{name: "servers, a restart", shots: []shot{ra(0, dns(60)), ra(10, goodbye), ra(400, dns(60)), ra(410, dns(60))}},
		{name: "servers in every other part", shots: []shot{ra(0, dns(90)), ra(10, healthy()), ra(20, dns(90)), ra(30, healthy()), ra(40, dns(90))}},

		{name: "the clock is set back", shots: []shot{ra(0, dns(60)), ra(10, dns(60)), ra(-5000, dns(60)), ra(-4990, dns(60)), ns(-4985)}},
		{name: "the clock is set forth", shots: []shot{ra(0, dns(60)), ra(10, dns(60)), ra(1e6, dns(60)), ra(1e6+10, dns(60)), ra(2e6, dns(60)), ns(3e6)}},
		{name: "the clock is set half an hour forth", shots: []shot{ra(0, dns(60)), ra(10, dns(60)), ra(3600, dns(60)), ra(3610, dns(60))}},
		{name: "RAs out of order", shots: []shot{ra(0, vr), ra(15, vr), ra(14.99, vr), ra(30, vr), ra(29.5, vr), ra(45, vr)}},
		{name: "time stands still", shots: every(5, 0, 20, sends(vr))},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestPrefixes(t *testing.T) {
	const second = "2001:db8:2::"
	fresh := func(preferred uint32) []byte { return craft.PIO(second, 64, 0xc0, 86400, preferred) }
	valid := func(at float64, s uint32) shot { return ra(at, prefixed(slaac(s, min(s, 1800)))) }
	onlink := func(at float64, s uint32) shot { return ra(at, prefixed(goodPIO, craft.PIO(second, 64, 0x80, s, 0))) }
	counting := func(at float64) shot { return valid(at, uint32(5400-at)) }
	for _, tt := range []scene{
		{name: "cut from a day to an hour", shots: []shot{valid(0, 86400), valid(10, 3600)}, want: "pio.two-hour-rule", detail: "86390 s left keep it for 7200 s"},
		{name: "cut again and again", shots: []shot{valid(0, 86400), valid(10, 3600), valid(20, 3600), valid(30, 60)}, want: "pio.two-hour-rule"},
		{name: "cut to nothing", shots: []shot{valid(0, 86400), ra(10, prefixed(slaac(0, 0), craft.PIO(second, 64, 0xc0, 86400, 14400)))},
			want: "pio.two-hour-rule"},
		{name: "cut below two hours", shots: []shot{valid(0, 5400), valid(10, 1800)}, want: "pio.two-hour-rule", detail: "5390 s left keep it for 5390 s"},
		{name: "cut of one without end", shots: []shot{ra(0, prefixed(slaac(0xffffffff, 1800))), valid(10, 3600)},
			want: "pio.lifetime-long pio.two-hour-rule", detail: "infinity left"},
		{name: "cut by the other router", shots: []shot{valid(0, 86400), ra2(10, prefixed(slaac(3600, 1800)))},
			want: "pio.two-hour-rule ra.inconsistent-valid-lifetime"},
		{name: "cut after it was extended", shots: []shot{valid(0, 1800), valid(1000, 3600), valid(1010, 1000)}, want: "pio.two-hour-rule", detail: "3590 s"},
		{name: "counts down, and the clock is set back", shots: []shot{valid(0, 5400), valid(-5000, 5390)}},
		{name: "cut to three hours", shots: []shot{valid(0, 86400), valid(10, 10800)}},
		{name: "cut to two hours", shots: []shot{valid(0, 86400), valid(10, 7200)}},
		{name: "counts down", shots: every(0, 10, 60, counting)},
		{name: "counts down to nothing", shots: every(0, 600, 10, func(at float64) shot { return ra(at, prefixed(slaac(uint32(5400-at), 0), fresh(14400))) })},
		{name: "short from the first", shots: every(0, 10, 60, func(at float64) shot { return valid(at, 1800) })},
		{name: "not for addresses", shots: []shot{onlink(0, 86400), onlink(10, 60)}},
		{name: "longer again", shots: []shot{valid(0, 1800), valid(10, 86400), valid(20, 86400)}},
		{name: "shorter after it ran out", shots: []shot{valid(0, 5400), ra(10, fields(func(*craft.RA) {})), valid(6000, 1800)},
			want: "pio.two-hour-rule"}, // goodPIO renewed it for a day
		{name: "preferred above valid is ignored", shots: []shot{valid(0, 86400), ra(10, prefixed(slaac(60, 120))), valid(20, 86400)},
			want: "pio.preferred-over-valid"},

		{name: "replaced", shots: join(every(0, 10, 3, sends(prefixed(goodPIO))), every(30, 10, 9, sends(prefixed(fresh(14400))))),
			want: "pio.stale-prefix", detail: "2001:db8::/64"},
		{name: "replaced, first in an answer to one host", shots: join(every(0, 10, 2, sends(prefixed(goodPIO))),
			[]shot{raTo(11, craft.GuestLL, prefixed(fresh(14400)))}, every(20, 10, 3, sends(prefixed(fresh(14400))))), want: "pio.stale-prefix"},
		{name: "replaced after a goodbye", shots: join(every(0, 10, 3, sends(prefixed(goodPIO))), []shot{ra(25, routerLifetime(0))},
			every(30, 10, 3, sends(prefixed(fresh(14400))))), want: "pio.stale-prefix"},
		{name: "an on-link one is replaced", shots: join(every(0, 10, 3, sends(prefixed(craft.PIO(second, 64, 0x80, 86400, 14400)))),
			every(30, 10, 5, sends(prefixed(goodPIO))))},
		{name: "missing now and then", shots: []shot{ra(0, prefixed(goodPIO)), ra(10, prefixed(fresh(14400))), ra(20, prefixed(fresh(14400))),
			ra(30, prefixed(goodPIO)), ra(40, prefixed(craft.PIO("2001:db8:3::", 64, 0xc0, 86400, 14400)))}},
		{name: "replaced twice in a row", shots: join(every(0, 10, 3, sends(prefixed(goodPIO))), every(30, 10, 2, sends(prefixed(fresh(14400)))))},
		{name: "replaced and deprecated", shots: join(every(0, 10, 3, sends(prefixed(goodPIO))),
			[]shot{ra(30, prefixed(slaac(86390, 0), fresh(14400)))}, every(40, 10, 5, sends(prefixed(fresh(14400)))))},
		{name: "replaced after its preferred lifetime", shots: join([]shot{ra(0, prefixed(slaac(86400, 60)))},
			every(100, 10, 5, sends(prefixed(fresh(14400)))))},
		{name: "one of two is left out", shots: join(every(0, 10, 3, sends(prefixed(goodPIO, fresh(14400)))), every(30, 10, 5, sends(prefixed(fresh(14400)))))},
		{name: "a part of the options each time", shots: join([]shot{ra(0, prefixed(goodPIO)), ra(0.1, prefixed(fresh(14400))), ra(0.2, goodRA.Message())},
			[]shot{ra(10, prefixed(goodPIO)), ra(10.1, prefixed(fresh(14400))), ra(10.2, goodRA.Message())},
			[]shot{ra(20, prefixed(goodPIO)), ra(20.1, prefixed(fresh(14400))), ra(20.2, goodRA.Message())})},
		{name: "a new one on-link only", shots: join(every(0, 10, 3, sends(prefixed(goodPIO))),
			every(30, 10, 5, sends(prefixed(craft.PIO(second, 64, 0x80, 86400, 14400))))), want: "ra.no-address-source"},
	} {
		t.Run(tt.name, tt.run)
	}
}
