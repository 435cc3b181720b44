// Package pmtu finds the path MTU to a target: which size arrives, where the path narrows, and whether the network says so
// or swallows the packet. It probes many sizes in one batch and judges by what arrives; what a Packet Too Big says is a
// hint, never the answer (RFC 8201, RFC 8899 §3).
package pmtu

import (
	"net/netip"
	"time"

	"v6probe/internal/encap"
)

// MinMTU is what every IPv6 link carries, in bytes (RFC 8200 §5). Nothing is searched below it.
const MinMTU = encap.MinMTU

// Kind is the kind of a probe.
type Kind uint8

// The kinds, in the order in which they are preferred.
const (
	Echo   Kind = iota // ICMPv6 Echo Request; the answer is as long as the question
	UDP                // to a closed port; the answer, a Port Unreachable, is short and rate limited
	TCP                // a SYN with data; the answer is short
	Option             // an unknown destination option that asks for a Parameter Problem (RFC 8200 §4.2)
)

// String returns "echo", "udp", "tcp" or "option".
func (k Kind) String() string {
	switch k {
	case Echo:
		return "echo"
	case UDP:
		return "udp"
	case TCP:
		return "tcp"
	}
	return "option"
}

// Probe is one packet to send. All probes of a run go from one source to one target.
type Probe struct {
	ID       int // counted from 1 in a run; the answer is told by it
	Kind     Kind
	Size     int // bytes of the IPv6 packet, its header included
	HopLimit int
	Flow     int // which flow it belongs to: flows differ in flow label, identifier and source port
}

// ReplyType says what a reply is.
type ReplyType uint8

// The replies. Answer is what shows that the probe reached the target: an Echo Reply, a Port Unreachable, a SYN-ACK or
// RST, a Parameter Problem, from the target itself.
const (
	Answer      ReplyType = iota
	TooBig                // Packet Too Big
	Exceeded              // Time Exceeded, hop limit
	Unreachable           // Destination Unreachable, other than an Answer
	Held                  // no reply: a filter of this host did not let the probe out
)

// Reply is what came back for a probe.
type Reply struct {
	ID     int // of the probe; 0 when the message matches none that was sent: it is forged, or about other traffic
	Type   ReplyType
	Source netip.Addr
	Time   time.Time // by the clock of Transport.Now

	HopLimit       int    // of the reply, as it came in
	QuotedHopLimit int    // of the probe as it is quoted, 0 when it is not
	MTU            uint32 // of a TooBig
	Code           uint8  // of an Unreachable
	// FragmentSize is the length of the largest fragment that the reply came in, in bytes with its header; 0 when it came
	// whole.
	FragmentSize int
	// Filtered says that the reply came in on the interface and was dropped by a filter of this host.
	Filtered bool
}

// Transport sends probes and gets replies. It is a network, or a simulation in virtual time.
type Transport interface {
	Now() time.Time
	// Send sends a probe now. What this host drops silently is no error.
	Send(p Probe) error
	// Receive returns the next reply, or ok false when none came until the time given.
	Receive(until time.Time) (r Reply, ok bool, err error)
}

// Config says what to probe.
type Config struct {
	Target netip.Addr
	Local  int           // MTU of the way out, in bytes: what this host may send
	Kinds  []Kind        // kinds that may be used, the preferred first
	Flows  int           // how many flows to compare; 1 for no comparison
	Gap    time.Duration // least time between two probes; 0: a batch goes out at once

	// Trace is told of each probe that was sent (r is nil) and of each reply; p and sent, when the probe was, are zero for a
	// reply that matches none. It may be nil.
	Trace func(p Probe, sent time.Time, r *Reply)
}

