package main

import (
	"github.com/spf13/cobra"

	"v6probe/internal/encap"
	"v6probe/internal/report"
)

// runPlan prints what tunnels need: those that --encap names, else the common ones.
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
	if f.json {
		return report.NewJSON(out).Plan(rows)
	}
	style, err := textStyle(f.color, out)
	if err != nil {
		return err
	}
	t := report.NewText(out, style)
	t.Plan(rows, underlays)
	return t.Err()
}
