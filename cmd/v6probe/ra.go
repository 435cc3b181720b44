package main

import (
	"context"
	"errors"
	"fmt"
	"net/netip"

	"github.com/spf13/cobra"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/ra"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

type raFlags struct {
	sourceFlags
	passive  bool
	routers  []string
	prefixes []string
}

func newRA() *cobra.Command {
	var f raFlags
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
  v6probe ra -i eth0 -w fault.pcapng      keep what was seen, to replay with -r
  v6probe ra -r capture.pcap.gz --json    one JSON object a line
  tcpdump -i eth0 -w - ip6 | v6probe ra -r -
  v6probe ra -i eth0 --expect-router fe80::1 --expect-prefix 2001:db8:1::/64`,
		Args:              cobra.NoArgs,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runRA(c, &f) },
	}
	f.add(c)
	c.Flags().BoolVar(&f.passive, "passive", false, "send nothing")
	c.Flags().StringArrayVar(&f.routers, "expect-router", nil, "link-local address of a router that may advertise; repeat for more")
	c.Flags().StringArrayVar(&f.prefixes, "expect-prefix", nil, "prefix that may be advertised; repeat for more")
	return c
}

func (f *raFlags) expected() (expect.State, error) {
	var s expect.State
	for _, r := range f.routers {
		a, err := netip.ParseAddr(r)
		if err != nil || !a.Is6() {
			return s, hinted("for example --expect-router fe80::1", "--expect-router: not an IPv6 address: %q", r)
		}
		s.Routers = append(s.Routers, a.WithZone(""))
	}
	for _, p := range f.prefixes {
		pre, err := netip.ParsePrefix(p)
		if err != nil || !pre.Addr().Is6() {
			return s, hinted("for example --expect-prefix 2001:db8:1::/64", "--expect-prefix: not an IPv6 prefix: %q", p)
		}
		s.Prefixes = append(s.Prefixes, pre.Masked())
	}
	return s, nil
}

func runRA(c *cobra.Command, f *raFlags) (err error) {
	want, err := f.expected()
	if err != nil {
		return err
	}
	style, err := textStyle(f.color, c.OutOrStdout())
	if err != nil {
		return err
	}
	failOn, never, err := f.fail()
	if err != nil {
		return err
	}
	s, err := f.open(c)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	checker := ra.New(ra.Options{Expect: want})
	view := raView{text: report.NewText(c.OutOrStdout(), style), json: report.NewJSON(c.OutOrStdout()), flags: f, checker: checker}
	ctx := c.Context()
	if s.live && f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	view.progress = s.progress(c.ErrOrStderr(), &f.sourceFlags)
	if s.live && !f.passive {
		var wait func()
		view.answered, wait = ask(ctx, s.iface, view.progress)
		defer wait()
	}
	result, runErr := pipeline.Run(ctx, pipeline.Options{
		Source: s.source, Checker: checker, Sink: &view, Wanted: wantRA, Count: f.count, Tee: s.tee, Tick: view.progress.File,
	})
	view.progress.End()
	sum := report.Summary{Stats: result.Stats, Messages: result.Messages, Tally: result.Tally, FailOn: failOn, NeverFail: never}
	if runErr != nil {
		sum.Damage = oneLine(runErr.Error())
	}
	if errors.As(runErr, new(*pipeline.SinkError)) {
		return runErr
	}
	if err := view.end(sum, result); err != nil {
		return err
	}
	switch {
	case runErr != nil:
		return runErr
	case sum.Failed():
		return codeError(exitFindings)
	}
	return nil
}

// wantRA says which packets are messages of this view: RAs and RSs, whole or put together; RAs count.
func wantRA(p *packet.Packet) (message, counts bool) {
	if !p.IsICMPv6 || p.IsFragment && !p.Fragment.Reassembled && !p.Fragment.Atomic {
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

// raView is where the results of a run go.
type raView struct {
	flags    *raFlags
	text     *report.Text
	json     *report.JSON
	checker  *ra.Checker
	progress *report.Progress
	answered func() // tells the asker that an RA was heard; may be nil
}

func (v *raView) Message(p *packet.Packet, found []rule.Finding) error {
	if p.Message.Type == icmp6.TypeRouterAdvertisement && v.answered != nil {
		v.answered()
	}
	switch {
	case v.flags.json:
		return v.json.Message(p, found)
	case v.flags.verbose:
		v.text.Line(p, found)
		return v.text.Err()
	}
	v.progress.Links(v.checker.Links)
	return nil
}

func (v *raView) Finding(f rule.Finding) error {
	if v.flags.json {
		return v.json.Finding(f)
	}
	return nil
}

// end writes what is told at the end.
func (v *raView) end(sum report.Summary, result pipeline.Result) error {
	if v.flags.json {
		return v.json.Summary(sum)
	}
	links := v.checker.Links()
	if !v.flags.quiet {
		if v.flags.verbose && result.Messages > 0 {
			v.text.Blank()
		}
		v.text.Links(links)
	}
	v.text.Findings(result.Tally.Found())
	v.text.Verdict(sum, heardWhat(links, result))
	return v.text.Err()
}

func heardWhat(links []*ra.Link, result pipeline.Result) string {
	var routers int
	var ras uint64
	for _, l := range links {
		routers += len(l.Routers)
		for _, r := range l.Routers {
			ras += r.Count
		}
	}
	s := fmt.Sprintf("%s from %s", report.Plural(ras, "advertisement"), report.Plural(uint64(routers), "router"))
	if d := result.Last.Sub(result.First); d > 0 {
		s += " in " + report.Duration(d)
	}
	return s + fmt.Sprintf("; %s looked at", report.Plural(result.Stats.Frames, "frame"))
}
