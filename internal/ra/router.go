package ra

import (
	"encoding/binary"
	"hash/maphash"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// Two equal messages of one sender within copyGap are one message seen twice, by a mirror port or on two
	// interfaces: a router waits 3 seconds (RFC 4861 §6.2.6).
	copyGap = 10 * time.Millisecond
	// A router that is heard again after provenAfter is Proven.
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
	id       uint32 // on its link
	seen     uint64 // the running number of its last packet
	standing Standing

	// The routers of one address make a row, in the order of their first RA. The first, which Link.routers has and which is
	// called the speaker, knows the last.
	namesake, tail *Router

	last     frame   // its last
	came     instant // when that was
	said     said    // in its last RA that was judged
	toAll    instant
	heard    []instant // when each of Options came
	size     int       // bytes of Options
	kept     int       // bytes() as last accounted for
	accepted instant   // its last accepted RA
	at       time.Time // of accepted
	number   uint64    // the frame of accepted
	era      uint32    // of accepted

	turns          int  // how often a twin spoke between two of its RAs
	goodbyes       int  // RAs with router lifetime 0 in a row, after one with another
	managed, other bool // said in an accepted RA
	inside, rogue  bool // it is the machine behind a tap; and was told to be a rogue
	past           [pasts]past
	prefixes       []routerPrefix
	turn           uint64 // counts the accepted RAs
	pace           pace
	rdnss          rdnssPace
	peers          []peer
}

// Standing says how well a router is told from the passing senders of a flood.
type Standing uint8

const (
	Passing  Standing = iota // heard once, or for a moment
	Returned                 // forgotten for lack of room and heard again, as it seems: of thousands of strangers some seem so
	Proven                   // heard again after some time, or returned twice
)

// Standing returns how well r is known.
func (r *Router) Standing() Standing { return r.standing }

// alive reports whether hosts have r as a default router at time t of era: its last RA is within its router lifetime.
func (r *Router) alive(t instant, era uint32) bool {
	age := t.sub(r.accepted)
	return r.Accepted > 0 && r.era == era && r.Fields.RouterLifetime > 0 && age >= -ndcheck.MaxReorder &&
		age <= seconds(r.Fields.RouterLifetime)
}

// checkTwins looks for another machine that speaks as r, which is heard again. Once, that may be a failover and
// the way back.
func (c *Checker) checkTwins(l *Link, r *Router) {
	t, era := c.now, c.clock.Era
	if l.mixed || !r.alive(t, era) {
		return
	}
	for o := c.speaker; o != nil; o = o.namesake {
		if o == r || o.accepted <= r.accepted || !o.alive(t, era) || o.givesAll(r, t, era) && r.givesAll(o, t, era) {
			continue
		}
		if r.turns++; r.turns >= 2 {
			r.Twin, o.Twin = true, true
		}
	}
}

// givesAll reports whether r gives hosts every prefix that o gives them.
func (r *Router) givesAll(o *Router, t instant, era uint32) bool {
	for i := range o.prefixes {
		p := &o.prefixes[i]
		if !p.given(t, era) {
			continue
		}
		if k := r.findPrefix(p.prefix, i); k == nil || !k.given(t, era) {
			return false
		}
	}
	return true
}

const infinity = 0xffffffff // a lifetime without end

func seconds[T uint16 | uint32](s T) time.Duration { return time.Duration(s) * time.Second }

// find returns the router with that key, or nil; and the first of its address.
func (l *Link) find(key routerKey) (r, speaker *Router) {
	speaker = l.routers[key.source]
	r = speaker
	for r != nil && r.MAC != key.mac {
		r = r.namesake
	}
	return r, speaker
}

// add makes the sender of p a router of l. It returns it and the first of its address.
func (c *Checker) add(l *Link, p *packet.Packet) (r, speaker *Router) {
	if len(l.Routers) >= maxRouters || c.routers >= maxAllRouters {
		c.forgetRouters(l)
	}
	r = c.spares.router()
	r.Source, r.MAC, r.HasMAC = p.Source, p.EthernetSource, p.EthernetSource != packet.MAC{}
	r.First, r.FirstFrame = p.Frame.Time, p.Frame.Number
	r.id = l.nextRouter
	l.nextRouter++
	c.routers++
	l.Routers = append(l.Routers, r)
	if speaker = l.routers[r.Source]; speaker == nil {
		speaker = r
		l.routers[r.Source] = r
	} else {
		speaker.tail.namesake = r
	}
	speaker.tail = r
	return r, speaker
}

// remove takes r out of the row of its address.
func (l *Link) remove(r *Router) {
	first := l.routers[r.Source]
	switch {
	case first != r:
		o := first
		for o.namesake != r {
			o = o.namesake
		}
		if o.namesake = r.namesake; o.namesake == nil {
			first.tail = o
		}
	case r.namesake == nil:
		delete(l.routers, r.Source)
	default:
		r.namesake.tail = r.tail
		l.routers[r.Source] = r.namesake
	}
}

