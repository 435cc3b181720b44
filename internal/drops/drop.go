package drops

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// Flags are what was seen of the dropped packet, and of how it was seen. They tell faults apart on kernels that give no
// reason. The bits are those of bpf/drops.bpf.c.
type Flags uint16

// The flags.
const (
	Tunneled      Flags = 1 << iota // found inside a VXLAN packet, which is what was dropped
	BadHopLimit                     // neighbor discovery whose hop limit is not 255 (RFC 4861 §6.1, §7.1)
	BadCode                         // neighbor discovery whose code is not 0
	BadSource                       // an RA or a Redirect that is not from a link-local address
	BadChecksum                     // the kernel had verified the checksum, and it is wrong
	Multicast                       // sent to a multicast address
	OtherHost                       // the frame is addressed to another station (PACKET_OTHERHOST)
	Outgoing                        // this host sends it (PACKET_OUTGOING, or not yet received by any device)
	Solicited                       // an NA whose solicited flag is set
	LaterPiece                      // a fragment that is not the first: its type and code are unknown, and zero here
	StackNotTaken                   // the budget of stacks was used up: the hook is inferred, or unknown
	OnBridge                        // the device is a bridge: this is the host's own copy of what the bridge passes on
	NoSource                        // sent from ::, as a host does that has no address yet
)

// Has reports whether all bits of g are set.
func (f Flags) Has(g Flags) bool { return f&g == g }

// Place is what packets have in common that are counted together. It can be compared and be the key of a map.
type Place struct {
	Type      icmp6.Type
	Code      uint8
	Reason    string // as the running kernel calls it, "NETFILTER_DROP"; "" where the kernel gives none (NOT_SPECIFIED is one)
	Location  string // the kernel function that freed the packet, "nft_do_chain"; "" where it cannot be named
	Hook      string // where that is, in an operator's words: "bridge forward (nftables or ebtables-nft)"
	Interface string // the packet's device when it was dropped; "" for none
	Arrived   string // the device by which it came, where that is another one: at a bridge, the offender's port
	NetNS     string // the network namespace: its name by ip netns, or "inode 4026531840 (radvd, pid 17)"; "" for our own
	VLAN      uint16 // 0 for none; valid ids are 1 to 4094
	VNI       uint32 // of the VXLAN that Tunneled speaks of
	Flags     Flags
}

// Drop is what was counted at one place.
type Drop struct {
	Place
	Verdict
	Callers     []string // the functions that led to Location, innermost first; one stack of those that were seen
	Packets     uint64   // clones count each: what a bridge would flood to three ports is three
	Bytes       uint64   // of IPv6 packets, headers and all
	First, Last time.Time
	Source      netip.Addr // of one of the packets; not valid where it was not read
	Destination netip.Addr
}

// Class says whether a drop hurts.
type Class uint8

// The classes, worst first.
const (
	Hurts   Class = iota // somebody misses the packet
	Unknown              // v6probe cannot tell
	Benign               // as it should be
)

// String returns "hurts", "unknown" or "benign".
func (c Class) String() string { return [...]string{"hurts", "unknown", "benign"}[min(c, Benign)] }

// Verdict is the judgement of a drop.
type Verdict struct {
	Class    Class
	Why      string        // a sentence, with its full stop
	Rule     rule.ID       // of what hurts; "" otherwise
	Severity rule.Severity // of what hurts
	Fix      string        // more exact than the rule's, or ""
	Next     string        // the next command to run, complete; "" for none
}

// Counts are about the counting itself. Nothing is lost silently.
type Counts struct {
	Seen    uint64 // packets of every kind that the kernel freed as dropped while we looked
	ICMPv6  uint64 // of them, ICMPv6 of a wanted type, counted in a Drop or in MapFull
	Unread  uint64 // of them, packets that may be ICMPv6, and whose headers could not be read
	MapFull uint64 // ICMPv6 for which there was no room
	NoStack uint64 // ICMPv6 counted without its stack, as the budget was used up
	Missed  uint64 // events for which the kernel did not run the program
}

// Snapshot is all that was counted since counting began.
type Snapshot struct {
	Time   time.Time
	Drops  []Drop // worst class first, then most packets first
	Counts Counts
}
