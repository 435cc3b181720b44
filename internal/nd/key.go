package nd

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"
	"net/netip"

	"v6probe/internal/packet"
)

// ip is an IPv6 address as two numbers, which are compared and hashed faster than a netip.Addr or its bytes.
type ip struct{ high, low uint64 }

func ipOf(a netip.Addr) ip {
	b := a.As16()
	return ip{binary.BigEndian.Uint64(b[:8]), binary.BigEndian.Uint64(b[8:])}
}

func (i ip) addr() netip.Addr {
	var b [16]byte
	binary.BigEndian.PutUint64(b[:8], i.high)
	binary.BigEndian.PutUint64(b[8:], i.low)
	return netip.AddrFrom16(b)
}

// seed makes the hashes of one table its own, so that nobody can choose addresses that fall on each other.
type seed struct{ a, b uint64 }

func newSeed() seed { return seed{rand.Uint64(), rand.Uint64()} }

// mix returns a hash of two numbers. Both are hidden by the seed before they are multiplied: who knew a factor could make it
// zero.
func (s *seed) mix(x, y uint64) uint64 {
	high, low := bits.Mul64(x^s.a, y^s.b)
	return high ^ low
}

// hashable is a key of a table.
type hashable interface {
	comparable
	hash(*seed) uint64
}

// addrKey is an address on a link.
type addrKey struct {
	link uint32
	addr ip
}

func keyOf(l *link, a netip.Addr) addrKey { return addrKey{l.id, ipOf(a)} }

func (l *link) key(a ip) addrKey { return addrKey{l.id, a} }

func (k addrKey) hash(s *seed) uint64 { return s.mix(k.addr.high+uint64(k.link)<<32, k.addr.low) }

// number returns m as a number.
func number(m packet.MAC) uint64 {
	return uint64(binary.BigEndian.Uint32(m[:]))<<16 | uint64(binary.BigEndian.Uint16(m[4:]))
}
