// Package counters reads the counters that every Linux kernel keeps of dropped packets, for hosts where a program of ours may
// not be loaded into the kernel: of IPv6 and ICMPv6, of netfilter's rules, of the interfaces and of the receive queues. They
// are read twice, and what moved between is told, with what it means. Each source also says what it cannot see. It changes
// nothing.
package counters

import (
	"errors"
	"time"
)

// The names of the sources.
const (
	SNMP6     = "snmp6"     // /proc/net/snmp6: of the network namespace
	DevSNMP6  = "dev_snmp6" // /proc/net/dev_snmp6: the same for each interface
	NFTables  = "nftables"
	IP6Tables = "ip6tables"
	EBTables  = "ebtables"
	Link      = "link"    // statistics of the interfaces
	Softnet   = "softnet" // /proc/net/softnet_stat: of the whole machine
)

// Options say what to look at.
type Options struct {
	// Interface limits dev_snmp6 and link to one interface; "" is all. What the rules of netfilter count is told in either case:
	// it cannot be known by which interface the packets came.
	Interface string
}

// Sample is what the counters were at one moment.
type Sample struct {
	Time    time.Time
	Sources []Source

	counters []counter
	iface    string
}

// Source is a place where a kernel keeps counters. The two kinds of ip6tables, and of ebtables, that a host may have side by
// side are sources of their own, with the same name.
type Source struct {
	Name string // one of the constants
	Tool string // the program or the file that it was read with: "ip6tables-legacy-save", "/proc/net/snmp6"
	Read bool   // false: Why says why it could not be read, and Hint what can be done about it, or ""
	Why  string // "nft: Operation not permitted (you must be root)"
	Hint string

	Counters int      // how many counters of drops it has
	Blind    []string // what it cannot see, each a clause without a full stop: in general, and then of what is set up here
}

// Moved is a counter that moved between two samples.
type Moved struct {
	Source    string // one of the constants
	Where     string // "table ip6 ip6_firewall chain fw_input, rule 7: icmpv6 type nd-router-solicit drop"; "" for an interface's
	Interface string // as the kernel has it, which may be any bytes; "" where the counter is of no interface
	Name      string // the kernel's: "Icmp6InErrors", "rx_missed_errors"; "packets" for a rule; "" for a Reset
	Delta     uint64 // packets, between the samples
	Meaning   string // a sentence, with its full stop
	Drop      bool   // packets were lost; otherwise it is worth knowing, and may well be as it should be
	ICMPv6    bool   // all that it counts is ICMPv6; otherwise it may be, or may be something else
	Vital     bool   // the rule names a type without which IPv6 does not work

	// Reset says that counters went back, or that rules came or went between the samples: Meaning says how many, Delta is 0.
	Reset bool
}

// counter is a Moved that waits for its Delta.
type counter struct {
	Moved
	key   string // what it is known by in another sample
	group string // what is loaded anew at once, "table ip6 ip6_firewall"
	value uint64
	// device says that it begins at zero with its interface and goes with that; a rule may begin with any number.
	device bool
}

// Bounds on what a host may have us hold. Names and texts of rules are whatever somebody chose.
const (
	maxOutput  = 8 << 20 // bytes of one program or file
	maxRules   = 50000   // of each source
	maxDevices = 2048
	maxText    = 200 // bytes of a rule's text
)

var errTooLong = errors.New("more than 8 MiB")
