//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"v6probe/internal/lab/zone"
)

// lossy is how v6probe did in many runs in one network.
type lossy struct {
	runs       []outcome
	mtu, right int // how many had the right MTU, and how many the very hops of the hole too
}

// measureLoss has v6probe probe networks that lose packets again and again.
func measureLoss(out io.Writer, o pathOptions) error {
	all, err := zone.Scenarios()
	if o.cases != "" {
		all, err = choose(o.cases)
	}
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "v6probe where packets are lost, of %d runs\n\n", lossRuns)
	const format = "%-26s %10s %12s %10s %10s %10s\n"
	fmt.Fprintf(out, format, "", "right MTU", "all exact", "median s", "slowest s", "packets")
	for _, s := range all {
		if s.Loss == 0 {
			continue
		}
		l, err := lose(s, o)
		if err != nil {
			return err
		}
		took := func(o outcome) time.Duration { return o.took }
		slowest := slices.MaxFunc(l.runs, func(a, b outcome) int { return cmp.Compare(a.took, b.took) })
		fmt.Fprintf(out, format, s.Name, fmt.Sprint(l.mtu), fmt.Sprint(l.right),
			fmt.Sprintf("%.3f", middle(l.runs, took).Seconds()), fmt.Sprintf("%.3f", slowest.took.Seconds()),
			fmt.Sprint(middle(l.runs, func(o outcome) int { return o.packets })))
	}
	return nil
}

// lose probes one network. All runs have the same one: v6probe leaves nothing behind in it.
func lose(s *zone.Scenario, o pathOptions) (l lossy, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	z, err := zone.Up(ctx, s)
	if err != nil {
		return l, err
	}
	defer func() { err = errors.Join(err, z.Close()) }()
	t := ownTool(o.v6probe)
	for range lossRuns {
		run, err := once(z, t, ownTimeout)
		if err != nil {
			return l, err
		}
		l.runs = append(l.runs, run)
		if p := run.path; p != nil && p.MTU == s.Truth.MTU && !p.EitherWay {
			l.mtu++
		}
		if run.right {
			l.right++
		}
	}
	return l, nil
}
