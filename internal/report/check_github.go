package report

import (
	"fmt"
	"io"
	"strings"

	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// checkGitHub writes workflow commands, by which GitHub Actions annotates files, and the last line of the text. GitHub shows
// the first ten errors, warnings and notices of a step each; a capture's come worst first. Notes are told where they count or
// everything is wanted: what is always there hides what is new.
type checkGitHub struct {
	t *Text
	w io.Writer
	o CheckOptions
}

func (r *checkGitHub) Capture(c *check.Capture) error {
	if c.Err != nil {
		text := fmt.Sprintf("%s: %s", printable(c.Name), errorText(c))
		if hint := errorHint(c); hint != "" {
			text += "\nfix: " + printable(hint)
		}
		r.command("error", errorPlace(c), errorTitle(c), text)
	}
	for i := range c.Found {
		f := &c.Found[i]
		if f.Severity == rule.Info && !r.o.Verbose && !r.o.counts(f) {
			continue
		}
		place := f.Expected
		if !inFile(place) {
			place = captureStart(c)
		}
		r.command(levelName(f.Severity, "notice"), place, string(f.Rule), r.text(c, f))
	}
	for _, e := range c.Gone {
		r.command("notice", captureStart(c), "baseline", printable(c.Name)+": gone: "+goneText(e))
	}
	return r.t.err
}

// text is what stands at the line: in which capture it was, what was seen, and the advice.
func (r *checkGitHub) text(c *check.Capture, f *rule.Found) string {
	text := printable(c.Name) + ": " + where(*f) + printable(f.Detail) + expected(f.Expected)
	if fix := Fix(f.Finding); fix != "" {
		text += "\nfix: " + printable(fix)
	}
	return text
}

// command writes one workflow command. The text's line ends are the only control characters in it, and they are escaped.
func (r *checkGitHub) command(name string, p rule.Place, title, text string) {
	data := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", nbsp, " ")
	property := strings.NewReplacer("%", "%25", "\r", "%0D", "\n", "%0A", ":", "%3A", ",", "%2C")
	if r.t.err == nil {
		_, r.t.err = fmt.Fprintf(r.w, "::%s file=%s,line=%d,title=%s::%s\n", name,
			property.Replace(printable(p.File)), p.Line, property.Replace(printable(title)), data.Replace(text))
	}
}

func (r *checkGitHub) End(s CheckSummary) error {
	r.t.line(strings.ToUpper(s.Verdict()) + "  " + checkTotals(s))
	return r.t.err
}
