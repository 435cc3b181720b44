package main

import (
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/report"
	"v6probe/internal/rule"
)

func newRules() *cobra.Command {
	var color string
	c := &cobra.Command{
		Use:   "rules [ID]",
		Short: "every rule in a line; one rule explained, with its fix",
		Example: `  v6probe rules                        all of them
  v6probe rules pio                    those about prefixes
  v6probe rules ra.no-address-source   one, explained`,
		Args: cobra.MaximumNArgs(1),
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
			if len(args) > 0 {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			return ruleIDs(), cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(c *cobra.Command, args []string) error {
			style, err := textStyle(color, c.OutOrStdout())
			if err != nil {
				return err
			}
			t := report.NewText(c.OutOrStdout(), style)
			if len(args) == 0 {
				t.Rules(rule.All())
				return t.Err()
			}
			id := rule.ID(strings.ToLower(args[0]))
			if r, ok := rule.Lookup(id); ok {
				t.Rule(r)
				return t.Err()
			}
			of := slices.DeleteFunc(slices.Clone(rule.All()), func(r rule.Rule) bool {
				return !strings.HasPrefix(string(r.ID), string(id)+".")
			})
			if len(of) == 0 {
				return hinted("list them: v6probe rules", "no rule is called %q", args[0])
			}
			t.Rules(of)
			return t.Err()
		},
	}
	addColorFlag(c, &color)
	return c
}

func ruleIDs() []cobra.Completion {
	all := rule.All()
	ids := make([]cobra.Completion, len(all))
	for i, r := range all {
		ids[i] = cobra.CompletionWithDesc(string(r.ID), r.Title)
	}
	return ids
}
