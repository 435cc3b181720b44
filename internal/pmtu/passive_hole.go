package pmtu

import (
	"cmp"
	"fmt"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// What makes a black hole likely: a segment was sent so often again, over so long, and something shorter passed.
	stuckAgain = 3
	stuckSpan  = 3 * time.Second
	// Where the sender then cut it smaller and got through, less is enough.
	cutAgain = 2
	cutSpan  = time.Second
	// searchStep is how near a sender comes to the largest size that arrives: Linux searches no further then.
	searchStep = 8
	// apart is how far two sendings of one segment are apart at least: what comes sooner is a copy, or a guess of the
	// sender's before its timer ran out (RFC 6298 §2.4 asks for a second; Linux waits for 200 ms).
	apart = 100 * time.Millisecond
)

// stuck is the long segment that is sent again and again. The zero stuck is none.
type stuck struct {
	sent          // the first sending that is known
	again     int // how often it was sent after that, copies not counted
	second    time.Time
	last      time.Time
	lastFrame uint64
	link      packet.Link

	answered int  // how often the other end has said at once that it still lacks it: it came, then, and was not taken
	closed   bool // the other end had no room for it
	piece    int  // the longest packet that its first bytes were sent in since, if shorter
}

// again takes in that s sends the bytes of t once more.
func (s *half) again(t *sent, p *packet.Packet) {
	x := &s.stuck
	switch {
	case x.size > 0 && t.span == x.span:
	case x.size > 0 && t.from == x.from && t.size < x.size:
		// The hardware may cut smaller now what looks as before.
		x.piece, s.shrunk, s.trials = max(x.piece, t.size), true, [4]sent{}
		return
	case t.size <= MinMTU || t.size > maxJumbo || !s.told || t.from != s.una: // a timer sends the first one again
		return
	default:
		*x = stuck{sent: s.first(t), link: p.Link()}
		x.last, x.lastFrame = x.at, x.frame
	}
	s.lastWhole, x.piece = t.at, 0
	x.closed = x.closed || !s.hasRoom(t.span)
	if t.at.Sub(x.last) >= apart {
		x.again++
		x.last, x.lastFrame = t.at, t.frame
		if x.again == 2 {
			x.second = t.at
		}
	}
}

// first returns the first sending of the segment t, as far as it is known.
func (l *long) first(t *sent) sent {
	for i := range l.trials {
		if l.trials[i].size > 0 && l.trials[i].span == t.span {
			return l.trials[i]
		}
	}
	return *t
}

// rejected takes in that the other end says again that it lacks what begins at ack.
func (l *long) rejected(ack uint32) {
	if l.stuck.size > 0 && l.stuck.from == ack && !l.lastWhole.IsZero() {
		l.stuck.answered++
	}
	l.lastWhole = time.Time{}
}

// refused takes in that the other end has reset the connection. Where it did so at once when the stuck segment came, that
// has come.
func (s *half) refused(now time.Time) {
	if s.long != nil && !s.lastWhole.IsZero() && now.Sub(s.lastWhole) < time.Second {
		s.stuck = stuck{}
	}
}

// passed takes in that all before ack has arrived: the stuck segment, maybe, at last.
func (c *Checker) passed(k connKey, i int, s *half, ack uint32) {
	x := &s.stuck
	if x.size == 0 || int32(ack-x.from) <= 0 {
		return
	}
	if x.piece > 0 && x.again >= cutAgain && c.now.Sub(x.at) >= cutSpan && c.vanishes(k.pathOf(i), s) {
		s.cut = *x
	}
	*x = stuck{}
}

// judge tells what is suspected of a connection that is at its end.
func (c *Checker) judge(k connKey, n *conn) {
	for i := range n.half {
		s, other := &n.half[i], &n.half[1-i]
		if s.long == nil {
			continue
		}
		// An outage may have had it cut. Then the sender tries longer ones again, and they arrive.
		if x := &s.cut; x.size > 0 && !c.refuted(k.pathOf(i), x, searchStep) {
			c.suspect(k, i, x, Suspicion{Passed: x.piece})
		}
		x := &s.stuck
		if x.size > 0 && x.again >= stuckAgain && x.last.Sub(x.at) >= stuckSpan && c.vanishes(k.pathOf(i), s) {
			if small := s.smallPassed(other); small > 0 {
				c.suspect(k, i, x, Suspicion{Small: small})
			}
		}
		s.cut, *x = stuck{}, stuck{}
	}
}

// vanishes reports whether nothing but its length explains that the stuck segment of s does not arrive.
func (c *Checker) vanishes(path pathKey, s *half) bool {
	x := &s.stuck
	if x.closed || 2*x.answered > x.again || !s.longAt.IsZero() && !s.longAt.Before(s.unaAt) {
		return false // it came, or another as long did
	}
	v := c.paths.peek(path)
	if v == nil {
		return true
	}
	told := v.AtMost > 0 && v.AtMost < x.size // that a Packet Too Big was not heeded is another fault
	return !told && !c.refuted(path, x, 0)
}

// refuted reports whether a packet arrived that was sent after x and is as long, but for so many bytes.
func (c *Checker) refuted(path pathKey, x *stuck, but int) bool {
	v := c.paths.peek(path)
	return v != nil && v.AtLeast >= x.size-but && v.provenAt.After(x.at)
}

// smallPassed returns the length of a packet of s that is known to have arrived while the stuck segment did not; 0 for none.
func (s *half) smallPassed(other *half) int {
	x := &s.stuck
	if s.shortAt.After(s.unaAt) {
		return s.shortSize
	}
	// What the other end sent late was acknowledged, and that end has not sent it again for long.
	if at := other.settledAt; !x.second.IsZero() && at.After(x.second) && !other.resentAt.After(at) && x.last.Sub(at) >= stuckSpan {
		return other.settledBy
	}
	return 0
}

// suspect tells of a black hole that x has vanished in; how is what shows that shorter packets pass.
func (c *Checker) suspect(k connKey, i int, x *stuck, how Suspicion) {
	how.Size, how.Sent, how.Span, how.Frame = x.size, x.again+1, x.last.Sub(x.at), x.lastFrame
	path := k.pathOf(i)
	v := c.paths.prove(path)
	v.note(x.last, x.lastFrame)
	if o := &v.Suspected; cmp.Or(cmp.Compare(how.Passed, o.Passed), cmp.Compare(how.Sent, o.Sent), cmp.Compare(o.Frame, how.Frame)) > 0 {
		*o = how
	}
	detail := fmt.Sprintf("%v > %v, TCP %d > %d: a segment of %d bytes was sent %d times in %.1f s and not acknowledged, and no Packet "+
		"Too Big was seen; ", path.source, path.destination, k.port[i], k.port[1-i], how.Size, how.Sent, how.Span.Seconds())
	if how.Passed > 0 {
		detail += fmt.Sprintf("cut to %d bytes it arrived", how.Passed)
	} else {
		detail += fmt.Sprintf("a packet of %d bytes arrived meanwhile", how.Small)
	}
	c.found = append(c.found, rule.Finding{Rule: "pmtu.black-hole-suspected", Severity: rule.Warning, Detail: detail,
		Frame: x.lastFrame, Time: x.last, Link: x.link.String(), Source: path.source, Offset: -1, Subject: path.destination.String()})
}