// Result is what probing came to.
type Result struct {
	Target netip.Addr
	Local  int

	// MTU is the path MTU on the way there, in bytes: it arrives and one byte more does not, or it is Local. 0 when that
	// could not be found out; then AtLeast is the largest size that is known to arrive (0 for none), and TooBig the
	// smallest that is known not to (0 for none).
	MTU     int
	AtLeast int
	TooBig  int
	Method  Kind // of the probes that the MTU was found with
	Reached bool // the target answered anything

	Silence Silence // which kinds got no answer at all although they were tried
	// Either says that it could not be told whether the way there or the way back is too narrow: MTU holds for packets
	// whose answer is as long as they are.
	Either   bool
	Hole     *Hole         // nil when every size that does not arrive is answered as it should be
	Walk     []Step        // what a host meets that begins with Local and believes each Packet Too Big
	Said     []Said        // the Packet Too Big messages, a row for each sender and MTU, in the order of their hops
	Forged   int           // Packet Too Big that match no probe and say less than arrives
	Refused  []Refusal     // Destination Unreachable, a row for each sender and code
	Return   Return        // the way back
	Split    *Split        // nil unless the kinds of probes go by different paths
	Held     int           // packets that a filter of this host did not let out
	Hops     []Hop         // the routers on the way, in order; a hop that did not answer has no address
	Distance int           // hops to the target, itself counted; 0 unknown
	Flows    []Flow        // when flows were compared, the first among them
	Sent     int           // packets
	Rounds   int           // round trips
	Took     time.Duration // from the first probe to the last thing waited for
	RTT      time.Duration // the least to the target; 0 unknown
	Loss     float64       // share of the probes of a size that passes that got no answer
	Complete bool          // false when it was interrupted
}

// Silence is a set of kinds.
type Silence [4]bool

// Hole is a size at which packets vanish without a word, and where. A Packet Too Big below 1280 is no silence, though hosts
// discard it.
type Hole struct {
	Size int // bytes: the smallest that is known to vanish for a host that walks down the path's MTUs
	// After is the last hop that a packet of that size reached, 0 for none but this host; Before is the first that it did
	// not reach, the target's distance when all routers got it; 0 when it is not known.
	After, Before int
	// Here says that the Packet Too Big did come and was dropped by a filter of this host.
	Here bool
	// NotShrinking says that a Packet Too Big comes, but its MTU is no less than the size that it refuses.
	NotShrinking bool
}

// Step is a size that a host sends on its way down, and what comes of it.
type Step struct {
	Size    int
	Passed  bool
	MTU     uint32     // what a Packet Too Big said; 0 for none
	Source  netip.Addr // of that
	Silent  bool
	Ignored bool // the Packet Too Big says less than 1280 and hosts discard it (RFC 8201 §4)
	Refused bool // a Destination Unreachable from Source instead of a Packet Too Big
	Code    uint8
	Held    bool // a filter of this host does not let it out
}

// Said is what one sender of Packet Too Big says.
type Said struct {
	Source netip.Addr
	Hop    int // which router it is; of a tunnel endpoint the last router before it, 0 for none
	// Tunnel says that it came in the target's name from the middle of the path: a tunnel endpoint on a bridge answered.
	Tunnel   bool
	MTU      uint32
	Smallest int // of the probes that it refused, in bytes
	Largest  int
	Count    int
	Filtered bool // it was dropped by a filter of this host
	// Wrong says that the MTU is not that of the link: a packet longer than it passes there (Low), or one of that size
	// does not (High).
	Low, High bool
}

// Refusal is a Destination Unreachable in answer to a probe, or a Time Exceeded where the hop limit was ample.
type Refusal struct {
	Loop   bool // Time Exceeded: the routers send the packet around in a circle
	Source netip.Addr
	Hop    int // 0 unknown
	Code   uint8
	Count  int
}

// Split says that echoes go by another path than the other kinds of probes, as where routers spread flows by protocol or port.
type Split struct {
	Echo  int  // the path MTU of the echoes, in bytes
	Other Kind // a kind that gets farther
	Told  bool // longer echoes are answered by a Packet Too Big; else they vanish where Hole says
}

// Return is what is known of the way back.
type Return struct {
	// MTU is the path MTU on the way back, at least: answers of that size arrive. 0 when nothing was said of it. Most is the
	// largest that it can be, equal to MTU when it is known to the byte; 0 when it is not known.
	MTU, Most int
	// Hole says that long answers vanish; without it the answers came in fragments, as the target was told the MTU.
	Hole bool
}

// Hop is a router on the way.
type Hop struct {
	Address netip.Addr
	RTT     time.Duration // the least
	Largest int           // bytes of the largest probe that is known to have come to it
	MTU     int           // of the link behind it, as its Packet Too Big says; 0 if it sent none
}

// Flow is what one flow came to.
type Flow struct {
	Number  int
	MTU     int // as in Result
	AtLeast int
	Silent  bool // what does not pass vanishes without a word
	Dead    bool // no answer to anything
}
