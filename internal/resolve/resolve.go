// Package resolve asks one neighbor for its link-layer address and tells what came back: who answered, how fast, and how
// many of a burst of questions were answered (RFC 4861 §7.2).
package resolve

import (
	"net/netip"
	"time"

	"v6probe/internal/packet"
)

// The schedule of the questions.
const (
	retransTimer = time.Second // RETRANS_TIMER (RFC 4861 §10)
	// patience is how long an answer may take: anycast addresses and proxies wait up to a second before they answer
	// (MAX_ANYCAST_DELAY_TIME), and the way there and back takes its time.
	patience   = 1100 * time.Millisecond
	unicastGap = 200 * time.Millisecond // an answer comes before the next question, or its time would be of the wrong one

	slowCount = 20 // enough to tell a limit that lets up to 4 of 5 of a burst pass from plain loss
	slowGap   = 100 * time.Millisecond
)

const (
	// BurstRate is how many solicitations a second a burst has. It is above what limits on neighbor discovery let
	// pass as a rule (tens to a few hundred a second), and half of what counts as a flood by one station. No link and
	// no host is at its limit with 43 kB/s.
	BurstRate = 500
	// Tries is how often a host asks before it gives up: MAX_MULTICAST_SOLICIT and MAX_UNICAST_SOLICIT (RFC 4861 §10).
	Tries = 3
	// Patience is after how long of silence it can be told that nobody answers, rounded up.
	Patience = 4 * time.Second
	// MaxBurst is the largest burst: 20 seconds.
	MaxBurst = 10000

	burstGap        = time.Second / BurstRate
	maxUnicastBurst = BurstRate // one second of it is enough to see whether a limit is there
)

// Kind says what a solicitation is for, and where it goes.
type Kind uint8

// The kinds of solicitations, in the order in which they are sent.
const (
	Group        Kind = iota // to the solicited-node group, as a host begins (RFC 4861 §7.2.2)
	AllNodes                 // to ff02::1, which no bridge withholds, when the group gave no answer
	Unicast                  // to the Ethernet address of who answered, or where the target may be
	Slow                     // to the group, 10 a second: what a burst is compared with
	Burst                    // to the group, BurstRate a second
	UnicastBurst             // to who answered, BurstRate a second, when the burst lost some
	kinds
)

// Link is what asking needs to know of an interface.
type Link struct {
	Name     string
	Index    int
	MAC      packet.MAC     // its own
	Source   netip.Addr     // its address that asks and gets the answers; :: for none, the answers go to all nodes then
	Prefixes []netip.Prefix // those of its own addresses
	Cached   packet.MAC     // what this host's neighbor cache has of the target, zero for nothing

	// Own is the interface that has the target, when that is an address of this host; the question is then who else has
	// it. OwnMACs are the Ethernet addresses of this host's other interfaces.
	Own     string
	OwnMACs []packet.MAC
}

// Refusal says why an interface cannot be asked on.
type Refusal struct {
	Reason string // "eth0 has no IPv6 address"
	Advice string
}

func (e *Refusal) Error() string { return e.Reason }

// Hint says what can be done about it, in one line; "" if nothing can.
func (e *Refusal) Hint() string { return e.Advice }
