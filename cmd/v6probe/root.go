package main

import (
	"context"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
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
CloudStack zone. It captures Router Advertisements, neighbor discovery and
ICMPv6 errors, live or from a file, decodes them to the last option, and judges
them: what is wrong, by which rule, and how to put it right.`,
		Example: `  v6probe ra --iface eth0         on a Virtual Router or a guest
  v6probe ra -r capture.pcapng    the same for a capture
  v6probe nd -i eth0              who is here, who asks in vain, which errors
  v6probe nd fe80::1 -i eth0      is that neighbor there
  v6probe pmtu 2001:db8::1        the path MTU to there, and where it narrows
  v6probe drops                   which ICMPv6 this kernel drops, and where
  v6probe rules ra.absent         a rule explained, with its fix`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Version:       version(),
		Args:          unknownCommand,
		RunE:          func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	root.SuggestionsMinimumDistance = 2
	root.SetVersionTemplate("v6probe {{.Version}}\n")
	root.SetUsageTemplate(strings.ReplaceAll(root.UsageTemplate(), ".FlagUsages", ".FlagUsagesWrapped 80"))
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		hint := "see: " + c.CommandPath() + " --help"
		if strings.Contains(err.Error(), "--timeout") {
			hint = "for example --timeout 5s, or 0 for until interrupted"
		}
		return hinted(hint, "%w", err)
	})
	root.AddCommand(newRA(), newND(), newPMTU(), newSLAAC(), newVR(), newKVM(), newDrops(), newCheck(), newExpect(), newRules(), newLab(), newVersion(), &cobra.Command{
		Use:   "exit-codes",
		Short: "what the exit codes mean",
		Long:  exitCodesHelp,
	})
	root.SetHelpCommand(newHelp(root))
	for _, c := range root.Commands() {
		withUsageHint(c)
	}
	return root
}

// unknownCommand is the complaint about a first word that names no command.
func unknownCommand(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see: " + c.CommandPath() + " --help"
	if like := c.SuggestionsFor(args[0]); len(like) > 0 {
		hint = "did you mean: " + c.CommandPath() + " " + like[0]
	}
	return hinted(hint, "there is no command %q", args[0])
}

func newHelp(root *cobra.Command) *cobra.Command {
	return &cobra.Command{
		Use:   "help [COMMAND | TOPIC]",
		Short: "help about a command, or about exit-codes",
		ValidArgsFunction: func(_ *cobra.Command, args []string, _ string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
			for _, c := range root.Commands() {
				if len(args) == 0 && (c.IsAvailableCommand() || c.IsAdditionalHelpTopicCommand()) {
					names = append(names, cobra.CompletionWithDesc(c.Name(), c.Short))
				}
			}
			return names, cobra.ShellCompDirectiveNoFileComp
		},
		RunE: func(_ *cobra.Command, args []string) error {
			c, rest, err := root.Find(args)
			if err != nil {
				return err
			}
			if len(rest) > 0 || c == root && len(args) > 0 {
				return unknownCommand(root, args)
			}
			return c.Help()
		},
	}
}

// noArguments is the complaint about what follows a command that takes flags only.
func noArguments(c *cobra.Command, args []string) error {
	if len(args) == 0 {
		return nil
	}
	hint := "see: " + c.CommandPath() + " --help"
	if _, err := os.Stat(args[0]); err == nil {
		hint = "did you mean: " + c.CommandPath() + " -r " + args[0]
	} else if slices.Contains(capture.InterfaceNames(), args[0]) {
		hint = "did you mean: " + c.CommandPath() + " -i " + args[0]
	}
	return hinted(hint, "%s takes no arguments, only flags: %q", c.CommandPath(), args[0])
}

// withUsageHint makes complaints about a command's arguments end with where its help is.
func withUsageHint(c *cobra.Command) {
	check := c.Args
	if check == nil {
		return
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return withHint("see: "+c.CommandPath()+" --help", err)
		}
		return nil
	}
}
