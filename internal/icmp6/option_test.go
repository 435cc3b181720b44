package icmp6

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"

	"v6probe/internal/craft"
)

// one returns the option that raw is when it stands alone in an RA.
func one(t *testing.T, raw []byte) Option {
	t.Helper()
	m := decode(craft.RA{}.Message(raw))
	if len(m.Options) != 1 {
		t.Fatalf("% x: %d options, want 1", raw, len(m.Options))
	}
	return m.Options[0]
}

// view makes a method of Option one that returns any, for tables.
func view[T any](f func(Option) (T, bool)) func(Option) (any, bool) {
	return func(o Option) (any, bool) { return f(o) }
}

func TestViews(t *testing.T) {
	addr := netip.MustParseAddr
	servers := craft.Join(craft.Addr("2001:db8::53"), craft.Addr("fe80::53"))
	pioReserved := craft.PIO("2001:db8::", 64, 0x0f, 1, 2)
	copy(pioReserved[12:], []byte{1, 2, 3, 4})
	sixReserved := craft.SixCO(48, 0xff, 9, "2001:db8:1::", 8)

	tests := []struct {
		name string
		raw  []byte
		view func(Option) (any, bool)
		want any
	}{
		{"slla", craft.SLLA(craft.RouterMAC), view(Option.LinkLayerAddress), craft.MAC(craft.RouterMAC)},
		{"tlla", craft.TLLA(craft.GuestMAC), view(Option.LinkLayerAddress), craft.MAC(craft.GuestMAC)},
		{"slla of two units", craft.Option(1, []byte("12345678901234")), view(Option.LinkLayerAddress),
			[]byte("12345678901234")},

		{"pio", craft.PIO("fd17:625c:f037:2::1", 64, 0xc0, 86400, 14400), view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 64, OnLink: true, Autonomous: true, ValidLifetime: 86400,
				PreferredLifetime: 14400, Address: addr("fd17:625c:f037:2::1")}},
		{"pio L", craft.PIO("::", 0, 0x80, 0, 0), view(Option.PrefixInformation),
			PrefixInformation{OnLink: true, Address: addr("::")}},
		{"pio A", craft.PIO("::", 0, 0x40, 0, 0), view(Option.PrefixInformation),
			PrefixInformation{Autonomous: true, Address: addr("::")}},
		{"pio R", craft.PIO("::", 0, 0x20, 0, 0), view(Option.PrefixInformation),
			PrefixInformation{RouterAddress: true, Address: addr("::")}},
		{"pio P", craft.PIO("::", 0, 0x10, 0, 0), view(Option.PrefixInformation),
			PrefixInformation{DHCPv6PD: true, Address: addr("::")}},
		{"pio reserved", pioReserved, view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 64, ReservedFlags: 0x0f, ValidLifetime: 1, PreferredLifetime: 2,
				Reserved: 0x01020304, Address: addr("2001:db8::")}},
		{"pio prefix length 200", craft.PIO("ff02::1", 200, 0, 0xffffffff, 0xffffffff), view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 200, ValidLifetime: 0xffffffff, PreferredLifetime: 0xffffffff,
				Address: addr("ff02::1")}},
		{"pio of five units", craft.Option(3, pioReserved[2:], make([]byte, 8)), view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 64, ReservedFlags: 0x0f, ValidLifetime: 1, PreferredLifetime: 2,
				Reserved: 0x01020304, Address: addr("2001:db8::")}},
		{"pio overrun", craft.WithLength(craft.PIO("2001:db8::", 64, 0, 1, 2), 5), view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 64, ValidLifetime: 1, PreferredLifetime: 2, Address: addr("2001:db8::")}},
		{"pio zero length", craft.WithLength(craft.PIO("2001:db8::", 64, 0, 1, 2), 0), view(Option.PrefixInformation),
			PrefixInformation{PrefixLength: 64, ValidLifetime: 1, PreferredLifetime: 2, Address: addr("2001:db8::")}},

		{"redirected header", craft.Option(4, make([]byte, 6), []byte("quoted-packet...")), view(Option.RedirectedHeader),
			[]byte("quoted-packet...")},
		{"mtu", craft.MTU(1450), view(Option.MTU), MTU{MTU: 1450}},
		{"mtu reserved", []byte{5, 1, 0xab, 0xcd, 0, 1, 0, 0}, view(Option.MTU), MTU{Reserved: 0xabcd, MTU: 65536}},
		{"interval", craft.Interval(15000), view(Option.AdvertisementInterval), uint32(15000)},
		{"home agent", craft.HomeAgent(258, 1800), view(Option.HomeAgentInformation),
			HomeAgentInformation{Preference: 258, Lifetime: 1800}},
		{"nonce", craft.Nonce([]byte("abcdef")), view(Option.Nonce), []byte("abcdef")},
		{"nonce of two units", craft.Nonce([]byte("abcdefghijklmn")), view(Option.Nonce), []byte("abcdefghijklmn")},

		{"rio of 0 bytes", craft.RIO("::", 0, 0x08, 1800, 0), view(Option.RouteInformation),
			RouteInformation{Preference: PreferenceHigh, Lifetime: 1800, Address: addr("::")}},
		{"rio of 8 bytes", craft.RIO("2001:db8:1:2::", 64, 0x18, 0xffffffff, 8), view(Option.RouteInformation),
			RouteInformation{PrefixLength: 64, Preference: PreferenceLow, Lifetime: 0xffffffff,
				Address: addr("2001:db8:1:2::")}},
		{"rio of 16 bytes", craft.RIO("2001:db8::7", 128, 0x10, 1, 16), view(Option.RouteInformation),
			RouteInformation{PrefixLength: 128, Preference: PreferenceReserved, Lifetime: 1, Address: addr("2001:db8::7")}},
		{"rio too short for its prefix", craft.RIO("2001:db8:1:2:3::", 96, 0xe7, 1, 8), view(Option.RouteInformation),
			RouteInformation{PrefixLength: 96, Reserved: 0xe7, Lifetime: 1, Address: addr("2001:db8:1:2::")}},

		{"rdnss", craft.RDNSS(30, "2001:db8::53", "fe80::53"), view(Option.RDNSS), RDNSS{Lifetime: 30, servers: servers}},
		{"rdnss reserved", []byte{25, 1, 1, 2, 0, 0, 0, 3}, view(Option.RDNSS),
			RDNSS{Reserved: 0x0102, Lifetime: 3, servers: []byte{}}},
		{"flags", craft.FlagsExtension(0x8000_0000_0001), view(Option.FlagsExtension), uint64(0x8000_0000_0001)},
		{"dnssl", []byte{31, 2, 1, 2, 0, 0, 0, 9, 1, 'a', 0, 0, 0, 0, 0, 0}, view(Option.DNSSL),
			DNSSL{Reserved: 0x0102, Lifetime: 9, names: []byte{1, 'a', 0, 0, 0, 0, 0, 0}}},

		{"6co of 8 bytes", craft.SixCO(64, 0x13, 600, "2001:db8::", 8), view(Option.SixCO),
			SixCO{ContextLength: 64, Compress: true, ContextID: 3, ValidLifetime: 600, Prefix: addr("2001:db8::")}},
		{"6co of 16 bytes", craft.SixCO(128, 0x0f, 1, "2001:db8::1", 16), view(Option.SixCO),
			SixCO{ContextLength: 128, ContextID: 15, ValidLifetime: 1, Prefix: addr("2001:db8::1")}},
		{"6co reserved", sixReserved, view(Option.SixCO), SixCO{ContextLength: 48, Compress: true, ContextID: 15,
			Reserved: 0xe0, ValidLifetime: 9, Prefix: addr("2001:db8:1::")}},

		{"captive portal", craft.CaptivePortal("https://p.example/"), view(Option.CaptivePortal),
			[]byte("https://p.example/")},
		{"captive portal with NULs inside", craft.CaptivePortal("\x00a\x00b"),
			view(Option.CaptivePortal), []byte("\x00a\x00b")},
		{"captive portal without padding", craft.CaptivePortal("urn:ab"), view(Option.CaptivePortal), []byte("urn:ab")},

		{"pref64", craft.PREF64("64:ff9b::", 0, 65528), view(Option.PREF64),
			PREF64{Lifetime: 65528, Address: addr("64:ff9b::")}},
		{"pref64 plc 7", craft.PREF64("2001:db8:1:2:3:4::", 7, 8), view(Option.PREF64),
			PREF64{Lifetime: 8, PLC: 7, Address: addr("2001:db8:1:2:3:4::")}},
		{"pref64 of three units", craft.Option(38, []byte{0, 9}, bytes.Repeat([]byte{1}, 20)),
			view(Option.PREF64), PREF64{Lifetime: 8, PLC: 1, Address: addr("101:101:101:101:101:101::")}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := one(t, tt.raw)
			got, ok := tt.view(o)
			if !ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("got  %+v, %v\nwant %+v", got, ok, tt.want)
			}
			checkViews(t, o)
		})
	}
}

