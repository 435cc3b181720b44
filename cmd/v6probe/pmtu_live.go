package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/pmtu"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// pathRun is one run against a target.
type pathRun struct {
	*pmtuFlags
	output
	failOn rule.Severity
	never  bool

	kinds    []pmtu.Kind
	carriers []encap.Encapsulation
	source   netip.Addr
	target   netip.Addr // without a zone
	name     string     // that the user gave, "" for an address
	way      host.Way
	log      report.ProbeLog
	unsaid   []report.Probed // probes that -v is still to show
}

// runPath probes the path to a target.
func (f *pmtuFlags) runPath(c *cobra.Command, target string) error {
	r := &pathRun{pmtuFlags: f}
	if err := r.prepare(c.OutOrStdout()); err != nil {
		return err
	}
	ctx := c.Context()
	if f.timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, f.timeout)
		defer cancel()
	}
	var err error
	if r.target, r.name, err = f.target(ctx, target); err != nil {
		return err
	}
	if r.way, err = host.Route(r.target.WithZone(f.zoneOf(r.target)), f.iface, r.source); err != nil {
		return err
	}
	if r.way.Local {
		return hinted("name a target elsewhere", "%v is this host's own address (%s): there is no path to it",
			r.target, r.way.Holder)
	}
	if r.way.MTU < pmtu.MinMTU {
		return hinted(fmt.Sprintf("raise it: ip link set %s mtu %d", r.way.Device, pmtu.MinMTU),
			"%s has an MTU of %d: IPv6 needs %d at least", r.way.Device, r.way.MTU, pmtu.MinMTU)
	}
	r.progress = f.progressOn(c.OutOrStdout(), c.ErrOrStderr())
	path, held, err := r.probe(ctx)
	if path == nil {
		return err
	}
	return r.report(path, held, err)
}

// prepare reads the flags and opens the output.
func (r *pathRun) prepare(out io.Writer) error {
	style, err := textStyle(r.color, out)
	if err != nil {
		return err
	}
	r.text, r.json = report.NewText(out, style), report.NewJSON(out)
	if r.failOn, r.never, err = r.fail(); err != nil {
		return err
	}
	if r.kinds, err = r.pmtuFlags.kinds(); err != nil {
		return err
	}
	if r.carriers, err = r.encapsulations(); err != nil {
		return err
	}
	if r.underlay > 0 && len(r.carriers) == 0 {
		return hinted("for example --encap vxlan --underlay-mtu 1500",
			"--underlay-mtu needs --encap: what does the underlay carry?")
	}
	r.source, err = r.sender()
	return err
}

// zoneOf returns the zone that a needs to be one host's: the interface, for a link-local address.
func (f *pmtuFlags) zoneOf(a netip.Addr) string {
	if a.IsLinkLocalUnicast() {
		return f.iface
	}
	return ""
}

// probe sends the probes. What the kernel learns from the answers it forgets again, unless it knew before; the way has
// what it knew. held counts packets that did not leave this host. Without a result there is only the error.
func (r *pathRun) probe(ctx context.Context) (path *report.PathMTU, held int, err error) {
	live, err := pmtu.Open(ctx, pmtu.Options{Target: r.target, Source: r.source, Interface: r.way.Device, Port: uint16(r.port)})
	if err != nil {
		return nil, 0, err
	}
	defer live.Close()
	local := r.way.MTU
	if r.max > 0 {
		local = min(local, r.max)
	}
	r.progress.Begin(fmt.Sprintf("probing the path to %v by %s", r.target, r.way.Device), r.timeout)
	result, err := pmtu.Run(ctx, pmtu.Config{
		Target: r.target, Local: local, Kinds: r.kinds, Flows: r.flows, Gap: r.gap(),
		Trace: func(p pmtu.Probe, reply *pmtu.Reply) { r.trace(live.Now(), p, reply) },
	}, live)
	r.forget()
	r.progress.End()
	r.catchUp()
	if result == nil {
		return nil, 0, err
	}
	path = &report.PathMTU{Result: result, Name: r.name, Interface: r.way.Device, Limit: r.way.Limit, DeviceMTU: r.way.DeviceMTU, Source: live.Source(), Expect: r.expect,
		Cached: r.way.CachedMTU, Probes: r.log.All(), Carriers: r.carriers, Underlay: r.underlay}
	if local < r.way.MTU {
		path.Max = local
	}
	return path, live.Held(), err
}

