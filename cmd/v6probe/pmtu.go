package main

import (
	"fmt"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/encap"
	"v6probe/internal/pmtu"
)

// pmtuFlags are the flags of pmtu. Zero stands for a size that was not given.
type pmtuFlags struct {
	sourceFlags
	from     string
	max      int
	expect   int
	rate     int
	flows    int
	probe    string
	port     int
	encap    []string
	underlay int
	guest    int
	plan     bool
}

// The sizes that flags take, in bytes of IPv6 or, of an underlay, of IP.
const (
	maxMTU      = 40 + 65535 // the longest packet that is no jumbogram
	leastIPv4   = 68         // RFC 791 §3.2
	maxFlows    = 64
	maxRate     = 100000 // packets a second
	probeHint   = "one of: auto, echo, udp, tcp"
	pmtuExample = "for example v6probe pmtu 2001:db8::1"
)

func newPMTU() *cobra.Command {
	f := pmtuFlags{flows: 1}
	f.oneLink = true
	c := &cobra.Command{
		Use:   "pmtu TARGET | pmtu -r FILE | pmtu --plan",
		Short: "path MTU, where it narrows, which tunnel explains it",
		Long: `pmtu finds the path MTU to an address or a name: which size arrives, where the
path narrows, whether the network says so or swallows the packet (a black hole),
how wide the way back is, and which tunnel the number points to. It sends a few
dozen packets and leaves this host's route cache as it was.

With -r it tells what a capture proves about the paths in it. With --plan it
sends nothing and prints which underlay MTU tunnels need.`,
		Example: `  v6probe pmtu 2001:db8::1                    from this host
  v6probe pmtu www.example.org --flows 8      on eight flows: do they differ?
  v6probe pmtu fe80::1%eth0                   a neighbor
  v6probe pmtu 2001:db8::1 --expect-mtu 1450  fail if it is less
  v6probe pmtu 2001:db8::1 --encap vxlan --underlay-mtu 1500
  v6probe pmtu -r capture.pcap                what a capture proves
  v6probe pmtu --plan --encap vxlan --guest-mtu 1500`,
		Args:              f.arguments,
		RunE:              func(c *cobra.Command, args []string) error { return f.dispatch(c, args) },
		ValidArgsFunction: cobra.NoFileCompletions,
	}
	f.add(c)
	fs := c.Flags()
	fs.Lookup("iface").Usage = "the way out: interface `IFACE`, else what the routing table says"
	fs.Lookup("write").Usage = "with -r: write what was looked at to `FILE`, as pcapng"
	fs.Lookup("count").Usage = "with -r: end after `N` messages"
	fs.Lookup("timeout").Usage = "how long it may take in all; 0 is until interrupted"
	fs.Lookup("verbose").Usage = "show every probe and every reply, one a line"
	fs.StringVar(&f.from, "source", "", "send from `ADDRESS`, one of this host's")
	fs.Var(&number{&f.max, pmtu.MinMTU, maxMTU}, "max", "try no more than `N` bytes")
	fs.Var(&number{&f.expect, pmtu.MinMTU, maxMTU}, "expect-mtu", "a path MTU of less than `N` bytes is an error")
	fs.Var(&number{&f.rate, 1, maxRate}, "rate", "send no more than `N` packets a second")
	fs.Var(&number{&f.flows, 1, maxFlows}, "flows", "compare `N` flows, which may go by different paths (ECMP)")
	fs.StringVar(&f.probe, "probe", "auto", "what to send, `KIND`: auto, echo, udp or tcp")
	fs.Var(&number{&f.port, 1, 65535}, "port", "send TCP to port `N` of the target (443)")
	fs.StringArrayVar(&f.encap, "encap", nil, "the tunnel is `KIND`: vxlan, vxlan6, geneve, gre+key, …; repeat for more")
	fs.Var(&number{&f.underlay, leastIPv4, maxMTU}, "underlay-mtu", "what carries the tunnel has an MTU of `N`")
	fs.BoolVar(&f.plan, "plan", false, "print which underlay MTU tunnels need, and send nothing")
	fs.Var(&number{&f.guest, pmtu.MinMTU, maxMTU}, "guest-mtu", "with --plan: guests send packets of up to `N` bytes (1500)")
	complete(c, "probe", func() []string { return []string{"auto", "echo", "udp", "tcp"} })
	complete(c, "encap", encap.Names)
	complete(c, "source", ownAddresses)
	return c
}

