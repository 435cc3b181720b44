package report

import (
	"regexp"
	"strings"
	"testing"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// annotation is a workflow command as the runner reads it.
type annotation struct{ level, file, line, title, text string }

// readGitHub reads workflow commands as the runner does; what else there is must be the last line of the text.
func readGitHub(t *testing.T, out string) []annotation {
	t.Helper()
	command := regexp.MustCompile(`^::(error|warning|notice) file=([^:,]*),line=([0-9]+),title=([^:,]*)::(.*)$`)
	property := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%3A", ":", "%2C", ",", "%25", "%")
	data := strings.NewReplacer("%0D", "\r", "%0A", "\n", "%25", "%")
	var list []annotation
	total := 0
	for line := range strings.Lines(out) {
		line = strings.TrimSuffix(line, "\n")
		m := command.FindStringSubmatch(line)
		if m == nil {
			if total++; total > 1 || !strings.HasPrefix(line, "PASS  ") && !strings.HasPrefix(line, "FAIL  ") {
				t.Errorf("neither a command nor the last line: %q", line)
			}
			continue
		}
		if total > 0 {
			t.Errorf("a command after the last line: %q", line)
		}
		list = append(list, annotation{m[1], property.Replace(m[2]), m[3], property.Replace(m[4]), data.Replace(m[5])})
	}
	if total == 0 {
		t.Error("the last line is missing")
	}
	return list
}

func TestCheckGitHub(t *testing.T) {
	at := func(id rule.ID, sev rule.Severity, p rule.Place) rule.Found {
		f := found(id, sev, "100% wrong")
		f.Expected, f.Fix = p, "a\nb"
		return f
	}
	list := []*check.Capture{{Name: "a:b,c%/x.pcap", Failed: true, Found: []rule.Found{
		at("expect.mtu", rule.Error, rule.Place{File: "w:1,2%0A.yaml", Line: 7, Column: 3}),
		at("expect.managed", rule.Warning, rule.Place{File: "--expect-mtu"}),
		at("expect.interval", rule.Info, rule.Place{File: "-", Line: 4}),
		at("ra.flood", rule.Info, rule.Place{}),
	}}, {Name: "broken.pcap", Err: hintedError{"no pcap", "see"}, Failed: true}}
	want := []annotation{
		{"error", "w:1,2%0A.yaml", "7", "expect.mtu", "a:b,c%/x.pcap: 100% wrong (expected: w:1,2%0A.yaml:7)\nfix: " + `a\x0ab`},
		{"warning", "a:b,c%/x.pcap", "1", "expect.managed", "a:b,c%/x.pcap: 100% wrong (expected: --expect-mtu)\nfix: " + `a\x0ab`},
		{"notice", "a:b,c%/x.pcap", "1", "expect.interval", "a:b,c%/x.pcap: 100% wrong (expected: -:4)\nfix: " + `a\x0ab`},
		{"notice", "a:b,c%/x.pcap", "1", "ra.flood", "a:b,c%/x.pcap: 100% wrong\nfix: " + `a\x0ab`},
		{"error", "broken.pcap", "1", "damaged capture", "broken.pcap: no pcap\nfix: see"},
	}
	got := readGitHub(t, checkOutput(t, "github", list, Style{}, CheckOptions{}))
	if len(got) != len(want) {
		t.Fatalf("%d annotations, want %d: %+v", len(got), len(want), got)
	}
	for i := range want {
		if got[i] != want[i] {
			t.Errorf("got  %+v\nwant %+v", got[i], want[i])
		}
	}
}
