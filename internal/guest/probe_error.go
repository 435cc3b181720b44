package guest

import (
	"fmt"

	"v6probe/internal/icmp6"
)

// String words an error: "port unreachable from 2001:db8::1".
func (e *Error) String() string {
	name := codeName(e.Type, e.Code)
	if e.Local {
		return name + ", says this host itself"
	}
	return name + " from " + e.From.String()
}

// codeName names an ICMPv6 error (RFC 4443 §3), in lower case.
func codeName(t icmp6.Type, code uint8) string {
	switch t {
	case icmp6.TypeDestinationUnreachable:
		names := [...]string{"no route", "administratively prohibited", "beyond the scope of the source", "address unreachable",
			"port unreachable", "source address refused by policy", "route rejected"}
		if int(code) < len(names) {
			return names[code]
		}
		return fmt.Sprintf("unreachable (code %d)", code)
	case icmp6.TypePacketTooBig:
		return "packet too big"
	case icmp6.TypeTimeExceeded:
		if code == 1 {
			return "fragments missing"
		}
		return "hop limit exceeded"
	case icmp6.TypeParameterProblem:
		return "parameter problem"
	}
	return fmt.Sprintf("ICMPv6 type %d code %d", uint8(t), code)
}
