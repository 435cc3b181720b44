package main

import (
	"context"
	"errors"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// addRole adds the flags of a command that looks at a machine in its role and tells a checklist: which interface, for how long
// it may listen at the most, and how it tells.
func (f *sourceFlags) addRole(c *cobra.Command, iface string) {
	if f.timeout == 0 {
		f.timeout = 20 * time.Second
	}
	fs := c.Flags()
	fs.StringVarP(&f.iface, "iface", "i", "", iface)
	fs.DurationVar(&f.timeout, "timeout", f.timeout, "how long to listen at the most; 0 is until interrupted")
	fs.BoolVar(&f.json, "json", false, "write NDJSON, one object a line")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "show the evidence for every line")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "only findings and the verdict; no hints, no progress")
	fs.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from `SEVERITY` on: error, warning or never")
	addColorFlag(c, &f.color)
	f.oneLink = true
	complete(c, "iface", capture.InterfaceNames)
	complete(c, "fail-on", func() []string { return []string{"error", "warning", "never"} })
}

// overhear shows checker what comes from source until enough, which may be nil, says so of a packet, or ctx ends. It returns
// all that was found, a fault once.
func overhear(ctx context.Context, source capture.Source, checker pipeline.Checker, enough func(*packet.Packet) bool) (pipeline.Result, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	return pipeline.Run(ctx, pipeline.Options{
		Source: source, Checker: checker, Sink: deaf{},
		Wanted: func(p *packet.Packet) (message, counts bool) {
			if enough != nil && enough(p) {
				cancel()
			}
			return p.IsICMPv6 && !p.IsPiece(), false
		},
	})
}

// deaf is the sink of a command that tells at the end.
type deaf struct{}

func (deaf) Message(*packet.Packet, []rule.Finding) error { return nil }
func (deaf) Finding(rule.Finding) error                   { return nil }

// tellList writes a checklist, its findings and what it comes to, and returns the exit code as an error. sum has what was
// listened to, and may be zero; what says that in words, and may be empty.
func (f *sourceFlags) tellList(c *cobra.Command, l *checklist.List, sum report.Summary, what string) error {
	if f.json {
		if err := report.NewJSON(c.OutOrStdout()).Checklist(l); err != nil {
			return err
		}
	}
	return f.tellDrawn(c, l, sum, what, func(t *report.Text) { t.Checklist(l, f.verbose) })
}

// tellDrawn does so for who has another picture than the lines of the list, which draw writes; and what NDJSON has of it has been
// written.
func (f *sourceFlags) tellDrawn(c *cobra.Command, l *checklist.List, sum report.Summary, what string, draw func(*report.Text)) error {
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
	if err != nil {
		return err
	}
	if sum.FailOn, sum.NeverFail, err = f.fail(); err != nil {
		return err
	}
	sum.Checklist, sum.Tally = l, rule.NewTally()
	for _, found := range l.Findings() {
		sum.Tally.Add(found)
	}
	if f.json {
		err = tellListJSON(report.NewJSON(out), sum)
	} else {
		t := report.NewText(out, style)
		if f.quiet {
			t.Bare()
		} else {
			draw(t)
		}
		t.Findings(sum.Tally.Found())
		t.ChecklistVerdict(l, sum, what)
		err = t.Err()
	}
	if err == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return err
}

func tellListJSON(j *report.JSON, sum report.Summary) error {
	var errs []error
	for _, found := range sum.Tally.Found() {
		errs = append(errs, j.Finding(found.Finding))
	}
	return errors.Join(append(errs, j.Summary(sum))...)
}
