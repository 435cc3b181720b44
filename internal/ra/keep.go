package ra

import (
	"bytes"
	"slices"

	"v6probe/internal/icmp6"
)

const (
	maxOptions     = 64   // kept of a router
	maxOptionBytes = 4096 // of all of them together
)

// counts is how many options there are of each type.
type counts [256]uint8

// keepOptions takes copies of a message's options: a prefix or route replaces the one before, any other option all of
// its type that came with earlier messages. It returns a bit for each of r.Options that is in the message. ok says that to
// keep the same options once more would only touch these: none had to make room, none is in the message twice.
func (r *Router) keepOptions(options []icmp6.Option, t instant) (kept uint64, ok bool) {
	if more := len(options) - maxOptions; more > 0 {
		r.EvictedOptions += uint64(more)
		options = options[:maxOptions]
	}
	evicted := r.EvictedOptions
	ok = true
	at := -1
	var n counts
	for i := range options {
		o := &options[i]
		at = r.place(o, int(n[o.Type]), at+1)
		n[o.Type]++
		if at = r.keep(at, o, t); at >= 0 {
			ok = ok && kept&(1<<at) == 0
			kept |= 1 << at
		}
	}
	if kept == 1<<len(r.Options)-1 {
		return kept, ok && r.EvictedOptions == evicted // there is nothing else
	}
	var have counts
	for i := range r.Options {
		have[r.Options[i].Type]++
	}
	for i := len(r.Options) - 1; i >= 0; i-- {
		o := &r.Options[i]
		have[o.Type]--
		if !isRoute(o) && n[o.Type] > 0 && have[o.Type] >= n[o.Type] {
			r.drop(i)
			ok = false
		}
	}
	return kept, ok && r.EvictedOptions == evicted
}

// place returns where among r.Options the one is that o replaces, the nth of its type in its message, counted from 0;
// or -1. It is likely to be the one at likely.
func (r *Router) place(o *icmp6.Option, n, likely int) int {
	if !isRoute(o) {
		return r.find(o.Type, n)
	}
	if likely < len(r.Options) && sameRoute(&r.Options[likely], o) {
		return likely // no other is, as there is one of each
	}
	for i := range r.Options {
		if sameRoute(&r.Options[i], o) {
			return i
		}
	}
	return -1
}

// keep puts a copy of o in place of option at, or behind all others if at is negative, and returns where it is then. When
// there is no room, those go that were heard longest ago. Where that does not help it is not kept, and keep returns -1.
func (r *Router) keep(at int, o *icmp6.Option, t instant) int {
	more := len(o.Raw)
	if at >= 0 {
		more -= len(r.Options[at].Raw)
		r.heard[at] = t
	}
	for at < 0 && len(r.Options) == maxOptions || r.size+more > maxOptionBytes {
		r.EvictedOptions++
		i := r.oldest(t)
		if i < 0 {
			if at >= 0 {
				r.drop(at)
			}
			return -1
		}
		r.drop(i)
		if i < at {
			at--
		}
	}
	if at < 0 {
		at = len(r.Options)
		if at < cap(r.Options) {
			r.Options = r.Options[:at+1] // with the bytes that the one had which was there
		} else {
			r.Options = append(r.Options, icmp6.Option{})
		}
		r.heard = append(r.heard, t)
	}
	k := &r.Options[at]
	raw := k.Raw
	if n := len(o.Raw); cap(raw) < n || cap(raw) >= n+maxSpareBytes {
		raw = make([]byte, n)
	}
	raw = raw[:len(o.Raw)]
	copy(raw, o.Raw)
	*k = *o
	k.Raw = raw
	r.size += more
	return at
}

// maxSpareBytes is how much room an option may have beyond what is in it.
const maxSpareBytes = 64

func (r *Router) drop(i int) {
	r.size -= len(r.Options[i].Raw)
	r.Options, r.heard = slices.Delete(r.Options, i, i+1), slices.Delete(r.heard, i, i+1)
}

// oldest returns the option that was heard longest ago, and not at time t, or -1.
func (r *Router) oldest(t instant) int {
	at := -1
	for i, heard := range r.heard {
		if heard != t && (at < 0 || heard < r.heard[at]) {
			at = i
		}
	}
	return at
}

// find returns the place of the nth kept option of type t, counted from 0, or -1.
func (r *Router) find(t icmp6.OptionType, n int) int {
	for i := range r.Options {
		if r.Options[i].Type != t {
			continue
		}
		if n == 0 {
			return i
		}
		n--
	}
	return -1
}

// expired reports whether option i, of that lifetime in seconds, has run out at time t.
func (r *Router) expired(i int, lifetime uint32, t instant) bool {
	return lifetime != infinity && t.sub(r.heard[i]) > seconds(lifetime)
}

// isRoute reports whether o is about a prefix of its own, beside which others stand.
func isRoute(o *icmp6.Option) bool {
	return o.Type == icmp6.OptPrefixInformation || o.Type == icmp6.OptRouteInformation
}

// sameRoute reports whether a and b are about the same prefix.
func sameRoute(a, b *icmp6.Option) bool {
	if a.Type != b.Type {
		return false
	}
	if a.Type == icmp6.OptPrefixInformation && len(a.Raw) == 32 && len(b.Raw) == 32 {
		// Most prefixes differ, which is quickly told: an RA may have dozens, and there are all the others.
		bits, other := a.Raw[2], b.Raw[2]
		if n := bits / 8; bits != other || bits <= 128 && !bytes.Equal(a.Raw[16:16+n], b.Raw[16:16+n]) {
			return false
		}
	}
	if p, ok := a.PrefixInformation(); ok {
		q, ok := b.PrefixInformation()
		return ok && p.PrefixLength == q.PrefixLength && p.Prefix() == q.Prefix()
	}
	if p, ok := a.RouteInformation(); ok {
		q, ok := b.RouteInformation()
		return ok && p.PrefixLength == q.PrefixLength && p.Prefix() == q.Prefix()
	}
	return bytes.Equal(a.Raw, b.Raw)
}
