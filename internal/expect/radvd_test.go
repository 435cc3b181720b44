package expect

import (
	"encoding/hex"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

func readRadvd(t *testing.T, config string) *State {
	t.Helper()
	s, err := parseRadvd(Source{Name: "radvd.conf", Data: []byte(config)})
	if err != nil {
		t.Fatalf("%v\n%s", err, config)
	}
	return s
}

// inBlock is a file with one block, whose options begin in line 3.
func inBlock(options string) string {
	return "interface eth0 {\n\tAdvSendAdvert on;\n" + options + "\n};\n"
}

// radvdValues puts what an advertisement says into lines: a name, the value, and the line of the file that it is from.
func radvdValues(a *Advertisement) []string {
	var all []string
	add := func(name string, value any, p rule.Place) {
		all = append(all, fmt.Sprintf("%s %v :%d", name, value, p.Line))
	}
	number := func(name string, r *Range) {
		if r == nil {
			all = append(all, name+" open")
			return
		}
		add(name, r, r.Place)
	}
	word := func(name string, w *Text) {
		if w == nil {
			all = append(all, name+" open")
			return
		}
		add(name, w.Want, w.Place)
	}
	number("hop-limit", a.CurHopLimit)
	add("managed", a.Managed.On, a.Managed.Place)
	add("other", a.Other.On, a.Other.Place)
	add("home-agent", a.HomeAgent.On, a.HomeAgent.Place)
	word("preference", a.Preference)
	number("lifetime", a.RouterLifetime)
	number("reachable", a.ReachableTime)
	number("retrans", a.RetransTimer)
	number("interval", a.Interval)
	add("link-layer", a.SourceLinkLayer.On, a.SourceLinkLayer.Place)
	number("mtu", a.MTU)
	word("portal", a.Portal)
	add("prefixes", a.Prefixes.More, a.Prefixes.Place)
	for _, p := range a.Prefixes.List {
		add("prefix", p.Prefix, p.Place)
		add("- on-link", p.OnLink.On, p.OnLink.Place)
		add("- autonomous", p.Autonomous.On, p.Autonomous.Place)
		add("- router", p.RouterAddress.On, p.RouterAddress.Place)
		number("- valid", p.Valid)
		number("- preferred", p.Preferred)
	}
	add("routes", a.Routes.More, a.Routes.Place)
	for _, r := range a.Routes.List {
		add("route", r.Prefix, r.Place)
		word("- preference", r.Preference)
		number("- lifetime", r.Lifetime)
	}
	add("servers", a.RDNSS.More, a.RDNSS.Place)
	for _, r := range a.RDNSS.List {
		add("server", r.Address, r.Place)
		number("- lifetime", r.Lifetime)
	}
	add("domains", a.DNSSL.More, a.DNSSL.Place)
	for _, r := range a.DNSSL.List {
		add("domain", r.Name, r.Place)
		number("- lifetime", r.Lifetime)
	}
	add("nat64", a.PREF64.More, a.PREF64.Place)
	for _, r := range a.PREF64.List {
		add("nat64 prefix", r.Prefix, r.Place)
		number("- lifetime", r.Lifetime)
	}
	add("options", a.Options.More, a.Options.Place)
	for _, o := range a.Options.List {
		add(fmt.Sprint("option ", o.Type), hex.EncodeToString(o.Data), o.Place)
	}
	return all
}

// TestRadvdDefaults holds each default: without an option its place is the block in which it could stand.
func TestRadvdDefaults(t *testing.T) {
	s := readRadvd(t, "# a comment\n\ninterface eth0\n{\n AdvSendAdvert on;\n prefix 2001:db8:1::7/64;\n route 2001:db8:5::/48\n {};\n"+
		" RDNSS\n 2001:db8::53 {\n };\n DNSSL\n example.org { };\n};\n")
	want := strings.Split(strings.TrimSpace(`
hop-limit 64 :3
managed false :3
other false :3
home-agent false :3
preference medium :3
lifetime 1800 :3
reachable 0 :3
retrans 0 :3
interval 198000 to 600000 :3
link-layer true :3
mtu 0 :3
portal  :3
prefixes false :3
prefix 2001:db8:1::/64 :6
- on-link true :6
- autonomous true :6
- router false :6
- valid 86400 :6
- preferred 14400 :6
routes false :3
route 2001:db8:5::/48 :7
- preference medium :7
- lifetime 1800 :7
servers false :3
server 2001:db8::53 :10
- lifetime 600 to 1800 :9
domains false :3
domain example.org :13
- lifetime 600 to 1800 :12
nat64 false :3
options false :3`), "\n")
	radvdSame(t, radvdValues(s.Links[0].Says), want)
	l := s.Links[0]
	if l.Name != "eth0" || l.Iface != "eth0" || !slices.Equal(l.Keys, []string{"eth0"}) || l.OnlyRouters || len(l.Routers) > 0 ||
		l.MTU != 0 || l.CloudStack || l.Place != (rule.Place{File: "radvd.conf", Line: 3, Column: 1}) {
		t.Errorf("link %+v", l)
	}
	if want := []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")}; !slices.Equal(l.Prefixes, want) {
		t.Errorf("told apart by %v, want %v", l.Prefixes, want)
	}
	if len(s.Flaws) > 0 {
		t.Errorf("flaws %v", s.Flaws)
	}
}

