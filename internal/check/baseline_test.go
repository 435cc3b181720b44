package check

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

func parsed(t testing.TB, text string) (*Baseline, error) {
	t.Helper()
	b, err := NewBaseline("known")
	if err != nil {
		t.Fatal(err)
	}
	return b, b.parse([]byte(text))
}

func TestBaselineErrors(t *testing.T) {
	const line = "a.pcap  ra.absent  1\n"
	tests := []struct{ name, text, want, hint string }{
		{"too few", "# x\n\n  ra.absent 1\n", "known:3:3: there must be a capture, a rule and a count", baselineHint},
		{"one word", "a.pcap\n", "known:1:1: there must be a capture, a rule and a count", baselineHint},
		{"no number", line + "b.pcap  ra.absent  many\n", `known:2:20: not a count from 1: "many"`, baselineHint},
		{"zero", "b.pcap ra.absent 0", `known:1:18: not a count from 1: "0"`, baselineHint},
		{"too many", "b.pcap ra.absent 99999999999", `known:1:18: not a count from 1: "99999999999"`, baselineHint},
		{"no rule", "ü b.pcap ra.abscent 1", `known:1:10: no rule is called "ra.abscent"`, "did you mean: ra.absent"},
		{"twice", line + "\n" + line, "known:3:1: there is a line before for ra.absent in a.pcap", "leave one of the lines out"},
		{"quotation marks", `"a  ra.absent 1`, "known:1:1: not a name in quotation marks", baselineHint},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := parsed(t, tt.text)
			if err == nil || err.Error() != tt.want || hint(err) != tt.hint {
				t.Errorf("got %v (%s)\nwant %s (%s)", err, hint(err), tt.want, tt.hint)
			}
		})
	}
}

func TestBaselineText(t *testing.T) {
	const text = `# A title of mine.

# capture  rule  count
# the router of tier two: #1234
" b.pcap"  ra.absent  2
#
a b.pcap  pio.host-bits  1
sub/c.pcap  unreadable  1
# the end
`
	b, err := parsed(t, text)
	if err != nil {
		t.Fatal(err)
	}
	if got := string(b.Text()); got != text {
		t.Errorf("it is written as\n%s\nand not\n%s", got, text)
	}
	want := []Entry{{" b.pcap", "ra.absent", 2}, {"a b.pcap", "pio.host-bits", 1}, {"sub/c.pcap", "unreadable", 1}}
	if got := b.Entries(); !slices.Equal(got, want) {
		t.Errorf("read as %v, want %v", got, want)
	}
	// What is gone takes its comment along; other comments stay where they were.
	delete(b.known, " b.pcap")
	b.known["z.pcap"] = map[rule.ID]int{"ra.absent": 3}
	changed := strings.Replace(text, "# the router of tier two: #1234\n\" b.pcap\"  ra.absent  2\n", "", 1)
	changed = strings.Replace(changed, "# the end\n", "z.pcap  ra.absent  3\n# the end\n", 1)
	if got := string(b.Text()); got != changed {
		t.Errorf("changed it is written as\n%s\nand not\n%s", got, changed)
	}
	again, err := parsed(t, "\ufeff"+strings.ReplaceAll(text, "\n", " \r\n"))
	if err != nil || !slices.Equal(again.Entries(), want) {
		t.Errorf("with other line ends it is read as %v, %v", again.Entries(), err)
	}
}

// TestBaselineNames wants a capture to have the same name however it is reached.
func TestBaselineNames(t *testing.T) {
	tree(t, "d/known", "d/sub/a.pcap", "other/b.pcap", "l -> d")
	wd, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	b, err := NewBaseline("l/known")
	if err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string]string{
		"d/sub/a.pcap": "sub/a.pcap", "l/sub/a.pcap": "sub/a.pcap", wd + "/d/sub/a.pcap": "sub/a.pcap", "other/b.pcap": "../other/b.pcap",
	} {
		if got := b.name(path); got != want {
			t.Errorf("%s is called %s, want %s", path, got, want)
		}
	}
}

// TestBaselineGone wants the lines about what is not there to be told, but not of where nobody looked.
func TestBaselineGone(t *testing.T) {
	tree(t, "d/a.pcap", "d/sub/", "e/", "l -> d")
	b, err := parsed(t, "d/a.pcap ra.absent 1\nd/c.pcap ra.absent 1\nd/c.pcap ra.flood 1\nd/sub/b.pcap unreadable 1\ne/d.pcap ra.absent 1\nd2 ra.absent 1")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ paths, want []string }{
		{[]string{"d"}, []string{"d/c.pcap", "d/sub/b.pcap"}},
		{[]string{"l/sub", "e", "nosuch"}, []string{"d/sub/b.pcap", "e/d.pcap"}},
		{[]string{"."}, []string{"d/c.pcap", "d/sub/b.pcap", "d2", "e/d.pcap"}},
		{[]string{"d/a.pcap"}, nil},
	} {
		if got := b.Gone(tt.paths); !slices.Equal(got, tt.want) {
			t.Errorf("of %v %v are gone, want %v", tt.paths, got, tt.want)
		}
	}
}

func FuzzBaseline(f *testing.F) {
	f.Add("# x\na.pcap  ra.absent  1\n")
	f.Add("\"a\\x00\"  unreadable  2\n\n# y\n b c  pio.host-bits 3\t\n#")
	f.Add("\ufeff#\n\"#\" ra.absent 1")
	f.Fuzz(func(t *testing.T, text string) {
		b, err := parsed(t, text)
		if err != nil {
			return
		}
		again, err := parsed(t, string(b.Text()))
		if err != nil {
			t.Fatalf("%q is written as %q: %v", text, b.Text(), err)
		}
		if !slices.Equal(b.Entries(), again.Entries()) || string(again.Text()) != string(b.Text()) {
			t.Errorf("%q is written as %q, and then as %q", text, b.Text(), again.Text())
		}
		for name := range maps.Keys(b.known) {
			if name == "" {
				t.Errorf("%q has a capture without a name", text)
			}
		}
	})
}
