package pmtu

import "slices"

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
