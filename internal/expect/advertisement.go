package expect

import (
	"fmt"
	"net/netip"

	"v6probe/internal/rule"
)

// Infinity is a lifetime without end, in seconds as on the wire.
const Infinity = 0xffffffff

// Range is the least and the most that a number may be, in its field's unit.
type Range struct {
	Min, Max uint64
	Place    rule.Place
}

// Exactly is a Range of one number.
func Exactly(n uint64, p rule.Place) *Range { return &Range{n, n, p} }

// Has reports whether n is in the range.
func (r *Range) Has(n uint64) bool { return r.Min <= n && n <= r.Max }

// String is "45", "30 to 60" or "infinity", without a unit.
func (r *Range) String() string {
	if r.Min == r.Max {
		return Number(r.Min)
	}
	return Number(r.Min) + " to " + Number(r.Max)
}

// Number is n, or "infinity".
func Number(n uint64) string {
	if n == Infinity {
		return "infinity"
	}
	return fmt.Sprint(n)
}

// Switch is whether a flag is set, or an option there.
type Switch struct {
	On    bool
	Place rule.Place
}

// Text is a word or a string.
type Text struct {
	Want  string
	Place rule.Place
}

// Advertisement is what a Router Advertisement should say (RFC 4861 §4.2). A field that is nil expects nothing.
type Advertisement struct {
	CurHopLimit    *Range
	Managed        *Switch
	Other          *Switch
	HomeAgent      *Switch
	Preference     *Text  // "low", "medium" or "high" (RFC 4191 §2.2)
	RouterLifetime *Range // seconds
	ReachableTime  *Range // milliseconds
	RetransTimer   *Range // milliseconds
	Interval       *Range // milliseconds between two that were not asked for

	SourceLinkLayer *Switch // is there a Source Link-Layer Address option
	MTU             *Range  // bytes; 0 to 0: no MTU option

	Prefixes *Prefixes
	Routes   *Routes
	RDNSS    *Servers
	DNSSL    *Domains
	PREF64   *NAT64s
	Portal   *Text // captive portal URI (RFC 8910); "" for no such option

	Options *Options // options of any other type
}

// Prefixes are the Prefix Information options (RFC 4861 §4.6.2).
type Prefixes struct {
	List  []Prefix
	More  bool // others may be advertised besides
	Place rule.Place
}

// Prefix is one of Prefixes.
type Prefix struct {
	Prefix        netip.Prefix // masked
	OnLink        *Switch
	Autonomous    *Switch
	RouterAddress *Switch // the R flag
	Valid         *Range  // seconds
	Preferred     *Range  // seconds
	Place         rule.Place
}

// Routes are the Route Information options (RFC 4191 §2.3).
type Routes struct {
	List  []Route
	More  bool
	Place rule.Place
}

// Route is one of Routes.
type Route struct {
	Prefix     netip.Prefix // masked
	Preference *Text
	Lifetime   *Range // seconds
	Place      rule.Place
}

// Servers are the recursive DNS servers (RFC 8106 §5.1).
type Servers struct {
	List  []Server
	More  bool
	Place rule.Place
}

// Server is one of Servers.
type Server struct {
	Address  netip.Addr
	Lifetime *Range // seconds
	Place    rule.Place
}

// Domains are the DNS search domains (RFC 8106 §5.2).
type Domains struct {
	List  []Domain
	More  bool
	Place rule.Place
}

// Domain is one of Domains.
type Domain struct {
	Name     string // without the dot at its end
	Lifetime *Range // seconds
	Place    rule.Place
}

// NAT64s are the PREF64 options (RFC 8781).
type NAT64s struct {
	List  []NAT64
	More  bool
	Place rule.Place
}

// NAT64 is one of NAT64s.
type NAT64 struct {
	Prefix   netip.Prefix
	Lifetime *Range // seconds
	Place    rule.Place
}

// Options are options that have no field of their own in Advertisement.
type Options struct {
	List  []Option
	More  bool
	Place rule.Place
}

// Option is one of Options, to the byte.
type Option struct {
	Type  uint8
	Data  []byte // what follows type and length
	Place rule.Place
}
