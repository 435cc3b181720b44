package kvm

import (
	"slices"

	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
)

// walk is what the filter does with the messages of one tap.
type walk struct {
	tap    *tap
	losses []loss // each of one message, one direction and this tap
	doubts []filter.Outcome
	good   [2][]string // short names of what passes: to it, from it
	guard  guard
}

// guard is what becomes of an advertisement that a guest sends.
type guard uint8

const (
	guardUnknown guard = iota
	guardHolds
	guardMissing
)

// follow has the messages of each tap of a bridge go through the filter. It returns nil for a bridge that leads nowhere, as
// Docker's does: nobody there would need advertisements to pass between ports.
func (j *judge) follow(b *bridge) []*walk {
	far := slices.Clone(b.uplinks)
	far = slices.DeleteFunc(far, func(p *host.BridgePort) bool { return !p.Up })
	for _, t := range b.taps {
		if t.router && !t.broken {
			far = append(far, t.BridgePort)
		}
	}
	if len(far) == 0 && len(b.uplinks) == 0 {
		return nil
	}
	var walks []*walk
	for _, t := range b.taps {
		w := &walk{tap: t}
		walks = append(walks, w)
		if t.broken {
			continue
		}
		for _, p := range far {
			isRouter := slices.ContainsFunc(b.taps, func(o *tap) bool { return o.router && o.Index == p.Index })
			if p.Index != t.Index && !(t.router && isRouter) {
				j.between(w, b, p)
			}
		}
	}
	return walks
}

// between follows what goes between a tap and a port by which others are reached.
func (j *judge) between(w *walk, b *bridge, far *host.BridgePort) {
	t := w.tap
	to, from := toGuest(), fromGuest()
	if t.router {
		to, from = toRouter(), fromRouter()
	}
	if asksByQuery(b) {
		to = append(to, query())
	}
	others := j.others(b, far)
	me := j.peer(t)
	for _, m := range to {
		j.record(w, m, true, far.Index, j.best(m, b, far, t.BridgePort, others, me))
	}
	if !t.known {
		return // what a filter makes of it depends on who sends it
	}
	for _, m := range from {
		o := j.bestFrom(m, b, t.BridgePort, far, me, others)
		if o.Verdict != filter.Passes && t.unset {
			continue
		}
		j.record(w, m, false, far.Index, o)
	}
	if !t.router {
		o := j.bestFrom(advertisement(false), b, t.BridgePort, far, me, others)
		switch {
		case o.Verdict == filter.Passes:
			w.guard = guardMissing
		case o.Verdict == filter.Dropped && w.guard != guardMissing:
			w.guard = guardHolds
		}
	}
}

// asksByQuery reports whether queries must get from one port to another. Those of the bridge itself are not forwarded, and
// meet no rule of these.
func asksByQuery(b *bridge) bool { return b.Asked() && b.OtherQuerier && !b.VLANSnooping }

func (j *judge) record(w *walk, m *message, to bool, far int, o filter.Outcome) {
	lost := loss{m, o.At, m.mild, to, !to, []*tap{w.tap}, far, o.Verdict == filter.Doubtful}
	switch {
	case o.Verdict == filter.Dropped, passedOver(o):
		w.losses = append(w.losses, lost)
	case o.Verdict == filter.Doubtful:
		w.doubts = append(w.doubts, o)
	default:
		way := &w.good[0]
		if !to {
			way = &w.good[1]
		}
		if !slices.Contains(*way, m.short) {
			*way = append(*way, m.short)
		}
	}
}

// passedOver reports whether a rule drops for certain what comes to it, in a chain that the kernel passes over at times, as
// it has the priority of br_netfilter: sooner or later it drops.
func passedOver(o filter.Outcome) bool {
	return o.Verdict == filter.Doubtful && len(o.Doubts) == 0 && len(o.Unread) == 0
}

// peer returns the machine behind a tap.
func (j *judge) peer(t *tap) peer {
	m := t.mac
	if !t.known {
		m = packet.MAC{0x02, 0, 0, 0, 0, 0x02}
	}
	p := peerOf(m)
	for _, h := range j.Heard {
		if h.Device == t.Name && h.MAC == m && h.Address.IsValid() {
			if h.Address.IsLinkLocalUnicast() {
				p.local = h.Address
			} else {
				p.other = h.Address
			}
		}
	}
	for _, set := range t.sets {
		for _, pre := range j.Filter.Sets[set].Members {
			if pre.Addr().Is6() && pre.IsSingleIP() && !pre.Addr().IsLinkLocalUnicast() && p.other == p.local {
				p.other = pre.Addr()
			}
		}
	}
	return p
}

// maxOthers is how many machines behind a port are tried.
const maxOthers = 8

// others returns who may be behind a port: the routers that were heard, or else those that the bridge has learned, and one
// that might be there. A rule may ask for one of them.
func (j *judge) others(b *bridge, far *host.BridgePort) []peer {
	var list []peer
	for _, h := range j.Heard {
		if h.Device == far.Name && h.Advertises && h.Address.IsValid() {
			list = append(list, peer{h.MAC, h.Address, h.Address})
		}
	}
	if len(list) > 0 {
		return list[:min(len(list), maxOthers)]
	}
	for _, l := range j.links() {
		for _, r := range l.Routers {
			if m := packet.MAC(r.MAC); m != (packet.MAC{}) && slices.Contains(far.Stations, [6]byte(m)) {
				list = append(list, peerOf(m))
			}
		}
	}
	for _, s := range far.Stations {
		list = append(list, peerOf(packet.MAC(s)))
	}
	return append(list[:min(len(list), maxOthers)], peerOf(packet.MAC{0x02, 0, 0, 0, 0, 0x01}))
}

// best returns what becomes of m from whom of the others it goes best with.
func (j *judge) best(m *message, b *bridge, in, out *host.BridgePort, others []peer, me peer) filter.Outcome {
	return j.least(others, func(o peer) filter.Packet {
		me := me
		if me.other == me.local {
			o.other = o.local
		} else if o.other == o.local {
			o.other = firstOf(me.other)
		}
		return packetOf(m, b, in, out, o, me)
	}, b)
}

func (j *judge) bestFrom(m *message, b *bridge, in, out *host.BridgePort, me peer, others []peer) filter.Outcome {
	return j.least(others, func(o peer) filter.Packet { return packetOf(m, b, in, out, me, o) }, b)
}

// least returns the mildest outcome: that of a packet of which a rule may ask just who it is from, or for.
func (j *judge) least(others []peer, make func(peer) filter.Packet, b *bridge) filter.Outcome {
	var best filter.Outcome
	for i, o := range others {
		p := make(o)
		got := j.Filter.Bridged(&p, j.CallIP6 || b.CallIP6Tables)
		if got.Verdict == filter.Passes {
			return got
		}
		if i == 0 || best.Verdict == filter.Dropped && got.Verdict == filter.Doubtful {
			best = got
		}
	}
	return best
}
