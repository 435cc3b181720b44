package main

import (
	"context"
	"slices"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/check"
	"v6probe/internal/conform"
	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/pipeline"
	"v6probe/internal/ra"
	"v6probe/internal/rule"
	"v6probe/internal/vr"
)

// fewLinks is a capture on all interfaces of which only some matter.
type fewLinks struct {
	capture.Source
	names []string
}

// Next returns the next frame of those interfaces.
func (s *fewLinks) Next(ctx context.Context) (packet.Frame, error) {
	for {
		f, err := s.Source.Next(ctx)
		if err != nil || f.Interface != nil && slices.Contains(s.names, f.Interface.Name) {
			return f, err
		}
	}
}

// listener hears who advertises to the guests of a virtual router, and what.
type listener struct {
	names []string
	ra    *ra.Checker
	want  *conform.Checker

	result   pipeline.Result
	listened time.Duration
	found    []rule.Finding
}

func newListener(f *vr.Facts, want *expect.State) *listener {
	h := &listener{names: f.Guests, ra: ra.New(check.Routers(want)), want: conform.New(radvdExpected(f, want))}
	h.want.Judged(aboutAdvertisements)
	return h
}

// Packet judges one packet.
func (h *listener) Packet(p *packet.Packet) []rule.Finding { return h.want.Packet(p, h.ra.Packet(p)) }

// Finish ends the judging.
func (h *listener) Finish(whole bool) []rule.Finding { return h.want.Finish(whole, h.ra.Finish(whole)) }

// heard returns who advertised on each interface. What was heard in a VLAN of one is not on it.
func (h *listener) heard() []vr.Heard {
	var all []vr.Heard
	for _, l := range h.ra.Links() {
		if l.Where != (packet.Link{Interface: l.Where.Interface}) {
			continue
		}
		on := vr.Heard{Interface: l.Where.Interface}
		for _, r := range l.Routers {
			switch {
			case r.Outgoing:
				on.Own = append(on.Own, speaker(r))
			case r.HasMAC && r.MAC == l.HardwareAddr: // its own, sent back by something
			default:
				on.Others = append(on.Others, speaker(r))
			}
		}
		all = append(all, on)
	}
	return all
}

func speaker(r *ra.Router) vr.Speaker {
	s := vr.Speaker{Source: r.Source, MAC: r.MAC, Count: r.Count, Lifetime: r.Fields.RouterLifetime}
	for i := range r.Options {
		o := &r.Options[i]
		switch o.Type {
		case icmp6.OptPrefixInformation:
			if p, ok := o.PrefixInformation(); ok && p.PrefixLength <= 128 {
				s.Prefixes = append(s.Prefixes, masked(p.Address, p.PrefixLength))
			}
		case icmp6.OptRDNSS:
			if v, ok := o.RDNSS(); ok {
				for n := range v.Len() {
					s.Servers = append(s.Servers, v.Server(n))
				}
			}
		}
	}
	return s
}
