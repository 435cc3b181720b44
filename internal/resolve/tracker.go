package resolve

import (
	"math/rand/v2"
	"net/netip"
	"slices"
	"sync"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	maxStations = 8  // stations that answer
	maxHeard    = 64 // other stations that are counted
)

// Tracker finds the questions and their answers among the packets of the interface. It is a checker of package pipeline;
// packet time is its only clock, so that the kernel's stamps make the round-trip times.
type Tracker struct {
	link      Link
	target    netip.Addr
	group     netip.Addr // solicited-node group of target
	burst     int
	flowLabel uint32 // of its own solicitations
	news      chan struct{}

	mu        sync.Mutex // the asker looks in from another goroutine
	announced []Kind     // of every solicitation handed over to be sent, in that order
	passed    int        // how many of them went out, or did not as later ones did
	settled   bool
	complete  bool
	now       Kind // of the last that was seen
	counts    [kinds]count
	asks      []ask
	kernel    kernelAsk
	lastAsk   time.Time // when the last that was seen went out
	stations  []*station
	more      bool // than maxStations
	heard     Heard
	others    []packet.MAC
	last      packetRef
	findings  []rule.Finding
}

// packetRef is what a finding needs to know of a packet.
type packetRef struct {
	frame uint64
	time  time.Time
}

// count is what was seen of the solicitations of one kind.
type count struct {
	announced, sent int
	first, last     time.Time // of those sent
}

// ask is one solicitation that is not part of a burst.
type ask struct {
	kind Kind
	mac  packet.MAC // where it went
	time time.Time
	by   uint8 // a bit for each station that answered
}

// kernelAsk is the last solicitation for the target that this host's kernel sent. It has reasons of its own to ask, one of
// them that the target verifies that this host is there; the answer to it is none to the asker.
type kernelAsk struct {
	time time.Time
	by   []packet.MAC // who answered, no more than maxStations
}

// NewTracker returns a Tracker for questions on l about target. burst is how many are to be sent as a burst, 0 for none.
func NewTracker(l Link, target netip.Addr, burst int) *Tracker {
	return &Tracker{link: l, target: target, group: packet.SolicitedNode(target), burst: min(burst, MaxBurst),
		flowLabel: 1 + rand.Uint32N(flowLabelMask), news: make(chan struct{}, 1)}
}

// Longest returns how long asking takes at most.
func (t *Tracker) Longest() time.Duration {
	d := 2*retransTimer + patience + // the group
		3*unicastGap + patience + // all nodes
		maxStations*Tries*unicastGap + patience
	if t.burst > 0 {
		d += slowCount*slowGap + time.Duration(t.burst+maxUnicastBurst)*burstGap + 3*patience
	}
	return d
}

// announce says that a solicitation is to be sent now.
func (t *Tracker) announce(k Kind) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.announced = append(t.announced, k)
	t.counts[k].announced++
}

// takeBack says that the last could not be sent.
func (t *Tracker) takeBack() {
	t.mu.Lock()
	defer t.mu.Unlock()
	n := len(t.announced) - 1
	t.counts[t.announced[n]].announced--
	t.announced = t.announced[:n]
}

// finished says that the plan was carried out.
func (t *Tracker) finished() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.complete = true
}

// waited says that the group was asked, and its answers were waited for, to the end.
func (t *Tracker) waited() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.settled = true
}

// answered reports whether anybody answered.
func (t *Tracker) answered() bool {
	t.mu.Lock()
	defer t.mu.Unlock()
	return len(t.stations) > 0
}

// lost returns how many solicitations of a kind have no answer so far.
func (t *Tracker) lost(k Kind) int {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.counts[k].announced - t.answersTo(k)
}

