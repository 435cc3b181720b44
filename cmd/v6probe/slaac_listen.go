package main

import (
	"slices"
	"time"

	"v6probe/internal/check"
	"v6probe/internal/conform"
	"v6probe/internal/expect"
	"v6probe/internal/guest"
	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
	"v6probe/internal/ra"
	"v6probe/internal/report"
	"v6probe/internal/rule"
	"v6probe/internal/slaac"
)

// slaacView has a host follow the packets. The checkers of ra and nd run along: they say which packets receivers drop, and what
// is wrong on the host's link.
type slaacView struct {
	nd     *nd.Checker
	ra     *ra.Checker
	want   *conform.Checker
	host   *slaac.Host
	of     chosen
	link   string   // of the host, as findings name it
	ending *stopper // of a live run; nil for a capture
	shows  *report.Progress

	last  time.Time // of the packets of its link
	drops []rule.ID // why receivers drop advertisements there
	tally *rule.Tally
	asks  []time.Time // the host's solicitations
	came  []arrival   // advertisements to it
	found []rule.Finding
}

// arrival is an advertisement that came to the host.
type arrival struct {
	at    time.Time
	alone bool // to it alone
}

// What a view keeps at most.
const (
	maxDropRules = 8
	maxArrivals  = 1024
)

func newSlaacView(o slaac.Options, of chosen, want *expect.State) *slaacView {
	v := &slaacView{nd: nd.New(), ra: ra.New(check.Routers(want)), want: conform.New(want), host: slaac.New(o), of: of,
		link: of.link.String(), tally: rule.NewTally()}
	v.want.Judged(aboutAdvertisements)
	return v
}

// here reports whether p is on the host's link. A live one is the interface's own, without a VLAN or tunnel.
func (v *slaacView) here(p *packet.Packet) bool {
	if v.of.why != own {
		return p.Link() == v.of.link
	}
	l := p.Link()
	return l.VLANs == [2]uint16{} && !l.Tunneled
}

// Packet shows p to the checkers and, when it is on its link, to the host. What is found there is kept for the judge.
func (v *slaacView) Packet(p *packet.Packet) []rule.Finding {
	v.found = v.found[:0]
	fromND := v.nd.Packet(p)
	fromRA := v.want.Packet(p, v.ra.Packet(p))
	here := v.here(p)
	if here {
		v.link = p.Link().String()
		v.last = p.Frame.Time
		dropped := v.dropped(p, fromRA) || v.dropped(p, fromND)
		before := v.host.At(p.Frame.Time).Advertisements
		v.host.Packet(p, dropped)
		v.note(p, v.host.At(p.Frame.Time).Advertisements > before)
	}
	for _, f := range fromRA {
		if v.concerns(p, f) {
			v.keep(f)
		}
	}
	v.keepDuplicates(fromND)
	return nil
}

// concerns reports whether a finding of ra or of an expectation about p is for a guest: one about a router, or about its own
// solicitation.
func (v *slaacView) concerns(p *packet.Packet, f rule.Finding) bool {
	if f.Frame != p.Frame.Number || f.Frame == 0 {
		return true // it is about what was there before
	}
	switch {
	case !p.IsICMPv6:
		return false
	case p.Message.Type == icmp6.TypeRouterAdvertisement:
		return true
	}
	return p.Message.Type == icmp6.TypeRouterSolicitation && p.EthernetSource == v.of.mac
}

// keep takes in a finding about the host's link.
func (v *slaacView) keep(f rule.Finding) {
	if f.Link != "" && f.Link != v.link || !aboutAdvertisements(f.Rule) && !conform.Advertised(f.Rule) && f.Frame == 0 {
		return
	}
	v.tally.Add(f)
}

func (v *slaacView) keepDuplicates(list []rule.Finding) {
	for _, f := range list {
		if (f.Rule == "dad.conflict" || f.Rule == "dad.looped") && (f.Link == "" || f.Link == v.link) {
			v.tally.Add(f)
		}
	}
}

// Finish ends the judging.
func (v *slaacView) Finish(whole bool) []rule.Finding {
	v.keepDuplicates(v.nd.Finish(whole))
	for _, f := range v.want.Finish(whole, v.ra.Finish(whole)) {
		if aboutAdvertisements(f.Rule) || conform.Advertised(f.Rule) {
			v.keep(f)
		}
	}
	return nil
}

