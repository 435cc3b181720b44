package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/check"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

type checkFlags struct {
	expectFlags
	format   string
	json     bool
	output   string
	ignore   []string
	baseline string
	update   bool
	force    bool
	failOn   string
	jobs     int
	verbose  bool
	quiet    bool
	color    string
}

func newCheck() *cobra.Command {
	var f checkFlags
	c := &cobra.Command{
		Use:   "check FILE|DIR …",
		Short: "many captures, each against what is expected of it",
		Long: `check judges captures, each against what is expected of it: by the file beside
it, vm.expect.yaml for vm.pcap.gz, or by what --expect names; by the rules alone
where there is neither. Directories are walked, and captures known in them by
their names: .pcap, .pcapng and .cap, also with .gz or .zst. A capture that is
damaged fails by itself; the others are judged all the same. One without any
ICMPv6 fails as well (ra.absent): there was nothing to judge.

What is wrong and known to be can stand in a baseline: a file with a line
"CAPTURE  RULE  COUNT" for each, where only what there is besides fails. One
called v6probe.baseline is used for its directory. "unreadable" stands there for
a rule where a capture is meant to be damaged.

--update writes what the captures show as what is expected from now on, into the
files beside them or with --baseline into that, and shows what changes. A file
that v6probe did not write it leaves alone, but with --force. Of a damaged
capture it writes nothing, but with --force in a baseline that it is unreadable.`,
		Example: `  v6probe check captures                      all of them, in all directories
  v6probe check vm.pcap --expect radvd.conf   one, against a configuration
  v6probe check captures --format junit -o report.xml
  v6probe check captures --ignore 'pio.*' --fail-on warning
  v6probe check captures --update             from now on it is to be like this
  v6probe check captures --update --baseline captures/v6probe.baseline`,
		Args: someCaptures,
		RunE: func(c *cobra.Command, args []string) error { return f.run(c, args) },
	}
	f.expectFlags.add(c)
	f.add(c)
	return c
}

func (f *checkFlags) add(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVar(&f.format, "format", "text", "report as `FORMAT`: text, json, junit, github, sarif or tap")
	fs.BoolVar(&f.json, "json", false, "the same as --format json: NDJSON, one object a line")
	fs.StringVarP(&f.output, "output", "o", "", "write the report to `FILE` and not to standard output")
	fs.StringSliceVar(&f.ignore, "ignore", nil, "leave `RULE` out; pio.* is all that begin so; repeat for more")
	fs.StringVar(&f.baseline, "baseline", "", "fail only for what is not known by `FILE`")
	fs.BoolVar(&f.update, "update", false, "expect what the captures show from now on")
	fs.BoolVar(&f.force, "force", false, "with --update: also rewrite what v6probe did not write; with --baseline\n"+
		"also note damaged captures as known")
	fs.StringVar(&f.failOn, "fail-on", "error", "fail from `SEVERITY` on: error, warning or never")
	fs.IntVar(&f.jobs, "jobs", 0, "judge `N` captures at one time (default: one a processor)")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "also show what passes")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "only findings and the verdict; no hints, no progress")
	addColorFlag(c, &f.color)
	complete(c, "format", report.CheckFormats)
	complete(c, "ignore", func() []string {
		var ids []string
		for _, r := range rule.All() {
			ids = append(ids, string(r.ID))
		}
		return ids
	})
	complete(c, "fail-on", func() []string { return []string{"error", "warning", "never"} })
	complete(c, "jobs", func() []string { return nil })
	c.MarkFlagFilename("output")
	c.MarkFlagFilename("baseline")
}

// someCaptures is the complaint about arguments of check.
func someCaptures(_ *cobra.Command, args []string) error {
	switch {
	case len(args) == 0:
		return hinted("for example v6probe check captures, or v6probe check vm.pcap",
			"check needs a capture, or a directory with captures")
	case slices.Contains(args, "-"):
		return hinted("v6probe ra -r - and v6probe nd -r - read it", "check does not read captures from standard input")
	}
	return nil
}