// places returns the Ethernet addresses of who answered, or if nobody did, those where the target may be: where it was
// heard, where this host had it last, and what its address says.
func (t *Tracker) places() []packet.MAC {
	t.mu.Lock()
	defer t.mu.Unlock()
	var macs []packet.MAC
	for _, s := range t.stations {
		macs = append(macs, s.MAC)
	}
	if len(macs) > 0 {
		return macs
	}
	eui, _ := embedded(t.target)
	for _, m := range [...]packet.MAC{t.heard.TargetMAC, t.heard.TrafficMAC, t.link.Cached, eui} {
		if isUnicast(m) && m != t.link.MAC && !slices.Contains(macs, m) {
			macs = append(macs, m)
		}
	}
	return macs
}

// Packet takes a packet into account. The slice is valid until the next call.
func (t *Tracker) Packet(p *packet.Packet) []rule.Finding {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.findings = t.findings[:0]
	if !t.here(p) {
		return nil
	}
	t.last = packetRef{p.Frame.Number, p.Frame.Time}
	switch {
	case p.SentHere():
		if k, ok := t.own(p); ok {
			t.asked(k, p)
		} else if t.solicits(p) && p.FlowLabel != t.flowLabel {
			t.kernel.time, t.kernel.by = p.Frame.Time, t.kernel.by[:0]
		}
		return nil
	case p.Frame.Direction == packet.Outgoing:
		return nil // a guest's, on its tap
	case t.link.Own != "" && slices.Contains(t.link.OwnMACs, p.EthernetSource):
		return nil // this host's, by another of its interfaces
	}
	t.hear(p)
	if p.IsICMPv6 && p.Message.Type == icmp6.TypeNeighborAdvertisement && p.Message.Target == t.target {
		t.advertisement(p)
	}
	return t.findings
}

// Concerns reports whether p is one of the questions, or about the same target.
func (t *Tracker) Concerns(p *packet.Packet) bool {
	return t.here(p) && p.IsICMPv6 && !p.IsPiece() && p.Message.Target == t.target &&
		(p.Message.Type == icmp6.TypeNeighborSolicitation || p.Message.Type == icmp6.TypeNeighborAdvertisement)
}

// here reports whether p was on the interface itself, and not in a VLAN or a tunnel that it carries.
func (t *Tracker) here(p *packet.Packet) bool {
	return p.HasEthernet && len(p.Tunnels) == 0 && p.Link().VLANs == [2]uint16{}
}

// own reports whether p is a solicitation that was announced, and its kind. One that was announced before it and goes
// elsewhere did not leave the host.
func (t *Tracker) own(p *packet.Packet) (Kind, bool) {
	if !t.solicits(p) || p.Source != t.link.Source || p.FlowLabel != t.flowLabel {
		return 0, false
	}
	for n, k := range t.announced[t.passed:] {
		if t.destined(k, p.Destination) {
			t.passed += n + 1
			return k, true
		}
	}
	return 0, false
}

// destined reports whether solicitations of a kind go to dst.
func (t *Tracker) destined(k Kind, dst netip.Addr) bool {
	switch k {
	case AllNodes:
		return dst == netip.IPv6LinkLocalAllNodes()
	case Unicast, UnicastBurst:
		return dst == t.target
	}
	return dst == t.group
}

// solicits reports whether p is a solicitation for the target.
func (t *Tracker) solicits(p *packet.Packet) bool {
	return p.IsICMPv6 && p.Message.Type == icmp6.TypeNeighborSolicitation && p.Message.Target == t.target
}

// asked takes over that a solicitation went out.
func (t *Tracker) asked(k Kind, p *packet.Packet) {
	at := p.Frame.Time
	t.now, t.lastAsk = k, at
	c := &t.counts[k]
	if c.sent == 0 {
		c.first = at
	}
	c.sent++
	c.last = at
	if k != Burst && k != UnicastBurst {
		t.asks = append(t.asks, ask{kind: k, mac: p.EthernetDestination, time: at})
	}
}

