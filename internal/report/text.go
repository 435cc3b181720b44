package report

import (
	"fmt"
	"io"
	"slices"
	"strings"

	"v6probe/internal/rule"
)

// Text writes a report for people. The first write error is kept and ends it.
type Text struct {
	w     io.Writer
	style Style
	err   error
}

// NewText returns a Text that writes to w.
func NewText(w io.Writer, s Style) *Text { return &Text{w: w, style: s} }

// Err returns the first error that writing met.
func (t *Text) Err() error { return t.err }

// Blank writes an empty line.
func (t *Text) Blank() { t.line("") }

func (t *Text) line(text string) {
	if t.err == nil {
		_, t.err = io.WriteString(t.w, strings.ReplaceAll(text, nbsp, " ")+"\n")
	}
}

// item writes a name in a column of its own and text beside it, wrapped.
func (t *Text) item(indent int, name string, column int, text string) {
	pad := strings.Repeat(" ", indent)
	for i, l := range wrap(text, t.style.width()-indent-column) {
		if i > 0 {
			name = ""
		}
		t.line(pad + fmt.Sprintf("%-*s", column, name) + l)
	}
}

// Findings writes the findings, worst first, each with its evidence and its fix.
func (t *Text) Findings(found []rule.Found) {
	shown := make(map[rule.ID]int)
	for i, f := range found {
		shown[f.Rule]++
		if shown[f.Rule] <= maxPerRule {
			t.line("")
			t.finding(f)
		}
		if n := shown[f.Rule]; n > maxPerRule && !slices.ContainsFunc(found[i+1:], func(g rule.Found) bool { return g.Rule == f.Rule }) {
			t.line("")
			t.item(0, "", 0, fmt.Sprintf("… and %s more of %s.", Plural(n-maxPerRule, "finding"), f.Rule))
		}
	}
}

// maxPerRule is how many findings of one rule are told in full.
const maxPerRule = 8

func (t *Text) finding(f rule.Found) {
	r, _ := rule.Lookup(f.Rule)
	head := fmt.Sprintf("%-8s", strings.ToUpper(f.Severity.String()))
	t.line(t.style.severity(f.Severity, head) + t.style.paint(sgrBold, string(f.Rule)))
	t.item(2, "", 6, sentence(r.Title)+" "+receiver(r)+rfc(r))
	t.item(2, "seen", 6, where(f)+printable(f.Detail))
	t.item(2, "fix", 6, printable(Fix(f.Finding)))
}

// where says who did it and in which frame.
func where(f rule.Found) string {
	var parts []string
	if f.Link != "" {
		parts = append(parts, printable(f.Link))
	}
	if f.Source.IsValid() && !strings.Contains(f.Detail, f.Source.String()) {
		parts = append(parts, f.Source.String())
	}
	switch {
	case f.Frame > 0 && f.Count > 1:
		parts = append(parts, fmt.Sprintf("%d times in frames %d to %d", f.Count, f.Frame, f.LastFrame))
	case f.Frame > 0 && f.Offset >= 0:
		parts = append(parts, fmt.Sprintf("frame %d byte %d", f.Frame, f.Offset))
	case f.Frame > 0:
		parts = append(parts, fmt.Sprintf("frame %d", f.Frame))
	}
	if len(parts) == 0 {
		return ""
	}
	return strings.Join(parts, ", ") + ": "
}

func receiver(r rule.Rule) string {
	switch r.Receiver {
	case rule.ReceiverDrops:
		return "Receivers drop the packet. "
	case rule.ReceiverIgnores:
		return "Receivers ignore the option or field. "
	}
	return ""
}

func rfc(r rule.Rule) string {
	if r.RFC == "" {
		return ""
	}
	if r.RFC[0] >= '0' && r.RFC[0] <= '9' {
		return "[RFC " + r.RFC + "]"
	}
	return "[" + r.RFC + "]"
}

func sentence(s string) string {
	if s == "" {
		return ""
	}
	return strings.ToUpper(s[:1]) + s[1:] + "."
}

// Verdict writes the last line.
func (t *Text) Verdict(s Summary, what string) {
	t.line("")
	word := t.style.paint(sgrBold+sgrGreen, "PASS")
	if s.Verdict() == "fail" {
		word = t.style.paint(sgrBold+sgrRed, "FAIL")
	}
	counts := []string{
		Plural(s.Tally.Count(rule.Error), "error"),
		Plural(s.Tally.Count(rule.Warning), "warning"),
		Plural(s.Tally.Count(rule.Info), "note"),
	}
	text := strings.Join(counts, ", ") + "; " + what
	if s.Damage != "" {
		text = "ended early: " + s.Damage + "; " + text
	}
	if n := s.Tally.Unlisted(); n > 0 {
		text += fmt.Sprintf("; %s more of the same kinds", Plural(n, "finding"))
	}
	if n := s.Stats.KernelDrops; n > 0 {
		text += fmt.Sprintf("; the kernel dropped %s before v6probe saw them", Plural(n, "frame"))
	}
	for i, l := range wrap(text, t.style.width()-6) {
		if i > 0 {
			word = "    "
		}
		t.line(word + "  " + l)
	}
}
