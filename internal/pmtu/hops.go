package pmtu

import (
	"net/netip"
	"time"
)

// hop is what is known of a place on the way.
type hop struct {
	source  netip.Addr // of the router that answered; invalid for none
	reply   *Reply
	shot    *shot
	largest int // of the probes known to have come to it
	target  bool
}

// hops returns what hop-limited probes tell: hops[h-1] of the router that is h away, as far as probes went. distance is that
// of the target, 0 when it is not known.
func (t *track) hops() (hops []hop, distance int) {
	for s := range t.mine {
		if s.full() {
			continue
		}
		for len(hops) < s.HopLimit {
			hops = append(hops, hop{})
		}
		h := &hops[s.HopLimit-1]
		switch {
		case s.answer != nil:
			h.target = true
			h.largest = max(h.largest, s.Size)
		case s.exceeded != nil:
			h.largest = max(h.largest, s.Size)
			if h.shot == nil || s.exceeded.Time.Sub(s.at) < h.reply.Time.Sub(h.shot.at) {
				h.source, h.reply, h.shot = s.exceeded.Source, s.exceeded, s
			}
		}
	}
	for i := range hops {
		if hops[i].target {
			return hops[:i+1], i + 1
		}
	}
	return hops, 0
}

// guess returns how far the target is, by the hop limit of its answers: systems begin with 64, 128 or 255. It is the length
// of the way back, and no proof. 0 for no guess.
func (t *track) guess() int {
	for s := range t.whole {
		if s.answer == nil || s.answer.HopLimit == 0 {
			continue
		}
		for _, first := range []int{64, 128, 255} {
			if s.answer.HopLimit <= first {
				return first - s.answer.HopLimit + 1
			}
		}
	}
	return 0
}

// hopKind returns the kind of hop-limited probes.
func (t *track) hopKind() Kind {
	if t.arrived(Echo) > 0 || t.kind() == Echo {
		return Echo
	}
	return t.kind()
}

// planHops adds hop-limited probes: small ones for what is farther than the first batch went, and long ones where packets
// vanish, to see how far they come.
func (t *track) planHops(b *batch) {
	hops, distance := t.hops()
	kind := t.hopKind()
	if distance == 0 {
		// Without a guess, a few more beyond the last that answered.
		far := min(max(t.guess()+1, t.lastHeard(hops)+3), maxHops)
		for h := 1; h <= far; h++ {
			if (h > len(hops) || !hops[h-1].source.IsValid()) && !t.asked(kind, h) {
				b.add(1, Probe{Kind: kind, Size: small, HopLimit: h, Flow: t.flow})
			}
		}
	}
	size, ok := t.suspect()
	tries := 1
	if _, lost := t.controls(all...); lost > 0 {
		tries = 3
	} else if ok {
		tries = 2
	}
	for h := 1; h < max(t.lastHeard(hops), distance); h++ {
		if !hops[h-1].source.IsValid() { // silent, or lost?
			b.add(max(tries-t.hopTries(h, small), 0), Probe{Kind: kind, Size: small, HopLimit: h, Flow: t.flow})
		}
	}
	if ok {
		t.followed = size
		t.follow(b, size)
	} else if size, ok := t.lostBack(); ok {
		t.follow(b, size)
	}
}

// lostBack returns the size of the echoes that seem to get lost on the way back. How far they come tells whether they do.
func (t *track) lostBack() (size int, ok bool) {
	back := t.returned()
	return back + 1, back >= MinMTU && back < t.low() && t.backDone() && !t.fragmented(back+1)
}

