package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/lab/keeper"
)

// labRun is what lab run is asked to do.
type labRun struct {
	Names  []string `json:"names"`
	All    bool     `json:"all"`
	Jobs   int      `json:"jobs"`
	JSON   bool     `json:"json"`
	Colour bool     `json:"colour"`
}

const (
	insideCommand = "run-inside"
	// labInterval is the longest time between two advertisements in a zone of lab run, which is not to wait for them.
	labInterval = 4 * time.Second
	labTime     = 3 * time.Minute // in which a scenario must have ended
	maxLabJobs  = 32
)

func newLabRun() *cobra.Command {
	var r labRun
	c := &cobra.Command{
		Use:   "run NAME | run --all",
		Short: "show a fault in a zone of its own: does the command find it",
		Long: `run builds a zone of its own, switches a fault on, runs the command that is to
find it, and compares what it finds with what there is to find: exit code 0 when
that is the same, 1 when not, 2 when it could not. The name healthy is for the
zone without a fault. --all does so for every fault and writes a table.`,
		Example: `  v6probe lab run no-prefix
  v6probe lab run healthy
  v6probe lab run --all`,
		Args:              atMostOneName,
		ValidArgsFunction: completeScenarios(false),
		RunE: func(c *cobra.Command, args []string) error {
			r.Names = args
			if err := r.check(); err != nil {
				return err
			}
			r.Colour = canDraw(c.OutOrStdout()) && os.Getenv("NO_COLOR") == ""
			return r.isolated(c)
		},
	}
	c.Flags().BoolVar(&r.All, "all", false, "every fault, and the healthy zone")
	c.Flags().IntVar(&r.Jobs, "jobs", 4, "with --all: `N` zones at a time")
	c.Flags().BoolVar(&r.JSON, "json", false, "write NDJSON, one object a line")
	return c
}

// check says what is wrong with what is asked.
func (r *labRun) check() error {
	switch {
	case r.All && len(r.Names) > 0:
		return hinted("leave one of them out", "--all is for every fault: it takes no name")
	case !r.All && len(r.Names) == 0:
		return hinted("list them: v6probe lab list; every one: v6probe lab run --all", "say which fault to show")
	case r.Jobs < 1 || r.Jobs > maxLabJobs:
		return hinted("for example --jobs 4", "--jobs: %d is not from 1 to %d", r.Jobs, maxLabJobs)
	}
	if err := outsideZone(); err != nil {
		return err
	}
	if r.All {
		return nil
	}
	s, err := labScenarios(r.Names[0])
	for i := 0; err == nil && i < len(s); i++ {
		err = labNeeds(s[i])
	}
	return err
}

// isolated has a process of its own do it, which can make the namespaces.
func (r *labRun) isolated(c *cobra.Command) error {
	asked, err := json.Marshal(r)
	if err != nil {
		return err
	}
	cmd, err := ourselves("lab", insideCommand, string(asked))
	if err != nil {
		return err
	}
	cmd.Stdout, cmd.Stderr = c.OutOrStdout(), c.ErrOrStderr()
	runtime.LockOSThread() // the process ends with this thread
	defer runtime.UnlockOSThread()
	keeper.Isolate(cmd)
	// The terminal sends an interrupt to this process only, which hands on the first; the second kills both.
	cmd.SysProcAttr.Setsid = true
	if err := cmd.Start(); err != nil {
		return keeper.Explain(err)
	}
	stop := context.AfterFunc(c.Context(), func() { cmd.Process.Signal(syscall.SIGINT) })
	defer stop()
	err = cmd.Wait()
	switch code := cmd.ProcessState.ExitCode(); {
	case err == nil:
		return nil
	case code > 0:
		return codeError(code)
	}
	return fmt.Errorf("the process that builds the zone: %w", err)
}

func newLabInside() *cobra.Command {
	return &cobra.Command{
		Use:    insideCommand,
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			var r labRun
			if err := json.Unmarshal([]byte(args[0]), &r); err != nil {
				return err
			}
			if _, err := keeper.Settle(); err != nil {
				return keeper.Explain(err)
			}
			if r.All {
				return r.runAll(c)
			}
			return r.runOne(c)
		},
	}
}

// labResult is what came of a scenario.
type labResult struct {
	scenario *cloud.Scenario
	skipped  string // why it could not be run here
	verdict  labVerdict
	code     int
	took     time.Duration
	err      error
}

