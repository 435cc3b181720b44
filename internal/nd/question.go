package nd

import (
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	maxQuestions = 2048 // half of how many pairs of asker and target are kept
	maxToAll     = 1024 // half of how many addresses are kept that were advertised to all nodes

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
	due   bool // there may be a question to judge
}

type questionKey struct {
	link          uint32
	asker, target [16]byte
}

// question is what one asker wants to know of one target.
type question struct {
	asker, target netip.Addr
	mac           packet.MAC // asker's
	era           uint32

	heard     time.Time // the last solicitation
	frame     uint64
	multicast bool // where the last one went

	// The tries since the target was last heard to answer, and those of them that follow each other as a host's do that
	// hears no answer.
	tries       int
	first, last time.Time
	run         int
	runFirst    time.Time

	answered bool // the last try was, as seen here
	lost     int  // tries that were answered, as seen here, and yet repeated
	seen     int  // tries that were answered, as seen here
	badAt    time.Time
	bad      int // advertisements that receivers drop, or that do not answer
	invalid  rule.ID

	proved bool // that no answer arrives
	told   bool
	scan   bool // not told, as it is part of a scan
}

// toAll is when an address was last advertised to all nodes.
type toAll struct {
	good, bad time.Time
	invalid   rule.ID // why receivers drop the bad one
}

func newQuestions() questions {
	return questions{table: newTable[questionKey, question](maxQuestions), toAll: newTable[addrKey, toAll](maxToAll)}
}

// ask takes in an NS that receivers accept.
func (c *Checker) ask(l *link, p *packet.Packet) {
	target := p.Message.Target
	if p.Source.IsUnspecified() || !p.Source.IsValid() || !target.IsValid() || p.Source == target {
		return
	}
	s, now := &c.questions, c.clock.Now
	key := questionKey{l.id, p.Source.As16(), target.As16()}
	q := s.table.peek(key)
	if q == nil {
		if l.scanned(p.Source) && c.known(l, target) == nil {
			return
		}
		q, _ = s.table.add(key)
		q.asker, q.target, q.era = p.Source, target, c.clock.Era
	} else if q.era == c.clock.Era && within(q.heard, now, copyGap) {
		return
	} else {
		s.table.touch(key)
	}
	if q.era != c.clock.Era || !q.heard.IsZero() && !within(q.last, now, pauseTime) {
		*q = question{asker: q.asker, target: q.target, era: c.clock.Era}
	}
	q.mac, q.heard, q.frame, q.multicast = p.EthernetSource, now, p.Frame.Number, p.Destination.IsMulticast()
	c.listenToAll(l, q)
	q.try(now, c.retransTimer(l))
	s.due = s.due || q.run >= minTries
}

// try counts a solicitation at time now. Hosts wait for timer between their tries, or for its default.
func (q *question) try(now time.Time, timer time.Duration) {
	gap, wait := now.Sub(q.last), max(timer, defaultRetransTimer)
	switch {
	case q.tries == 0:
	case gap < min(timer, defaultRetransTimer)*4/5:
		return // another program's, or nobody that waits for an answer
	case gap > 3*wait || q.answered && gap > wait*3/2: // a monitor asks again and again as well
		if q.answered && q.run < minTries {
			*q = question{asker: q.asker, target: q.target, mac: q.mac, era: q.era, heard: q.heard, frame: q.frame, multicast: q.multicast}
		}
		q.run = 0
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
	q.last = now
}

// inVain reports whether the tries so far, whose last is long enough ago, prove that no answer arrives. An answer that
// was seen here may have arrived unless the asker went on.
func (q *question) inVain() bool { return q.run >= minTries && (!q.answered || q.lost >= minTries-1) }

// answer takes in an NA; dropped is why receivers drop it, or "".
func (c *Checker) answer(l *link, p *packet.Packet, dropped rule.ID) {
	target, s, now := p.Message.Target, &c.questions, c.clock.Now
	if !target.IsValid() || !p.Destination.IsValid() {
		return
	}
	_, _, hasAddress := linkLayerAddress(p, icmp6.OptTargetLinkLayerAddress)
	if p.Destination.IsMulticast() {
		if !hasAddress && dropped == "" {
			return // of no use to who has to find out the link-layer address
		}
		key := keyOf(l, target)
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
	q := s.table.peek(questionKey{l.id, p.Destination.As16(), target.As16()})
	if q == nil || q.era != c.clock.Era {
		return
	}
	bare := dropped == "" && !hasAddress && p.EthernetSource != packet.MAC{} && q.multicast && within(q.heard, now, directWindow)
	if bare && p.Message.NA.Solicited {
		c.report.Add("na.missing-tlla", -1, target.String(), "%v answers the multicast solicitation of %v for %v without its "+
			"link-layer address: the asker cannot use the answer", p.Source, q.asker, target)
	}
	switch {
	case dropped != "":
		q.hearBad(now, dropped)
	case bare:
		q.hearBad(now, "na.missing-tlla")
	default:
		q.hearGood()
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
func (q *question) hearBad(now time.Time, why rule.ID) {
	if !within(q.badAt, now, copyGap) {
		q.bad++
	}
	q.badAt, q.invalid = now, why
}

// listenToAll takes in what q's target has said to all nodes since its last try.
func (c *Checker) listenToAll(l *link, q *question) {
	a := c.questions.toAll.peek(keyOf(l, q.target))
	if a == nil || q.tries == 0 {
		return
	}
	now := c.clock.Now
	if !a.good.Before(q.last) && within(a.good, now, pauseTime) {
		q.hearGood()
	}
	if !a.bad.Before(q.last) && !a.bad.Equal(q.badAt) && within(a.bad, now, pauseTime) {
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
		if q.run < minTries || q.proved && q.told || q.era != c.clock.Era {
			return
		}
		l := c.links.order[k.link]
		c.listenToAll(l, q)
		if c.clock.Now.Sub(q.last) >= max(c.retransTimer(l), defaultRetransTimer) && q.inVain() {
			q.proved = true
		}
		if q.proved && !q.told {
			c.tellQuestion(l, q, end)
		}
		settled := q.proved && q.told || q.answered && q.lost < minTries-1
		c.questions.due = c.questions.due || !settled
	})
}

// shown reports whether q, which was told, is still without an answer at time now. Who was answered, as seen here, and does not ask again
// has got it.
func (q *question) shown(now time.Time, timer time.Duration) bool {
	over := q.run < minTries && now.Sub(q.last) > 3*max(timer, defaultRetransTimer)
	return q.proved && q.told && !q.scan && (!q.answered || q.lost >= minTries-1 && !over)
}

func (c *Checker) viewQuestions(l *link, v *Link) {
	c.questions.table.each(func(k questionKey, q *question) {
		if k.link != l.id || !q.shown(c.clock.Now, c.retransTimer(l)) || q.era != c.clock.Era {
			return
		}
		v.Questions = append(v.Questions, Question{Asker: q.asker, AskerMAC: q.mac, Target: q.target, Tries: q.tries,
			First: q.first, Last: q.last, LastFrame: q.frame, Seen: q.seen + q.bad, Invalid: q.why(),
			Known: c.known(l, q.target) != nil})
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

// why returns the rule by which the answers seen are of no use, "" when there are none or good ones.
func (q *question) why() rule.ID {
	if q.seen > 0 {
		return ""
	}
	return q.invalid
}