// frame is what is kept of a router's last frame, to know it again. A router repeats itself for days, and what is to be
// said of a frame by itself depends on nothing but this: it is not looked for in a frame that is the same. Another frame
// with the same hash would pass as this one, but the hash is of 64 bits, and nobody knows its seed.
type frame struct {
	hash      uint64
	length    int
	linkType  packet.LinkType
	iface     *packet.Interface
	mtu       int
	direction packet.Direction
	offload   bool
	whole     bool // no fragment, of which the frame would be a part only

	clean, dropped bool // checkRA found nothing; and found something for which receivers drop it

	message uint64 // the hash of the message without its first four bytes: the checksum changes with the destination
	head    uint32 // these
}

func (c *Checker) frameOf(p *packet.Packet) frame {
	f := &p.Frame
	return frame{hash: maphash.Bytes(c.seed, f.Data), length: f.Length, linkType: f.LinkType, iface: f.Interface, mtu: f.Interface.MTU,
		direction: f.Direction, offload: f.Offload, whole: !p.IsFragment}
}

// is reports whether f and g are the same.
func (f *frame) is(g *frame) bool {
	return f.whole && g.whole && f.hash == g.hash && f.length == g.length && f.linkType == g.linkType &&
		f.iface == g.iface && f.mtu == g.mtu && f.direction == g.direction && f.offload == g.offload
}

// hashMessage fills in the message's hash.
func (f *frame) hashMessage(seed maphash.Seed, message []byte) {
	var head [4]byte
	n := copy(head[:], message)
	f.head, f.message = binary.BigEndian.Uint32(head[:]), maphash.Bytes(seed, message[n:])
}

// advertisement judges a Router Advertisement and takes it in.
func (c *Checker) advertisement(p *packet.Packet) {
	c.heard++
	l := c.link(p)
	c.list(l)
	l.Advertisements++
	key := keyOf(p)
	r, speaker := l.find(key)
	var f frame
	same := false
	if r != nil { // a stranger may be gone before it repeats itself
		f = c.frameOf(p)
		if same = f.is(&r.last); same {
			f = r.last
		}
	}
	if !same || !f.clean {
		checkRA(&c.report)
	}
	if !same {
		f.clean, f.dropped = len(c.report.Findings) == 0, c.report.Drops()
		f.hashMessage(c.seed, p.Payload)
	}
	if p.Destination.IsMulticast() { // else it answers a host, and a thousand may boot at once
		c.checkFlood(l, key, r == nil)
	}
	if r == nil {
		r, speaker = c.add(l, p)
		r.standing = c.passed.standing(c.passage(l, r))
		l.proven = l.proven || r.standing > Passing
	}
	r.seen, c.speaker = c.clock.Packets, speaker
	c.take(l, r, &f)
}

// take takes in the Router Advertisement of the report, which r sent in frame f.
func (c *Checker) take(l *Link, r *Router, f *frame) {
	p := c.report.Packet
	age := c.now.sub(r.came)
	copied := r.Count > 0 && f.message == r.last.message && f.head == r.last.head && age >= 0 && age < copyGap &&
		f.dropped == (len(r.Dropped) > 0)
	r.last, r.came = *f, c.now
	r.count(p)
	c.checkTap(l, r)
	if f.dropped {
		if !copied {
			r.reject(c.report.Findings, p, c.now)
			c.account(l, r)
		}
		return
	}
	r.Accepted++
	if copied {
		return
	}
	r.pause(c.now, p.Destination)
	if r.standing < Proven && p.Frame.Time.Sub(r.First) >= provenAfter {
		r.standing, l.proven = Proven, true
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
	if len(r.Tunnels)+len(p.Tunnels) > 0 && !slices.EqualFunc(r.Tunnels, p.Tunnels, sameTunnel) {
		r.Tunnels = append(r.Tunnels[:0], p.Tunnels...)
		for i := range r.Tunnels {
			r.Tunnels[i].VLANs = append([]packet.VLAN(nil), r.Tunnels[i].VLANs...)
		}
	}
}

func sameTunnel(a, b packet.Tunnel) bool {
	return a.VNI == b.VNI && a.Port == b.Port && a.Source == b.Source && a.Destination == b.Destination &&
		slices.Equal(a.VLANs, b.VLANs)
}

// reject takes in an RA that receivers drop: it is shown, and judged no further.
func (r *Router) reject(found []rule.Finding, p *packet.Packet, t instant) {
	r.pause(t, p.Destination)
	r.Dropped = r.Dropped[:0]
	for i := range found {
		id := found[i].Rule
		if known, _ := rule.Lookup(id); known.Receiver == rule.ReceiverDrops && !slices.Contains(r.Dropped, id) {
			r.Dropped = append(r.Dropped, id)
		}
	}
	if r.Accepted == 0 && !p.Message.Short {
		r.Fields = p.Message.RA
		r.keepOptions(p.Message.Options, t)
	}
}

// pause takes in how long it was since r's last RA to all nodes.
func (r *Router) pause(t instant, dst netip.Addr) {
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
