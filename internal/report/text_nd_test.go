package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/nd"
	"v6probe/internal/packet"
)

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func before(d time.Duration) time.Time { return noon.Add(-d) }

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

func mac(last byte) packet.MAC { return packet.MAC{2, 0, 0, 0, 0, last} }

// troubled is a link on which everything is wrong that a picture can show.
func troubled() nd.Link {
	return nd.Link{
		Where: packet.Link{Interface: "eth0", VLANs: [2]uint16{100}}, Now: noon,
		Neighbors: []nd.Neighbor{
			{Address: ip("fd17:625c:f037:2::1"), MAC: mac(1), HasMAC: true, Router: true, State: nd.Reachable,
				Learnt: nd.FromNA | nd.FromRA, First: before(time.Hour), Last: before(2 * time.Second), LastFrame: 4},
			{Address: ip("fd17:625c:f037:2::dead"), State: nd.Failed, Last: before(5 * time.Minute)},
			{Address: ip("fd17:625c:f037:2:0:ff:fe00:a"), MAC: mac(0xa), HasMAC: true, State: nd.InConflict,
				Learnt: nd.FromDAD | nd.FromUnsolicitedNA, Changes: 3, Last: noon},
			{Address: ip("fd17:625c:f037:2:abcd:ef01:2345:6789"), MAC: mac(0xb), HasMAC: true, State: nd.Stale,
				Learnt: nd.FromNS, Outgoing: true, Proxied: true, Last: before(3 * time.Hour)},
		},
		Questions: []nd.Question{
			{Asker: ip("fd17::a"), AskerMAC: mac(0xa), Target: ip("fd17::99"), Tries: 3, First: before(4 * time.Second), Last: before(2 * time.Second)},
			{Asker: ip("fd17::a"), AskerMAC: mac(0xa), Target: ip("fd17::1"), Tries: 6, First: before(9 * time.Second), Last: before(4 * time.Second), Seen: 5, Known: true},
			{Asker: ip("fd17::b"), AskerMAC: mac(0xb), Target: ip("fd17::1"), Tries: 1, First: noon, Last: noon, Seen: 1, Invalid: "nd.hop-limit"},
			{Asker: ip("fd17::b"), AskerMAC: mac(0xb), Target: ip("fd17::2"), Tries: 3, First: noon, Last: noon, Known: true},
		},
		Duplicates: []nd.Duplicate{
			{Address: ip("fd17::a"), Prober: mac(0xa), Defender: mac(0xb), Probed: true, At: before(time.Second), Frame: 12},
			{Address: ip("fd17::c"), Prober: mac(0xc), Defender: mac(0xd), Probed: true, Both: true, At: before(time.Minute)},
			{Address: ip("fd17::e"), Prober: mac(0xe), Defender: mac(0xf), At: before(24 * 3 * time.Hour)},
		},
		Scan: &nd.Scan{Solicitations: 70000, Peak: 900, Askers: 1, Asker: ip("fe80::1"), MAC: mac(1),
			First: before(time.Minute), Last: noon},
		Proxies: []nd.Proxy{{MAC: mac(7), Targets: 5}, {MAC: mac(8), Targets: 40, Owned: 12}},
		Errors:  errorGroups(),
		Redirects: []nd.Redirect{
			{Router: ip("fe80::1"), Host: ip("fd17::a"), Destination: ip("fd17::b"), Target: ip("fd17::b"), OnLink: true,
				HasMAC: true, TargetMAC: mac(0xb), Count: 1, Last: noon},
			{Router: ip("fe80::66"), Host: ip("fd17::a"), Destination: ip("2001:db8::1"), Target: ip("fe80::66"),
				Dropped: "redirect.not-first-hop", Count: 2, Last: before(time.Second)},
		},
		Silent:     []nd.SilentGroup{{Group: ip("ff02::1:ff00:1"), Neighbor: ip("fd17::1"), Querier: ip("fe80::9"), Missed: 2, Last: before(time.Second)}},
		ErrorCount: 12,
	}
}

