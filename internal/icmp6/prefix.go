package icmp6

import (
	"encoding/binary"
	"net/netip"
)

// PrefixInformation is RFC 4861 §4.6.2, with R of RFC 6275 §7.2 and P of RFC 9762 §4.
type PrefixInformation struct {
	PrefixLength      uint8  // as sent: 0 to 255
	OnLink            bool   // L
	Autonomous        bool   // A
	RouterAddress     bool   // R
	DHCPv6PD          bool   // P: DHCPv6 prefix delegation preferred
	ReservedFlags     uint8  // the other flag bits, in place
	ValidLifetime     uint32 // seconds, 0xffffffff is infinity
	PreferredLifetime uint32 // seconds, 0xffffffff is infinity
	Reserved          uint32
	Address           netip.Addr // the prefix field as sent, bits after the prefix included
}

// Prefix returns the prefix with its host bits cleared, or the zero Prefix if PrefixLength is above 128.
func (p PrefixInformation) Prefix() netip.Prefix { return masked(p.Address, p.PrefixLength) }

// PrefixInformation reads option 3.
func (o Option) PrefixInformation() (PrefixInformation, bool) {
	b, ok := o.body(OptPrefixInformation, 32)
	if !ok {
		return PrefixInformation{}, false
	}
	return PrefixInformation{
		PrefixLength:      b[2],
		OnLink:            b[3]&0x80 != 0,
		Autonomous:        b[3]&0x40 != 0,
		RouterAddress:     b[3]&0x20 != 0,
		DHCPv6PD:          b[3]&0x10 != 0,
		ReservedFlags:     b[3] & 0x0f,
		ValidLifetime:     binary.BigEndian.Uint32(b[4:]),
		PreferredLifetime: binary.BigEndian.Uint32(b[8:]),
		Reserved:          binary.BigEndian.Uint32(b[12:]),
		Address:           netip.AddrFrom16([16]byte(b[16:])),
	}, true
}

// RouteInformation is RFC 4191 §2.3.
type RouteInformation struct {
	PrefixLength uint8 // as sent
	Preference   Preference
	Reserved     uint8      // the reserved bits of the flags byte, in place
	Lifetime     uint32     // seconds, 0xffffffff is infinity
	Address      netip.Addr // as sent; bytes beyond the option's length are zero
}

// Prefix returns the prefix with its host bits cleared, or the zero Prefix if PrefixLength is above 128.
func (r RouteInformation) Prefix() netip.Prefix { return masked(r.Address, r.PrefixLength) }

// RouteInformation reads option 24; the prefix field may have 0, 8 or 16 bytes.
func (o Option) RouteInformation() (RouteInformation, bool) {
	b, ok := o.body(OptRouteInformation, 8)
	if !ok {
		return RouteInformation{}, false
	}
	return RouteInformation{
		PrefixLength: b[2],
		Preference:   Preference(b[3] >> 3 & 3),
		Reserved:     b[3] &^ 0x18,
		Lifetime:     binary.BigEndian.Uint32(b[4:]),
		Address:      addrUpTo(b[8:]),
	}, true
}

// SixCO is the 6LoWPAN Context Option, RFC 6775 §4.2.
type SixCO struct {
	ContextLength uint8
	Compress      bool   // C
	ContextID     uint8  // CID, four bits
	Reserved      uint8  // the three bits above C, in place
	ValidLifetime uint16 // units of 60 seconds
	Prefix        netip.Addr
}

// SixCO reads option 34; the prefix field has 8 or 16 bytes.
func (o Option) SixCO() (SixCO, bool) {
	b, ok := o.body(Opt6CO, 8)
	if !ok {
		return SixCO{}, false
	}
	return SixCO{
		ContextLength: b[2],
		Compress:      b[3]&0x10 != 0,
		ContextID:     b[3] & 0x0f,
		Reserved:      b[3] & 0xe0,
		ValidLifetime: binary.BigEndian.Uint16(b[6:]),
		Prefix:        addrUpTo(b[8:]),
	}, true
}

// PREF64 is RFC 8781 §4.
type PREF64 struct {
	Lifetime uint32     // seconds: the scaled 13 bits times 8
	PLC      uint8      // the prefix length code, three bits, as sent
	Address  netip.Addr // the highest 96 bits as sent, the rest zero
}

// Prefix returns the NAT64 prefix with the length that PLC stands for, or the zero Prefix for PLC 6 and 7.
func (p PREF64) Prefix() netip.Prefix {
	switch p.PLC {
	case 0:
		return masked(p.Address, 96)
	case 1:
		return masked(p.Address, 64)
	case 2:
		return masked(p.Address, 56)
	case 3:
		return masked(p.Address, 48)
	case 4:
		return masked(p.Address, 40)
	case 5:
		return masked(p.Address, 32)
	}
	return netip.Prefix{}
}

// PREF64 reads option 38.
func (o Option) PREF64() (PREF64, bool) {
	b, ok := o.body(OptPREF64, 16)
	if !ok {
		return PREF64{}, false
	}
	v := binary.BigEndian.Uint16(b[2:])
	// The scaled lifetime stands in the upper 13 bits: in place, it is times 8 already.
	return PREF64{Lifetime: uint32(v &^ 7), PLC: uint8(v & 7), Address: addrUpTo(b[4:16])}, true
}

// addrUpTo returns the address that begins with the first 16 bytes of b; what b has not is zero.
func addrUpTo(b []byte) netip.Addr {
	var a [16]byte
	copy(a[:], b)
	return netip.AddrFrom16(a)
}

// masked returns addr/bits without host bits, or the zero Prefix if bits is above 128.
func masked(addr netip.Addr, bits uint8) netip.Prefix {
	if bits > 128 || !addr.IsValid() {
		return netip.Prefix{} // Masked would say the same, but allocate an error first
	}
	return netip.PrefixFrom(addr, int(bits)).Masked()
}