func radvdSame(t *testing.T, got, want []string) {
	t.Helper()
	for i := range max(len(got), len(want)) {
		switch {
		case i >= len(got):
			t.Errorf("lacks %q", want[i])
		case i >= len(want):
			t.Errorf("has %q besides", got[i])
		case got[i] != want[i]:
			t.Errorf("has %q, want %q", got[i], want[i])
		}
	}
}

// TestRadvdValues changes one thing at a time.
func TestRadvdValues(t *testing.T) {
	plain := radvdValues(readRadvd(t, inBlock("")).Links[0].Says)
	for _, tt := range []struct{ options, want string }{
		{"AdvCurHopLimit 0;", "hop-limit 0 :3"},
		{"AdvCurHopLimit 300;", "hop-limit 44 :3"},
		{"AdvManagedFlag on;", "managed true :3"},
		{"AdvOtherConfigFlag on;", "other true :3"},
		{"AdvHomeAgentFlag on;", "home-agent true :3"},
		{"AdvDefaultPreference low;", "preference low :3"},
		{"AdvDefaultPreference high;", "preference high :3"},
		{"AdvDefaultPreference medium;", "preference medium :3"},
		{"AdvDefaultPreference -1;", "preference low :3"},
		{"AdvDefaultPreference -2;", "preference open"},
		{"AdvDefaultPreference -3;", "preference high :3"},
		{"AdvDefaultPreference -99999999999999999999;", "preference medium :3"},
		{"AdvDefaultLifetime 0;", "lifetime 0 :3"},
		{"AdvDefaultLifetime 9000;", "lifetime 9000 :3"},
		{"AdvDefaultLifetime 4294967295;", "lifetime 1800 :3"},
		{"AdvReachableTime 3600000;", "reachable 3600000 :3"},
		{"AdvRetransTimer 4294967295;", "retrans infinity :3"},
		{"AdvSourceLLAddress off;", "link-layer false :3"},
		{"AdvLinkMTU 1280;", "mtu 1280 :3"},
		{"AdvLinkMTU 0;", "mtu 0 :3"},
		{"AdvRAMTU 1400;", ""},
		{"MinDelayBetweenRAs 3.5; IgnoreIfMissing off; AdvRASolicitedUnicast off;", ""},
		{"MaxRtrAdvInterval 15.5;", "lifetime 46 :1|interval 5115 to 15500 :3"},
		{"MaxRtrAdvInterval 10; MaxRtrAdvInterval 20;", "lifetime 60 :1|interval 6600 to 20000 :3"},
		{"MinRtrAdvInterval 4.25;", "interval 4250 to 600000 :1"},
		{"AdvIntervalOpt on; MaxRtrAdvInterval 0.07; MinRtrAdvInterval 0.03;",
			"lifetime 1 :1|interval 30 to 70 :3|option 7 00000000005a :3"},
		{"UnicastOnly on;", "interval open"},
		{"UnicastOnly off;", ""},
		{"clients { fe80::1; fe80::2; };", "interval open"},
		{"clients { !fe80::1; };", "interval open"},
		{"AdvIntervalOpt on;", "option 7 0000000927c0 :3"},
		{"AdvHomeAgentFlag on; AdvHomeAgentInfo on;", "home-agent true :3"},
		{"AdvHomeAgentFlag on;\nAdvHomeAgentInfo on; HomeAgentPreference 65536;", "home-agent true :3"},
		{"AdvHomeAgentFlag on;\nAdvHomeAgentInfo on; HomeAgentPreference 513;", "home-agent true :3|option 8 000002010708 :4"},
		{"AdvHomeAgentFlag on;\nAdvHomeAgentInfo on; HomeAgentLifetime 7;", "home-agent true :3|option 8 000000000007 :4"},
		{"AdvHomeAgentFlag on;\nAdvHomeAgentInfo on; HomeAgentLifetime 4294967295;", "home-agent true :3"},
		{"AdvHomeAgentFlag on;\nAdvHomeAgentInfo on; AdvMobRtrSupportFlag on;", "home-agent true :3|option 8 800000000708 :4"},
		{"HomeAgentPreference 5; HomeAgentLifetime 5;", ""},
		{"AdvCaptivePortalAPI \"https://example.org/#api\";", "portal https://example.org/#api :3"},
		{"AdvCaptivePortalAPI urn:x; AdvCaptivePortalAPI\nurn:y;", "portal urn:y :3"},
		{"AdvCaptivePortalAPI \"" + strings.Repeat("a", 300) + "\";", "portal " + strings.Repeat("a", 254) + " :3"},
		{"lowpanco { };", "option 34 " + strings.Repeat("00", 22) + " :3"},
		{"lowpanco { AdvContextLength 64; AdvContextCompressionFlag on;\nAdvContextID 11; AdvLifeTime 258; };",
			"option 34 401b00000102" + strings.Repeat("00", 16) + " :3"},
		{"lowpanco { AdvContextLength 1; };\nlowpanco { AdvContextLength 2; };", "option 34 01" + strings.Repeat("00", 21) + " :3"},
		{"abro fe80::1 { AdvVersionLow 1; AdvVersionHigh 2; AdvValidLifeTime 3; };",
			"option 35 000100020003fe800000000000000000000000000001 :3"},
		{"abro fe80::1/64 { AdvValidLifetime 3; };", "option 35 000000000003fe800000000000000000000000000001 :3"},
		{"abro fe80::1 { };\nlowpanco { };", "option 34 " + strings.Repeat("00", 22) + " :4|" +
			"option 35 000000000000fe800000000000000000000000000001 :3"},
		{"prefix ::/64 { };", "prefixes true :1"},
		{"prefix ::/48;", "prefixes true :1"},
		{"prefix 2001:db8::/64 { Base6Interface eth1; };", "prefixes true :1"},
		{"prefix 2001:db8::/48 { Base6to4Interface eth1; };", "prefixes true :1"},
		{"route 0::/0 { AdvRouteLifetime infinity;\nAdvRoutePreference low; RemoveRoute off; };",
			"route ::/0 :3|- preference low :4|- lifetime infinity :3"},
		{"route 2001:db8::1/32 { AdvRoutePreference -2; };", "route 2001:db8::/32 :3|- preference open|- lifetime 1800 :3"},
		{"route 2001:db8::/32 { };\nMaxRtrAdvInterval 15;\nroute 2001:db8:5::/48 { };", "lifetime 45 :1|interval 4950 to 15000 :4|" +
			"route 2001:db8::/32 :3|- preference medium :3|- lifetime 1800 :3|" +
			"route 2001:db8:5::/48 :5|- preference medium :5|- lifetime 45 :5"},
		{"RDNSS 0::1 fe80::1 { AdvRDNSSLifetime 5; AdvRDNSSPreference 8; AdvRDNSSOpen on; FlushRDNSS off; };",
			"server ::1 :3|- lifetime 5 :3|server fe80::1 :3|- lifetime 5 :3"},
		{"RDNSS 0::1 { AdvRDNSSLifetime infinity; };", "server ::1 :3|- lifetime infinity :3"},
		{"RDNSS 1:: 2:: 3:: 4:: { AdvRDNSSLifetime 0; };", "server 1:: :3|- lifetime 0 :3|server 2:: :3|- lifetime 0 :3|" +
			"server 3:: :3|- lifetime 0 :3|server 4:: :3|- lifetime 0 :3"},
		{"MaxRtrAdvInterval 10.5;\nRDNSS 1:: { };", "lifetime 31 :1|interval 3465 to 10500 :3|server 1:: :4|- lifetime 10 to 31 :4"},
		{"DNSSL a.Example. b { AdvDNSSLLifetime 700; };", "domain a.Example :3|- lifetime 700 :3|domain b :3|- lifetime 700 :3"},
		{"DNSSL a { AdvDNSSLLifetime 5; };", "domain a :3|- lifetime 5 to 600 :3"},
		{"DNSSL a { AdvDNSSLLifetime 0; };", "domain a :3|- lifetime 0 :3"},
		{"DNSSL a b..c d { AdvDNSSLLifetime 700; };", "domains true :1|domain a :3|- lifetime 700 :3"},
		{"prefix ::/64 { AdvRouterAddr on; };\nMaxRtrAdvInterval 1;", "lifetime 3 :1|interval 330 to 1000 :4|prefixes true :1"},
		{"nat64prefix 64:ff9b::/96;", "nat64 prefix 64:ff9b::/96 :3|- lifetime 1800 :3"},
		{"nat64prefix 64:ff9b::/96 { AdvValidLifetime 601; };", "nat64 prefix 64:ff9b::/96 :3|- lifetime 608 :3"},
		{"nat64prefix 2001:db8:0:1::/40 { AdvValidLifetime 65528; };", "nat64 prefix 2001:db8::/40 :3|- lifetime 65528 :3"},
		{"autoignoreprefixes { fd00::/8; 2001:db8::/32; };", ""},
		{"RemoveAdvOnExit off; UnrestrictedUnicast on;", ""},
	} {
		var changed []string
		for _, v := range radvdValues(readRadvd(t, inBlock(tt.options)).Links[0].Says) {
			if !slices.Contains(plain, v) {
				changed = append(changed, v)
			}
		}
		if got := strings.Join(changed, "|"); got != tt.want {
			t.Errorf("%s:\n got %s\nwant %s", tt.options, got, tt.want)
		}
	}
}

