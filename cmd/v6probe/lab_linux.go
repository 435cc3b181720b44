package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/lab/keeper"
	"v6probe/internal/like"
)

const labHint = "build it with: v6probe lab up"

func newLab() *cobra.Command {
	c := &cobra.Command{
		Use:   "lab up|list|fault|exec|run|status|down",
		Short: "a practice zone in network namespaces, faults included",
		Long: `lab builds a CloudStack zone on this machine, in network namespaces: three
guests, a virtual router with radvd and its nftables, two KVM hosts joined by
VXLAN with bridges and security groups, and a world beyond. Every fault that
slaac, vr and kvm know can be switched on in it.

It changes nothing outside the namespaces. It needs Linux, and root where the
kernel lets users make no user namespaces.`,
		Example: `  v6probe lab up                       builds the zone; it stays until lab down
  v6probe lab exec guest1 -- v6probe slaac -i eth0
  v6probe lab list                     the faults; lab list NAME explains one
  v6probe lab fault no-prefix          switches it on; --off switches it off
  v6probe lab exec vr                  a shell on the virtual router
  v6probe lab run no-prefix            a zone of its own, the fault, the finding
  v6probe lab down`,
		Args: unknownCommand,
		RunE: func(c *cobra.Command, _ []string) error { return c.Help() },
	}
	c.SuggestionsMinimumDistance = 2
	c.AddCommand(newLabUp(), newLabList(), newLabFault(), newLabExec(), newLabRun(), newLabStatus(), newLabDown(),
		newLabKeeper(), newLabInside())
	for _, sub := range c.Commands() {
		withUsageHint(sub)
	}
	return c
}

// labError adds to an error of the zone's keeper what to do about it.
func labError(err error) error {
	switch {
	case errors.Is(err, keeper.ErrNone):
		hint := labHint
		if os.Geteuid() != 0 && keeper.RootHas() {
			hint = "root may have one: try it with sudo; or build one of your own: v6probe lab up"
		}
		return withHint(hint, err)
	case errors.Is(err, keeper.ErrUp):
		return withHint("see: v6probe lab status; end it with: v6probe lab down", err)
	}
	return err
}

// outsideZone is the complaint of commands about the zone that are run in a node of it, from where it cannot be reached.
func outsideZone() error {
	if node := os.Getenv(keeper.NodeVariable); node != "" {
		return hinted("leave it with: exit", "this is inside the zone, on %s, from where it cannot be reached", node)
	}
	return nil
}

// ourselves is this very binary, to be started with arguments.
func ourselves(args ...string) (*exec.Cmd, error) {
	self, err := os.Executable()
	if err != nil {
		return nil, err
	}
	return &exec.Cmd{Path: self, Args: append([]string{"v6probe"}, args...)}, nil
}

// findScenario returns a scenario by its name.
func findScenario(name string) (*cloud.Scenario, error) {
	all, err := cloud.Scenarios()
	if err != nil {
		return nil, err
	}
	if i := slices.IndexFunc(all, func(s *cloud.Scenario) bool { return s.Name == name }); i >= 0 {
		return all[i], nil
	}
	hint := "list them: v6probe lab list"
	names := []string{healthyZone} // of lab run
	for _, s := range all {
		names = append(names, s.Name)
	}
	if near := like.Nearest(name, names); near != "" {
		hint = "did you mean: " + near
	}
	return nil, hinted(hint, "no fault is called %q", name)
}

