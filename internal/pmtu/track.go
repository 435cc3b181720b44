package pmtu

import (
	"slices"
	"time"
)

// track is the search of one flow. It asks itself after each round what is still to be known, and goes by all the shots of
// its flow, and not by what it meant to find out with them. What it counts bounds its tries.
type track struct {
	*prober
	flow     int
	slow     int   // rounds with a kind whose answers are limited
	begun    int   // batches that were sent while the target had said nothing
	calm     int   // the round since which probes are sent slowly, 0 for never; what came before proves nothing by silence
	lone     []int // the sizes that were asked for once more alone
	followed int   // the size that is followed from hop to hop
	over     bool  // it ended without an answer
}

func newTrack(p *prober, flow int) *track { return &track{prober: p, flow: flow} }

// main reports whether this is the flow that the place of a fault and the way back are looked for with.
func (t *track) main() bool { return t.flow == 0 }

// mine yields the shots of the flow.
func (t *track) mine(yield func(*shot) bool) {
	for _, s := range t.shots {
		if s.Flow == t.flow && !yield(s) {
			return
		}
	}
}

// whole yields those that were to reach the target.
func (t *track) whole(yield func(*shot) bool) {
	for s := range t.mine {
		if s.full() && !yield(s) {
			return
		}
	}
}

// allowed reports whether probes of a kind may be sent.
func (t *track) allowed(k Kind) bool { return slices.Contains(t.Kinds, k) }

// limited reports whether targets limit the rate of the answers to a kind: Linux has a burst of six, and ten a second.
func limited(k Kind) bool { return k == UDP || k == Option }

const (
	limitedBatch = 5                      // of a limited kind in a round
	limitedPause = 500 * time.Millisecond // until that many are answered again
	// maxLimited is after how many such rounds it is given up: the limit is a stricter one.
	maxLimited = 16
)

// arrived returns the largest size that is known to reach the target by probes of a kind; 0 for none.
func (t *track) arrived(k Kind) int { return t.answered[t.flow].largest[k] }

// low returns the largest size that is known to arrive, by any kind.
func (t *track) low() int {
	a := &t.answered[t.flow].largest
	low := max(a[Echo], a[UDP], a[Option])
	if low == 0 || !t.scattered() {
		low = max(low, a[TCP])
	}
	return low
}

// scattered reports whether TCP takes several ways: what one SYN was refused for, another got through with. It is of no use
// then.
func (t *track) scattered() bool {
	for s := range t.whole {
		if s.Kind == TCP && s.tooBig != nil && !s.passed() && s.Size <= t.arrived(TCP) {
			return true
		}
	}
	return false
}

// returned returns the largest echo whose answer came back whole.
func (t *track) returned() int { return t.answered[t.flow].whole }

// count is what came of the probes of one size.
type count struct {
	tries   int // whose silence says something
	refused int // of them: somebody says that they do not get through
}

// at counts the shots of a size that are of one of the kinds.
func (t *track) at(size int, kinds ...Kind) (c count) {
	for s := range t.whole {
		if s.Size != size || !slices.Contains(kinds, s.Kind) {
			continue
		}
		if s.denied(t.Target) {
			c.refused++
		}
		if t.telling(s) {
			c.tries++
		}
	}
	return c
}

// telling reports whether the silence of a shot says something: the target answers that kind, and did so when it was sent.
func (t *track) telling(s *shot) bool { return s.round >= t.calm && t.controlled(s) }

// controlled reports whether the probes of the same kind that pass, of those that were sent after s in the same round, are
// answered, most of them: so it was not a limit on the rate of the probes, or of the answers, that kept the target silent.
func (t *track) controlled(s *shot) bool {
	pass := t.arrived(s.Kind)
	if s.Kind == Echo {
		pass = t.returned()
	}
	n, answered := 0, 0
	for _, c := range t.shots[s.ID:] {
		if c.round != s.round {
			break
		}
		if c.Flow != s.Flow || c.Kind != s.Kind || !c.full() {
			continue
		}
		if c.answer != nil {
			answered++
		}
		if c.answer != nil || c.Size <= pass {
			n++
		}
	}
	return answered > 0 && 2*answered >= n
}

