package main

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"v6probe/internal/lab/keeper"
)

func newLabUp() *cobra.Command {
	var o keeper.Options
	var underlay string
	c := &cobra.Command{
		Use:   "up",
		Short: "build the zone; it stays until v6probe lab down",
		Long: `up builds the zone and returns when it works. The zone stays, in the background,
until v6probe lab down. Each user has one.`,
		Example: `  v6probe lab up
  v6probe lab up --underlay ipv6       VXLAN over IPv6 between the KVM hosts
  v6probe lab up --fault NAME          with a fault in it from the beginning`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := outsideZone(); err != nil {
				return err
			}
			switch underlay {
			case "ipv4":
			case "ipv6":
				o.Underlay6 = true
			default:
				return hinted("one of: ipv4, ipv6", "--underlay: no such choice: %q", underlay)
			}
			return labUp(c, o)
		},
	}
	c.Flags().StringVar(&underlay, "underlay", "ipv4", "what VXLAN goes over, `PROTOCOL`: ipv4 or ipv6")
	c.Flags().StringSliceVar(&o.Faults, "fault", nil, "switch the fault `NAME` on from the beginning; with commas for more")
	complete(c, "underlay", func() []string { return []string{"ipv4", "ipv6"} })
	c.RegisterFlagCompletionFunc("fault", completeScenarios(true))
	return c
}

func labUp(c *cobra.Command, o keeper.Options) error {
	for _, name := range o.Faults {
		s, err := findScenario(name)
		if err == nil {
			err = labNeeds(s)
		}
		if err != nil {
			return err
		}
	}
	program, err := ourselves("lab", keeperCommand)
	if err != nil {
		return err
	}
	tell := c.ErrOrStderr()
	err = keeper.Up(c.Context(), program, o, func(text string) { fmt.Fprintln(tell, "v6probe: "+oneLine(text)) })
	if err != nil {
		return labError(err)
	}
	state, err := keeper.State()
	if err != nil {
		return labError(err)
	}
	return writeZone(c.OutOrStdout(), state, o)
}

// keeperCommand is the word of the command that keeper.Up starts.
const keeperCommand = "keeper"

func newLabKeeper() *cobra.Command {
	return &cobra.Command{
		Use:    keeperCommand,
		Hidden: true,
		Args:   cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return keeper.Keep(c.Context(), args[0])
		},
	}
}

// zoneDrawing shows the zone; its %s is the underlay of VXLAN.
const zoneDrawing = `
     server       2001:db8:80::80, which is also the DNS server
        │
    upstream      2001:db8:1::1
        │ eth2    2001:db8:1::2
       vr         radvd, nftables
        │ eth0    fd17:625c:f037:2::1, advertises fd17:625c:f037:2::/64
        │
        │ vnet9
   ┌────┴─────┐          VXLAN 100 over %s          ┌──────────┐
   │ brvx-100 ├═══════════════════════════════════════┤ brvx-100 │
   └────┬─────┘                                       └──┬────┬──┘
  kvm1  │ vnet1                             kvm2   vnet2 │    │ vnet3
        │                                              ┌─┘    └──┐
     guest1                                         guest2    guest3

  guest1, 2, 3 on eth0: fd17:625c:f037:2:1:ff:fecb:1, :2, :3

`

// writeZone draws the zone and says what to try.
func writeZone(w io.Writer, state keeper.Status, o keeper.Options) error {
	underlay := "IPv4"
	if o.Underlay6 {
		underlay = "IPv6"
	}
	b := &strings.Builder{}
	fmt.Fprintf(b, zoneDrawing, underlay)
	for _, name := range state.Faults {
		fmt.Fprintf(b, "  on from the beginning: %s\n\n", name)
	}
	b.WriteString(`Try:
  v6probe lab exec guest1 -- v6probe slaac -i eth0   what a guest sees
  v6probe lab exec vr -- v6probe vr                  the virtual router
  v6probe lab exec kvm1 -- v6probe kvm               a KVM host
  v6probe lab exec guest1                            a shell there
  v6probe lab list                                   faults to switch on
  v6probe lab down                                   ends it
`)
	_, err := io.WriteString(w, b.String())
	return err
}

// errNoNode is the complaint about a missing node.
func errNoNode() error {
	hint := "nodes: guest1, guest2, guest3, vr, kvm1, kvm2, upstream, server"
	if state, err := keeper.State(); err == nil {
		hint = "nodes: " + strings.Join(state.Nodes, ", ")
	} else if errors.Is(err, keeper.ErrNone) {
		hint = labHint
	}
	return hinted(hint, "say on which node: v6probe lab exec NODE [-- COMMAND …]")
}