// TestViewsRefuse gives every view options of its type that are too short, and of every other type.
func TestViewsRefuse(t *testing.T) {
	if _, n := readFixed(Option{}); n != 0 {
		t.Error("a view reads the zero Option")
	}
	for typ := range 256 {
		for size := range 41 {
			raw := bytes.Repeat([]byte{0xff}, size)
			if size > 0 {
				raw[0] = byte(typ)
			}
			checkViews(t, Option{Type: OptionType(typ), Length: 0xff, Raw: raw})
		}
	}
}

func TestCaptivePortalEmpty(t *testing.T) {
	if uri, ok := one(t, craft.CaptivePortal("")[:8:8]).CaptivePortal(); !ok || len(uri) != 0 {
		t.Errorf("got %q, %v, want an empty URI", uri, ok)
	}
}

func TestPrefixes(t *testing.T) {
	addr := netip.MustParseAddr("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff")
	for bits, want := range map[uint8]string{0: "::/0", 1: "::/1", 48: "2001:db8:ffff::/48", 63: "2001:db8:ffff:fffe::/63",
		128: "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff/128", 129: "invalid Prefix", 200: "invalid Prefix", 255: "invalid Prefix"} {
		if got := (PrefixInformation{PrefixLength: bits, Address: addr}).Prefix().String(); got != want {
			t.Errorf("prefix information /%d: got %s, want %s", bits, got, want)
		}
		if got := (RouteInformation{PrefixLength: bits, Address: addr}).Prefix().String(); got != want {
			t.Errorf("route information /%d: got %s, want %s", bits, got, want)
		}
	}
	invalid := PrefixInformation{PrefixLength: 200, Address: addr}.Prefix()
	if invalid != (netip.Prefix{}) {
		t.Errorf("prefix of length 200 is %#v, want the zero Prefix", invalid)
	}
	mapped := PrefixInformation{PrefixLength: 96, Address: netip.MustParseAddr("::ffff:192.0.2.1")}.Prefix()
	if got := mapped.String(); got != "::ffff:0.0.0.0/96" {
		t.Errorf("IPv4-mapped prefix: got %s", got)
	}
}