// kind returns the kind that sizes are searched with: echo, as long as its answers do not get lost on the way back, else
// the first that is answered and, if there is one, whose answers are not rate limited.
func (t *track) kind() Kind {
	if echo := t.arrived(Echo); echo > 0 && echo >= t.low() {
		return Echo
	}
	k, _ := t.short()
	return k
}

// short returns the kind whose answers are short whatever the size of the probe, so that it tells about the way there
// alone; ok is false when the target answers none.
func (t *track) short() (k Kind, ok bool) {
	for _, k := range []Kind{TCP, UDP, Option} {
		if t.arrived(k) > 0 && !(k == TCP && t.scattered()) {
			return k, true
		}
	}
	return Echo, false
}

// need returns how many probes of a size must get no answer before it is taken for too big.
func (t *track) need() int { return silences(t.controls(all...)) }

// controls counts the probes of sizes that pass, by one of the kinds, and those of them that got no answer. Kinds whose answers
// are limited count only where the target answers no other.
func (t *track) controls(kinds ...Kind) (n, lost int) {
	low, back := t.low(), t.returned()
	unlimited := t.arrived(Echo) > 0 || t.arrived(TCP) > 0
	for s := range t.whole {
		// An echo that is longer than what comes back is lost for that.
		if s.Size > low || s.Kind == Echo && s.Size > back || t.arrived(s.Kind) == 0 || limited(s.Kind) && unlimited ||
			s.round < t.calm || !slices.Contains(kinds, s.Kind) {
			continue
		}
		n++
		if s.answer == nil {
			lost++
		}
	}
	return n, lost
}

// high returns the smallest size above low that has been tried with one of the kinds, or refused; 0 for none.
func (t *track) high(low int, kinds ...Kind) int {
	high := 0
	for s := range t.whole {
		if s.Size <= low || s.answer != nil || high > 0 && s.Size >= high {
			continue
		}
		if s.denied(t.Target) || slices.Contains(kinds, s.Kind) && t.telling(s) {
			high = s.Size
		}
	}
	return high
}

// bound is how much is known of the size above the largest that arrives.
type bound uint8

const (
	open   bound = iota // it is still to be tried
	either              // echoes of it get lost, there or back
	shut                // it does not arrive
)

// bound tells what is known of the size above low.
func (t *track) bound(low int) bound {
	size, need := low+1, t.need()
	kind := t.kind()
	refused := t.at(size, all...).refused > 0
	if refused && !t.distrusted() {
		// A router says so; twice, as the first answer may have been lost.
		if need <= leastSilence+1 {
			need = 2
		}
		if t.at(size, kind).tries >= need {
			return shut
		}
		return open
	}
	k, ok := t.short()
	switch {
	case ok && t.at(size, k).tries >= need:
		return shut
	case t.at(size, Echo).tries < need:
		return open
	case t.fragmented(low), t.said(low) && !t.distrusted():
		return shut // long answers do find their way back, in fragments; or a router names just this size
	case !ok:
		return either
	}
	return open
}

// all are the kinds of probes.
var all = []Kind{Echo, UDP, TCP, Option}

// distrusted reports whether somebody says Packet Too Big of what arrives all the same.
func (t *track) distrusted() bool {
	for s := range t.whole {
		// A SYN may take another way than the last one, as its port is another.
		low := 0
		if s.Kind != TCP {
			low = t.arrived(s.Kind)
		}
		if s.tooBig != nil && (s.passed() || s.Size <= low || int(s.tooBig.MTU) < low) {
			return true
		}
	}
	return false
}

// done reports whether the way there is known.
func (t *track) done() bool {
	low := t.low()
	return low >= t.Local || low > 0 && t.bound(low) != open
}

// plan adds what is to be sent next to b; nothing when all is known.
func (t *track) plan(b *batch) {
	switch {
	case t.over:
		return
	case t.low() == 0:
		t.begin(b)
		return
	}
	lossy := t.need() > mostSilence && t.low() < t.Local || t.main() && !t.backDone() && t.needBack() > mostSilence
	if lossy && !t.calmDown() || t.slow > maxLimited || t.sentAll() > maxPackets {
		t.over = true // too much is lost to tell anything by silence
		return
	}
	before := len(b.probes)
	if t.main() {
		t.planWalk(b) // first: where Packet Too Big are few, this one wants them
	}
	t.planForward(b)
	if t.main() {
		t.planBack(b)
		t.planHops(b)
		if len(b.probes) == before {
			t.planAlone(b)
			return
		}
	}
	if len(b.probes) > before {
		b.gap = max(b.gap, t.spacing())
		if t.slowly() {
			b.gap = calmGap
			b.probes = b.probes[:min(len(b.probes), before+calmBatch)]
		}
		t.planControls(b)
	}
}

