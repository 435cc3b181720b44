package ra

import (
	"bytes"
	"fmt"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/rule"
)

// Lifetimes from which on a prefix outlives its network by far: the defaults of RFC 4861 §6.2.1, in seconds. Infinity is
// above them.
const (
	longValid     = 2592000
	longPreferred = 604800
)

// checkPrefix judges option i, a Prefix Information option.
func checkPrefix(r *ndcheck.Report, i int) {
	o := &r.Packet.Message.Options[i]
	p, ok := o.PrefixInformation()
	if !ok || o.Length != 4 {
		r.Add("pio.length", o.Offset+1, place(o), "the option has %d bytes, not 32", len(o.Raw))
		return
	}
	if p.PrefixLength > 128 {
		r.Add("pio.prefix-length", o.Offset+2, place(o), "prefix %v/%d", p.Address, p.PrefixLength)
		return
	}
	add := func(id rule.ID, at int, format string) {
		prefix := p.Prefix()
		r.Add(id, o.Offset+at, prefix.String(), format, prefix)
	}
	switch {
	case isLinkLocal(&p):
		add("pio.link-local", 16, "prefix %v")
	case isMulticast(&p):
		add("pio.multicast", 16, "prefix %v")
	case p.Autonomous && !p.DHCPv6PD && p.PrefixLength != 64:
		add("pio.not-64", 2, "prefix %v has A set")
	}
	checkPrefixFlags(r, o, &p)
	checkPrefixLifetimes(r, o, &p)
	if earlier := samePrefix(r.Packet.Message.Options[max(0, i-maxLookBack):i], o, 16); earlier != nil {
		prefix := p.Prefix()
		r.Add("pio.duplicate", o.Offset, prefix.String(), "prefix %v is in %s already", prefix, place(earlier))
	}
}

// checkPrefixFlags judges a prefix's flags, and the bits after it, which they give a meaning or not.
func checkPrefixFlags(r *ndcheck.Report, o *icmp6.Option, p *icmp6.PrefixInformation) {
	add := func(id rule.ID, at int, format string) {
		prefix := p.Prefix()
		r.Add(id, o.Offset+at, prefix.String(), format, prefix)
	}
	hostBits := hasHostBits(o.Raw[16:32], int(p.PrefixLength))
	switch {
	case p.RouterAddress && !hostBits && p.PrefixLength < 128:
		add("pio.r-without-address", 3, "prefix %v has R set and no address in it")
	case !p.RouterAddress && hostBits:
		prefix := p.Prefix()
		r.Add("pio.host-bits", o.Offset+16, prefix.String(), "prefix %v is sent as %v", prefix, p.Address)
	}
	if p.DHCPv6PD && p.Autonomous {
		add("pio.p-with-a", 3, "prefix %v has P and A set")
	}
	// With R alone the option still tells the router's address.
	if !p.OnLink && !p.Autonomous && !p.DHCPv6PD && !p.RouterAddress {
		add("pio.no-flags", 3, "prefix %v has neither L nor A nor P")
	}
}

// hasHostBits reports whether a bit of the address a is set after the prefix of that length.
func hasHostBits(a []byte, length int) bool {
	rest := a[length/8:]
	return len(rest) > 0 && (rest[0]<<(length%8) != 0 || !zeros(rest[1:]))
}

// checkPrefixLifetimes judges a prefix's lifetimes.
func checkPrefixLifetimes(r *ndcheck.Report, o *icmp6.Option, p *icmp6.PrefixInformation) {
	if p.PreferredLifetime > p.ValidLifetime {
		add := r.Add
		if !p.Autonomous && !p.DHCPv6PD {
			add = r.AddInfo // nobody forms an address, so nobody looks at the preferred lifetime
		}
		prefix := p.Prefix()
		add("pio.preferred-over-valid", o.Offset+8, prefix.String(), "prefix %v: preferred %s, valid %s", prefix,
			lifetime(p.PreferredLifetime), lifetime(p.ValidLifetime))
	}
	if p.ValidLifetime >= longValid || p.PreferredLifetime >= longPreferred {
		prefix := p.Prefix()
		r.Add("pio.lifetime-long", o.Offset+4, prefix.String(), "prefix %v: valid %s, preferred %s", prefix,
			lifetime(p.ValidLifetime), lifetime(p.PreferredLifetime))
	}
}

