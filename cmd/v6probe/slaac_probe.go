package main

import (
	"context"
	"fmt"
	"io"
	"net/netip"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/guest"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

const (
	probeTime  = 30 * time.Second // for all questions together
	lookupTime = 5 * time.Second
	pathTime   = 15 * time.Second

	maxGateways = 4
	maxServers  = 3 // as many as the C library asks
)

// goal is what --target names.
type goal struct {
	address netip.Addr // not valid for a name, which is looked up when it is its turn
	name    string
}

// goal reads --target.
func (f *slaacFlags) goal() (goal, error) {
	text := f.target
	if text == "" {
		return goal{}, nil
	}
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(text, "["), "]"))
	switch {
	case err != nil && strings.ContainsAny(text, ":/ "):
		return goal{}, hinted("for example --target 2001:db8::1, or a name", "--target: neither an IPv6 address nor a name: %q", text)
	case err != nil:
		return goal{name: text}, nil
	case a.Is4() || a.Is4In6():
		return goal{}, hinted("for IPv4 there is ping", "--target %v: this is about IPv6", a)
	case a.IsMulticast() || a.IsUnspecified() || a.IsLoopback():
		return goal{}, hinted("for example --target 2001:db8::1", "--target: %v is not the address of another host", a)
	case a.Zone() != "" && a.Zone() != f.iface:
		return goal{}, hinted("leave the zone out", "--target %v is on another interface than %s", a, f.iface)
	}
	return goal{address: a.WithZone("")}, nil
}

// probe asks what makes sense to ask: whoever cannot be reached because of an earlier fault is not asked.
func (g *guestRun) probe(c *cobra.Command, to goal) {
	facts, err := guest.Read(g.iface)
	if err != nil || silentLink(&facts.Interface) || facts.Settings == nil || facts.Settings.DisableIPv6 != 0 {
		return
	}
	ctx, cancel := context.WithTimeout(c.Context(), probeTime)
	defer cancel()
	p := g.progressOn(c.OutOrStdout(), c.ErrOrStderr())
	defer waiting(p, "asking the router, DNS servers and the like", probeTime)()
	g.askGateways(ctx, facts)
	g.askDHCPv6(ctx, facts)
	if !reaches(&g.in.Probes, facts) {
		return
	}
	g.askDNS(ctx, facts)
	g.askTarget(ctx, facts, to)
}

// askGateways asks the default routers on the interface.
func (g *guestRun) askGateways(ctx context.Context, f *guest.Facts) {
	var asked []netip.Addr
	for _, r := range f.Routes {
		here := r.Gateway.IsValid() && r.Index == f.Interface.Index && r.Refusing == "" && !f.Interface.NoARP
		if !here || slices.Contains(asked, r.Gateway) || len(asked) == maxGateways {
			continue
		}
		asked = append(asked, r.Gateway)
		one, err := guest.AskGateway(ctx, f, r.Gateway)
		if err != nil {
			g.fail(guest.ProbeGateway, err)
			return
		}
		g.in.Probes.Gateways = append(g.in.Probes.Gateways, one)
	}
}

// askDHCPv6 asks where the routers send hosts to DHCPv6.
func (g *guestRun) askDHCPv6(ctx context.Context, f *guest.Facts) {
	if !g.in.State.Managed && !g.in.State.Other {
		return
	}
	d, err := guest.Solicit(ctx, f, !g.in.State.Managed)
	if err != nil {
		g.fail(guest.ProbeDHCPv6, err)
		return
	}
	g.in.Probes.DHCPv6 = d
}

// reaches reports whether anything beyond the link can be asked: there is an address to ask from, a way, and a router that
// answers where it was asked.
func reaches(p *guest.Probes, f *guest.Facts) bool {
	address := slices.ContainsFunc(f.Addresses, func(a guest.Address) bool { return a.Usable() && !a.Addr().IsLinkLocalUnicast() })
	answers := len(p.Gateways) == 0 || slices.ContainsFunc(p.Gateways, func(g guest.Gateway) bool { return g.Status == guest.Answered })
	return address && f.World != nil && answers
}

func (g *guestRun) askDNS(ctx context.Context, f *guest.Facts) {
	for _, s := range g.in.State.DNS {
		if s.Left == 0 || len(g.in.Probes.DNS) == maxServers {
			continue
		}
		d, err := guest.AskDNS(ctx, f, s.Address)
		if err != nil {
			g.fail(guest.ProbeDNS, err)
			return
		}
		g.in.Probes.DNS = append(g.in.Probes.DNS, d)
	}
}

// askTarget asks the target, and looks at the path to it when it answers.
func (g *guestRun) askTarget(ctx context.Context, f *guest.Facts, to goal) {
	if g.target == "" {
		return
	}
	if to.name != "" {
		ctx, cancel := context.WithTimeout(ctx, lookupTime)
		a, err := lookUp(ctx, to.name)
		cancel()
		if err != nil {
			g.fail(guest.ProbeTarget, err)
			return
		}
		to.address = a
	}
	t, err := guest.Reach(ctx, f, to.address, netip.Addr{})
	if err != nil {
		g.fail(guest.ProbeTarget, err)
		return
	}
	g.in.Probes.Target = t
	if t.Status == guest.Answered {
		g.in.Path = g.path(ctx, to.address)
	}
}

func (g *guestRun) fail(p guest.Probe, err error) {
	g.in.Probes.Failed = append(g.in.Probes.Failed, guest.Fail(p, err))
}

// path looks at the path MTU to the target, as v6probe pmtu does.
func (g *guestRun) path(ctx context.Context, to netip.Addr) *guest.Path {
	// When nobody reads on, writing fails and says so. To die of it would leave the route cache as the answers have taught it.
	signal.Ignore(syscall.SIGPIPE)
	ctx, cancel := context.WithTimeout(ctx, pathTime)
	defer cancel()
	flags := &pmtuFlags{flows: 1, probe: "auto"}
	if to.IsLinkLocalUnicast() {
		flags.iface = g.iface
	}
	r := &pathRun{pmtuFlags: flags, target: to, output: output{progress: report.NewProgress(io.Discard, nil, true)}}
	var err error
	if r.kinds, err = flags.kinds(); err != nil {
		return &guest.Path{Unknown: true, Text: oneLine(err.Error())}
	}
	if err := r.findWay(); err != nil {
		return &guest.Path{Unknown: true, Text: oneLine(err.Error())}
	}
	found, err := r.probe(ctx)
	if found == nil {
		return &guest.Path{Unknown: true, Text: oneLine(err.Error())}
	}
	p := &guest.Path{Findings: r.judge(found)}
	switch res := found.Result; {
	case res.MTU > 0:
		p.Text = fmt.Sprintf("%d bytes", res.MTU)
	case res.AtLeast > 0:
		p.Unknown, p.Text = true, fmt.Sprintf("at least %d bytes", res.AtLeast)
	default:
		p.Unknown, p.Text = true, "not found out"
	}
	if r.ended != nil {
		// What was not found out in the time that there is proves nothing.
		p.Findings = slices.DeleteFunc(p.Findings, func(f rule.Finding) bool { return f.Rule == "pmtu.unknown" })
	}
	return p
}
