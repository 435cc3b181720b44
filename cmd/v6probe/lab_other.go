//go:build !linux

package main

import "github.com/spf13/cobra"

func newLab() *cobra.Command {
	return &cobra.Command{
		Use:                "lab",
		Short:              "a practice zone in network namespaces, faults included (Linux)",
		DisableFlagParsing: true,
		ValidArgsFunction:  cobra.NoFileCompletions,
		RunE: func(*cobra.Command, []string) error {
			return hinted("run it on a Linux machine; a virtual one will do",
				"lab needs Linux: it builds its zone in network namespaces")
		},
	}
}