// maxPackets bounds what one flow sends, whatever comes back. A path that loses a quarter of them takes half of that.
const maxPackets = 600

// sentAll counts the packets of the flow.
func (t *track) sentAll() int {
	n := 0
	for range t.mine {
		n++
	}
	return n
}

// spacing keeps the probes of a round apart: the more, the more is lost, as bursts of loss and short queues do not take all of
// them then.
func (t *track) spacing() time.Duration {
	switch n, lost := t.controls(all...); {
	case lost == 0:
		return spacing
	case 4*lost < n:
		return 5 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// How slowly probes are sent where much of a batch is lost: what limits the rate of echoes lets ten a second pass, mostly.
const (
	calmGap    = 120 * time.Millisecond
	calmBatch  = 8
	calmRounds = 12
	// calmSample is how many probes that pass it takes to tell heavy loss from chance.
	calmSample = 10
)

// calmDown has the flow sent slowly from now on, as the loss may be that of a limit; false when that has not helped.
func (t *track) calmDown() bool {
	n, _ := t.controls(all...)
	if t.calm == 0 {
		if n >= calmSample {
			t.calm = t.round + 1
		}
		return true
	}
	return n <= mostSilence && t.round < t.calm+calmRounds
}

// slowly reports whether probes are to be sent slowly: as long as that has not been seen to make no difference.
func (t *track) slowly() bool {
	n, lost := t.controls(all...)
	return t.calm > 0 && (n < calmSample || lost <= n/4)
}

const (
	firstHops = 6 // hop limits of the first batch; routers answer so many at once
	maxHops   = 30
)

// begin adds the first batch, and what is tried when it gets no answer.
func (t *track) begin(b *batch) {
	t.begun++
	ladderOf := func(k Kind) {
		for _, size := range ladder(t.Local) {
			t.probe(b, 1, k, size)
		}
		t.probe(b, 1, k, small)
	}
	hops := func(k Kind) {
		for h := 1; h <= firstHops && t.main(); h++ {
			b.add(1, Probe{Kind: k, Size: small, HopLimit: h, Flow: t.flow})
		}
	}
	one := func(k Kind, sizes ...int) {
		for _, size := range sizes {
			t.probe(b, 1, k, size)
		}
	}
	local, least := t.Local, min(MinMTU, t.Local)
	if t.anyEcho() && t.begun > 1 {
		// Other kinds may go by other paths: what the flows are compared by is echoes.
		b.pause, b.gap, t.over = limitedPause, spacing, t.begun > 3
		one(Echo, small, least, small)
		return
	}
	switch {
	case t.begun == 1 && t.allowed(Echo):
		if t.main() {
			one(UDP, local)
		}
		ladderOf(Echo)
		hops(Echo)
		if t.main() {
			one(UDP, least)
			one(TCP, least)
		}
	case t.begun <= 2 && t.allowed(TCP):
		ladderOf(TCP)
		hops(TCP)
		one(Echo, least, small)
		if t.main() {
			one(UDP, small)
			one(Option, small, least)
		}
	case t.begun <= 2:
		hops(t.Kinds[0])
		for _, k := range t.Kinds {
			one(k, local, least, small)
		}
	case t.begun <= 4:
		b.pause, b.gap = limitedPause, spacing
		for _, k := range t.Kinds {
			one(k, small, least)
		}
	default:
		t.over = true
	}
}

// anyEcho reports whether any flow had an echo answered.
func (p *prober) anyEcho() bool {
	return slices.ContainsFunc(p.answered, func(a answered) bool { return a.largest[Echo] > 0 })
}

// probe adds n probes that are to reach the target, if the kind is allowed.
func (t *track) probe(b *batch, n int, k Kind, size int) {
	if t.allowed(k) {
		b.add(n, Probe{Kind: k, Size: size, HopLimit: hopLimit, Flow: t.flow})
	}
}
