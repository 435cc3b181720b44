package ra

import (
	"math/bits"

	"v6probe/internal/rule"
)

// accept takes in the RA that the report is about, and judges it against all that was heard before.
func (c *Checker) accept(l *Link, r *Router) {
	p := c.report.Packet
	m := &p.Message
	r.Dropped = r.Dropped[:0]
	if r.Accepted == 1 {
		clear(r.Options) // they were of RAs that receivers drop
		r.Options, r.heard, r.size = r.Options[:0], r.heard[:0], 0
	}
	r.Cut = r.Cut || !p.Complete
	c.answer(l, r)
	if m.Short {
		return // cut by the capture before the end of its fixed fields
	}
	if c.clock.Era != r.era || m.RA.RouterLifetime == 0 {
		r.forgetPast()
	}
	r.countGoodbye(m.RA.RouterLifetime, c.clock.Era)
	c.excuseGoodbye(r)
	c.checkTwins(l, r)
	r.accepted, r.at, r.era, r.number = c.now, p.Frame.Time, c.clock.Era, p.Frame.Number
	var newest uint64
	if r.said.known && r.said.message == r.last.message {
		newest = c.repeat(l, r)
	} else {
		newest = c.listen(l, r)
	}
	c.checkReplaced(r, newest)
	c.checkPace(r)
	c.checkTurns(l, r)
	c.checkOthers(l, r)
}

// forgetPast is for a goodbye or a break in time, after which nothing follows from what was said before.
func (r *Router) forgetPast() {
	r.past, r.pace.last, r.rdnss.last = [pasts]past{}, 0, 0
	for i := range r.prefixes {
		k := &r.prefixes[i]
		k.valid, k.preferred, k.moment = lifetimePast{}, lifetimePast{}, 0
	}
}

// listen takes in what the RA of the report says, which is not known yet. It returns what takePrefixes does.
func (c *Checker) listen(l *Link, r *Router) (newest uint64) {
	m, s := &c.report.Packet.Message, &r.said
	r.Fields = m.RA
	r.managed, r.other = r.managed || m.RA.Managed, r.other || m.RA.Other
	c.read(s, m)
	s.message = r.last.message
	s.version++
	kept, ok := r.keepOptions(m.Options, c.now)
	newest, s.known = c.takePrefixes(l, r)
	s.kept, s.known = kept, s.known && ok
	return newest
}

// repeat is listen for an RA that says what the one before said.
func (c *Checker) repeat(l *Link, r *Router) (newest uint64) {
	for kept := r.said.kept; kept != 0; kept &= kept - 1 {
		r.heard[bits.TrailingZeros64(kept)] = c.now
	}
	return c.repeatPrefixes(l, r)
}

// excuseGoodbye makes a note of the preference in a goodbye: radvd leaves there what it says while it is a default
// router, and hosts ignore it.
func (c *Checker) excuseGoodbye(r *Router) {
	if !r.leaving() {
		return
	}
	for i := range c.report.Findings {
		if f := &c.report.Findings[i]; f.Rule == "ra.lifetime-zero-with-preference" {
			f.Severity = rule.Info
		}
	}
}