func errorGroups() []nd.ErrorGroup {
	ptb := nd.ErrorGroup{Type: 2, MTU: 1400, Source: ip("2001:db8:f::1"), HopLimit: 63, From: ip("fd17::a"), To: ip("2001:db8::80"),
		Protocol: 6, SourcePort: 43210, Port: 443, HasPorts: true, Count: 4, QuotedLength: 1500, First: before(time.Second),
		Last: noon, LastFrame: 9, Fate: nd.FateShrank, LargestSince: 1400}
	ignored := ptb
	ignored.MTU, ignored.Fate, ignored.LargestSince, ignored.TooBigSince = 1450, nd.FateIgnored, 1500, 7
	ignored.Encapsulation = "1450 = 1500 - 50: VXLAN over IPv4"
	unreach := nd.ErrorGroup{Type: 1, Code: 0, Source: ip("2001:db8:f::2"), HopLimit: 62, From: ip("2001:db8::53"), To: ip("fd17::a"),
		Protocol: 17, SourcePort: 53, Port: 40000, HasPorts: true, Count: 2, Last: noon}
	echo := unreach
	echo.HasPorts, echo.HasEcho, echo.Protocol, echo.SourcePort, echo.Port, echo.Count, echo.HopLimit = false, true, 58, 7, 0, 1, 61
	return []nd.ErrorGroup{unreach, ptb, echo, ignored, {Type: 3, Source: ip("fe80::1"), HopLimit: 64, Count: 1, Last: noon}}
}

