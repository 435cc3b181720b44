package pmtu

import (
	"context"
	"errors"
	"math"
	"net/netip"
	"slices"
	"time"
)

const (
	// hopLimit is that of a probe that is to reach the target.
	hopLimit = 64
	// small is the size of a probe that fits wherever anything does.
	small = 64
	// spacing keeps repeated probes apart, so that one burst of loss does not take all of them.
	spacing = 400 * time.Microsecond

	// How long a batch is waited for while the target has said nothing yet: patience where routers on the way have been
	// heard, as what comes late counts all the same, else longPatience.
	patience     = 250 * time.Millisecond
	longPatience = time.Second
	// grace is added to the mean round-trip time: routers answer by their slow path.
	grace = 15 * time.Millisecond
)

// shot is a probe that was sent, and what came back: the first reply of each type.
type shot struct {
	Probe
	at    time.Time
	round int

	answer, tooBig, exceeded, refused, held *Reply
}

// slot returns where a reply of a type is kept.
func (s *shot) slot(t ReplyType) **Reply {
	switch t {
	case Answer:
		return &s.answer
	case TooBig:
		return &s.tooBig
	case Exceeded:
		return &s.exceeded
	case Held:
		return &s.held
	}
	return &s.refused
}

// settled reports whether any reply came.
func (s *shot) settled() bool {
	return s.answer != nil || s.tooBig != nil || s.exceeded != nil || s.refused != nil || s.held != nil
}

// passed reports whether the shot came farther than to whoever might say Packet Too Big of it: to the target or, with too few
// hops to live, to a later router.
func (s *shot) passed() bool { return s.answer != nil || s.exceeded != nil }

// denied reports whether somebody says that the shot did not get through, this host's own filter among them.
func (s *shot) denied(target netip.Addr) bool {
	return s.tooBig != nil || s.refused != nil && s.refused.Source != target || s.held != nil
}

// full reports whether the shot was to reach the target.
func (s *shot) full() bool { return s.HopLimit >= hopLimit }

// answered are the largest sizes that are known to reach the target, by kind, and of those the largest echo whose answer came
// back whole; 0 for none.
type answered struct {
	largest [4]int
	whole   int
}

// prober sends batches and keeps what came of them.
type prober struct {
	Config
	net      Transport
	shots    []*shot        // by ID-1
	round    int            // batches so far; those before the current one have been waited for
	answered []answered     // by flow
	forged   map[uint32]int // Packet Too Big that match no probe, by their MTU
	heard    bool           // anything came back at all
	liar     bool           // a Packet Too Big came for a probe that arrived
	clean    bool           // an echo as long as may be sent came back whole

	start, last     time.Time // of sending
	min, mean, vary time.Duration
	max             time.Duration
}

// Run probes the path to c.Target and tells what came of it. When ctx ends it tells what is known by then. Net's replies
// must end early when ctx does.
func Run(ctx context.Context, c Config, net Transport) (*Result, error) {
	c.Flows = max(c.Flows, 1)
	if len(c.Kinds) == 0 {
		c.Kinds = []Kind{Echo, UDP, TCP, Option}
	}
	p := &prober{Config: c, net: net, start: net.Now(), answered: make([]answered, c.Flows), forged: make(map[uint32]int)}
	tracks := make([]*track, c.Flows)
	for i := range tracks {
		tracks[i] = newTrack(p, i)
	}
	err := p.run(ctx, tracks)
	complete, sent := err == nil, len(p.shots)
	if !complete { // the silence of what was not waited for says nothing
		p.shots = slices.DeleteFunc(p.shots, func(s *shot) bool { return s.round == p.round && !s.settled() })
	}
	if ctx.Err() != nil && errors.Is(err, ctx.Err()) {
		err = nil
	}
	r := p.result(tracks, complete)
	r.Sent = sent
	return r, err
}

// maxForged bounds how many MTUs of messages that match no probe are kept.
const maxForged = 64

// maxRounds is more than any path takes; a target that changes its mind all the time would take for ever.
const maxRounds = 40

func (p *prober) run(ctx context.Context, tracks []*track) error {
	for p.round < maxRounds {
		var b batch
		for _, t := range tracks {
			t.plan(&b)
		}
		if len(b.probes) == 0 {
			return nil
		}
		if err := p.exchange(ctx, &b); err != nil {
			return err
		}
	}
	return nil
}

// batch is what is sent in one go.
type batch struct {
	probes []Probe
	pause  time.Duration // to let pass before
	gap    time.Duration // between two
}

// add adds n probes that are alike, or as many as can prove something.
func (b *batch) add(n int, p Probe) {
	for range min(n, mostSilence+1) {
		b.probes = append(b.probes, p)
	}
}

// exchange sends a batch and waits for its replies.
func (p *prober) exchange(ctx context.Context, b *batch) error {
	if err := p.receive(p.net.Now().Add(b.pause)); err != nil {
		return err
	}
	p.round++
	gap := max(b.gap, p.Gap)
	next := p.net.Now()
	for _, probe := range b.probes {
		if err := ctx.Err(); err != nil {
			return err
		}
		if gap > 0 {
			if err := p.receive(next); err != nil {
				return err
			}
			next = next.Add(gap)
		}
		if err := p.send(probe); err != nil {
			return err
		}
	}
	return p.collect()
}

