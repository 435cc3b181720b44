//go:build linux

// Command bench compares v6probe with other programs, in five parts. The first is the speed of its offline reading, beside
// cat, tcpdump and tshark, over captures that it makes itself: a busy port of a healthy zone (craft.Mixed) as pcap, pcapng and
// pcap.gz, a link's neighbor discovery and nothing else (craft.Neighbors), and a flood of routers (craft.Strangers). The programs
// take turns, each on a warm page cache, and the medians count. The second is a thousand small captures, beside tshark. The
// others need root. The third is what is lost of a flood on a live interface, beside tcpdump. The fourth is the path MTU that
// v6probe and others find on the practice networks (package zone), whether it is the right one, and what that took in time and
// packets. The fifth is what it costs to count drops, beside bpftrace. Bench always succeeds when it could measure: times drift
// with the machine, so compare the ratios of one run.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"time"
)

func main() {
	size := flag.Int("size", 1024, "make captures of up to this many `MiB`")
	runs := flag.Int("runs", 5, "run each program `N` times")
	keep := flag.String("keep", "", "make the captures in `DIR` and leave them there")
	v6probe := flag.String("v6probe", "./v6probe", "`path` of the v6probe to measure")
	captures := flag.Bool("generate", false, "make the captures in the directory of -keep, and nothing else")
	only := flag.String("only", "", "run one `part` only: files, check, live, pmtu or drops")
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
		err = measureFiles(os.Stdout, *size, *runs, *keep, *v6probe)
	case *only == "check":
		err = measureChecks(os.Stdout, *v6probe, *runs)
	case *only == "live":
		err = measureLive(os.Stdout, *v6probe, *runs)
	case *only == "pmtu":
		err = measurePaths(os.Stdout, o)
	case *only == "drops":
		err = measureDrops(os.Stdout, *v6probe)
	case *only != "":
		err = fmt.Errorf("-only is files, check, live, pmtu or drops, not %q", *only)
	default:
		if err = measureFiles(os.Stdout, *size, *runs, *keep, *v6probe); err == nil {
			fmt.Println()
			err = measureChecks(os.Stdout, *v6probe, *runs)
		}
		if err == nil {
			err = asRoot("live", func() error { return measureLive(os.Stdout, *v6probe, *runs) })
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
