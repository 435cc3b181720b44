package nd

import (
	"slices"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	maxQuestions = 2048 // half of how many pairs of asker and target are kept
	maxToAll     = 1024 // half of how many addresses are kept that were advertised to all nodes, or asked for last

	// minTries is MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT (RFC 4861 §10): so often a host asks that hears no answer.
	minTries = 3
	// pauseTime is after how long without a solicitation an asker's tries are counted anew.
	pauseTime = time.Minute
	// directWindow is how long after a solicitation an advertisement counts as its answer.
	directWindow = 3 * time.Second
	// scanDoubt is how long what a router asks for is held back, as it may be the beginning of a scan.
	scanDoubt = 10 * time.Second
)

// questions are the solicitations that wait for an answer.
//
// The evidence that one was not answered is that its sender repeats it: it would not, had it an answer (RFC 4861 §7.2.2,
// §7.3.3). So it does not matter whether the answers can be seen here.
type questions struct {
	table table[questionKey, question]
	toAll table[addrKey, toAll]
	asked table[addrKey, asked]
	due   bool // there may be a question to judge
}

type questionKey struct {
	link          uint32
	asker, target ip
}

func (k questionKey) hash(s *seed) uint64 {
	return s.mix(s.mix(k.asker.high+uint64(k.link)<<32, k.asker.low), s.mix(k.target.high, k.target.low))
}

// question is what one asker wants to know of one target.
type question struct {
	mac packet.MAC // asker's
	era uint32

	heard     ndcheck.Stamp // the last solicitation
	frame     uint64
	multicast bool // where the last one went
	here      bool // the capturing host asks

	// The tries since the target was last heard to answer, and those of them that follow each other as a host's do that
	// hears no answer.
	tries       int
	first, last ndcheck.Stamp
	run         int
	runFirst    ndcheck.Stamp
	gap         time.Duration // between the last two tries
	grown       bool          // one of the run's gaps was longer than the one before

	answered bool // the last try was, as seen here
	lost     int  // tries that were answered, as seen here, and yet repeated
	seen     int  // tries that were answered, as seen here
	// Where the target was at the first try, zero if that is not known; whether one of those seen was its, as far as known;
	// and whose another one was.
	where     packet.MAC
	seenOwner bool
	other     packet.MAC

	badAt   ndcheck.Stamp
	bad     int // advertisements that receivers drop, or that do not answer
	invalid rule.ID

	proved bool // that no answer arrives
	open   bool // the last try still has time for one
	told   bool
	scan   bool // not told, as it is part of a scan
}

// toAll is when an address was last advertised to all nodes.
type toAll struct {
	good, bad ndcheck.Stamp
	invalid   rule.ID // why receivers drop the bad one
}

// asked is when a station last asked for an address.
type asked struct {
	at  ndcheck.Stamp
	mac packet.MAC
	era uint32
}

func newQuestions() questions {
	return questions{table: newTable[questionKey, question](maxQuestions), toAll: newTable[addrKey, toAll](maxToAll),
		asked: newTable[addrKey, asked](maxToAll)}
}

// ask takes in an NS that receivers accept.
func (c *Checker) ask(l *link, p *packet.Packet) {
	target := p.Message.Target
	if p.Source.IsUnspecified() || !p.Source.IsValid() || !target.IsValid() || p.Source == target {
		return
	}
	s, now := &c.questions, c.clock.Stamp
	key := questionKey{l.id, c.this.source, c.this.target}
	q := s.table.peek(key)
	if q == nil {
		if l.scanned(key.asker) && c.neighborAt(l, key.target) == nil {
			return
		}
		q, _ = s.table.add(key)
		q.era = c.clock.Era
	} else if q.era == c.clock.Era && within(q.heard, now, copyGap) {
		return
	} else {
		s.table.touch(key)
	}
	if q.era != c.clock.Era || q.heard != 0 && !within(q.last, now, pauseTime) {
		*q = question{era: c.clock.Era}
	}
	c.listenToAll(l.key(key.target), q)
	q.mac, q.heard, q.frame, q.multicast = p.EthernetSource, now, p.Frame.Number, p.Destination.IsMulticast()
	q.here = p.SentHere()
	q.try(now, c.lastAsked(l, p), c.retransTimer(l))
	if q.tries == 1 {
		q.where = c.neighborAt(l, key.target).whereabouts()
	}
	s.due = s.due || q.run >= q.needed()
}

