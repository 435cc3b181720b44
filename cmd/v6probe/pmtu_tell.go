package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/host"
	"v6probe/internal/pmtu"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// report tells what the probes came to. runErr is what ended them, nil for nothing.
func (r *pathRun) report(path *report.PathMTU, runErr error) error {
	sum := report.Summary{Tally: rule.NewTally(), FailOn: r.failOn, NeverFail: r.never, PathMTU: path}
	trouble := r.trouble(path, runErr)
	switch code := codeError(0); {
	case errors.As(trouble, &code):
		sum.Damage = r.cause()
	case trouble != nil:
		sum.Damage = oneLine(trouble.Error())
	}
	if r.pmtuFlags.json {
		if err := r.json.PathMTU(path); err != nil {
			return err
		}
	}
	for _, found := range r.judge(path) {
		if sum.Tally.Add(found) && r.pmtuFlags.json {
			if err := r.json.Finding(found); err != nil {
				return err
			}
		}
	}
	if r.pmtuFlags.json {
		if err := r.json.Summary(sum); err != nil {
			return err
		}
	} else if err := r.tell(path, sum); err != nil {
		return err
	}
	if trouble == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return trouble
}

// tell writes the text.
func (r *pathRun) tell(path *report.PathMTU, sum report.Summary) error {
	t := r.text
	if !r.quiet {
		if r.verbose && path.Sent > 0 {
			t.Blank()
		}
		t.PathMTU(path)
	}
	t.Findings(sum.Tally.Found())
	t.Verdict(sum, report.Plural(path.Sent, "packet")+" in "+report.Duration(path.Took))
	return t.Err()
}

// trouble says why nothing could be found out, nil where something was; a codeError where that is not to be said again.
func (r *pathRun) trouble(path *report.PathMTU, runErr error) error {
	switch {
	case runErr != nil:
		return runErr
	case !path.Complete && path.MTU == 0 && len(path.Refused) == 0:
		return codeError(exitTrouble) // the verdict says so
	}
	return nil
}

// cause says for the verdict what ended the probing before it came to a result.
func (r *pathRun) cause() string {
	switch {
	case errors.Is(r.ended, context.DeadlineExceeded):
		return fmt.Sprintf("the --timeout of %v was not enough, a longer one or 0 gives it time", r.timeout)
	case r.ended != nil:
		return "interrupted"
	}
	return "the path MTU is not known"
}

// judge returns what is wrong with the path, and with this host's own tunnels that it goes through.
func (r *pathRun) judge(path *report.PathMTU) []rule.Finding {
	found := path.Findings(pmtu.Wanted{Link: r.way.Device, MTU: r.expect, Cached: r.way.CachedMTU})
	for i := range found {
		found[i].Fix = r.fix(found[i])
	}
	links, err := host.Links()
	if err != nil {
		r.progress.Note("this host's tunnels are not looked at: " + err.Error())
	}
	return append(found, host.Tunnels(below(links, r.way.Index), underlayRoute)...)
}

// fix returns what to do about f, in commands that can be copied: with the target and the interface of this run.
func (r *pathRun) fix(f rule.Finding) string {
	return strings.NewReplacer("TARGET", r.zoned().String(), "IFACE", r.way.Device).Replace(report.Fix(f))
}

// below returns those of links that what leaves by the interface of that index goes through: the interface itself, the
// ports of a bridge, and what is below each. The tunnels that stand on them are not among these.
func below(links []host.Link, index int) []host.Link {
	wanted := map[int]bool{index: true}
	for grown := true; grown; {
		grown = false
		for _, l := range links {
			in := wanted[l.Index]
			if !in && l.Master > 0 && wanted[l.Master] {
				in = true
			}
			for _, next := range []int{l.Index, l.Lower} {
				if in && next > 0 && !wanted[next] {
					wanted[next], grown = true, true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(links), func(l host.Link) bool { return !wanted[l.Index] })
}
