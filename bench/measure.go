//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"
)

// result is one run of a pipeline.
type result struct {
	wall, cpu time.Duration // cpu is user and system time of all its programs
	peak      float64       // MiB of resident memory, of the largest of its programs
	stopped   bool          // it took longer than tooSlow
}

// measure runs every entry the given number of times, in turn.
func measure(list []*contest, runs int) error {
	for range runs {
		for _, c := range list {
			for _, e := range c.entries {
				if e.skipped != "" || len(e.results) > 0 && e.results[0].wall > slow {
					continue
				}
				if err := warm(e.pipeline[0]); err != nil {
					return err
				}
				r, err := start(e.pipeline, e.env)
				if err != nil {
					e.skipped = strings.ReplaceAll(err.Error(), "\n", "; ")
					continue
				}
				e.results = append(e.results, r)
			}
		}
	}
	return nil
}

// warm reads the capture that is among the arguments, so that it is in the page cache.
func warm(args []string) error {
	for _, arg := range args {
		if !strings.Contains(arg, ".pcap") {
			continue
		}
		f, err := os.Open(arg)
		if err != nil {
			return err
		}
		defer f.Close()
		if _, err := io.Copy(io.Discard, f); err != nil {
			return err
		}
	}
	return nil
}

// start runs a pipeline once, its output thrown away.
func start(pipeline [][]string, env []string) (r result, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), tooSlow)
	defer cancel()
	begin := time.Now()
	var cmds []*exec.Cmd
	var input *os.File
	for i, args := range pipeline {
		cmd := exec.CommandContext(ctx, args[0], args[1:]...)
		cmd.Env = append(os.Environ(), env...)
		if input != nil {
			cmd.Stdin = input
		}
		var read, write *os.File
		if i < len(pipeline)-1 {
			if read, write, err = os.Pipe(); err != nil {
				return r, err
			}
			cmd.Stdout = write
		}
		if err = errors.Join(err, cmd.Start()); cmd.Process != nil {
			cmds = append(cmds, cmd)
		}
		for _, f := range []*os.File{input, write} {
			if f != nil {
				f.Close()
			}
		}
		input = read
	}
	for _, cmd := range cmds {
		failed := cmd.Wait()
		// Exit status 1 of v6probe means findings: no failure of the measurement.
		if failed != nil && cmd.ProcessState.ExitCode() != 1 && ctx.Err() == nil {
			err = errors.Join(err, fmt.Errorf("%s: %w", cmd.Args[0], failed))
		}
		r.cpu += cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
		if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
			r.peak = max(r.peak, float64(usage.Maxrss)/1024)
		}
	}
	r.wall, r.stopped = time.Since(begin), ctx.Err() != nil
	return r, err
}

// ownPeak is the most memory, in MiB, that this process has had. Its rusage would have the peak of its parent in it.
func ownPeak() float64 {
	status, err := os.ReadFile("/proc/self/status")
	if err != nil {
		return 0
	}
	_, peak, _ := strings.Cut(string(status), "VmHWM:")
	var kib float64
	if _, err := fmt.Sscan(peak, &kib); err != nil {
		return 0
	}
	return kib / 1024
}

// median returns the median of one quantity.
func (e *entry) median(of func(result) float64) float64 {
	all := make([]float64, len(e.results))
	for i, r := range e.results {
		all[i] = of(r)
	}
	slices.Sort(all)
	return all[len(all)/2]
}

func wall(r result) float64 { return r.wall.Seconds() * 1000 }
func cpu(r result) float64  { return r.cpu.Seconds() * 1000 }
func peak(r result) float64 { return r.peak }

// print writes the table, and why what is missing from it is missing.
func print(out io.Writer, list []*contest) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	var skipped []string
	for _, c := range list {
		fmt.Fprintf(w, "%s\twall ms\tCPU ms\tpeak MiB\t× %s's time\tas many times as fast as\n", c.input, c.entries[0].label)
		for _, e := range c.entries {
			if e.skipped != "" {
				skipped = append(skipped, fmt.Sprintf("skipped: %s, %s: %s\n", c.input, e.label, e.skipped))
				continue
			}
			more := ""
			if e.results[0].stopped {
				more = "> "
			}
			fmt.Fprintf(w, "%s\t%s%.0f\t%.0f\t%.0f\t%s\t%s\n", e.label, more, e.median(wall), e.median(cpu), e.median(peak),
				c.multiple(e, c.entries[0]), c.comparison(e))
		}
		fmt.Fprintln(w)
		if err := w.Flush(); err != nil {
			return err
		}
	}
	_, err := fmt.Fprint(out, strings.Join(skipped, ""))
	return err
}

// comparison says how much faster e is than those that it is held against.
func (c *contest) comparison(e *entry) string {
	var all []string
	for _, label := range e.against {
		for _, other := range c.entries {
			if other.label == label && other.skipped == "" {
				all = append(all, c.multiple(other, e)+" "+label)
			}
		}
	}
	return strings.Join(all, ", ")
}

// multiple is the time of e as a multiple of that of other.
func (c *contest) multiple(e, other *entry) string {
	if other.skipped != "" {
		return "–"
	}
	more := ""
	if e.results[0].stopped {
		more = "> "
	}
	return fmt.Sprintf("%s%.2f", more, e.median(wall)/other.median(wall))
}
