package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/check"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

func newExpect() *cobra.Command {
	c := &cobra.Command{
		Use:   "expect init|show|schema",
		Short: "what the network should look like: write it down, or read it",
		Long: `expect is about expectations, which ra, nd and check compare with by --expect: a
radvd.conf, what CloudStack's API says, or a file of expectations. init writes
such a file from what is seen now, show tells what any of them means, and schema
is the file's JSON schema, for editors.`,
		Example: `  v6probe expect init -i eth0 > web.expect.yaml    what is seen in 60 seconds
  v6probe expect init -r vm.pcap > vm.expect.yaml  what a capture has
  v6probe expect show /etc/radvd.conf              what radvd should say
  cmk list networks > n.json; v6probe expect show n.json`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(newExpectInit(), newExpectShow(), &cobra.Command{
		Use:               "schema",
		Short:             "the JSON schema of a file of expectations",
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			_, err := c.OutOrStdout().Write(expect.Schema())
			return err
		},
	})
	return c
}

func newExpectInit() *cobra.Command {
	f := sourceFlags{timeout: time.Minute}
	var output string
	var force bool
	c := &cobra.Command{
		Use:   "init [-i IFACE | -r FILE]",
		Short: "write down what is seen, to be expected from now on",
		Long: `init listens, or reads a capture, and writes what it sees as an expectation: who
advertises, each value and its range, who uses which address, and which rules
are broken now. What it writes is a beginning: read it, take out what is not
meant, and make ranges wider.`,
		Example: `  v6probe expect init -i eth0 -o web.expect.yaml
  v6probe expect init -r vm.pcap > vm.expect.yaml`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return f.record(c, output, force) },
	}
	f.addSource(c)
	f.capture.add(c)
	c.Flags().StringVarP(&output, "output", "o", "", "write to `FILE` and not to standard output")
	c.Flags().BoolVar(&force, "force", false, "with -o: also over a file that v6probe did not write, or that was edited")
	c.MarkFlagFilename("output", "yaml", "yml")
	return c
}

// record writes down what is seen.
func (f *sourceFlags) record(c *cobra.Command, output string, force bool) error {
	if err := f.check(c); err != nil {
		return err
	}
	if c.Flags().Changed("output") {
		if err := f.mayWrite(c, output, force); err != nil {
			return err
		}
	}
	s, err := f.open(c, capture.Filter{Large: true})
	if err != nil {
		return err
	}
	progress := s.newProgress(c.OutOrStdout(), c.ErrOrStderr(), f)
	r := check.NewRecording()
	result, err := f.watch(c.Context(), s, r, progress)
	progress.End()
	if closeErr := s.close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return withHint(captureHint, err)
	}
	state := r.State()
	if len(state.Links) == 0 {
		return hinted("is it the right interface; `v6probe ra` tells what is wrong where no router advertises",
			"nothing to write down: of %d frames none is from a router or a neighbor", result.Stats.Frames)
	}
	var text bytes.Buffer
	if err := expect.Write(&text, state, "Written by v6probe expect init, from "+f.source(s)+"."); err != nil {
		return err
	}
	signed := expect.Sign(text.Bytes())
	if output == "" {
		_, err = c.OutOrStdout().Write(signed)
	} else {
		err = withHint(outputHint, os.WriteFile(output, signed, 0o666))
	}
	if n := len(state.Rules.Must); n > 0 && !f.quiet && err == nil {
		fmt.Fprintf(c.ErrOrStderr(), "v6probe: %s broken now, and expected to stay so: see `rules` in the file\n", rulesAre(n))
	}
	return err
}

const outputHint = "-o needs a file that can be written"

// mayWrite says what is wrong with writing to the file called name: it is what is read, or somebody's own work.
func (f *sourceFlags) mayWrite(c *cobra.Command, name string, force bool) error {
	if name == "" {
		return hinted("name a file", "-o: the name is empty")
	}
	if f.read != "" && sameFile(name, f.read, c.InOrStdin()) || f.write != "" && name == f.write {
		return hinted("name another file", "-o %s: that is the capture", name)
	}
	old, err := os.ReadFile(name)
	switch {
	case errors.Is(err, fs.ErrNotExist) || err == nil && len(old) == 0:
		return nil
	case err != nil:
		return withHint(outputHint, err)
	case force || expect.Untouched(old):
		return nil
	}
	return hinted("--force writes over it", "-o %s: it is there, and v6probe did not write it, or it was edited since", name)
}

func rulesAre(n int) string {
	if n == 1 {
		return "1 rule is"
	}
	return fmt.Sprintf("%d rules are", n)
}

// watch gives r what s has, as long as it is to listen.
func (f *sourceFlags) watch(ctx context.Context, s *session, r *check.Recording, p *report.Progress) (pipeline.Result, error) {
	if s.live && f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	return pipeline.Run(ctx, pipeline.Options{Source: s.source, Checker: r, Sink: discard{}, Wanted: r.Wanted, Large: true, Count: f.count,
		Tee: s.tee, Tick: p.Source})
}

// discard is a sink for what is of no interest.
type discard struct{}

func (discard) Message(*packet.Packet, []rule.Finding) error { return nil }
func (discard) Finding(rule.Finding) error                   { return nil }

func newExpectShow() *cobra.Command {
	var json bool
	var color string
	c := &cobra.Command{
		Use:   "show SOURCE …",
		Short: "what a source of expectations means",
		Long: `show tells what is expected by a radvd.conf, CloudStack's API or a file of
expectations, each value with the place where it stands. Several are read as
one, as lists of networks, routers and virtual machines belong together. What is
wrong with them is a finding; an error ends it with exit code 1.`,
		Example: `  v6probe expect show /etc/radvd.conf
  v6probe expect show 'networks.json#web' routers.json machines.json
  v6probe expect show web.expect.yaml --json`,
		Args: func(_ *cobra.Command, args []string) error {
			if len(args) == 0 {
				return hinted("for example v6probe expect show /etc/radvd.conf", "show needs a source: a file, or - for standard input")
			}
			return nil
		},
		RunE: func(c *cobra.Command, args []string) error { return showExpectation(c, args, json, color) },
	}
	c.Flags().BoolVar(&json, "json", false, "write NDJSON, one object a line")
	addColorFlag(c, &color)
	return c
}

func showExpectation(c *cobra.Command, args []string, json bool, color string) error {
	state, err := readExpectations(c, args)
	if err != nil {
		return withHint(expectHint, err)
	}
	out := c.OutOrStdout()
	if json {
		err = report.NewJSON(out).Expectation(state)
	} else {
		err = showText(out, state, color)
	}
	if err != nil {
		return err
	}
	for _, f := range state.Flaws {
		if f.Severity >= rule.Error {
			return codeError(exitFindings)
		}
	}
	return nil
}

func showText(out io.Writer, state *expect.State, color string) error {
	style, err := textStyle(color, out)
	if err != nil {
		return err
	}
	t := report.NewText(out, style)
	t.Expectation(state)
	return t.Err()
}
