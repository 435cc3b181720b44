package conform

import (
	"bytes"
	"fmt"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	otherLL, otherMAC = "fe80::ff:fe00:3", "02:00:00:00:00:03"
	guestAddress      = "2001:db8:1::ff:fe00:2"
)

var (
	start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	web   = netip.MustParsePrefix("2001:db8:1::/64")
	db    = netip.MustParsePrefix("2001:db8:2::/64")
)

// shot is a frame at a time in seconds.
type shot struct {
	at     float64
	data   []byte
	iface  string
	change func(*packet.Frame)
}

func from(mac, source string, at float64, msg []byte) shot {
	return shot{at: at, data: craft.Frame(mac, source, craft.AllNodes, msg)}
}

func sent(at float64, msg []byte) shot { return from(craft.RouterMAC, craft.RouterLL, at, msg) }

// good is what the expectation of most tests is satisfied with.
func good(options ...[]byte) []byte {
	return craft.CloudStackRA().Message(append([][]byte{craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8:1::1", 64, 0xc0, 86400, 14400),
		craft.RDNSS(30, "2001:db8::53")}, options...)...)
}

func at(line int) rule.Place { return rule.Place{File: "vr.conf", Line: line} }

// template is what CloudStack's Virtual Router should say.
func template() *expect.Advertisement {
	number := func(n uint64, line int) *expect.Range { return expect.Exactly(n, at(line)) }
	return &expect.Advertisement{
		CurHopLimit: number(64, 1), Managed: &expect.Switch{Place: at(2)}, Other: &expect.Switch{Place: at(3)}, HomeAgent: &expect.Switch{Place: at(4)},
		Preference: &expect.Text{Want: "medium", Place: at(5)}, RouterLifetime: number(45, 6), ReachableTime: number(0, 7), RetransTimer: number(0, 8),
		Interval: &expect.Range{Min: 5000, Max: 15000, Place: at(9)}, SourceLinkLayer: &expect.Switch{On: true, Place: at(10)},
		MTU: number(0, 11),
		Prefixes: &expect.Prefixes{Place: at(12), List: []expect.Prefix{{Prefix: web, OnLink: &expect.Switch{On: true, Place: at(13)},
			Autonomous: &expect.Switch{On: true, Place: at(14)}, RouterAddress: &expect.Switch{Place: at(15)}, Valid: number(86400, 16),
			Preferred: number(14400, 17), Place: at(12)}}},
		Routes: &expect.Routes{Place: at(18)},
		RDNSS:  &expect.Servers{Place: at(19), List: []expect.Server{{Address: netip.MustParseAddr("2001:db8::53"), Lifetime: number(30, 20), Place: at(19)}}},
		DNSSL:  &expect.Domains{Place: at(21)}, PREF64: &expect.NAT64s{Place: at(22)}, Portal: &expect.Text{Place: at(23)},
		Options: &expect.Options{Place: at(24)},
	}
}

// network is an expected link that says template.
func network(change func(*expect.Link)) *expect.State {
	l := &expect.Link{Name: "eth0", Place: at(1), Prefixes: []netip.Prefix{web}, Says: template()}
	if change != nil {
		change(l)
	}
	return &expect.State{Links: []*expect.Link{l}}
}

// play compares frames and returns what is found, "rule:detail" each once.
func play(t testing.TB, want *expect.State, shots ...shot) []string {
	t.Helper()
	var list []string
	tally := rule.NewTally()
	c := New(want)
	decoder := packet.NewDecoder()
	ifaces := map[string]*packet.Interface{}
	var p packet.Packet
	take := func(found []rule.Finding) {
		for _, f := range found {
			if tally.Add(f) {
				list = append(list, fmt.Sprintf("%s %v %s", f.Rule, f.Expected, f.Detail))
			}
		}
	}
	for i, x := range shots {
		if ifaces[x.iface] == nil {
			ifaces[x.iface] = &packet.Interface{Name: x.iface}
		}
		f := packet.Frame{Number: uint64(i + 1), Time: start.Add(time.Duration(math.Round(x.at * 1e9))), Data: bytes.Clone(x.data),
			Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: ifaces[x.iface]}
		if x.change != nil {
			x.change(&f)
		}
		if decoder.Decode(&f, &p) {
			take(c.Packet(&p, nil))
		}
		clear(f.Data)
	}
	take(c.Finish(true, nil))
	return list
}

