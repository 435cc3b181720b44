package main

import (
	"context"
	"net/netip"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/icmp6"
	"v6probe/internal/kvm"
	"v6probe/internal/packet"
	"v6probe/internal/report"
)

type kvmFlags struct {
	sourceFlags
	expect expectFlags
}

func newKVM() *cobra.Command {
	var f kvmFlags
	c := &cobra.Command{
		Use:   "kvm [-i BRIDGE]",
		Short: "what on a KVM host keeps IPv6 from its guests: bridges, VXLAN, filters",
		Long: `kvm looks at a CloudStack KVM host as it is set up: its bridges and taps, its
VXLAN devices and what carries them, where they send what is for all, multicast
snooping, and what the packet filter and its ipsets do with the Router
Advertisements and the neighbor discovery of each guest. It names what is
broken, and the command that mends it.

It sends nothing and changes nothing. Where there are VXLAN devices it listens
for three seconds, or for eight while nothing comes in, for hosts that use
another port; where a bridge sends multicast to listeners only it listens, for
as long as --timeout says, for who uses IPv6 at all. The packet filter needs
root.`,
		Example: `  v6probe kvm                     all bridges of this host
  v6probe kvm -i brvx-100 -v      one, with the evidence for every line
  v6probe kvm --expect net.json   with addresses and VNIs from CloudStack's API
  v6probe kvm --json --fail-on warning`,
		Args:              noArguments,
		ValidArgsFunction: cobra.NoFileCompletions,
		RunE:              func(c *cobra.Command, _ []string) error { return runKVM(c, &f) },
	}
	f.addRole(c, "look at the bridge `BRIDGE` only")
	f.expect.add(c)
	c.AddCommand(newKVMTrace())
	return c
}

func runKVM(c *cobra.Command, f *kvmFlags) error {
	if err := f.check(c); err != nil {
		return err
	}
	in := kvm.Input{Bridge: f.iface}
	var err error
	if in.Expect, err = f.expect.state(c); err != nil {
		return err
	}
	if in.Facts, err = kvm.Read(c.Context()); err != nil {
		return err
	}
	if err := f.bridgeThere(in.Facts); err != nil {
		return err
	}
	e := newEavesdropper(in.Facts, f.iface)
	if d := e.duration(f.timeout); d > 0 {
		progress := f.progressOn(c.OutOrStdout(), c.ErrOrStderr())
		progress.Begin("listening to the underlay", d)
		err := e.listen(c.Context(), f.timeout)
		progress.End()
		if err != nil {
			in.Deaf = oneLine(err.Error())
		}
		in.Underlay, in.Heard, in.Listened = e.underlay, e.heard, e.listened
		// What came up meanwhile is not to be judged by what was there before; what is interrupted, by what there is.
		if c.Context().Err() == nil {
			if in.Facts, err = kvm.Read(c.Context()); err != nil {
				return err
			}
		}
	}
	l := kvm.Judge(in)
	what := ""
	if e.listened > 0 {
		what = "listened for " + report.Duration(e.listened)
	}
	return f.tellList(c, &l, report.Summary{Stats: e.stats, Messages: e.messages}, what)
}

// bridgeThere complains where -i names no bridge.
func (f *kvmFlags) bridgeThere(facts kvm.Facts) error {
	var names []string
	for _, b := range facts.Bridges {
		if b.Name == f.iface {
			return nil
		}
		names = append(names, b.Name)
	}
	if f.iface == "" {
		return nil
	}
	hint := "bridges here: " + strings.Join(names, ", ")
	if len(names) == 0 {
		hint = "this host has no bridge"
	}
	for _, b := range facts.Bridges {
		for _, p := range b.Ports {
			if p.Name == f.iface {
				return hinted("did you mean: v6probe kvm -i "+b.Name, "-i: %s is a port of the bridge %s", f.iface, b.Name)
			}
		}
	}
	return hinted(hint, "-i: no such bridge: %q", f.iface)
}

// How long the underlay is listened to: glance at the least, and up to patience where nothing has come in of a network that this
// host has.
const (
	glance   = 3 * time.Second
	patience = 8 * time.Second
	forever  = 100 * 365 * 24 * time.Hour
)

// bounds of what is kept of what is heard.
const (
	maxUnderlay = 256
	maxHeard    = 4096
)

// eavesdropper hears which VXLAN comes in, and which stations of the bridges speak IPv6.
type eavesdropper struct {
	vnis     map[uint32]bool
	ports    map[string]bool // of bridges
	suspects map[string]bool // taps of which it must be known whether they use IPv6; those that were heard are taken out
	own      func(netip.Addr) bool
	decoder  *packet.Decoder
	packet   packet.Packet

	underlay []kvm.VXLANSeen
	heard    []kvm.Heard
	messages uint64
	stats    capture.Stats
	listened time.Duration
}

