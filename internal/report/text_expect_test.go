package report

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"unicode/utf8"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// line is a place in the file of everyExpectation.
func line(n int) rule.Place { return rule.Place{File: "web.expect.yaml", Line: n, Column: 5} }

func exactly(n uint64, at int) *expect.Range { return expect.Exactly(n, line(at)) }
func onOff(on bool, at int) *expect.Switch   { return &expect.Switch{On: on, Place: line(at)} }
func word(s string, at int) *expect.Text     { return &expect.Text{Want: s, Place: line(at)} }
func between(from, to uint64, at int) *expect.Range {
	return &expect.Range{Min: from, Max: to, Place: line(at)}
}
func jsonPlace(n int, path string) rule.Place {
	return rule.Place{File: "networks.json", Line: n, Path: path}
}
func testMAC(last byte) expect.MAC { return expect.MAC{2, 0, 0, 0, 0, last} }

// everyExpectation is a state with a value in each field.
func everyExpectation() *expect.State {
	web := &expect.Link{
		Name: "web", Place: line(3), Iface: "eth2",
		VNI: &expect.ID{Number: 1234, Place: line(4)}, VLAN: &expect.ID{Number: 100, Place: line(5)},
		Routers: []expect.Router{
			{Name: "r-12-VM", Address: netip.MustParseAddr("fe80::1"), MAC: testMAC(1), Required: true, Place: line(7)},
			{Address: netip.MustParseAddr("fe80::2"), Place: line(8), Says: &expect.Advertisement{RouterLifetime: exactly(0, 9)}},
		},
		OnlyRouters: true, Advertisers: 1, MTU: 1450,
		Forbidden: []expect.Router{{Name: "r-13-VM", MAC: testMAC(9), Why: "it is the backup of r-12-VM", Fix: "Restart it.", Place: line(11)}},
		Prefixes:  []netip.Prefix{netip.MustParsePrefix("2001:db8:1::/64")},
		Says: &expect.Advertisement{
			CurHopLimit: exactly(64, 20), Managed: onOff(false, 21), Other: onOff(true, 22), HomeAgent: onOff(false, 23),
			Preference: word("medium", 24), RouterLifetime: between(30, 60, 25), ReachableTime: exactly(0, 26),
			RetransTimer: exactly(1000, 27), Interval: between(5000, 15500, 28),
			SourceLinkLayer: onOff(true, 29), MTU: exactly(1450, 30),
			Prefixes: &expect.Prefixes{Place: line(31), List: []expect.Prefix{{Prefix: netip.MustParsePrefix("2001:db8:1::/64"),
				OnLink: onOff(true, 33), Autonomous: onOff(false, 34), RouterAddress: onOff(false, 35), Valid: exactly(expect.Infinity, 36),
				Preferred: between(14400, expect.Infinity, 37), Place: line(32)}}},
			Routes: &expect.Routes{Place: line(40), More: true, List: []expect.Route{{Prefix: netip.MustParsePrefix("::/0"),
				Preference: word("high", 41), Lifetime: exactly(1800, 41), Place: line(41)}}},
			RDNSS: &expect.Servers{Place: line(42), List: []expect.Server{{Address: netip.MustParseAddr("2001:db8::53"), Place: line(43)}}},
			DNSSL: &expect.Domains{Place: line(44), List: []expect.Domain{{Name: "example.org", Lifetime: exactly(30, 45), Place: line(45)}}},
			PREF64: &expect.NAT64s{Place: line(46), List: []expect.NAT64{{
				Prefix: netip.MustParsePrefix("64:ff9b::/96"), Lifetime: exactly(1800, 47), Place: line(47)}}},
			Portal: word("", 48),
			Options: &expect.Options{Place: line(49), More: true, List: []expect.Option{{Type: 34, Data: []byte{1, 2, 3}, Place: line(50)},
				{Type: 35, Place: line(51)}}},
		},
	}
	for i := range maxExpectList + 3 {
		web.Neighbors = append(web.Neighbors, expect.Neighbor{Name: fmt.Sprintf("i-2-%d-VM", i), MAC: testMAC(byte(i)), Required: i == 0,
			Addresses: []netip.Addr{netip.MustParseAddr(fmt.Sprintf("2001:db8:1::%x", 16+i))}, Place: line(60 + i)})
	}
	other := &expect.Link{Name: "network db (Isolated)", Place: jsonPlace(40, "network[1]"), OnlyRouters: true, CloudStack: true,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:2::/64")},
		Says: &expect.Advertisement{MTU: expect.Exactly(0, jsonPlace(44, "network[1].publicmtu")),
			Prefixes: &expect.Prefixes{Place: jsonPlace(41, "network[1].ip6cidr")}}}
	free := &expect.Link{Name: "the flags", Says: &expect.Advertisement{MTU: expect.Exactly(1400, rule.Place{File: "--expect-mtu"})}}
	return &expect.State{
		Links: []*expect.Link{web, other, free},
		Rules: expect.Rules{Must: []expect.RuleRef{{ID: "ra.no-address-source", Place: line(90)}},
			MustNot: []expect.RuleRef{{ID: "ra.flood", Place: line(91)}, {ID: "nd.*", Place: line(91)}},
			Ignore:  []expect.RuleRef{{ID: "pio.host-bits", Place: line(92)}}},
		Flaws: []expect.Flaw{
			{Rule: "ra.flood", Severity: rule.Info, Link: "web", Detail: "a small flaw", Place: line(95)},
			{Rule: "mtu.below-1280", Severity: rule.Error, Link: "network db (Isolated)", Detail: "the private MTU is 1000", Fix: "Raise it.",
				Place: jsonPlace(45, "network[1].privatemtu")}},
	}
}