func TestRadvdPrefix(t *testing.T) {
	for _, tt := range []struct{ options, want string }{
		{"AdvOnLink off;", "false true false 86400 14400"},
		{"AdvAutonomous off; DeprecatePrefix on;", "true false false 86400 14400"},
		{"AdvRouterAddr on;", "true true true 86400 14400"},
		{"AdvValidLifetime infinity;", "true true false infinity 14400"},
		{"AdvValidLifetime infinity; AdvPreferredLifetime infinity;", "true true false infinity infinity"},
		{"AdvPreferredLifetime 0; AdvValidLifetime 0;", "true true false 0 0"},
		{"DecrementLifetimes on;", "true true false 0 to 86400 0 to 14400"},
		{"DecrementLifetimes off;", "true true false 86400 14400"},
	} {
		p := readRadvd(t, inBlock("prefix 2001:db8::/64 {"+tt.options+"};")).Links[0].Says.Prefixes.List[0]
		if got := fmt.Sprint(p.OnLink.On, p.Autonomous.On, p.RouterAddress.On, p.Valid, p.Preferred); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.options, got, tt.want)
		}
	}
}

func TestRadvdSilent(t *testing.T) {
	for _, tt := range []struct {
		options string
		line    int
	}{
		{"prefix 2001:db8::/64; AdvRASrcAddress { fe80::1; };", 1},
		{"AdvSendAdvert on;\n\tAdvSendAdvert off; prefix 2001:db8::/64;", 2},
	} {
		s := readRadvd(t, "interface eth1 { "+tt.options+" };\ninterface eth0 { AdvSendAdvert on; };\n")
		l := s.Links[0]
		if l.Says != nil || !l.OnlyRouters || len(l.Routers) > 0 || len(l.Prefixes) != 1 {
			t.Errorf("%s: link %+v", tt.options, l)
		}
		if len(s.Flaws) != 1 || s.Flaws[0].Link != "eth1" || s.Flaws[0].Rule != "expect.source" ||
			s.Flaws[0].Severity != rule.Warning || !strings.Contains(s.Flaws[0].Detail, "stays silent on eth1") || s.Flaws[0].Place.Line != tt.line {
			t.Errorf("%s: flaws %+v", tt.options, s.Flaws)
		}
	}
}

