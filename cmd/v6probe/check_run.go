package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/check"
	"v6probe/internal/report"
)

// checkRun is a run over many captures.
type checkRun struct {
	out      io.Writer
	progress *report.Progress
	sum      report.CheckSummary
	total    int
	broken   error // of the first capture that could not be judged to its end
}

func (f *checkFlags) newRun(c *cobra.Command, out io.Writer, total int) *checkRun {
	var size func() (columns, rows int)
	if w := c.ErrOrStderr(); canDraw(w) {
		size = func() (int, int) { return terminalSize(w) }
	}
	p := report.NewProgress(c.ErrOrStderr(), size, f.quiet)
	return &checkRun{out: p.Beside(out), progress: p, total: total}
}

// judge judges items and hands each to tell; end is called when all were, or when it was interrupted. The error it returns
// says how the run ended.
func (r *checkRun) judge(ctx context.Context, items []check.Item, o check.Options, tell func(*check.Capture) error,
	end func() error) error {
	begin := time.Now()
	runErr := check.Run(ctx, items, o, func(c *check.Capture) error {
		if err := tell(c); err != nil {
			return err
		}
		r.sum.Add(c)
		if c.Err != nil && r.broken == nil {
			r.broken = c.Err
		}
		r.progress.Captures(r.sum.Captures, r.total, r.sum.Failed+r.sum.Damaged)
		return nil
	})
	r.progress.End()
	interrupted := ctx.Err() != nil && errors.Is(runErr, ctx.Err())
	if runErr != nil && !interrupted {
		return runErr
	}
	r.sum.Interrupted, r.sum.Total, r.sum.Took = interrupted, r.total, time.Since(begin)
	if err := end(); err != nil {
		return err
	}
	switch {
	case interrupted:
		return fmt.Errorf("interrupted: %d of %s judged", r.sum.Captures, plural(r.total, "capture"))
	case r.broken != nil && r.total == 1:
		return r.broken
	case r.broken != nil:
		return fmt.Errorf("%d of %s could not be judged; the first: %w", r.sum.Damaged, plural(r.total, "capture"), r.broken)
	case r.sum.Failed > 0:
		return codeError(exitFindings)
	}
	return nil
}

// maxGone is how many names a note has.
const maxGone = 3

// gone notes that the baseline called name has lines about captures that are not there any more.
func (r *checkRun) gone(name string, captures []string) {
	if len(captures) == 0 {
		return
	}
	more := ""
	if n := len(captures) - maxGone; n > 0 {
		captures, more = captures[:maxGone], fmt.Sprintf(" and %d more", n)
	}
	r.progress.Note(fmt.Sprintf("%s has lines about what is not there any more: %s%s; --update --baseline %s takes them out",
		name, strings.Join(captures, ", "), more, name))
}

// plural counts things, "3 captures", for a line that is not broken.
func plural(n int, noun string) string {
	return strings.ReplaceAll(report.Plural(n, noun), "\u00a0", " ")
}
