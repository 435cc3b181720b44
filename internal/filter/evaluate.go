package filter

import (
	"cmp"
	"slices"
	"strings"
)

// Local returns what becomes of a packet for this host, from the interface p.In on: ingress of the device, prerouting,
// input.
func (r *Ruleset) Local(p *Packet) Outcome {
	device := *p
	device.PhysIn = ""
	return r.follow(stage{Netdev, Ingress, &device}, stage{IPv6, Prerouting, p}, stage{IPv6, Input, p})
}

// Forwarded returns what becomes of a packet that this host forwards from p.In to p.Out. p is as it comes in: from forward
// on its hop limit is one less.
func (r *Ruleset) Forwarded(p *Packet) Outcome {
	in := *p
	in.PhysIn, in.PhysOut = "", ""
	on, out := *p, in
	if p.HopLimit > 0 {
		on.HopLimit--
		out.HopLimit--
	}
	return r.follow(stage{Netdev, Ingress, &in}, stage{IPv6, Prerouting, p}, stage{IPv6, Forward, &on},
		stage{IPv6, Postrouting, &on}, stage{Netdev, Egress, &out})
}

// Sent returns what becomes of a packet that this host sends out of p.Out. Its p.In is not looked at.
func (r *Ruleset) Sent(p *Packet) Outcome {
	own := *p
	own.In, own.PhysIn, own.PhysOut = "", "", ""
	return r.follow(stage{IPv6, Output, &own}, stage{IPv6, Postrouting, &own}, stage{Netdev, Egress, &own})
}

// Hook returns what the chains of one family do with p at one hook. Those of Netdev are of the port p is on, p.PhysIn or
// p.PhysOut, where it is on one, else of p.In or p.Out.
func (r *Ruleset) Hook(f Family, h Hook, p *Packet) Outcome { return r.follow(stage{f, h, p}) }

// stage is one hook on the way of a packet.
type stage struct {
	family Family
	hook   Hook
	packet *Packet
}

// view returns the packet as a hook sees it: the interface that it will leave by is not known before it is routed, and a
// packet of this host's own came by none.
func (s stage) view() Packet {
	p := *s.packet
	if s.family == Netdev {
		p.In, p.Out = cmp.Or(p.PhysIn, p.In), cmp.Or(p.PhysOut, p.Out)
		p.PhysIn, p.PhysOut = "", ""
	}
	switch s.hook {
	case Ingress, Prerouting, Input:
		p.Out, p.PhysOut = "", ""
	case Output, Egress:
		p.In, p.PhysIn = "", ""
	case Postrouting:
		if s.family == Bridge {
			p.In, p.PhysIn = "", "" // br_forward_finish forgets it
		}
	}
	return p
}

// follow follows a packet through the stages until it is dropped for certain.
func (r *Ruleset) follow(stages ...stage) Outcome {
	e := &evaluator{chains: make(map[chainKey]*Chain, len(r.Chains))}
	for _, c := range r.Chains {
		if !c.Base {
			e.chains[keyOf(c, c.Name)] = c
		}
	}
	live, dropped := tracked, false
	for _, s := range stages {
		view := s.view()
		for _, c := range r.base(s.family, s.hook, &view) {
			var drops bool
			live, drops = e.base(c, &view, live)
			dropped = dropped || drops
			if live == 0 {
				return Outcome{Verdict: Dropped, At: *cmp.Or(e.sure, e.first)}
			}
		}
	}
	switch {
	case dropped:
		return Outcome{Verdict: Doubtful, At: *e.first, Doubts: e.doubts}
	case len(r.Unread) > 0:
		return Outcome{Verdict: Doubtful, Unread: r.Unread}
	}
	return Outcome{Verdict: Passes}
}

// base returns the base chains of a hook that see p, those first that the kernel calls first.
func (r *Ruleset) base(f Family, h Hook, p *Packet) []*Chain {
	device := p.In
	if h == Egress {
		device = p.Out
	}
	var all []*Chain
	for _, c := range r.Chains {
		if !c.Base || c.Family != f || c.Hook != h || f == Netdev && !isDevice(c.Device, device) {
			continue
		}
		all = append(all, c)
	}
	slices.SortStableFunc(all, func(a, b *Chain) int { return cmp.Compare(a.Priority, b.Priority) })
	return all
}

func isDevice(pattern, name string) bool {
	if prefix, wild := strings.CutSuffix(pattern, "*"); wild {
		return strings.HasPrefix(name, prefix)
	}
	return pattern == name
}

type chainKey struct{ tool, table, name string }

func keyOf(c *Chain, name string) chainKey { return chainKey{c.Tool, c.Table, name} }

// ways is a set of what may have become of a packet in a chain. All that a rule can change about it is whether it is
// tracked.
type ways uint8

