package main

import (
	"context"
	"io"

	"github.com/spf13/cobra"
)

// streams are where a command reads and writes.
type streams struct {
	in       io.Reader
	out, err io.Writer
}

// execute runs the command that args name and returns its exit code.
func execute(ctx context.Context, args []string, s streams) int {
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(s.in)
	root.SetOut(s.out)
	root.SetErr(s.err)
	return exitCode(s.err, root.ExecuteContext(ctx))
}

func newRoot() *cobra.Command {
	root := &cobra.Command{
		Use:   "v6probe",
		Short: "tells why IPv6 does or does not work in a CloudStack zone",
		Long: `v6probe tells why IPv6 does or does not work in the data plane of an Apache
CloudStack zone. It captures Router Advertisements, live or from a file, decodes
them to the last option, and judges them: what is wrong, by which rule, and how
to put it right.`,
		Example: `  v6probe ra --iface eth0         on a Virtual Router or a guest
  v6probe ra -r capture.pcapng    the same for a capture
  v6probe rules ra.absent         a rule explained, with its fix`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return hinted("see: "+c.CommandPath()+" --help", "%w", err)
	})
	root.CompletionOptions.HiddenDefaultCmd = false
	root.AddCommand(newRA(), newRules(), newVersion(), &cobra.Command{
		Use:   "exit-codes",
		Short: "what the exit codes mean",
		Long:  exitCodesHelp,
	})
	for _, c := range root.Commands() {
		withUsageHint(c)
	}
	return root
}

// withUsageHint makes complaints about a command's arguments end with where its help is.
func withUsageHint(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return hinted("see: "+c.CommandPath()+" --help", "%w", err)
		}
		return nil
	}
}
