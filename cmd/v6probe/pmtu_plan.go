package main

import (
	"net/netip"

	"github.com/spf13/cobra"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// runPlan prints what tunnels need: those that --encap names, else the common ones and those that this host has.
func (f *pmtuFlags) runPlan(c *cobra.Command) error {
	list, err := f.encapsulations()
	if err != nil {
		return err
	}
	if len(list) == 0 {
		list = encap.Common()
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
	t, j := report.NewText(out, style), report.NewJSON(out)
	if f.json {
		err = j.Plan(rows)
	} else {
		t.Plan(rows, underlays)
		err = t.Err()
	}
	if err != nil || len(f.encap) > 0 {
		return err
	}
	return f.judgeTunnels(t, j)
}

// judgeTunnels tells whether the tunnels of this host fit their underlay. Where these cannot be read there is nothing to tell.
func (f *pmtuFlags) judgeTunnels(t *report.Text, j *report.JSON) error {
	links, err := host.Links()
	if err != nil {
		return nil
	}
	tally := rule.NewTally()
	for _, found := range host.Tunnels(links, underlayRoute) {
		if tally.Add(found) && f.json {
			if err := j.Finding(found); err != nil {
				return err
			}
		}
	}
	fits := host.Fits(links, underlayRoute)
	if f.json {
		err = j.Fits(fits)
	} else {
		t.Fits(fits)
		t.Findings(tally.Found())
		err = t.Err()
	}
	if err == nil && len(tally.Found()) > 0 {
		return codeError(exitFindings)
	}
	return err
}

// underlayRoute returns the way to the other end of a tunnel.
func underlayRoute(remote netip.Addr) (host.Way, error) { return host.Route(remote, "", netip.Addr{}) }
