package report

import (
	"fmt"
	"io"
	"strings"

	"v6probe/internal/check"
)

// tapMost is how many bytes of a string a block has: Perl's harness gives up at one of 64 KiB.
const tapMost = 16 << 10

// checkTAP writes version 13 of the Test Anything Protocol, which every harness reads: a test point for each capture, with
// what was found in a YAML block, and the plan at the end.
type checkTAP struct {
	t     *Text
	w     io.Writer
	begun bool
	tests int
}

func (r *checkTAP) Capture(c *check.Capture) error {
	r.begin()
	r.tests++
	word := "ok"
	if captureVerdict(c) != verdictPass {
		word = "not ok"
	}
	// A # that is not escaped begins a directive, which could turn a failure into a skipped test.
	name := strings.NewReplacer(`\`, `\\`, "#", `\#`).Replace(printable(c.Name))
	var b strings.Builder
	fmt.Fprintf(&b, "%s %d - %s\n", word, r.tests, name)
	if c.Err != nil || len(c.Found) > 0 || len(c.Gone) > 0 {
		tapBlock(&b, c)
	}
	return r.write(b.String())
}

// tapBlock appends the YAML block. Its strings are in double quotes, with nothing in them that is not printable. No list is of
// strings: Perl's harness takes one with a colon in it for a key, and reads no further.
func tapBlock(b *strings.Builder, c *check.Capture) {
	b.WriteString("  ---\n")
	tapValue(b, "  ", "verdict", captureVerdict(c))
	if c.Err != nil {
		tapValue(b, "  ", "error", rawError(c))
		tapText(b, "  ", "hint", errorHint(c))
	}
	if len(c.Against) > 0 {
		b.WriteString("  against:\n")
		for _, f := range c.Against {
			tapValue(b, "    - ", "file", f)
		}
	}
	fmt.Fprintf(b, "  frames: %d\n  messages: %d\n  ignored: %d\n  known: %d\n", c.Frames, c.Messages, c.Ignored, c.Known)
	if len(c.Found) > 0 {
		b.WriteString("  findings:\n")
	}
	for i := range c.Found {
		f := &c.Found[i]
		tapValue(b, "    - ", "rule", string(f.Rule))
		tapValue(b, "      ", "severity", f.Severity.String())
		tapText(b, "      ", "where", strings.TrimSuffix(where(*f), ": "))
		tapValue(b, "      ", "detail", f.Detail)
		if !f.Expected.IsZero() {
			tapValue(b, "      ", "expected", f.Expected.String())
		}
		tapText(b, "      ", "fix", Fix(f.Finding))
	}
	if len(c.Gone) > 0 {
		b.WriteString("  gone:\n")
	}
	for _, e := range c.Gone {
		fmt.Fprintf(b, "    - rule: %s\n      count: %d\n", yamlText(string(e.Rule)), e.Count)
	}
	b.WriteString("  ...\n")
}

func tapValue(b *strings.Builder, indent, key, value string) {
	fmt.Fprintf(b, "%s%s: %s\n", indent, key, yamlText(value))
}

// tapText is tapValue for what may be empty and is left out then.
func tapText(b *strings.Builder, indent, key, value string) {
	if value != "" {
		tapValue(b, indent, key, value)
	}
}

// yamlText is a YAML string in double quotes. What JSON would write as \u is escaped before, as YAML has no surrogate pairs.
func yamlText(s string) string {
	s = shortened(s, tapMost)
	return string(object(nil).string(printable(strings.ReplaceAll(s, nbsp, " "))))
}

func (r *checkTAP) begin() {
	if !r.begun {
		r.begun = true
		r.write("TAP version 13\n")
	}
}

func (r *checkTAP) write(s string) error {
	if r.t.err == nil {
		_, r.t.err = io.WriteString(r.w, s)
	}
	return r.t.err
}

func (r *checkTAP) End(s CheckSummary) error {
	r.begin()
	if s.Interrupted {
		// The plan says how many there should have been. Nothing may stand behind the last line.
		return r.write(fmt.Sprintf("1..%d\n%sBail out! interrupted\n", max(s.Total, r.tests), tapTotals(s)))
	}
	if r.tests == 0 {
		return r.write("1..0 # SKIP no captures\n")
	}
	return r.write(fmt.Sprintf("1..%d\n%s", r.tests, tapTotals(s)))
}

// tapTotals is the last line of the text as a comment.
func tapTotals(s CheckSummary) string {
	return fmt.Sprintf("# %s  %s\n", strings.ToUpper(s.Verdict()), strings.ReplaceAll(checkTotals(s), nbsp, " "))
}
