package icmp6

import (
	"encoding/binary"
	"fmt"
	"net/netip"
)

// RDNSS is RFC 8106 §5.1.
type RDNSS struct {
	Reserved uint16
	Lifetime uint32 // seconds, 0xffffffff is infinity
	servers  []byte
}

// Len returns how many whole addresses the option holds.
func (r RDNSS) Len() int { return len(r.servers) / 16 }

// Server returns address i, 0 ≤ i < Len.
func (r RDNSS) Server(i int) netip.Addr { return netip.AddrFrom16([16]byte(r.servers[16*i:])) }

// RDNSS reads option 25.
func (o Option) RDNSS() (RDNSS, bool) {
	b, ok := o.body(OptRDNSS, 8)
	if !ok {
		return RDNSS{}, false
	}
	return RDNSS{Reserved: binary.BigEndian.Uint16(b[2:]), Lifetime: binary.BigEndian.Uint32(b[4:]), servers: b[8:]}, true
}

// DNSSL is RFC 8106 §5.2.
type DNSSL struct {
	Reserved uint16
	Lifetime uint32 // seconds, 0xffffffff is infinity
	names    []byte
}

// Domains returns the search list in order, each name in presentation form without its final dot, bytes outside
// printable ASCII, spaces, dots and backslashes inside labels escaped as \DDD. A non-nil error (its text names the
// fault and its byte offset in the option) says that the encoding breaks RFC 1035 §3.1; the names before the fault are
// returned. Zeros after the last name are padding; an option of zeros alone is an empty list.
func (d DNSSL) Domains() ([]string, error) {
	var list []string
	var room [64]byte // more than most names take
	for off := 0; ; {
		text, next, err := d.AppendDomain(room[:0], off)
		if next == off {
			return list, err
		}
		list = append(list, string(text))
		off = next
	}
}

// AppendDomain appends to text the name at offset off of the search list, 0 for the first, as Domains has it, and returns the
// offset of the one after it. Where there is no name, or one with a fault, it appends nothing and returns off.
func (d DNSSL) AppendDomain(text []byte, off int) (_ []byte, next int, err error) {
	const base = 8 // of the list in its option
	b := d.names[off:]
	if len(b) == 0 {
		return text, off, nil
	}
	if b[0] == 0 {
		if !allZero(b) {
			err = fmt.Errorf("empty name at offset %d: more follows it", base+off)
		}
		return text, off, err
	}
	text, n, err := appendName(text, b, base+off)
	return text, off + n, err
}

// DNSSL reads option 31.
func (o Option) DNSSL() (DNSSL, bool) {
	b, ok := o.body(OptDNSSL, 8)
	if !ok {
		return DNSSL{}, false
	}
	return DNSSL{Reserved: binary.BigEndian.Uint16(b[2:]), Lifetime: binary.BigEndian.Uint32(b[4:]), names: b[8:]}, true
}

// EncryptedDNS is RFC 9463 §6.1.
type EncryptedDNS struct {
	ServicePriority uint16
	Lifetime        uint32 // seconds, 0xffffffff is infinity
	ADNLength       uint16 // as sent
	ADN             []byte // the authentication domain name in wire format, cut where the option ends
	AddrLength      uint16 // as sent; 0 when the option ends after the ADN
	SvcParamsLength uint16 // as sent; 0 when the option ends before
	SvcParams       []byte // in the wire format of RFC 9460 §2.2, cut where the option ends
	ADNOnly         bool   // the option ends after the ADN and its padding: no address field is there
	Overrun         bool   // a length field, or what it counts, reaches past the end of the option
	addrs           []byte
}

// encryptedDNSFixed is the size of the option up to the ADN.
const encryptedDNSFixed = 10

// Name returns the ADN in presentation form, without the final dot, escaped as in DNSSL.Domains, and the fault if its
// encoding breaks RFC 1035 §3.1.
func (e EncryptedDNS) Name() (string, error) { return wholeName(e.ADN, encryptedDNSFixed) }

// Len returns how many whole addresses the option holds.
func (e EncryptedDNS) Len() int { return len(e.addrs) / 16 }

// Server returns address i, 0 ≤ i < Len.
func (e EncryptedDNS) Server(i int) netip.Addr { return netip.AddrFrom16([16]byte(e.addrs[16*i:])) }

// EncryptedDNS reads option 144.
func (o Option) EncryptedDNS() (EncryptedDNS, bool) {
	b, ok := o.body(OptEncryptedDNS, encryptedDNSFixed)
	if !ok {
		return EncryptedDNS{}, false
	}
	e := EncryptedDNS{ServicePriority: binary.BigEndian.Uint16(b[2:]), Lifetime: binary.BigEndian.Uint32(b[4:])}
	if e.ADNLength, e.ADN, b, ok = counted(b[8:]); !ok {
		e.Overrun = true
		return e, true
	}
	if o.Fault != FaultOverrun && isPadding(b) {
		e.ADNOnly = true
		return e, true
	}
	if e.AddrLength, e.addrs, b, ok = counted(b); !ok {
		e.Overrun = true
		return e, true
	}
	if e.SvcParamsLength, e.SvcParams, _, ok = counted(b); !ok {
		e.Overrun = true
	}
	return e, true
}

// counted splits b into a 16-bit length n, the n bytes after it and the rest. When b ends before that, ok is false
// and field is what is there.
func counted(b []byte) (n uint16, field, rest []byte, ok bool) {
	if len(b) < 2 {
		return 0, nil, nil, false
	}
	n = binary.BigEndian.Uint16(b)
	b = b[2:]
	if len(b) < int(n) {
		return n, b, nil, false
	}
	return n, b[:n], b[n:], true
}

// isPadding reports whether b, what follows the ADN, is no more than the zeros that fill up the last unit of 8 bytes.
// A single byte is padding whatever its value, as no length field fits into it. Zeros could as well be the length
// fields of an address list and of parameters that are empty, but an option with addresses must hold one.
func isPadding(b []byte) bool {
	return len(b) < 2 || len(b) < 8 && allZero(b)
}

// allZero reports whether every byte of b is zero.
func allZero(b []byte) bool {
	for _, c := range b {
		if c != 0 {
			return false
		}
	}
	return true
}
