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
		Interface: scope.iface, Why: why, NotDrops: r.host.whatIsNone(scope.iface)}
	return r.tellCounted(counted, report.Summary{Tally: rule.NewTally(), FailOn: r.failOn, NeverFail: r.never})
}

// readTime is how long the second reading may take.
const readTime = 30 * time.Second

// tellCounted writes what is told at the end.
func (r *dropsRun) tellCounted(counted *report.Counted, sum report.Summary) error {
	for _, f := range counted.Findings() {
		sum.Tally.Add(f)
	}
	var err error
	if r.dropsFlags.json {
		err = r.writeCounted(counted, sum)
	} else {
		r.showCounted(counted, sum)
		err = r.text.Err()
	}
	if err == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return err
}

func (r *dropsRun) showCounted(counted *report.Counted, sum report.Summary) {
	if r.quiet {
		r.text.Bare()
		r.text.Findings(sum.Tally.Found())
	} else {
		r.text.Counted(counted, sum.Tally.Found(), r.verbose)
	}
	r.text.Verdict(sum, report.CountedCount(counted))
}

func (r *dropsRun) writeCounted(counted *report.Counted, sum report.Summary) error {
	if err := r.output.json.Counted(counted); err != nil {
		return err
	}
	for _, f := range sum.Tally.Found() {
		if err := r.output.json.Finding(f.Finding); err != nil {
			return err
		}
	}
	return r.output.json.CountedSummary(sum, counted)
}