func TestRadvdSources(t *testing.T) {
	s := readRadvd(t, inBlock("AdvRASrcAddress { fe80::1;\n\t2001:db8::1; };"))
	l := s.Links[0]
	if len(l.Routers) != 2 || !l.OnlyRouters || l.Routers[0].Address != netip.MustParseAddr("fe80::1") || l.Routers[0].Required ||
		l.Routers[1].Address != netip.MustParseAddr("2001:db8::1") ||
		l.Routers[1].Place != (rule.Place{File: "radvd.conf", Line: 4, Column: 2}) {
		t.Errorf("routers %+v", l.Routers)
	}
	if len(s.Flaws) != 1 || s.Flaws[0].Place.Line != 4 || !strings.Contains(s.Flaws[0].Detail, "2001:db8::1") {
		t.Errorf("flaws %+v", s.Flaws)
	}
}

// TestRadvdFullDNSSL fills the 2040 bytes of an option to the last; radvdErrors has one more.
func TestRadvdFullDNSSL(t *testing.T) {
	s := readRadvd(t, inBlock("DNSSL "+strings.Repeat(strings.Repeat("a", 60)+" ", 32)+strings.Repeat("a", 46)+" { };"))
	if n := len(s.Links[0].Says.DNSSL.List); n != 33 || len(s.Flaws) > 0 {
		t.Errorf("%d domains, flaws %v", n, s.Flaws)
	}
}

func TestRadvdTooLarge(t *testing.T) {
	config := inBlock("") + strings.Repeat("#", maxRadvd)
	if _, err := parseRadvd(Source{Name: "x", Data: []byte(config)}); err == nil || err.Error() != "x: it is larger than 1 MiB" {
		t.Error(err)
	}
	config = inBlock("") + strings.Repeat("#", maxRadvd-len(inBlock(""))-1) + "\n"
	if _, err := parseRadvd(Source{Name: "x", Data: []byte(config)}); err != nil {
		t.Error(err)
	}
}
