package main

import (
	"net/netip"

	"github.com/spf13/cobra"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// runPlan prints what tunnels need: those that --encap names, else the common ones, after those that this host has.
func (f *pmtuFlags) runPlan(c *cobra.Command) error {
	list, err := f.encapsulations()
	if err != nil {
		return err
	}
	own := &hostTunnels{sum: report.Summary{Tally: rule.NewTally()}}
	if own.sum.FailOn, own.sum.NeverFail, err = f.fail(); err != nil {
		return err
	}
	if len(list) == 0 {
		list = encap.Common()
		own.look()
	} else if err := unused(c, "--encap: only this host's tunnels are judged", "fail-on"); err != nil {
		return err
	}
	var underlays []int
	if f.underlay > 0 {
		underlays = []int{f.underlay}
	}
	rows := encap.Plan(list, f.guest, underlays...)
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
	if err != nil {
		return err
	}
	if f.json {
		err = own.writeJSON(report.NewJSON(out), rows)
	} else {
		err = own.writeText(report.NewText(out, style), rows, underlays)
	}
	if err == nil && own.sum.Failed() {
		return codeError(exitFindings)
	}
	return err
}

// hostTunnels are the tunnels of this host and what is wrong with them.
type hostTunnels struct {
	fits []host.Fit
	sum  report.Summary
}

// look reads the tunnels. Where that cannot be done there is nothing to tell.
func (h *hostTunnels) look() {
	links, err := host.Links()
	if err != nil {
		return
	}
	h.fits = host.Fits(links, underlayRoute)
	for _, found := range host.Tunnels(links, underlayRoute) {
		h.sum.Tally.Add(found)
	}
}

// any reports whether there is something to judge.
func (h *hostTunnels) any() bool { return len(h.fits) > 0 || len(h.sum.Tally.Found()) > 0 }

// writeText has the faults first, and the table, which is long, behind them.
func (h *hostTunnels) writeText(t *report.Text, rows []encap.Row, underlays []int) error {
	if h.any() {
		t.Fits(h.fits)
		t.Findings(h.sum.Tally.Found())
		t.Blank()
	}
	t.Plan(rows, underlays)
	if h.any() {
		t.Verdict(h.sum, report.Plural(len(h.fits), "tunnel")+" on this host")
	}
	return t.Err()
}

func (h *hostTunnels) writeJSON(j *report.JSON, rows []encap.Row) error {
	if err := j.Plan(rows); err != nil || !h.any() {
		return err
	}
	for _, found := range h.sum.Tally.Found() {
		if err := j.Finding(found.Finding); err != nil {
			return err
		}
	}
	if err := j.Fits(h.fits); err != nil {
		return err
	}
	return j.Summary(h.sum)
}

// underlayRoute returns the way to the other end of a tunnel.
func underlayRoute(remote netip.Addr) (host.Way, error) { return host.Route(remote, "", netip.Addr{}) }
