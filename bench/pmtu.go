//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"slices"
	"strings"
	"time"

	"v6probe/internal/lab"
	"v6probe/internal/lab/zone"
)

// standing are the cases that are measured where nobody names any: one of each kind.
var standing = [...]string{
	"clean-1450", "ptb", "filtered-at-r1", "return-hole", "underlay-switch", "ptb-1200", "stale-cache",
	"clean-1500", "clean-9000", "ptb-rate-limited", "staircase", "narrow-switch", "bridge-port-netfilter-off", "minimum",
	"return-narrow", "mixed", "vxlan-too-big-v4", "guest-above-overlay-tag", "lying-ptb-low", "lying-ptb-high", "forged-ptb",
	"no-echo", "no-udp", "no-time-exceeded", "ecmp",
}

// pathOptions say what of path MTUs is measured.
type pathOptions struct {
	v6probe string
	cases   string        // names with commas between them, or all; "" for the standing ones
	timeout time.Duration // for one run of one program but v6probe
	loss    bool          // networks that lose packets, with v6probe alone, and nothing else
}

const (
	ownRuns    = 3 // of v6probe, whose one run is short enough to be disturbed
	lossRuns   = 40
	ownTimeout = 30 * time.Second // more than v6probe gives itself, so that it is not stopped before it has said what it knows
)

// measurePaths compares what v6probe pmtu and other programs say of the practice networks, and prints it as it goes. Each
// run has a network of its own, so that no program profits from, or suffers under, what another has taught the kernels.
func measurePaths(out io.Writer, o pathOptions) error {
	if _, err := exec.LookPath(o.v6probe); err != nil {
		return err
	}
	n, err := lab.New() // or not, which is better said at once
	if err != nil {
		return err
	}
	if err := n.Close(); err != nil {
		return err
	}
	if o.loss {
		return measureLoss(out, o)
	}
	cases, err := choose(o.cases)
	if err != nil {
		return err
	}
	others, missing := present(peers())
	tools := append([]*tool{ownTool(o.v6probe)}, others...)
	fmt.Fprintf(out, "path MTU: v6probe is the median of %d runs, the others run once, for %v at most. Seconds are of a\n"+
		"process, the bound is for what v6probe says that it took. Packets are those that left the guest's interface, less\n"+
		"neighbor discovery and MLD. A ratio is a program's seconds by v6probe's.\n\n", ownRuns, o.timeout)
	fmt.Fprintf(out, rowFormat, "", "", "answer", "seconds", "packets", "ratio", "")
	var skipped []string
	for _, s := range cases {
		if err := s.Missing(); err != nil {
			skipped = append(skipped, s.Name+": "+err.Error())
			continue
		}
		fmt.Fprintf(out, "%s: %s\n  %s\n", s.Name, wordTruth(&s.Truth), s.About)
		if err := contend(out, s, tools, o.timeout); err != nil {
			return err
		}
	}
	summarize(out, tools)
	for _, why := range append(skipped, missing...) {
		fmt.Fprintf(out, "skipped: %s\n", why)
	}
	return nil
}

// choose returns the scenarios with these names, or all that lose nothing, or the standing ones.
func choose(names string) ([]*zone.Scenario, error) {
	all, err := zone.Scenarios()
	if err != nil {
		return nil, err
	}
	if names == "all" {
		return slices.DeleteFunc(all, func(s *zone.Scenario) bool { return s.Loss > 0 }), nil
	}
	wanted := standing[:]
	if names != "" {
		wanted = strings.Split(names, ",")
	}
	var chosen []*zone.Scenario
	for _, name := range wanted {
		i := slices.IndexFunc(all, func(s *zone.Scenario) bool { return s.Name == name })
		if i < 0 {
			var known []string
			for _, s := range all {
				known = append(known, s.Name)
			}
			return nil, fmt.Errorf("there is no case %q; there are %s", name, strings.Join(known, ", "))
		}
		chosen = append(chosen, all[i])
	}
	return chosen, nil
}

// present returns the tools that are installed, and why the others are left out.
func present(tools []*tool) (found []*tool, missing []string) {
	for _, t := range tools {
		if _, err := exec.LookPath(t.program); err != nil {
			missing = append(missing, t.name+": "+err.Error())
			continue
		}
		found = append(found, t)
	}
	return found, missing
}

// outcome is how a tool did in one case.
type outcome struct {
	answer
	took    time.Duration // from the start of the process to its end
	packets int
	right   bool
	// measuring is how long v6probe has measured by its own word, bound how long it may; 0 for others, and for any time.
	// The rest of took is for the process: to close a packet socket alone takes the kernel some milliseconds.
	measuring, bound time.Duration
	ratio            float64 // its time by v6probe's
}

// contend runs the tools, v6probe first, in a case.
func contend(out io.Writer, s *zone.Scenario, tools []*tool, timeout time.Duration) error {
	var own time.Duration
	for _, t := range tools {
		runs, limit := 1, timeout
		if t.own {
			runs, limit = ownRuns, ownTimeout
		}
		o, err := attempts(s, t, limit, runs)
		if err != nil {
			return err
		}
		if t.own {
			own, o.bound = o.took, s.Within
		}
		if own > 0 {
			o.ratio = o.took.Seconds() / own.Seconds()
		}
		t.outcomes = append(t.outcomes, o)
		o.print(out, t.name)
	}
	return nil
}

// attempts returns the median of some runs; their answer is a wrong one if there was any.
func attempts(s *zone.Scenario, t *tool, timeout time.Duration, runs int) (outcome, error) {
	var all []outcome
	for range runs {
		o, err := attempt(s, t, timeout)
		if err != nil {
			return o, err
		}
		all = append(all, o)
	}
	worst := all[0]
	for _, o := range all {
		if !o.right {
			worst = o
		}
	}
	worst.took = middle(all, func(o outcome) time.Duration { return o.took })
	worst.measuring = middle(all, func(o outcome) time.Duration { return o.measuring })
	worst.packets = middle(all, func(o outcome) int { return o.packets })
	return worst, nil
}

// attempt runs a tool once in a new network.
func attempt(s *zone.Scenario, t *tool, timeout time.Duration) (o outcome, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	z, err := zone.Up(ctx, s)
	if err != nil {
		return o, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	return once(z, t, timeout)
}

// once runs a tool in a network.
func once(z *zone.Zone, t *tool, timeout time.Duration) (o outcome, err error) {
	before, err := sent(z.Guest, z.GuestInterface)
	if err != nil {
		return o, err
	}
	limited, stop := context.WithTimeout(context.Background(), timeout)
	defer stop()
	begin := time.Now()
	o.answer, err = t.find(limited, z)
	o.took = time.Since(begin)
	switch {
	case limited.Err() != nil:
		o.answer = answer{text: fmt.Sprintf("none in %v", timeout)}
	case err != nil:
		return o, fmt.Errorf("%s: %s: %w", z.Scenario.Name, t.name, err)
	}
	if o.path != nil {
		o.measuring = time.Duration(o.path.Took * float64(time.Millisecond))
	}
	after, err := sent(z.Guest, z.GuestInterface)
	o.packets = after - before
	o.right = t.judge(&z.Scenario.Truth, &o.answer)
	return o, err
}

// middle returns the median of one quantity; all has at least one entry.
func middle[T any, N cmp.Ordered](all []T, of func(T) N) N {
	values := make([]N, len(all))
	for i, v := range all {
		values[i] = of(v)
	}
	slices.Sort(values)
	return values[len(values)/2]
}
