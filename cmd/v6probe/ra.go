package main

import (
	"context"
	"errors"
	"net/netip"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
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
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runRA(c, &f) },
	}
	f.add(c)
	c.Flags().BoolVar(&f.passive, "passive", false, "send nothing")
	c.Flags().StringArrayVar(&f.routers, "expect-router", nil, "only the router `ADDRESS` may advertise; repeat for more")
	c.Flags().StringArrayVar(&f.prefixes, "expect-prefix", nil, "only `PREFIX` may be advertised; repeat for more")
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

func runRA(c *cobra.Command, f *raFlags) error {
	if err := f.check(c); err != nil {
		return err
	}
	want, err := f.expected()
	if err != nil {
		return err
	}
	out := c.OutOrStdout()
	style, err := textStyle(f.color, out)
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
	view := &raView{flags: f, checker: ra.New(ra.Options{Expect: want}), text: report.NewText(out, style), json: report.NewJSON(out),
		progress: s.progress(out, c.ErrOrStderr(), &f.sourceFlags)}
	result, runErr := view.run(c.Context(), s)
	view.progress.End()
	if closeErr := s.close(); runErr == nil {
		runErr = closeErr
	}
	switch {
	case errors.As(runErr, new(*pipeline.SinkError)):
		return runErr
	case runErr != nil && !s.live && result.Stats.Frames == 0 && !errors.As(runErr, new(*capture.DamageError)):
		return withHint(captureHint, runErr) // there is nothing to report
	}
	// The terminal may have another size by now.
	if style, err := textStyle(f.color, out); err == nil {
		view.text = report.NewText(out, style)
	}
	sum := report.Summary{Stats: result.Stats, Messages: result.Messages, Tally: result.Tally,
		Forgotten: view.checker.Forgotten(), FailOn: failOn, NeverFail: never}
	if runErr != nil {
		sum.Damage = oneLine(runErr.Error())
	}
	if err := view.end(sum, result); err != nil {
		return err
	}
	if runErr == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return runErr
}

// run reads the source to its end, or as long as it is to listen, and asks meanwhile.
func (v *raView) run(ctx context.Context, s *session) (pipeline.Result, error) {
	if s.live {
		defer func(start time.Time) { v.listened = time.Since(start) }(time.Now())
		if v.flags.timeout > 0 {
			var cancel context.CancelFunc
			ctx, cancel = context.WithTimeout(ctx, v.flags.timeout)
			defer cancel()
		}
		if !v.flags.passive {
			var wait func()
			v.answered, wait = ask(ctx, s.iface, v.progress)
			defer wait()
		}
	}
	return pipeline.Run(ctx, pipeline.Options{
		Source: s.source, Checker: v.checker, Sink: v, Wanted: wantRA, Count: v.flags.count, Tee: s.tee, Tick: v.progress.File,
	})
}

// wantRA says which packets are messages of this view: RAs and RSs, whole or put together; RAs count.
func wantRA(p *packet.Packet) (message, counts bool) {
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

// raView is where the results of a run go.
type raView struct {
	flags    *raFlags
	text     *report.Text
	json     *report.JSON
	checker  *ra.Checker
	progress *report.Progress
	answered func()        // tells the asker that an RA was heard; may be nil
	listened time.Duration // how long a live run took
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
		v.text.Links(links, v.listened)
	}
	v.text.Findings(result.Tally.Found())
	v.text.Verdict(sum, v.heard(links, result))
	return v.text.Err()
}

// heard says how much was heard, for the verdict.
func (v *raView) heard(links []*ra.Link, result pipeline.Result) string {
	var routers, advertisements uint64
	for _, l := range links {
		routers += uint64(len(l.Routers)) + l.EvictedRouters
		advertisements += l.Advertisements
	}
	s := report.Plural(advertisements, "advertisement") + " from " + report.Plural(routers, "router")
	if d := result.Last.Sub(result.First); v.listened > 0 {
		s += " in " + report.Duration(v.listened)
	} else if d > 0 {
		s += " in " + report.Duration(d)
	}
	s += "; " + report.Plural(result.Stats.Frames, "frame") + " looked at"
	if n := v.checker.Forgotten(); n > 0 {
		s += "; " + report.Plural(n, "link") + " forgotten for lack of room and not judged"
	}
	return s
}
