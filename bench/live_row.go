//go:build linux

package main

import (
	"cmp"
	"fmt"
	"io"
	"math"
	"strconv"
)

// liveRun is one run of a capturer in a flood.
type liveRun struct {
	poured
	captured
	early int // frames that were sent and did not come to the receiver's interface
	due   int // frames that came and that pass the filter
}

// lost is how many of the known router's advertisements are missing, and whether that is a guess: what the kernel drops it
// drops without a look at it.
func (r *liveRun) lost() (n int, guess bool) {
	switch missing := r.due - r.account.frames; {
	case r.account.adverts != unknown:
		return r.poured.adverts - r.account.adverts, false
	case missing == 0 || r.due == r.poured.adverts:
		return missing, false
	default:
		return int(math.Round(float64(r.poured.adverts) * float64(missing) / float64(r.due))), true
	}
}

// unaccounted is how many frames were neither taken nor counted as dropped or shed.
func (r *liveRun) unaccounted() int {
	return r.due - r.account.frames - r.dropped - max(0, r.shed)
}

// liveRow is the runs of a program at one rate.
type liveRow struct {
	name string
	rate int // that was wanted, 0 for as many frames as there can be
	runs []liveRun
}

const liveHeader = "wanted\tMpps\tprogram\tframes seen\tkernel dropped\tshed\t" +
	"RAs sent\tRAs lost\tCPU s\tCPU s/million\tpeak MiB\t\n"

// print writes the medians as a line.
func (r *liveRow) print(w io.Writer) {
	shed := "–"
	if n := ofRuns(r, func(x *liveRun) int { return x.shed }); n != unknown {
		shed = strconv.Itoa(n)
	}
	lost := strconv.Itoa(ofRuns(r, func(x *liveRun) int { n, _ := x.lost(); return n }))
	for i := range r.runs {
		if _, guess := r.runs[i].lost(); guess {
			lost = "≈" + lost
			break
		}
	}
	// Of few frames it would be the cost of starting.
	million := "–"
	const many = 10_000
	if ofRuns(r, func(x *liveRun) int { return x.account.frames }) >= many {
		million = fmt.Sprintf("%.2f", ofRuns(r, func(x *liveRun) float64 {
			return x.cpu.Seconds() / float64(max(1, x.account.frames)) * 1e6
		}))
	}
	fmt.Fprintf(w, "%s\t%.2f\t%s\t%d\t%d\t%s\t%d\t%s\t%.2f\t%s\t%.1f\t\n", r.wanted(), r.reached(), r.name,
		ofRuns(r, func(x *liveRun) int { return x.account.frames }), ofRuns(r, func(x *liveRun) int { return x.dropped }), shed,
		ofRuns(r, func(x *liveRun) int { return x.poured.adverts }), lost,
		ofRuns(r, func(x *liveRun) float64 { return x.cpu.Seconds() }), million,
		ofRuns(r, func(x *liveRun) float64 { return x.peak }))
}

// ofRuns returns the median of one quantity.
func ofRuns[N cmp.Ordered](r *liveRow, of func(*liveRun) N) N {
	return middle(r.runs, func(x liveRun) N { return of(&x) })
}

// wanted is in millions of frames a second.
func (r *liveRow) wanted() string {
	if r.rate == 0 {
		return "full"
	}
	return fmt.Sprintf("%g", float64(r.rate)/1e6)
}

// reached is in millions of frames a second.
func (r *liveRow) reached() float64 {
	return ofRuns(r, func(x *liveRun) float64 { return x.poured.rate() })
}

// notes says what the line does not.
func (r *liveRow) notes() (list []string) {
	note := func(format string, args ...any) {
		list = append(list, fmt.Sprintf("%s, %s: ", r.wanted(), r.name)+fmt.Sprintf(format, args...))
	}
	const near = 0.97
	if got := r.reached(); got < near*float64(r.rate)/1e6 {
		note("NOT REACHED: %.2f million frames a second, of %s that were wanted", got, r.wanted())
	}
	if n := ofRuns(r, func(x *liveRun) int { return x.early }); n != 0 {
		note("%d frames were lost on their way to the interface, maybe advertisements among them", n)
	}
	if n := ofRuns(r, (*liveRun).unaccounted); n != 0 {
		note("%d frames were neither seen nor counted as dropped or shed", n)
	}
	return list
}
