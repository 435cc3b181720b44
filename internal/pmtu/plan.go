package pmtu

import (
	"slices"
	"time"
)

const (
	// split is into how many parts a wide gap is cut a round, every is how many sizes are few enough to try all, perRound
	// how many probes those get, and few how many sizes are as good as known.
	split    = 10
	every    = 12
	perRound = 12
	few      = 2
)

// planForward adds what tells which size arrives.
func (t *track) planForward(b *batch) {
	if t.done() {
		return
	}
	low, kind := t.low(), t.kind()
	if limited(kind) && t.slow == 0 { // is there no better kind indeed?
		t.probe(b, 2, Echo, MinMTU)
		t.probe(b, 2, TCP, MinMTU)
		t.slow++
	}
	if low < MinMTU { // nothing is searched below
		t.probe(b, max(t.need()-t.at(MinMTU, kind).tries, 0), kind, MinMTU)
		return
	}
	kinds := all
	if kind != Echo {
		kinds = all[1:] // an echo's silence may be that of the way back
	}
	high := t.high(low, kinds...)
	if high == 0 {
		high = t.Local + 1
	}
	if k, ok := t.short(); ok && kind == Echo && high-low-1 <= few && !limited(k) {
		kind = k // one of these sizes is the limit, and such a probe shows it
	}
	t.narrow(b, low, high, kind, t.bounded)
}

// narrow adds probes between low, which passes, and high, which does not seem to. bounded adds those that show that a size
// does not pass.
func (t *track) narrow(b *batch, low, high int, kind Kind, bounded func(b *batch, size, n int)) {
	inner := high - low - 1
	if inner == 0 || isLikely(low) || t.said(low) {
		n := t.need()
		if inner > 0 && limited(kind) {
			n = min(n, t.at(low+1, kind).tries+2) // some of the few for the sizes above
		}
		bounded(b, low+1, n)
	}
	most := split - 1
	sizes := t.hints(low, high)
	switch {
	case limited(kind):
		most = 2
		sizes = sizes[:min(len(sizes), 1)]
	case inner <= every:
		most = inner
	}
	sizes = append(sizes, between(low, high, most)...)
	slices.Sort(sizes)
	sizes = slices.Compact(sizes)
	repeat := 1
	if inner <= every && !limited(kind) && inner > 0 {
		repeat = max(min(perRound/inner, t.need()), 1)
	}
	for range repeat { // round by round, so that probes of one size are apart
		for _, size := range sizes {
			n := 1
			if t.said(size - 1) {
				n = 2 // as much as it takes where somebody says so
			}
			if !planned(b, size, t.flow, max(repeat, n)) {
				t.probe(b, n, kind, size)
			}
		}
	}
}

// planned reports whether a batch has so many probes of a size already.
func planned(b *batch, size, flow, n int) bool {
	for _, p := range b.probes {
		if p.Size == size && p.Flow == flow && p.HopLimit >= hopLimit {
			n--
		}
	}
	return n <= 0
}

// sent reports whether a size has been tried by a kind.
func (t *track) sent(k Kind, size int) bool {
	for s := range t.whole {
		if s.Kind == k && s.Size == size {
			return true
		}
	}
	return false
}

// hints returns the MTUs between low and high that Packet Too Big messages name, and what is one byte longer.
func (t *track) hints(low, high int) []int {
	var list []int
	for s := range t.mine {
		if s.tooBig == nil {
			continue
		}
		for m := int(s.tooBig.MTU); m <= int(s.tooBig.MTU)+1; m++ {
			if m > low && m < high {
				list = append(list, m)
			}
		}
	}
	slices.Sort(list)
	return slices.Compact(list)
}

// said reports whether a Packet Too Big names size.
func (t *track) said(size int) bool {
	for s := range t.mine {
		if s.tooBig != nil && int(s.tooBig.MTU) == size {
			return true
		}
	}
	return false
}

// bounded adds what shows that size does not arrive: a Packet Too Big says it at once, else it takes n probes of a kind
// whose answers are short, or of echoes where the target answers nothing else.
func (t *track) bounded(b *batch, size, n int) {
	kind := t.kind()
	if t.at(size, all...).refused > 0 && !t.distrusted() {
		if n <= leastSilence+1 {
			n = 2
		}
		t.probe(b, max(n-t.at(size, kind).tries, 0), kind, size)
		return
	}
	k, ok := t.short()
	if !ok || limited(k) && t.fragmented(size-1) {
		t.probe(b, max(n-t.at(size, Echo).tries, 0), Echo, size)
		if !ok && t.main() && !t.sent(TCP, size-1) { // is there none indeed?
			t.probe(b, 2, TCP, size-1)
			t.probe(b, 1, Option, size-1)
		}
		return
	}
	t.probe(b, max(n-t.at(size, k).tries, 0), k, size)
	if kind == Echo {
		t.probe(b, max(2-t.at(size, Echo).tries, 0), Echo, size)
	}
}

