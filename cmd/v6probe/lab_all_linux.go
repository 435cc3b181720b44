package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/report"
)

// runAll runs every scenario, some at a time, and writes a table in their order.
func (r *labRun) runAll(c *cobra.Command) error {
	all, err := cloud.Scenarios()
	if err != nil {
		return err
	}
	healthy, err := labScenarios(healthyZone)
	if err != nil {
		return err
	}
	all = labOrdered(all)
	groups := [][]*cloud.Scenario{healthy}
	for _, s := range all {
		groups = append(groups, []*cloud.Scenario{s})
	}
	ctx, cancel := context.WithCancel(c.Context())
	defer cancel()
	done := r.runGroups(ctx, groups, c.ErrOrStderr())
	out := c.OutOrStdout()
	var sum labSum
	width := 0
	for _, s := range all {
		width = max(width, len(s.Name))
	}
	table := labTable{out, min(labRowHead+width+2, 56)}
	if !r.JSON {
		err = table.head()
	}
	if err != nil {
		return err
	}
	for i := range groups {
		for _, result := range <-done[i] {
			sum.add(result)
			if r.JSON {
				err = writeLabVerdict(out, result, true)
			} else {
				err = table.row(result)
			}
			if err != nil {
				return err
			}
		}
	}
	return sum.end(out, r.JSON)
}

// runGroups begins to run groups of scenarios, each in a zone, and returns where their results come.
func (r *labRun) runGroups(ctx context.Context, groups [][]*cloud.Scenario, tell io.Writer) []chan []labResult {
	done := make([]chan []labResult, len(groups))
	for i := range done {
		done[i] = make(chan []labResult, 1)
	}
	next := make(chan int)
	var mu sync.Mutex
	ended := 0
	for range min(r.Jobs, len(groups)) {
		go func() {
			for i := range next {
				done[i] <- r.runGroup(ctx, groups[i])
				mu.Lock()
				ended++
				fmt.Fprintf(tell, "v6probe: %d of %d: %s\n", ended, len(groups), groups[i][0].Name)
				mu.Unlock()
			}
		}()
	}
	go func() {
		defer close(next)
		for i := range groups {
			next <- i
		}
	}()
	return done
}

// runGroup runs the scenarios of one zone.
func (r *labRun) runGroup(ctx context.Context, group []*cloud.Scenario) []labResult {
	for _, s := range group {
		if missing := s.Missing(); len(missing) > 0 {
			return []labResult{{scenario: s, skipped: "needs " + strings.Join(missing, ", ")}}
		}
	}
	results, err := r.runZone(ctx, group, func(string) {}, nil, nil)
	if err != nil {
		return []labResult{{scenario: group[0], err: err}}
	}
	return results
}

// labSum counts results.
type labSum struct{ good, bad, failed, skipped int }

func (s *labSum) add(r labResult) {
	switch {
	case r.skipped != "":
		s.skipped++
	case r.err != nil:
		s.failed++
	case r.verdict.ok():
		s.good++
	default:
		s.bad++
	}
}

// end writes the sum and returns the exit code as an error.
func (s *labSum) end(w io.Writer, json bool) error {
	var err error
	if json {
		err = writeJSONLine(w, struct {
			Type    string `json:"type"`
			Schema  int    `json:"schema"`
			Good    int    `json:"as_stated"`
			Bad     int    `json:"otherwise"`
			Failed  int    `json:"failed"`
			Skipped int    `json:"skipped"`
		}{"lab-summary", report.Schema, s.good, s.bad, s.failed, s.skipped})
	} else {
		_, err = fmt.Fprintf(w, "\n%d as stated, %d otherwise, %d could not be run, %d skipped.\n",
			s.good, s.bad, s.failed, s.skipped)
	}
	if err != nil {
		return err
	}
	return s.code()
}

// code returns the exit code as an error.
func (s *labSum) code() error {
	switch {
	case s.bad > 0:
		return codeError(exitFindings)
	case s.failed > 0:
		return codeError(exitTrouble)
	}
	return nil
}

