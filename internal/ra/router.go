package ra

import (
	"bytes"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	maxOptions     = 64   // kept of a router
	maxOptionBytes = 4096 // of all of them together

	// Two equal messages of one sender within copyGap are one message seen twice, by a mirror port or on two
	// interfaces: a router waits 3 seconds (RFC 4861 §6.2.6).
	copyGap = 10 * time.Millisecond
	// A router that is heard again after provenAfter is no passing sender of a flood.
	provenAfter = time.Second
)

// routerKey tells senders apart. Two machines that use one address by mistake are two.
type routerKey struct {
	source netip.Addr
	mac    packet.MAC
}

func keyOf(p *packet.Packet) routerKey { return routerKey{p.Source, p.EthernetSource} }

// routerState is what a Router knows besides what it shows.
type routerState struct {
	key    routerKey
	id     uint32 // on its link
	seen   uint64 // the running number of its last packet
	proven bool

	hash     uint64      // of its last message
	toAll    time.Time   // its last RA to all nodes
	heard    []time.Time // when each of Options came
	size     int         // bytes of Options
	kept     int         // bytes() as last accounted for
	accepted time.Time   // its last accepted RA
	frame    uint64
	era      uint32 // of accepted

	turns          int  // how often a twin spoke between two of its RAs
	goodbyes       int  // RAs with router lifetime 0 in a row, after one with another
	managed, other bool // said in an accepted RA
	inside, rogue  bool // it is the machine behind a tap; and was told to be a rogue
	past           [pasts]past
	prefixes       []routerPrefix
	turn           uint64 // counts the accepted RAs
	pace           pace
	rdnss          rdnssPace
}

// alive reports whether hosts have r as a default router at time t of era: its last RA is within its router lifetime.
func (r *Router) alive(t time.Time, era uint32) bool {
	age := t.Sub(r.accepted)
	return r.Accepted > 0 && r.era == era && r.Fields.RouterLifetime > 0 && age >= -ndcheck.MaxReorder &&
		age <= seconds(r.Fields.RouterLifetime)
}

// checkTwins looks for another machine that speaks as r, which is heard again at time t. Once, that may be a failover and
// the way back.
func (l *Link) checkTwins(r *Router, t time.Time, era uint32) {
	if l.mixed || !r.alive(t, era) {
		return
	}
	for _, o := range l.Routers {
		if o == r || o.Source != r.Source || !o.accepted.After(r.accepted) || !o.alive(t, era) ||
			o.givesAll(r, t, era) && r.givesAll(o, t, era) {
			continue
		}
		if r.turns++; r.turns >= 2 {
			r.Twin, o.Twin = true, true
		}
	}
}

// givesAll reports whether r gives hosts every prefix that o gives them.
func (r *Router) givesAll(o *Router, t time.Time, era uint32) bool {
	for i := range o.prefixes {
		p := &o.prefixes[i]
		if p.given(t, era) && !slices.ContainsFunc(r.prefixes, func(k routerPrefix) bool {
			return k.prefix == p.prefix && k.given(t, era)
		}) {
			return false
		}
	}
	return true
}

// expired reports whether option i, of that lifetime in seconds, has run out at time t of era.
func (r *Router) expired(i int, lifetime uint32, t time.Time, era uint32) bool {
	if lifetime == infinity || i >= len(r.heard) || r.era != era {
		return false
	}
	return t.Sub(r.heard[i]) > seconds(lifetime)
}

const infinity = 0xffffffff // a lifetime without end

func seconds[T uint16 | uint32](s T) time.Duration { return time.Duration(s) * time.Second }

// since returns the time from one packet to a later one; ok is false when there was no earlier one or it is not earlier.
func since(from, to time.Time) (d time.Duration, ok bool) {
	if from.IsZero() {
		return 0, false
	}
	d = to.Sub(from)
	return d, d > 0
}