// lastAsked returns when p's station asked for p's target before, under whichever of its addresses, and keeps that of p.
// The time is zero if another station did since.
func (c *Checker) lastAsked(l *link, p *packet.Packet) (before ndcheck.Stamp) {
	a, _ := c.questions.asked.add(l.key(c.this.target))
	if a.mac == p.EthernetSource && a.mac != (packet.MAC{}) && a.era == c.clock.Era {
		before = a.at
	}
	*a = asked{at: c.clock.Stamp, mac: p.EthernetSource, era: c.clock.Era}
	return before
}

// try counts a solicitation at time now. before is when the station asked last under any of its addresses.
func (q *question) try(now, before ndcheck.Stamp, timer time.Duration) {
	gap, wait := now.Sub(q.last), max(timer, defaultRetransTimer)
	repeated := paced(gap, timer) || paced(now.Sub(before), timer)
	if !repeated && q.grows(gap) {
		repeated, q.grown = true, true
	}
	switch {
	case q.tries == 0:
	case gap < min(timer, defaultRetransTimer)*4/5:
		// Another program's, or of one that does not wait for an answer: then the answers tell nothing either.
		if q.answered {
			q.run, q.lost, q.last, q.answered = 0, 0, now, false
		}
		return
	case !repeated || q.answered && gap > wait*3/2: // a monitor asks again and again as well
		if q.answered && q.run < minTries {
			*q = question{mac: q.mac, era: q.era, heard: q.heard, frame: q.frame, multicast: q.multicast, here: q.here}
		}
		q.run, q.grown = 0, false
	default:
		if q.answered {
			q.lost++
		}
		q.proved = q.proved || q.inVain()
	}
	if q.tries == 0 {
		q.first = now
	}
	if q.run == 0 {
		q.runFirst = now
	}
	q.answered = false
	q.tries++
	q.run++
	q.last, q.gap = now, gap
}

// paced reports whether gap is one between two tries of a host that hears no answer: it waits for timer, which a router
// may have set, or for the default (RFC 4861 §7.2.2). A host that was answered may ask again at any other one.
func paced(gap, timer time.Duration) bool {
	near := func(t time.Duration) bool { return gap >= t*4/5 && gap <= t*8/5 }
	return near(timer) || near(defaultRetransTimer)
}

// grows reports whether gap follows the one before it as those of a host do that waits longer each time (RFC 7048 §3: three
// times as long).
func (q *question) grows(gap time.Duration) bool {
	return q.run > 1 && gap >= q.gap*3/2 && gap <= q.gap*7/2
}

// needed returns how many tries in a row prove something. Where gaps grow, the last one may be that of a new question.
func (q *question) needed() int {
	if q.grown {
		return minTries + 1
	}
	return minTries
}

// inVain reports whether the tries so far, whose last is long enough ago, prove that no answer arrives. An answer that
// was seen here may have arrived unless the asker went on.
func (q *question) inVain() bool { return q.run >= q.needed() && (!q.answered || q.lost >= minTries-1) }

// answer takes in an NA; dropped is why receivers drop it, or "".
func (c *Checker) answer(l *link, p *packet.Packet, dropped rule.ID) {
	target, s, now := p.Message.Target, &c.questions, c.clock.Stamp
	if !target.IsValid() || !p.Destination.IsValid() {
		return
	}
	mac, hasAddress, wrong := c.this.mac, c.this.hasOpt, c.this.misfit
	if p.Destination.IsMulticast() {
		if (!hasAddress || wrong != nil) && dropped == "" {
			return // of no use to who has to find out the link-layer address
		}
		key := l.key(c.this.target)
		a, isNew := s.toAll.add(key)
		if !isNew {
			s.toAll.touch(key)
		}
		if dropped == "" {
			a.good = now
		} else {
			a.bad, a.invalid = now, dropped
		}
		return
	}
	q := s.table.peek(questionKey{l.id, c.this.destination, c.this.target})
	if q == nil || q.era != c.clock.Era {
		return
	}
	bare := dropped == "" && !hasAddress && p.EthernetSource != packet.MAC{} && q.multicast && within(q.heard, now, directWindow)
	if bare && p.Message.NA.Solicited {
		c.report.Add("na.missing-tlla", -1, target.String(), "%v answers the multicast solicitation of %v for %v without its "+
			"link-layer address: the asker cannot use the answer", p.Source, p.Destination, target)
	}
	if wrong != nil && dropped == "" && p.Message.NA.Solicited {
		c.report.Add("na.missing-tlla", wrong.Offset, target.String(), "%v answers %v for %v without a link-layer address that it can use: "+
			"its option has %d bytes, not the 8 of an Ethernet address: receivers drop the whole message", p.Source, p.Destination, target, len(wrong.Raw))
	}
	switch {
	case dropped != "":
		q.hearBad(now, dropped)
	case bare || wrong != nil:
		q.hearBad(now, "na.missing-tlla")
	default:
		q.hearGood()
		q.hearFrom(p.EthernetSource, mac)
	}
}

