package main

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/check"
	"v6probe/internal/checklist"
	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/kvm"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/rule"
	"v6probe/internal/trace"
)

type kvmTraceFlags struct {
	sourceFlags
	expectFlags
	guard string
	host  machine
}

func newKVMTrace() *cobra.Command {
	f := kvmTraceFlags{host: thisMachine()}
	c := &cobra.Command{
		Use:   "trace [-i BRIDGE]",
		Short: "follow each advertisement and solicitation through a bridge",
		Long: `trace listens on all ports of a bridge at once, and below its VXLAN device. It
follows each Router and Neighbor Solicitation and Advertisement from port to
port, draws where it came out and where it was lost, with the kernel's reason
where eBPF can be had, and names who advertises from a guest's tap.

With --test-guard PORT it sends three Router Advertisements as if the machine
behind PORT had: plain, behind an extension header and in fragments (RFC 7113).
They offer nothing (router lifetime 0, no prefix). What comes out elsewhere
passed the guard.`,
		Example: `  v6probe kvm trace -i brvx-100              for 20 seconds
  v6probe kvm trace -i brvx-100 --timeout 0  until interrupted
  v6probe kvm trace -i cloudbr1 --expect networks.json
  v6probe kvm trace -i brvx-100 --test-guard vnet3`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runKVMTrace(c, &f) },
	}
	f.addRole(c, "the bridge `BRIDGE`; may be left out where there is one with guests")
	c.Flags().Lookup("verbose").Usage = "draw all that was followed, neighbor discovery too"
	f.expectFlags.add(c)
	c.Flags().StringVar(&f.guard, "test-guard", "", "send advertisements as the machine behind `PORT` would, and see what stops them")
	complete(c, "test-guard", capture.InterfaceNames)
	return c
}

func runKVMTrace(c *cobra.Command, f *kvmTraceFlags) error {
	if err := f.check(c); err != nil {
		return err
	}
	want, err := f.state(c)
	if err != nil {
		return err
	}
	facts, err := kvm.Read(c.Context())
	if err != nil {
		return err
	}
	bridge, err := f.bridge(&facts)
	if err != nil {
		return err
	}
	o := traceOptions(&facts, bridge)
	if known := check.Routers(want); len(known.Routers)+len(known.MACs) > 0 {
		o.Router = func(p *packet.Packet) bool {
			return slices.Contains(known.Routers, p.Source) || slices.Contains(known.MACs, p.EthernetSource)
		}
	}
	var guard *guardTest
	if f.guard != "" {
		if guard, err = newGuardTest(f.guard, bridge, facts.Guests()[f.guard]); err != nil {
			return err
		}
		o.Test = guard.sent
	}
	source, err := openLive(capture.AnyInterface, capture.LiveOptions{})
	if err != nil {
		return err
	}
	defer source.Close()
	return f.follow(c, source, trace.New(o), guard, bridge)
}

// bridge returns the one that is meant.
func (f *kvmTraceFlags) bridge(facts *kvm.Facts) (*host.Bridge, error) {
	var names, used []string
	for i := range facts.Bridges {
		b := &facts.Bridges[i]
		if b.Name == f.iface {
			return b, nil
		}
		names = append(names, b.Name)
		if slices.ContainsFunc(b.Ports, kvm.IsTap) {
			used = append(used, b.Name)
		}
	}
	switch {
	case len(names) == 0:
		return nil, hinted("trace follows messages through a bridge, on a KVM host", "there is no bridge here")
	case f.iface == "" && len(used) == 1:
		f.iface = used[0]
		return f.bridge(facts)
	case f.iface == "":
		return nil, hinted("name one of "+strings.Join(names, ", "), "which bridge: -i is needed")
	}
	return nil, hinted("the bridges are "+strings.Join(names, ", "), "-i: there is no bridge %q", f.iface)
}