// router returns the sender of p, and makes it if need be.
func (c *Checker) router(l *Link, p *packet.Packet) *Router {
	key := keyOf(p)
	r := l.routers[key]
	if r == nil {
		if len(l.Routers) >= maxRouters || c.routers >= maxAllRouters {
			c.forgetRouters(l)
		}
		r = &Router{Source: p.Source, MAC: p.EthernetSource, HasMAC: p.EthernetSource != packet.MAC{},
			First: p.Frame.Time, FirstFrame: p.Frame.Number,
			routerState: routerState{key: key, id: l.nextRouter}}
		l.nextRouter++
		c.routers++
		l.routers[key] = r
		l.Routers = append(l.Routers, r)
	}
	r.seen = c.clock.Packets
	return r
}

// advertisement takes in a Router Advertisement.
func (c *Checker) advertisement(p *packet.Packet) {
	c.heard++
	l := c.link(p)
	c.list(l)
	l.Advertisements++
	if p.Destination.IsMulticast() { // else it answers a host, and a thousand may boot at once
		c.checkFlood(l, p)
	}
	r := c.router(l, p)
	hash, dropped, t := maphash.Bytes(c.seed, p.Payload), c.report.Drops(), p.Frame.Time
	age := t.Sub(r.Last)
	again := r.Count > 0 && hash == r.hash && age >= 0 && age < copyGap && dropped == (len(r.Dropped) > 0)
	r.hash = hash
	r.count(p)
	c.checkTap(l, r)
	if dropped {
		if !again {
			r.reject(p, c.report.Findings)
			c.account(l, r)
		}
		return
	}
	r.Accepted++
	if again {
		return
	}
	r.pause(t, p.Destination)
	if !r.proven && t.Sub(r.First) >= provenAfter {
		r.proven, l.proven = true, true
	}
	c.accept(l, r)
	c.account(l, r)
}

// bytes returns about how much memory what r says takes.
func (r *Router) bytes() int {
	const option, prefix = 72, 336 // an element of Options and of heard; of prefixes
	return r.size + option*len(r.Options) + prefix*len(r.prefixes)
}

// count notes that p came from r.
func (r *Router) count(p *packet.Packet) {
	r.Count++
	r.Last, r.LastFrame = p.Frame.Time, p.Frame.Number
	r.Outgoing = p.SentHere()
	if !slices.EqualFunc(r.Tunnels, p.Tunnels, sameTunnel) {
		r.Tunnels = slices.Clone(p.Tunnels)
		for i := range r.Tunnels {
			r.Tunnels[i].VLANs = slices.Clone(r.Tunnels[i].VLANs)
		}
	}
}

func sameTunnel(a, b packet.Tunnel) bool {
	return a.VNI == b.VNI && a.Port == b.Port && a.Source == b.Source && a.Destination == b.Destination &&
		slices.Equal(a.VLANs, b.VLANs)
}

// reject takes in an RA that receivers drop: it is shown, and judged no further.
func (r *Router) reject(p *packet.Packet, found []rule.Finding) {
	r.pause(p.Frame.Time, p.Destination)
	r.Dropped = r.Dropped[:0]
	for _, f := range found {
		known, _ := rule.Lookup(f.Rule)
		if known.Receiver == rule.ReceiverDrops && !slices.Contains(r.Dropped, f.Rule) {
			r.Dropped = append(r.Dropped, f.Rule)
		}
	}
	if r.Accepted == 0 && !p.Message.Short {
		r.Fields = p.Message.RA
		r.keepOptions(p.Message.Options, p.Frame.Time)
	}
}

// pause takes in how long it was since r's last RA to all nodes.
func (r *Router) pause(t time.Time, dst netip.Addr) {
	if dst != netip.IPv6LinkLocalAllNodes() {
		return
	}
	if gap, ok := since(r.toAll, t); ok {
		if r.MinGap == 0 || gap < r.MinGap {
			r.MinGap = gap
		}
		r.MaxGap = max(r.MaxGap, gap)
	}
	r.toAll = t
}