// advertisement takes an advertisement of the target into account.
func (t *Tracker) advertisement(p *packet.Packet) {
	if t.lastAsk.IsZero() {
		return
	}
	if id := dropped(p); id != "" {
		t.drop(p, id)
		return
	}
	switch {
	case t.forAsker(p):
	case p.Destination.IsMulticast():
		t.heard.Announced++
		return
	default:
		t.heard.AnsweredOthers++
		return
	}
	if t.link.Own == "" && t.toKernel(p) {
		return
	}
	mac, has := targetLinkLayerAddress(p)
	s := t.station(p, mac, has)
	if s == nil {
		return
	}
	if !has && t.now != Unicast && t.now != UnicastBurst {
		t.add(p, "na.missing-tlla", p.EthernetSource.String(), "the answer of "+p.EthernetSource.String()+" for "+
			t.target.String()+" has no target link-layer address option, so hosts ignore it")
	}
	flags := p.Message.NA
	s.Router, s.Solicited = flags.Router, flags.Solicited
	s.Override = s.Override || flags.Override
	// Without the option O is 0 as well, whoever answers (RFC 4861 §7.2.4).
	s.OverrideKnown = s.OverrideKnown || flags.Override || has && t.now != Unicast && t.now != UnicastBurst
	s.Source = p.Source
	s.Answers++
	t.match(s, p.Frame.Time)
	select {
	case t.news <- struct{}{}:
	default:
	}
}

// forAsker reports whether the advertisement p goes where answers are awaited. Those to a question without source go to
// all nodes (RFC 4861 §7.2.4), and who announces this host's own address has it as well.
func (t *Tracker) forAsker(p *packet.Packet) bool {
	return p.Destination == t.link.Source || t.link.Own != "" && p.Destination.IsMulticast()
}

// toKernel reports whether the answer p is one to the kernel: the kernel asked last, and its question has no answer yet
// from there.
func (t *Tracker) toKernel(p *packet.Packet) bool {
	k := &t.kernel
	if !k.time.After(t.lastAsk) || slices.Contains(k.by, p.EthernetSource) || len(k.by) == maxStations {
		return false
	}
	k.by = append(k.by, p.EthernetSource)
	return true
}

// hear takes into account what others say.
func (t *Tracker) hear(p *packet.Packet) {
	h := &t.heard
	h.Packets++
	if !slices.Contains(t.others, p.EthernetSource) && len(t.others) < maxHeard {
		t.others = append(t.others, p.EthernetSource)
		h.Stations = len(t.others)
	}
	if p.Checksum == packet.ChecksumBad {
		return
	}
	if !p.IsICMPv6 || !p.Message.Type.IsND() {
		if p.Source == t.target {
			h.Traffic, h.TrafficMAC = h.Traffic+1, p.EthernetSource
		}
		return
	}
	if p.HopLimit != 255 { // with less it may come from another link
		return
	}
	switch {
	case p.Source == t.target:
		h.FromTarget, h.TargetMAC = h.FromTarget+1, p.EthernetSource
	case t.solicits(p) && p.Source.IsUnspecified():
		h.Probes, h.TargetMAC = h.Probes+1, p.EthernetSource
	case t.solicits(p):
		h.AskedByOthers++
	}
}

// drop remembers an answer that hosts drop by the rule id, and tells it.
func (t *Tracker) drop(p *packet.Packet, id rule.ID) {
	if t.forAsker(p) && !slices.Contains(t.heard.Dropped, id) {
		t.heard.Dropped = append(t.heard.Dropped, id)
	}
	t.add(p, id, p.EthernetSource.String(), "an answer for "+t.target.String()+" from "+p.EthernetSource.String())
}

// add adds a finding about p.
func (t *Tracker) add(p *packet.Packet, id rule.ID, subject, detail string) {
	known, _ := rule.Lookup(id)
	t.findings = append(t.findings, rule.Finding{Rule: id, Severity: known.Severity, Detail: detail, Frame: p.Frame.Number,
		Time: p.Frame.Time, Link: t.link.Name, Source: p.Source, Offset: -1, Subject: subject})
}
