package ra

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
)

// What a new guest gets counts, and not what hosts still have from earlier (apache/cloudstack#13121 after a restart or a
// failover).
func TestPrefixLost(t *testing.T) {
	good, bare := routerLifetime(45), func() []byte { r := goodRA; r.Lifetime = 45; return r.Message() }()
	otherGood := goodRA.Message(goodPIO)
	goodbye := routerLifetime(0)
	notDefault := routerLifetime(0)
	other := func(msg []byte) func(float64) shot { return func(at float64) shot { return ra2(at, msg) } }
	mtu, dns, route := craft.MTU(1500), craft.RDNSS(600, "2001:db8::53"), craft.RIO("2001:db8:f::", 48, 0, 1800, 8)
	// parts sends a full RA's options one part after another, each in an RA of its own.
	parts := func(n int, step float64, parts ...[]byte) []shot {
		i := -1
		return every(0, step, n, func(at float64) shot { i++; return ra(at, goodRA.Message(parts[i%len(parts)])) })
	}
	const lost = "ra.no-address-source"
	const kept = "2001:db8::/64"
	for _, tt := range []struct {
		scene
		prefixes string
	}{
		{scene{name: "lost by a restart", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, goodbye)}, every(50, 10, 50, sends(bare))),
			want: lost, detail: "stopped advertising prefix 2001:db8::/64, last in frame 6, 495.0 s ago"}, ""},
		{scene{name: "lost by a restart, heard once since", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, goodbye), ra(50, bare)}), want: lost}, ""},
		{scene{name: "lost by a restart, a goodbye without options", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, craft.RA{CurHopLimit: 64}.Message()), ra(50, bare)}),
			want: lost}, ""},
		{scene{name: "lost", shots: join(every(0, 10, 5, sends(good)), every(50, 10, 50, sends(bare))), want: lost, detail: "last in frame 5, 500.0 s ago"}, ""},
		{scene{name: "lost for three RAs", shots: join(every(0, 10, 5, sends(good)), every(50, 10, 3, sends(bare))), want: lost}, ""},
		{scene{name: "lost after it was heard once", shots: join([]shot{ra(0, good)}, every(10, 10, 10, sends(bare))), want: lost}, ""},
		{scene{name: "lost by failover", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, goodbye)}, every(50, 10, 5, other(bare))),
			want: lost, detail: "router fe80::ff:fe00:1 stopped"}, ""},
		{scene{name: "lost by failover without a goodbye", shots: join(every(0, 10, 5, sends(good)), every(50, 10, 10, other(bare))),
			want: "ra.final-missing " + lost}, ""},
		{scene{name: "lost by both", shots: inTurn(every(0, 10, 5, sends(good)), every(5, 10, 5, other(otherGood)),
			every(50, 10, 5, sends(bare)), every(55, 10, 5, other(bare))), want: lost}, ""},
		{scene{name: "lost again", shots: join(every(0, 10, 5, sends(good)), every(50, 10, 50, sends(bare)), every(550, 10, 5, sends(good)),
			every(600, 10, 50, sends(bare))), want: lost}, ""},

		{scene{name: "never there, stopped", shots: join(every(0, 10, 5, sends(bare)), []shot{ra(45, craft.RA{CurHopLimit: 64}.Message())}), want: lost}, ""},
		{scene{name: "both good, one says goodbye", shots: inTurn(every(0, 10, 5, sends(good)), every(5, 10, 10, other(otherGood)), []shot{ra(46, goodbye)})}, kept},
		{scene{name: "one without, the other alive", shots: inTurn(every(0, 10, 20, sends(good)), every(5, 10, 20, other(bare)))}, kept},
		{scene{name: "missing from two RAs", shots: join(every(0, 10, 5, sends(good)), every(50, 10, 2, sends(bare)))}, kept},
		{scene{name: "missing from an answer", shots: join(every(0, 10, 5, sends(good)), every(41, 2, 5, func(at float64) shot { return raTo(at, craft.GuestLL, bare) }))}, kept},
		{scene{name: "only in answers", shots: join(every(0, 10, 20, sends(bare)), []shot{raTo(195, craft.GuestLL, good)})}, kept},
		{scene{name: "missing from one burst", shots: join(every(0, 10, 5, sends(good)), every(50, 0.1, 8, func(at float64) shot {
			return ra(at, goodRA.Message(craft.MTU(uint32(1400+at*10-500))))
		}))}, kept},
		{scene{name: "two parts in turn", shots: parts(39, 10, goodPIO, mtu)}, kept},
		{scene{name: "four parts in turn", shots: parts(40, 10, goodPIO, mtu, dns, route)}, kept},
		{scene{name: "four parts, once", shots: parts(4, 10, goodPIO, mtu, dns, route)}, kept},
		{scene{name: "parts right after each other", shots: join(parts(4, 0.1, goodPIO, mtu, dns, route), every(10, 0.1, 3, sends(good)))}, kept},
		{scene{name: "two prefixes in turn", shots: parts(41, 10, goodPIO, craft.PIO("2001:db8:2::", 64, 0xc0, 86400, 14400))}, kept + " 2001:db8:2::/64"},
		{scene{name: "restarted", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, goodbye), ra(46, good)})}, kept},
		{scene{name: "stopped", shots: join(every(0, 10, 5, sends(good)), []shot{ra(45, goodbye), ns(400)})}, ""},
		{scene{name: "stopped, three goodbyes", shots: join(every(0, 10, 5, sends(good)), every(45, 4, 3, sends(goodbye)))}, ""},
		{scene{name: "silent", shots: join(every(0, 10, 5, sends(good)), []shot{ns(400)}), want: "ra.final-missing"}, ""},
		{scene{name: "no default router any longer", shots: inTurn(every(0, 10, 5, sends(good)), every(50, 10, 10, sends(notDefault)), every(55, 10, 10, other(bare)))}, kept},
		{scene{name: "never a default router", shots: inTurn(every(0, 10, 15, sends(notDefault)), every(5, 10, 15, other(bare)))}, kept},
		{scene{name: "the clock is set back", shots: join(every(0, 10, 5, sends(good)), every(-5000, 10, 2, sends(bare)))}, kept},
	} {
		t.Run(tt.name, func(t *testing.T) {
			tt.run(t)
			s := newStage(t, Options{})
			for _, x := range tt.shots {
				s.play(x)
			}
			if got := fmt.Sprint(s.checker.Links()[0].Prefixes()); got != "["+tt.prefixes+"]" {
				t.Errorf("prefixes %s, want [%s]", got, tt.prefixes)
			}
		})
	}
}