// wants compares what was found with lines that say how each begins.
func wants(t *testing.T, got []string, want ...string) {
	t.Helper()
	for i, w := range want {
		if i < len(got) && !strings.HasPrefix(got[i], w) {
			t.Errorf("found %q, want %q…", got[i], w)
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d findings, want %d:\n%s", len(got), len(want), strings.Join(got, "\n"))
	}
}

func TestDifferences(t *testing.T) {
	header := func(change func(*craft.RA)) []byte {
		r := craft.CloudStackRA()
		change(&r)
		return r.Message(craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 14400), craft.RDNSS(30, "2001:db8::53"))
	}
	options := func(o ...[]byte) []byte { return craft.CloudStackRA().Message(o...) }
	slla, pio, dns := craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 14400), craft.RDNSS(30, "2001:db8::53")
	flags := func(f uint8) []byte { return options(slla, craft.PIO("2001:db8:1::", 64, f, 86400, 14400), dns) }
	for _, tt := range []struct {
		name string
		msg  []byte
		want string
	}{
		{"hop limit", header(func(r *craft.RA) { r.CurHopLimit = 255 }), "expect.hop-limit vr.conf:1 the Cur Hop Limit is 255, expected 64"},
		{"managed", header(func(r *craft.RA) { r.Flags = 0x80 }), "expect.managed vr.conf:2 the M flag is set, expected not set"},
		{"other", header(func(r *craft.RA) { r.Flags = 0x40 }), "expect.other-config vr.conf:3 the O flag is set, expected not set"},
		{"home agent", header(func(r *craft.RA) { r.Flags = 0x20 }), "expect.home-agent vr.conf:4 the H flag"},
		{"preference", header(func(r *craft.RA) { r.Flags = 0x08 }), "expect.preference vr.conf:5 the router preference is high, expected medium"},
		{"lifetime", header(func(r *craft.RA) { r.Lifetime = 30 }), "expect.router-lifetime vr.conf:6 the router lifetime is 30 s, expected 45 s"},
		{"lifetime of nothing", header(func(r *craft.RA) { r.Lifetime = 0 }), "expect.router-lifetime vr.conf:6 the router lifetime is 0 s, expected 45 s"},
		{"reachable time", header(func(r *craft.RA) { r.ReachableTime = 30000 }), "expect.reachable-time vr.conf:7 the Reachable Time is 30000 ms, expected 0 ms"},
		{"retrans timer", header(func(r *craft.RA) { r.RetransTimer = 1000 }), "expect.retrans-timer vr.conf:8 the Retrans Timer is 1000 ms, expected 0 ms"},
		{"no SLLA", options(pio, dns), "expect.source-link-layer vr.conf:10 the router's link-layer address is expected, and not advertised by fe80::ff:fe00:1"},
		{"MTU", good(craft.MTU(1450)), "expect.mtu vr.conf:11 the MTU option says 1450, expected no such option"},
		{"another prefix", options(slla, pio, craft.PIO("2001:db8:2::", 64, 0xc0, 86400, 14400), dns), "ra.unknown-prefix vr.conf:12 2001:db8:2::/64 is advertised, expected 2001:db8:1::/64"},
		{"no prefix", options(slla, dns), "expect.prefix-missing vr.conf:12 the prefix 2001:db8:1::/64 is expected, and not advertised by fe80::ff:fe00:1"},
		{"off link", flags(0x40), "expect.prefix-flags vr.conf:13 the L flag of 2001:db8:1::/64 is not set, expected set"},
		{"not autonomous", flags(0x80), "expect.prefix-flags vr.conf:14 the A flag"},
		{"router address", flags(0xe0), "expect.prefix-flags vr.conf:15 the R flag"},
		{"valid", options(slla, craft.PIO("2001:db8:1::", 64, 0xc0, 0xffffffff, 14400), dns), "expect.prefix-lifetime vr.conf:16 the valid lifetime of 2001:db8:1::/64 is infinity, expected 86400 s"},
		{"preferred", options(slla, craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 3600), dns), "expect.prefix-lifetime vr.conf:17 the preferred lifetime of 2001:db8:1::/64 is 3600 s, expected 14400 s"},
		{"route", good(craft.RIO("2001:db8:9::", 48, 0, 1800, 8)), "expect.route-unknown vr.conf:18 the route 2001:db8:9::/48 is advertised, expected no route"},
		{"another server", options(slla, pio, craft.RDNSS(30, "2001:db8::53", "2001:db8::54")), "expect.rdnss vr.conf:19 the DNS server 2001:db8::54 is advertised, expected 2001:db8::53"},
		{"no server", options(slla, pio), "expect.rdnss vr.conf:19 the DNS server 2001:db8::53 is expected, and not advertised by"},
		{"server lifetime", options(slla, pio, craft.RDNSS(60, "2001:db8::53")), "expect.rdnss-lifetime vr.conf:20 the lifetime of the DNS server 2001:db8::53 is 60 s, expected 30 s"},
		{"domain", good(craft.DNSSL(30, craft.Name("example", "org"))), "expect.dnssl vr.conf:21 the search domain example.org is advertised, expected none"},
		{"NAT64", good(craft.PREF64("64:ff9b::", 0, 1800)), "expect.pref64 vr.conf:22 the NAT64 prefix 64:ff9b::/96 is advertised, expected none"},
		{"portal", good(craft.CaptivePortal("https://x.example/\x00")), "expect.captive-portal vr.conf:23 the captive portal is https://x.example/, expected none"},
		{"another option", good(craft.Interval(5000)), "expect.option vr.conf:24 the option advertisement-interval (7) is there, expected none"},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, network(nil), sent(0, tt.msg)), tt.want) })
	}
	wants(t, play(t, network(nil), sent(0, good())))
}

