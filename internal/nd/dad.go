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
)

const (
	// loopCopies is from how many copies on a frame goes round: a mirror port shows one twice.
	loopCopies = 3

	// shortestRepeat is how soon a station may repeat itself by its own setting. What goes round takes less.
	shortestRepeat = 100 * time.Millisecond
	// lateCopyGap is copyGap for the two frames of a mirror port that is late. Where directions are known there is none.
	lateCopyGap = 20 * time.Millisecond

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
	seed      maphash.Seed // of nonces
	recent    recent[addrKey, probe]
	conflicts table[conflict, Duplicate]
	late      []lateTest // at most maxLate
}

// lateTest is a test of an address that another station had tested so long before that it was about to have done, or had.
// If it had, it answers; if it does not, both were at it.
type lateTest struct {
	link *link
	age  time.Duration // of the first station's test
	Duplicate
}

// probe is one solicitation of a station that tests an address, and the copies of it.
type probe struct {
	at     int64  // Unix time, ns
	nonce  uint64 // its hash, 0 for none
	mac    packet.MAC
	copies uint8 // the first one counted
	flags  probeFlags
	gap    time.Duration // since the last one with the same nonce that was no copy, 0 for none
}

type probeFlags uint8

const (
	probeIn     probeFlags = 1 << iota // one came in at the interface
	probeOut                           // one went out there
	probeLooped                        // that it came back is told
	probeUsed                          // its station was heard to advertise the address from the same side
)

// conflict is an address and two stations that have it.
type conflict struct {
	addrKey
	prober, defender packet.MAC
}

func (k conflict) hash(s *seed) uint64 {
	return s.mix(k.addrKey.hash(s), s.mix(number(k.prober), number(k.defender)))
}

func newProbes() probes {
	return probes{seed: maphash.MakeSeed(), recent: newRecent[addrKey, probe](maxProbes), conflicts: newTable[conflict, Duplicate](maxDuplicates)}
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
			return maphash.Bytes(s.seed, nonce) | 1
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
	k := l.key(c.this.target)
	n := probe{at: c.clock.Packet.UnixNano(), nonce: s.nonceOf(&p.Message), mac: p.EthernetSource, copies: 1}
	n.flags = way(p)
	var other *probe
	var room [4]*probe
	for _, old := range s.recent.find(k, room[:]) {
		switch age := time.Duration(n.at - old.at).Abs(); { // frames may be out of order
		case age > c.detectionTime(l):
		case old.cloneOf(&n) && l.turned(p, old.flags, n.flags): // unless n is a copy of an older one
			other = cmp.Or(other, old)
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

// way returns the direction of p as a flag.
func way(p *packet.Packet) probeFlags {
	switch p.Frame.Direction {
	case packet.Incoming:
		return probeIn
	case packet.Outgoing:
		return probeOut
	}
	return 0
}

// cloneOf reports whether a and b have one Ethernet address and two nonces: a station that tries again may send such, but
// not from another side.
func (a *probe) cloneOf(b *probe) bool {
	return a.mac == b.mac && a.mac != packet.MAC{} && a.nonce != b.nonce && a.nonce != 0 && b.nonce != 0
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
	if n.nonce != 0 && !turned && old.flags&probeLooped == 0 && old.mac == n.mac && age >= shortestRepeat {
		n.gap = age
		if old.gap == 0 || (age-old.gap).Abs() <= old.gap/5 {
			return false // another attempt with the same nonce, as Linux makes it, at a time that suits an interface's own setting
		}
	}
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
	case age > copyGap && (age > lateCopyGap || old.flags&(probeIn|probeOut) != 0):
		how = fmt.Sprintf("it was seen again %s later", seconds(age))
	case old.copies >= loopCopies && !l.mixed && len(p.Tunnels) == 0:
		how = fmt.Sprintf("it was seen %d times within %s", old.copies, seconds(age))
	}
	if how == "" {
		if l.twice == nil && n.nonce != 0 && len(p.Tunnels) == 0 && old.flags&probeLooped == 0 {
			l.twice = &sighting{old.mac, p.Message.Target, age, p.Frame.Number, p.Frame.Time}
		}
		return true
	}
	old.flags |= probeLooped
	l.twice = nil
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

// probing reports whether a is under duplicate address detection, or was so a moment ago.
func (c *Checker) probing(l *link, a netip.Addr) bool {
	s := &c.probes
	if s.era != c.clock.Era || s.recent.length == 0 || !a.IsValid() {
		return false
	}
	now := c.clock.Stamp.UnixNano()
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
	if end {
		for _, l := range c.links.order {
			c.judgeTwice(l)
		}
	}
	now := c.clock.Stamp.UnixNano()
	for s.recent.length > 0 {
		_, o := s.recent.oldest()
		if time.Duration(now-o.at) <= maxRetransTimer+2*time.Second {
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