// check says what is wrong with the flags together.
func (f *checkFlags) check(c *cobra.Command) error {
	given := c.Flags().Changed
	if f.json {
		if given("format") && f.format != "json" {
			return hinted("leave one of them out", "--json is --format json: it cannot be had with --format %s", f.format)
		}
		f.format = "json"
	}
	switch {
	case !slices.Contains(report.CheckFormats(), f.format):
		return hinted("one of: text, json, junit, github, sarif, tap", "--format: no such format: %q", f.format)
	case f.force && !f.update:
		return hinted("with --update it rewrites what v6probe did not write", "--force is for --update")
	case f.update && (f.format != "text" || given("output")):
		return hinted("check again without --update for a report",
			"--update shows what changes: there is no report to format or to write")
	case f.update && len(f.names(c)) > 0:
		return hinted("leave one of them out", "--update writes what is expected: it cannot be had with --expect")
	case given("output") && f.output == "":
		return hinted("name a file", "-o: the name is empty")
	case given("baseline") && f.baseline == "":
		return hinted("name a file", "--baseline: the name is empty")
	case given("jobs") && f.jobs < 1:
		return hinted("for example --jobs 4", "--jobs: %d is less than one", f.jobs)
	}
	return nil
}

func (f *checkFlags) run(c *cobra.Command, args []string) error {
	if err := f.check(c); err != nil {
		return err
	}
	o := check.Options{Jobs: f.jobs, Record: f.update && f.baseline == ""}
	var err error
	if o.FailOn, o.NeverFail, err = (&sourceFlags{failOn: f.failOn}).fail(); err != nil {
		return err
	}
	if o.Ignore, err = check.ParseRules(f.ignore); err != nil {
		return fmt.Errorf("--ignore: %w", err)
	}
	if o.Against = f.names(c); len(o.Against) > 0 {
		if o.Expect, err = f.state(c); err != nil {
			return err
		}
	}
	items, err := check.Find(args)
	if err != nil {
		return err
	}
	if f.update && f.baseline != "" {
		return f.updateBaseline(c, items, o)
	}
	var used []string
	if f.baseline != "" {
		for i := range items {
			items[i].Known = f.baseline
		}
	}
	if o.Known, used, err = check.LoadBaselines(items); err != nil {
		return withHint("v6probe check --update --baseline FILE writes one", err)
	}
	if f.update {
		return f.updateExpectations(c, items, o)
	}
	return f.report(c, items, o, used)
}

// names returns where what is expected of all captures comes from.
func (f *checkFlags) names(c *cobra.Command) []string {
	names := slices.Clone(f.sources)
	for _, flag := range []string{"expect-router", "expect-prefix", "expect-mtu"} {
		if c.Flags().Changed(flag) {
			names = append(names, "--"+flag)
		}
	}
	return names
}

// report judges items and reports what came of them. used are the baselines that go for them.
func (f *checkFlags) report(c *cobra.Command, items []check.Item, o check.Options, used []string) (err error) {
	out := c.OutOrStdout()
	if f.output != "" {
		file, err := f.create(items)
		if err != nil {
			return err
		}
		defer func() {
			if closeErr := file.Close(); closeErr != nil && (err == nil || errors.As(err, new(codeError))) {
				err = closeErr
			}
		}()
		out = file
	}
	style, err := textStyle(f.color, out)
	if err != nil {
		return err
	}
	r := f.newRun(c, out, len(items))
	if f.verbose {
		for _, name := range used {
			r.progress.Note("what " + name + " knows is left out")
		}
	}
	told, err := report.NewCheck(f.format, r.out, style, report.CheckOptions{Verbose: f.verbose, Quiet: f.quiet,
		FailOn: o.FailOn, NeverFail: o.NeverFail, Version: version()})
	if err != nil {
		return err
	}
	return r.judge(c.Context(), items, o, told.Capture, func() error { return told.End(r.sum) })
}

// create creates the file for the report, which must not be a capture.
func (f *checkFlags) create(items []check.Item) (*os.File, error) {
	for _, i := range items {
		if sameFile(f.output, i.Path, nil) {
			return nil, hinted("name another file", "-o %s: that is one of the captures", f.output)
		}
	}
	file, err := os.Create(f.output)
	if err != nil {
		return nil, withHint("-o needs a file that can be written", err)
	}
	return file, nil
}

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
	r.sum.Took = time.Since(begin)
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

// plural counts things, "3 captures", for a line that is not broken.
func plural(n int, noun string) string {
	return strings.ReplaceAll(report.Plural(n, noun), "\u00a0", " ")
}