func TestRichDifferences(t *testing.T) {
	rich := network(func(l *expect.Link) {
		s := l.Says
		s.MTU = expect.Exactly(1450, at(11))
		s.Routes.List = []expect.Route{{Prefix: netip.MustParsePrefix("2001:db8:9::/48"), Preference: &expect.Text{Want: "high"}, Lifetime: expect.Exactly(1800, at(30)), Place: at(31)}}
		s.DNSSL.List = []expect.Domain{{Name: "Example.org", Lifetime: &expect.Range{Min: 30, Max: 60, Place: at(32)}, Place: at(33)}}
		s.PREF64.List = []expect.NAT64{{Prefix: netip.MustParsePrefix("64:ff9b::/96"), Lifetime: expect.Exactly(1800, at(34)), Place: at(35)}}
		s.Portal.Want = "https://a.example/"
		s.Options.List = []expect.Option{{Type: 7, Data: []byte{0, 0, 0, 0, 0x13, 0x88}, Place: at(36)}}
	})
	as := func(mtu uint32, route uint8, life uint32, domain string, dlife uint32, nat string, uri string, ms uint32) []byte {
		return good(craft.MTU(mtu), craft.RIO("2001:db8:9::", 48, route, life, 8), craft.DNSSL(dlife, craft.Name(domain, "org")),
			craft.PREF64(nat, 0, 1800), craft.CaptivePortal(uri), craft.Interval(ms))
	}
	wants(t, play(t, rich, sent(0, as(1450, 8, 1800, "example", 45, "64:ff9b::", "https://a.example/\x00", 5000))))
	wants(t, play(t, rich, sent(0, as(1500, 0, 900, "other", 45, "64:ff9a::", "https://b.example/\x00", 6000))),
		"expect.mtu vr.conf:11 the MTU option is 1500, expected 1450",
		"expect.route  the preference of the route 2001:db8:9::/48 is medium, expected high",
		"expect.route vr.conf:30 the lifetime of the route 2001:db8:9::/48 is 900 s, expected 1800 s",
		"expect.dnssl vr.conf:33 the search domain other.org is advertised, expected Example.org",
		"expect.pref64 vr.conf:35 the NAT64 prefix 64:ff9a::/96 is advertised, expected 64:ff9b::/96",
		"expect.captive-portal vr.conf:23 the captive portal is https://b.example/, expected https://a.example/",
		"expect.option vr.conf:36 the option advertisement-interval (7) is 000000001770, expected 000000001388",
		"expect.dnssl vr.conf:33 the search domain Example.org is expected, and not advertised by",
		"expect.pref64 vr.conf:35 the NAT64 prefix 64:ff9b::/96 is expected, and not advertised by",
	)
	wants(t, play(t, rich, sent(0, as(1450, 8, 1800, "example", 61, "64:ff9b::", "https://a.example/", 5000))),
		"expect.dnssl-lifetime vr.conf:32 the lifetime of the search domain example.org is 61 s, expected 30 to 60 s")
	wants(t, play(t, rich, sent(0, good())), "expect.mtu vr.conf:11 the MTU 1450 is expected", "expect.captive-portal", "expect.route-missing vr.conf:31", "expect.dnssl",
		"expect.pref64", "expect.option vr.conf:36 the option advertisement-interval (7) is expected, and not advertised by")
}

