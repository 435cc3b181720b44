package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/rule"
)

// labFinding is a finding of a command that was run in a zone.
type labFinding struct{ Type, Rule, Severity string }

// findingsJSON reads the findings in NDJSON.
func findingsJSON(r io.Reader) ([]labFinding, error) {
	var found []labFinding
	for d := json.NewDecoder(r); ; {
		var f labFinding
		switch err := d.Decode(&f); {
		case err == io.EOF:
			return found, nil
		case err != nil:
			return found, fmt.Errorf("what the command wrote is no NDJSON: %w", err)
		}
		if f.Type == "finding" {
			found = append(found, f)
		}
	}
}

// findingsText reads the findings in the report for people: a line each that begins with the severity. What is told of one is
// indented, and so never looks like that.
func findingsText(r io.Reader) ([]labFinding, error) {
	colour := regexp.MustCompile("\x1b\\[[0-9;]*m")
	head := regexp.MustCompile(`^(ERROR|WARNING|INFO) +([a-z0-9.-]+)`)
	var found []labFinding
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		if m := head.FindStringSubmatch(colour.ReplaceAllString(lines.Text(), "")); m != nil {
			found = append(found, labFinding{"finding", m[2], strings.ToLower(m[1])})
		}
	}
	return found, lines.Err()
}

// labVerdict is how a command's findings compare with what a scenario says.
type labVerdict struct {
	Found   []string // rules at or above the severity that fails the command, and those that were wanted; in order
	Missing []string // wanted, and not found
	Stray   []string // failed the command, and not wanted
	Order   bool     // another rule than the one to mend first stands first
	Code    bool     // the exit code is another than that of findings, or of none
}

func (v *labVerdict) ok() bool {
	return len(v.Missing) == 0 && len(v.Stray) == 0 && !v.Order && !v.Code
}

// labFailsFrom returns the severity from which on findings fail a command.
func labFailsFrom(command []string) rule.Severity {
	for i, word := range command {
		if word == "--fail-on=warning" || word == "--fail-on" && i+1 < len(command) && command[i+1] == "warning" {
			return rule.Warning
		}
	}
	return rule.Error
}

// judgeLab compares what a command found, and its exit code, with the rules wanted. Findings below from, and
// those of the rules also, may be there besides.
func judgeLab(wanted, also []string, from rule.Severity, found []labFinding, code int) labVerdict {
	var v labVerdict
	first := ""
	for _, f := range found {
		fails := f.Severity == rule.Error.String() || from <= rule.Warning && f.Severity == rule.Warning.String()
		if fails && first == "" {
			first = f.Rule
		}
		isWanted := slices.Contains(wanted, f.Rule)
		if fails && !isWanted && !slices.Contains(also, f.Rule) && !slices.Contains(v.Stray, f.Rule) {
			v.Stray = append(v.Stray, f.Rule)
		}
		if (fails || isWanted) && !slices.Contains(v.Found, f.Rule) {
			v.Found = append(v.Found, f.Rule)
		}
	}
	for _, w := range wanted {
		if !slices.Contains(v.Found, w) {
			v.Missing = append(v.Missing, w)
		}
	}
	v.Order = len(wanted) > 0 && len(v.Missing) == 0 && first != wanted[0]
	v.Code = code != min(len(wanted), 1)
	return v
}

// labSentence says what a verdict comes to.
func labSentence(s *cloud.Scenario, v labVerdict, code int) string {
	if v.ok() {
		besides := slices.DeleteFunc(slices.Clone(v.Found), func(id string) bool { return slices.Contains(s.Findings, id) })
		switch {
		case len(s.Findings) == 0:
			return "nothing is wrong, and nothing was found."
		case len(besides) > 0:
			return "the command names " + strings.Join(s.Findings, ", then ") + " as it should, and besides " +
				strings.Join(besides, ", ") + ", which it may."
		}
		return "the command names " + strings.Join(s.Findings, ", then ") + " as it should, and nothing else that counts."
	}
	var says []string
	if len(v.Missing) > 0 {
		says = append(says, "it does not name "+strings.Join(v.Missing, ", "))
	}
	if len(v.Stray) > 0 {
		says = append(says, "it names "+strings.Join(v.Stray, ", ")+", which it should not")
	}
	if v.Order {
		says = append(says, "it does not name "+s.Findings[0]+" first")
	}
	if v.Code {
		says = append(says, fmt.Sprintf("its exit code is %d, not %d", code, min(len(s.Findings), 1)))
	}
	return "the command says something else than it should: " + strings.Join(says, "; ") + "."
}
