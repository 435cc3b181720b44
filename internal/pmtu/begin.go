package pmtu

import "slices"

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
