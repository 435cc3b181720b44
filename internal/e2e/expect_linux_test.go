package e2e

import (
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// richRadvd has something of all that radvd sends. No statement of it is there twice, so that a test can change one.
const richRadvd = `interface eth0
{
	AdvSendAdvert on;
	MinRtrAdvInterval 3;
	MaxRtrAdvInterval 4;
	AdvManagedFlag off;
	AdvOtherConfigFlag off;
	AdvDefaultLifetime 1800;
	AdvDefaultPreference medium;
	AdvCurHopLimit 64;
	AdvReachableTime 30000;
	AdvRetransTimer 1000;
	AdvLinkMTU 1450;
	AdvSourceLLAddress on;
	prefix fd17:625c:f037:2::1/64
	{
		AdvOnLink on;
		AdvAutonomous on;
		AdvRouterAddr off;
		AdvValidLifetime 86400;
		AdvPreferredLifetime 14400;
	};
	prefix 2001:db8:2::/64
	{
		AdvValidLifetime 7200;
		AdvPreferredLifetime 3600;
	};
	route 2001:db8:f::/48
	{
		AdvRoutePreference high;
		AdvRouteLifetime 900;
	};
	RDNSS 2001:db8::53 2001:db8:1::53
	{
		AdvRDNSSLifetime 60;
	};
	DNSSL example.org
	{
		AdvDNSSLLifetime 45;
	};
};
`

// difference is a finding that a test wants.
type difference struct {
	rule string
	says string // a regular expression that the detail matches
	at   string // in the line of the source that the finding names; in JSON the path of the value
}

// radvdChange is a radvd that runs another file than the one expected.
type radvdChange struct {
	name      string
	from, to  string // what is changed in richRadvd to make the file that radvd runs
	backwards bool   // radvd runs richRadvd, and the changed file is the one expected
	count     int    // of RAs that it takes, if more than one
	want      []difference
}

func one(rule, says, at string) []difference { return []difference{{rule, says, at}} }

func radvdChanges() []radvdChange {
	const (
		iface = "interface eth0"
		first = "prefix fd17:625c:f037:2::1/64"
		rdnss = "RDNSS 2001:db8::53 2001:db8:1::53"
		dnssl = "DNSSL example.org"

		intervals = "Interval 3;\n\tMaxRtrAdvInterval 4;"
	)
	const route = "route 2001:db8:f::/48\n\t{\n\t\tAdvRoutePreference high;\n\t\tAdvRouteLifetime 900;\n\t};\n"
	return []radvdChange{
		{name: "nothing", count: 3},
		{name: "prefix replaced", from: first, to: "prefix fd17:625c:f037:3::1/64", want: []difference{
			{"ra.unknown-prefix", `^fd17:625c:f037:3::/64 is advertised, expected fd17:625c:f037:2::/64, 2001:db8:2::/64`, first},
			{"expect.prefix-missing", `fd17:625c:f037:2::/64 is expected, and not advertised by fe80::ff:fe00:1`, first}}},
		{name: "prefix added", from: first, to: "prefix 2001:db8:3::/64 { };\n\t" + first,
			want: one("ra.unknown-prefix", `^2001:db8:3::/64 is advertised, expected fd17:625c:f037:2::/64`, first)},
		{name: "prefix removed",
			from: "prefix 2001:db8:2::/64\n\t{\n\t\tAdvValidLifetime 7200;\n\t\tAdvPreferredLifetime 3600;\n\t};\n",
			want: one("expect.prefix-missing", `2001:db8:2::/64 is expected, and not advertised`, "prefix 2001:db8:2::/64")},
		{name: "AdvValidLifetime", from: "AdvValidLifetime 86400", to: "AdvValidLifetime infinity",
			want: one("expect.prefix-lifetime", `valid lifetime of fd17\S+ is infinity, expected 86400 s$`,
				"AdvValidLifetime 86400")},
		{name: "AdvPreferredLifetime", from: "AdvPreferredLifetime 3600", to: "AdvPreferredLifetime 1800",
			want: one("expect.prefix-lifetime", `preferred lifetime of 2001:\S+ is 1800 s, expected 3600 s$`,
				"AdvPreferredLifetime 3600")},
		{name: "AdvOnLink", from: "AdvOnLink on", to: "AdvOnLink off",
			want: one("expect.prefix-flags", `L flag of fd17\S+ is not set, expected set$`, "AdvOnLink on")},
		// There is another prefix for the guests' addresses.
		{name: "AdvAutonomous", from: "AdvAutonomous on", to: "AdvAutonomous off",
			want: one("expect.prefix-flags", `A flag of fd17\S+ is not set, expected set$`, "AdvAutonomous on")},
		{name: "AdvRouterAddr", from: "AdvRouterAddr off", to: "AdvRouterAddr on",
			want: one("expect.prefix-flags", `R flag of fd17\S+ is set, expected not set$`, "AdvRouterAddr off")},
		{name: "AdvRouterAddr without an address", from: "AdvValidLifetime 7200;",
			to: "AdvValidLifetime 7200;\n\t\tAdvRouterAddr on;", want: []difference{
				{"expect.prefix-flags", `R flag of 2001:\S+ is set, expected not set$`, "prefix 2001:db8:2::/64"},
				// The R flag says that the router's address stands there, and there are only zeros behind the prefix.
				{"pio.r-without-address", ``, ""}}},
		// No guest here asks a DHCPv6 server, so that nothing shows that there is none.
		{name: "AdvManagedFlag", from: "AdvManagedFlag off", to: "AdvManagedFlag on",
			want: one("expect.managed", `M flag is set, expected not set$`, "AdvManagedFlag off")},
		{name: "AdvOtherConfigFlag", from: "AdvOtherConfigFlag off", to: "AdvOtherConfigFlag on",
			want: one("expect.other-config", `O flag is set, expected not set$`, "AdvOtherConfigFlag off")},
		{name: "AdvHomeAgentFlag", from: "AdvManagedFlag off;", to: "AdvManagedFlag off;\n\tAdvHomeAgentFlag on;",
			want: one("expect.home-agent", `H flag is set, expected not set$`, iface)},
		{name: "AdvDefaultLifetime", from: "AdvDefaultLifetime 1800", to: "AdvDefaultLifetime 45",
			want: one("expect.router-lifetime", `is 45 s, expected 1800 s$`, "AdvDefaultLifetime 1800")},
		{name: "no default router", from: "AdvDefaultLifetime 1800", to: "AdvDefaultLifetime 0",
			want: one("expect.router-lifetime", `is 0 s, expected 1800 s$`, "AdvDefaultLifetime 1800")},
		{name: "AdvDefaultPreference", from: "AdvDefaultPreference medium", to: "AdvDefaultPreference low",
			want: one("expect.preference", `is low, expected medium$`, "AdvDefaultPreference medium")},
		{name: "AdvCurHopLimit", from: "AdvCurHopLimit 64", to: "AdvCurHopLimit 255",
			want: one("expect.hop-limit", `is 255, expected 64$`, "AdvCurHopLimit 64")},
		{name: "AdvCurHopLimit too small", from: "AdvCurHopLimit 64", to: "AdvCurHopLimit 8", want: []difference{
			{"expect.hop-limit", `is 8, expected 64$`, "AdvCurHopLimit 64"},
			{"ra.hop-limit-low", `is 8$`, ""}}}, // whatever is expected, guests get nowhere with it
		{name: "AdvReachableTime", from: "AdvReachableTime 30000", to: "AdvReachableTime 0",
			want: one("expect.reachable-time", `is 0 ms, expected 30000 ms$`, "AdvReachableTime 30000")},
		{name: "AdvRetransTimer", from: "AdvRetransTimer 1000", to: "AdvRetransTimer 250",
			want: one("expect.retrans-timer", `is 250 ms, expected 1000 ms$`, "AdvRetransTimer 1000")},
		{name: "AdvLinkMTU", from: "AdvLinkMTU 1450", to: "AdvLinkMTU 1500",
			want: one("expect.mtu", `says? 1500|is 1500, expected 1450`, "AdvLinkMTU 1450")},
		{name: "AdvLinkMTU removed", from: "\tAdvLinkMTU 1450;\n",
			want: one("expect.mtu", `the MTU 1450 is expected, and not advertised`, "AdvLinkMTU 1450")},
		{name: "AdvLinkMTU added", from: "\tAdvLinkMTU 1450;\n", backwards: true,
			want: one("expect.mtu", `says 1450, expected no such option$`, iface)},
		{name: "AdvSourceLLAddress", from: "AdvSourceLLAddress on", to: "AdvSourceLLAddress off",
			want: one("expect.source-link-layer", `link-layer address is expected, and not advertised`, "AdvSourceLLAddress on")},
		{name: "route removed", from: route,
			want: one("expect.route-missing", `2001:db8:f::/48 is expected, and not advertised`, "route 2001:db8:f::/48")},
		{name: "route added", from: route, backwards: true,
			want: one("expect.route-unknown", `2001:db8:f::/48 is advertised, expected no route$`, iface)},
		{name: "AdvRoutePreference", from: "AdvRoutePreference high", to: "AdvRoutePreference low",
			want: one("expect.route", `preference of the route 2001:db8:f::/48 is low, expected high$`, "AdvRoutePreference high")},
		{name: "AdvRouteLifetime", from: "AdvRouteLifetime 900", to: "AdvRouteLifetime 1800",
			want: one("expect.route", `lifetime of the route 2001:db8:f::/48 is 1800 s, expected 900 s$`, "AdvRouteLifetime 900")},
		{name: "RDNSS changed", from: rdnss, to: "RDNSS 2001:db8::53 2001:db8:1::54", want: []difference{
			{"expect.rdnss", `^the DNS server 2001:db8:1::54 is advertised, expected 2001:db8::53, 2001:db8:1::53$`, rdnss},
			{"expect.rdnss", `^the DNS server 2001:db8:1::53 is expected, and not advertised`, rdnss}}},
		{name: "RDNSS removed", from: rdnss, to: "RDNSS 2001:db8::53",
			want: one("expect.rdnss", `^the DNS server 2001:db8:1::53 is expected, and not advertised`, rdnss)},
		// Both servers are in one option, and each has its lifetime.
		{name: "AdvRDNSSLifetime", from: "AdvRDNSSLifetime 60", to: "AdvRDNSSLifetime 30", want: []difference{
			{"expect.rdnss-lifetime", `2001:db8::53 is 30 s, expected 60 s$`, "AdvRDNSSLifetime 60"},
			{"expect.rdnss-lifetime", `2001:db8:1::53 is 30 s, expected 60 s$`, "AdvRDNSSLifetime 60"}}},
		{name: "DNSSL changed", from: dnssl, to: "DNSSL example.net", want: []difference{
			{"expect.dnssl", `^the search domain example.net is advertised, expected example.org$`, dnssl},
			{"expect.dnssl", `^the search domain example.org is expected, and not advertised`, dnssl}}},
		{name: "AdvDNSSLLifetime", from: "AdvDNSSLLifetime 45", to: "AdvDNSSLLifetime 30",
			want: one("expect.dnssl-lifetime", `example.org is 30 s, expected 45 s$`, "AdvDNSSLLifetime 45")},
		{name: "AdvIntervalOpt", from: "AdvManagedFlag off;", to: "AdvManagedFlag off;\n\tAdvIntervalOpt on;",
			want: one("expect.option", `\(7\) is there, expected none$`, iface)},
		{name: "AdvSendAdvert", from: "AdvSendAdvert on", to: "AdvSendAdvert off", backwards: true, want: []difference{
			{"ra.unknown-router", `fe80::ff:fe00:1 .*advertises on eth0, where nobody is expected to`, iface},
			{"expect.source", `stays silent on eth0`, "AdvSendAdvert off"}}}, // nobody writes a block to say nothing
		{name: "intervals longer", from: intervals, to: "Interval 9.2;\n\tMaxRtrAdvInterval 12.5;", count: 2,
			want: one("expect.interval", `^(9|1[0-2])\.?\d*s pass between two advertisements, expected 3s to 4s$`,
				"MaxRtrAdvInterval 4")},
		{name: "intervals shorter", from: intervals, to: "Interval 12;\n\tMaxRtrAdvInterval 16;", count: 4, backwards: true,
			want: one("expect.interval", `^[34]\.?\d*s pass between two advertisements, expected 12s to 16s$`,
				"MaxRtrAdvInterval 16")},
	}
}

// TestExpectRadvd has radvd run another file than the one that it is expected to run, by one change at a time. What takes
// several of its advertisements begins first and goes on meanwhile.
func TestExpectRadvd(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	begun := make(map[string]*probe)
	for _, c := range radvdChanges() {
		if c.count > 0 {
			begun[c.name] = c.begin(t)
		}
	}
	for _, several := range []bool{false, true} {
		for _, c := range radvdChanges() {
			if several != (c.count > 0) {
				continue
			}
			t.Run(c.name, func(t *testing.T) {
				p := begun[c.name]
				if p == nil {
					p = c.begin(t)
				}
				p.wait(t).wantDifferences(t, c.want...)
			})
		}
	}
}

// begin has v6probe on a guest hold radvd, on its router, against the file that is expected.
func (c *radvdChange) begin(t *testing.T) *probe {
	t.Helper()
	expected, run := richRadvd, richRadvd
	if c.from != "" {
		run = replaceOne(t, richRadvd, c.from, c.to)
	}
	if c.backwards {
		expected, run = run, expected
	}
	file := filepath.Join(t.TempDir(), "radvd.conf")
	check(t, os.WriteFile(file, []byte(expected), 0o644))
	guest, vr := isolated(t)
	p := start(t, guest, "ra", "-i", "eth0", "--passive", "-c", strconv.Itoa(max(c.count, 1)), "--timeout", "50s",
		"--expect", file, "--json")
	radvd(t, vr, run)
	return p
}

// replaceOne replaces what is in text exactly once.
func replaceOne(t *testing.T, text, from, to string) string {
	t.Helper()
	if n := strings.Count(text, from); n != 1 {
		t.Fatalf("%q is there %d times, not once", from, n)
	}
	return strings.Replace(text, from, to, 1)
}

// compared is a finding with where the expected value stands.
type compared struct {
	Rule, Severity, Detail, Fix string
	Expected                    struct {
		File string
		Line int
		Path string
	}
}

// differences returns the findings that are more than information.
func (r result) differences(t *testing.T) []compared {
	t.Helper()
	var list []compared
	for _, l := range r.of("finding") {
		var f compared
		check(t, json.Unmarshal([]byte(l.raw), &f))
		if f.Severity != "info" {
			list = append(list, f)
		}
	}
	return list
}

// wantDifferences checks that exactly the wanted findings are there, in any order, and that the run failed if there are any.
func (r result) wantDifferences(t *testing.T, want ...difference) {
	t.Helper()
	list := r.differences(t)
	code := min(len(want), 1)
	ok := r.code == code && len(list) == len(want)
	for _, w := range want {
		found := false
		for _, f := range list {
			found = found || w.is(t, f)
		}
		if !found {
			ok = false
			t.Errorf("no %s that matches %q and is about %q", w.rule, w.says, w.at)
		}
	}
	if !ok {
		t.Errorf("exit code %d, want %d with %d findings:\n%s%s", r.code, code, len(want), r.stdout, r.stderr)
	}
}

// is reports whether f is the difference wanted.
func (d difference) is(t *testing.T, f compared) bool {
	t.Helper()
	if f.Rule != d.rule || !regexp.MustCompile(d.says).MatchString(f.Detail) {
		return false
	}
	if d.at == "" || f.Expected.File == "" {
		return d.at == f.Expected.File
	}
	source, err := os.ReadFile(f.Expected.File)
	check(t, err)
	lines := strings.Split(string(source), "\n")
	if f.Expected.Line < 1 || f.Expected.Line > len(lines) {
		t.Errorf("line %d of a file of %d", f.Expected.Line, len(lines))
		return false
	}
	at := lines[f.Expected.Line-1]
	if f.Expected.Path == "" {
		return strings.Contains(at, d.at)
	}
	_, member, _ := strings.Cut(d.at, ".") // a member of an entry stands in a line with its name
	return f.Expected.Path == d.at && strings.Contains(at, member[strings.LastIndex(member, ".")+1:])
}

// explain returns what v6probe says in words of what it reads.
func explain(t *testing.T, args ...string) string {
	t.Helper()
	out, err := exec.Command(binary, append(args, "--color", "never")...).Output()
	if exit := new(exec.ExitError); err != nil && (!errors.As(err, &exit) || exit.ExitCode() != 1) {
		t.Fatal(err)
	}
	return string(out)
}

// TestExpectInit writes down what a network is like, finds that it stays so, and then that it does not.
func TestExpectInit(t *testing.T) {
	needs(t, "radvd")
	t.Parallel()
	guest, vr := isolated(t)
	file := filepath.Join(t.TempDir(), "eth0.expect.yaml")
	recording := start(t, guest, "expect", "init", "-i", "eth0", "-o", file, "--timeout", "2s")
	daemon, err := vr.Radvd(richRadvd)
	check(t, err)
	if r := recording.wait(t); r.code != 0 {
		t.Fatalf("expect init: exit code %d: %s", r.code, r.stderr)
	}
	ra := func(count string) []string {
		return []string{"ra", "-i", "eth0", "-c", count, "--expect", file, "--json", "--timeout", "30s"}
	}
	start(t, guest, ra("2")...).wait(t).wantDifferences(t)

	// The next one that runs has another lifetime.
	check(t, daemon.Kill())
	p := start(t, guest, append(ra("1"), "--passive")...)
	radvd(t, vr, replaceOne(t, richRadvd, "AdvDefaultLifetime 1800", "AdvDefaultLifetime 900"))
	p.wait(t).wantDifferences(t, difference{"expect.router-lifetime", `is 900 s, expected 1800 s$`, "router-lifetime: 1800"})

	// What is written can be read, and says so in words.
	shown := explain(t, "expect", "show", file)
	contains(t, shown, "fe80::ff:fe00:1", "fd17:625c:f037:2::/64", "2001:db8:f::/48", "example.org", "1800")
}
