// Package nd judges Neighbor Discovery other than Router Advertisements, and the ICMPv6 errors: each message by itself,
// and over time: who is where, who asks in vain, whose address is a duplicate, which flow an error is about, and which
// multicast group a querier hears nothing of (RFC 4861 §7 and §8, RFC 4862 §5.4, RFC 4443, RFC 3810).
package nd

import (
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Checker judges packets in the order of their capture. Packet time is its only clock. What it keeps is bounded.
type Checker struct {
	report ndcheck.Report
	clock  ndcheck.Clock
	swept  ndcheck.Stamp // when sweep last ran
	this   facts         // of the present message

	links     links
	neighbors neighbors
	questions questions
	stations  stations
	probes    probes
	scans     scans
	listeners listeners
	flows     flows
	errors    errorGroups
	redirects redirects
}

// New returns a Checker that has seen nothing.
func New() *Checker {
	return &Checker{
		neighbors: newNeighbors(), questions: newQuestions(), stations: newStations(), probes: newProbes(),
		scans: newScans(), listeners: newListeners(), flows: newFlows(), errors: newErrorGroups(), redirects: newRedirects(),
	}
}

// sweepEvery is how often, in packet time, the checker looks for what has not happened.
const sweepEvery = time.Second

// Judges reports whether p is a message that this checker judges, and not one that is ra's.
func Judges(p *packet.Packet) bool {
	if !p.IsICMPv6 {
		return false
	}
	switch p.Message.Type {
	case icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement, icmp6.TypeRedirect:
		return true
	case icmp6.TypeMLDQuery, icmp6.TypeMLDReport, icmp6.TypeMLDDone, icmp6.TypeMLDv2Report:
		return true
	}
	return p.Message.Type.IsError()
}

// Packet judges one packet and takes it into the picture. The findings are about this packet, or were proved by it or by
// the time that it came. The slice is valid until the next call.
func (c *Checker) Packet(p *packet.Packet) []rule.Finding {
	c.report.Reset(p)
	era := c.clock.Era
	c.clock.Tick(p.Frame.Time)
	if p.Frame.Lost > 0 {
		c.listeners.lost = c.clock.Packet
	}
	if now := c.clock.Stamp; era != c.clock.Era || c.swept == 0 {
		c.swept = now
	} else if now.Sub(c.swept) >= sweepEvery {
		c.swept = now
		c.sweep()
	}
	switch {
	case Judges(p):
		before := len(c.report.Findings) // those of sweep are not about p
		if before > 0 {
			checkMessage(&c.report)
		} else if !clean(p) && !c.report.Recall() {
			checkMessage(&c.report)
			c.report.Remember()
		}
		if !p.IsPiece() {
			c.message(p, drops(c.report.Findings[before:]))
		}
	case isRouterMessage(p) && !p.IsPiece():
		l := c.link(p)
		l.count(p)
		c.this = factsOf(p)
		l.mark(p, c.this.source, c.clock.Packet)
		if c.hostsTake(p) {
			c.listenerAlive(l, p)
			c.learn(l, p)
		}
	}
	if p.Source.IsValid() && p.PayloadLength >= minFlowPayload {
		c.flow(p)
	}
	return c.report.Findings
}

// facts are what the trackers ask for of a message again and again. The addresses are zero where it has none.
type facts struct {
	source, destination, target ip

	// The option with the link-layer address of the sender, or of the target in a message that is about one: see
	// linkLayerAddress and misfit.
	mac            packet.MAC
	hasMAC, hasOpt bool
	misfit         *icmp6.Option
}

func factsOf(p *packet.Packet) facts {
	f := facts{source: ipOf(p.Source), destination: ipOf(p.Destination), target: ipOf(p.Message.Target)}
	t := icmp6.OptSourceLinkLayerAddress
	switch p.Message.Type {
	case icmp6.TypeNeighborAdvertisement, icmp6.TypeRedirect:
		t = icmp6.OptTargetLinkLayerAddress
	}
	f.mac, f.hasMAC, f.hasOpt = linkLayerAddress(p, t)
	f.misfit = misfit(p, t)
	return f
}

// usual reports whether the addresses are far from those that astray is about: :: and ::1, groups, and all that IPv4 has of
// these.
func (f *facts) usual() bool {
	return f.source.high != 0 && f.destination.high != 0 && f.source.high>>56 != 0xff
}

// isRouterMessage reports whether p is an RA or RS. What is wrong with it is ra's to tell.
func isRouterMessage(p *packet.Packet) bool {
	t := p.Message.Type
	return p.IsICMPv6 && (t == icmp6.TypeRouterAdvertisement || t == icmp6.TypeRouterSolicitation)
}

// hostsTake reports whether p, an RA or RS, is one that receivers do not drop (RFC 4861 §6.1, RFC 6980 §5), as far as its
// options are here to be seen.
func (c *Checker) hostsTake(p *packet.Packet) bool {
	m := &p.Message
	if p.IsFragment || p.HopLimit != 255 || p.Checksum == packet.ChecksumBad || m.Code != 0 || m.Short ||
		m.Trailing > 0 && p.Complete || !c.this.usual() && astray(p) {
		return false
	}
	for i := range m.Options {
		if m.Options[i].Fault == icmp6.FaultZero || m.Options[i].Fault == icmp6.FaultOverrun && p.Complete {
			return false
		}
	}
	return m.Type == icmp6.TypeRouterSolicitation || p.Source.IsLinkLocalUnicast()
}

// astray reports whether no host takes p from the wire, as it goes to an address that only its sender has, or comes from
// one that nobody has (RFC 4291 §2.5.2, §2.5.3, §2.7).
func astray(p *packet.Packet) bool {
	return p.Destination.IsLoopback() || p.Destination.IsUnspecified() || p.Source.IsLoopback() || p.Source.IsMulticast()
}

// message takes a message into the picture. dropped is the rule by which receivers drop it, "" when they do not.
func (c *Checker) message(p *packet.Packet, dropped rule.ID) {
	l := c.link(p)
	l.count(p)
	c.this = factsOf(p)
	if p.Message.Type != icmp6.TypeNeighborSolicitation || !p.Source.IsUnspecified() {
		l.mark(p, c.this.source, c.clock.Packet)
	}
	if !c.this.usual() && astray(p) {
		return
	}
	switch p.Message.Type {
	case icmp6.TypeNeighborSolicitation:
		if dropped == "" {
			c.probe(l, p)
			c.learn(l, p)
			c.ask(l, p)
			c.scan(l, p)
		}
	case icmp6.TypeNeighborAdvertisement:
		c.answer(l, p, dropped)
		if dropped == "" {
			c.defend(l, p)
			c.answered(l, p)
			c.overhear(l, p)
			c.learn(l, p)
		}
	case icmp6.TypeRedirect:
		c.redirect(l, p, dropped)
	case icmp6.TypeMLDQuery, icmp6.TypeMLDReport, icmp6.TypeMLDDone, icmp6.TypeMLDv2Report:
		if dropped == "" {
			c.listen(l, p)
		}
	default:
		c.complain(l, p, dropped)
	}
}

// sweep looks for what has not happened by now.
func (c *Checker) sweep() {
	if c.idle() {
		return
	}
	c.sweepQuestions(false)
	c.sweepProbes(false)
	c.sweepScans(false)
	c.sweepListeners(false)
}

// idle reports whether sweep has nothing to look for.
func (c *Checker) idle() bool {
	era := c.clock.Era
	return !c.questions.due && len(c.probes.late)+int(c.probes.recent.length)+int(c.scans.recent.length) == 0 && !c.listeners.open &&
		c.probes.era == era && c.scans.era == era && c.listeners.era == era
}

// Finish ends the judging. whole is false when the input broke off, so that silence proves nothing.
func (c *Checker) Finish(whole bool) []rule.Finding {
	c.report.Findings = nil
	if whole {
		c.sweepQuestions(true)
		c.sweepProbes(true)
		c.sweepScans(true)
		c.sweepListeners(true)
	}
	return c.report.Findings
}

// add adds a finding about a link that no single packet proves. The caller fills in what it knows further.
func (c *Checker) add(l *link, id rule.ID, detail string) *rule.Finding {
	known, _ := rule.Lookup(id)
	c.report.Findings = append(c.report.Findings, rule.Finding{Rule: id, Severity: known.Severity, Detail: detail,
		Link: l.name, Offset: -1, Time: c.clock.Now})
	return &c.report.Findings[len(c.report.Findings)-1]
}

// drops returns the first rule by which a receiver drops the packet, "" when there is none.
func drops(found []rule.Finding) rule.ID {
	for i := range found {
		if r, _ := rule.Lookup(found[i].Rule); r.Receiver == rule.ReceiverDrops {
			return r.ID
		}
	}
	return ""
}