// dropped reports whether one of the findings about p says that a receiver drops it.
func (v *slaacView) dropped(p *packet.Packet, found []rule.Finding) bool {
	drops := false
	for _, f := range found {
		known, ok := rule.Lookup(f.Rule)
		if !ok || known.Receiver != rule.ReceiverDrops || f.Frame != p.Frame.Number {
			continue
		}
		drops = true
		advertises := p.IsICMPv6 && p.Message.Type == icmp6.TypeRouterAdvertisement
		if advertises && len(v.drops) < maxDropRules && !slices.Contains(v.drops, f.Rule) {
			v.drops = append(v.drops, f.Rule)
		}
	}
	return drops
}

// note keeps when the host asked and what came. came says that p is an advertisement that came to it.
func (v *slaacView) note(p *packet.Packet, came bool) {
	switch {
	case !p.IsICMPv6 || p.IsPiece():
	case p.Message.Type == icmp6.TypeRouterSolicitation && p.EthernetSource == v.of.mac && len(v.asks) < maxArrivals:
		v.asks = append(v.asks, p.Frame.Time)
	case came && len(v.came) < maxArrivals:
		v.came = append(v.came, arrival{p.Frame.Time, !p.Destination.IsMulticast()})
	}
	if came && v.ending != nil {
		_, _, answered := v.answer()
		v.ending.heard(answered)
	}
}

// sureTime is how soon after a solicitation an advertisement to all nodes is taken as its answer: MAX_RA_DELAY_TIME (RFC 4861
// §6.2.6) and something for the way. A later one may have been due anyhow.
const sureTime = 600 * time.Millisecond

// answer returns how soon an answer came, and whether it went to the host alone.
func (v *slaacView) answer() (after time.Duration, alone, ok bool) {
	for _, ask := range v.asks {
		for _, a := range v.came {
			d := a.at.Sub(ask)
			if d < 0 || a.alone && d > answerTime || !a.alone && d > sureTime {
				continue
			}
			if !ok || a.alone && !alone || a.alone == alone && d < after {
				after, alone, ok = d, a.alone, true
			}
		}
	}
	return after, alone, ok
}

// missed counts the solicitations that nothing came to which could be an answer, as at time t.
func (v *slaacView) missed(t time.Time) int {
	n := 0
	for _, ask := range v.asks {
		answered := slices.ContainsFunc(v.came, func(a arrival) bool { d := a.at.Sub(ask); return d >= 0 && d <= answerTime })
		if !answered && t.Sub(ask) > answerTime {
			n++
		}
	}
	return n
}

// heardAll is what the judge is told of the link. listened is 0 for a capture, in which an answer to another place may be missing.
func (v *slaacView) heardAll(listened time.Duration) guest.Heard {
	h := guest.Heard{Listened: listened, Solicitations: len(v.asks), Dropping: v.drops}
	h.After, h.Alone, h.Answered = v.answer()
	if listened > 0 {
		h.Missed = v.missed(time.Now())
	}
	for _, l := range v.ra.Links() {
		if l.Where.String() != v.link {
			continue
		}
		h.Advertisements = l.Advertisements
		h.DHCPv6Asked, h.DHCPv6Answers = l.DHCPv6Asked, l.DHCPv6Answers
		for _, r := range l.Routers {
			if !r.Outgoing {
				lifetime := time.Duration(r.Fields.RouterLifetime) * time.Second
				h.Routers = append(h.Routers, guest.Advertiser{Address: r.Source, MAC: r.MAC, Lifetime: lifetime})
			}
		}
	}
	for _, f := range v.tally.Found() {
		h.Findings = append(h.Findings, f.Finding)
	}
	return h
}

// wanted takes the messages by which hosts configure themselves.
func (v *slaacView) wanted(p *packet.Packet) (message, counts bool) {
	m := p.IsICMPv6 && !p.IsPiece() && p.Message.Type.IsND() && p.Message.Type != icmp6.TypeRedirect
	return m, m
}

func (v *slaacView) message(*packet.Packet) {
	v.shows.Show("router", func(int) ([]string, int) { return report.RouterLines(v.ra.Links()) })
}
