package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/lab/keeper"
)

func newLabExec() *cobra.Command {
	c := &cobra.Command{
		Use:   "exec NODE [-- COMMAND …]",
		Short: "run a command in a node of the zone, or a shell",
		Long: `exec runs a command in a node of the zone that is up, with this terminal, and
ends with its exit code. The word v6probe is this very binary, and {files} the
directory that has the zone's radvd.conf and networks.json. Without a command it
is a shell. In the node the command is root, whoever runs this; files are those
of this machine. Ctrl-C reaches the command; there is no job control.`,
		Example: `  v6probe lab exec guest1 -- v6probe slaac -i eth0
  v6probe lab exec vr nft list ruleset
  v6probe lab exec kvm1                 a shell`,
		ValidArgsFunction: completeExec,
		RunE: func(c *cobra.Command, args []string) error {
			if err := outsideZone(); err != nil {
				return err
			}
			if len(args) == 0 {
				return errNoNode()
			}
			rest := args[1:]
			if len(rest) > 0 && rest[0] == "--" {
				rest = rest[1:]
			}
			return labExec(c, args[0], rest)
		},
	}
	c.Flags().SetInterspersed(false) // what comes after the node is the command's
	return c
}

// completeExec completes the node, then v6probe, and of that the command.
func completeExec(c *cobra.Command, args []string, _ string) ([]cobra.Completion, cobra.ShellCompDirective) {
	if len(args) == 0 {
		state, err := keeper.State()
		if err != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		return state.Nodes, cobra.ShellCompDirectiveNoFileComp
	}
	command := args[1:]
	dashes := len(command) > 0 && command[0] == "--"
	if dashes {
		command = command[1:]
	}
	switch {
	case len(command) == 0 && dashes:
		return []cobra.Completion{"v6probe"}, cobra.ShellCompDirectiveDefault
	case len(command) == 0:
		return []cobra.Completion{"--", "v6probe"}, cobra.ShellCompDirectiveDefault
	case len(command) == 1 && command[0] == "v6probe":
		var names []cobra.Completion
		for _, sub := range c.Root().Commands() {
			if sub.IsAvailableCommand() {
				names = append(names, cobra.CompletionWithDesc(sub.Name(), sub.Short))
			}
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
	return nil, cobra.ShellCompDirectiveDefault
}

func labExec(c *cobra.Command, node string, command []string) error {
	path := keeper.WithAdminPrograms(os.Getenv("PATH"))
	if len(command) == 0 {
		shell := os.Getenv("SHELL")
		if shell == "" {
			shell = "/bin/sh"
		}
		command = []string{shell}
		fmt.Fprintf(c.ErrOrStderr(), "v6probe: a shell on %s; exit leaves it\n", oneLine(node))
	}
	command, err := withFiles(command)
	if err != nil {
		return labError(err)
	}
	binary, err := findProgram(command[0], path)
	if err != nil {
		if sub, _, e := c.Root().Find(command[:1]); e == nil && sub != c.Root() {
			return hinted("did you mean: v6probe lab exec "+node+" -- v6probe "+sub.Name(), "there is no program %q", command[0])
		}
		return err
	}
	dir, err := os.Getwd()
	if err != nil {
		dir = "/"
	}
	code, err := keeper.Exec(keeper.Command{
		Node: node, Path: binary, Args: command, Dir: dir, Env: withVariable(os.Environ(), "PATH", path),
		Files: [3]*os.File{os.Stdin, os.Stdout, os.Stderr},
	})
	switch {
	case err != nil:
		return labError(err)
	case code != 0:
		return codeError(code)
	}
	return nil
}

// withFiles fills in {files} where a command has it.
func withFiles(command []string) ([]string, error) {
	const name = "{files}"
	if !slices.ContainsFunc(command, func(word string) bool { return strings.Contains(word, name) }) {
		return command, nil
	}
	state, err := keeper.State()
	if err != nil {
		return nil, err
	}
	command = slices.Clone(command)
	for i := range command {
		command[i] = strings.ReplaceAll(command[i], name, state.Files)
	}
	return command, nil
}

// findProgram returns the absolute path of a program; v6probe is this binary.
func findProgram(name, path string) (string, error) {
	if name == "v6probe" {
		return os.Executable()
	}
	if strings.Contains(name, "/") {
		return filepath.Abs(name)
	}
	for _, dir := range filepath.SplitList(path) {
		if dir == "" {
			continue
		}
		file := filepath.Join(dir, name)
		if found, err := exec.LookPath(file); err == nil {
			return filepath.Abs(found)
		}
	}
	return "", hinted("it is run in the node, with this machine's programs", "there is no program %q", name)
}

// withVariable returns an environment in which a variable has that value.
func withVariable(env []string, name, value string) []string {
	var changed []string
	for _, e := range env {
		if !strings.HasPrefix(e, name+"=") {
			changed = append(changed, e)
		}
	}
	return append(changed, name+"="+value)
}