// traceOptions says what this host knows of a bridge.
func traceOptions(facts *kvm.Facts, b *host.Bridge) trace.Options {
	o := trace.Options{Bridge: b.Name, MACs: make(map[packet.MAC]string), Groups: make(map[netip.Addr][]string), Snoops: b.Asked(),
		VLANs: b.VLANFiltering, Ours: ownAddress(), Taken: facts.Takes}
	guests := facts.Guests()
	for _, p := range b.Ports {
		port := trace.Port{
			Name: p.Name, Kind: trace.Uplink, Closed: !p.Up || p.State != host.PortForwarding, Deaf: !p.McastFlood, Apart: p.Isolated,
			Guest: guests[p.Name], Spared: p.NeighSuppress,
			Trunk: slices.ContainsFunc(facts.Links, func(l host.Link) bool { return l.Kind == "vlan" && l.Lower == p.Index && !l.Foreign }),
		}
		switch {
		case p.Kind == "vxlan" && p.Tunnel != nil:
			port.Kind, port.VNI, port.UDPPort = trace.Overlay, p.Tunnel.ID, p.Tunnel.Port
			port.Hidden = p.Foreign || p.Tunnel.External || p.Tunnel.Port != 4789 && p.Tunnel.Port != 8472
		case kvm.IsTap(p):
			port.Kind = trace.Machine
		}
		o.Ports = append(o.Ports, port)
		for _, mac := range p.Stations {
			o.MACs[packet.MAC(mac)] = p.Name
		}
		for _, g := range b.Groups {
			if g.Port == p.Index {
				o.Groups[g.Address] = append(o.Groups[g.Address], p.Name)
			}
		}
	}
	return o
}

// follow listens, and tells what came of it.
func (f *kvmTraceFlags) follow(c *cobra.Command, source capture.Source, t *trace.Checker, guard *guardTest, bridge *host.Bridge) error {
	progress := f.progressOn(c.OutOrStdout(), c.ErrOrStderr())
	timeout := f.timeout
	if guard != nil && !c.Flags().Changed("timeout") {
		timeout = guardTime
	}
	progress.Begin("following messages through "+bridge.Name, timeout)
	// The reasons are an addition: where they cannot be had, the picture stands without them.
	watch, err := watchDrops(f.host, "", icmp6.TypeRouterSolicitation, icmp6.TypeRouterAdvertisement, icmp6.TypeNeighborSolicitation,
		icmp6.TypeNeighborAdvertisement)
	if err != nil {
		progress.Note("without the kernel's reasons: " + oneLine(err.Error()))
	}
	defer watch.close()
	ctx := c.Context()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	if guard != nil {
		if err := guard.send(); err != nil {
			return err
		}
	}
	begun := time.Now()
	result, err := overhear(ctx, source, tracing{t}, nil)
	t.Finish(time.Now())
	progress.End()
	if err != nil {
		return err
	}
	watch.found(nil)
	took := time.Since(begun)
	if now, err := host.Bridges(); err == nil {
		t.Changed(closedSince(bridge, now)...)
	}
	paths, unsure := t.Paths(), result.Stats.Lost() > 0
	found := trace.Judge(paths, t.Strays(), unsure, watch.reason)
	list := tracedList(bridge, t, paths, found, guard, took)
	if f.json {
		if err := report.NewJSON(c.OutOrStdout()).Traces(paths); err != nil {
			return err
		}
	}
	draw := func(text *report.Text) { text.Traces(paths, f.verbose, watch.reason) }
	what := report.Plural(t.Messages(), "message") + " in " + report.Duration(took)
	if n := t.Forgotten(); n > 0 {
		what += fmt.Sprintf("; %d of them found no room", n)
	}
	return f.tellDrawn(c, list, report.Summary{Stats: result.Stats, Messages: t.Messages()}, what, draw)
}

// closedSince lists the ports of a bridge that are no longer there, or no longer let anything pass.
func closedSince(b *host.Bridge, now []host.Bridge) []string {
	open := func(p host.BridgePort) bool { return p.Up && p.State == host.PortForwarding }
	var list []string
	for _, p := range b.Ports {
		still := slices.ContainsFunc(now, func(n host.Bridge) bool {
			return n.Index == b.Index && slices.ContainsFunc(n.Ports, func(o host.BridgePort) bool { return o.Index == p.Index && open(o) })
		})
		if open(p) && !still {
			list = append(list, p.Name)
		}
	}
	return list
}