// accept takes in the RA that the report is about, and judges it against all that was heard before.
func (c *Checker) accept(l *Link, r *Router) {
	p := c.report.Packet
	m, t := &p.Message, p.Frame.Time
	r.Dropped = r.Dropped[:0]
	if r.Accepted == 1 {
		r.Options, r.heard, r.size = r.Options[:0], r.heard[:0], 0 // they were of RAs that receivers drop
	}
	r.Cut = r.Cut || !p.Complete
	c.answer(l, r)
	if m.Short {
		return // cut by the capture before the end of its fixed fields
	}
	if c.clock.Era != r.era || m.RA.RouterLifetime == 0 {
		// After a goodbye, or a break in time, nothing follows from what was said before.
		r.past, r.pace.last, r.rdnss.last = [pasts]past{}, time.Time{}, time.Time{}
		for i := range r.prefixes {
			k := &r.prefixes[i]
			k.valid, k.preferred, k.moment = lifetimePast{}, lifetimePast{}, time.Time{}
		}
	}
	r.countGoodbye(m.RA.RouterLifetime, c.clock.Era)
	c.excuseGoodbye(r)
	l.checkTwins(r, t, c.clock.Era)
	r.Fields = m.RA
	r.accepted, r.era, r.frame = t, c.clock.Era, p.Frame.Number
	r.managed, r.other = r.managed || m.RA.Managed, r.other || m.RA.Other
	r.keepOptions(m.Options, t)

	c.checkWithdrawal(l)
	c.checkReplaced(r)
	c.checkPace(r)
	c.checkTurns(l, r)
	c.checkOthers(l, r)
}

// keepOptions takes copies of a message's options: a prefix or route replaces the one before, any other option all of
// its type that came with earlier messages.
func (r *Router) keepOptions(options []icmp6.Option, t time.Time) {
	options = options[:min(len(options), maxOptions)]
	for i, o := range options {
		n := ordinal(options[:i], o.Type) // among those of its type
		at := slices.IndexFunc(r.Options, func(k icmp6.Option) bool { return sameRoute(k, o) })
		if !isRoute(o) {
			at = r.find(o.Type, n)
		}
		r.keep(at, o, t)
	}
	for i := len(r.Options) - 1; i >= 0; i-- {
		o := r.Options[i]
		n := ordinal(options, o.Type)
		if !isRoute(o) && n > 0 && ordinal(r.Options[:i], o.Type) >= n {
			r.drop(i)
		}
	}
}

// keep puts a copy of o in place of option at, or behind all others if at is negative. When there is no room, those go
// that were heard longest ago.
func (r *Router) keep(at int, o icmp6.Option, t time.Time) {
	more := len(o.Raw)
	if at >= 0 {
		more -= len(r.Options[at].Raw)
		r.heard[at] = t
	}
	for at < 0 && len(r.Options) == maxOptions || r.size+more > maxOptionBytes {
		i := r.oldest(t)
		if i < 0 {
			if at >= 0 {
				r.drop(at)
			}
			return
		}
		r.drop(i)
		if i < at {
			at--
		}
	}
	if at < 0 {
		r.Options, r.heard = append(r.Options, icmp6.Option{}), append(r.heard, t)
		at = len(r.Options) - 1
	}
	raw := r.Options[at].Raw
	if len(raw) != len(o.Raw) {
		raw = make([]byte, len(o.Raw))
	}
	copy(raw, o.Raw)
	o.Raw = raw
	r.Options[at] = o
	r.size += more
}

func (r *Router) drop(i int) {
	r.size -= len(r.Options[i].Raw)
	r.Options, r.heard = slices.Delete(r.Options, i, i+1), slices.Delete(r.heard, i, i+1)
}

// oldest returns the option that was heard longest ago, and not at time t, or -1.
func (r *Router) oldest(t time.Time) int {
	at := -1
	for i, heard := range r.heard {
		if !heard.Equal(t) && (at < 0 || heard.Before(r.heard[at])) {
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

// ordinal returns how many of the options have type t.
func ordinal(options []icmp6.Option, t icmp6.OptionType) int {
	n := 0
	for i := range options {
		if options[i].Type == t {
			n++
		}
	}
	return n
}

// isRoute reports whether o is about a prefix of its own, beside which others stand.
func isRoute(o icmp6.Option) bool {
	return o.Type == icmp6.OptPrefixInformation || o.Type == icmp6.OptRouteInformation
}

// sameRoute reports whether a and b are about the same prefix.
func sameRoute(a, b icmp6.Option) bool {
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
