package nd

import (
	"cmp"
	"fmt"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// loopCopies is from how many copies on a frame goes round: a mirror port shows one twice.
	loopCopies = 3

	// maxProbes is how many solicitations are kept for detection: as many as a flood brings in a second.
	maxProbes = 1 << 17
	// maxDuplicates bounds each of the two lists of the table.
	maxDuplicates = 256
	maxLate       = 64
)

// detectionTime is how long after its solicitation a station may still wait for whoever has the address: a RetransTimer,
// and a second more for one that is slow, or takes no RetransTimer from routers (RFC 4862 §5.4).
func (c *Checker) detectionTime(l *link) time.Duration {
	return max(c.retransTimer(l), defaultRetransTimer) + time.Second
}

// repeatTime is how soon a station may repeat itself with the same nonce, as Linux does, though RFC 7527 §4.1 asks for
// another one: after a RetransTimer, give or take a tenth.
func (c *Checker) repeatTime(l *link) time.Duration {
	return min(c.retransTimer(l), defaultRetransTimer) * 9 / 10
}

// probes are the addresses under duplicate address detection (RFC 4862 §5.4). A station and who contradicts it lie within
// seconds of each other, so every solicitation is kept for that long, small, and whatever comes after looks for it.
type probes struct {
	era       uint32
	recent    recent[addrKey, probe]
	conflicts table[conflict, Duplicate]
	late      []lateTest // at most maxLate
}

// lateTest is a test of an address that another station had tested so long before that it was about to have done, or had.
// If it had, it answers; if it does not, both were at it.
type lateTest struct {
	link *link
	Duplicate
}

// probe is one solicitation of a station that tests an address, and the copies of it.
type probe struct {
	at     int64  // Unix time, ns
	nonce  uint64 // its hash, 0 for none
	mac    packet.MAC
	copies uint8 // the first one counted
	flags  probeFlags
}

type probeFlags uint8

const (
	probeIn     probeFlags = 1 << iota // one came in at the interface
	probeOut                           // one went out there
	probeLooped                        // that it came back is told
)

// conflict is an address and two stations that have it.
type conflict struct {
	addrKey
	prober, defender packet.MAC
}

func newProbes() probes {
	return probes{recent: newRecent[addrKey, probe](maxProbes), conflicts: newTable[conflict, Duplicate](maxDuplicates)}
}

// begin forgets what is of another era: there is no telling how long ago it was.
func (s *probes) begin(era uint32) {
	if s.era != era {
		s.era = era
		s.recent.clear()
		s.late = s.late[:0]
	}
}

// nonceOf returns a number for the nonce in m, 0 when it has none.
func (s *probes) nonceOf(m *icmp6.Message) uint64 {
	for i := range m.Options {
		o := &m.Options[i]
		if o.Type != icmp6.OptNonce || o.Fault != icmp6.FaultNone || o.Guessed {
			continue
		}
		if nonce, ok := o.Nonce(); ok {
			return maphash.Bytes(s.recent.seed, nonce) | 1
		}
	}
	return 0
}

// probe takes in an NS that receivers accept, if it is one of duplicate address detection.
func (c *Checker) probe(l *link, p *packet.Packet) {
	if !p.Source.IsUnspecified() || !p.Message.Target.IsValid() {
		return
	}
	s := &c.probes
	s.begin(c.clock.Era)
	k := keyOf(l, p.Message.Target)
	n := probe{at: p.Frame.Time.UnixNano(), nonce: s.nonceOf(&p.Message), mac: p.EthernetSource, copies: 1}
	switch p.Frame.Direction {
	case packet.Incoming:
		n.flags = probeIn
	case packet.Outgoing:
		n.flags = probeOut
	}
	var other *probe
	var room [4]*probe
	for _, old := range s.recent.find(k, room[:]) {
		switch age := time.Duration(n.at - old.at).Abs(); { // frames may be out of order
		case age > c.detectionTime(l):
		case old.sameStation(&n):
			if c.again(l, p, old, &n, age) {
				return
			}
			s.recent.push(k, n)
			return
		case other == nil && old.differs(&n):
			other = old
		}
	}
	if other != nil {
		c.bothProbe(l, p, time.Duration(n.at-other.at).Abs(), other.mac)
	}
	s.recent.push(k, n)
}

// sameStation reports whether a and b, which test one address, are known to come of one station. Whoever forwards a frame
// may put its own Ethernet address on it; nobody else has the nonce.
func (a *probe) sameStation(b *probe) bool {
	return a.mac == b.mac && a.mac != packet.MAC{} || a.nonce == b.nonce && a.nonce != 0
}

// differs reports whether a and b are known to come of two stations.
func (a *probe) differs(b *probe) bool {
	return a.mac != b.mac && a.mac != packet.MAC{} && b.mac != packet.MAC{}
}