// hearFrom takes in who gave a good answer: the frame's source, and the option's address, zero if there is none.
func (q *question) hearFrom(source, mac packet.MAC) {
	if q.where == (packet.MAC{}) || source == (packet.MAC{}) || source == q.where || mac == q.where {
		q.seenOwner = true
		return
	}
	q.other = source
	if mac != (packet.MAC{}) {
		q.other = mac
	}
}

// hearGood takes in an answer that the asker can use.
func (q *question) hearGood() {
	if !q.answered {
		q.answered = true
		q.seen++
	}
	if q.lost < minTries-1 {
		q.proved = false
	}
}

// hearBad takes in an answer of no use.
func (q *question) hearBad(now ndcheck.Stamp, why rule.ID) {
	if !within(q.badAt, now, copyGap) {
		q.bad++
	}
	q.badAt, q.invalid = now, why
}

// listenToAll takes in what target, which q asks for, has said to all nodes since its last try.
func (c *Checker) listenToAll(target addrKey, q *question) {
	if q.tries == 0 {
		return
	}
	a := c.questions.toAll.peek(target)
	if a == nil {
		return
	}
	now := c.clock.Stamp
	// It tells who has no address yet, and does not confirm one that is being probed (RFC 4861 §7.2.5).
	if q.multicast && a.good >= q.last && within(a.good, now, pauseTime) {
		q.hearGood()
		q.seenOwner = true
	}
	if a.bad >= q.last && a.bad != q.badAt && within(a.bad, now, pauseTime) {
		q.hearBad(a.bad, a.invalid)
	}
}

// sweepQuestions looks for questions whose time is up. end says that nothing more will come.
func (c *Checker) sweepQuestions(end bool) {
	if !c.questions.due {
		return
	}
	c.questions.due = false
	c.questions.table.each(func(k questionKey, q *question) {
		if q.run < q.needed() || q.proved && q.told || q.era != c.clock.Era {
			return
		}
		l := c.links.order[k.link]
		c.listenToAll(l.key(k.target), q)
		// At the end the last try may have had no time for its answer, but each repetition proves the try before it.
		q.open = c.clock.Stamp.Sub(q.last) < max(c.retransTimer(l), defaultRetransTimer)
		if (end || !q.open) && q.inVain() {
			q.proved = true
		}
		if q.proved && !q.told {
			c.tellQuestion(l, &k, q, end)
		}
		settled := q.proved && q.told || q.answered && q.lost < minTries-1
		c.questions.due = c.questions.due || !settled
	})
}

// shown reports whether q, which was told, is still without an answer at time now. Who was answered, as seen here, and does not ask again
// has got it.
func (q *question) shown(now ndcheck.Stamp, timer time.Duration) bool {
	over := q.run < minTries && now.Sub(q.last) > 3*max(timer, defaultRetransTimer)
	return q.proved && q.told && !q.scan && (!q.answered || q.lost >= minTries-1 && !over)
}

func (c *Checker) viewQuestions(l *link, v *Link) {
	c.questions.table.each(func(k questionKey, q *question) {
		if k.link != l.id || !q.shown(c.clock.Stamp, c.retransTimer(l)) || q.era != c.clock.Era {
			return
		}
		v.Questions = append(v.Questions, Question{Asker: k.asker.addr(), AskerMAC: q.mac, Target: k.target.addr(), Tries: q.tries,
			First: q.first.Time(), Last: q.last.Time(), LastFrame: q.frame, Seen: q.seen + q.bad, Invalid: q.why(),
			Known: c.neighborAt(l, k.target) != nil, Here: q.here, By: q.by()})
	})
	slices.SortFunc(v.Questions, func(a, b Question) int {
		if d := a.First.Compare(b.First); d != 0 {
			return d
		}
		if d := a.Asker.Compare(b.Asker); d != 0 {
			return d
		}
		return a.Target.Compare(b.Target)
	})
}

// by returns the station that gave the good answers, where that is another than the target's, else zero.
func (q *question) by() packet.MAC {
	if q.seen == 0 || q.seenOwner {
		return packet.MAC{}
	}
	return q.other
}

// why returns the rule by which the answers seen are of no use, "" when there are none or good ones.
func (q *question) why() rule.ID {
	if q.seen > 0 {
		return ""
	}
	return q.invalid
}
