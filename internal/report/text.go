package report

import (
	"fmt"
	"io"
	"strings"

	"v6probe/internal/capture"
	"v6probe/internal/rule"
)

// Text writes a report for people. The first write error is kept and ends it.
type Text struct {
	w     io.Writer
	style Style
	err   error
	bare  bool // an empty line is left out now, as nothing stands above it
}

// NewText returns a Text that writes to w.
func NewText(w io.Writer, s Style) *Text { return &Text{w: w, style: s} }

// Err returns the first error that writing met.
func (t *Text) Err() error { return t.err }

// Bare has no empty line written before the first other one.
func (t *Text) Bare() { t.bare = true }

// Blank writes an empty line.
func (t *Text) Blank() { t.line("") }

func (t *Text) line(text string) {
	if t.bare && text == "" {
		return
	}
	t.bare = false
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

// shed says what was let go.
func shed(s capture.Shed) string {
	var kinds []string
	for k, n := range s {
		if n > 0 {
			kinds = append(kinds, fmt.Sprintf("%d %s", n, capture.Kind(k)))
		}
	}
	return fmt.Sprintf("%s came faster than could be judged and told, and went unread: %s", Plural(s.Total(), "frame"),
		strings.Join(kinds, ", "))
}

// maxPerRule is how many findings of one rule are told in full.
const maxPerRule = 8

// Findings writes the findings, which come worst first: what is wrong, the evidence, and the fix. Those of one rule that
// have the same fix stand together.
func (t *Text) Findings(found []rule.Found) {
	for _, group := range groups(found) {
		t.line("")
		t.findings(group, strings.HasPrefix(string(group[0].Rule), "drop."))
	}
}

// groups returns the findings with those together that are alike.
func groups(found []rule.Found) [][]rule.Found {
	var all [][]rule.Found
	told := make([]bool, len(found))
	for i := range found {
		if told[i] {
			continue
		}
		var group []rule.Found
		for j := i; j < len(found); j++ {
			if alike(&found[i], &found[j]) {
				group, told[j] = append(group, found[j]), true
			}
		}
		all = append(all, group)
	}
	return all
}

func alike(f, g *rule.Found) bool {
	return f.Rule == g.Rule && f.Severity == g.Severity && f.Fix == g.Fix
}

// findings writes findings that are alike. tally has it say how many they are, as the verdict counts each: that is for those
// about drops, each of which is of a place of its own.
func (t *Text) findings(group []rule.Found, tally bool) {
	f, several := group[0], ""
	if tally && len(group) > 1 {
		several = " (" + Plural(len(group), "finding") + ")"
	}
	r, _ := rule.Lookup(f.Rule)
	head := fmt.Sprintf("%-8s", strings.ToUpper(f.Severity.String()))
	t.line(t.style.severity(f.Severity, head) + t.style.paint(sgrBold, printable(string(f.Rule))) + several)
	t.item(2, "", 6, sentence(r.Title)+" "+receiver(r)+rfc(r))
	t.seen(2, group)
	t.item(2, "fix", 6, printable(Fix(f.Finding)))
}

// seen writes the evidence of findings that are alike.
func (t *Text) seen(indent int, group []rule.Found) {
	for _, f := range group[:min(len(group), maxPerRule)] {
		t.item(indent, "seen", 6, where(f)+printable(f.Detail)+expected(f.Expected))
	}
	if n := len(group) - maxPerRule; n > 0 {
		t.item(indent, "seen", 6, fmt.Sprintf("… and %s more of this kind", Plural(n, "time")))
	}
}

// expected says where what was expected stands; "" where nothing was.
func expected(p rule.Place) string {
	if p.IsZero() {
		return ""
	}
	return " (expected: " + expectedAt(p) + ")"
}

// expectedAt says a place: "radvd.conf:12", "networks.json:31, network[0].ip6cidr".
func expectedAt(p rule.Place) string {
	path := p.Path
	p.Path = ""
	return joinText(", ", fileText(p.String()), fileText(path))
}

// fileText is the name of a file in a text, which is not broken at its spaces.
func fileText(name string) string { return strings.ReplaceAll(printable(name), " ", nbsp) }

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
func (t *Text) Verdict(s Summary, what string) { t.verdict(s, "", what) }

// verdict writes the last line; sentence, which may be empty, stands before all that is counted.
func (t *Text) verdict(s Summary, sentence, what string) {
	t.line("")
	if s.Elsewhere.tally != nil {
		t.elsewhere(s.Elsewhere)
	}
	word := t.style.paint(sgrBold+sgrGreen, "PASS")
	if s.Verdict() == "fail" {
		word = t.style.paint(sgrBold+sgrRed, "FAIL")
	}
	counts := []string{
		Plural(s.Tally.Count(rule.Error), "error"),
		Plural(s.Tally.Count(rule.Warning), "warning"),
		Plural(s.Tally.Count(rule.Info), "note"),
	}
	text := sentence + strings.Join(counts, ", ")
	if what != "" {
		text += "; " + what
	}
	if s.Damage != "" {
		text = "ended early: " + s.Damage + "; " + text
	}
	if n := s.Tally.Unlisted(); n > 0 {
		text += fmt.Sprintf("; %s more of the same kinds", Plural(n, "finding"))
	}
	if n := s.Stats.KernelDrops; n > 0 {
		text += fmt.Sprintf("; the kernel dropped %s before v6probe saw them (--buffer makes more room)", Plural(n, "frame"))
	}
	if n := s.Stats.Shed.Total(); n > 0 {
		text += "; " + shed(s.Stats.Shed)
	}
	if gone := s.Evicted.String(); gone != "" {
		text += "; " + gone
	}
	if s.Cut > 0 {
		text += fmt.Sprintf("; the capture has only the beginning of %s, so that not all of their messages could be judged",
			Plural(s.Cut, "frame"))
	}
	for i, l := range wrap(text, t.style.width()-6) {
		if i > 0 {
			word = "    "
		}
		t.line(word + "  " + l)
	}
}
