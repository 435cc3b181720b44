package report

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// hintedError is an error with a hint, as those of package expect have.
type hintedError struct{ text, hint string }

func (e hintedError) Error() string { return e.text }
func (e hintedError) Hint() string  { return e.hint }

func found(id rule.ID, sev rule.Severity, detail string) rule.Found {
	return rule.Found{Count: 1, Finding: rule.Finding{Rule: id, Severity: sev, Detail: detail, Offset: -1}}
}

// checked are captures of each kind: without fault, with notes only, failed, damaged, with a part left out.
func checked() []*check.Capture {
	lifetime := found("expect.router-lifetime", rule.Error, "the router lifetime is 30 seconds, not 45")
	lifetime.Link, lifetime.Source, lifetime.Frame, lifetime.Offset = "eth2 vlan 100", netip.MustParseAddr("fe80::1"), 3, 58
	lifetime.Expected = rule.Place{File: "captures/web.expect.yaml", Line: 12, Column: 20}
	lifetime.Count, lifetime.LastFrame = 4, 17
	mtu := found("ra.unknown-prefix", rule.Error, "2001:db8:bad::/64 is advertised, and only 2001:db8:1::/64 is expected")
	mtu.Frame, mtu.Fix = 3, "Take it out of radvd.conf."
	mtu.Expected = rule.Place{File: "networks.json", Line: 31, Path: "network[0].ip6cidr"}
	flag := found("expect.managed", rule.Error, "the M flag is set")
	flag.Expected = rule.Place{File: "--expect-mtu"}
	return []*check.Capture{
		{Name: "captures/clean.pcap", Frames: 10, Messages: 4, Took: 12 * time.Millisecond},
		{Name: "captures/deep/notes.pcapng.gz", Against: []string{"captures/deep/notes.expect.yaml"}, Frames: 100, Messages: 80,
			Found: []rule.Found{found("ra.absent", rule.Info, "nobody advertised in 30 seconds")}, Took: 3 * time.Millisecond},
		{Name: "captures/web.pcap", Against: []string{"captures/web.expect.yaml", "networks.json"}, Frames: 17, Messages: 17,
			Failed: true, Ignored: 2, Known: 1, Took: 1500 * time.Millisecond,
			Found: []rule.Found{lifetime, mtu, flag, found("nd.hop-limit", rule.Warning, "hop limit is 64, not 255"),
				found("ra.absent", rule.Info, "nobody advertised in 30 seconds")}},
		{Name: "cut short.pcap", Err: hintedError{"cut short.pcap: frame 12: unexpected EOF", "copy it again"}, Failed: true, Frames: 11, Messages: 11,
			Found: []rule.Found{found("nd.hop-limit", rule.Error, "hop limit is 64, not 255")}},
		{Name: "captures/better.pcap", Frames: 1, Gone: []check.Entry{{Capture: "captures/better.pcap", Rule: "ra.flood", Count: 3}}},
	}
}

// hostile are captures in whose every text there is what could break a format or drive a terminal.
func hostile() []*check.Capture {
	const evil = "a\x1b[2J\x00\x07\r\n::error::x\n##[error]\n]]>-->&<\"'%0A%,:#TODO \\ \xff\xc3\u202e\u2028\ufffe\u00a0" +
		"\U000e0001\U0001f600 ](1) [x](1)\n...\n---\nok 1 # SKIP"
	f := found("expect.mtu", rule.Error, evil)
	f.Link, f.Fix, f.Subject, f.Frame = evil, evil, evil, 1
	f.Expected = rule.Place{File: evil, Line: 7, Column: 3, Path: evil}
	other := found(evil, rule.Warning, evil)
	other.Expected = rule.Place{File: evil}
	long := found("ra.flood", rule.Info, strings.Repeat(evil, 2000))
	return []*check.Capture{
		{Name: evil, Against: []string{evil, evil}, Found: []rule.Found{f, other, long}, Failed: true,
			Gone: []check.Entry{{Capture: evil, Rule: evil, Count: -1}}},
		{Name: "/" + evil, Err: hintedError{evil, evil}, Found: []rule.Found{f, long}, Failed: true, Ignored: -1, Known: -1},
		{Name: "", Found: []rule.Found{other, {}}},
		{Name: "C:/x/y z.pcap", Found: []rule.Found{{}}},
	}
}