func picture(t *testing.T, s Style, listened time.Duration, links ...nd.Link) string {
	t.Helper()
	var out bytes.Buffer
	text := NewText(&out, s)
	text.Neighbors(links, listened)
	if err := text.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// TestNeighborsGolden compares with testdata/troubled.txt, which people have read.
func TestNeighborsGolden(t *testing.T) {
	want, err := os.ReadFile("testdata/troubled.txt")
	if err != nil {
		t.Fatal(err)
	}
	if got := picture(t, Style{}, 0, troubled()); got != string(want) {
		t.Errorf("got:\n%s", got)
	}
}

func TestNeighborsSaysTheEssential(t *testing.T) {
	healthy := nd.Link{Now: noon, Neighbors: []nd.Neighbor{
		{Address: ip("fe80::1"), MAC: mac(1), HasMAC: true, Router: true, State: nd.Reachable, Last: noon, Learnt: nd.FromNA},
		{Address: ip("fe80::2"), MAC: mac(2), HasMAC: true, State: nd.Reachable, Last: noon, Learnt: nd.FromNS},
	}}
	one := healthy
	one.Neighbors = healthy.Neighbors[:1]
	forgetful := healthy
	forgetful.Forgotten = 5
	tests := []struct {
		name     string
		listened time.Duration
		links    []nd.Link
		want     []string
		not      string
	}{
		{"silence", 20 * time.Second, nil, []string{"No neighbor discovery was heard in 20.0 s.", "v6probe nd ADDRESS"}, "a filter"},
		{"silence in a file", 0, nil, []string{"No neighbor discovery was heard.\n", "a filter"}, "v6probe nd ADDRESS"},
		{"healthy", 0, []nd.Link{healthy}, []string{"2 stations with 2 addresses are here, 1 of them a router; no question is left\n" +
			"unanswered and no duplicate was seen."}, "in vain"},
		{"one", 0, []nd.Link{one}, []string{"1 station with 1 address is here, a router; "}, "Duplicate"},
		{"errors alone", 0, []nd.Link{{ErrorCount: 1, Now: noon}}, []string{"no neighbor was heard; 1 ICMPv6 error.\n"}, "from"},
		{"forgotten", 0, []nd.Link{forgetful}, []string{"at least 2 stations with 2 addresses are here, ", "5 neighbors more: forgotten for lack of room."}, "Proxies"},
		{"worst link first", 0, []nd.Link{healthy, troubled()}, []string{"eth0 vlan 100: "}, ""},
	}
	for _, tt := range tests {
		got := picture(t, Style{}, tt.listened, tt.links...)
		for _, w := range tt.want {
			if !strings.Contains(got, w) {
				t.Errorf("%s: no %q in %s", tt.name, w, got)
			}
		}
		if tt.not != "" && strings.Contains(got, tt.not) {
			t.Errorf("%s: %q in %s", tt.name, tt.not, got)
		}
	}
	if got := picture(t, Style{}, 0, healthy, troubled()); !strings.HasPrefix(got, "eth0 vlan 100: ") {
		t.Errorf("the link with trouble does not come first: %s", got)
	}
}

// TestHeadlineCountsStations: one that has several addresses is still one.
func TestHeadlineCountsStations(t *testing.T) {
	at := func(last byte, router bool) nd.Neighbor {
		return nd.Neighbor{MAC: mac(last), HasMAC: last > 0, Router: router, State: nd.Stale}
	}
	failed := at(9, true)
	failed.State = nd.Failed
	for _, tt := range []struct {
		neighbors []nd.Neighbor
		want      string
	}{
		{nil, "no neighbor was heard."},
		{[]nd.Neighbor{failed}, "no neighbor was heard."},
		{[]nd.Neighbor{at(1, true), at(1, true)}, "1 station with 2 addresses is here, a router; "},
		{[]nd.Neighbor{at(1, true), at(1, false), failed}, "1 station with 2 addresses is here, a router; "},
		{[]nd.Neighbor{at(1, true), at(1, true), at(2, false), at(2, false), at(3, false), at(3, false)},
			"3 stations with 6 addresses are here, 1 of them a router; "},
		{[]nd.Neighbor{at(1, true), at(1, false), at(2, true)}, "2 stations with 3 addresses are here, 2 of them routers; "},
		{[]nd.Neighbor{at(1, false), at(2, false), at(0, false)},
			"2 stations with 2 addresses are here, and 1 address whose MAC is not known; "},
		{[]nd.Neighbor{at(1, true), at(0, true), at(0, false)},
			"1 station with 1 address is here, a router, and 2 addresses whose MAC is not known, 1 of them a router's; "},
		{[]nd.Neighbor{at(0, false)}, "1 address whose MAC is not known is here; "},
		{[]nd.Neighbor{at(0, true), at(0, true)}, "2 addresses whose MAC is not known are here, 2 of them routers'; "},
	} {
		if got := strings.ReplaceAll(ndHeadline(&nd.Link{Neighbors: tt.neighbors}), nbsp, " "); !strings.HasPrefix(got, tt.want) {
			t.Errorf("%q, want %q", got, tt.want)
		}
	}
}

// crowded is a link with far more of everything than a report shows, all addresses as long as they get.
func crowded() nd.Link {
	l := troubled()
	long := func(i int) netip.Addr { return ip(fmt.Sprintf("2001:db8:aaaa:bbbb:cccc:dddd:eeee:%x", 0x1000+i)) }
	for i := range 1000 {
		n := nd.Neighbor{Address: long(i), MAC: mac(1), HasMAC: true, Learnt: 0x7f, Changes: i, Last: before(time.Duration(i) * time.Minute),
			State: nd.State(i % 6), Router: i%2 == 0}
		l.Neighbors = append(l.Neighbors, n)
		l.Questions = append(l.Questions, nd.Question{Asker: long(i), AskerMAC: mac(2), Target: long(i + 1), Tries: 3, Last: noon})
		l.Duplicates = append(l.Duplicates, nd.Duplicate{Address: long(i), At: noon, Frame: 1 << 40, Probed: true, Both: i%2 == 0})
		l.Proxies = append(l.Proxies, nd.Proxy{MAC: mac(byte(i)), Targets: i})
		e := errorGroups()[i%5]
		e.Source, e.From, e.To = long(i%300), long(i), long(i+2)
		l.Errors = append(l.Errors, e)
		l.Redirects = append(l.Redirects, nd.Redirect{Router: long(i), Host: long(i + 1), Destination: long(i + 2), Target: long(i + 3),
			HasMAC: true, Dropped: "redirect.not-first-hop", Count: 99, Last: noon})
		l.Silent = append(l.Silent, nd.SilentGroup{Group: ip("ff02::1:ff00:1"), Neighbor: long(i), Querier: long(i + 1), Missed: i, Last: noon})
	}
	return l
}

func TestNeighborsIsBoundedAndNarrow(t *testing.T) {
	var links []nd.Link
	for i := range 20 {
		l := crowded()
		l.Where = packet.Link{Interface: "vxlan5001", VLANs: [2]uint16{100, uint16(i)}}
		links = append(links, l)
	}
	for _, s := range []Style{{}, {Width: 100}, {Width: 72}} {
		got := picture(t, s, 0, links...)
		for line := range strings.Lines(got) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > s.width() {
				t.Errorf("%d columns of %d: %q", n, s.width(), line)
			}
		}
		if n := strings.Count(got, "\n"); n > 6*maxRows {
			t.Errorf("%d lines", n)
		}
		for _, want := range []string{"… and 972 neighbors more.", "… and 996 questions more.", "… and 995 duplicates more.",
			"… and 994 stations more.", "kinds more.", "… and 994 redirects more.", "… and 993 groups more.", "links more."} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q", want)
			}
		}
	}
}

func TestNeighborsEscapes(t *testing.T) {
	l := troubled()
	l.Where.Interface = "eth\x1b]0;x\x07"
	l.Errors[3].Encapsulation = "a\x1b[2J"
	got := picture(t, Style{}, 0, l)
	lines, _ := NeighborLines([]nd.Link{l}, 80)
	got += strings.Join(lines, "\n")
	if strings.ContainsAny(got, "\x1b\x07") || !strings.Contains(got, `eth\x1b]0;x\x07`) {
		t.Errorf("a control character came through: %q", got)
	}
	if got := picture(t, Style{Color: true}, 0, troubled()); !strings.Contains(got, sgrBold) {
		t.Error("no colour where it is asked for")
	}
}