// labWord is the word for a result.
func labWord(r labResult) string {
	switch {
	case r.skipped != "":
		return "-"
	case r.err != nil:
		return "ERROR"
	case r.verdict.ok():
		return "ok"
	}
	return "FAIL"
}

// labTable is the table of lab run --all. What was found begins in a column of its own.
type labTable struct {
	w      io.Writer
	column int
}

// labRowHead is how many columns stand before the name of a fault.
const labRowHead = 22

func (t labTable) head() error {
	_, err := fmt.Fprintf(t.w, "%-7s%-8s%-7s%-*s%s\n", "", "TIME", "ROLE", t.column-labRowHead, "FAULT", "FOUND")
	return err
}

// row writes a result: what was found beside it, or below it what is not as it should be.
func (t labTable) row(r labResult) error {
	p := newLabPage(t.w)
	took := "-"
	if r.took > 0 {
		took = fmt.Sprintf("%.1f s", r.took.Seconds())
	}
	head := fmt.Sprintf("%-7s%-8s%-7s%s", labWord(r), took, r.scenario.Role, labName(r.scenario))
	if r.err == nil && r.skipped == "" && r.verdict.ok() {
		p.hang(head, t.column, orNone(r.verdict.Found))
	} else {
		fmt.Fprintln(p, head)
		p.hang("", labRowHead, labTrouble(r))
	}
	return p.writeTo(t.w)
}

// labName names what was run: the healthy zone with the command, as there are several.
func labName(s *cloud.Scenario) string {
	if s.Name != healthyZone {
		return s.Name
	}
	command := s.Command[0]
	if s.Command[1] == "trace" {
		command += " trace"
	}
	return healthyZone + ": " + command + " on " + s.Node
}

// labTrouble says why a result is not as it should be.
func labTrouble(r labResult) string {
	switch {
	case r.skipped != "":
		return r.skipped
	case r.err != nil:
		return shortError(r.err)
	}
	return labSentence(r.scenario, r.verdict, r.code)
}

// shortError is an error in a table: what programs wrote may be in it.
func shortError(err error) string {
	const most = 400
	text := []rune(oneLine(strings.Join(strings.Fields(err.Error()), " ")))
	if len(text) > most {
		return string(text[:most]) + " …"
	}
	return string(text)
}

// writeLabVerdict says in a sentence, or an object, what came of a scenario.
func writeLabVerdict(w io.Writer, r labResult, json bool) error {
	if json {
		text := ""
		if r.err != nil {
			text = r.err.Error()
		}
		return writeJSONLine(w, struct {
			Type     string   `json:"type"`
			Schema   int      `json:"schema"`
			Scenario string   `json:"scenario"`
			Role     string   `json:"role"`
			Node     string   `json:"node"`
			Wanted   []string `json:"wanted"`
			Found    []string `json:"found"`
			AsStated bool     `json:"as_stated"`
			Code     int      `json:"exit_code"`
			Seconds  float64  `json:"seconds"`
			Skipped  string   `json:"skipped,omitempty"`
			Error    string   `json:"error,omitempty"`
		}{"lab-run", report.Schema, r.scenario.Name, r.scenario.Role, r.scenario.Node, noNil(r.scenario.Findings),
			noNil(r.verdict.Found), r.err == nil && r.skipped == "" && r.verdict.ok(), r.code, r.took.Round(time.Millisecond).Seconds(), r.skipped, text})
	}
	p := newLabPage(w)
	p.WriteString("\n")
	switch {
	case r.err != nil:
		p.hang("?", 6, labName(r.scenario)+": "+shortError(r.err))
	case r.verdict.ok():
		p.hang("PASS", 6, labName(r.scenario)+": "+labSentence(r.scenario, r.verdict, r.code))
	default:
		p.hang("FAIL", 6, labName(r.scenario)+": "+labSentence(r.scenario, r.verdict, r.code))
	}
	return p.writeTo(w)
}
