package ra

import (
	"encoding/binary"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
)

// checkRDNSS judges a Recursive DNS Server option: its length is odd and at least 3, its addresses are unicast ones (RFC
// 8106 §5.3.1).
func checkRDNSS(r *ndcheck.Report, o *icmp6.Option) {
	d, ok := o.RDNSS()
	if !ok || o.Length < 3 || o.Length%2 == 0 {
		r.Add("rdnss.length", o.Offset+1, place(o), "the length is %d units of 8 bytes", o.Length)
		return
	}
	for i := range d.Len() {
		if a := d.Server(i); unreachable(a) || a.IsMulticast() {
			r.Add("rdnss.address", o.Offset+8+16*i, a.String(), "server %v", a)
		}
	}
}

// checkDNSSL judges a DNS Search List option.
func checkDNSSL(r *ndcheck.Report, o *icmp6.Option) {
	d, ok := o.DNSSL()
	if !ok || o.Length < 2 {
		r.Add("dnssl.length", o.Offset+1, place(o), "the length is %d units of 8 bytes", o.Length)
		return
	}
	if wellFormed(o.Raw[8:], true) {
		return // the usual case, without the names' text
	}
	names, err := d.Domains()
	switch {
	case err != nil:
		r.Add("dnssl.encoding", o.Offset+8, place(o), "%v", err)
	case len(names) == 0:
		r.Add("dnssl.encoding", o.Offset+8, place(o), "no name in it")
	}
}

// wellFormed reports whether b begins with a domain name in the wire format of RFC 1035 §3.1 and has nothing after it;
// with list set, more names and then zeros may follow.
func wellFormed(b []byte, list bool) bool {
	const maxName = 255
	names, start := 0, 0
	for i := 0; i < len(b); {
		label := int(b[i])
		i++
		switch {
		case label > 63 || i+label > len(b) || i+label-start >= maxName:
			return false
		case label > 0:
			i += label
			continue
		case i-1 == start: // an empty name: padding begins here
			return list && names > 0 && zeros(b[i:])
		}
		names++
		start = i
		if !list {
			break
		}
	}
	return names > 0 && start == len(b)
}

// zeros reports whether b has no other bytes than zeros.
func zeros(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}

// checkEncryptedDNS judges an Encrypted DNS option (RFC 9463 §6.1). Its fields follow each other, so that one that
// reaches past the end leaves nothing to say of the rest.
func checkEncryptedDNS(r *ndcheck.Report, o *icmp6.Option) {
	d, ok := o.EncryptedDNS()
	if !ok || d.Overrun {
		r.Add("encdns.length", o.Offset+1, place(o), "a field does not fit into the option's %d bytes", len(o.Raw))
		return
	}
	const adn = 10 // the name's place in the option
	if !wellFormed(d.ADN, false) {
		if _, err := d.Name(); err != nil {
			r.Add("encdns.adn", o.Offset+adn, place(o), "%v", err)
		} else {
			r.Add("encdns.adn", o.Offset+adn, place(o), "the name is the root")
		}
	}
	if d.ADNOnly {
		return
	}
	addresses := adn + len(d.ADN) + 2
	switch {
	case d.AddrLength%16 != 0:
		r.Add("encdns.address", o.Offset+addresses, place(o), "the addresses take %d bytes, no multiple of 16", d.AddrLength)
	case d.AddrLength == 0 && d.SvcParamsLength > 0:
		r.Add("encdns.address", o.Offset+addresses, place(o), "there are service parameters, but no address")
	}
	for i := range d.Len() {
		if a := d.Server(i); unreachable(a) || a.IsMulticast() {
			r.Add("encdns.address", o.Offset+addresses+16*i, a.String(), "resolver %v", a)
		}
	}
	if fault := svcParamsFault(d.SvcParams); fault != "" {
		r.Add("encdns.svcparams", o.Offset+addresses+int(d.AddrLength)+2, place(o), "%s", fault)
	}
}

// svcParamsFault returns what is wrong with service parameters as RFC 9460 §2.2 writes them (key, length, value; keys
// strictly ascending), or "". The address hints must not be among them, as the option has addresses (RFC 9463 §3.1.5).
func svcParamsFault(b []byte) string {
	const ipv4Hint, ipv6Hint = 4, 6
	last := -1
	for len(b) > 0 {
		if len(b) < 4 {
			return "bytes that are no parameter follow the last one"
		}
		key, size := int(binary.BigEndian.Uint16(b)), int(binary.BigEndian.Uint16(b[2:]))
		switch {
		case size > len(b)-4:
			return "a parameter reaches past the end"
		case key <= last:
			return "the keys do not ascend"
		case key == ipv4Hint || key == ipv6Hint:
			return "an address hint is among the parameters"
		}
		last, b = key, b[4+size:]
	}
	return ""
}