func (p *prober) send(probe Probe) error {
	probe.ID = len(p.shots) + 1
	s := &shot{Probe: probe, at: p.net.Now(), round: p.round}
	p.shots = append(p.shots, s)
	p.last = s.at
	err := p.net.Send(probe)
	if p.Trace != nil {
		p.Trace(probe, s.at, nil)
	}
	return err
}

// receive takes in what comes until the time given.
func (p *prober) receive(until time.Time) error {
	for p.net.Now().Before(until) {
		r, ok, err := p.net.Receive(until)
		if err != nil {
			return err
		}
		if !ok {
			return nil
		}
		p.take(r)
	}
	return nil
}

// collect waits for the replies to the last batch: until all are there, or for as long as one may take.
func (p *prober) collect() error {
	for {
		until := p.last.Add(p.wait())
		if p.allSettled() {
			until = p.answerable()
		}
		r, ok, err := p.net.Receive(until)
		if err != nil || !ok {
			return err
		}
		p.take(r)
	}
}

func (p *prober) allSettled() bool {
	for i := len(p.shots) - 1; i >= 0 && p.shots[i].round == p.round; i-- {
		s := p.shots[i]
		settled := s.settled() && !(p.liar && s.answer == nil && s.tooBig != nil)
		if !settled && !(p.clean && s.Kind != Echo) { // on a clean path the other kinds have nothing to add
			return false
		}
	}
	return true
}

// answerable returns until when the probes that were refused could be answered all the same, if whoever says Packet Too Big
// lies.
func (p *prober) answerable() time.Time {
	for i := len(p.shots) - 1; i >= 0 && p.shots[i].round == p.round; i-- {
		if s := p.shots[i]; s.tooBig != nil && s.answer == nil && s.full() {
			return s.at.Add(max(p.max, p.mean+4*p.vary))
		}
	}
	return time.Time{}
}

// wait returns how long a reply may take.
func (p *prober) wait() time.Duration {
	switch {
	case p.mean > 0:
		return max(p.max+4*p.vary, p.mean+grace)
	case p.heard:
		return patience
	}
	return longPatience
}

// take takes in a reply.
func (p *prober) take(r Reply) {
	if r.ID < 1 || r.ID > len(p.shots) {
		if r.Type == TooBig {
			if _, known := p.forged[r.MTU]; known || len(p.forged) < maxForged {
				p.forged[r.MTU]++
			}
		}
		if p.Trace != nil {
			p.Trace(Probe{}, time.Time{}, &r)
		}
		return
	}
	p.heard = p.heard || r.Type != Held
	s := p.shots[r.ID-1]
	if p.Trace != nil {
		p.Trace(s.Probe, s.at, &r)
	}
	if r.Type == Unreachable && r.Source == p.Target && limited(s.Kind) {
		r.Type = Answer // whoever refuses a packet has got it
	}
	slot := s.slot(r.Type)
	if *slot != nil && !(*slot).Filtered {
		return
	}
	*slot = &r
	p.liar = p.liar || s.tooBig != nil && s.passed()
	if r.Type == Answer {
		p.reached(s)
		p.sample(r.Time.Sub(s.at))
		p.clean = p.clean || p.Flows == 1 && s.Kind == Echo && s.Size == p.Local && r.FragmentSize == 0
	}
}

// reached takes in that a shot reached the target.
func (p *prober) reached(s *shot) {
	if !s.full() {
		return
	}
	a := &p.answered[s.Flow]
	a.largest[s.Kind] = max(a.largest[s.Kind], s.Size)
	if s.Kind == Echo && s.answer.FragmentSize == 0 {
		a.whole = max(a.whole, s.Size)
	}
}

// sample takes a round-trip time into the estimate (RFC 6298 §2).
func (p *prober) sample(rtt time.Duration) {
	rtt = max(rtt, time.Microsecond)
	if p.mean == 0 {
		p.min, p.max, p.mean, p.vary = rtt, rtt, rtt, rtt/2
		return
	}
	p.min, p.max = min(p.min, rtt), max(p.max, rtt)
	p.vary += ((p.mean - rtt).Abs() - p.vary) / 4
	p.mean += (rtt - p.mean) / 8
}

const (
	// doubt is how likely it may be that a size which passes is taken for one that does not.
	doubt = 1e-6
	// Silence proves nothing when fewer probes of a size were lost than leastSilence, whatever the loss seen; where more
	// than mostSilence would be needed it is not known what the size does.
	leastSilence = 5
	mostSilence  = 20
)

// silences returns how many probes of one size must get no answer before it is taken for too big, given how many of n
// probes that do pass were lost.
func silences(n, lost int) int {
	p := (float64(lost) + 0.5) / float64(n+1)
	k := math.Ceil(math.Log(doubt) / math.Log(p))
	if !(k <= 1e6) { // all were lost
		k = 1e6
	}
	return max(int(k), leastSilence)
}