// planBack adds what tells the path MTU on the way back, where it is less than that on the way there.
func (t *track) planBack(b *batch) {
	low, top := t.returned(), t.low()
	if t.arrived(Echo) == 0 || low >= top || t.backDone() {
		return
	}
	if low < MinMTU {
		t.probe(b, max(t.needBack()-t.at(MinMTU, Echo).tries, 0), Echo, MinMTU)
		return
	}
	high := top + 1
	for s := range t.whole {
		if s.Kind == Echo && s.Size > low && s.Size < high && !s.back() {
			high = s.Size
		}
	}
	t.narrow(b, low, high, Echo, func(b *batch, size, _ int) {
		if !t.fragmented(size) {
			t.probe(b, t.needBack()-t.at(size, Echo).tries, Echo, size)
		}
	})
	t.probe(b, max(2-t.at(top, Echo).tries, 0), Echo, top) // its answer may come in fragments by now
}

// echoRefused reports whether echoes of a size do not get there, as a router says that lies of nothing else: other kinds go by
// another way where they do.
func (t *track) echoRefused(size int) bool {
	return t.at(size, Echo).refused > 0 && t.arrived(Echo) < size && !t.distrusted()
}

// needBack is need for echoes alone: what answers long echoes with silence may answer short probes of other kinds.
func (t *track) needBack() int { return silences(t.controls(Echo)) }

// back reports whether an echo came back whole.
func (s *shot) back() bool { return s.answer != nil && s.answer.FragmentSize == 0 }

// fragmented reports whether an echo of that size came back in fragments.
func (t *track) fragmented(size int) bool {
	for s := range t.whole {
		if s.Kind == Echo && s.Size == size && s.answer != nil && s.answer.FragmentSize > 0 {
			return true
		}
	}
	return false
}

// backDone reports whether the way back is known.
func (t *track) backDone() bool {
	low := t.returned()
	next := t.at(max(low+1, MinMTU), Echo)
	return low >= t.low() || low > 0 && (t.fragmented(low+1) || t.echoRefused(low+1) || next.tries >= t.needBack())
}

// planControls adds probes of sizes that pass: what is lost of them tells how much silence proves. They come last, so that
// their answers are waited for when all others have been refused.
func (t *track) planControls(b *batch) {
	low, back := t.low(), t.returned()
	n := 2
	if need := t.need(); need > leastSilence+1 {
		n = min(need/2, 8)
	}
	k, ok := t.short()
	if ok && !limited(k) && low < t.Local {
		t.probe(b, (n+1)/2, k, low)
		n /= 2
	}
	if back > 0 {
		t.probe(b, n, Echo, min(low, back))
	}
	t.planLimited(b)
}

// planLimited adds a control of each limited kind that the batch has, and sees that it has no more of them than the target
// answers, and some time before it.
func (t *track) planLimited(b *batch) {
	sent := 0
	for s := range t.whole {
		if limited(s.Kind) {
			sent++
		}
	}
	for _, k := range []Kind{UDP, Option} {
		n := 0
		b.probes = slices.DeleteFunc(b.probes, func(p Probe) bool {
			if p.Kind != k || p.Flow != t.flow || p.HopLimit < hopLimit {
				return false
			}
			n++
			return n >= limitedBatch
		})
		if n == 0 {
			continue
		}
		t.probe(b, 1, k, max(t.arrived(k), small))
		if sent += n + 1; sent > limitedBatch {
			b.pause = max(b.pause, limitedPause)
			t.slow++
		}
	}
}

// loneWait is how long the network is left in peace before a size is asked for alone: routers that answer once a second
// answer then.
const loneWait = 1100 * time.Millisecond

// planAlone asks once more for a size that was met with silence although Packet Too Big do come, or may have got lost: a
// limit on their rate may have kept this one back.
func (t *track) planAlone(b *batch) {
	if _, ok := t.vanishes(); !ok {
		return
	}
	last, _ := t.stand()
	_, lost := t.controls(all...)
	if !last.Silent || !t.told() && lost == 0 {
		return
	}
	size := last.Size
	tries := 1
	if t.told() && lost > 0 {
		tries = 3
	}
	n := 0
	for _, s := range t.lone {
		if s == size {
			n++
		}
	}
	if n >= tries {
		return
	}
	t.lone = append(t.lone, size)
	b.pause = max(b.pause, loneWait)
	t.probe(b, 1, t.kind(), size)
}

// told reports whether any Packet Too Big came for a probe of this flow.
func (t *track) told() bool {
	for s := range t.mine {
		if s.tooBig != nil && !s.tooBig.Filtered {
			return true
		}
	}
	return false
}
