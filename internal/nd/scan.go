package nd

import (
	"net/netip"
	"time"

	"v6probe/internal/packet"
)

const (
	// scanTargets addresses that nobody is known to have, asked for within scanTime, are a scan (RFC 6583 §4): a healthy
	// link has a few.
	scanTargets = 200
	scanTime    = 10 * time.Second
	// answerTime is how long a target has to answer, or to be heard of otherwise, before it counts as one that nobody has.
	answerTime = time.Second
	// soonestAnswer is how long it must have had when the capture ends before that: neighbors answer within milliseconds.
	soonestAnswer = 100 * time.Millisecond

	// mirrorGap is how soon a copy follows in a row of the same solicitations.
	mirrorGap = 500 * time.Microsecond

	maxSought     = 1 << 14 // targets, of all links
	maxLinkSought = 1024    // of one link, not counting those that were heard of
)

// scans are the targets of the last solicitations that nobody is known to have, of all links.
type scans struct {
	era    uint32
	recent recent[addrKey, sought]
	judged int // so many, from the oldest on, had time to answer
}

// sought is an address that was asked for when nobody was known to have it.
type sought struct {
	at      int64 // Unix time, ns: when it was first asked for
	asker   [16]byte
	mac     packet.MAC
	heard   bool // of it, since: a flood may well push that out of the neighbor table
	unknown bool // nobody was heard of who has it
}

// scanState is what a link's solicitations look like together (RFC 6583).
type scanState struct {
	sought  int // targets in scans that were not heard of
	unknown int // of them, those that nobody has
	last    struct {
		source, target netip.Addr
		mac            packet.MAC
		at             int64
		repeats        int  // the same in a row
		skipped        bool // as a copy
	}
	second second
	flood  *scanFlood // nil until there was one
}

func newScans() scans { return scans{recent: newRecent[addrKey, sought](maxSought)} }

// scan takes in an NS that receivers accept.
func (c *Checker) scan(l *link, p *packet.Packet) {
	c.listenerAlive(l, p)
	to := p.Message.Target
	c.beginScans()
	at := p.Frame.Time.UnixNano()
	if !to.IsValid() || l.isCopy(p, at) {
		return
	}
	c.advanceScans()
	source := p.Source.As16()
	who := station6Of(p.EthernetSource, source)
	test := p.Source.IsUnspecified()
	if !test {
		c.heardOf(l, p.Source)
	}
	unknown := !test && !c.exists(l, to)
	swept := !p.Destination.IsMulticast() && l.last.target != to // a router checks its neighbors one after the other
	l.last.source, l.last.target, l.last.mac, l.last.at = p.Source, to, p.EthernetSource, at
	if f := l.flood; f != nil && !c.clock.Now.After(f.until) && (f.all || unknown || f.station == who) {
		f.add(at, source, who)
	}
	if unknown {
		c.seek(l, p, at)
	}
	c.rate(l, source, who, at, test, swept)
}

// beginScans forgets what is of another era.
func (c *Checker) beginScans() {
	s := &c.scans
	if s.era == c.clock.Era {
		return
	}
	s.era, s.judged = c.clock.Era, 0
	s.recent.clear()
	for _, l := range c.links.order {
		l.sought, l.unknown, l.second.start = 0, 0, 0
		if l.flood != nil {
			l.flood.until = time.Time{}
		}
	}
}

// isCopy reports whether p is the solicitation before it once more, as a mirror port shows it. From the third on it is the
// asker that repeats itself, so that only every other one may be a copy, and follows close behind.
func (l *link) isCopy(p *packet.Packet, at int64) bool {
	last := &l.last
	age := time.Duration(at - last.at).Abs()
	if last.source != p.Source || last.target != p.Message.Target || last.mac != p.EthernetSource || age >= copyGap {
		last.repeats, last.skipped = 0, false
		return false
	}
	last.at = at
	last.repeats++
	last.skipped = last.repeats == 1 || age < mirrorGap && !last.skipped
	return last.skipped
}

// exists reports whether anything was heard of who has a.
func (c *Checker) exists(l *link, a netip.Addr) bool {
	n := c.known(l, a)
	return n != nil && n.Learnt != 0
}

// seek takes in that p asks for an address that nobody is known to have. Asked for again it counts once.
func (c *Checker) seek(l *link, p *packet.Packet, at int64) {
	s := &c.scans
	k := keyOf(l, p.Message.Target)
	var room [1]*sought
	if l.sought >= maxLinkSought || len(s.recent.find(k, room[:])) > 0 {
		return
	}
	if int(s.recent.length) == maxSought {
		c.expireSought()
	}
	s.recent.push(k, sought{at: at, asker: p.Source.As16(), mac: p.EthernetSource})
	l.sought++
}

// heardOf takes in that a was heard of: somebody has it.
func (c *Checker) heardOf(l *link, a netip.Addr) {
	if l.sought == 0 || !a.IsValid() {
		return
	}
	var room [1]*sought
	for _, s := range c.scans.recent.find(keyOf(l, a), room[:]) {
		if !s.heard && !s.unknown {
			s.heard = true
			l.sought--
			l.second.answered++
		}
	}
}

// expireSought forgets the oldest target.
func (c *Checker) expireSought() {
	s := &c.scans
	if s.judged == 0 {
		c.judgeSought()
	}
	k, a := s.recent.oldest()
	l := c.links.order[k.link]
	if !a.heard {
		l.sought--
	}
	if a.unknown {
		l.unknown--
	}
	s.judged--
	s.recent.pop()
}

// judgeSought judges the oldest target that is not judged yet.
func (c *Checker) judgeSought() {
	s := &c.scans
	k, a := s.recent.at(s.judged)
	s.judged++
	l := c.links.order[k.link]
	if a.heard {
		return
	}
	if c.exists(l, netip.AddrFrom16(k.addr)) {
		a.heard = true
		l.sought--
		return
	}
	a.unknown = true
	l.unknown++
	if l.unknown < scanTargets {
		return
	}
	if l.flood == nil {
		c.nameScan(l)
	}
	l.flood.goesOn(c.clock.Now)
}

// judgeScans judges the targets that had that long to answer.
func (c *Checker) judgeScans(had time.Duration) {
	s := &c.scans
	now := c.clock.Now.UnixNano()
	for {
		_, a := s.recent.at(s.judged)
		if a == nil || time.Duration(now-a.at) < had {
			return
		}
		c.judgeSought()
	}
}

// advanceScans judges and forgets the targets whose time is up.
func (c *Checker) advanceScans() {
	c.judgeScans(answerTime)
	now := c.clock.Now.UnixNano()
	for {
		_, a := c.scans.recent.oldest()
		if a == nil || time.Duration(now-a.at) <= scanTime {
			return
		}
		c.expireSought()
	}
}

// sweepScans judges the targets whose time is up. end says that nothing more will come.
func (c *Checker) sweepScans(end bool) {
	c.beginScans()
	if end {
		c.judgeScans(soonestAnswer)
		return
	}
	c.advanceScans()
}
