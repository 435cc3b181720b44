package ra

import (
	"slices"
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// between returns the frame of the healthy RA from one address to another.
func between(src, dst string) []byte { return craft.Frame(craft.RouterMAC, src, dst, healthy()) }

// changed returns the frame of the healthy RA with another fixed part.
func changed(change func(*craft.RA)) []byte {
	r := goodRA
	change(&r)
	return toAll(r.Message(goodPIO, craft.SLLA(craft.RouterMAC)))
}

func flagged(flags uint8) []byte { return changed(func(r *craft.RA) { r.Flags = flags }) }
func lasting(s uint16) []byte    { return changed(func(r *craft.RA) { r.Lifetime = s }) }

var messageRows = []row{
	{name: "healthy", frame: toAll(healthy())},
	{name: "no options", frame: toAll(goodRA.Message())},
	{name: "all flags with a name but SNAC", frame: flagged(0xec)},

	{name: "ra.src-not-link-local", frame: between("2001:db8::1", craft.AllNodes), want: "ra.src-not-link-local", detail: "2001:db8::1"},
	{name: "ra.src-not-link-local, unspecified", frame: between("::", craft.AllNodes), want: "ra.src-not-link-local"},
	{name: "link-local beyond fe80::/64", frame: between("febf::1", craft.AllNodes)},
	{name: "ra.too-short", frame: toAll(goodRA.Message()[:15]), want: "ra.too-short", detail: "15 bytes"},
	{name: "ra.too-short, header only", frame: toAll(goodRA.Message()[:4]), want: "ra.too-short"},
	{name: "ra.dst-invalid, all routers", frame: between(craft.RouterLL, craft.AllRouters), want: "ra.dst-invalid", detail: "ff02::2"},
	{name: "ra.dst-invalid, site", frame: between(craft.RouterLL, "ff05::1"), want: "ra.dst-invalid"},
	{name: "ra.dst-invalid, unspecified", frame: between(craft.RouterLL, "::"), want: "ra.dst-invalid"},
	{name: "ra.dst-invalid, loopback", frame: between(craft.RouterLL, "::1"), want: "ra.dst-invalid"},
	{name: "to the host that solicited", frame: between(craft.RouterLL, craft.GuestLL)},
	{name: "to a global address", frame: between(craft.RouterLL, "2001:db8::2")},

	{name: "ra.lifetime-range", frame: lasting(3), want: "ra.lifetime-range", detail: "3 s"},
	{name: "ra.lifetime-range, RFC 8319", frame: lasting(9001), want: "ra.lifetime-range:info", detail: "9001 s"},
	{name: "shortest lifetime", frame: lasting(4)},
	{name: "longest lifetime of RFC 4861", frame: lasting(9000)},
	{name: "final RA", frame: lasting(0)},
	{name: "ra.lifetime-zero-with-preference", frame: changed(func(r *craft.RA) { r.Lifetime, r.Flags = 0, 0x08 }),
		want: "ra.lifetime-zero-with-preference", detail: "high"},
	{name: "ra.preference-reserved", frame: flagged(0x10), want: "ra.preference-reserved"},
	{name: "ra.preference-reserved, lifetime 0", frame: changed(func(r *craft.RA) { r.Lifetime, r.Flags = 0, 0x10 }),
		want: "ra.preference-reserved"},
	{name: "low preference", frame: flagged(0x18)},
	{name: "ra.reachable-range", frame: changed(func(r *craft.RA) { r.ReachableTime = 3600001 }), want: "ra.reachable-range"},
	{name: "longest reachable time", frame: changed(func(r *craft.RA) { r.ReachableTime = 3600000 })},
	{name: "ra.hop-limit-low", frame: changed(func(r *craft.RA) { r.CurHopLimit = 31 }), want: "ra.hop-limit-low", detail: "31"},
	{name: "hop limit 32", frame: changed(func(r *craft.RA) { r.CurHopLimit = 32 })},
	{name: "hop limit not specified", frame: changed(func(r *craft.RA) { r.CurHopLimit = 0 })},
	{name: "mobile IPv6", frame: toAll(craft.RA{CurHopLimit: 64, Lifetime: 1}.Message(goodPIO, craft.Interval(70)))},
	{name: "an interval above the lifetime", frame: toAll(craft.RA{CurHopLimit: 64, Lifetime: 1}.Message(goodPIO, craft.Interval(2000))),
		want: "ra.lifetime-range"},
	{name: "ra.snac", frame: flagged(0x02), want: "ra.snac"},
	{name: "several faults", frame: changed(func(r *craft.RA) { r.CurHopLimit, r.Flags, r.ReachableTime = 1, 0x12, 1<<31 }),
		want: "ra.hop-limit-low ra.preference-reserved ra.reachable-range ra.snac"},

	{name: "RS", frame: solicitation(craft.RS(craft.SLLA(craft.GuestMAC)))},
	{name: "RS without options, padded", frame: craft.Join(solicitation(craft.RS()), make([]byte, 10))},
	{name: "RS from ::", frame: craft.Frame(craft.GuestMAC, "::", craft.AllRouters, craft.RS())},
	{name: "RS to a router", frame: craft.Frame(craft.GuestMAC, craft.GuestLL, craft.RouterLL, craft.RS())},
	{name: "rs.too-short", frame: solicitation(craft.RS()[:7]), want: "rs.too-short"},
	{name: "rs.unspecified-with-slla", frame: craft.Frame(craft.GuestMAC, "::", craft.AllRouters,
		craft.RS(craft.SLLA(craft.GuestMAC))), want: "rs.unspecified-with-slla", detail: craft.GuestMAC},
	{name: "RS from :: with another option", frame: craft.Frame(craft.GuestMAC, "::", craft.AllRouters, craft.RS(craft.TLLA(craft.GuestMAC))),
		want: "nd.opt-not-allowed"},
	{name: "RS from :: with an SLLA behind a broken option", frame: craft.Frame(craft.GuestMAC, "::", craft.AllRouters,
		craft.RS(craft.WithLength(craft.TLLA(craft.GuestMAC), 0), craft.SLLA(craft.GuestMAC))), want: "nd.opt-len-zero"},
	{name: "rs.dst", frame: craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllNodes, craft.RS()), want: "rs.dst", detail: "ff02::1"},
	{name: "rs.dst, loopback", frame: craft.Frame(craft.GuestMAC, craft.GuestLL, "::1", craft.RS()), want: "rs.dst"},
	{name: "RS with two SLLAs", frame: solicitation(craft.RS(craft.SLLA(craft.GuestMAC), craft.SLLA(craft.GuestMAC))),
		want: "opt.duplicate-slla"},
	{name: "RS with hop limit 64", frame: craft.EthernetIPv6(craft.GuestMAC, craft.AllRouters, craft.IPv6(craft.GuestLL,
		craft.AllRouters, 64, 58, craft.ICMPv6(craft.GuestLL, craft.AllRouters, craft.RS()))), want: "nd.hop-limit"},
}

