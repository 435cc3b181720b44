package pmtu

import (
	"cmp"
	"net/netip"
	"slices"
)

// result puts together what the tracks came to.
func (p *prober) result(tracks []*track, complete bool) *Result {
	t := tracks[0]
	r := &Result{Target: p.Target, Local: p.Local, Rounds: p.round,
		Took: p.net.Now().Sub(p.start), RTT: p.min, Complete: complete}
	for _, t := range tracks {
		r.Reached = r.Reached || t.low() > 0
	}
	for _, s := range p.shots {
		if s.held != nil {
			r.Held++
		}
	}
	for mtu, n := range p.forged {
		if int(mtu) < t.low() { // others may well be true, about other packets
			r.Forged += n
		}
	}
	t.sizes(r)
	r.Method = t.method()
	r.Silence = p.silence()
	r.Loss = t.loss()
	r.Hops, r.Distance = t.path()
	r.Said = t.sayings(r.Hops)
	r.Refused = t.refusals(r.Hops)
	for i := range r.Said {
		if s := &r.Said[i]; !s.Tunnel && s.Hop >= 1 && s.Hop <= len(r.Hops) && (r.Hops[s.Hop-1].MTU == 0 || int(s.MTU) < r.Hops[s.Hop-1].MTU) {
			r.Hops[s.Hop-1].MTU = int(s.MTU)
		}
	}
	if r.Reached {
		r.Walk, _ = t.walk()
		if complete || t.done() {
			r.Hole = t.hole()
		}
		r.Return = t.back()
		t.split(r)
	}
	if len(tracks) > 1 {
		for _, t := range tracks {
			r.Flows = append(r.Flows, t.summary())
		}
		if r.Split != nil { // the others are compared by their echoes
			r.Flows[0].MTU, r.Flows[0].Silent = r.MTU, !r.Split.Told
		}
	}
	return r
}

// sizes fills in which sizes arrive.
func (t *track) sizes(r *Result) {
	low := t.low()
	r.AtLeast = low
	if low >= t.Local {
		r.MTU = t.Local
		return
	}
	r.TooBig = t.high(low, all...)
	if low < MinMTU && t.arrived(TCP) == low && r.TooBig > 0 && t.at(r.TooBig, all...).refused == 0 {
		r.TooBig = 0 // the target may drop a SYN with data, whatever its size
	}
	b := t.bound(low)
	if low == 0 || b == open || low < MinMTU {
		return
	}
	r.MTU = low
	if b == either {
		// Where long packets do not even come to a router it is the way there.
		_, before := t.place(low + 1)
		hops, distance := t.hops()
		r.Either = before == 0 || before == distance || before > len(hops)
	}
}

// method returns the kind that the largest size is known to arrive by.
func (t *track) method() Kind {
	low := t.low()
	for _, k := range []Kind{Echo, TCP, UDP, Option} {
		if low > 0 && t.arrived(k) == low {
			return k
		}
	}
	return Echo
}

// silence returns the kinds that were tried at a size that passes, and got no answer.
func (p *prober) silence() Silence {
	var tried, answered Silence
	for _, s := range p.shots {
		if s.full() && s.Size <= MinMTU {
			tried[s.Kind] = true
		}
		if s.answer != nil {
			answered[s.Kind] = true
		}
	}
	for k := range tried {
		tried[k] = tried[k] && !answered[k]
	}
	return tried
}

// loss returns the share of the probes that pass which got no answer.
func (t *track) loss() float64 {
	n, lost := t.controls(all...)
	if n == 0 {
		return 0
	}
	return float64(lost) / float64(n)
}

// path returns the routers on the way to the target.
func (t *track) path() ([]Hop, int) {
	hops, distance := t.hops()
	n := t.lastHeard(hops)
	if distance > 0 {
		n = distance - 1
	}
	path := make([]Hop, n)
	for i := range path {
		h := &hops[i]
		path[i] = Hop{Address: h.source, Largest: h.largest}
		if h.reply != nil {
			path[i].RTT = max(h.reply.Time.Sub(h.shot.at), 0)
		}
	}
	return path, distance
}

// sayings returns the Packet Too Big messages by sender and MTU.
func (t *track) sayings(hops []Hop) []Said {
	var list []Said
	for s := range t.mine {
		r := s.tooBig
		if r == nil {
			continue
		}
		hop, tunnel := placeOf(s, r, hops, t.Target)
		i := slices.IndexFunc(list, func(x Said) bool {
			return x.Source == r.Source && x.MTU == r.MTU && x.Tunnel == tunnel && (!tunnel || x.Hop == hop)
		})
		if i < 0 {
			i = len(list)
			list = append(list, Said{Source: r.Source, Hop: hop, Tunnel: tunnel, MTU: r.MTU, Smallest: s.Size, Filtered: true})
		}
		x := &list[i]
		x.Count++
		x.Smallest, x.Largest = min(x.Smallest, s.Size), max(x.Largest, s.Size)
		x.Filtered = x.Filtered && r.Filtered
		x.Low = x.Low || s.passed() || s.Kind != TCP && t.arrived(s.Kind) > int(r.MTU)
		x.High = x.High || int(r.MTU) >= s.Size
	}
	slices.SortStableFunc(list, func(a, b Said) int {
		return cmp.Or(cmp.Compare(a.Hop, b.Hop), cmp.Compare(b.MTU, a.MTU))
	})
	return list
}

