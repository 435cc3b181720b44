package nd

import (
	"encoding/binary"
	"fmt"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

const (
	// maxFlows is half of how many flows are kept, each with some 250 bytes, and 150 more when it was told an MTU.
	maxFlows = 8192
	// minFlowPayload is the IPv6 payload length from which on a packet is taken into its flow.
	minFlowPayload = packet.LargePayload
	// useGap is how long a flow may go on before it is moved out of the way of new ones again.
	useGap = time.Second
)

const (
	// reactTime is what a sender gets until its packets must be smaller: what comes before was on its way, mostly.
	reactTime = time.Second
	// trialTime is how long a sender must keep to an MTU before it may try a larger one (RFC 8201 §4). What comes later is
	// such a trial, and begins a new story.
	trialTime = 5 * time.Minute
	// What proves that a sender keeps to its size: so many packets of one, or so many Packet Too Big over so long.
	ignoredPackets  = 3
	ignoredMessages = 3
	ignoredSpan     = 3 * time.Second
	// sizeProbes is how often a sender that searches the MTU by itself tries one size (MAX_PROBES in RFC 8899 §5.1.2), whatever it
	// is told meanwhile. It sends far more packets that fit: ten for each that does not. They may all be too short to be seen.
	sizeProbes   = 3
	probesAmidst = 10
)

// flowKey names one direction of a conversation, whatever link it is seen on. It has no pointers.
type flowKey struct {
	source, destination ip
	from, to            uint16 // the ports, or from alone an echo's identifier
	protocol            uint8
	echo                icmp6.Type // of an echo
}

func (k flowKey) hash(s *seed) uint64 {
	rest := uint64(k.from)<<32 | uint64(k.to)<<16 | uint64(k.protocol)<<8 | uint64(k.echo)
	return s.mix(s.mix(k.source.high, k.source.low)^rest, s.mix(k.destination.high, k.destination.low))
}

// flowOf returns the flow of a packet with ports or an echo in sight, or of a protocol without ports. A fragment other than
// the first has no payload.
func flowOf(p *packet.Packet) (k flowKey, ok bool) {
	b := p.Payload
	// A packet that was put together is longer than any that was sent.
	if len(b) == 0 || p.Fragment.Reassembled {
		return k, false
	}
	k = flowKey{source: ipOf(p.Source), destination: ipOf(p.Destination), protocol: p.Protocol}
	switch {
	case p.IsICMPv6:
		t := p.Message.Type
		if t != icmp6.TypeEchoRequest && t != icmp6.TypeEchoReply || len(b) < 8 || p.Checksum == packet.ChecksumBad {
			return k, false
		}
		k.echo, k.from = t, binary.BigEndian.Uint16(b[4:])
	case icmp6.BeginsWithPorts(p.Protocol):
		if len(b) < 4 {
			return k, false
		}
		k.from, k.to = binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	}
	return k, true
}

// quotedFlow returns the flow of a quoted packet. ok is false when the quote does not name it in full, as that of a later
// fragment; then the key has what is known.
func quotedFlow(q *icmp6.Quote) (k flowKey, ok bool) {
	k = flowKey{source: ipOf(q.Source), destination: ipOf(q.Destination), protocol: q.Protocol}
	switch {
	case q.HasPorts:
		k.from, k.to = q.SourcePort, q.DestinationPort
	case q.HasEcho:
		k.echo, k.from = q.ICMPType, q.EchoID
	case len(q.Payload) == 0 || icmp6.BeginsWithPorts(q.Protocol) || q.HasICMP:
		return k, false
	}
	return k, true
}

// String returns the flow as flowText does.
func (k flowKey) String() string {
	return flowText(&icmp6.Quote{Source: k.source.addr(), Destination: k.destination.addr(),
		Protocol: k.protocol, HasPorts: icmp6.BeginsWithPorts(k.protocol), SourcePort: k.from, DestinationPort: k.to,
		HasEcho: k.echo != 0, ICMPType: k.echo, EchoID: k.from})
}

// flows are the conversations whose large packets pass here, and those that a Packet Too Big was about.
type flows struct {
	table table[flowKey, flow]
}

func newFlows() flows { return flows{newTable[flowKey, flow](maxFlows)} }

// flow is one of them.
type flow struct {
	seen bool          // a large packet of it was
	used ndcheck.Stamp // when it was last moved out of the way
	told *told         // nil when no Packet Too Big was about it
}

// told is what a flow's sender was told, and what it made of it.
type told struct {
	era         uint32
	mtu         int           // the smallest that it was told
	first, last ndcheck.Stamp // when it was told that
	messages    int           // that said so, copies not counted
	quoted      [2]size       // of the packets that were too big, the last two: a virtual router may quote one still to be cut
	arrived     bool          // a message came in at the capturing host
	ignored     bool          // it goes on all the same, which has been said

	// Its large packets since then. Those that may have been on their way count only if they fit.
	fits     int
	tooBig   uint64
	largest  int           // bytes, of the both
	repeated ndcheck.Stamp // the last of tooBig that was as long as a quoted one
	early    bool          // there was one that is too long and may have been on its way
	joined   int           // packets of TCP and UDP of another length, which may be several that a network card joined or cuts
	obeyed   bool          // the last of all these fitted
	here     bool          // the capturing host sends them
}

// size is the length of a quoted packet, how often it was quoted, and how often the flow repeated it, copies not counted.
type size struct{ bytes, messages, repeats int }

// quote takes in that a packet of so many bytes was quoted, and returns its size.
func (t *told) quote(bytes int) *size {
	q := &t.quoted
	switch bytes {
	case q[0].bytes:
	case q[1].bytes:
		q[0], q[1] = q[1], q[0]
	default:
		q[0], q[1] = size{bytes: bytes}, q[0]
	}
	return &q[0]
}

// match returns the size of a packet of so many bytes, nil when none such was quoted.
func (t *told) match(bytes int) *size {
	for i := range t.quoted {
		if t.quoted[i].bytes == bytes {
			return &t.quoted[i]
		}
	}
	return nil
}

// repeats is how often the flow repeated one size at most.
func (t *told) repeats() int { return max(t.quoted[0].repeats, t.quoted[1].repeats) }

// flow takes in a packet of minFlowPayload or more, of whatever protocol.
func (c *Checker) flow(p *packet.Packet) {
	key, ok := flowOf(p)
	if !ok {
		return
	}
	f, isNew := c.flows.table.add(key)
	if now := c.clock.Stamp; !isNew && !within(f.used, now, useGap) {
		f.used = now
		c.flows.table.touch(key)
	}
	f.seen = true
	if t := f.told; t != nil && c.tells(t) {
		t.take(p, c.clock.Stamp)
		c.judgeFlow(key, t)
	}
}

// tells reports whether what the sender was told still binds it.
func (c *Checker) tells(t *told) bool {
	return t.era == c.clock.Era && within(t.last, c.clock.Stamp, trialTime)
}

// take takes in a large packet of the flow at time now.
func (t *told) take(p *packet.Packet, now ndcheck.Stamp) {
	length := ipv6Size + int(p.PayloadLength)
	late := now.Sub(t.first) >= reactTime
	t.here = t.here || p.SentHere()
	same := t.match(length)
	switch {
	case length <= t.mtu:
		t.fits++
		t.largest, t.obeyed = max(t.largest, length), true
	case !late:
		t.early = true
	case same == nil && (p.Protocol == 6 || p.Protocol == 17):
		// Its pieces fit if no router has said otherwise since.
		t.joined++
		t.obeyed = now.Sub(t.last) >= reactTime
	case same != nil && within(t.repeated, now, copyGap): // a copy, or as good as one
	default:
		t.tooBig++
		t.largest, t.obeyed = max(t.largest, length), false
		if same != nil {
			same.repeats++
			t.repeated = now
		}
	}
}

// tooBig takes in a Packet Too Big that is good by itself, about a packet of a flow. It reports whether its receiver takes
// it: not if it would raise the MTU.
func (c *Checker) tooBig(p *packet.Packet, q *icmp6.Quote, key flowKey) bool {
	f, _ := c.flows.table.add(key)
	if f.seen {
		c.flows.table.touch(key) // it is real, whatever else is told
	}
	now, mtu := c.clock.Stamp, int(p.Message.MTU())
	t := f.told
	switch {
	case t == nil:
		t = new(told)
		f.told = t
		fallthrough
	case !c.tells(t) || mtu < t.mtu:
		*t = told{era: c.clock.Era, mtu: mtu, first: now}
	case mtu > t.mtu:
		c.increase(q, key, t, mtu)
		return false
	}
	copied := t.last != 0 && within(t.last, now, copyGap)
	t.last = now
	if q.Length <= mtu { // that such a packet comes again is no wonder
		return true
	}
	if s := t.quote(q.Length); !copied {
		t.messages++
		s.messages++
	}
	t.arrived = t.arrived || p.Frame.Direction == packet.Incoming && len(p.Tunnels) == 0
	c.judgeFlow(key, t)
	return true
}

// increase says that a message has a larger MTU than t. That is no wonder where several routers tell of packets that were on
// their way, or of a sender that searches the MTU by itself, which TCP does not: each router has its own limit.
func (c *Checker) increase(q *icmp6.Quote, key flowKey, t *told, mtu int) {
	since := c.clock.Stamp.Sub(t.last)
	detail := fmt.Sprintf("the MTU is %d, but %s before it was %d for the same flow: %v", mtu, seconds(since), t.mtu, key)
	trial := q.Length > mtu && (key.protocol != 6 || since < reactTime)
	if !trial {
		c.report.Add("ptb.increase", 4, key.String(), "%s", detail)
		return
	}
	c.report.AddInfo("ptb.increase", 4, key.String(), "%s; the packet of %d bytes fits neither, so it was on its way or a trial", detail, q.Length)
}

// goesOn reports whether t proves that the sender goes on as before.
func (t *told) goesOn(key flowKey) bool {
	messages, repeats := t.messages, t.repeats()
	enoughMessages, enoughPackets := ignoredMessages, ignoredPackets
	if icmp6.BeginsWithPorts(key.protocol) && key.protocol != 6 { // it may be searching, and that counts for each size alone
		messages = max(t.quoted[0].messages, t.quoted[1].messages)
		enoughMessages, enoughPackets = max(enoughMessages, sizeProbes+1), max(enoughPackets, sizeProbes+1)
	}
	// Messages alone prove nothing against packets of the flow that are seen here and fit.
	told := messages >= enoughMessages && t.last.Sub(t.first) >= ignoredSpan && (t.fits == 0 || t.tooBig > 0 || t.joined > 0)
	return (told || repeats >= enoughPackets) && probesAmidst*max(repeats, t.messages) > t.fits
}

// judgeFlow says once that a flow goes on as before.
func (c *Checker) judgeFlow(key flowKey, t *told) {
	if t.ignored || !t.goesOn(key) {
		return
	}
	t.ignored = true
	where := ""
	if t.here && t.arrived {
		where = "; it is this host that sends them, and the message came in here: see its own firewall"
	}
	c.report.Add("ptb.ignored", -1, key.String(), "%v: told %s in %s that %d bytes fit, its sender goes on with packets of %d (%d seen "+
		"here): it does not get the message or does not act on it%s", key, timesText(t.messages), seconds(c.clock.Stamp.Sub(t.first)), t.mtu,
		t.quoted[0].bytes, t.tooBig, where)
	c.report.Findings[len(c.report.Findings)-1].Source = key.source.addr()
}

func timesText(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}

// fate says what became of the flow by now.
func (f *flow) fate(now ndcheck.Stamp) Fate {
	t := f.told
	switch {
	case t == nil:
		return FateUnknown
	case t.ignored:
		return FateIgnored
	case !f.seen:
		return FateUnknown
	case t.obeyed:
		return FateShrank
	case t.fits == 0 && t.tooBig == 0 && t.joined == 0 && !(t.early && within(t.first, now, 2*reactTime)):
		return FateQuiet
	}
	return FateUnclear
}
