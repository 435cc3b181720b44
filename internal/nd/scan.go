package nd

import (
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
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
	// An asker that hears no answer asks again after RetransTimer, three times in all (RFC 4861 §7.2.2). So it is from
	// repetition that one knows: answers are unicast, and do not pass everywhere that questions do.
	soonestRepeat = 800 * time.Millisecond
	latestRepeat  = 3 * time.Second
	// manyNames is how many source addresses make a station one that makes them up.
	manyNames = 64

	// mirrorGap is how soon a copy follows in a row of the same solicitations.
	mirrorGap = 500 * time.Microsecond

	maxSought     = 1 << 14 // targets, of all links
	maxLinkSought = 1024    // of one link, not counting those that were heard of
	maxOverheard  = 256     // half of how many askers are kept whose answers are seen
)

// scans are the targets of the last solicitations that nobody is known to have, of all links.
type scans struct {
	era    uint32
	recent recent[addrKey, sought]
	judged int // so many, from the oldest on, had time to answer
	// evicted is how many were forgotten for lack of room before their time was up.
	evicted uint64

	overheard table[addrKey, overheard] // by who asked
}

// overheard is what came in of the answers to an asker, on an interface that tells what comes in.
type overheard struct {
	first   packet.MAC // the station that answered first
	several bool       // others did, too
}

// sought is an address that was asked for when nobody was known to have it.
type sought struct {
	at      int64 // Unix time, ns: when it was first asked for
	asker   ip
	mac     packet.MAC
	heard   bool // of it, since: a flood may well push that out of the neighbor table
	unknown bool // nobody was heard of who has it
	// proven says that an answer would have been seen, or that the asker got none: it asked again.
	proven bool
}

// scanState is what a link's solicitations look like together (RFC 6583).
type scanState struct {
	sought  int // targets in scans that were not heard of
	unknown int // of them, those that nobody was heard of who has them, in time
	proven  int // of these, those that nobody has
	last    struct {
		source, target netip.Addr
		mac            packet.MAC
		at             int64
		repeats        int  // the same in a row
		skipped        bool // as a copy
	}
	second  second
	flood   *scanFlood // nil until there was one
	doubted int        // unknown at its most, without proof
}

func newScans() scans {
	return scans{recent: newRecent[addrKey, sought](maxSought), overheard: newTable[addrKey, overheard](maxOverheard)}
}