// forget has the kernel forget what it was taught by the answers, unless it knew something before.
func (r *pathRun) forget() {
	target := r.target.WithZone(r.zoneOf(r.target))
	if r.way.CachedMTU == 0 {
		if err := host.FlushException(target); err != nil {
			r.progress.Note("this host's route cache keeps what was learnt: " + err.Error())
		}
		return
	}
	if mtu, _, ok := host.Exception(target); ok && mtu != r.way.CachedMTU {
		r.progress.Note(fmt.Sprintf("this host's route cache said %d before, and %d now, as the answers taught it", r.way.CachedMTU, mtu))
	}
}

// trace is told of each probe and each reply. It shows what was sent only once a reply is there: to write in the midst of
// a batch would tear it apart.
func (r *pathRun) trace(now time.Time, p pmtu.Probe, reply *pmtu.Reply) {
	of := r.log.Note(now, p, reply)
	switch {
	case reply == nil && r.verbose:
		r.unsaid = append(r.unsaid, *of)
	case reply == nil:
	case r.verbose:
		r.catchUp()
		r.text.ProbeLine(of, reply)
	default:
		r.progress.Show("line", func(int) ([]string, int) { return r.log.Lines(), 0 })
	}
}

// catchUp shows what was sent.
func (r *pathRun) catchUp() {
	for i := range r.unsaid {
		r.text.ProbeLine(&r.unsaid[i], nil)
	}
	r.unsaid = r.unsaid[:0]
}

// report tells what the probes came to. runErr is what ended them, nil for nothing.
func (r *pathRun) report(path *report.PathMTU, held int, runErr error) error {
	sum := report.Summary{Tally: rule.NewTally(), FailOn: r.failOn, NeverFail: r.never, PathMTU: path}
	trouble := r.trouble(path, held, runErr)
	if trouble != nil {
		sum.Damage = oneLine(trouble.Error())
	}
	if r.pmtuFlags.json {
		if err := r.json.PathMTU(path); err != nil {
			return err
		}
	}
	for _, found := range r.judge(path) {
		if sum.Tally.Add(found) && r.pmtuFlags.json {
			if err := r.json.Finding(found); err != nil {
				return err
			}
		}
	}
	if r.pmtuFlags.json {
		if err := r.json.Summary(sum); err != nil {
			return err
		}
	} else if err := r.tell(path, sum); err != nil {
		return err
	}
	if trouble == nil && sum.Failed() {
		return codeError(exitFindings)
	}
	return trouble
}

// tell writes the text.
func (r *pathRun) tell(path *report.PathMTU, sum report.Summary) error {
	t := r.text
	if !r.quiet {
		if r.verbose && path.Sent > 0 {
			t.Blank()
		}
		t.PathMTU(path)
	}
	t.Findings(sum.Tally.Found())
	t.Verdict(sum, report.Plural(path.Sent, "packet")+" in "+report.Duration(path.Took))
	return t.Err()
}

// trouble says why nothing could be found out, nil where something was.
func (r *pathRun) trouble(path *report.PathMTU, held int, runErr error) error {
	switch {
	case runErr != nil:
		return runErr
	case held > 0 && held == path.Sent:
		return hinted("a filter for what goes out? see: tc -s filter show dev "+r.way.Device+" egress; nft list ruleset",
			"%s: none of %d packets left this host", r.way.Device, held)
	case !path.Complete && path.MTU == 0 && len(path.Refused) == 0:
		return hinted("give it time: a longer --timeout, or leave it out",
			"%v: it ended after %s: the path MTU is not known", path.Target, report.Plural(path.Sent, "packet"))
	}
	return nil
}

// judge returns what is wrong with the path, and with this host's own tunnels that it goes through.
func (r *pathRun) judge(path *report.PathMTU) []rule.Finding {
	found := path.Findings(pmtu.Wanted{Link: r.way.Device, MTU: r.expect, Cached: r.way.CachedMTU})
	links, err := host.Links()
	if err != nil {
		r.progress.Note("this host's tunnels are not looked at: " + err.Error())
	}
	return append(found, host.Tunnels(below(links, r.way.Index), underlayRoute)...)
}

// below returns those of links that what leaves by the interface of that index goes through: the interface itself, the
// ports of a bridge, and what is below each. The tunnels that stand on them are not among these.
func below(links []host.Link, index int) []host.Link {
	wanted := map[int]bool{index: true}
	for grown := true; grown; {
		grown = false
		for _, l := range links {
			in := wanted[l.Index]
			if !in && l.Master > 0 && wanted[l.Master] {
				in = true
			}
			for _, next := range []int{l.Index, l.Lower} {
				if in && next > 0 && !wanted[next] {
					wanted[next], grown = true, true
				}
			}
		}
	}
	return slices.DeleteFunc(slices.Clone(links), func(l host.Link) bool { return !wanted[l.Index] })
}
