package main

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/expect"
	"v6probe/internal/report"
	"v6probe/internal/vr"
)

type vrFlags struct {
	sourceFlags
	expect expectFlags
	typ    string
	backup bool
	radvd  string
}

func newVR() *cobra.Command {
	var f vrFlags
	c := &cobra.Command{
		Use:   "vr [-i IFACE[,IFACE…]]",
		Short: "on a virtual router: does it advertise, forward and let ICMPv6 through",
		Long: `vr looks at a virtual router of CloudStack's, or at any Linux machine that
advertises to guests: its settings, addresses and default route, radvd and its
configuration, and what the packet filter does with the ICMPv6 that must pass.
It listens on the guests' interfaces for as long as radvd may be silent (16 s
with CloudStack's settings): what is sent there is compared with radvd's
configuration, and who else advertises is told. It names what is broken, what is
to be mended first, and the command that mends it.

The guests' interfaces are those that CloudStack's files on the router name, or
else those in radvd's configuration and those with a prefix that are not the way
out. It sends nothing and changes nothing. It needs root, to listen and to read
the packet filter; without, it says what it could not look at.`,
		Example: `  v6probe vr                      on the virtual router
  v6probe vr -i eth2,eth3 -v      two tiers of a VPC, with the evidence
  v6probe vr --expect net.json    also with what CloudStack's API says
  v6probe vr --type dhcpsrvr      of a shared network: it must be silent
  v6probe vr --json --fail-on warning`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runVR(c, &f) },
	}
	f.addRole(c, "the guests' interface `IFACE`; several with commas between them")
	f.expect.add(c)
	fs := c.Flags()
	fs.StringVar(&f.typ, "type", "", "what it is, `TYPE`: router (of an isolated network), vpcrouter, or dhcpsrvr (of\n"+
		"a shared network); else CloudStack's files say")
	fs.BoolVar(&f.backup, "backup", false, "it is the backup of a redundant pair; else told by its public interface")
	fs.StringVar(&f.radvd, "radvd-conf", "", "radvd's configuration is `FILE`; else the one that it runs with, or /etc/radvd.conf")
	c.MarkFlagFilename("radvd-conf", "conf")
	complete(c, "type", func() []string { return []string{vr.Isolated, vr.VPC, vr.Shared} })
	return c
}

func runVR(c *cobra.Command, f *vrFlags) error {
	named, err := f.options(c)
	if err != nil {
		return err
	}
	want, err := f.expect.state(c)
	if err != nil {
		return err
	}
	o := vr.Options{Type: f.typ, Radvd: f.radvd}
	if c.Flags().Changed("backup") {
		o.Backup = &f.backup
	}
	facts, err := vr.Read(o)
	if err != nil {
		return err
	}
	if err := facts.Choose(named, want); err != nil {
		return hinted("say which with -i; interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "%w", err)
	}
	in := vr.Input{Facts: *facts, Expect: want}
	h := newListener(facts, want)
	if len(facts.Guests) > 0 {
		progress := f.progressOn(c.OutOrStdout(), c.ErrOrStderr())
		long := f.howLong(facts)
		progress.Begin("listening on "+strings.Join(facts.Guests, ", "), long)
		err = h.listen(c.Context(), long)
		progress.End()
		if err != nil {
			in.Deaf = strings.TrimPrefix(oneLine(err.Error()), capture.AnyInterface+": ")
		}
	}
	in.Heard, in.Listened, in.Wire = h.heard(), h.listened, h.found
	if after, err := vr.ReadBacklog(); err == nil {
		in.Backlog.After = after
	}
	l := vr.Judge(in)
	what := ""
	if h.listened > 0 {
		what = "listened for " + report.Duration(h.listened)
	}
	return f.tellList(c, &l, report.Summary{Stats: h.result.Stats, Messages: h.result.Messages, Cut: h.result.Cut}, what)
}

// options checks the flags and returns the interfaces that -i names.
func (f *vrFlags) options(c *cobra.Command) (named []string, err error) {
	if err := f.check(c); err != nil {
		return nil, err
	}
	if _, _, err := f.fail(); err != nil {
		return nil, err
	}
	if _, err := textStyle(f.color, c.OutOrStdout()); err != nil {
		return nil, err
	}
	types := []string{vr.Isolated, vr.VPC, vr.Shared}
	if c.Flags().Changed("type") && !slices.Contains(types, f.typ) {
		return nil, hinted("one of: "+strings.Join(types, ", "), "--type: no such type: %q", f.typ)
	}
	if c.Flags().Changed("radvd-conf") {
		if _, err := readExpectation(c, f.radvd); err != nil {
			return nil, withHint("name radvd's configuration, mostly /etc/radvd.conf", err)
		}
	}
	if f.iface == "" {
		return nil, nil
	}
	all := capture.InterfaceNames()
	for _, name := range strings.Split(f.iface, ",") {
		if !slices.Contains(all, name) {
			return nil, hinted("interfaces here: "+strings.Join(all, ", "), "-i: no such interface: %q", name)
		}
		if !slices.Contains(named, name) {
			named = append(named, name)
		}
	}
	return named, nil
}

// howLong returns for how long to listen: an interval of radvd's and a bit, for others that advertise as rarely. 0 is without
// end.
func (f *vrFlags) howLong(facts *vr.Facts) time.Duration {
	const late = time.Second
	if f.timeout == 0 {
		return 0
	}
	return min(f.timeout, facts.Interval()+late)
}

// radvdExpected adds to what the user expects what radvd's configuration says of the guests' interfaces.
func radvdExpected(f *vr.Facts, want *expect.State) *expect.State {
	all := &expect.State{Links: slices.Clone(want.Links), Flaws: slices.Clone(want.Flaws), Rules: want.Rules}
	r := &f.Radvd
	given := slices.ContainsFunc(want.Links, func(l *expect.Link) bool { return l.Place.File == r.File })
	if r.State == nil || !r.Running || given || f.Role.Type == vr.Shared || f.Role.Backup {
		return all
	}
	for _, l := range r.State.Links {
		if !slices.Contains(f.Guests, l.Iface) || l.Says == nil {
			continue
		}
		all.Links = append(all.Links, l)
		for _, flaw := range r.State.Flaws {
			if flaw.Link == l.Name {
				all.Flaws = append(all.Flaws, flaw)
			}
		}
	}
	return all
}

// listen hears the guests' interfaces for so long, 0 for until the context ends.
func (h *listener) listen(ctx context.Context, long time.Duration) error {
	source, err := openLive(capture.AnyInterface, capture.LiveOptions{})
	if err != nil {
		return err
	}
	defer source.Close()
	if long > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, long)
		defer cancel()
	}
	begin := time.Now()
	h.result, err = overhear(ctx, &fewLinks{source, h.names}, h, nil)
	h.listened = time.Since(begin)
	for _, f := range h.result.Tally.Found() {
		h.found = append(h.found, f.Finding)
	}
	return err
}

// masked returns a prefix without the bits of a host.
func masked(a netip.Addr, bits uint8) netip.Prefix { return netip.PrefixFrom(a, int(bits)).Masked() }