func TestNeighborLines(t *testing.T) {
	lines, more := NeighborLines([]nd.Link{troubled()}, 100)
	if more != 0 {
		t.Errorf("%d more", more)
	}
	for _, want := range []string{
		"eth0 vlan 100  duplicate: fd17::a is on 02:00:00:00:00:0a and 02:00:00:00:00:0b",
		"eth0 vlan 100  in vain: fd17::a asks for fd17::99, 3 times",
		"eth0 vlan 100  error: packet-too-big 1400 from 2001:db8:f::1, 4 times: fd17::a.43210 > 2001:db8::80.443 tcp",
		fmt.Sprintf("%-15s%-38s%-19sR  %-12sseen", "Link", "Neighbor", "MAC", "state"),
		"eth0 vlan 100  fd17:625c:f037:2::1                   02:00:00:00:00:01  R  reachable   " + before(2*time.Second).Local().Format(time.TimeOnly),
	} {
		if !containsPlain(lines, want) {
			t.Errorf("no line %q in\n%s", want, strings.Join(lines, "\n"))
		}
	}
	lines, _ = NeighborLines([]nd.Link{troubled()}, 80)
	for _, l := range lines {
		if n := utf8.RuneCountInString(l); n > 80 && strings.Contains(l, "fd17:625c:f037:2::1 ") {
			t.Errorf("a short address takes %d columns of 80: %q", n, l)
		}
	}
	for name, want := range map[string]string{"": "Neighbor", "x": "Link  Neighbor", "vxlan5001": "Link       Neighbor"} {
		l := nd.Link{Where: packet.Link{Interface: name}, Neighbors: []nd.Neighbor{{Address: ip("fe80::1")}}}
		if lines, _ = NeighborLines([]nd.Link{l, {}}, 80); len(lines) != 2 || !strings.HasPrefix(lines[0], want+" ") ||
			strings.Index(lines[0], "Neighbor") != strings.Index(lines[1], "fe80::1") {
			t.Errorf("%q", lines)
		}
	}
	lines, more = NeighborLines([]nd.Link{crowded(), crowded(), crowded()}, 80)
	if len(lines) != maxLines || more != 3*(1004+4*maxTroubleLines+1)+1-maxLines {
		t.Errorf("%d lines and %d more, want %d", len(lines), more, maxLines)
	}
}

func containsPlain(lines []string, want string) bool {
	return slices.ContainsFunc(lines, func(l string) bool { return strings.ReplaceAll(l, nbsp, " ") == want })
}

func TestAgo(t *testing.T) {
	tests := map[time.Duration]string{
		-time.Second: "now", 999 * time.Millisecond: "now", time.Second: "1 s ago", 119 * time.Second: "119 s ago",
		2 * time.Minute: "2 min ago", 3 * time.Hour: "3 h ago", 72 * time.Hour: "3 d ago",
	}
	for d, want := range tests {
		if got := strings.ReplaceAll(ago(noon, before(d)), nbsp, " "); got != want {
			t.Errorf("ago(%v) = %q, want %q", d, got, want)
		}
	}
}

// TestWhoseAnswers wants told where the answers are that do not help the asker.
func TestWhoseAnswers(t *testing.T) {
	asks := nd.Question{Asker: ip("fd17::c"), AskerMAC: mac(0xc), Target: ip("fd17::1"), Tries: 3, First: noon, Last: noon, Seen: 2}
	for want, change := range map[string]func(*nd.Question){
		"2 answers seen here, which must be lost on the way":         func(*nd.Question) {},
		"of 02:00:00:00:00:0d, which is not the station that has it": func(q *nd.Question) { q.By = mac(0xd) },
		"2 answers came in here, which this host's own firewall or":  func(q *nd.Question) { q.Here = true },
		"2 answers seen here, which receivers drop: nd.hop-limit":    func(q *nd.Question) { q.Here, q.Invalid = true, "nd.hop-limit" },
	} {
		q := asks
		change(&q)
		if got := strings.ReplaceAll(questionTexts(&nd.Link{Now: noon, Questions: []nd.Question{q}})[0], nbsp, " "); !strings.Contains(got, want) {
			t.Errorf("%q is missing in %q", want, got)
		}
	}
}