// ownAddress returns what tells the addresses of this host; nil where they cannot be had.
func ownAddress() func(netip.Addr) bool {
	list, err := net.InterfaceAddrs()
	if err != nil {
		return nil
	}
	own := make(map[netip.Addr]bool)
	for _, a := range list {
		if p, err := netip.ParsePrefix(a.String()); err == nil {
			own[p.Addr()] = true
		}
	}
	return func(a netip.Addr) bool { return own[a] }
}

// tracing is a trace as a checker; it judges at the end.
type tracing struct{ *trace.Checker }

func (t tracing) Packet(p *packet.Packet) []rule.Finding { t.Checker.Packet(p); return nil }
func (t tracing) Finish(bool) []rule.Finding             { return nil }

// reason says why the kernel dropped what did not come out of a port; "" where that is not known.
func (w *dropWatch) reason(p *trace.Path, port string) string {
	if w == nil || w.result == nil {
		return ""
	}
	for _, d := range w.result.Drops {
		if d.Type != p.Type || d.Class == drops.Benign || d.NetNS != "" || d.Interface != port && d.Arrived != p.From && d.Interface != p.From {
			continue
		}
		if d.Reason == "" {
			return "dropped at " + d.Hook
		}
		return fmt.Sprintf("the kernel's reason is %s at %s", d.Reason, d.Hook)
	}
	return ""
}

// How long a router may be silent: that of CloudStack advertises every 15 s at the latest, others every half hour (RFC 4861 §6.2.1).
// To a solicitation every router answers in half a second, or in three and a half where it has just advertised (§6.2.6).
const (
	longestSilence = 16 * time.Second
	longestAnswer  = 4 * time.Second
)

// noRouter says that no advertisement came in. That is an error only where a router was asked for and had the time to answer.
func noRouter(b *host.Bridge, asked time.Time, took time.Duration) rule.Finding {
	f := checklist.Finding("ra.absent", b.Name, fmt.Sprintf("no Router Advertisement came into %s in %d s", b.Name, int(took.Seconds())),
		"`v6probe vr` on the virtual router says why none is sent; `v6probe kvm trace` on the KVM host that it is on, whether it leaves")
	switch {
	case !asked.IsZero() && time.Since(asked) >= longestAnswer:
		f.Detail += ", though a machine asked for a router"
	case took >= longestSilence:
		f.Severity = rule.Warning
		f.Detail += ", and no machine asked for a router: CloudStack's would have advertised, others may be silent for longer"
	default:
		f.Severity = rule.Info
		f.Detail += ", which is too short to tell: CloudStack's router may be silent for 15 s, others for longer"
	}
	return f
}

// tracedList is what following messages comes to.
func tracedList(b *host.Bridge, t *trace.Checker, paths []trace.Path, found []rule.Finding, guard *guardTest, took time.Duration) *checklist.List {
	list := &checklist.List{Title: fmt.Sprintf("Bridge %s with %s", b.Name, report.Plural(len(b.Ports), "port"))}
	heard := slices.ContainsFunc(paths, func(p trace.Path) bool { return p.Type == icmp6.TypeRouterAdvertisement && !p.Test })
	if !heard && guard == nil && len(found) == 0 {
		found = append(found, noRouter(b, t.Asked(), took))
	}
	list.Healthy = "What was followed came out of " + b.Name + " where it should."
	if guard != nil {
		list.Healthy = guard.verdict(paths)
	}
	list.Add(checklist.Line{Name: "trace", Text: report.Plural(t.Messages(), "message"), Findings: found})
	if f, ok := list.First(); ok {
		list.Broken = map[rule.ID]string{
			"kvm.lost":         b.Name + " loses messages",
			"kvm.vxlan-port":   b.Name + " does not hear the other hosts",
			"ra.absent":        "No router is heard on " + b.Name,
			"ra.from-guest":    "A guest advertises on " + b.Name,
			"kvm.guard-passed": "Nothing on " + b.Name + " stops a guest that advertises",
		}[f.Rule]
	}
	return list
}