// again judges n, which the station of old sent age after it, and reports whether n is a copy of old and no new attempt.
func (c *Checker) again(l *link, p *packet.Packet, old, n *probe, age time.Duration) bool {
	if old.nonce != n.nonce || age >= c.repeatTime(l) {
		return false
	}
	turned := l.turned(p, old.flags, n.flags)
	if n.nonce == 0 && age > copyGap && !turned {
		return false // another attempt, which carries no nonce either, is the same to the byte
	}
	old.flags |= n.flags
	if old.copies < ^uint8(0) {
		old.copies++
	}
	how := ""
	switch {
	case old.flags&probeLooped != 0:
	case turned:
		how = "it was seen in both directions at this interface"
	case old.mac != n.mac:
		how = fmt.Sprintf("it was seen from %v too", n.mac)
	case age > copyGap:
		how = fmt.Sprintf("it was seen again %s later", seconds(age))
	case old.copies >= loopCopies && !l.mixed && len(p.Tunnels) == 0:
		how = fmt.Sprintf("it was seen %d times within %s", old.copies, seconds(age))
	}
	if how == "" {
		return true
	}
	old.flags |= probeLooped
	same := "with the same nonce"
	if n.nonce == 0 {
		same = "and carries no nonce, so the station takes it for another's and its address for a duplicate"
	}
	from := macText(old.mac)
	c.report.Add("dad.looped", -1, from, "the solicitation by which %s tests %v comes back: %s, %s", from, p.Message.Target, how, same)
	c.report.Findings[len(c.report.Findings)-1].Source = p.Message.Target
	return true
}

// turned reports whether a frame that went the ways of before and now goes that of now has been turned round. A capture
// that does not tell its interfaces apart sees any forwarded frame both ways. In a tunnel the endpoint that gets a frame
// may have to pass it on; only one that it sent itself must not come back.
func (l *link) turned(p *packet.Packet, before, now probeFlags) bool {
	in, out := before&probeIn != 0, before&probeOut != 0
	switch {
	case l.mixed:
		return false
	case len(p.Tunnels) > 0:
		return out && !in && now == probeIn
	}
	return in && now == probeOut || out && now == probeIn
}

// bothProbe takes in that p tests the address that the station first has tested age before.
func (c *Checker) bothProbe(l *link, p *packet.Packet, age time.Duration, first packet.MAC) {
	d := Duplicate{Address: p.Message.Target, Prober: first, Defender: p.EthernetSource, Probed: true, Both: true,
		At: p.Frame.Time, Frame: p.Frame.Number}
	if s := &c.probes; age >= c.repeatTime(l) && len(s.late) < maxLate {
		s.late = append(s.late, lateTest{l, d})
		return
	}
	c.bothTest(l, d)
}

// bothTest tells of d, in which two stations test one address.
func (c *Checker) bothTest(l *link, d Duplicate) {
	c.conflict(l, d, func() string {
		return fmt.Sprintf("%v and %v test %v at the same time: whichever hears the other may not use it%s", d.Prober, d.Defender,
			d.Address, ownAddress(d.Address, d.Prober, d.Defender))
	})
}

// judgeLate tells of late tests that the first station did not answer. end says that nothing more will come.
func (c *Checker) judgeLate(end bool) {
	wait := defaultRetransTimer
	if end {
		wait = soonestAnswer
	}
	s := &c.probes
	s.late = slices.DeleteFunc(s.late, func(t lateTest) bool {
		if c.clock.Now.Sub(t.At) < wait {
			return false
		}
		answer := s.conflicts.peek(conflict{keyOf(t.link, t.Address), t.Defender, t.Prober})
		if answer == nil || answer.At.Before(t.At) {
			c.bothTest(t.link, t.Duplicate)
		}
		return true
	})
}

// defend takes in an NA that receivers accept.
func (c *Checker) defend(l *link, p *packet.Packet) {
	c.listenerAlive(l, p)
	a := p.Message.Target
	c.heardOf(l, a)
	s := &c.probes
	if s.recent.length == 0 || !a.IsValid() {
		return
	}
	s.begin(c.clock.Era)
	at := p.Frame.Time.UnixNano()
	var room [4]*probe
	for _, o := range s.recent.find(keyOf(l, a), room[:]) {
		// What came before the test may be the station's own past, or another's that has left since.
		if age := time.Duration(at - o.at); age >= 0 && age <= c.detectionTime(l) {
			c.defended(l, p, *o, age)
		}
	}
}

