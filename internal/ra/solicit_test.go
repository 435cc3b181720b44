package ra

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestSolicitations(t *testing.T) {
	periodic := func(from float64, n int) []shot { return every(from, 10, n, sends(healthy())) }
	// Whatever is sent to the guest alone stays out of sight.
	blind := func(shots ...[]shot) []shot {
		var seen []shot
		for _, x := range join(shots...) {
			if x.data[0]&1 == 1 {
				seen = append(seen, x)
			}
		}
		return seen
	}
	answered := func(at float64) []shot { return []shot{rs(at), raTo(at+0.1, craft.GuestLL, healthy())} }
	far := func(x shot) shot { // hop limit 64
		x.data[21] = 64
		return x
	}
	from := func(at float64, src, dst string, msg []byte) shot {
		return shot{at: at, data: craft.Frame(craft.GuestMAC, src, dst, msg)}
	}
	nobody := func(at float64) shot { return from(at, "::", craft.AllRouters, craft.RS()) }
	raw := func(x shot) shot {
		x.data = x.data[14:]
		x.change = func(f *packet.Frame) { f.LinkType = packet.LinkTypeIPv6 }
		return x
	}
	own := func(x shot) shot {
		x.change = directed("eth0", packet.Outgoing)
		return x
	}
	ownRA := func(at float64) shot { return own(ra(at, healthy())) }
	noAnswer := []shot{rs(0), rs(4), rs(8)}
	for _, tt := range []scene{
		{name: "unanswered", shots: join(noAnswer, periodic(12, 3)), want: "ra.solicit-unanswered",
			detail: "solicited 3 times within 8.0 s and repeated itself, so it heard no answer; the next RA to all nodes came 4.0 s after the last; no router"},
		{name: "unanswered, the router known", shots: join(periodic(-10, 1), noAnswer, periodic(12, 3)), want: "ra.solicit-unanswered",
			detail: "came 4.0 s after the last"},
		{name: "unanswered twice on this host", shots: []shot{own(rs(0)), own(rs(4)), ra(9, healthy()), ra(19, healthy())}, want: "ra.solicit-unanswered",
			detail: "2 times within 4.0 s"},
		{name: "unanswered twice by this host", shots: []shot{ownRA(-1), rs(4), rs(8), ownRA(13), ownRA(23)}, want: "ra.solicit-unanswered"},
		{name: "unanswered twice by this host, seen to the end", shots: []shot{ownRA(-1), rs(4), rs(8), ns(13)}, want: "ra.solicit-unanswered"},
		{name: "two programs of one host", shots: []shot{rs(0), rs(4), ra(9, healthy()), ra(19, healthy())}},
		{name: "two programs of one host, seen to the end", shots: []shot{ra(-10, healthy()), rs(0), rs(6), ns(20)}},
		{name: "two programs of one host, restarted", shots: []shot{ra(-10, healthy()), rs(0), rs(6), rs(30), rs(36), ns(50)}},
		{name: "two programs of one host, one in haste", shots: []shot{rs(0), rs(1), rs(5), ra(12, healthy())}},
		{name: "unanswered, the third by chance in time", shots: join(noAnswer, periodic(10, 3)), want: "ra.solicit-unanswered"},
		{name: "unanswered as RFC 7559 repeats", shots: []shot{rs(0), rs(3.7), rs(12), ra(14, healthy())}, want: "ra.solicit-unanswered"},
		{name: "unanswered, told once", shots: join(noAnswer, periodic(12, 3), []shot{rs(41), rs(45), rs(49), ra(53, healthy())}), want: "ra.solicit-unanswered"},
		{name: "two hosts", shots: join([]shot{rs(0), from(1, otherGuestLL, craft.AllRouters, craft.RS()), rs(4), from(5, otherGuestLL, craft.AllRouters, craft.RS()),
			rs(8), from(8.6, otherGuestLL, craft.AllRouters, craft.RS())},
			periodic(12, 3)), want: "ra.solicit-unanswered ra.solicit-unanswered"},
		{name: "two hosts answered once", shots: join(noAnswer, []shot{from(9, otherGuestLL, craft.AllRouters, craft.RS())}, periodic(12, 3)), want: "ra.solicit-unanswered"},
		{name: "seen to the end", shots: join(periodic(-10, 2), []shot{rs(1), rs(5), rs(9), ns(13)}), want: "ra.solicit-unanswered", detail: "no RA came in the 4.0 s"},
		{name: "from no address", shots: join([]shot{nobody(0), nobody(4), nobody(8)}, periodic(12, 1)), want: "ra.solicit-unanswered"},

		{name: "answered to all", shots: join([]shot{rs(0), ra(0.4, healthy())}, periodic(10, 2))},
		{name: "answered alone", shots: join(periodic(-5, 1), answered(0), periodic(10, 2))},
		{name: "answered late, as the rate limit has it", shots: join(periodic(-0.1, 1), []shot{rs(0), ra(3.4, healthy())}, periodic(10, 2))},
		{name: "answered out of sight", shots: blind(periodic(-5, 1), answered(0), periodic(10, 2))},
		{name: "answered out of sight, restarts", shots: blind(periodic(-5, 1), answered(0), answered(30), periodic(35, 1), answered(60), answered(75), periodic(90, 2))},
		{name: "answered the second time", shots: join([]shot{rs(0)}, answered(4), periodic(12, 3))},
		{name: "the second by chance in time", shots: join([]shot{rs(0), rs(4)}, periodic(7, 3))},
		{name: "sent faster than a router may answer", shots: join([]shot{rs(0), rs(1), rs(2), rs(3)}, periodic(3.3, 3))},
		{name: "seen five times each", shots: []shot{rs(0), rs(0.00001), rs(0.00002), rs(0.00003), rs(0.00004), ra(0.2, healthy()), ra(10, healthy())}},
		{name: "one before the end", shots: join(periodic(0, 2), []shot{rs(15), ns(15.2)})},
		{name: "two before the end", shots: join(periodic(0, 2), []shot{rs(11), rs(15), ns(15.2)})},
		{name: "the router came up long after", shots: join(noAnswer, periodic(700, 2))},
		{name: "the router was gone by then", shots: []shot{ra(0, routerLifetime(45)), ra(10, routerLifetime(0)), rs(20), rs(24), rs(28), ns(60)}},
		{name: "dropped by routers", shots: join([]shot{far(rs(0)), far(rs(4)), far(rs(8))}, periodic(12, 1)), want: "nd.hop-limit nd.hop-limit nd.hop-limit"},
		{name: "to one router", shots: join([]shot{from(0, craft.GuestLL, otherLL, craft.RS()), from(4, craft.GuestLL, otherLL, craft.RS()),
			from(8, craft.GuestLL, otherLL, craft.RS())}, periodic(12, 1))},
		{name: "from nobody knows whom", shots: join([]shot{raw(nobody(0)), raw(nobody(4)), raw(nobody(8))}, periodic(12, 1))},
		{name: "the clock is set between", shots: []shot{ra(0, healthy()), rs(5), rs(-4000), rs(-3996), ra(-3995, healthy())}},
		{name: "unanswered after the clock was set", shots: []shot{ra(0, healthy()), rs(5), rs(-4000), rs(-3996), rs(-3992), ra(-3980, healthy())},
			want: "ra.solicit-unanswered", detail: "3 times within 8.0 s"},
		{name: "out of order", shots: join(periodic(-5, 1), []shot{ra(0.001, healthy()), rs(0), ra(4.001, healthy()), rs(4), ra(8.001, healthy()), rs(8)},
			periodic(20, 1))},
		{name: "out of order, alone", shots: join(periodic(-5, 1), []shot{raTo(0.001, craft.GuestLL, healthy()), rs(0), raTo(4.001, craft.GuestLL, healthy()), rs(4),
			raTo(8.001, craft.GuestLL, healthy()), rs(8)}, periodic(20, 1))},

		{name: "no router", shots: join(noAnswer, []shot{ns(20)}), want: "ra.absent rs.unanswered", detail: "solicited 3 times"},
		{name: "no router on this link", shots: join(noAnswer, []shot{{at: 10, data: tagged(toAll(healthy()))}}), want: "rs.unanswered:info", detail: "on another link"},
		{name: "no router, gave up early", shots: []shot{rs(0), rs(4), ns(20)}, want: "ra.absent"},
		{name: "no router, one RS seen three times", shots: []shot{rs(0), rs(0.001), rs(0.002)}, want: "ra.absent"},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestHosts(t *testing.T) {
	play := func(shots ...shot) *Host {
		t.Helper()
		s := newStage(t, Options{})
		for _, x := range shots {
			s.play(x)
		}
		links := s.checker.Links()
		if len(links) != 1 || len(links[0].Hosts) != 1 {
			t.Fatalf("%d links", len(links))
		}
		return links[0].Hosts[0]
	}
	h := play(rs(1), rs(5), raTo(5.25, craft.GuestLL, healthy()), ra(6, healthy()))
	if !h.Answered || !h.Unicast || h.By != addr(craft.RouterLL) || h.After != 250*time.Millisecond || h.Count != 2 ||
		!h.First.Equal(start.Add(time.Second)) || !h.Last.Equal(start.Add(5*time.Second)) || !h.HasMAC || h.MAC.String() != craft.GuestMAC || h.Outgoing {
		t.Errorf("answered alone: %+v", h)
	}
	h = play(rs(1), ra(2, healthy()), raTo(3, craft.GuestLL, healthy()))
	if !h.Answered || !h.Unicast || h.After != 2*time.Second {
		t.Errorf("answered to all, then alone: %+v", h)
	}
	h = play(rs(1), ra2(4.4, healthy()))
	if !h.Answered || h.Unicast || h.By != addr(otherLL) || h.After != 3400*time.Millisecond {
		t.Errorf("answered to all: %+v", h)
	}
	if h = play(rs(1), ra(4.6, healthy())); h.Answered {
		t.Errorf("an RA 3.6 s later: %+v", h)
	}
	if h = play(rs(1), raTo(11.5, craft.GuestLL, healthy())); h.Answered {
		t.Errorf("an RA to the host 10.5 s later: %+v", h)
	}
	if h = play(rs(1), raTo(1.1, otherGuestLL, healthy())); h.Answered {
		t.Errorf("an RA to another host: %+v", h)
	}
	if h = play(ra(0.5, healthy()), rs(1)); h.Answered {
		t.Errorf("an RA before: %+v", h)
	}
	if h = play(ra(1.001, healthy()), rs(1)); !h.Answered || h.After != time.Millisecond {
		t.Errorf("out of order: %+v", h)
	}
	if h = play(raTo(1.001, craft.GuestLL, healthy()), rs(1)); !h.Answered || !h.Unicast {
		t.Errorf("out of order, alone: %+v", h)
	}
	bad := ra(1.1, healthy())
	bad.data[21] = 64
	if h = play(rs(1), bad); h.Answered {
		t.Errorf("an RA that hosts drop: %+v", h)
	}
}
