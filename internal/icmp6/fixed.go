package icmp6

import (
	"bytes"
	"encoding/binary"
)

// LinkLayerAddress returns the address in a source or target link-layer address option: six bytes on Ethernet,
// else all that the option holds.
func (o Option) LinkLayerAddress() ([]byte, bool) {
	if o.Type != OptSourceLinkLayerAddress && o.Type != OptTargetLinkLayerAddress || len(o.Raw) < 8 {
		return nil, false
	}
	return o.Raw[2:], true
}

// RedirectedHeader returns the packet quoted in option 4 (RFC 4861 §4.6.3).
func (o Option) RedirectedHeader() ([]byte, bool) {
	b, ok := o.body(OptRedirectedHeader, 8)
	if !ok {
		return nil, false
	}
	return b[8:], true
}

// MTU is RFC 4861 §4.6.4.
type MTU struct {
	Reserved uint16
	MTU      uint32 // bytes
}

// MTU reads option 5.
func (o Option) MTU() (MTU, bool) {
	b, ok := o.body(OptMTU, 8)
	if !ok {
		return MTU{}, false
	}
	return MTU{Reserved: binary.BigEndian.Uint16(b[2:]), MTU: binary.BigEndian.Uint32(b[4:])}, true
}

// AdvertisementInterval reads option 7 (RFC 6275 §7.3): the longest time between multicast RAs, in milliseconds.
func (o Option) AdvertisementInterval() (ms uint32, ok bool) {
	b, ok := o.body(OptAdvertisementInterval, 8)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint32(b[4:]), true
}

// HomeAgentInformation is RFC 6275 §7.4.
type HomeAgentInformation struct {
	Preference uint16
	Lifetime   uint16 // seconds
}

// HomeAgentInformation reads option 8.
func (o Option) HomeAgentInformation() (HomeAgentInformation, bool) {
	b, ok := o.body(OptHomeAgentInformation, 8)
	if !ok {
		return HomeAgentInformation{}, false
	}
	return HomeAgentInformation{Preference: binary.BigEndian.Uint16(b[4:]), Lifetime: binary.BigEndian.Uint16(b[6:])}, true
}

// Nonce returns the nonce of option 14 (RFC 3971 §5.3.2).
func (o Option) Nonce() ([]byte, bool) {
	b, ok := o.body(OptNonce, 8)
	if !ok {
		return nil, false
	}
	return b[2:], true
}

// FlagsExtension reads option 26 (RFC 5175 §4): the 48 flag bits that follow the length byte, first bit highest.
func (o Option) FlagsExtension() (bits uint64, ok bool) {
	b, ok := o.body(OptFlagsExtension, 8)
	if !ok {
		return 0, false
	}
	return binary.BigEndian.Uint64(b) & (1<<48 - 1), true
}

// CaptivePortal returns the URI bytes of option 37 with the padding NULs at the end cut off (RFC 8910 §2.3). The bytes
// are as they came: they may hold anything.
func (o Option) CaptivePortal() ([]byte, bool) {
	b, ok := o.body(OptCaptivePortal, 8)
	if !ok {
		return nil, false
	}
	return bytes.TrimRight(b[2:], "\x00"), true
}