func TestPREF64Prefix(t *testing.T) {
	for plc, want := range []string{"2001:db8:ffff:ffff:ffff:ffff::/96", "2001:db8:ffff:ffff::/64", "2001:db8:ffff:ff00::/56",
		"2001:db8:ffff::/48", "2001:db8:ff00::/40", "2001:db8::/32", "invalid Prefix", "invalid Prefix"} {
		p, _ := one(t, craft.PREF64("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff", uint8(plc), 600)).PREF64()
		if got := p.Prefix().String(); got != want || p.Lifetime != 600 {
			t.Errorf("PLC %d: got %s, lifetime %d, want %s, 600", plc, got, p.Lifetime, want)
		}
	}
}

func TestNames(t *testing.T) {
	for typ, want := range map[OptionType]string{1: "source-link-layer-address", 2: "target-link-layer-address",
		3: "prefix-information", 4: "redirected-header", 5: "mtu", 7: "advertisement-interval", 8: "home-agent-information",
		14: "nonce", 24: "route-information", 25: "rdnss", 26: "ra-flags-extension", 31: "dnssl", 34: "6lowpan-context",
		37: "captive-portal", 38: "pref64", 144: "encrypted-dns", 0: "option-0", 200: "option-200"} {
		if got := typ.String(); got != want {
			t.Errorf("option %d: got %q, want %q", uint8(typ), got, want)
		}
	}
	for typ, want := range map[Type]string{1: "destination-unreachable", 2: "packet-too-big", 3: "time-exceeded",
		4: "parameter-problem", 128: "echo-request", 129: "echo-reply", 130: "mld-query", 131: "mld-report", 132: "mld-done",
		133: "router-solicitation", 134: "router-advertisement", 135: "neighbor-solicitation", 136: "neighbor-advertisement",
		137: "redirect", 143: "mldv2-report", 0: "icmpv6-0", 200: "icmpv6-200"} {
		if got := typ.String(); got != want {
			t.Errorf("type %d: got %q, want %q", uint8(typ), got, want)
		}
	}
	for p, want := range []string{"medium", "high", "reserved", "low"} {
		if got := Preference(p).String(); got != want {
			t.Errorf("preference %d: got %q, want %q", p, got, want)
		}
	}
}
