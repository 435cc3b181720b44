//go:build linux

package main

import (
	"fmt"
	"io"
	"slices"
	"time"
)

// rowFormat is for the name of a tool, right or wrong, and what has a heading.
const rowFormat = "  %-17s %-5s  %-28s %8s %8s %7s  %s\n"

// inTime reports whether v6probe kept within its bound, if there is one. Who gave no answer has no time of its own.
func (o *outcome) inTime() bool { return o.bound == 0 || o.path != nil && o.measuring <= o.bound }

// print writes one row.
func (o *outcome) print(out io.Writer, name string) {
	verdict := "wrong"
	if o.right {
		verdict = "right"
	}
	ratio := "–"
	if o.ratio > 0 {
		ratio = fmt.Sprintf("%.1f", o.ratio)
	}
	bound := ""
	switch {
	case o.bound == 0:
	case o.inTime():
		bound = fmt.Sprintf("within bound: %d of %d ms", o.measuring.Milliseconds(), o.bound.Milliseconds())
	default:
		bound = fmt.Sprintf("over: %d of %d ms", o.measuring.Milliseconds(), o.bound.Milliseconds())
	}
	fmt.Fprintf(out, rowFormat, name, verdict, o.text,
		fmt.Sprintf("%.3f", o.took.Seconds()), fmt.Sprint(o.packets), ratio, bound)
}

// summarize prints how each tool did in all cases.
func summarize(out io.Writer, tools []*tool) {
	fmt.Fprintln(out)
	for _, t := range tools {
		if len(t.outcomes) == 0 {
			break // no case could be built
		}
		var all, right []float64
		inTime := 0
		for _, o := range t.outcomes {
			all = append(all, o.ratio)
			if o.right {
				right = append(right, o.ratio)
			}
			if o.inTime() {
				inTime++
			}
		}
		fmt.Fprintf(out, "%-17s right in %d of %d", t.name, len(right), len(all))
		if t.own {
			took := func(o outcome) time.Duration { return o.took }
			fmt.Fprintf(out, ", median %.3f s, within bound in %d of %d\n", middle(t.outcomes, took).Seconds(), inTime, len(all))
			continue
		}
		fmt.Fprintf(out, "; times v6probe's time: %s where right, %s in all\n", spread(right), spread(all))
	}
	fmt.Fprintln(out, "A ratio of a program that was stopped is at least that.")
}

// spread words the median and the range of some ratios.
func spread(ratios []float64) string {
	if len(ratios) == 0 {
		return "none"
	}
	median := middle(ratios, func(r float64) float64 { return r })
	return fmt.Sprintf("%.1f (%.1f–%.1f)", median, slices.Min(ratios), slices.Max(ratios))
}