// arguments is the complaint about what follows pmtu.
func (f *pmtuFlags) arguments(c *cobra.Command, args []string) error {
	switch {
	case len(args) > 1:
		return hinted(pmtuExample, "pmtu takes one target, not %d", len(args))
	case f.plan && len(args) > 0:
		return hinted("leave one of them out", "--plan sends nothing: it cannot be had with a target")
	case f.plan && f.read != "":
		return hinted("leave one of them out", "--plan reads nothing: it cannot be had with -r")
	case f.read != "" && len(args) > 0:
		return hinted("leave -r out to probe, or the target to read a capture",
			"-r reads a capture: the path to %q cannot be probed in it", args[0])
	case len(args) == 0 && !f.plan && !c.Flags().Changed("read"):
		return hinted(pmtuExample+", or -r FILE for a capture", "pmtu needs a target: an IPv6 address or a name")
	}
	return nil
}

// dispatch does what the flags ask for, after what has no meaning there was refused.
func (f *pmtuFlags) dispatch(c *cobra.Command, args []string) error {
	if err := f.check(c); err != nil {
		return err
	}
	live := []string{"iface", "source", "max", "expect-mtu", "rate", "flows", "probe", "port"}
	switch {
	case f.plan:
		if err := unused(c, "--plan", append(live, "write", "count", "timeout", "verbose", "quiet")...); err != nil {
			return err
		}
		return f.runPlan(c)
	case c.Flags().Changed("read"):
		if err := unused(c, "-r", append(live, "timeout", "encap", "underlay-mtu", "guest-mtu")...); err != nil {
			return err
		}
		return f.runRead(c)
	}
	if err := unused(c, "a target", "write", "count", "guest-mtu"); err != nil {
		return err
	}
	return f.runPath(c, args[0])
}

// unused refuses flags that mean nothing beside what.
func unused(c *cobra.Command, what string, flags ...string) error {
	for _, name := range flags {
		if c.Flags().Changed(name) {
			return hinted("leave it out; see: "+c.CommandPath()+" --help", "--%s means nothing with %s", name, what)
		}
	}
	return nil
}

// encapsulations reads --encap.
func (f *pmtuFlags) encapsulations() ([]encap.Encapsulation, error) {
	var list []encap.Encapsulation
	for _, name := range f.encap {
		e, err := encap.Parse(name)
		if err != nil {
			return nil, fmt.Errorf("--encap: %w", err)
		}
		list = append(list, e)
	}
	return list, nil
}

// kinds reads --probe.
func (f *pmtuFlags) kinds() ([]pmtu.Kind, error) {
	switch f.probe {
	case "auto":
		return []pmtu.Kind{pmtu.Echo, pmtu.UDP, pmtu.TCP, pmtu.Option}, nil
	case "echo":
		return []pmtu.Kind{pmtu.Echo}, nil
	case "udp":
		return []pmtu.Kind{pmtu.UDP}, nil
	case "tcp":
		return []pmtu.Kind{pmtu.TCP}, nil
	}
	return nil, hinted(probeHint, "--probe: no such kind: %q", f.probe)
}

// gap is the least time between two packets that --rate asks for.
func (f *pmtuFlags) gap() time.Duration {
	if f.rate == 0 {
		return 0
	}
	return time.Second / time.Duration(f.rate)
}

// number is the value of a flag that takes a number within bounds.
type number struct {
	value       *int
	least, most int
}

func (n *number) Set(s string) error {
	v, err := strconv.Atoi(s)
	if err != nil || v < n.least || v > n.most {
		return fmt.Errorf("it is a number from %d to %d", n.least, n.most)
	}
	*n.value = v
	return nil
}

func (n *number) Type() string { return "int" }

func (n *number) String() string {
	if n.value == nil || *n.value == 0 {
		return ""
	}
	return strconv.Itoa(*n.value)
}