func newEavesdropper(f kvm.Facts, bridge string) *eavesdropper {
	e := &eavesdropper{vnis: make(map[uint32]bool), ports: make(map[string]bool), suspects: make(map[string]bool), decoder: packet.NewDecoder(),
		own: ownAddress()}
	for _, b := range f.Bridges {
		if bridge != "" && b.Name != bridge {
			continue
		}
		for _, p := range b.Ports {
			e.ports[p.Name] = true
			if p.Kind == "vxlan" && p.Tunnel != nil {
				e.vnis[p.Tunnel.ID] = true
			}
		}
	}
	for _, name := range kvm.Suspects(f, bridge) {
		e.suspects[name] = true
	}
	return e
}

// duration returns for how long is listened at the most, if that may be timeout, or for ever where it is 0.
func (e *eavesdropper) duration(timeout time.Duration) time.Duration {
	switch {
	case len(e.suspects) > 0:
		return timeout
	case len(e.vnis) > 0 && (timeout == 0 || timeout > patience):
		return patience
	case len(e.vnis) > 0:
		return timeout
	}
	return 0
}

// listen listens for a glance, and on until all suspects were heard. An interruption only ends it.
func (e *eavesdropper) listen(ctx context.Context, timeout time.Duration) error {
	source, err := openLive(capture.AnyInterface, capture.LiveOptions{IgnoreOutgoing: true})
	if err != nil {
		return err
	}
	defer source.Close()
	start := time.Now()
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, timeout)
		defer cancel()
	}
	for _, step := range []struct {
		most   time.Duration
		enough func() bool
	}{
		{glance, func() bool { return len(e.vnis) == 0 && len(e.suspects) == 0 }},
		{patience - glance, func() bool { return e.allSeen() && len(e.suspects) == 0 }},
		{forever, func() bool { return len(e.suspects) == 0 }},
	} {
		if err == nil {
			err = e.hear(ctx, step.most, source, step.enough)
		}
	}
	e.stats, e.listened = source.Stats(), time.Since(start)
	return err
}

// allSeen reports whether VXLAN of every network has come in.
func (e *eavesdropper) allSeen() bool {
	seen := make(map[uint32]bool)
	for _, s := range e.underlay {
		seen[s.VNI] = true
	}
	return len(seen) == len(e.vnis)
}

// hear looks at packets until ctx ends, or most is over, or enough says so.
func (e *eavesdropper) hear(ctx context.Context, most time.Duration, source capture.Source, enough func() bool) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	for !enough() {
		f, err := source.Next(ctx)
		if err != nil && ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return err
		}
		e.frame(&f)
	}
	return nil
}

func (e *eavesdropper) frame(f *packet.Frame) {
	p := &e.packet
	if !e.decoder.Decode(f, p) || f.Direction == packet.Outgoing {
		return
	}
	e.messages++
	if len(p.Tunnels) > 0 {
		e.tunnelled(f.Interface.Name, p.Tunnels[0])
		return
	}
	if e.ports[f.Interface.Name] {
		e.station(f.Interface.Name, p)
	}
}

func (e *eavesdropper) tunnelled(device string, t packet.Tunnel) {
	// What is for other hosts is overheard: of a guest that is a host itself, or by a port that hears all.
	if !e.vnis[t.VNI] || e.own != nil && !t.Destination.IsMulticast() && !e.own(t.Destination) {
		return
	}
	i := slices.IndexFunc(e.underlay, func(s kvm.VXLANSeen) bool {
		return s.VNI == t.VNI && s.Port == t.Port && s.From == t.Source && s.Device == device
	})
	if i < 0 && len(e.underlay) < maxUnderlay {
		i = len(e.underlay)
		e.underlay = append(e.underlay, kvm.VXLANSeen{Device: device, VNI: t.VNI, Port: t.Port, From: t.Source})
	}
	if i >= 0 {
		e.underlay[i].Count++
	}
}

// station takes notice of who sent a message of neighbor discovery, which is nobody's but its sender's (RFC 4861 §3.1: with a
// hop limit of 255 it was not forwarded).
func (e *eavesdropper) station(device string, p *packet.Packet) {
	if !p.IsICMPv6 || p.IsPiece() || !p.Message.Type.IsND() || p.HopLimit != 255 || !p.HasEthernet {
		return
	}
	if len(p.VLANs) > 0 && p.VLANs[0].ID != 0 { // of another network, which comes by the same wire
		return
	}
	h := kvm.Heard{Device: device, MAC: p.EthernetSource, Address: p.Source,
		Advertises: p.Message.Type == icmp6.TypeRouterAdvertisement && p.Source.IsLinkLocalUnicast()}
	if p.Source.IsUnspecified() {
		h.Address = netip.Addr{}
	} else {
		delete(e.suspects, device)
	}
	if len(e.heard) < maxHeard && !slices.Contains(e.heard, h) {
		e.heard = append(e.heard, h)
	}
}
