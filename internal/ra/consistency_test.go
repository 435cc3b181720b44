package ra

import (
	"slices"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestConsistency(t *testing.T) {
	with := func(change func(*craft.RA)) []byte {
		r := goodRA
		change(&r)
		return r.Message(goodPIO)
	}
	hops := func(n uint8) []byte { return with(func(r *craft.RA) { r.CurHopLimit = n }) }
	flags := func(f uint8) []byte { return with(func(r *craft.RA) { r.Flags = f }) }
	reachable := func(ms uint32) []byte { return with(func(r *craft.RA) { r.ReachableTime = ms }) }
	retrans := func(ms uint32) []byte { return with(func(r *craft.RA) { r.RetransTimer = ms }) }
	has := func(options ...[]byte) []byte { return goodRA.Message(goodPIO, craft.Join(options...)) }
	dns := func(s ...string) []byte { return craft.RDNSS(600, s...) }
	search := func(names ...string) []byte {
		var list [][]byte
		for _, n := range names {
			list = append(list, craft.Name(n, "example"))
		}
		return craft.DNSSL(600, list...)
	}
	has0 := goodRA.Message(craft.MTU(1500))
	prefix := func(valid, preferred uint32) []byte { return prefixed(slaac(valid, preferred)) }
	two := func(a, b []byte) []shot { return []shot{ra(0, a), ra2(5, b), ra(10, a), ra2(15, b)} }
	turns := func(msgs ...[]byte) []shot {
		var shots []shot
		for i, m := range msgs {
			shots = append(shots, ra(10*float64(i), m))
		}
		return shots
	}
	counting := func(at float64) []byte { return prefix(uint32(3600-at), uint32(1800-at)) }
	cooked := func(shots []shot) []shot {
		for i := range shots {
			mac := craft.RouterMAC
			if i%2 == 1 {
				mac = otherMAC
			}
			shots[i].data = craft.SLL(2, mac, 0x86dd, shots[i].data[14:])
			shots[i].change = func(f *packet.Frame) { f.LinkType = packet.LinkTypeSLL }
		}
		return shots
	}
	impostor := func(at float64, msg []byte) shot {
		return shot{at: at, data: craft.Frame(otherMAC, craft.RouterLL, craft.AllNodes, msg)}
	}
	for _, tt := range []scene{
		{name: "cur-hop-limit", shots: two(hops(64), hops(128)), want: "ra.inconsistent-cur-hop-limit",
			detail: otherLL + " says 128, " + craft.RouterLL + " says 64"},
		{name: "cur-hop-limit unspecified", shots: two(hops(64), hops(0))},
		{name: "managed", shots: two(flags(0x80), flags(0)), want: "ra.inconsistent-managed", detail: "says M=0"},
		{name: "other", shots: two(flags(0x40), flags(0)), want: "ra.inconsistent-other", detail: "says O=0"},
		{name: "other, with M on both", shots: two(flags(0xc0), flags(0x80))},
		{name: "both flags", shots: two(flags(0xc0), flags(0)), want: "ra.inconsistent-managed ra.inconsistent-other"},
		{name: "preference", shots: two(flags(0x08), flags(0x18))},
		{name: "reachable-time", shots: two(reachable(30000), reachable(60000)), want: "ra.inconsistent-reachable-time", detail: "60000 ms"},
		{name: "reachable-time unspecified", shots: two(reachable(30000), reachable(0))},
		{name: "retrans-timer", shots: two(retrans(1000), retrans(2000)), want: "ra.inconsistent-retrans-timer", detail: "2000 ms"},
		{name: "retrans-timer unspecified", shots: two(retrans(1000), retrans(0))},
		{name: "mtu", shots: two(has(craft.MTU(1500)), has(craft.MTU(1450))), want: "ra.inconsistent-mtu", detail: "says 1450"},
		{name: "mtu not said", shots: two(has(craft.MTU(1450)), has())},
		{name: "mtu that hosts ignore", shots: two(has(craft.MTU(1500)), has(craft.MTU(1000))), want: "mtu.below-1280 mtu.below-1280"},
		{name: "router lifetime", shots: two(routerLifetimeOf(1800), routerLifetimeOf(600))},

		{name: "valid lifetime", shots: two(prefix(86400, 1800), prefix(43200, 1800)), want: "ra.inconsistent-valid-lifetime", detail: "2001:db8::/64"},
		{name: "preferred lifetime", shots: two(prefix(86400, 14400), prefix(86400, 7200)), want: "ra.inconsistent-preferred-lifetime"},
		{name: "one deprecates it", shots: two(prefix(86400, 14400), prefix(86400, 0)), want: "ra.inconsistent-preferred-lifetime"},
		{name: "one without end", shots: two(prefix(86400, 1800), prefix(0xffffffff, 1800)),
			want: "pio.lifetime-long pio.lifetime-long ra.inconsistent-valid-lifetime"},
		{name: "lifetimes count down together", shots: []shot{ra(0, counting(0)), ra2(5, counting(5)), ra(600, counting(600)), ra2(604, counting(601))}},
		{name: "one counts down, one does not", shots: []shot{ra(0, counting(0)), ra2(5, counting(0)), ra(300, counting(300)), ra2(305, counting(0))},
			want: "ra.inconsistent-preferred-lifetime ra.inconsistent-valid-lifetime"},
		{name: "different prefixes", shots: two(prefix(86400, 14400), prefixed(craft.PIO("2001:db8:2::", 64, 0xc0, 7200, 3600)))},
		{name: "different host bits", shots: two(prefix(86400, 14400), prefixed(craft.PIO("2001:db8::2", 64, 0xc0, 86400, 14400))),
			want: "pio.host-bits pio.host-bits"},

		{name: "rdnss", shots: two(has(dns("2001:db8::53")), has(dns("2001:db8::54"))), want: "ra.inconsistent-rdnss", detail: "2001:db8::54"},
		{name: "rdnss in another order", shots: two(has(dns("2001:db8::53", "2001:db8::54")), has(dns("2001:db8::54"), dns("2001:db8::53")))},
		{name: "rdnss, some of them", shots: two(has(dns("2001:db8::53", "2001:db8::54")), has(dns("2001:db8::54")))},
		{name: "rdnss not said", shots: two(has(dns("2001:db8::53")), has())},
		{name: "rdnss withdrawn", shots: two(has(dns("2001:db8::53")), has(craft.RDNSS(0, "2001:db8::54")))},
		{name: "rdnss of long ago", shots: []shot{ra(0, has(craft.RDNSS(20, "2001:db8::53"))), ra(10, has()), ra(60, has()), ra2(65, has(dns("2001:db8::54")))}},
		{name: "dnssl", shots: two(has(search("a")), has(search("b"))), want: "ra.inconsistent-dnssl", detail: "b.example"},
		{name: "servers that hosts ignore", shots: two(has(dns("2001:db8::53"), search("a"), craft.PREF64("64:ff9b::", 0, 1800)),
			has(craft.WithLength(craft.Join(dns("2001:db8::54"), make([]byte, 8)), 4), craft.DNSSL(600, []byte{9, 'x'}), craft.PREF64("2001:db8:64::", 7, 1800))),
			want: "dnssl.encoding dnssl.encoding pref64.plc pref64.plc rdnss.length rdnss.length"},
		{name: "dnssl in capitals", shots: two(has(search("zone")), has(search("ZONE")))},
		{name: "captive-portal", shots: two(has(craft.CaptivePortal("https://a.example/")), has(craft.CaptivePortal("https://b.example/"))),
			want: "ra.inconsistent-captive-portal", detail: `"https://b.example/"`},
		{name: "captive-portal padded otherwise", shots: two(has(craft.CaptivePortal("https://a.example/")),
			has(craft.CaptivePortal("https://a.example/\x00\x00\x00\x00\x00\x00\x00\x00")))},
		{name: "pref64", shots: two(has(craft.PREF64("64:ff9b::", 0, 1800)), has(craft.PREF64("2001:db8:64::", 0, 1800))), want: "ra.inconsistent-pref64"},
		{name: "pref64 withdrawn", shots: two(has(craft.PREF64("64:ff9b::", 0, 1800)), has(craft.PREF64("2001:db8:64::", 0, 0)))},

		{name: "no default router", shots: two(hops(64), craft.RA{CurHopLimit: 128, Flags: 0x80}.Message(craft.RIO("2001:db8:f::", 48, 0, 1800, 8)))},
		{name: "the other said goodbye", shots: []shot{ra(0, hops(64)), ra(10, craft.RA{CurHopLimit: 64}.Message(goodPIO)), ra2(15, hops(128)), ra2(25, hops(128))}},
		{name: "the other is long gone", shots: []shot{ra(0, hops(64)), ra2(2000, hops(128)), ra2(2010, hops(128))}, want: "ra.final-missing"},
		{name: "the clock was set in between", shots: []shot{ra(0, hops(64)), ra2(-5000, hops(128)), ra2(-4990, hops(128))}},
		{name: "on two VLANs", shots: []shot{ra(0, hops(64)), {at: 5, data: tagged(craft.Frame(otherMAC, otherLL, craft.AllNodes, hops(128)))}, ra(10, hops(64))}},
		{name: "interfaces that the capture mixes", shots: cooked(two(hops(64), hops(128)))},
		{name: "an RA that receivers drop", shots: []shot{ra(0, hops(64)), {at: 5, data: craft.EthernetIPv6(otherMAC, craft.AllNodes,
			craft.IPv6(otherLL, craft.AllNodes, 64, 58, craft.ICMPv6(otherLL, craft.AllNodes, hops(128))))}}, want: "nd.hop-limit"},
		{name: "one address, two machines", shots: []shot{ra(0, hops(64)), impostor(5, hops(128)), ra(10, hops(64)), impostor(15, hops(128))},
			want: "ra.inconsistent-cur-hop-limit", detail: craft.RouterLL + " at " + otherMAC + " says 128"},
		{name: "one address, two machines that agree", shots: []shot{ra(0, hops(64)), impostor(5, hops(64)), ra(10, hops(64))}},
		{name: "three routers", shots: []shot{ra(0, hops(64)), ra2(5, hops(128)), impostor(6, hops(128)), ra(10, hops(64))},
			want: "ra.inconsistent-cur-hop-limit ra.inconsistent-cur-hop-limit"},

		{name: "both set anew at one moment", shots: []shot{ra(0, hops(64)), ra2(5, hops(64)), ra(10, hops(128)), ra2(15, hops(128)), ra(20, hops(128))}},
		{name: "one set anew", shots: []shot{ra(0, hops(64)), ra2(5, hops(64)), ra(10, hops(128)), ra2(15, hops(64)), ra(20, hops(128))},
			want: "ra.inconsistent-cur-hop-limit"},
		{name: "prefix deprecated by both", shots: []shot{ra(0, prefix(86400, 14400)), ra2(5, prefix(86400, 14400)), ra(10, prefix(86400, 0)), ra2(15, prefix(86400, 0))}},
		{name: "servers set anew by both", shots: []shot{ra(0, has(dns("2001:db8::53"))), ra2(5, has(dns("2001:db8::53"))),
			ra(10, has(dns("2001:db8::54"))), ra2(15, has(dns("2001:db8::54"))), ra(20, has(dns("2001:db8::54")))}},

		{name: "in turn", shots: turns(hops(64), hops(128), hops(64), hops(128)), want: "ra.inconsistent-cur-hop-limit", detail: "says 64 and 128 in turn"},
		{name: "M in turn", shots: turns(flags(0x80), flags(0), flags(0x80), flags(0)), want: "ra.inconsistent-managed"},
		{name: "lifetime in turn", shots: turns(prefix(86400, 1800), prefix(43200, 1800), prefix(86400, 1800), prefix(43200, 1800)), want: "ra.inconsistent-valid-lifetime",
			detail: "86400 and 43200 for 2001:db8::/64 in turn"},
		{name: "set once", shots: turns(hops(64), hops(64), hops(128), hops(128), hops(128))},
		{name: "set twice", shots: turns(hops(64), hops(128), hops(32), hops(255))},
		{name: "set back in an hour", shots: []shot{ra(0, hops(64)), ra(10, hops(128)), ra(600, hops(128)), ra(1200, hops(128)), ra(1800, hops(128)), ra(3600, hops(64))}},
		{name: "unspecified in between", shots: turns(hops(64), hops(0), hops(64), hops(0))},
		{name: "restart with other values and back", shots: turns(hops(64), hops(128), craft.RA{CurHopLimit: 128}.Message(goodPIO), hops(64), hops(64))},
		{name: "a goodbye that deprecates", shots: turns(prefix(86400, 14400), craft.RA{CurHopLimit: 64}.Message(slaac(7300, 0)), prefix(86400, 14400))},
		{name: "lifetimes that count down and are renewed", shots: turns(prefix(3600, 1800), prefix(3590, 1790), prefix(3600, 1800), prefix(3590, 1790), prefix(3600, 1800))},
		{name: "lifetimes that count down in parts and are renewed", shots: turns(prefix(3600, 1800), has0, prefix(3580, 1780), has0, prefix(3600, 1800))},
		{name: "options in parts", shots: turns(has(craft.MTU(1500)), has(dns("2001:db8::53")), has(dns("2001:db8::54")), has(craft.MTU(1500)), has(dns("2001:db8::53")))},
		{name: "options that nobody knows", shots: turns(has(craft.Option(0)), has(), has(craft.Option(0)), has()), want: "nd.opt-unknown nd.opt-unknown"},
		{name: "captive-portal in turn", shots: turns(has(craft.CaptivePortal("https://a.example/")), has(craft.CaptivePortal("https://b.example/")),
			has(craft.CaptivePortal("https://a.example/")), has(craft.CaptivePortal("https://b.example/"))), want: "ra.inconsistent-captive-portal", detail: "one URI and another in turn"},
		{name: "one prefix twice in an RA", shots: turns(prefixed(slaac(86400, 1800), slaac(43200, 1800)), prefixed(slaac(86400, 1800), slaac(43200, 1800))),
			want: "pio.duplicate pio.duplicate"},
	} {
		t.Run(tt.name, tt.run)
	}
}

func routerLifetimeOf(s uint16) []byte {
	r := goodRA
	r.Lifetime = s
	return r.Message(goodPIO)
}

// A link full of routers that all disagree must not drown the reader.
func TestConflictsAreBounded(t *testing.T) {
	s := newStage(t, Options{})
	for i := range 100 {
		r := goodRA
		r.CurHopLimit = uint8(100 + i)
		mac := packet.MAC{2, 0, 0, 0, 1, byte(i)}.String()
		s.play(shot{at: 2 * float64(i), data: craft.Frame(mac, "fe80::1", craft.AllNodes, r.Message(goodPIO))})
	}
	if len(s.found) != maxConflicts || s.found[0].Rule != "ra.inconsistent-cur-hop-limit" {
		t.Errorf("%d findings, want %d", len(s.found), maxConflicts)
	}
	subjects := make([]string, 0, len(s.found))
	for _, f := range s.found {
		subjects = append(subjects, f.Source.String()+f.Subject+f.Detail)
	}
	slices.Sort(subjects)
	if len(slices.Compact(subjects)) != len(s.found) {
		t.Error("a conflict was told twice")
	}
}
