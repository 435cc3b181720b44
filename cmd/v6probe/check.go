package main

import (
	"errors"
	"fmt"
	"os"
	"slices"

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
damaged fails by itself; the others are judged all the same. One in which there
is nothing to judge fails as well (ra.absent), and so does an expectation in a
directory that belongs to no capture.

What is wrong and known to be can stand in a baseline: a file with a line
"CAPTURE  RULE  COUNT" for each, where only what there is besides fails; of one
rule 64 different faults are counted in a capture, and 64 stands for more. One
called v6probe.baseline is used for its directory and those below. "unreadable"
stands there for a rule where a capture is meant to be damaged.

--update writes what the captures show as what is expected from now on, into the
files beside them or with --baseline into that, and shows what changes. A file
against which its capture passes stays as it is, and so does one that v6probe
did not write or that was edited since; with --force all are rewritten. Of a
damaged capture no file is written; with --baseline and --force it is noted
there as unreadable.`,
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
	fs.StringVarP(&f.output, "output", "o", "", "write the report to `FILE`; the text is on standard output then")
	fs.StringSliceVar(&f.ignore, "ignore", nil, "leave `RULE` out; pio.* is all that begin so; repeat for more")
	fs.StringVar(&f.baseline, "baseline", "", "fail only for what is not known by `FILE`")
	fs.BoolVar(&f.update, "update", false, "expect what the captures show from now on")
	fs.BoolVar(&f.force, "force", false, "with --update: also rewrite what passes, and what v6probe did not write;\n"+
		"with --baseline: note damaged captures as unreadable")
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
	case f.update && len(f.ignore) > 0:
		return hinted("put RULE into `rules: ignore` of the expectations, where it stays",
			"--update writes down all there is: it cannot be had with --ignore")
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
	return f.report(c, args, items, o, used)
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

// report judges items, which args name, and reports what came of them. used are the baselines that go for them.
func (f *checkFlags) report(c *cobra.Command, args []string, items []check.Item, o check.Options,
	used []string) (err error) {
	out := c.OutOrStdout()
	if f.output != "" {
		file, err := f.create(c, items)
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
	for _, name := range used {
		r.gone(name, o.Known[name].Gone(args))
	}
	told, err := report.NewCheck(f.format, r.out, style, report.CheckOptions{Verbose: f.verbose, Quiet: f.quiet,
		FailOn: o.FailOn, NeverFail: o.NeverFail, Version: version()})
	if err != nil {
		return err
	}
	tell, end := told.Capture, told.End
	if f.output != "" && f.format != "text" {
		if tell, end, err = f.beside(c, told); err != nil {
			return err
		}
	}
	return r.judge(c.Context(), items, o, tell, func() error { return end(r.sum) })
}

// beside has the text on standard output, for who reads the log, beside the report that is for a program.
func (f *checkFlags) beside(c *cobra.Command, told report.CheckReport) (func(*check.Capture) error,
	func(report.CheckSummary) error, error) {
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
	if err != nil {
		return nil, nil, err
	}
	o := report.CheckOptions{Verbose: f.verbose, Quiet: f.quiet, Version: version()}
	if o.FailOn, o.NeverFail, err = (&sourceFlags{failOn: f.failOn}).fail(); err != nil {
		return nil, nil, err
	}
	text, err := report.NewCheck("text", out, style, o)
	if err != nil {
		return nil, nil, err
	}
	tell := func(c *check.Capture) error { return errors.Join(told.Capture(c), text.Capture(c)) }
	end := func(s report.CheckSummary) error { return errors.Join(told.End(s), text.End(s)) }
	return tell, end, nil
}

// create creates the file for the report, which must be none of those that are read.
func (f *checkFlags) create(c *cobra.Command, items []check.Item) (*os.File, error) {
	if what := f.reads(c, items); what != "" {
		return nil, hinted("name another file", "-o %s: that is %s", f.output, what)
	}
	file, err := os.Create(f.output)
	if err != nil {
		return nil, withHint("-o needs a file that can be written", err)
	}
	return file, nil
}

// reads says what the file for the report is if it is read as well, "" if it is not.
func (f *checkFlags) reads(c *cobra.Command, items []check.Item) string {
	is := func(name string) bool { return name != "" && sameFile(f.output, name, c.InOrStdin()) }
	for _, i := range items {
		switch {
		case is(i.Expect) || is(i.Path) && i.IsExpectation():
			return "one of the expectations"
		case is(i.Path):
			return "one of the captures"
		case is(i.Known):
			return "the baseline"
		}
	}
	for _, source := range f.sources {
		if file, _, ok := cutLast(source, "#"); is(source) || ok && is(file) {
			return "what --expect reads"
		}
	}
	return ""
}
