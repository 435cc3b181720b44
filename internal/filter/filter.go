// Package filter tells what a host's packet filter does with a packet that nobody has sent: it reads the rules of nftables
// by netlink and those of ip6tables and ebtables as their tools save them, and follows a packet through them. Where a rule
// asks what cannot be answered, it says so.
package filter

import "net/netip"

// Packet is the ICMPv6 packet that is followed.
type Packet struct {
	In, Out         string // interfaces as IPv6's hooks see them: of a bridged packet the bridge; "" where there is none
	PhysIn, PhysOut string // ports of a bridge; "" where there is none
	EtherSource     [6]byte
	EtherTarget     [6]byte // the Ethernet destination
	Source, Target  netip.Addr
	HopLimit        uint8
	Type, Code      uint8
	Length          int // bytes of IP
	Track           Track
}

// Track is what connection tracking makes of a packet.
type Track uint8

// The tracking states. Linux does not track neighbor discovery and MLD.
const (
	Untracked Track = iota
	New
	Established
	Related // an ICMPv6 error about a connection that is known
	Invalid // an ICMPv6 error about none
)

// Family is the kernel's packet family of a table.
type Family uint8

// The families that ICMPv6 can meet. Rules of inet are in every list of IPv6's.
const (
	IPv6 Family = iota
	Bridge
	Netdev
)

// Hook is where a chain is called.
type Hook uint8

// The hooks.
const (
	Ingress Hook = iota
	Prerouting
	Input
	Forward
	Output
	Postrouting
	Egress
)

// String returns the name that nft has for it.
func (h Hook) String() string {
	return [...]string{"ingress", "prerouting", "input", "forward", "output", "postrouting", "egress"}[h]
}

// Truth is the answer to whether a rule matches.
type Truth uint8

// The answers.
const (
	No Truth = iota
	Yes
	CannotTell
)

// Act is what a rule does with what it matches.
type Act uint8

// The acts.
const (
	Continue Act = iota // the next rule: it counts, logs, marks
	Accept              // ends the chains of this table at this hook
	Drop                // reject too
	Return
	Jump
	Goto
	Elsewhere // NFQUEUE, redirect and the like: what becomes of the packet is not decided here
)

// Rule is one rule of a chain.
type Rule struct {
	Handle uint64 // of nftables; else its number in the chain, from 1
	Text   string // as the tool that wrote it shows it; escaped
	// Apply says whether the rule matches p, and what it then does; chain is where it jumps to.
	// In the chains that come before connection tracking p.Track is Invalid, as it is in the kernel.
	Apply func(p *Packet) (matches Truth, act Act, chain string)
	// Untracks says that what the rule matches is not tracked from there on: notrack.
	Untracks bool
}

// Chain is a chain of a table. One that is called from a hook is a base chain.
type Chain struct {
	Tool     string // "nft", "ip6tables", "ip6tables-legacy", "ebtables", "ebtables-legacy": which command shows it
	Family   Family
	Table    string // "ip6 ip6_firewall" as nft names it; "filter" for the others
	Name     string
	Base     bool
	Hook     Hook
	Device   string // of Netdev; "vnet*" for all that begin like that
	Priority int    // of a base chain; those with lower numbers come first
	Policy   Act    // Accept or Drop
	NAT      bool   // the kernel asks it only about the first packet of a connection: nftables' type nat
	Rules    []Rule
}

// Ruleset is what a host filters by.
type Ruleset struct {
	Chains []*Chain       // base chains of one hook in the order in which the kernel calls them
	Unread []string       // what could not be read and why: "ebtables: no such program"; then an Accept is not certain
	Sets   map[string]Set // ipsets by name, where a rule asks one
}

// Place is one rule, or the policy of a chain.
type Place struct {
	Tool, Table, Chain string
	Hook               Hook // of the base chain from which it was reached
	Handle             uint64
	Rule               string // its text; "policy drop" for the policy
}

// Verdict is what becomes of the packet.
type Verdict uint8

// The verdicts.
const (
	Passes Verdict = iota
	Dropped
	Doubtful // it depends on rules that cannot be told
)

// Outcome is what the filter does with a packet.
type Outcome struct {
	Verdict Verdict
	At      Place   // what drops it; the first that may, where that is doubtful
	Doubts  []Place // where it is doubtful: rules on its way of which it cannot be told whether they match, at most eight
	// Unread is what of the rules could not be read, where the packet passes all that could: it is doubtful then.
	Unread []string
}
