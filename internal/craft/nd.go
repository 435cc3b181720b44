package craft

import "encoding/binary"

// RA is a Router Advertisement to build; the zero RA has all fields zero.
type RA struct {
	CurHopLimit   uint8
	Flags         uint8 // M 0x80, O 0x40, H 0x20, Prf 0x18, P 0x04, SNAC 0x02
	Lifetime      uint16
	ReachableTime uint32
	RetransTimer  uint32
}

// CloudStackRA is the fixed part of what CloudStack's radvd sends.
func CloudStackRA() RA { return RA{CurHopLimit: 64, Lifetime: 45} }

// CloudStackOptions are the options that CloudStack's radvd sends.
func CloudStackOptions() [][]byte {
	return [][]byte{PIO("fd17:625c:f037:2::1", 64, 0xc0, 86400, 14400),
		RDNSS(30, "fd17:625c:f037:2::1", "2001:db8::53"), SLLA(RouterMAC)}
}

// Message returns the ICMPv6 bytes, checksum zero, of r and its options.
func (r RA) Message(options ...[]byte) []byte {
	b := Join([]byte{134, 0, 0, 0, r.CurHopLimit, r.Flags}, u16(r.Lifetime), u32(r.ReachableTime), u32(r.RetransTimer))
	return Join(b, Join(options...))
}

// RS returns a Router Solicitation, checksum zero.
func RS(options ...[]byte) []byte { return Join([]byte{133, 0, 0, 0, 0, 0, 0, 0}, Join(options...)) }

// NS returns a Neighbor Solicitation, checksum zero.
func NS(target string, options ...[]byte) []byte {
	return Join([]byte{135, 0, 0, 0, 0, 0, 0, 0}, Addr(target), Join(options...))
}

// NA returns a Neighbor Advertisement, checksum zero; flags are R 0x80, S 0x40, O 0x20.
func NA(flags uint8, target string, options ...[]byte) []byte {
	return Join([]byte{136, 0, 0, 0, flags, 0, 0, 0}, Addr(target), Join(options...))
}

// Option returns an option with body, padded with zeros to whole units of eight bytes, its length right.
func Option(typ uint8, body ...[]byte) []byte {
	b := Join([]byte{typ, 0}, Join(body...))
	for len(b)%8 != 0 {
		b = append(b, 0)
	}
	b[1] = uint8(len(b) / 8)
	return b
}

// WithLength returns a copy of option with its length byte changed and nothing else.
func WithLength(option []byte, units uint8) []byte {
	b := Join(option)
	b[1] = units
	return b
}

// SLLA returns a source link-layer address option.
func SLLA(mac string) []byte { return Option(1, MAC(mac)) }

// TLLA returns a target link-layer address option.
func TLLA(mac string) []byte { return Option(2, MAC(mac)) }

// PIO returns a Prefix Information option; flags are L 0x80, A 0x40, R 0x20, P 0x10.
func PIO(prefix string, length, flags uint8, valid, preferred uint32) []byte {
	return Option(3, []byte{length, flags}, u32(valid), u32(preferred), u32(0), Addr(prefix))
}

// MTU returns an MTU option.
func MTU(mtu uint32) []byte { return Option(5, u16(0), u32(mtu)) }

// RDNSS returns a Recursive DNS Server option.
func RDNSS(lifetime uint32, servers ...string) []byte {
	b := Join(u16(0), u32(lifetime))
	for _, s := range servers {
		b = Join(b, Addr(s))
	}
	return Option(25, b)
}

// DNSSL returns a DNS Search List option of names in wire format (see Name).
func DNSSL(lifetime uint32, names ...[]byte) []byte {
	return Option(31, u16(0), u32(lifetime), Join(names...))
}

// Name returns a domain name in the wire format of RFC 1035 §3.1.
func Name(labels ...string) []byte {
	var b []byte
	for _, l := range labels {
		b = Join(b, []byte{uint8(len(l))}, []byte(l))
	}
	return append(b, 0)
}

// RIO returns a Route Information option whose prefix field has the given number of bytes: 0, 8 or 16.
func RIO(prefix string, length, flags uint8, lifetime uint32, bytes int) []byte {
	return Option(24, []byte{length, flags}, u32(lifetime), Addr(prefix)[:bytes])
}

// PREF64 returns a NAT64 prefix option; lifetime is in seconds, a multiple of 8.
func PREF64(prefix string, plc uint8, lifetime uint16) []byte {
	return Option(38, u16(lifetime&^7|uint16(plc)), Addr(prefix)[:12])
}

// CaptivePortal returns a Captive-Portal option.
func CaptivePortal(uri string) []byte { return Option(37, []byte(uri)) }

// EncryptedDNS returns option 144 with all its fields.
func EncryptedDNS(priority uint16, lifetime uint32, adn []byte, addrs [][]byte, params []byte) []byte {
	a := Join(addrs...)
	return Option(144, u16(priority), u32(lifetime), u16(uint16(len(adn))), adn,
		u16(uint16(len(a))), a, u16(uint16(len(params))), params)
}

// SixCO returns a 6LoWPAN context option.
func SixCO(length, flags uint8, lifetime uint16, prefix string, bytes int) []byte {
	return Option(34, []byte{length, flags}, u16(0), u16(lifetime), Addr(prefix)[:bytes])
}

// Interval returns an Advertisement Interval option.
func Interval(ms uint32) []byte { return Option(7, u16(0), u32(ms)) }

// HomeAgent returns a Home Agent Information option.
func HomeAgent(preference, lifetime uint16) []byte {
	return Option(8, u16(0), u16(preference), u16(lifetime))
}

// FlagsExtension returns an RA Flags Extension option with the 48 bits given.
func FlagsExtension(bits uint64) []byte {
	return Option(26, binary.BigEndian.AppendUint64(nil, bits)[2:])
}

// Nonce returns a Nonce option.
func Nonce(nonce []byte) []byte { return Option(14, nonce) }
