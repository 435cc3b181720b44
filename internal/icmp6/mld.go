package icmp6

import (
	"encoding/binary"
	"iter"
	"net/netip"
	"time"
)

const (
	mldv1Size       = 24 // bytes of a version 1 message, and of what a version 2 query has in common with it
	mldv2QuerySize  = 28 // bytes of a version 2 query before its sources (RFC 3810 §5.1)
	mldv2ReportSize = 8  // bytes of a version 2 report before its records (RFC 3810 §5.2)
	mldRecordSize   = 20 // bytes of a record before its sources (RFC 3810 §5.2)
	addressSize     = 16
)

// The types of an MLDv2 record (RFC 3810 §5.2.12) that tell whether there is a listener.
const (
	recordIsInclude = 1
	recordIsExclude = 2
	recordToInclude = 3
	recordToExclude = 4
	recordAllow     = 5
)

// IsMLD reports whether t is a message of Multicast Listener Discovery (RFC 2710, RFC 3810).
func (t Type) IsMLD() bool {
	return t >= TypeMLDQuery && t <= TypeMLDDone || t == TypeMLDv2Report
}

// MLDQuery is RFC 3810 §5.1, and RFC 2710 §3 where V2 is false.
type MLDQuery struct {
	V2               bool
	MaxResponseDelay time.Duration // decoded from the Maximum Response Code (RFC 3810 §5.1.3)
	Group            netip.Addr    // :: in a general query
	Suppress         bool          // S
	Robustness       uint8         // QRV, 0 when the sender's is above 7
	Interval         time.Duration // decoded from QQIC (RFC 3810 §5.1.9), 0 in version 1
	Sources          int           // as the message says
}

// MLDQuery reads a Multicast Listener Query. False means that it is none, or cut short, or of a length between those of
// the two versions, which RFC 3810 §8.1 has everyone ignore.
func (m *Message) MLDQuery() (MLDQuery, bool) {
	b := m.Raw
	if m.Type != TypeMLDQuery || len(b) < mldv1Size || len(b) > mldv1Size && len(b) < mldv2QuerySize {
		return MLDQuery{}, false
	}
	code := binary.BigEndian.Uint16(b[4:])
	q := MLDQuery{Group: addrAt(b, 8), MaxResponseDelay: time.Duration(code) * time.Millisecond}
	if len(b) == mldv1Size {
		return q, true
	}
	q.V2 = true
	q.MaxResponseDelay = time.Duration(float(uint32(code), 12)) * time.Millisecond
	q.Suppress = b[24]&0x08 != 0
	q.Robustness = b[24] & 0x07
	q.Interval = time.Duration(float(uint32(b[25]), 4)) * time.Second
	q.Sources = int(binary.BigEndian.Uint16(b[26:]))
	return q, true
}

// float returns the value of a code whose mantissa has the given number of bits (RFC 3810 §5.1.3, §5.1.9): itself, or
// from 2^(mantissa+3) on a floating-point number, one bit set, three of exponent and the mantissa.
func float(code uint32, mantissa int) uint32 {
	if code>>(mantissa+3) == 0 {
		return code
	}
	one := uint32(1) << mantissa
	return (code&(one-1) | one) << (code>>mantissa&7 + 3)
}

// MLDGroup returns the group that an MLDv1 Report or Done is about (RFC 2710 §3).
func (m *Message) MLDGroup() (netip.Addr, bool) {
	if m.Type != TypeMLDReport && m.Type != TypeMLDDone || len(m.Raw) < mldv1Size {
		return netip.Addr{}, false
	}
	return addrAt(m.Raw, 8), true
}

// MLDRecord is one record of an MLDv2 Report (RFC 3810 §5.2.4).
type MLDRecord struct {
	Type    uint8 // as sent: RFC 3810 §5.2.12 has 1 to 6, and ignores the others
	Group   netip.Addr
	Sources []byte // 16 bytes each, as far as they are there
	Offset  int    // in the message
}

// Joins reports whether whoever sent r listens to its group: any record but one that includes no source. One that only
// takes sources away does not tell, and counts for none.
func (r MLDRecord) Joins() bool {
	switch r.Type {
	case recordIsExclude, recordToExclude:
		return true
	case recordIsInclude, recordToInclude, recordAllow:
		return len(r.Sources) > 0
	}
	return false
}

// MLDRecords returns the records of an MLDv2 Report, up to where the message ends or stops making sense.
func (m *Message) MLDRecords() iter.Seq[MLDRecord] {
	return func(yield func(MLDRecord) bool) {
		if m.Type != TypeMLDv2Report {
			return
		}
		b := m.Raw
		off := mldv2ReportSize
		for n := uint16At(b, 6); n > 0 && len(b)-off >= mldRecordSize; n-- {
			r := MLDRecord{Type: b[off], Group: addrAt(b, off+4), Offset: off}
			from := off + mldRecordSize
			sources := addressSize * int(binary.BigEndian.Uint16(b[off+2:]))
			off = from + sources + 4*int(b[off+1]) // auxiliary data, in words of four bytes (RFC 3810 §5.2.6)
			there := min(sources, (len(b)-from)&^(addressSize-1))
			r.Sources = b[from : from+there : from+there]
			if !yield(r) {
				return
			}
		}
	}
}
