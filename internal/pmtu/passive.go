package pmtu

import (
	"cmp"
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Proof says how it is known that a size arrives.
type Proof string

// The proofs, the strongest first.
const (
	ByNothing Proof = ""
	ByEcho    Proof = "echo"      // an Echo Request of that size was answered by as long a reply
	ByTCPAck  Proof = "tcp-ack"   // a segment of that size was acknowledged
	BySeen    Proof = "seen here" // it came to where the capture was made; how it went on from there is not known
)

// Path is what a capture proves about the way from one address to another. Sizes are bytes of an IPv6 packet, its header
// included; 0 stands for what is not known. What is said of 1280 bytes and less is left out: every path carries them.
type Path struct {
	Source, Destination netip.Addr

	// AtLeast is the largest size that is proven to have arrived: at Destination, or by BySeen on its way there. By BySeen it
	// is only where nothing proves more.
	AtLeast      int
	AtLeastBy    Proof
	AtLeastFrame uint64
	SeenHere     int // the largest that came here on its way to Destination, whatever AtLeast is

	// AtMost is the smallest MTU of the Packet Too Big about packets of this path, AtMostFrom who named it, and Said all
	// that they said. They are a hint: AtLeast may be more, where the path has changed or one is wrong.
	AtMost      int
	AtMostFrom  []netip.Addr
	AtMostFrame uint64
	Said        []Said // Hop and what else a capture cannot tell is 0
	// LargerPassed says that a packet longer than AtMost is proven to have arrived after that was said.
	LargerPassed bool

	// Fragment is the length of the longest first fragment: Source believes that the path's MTU is that, or up to 7 bytes
	// more. It may also be what an application asked for.
	Fragment int

	Suspected Suspicion // a black hole

	// What the two said in the SYNs of a TCP connection, the smallest of several: MSS + 60 is what its own link carries, as
	// each believes, or as someone on the way has changed it.
	SourceMSS, DestinationMSS int

	First, Last time.Time // of what is told here
	Frame       uint64    // the first
}

// Suspicion is what looks like a black hole: a long TCP segment was sent again and again and not acknowledged, while shorter
// ones of its connection were. The zero Suspicion is none.
type Suspicion struct {
	Size  int           // of the segment's packet; 0 for no suspicion
	Sent  int           // how often it was sent, copies not counted
	Span  time.Duration // from the first time to the last
	Frame uint64        // the last
	// Small is the longest packet known to have been acknowledged meanwhile. Passed is the longest of the packets in which the
	// same bytes were acknowledged, once the sender had cut them smaller: the proof that it was the size.
	Small, Passed int
}

const (
	maxJumbo  = 10000 // bytes; no link but a loopback carries more, so what is longer was joined or is still to be cut
	maxSaid   = 8     // rows kept of what Packet Too Big say about a path
	ipv6Bytes = 40    // of an IPv6 header
	echoBytes = 8     // of the header of an echo
)

// Checker reads from packets what they prove of the paths that they go. Packet time is its only clock, and what it keeps is
// bounded. It wants TCP segments of any length and other packets from 1280 bytes on.
type Checker struct {
	now   time.Time
	era   uint32 // counts the breaks in time; what lies in different eras is not compared
	any   bool   // there was a packet
	found []rule.Finding

	paths     paths
	conns     table[connKey, conn]
	echoes    table[echoKey, echo]
	fragments [8]datagram
	next      int // of fragments, the next to be overwritten
}

// NewChecker returns a Checker that has seen nothing.
func NewChecker() *Checker {
	c := &Checker{paths: newPaths(), conns: newTable[connKey, conn](maxConns), echoes: newTable[echoKey, echo](maxEchoes)}
	c.conns.dropped = func(k connKey, v *conn) { c.judge(k, v) }
	return c
}

// Packet takes in one packet. The findings, seldom any, were proved by it. The slice is valid until the next call.
func (c *Checker) Packet(p *packet.Packet) []rule.Finding {
	c.found = c.found[:0]
	c.tick(p.Frame.Time)
	if !onPath(p.Source) || !onPath(p.Destination) || p.Source == p.Destination || isRouted(p) {
		return nil
	}
	if p.IsFragment && !p.Fragment.Atomic {
		c.fragment(p)
	}
	if p.IsPiece() {
		return nil
	}
	switch {
	case p.IsICMPv6 && p.Checksum != packet.ChecksumBad:
		c.icmp(p)
	case p.Protocol == protocolTCP:
		c.tcp(p)
	}
	c.arrived(p)
	c.sort()
	return c.found
}

// sort puts the findings in order: those about connections that were forgotten together have none.
func (c *Checker) sort() {
	slices.SortFunc(c.found, func(a, b rule.Finding) int {
		return cmp.Or(cmp.Compare(a.Frame, b.Frame), cmp.Compare(a.Detail, b.Detail))
	})
}

// Finish tells what is suspected to the end. That the input broke off changes nothing about what was seen.
func (c *Checker) Finish(bool) []rule.Finding {
	c.found = nil
	c.conns.each(c.judge)
	c.sort()
	return c.found
}

// Paths returns what is known, by the first frame that told something. It is valid after Finish as well as before.
func (c *Checker) Paths() []Path { return c.paths.list() }

// Forgotten returns how many paths were forgotten for lack of room.
func (c *Checker) Forgotten() uint64 { return c.paths.forgotten() }

const (
	maxReorder = time.Second   // a greater step back is a clock that was set
	maxSilence = 2 * time.Hour // so is a greater step ahead, or two captures were joined into one
	echoWait   = time.Minute   // a reply that comes later answers another request
	maxEchoes  = 2048          // half of how many requests are kept, each with some 150 bytes
	pieceWait  = time.Minute   // RFC 8200 §4.5
)

func (c *Checker) tick(t time.Time) {
	d := t.Sub(c.now)
	switch {
	case !c.any:
		c.any, c.now = true, t
	case d < -maxReorder || d > maxSilence:
		c.era++
		c.now = t
	case d > 0:
		c.now = t
	}
}

// onPath reports whether a is an address that packets go to by a path.
func onPath(a netip.Addr) bool {
	return a.IsValid() && !a.IsMulticast() && !a.IsUnspecified() && !a.IsLoopback()
}

// isRouted reports whether p has a routing header, by which its destination is not where it is to end.
func isRouted(p *packet.Packet) bool {
	for i := range p.Extensions {
		if p.Extensions[i].Header == 43 {
			return true
		}
	}
	return false
}

// sizeOf returns the length of an IPv6 packet; 0 for a jumbogram, whose length stands elsewhere.
func sizeOf(p *packet.Packet) int {
	if p.PayloadLength == 0 {
		return 0
	}
	return ipv6Bytes + int(p.PayloadLength)
}

// arrived takes in that p was seen here, if it has come over a link at least.
func (c *Checker) arrived(p *packet.Packet) {
	size := sizeOf(p)
	if size <= MinMTU || p.Fragment.Reassembled || !hasTravelled(p) || size > linkLimit(p) {
		return
	}
	k := pathKey{p.Source, p.Destination}
	if v := c.paths.peek(k); v != nil && v.SeenHere >= size {
		return
	}
	if !p.IsICMPv6 && !p.SumFits() { // it may have been joined of several, and only TCP and UDP tell
		return
	}
	v := c.paths.claim(k)
	v.note(c.now, p.Frame.Number)
	v.SeenHere = size
}

// hasTravelled reports whether p has come over a link to where it was captured: it came in, or its hop limit is short of
// what hosts begin with. Probes that are to expire on their way begin with anything up to 32 or so.
func hasTravelled(p *packet.Packet) bool {
	return p.Frame.Direction == packet.Incoming || p.HopLimit > 32 && !isInitial(p.HopLimit)
}

func isInitial(hopLimit uint8) bool { return hopLimit == 64 || hopLimit == 128 || hopLimit == 255 }

// linkLimit returns how long a packet can be that has the link of p to go over.
func linkLimit(p *packet.Packet) int {
	mtu := p.Frame.Interface.MTU
	if mtu == 0 {
		return maxJumbo
	}
	for i := range p.Tunnels {
		tags := p.VLANs
		if i+1 < len(p.Tunnels) {
			tags = p.Tunnels[i+1].VLANs
		}
		mtu -= p.Tunnels[i].Overhead(len(tags))
	}
	return min(mtu, maxJumbo)
}