// upstream is what a router of another network says.
func upstream() []byte {
	return craft.CloudStackRA().Message(craft.MTU(1400), craft.PIO("2001:db8:2::", 64, 0xc0, 86400, 14400))
}

// TestSilent has what must not be taken for a difference.
func TestSilent(t *testing.T) {
	slla, pio, dns := craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 14400), craft.RDNSS(30, "2001:db8::53")
	goodbye := craft.CloudStackRA()
	goodbye.Lifetime = 0
	for _, tt := range []struct {
		name  string
		want  *expect.State
		shots []shot
	}{
		{"nothing is expected", &expect.State{}, []shot{sent(0, good())}},
		{"a goodbye", network(nil), []shot{sent(0, good()), sent(5, goodbye.Message(slla, pio, craft.RDNSS(0, "2001:db8::53"))), sent(5.1, goodbye.Message(slla))}},
		{"options in parts", network(nil), []shot{sent(0, craft.CloudStackRA().Message(slla, pio)), sent(10, craft.CloudStackRA().Message(slla, dns))}},
		{"another prefix is withdrawn", network(nil), []shot{sent(0, good(craft.PIO("2001:db8:2::", 64, 0xc0, 0, 0)))}},
		{"more is allowed", network(func(l *expect.Link) { l.Says.Prefixes.More, l.Says.Options.More = true, true }),
			[]shot{sent(0, good(craft.PIO("2001:db8:2::", 64, 0xc0, 60, 60), craft.Interval(5000)))}},
		{"the reserved preference is medium", network(nil), []shot{sent(0, func() []byte { r := craft.CloudStackRA(); r.Flags = 0x10; return r.Message(slla, pio, dns) }())}},
		{"a capture that begins with a goodbye", network(nil), []shot{sent(0, goodbye.Message(slla)), sent(5, good()), sent(15, good())}},
		{"a goodbye after the clock was set", network(nil), []shot{sent(0, good()), sent(-100, goodbye.Message(slla))}},
		{"the same twice", network(func(l *expect.Link) {
			l.Says.Prefixes.List = append(l.Says.Prefixes.List, expect.Prefix{Prefix: web, Valid: expect.Exactly(60, at(25))})
			l.Says.RDNSS.List = append(l.Says.RDNSS.List, expect.Server{Address: netip.MustParseAddr("2001:db8::53"), Lifetime: expect.Exactly(60, at(26))})
		}), []shot{sent(0, good(craft.PIO("2001:db8:1::", 64, 0x40, 60, 60)))}},
		{"parts of two routers, together", network(func(l *expect.Link) { l.Together = true }),
			[]shot{sent(0, craft.CloudStackRA().Message(slla, pio)), from(otherMAC, otherLL, 1, craft.CloudStackRA().Message(craft.SLLA(otherMAC), dns))}},
		{"a lost one, of two sources", &expect.State{Links: slices.Concat(network(nil).Links, network(func(l *expect.Link) { l.Place.File = "other" }).Links)},
			[]shot{sent(0, good()), sent(10, good()), sent(28, good()), sent(38, good())}},
		{"a cut one", network(nil), []shot{{data: craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, good()), change: func(f *packet.Frame) {
			f.Data = f.Data[:14+40+16+8]
		}}}},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, tt.want, tt.shots...)) })
	}
}

// TestEach has routers that each lack something, and one that says that it is none for too long to be a goodbye.
func TestEach(t *testing.T) {
	slla, pio := craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 14400)
	wants(t, play(t, network(nil), sent(0, good()), from(otherMAC, otherLL, 1, craft.CloudStackRA().Message(craft.SLLA(otherMAC), pio))),
		"expect.rdnss vr.conf:19 the DNS server 2001:db8::53 is expected, and not advertised by fe80::ff:fe00:3")
	none := craft.CloudStackRA()
	none.Lifetime = 0
	silent := none.Message(slla)
	wants(t, play(t, network(nil), sent(0, good()), sent(1, silent), sent(2, silent), sent(3, silent)))
	wants(t, play(t, network(nil), sent(0, good()), sent(1, silent), sent(2, silent), sent(3, silent), sent(4, silent)),
		"expect.router-lifetime vr.conf:6 the router lifetime is 0 s, expected 45 s")
	never := network(func(l *expect.Link) { l.Says.RouterLifetime = expect.Exactly(0, at(6)) })
	dns := func(lifetime uint32) []byte { return none.Message(slla, pio, craft.RDNSS(lifetime, "2001:db8::53")) }
	wants(t, play(t, never, sent(0, dns(30)), sent(10, dns(30)), sent(20, dns(30)), sent(30, dns(30)), sent(40, dns(0))))
	wants(t, play(t, never, sent(0, dns(30)), sent(10, dns(30)), sent(20, dns(30)), sent(30, dns(60))), "expect.rdnss-lifetime")
	two := network(func(l *expect.Link) {
		l.Says.Options.List = []expect.Option{{Type: 200, Data: []byte("first-"), Place: at(40)}, {Type: 200, Data: []byte("second"), Place: at(41)}}
	})
	wants(t, play(t, two, sent(0, good(craft.Option(200, []byte("second"))))), "expect.option vr.conf:40")
	wants(t, play(t, two, sent(0, good(craft.Option(200, []byte("others")), craft.Option(200, []byte("second"))))), "expect.option vr.conf:40 the option option-200 (200) is 6f7468657273")
}

