package report

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"v6probe/internal/check"
	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// CheckReport tells what came of many captures: of each as it is done, and of all at the end.
type CheckReport interface {
	Capture(*check.Capture) error
	End(CheckSummary) error
}

// CheckOptions says how much is told, and from which severity on a finding fails its capture.
type CheckOptions struct {
	Verbose   bool // text: those that passed without a finding as well, and all findings; GitHub: notes too
	Quiet     bool // text: no advice
	FailOn    rule.Severity
	NeverFail bool   // no finding fails a capture; a damaged one fails nevertheless
	Version   string // of v6probe, for SARIF
}

// counts reports whether f is one that fails its capture.
func (o CheckOptions) counts(f *rule.Found) bool { return !o.NeverFail && f.Severity >= o.FailOn }

// CheckSummary is what a check of many captures comes to. Add fills it, but for Total, Interrupted and Took.
type CheckSummary struct {
	Captures int // that were judged
	Total    int // that were to be judged; told where it was interrupted
	Failed   int // because of findings
	Damaged  int // that could not be read, or not to their end, or had no legible expectation; not among Failed

	Errors, Warnings, Notes int // different findings
	Ignored, Known          int // findings left out
	Interrupted             bool
	Took                    time.Duration
}

// Add counts a capture.
func (s *CheckSummary) Add(c *check.Capture) {
	s.Captures++
	switch captureVerdict(c) {
	case verdictBroken:
		s.Damaged++
	case verdictFail:
		s.Failed++
	}
	for i := range c.Found {
		switch c.Found[i].Severity {
		case rule.Error:
			s.Errors++
		case rule.Warning:
			s.Warnings++
		default:
			s.Notes++
		}
	}
	s.Ignored += c.Ignored
	s.Known += c.Known
}

// Verdict returns "pass" or "fail". What was interrupted never passes: nobody knows what the rest would have shown.
func (s CheckSummary) Verdict() string {
	if s.Failed > 0 || s.Damaged > 0 || s.Interrupted {
		return verdictFail
	}
	return verdictPass
}

// What became of one capture.
const (
	verdictPass   = "pass"
	verdictFail   = "fail"
	verdictBroken = "broken"
)

func captureVerdict(c *check.Capture) string {
	switch {
	case c.Err != nil:
		return verdictBroken
	case c.Failed:
		return verdictFail
	}
	return verdictPass
}

// CheckFormats returns the formats that NewCheck knows.
func CheckFormats() []string { return []string{"text", "json", "junit", "github", "sarif", "tap"} }

// NewCheck returns what reports a check to w in one of CheckFormats. Style is for text.
func NewCheck(format string, w io.Writer, s Style, o CheckOptions) (CheckReport, error) {
	switch format {
	case "text":
		return &checkText{t: NewText(w, s), o: o, fixes: make(map[string]bool)}, nil
	case "json":
		return &checkJSON{j: NewJSON(w)}, nil
	case "junit":
		return newCheckJUnit(w, o), nil
	case "github":
		return &checkGitHub{t: NewText(w, Style{}), w: w, o: o}, nil
	case "sarif":
		return newCheckSARIF(w, o), nil
	case "tap":
		return &checkTAP{t: NewText(w, Style{}), w: w}, nil
	}
	known := CheckFormats()
	return nil, fmt.Errorf("there is no format %q; there are %s and %s", format,
		strings.Join(known[:len(known)-1], ", "), known[len(known)-1])
}

// rawError is why a capture is damaged, without its name, which stands beside it.
func rawError(c *check.Capture) string { return strings.TrimPrefix(c.Err.Error(), c.Name+": ") }

// errorText is rawError for people, in one line.
func errorText(c *check.Capture) string { return printable(rawError(c)) }

// errorHint is what the error of a capture says to do about it, as it came; "" for nothing.
func errorHint(c *check.Capture) string {
	var h interface{ Hint() string }
	if errors.As(c.Err, &h) {
		return h.Hint()
	}
	return ""
}

// errorTitle names the kind of a capture's error.
func errorTitle(c *check.Capture) string {
	var e *expect.Error
	if errors.As(c.Err, &e) {
		return "bad expectation"
	}
	return "damaged capture"
}

// errorPlace is where a capture's error is shown: in the expectation if that is bad and a file, else at the capture.
func errorPlace(c *check.Capture) rule.Place {
	var e *expect.Error
	if !errors.As(c.Err, &e) || e.Place.File == "" || strings.HasPrefix(e.Place.File, "-") {
		return captureStart(c)
	}
	p := e.Place
	p.Line = max(p.Line, 1)
	return p
}

// captureStart is where something is shown that no expectation led to.
func captureStart(c *check.Capture) rule.Place { return rule.Place{File: c.Name, Line: 1} }

// interruptedText says how far an interrupted check came.
func interruptedText(s CheckSummary) string {
	return fmt.Sprintf("interrupted: %d of %s judged", s.Captures, Plural(max(s.Total, s.Captures), "capture"))
}

// goneText says what the baseline has that is no longer seen.
func goneText(e check.Entry) string {
	return fmt.Sprintf("%s of %s, which the baseline has", Plural(max(e.Count, 0), "finding"), printable(string(e.Rule)))
}

// captureCounts says how many findings of each severity a capture has, and how many were left out; "" for none.
func captureCounts(c *check.Capture) string {
	var s CheckSummary
	s.Add(c)
	var parts []string
	add := func(n int, noun string) {
		if n > 0 {
			parts = append(parts, Plural(n, noun))
		}
	}
	add(s.Errors, "error")
	add(s.Warnings, "warning")
	add(s.Notes, "note")
	return joinText("; ", strings.Join(parts, ", "), leftOut(c.Ignored, c.Known))
}

// leftOut says how many findings are not told; "" for none.
func leftOut(ignored, known int) string {
	var parts []string
	if ignored > 0 {
		parts = append(parts, fmt.Sprintf("%d%signored", ignored, nbsp))
	}
	if known > 0 {
		parts = append(parts, fmt.Sprintf("%d%sin the baseline", known, nbsp))
	}
	return strings.Join(parts, ", ")
}

// joinText joins those of the parts that are not empty.
func joinText(sep string, parts ...string) string {
	parts = slices.DeleteFunc(parts, func(p string) bool { return p == "" })
	return strings.Join(parts, sep)
}

// shortened returns s, or so many bytes of it.
func shortened(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + "…"
	}
	return s
}

// inFile reports whether p is a line of a file that can be opened at it: neither a flag nor standard input.
func inFile(p rule.Place) bool { return p.File != "" && p.File != "-" && p.Line > 0 }

// levelName is the severity's name in GitHub's and SARIF's words, but for a note's.
func levelName(s rule.Severity, note string) string {
	if s == rule.Info {
		return note
	}
	return s.String()
}
