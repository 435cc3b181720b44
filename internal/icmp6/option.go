package icmp6

import (
	"slices"
	"strconv"
)

// OptionType is an ND option's type byte (RFC 4861 §4.6 and the IANA registry).
type OptionType uint8

// The options that v6probe decodes.
const (
	OptSourceLinkLayerAddress OptionType = 1
	OptTargetLinkLayerAddress OptionType = 2
	OptPrefixInformation      OptionType = 3
	OptRedirectedHeader       OptionType = 4
	OptMTU                    OptionType = 5
	OptAdvertisementInterval  OptionType = 7
	OptHomeAgentInformation   OptionType = 8
	OptNonce                  OptionType = 14
	OptRouteInformation       OptionType = 24
	OptRDNSS                  OptionType = 25
	OptFlagsExtension         OptionType = 26
	OptDNSSL                  OptionType = 31
	Opt6CO                    OptionType = 34
	OptCaptivePortal          OptionType = 37
	OptPREF64                 OptionType = 38
	OptEncryptedDNS           OptionType = 144
)

// String returns the option's name in kebab-case, "prefix-information", or "option-200" for one without a name.
func (t OptionType) String() string {
	switch t {
	case OptSourceLinkLayerAddress:
		return "source-link-layer-address"
	case OptTargetLinkLayerAddress:
		return "target-link-layer-address"
	case OptPrefixInformation:
		return "prefix-information"
	case OptRedirectedHeader:
		return "redirected-header"
	case OptMTU:
		return "mtu"
	case OptAdvertisementInterval:
		return "advertisement-interval"
	case OptHomeAgentInformation:
		return "home-agent-information"
	case OptNonce:
		return "nonce"
	case OptRouteInformation:
		return "route-information"
	case OptRDNSS:
		return "rdnss"
	case OptFlagsExtension:
		return "ra-flags-extension"
	case OptDNSSL:
		return "dnssl"
	case Opt6CO:
		return "6lowpan-context"
	case OptCaptivePortal:
		return "captive-portal"
	case OptPREF64:
		return "pref64"
	case OptEncryptedDNS:
		return "encrypted-dns"
	}
	return "option-" + strconv.Itoa(int(t))
}

// Fault says what is wrong with the extent of an option.
type Fault uint8

// The faults an option's extent can have (RFC 4861 §4.6).
const (
	FaultNone    Fault = iota
	FaultZero          // its length byte is zero
	FaultOverrun       // its length byte reaches past the end of the message
)

// Option is one ND option, where it lies. The views below (PrefixInformation and the like) read it; each returns
// false when the option is of another type or too short for the view's fixed fields.
type Option struct {
	Type   OptionType
	Length uint8  // as sent, in units of 8 bytes
	Offset int    // of its type byte, from the start of the ICMPv6 message
	Raw    []byte // the whole option from its type byte; cut short where the message ends (FaultOverrun)
	Fault  Fault

	// Guessed says that an earlier option of length zero left no sure place for this one: it stands where the
	// next option would begin had the faulty one its usual size.
	Guessed bool
}

// usualUnits returns the size, in units of 8 bytes, that an option of type t has as a rule, or 1 where there is none.
func usualUnits(t OptionType) int {
	switch t {
	case OptPrefixInformation:
		return 4
	case OptPREF64, Opt6CO:
		return 2
	}
	return 1
}

// extent returns the size in bytes of the option at b[off:], where at least 8 bytes are left, and what is wrong with
// it. The size is at least 8 whatever the length byte says, so that a walk always gets on.
func extent(b []byte, off int) (size int, fault Fault) {
	size, left := 8*int(b[off+1]), len(b)-off
	if size == 0 {
		return min(8*usualUnits(OptionType(b[off])), left), FaultZero
	}
	if size > left {
		return left, FaultOverrun
	}
	return size, FaultNone
}

// countOptions returns how many options a walk from b[off:] meets.
func countOptions(b []byte, off int) int {
	n := 0
	for len(b)-off >= 8 {
		size, _ := extent(b, off)
		off += size
		n++
	}
	return n
}

// decodeOptions fills m.Options and m.Trailing from the bytes of m.Raw from off on.
func (m *Message) decodeOptions(off int) {
	b, list, guessed := m.Raw, m.Options, false
	for len(b)-off >= 8 {
		n := len(list)
		if n == cap(list) {
			// The rest is counted first, so that even a fresh Message allocates no more than once.
			list = slices.Grow(list, countOptions(b, off))
		}
		size, fault := extent(b, off)
		// Filled in place: an Option is too large to be copied from a temporary one for every option.
		list = list[:n+1]
		o := &list[n]
		o.Type, o.Length, o.Offset = OptionType(b[off]), b[off+1], off
		o.Raw = b[off : off+size : off+size]
		o.Fault, o.Guessed = fault, guessed
		guessed = guessed || fault == FaultZero
		off += size
	}
	m.Options, m.Trailing = list, len(b)-off
}

// body returns Raw if o is of type t and has at least fixed bytes, its type and length bytes counted.
func (o Option) body(t OptionType, fixed int) ([]byte, bool) {
	if o.Type != t || len(o.Raw) < fixed {
		return nil, false
	}
	return o.Raw, true
}
