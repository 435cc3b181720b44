package report

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/craft"
	"v6probe/internal/rule"
)

func TestSeconds(t *testing.T) {
	tests := map[uint32]string{
		0: "0 s", 45: "45 s", 119: "119 s", 120: "2 min", 1800: "30 min", 3661: "1 h 1 min 1 s", 14400: "4 h",
		86400: "1 d", 90061: "1 d 1 h 1 min", 0xffffffff: "infinite",
	}
	for in, want := range tests {
		if got := strings.ReplaceAll(seconds(in), nbsp, " "); got != want {
			t.Errorf("seconds(%d) = %q, want %q", in, got, want)
		}
	}
}

func TestDuration(t *testing.T) {
	tests := map[time.Duration]string{
		120 * time.Microsecond: "0.12 ms", 412345 * time.Nanosecond: "0.412 ms", 21 * time.Millisecond: "21 ms",
		999400 * time.Microsecond: "999 ms", 999600 * time.Microsecond: "1.0 s",
		12 * time.Second: "12.0 s", 99940 * time.Millisecond: "99.9 s", 101 * time.Second: "1m41s",
	}
	for in, want := range tests {
		if got := strings.ReplaceAll(Duration(in), nbsp, " "); got != want {
			t.Errorf("Duration(%d) = %q, want %q", in, got, want)
		}
	}
}

func TestWrap(t *testing.T) {
	text := "one two  3" + nbsp + "km " + strings.Repeat("x", 30) + " four"
	got := wrap(text, 10)
	want := []string{"one two", "3" + nbsp + "km", strings.Repeat("x", 30), "four"}
	if !slices.Equal(got, want) {
		t.Errorf("wrap = %q, want %q", got, want)
	}
	if got := wrap("", 10); len(got) != 1 || got[0] != "" {
		t.Errorf("wrap of nothing = %q, want one empty line", got)
	}
}

func TestPrintable(t *testing.T) {
	tests := map[string]string{
		"eth0":        "eth0",
		"é":           "é",
		"a\x1b[2Jb":   `a\x1b[2Jb`,
		"\xff":        `\xff`,
		"a\u202eb":    `a\xe2\x80\xaeb`,
		"back\\slash": `back\slash`,
	}
	for in, want := range tests {
		if got := printable(in); got != want {
			t.Errorf("printable(%q) = %q, want %q", in, got, want)
		}
	}
}

// TestFindingAt80Columns looks at what a finding becomes: no line too long, nothing that drives a terminal.
func TestFindingAt80Columns(t *testing.T) {
	for _, r := range rule.All() {
		var out bytes.Buffer
		text := NewText(&out, Style{})
		text.Findings([]rule.Found{{Finding: rule.Finding{
			Rule: r.ID, Severity: r.Severity, Link: "eth0 vlan 100", Frame: 3, Offset: 70,
			Detail: "it says \x1b[31m1400\x07, and the link carries 1500",
		}, Count: 2, LastFrame: 9}})
		if bytes.ContainsAny(out.Bytes(), "\x1b\x07") {
			t.Errorf("%s: a control character came through", r.ID)
		}
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(strings.TrimSuffix(line, "\n")) > 80 && strings.Count(line, " ") > 20 {
				t.Errorf("%s: wider than 80 columns: %q", r.ID, line)
			}
		}
		if !strings.Contains(out.String(), string(r.ID)) || !strings.Contains(out.String(), "frames 3 to 9") {
			t.Errorf("%s: the finding does not name itself: %s", r.ID, out.String())
		}
	}
}

// TestFindingsTogether wants what is wrong and its fix told once for several findings of one rule, and apart where the
// severity or the fix is another.
func TestFindingsTogether(t *testing.T) {
	finding := func(id rule.ID, sev rule.Severity, detail, fix string) rule.Found {
		return rule.Found{Finding: rule.Finding{Rule: id, Severity: sev, Detail: detail, Fix: fix}, Count: 1}
	}
	found := []rule.Found{finding("dad.conflict", rule.Error, "one", "")}
	for range maxPerRule + 2 {
		found = append(found, finding("ns.unanswered", rule.Warning, "two", ""))
	}
	found = append(found, finding("ns.unanswered", rule.Warning, "three", "another fix"), finding("ns.unanswered", rule.Info, "four", ""))
	var out bytes.Buffer
	NewText(&out, Style{}).Findings(found)
	for want, times := range map[string]int{
		"ns.unanswered\n": 3, "\n  fix ": 4, "seen  two": maxPerRule, "… and 2 times more": 1, "seen  three": 1, "another fix": 1, "seen  four": 1,
	} {
		if got := strings.Count(out.String(), want); got != times {
			t.Errorf("%q stands there %d times, want %d:\n%s", want, got, times, out.String())
		}
	}
}

func TestLineEscapes(t *testing.T) {
	var out bytes.Buffer
	text := NewText(&out, Style{})
	text.Line(decode(t, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, everything())),
		[]rule.Finding{{Rule: "nd.opt-overrun", Severity: rule.Error}})
	if bytes.ContainsAny(out.Bytes(), "\x1b\x07") || bytes.Count(out.Bytes(), []byte("\n")) != 1 {
		t.Errorf("not one clean line: %q", out.String())
	}
	for _, want := range []string{"router-advertisement", "prefix 2001:db8::/64 on-link, autonomous", "MTU 1450",
		"DNS server 2001:db8::53 for 30 s", "NAT64 64:ff9b::/96", "option 200", "!nd.opt-overrun"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("the line lacks %q: %s", want, out.String())
		}
	}
}
