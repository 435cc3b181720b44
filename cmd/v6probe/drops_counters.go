package main

import (
	"context"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/counters"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// runCounters reads the kernel's own counters before and after. why says why eBPF cannot be had, "" where it was not wanted.
func (r *dropsRun) runCounters(c *cobra.Command, why string) error {
	scope, err := newDropScope(r.host, r.iface, "")
	if err != nil {
		return err
	}
	options := counters.Options{Interface: scope.iface}
	before, err := counters.Take(c.Context(), options)
	if err != nil {
		return err
	}
	ctx := c.Context()
	if r.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, r.timeout)
		defer cancel()
	}
	r.progress.Begin("waiting for the kernel's own counters of drops to move"+scope.behind(), r.timeout)
	<-ctx.Done()
	r.progress.End()
	// An interrupt ends the waiting, not the reading.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(c.Context()), readTime)
	defer cancel()
	after, err := counters.Take(ctx, options)
	if err != nil {
		return err
	}
	counted := &report.Counted{Sources: after.Sources, Moved: counters.Compare(before, after), Took: after.Time.Sub(before.Time),
		Why: why, NotDrops: r.host.whatIsNone(scope.iface)}
	return r.tellCounted(counted, report.Summary{Tally: rule.NewTally(), FailOn: r.failOn, NeverFail: r.never})
}

// readTime is how long the second reading may take.
const readTime = 30 * time.Second

func (r *dropsRun) tellCounted(counted *report.Counted, sum report.Summary) error {
	if r.dropsFlags.json {
		if err := r.output.json.Counted(counted); err != nil {
			return err
		}
		return r.output.json.CountedSummary(sum, counted)
	}
	t := r.text
	if !r.quiet {
		t.Counted(counted, r.verbose)
	}
	t.Verdict(sum, report.CountedCount(counted))
	return t.Err()
}
