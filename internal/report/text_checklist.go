package report

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/rule"
)

// checkWord is the word for a status, in a column of checkWidth.
func checkWord(s checklist.Status) string {
	return [...]string{"ok", "?", "-", "note", "WARN", "FAIL"}[s]
}

const checkWidth = 6

func (s Style) status(of checklist.Status, text string) string {
	switch of {
	case checklist.OK:
		return s.paint(sgrGreen, text)
	case checklist.Skipped:
		return s.paint(sgrDim, text)
	case checklist.Fail:
		return s.paint(sgrBold+sgrRed, text)
	case checklist.Unknown, checklist.Warning:
		return s.paint(sgrYellow, text)
	}
	return text
}

// Checklist writes the lines of l, with the evidence for each if that is wanted.
func (t *Text) Checklist(l *checklist.List, evidence bool) {
	for _, line := range wrap(printable(l.Title)+":", t.style.width()) {
		t.line(t.style.paint(sgrBold, line))
	}
	t.line("")
	column := 0
	for _, line := range l.Lines {
		column = max(column, len(line.Name)+2)
	}
	for _, line := range l.Lines {
		t.check(line, column)
		for _, e := range line.Evidence {
			if evidence {
				t.item(2+checkWidth+column, "·", 2, printable(e))
			}
		}
	}
}

func (t *Text) check(line checklist.Line, column int) {
	word := t.style.status(line.Status, fmt.Sprintf("%-*s", checkWidth, checkWord(line.Status)))
	name := line.Name
	for i, l := range wrap(printable(line.Text), t.style.width()-2-checkWidth-column) {
		if i > 0 {
			word, name = strings.Repeat(" ", checkWidth), ""
		}
		t.line("  " + word + fmt.Sprintf("%-*s", column, name) + l)
	}
}

// Conclusion is what a checklist comes to, and the one thing to do next.
func Conclusion(l *checklist.List) (verdict, next string) {
	f, ok := l.First()
	switch {
	case !ok && slices.ContainsFunc(l.Lines, func(line checklist.Line) bool { return line.Status == checklist.Unknown }):
		return l.Healthy, "look at the lines with ?: what they are about could not be told"
	case !ok:
		return l.Healthy, "nothing needs doing"
	case f.Severity == rule.Error:
		return l.Broken + ": " + strings.TrimSuffix(f.Detail, ".") + ".", Fix(f)
	}
	return l.Healthy + " But " + strings.TrimSuffix(f.Detail, ".") + ".", Fix(f)
}

// ChecklistVerdict writes what l comes to, and the one thing to do next. what says how much was looked at; it may be empty.
func (t *Text) ChecklistVerdict(l *checklist.List, s Summary, what string) {
	verdict, next := Conclusion(l)
	t.verdict(s, printable(verdict)+" ", what)
	t.item(0, "next", 6, printable(next))
}