// The ways, each as tracked as the packet came or untracked by a rule. A way that is over went through the chain to its end,
// or returned.
const (
	tracked ways = 1 << iota // goes on to the next rule
	untracked
	accepted
	acceptedUntracked
	over
	overUntracked
	lost
	busy // of a chain that is being followed: not known yet

	goesOn = tracked | untracked
)

func (w ways) accept() ways   { return w << 2 } // of goesOn
func (w ways) accepted() ways { return w >> 2 & goesOn }
func (w ways) end() ways      { return w << 4 }
func (w ways) ended() ways    { return w >> 4 & goesOn }

// evaluator follows one packet through chains.
type evaluator struct {
	chains   map[chainKey]*Chain
	hook     Hook
	early    bool                  // the chain comes before connection tracking
	seen     map[chainKey]*[2]ways // by how tracked the packet is; 0 is not known yet
	packet   Packet
	original Track
	first    *Place // that may drop
	sure     *Place // the first that drops what comes there
	doubts   []Place
}

// conntrackPriority is where connection tracking sits among the chains of prerouting and output.
const conntrackPriority = -200

// base follows the ways on which the packet is alive through a base chain.
func (e *evaluator) base(c *Chain, p *Packet, live ways) (on ways, drops bool) {
	if c.NAT && p.Track != New {
		return live, false
	}
	e.hook, e.packet, e.original = c.Hook, *p, p.Track
	e.seen = map[chainKey]*[2]ways{}
	e.early = c.Hook == Ingress || c.Priority < conntrackPriority &&
		(c.Hook == Prerouting || c.Hook == Output && c.Family == IPv6)
	result := e.chain(c, live, 0)
	on = result.accepted()
	if left := result.ended(); left != 0 {
		if c.Policy == Drop {
			e.drop(Place{c.Tool, c.Table, c.Name, c.Hook, 0, "policy drop"}, true)
			result |= lost
		} else {
			on |= left
		}
	}
	return on, result&lost != 0
}

// maxDepth is how deep chains may call each other: more than the kernel's 16, so that a chain of iptables', of which the
// kernel allows deeper ones, is followed too.
const maxDepth = 64

// chain follows the ways live through a chain to its end.
func (e *evaluator) chain(c *Chain, live ways, depth int) ways {
	var done ways
	for i := range c.Rules {
		if live == 0 {
			return done
		}
		var next ways
		for _, w := range [...]ways{tracked, untracked} {
			if live&w != 0 {
				next |= e.rule(c, &c.Rules[i], w, depth)
			}
		}
		live = next & goesOn
		done |= next &^ goesOn
	}
	return done | live.end()
}

// rule applies a rule to a packet on the way w.
func (e *evaluator) rule(c *Chain, r *Rule, w ways, depth int) ways {
	e.packet.Track = e.original
	switch {
	case w == untracked:
		e.packet.Track = Untracked
	case e.early:
		e.packet.Track = Invalid
	}
	matches, act, target := r.Apply(&e.packet)
	if matches == No {
		return w
	}
	hit := w
	if r.Untracks && e.early {
		hit = untracked
	}
	place := Place{c.Tool, c.Table, c.Name, e.hook, r.Handle, r.Text}
	if matches == CannotTell && act != Continue || act == Elsewhere {
		e.doubt(place)
	}
	var result ways
	switch act {
	case Accept:
		result = hit.accept()
	case Drop:
		e.drop(place, matches == Yes)
		result = lost
	case Return:
		result = hit.end()
	case Jump, Goto:
		result = e.call(keyOf(c, target), place, hit, depth)
		if act == Jump {
			result = result&^(over|overUntracked) | result.ended()
		}
	case Elsewhere:
		e.drop(place, false)
		result = lost | hit.accept()
	default:
		result = hit
	}
	if matches == CannotTell {
		result |= w
	}
	return result
}

// call follows a packet through the chain that a rule goes to. What is in a chain that is not there, or that calls itself,
// cannot be told.
func (e *evaluator) call(key chainKey, from Place, w ways, depth int) ways {
	known := e.seen[key]
	if known == nil {
		known = new([2]ways)
		e.seen[key] = known
	}
	result := &known[w>>1]
	target := e.chains[key]
	if target == nil || depth >= maxDepth || *result == busy {
		e.doubt(from)
		e.drop(from, false)
		return lost | w.accept() | w.end()
	}
	if *result == 0 {
		*result = busy
		*result = e.chain(target, w, depth+1)
	}
	return *result
}

// maxDoubts is how many rules an Outcome names at most.
const maxDoubts = 8

func (e *evaluator) doubt(p Place) {
	if len(e.doubts) < maxDoubts && !slices.Contains(e.doubts, p) {
		e.doubts = append(e.doubts, p)
	}
}

// drop notes where the packet is dropped, surely if it comes there.
func (e *evaluator) drop(p Place, surely bool) {
	if e.first == nil {
		e.first = &p
	}
	if surely && e.sure == nil {
		e.sure = &p
	}
}