// completeScenarios has the shell complete names of scenarios, one or several: with --off those that are on.
func completeScenarios(several bool) cobra.CompletionFunc {
	return func(c *cobra.Command, args []string, word string) (names []cobra.Completion, _ cobra.ShellCompDirective) {
		all, err := cloud.Scenarios()
		if err != nil || !several && len(args) > 0 {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		on := []string(nil)
		off, _ := c.Flags().GetBool("off")
		if off {
			state, err := keeper.State()
			if err != nil {
				return nil, cobra.ShellCompDirectiveNoFileComp
			}
			on = state.Faults
		}
		if c.Name() == "run" {
			names = append(names, cobra.CompletionWithDesc(healthyZone, "the zone without a fault"))
		}
		for _, s := range all {
			if off && !slices.Contains(on, s.Name) || slices.Contains(args, s.Name) {
				continue
			}
			name := s.Name
			if several { // those before the last comma stay
				name = word[:strings.LastIndexByte(word, ',')+1] + name
			}
			names = append(names, cobra.CompletionWithDesc(name, s.About))
		}
		return names, cobra.ShellCompDirectiveNoFileComp
	}
}

func newLabStatus() *cobra.Command {
	var json bool
	c := &cobra.Command{
		Use:   "status",
		Short: "whether the zone is up, and which faults are on",
		Long: `status tells whether the zone is up (exit code 0) or not (1), since when, and
which faults are on in it.`,
		Example: `  v6probe lab status
  v6probe lab status --json`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := outsideZone(); err != nil {
				return err
			}
			state, err := keeper.State()
			if err != nil && !errors.Is(err, keeper.ErrNone) {
				return labError(err)
			}
			up := err == nil
			if json {
				err = writeStatusJSON(c.OutOrStdout(), up, state)
			} else {
				err = writeStatus(c.OutOrStdout(), up, state)
			}
			if err == nil && !up {
				return codeError(exitFindings)
			}
			return err
		},
	}
	c.Flags().BoolVar(&json, "json", false, "write NDJSON, one object a line")
	return c
}

func newLabDown() *cobra.Command {
	return &cobra.Command{
		Use:               "down",
		Short:             "end the zone, with all that runs in it",
		Long:              `down ends the zone that is up, and all that runs in it. Nothing of it stays.`,
		Example:           `  v6probe lab down`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := outsideZone(); err != nil {
				return err
			}
			err := keeper.Down()
			if errors.Is(err, keeper.ErrNone) {
				_, err = fmt.Fprintln(c.OutOrStdout(), "No zone is up: there is nothing to end.")
				return err
			}
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.OutOrStdout(), "The zone is gone.")
			return err
		},
	}
}

func newLabFault() *cobra.Command {
	var off bool
	c := &cobra.Command{
		Use:   "fault [NAME] [--off]",
		Short: "switch a fault on in the zone, or off; or tell which are on",
		Long: `fault switches a fault on in the zone that is up, or with --off switches it off
again. Without a name it tells which are on.`,
		Example: `  v6probe lab fault no-prefix
  v6probe lab fault no-prefix --off
  v6probe lab fault`,
		Args:              atMostOneName,
		ValidArgsFunction: completeScenarios(false),
		RunE: func(c *cobra.Command, args []string) error {
			if err := outsideZone(); err != nil {
				return err
			}
			if len(args) == 0 {
				return faultsOn(c, off)
			}
			return labError(switchFault(c, args[0], !off))
		},
	}
	c.Flags().BoolVar(&off, "off", false, "switch it off")
	return c
}

// atMostOneName is the complaint about arguments after the name of a fault.
func atMostOneName(c *cobra.Command, args []string) error {
	if len(args) > 1 {
		return hinted("for example "+c.CommandPath()+" no-prefix", "%s takes one name, not %d", c.CommandPath(), len(args))
	}
	return nil
}

func faultsOn(c *cobra.Command, off bool) error {
	if off {
		return hinted("for example v6probe lab fault no-prefix --off", "--off: which fault is to be switched off")
	}
	state, err := keeper.State()
	if err != nil {
		return labError(err)
	}
	return writeFaults(c.OutOrStdout(), state)
}

func switchFault(c *cobra.Command, name string, on bool) error {
	s, err := findScenario(name)
	if err != nil {
		return err
	}
	if on {
		if err := labNeeds(s); err != nil {
			return err
		}
	}
	instead := "v6probe lab down, then v6probe lab up --fault " + name + "; or v6probe lab run " + name
	if on && s.Early {
		return hinted(instead, "%s must be on before the zone is built", name)
	}
	err = keeper.Fault(name, on)
	var failed *keeper.Error
	if on && s.Zone.SecurityGroups != nil && errors.As(err, &failed) && failed.Advice == "" {
		return &keeper.Error{Text: failed.Text, Advice: instead} // the zone may be one that the fault cannot be in
	}
	if err != nil {
		return err
	}
	return writeSwitched(c.OutOrStdout(), s, on)
}

// labNeeds is the complaint about programs that a scenario needs and this machine lacks.
func labNeeds(s *cloud.Scenario) error {
	if missing := s.Missing(); len(missing) > 0 {
		return hinted("install it: on Debian and Ubuntu apt-get install "+strings.Join(missing, " "),
			"%s needs %s, which this machine lacks", s.Name, strings.Join(missing, ", "))
	}
	return nil
}