func TestMessages(t *testing.T) {
	for _, tt := range messageRows {
		t.Run(tt.name, tt.run)
	}
}

// TestCloudStack wants nothing but notes about what CloudStack's radvd sends, with its final RA.
func TestCloudStack(t *testing.T) {
	final := craft.CloudStackRA()
	final.Lifetime = 0
	for _, ra := range []craft.RA{craft.CloudStackRA(), final} {
		r := judge(decodeFrame(t, toAll(ra.Message(craft.CloudStackOptions()...)), nil))
		if got := broken(r); got != "pio.host-bits" || r.Findings[0].Severity != rule.Info {
			t.Errorf("findings %q", got)
		}
	}
}

// TestSnapLength cuts messages at each byte as a snap length does: what is cut off may be right.
func TestSnapLength(t *testing.T) {
	for _, whole := range [][]byte{
		toAll(healthy(craft.RDNSS(30, "2001:db8::53"), craft.DNSSL(30, craft.Name("lan")), craft.RIO("2001:db8::", 48, 0, 30, 16),
			craft.CaptivePortal("https://portal.example/"), craft.EncryptedDNSName(1, 30, craft.Name("dns", "example")))),
		solicitation(craft.RS(craft.SLLA(craft.GuestMAC))),
	} {
		for n := 14 + 40 + 1; n < len(whole); n++ {
			p := decodeFrame(t, whole[:n], func(f *packet.Frame) { f.Length = len(whole) })
			if got := broken(judge(p)); got != "" {
				t.Fatalf("%d of %d bytes: %s", n, len(whole), got)
			}
		}
	}
}

