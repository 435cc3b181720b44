package report

import (
	"fmt"
	"strings"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// checkColumn is how wide the verdict stands before a capture's name.
const checkColumn = 8

// checkText writes a line for each capture that failed, or has errors or warnings that do not fail it, and its findings below.
// The others are counted only, unless it is verbose, or the baseline has what they no longer show.
type checkText struct {
	t    *Text
	o    CheckOptions
	told bool // something stands above the last line
	// fixes are the advice that was given. Captures of one network have their faults in common: it is given once.
	fixes map[string]bool
}

// maxFixes bounds how much advice is remembered.
const maxFixes = 4096

// fix returns what to do about f, "" for nothing.
func (r *checkText) fix(f rule.Finding) string {
	text := Fix(f)
	switch {
	case r.o.Quiet:
		return ""
	case r.fixes[text]:
		return "as above"
	case len(r.fixes) < maxFixes && text != "":
		r.fixes[text] = true
	}
	return text
}

func (r *checkText) Capture(c *check.Capture) error {
	verdict := captureVerdict(c)
	found := r.shown(c.Found)
	gone := len(c.Gone) > 0 && !r.o.Quiet
	if verdict == verdictPass && len(found) == 0 && !gone && !r.o.Verbose {
		return r.t.err
	}
	r.told = true
	r.t.item(0, r.t.captureWord(verdict), checkColumn, fileText(c.Name)+": "+r.t.captureText(c, r.o.Verbose))
	if verdict == verdictBroken && !r.o.Quiet {
		r.t.advice(2, printable(errorHint(c)))
	}
	r.t.compact(2, found, r.fix)
	for _, e := range c.Gone {
		r.t.item(2, "gone", 6, goneText(e))
	}
	return r.t.err
}

// shown returns which of the findings are told: notes only if they count.
func (r *checkText) shown(found []rule.Found) []rule.Found {
	if r.o.Verbose {
		return found
	}
	var told []rule.Found
	for i := range found {
		if found[i].Severity > rule.Info || r.o.counts(&found[i]) {
			told = append(told, found[i])
		}
	}
	return told
}

func (r *checkText) End(s CheckSummary) error {
	if r.told {
		r.t.line("")
	}
	r.t.checkEnd(s)
	return r.t.err
}

func (t *Text) captureWord(verdict string) string {
	switch verdict {
	case verdictBroken:
		return t.style.paint(sgrBold+sgrRed, fmt.Sprintf("%-*s", checkColumn, "BROKEN"))
	case verdictFail:
		return t.style.paint(sgrBold+sgrRed, fmt.Sprintf("%-*s", checkColumn, "FAIL"))
	}
	return t.style.paint(sgrGreen, fmt.Sprintf("%-*s", checkColumn, "ok"))
}

// captureText says what came of a capture, and if verbose what was looked at.
func (t *Text) captureText(c *check.Capture, verbose bool) string {
	why := ""
	if c.Err != nil {
		why = errorText(c)
	}
	text := joinText("; ", why, captureCounts(c))
	if text == "" {
		text = "nothing found"
	}
	if !verbose {
		return text
	}
	read := fmt.Sprintf("%s in %s, %s", Plural(c.Messages, "message"), Plural(c.Frames, "frame"), Duration(c.Took))
	return joinText("; ", text, read, againstText(c))
}

// againstText says what a capture was compared with.
func againstText(c *check.Capture) string {
	if len(c.Against) == 0 {
		return "by the rules alone"
	}
	files := make([]string, len(c.Against))
	for i, f := range c.Against {
		files[i] = fileText(f)
	}
	return "against " + strings.Join(files, ", ")
}

// compact writes findings as Findings does, without what the rule is: its name says enough below a capture. fix is Fix, or
// what is less.
func (t *Text) compact(indent int, found []rule.Found, fix func(rule.Finding) string) {
	for _, group := range groups(found) {
		f := &group[0]
		head := fmt.Sprintf("%-8s", strings.ToUpper(f.Severity.String()))
		t.line(strings.Repeat(" ", indent) + t.style.severity(f.Severity, head) + t.style.paint(sgrBold, printable(string(f.Rule))))
		t.seen(indent+2, group)
		t.advice(indent+2, printable(fix(f.Finding)))
	}
}

func (t *Text) advice(indent int, text string) {
	if text != "" {
		t.item(indent, "fix", 6, text)
	}
}

// checkEnd writes the last line.
func (t *Text) checkEnd(s CheckSummary) {
	word := t.style.paint(sgrBold+sgrGreen, "PASS")
	if s.Verdict() == verdictFail {
		word = t.style.paint(sgrBold+sgrRed, "FAIL")
	}
	for i, l := range wrap(checkTotals(s), t.style.width()-6) {
		if i > 0 {
			word = "    "
		}
		t.line(word + "  " + l)
	}
}

// checkTotals says what a check comes to: "12 captures, 2 failed, 1 broken; 3 errors, 0 warnings, 1 note; 1.2 s". Where it was
// interrupted, it begins with how far it came.
func checkTotals(s CheckSummary) string {
	of := Plural(s.Captures, "capture")
	if s.Interrupted {
		of = interruptedText(s)
	}
	bad := ""
	if s.Failed > 0 {
		bad = fmt.Sprintf("%d%sfailed", s.Failed, nbsp)
	}
	if s.Damaged > 0 {
		bad = joinText(", ", bad, fmt.Sprintf("%d%sbroken", s.Damaged, nbsp))
	}
	if bad != "" {
		of += ", " + bad
	}
	counts := strings.Join([]string{Plural(s.Errors, "error"), Plural(s.Warnings, "warning"), Plural(s.Notes, "note")}, ", ")
	return joinText("; ", of, counts, leftOut(s.Ignored, s.Known), Duration(s.Took))
}
