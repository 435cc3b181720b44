package main

import (
	"github.com/spf13/cobra"

	"v6probe/internal/lab/cloud"
)

func newLabList() *cobra.Command {
	var json, verbose bool
	c := &cobra.Command{
		Use:   "list [NAME]",
		Short: "the faults that can be switched on, by role; one explained",
		Long: `list is a picture book of IPv6 faults: each with its name and what is wrong, by
role and in the order in which that role's command looks at things. With -v, or
for one NAME, also what the operator sees, the command that finds it, and the
rules that it names.`,
		Example: `  v6probe lab list
  v6probe lab list no-prefix
  v6probe lab list --json`,
		Args:              atMostOneName,
		ValidArgsFunction: completeScenarios(false),
		RunE: func(c *cobra.Command, args []string) error {
			if json && verbose {
				return hinted("--json has all that -v shows", "--json cannot be had with -v")
			}
			all, err := cloud.Scenarios()
			if err != nil {
				return err
			}
			all = labOrdered(all)
			if len(args) > 0 {
				s, err := findScenario(args[0])
				if err != nil {
					return err
				}
				all = []*cloud.Scenario{s}
			}
			out := c.OutOrStdout()
			switch {
			case json:
				return writeScenariosJSON(out, all)
			case len(args) > 0:
				p := newLabPage(out)
				p.scenario(all[0])
				return p.writeTo(out)
			}
			return writeScenarios(out, all, verbose)
		},
	}
	c.Flags().BoolVar(&json, "json", false, "write NDJSON, one object a line")
	c.Flags().BoolVarP(&verbose, "verbose", "v", false, "each in full")
	return c
}
