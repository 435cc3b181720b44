package pmtu

import (
	"cmp"
	"net/netip"
	"slices"
	"time"
)

// maxPaths is a quarter of how many paths are kept, each with some 400 bytes.
const maxPaths = 2048

type pathKey struct{ source, destination netip.Addr }

// path is a Path in the making.
type path struct {
	Path
	provenAt time.Time // when a packet of AtLeast bytes was sent last
	saidAt   time.Time // when AtMost was said first
}

// note takes in that a frame has told something at that time.
func (v *path) note(at time.Time, frame uint64) {
	if v.First.IsZero() {
		v.First, v.Frame = at, frame
	}
	if at.After(v.Last) {
		v.Last = at
	}
}

// paths are those of which both ends have told something, and those that one packet alone has claimed something of: a
// flood of those pushes out itself.
type paths struct {
	solid, claimed table[pathKey, path]
}

func newPaths() paths {
	return paths{newTable[pathKey, path](maxPaths), newTable[pathKey, path](maxPaths)}
}

// peek returns a path, or nil.
func (t *paths) peek(k pathKey) *path {
	if v := t.solid.peek(k); v != nil {
		return v
	}
	return t.claimed.peek(k)
}

// claim returns a path for what one packet says of it.
func (t *paths) claim(k pathKey) *path {
	if v := t.solid.use(k); v != nil {
		return v
	}
	return t.claimed.add(k)
}

// prove returns a path for what both its ends have shown.
func (t *paths) prove(k pathKey) *path {
	if v := t.solid.use(k); v != nil {
		return v
	}
	v := t.claimed.peek(k)
	if v == nil {
		v = new(path)
	}
	t.claimed.remove(k)
	t.solid.put(k, v)
	return v
}

func (t *paths) forgotten() uint64 { return t.solid.evicted + t.claimed.evicted }

// list returns all, by the first frame.
func (t *paths) list() []Path {
	var list []Path
	add := func(k pathKey, v *path) {
		p := v.Path
		p.Source, p.Destination = k.source, k.destination
		if p.AtLeast == 0 && p.SeenHere > 0 {
			p.AtLeast, p.AtLeastBy = p.SeenHere, BySeen
		}
		p.AtMostFrom, p.Said = slices.Clone(p.AtMostFrom), slices.Clone(p.Said)
		list = append(list, p)
	}
	t.solid.each(add)
	t.claimed.each(add)
	slices.SortFunc(list, func(a, b Path) int {
		return cmp.Or(cmp.Compare(a.Frame, b.Frame), a.Source.Compare(b.Source), a.Destination.Compare(b.Destination))
	})
	return list
}

// proven takes in that a packet of size bytes, which was sent at that time, is proven to have arrived.
func (c *Checker) proven(k pathKey, size int, sent time.Time, by Proof, frame uint64) {
	v := c.paths.prove(k)
	if size > v.AtLeast {
		v.note(c.now, frame)
		v.AtLeast, v.AtLeastBy, v.AtLeastFrame, v.provenAt = size, by, frame, sent
	} else if size == v.AtLeast {
		v.provenAt = sent
	}
	if v.AtMost > 0 && size > v.AtMost && sent.After(v.saidAt) {
		v.LargerPassed = true
	}
}

// said takes in a Packet Too Big from a sender, about a packet of so many bytes.
func (c *Checker) said(k pathKey, from netip.Addr, mtu uint32, size int, frame uint64) {
	v := c.paths.claim(k)
	v.note(c.now, frame)
	i := slices.IndexFunc(v.Said, func(s Said) bool { return s.Source == from && s.MTU == mtu })
	switch {
	case i >= 0:
		s := &v.Said[i]
		s.Count++
		s.Smallest, s.Largest = min(s.Smallest, size), max(s.Largest, size)
	case len(v.Said) < maxSaid:
		v.Said = append(v.Said, Said{Source: from, MTU: mtu, Smallest: size, Largest: size, Count: 1})
	}
	switch {
	case v.AtMost == 0 || int(mtu) < v.AtMost:
		v.AtMost, v.AtMostFrom, v.AtMostFrame, v.saidAt, v.LargerPassed = int(mtu), []netip.Addr{from}, frame, c.now, false
	case int(mtu) == v.AtMost && len(v.AtMostFrom) < maxSaid && !slices.Contains(v.AtMostFrom, from):
		v.AtMostFrom = append(v.AtMostFrom, from)
	}
}
