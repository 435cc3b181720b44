// Package checklist is the form in which a role's command tells what it looked at: a line for each thing, in the order of cause
// and effect, so that the first line that is broken is the one to mend first.
package checklist

import (
	"slices"

	"v6probe/internal/rule"
)

// Status is what became of a line.
type Status uint8

// The statuses.
const (
	OK      Status = iota
	Unknown        // it could not be told: no permission, or nothing to judge by
	Skipped        // not looked at, as an earlier line is broken
	Note           // worth knowing
	Warning        // a finding of severity warning
	Fail           // a finding of severity error
)

// String returns "ok", "unknown", "skipped", "note", "warning" or "fail".
func (s Status) String() string {
	return [...]string{"ok", "unknown", "skipped", "note", "warning", "fail"}[s]
}

// Line is one thing that was looked at.
type Line struct {
	Name     string   // "router advertisement": a noun of at most 20 characters, the same in every run
	Status   Status   // Add raises it to what Findings demand
	Text     string   // what was seen, a clause without a full stop; wire text in it is escaped
	Evidence []string // where that comes from, one fact each: "net.ipv6.conf.eth0.accept_ra = 1"
	Findings []rule.Finding
}

// List is the outcome of a role's command.
type List struct {
	Title string // "Guest eth0 (02:00:00:00:00:0a)"
	Lines []Line
	// Healthy is the verdict where nothing is wrong, a whole sentence. Broken begins it where something is: "eth0 gets no
	// global address", without a full stop.
	Healthy string
	Broken  string
}

// Add appends a line, and raises its Status to the severest of its findings.
func (l *List) Add(line Line) {
	for _, f := range line.Findings {
		s := [...]Status{rule.Info: Note, rule.Warning: Warning, rule.Error: Fail}[f.Severity]
		line.Status = max(line.Status, s)
	}
	l.Lines = append(l.Lines, line)
}

// Findings returns the findings of all lines, in the order of the lines.
func (l *List) Findings() []rule.Finding {
	var all []rule.Finding
	for _, line := range l.Lines {
		all = append(all, line.Findings...)
	}
	return all
}

// First returns the finding to mend first: of the severest ones the first in the order of the lines. ok is false where nothing
// is above severity info.
func (l *List) First() (f rule.Finding, ok bool) {
	all := l.Findings()
	for _, s := range []rule.Severity{rule.Error, rule.Warning} {
		if i := slices.IndexFunc(all, func(f rule.Finding) bool { return f.Severity == s }); i >= 0 {
			return all[i], true
		}
	}
	return rule.Finding{}, false
}

// Finding returns a finding of that rule with the rule's own severity. subject tells apart findings of one rule: an interface, an
// address; it may be empty.
func Finding(id rule.ID, subject, detail, fix string) rule.Finding {
	r, _ := rule.Lookup(id)
	return rule.Finding{Rule: id, Severity: r.Severity, Detail: detail, Fix: fix, Subject: subject, Offset: -1}
}
