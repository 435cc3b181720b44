package main

import (
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// dropSource counts what the kernel drops. drops.Counter is one.
type dropSource interface {
	Read() (drops.Snapshot, error)
	Notes() []string // what it cannot tell here, a line each
	Close() error
}

// openDropSource begins to count the ICMPv6 that the kernel drops.
type openDropSource func(drops.Options) (dropSource, error)

// machine is where drops are counted, and what is known of it.
type machine struct {
	open     openDropSource
	links    func() ([]host.Link, error)
	notDrops func(names []string) ([]host.Statement, error)
	now      func() time.Time

	namespaces func() namespaces
}

func thisMachine() machine {
	return machine{openDrops, host.Links, host.NotDrops, time.Now, func() namespaces { return drops.OpenNamespaces() }}
}

// dropsFlags are the flags of drops. Of sourceFlags it has those that are not about captures.
type dropsFlags struct {
	sourceFlags
	netns    string
	interval time.Duration
	types    []string
	btf      string
	counters bool

	host machine
}

const (
	allNamespaces = "all"
	leastInterval = 100 * time.Millisecond
)

func newDrops() *cobra.Command { return dropsCommand(thisMachine()) }

func dropsCommand(m machine) *cobra.Command {
	f := &dropsFlags{host: m}
	c := &cobra.Command{
		Use:   "drops [-i IFACE] [--netns NAME]",
		Short: "which ICMPv6 this kernel drops, where, and whether it hurts",
		Long: `drops counts the ICMPv6 that this host's kernel drops and tells where (which
hook of the firewall, bridge or IPv6), how many, and which of it somebody
misses. What a healthy network drops is counted apart. It sends nothing and
changes nothing.

It needs Linux 5.2 or newer and the capabilities cap_bpf, cap_perfmon and
cap_syslog. Where eBPF cannot be had, it reads the kernel's own counters, which
tell less; --counters asks for that. It needs no capabilities, but without root
it reads no firewall.`,
		Example: `  v6probe drops                      for 20 seconds, in this network namespace
  v6probe drops -i cloudbr1          a bridge, its ports, and what is below them
  v6probe drops --netns all          in all network namespaces
  v6probe drops --for 0 --type ra    Router Advertisements, until interrupted
  v6probe drops --for 1m --json      NDJSON, one object a line
  v6probe drops --counters           what the kernel counts by itself`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return f.dispatch(c) },
	}
	f.addDrops(c)
	return c
}

func (f *dropsFlags) addDrops(c *cobra.Command) {
	fs := c.Flags()
	fs.StringVarP(&f.iface, "iface", "i", "", "only what concerns interface `IFACE`; of a bridge also its ports")
	fs.StringVar(&f.netns, "netns", "", "in the network namespace `NAME`, pid:N or an inode number; all is every one")
	fs.DurationVar(&f.timeout, "for", 20*time.Second, "how long to count; 0 is until interrupted")
	fs.DurationVar(&f.interval, "interval", time.Second, "how often to read what was counted")
	fs.StringSliceVar(&f.types, "type", nil, "count only `TYPE`: ra, rs, ns, na, ptb, … or a number; with commas for more")
	fs.StringVar(&f.btf, "btf", "", "the BTF of this very kernel is in `FILE`, where the kernel has none itself")
	fs.BoolVar(&f.counters, "counters", false, "read the kernel's own counters instead, without eBPF")
	fs.BoolVar(&f.json, "json", false, "write NDJSON, one object a line")
	fs.BoolVarP(&f.verbose, "verbose", "v", false, "list every place at the end, with its stack")
	fs.BoolVarP(&f.quiet, "quiet", "q", false, "only findings and the verdict; no hints, no progress")
	fs.StringVar(&f.failOn, "fail-on", "error", "exit with 1 from `SEVERITY` on: error, warning or never")
	addColorFlag(c, &f.color)
	fs.DurationVar(&f.timeout, "timeout", f.timeout, "the same as --for, as other commands call it")
	fs.MarkHidden("timeout")
	c.SetFlagErrorFunc(durationHint)
	c.MarkFlagFilename("btf")
	complete(c, "iface", func() []string { return f.host.interfacesIn(f.netns) })
	complete(c, "netns", func() []string { return append(f.host.namespaces().Names(), allNamespaces) })
	complete(c, "fail-on", func() []string { return []string{"error", "warning", "never"} })
	completeTypes(c)
}

// durationHint is the complaint about a flag of c, with examples where that takes a time.
func durationHint(c *cobra.Command, err error) error {
	if strings.Contains(err.Error(), `"--for"`) || strings.Contains(err.Error(), `"--interval"`) {
		return hinted("for example --for 1m, or 0 for until interrupted; --interval 500ms", "%w", err)
	}
	return c.Parent().FlagErrorFunc()(c, err)
}

// check says what is wrong with the flags together.
func (f *dropsFlags) check(c *cobra.Command) error {
	given := c.Flags().Changed
	switch {
	case f.timeout < 0:
		return hinted("for example --for 1m; 0 is until interrupted", "--for: %v is less than nothing", f.timeout)
	case f.interval < leastInterval:
		return hinted("for example --interval 1s", "--interval: %v is less than %v", f.interval, leastInterval)
	case given("netns") && f.netns == "":
		return hinted("a name that `ip netns` lists, or all", "--netns: the name is empty")
	case given("type") && len(f.types) == 0:
		return hinted("for example --type ra,rs", "--type: the list is empty")
	case given("btf") && f.btf == "":
		return hinted("name a file", "--btf: the name is empty")
	}
	return f.sourceFlags.check(c)
}

// dispatch does what the flags ask for.
func (f *dropsFlags) dispatch(c *cobra.Command) error {
	if err := f.check(c); err != nil {
		return err
	}
	r := &dropsRun{dropsFlags: f}
	var err error
	if r.failOn, r.never, err = f.fail(); err != nil {
		return err
	}
	types, err := icmpTypes(f.types)
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
	if err != nil {
		return err
	}
	r.output = output{text: report.NewText(out, style), json: report.NewJSON(out), progress: f.dropsProgress(out, c.ErrOrStderr())}
	if f.counters {
		if err := unused(c, "--counters", "netns", "type", "btf", "interval"); err != nil {
			return err
		}
		return r.runCounters(c, "")
	}
	if r.scope, err = newDropScope(f.host, f.iface, f.netns); err != nil {
		return err
	}
	var none *drops.Unavailable
	// To load the program takes a while, in which nothing else would be seen.
	drawn := f.draws(out, c.ErrOrStderr())
	if drawn {
		r.progress.Begin("starting", 0)
	}
	r.source, err = f.host.open(drops.Options{Types: types, BTF: f.btf, NetNS: r.scope.stacks()})
	if drawn {
		r.progress.End()
	}
	switch {
	case errors.As(err, &none) && f.netns == "" && f.btf == "":
		r.progress.Note(fallbackNote(none.Why))
		return r.runCounters(c, none.Why)
	case err != nil:
		return err
	}
	return r.run(c)
}

// fallbackNote announces that the kernel's own counters are read, although that was not asked for.
func fallbackNote(why string) string {
	return "eBPF cannot be had here (" + why + "): reading the kernel's own counters instead; they cannot see who sent what was " +
		"dropped, and much of what a firewall drops they do not count"
}

// dropsRun is one run of drops.
type dropsRun struct {
	*dropsFlags
	output
	failOn rule.Severity
	never  bool
	scope  *dropScope
	source dropSource

	begun     time.Time
	now       drops.Snapshot // of what was asked for, as last read
	elsewhere []drops.Drop   // the rest
}