// placeOf tells which router sent a Packet Too Big: the one with its address, else by how far the quoted hop limit has
// gone down. One in the target's own name comes from a tunnel endpoint behind the router that is returned (0 for none): no
// host calls a packet too big that has come to it.
func placeOf(s *shot, r *Reply, hops []Hop, target netip.Addr) (hop int, tunnel bool) {
	crossed := s.HopLimit - r.QuotedHopLimit
	known := r.QuotedHopLimit > 0 && crossed >= 0 && crossed < maxHops
	if r.Source == target {
		if !known {
			crossed = 0
		}
		return crossed, true
	}
	for i := range hops {
		if hops[i].Address == r.Source {
			return i + 1, false
		}
	}
	if known {
		return crossed + 1, false
	}
	return 0, false
}

// refusals returns the Destination Unreachable messages by sender and code.
func (t *track) refusals(hops []Hop) []Refusal {
	var list []Refusal
	add := func(r *Reply, loop bool) {
		i := slices.IndexFunc(list, func(x Refusal) bool { return x.Source == r.Source && x.Code == r.Code && x.Loop == loop })
		if i < 0 {
			i = len(list)
			hop := slices.IndexFunc(hops, func(h Hop) bool { return h.Address == r.Source }) + 1
			list = append(list, Refusal{Source: r.Source, Code: r.Code, Loop: loop, Hop: hop})
		}
		list[i].Count++
	}
	for s := range t.mine {
		switch {
		case s.refused != nil:
			add(s.refused, false)
		case s.full() && s.exceeded != nil:
			add(s.exceeded, true)
		}
	}
	return list
}

// hole returns where packets vanish without a word that this host would hear; nil where there is no such place.
func (t *track) hole() *Hole {
	size, ok := t.vanishes()
	if !ok {
		return nil
	}
	last, _ := t.stand()
	h := &Hole{Size: size}
	if t.done() {
		h.After, h.Before = t.place(size)
	} else {
		h.Size = last.Size // smaller ones may arrive yet
	}
	h.NotShrinking = last.MTU > 0 && !last.Ignored
	for s := range t.whole {
		if s.Size >= size && s.tooBig != nil && s.tooBig.Filtered && last.Silent {
			h.Here = true
		}
	}
	return h
}

// back returns what is known of the way back.
func (t *track) back() Return {
	low, top := t.returned(), t.low()
	r := Return{MTU: low}
	if low == 0 || low >= top || low < MinMTU && t.at(MinMTU, Echo).tries == 0 {
		return r
	}
	for s := range t.whole {
		if s.Kind != Echo || s.answer == nil || s.answer.FragmentSize == 0 {
			continue
		}
		// What follows a fragment is a multiple of eight bytes long, so the MTU may be up to seven bytes more.
		r.MTU = max(r.MTU, s.answer.FragmentSize)
		r.Most = max(r.Most, s.answer.FragmentSize+7)
	}
	if r.Most > 0 {
		if t.fragmented(low + 1) {
			r.Most = low
		}
		r.MTU = min(r.MTU, r.Most)
		return r
	}
	if t.bound(top) != either && t.backDone() && !t.echoRefused(low+1) {
		r.Most, r.Hole = max(low, MinMTU-1), true
	}
	return r
}

// split tells apart what gets lost on the way back from what gets lost on the way there, where echoes take another one than
// the probes that get farther: routers tell how far the echoes come, or say Packet Too Big of them.
func (t *track) split(r *Result) {
	size, ok := t.lostBack()
	if !ok {
		return
	}
	other := t.method()
	if t.echoRefused(size) && r.MTU > 0 {
		r.Split = &Split{Echo: size - 1, Other: other, Told: true}
		r.MTU, r.Return = size-1, Return{MTU: size - 1}
		return
	}
	hops, distance := t.hops()
	after, before := t.place(size)
	switch last := t.lastHeard(hops); {
	case !r.Return.Hole:
	case before > 0 && before != distance && r.MTU > 0:
		r.Split = &Split{Echo: size - 1, Other: other}
		r.Hole = &Hole{Size: size, After: after, Before: before}
		r.MTU, r.Return = size-1, Return{MTU: size - 1}
	case after < last: // it is not proven that they come to the last router
		r.Return = Return{MTU: size - 1}
	}
}

// summary returns what the flow came to.
func (t *track) summary() Flow {
	low := t.low()
	f := Flow{Number: t.flow, AtLeast: low, Dead: low == 0}
	switch {
	case low >= t.Local:
		f.MTU = t.Local
	case low >= MinMTU && t.bound(low) != open:
		f.MTU = low
		f.Silent = t.refusal(t.Local) == nil
	}
	return f
}