// defended judges p, an advertisement of the address that o tests, age after it.
func (c *Checker) defended(l *link, p *packet.Packet, o probe, age time.Duration) {
	to, a := p.Destination, p.Message.Target
	defender := p.EthernetSource
	claimed, _, _ := linkLayerAddress(p, icmp6.OptTargetLinkLayerAddress)
	if defender == (packet.MAC{}) {
		defender = claimed
	}
	override := p.Message.NA.Override
	switch {
	case o.mac == packet.MAC{} || defender == packet.MAC{}:
		// A station does not say so of an address that it still tests (RFC 4862 §5.4, RFC 4429 §3.3). Later it may.
		if !override || !to.IsMulticast() || age >= c.repeatTime(l) {
			return
		}
	case o.mac == defender || o.mac == claimed:
		return
	case !to.IsMulticast() && !override:
		return // for one that asks a proxy (RFC 4861 §7.2.8); the station that tests does not hear it
	}
	d := Duplicate{Address: a, Prober: o.mac, Defender: defender, Probed: true, At: p.Frame.Time, Frame: p.Frame.Number}
	c.conflict(l, d, func() string {
		from := macText(defender)
		if claimed != defender && claimed != (packet.MAC{}) {
			from += fmt.Sprintf(" (in the name of %v)", claimed)
		}
		if p.Source != a {
			from += fmt.Sprintf(", %v,", p.Source)
		}
		return fmt.Sprintf("%s tests %v, and %s advertised it %s later, so %s may not use it%s", macText(o.mac), a, from, seconds(age),
			macText(o.mac), ownAddress(a, o.mac, defender))
	})
}

// conflict tells of d, once an attempt of the station that tests. detail is asked for only then.
func (c *Checker) conflict(l *link, d Duplicate, detail func() string) {
	k := conflict{keyOf(l, d.Address), d.Prober, d.Defender}
	known, isNew := c.probes.conflicts.add(k)
	age := d.At.Sub(known.At)
	if !isNew {
		c.probes.conflicts.touch(k)
		if age.Abs() < c.repeatTime(l) {
			return
		}
	}
	*known = d
	// Frames of several interfaces stand in one row: what has two stations may be two addresses on two links.
	text := detail()
	doubt := l.mixed && d.Address.IsLinkLocalUnicast()
	if doubt {
		text += "; whether they are on one link cannot be known, as the capture does not tell its interfaces apart"
	}
	f := c.add(l, "dad.conflict", text)
	f.Source, f.Subject, f.Frame, f.Time = d.Address, macText(d.Prober), d.Frame, d.At
	if doubt {
		f.Severity = rule.Info
	}
}

// ownAddress says whose EUI-64 address a is (RFC 4291 Appendix A), if it is that of one of the two stations: then the
// other one has an address that is not its own.
func ownAddress(a netip.Addr, one, other packet.MAC) string {
	for _, m := range [2]packet.MAC{one, other} {
		b := a.As16()
		if m != (packet.MAC{}) && [8]byte(b[8:]) == [8]byte{m[0] ^ 2, m[1], m[2], 0xff, 0xfe, m[3], m[4], m[5]} {
			return fmt.Sprintf("; it is made of the Ethernet address of %v", m)
		}
	}
	return ""
}

// macText returns m, or a phrase for a station whose Ethernet address is not in the capture.
func macText(m packet.MAC) string {
	if m == (packet.MAC{}) {
		return "a station"
	}
	return m.String()
}

// probing reports whether a is under duplicate address detection, or was so a moment ago.
func (c *Checker) probing(l *link, a netip.Addr) bool {
	s := &c.probes
	if s.era != c.clock.Era || s.recent.length == 0 || !a.IsValid() {
		return false
	}
	now := c.clock.Now.UnixNano()
	var room [1]*probe
	for _, o := range s.recent.find(keyOf(l, a), room[:]) {
		return time.Duration(now-o.at) <= c.detectionTime(l)
	}
	return false
}

// sweepProbes forgets what nobody can contradict any more. end says that nothing more will come.
func (c *Checker) sweepProbes(end bool) {
	s := &c.probes
	s.begin(c.clock.Era)
	c.judgeLate(end)
	now := c.clock.Now.UnixNano()
	for {
		_, o := s.recent.oldest()
		if o == nil || time.Duration(now-o.at) <= maxRetransTimer+2*time.Second {
			break
		}
		s.recent.pop()
	}
}

func (c *Checker) viewProbes(l *link, v *Link) {
	c.probes.conflicts.each(func(k conflict, d *Duplicate) {
		if k.link == l.id {
			v.Duplicates = append(v.Duplicates, *d)
		}
	})
	slices.SortStableFunc(v.Duplicates, func(a, b Duplicate) int {
		return cmp.Or(a.At.Compare(b.At), a.Address.Compare(b.Address), cmp.Compare(a.Frame, b.Frame))
	})
}