// hostileExpectation has in each of its texts what could drive a terminal.
func hostileExpectation() *expect.State {
	const evil = "a\x1b[2J\x07\n\xff\u202e\"\\b"
	s := everyExpectation()
	at := rule.Place{File: evil, Line: 1, Path: evil}
	l := s.Links[0]
	l.Name, l.Iface, l.Place, l.Routers[0].Name, l.Routers[0].Place = evil, evil, at, evil, at
	l.Forbidden[0].Why, l.Forbidden[0].Fix, l.Forbidden[0].Name, l.Neighbors[0].Name = evil, evil, evil, evil
	l.Says.Preference.Want, l.Says.Portal.Want, l.Says.DNSSL.List[0].Name, l.Says.Routes.List[0].Preference.Want = evil, evil, evil, evil
	l.Says.Options.List[0].Data = bytes.Repeat([]byte(evil), 1000)
	s.Rules.Must[0].ID = evil
	s.Flaws[0] = expect.Flaw{Rule: evil, Link: evil, Detail: evil, Fix: evil, Place: at}
	return s
}

func expectationText(s *expect.State, style Style) string {
	var out bytes.Buffer
	NewText(&out, style).Expectation(s)
	return out.String()
}

func expectationJSON(t *testing.T, s *expect.State) string {
	t.Helper()
	var out bytes.Buffer
	if err := NewJSON(&out).Expectation(s); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

func TestExpectationGolden(t *testing.T) {
	text := expectationText(everyExpectation(), Style{})
	fileGolden(t, "expect/show.txt", text)
	fileGolden(t, "expect/show.ndjson", expectationJSON(t, everyExpectation()))
	fileGolden(t, "expect/nothing.txt", expectationText(&expect.State{}, Style{}))
	for l := range strings.Lines(text) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(l, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, l)
		}
	}
}

// TestExpectationTellsAll: each value of an advertisement is told with its own line.
func TestExpectationTellsAll(t *testing.T) {
	s := everyExpectation()
	s.Links[0].Neighbors = nil
	text := expectationText(s, Style{})
	lines := []int{4, 5, 7, 8, 9, 11, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31, 32, 40, 41, 42, 43, 44, 45, 46, 47, 48, 49, 50, 51}
	for _, n := range lines {
		if !strings.Contains(strings.Join(strings.Fields(text), " "), fmt.Sprintf("(line %d)", n)) {
			t.Errorf("what stands at line %d is not told:\n%s", n, text)
		}
	}
}

func TestExpectationHostile(t *testing.T) {
	cleanOutput(t, "text", expectationText(hostileExpectation(), Style{}))
	out := expectationJSON(t, hostileExpectation())
	cleanOutput(t, "json", out)
	n := 0
	for l := range strings.Lines(out) {
		n++
		if !json.Valid([]byte(l)) {
			t.Errorf("no JSON: %s", l)
		}
	}
	if n != 3+1+2 {
		t.Errorf("%d objects, want one for each of 3 links, the rules and 2 flaws", n)
	}
}

// TestExpectedIsTold: a finding says where the expectation stands, in text and JSON; one without says nothing.
func TestExpectedIsTold(t *testing.T) {
	tests := []struct {
		place      rule.Place
		text, json string
	}{
		{rule.Place{}, "", ""},
		{rule.Place{File: "radvd.conf", Line: 12, Column: 3}, " (expected: radvd.conf:12)", `,"expected":{"file":"radvd.conf","line":12,"column":3}`},
		{rule.Place{File: "n.json", Line: 31, Path: "network[0].ip6cidr"}, " (expected: n.json:31, network[0].ip6cidr)",
			`,"expected":{"file":"n.json","line":31,"path":"network[0].ip6cidr"}`},
		{rule.Place{File: "--expect-mtu"}, " (expected: --expect-mtu)", `,"expected":{"file":"--expect-mtu"}`},
		{rule.Place{File: "a\x1b b.yaml", Line: 1}, ` (expected: a\x1b b.yaml:1)`, `,"expected":{"file":"a\u001b b.yaml","line":1}`},
	}
	for _, tt := range tests {
		f := found("expect.mtu", rule.Error, "it is 1400")
		f.Expected = tt.place
		var text, out bytes.Buffer
		NewText(&text, Style{Width: 100}).Findings([]rule.Found{f})
		if err := NewJSON(&out).Finding(f.Finding); err != nil {
			t.Fatal(err)
		}
		if want := "seen  it is 1400" + tt.text + "\n"; !strings.Contains(text.String(), want) {
			t.Errorf("%q lacks %q", text.String(), want)
		}
		if want := tt.json + "}\n"; !strings.HasSuffix(out.String(), want) || tt.json == "" && strings.Contains(out.String(), `"expected":`) {
			t.Errorf("%s does not end with %s", out.String(), want)
		}
	}
}
