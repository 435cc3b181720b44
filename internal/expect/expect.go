// Package expect holds what a network should look like, as its user says it: by flags, by the radvd.conf of its router, by
// what CloudStack's API says of it, or in a file of expectations. Package conform holds packets against it.
package expect

import (
	"fmt"
	"net/netip"

	"v6probe/internal/rule"
)

// State is all that is expected. The zero State expects nothing.
type State struct {
	Links []*Link
	Rules Rules
	Flaws []Flaw // what is wrong with the expectation itself, whatever is on the wire
}

// Flaw is a fault of the expectation: CloudStack was told of an MTU that IPv6 does not allow, or radvd to be silent.
type Flaw struct {
	Rule     rule.ID
	Severity rule.Severity
	Link     string // Link.Name
	Detail   string
	Fix      string // "" to use the rule's
	Place    rule.Place
}

// Link is what is expected of one layer-2 segment.
type Link struct {
	Name  string   // how its source names it: "eth2", "network web (Isolated)"; never empty
	Keys  []string // by which SOURCE#KEY chooses it: the interface, the network's name or id
	Place rule.Place

	// Which segment it is. Where the fields are zero it may be any.
	Iface string // the router's interface, by which its own radvd.conf names it
	VNI   *ID    // of VXLAN
	VLAN  *ID

	Prefixes []netip.Prefix // by which the link can be told apart, where nothing else tells it; masked

	// Routers are who may advertise; OnlyRouters that nobody else may. Forbidden are machines that must not, whoever else may.
	Routers     []Router
	OnlyRouters bool
	Forbidden   []Router
	Advertisers int // how many routers may offer themselves at one time; 0 is any number

	Says      *Advertisement // what every router says that has no Says of its own; nil expects nothing
	Together  bool           // Says is what all routers say together, each a part
	Neighbors []Neighbor
	MTU       int // that the guests' interfaces should have, in bytes; 0 where nothing is said

	CloudStack bool // so that the advice is CloudStack's
}

// ID is the number of a virtual segment: a VNI or a VLAN id.
type ID struct {
	Number uint32
	Place  rule.Place
}

// MAC is an Ethernet address.
type MAC [6]byte

func (m MAC) String() string {
	return fmt.Sprintf("%02x:%02x:%02x:%02x:%02x:%02x", m[0], m[1], m[2], m[3], m[4], m[5])
}

// Router is a machine that advertises, or that must not. A zero Address or MAC is any; one of the two is there.
type Router struct {
	Name     string // "r-12-VM"; may be empty
	Address  netip.Addr
	MAC      MAC
	Required bool           // it is a fault that it is not heard
	Says     *Advertisement // nil: what its Link says
	Why      string         // why it must not advertise, a clause; only in Link.Forbidden
	Fix      string         // likewise, what to do when it does
	Place    rule.Place
}

// Neighbor is a machine that is not a router.
type Neighbor struct {
	Name      string // "i-2-7-VM"; may be empty
	MAC       MAC
	Addresses []netip.Addr // those of Link.Prefixes that it may use; none here: any
	Required  bool         // it is a fault that it is not seen
	Place     rule.Place
}

// Rules says which rules must be broken, and which must not.
type Rules struct {
	Must    []RuleRef // a capture of a fault must show it; the findings are as they should be then
	MustNot []RuleRef // an error, whatever the rule's severity
	Ignore  []RuleRef // not told at all
}

// RuleRef names a rule, or by a "*" at its end many: "ra.inconsistent-*". In Rules.Must it names one.
type RuleRef struct {
	ID    string
	Place rule.Place
}

// Error is what is wrong with a source.
type Error struct {
	Place  rule.Place // a place in the source; Column is set where it is known
	Reason string
	hint   string
}

func (e *Error) Error() string {
	s := e.Place.File
	if e.Place.Line > 0 {
		s += fmt.Sprintf(":%d", e.Place.Line)
		if e.Place.Column > 0 {
			s += fmt.Sprintf(":%d", e.Place.Column)
		}
	}
	if s == "" {
		return e.Reason
	}
	return s + ": " + e.Reason
}

// Hint says what to do about it; "" when there is nothing to say.
func (e *Error) Hint() string { return e.hint }
