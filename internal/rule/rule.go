// Package rule holds the catalogue of what can be wrong, and the form in which a fault is reported.
package rule

import (
	"net/netip"
	"slices"
	"time"
)

// Severity ranks a finding.
type Severity uint8

// The severities, least first.
const (
	Info    Severity = iota // worth knowing
	Warning                 // legal but harmful, or a SHOULD that is broken
	Error                   // a conforming receiver drops the packet or the option, or guests lose connectivity
)

// String returns "info", "warning" or "error".
func (s Severity) String() string {
	switch s {
	case Info:
		return "info"
	case Warning:
		return "warning"
	}
	return "error"
}

// Receiver says what a conforming receiver does with a packet that breaks the rule.
type Receiver string

// The things a receiver does. ReceiverNone is for rules about the absence or the pattern of packets.
const (
	ReceiverNone    Receiver = ""
	ReceiverDrops   Receiver = "drops"
	ReceiverIgnores Receiver = "ignores" // the option, or the field
	ReceiverAccepts Receiver = "accepts"
)

// ID names a rule, subject.fault, for ever: "ra.no-address-source".
type ID string

// Rule is one row of the catalogue.
type Rule struct {
	ID       ID
	Severity Severity
	Receiver Receiver
	RFC      string // "4861 §6.1.2", "8106 §5.1; CVE-2020-16898"
	Title    string // a short statement of the fault, no full stop
	Why      string // what it does to the network, a sentence or two
	Fix      string // what to do, with the command or setting where there is one
}

// The catalogue in its documented order, and where in it each id stands. Neither changes after the program has started.
var (
	catalogue = slices.Concat(ndRules, raRules, inconsistentRules, duplicateRules, prefixRules, mtuRules,
		routeRules, dnsRules, nat64Rules, captiveRules, otherOptionRules, rsRules, neighborRules, redirectRules, listenerRules,
		errorRules, unreachableRules, pmtuRules, dropRules, guestRules, routerRules, filterRules, hypervisorRules, expectRules)
	positions = index(catalogue)
)

func index(rules []Rule) map[ID]int {
	m := make(map[ID]int, len(rules))
	for i, r := range rules {
		m[r.ID] = i
	}
	return m
}

// All returns the catalogue in its documented order. The slice is the caller's own.
func All() []Rule { return slices.Clone(catalogue) }

// Lookup returns the rule with that id.
func Lookup(id ID) (Rule, bool) {
	i, ok := positions[id]
	if !ok {
		return Rule{}, false
	}
	return catalogue[i], true
}

// Finding is one fault that was seen.
type Finding struct {
	Rule     ID
	Severity Severity // the rule's own, unless the rule says that it depends
	Detail   string   // the evidence, with its values: "hop limit is 64, not 255"; wire text in it is escaped
	Fix      string   // more exact than the rule's; "" to use the rule's

	// Where it was seen. Frame is 0 for a finding about a whole link or about silence.
	Frame  uint64
	Time   time.Time
	Link   string // packet.Link as text
	Source netip.Addr
	Offset int // byte offset in the frame, or in the reassembled packet; -1 when it is not one place

	Expected Place // where what was expected stands; zero for a finding that needs no expectation

	// Subject tells apart findings of one rule about one source: the prefix, the option's place. Findings with
	// the same Rule, Link, Source and Subject are the same fault seen again.
	Subject string
}
