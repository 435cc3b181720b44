//go:build linux

// Command bench compares v6probe with other programs, in four parts. The first is the speed of its offline reading, beside
// cat and tcpdump, over captures that it makes itself: a busy port of a healthy zone (craft.Mixed) as pcap, pcapng and
// pcap.gz. The programs take turns, each on a warm page cache, and the medians count. The second is a thousand small captures,
// beside tshark. The third, which needs root, is the path MTU that v6probe and others find on the practice networks (package
// zone), whether it is the right one, and what that took in time and packets. The fourth, which needs root too, is what it
// costs to count drops, beside bpftrace. Bench always succeeds when it could measure: times drift with the machine, so compare
// the ratios of one run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

func main() {
	size := flag.Int("size", 256, "make captures of this many `MiB`")
	runs := flag.Int("runs", 5, "run each program `N` times")
	keep := flag.String("keep", "", "make the captures in `DIR` and leave them there")
	v6probe := flag.String("v6probe", "./v6probe", "`path` of the v6probe to measure")
	captures := flag.Bool("generate", false, "make the captures in the directory of -keep, and nothing else")
	only := flag.String("only", "", "run one `part` only: files, check, pmtu or drops")
	var o pathOptions
	flag.StringVar(&o.cases, "case", "", "compare path MTUs in these `cases`, names with commas between them, or all")
	flag.DurationVar(&o.timeout, "timeout", 20*time.Second, "stop a program that looks for a path MTU after this `time`")
	flag.BoolVar(&o.loss, "loss", false, "run v6probe pmtu alone, again and again, where packets are lost")
	flag.Parse()
	o.v6probe = *v6probe
	if o.loss || o.cases != "" {
		*only = "pmtu"
	}
	var err error
	switch {
	case *size < 1 || *runs < 1 || o.timeout <= 0 || flag.NArg() > 0 || *captures && *keep == "":
		err = errors.New("usage: -size, -runs and -timeout are positive, -generate needs -keep, and there are no arguments")
	case *captures:
		err = generate(*keep, int64(*size)<<20)
	case *only == "files":
		err = run(os.Stdout, *size, *runs, *keep, *v6probe)
	case *only == "check":
		err = measureChecks(os.Stdout, *v6probe, *runs)
	case *only == "pmtu":
		err = measurePaths(os.Stdout, o)
	case *only == "drops":
		err = measureDrops(os.Stdout, *v6probe)
	case *only != "":
		err = fmt.Errorf("-only is files, check, pmtu or drops, not %q", *only)
	default:
		if err = run(os.Stdout, *size, *runs, *keep, *v6probe); err == nil {
			fmt.Println()
			err = measureChecks(os.Stdout, *v6probe, *runs)
		}
		if err == nil {
			err = asRoot("path MTU", func() error { return measurePaths(os.Stdout, o) })
		}
		if err == nil {
			err = asRoot("drops", func() error { return measureDrops(os.Stdout, *v6probe) })
		}
	}
	if err != nil {
		fmt.Fprintf(os.Stderr, "bench: %v\n", err)
		os.Exit(2)
	}
}

// asRoot runs a part that needs root, or says that it cannot.
func asRoot(part string, measure func() error) error {
	fmt.Println()
	err := measure()
	if errors.Is(err, fs.ErrPermission) {
		fmt.Printf("skipped: %s: needs root: %v\n", part, err)
		return nil
	}
	return err
}

// run makes the captures and measures. The captures are made in another process: a program's peak of memory, as the
// kernel counts it, is never below that of the process that started it.
func run(out io.Writer, size, runs int, dir, v6probe string) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "v6probe-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-generate", "-keep", dir, "-size", strconv.Itoa(size))
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make captures: %w", err)
	}
	list := contests(v6probe, dir)
	if err := measure(list, runs); err != nil {
		return err
	}
	fmt.Fprintf(out, "median of %d runs; up to %.1f MiB of a peak may be this runner's own\n\n", runs, ownPeak())
	return print(out, list)
}

// contest is one input and the programs that read it, in the order in which they take turns.
type contest struct {
	input   string
	entries []*entry
}

// entry is one pipeline of programs, and how it did.
type entry struct {
	role     role
	label    string
	pipeline [][]string
	results  []result
	skipped  string // why it was not run
}

// role says what the other entries are compared with.
type role int

const (
	contestant role = iota
	floor           // cat: reading and nothing else
	rival           // tcpdump
)

// contests lists what is measured, less the programs that are not installed.
func contests(v6probe, dir string) []*contest {
	var list []*contest
	for _, name := range []string{"mixed.pcap", "mixed.pcapng", "mixed.pcap.gz"} {
		file := filepath.Join(dir, name)
		cat := &entry{role: floor, label: "cat", pipeline: [][]string{{"cat", file}}}
		tcpdump := &entry{role: rival, label: "tcpdump icmp6 -w",
			pipeline: [][]string{{"tcpdump", "-r", file, "-w", os.DevNull, "icmp6"}}}
		if filepath.Ext(name) == ".gz" {
			cat.label, cat.pipeline[0] = "zcat", []string{"zcat", file}
			tcpdump.label, tcpdump.pipeline[0][2] = "zcat | tcpdump icmp6 -w", "-"
			tcpdump.pipeline = [][]string{cat.pipeline[0], tcpdump.pipeline[0]}
		}
		list = append(list, &contest{name, []*entry{cat, tcpdump,
			{label: "v6probe ra", pipeline: [][]string{{v6probe, "ra", "-r", file}}},
			{label: "v6probe ra --json", pipeline: [][]string{{v6probe, "ra", "-r", file, "--json"}}},
			{label: "v6probe nd", pipeline: [][]string{{v6probe, "nd", "-r", file}}}}})
	}
	for _, c := range list {
		for _, e := range c.entries {
			for _, args := range e.pipeline {
				if _, err := exec.LookPath(args[0]); err != nil {
					e.skipped = args[0] + " is missing"
				}
			}
		}
	}
	return list
}