// lifetime writes a lifetime of 32 bits.
func lifetime(seconds uint32) string {
	if seconds == 0xffffffff {
		return "infinity"
	}
	return fmt.Sprintf("%d s", seconds)
}

// isLinkLocal reports whether p's prefix lies in fe80::/10.
func isLinkLocal(p *icmp6.PrefixInformation) bool {
	return p.PrefixLength >= 10 && p.Address.IsLinkLocalUnicast()
}

// isMulticast reports whether p's prefix lies in ff00::/8.
func isMulticast(p *icmp6.PrefixInformation) bool {
	return p.PrefixLength >= 8 && p.Address.IsMulticast()
}

// usable reports whether hosts get an address from p: by RFC 4862 §5.5.3, with the 64-bit interface identifiers of
// Ethernet, or by asking for a prefix of their own (RFC 9762 §7.1).
func usable(p *icmp6.PrefixInformation) bool {
	if p.PrefixLength > 128 || isLinkLocal(p) || isMulticast(p) ||
		p.ValidLifetime == 0 || p.PreferredLifetime > p.ValidLifetime {
		return false
	}
	if p.DHCPv6PD && p.PreferredLifetime > 0 {
		return true
	}
	return p.Autonomous && p.PrefixLength == 64
}

// checkRoute judges option i, a Route Information option.
func checkRoute(r *ndcheck.Report, i int) {
	o := &r.Packet.Message.Options[i]
	p, ok := o.RouteInformation()
	if !ok {
		return
	}
	if p.PrefixLength > 128 {
		r.Add("rio.prefix-length", o.Offset+2, place(o), "route %v/%d", p.Address, p.PrefixLength)
		return
	}
	if need := routeUnits(p.PrefixLength); o.Length < need || o.Length > 3 {
		r.Add("rio.length", o.Offset+1, place(o), "the option has %d bytes, its prefix length is %d", len(o.Raw), p.PrefixLength)
		return
	}
	prefix := p.Prefix()
	if p.Preference == icmp6.PreferenceReserved {
		r.Add("rio.preference-reserved", o.Offset+3, prefix.String(), "route %v has preference bits 10", prefix)
	}
	if earlier := samePrefix(r.Packet.Message.Options[max(0, i-maxLookBack):i], o, 8); earlier != nil {
		r.Add("rio.duplicate", o.Offset, prefix.String(), "route %v is in %s already", prefix, place(earlier))
	}
}

// routeUnits returns how many units of 8 bytes a Route Information option needs for its prefix (RFC 4191 §2.3).
func routeUnits(prefixLength uint8) uint8 {
	switch {
	case prefixLength == 0:
		return 1
	case prefixLength <= 64:
		return 2
	}
	return 3
}

// maxLookBack is how many options before it a prefix or a route is compared with. A message of 64 KB has 2000 prefixes,
// and comparing each with all others would take many milliseconds.
const maxLookBack = 256

// samePrefix returns the first of the earlier options, or nil, that has the type, the prefix length (the third byte) and the
// prefix of o, which begins at the given byte. The bits after the prefix do not count, and a prefix field may be shorter
// than the other as long as both hold the prefix.
func samePrefix(earlier []icmp6.Option, o *icmp6.Option, at int) *icmp6.Option {
	whole, rest := int(o.Raw[2])/8, int(o.Raw[2])%8
	size := at + (int(o.Raw[2])+7)/8
	if len(o.Raw) < size {
		return nil
	}
	for i := range earlier {
		e := &earlier[i]
		if e.Type != o.Type || e.Raw[2] != o.Raw[2] || len(e.Raw) < size || !sound(e) {
			continue
		}
		if bytes.Equal(e.Raw[at:at+whole], o.Raw[at:at+whole]) &&
			(rest == 0 || (e.Raw[at+whole]^o.Raw[at+whole])>>(8-rest) == 0) {
			return e
		}
	}
	return nil
}