func TestRouters(t *testing.T) {
	only := func(l *expect.Link) {
		l.OnlyRouters, l.Advertisers = true, 1
		l.Routers = []expect.Router{{Name: "r-1-VM", MAC: expect.MAC(craft.MAC(craft.RouterMAC)), Place: at(40), Required: true},
			{Name: "r-2-VM", Address: netip.MustParseAddr("fe80::9"), Place: at(41)}}
	}
	one, two := good(), craft.CloudStackRA().Message(craft.SLLA("02:00:00:00:00:09"), craft.PIO("2001:db8:1::", 64, 0xc0, 86400, 14400), craft.RDNSS(30, "2001:db8::53"))
	backup := func(at float64) shot { return from("02:00:00:00:00:09", "fe80::9", at, two) }
	for _, tt := range []struct {
		name   string
		change func(*expect.Link)
		shots  []shot
		want   []string
	}{
		{"the one expected", only, []shot{sent(0, one)}, nil},
		{"another", only, []shot{sent(0, one), from(otherMAC, otherLL, 1, good(craft.MTU(1400)))},
			[]string{"ra.unknown-router vr.conf:40 fe80::ff:fe00:3 (02:00:00:00:00:03) is none of the routers of eth0: r-1-VM 02:00:00:00:00:01, r-2-VM fe80::9"}},
		{"it is not there", only, []shot{backup(0)}, []string{"expect.router-missing vr.conf:40 r-1-VM 02:00:00:00:00:01 was not heard on eth0"}},
		{"a failover", only, []shot{sent(0, one), sent(10, one), backup(15), backup(25)}, nil},
		{"a failover and back", only, []shot{sent(0, one), backup(10), sent(20, one), sent(30, one)}, nil},
		{"both at a time", only, []shot{sent(0, one), backup(1), sent(10, one), backup(11), sent(20, one), backup(21), sent(30, one)},
			[]string{"expect.advertisers vr.conf:1 2 routers take turns, expected 1: fe80::ff:fe00:1, fe80::9"}},
		{"nobody may", func(l *expect.Link) { l.OnlyRouters = true }, []shot{sent(0, one)},
			[]string{"ra.unknown-router vr.conf:1 fe80::ff:fe00:1 (02:00:00:00:00:01) advertises on eth0, where nobody is expected to"}},
		{"one that must not", func(l *expect.Link) {
			l.Forbidden = []expect.Router{{Name: "r-1-VM", MAC: expect.MAC(craft.MAC(craft.RouterMAC)), Why: "it is a guest", Place: at(50)}}
		}, []shot{sent(0, good(craft.MTU(1400))), backup(1)},
			[]string{"ra.unknown-router vr.conf:50 r-1-VM, fe80::ff:fe00:1 (02:00:00:00:00:01), must not advertise on eth0: it is a guest"}},
		{"its own words", func(l *expect.Link) {
			l.Routers = []expect.Router{{Address: netip.MustParseAddr(craft.RouterLL), Says: &expect.Advertisement{MTU: expect.Exactly(1400, at(51))}}}
		}, []shot{sent(0, good(craft.MTU(1500))), backup(1)}, []string{"expect.mtu vr.conf:51"}},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, network(tt.change), tt.shots...), tt.want...) })
	}
}

