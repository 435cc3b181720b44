package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os/signal"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
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
	ended    error           // why the time to probe was over, nil when it was not
}

// runPath probes the path to a target.
func (f *pmtuFlags) runPath(c *cobra.Command, target string) error {
	// When nobody reads on, writing fails and says so. To die of it would leave the route cache as the answers have taught it.
	signal.Ignore(syscall.SIGPIPE)
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
	if r.target, r.name, err = f.target(ctx, target, f.progressOn(c.OutOrStdout(), c.ErrOrStderr())); err != nil {
		return err
	}
	if err := r.findWay(); err != nil {
		return err
	}
	r.progress = f.progressOn(c.OutOrStdout(), c.ErrOrStderr())
	path, err := r.probe(ctx)
	if path == nil {
		return err
	}
	return r.report(path, err)
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
	if r.max > 0 && r.max < r.expect {
		return hinted("raise --max, or leave it out", "--max %d tries less than --expect-mtu %d wants", r.max, r.expect)
	}
	if r.iface == capture.AnyInterface {
		return hinted("interfaces here: "+strings.Join(capture.InterfaceNames(), ", "), "-i any: a path is probed by one interface")
	}
	r.source, err = r.sender()
	return err
}

// zoned returns the target with the zone that it needs.
func (r *pathRun) zoned() netip.Addr { return r.target.WithZone(r.zoneOf(r.target)) }

// zoneOf returns the zone that a needs to be one host's: the interface, for a link-local address.
func (f *pmtuFlags) zoneOf(a netip.Addr) string {
	if a.IsLinkLocalUnicast() {
		return f.iface
	}
	return ""
}

// probe sends the probes. What the kernel learns from the answers it forgets again, unless it knew before; the way has
// what it knew. Without a result there is only the error.
func (r *pathRun) probe(ctx context.Context) (path *report.PathMTU, err error) {
	live, err := pmtu.Open(ctx, pmtu.Options{Target: r.target, Source: r.source, Interface: r.way.Device, Port: uint16(r.port)})
	if err != nil {
		return nil, err
	}
	defer live.Close()
	local := r.way.MTU
	if r.max > 0 {
		local = min(local, r.max)
	}
	r.progress.Begin(fmt.Sprintf("probing the path to %v by %s", r.target, r.way.Device), r.timeout)
	result, err := pmtu.Run(ctx, pmtu.Config{
		Target: r.target, Local: local, Kinds: r.kinds, Flows: r.flows, Gap: r.gap(),
		Trace: r.trace,
	}, live)
	r.ended = ctx.Err()
	r.forget()
	r.progress.End()
	r.catchUp()
	if result == nil {
		return nil, err
	}
	path = &report.PathMTU{Result: result, Name: r.name, Interface: r.way.Device, Limit: r.way.Limit, DeviceMTU: r.way.DeviceMTU,
		Source: live.Source(), Expect: r.expect, Cached: r.way.CachedMTU, Probes: r.log.All(), Carriers: r.carriers,
		Underlay: r.underlay}
	if local < r.way.MTU {
		path.Max = local
	}
	return path, err
}

// forget has the kernel forget what it was taught by the answers, unless it knew something before.
func (r *pathRun) forget() {
	if r.way.CachedMTU == 0 {
		if err := host.FlushException(r.zoned()); err != nil {
			r.progress.Note(cacheNote(err))
		}
		return
	}
	if mtu, _, ok := host.Exception(r.zoned()); ok && mtu != r.way.CachedMTU {
		r.progress.Note(fmt.Sprintf("this host's route cache said %d before, and %d now, as the answers taught it",
			r.way.CachedMTU, mtu))
	}
}

// cacheNote says what keeps the route cache from forgetting.
func cacheNote(err error) string {
	s := "this host's route cache: " + strings.TrimPrefix(err.Error(), "route cache: ")
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		s += "; " + h.Hint()
	}
	return s
}

// trace is told of each probe and each reply. It shows what was sent only once a reply is there: to write in the midst of
// a batch would tear it apart.
func (r *pathRun) trace(p pmtu.Probe, sent time.Time, reply *pmtu.Reply) {
	of := r.log.Note(p, sent, reply)
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
