package pmtu

// walk returns what a host meets that begins with the MTU of its link and believes each Packet Too Big. It ends with a size
// that passes, or with one at which the host hangs, for whatever reason; settled is false while it is not known which.
func (t *track) walk() (steps []Step, settled bool) {
	low := t.low()
	for size := t.Local; ; {
		step := Step{Size: size}
		if size <= low {
			step.Passed = true
			return append(steps, step), true
		}
		if last := t.denial(size); last != nil {
			step.Held, step.Refused = last.Type == Held, last.Type == Unreachable
			if step.Refused {
				step.Source, step.Code = last.Source, last.Code
			}
			return append(steps, step), true
		}
		r := t.refusal(size)
		if r == nil {
			step.Silent = true
			return append(steps, step), t.silentFor(size)
		}
		step.MTU, step.Source, step.Ignored = r.MTU, r.Source, r.MTU < MinMTU
		steps = append(steps, step)
		if step.Ignored || int(r.MTU) >= size {
			return steps, true
		}
		size = int(r.MTU)
	}
}

// refusal returns the Packet Too Big that this host gets for a size, nil for none. Of several it is the one that a host goes
// by: the smallest MTU that it may believe.
func (t *track) refusal(size int) *Reply {
	var best *Reply
	for s := range t.mine {
		r := s.tooBig
		if s.Size != size || r == nil || r.Filtered {
			continue
		}
		if best == nil || best.MTU < MinMTU || r.MTU >= MinMTU && r.MTU < best.MTU {
			best = r
		}
	}
	return best
}

// denial returns what keeps a size from getting through other than a Packet Too Big, nil for nothing: a Destination
// Unreachable, or that a filter of this host does not let it out.
func (t *track) denial(size int) *Reply {
	for s := range t.whole {
		switch {
		case s.Size != size || s.tooBig != nil:
		case s.held != nil:
			return s.held
		case s.refused != nil && s.refused.Source != t.Target:
			return s.refused
		}
	}
	return nil
}

// region returns the largest size above low that is known not to vanish where size does: somebody says so of it.
func (t *track) region(size int) (floor int) {
	floor = t.low()
	for s := range t.mine {
		if s.Size < size && s.Size > floor && s.denied(t.Target) && !(s.tooBig != nil && s.tooBig.Filtered) {
			floor = s.Size
		}
	}
	return floor
}

// silent reports whether a shot of a size that does not arrive got no answer that this host would hear.
func (s *shot) silent() bool { return !s.settled() || s.tooBig != nil && s.tooBig.Filtered }

// silentFor reports whether it is certain that nothing is said of a size that does not arrive: enough probes of it got no
// answer, or of sizes below it that vanish at the same place, as far as can be told.
func (t *track) silentFor(size int) bool {
	floor, n := t.region(size), 0
	for s := range t.whole {
		if s.Size > floor && s.Size <= size && s.silent() && t.telling(s) {
			n++
		}
	}
	return t.at(size, all...).tries > 1 && n >= t.need()
}

// stand returns the last step of the walk: the size at which a host would stand now.
func (t *track) stand() (last Step, settled bool) {
	steps, settled := t.walk()
	return steps[len(steps)-1], settled
}

// planWalk adds probes of the size at which a host would stand now.
func (t *track) planWalk(b *batch) {
	last, settled := t.stand()
	if settled || !last.Silent {
		return
	}
	kind := t.kind()
	left := t.need() - t.at(last.Size, all...).tries
	if !t.done() {
		left = min(left, 2)
	}
	if limited(kind) {
		left = min(left, 2)
	}
	t.probe(b, max(left, 1), kind, last.Size)
}

// vanishes returns the size at which a host hangs without a word, if there is one. It is the one that is followed from hop
// to hop.
func (t *track) vanishes() (size int, ok bool) {
	low := t.low()
	if low >= t.Local || low == 0 {
		return 0, false
	}
	switch last, settled := t.stand(); {
	case last.Passed || last.Ignored || last.Refused || last.Held || !settled:
		return 0, false
	case last.Silent:
		return t.suspect()
	default:
		return last.Size, true
	}
}

// suspect returns the size that is followed from hop to hop: the smallest that seems to vanish at the place where a host
// would stand; and once one has been followed, that one.
func (t *track) suspect() (size int, ok bool) {
	low := t.low()
	if low >= t.Local || low < MinMTU {
		return 0, false
	}
	last, _ := t.stand()
	if !last.Silent {
		return 0, false
	}
	floor := t.region(last.Size)
	if t.bound(low) == either && floor == low {
		return low + 1, true // how far this one comes tells the ways apart
	}
	if _, lost := t.controls(all...); lost > 0 || floor > low {
		return last.Size, true // of others only the answer may have been lost
	}
	if t.followed > floor && t.followed <= last.Size {
		return t.followed, true
	}
	size = last.Size
	for s := range t.whole {
		if s.Size > floor && s.Size < size && s.silent() && t.telling(s) {
			size = s.Size
		}
	}
	return size, true
}
