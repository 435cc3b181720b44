package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// dropsProgress returns a Progress on w. Only where NDJSON goes to the same terminal there is no live table.
func (f *dropsFlags) dropsProgress(out, w io.Writer) *report.Progress {
	var size func() (columns, rows int)
	if f.draws(out, w) {
		size = func() (int, int) { return terminalSize(w) }
	}
	return report.NewProgress(w, size, f.quiet)
}

// draws reports whether progress is drawn on w.
func (f *dropsFlags) draws(out, w io.Writer) bool { return canDraw(w) && !(f.json && isTerminal(out)) }

// run counts until the time is over, and reports what that came to.
func (r *dropsRun) run(c *cobra.Command) error {
	defer r.source.Close()
	for _, note := range r.source.Notes() {
		r.progress.Note(note)
	}
	if w := r.scope.warning(); w != "" {
		fmt.Fprintln(c.ErrOrStderr(), "v6probe: "+w) // not a note, which -q keeps back: the verdict is about less than was asked
	}
	ctx := c.Context()
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	r.begun = r.host.now()
	r.now.Time = r.begun
	doing := "counting the ICMPv6 that this kernel drops"
	if canDraw(c.ErrOrStderr()) {
		doing = "counting dropped ICMPv6" // more than a line cannot be drawn
	}
	r.progress.Begin(doing+r.scope.behind(), r.timeout)
	runErr := r.watch(ctx)
	r.progress.End()
	if errors.As(runErr, new(writeError)) {
		return runErr
	}
	// The terminal may have another size by now.
	out := c.OutOrStdout()
	if style, err := textStyle(r.color, out); err == nil {
		r.text = report.NewText(out, style)
	}
	r.now.Drops, r.elsewhere = drops.Infer(r.now.Drops), drops.Infer(r.elsewhere)
	d := &report.Dropped{Snapshot: r.now, Took: r.now.Time.Sub(r.begun), Where: r.scope.where(), Interface: r.scope.iface,
		Elsewhere: r.elsewhere}
	if runErr == nil {
		var err error
		if d.NotDrops, err = r.scope.whatIsNone(r.host); err != nil {
			r.progress.Note("settings that look like drops could not be read in namespace " + r.scope.name + ": " + err.Error())
		}
	}
	if note := r.scope.lostNote(); note != "" && (r.verbose || r.scope.netns == allNamespaces) {
		r.progress.Note(note)
	}
	sum := report.Summary{Tally: rule.NewTally(), FailOn: r.failOn, NeverFail: r.never}
	if runErr != nil {
		sum.Damage = oneLine(runErr.Error())
	}
	if err := r.tell(d, sum); err != nil {
		return err
	}
	if runErr == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return runErr
}

// writeError is an error of standard output: there is nobody to report to.
type writeError struct{ error }

func (e writeError) Unwrap() error { return e.error }

// watch reads what was counted at every interval, and once more at the end. What would be a short interval before that
// becomes part of the last.
func (r *dropsRun) watch(ctx context.Context) error {
	tick := time.NewTicker(r.interval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return r.look()
		case <-tick.C:
			if end, ok := ctx.Deadline(); ok && time.Until(end) < r.interval/2 {
				continue
			}
			if err := r.look(); err != nil {
				return err
			}
		}
	}
}

// look reads what was counted and shows what moved.
func (r *dropsRun) look() error {
	s, err := r.source.Read()
	if err != nil {
		return err
	}
	before := r.now
	r.now = s
	r.now.Drops, r.elsewhere = r.scope.split(s.Drops)
	span := r.now.Time.Sub(before.Time)
	if r.dropsFlags.json {
		if err := r.output.json.Drops(&r.now, &before, span); err != nil {
			return writeError{err}
		}
	}
	r.progress.Show("place", func(columns int) ([]string, int) {
		return report.DropLines(r.now.Drops, before.Drops, span, columns)
	})
	return r.scope.gone()
}

// whatIsNone returns what looks like a drop at an interface, or where it is "" at all of them, and is none. It is an extra:
// there is nothing of it on other systems, or where the interface is gone by now.
func (m machine) whatIsNone(iface string) []host.Statement {
	var names []string
	if iface != "" {
		names = []string{iface}
	}
	list, err := m.notDrops(names)
	if err != nil {
		return nil
	}
	return list
}

// tell writes what is told at the end.
func (r *dropsRun) tell(d *report.Dropped, sum report.Summary) error {
	for _, found := range drops.Findings(d.Drops, d.Took) {
		if sum.Tally.Add(found) && r.dropsFlags.json {
			if err := r.output.json.DropFinding(found, d.Drops); err != nil {
				return err
			}
		}
	}
	if r.dropsFlags.json {
		return r.output.json.DropSummary(sum, d)
	}
	t := r.text
	if r.quiet {
		t.Bare()
		t.DropFindings(sum.Tally.Found(), d.Drops)
	} else {
		t.Dropped(d, sum.Tally.Found(), r.verbose)
	}
	t.Verdict(sum, report.DropCount(d))
	return t.Err()
}