// follow adds probes of a size to each router, to see how far they come.
func (t *track) follow(b *batch, size int) {
	hops, _ := t.hops()
	kind := t.hopKind()
	if t.at(size, all...).tries < 2 {
		t.probe(b, 1, t.kind(), size) // or was it only lost?
	}
	if _, ok := t.refuser(size); ok {
		return // its Packet Too Big tells where
	}
	last := t.lastHeard(hops)
	want := 2
	if last > firstHops {
		want = 1
	}
	after, _ := t.place(size)
	proof := true
	for h := after + 1; h <= last; h++ {
		if !hops[h-1].source.IsValid() {
			continue
		}
		n := want - t.hopTries(h, size)
		if proof && t.hopTries(h, size) > 0 {
			// The first one that it does not come to is asked more often, as its silence is the proof; and last for less,
			// as a router with one answer left gives it to the first.
			proof = false
			if n = t.need() - t.missed(h, size); n <= 0 || t.hopTries(h, small) > maxHopTries {
				continue
			}
			n += spare
			b.pause = max(b.pause, t.rest(h))
			b.add(n, Probe{Kind: kind, Size: size, HopLimit: h, Flow: t.flow})
			b.add(1, Probe{Kind: kind, Size: small, HopLimit: h, Flow: t.flow})
			continue
		}
		b.add(max(n, 0), Probe{Kind: kind, Size: size, HopLimit: h, Flow: t.flow})
	}
}

// asked reports whether a router has been asked by probes of a kind.
func (t *track) asked(k Kind, h int) bool {
	for s := range t.mine {
		if s.HopLimit == h && s.Kind == k {
			return true
		}
	}
	return false
}

// spare is how many probes more than it takes are sent where loss counts, as it may be seen to be more meanwhile.
const spare = 2

// maxHopTries bounds how often a router is asked whether it still answers.
const maxHopTries = 6

// rest returns how long a router is to be left in peace before it is asked again: not at all if it answered the last time.
func (t *track) rest(h int) time.Duration {
	wait := time.Duration(0)
	for s := range t.mine {
		if s.HopLimit != h || s.Size > small {
			continue
		}
		wait = loneWait
		if s.exceeded != nil {
			wait = 0
		}
	}
	return wait
}

// missed counts the probes of a size that did not come to a router, for all that is known: in the same round it answered
// a small one that was sent after them, so it was not the limit on the rate of its answers that kept it silent.
func (t *track) missed(h, size int) int {
	n, inRound, round := 0, 0, 0
	for s := range t.mine {
		if s.HopLimit != h {
			continue
		}
		if s.round != round {
			inRound, round = 0, s.round
		}
		switch {
		case s.Size == size && s.exceeded == nil && s.answer == nil:
			inRound++
		case s.Size <= small && s.exceeded != nil:
			n, inRound = n+inRound, 0
		}
	}
	return n
}

func (t *track) lastHeard(hops []hop) int {
	last := 0
	for i := range hops {
		if hops[i].source.IsValid() {
			last = i + 1
		}
	}
	return last
}

// hopTries counts the probes of a size that were to come to a router.
func (t *track) hopTries(h, size int) int {
	n := 0
	for s := range t.mine {
		if s.HopLimit == h && s.Size == size {
			n++
		}
	}
	return n
}

// place tells how far packets of a size come: after is the last router that got one, before the first that got none, the
// target's distance when all routers did; 0 when that is not known.
func (t *track) place(size int) (after, before int) {
	hops, distance := t.hops()
	if h, ok := t.refuser(size); ok {
		return h, h + 1
	}
	for i := range hops {
		if hops[i].largest >= size && !hops[i].target {
			after = i + 1
		}
	}
	for i := after; i < len(hops); i++ {
		switch {
		case hops[i].target:
			return after, i + 1
		case hops[i].source.IsValid() && t.missed(i+1, size) >= t.need():
			return after, i + 1
		case hops[i].source.IsValid():
			return after, 0
		}
	}
	if distance > 0 {
		return after, distance
	}
	return after, 0
}

// refuser returns the last router that a probe of a size came to, where an error tells: the one that sent it, or
// the one before the tunnel endpoint that did.
func (t *track) refuser(size int) (hop int, ok bool) {
	hops, _ := t.path()
	if t.distrusted() {
		return 0, false // it may pass on what it refuses
	}
	for s := range t.mine {
		for _, r := range []*Reply{s.tooBig, s.refused} {
			if r == nil || s.Size != size {
				continue
			}
			if h, _ := placeOf(s, r, hops, t.Target); h >= hop {
				hop, ok = h, true
			}
		}
	}
	return hop, ok
}