// scan takes in an NS that receivers accept.
func (c *Checker) scan(l *link, p *packet.Packet) {
	c.listenerAlive(l, p)
	to := p.Message.Target
	c.beginScans()
	at := c.clock.Packet.UnixNano()
	if !to.IsValid() || l.isCopy(p, at) {
		return
	}
	c.advanceScans()
	source := c.this.source
	who := station6Of(p.EthernetSource, source)
	test := p.Source.IsUnspecified()
	if !test {
		c.heardOf(l, source)
	}
	unknown := !test && !c.exists(l, c.this.target)
	swept := !p.Destination.IsMulticast() && l.last.target != to // a router checks its neighbors one after the other
	l.last.source, l.last.target, l.last.mac, l.last.at = p.Source, to, p.EthernetSource, at
	if f := l.flood; f != nil && c.clock.Stamp <= f.until && (f.all || unknown || f.station == who) {
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
		l.sought, l.unknown, l.proven, l.second.start = 0, 0, 0, 0
		if l.flood != nil {
			l.flood.until = 0
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
func (c *Checker) exists(l *link, a ip) bool {
	n := c.neighborAt(l, a)
	return n != nil && n.Learnt != 0
}

// seek takes in that p asks for an address that nobody is known to have. Asked for again it counts once.
func (c *Checker) seek(l *link, p *packet.Packet, at int64) {
	full := l.sought >= maxLinkSought
	if f := l.flood; full && f != nil && f.all && c.clock.Stamp <= f.until {
		return // a flood by its rate needs no further proof
	}
	s := &c.scans
	k := l.key(c.this.target)
	var room [1]*sought
	asker := c.this.source
	if found := s.recent.find(k, room[:]); len(found) > 0 {
		a := found[0]
		if age := time.Duration(at - a.at); a.asker == asker && age >= soonestRepeat && age <= latestRepeat && !a.proven {
			a.proven = true
			if a.unknown {
				c.prove(l)
			}
		}
		return
	}
	if full {
		return
	}
	if int(s.recent.length) == maxSought {
		s.evicted++
		c.expireSought()
	}
	s.recent.push(k, sought{at: at, asker: asker, mac: p.EthernetSource, proven: c.overhears(l, p)})
	l.sought++
}

// overhear takes in an advertisement that receivers accept: who asked for it gets its answers past here.
func (c *Checker) overhear(l *link, p *packet.Packet) {
	if p.Frame.Direction != packet.Incoming || p.Destination.IsMulticast() || p.EthernetSource == (packet.MAC{}) {
		return
	}
	k := l.key(c.this.destination)
	o, isNew := c.scans.overheard.add(k)
	if isNew {
		o.first = p.EthernetSource
	} else if o.first != p.EthernetSource && !o.several {
		o.several = true
		c.scans.overheard.touch(k)
	}
}

// overhears reports whether answers to the question p would be seen here: the capturing host asks, or both questions and
// answers of several come in, as on a mirror port. An answer that comes in alone may be one that a switch has flooded.
// Where they go opposite ways, those of the stations on the asker's side do not pass, and a capture without ways does not
// tell.
func (c *Checker) overhears(l *link, p *packet.Packet) bool {
	switch p.Frame.Direction {
	case packet.Outgoing:
		return l.hardwareAddr != packet.MAC{} && p.SentHere()
	case packet.Incoming:
		o := c.scans.overheard.peek(l.key(c.this.source))
		return o != nil && o.several
	}
	return false
}

// heardOf takes in that a was heard of: somebody has it.
func (c *Checker) heardOf(l *link, a ip) {
	if l.sought == 0 {
		return
	}
	var room [1]*sought
	for _, s := range c.scans.recent.find(l.key(a), room[:]) {
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
		if a.proven {
			l.proven--
		}
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
	if c.exists(l, k.addr) {
		a.heard = true
		l.sought--
		return
	}
	a.unknown = true
	l.unknown++
	if a.proven {
		c.prove(l)
	}
}

// prove counts a target that nobody has.
func (c *Checker) prove(l *link) {
	l.proven++
	if l.proven >= scanTargets {
		c.scanGoesOn(l, packet.MAC{})
	}
}

// scanGoesOn takes in that l is scanned, and names it the first time. Of the station who, if any, questions that are not
// repeated count as well.
func (c *Checker) scanGoesOn(l *link, who packet.MAC) {
	if l.flood == nil {
		c.nameScan(l, who)
	}
	l.flood.goesOn(c.clock.Stamp)
}

// judgeNames looks for a station that asks under many source addresses for many targets that nobody has. No honest one
// does that, whether it repeats its questions or not.
func (c *Checker) judgeNames(l *link) {
	s := &c.scans
	var stations heavy[packet.MAC]
	s.eachUnknown(l, func(a *sought) { stations.add(a.mac) })
	who, _ := stations.most()
	if who == (packet.MAC{}) {
		return
	}
	names, asked := make(askers), 0
	s.eachUnknown(l, func(a *sought) {
		if a.mac == who {
			names.add(a.asker)
			asked++
		}
	})
	if asked >= scanTargets && len(names) >= manyNames {
		c.scanGoesOn(l, who)
	}
}

// eachUnknown calls f for the targets of l that nobody was heard of who has them.
func (s *scans) eachUnknown(l *link, f func(*sought)) {
	for i := range s.judged {
		if k, a := s.recent.at(i); k.link == l.id && a.unknown {
			f(a)
		}
	}
}

// judgeScans judges the targets that had that long to answer.
func (c *Checker) judgeScans(had time.Duration) {
	s := &c.scans
	now := c.clock.Stamp.UnixNano()
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
	if c.scans.recent.length == 0 {
		return
	}
	c.judgeScans(answerTime)
	now := c.clock.Stamp.UnixNano()
	for {
		_, a := c.scans.recent.oldest()
		if a == nil || time.Duration(now-a.at) <= scanTime+answerTime {
			return
		}
		c.expireSought()
	}
}

// doubtScan notes at the end that too many targets of l that nobody is known to have were asked for, where nothing proved
// that nobody has them: a router that has lost its table asks so, too, and where only multicast passes its answers are not
// seen.
func (c *Checker) doubtScan(l *link) {
	if l.flood != nil || l.doubted == 0 {
		return
	}
	f := c.add(l, "ns.flood", fmt.Sprintf("%d addresses that nobody is known to have were asked for within %s, few of them again: a scan, "+
		"or a router that has lost its table and whose answers do not pass here, which cannot be told apart", l.doubted, seconds(scanTime)))
	f.Severity = rule.Info
}

// sweepScans judges the targets whose time is up. end says that nothing more will come.
func (c *Checker) sweepScans(end bool) {
	c.beginScans()
	if end {
		c.judgeScans(soonestAnswer)
	} else {
		c.judgeScans(answerTime)
	}
	if c.scans.judged < scanTargets && !end {
		c.advanceScans()
		return // no link has so many
	}
	for _, l := range c.links.order {
		if l.unknown >= scanTargets && l.proven < scanTargets {
			c.judgeNames(l)
			l.doubted = max(l.doubted, l.unknown)
		}
		if end {
			c.doubtScan(l)
		}
	}
	if !end {
		c.advanceScans()
	}
}