// TestFirstFragment wants the fixed fields of a message judged that came in fragments, and no more than is there.
func TestFirstFragment(t *testing.T) {
	r := goodRA
	r.CurHopLimit = 1
	msg := craft.ICMPv6(craft.RouterLL, craft.AllNodes, r.Message(goodPIO))
	first := craft.FragmentIPv6(craft.RouterLL, craft.AllNodes, 255, 58, 7, msg, 24)[0]
	got := broken(judge(decodeFrame(t, craft.EthernetIPv6(craft.RouterMAC, craft.AllNodes, first), nil)))
	if got != "nd.fragmented ra.hop-limit-low" {
		t.Error(got)
	}
}

func TestNoAllocations(t *testing.T) {
	frames := map[string][]byte{
		"healthy": toAll(healthy()),
		"every option": toAll(healthy(craft.MTU(1500), craft.Interval(15000), craft.HomeAgent(0, 1),
			craft.RIO("2001:db8:1::", 48, 0, 30, 8), craft.RDNSS(30, "2001:db8::53", "2001:db8::54"), craft.FlagsExtension(1),
			craft.DNSSL(30, craft.Name("a", "example"), craft.Name("example")), craft.SixCO(64, 0x10, 1, "2001:db8::", 8),
			craft.CaptivePortal("https://portal.example/api?a=b"), craft.PREF64("64:ff9b::", 0, 1800), dnr(goodParams))),
		"RS": solicitation(craft.RS(craft.SLLA(craft.GuestMAC))),
	}
	for name, b := range frames {
		p := decodeFrame(t, b, onInterface("eth0", 1500))
		r := judge(p)
		check := checkRA
		if name == "RS" {
			check = checkRS
		}
		if n := testing.AllocsPerRun(100, func() { r.Reset(p); check(r) }); n != 0 || len(r.Findings) > 0 {
			t.Errorf("%s: %v allocations, findings %v", name, n, r.Findings)
		}
	}
}

// TestEveryRule wants a row that breaks it for every rule that one message can break.
func TestEveryRule(t *testing.T) {
	needMore := map[rule.ID]bool{ // what only several messages show
		"ra.no-address-source": true, "ra.managed-no-server": true, "ra.interval-vs-lifetime": true, "ra.too-fast": true,
		"ra.flood": true, "ra.final-missing": true, "ra.unknown-router": true, "ra.unknown-prefix": true, "ra.absent": true,
		"ra.solicit-unanswered": true, "pio.two-hour-rule": true, "pio.stale-prefix": true, "rdnss.lifetime-short": true,
		"rs.unanswered": true, "ra.from-guest": true,
		"nonce.length": true, // no message can
	}
	// What ndcheck, nd, pmtu, host, drops, conform and the commands for roles judge.
	notHere := []string{"nd", "ip", "icmp", "ns", "na", "dad", "redirect", "mld", "ptb", "unreach", "pmtu", "drop", "expect", "guest", "vr", "filter", "kvm"}
	shown := make(map[string]bool)
	for _, tt := range append(messageRows, optionRows...) {
		for _, id := range strings.Fields(tt.want) {
			shown[id] = true
		}
	}
	for _, r := range rule.All() {
		id := string(r.ID)
		subject, _, _ := strings.Cut(id, ".")
		if slices.Contains(notHere, subject) || strings.HasPrefix(id, "ra.inconsistent-") || needMore[r.ID] {
			continue
		}
		if !shown[id] {
			t.Errorf("no row breaks %s", id)
		}
	}
}