// checkOutput is what a format makes of captures.
func checkOutput(t *testing.T, format string, list []*check.Capture, s Style, o CheckOptions) string {
	t.Helper()
	return checkSummed(t, format, list, s, o, CheckSummary{})
}

// checkSummed is checkOutput where the summary has something in it that Add does not know.
func checkSummed(t *testing.T, format string, list []*check.Capture, s Style, o CheckOptions, sum CheckSummary) string {
	t.Helper()
	var out bytes.Buffer
	r, err := NewCheck(format, &out, s, o)
	if err != nil {
		t.Fatal(err)
	}
	sum.Took = 2345 * time.Millisecond
	for _, c := range list {
		sum.Add(c)
		if err := r.Capture(c); err != nil {
			t.Fatal(err)
		}
	}
	if err := r.End(sum); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// fileGolden compares with a file below testdata, which people have read; -update writes it.
func fileGolden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestCheckGolden(t *testing.T) {
	o := CheckOptions{FailOn: rule.Error, Version: "1.2.3"}
	verbose, quiet, never, strict := o, o, o, o
	verbose.Verbose, quiet.Quiet, never.NeverFail, strict.FailOn = true, true, true, rule.Info
	lenient, notes := checked(), checked()
	lenient[2].Failed, notes[1].Failed = false, true
	tests := []struct {
		file, format string
		o            CheckOptions
		list         []*check.Capture
		s            Style
	}{
		{"text.txt", "text", o, checked(), Style{}},
		{"text-verbose.txt", "text", verbose, checked(), Style{}},
		{"text-quiet.txt", "text", quiet, checked(), Style{}},
		{"text-strict.txt", "text", strict, notes, Style{}},
		{"text-never.txt", "text", never, lenient[:3], Style{}},
		{"text-color.txt", "text", verbose, checked(), Style{Color: true}},
		{"text-40.txt", "text", o, checked(), Style{Width: 40}},
		{"text-pass.txt", "text", o, checked()[:2], Style{}},
		{"text-none.txt", "text", o, nil, Style{}},
		{"check.ndjson", "json", o, checked(), Style{}},
		{"junit.xml", "junit", o, checked(), Style{}},
		{"junit-never.xml", "junit", never, checked()[:3], Style{}},
		{"github.txt", "github", o, checked(), Style{}},
		{"check.sarif", "sarif", o, checked(), Style{}},
		{"sarif-none.sarif", "sarif", o, nil, Style{}},
		{"check.tap", "tap", o, checked(), Style{}},
		{"tap-none.tap", "tap", o, nil, Style{}},
	}
	for _, tt := range tests {
		fileGolden(t, filepath.Join("check", tt.file), checkOutput(t, tt.format, tt.list, tt.s, tt.o))
	}
}

func TestCheckText80Columns(t *testing.T) {
	for line := range strings.Lines(checkOutput(t, "text", checked(), Style{}, CheckOptions{FailOn: rule.Error, Verbose: true})) {
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
}

func TestNewCheckUnknownFormat(t *testing.T) {
	_, err := NewCheck("html", io.Discard, Style{}, CheckOptions{})
	if err == nil {
		t.Fatal("there is no such format")
	}
	for _, f := range append(CheckFormats(), `"html"`) {
		if !strings.Contains(err.Error(), f) {
			t.Errorf("%q does not name %s", err, f)
		}
	}
}

func TestCheckSummary(t *testing.T) {
	var s CheckSummary
	if s.Verdict() != "pass" {
		t.Errorf("of nothing: %s", s.Verdict())
	}
	for _, c := range checked() {
		s.Add(c)
	}
	want := CheckSummary{Captures: 5, Failed: 1, Damaged: 1, Errors: 4, Warnings: 1, Notes: 2, Ignored: 2, Known: 1}
	if s != want || s.Verdict() != "fail" {
		t.Errorf("%+v %s, want %+v fail", s, s.Verdict(), want)
	}
	if v := (CheckSummary{Damaged: 1}).Verdict(); v != "fail" {
		t.Errorf("where a capture is damaged: %s", v)
	}
}

// TestCheckHostile: whatever bytes are in names and details, no format breaks and nothing reaches a terminal.
func TestCheckHostile(t *testing.T) {
	for _, format := range CheckFormats() {
		out := checkOutput(t, format, hostile(), Style{}, CheckOptions{Verbose: true, Version: "\x1b\"<"})
		cleanOutput(t, format, out)
		parses(t, format, out, len(hostile()))
	}
}

// FuzzCheckFormats wants the same of any name and detail.
func FuzzCheckFormats(f *testing.F) {
	f.Add("a\x1b\"\\\xff\u202e\U000e0001", "]]>::error::%0A # SKIP\r\n...", "../x:1,2")
	f.Add("", "", "")
	f.Fuzz(func(t *testing.T, name, detail, file string) {
		if len(name)+len(detail)+len(file) > 4096 {
			t.Skip("longer than a line needs to be")
		}
		bad := found("expect.mtu", rule.Error, detail)
		bad.Expected = rule.Place{File: file, Line: 1, Path: name}
		list := []*check.Capture{{Name: name, Against: []string{file}, Found: []rule.Found{bad}, Failed: true},
			{Name: file, Err: errors.New(detail), Failed: true}, {Name: name}}
		for _, format := range CheckFormats() {
			out := checkOutput(t, format, list, Style{}, CheckOptions{FailOn: rule.Error, Verbose: true})
			cleanOutput(t, format, out)
			parses(t, format, out, len(list))
		}
	})
}

// cleanOutput wants no control character but line ends, and no other that is not printable.
func cleanOutput(t *testing.T, format, out string) {
	t.Helper()
	for i, r := range out {
		if r != '\n' && (unicode.IsControl(r) || !unicode.IsPrint(r) || r == utf8.RuneError) {
			t.Errorf("%s: %U came through in %q", format, r, out[max(0, i-20):min(len(out), i+20)])
			return
		}
	}
}

// parses reads a report again and counts the captures in it.
func parses(t *testing.T, format, out string, captures int) {
	t.Helper()
	n := 0
	switch format {
	case "json":
		for line := range strings.Lines(out) {
			var o struct{ Type string }
			if err := json.Unmarshal([]byte(line), &o); err != nil {
				t.Fatalf("json: %v in %s", err, line)
			}
			if o.Type == "capture" {
				n++
			}
		}
	case "sarif":
		var log struct {
			Runs []struct{ Properties struct{ Captures int } }
		}
		if err := json.Unmarshal([]byte(out), &log); err != nil {
			t.Fatalf("sarif: %v in %s", err, out)
		}
		n = log.Runs[0].Properties.Captures
	case "junit":
		for d := xml.NewDecoder(strings.NewReader(out)); ; {
			token, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("junit: %v in %s", err, out)
			}
			if e, ok := token.(xml.StartElement); ok && e.Name.Local == "testcase" {
				n++
			}
		}
	case "tap":
		n = len(readTAP(t, out))
	case "github":
		readGitHub(t, out)
		return
	default:
		for line := range strings.Lines(out) {
			// The last line has its totals nearer to its verdict, and what is below a capture is indented.
			if l := line[:min(len(line), checkColumn)]; l == "FAIL    " || l == "BROKEN  " || l == "ok      " {
				n++
			}
		}
	}
	if n != captures {
		t.Errorf("%s has %d captures, want %d:\n%s", format, n, captures, out)
	}
}
