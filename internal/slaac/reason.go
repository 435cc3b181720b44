package slaac

// String says in words why something was not taken.
func (r Reason) String() string {
	switch r {
	case Forwards:
		return "accept_ra=1 and the host forwards"
	case AcceptRAOff:
		return "accept_ra=0"
	case PinfoOff:
		return "accept_ra_pinfo=0"
	case BadLength:
		return "the option is not 32 bytes long (RFC 4861 §4.6.2)"
	case BadPrefixLength:
		return "its prefix length is above 128 (RFC 4861 §4.6.2)"
	case NotAutonomous:
		return "its A flag is off (RFC 4862 §5.5.3(a))"
	case LinkLocalPrefix:
		return "it is the link-local prefix (RFC 4862 §5.5.3(b))"
	case MulticastPrefix:
		return "it is multicast (RFC 4291 §2.7)"
	case PreferredOverValid:
		return "it is preferred for longer than it is valid (RFC 4862 §5.5.3(c))"
	case ValidZero:
		return "its valid lifetime is 0 (RFC 4862 §5.5.3(d))"
	case NotSixtyFour:
		return "it is no /64, so that it does not fit the interface identifier (RFC 4862 §5.5.3(d))"
	case AutoconfOff:
		return "autoconf=0"
	case InterfaceOff:
		return "the link-local address is a duplicate"
	case NoRoom:
		return "the host has as many addresses as it keeps"
	case BelowMinimum:
		return "IPv6 needs 1280 (RFC 8200 §5)"
	case AboveLink:
		return "that is above the link's (RFC 4861 §6.3.4)"
	case MTUOff:
		return "accept_ra_mtu=0"
	}
	return "taken"
}
