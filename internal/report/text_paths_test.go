package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/pmtu"
	"v6probe/internal/rule"
)

// provenPaths are paths of every kind that a capture can tell of.
func provenPaths() []pmtu.Path {
	a, b := ip("fd17:625c:f037:2::a"), ip("2001:db8:ffff:1234:5678:9abc:def0:1234")
	said := []pmtu.Said{{Source: pathHops[1], MTU: 1400, Smallest: 1450, Largest: 1500, Count: 4}}
	return []pmtu.Path{
		{Source: b, Destination: a, SourceMSS: 1440, DestinationMSS: 1380, First: noon, Last: noon, Frame: 3},
		{Source: a, Destination: ip("2001:db8::1"), AtLeast: 1500, AtLeastBy: pmtu.ByEcho, AtLeastFrame: 12, First: noon, Last: noon, Frame: 12},
		{Source: a, Destination: ip("2001:db8::2"), AtLeast: 1400, AtLeastBy: pmtu.ByTCPAck, AtLeastFrame: 29, SeenHere: 1500, AtMost: 1400,
			AtMostFrom: []netip.Addr{pathHops[1]}, AtMostFrame: 20, Said: said, SourceMSS: 1440, DestinationMSS: 1380, First: noon, Last: noon, Frame: 1},
		{Source: a, Destination: ip("2001:db8::3"), AtLeast: 1500, AtLeastBy: pmtu.ByTCPAck, AtLeastFrame: 40, AtMost: 1400,
			AtMostFrom: []netip.Addr{pathHops[1]}, Said: said, LargerPassed: true, First: noon, Last: noon, Frame: 2},
		{Source: a, Destination: b, AtLeast: 1320, AtLeastBy: pmtu.ByTCPAck, AtLeastFrame: 9, Suspected: pmtu.Suspicion{Size: 1450, Sent: 6,
			Span: 12 * time.Second, Frame: 31, Small: 1320, Passed: 1280}, First: noon, Last: noon.Add(time.Minute), Frame: 4},
		{Source: a, Destination: ip("2001:db8::5"), AtLeast: 1480, AtLeastBy: pmtu.BySeen, AtLeastFrame: 5, SeenHere: 1480, First: noon, Last: noon, Frame: 5},
		{Source: a, Destination: ip("2001:db8::6"), AtMost: 1400, AtMostFrom: []netip.Addr{pathHops[1]}, AtMostFrame: 6, Said: said, First: noon,
			Last: noon, Frame: 6},
		{Source: a, Destination: ip("2001:db8::7"), AtLeast: 1300, AtLeastBy: pmtu.ByEcho, AtLeastFrame: 7, AtMost: 1400,
			AtMostFrom: []netip.Addr{pathHops[1]}, Said: said, First: noon, Last: noon, Frame: 7},
		{Source: a, Destination: ip("2001:db8::8"), Fragment: 1400, First: noon, Last: noon, Frame: 8},
	}
}

func pathsText(list []pmtu.Path, tooBig uint64) string {
	var out bytes.Buffer
	NewText(&out, Style{}).Paths(list, tooBig)
	return out.String()
}

func TestPathsGolden(t *testing.T) {
	golden(t, "paths_all.txt", pathsText(provenPaths(), 12))
	golden(t, "paths_none.txt", pathsText(provenPaths()[:1], 0))
	golden(t, "paths_unusable.txt", pathsText(nil, 3))
	golden(t, "paths_unusable_one.txt", pathsText(nil, 1))
	for line := range strings.Lines(pathsText(provenPaths(), 0)) {
		if utf8.RuneCountInString(line) > 81 {
			t.Errorf("wider than 80 columns: %q", line)
		}
	}
	var out bytes.Buffer
	if err := NewJSON(&out).Paths(provenPaths()); err != nil {
		t.Fatal(err)
	}
	golden(t, "paths.json", out.String())
}

// TestPathsAreBounded: a capture of a whole network does not scroll for hours.
func TestPathsAreBounded(t *testing.T) {
	var many []pmtu.Path
	for i := range 1000 {
		many = append(many, pmtu.Path{Source: pathTarget, Destination: ip(fmt.Sprintf("2001:db8::%x", i)), AtLeast: 1500,
			AtLeastBy: pmtu.ByEcho, Frame: uint64(i)})
	}
	got := pathsText(many, 0)
	if n := strings.Count(got, "\n"); n > 4*maxPathBlocks || !strings.Contains(got, "… and 968 paths more.") {
		t.Errorf("%d lines for 1000 paths, which end %q", n, got[len(got)-60:])
	}
}

// TestPathFieldsAreDocumented: docs/json.md names every field that pmtu writes.
func TestPathFieldsAreDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range pathCases() {
		p.Probes = pathProbes()
		p.Cached, p.Expect = 1400, 1500
		documented(t, string(doc), []byte(pathJSON(t, p)))
	}
	var out bytes.Buffer
	j := NewJSON(&out)
	if err := j.Paths(provenPaths()); err != nil {
		t.Fatal(err)
	}
	sum := Summary{Tally: rule.NewTally(), ForgottenPaths: 1, Elsewhere: NewTooBigElsewhere(rule.NewTally(), "v6probe nd -r x")}
	if err := j.Summary(sum); err != nil {
		t.Fatal(err)
	}
	documented(t, string(doc), out.Bytes())
	for _, name := range []string{"plan.json", "plan_fits.ndjson"} {
		plan, err := os.ReadFile("testdata/pmtu/" + name)
		if err != nil {
			t.Fatal(err)
		}
		documented(t, string(doc), plan)
	}
}
