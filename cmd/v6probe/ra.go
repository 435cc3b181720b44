package main

import (
	"context"
	"errors"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/check"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

type raFlags struct {
	sourceFlags
	expectFlags
	passive bool
	drops   bool
	host    machine
}

func newRA() *cobra.Command {
	f := raFlags{host: thisMachine()}
	c := &cobra.Command{
		Use:   "ra [-i IFACE | -r FILE]",
		Short: "who advertises what, and what is wrong with it",
		Long: `ra listens for Router Advertisements (or reads them from a capture), shows what
each router says and what a guest makes of it, and judges it. On a host that
does not forward it also asks, with up to three Router Solicitations, and tells
whether it was answered.`,
		Example: `  v6probe ra -i eth0                      listen for up to 20 seconds, and ask
  v6probe ra -i eth0 -c 3                 until three advertisements were heard
  v6probe ra -i vnet3 --passive           on a guest's tap: only listen
  v6probe ra -i eth0 --drops              also count what this kernel drops
  v6probe ra -i eth0 -w fault.pcapng      keep what was seen, to replay with -r
  v6probe ra -r capture.pcap.gz --json    one JSON object a line
  tcpdump -i eth0 -w - ip6 | v6probe ra -r -
  v6probe ra -i eth0 --expect /etc/radvd.conf   is it what radvd should say
  v6probe ra -i eth0 --expect-router fe80::1 --expect-prefix 2001:db8:1::/64`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runRA(c, &f) },
	}
	f.sourceFlags.add(c)
	f.capture.add(c)
	f.expectFlags.add(c)
	c.Flags().BoolVar(&f.passive, "passive", false, "send nothing")
	c.Flags().BoolVar(&f.drops, "drops", false, "count which of them this kernel drops, and where; as v6probe drops does")
	return c
}

func runRA(c *cobra.Command, f *raFlags) error {
	want, err := f.state(c)
	if err != nil {
		return err
	}
	watch, err := f.watch(c)
	if err != nil {
		return err
	}
	defer watch.close()
	s, err := f.start(c, capture.Filter{})
	if err != nil {
		return err
	}
	f.ahead = true
	v := &raView{Checker: ra.New(check.Routers(want)), progress: s.progress, drops: watch}
	var meanwhile func(context.Context) func()
	if !f.passive {
		meanwhile = func(ctx context.Context) (wait func()) {
			v.answered, wait = ask(ctx, s.iface, s.progress)
			return wait
		}
	}
	err = f.run(c, s, f.expecting(v, want), meanwhile)
	if trouble := watch.trouble(); trouble != nil && (err == nil || errors.As(err, new(codeError))) {
		return trouble
	}
	return err
}

// watch begins to count what the kernel drops, if that is wanted; else it returns nil.
func (f *raFlags) watch(c *cobra.Command) (*dropWatch, error) {
	if !f.drops {
		return nil, nil
	}
	if err := f.check(c); err != nil {
		return nil, err
	}
	if f.read != "" {
		return nil, unused(c, "-r", "drops")
	}
	if f.iface == "" {
		name, err := chooseInterface()
		if err != nil {
			return nil, err
		}
		f.iface = name
	}
	return watchDrops(f.host, f.iface, icmp6.TypeRouterAdvertisement, icmp6.TypeRouterSolicitation)
}

// raView shows who advertises what.
type raView struct {
	*ra.Checker
	progress *report.Progress
	answered func()     // tells the asker that an RA was heard; may be nil
	drops    *dropWatch // nil when it is not wanted
}

// Finish ends the judging, and the counting of drops.
func (v *raView) Finish(whole bool) []rule.Finding { return v.drops.found(v.Checker.Finish(whole)) }

// wanted takes RAs and RSs, whole or put together; RAs count.
func (v *raView) wanted(p *packet.Packet) (message, counts bool) {
	if !p.IsICMPv6 || p.IsPiece() {
		return false, false
	}
	switch p.Message.Type {
	case icmp6.TypeRouterAdvertisement:
		return true, true
	case icmp6.TypeRouterSolicitation:
		return true, false
	}
	return false, false
}

func (v *raView) message(p *packet.Packet) {
	if p.Message.Type == icmp6.TypeRouterAdvertisement && v.answered != nil {
		v.answered()
	}
	v.progress.Show("router", func(int) ([]string, int) { return report.RouterLines(v.Links()) })
}

func (v *raView) picture(t *report.Text, r outcome) {
	var heard uint64
	for _, l := range v.Links() {
		heard += l.Advertisements
	}
	v.drops.head(t, icmp6.TypeRouterAdvertisement, heard)
	t.Links(v.Links(), r.listened)
	v.drops.told(t, icmp6.TypeRouterAdvertisement, heard)
}

func (v *raView) summary(s *report.Summary) {
	s.Forgotten, s.Evicted = v.Forgotten(), report.EvictedRouters(v.Evicted())
	v.drops.summary(s)
}

// finding writes a finding as NDJSON.
func (v *raView) finding(j *report.JSON, f rule.Finding) error { return v.drops.finding(j, f) }

func (v *raView) entries(j *report.JSON) error { return v.drops.entries(j) }

func (v *raView) heard(r outcome) string {
	routers, advertisements := v.Evicted().Routers, uint64(0)
	for _, l := range v.Links() {
		routers += uint64(len(l.Routers))
		advertisements += l.Advertisements
	}
	s := report.Plural(advertisements, "advertisement") + " from " + report.Plural(routers, "router")
	s += r.span() + "; " + report.Plural(r.Stats.Frames, "frame") + " looked at"
	if n := v.Forgotten(); n > 0 {
		s += "; " + report.Plural(n, "link") + " forgotten for lack of room and not judged"
	}
	return s
}