// runOne runs one scenario, or the healthy zone's, and shows how.
func (r *labRun) runOne(c *cobra.Command) error {
	all, err := labScenarios(r.Names[0])
	if err != nil {
		return err
	}
	out, tell := c.OutOrStdout(), c.ErrOrStderr()
	progress := func(text string) { fmt.Fprintln(tell, "v6probe: "+oneLine(text)) }
	results, err := r.runZone(c.Context(), all, progress, out, tell)
	if err != nil {
		return err
	}
	var sum labSum
	bad := slices.ContainsFunc(results, func(l labResult) bool { return l.err != nil || !l.verdict.ok() })
	if len(results) > 1 && !bad && !r.JSON { // one sentence for all
		p := newLabPage(out)
		p.WriteString("\n")
		p.hang("PASS", 6, fmt.Sprintf("%s: nothing is wrong, and none of the %d commands found anything.", r.Names[0], len(results)))
		return p.writeTo(out)
	}
	for _, result := range results {
		if err := writeLabVerdict(out, result, r.JSON); err != nil {
			return err
		}
		sum.add(result)
	}
	return sum.code()
}

// runZone builds a zone with the fault of scenarios, of which there are several only where they have none, and runs their
// commands one after the other. shown and tell, where they are not nil, are given what the commands write.
func (r *labRun) runZone(ctx context.Context, all []*cloud.Scenario, progress func(string),
	shown, tell io.Writer) (results []labResult, err error) {
	ctx, cancel := context.WithTimeout(ctx, labTime)
	defer cancel()
	begin := time.Now()
	o := cloud.Options{Interval: labInterval, SecurityGroups: true, Log: progress}
	if s := all[0]; len(s.Findings) > 0 {
		progress(s.Name + ": " + s.About)
		o.Fault = append(o.Fault, s)
	}
	z, err := cloud.Up(ctx, o)
	if err != nil {
		return nil, interrupted(ctx, keeper.Explain(err))
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	for i, s := range all {
		if i > 0 && shown != nil && !r.JSON {
			fmt.Fprintln(shown)
		}
		result := labResult{scenario: s}
		result.err = r.runCommand(ctx, z, &result, shown, tell)
		if ctx.Err() != nil {
			return nil, interrupted(ctx, result.err)
		}
		result.took = time.Since(begin) // of the first with the building of the zone
		begin = time.Now()
		results = append(results, result)
	}
	return results, nil
}

// interrupted says of an error that it is about an interrupt, where it is.
func interrupted(ctx context.Context, err error) error {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return fmt.Errorf("not at its end after %v: %w", labTime, err)
	case ctx.Err() != nil:
		return errors.New("interrupted")
	}
	return err
}

// runCommand runs a scenario's command in its zone, and fills in what came of it.
func (r *labRun) runCommand(ctx context.Context, z *cloud.Zone, result *labResult, shown, tell io.Writer) error {
	s := result.scenario
	ns, ok := z.Node(s.Node)
	if !ok {
		return fmt.Errorf("there is no node %q", s.Node)
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	words := append([]string{"v6probe"}, s.Arguments(z.Files())...)
	text := shown != nil && !r.JSON
	if text {
		fmt.Fprintf(shown, "%s$ %s\n", s.Node, strings.Join(words, " "))
	}
	switch {
	case !text:
		words = append(words, "--json")
	case r.Colour:
		words = append(words, "--color", "always")
	}
	cmd := exec.CommandContext(ctx, self, words[1:]...)
	cmd.Args[0] = "v6probe"
	cmd.Cancel = func() error { return cmd.Process.Signal(os.Interrupt) }
	cmd.WaitDelay = 10 * time.Second
	var out, said bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &said
	if shown != nil {
		cmd.Stdout, cmd.Stderr = io.MultiWriter(shown, &out), tell
	}
	err = ns.Run(cmd)
	if err != nil && (cmd.ProcessState == nil || ctx.Err() != nil) {
		return err
	}
	result.code = cmd.ProcessState.ExitCode()
	if result.code != exitOK && result.code != exitFindings {
		return fmt.Errorf("the command could not do its work: it ended with exit code %d. %s",
			result.code, bytes.TrimSpace(said.Bytes()))
	}
	read := findingsJSON
	if text {
		read = findingsText
	}
	found, err := read(&out)
	if err != nil {
		return err
	}
	result.verdict = judgeLab(s.Findings, s.Also, labFailsFrom(s.Command), found, result.code)
	return nil
}
