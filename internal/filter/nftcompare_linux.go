package filter

import (
	"encoding/binary"
	"slices"

	"golang.org/x/sys/unix"
)

// operands returns where an expression that changes a register reads and writes, and how many bytes.
func operands(a attrs, source, target, length uint16) (from, to, n int, ok bool) {
	from, ok = register(a.u32(source))
	to, ok2 := register(a.u32(target))
	n = int(a.u32(length))
	return from, to, n, ok && ok2 && n > 0 && n <= registerBytes && from+n <= registerBytes && to+n <= registerBytes
}

func (c *compiler) bitwise(a attrs) op {
	from, to, n, ok := operands(a, unix.NFTA_BITWISE_SREG, unix.NFTA_BITWISE_DREG, unix.NFTA_BITWISE_LEN)
	if !ok {
		return nil
	}
	mask, xor := a.value(unix.NFTA_BITWISE_MASK), a.value(unix.NFTA_BITWISE_XOR)
	if a.u32(nftaBitwiseOp) != 0 { // a shift, or of two registers
		c.text.give()
		return func(m *machine) { m.store(to, unknownBits(n)) }
	}
	if len(mask) != n || len(xor) != n {
		return nil
	}
	c.text.mask(from, to, mask, xor)
	return func(m *machine) {
		v := m.registers.slice(from, n)
		for i := range n {
			v.known[i] |= ^mask[i]
			v.value[i] = (v.value[i]&mask[i] ^ xor[i]) & v.known[i]
		}
		m.store(to, v)
	}
}

func (c *compiler) byteorder(a attrs) op {
	from, to, n, ok := operands(a, unix.NFTA_BYTEORDER_SREG, unix.NFTA_BYTEORDER_DREG, unix.NFTA_BYTEORDER_LEN)
	size := int(a.u32(unix.NFTA_BYTEORDER_SIZE))
	if !ok || size != 2 && size != 4 && size != 8 {
		return nil
	}
	swap := binary.NativeEndian.Uint16([]byte{1, 0}) == 1
	c.text.swap(from, to, swap)
	return func(m *machine) {
		v := m.registers.slice(from, n)
		for at := 0; swap && at+size <= n; at += size {
			slices.Reverse(v.value[at : at+size])
			slices.Reverse(v.known[at : at+size])
		}
		m.store(to, v)
	}
}

func (c *compiler) cmp(a attrs) op {
	from, ok := register(a.u32(unix.NFTA_CMP_SREG))
	data, operator := a.value(unix.NFTA_CMP_DATA), a.u32(unix.NFTA_CMP_OP)
	if !ok || len(data) == 0 || from+len(data) > registerBytes || operator > unix.NFT_CMP_GTE {
		return nil
	}
	c.text.compare(from, operator, data)
	return func(m *machine) { m.require(compared(m.registers.slice(from, len(data)), operator, data)) }
}

// compared tells whether v stands in the relation operator to data.
func compared(v bits, operator uint32, data []byte) Truth {
	low, high := v.compare(data)
	switch operator {
	case unix.NFT_CMP_EQ:
		return v.equal(data)
	case unix.NFT_CMP_NEQ:
		return v.equal(data).not(true)
	case unix.NFT_CMP_LT:
		return least(low >= 0, high >= 0).not(true)
	case unix.NFT_CMP_LTE:
		return least(low > 0, high > 0).not(true)
	case unix.NFT_CMP_GT:
		return least(low > 0, high > 0)
	}
	return least(low >= 0, high >= 0)
}

// least tells of a condition that is the more true the greater a value is, from what it is for the least and the greatest.
func least(low, high bool) Truth {
	switch {
	case low:
		return Yes
	case high:
		return CannotTell
	}
	return No
}

func (c *compiler) between(a attrs) op {
	from, ok := register(a.u32(unix.NFTA_RANGE_SREG))
	low, high := a.value(unix.NFTA_RANGE_FROM_DATA), a.value(unix.NFTA_RANGE_TO_DATA)
	if !ok || len(low) == 0 || len(low) != len(high) || from+len(low) > registerBytes {
		return nil
	}
	outside := a.u32(unix.NFTA_RANGE_OP) == unix.NFT_RANGE_NEQ
	c.text.between(from, outside, low, high)
	return func(m *machine) {
		m.require(m.registers.slice(from, len(low)).within(low, high).not(outside))
	}
}