func TestInterval(t *testing.T) {
	sends := func(times ...float64) (list []shot) {
		for _, x := range times {
			list = append(list, sent(x, good()))
		}
		return list
	}
	rs := func(at float64) shot {
		return shot{at: at, data: craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, craft.RS())}
	}
	leaving := craft.CloudStackRA()
	leaving.Lifetime = 0
	bye := leaving.Message(craft.SLLA(craft.RouterMAC))
	long, short := "expect.interval vr.conf:9 20s pass between two advertisements, expected 5s to 15s", "expect.interval vr.conf:9 3s pass"
	for _, tt := range []struct {
		name  string
		shots []shot
		want  []string
	}{
		{"as expected", sends(0, 5, 20, 30, 45), nil},
		{"one was lost", sends(0, 10, 30, 40), nil},
		{"away after a goodbye", append(sends(0, 10), append([]shot{sent(12, bye)}, sends(120, 130)...)...), nil},
		{"too long", sends(0, 20, 40), []string{long}},
		{"far too long", sends(0, 40), []string{"expect.interval vr.conf:9 40s"}},
		{"too short", sends(0, 3, 6, 9), []string{short}},
		{"an answer or two", sends(0, 3, 6, 16), nil},
		{"answers", []shot{sent(0, good()), rs(2.9), sent(3, good()), rs(5.9), sent(6, good()), rs(8.9), sent(9, good())}, nil},
		{"copies", sends(0, 0.001, 10, 10.001, 20, 20.001), nil},
		{"to one host", []shot{sent(0, good()), {at: 1, data: craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, good())},
			{at: 2, data: craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, good())}, sent(10, good())}, nil},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, network(nil), tt.shots...), tt.want...) })
	}
}

func TestNeighbors(t *testing.T) {
	guest := network(func(l *expect.Link) {
		l.Says = nil
		l.Neighbors = []expect.Neighbor{{Name: "i-2-7-VM", MAC: expect.MAC(craft.MAC(craft.GuestMAC)), Addresses: []netip.Addr{netip.MustParseAddr(guestAddress)}, Place: at(60), Required: true}}
	})
	na := func(mac, target string) shot { return from(mac, target, 1, craft.NA(0x20, target, craft.TLLA(mac))) }
	dad := func(mac, target string) shot { return from(mac, "::", 1, craft.NS(target)) }
	missing := "expect.neighbor-missing vr.conf:60 i-2-7-VM 02:00:00:00:00:02 was not seen on eth0"
	for _, tt := range []struct {
		name string
		shot shot
		want []string
	}{
		{"its own", na(craft.GuestMAC, guestAddress), nil},
		{"link-local", na(craft.GuestMAC, craft.GuestLL), nil},
		{"of another prefix", na(craft.GuestMAC, "2001:db8:7::1"), nil},
		{"a privacy address", dad(craft.GuestMAC, "2001:db8:1::abcd"),
			[]string{"expect.address vr.conf:60 i-2-7-VM 02:00:00:00:00:02 uses 2001:db8:1::abcd, expected " + guestAddress}},
		{"stolen", na(otherMAC, guestAddress), []string{"expect.neighbor vr.conf:60 " + guestAddress + " is used by " + otherMAC + ", expected i-2-7-VM 02:00:00:00:00:02", missing}},
		{"somebody else", na(otherMAC, "2001:db8:1::3"), []string{missing}},
	} {
		t.Run(tt.name, func(t *testing.T) { wants(t, play(t, guest, tt.shot), tt.want...) })
	}
}

func TestRules(t *testing.T) {
	s := &expect.State{Rules: expect.Rules{
		Must:    []expect.RuleRef{{ID: "ra.flood", Place: at(1)}, {ID: "pio.not-64", Place: at(2)}},
		MustNot: []expect.RuleRef{{ID: "nd.*", Place: at(3)}}, Ignore: []expect.RuleRef{{ID: "pio.host-bits"}},
	}}
	c := New(s)
	got := c.Apply([]rule.Finding{{Rule: "pio.host-bits"}, {Rule: "ra.flood", Severity: rule.Error}, {Rule: "nd.ext-header", Severity: rule.Warning}, {Rule: "mtu.length", Severity: rule.Warning}})
	want := []rule.Finding{{Rule: "ra.flood", Severity: rule.Info, Expected: at(1)}, {Rule: "nd.ext-header", Severity: rule.Error, Expected: at(3)}, {Rule: "mtu.length", Severity: rule.Warning}}
	if !slices.Equal(got, want) {
		t.Errorf("got %+v", got)
	}
	end := c.Finish(true, nil)
	if len(end) != 1 || end[0].Rule != "expect.rule-missing" || end[0].Expected != at(2) {
		t.Errorf("at the end: %+v", end)
	}
	if end := New(s).Finish(false, nil); len(end) != 0 {
		t.Errorf("of an input that broke off: %+v", end)
	}
}
