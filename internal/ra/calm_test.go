package ra

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// from returns an RA to all nodes of one address, sent from another Ethernet address.
func from(at float64, mac, src string, msg []byte) shot {
	return shot{at: at, data: craft.Frame(mac, src, craft.AllNodes, msg)}
}

// A router that was away, or a capture that paused, is no slow router.
func TestOutages(t *testing.T) {
	vr := func(at float64) shot {
		return ra(at, fields(func(r *craft.RA) { r.Lifetime = 45 }, craft.RDNSS(30, "2001:db8::53")))
	}
	slow := func(at float64) shot {
		return ra(at, fields(func(r *craft.RA) { r.Lifetime = 1800 }, craft.RDNSS(30, "2001:db8::53")))
	}
	dns := func(s uint32) func(float64) shot { return sends(healthy(craft.RDNSS(s, "2001:db8::53"))) }
	uneven := func(f func(float64) shot, at ...float64) []shot {
		var shots []shot
		for _, t := range at {
			shots = append(shots, f(t))
		}
		return shots
	}
	for _, tt := range []scene{
		{name: "killed and started again", shots: join(every(0, 10, 6, vr), every(110, 10, 6, vr))},
		{name: "killed twice", shots: join(every(0, 10, 4, vr), every(90, 10, 4, vr), every(180, 10, 4, vr))},
		{name: "killed soon, and often", shots: uneven(vr, 0, 10, 70, 80, 140, 150, 210, 220)},
		{name: "an outage of 40 s", shots: join(every(0, 10, 4, vr), every(70, 10, 4, vr))},
		{name: "two outages of 40 s", shots: join(every(0, 15, 4, dns(60)), every(85, 15, 4, dns(60)), every(170, 15, 4, dns(60)))},
		{name: "two captures joined", shots: join(every(0, 10, 3, slow), every(620, 10, 3, slow))},
		{name: "three captures joined", shots: join(every(0, 10, 3, slow), every(620, 10, 3, slow), every(1240, 10, 3, slow))},
		{name: "an outage after hundreds of RAs", shots: join(every(0, 10, 200, slow), every(2060, 10, 4, slow), every(2160, 10, 200, slow))},

		{name: "slow from the first", shots: uneven(sends(routerLifetime(10)), 0, 20, 40), want: "ra.interval-vs-lifetime", detail: "2 of the last 2"},
		{name: "slow, asked in between", shots: uneven(sends(routerLifetime(45)), 0, 10, 70, 130, 135, 200), want: "ra.interval-vs-lifetime"},
		{name: "slow, an hour", shots: every(0, 3600, 4, sends(routerLifetime(1800))), want: "ra.interval-vs-lifetime"},
		{name: "slow after a day", shots: join(every(0, 10, 100, sends(routerLifetime(45))), every(1050, 60, 12, sends(routerLifetime(45)))),
			want: "ra.interval-vs-lifetime"},
		{name: "slow, with servers too", shots: every(0, 20, 3, sends(fields(func(r *craft.RA) { r.Lifetime = 10 }, craft.RDNSS(10, "2001:db8::53")))),
			want: "ra.interval-vs-lifetime rdnss.lifetime-short"},
		{name: "servers expire in the only gap", shots: every(0, 10, 2, dns(5)), want: "rdnss.lifetime-short", detail: "5 s, and 10.0 s"},
		{name: "servers expire in the longer gaps", shots: uneven(dns(12), 0, 8, 18, 33, 41, 51, 66, 74), want: "rdnss.lifetime-short",
			detail: "12 s, and 15.0 s"},
		{name: "servers expired long ago", shots: join(every(0, 15, 40, dns(12)), every(600, 15, 40, dns(60))), want: "rdnss.lifetime-short"},
		{name: "one RA is lost", shots: join(every(0, 14, 4, dns(20)), every(70, 14, 4, dns(20))), want: "rdnss.lifetime-short:info"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Hosts know a router by its address, whatever Ethernet address it uses.
func TestBond(t *testing.T) {
	goodbye := fields(func(r *craft.RA) { r.Lifetime = 0 })
	port := func(i int, at float64) shot {
		mac := packet.MAC{2, 0, 0, 0, 8, byte(i)}.String()
		r := goodRA
		r.Lifetime = 45
		return from(at, mac, craft.RouterLL, r.Message(goodPIO, craft.SLLA(mac), craft.RDNSS(30, "2001:db8::53")))
	}
	var shots []shot
	for i := range 60 {
		shots = append(shots, port(i%6, 12*float64(i)))
	}
	lone := func(at float64) shot {
		return from(at, otherMAC, craft.RouterLL, craft.RA{CurHopLimit: 64, Lifetime: 45}.Message(goodPIO, craft.RDNSS(30, "2001:db8::53")))
	}
	for _, tt := range []scene{
		{name: "six ports in turn", shots: shots, want: "rdnss.lifetime-short:info"},
		{name: "one port goes silent", shots: join(shots[:6], every(72, 10, 20, func(at float64) shot { return port(0, at) })),
			want: "rdnss.lifetime-short:info"},
		{name: "goodbyes from another port", shots: []shot{lone(0), ra(10, goodbye), lone(100), ra(110, goodbye), lone(200), ra(210, goodbye), lone(300)}},
		{name: "another port each time the clock is set", shots: []shot{port(0, 0), port(1, 1e5), port(1, 2e5), port(1, 3e5)}},
		{name: "all ports go silent", shots: []shot{port(0, 0), port(1, 10), ns(100)}, want: "ra.final-missing"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// A mirror port may show each frame several times.
func TestCopies(t *testing.T) {
	copies := func(n int, shots []shot) []shot {
		var all []shot
		for _, x := range shots {
			for i := range n {
				y := x
				y.at += 0.02 * float64(i)
				all = append(all, y)
			}
		}
		return all
	}
	hops := func(n uint8) []byte { return fields(func(r *craft.RA) { r.CurHopLimit = n }) }
	turns := []shot{ra(0, hops(64)), ra(10, hops(255)), ra(20, hops(64)), ra(30, hops(255))}
	slow := every(0, 60, 4, sends(routerLifetime(45)))
	for _, tt := range []scene{
		{name: "four of each", shots: copies(4, every(0, 10, 6, sends(healthy())))},
		{name: "two of each at a second", shots: copies(2, every(0, 1, 5, sends(healthy()))), want: "ra.too-fast", detail: "4 equal RAs to all nodes within 3.0 s"},
		{name: "at a second", shots: every(0, 1, 5, sends(healthy())), want: "ra.too-fast"},
		{name: "twice a second", shots: every(0, 0.5, 8, sends(healthy())), want: "ra.too-fast"},
		{name: "ten a second", shots: every(0, 0.1, 40, sends(healthy())), want: "ra.too-fast"},
		{name: "four of each, slow", shots: copies(4, slow), want: "ra.interval-vs-lifetime"},
		{name: "four of each, in turn", shots: copies(4, turns), want: "ra.inconsistent-cur-hop-limit"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Whoever tries another value is one machine.
func TestTriedAndTakenBack(t *testing.T) {
	hops := func(n uint8) func(float64) shot {
		return sends(fields(func(r *craft.RA) { r.CurHopLimit = n }))
	}
	mtu := func(n uint32) func(float64) shot { return sends(healthy(craft.MTU(n))) }
	lifetime := func(n uint32) func(float64) shot { return sends(prefixed(slaac(n, 1800))) }
	mix := func(values ...uint8) []shot {
		var shots []shot
		for i, v := range values {
			shots = append(shots, hops(v)(10*float64(i)))
		}
		return shots
	}
	for _, tt := range []scene{
		{name: "hop limit for two minutes", shots: join(every(0, 10, 12, hops(64)), every(120, 10, 12, hops(255)), every(240, 10, 12, hops(64)))},
		{name: "hop limit for two minutes, twice", shots: join(every(0, 10, 12, hops(64)), every(120, 10, 12, hops(255)), every(240, 10, 12, hops(64)),
			every(360, 10, 12, hops(255)))},
		{name: "hop limit for one RA", shots: join(every(0, 10, 3, hops(64)), every(30, 10, 1, hops(255)), every(40, 10, 9, hops(64)))},
		{name: "MTU for ten minutes", shots: join(every(0, 10, 60, mtu(1500)), every(600, 10, 60, mtu(1450)), every(1200, 10, 60, mtu(1500)))},
		{name: "valid lifetime for a minute", shots: join(every(0, 10, 6, lifetime(86400)), every(60, 10, 6, lifetime(43200)), every(120, 10, 6, lifetime(86400)))},
		{name: "two machines, not strictly in turn", shots: mix(64, 64, 255, 64, 64, 255, 255), want: "ra.inconsistent-cur-hop-limit"},
		{name: "two machines, one of them slower", shots: mix(64, 64, 64, 255, 64, 64, 64, 255), want: "ra.inconsistent-cur-hop-limit"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Two routers may each be a DNS server.
func TestOwnServers(t *testing.T) {
	with := func(pio []byte, servers ...string) []byte { return goodRA.Message(pio, craft.RDNSS(600, servers...)) }
	whole := func(s string) []byte { return craft.PIO(s, 64, 0xc0, 86400, 14400) }
	two := func(a, b []byte) []shot { return []shot{ra(0, a), ra2(5, b), ra(10, a), ra2(15, b)} }
	for _, tt := range []scene{
		{name: "link-local addresses", shots: two(with(goodPIO, craft.RouterLL), with(goodPIO, otherLL))},
		{name: "addresses of their prefix", shots: two(with(goodPIO, "2001:db8::ff:fe00:1"), with(goodPIO, "2001:db8::ff:fe00:3"))},
		{name: "addresses that stand for their prefix", shots: two(with(whole("2001:db8::1"), "2001:db8::1"), with(whole("2001:db8::2"), "2001:db8::2")),
			want: "pio.host-bits pio.host-bits pio.host-bits pio.host-bits"},
		{name: "with a common one", shots: two(with(goodPIO, craft.RouterLL, "2001:db8:9::9"), with(goodPIO, otherLL, "2001:db8:9::9"))},
		{name: "with others", shots: two(with(goodPIO, craft.RouterLL, "2001:db8:9::9"), with(goodPIO, otherLL, "2001:db8:9::8")),
			want: "ra.inconsistent-rdnss"},
		{name: "each lists the other", shots: two(with(goodPIO, otherLL), with(goodPIO, craft.RouterLL)), want: "ra.inconsistent-rdnss"},
		{name: "same interface identifier, another prefix", shots: two(with(goodPIO, "2001:db8:9::ff:fe00:1"), with(goodPIO, "2001:db8:9::ff:fe00:3")),
			want: "ra.inconsistent-rdnss"},
		{name: "no routers", shots: two(with(goodPIO, "2001:db8::53"), with(goodPIO, "2001:db8::54")), want: "ra.inconsistent-rdnss"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// Many routers are no flood.
func TestManyRouters(t *testing.T) {
	sender := func(at float64, n int) shot {
		mac := packet.MAC{2, 0, 0, 0, 9, byte(n)}.String()
		return from(at, mac, fmt.Sprintf("fe80::%x", n+1), goodRA.Message(goodPIO))
	}
	// They begin one after another, and go on every 10 seconds.
	many := func(n, rounds int, step float64) []shot {
		var shots []shot
		for k := range rounds {
			for i := range n {
				shots = append(shots, sender(10*float64(k)+step*float64(i), i))
			}
		}
		return shots
	}
	burst := func(at float64, first int) []shot {
		return every(at, 0.01, 20, func(t float64) shot { return sender(t, first+int((t-at)*100+0.5)) })
	}
	for _, tt := range []scene{
		{name: "twenty, ten seconds apart", shots: many(20, 6, 0.4)},
		{name: "twenty, of which ten speak at once", shots: join(many(20, 2, 0.4), every(20, 0, 10, func(at float64) shot { return sender(at, 3) }))},
		{name: "forty-eight", shots: many(48, 3, 0.2)},
		{name: "known ones all at once", shots: join(many(20, 2, 0.4), burst(40, 0))},
		{name: "forty-nine", shots: many(49, 1, 0.2), want: "ra.flood", detail: "49 new sources within 9.6 s"},
		{name: "seventeen in a second", shots: many(17, 1, 0.05), want: "ra.flood", detail: "17 new sources within 0.8 s"},
		{name: "sixteen in a second", shots: many(16, 3, 0.05)},
		{name: "unknown ones all at once", shots: join(many(20, 2, 0.4), burst(40, 100)), want: "ra.flood"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// A DHCPv6 server without addresses never answers a Solicit.
func TestStatelessServer(t *testing.T) {
	set := func(flags uint8, more ...shot) []shot {
		msg := craft.RA{CurHopLimit: 64, Flags: flags, Lifetime: 1800}.Message(goodPIO)
		return join(every(0, 10, 2, sends(msg)), more)
	}
	solicits, informations := []shot{dhcp(11, 1, 7), dhcp(12, 1, 7)}, []shot{dhcp(13, 11, 8), dhcp(14.1, 11, 8)}
	own := func(x shot) shot {
		x.change = func(f *packet.Frame) {
			f.Direction, f.Interface = packet.Outgoing, &packet.Interface{Name: "eth0", HardwareAddr: packet.MAC(craft.MAC(craft.GuestMAC))}
		}
		return x
	}
	for _, tt := range []scene{
		{name: "O, a client solicits", shots: set(0x40, solicits...)},
		{name: "O, a client asks for information", shots: set(0x40, informations...), want: "ra.managed-no-server", detail: "sets O;"},
		{name: "O, this host solicits", shots: set(0x40, own(dhcp(11, 1, 7)), ns(20))},
		{name: "O, this host asks for information", shots: set(0x40, own(dhcp(11, 11, 7)), ns(20)), want: "ra.managed-no-server"},
		{name: "M, a client solicits", shots: set(0x80, solicits...), want: "ra.managed-no-server", detail: "sets M;"},
		{name: "M, a client asks for information", shots: set(0x80, informations...)},
		{name: "M and O, a client solicits", shots: set(0xc0, solicits...), want: "ra.managed-no-server", detail: "sets M and O;"},
		{name: "M and O, a client asks for information", shots: set(0xc0, informations...), want: "ra.managed-no-server"},
	} {
		t.Run(tt.name, tt.run)
	}
}
