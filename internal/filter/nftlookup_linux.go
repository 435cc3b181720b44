package filter

import (
	"slices"

	"golang.org/x/sys/unix"
)

func (c *compiler) lookup(a attrs) op {
	set := c.sets[a.string(unix.NFTA_LOOKUP_SET)]
	from, ok := register(a.u32(unix.NFTA_LOOKUP_SREG))
	if !ok || set == nil || from+set.keyLen > registerBytes {
		return nil
	}
	invert := a.u32(unix.NFTA_LOOKUP_FLAGS)&unix.NFT_LOOKUP_F_INV != 0
	if !a.has(unix.NFTA_LOOKUP_DREG) {
		c.text.lookup(from, set, invert, "")
		return func(m *machine) {
			truth, _ := set.lookup(m.registers.slice(from, set.keyLen))
			m.require(truth.not(invert))
		}
	}
	if a.u32(unix.NFTA_LOOKUP_DREG) == unix.NFT_REG_VERDICT {
		c.text.lookup(from, set, invert, "vmap ")
		return func(m *machine) { m.judge(set, from) }
	}
	to, ok := register(a.u32(unix.NFTA_LOOKUP_DREG))
	if !ok {
		return nil
	}
	c.text.give()
	return func(m *machine) {
		truth, e := set.lookup(m.registers.slice(from, set.keyLen))
		v := unknownBits(registerBytes - to)
		if e != nil && len(e.value) <= registerBytes-to {
			v = knownBits(e.value)
		}
		m.store(to, v)
		m.require(truth)
	}
}

// judge looks up a verdict.
func (m *machine) judge(set *nftSet, from int) {
	truth, e := set.lookup(m.registers.slice(from, set.keyLen))
	switch {
	case truth == No:
		m.fail()
	case truth == CannotTell || e.verdict == nil:
		m.giveUp()
	default:
		m.verdict(*e.verdict)
	}
}

func (c *compiler) immediate(a attrs) op {
	data := parse(a[unix.NFTA_IMMEDIATE_DATA])
	if a.u32(unix.NFTA_IMMEDIATE_DREG) == unix.NFT_REG_VERDICT {
		if !data.has(unix.NFTA_DATA_VERDICT) {
			return nil
		}
		v := parseVerdict(data[unix.NFTA_DATA_VERDICT])
		c.text.add(v.String())
		return func(m *machine) { m.verdict(*v) }
	}
	to, ok := register(a.u32(unix.NFTA_IMMEDIATE_DREG))
	value := data[unix.NFTA_DATA_VALUE]
	if !ok || len(value) == 0 || to+len(value) > registerBytes {
		return nil
	}
	return func(m *machine) { m.store(to, knownBits(value)) }
}

// object returns the op of a reference to an object with a name: a limit, a counter.
func (c *compiler) object(a attrs) op {
	if !a.has(unix.NFTA_OBJREF_IMM_TYPE) { // by a map
		c.text.give()
		return perhaps
	}
	switch a.u32(unix.NFTA_OBJREF_IMM_TYPE) {
	case nftObjectCounter:
		c.text.add("counter name " + escape(a.string(unix.NFTA_OBJREF_IMM_NAME)))
		return pass
	case nftObjectLimit:
		c.text.add("limit name " + escape(a.string(unix.NFTA_OBJREF_IMM_NAME)))
		return perhaps
	case nftObjectQuota, nftObjectConn:
		c.text.give()
		return perhaps
	case nftObjectSynproxy:
		c.text.give()
		return (*machine).fail
	}
	c.text.give()
	return pass // helpers, timeouts, marks
}

// fib looks up a route. Of the way back to a neighbor on the link it is known which it is; that is what a check of the
// reverse path asks. Other routes are not looked up.
func (c *compiler) fib(a attrs) op {
	offset, ok := register(a.u32(unix.NFTA_FIB_DREG))
	if !ok || offset+unix.IFNAMSIZ > registerBytes {
		return nil
	}
	flags, result := a.u32(unix.NFTA_FIB_FLAGS), a.u32(unix.NFTA_FIB_RESULT)
	const back = unix.NFTA_FIB_F_SADDR | unix.NFTA_FIB_F_IIF
	asked := flags & (unix.NFTA_FIB_F_SADDR | unix.NFTA_FIB_F_DADDR | unix.NFTA_FIB_F_IIF | unix.NFTA_FIB_F_OIF)
	present := flags&unix.NFTA_FIB_F_PRESENT != 0
	if asked == back && result == unix.NFT_FIB_RESULT_OIF {
		c.text.load(offset, label{name: "fib saddr . iif oif", kind: kindFound})
	} else {
		c.text.give()
	}
	return func(m *machine) {
		switch {
		case asked != back || result == unix.NFT_FIB_RESULT_ADDRTYPE || !m.fromLink():
			m.store(offset, unknownBits(unix.IFNAMSIZ))
		case present: // a byte, or before Linux 6.1 a word, whose other bytes nobody compares
			m.store(offset, knownBits([]byte{1}))
		case result == unix.NFT_FIB_RESULT_OIFNAME:
			m.store(offset, interfaceName(m.packet.In))
		default:
			m.store(offset, m.interfaceIndex(m.packet.In))
		}
	}
}

// fromLink reports whether the way back to the source is, for certain, the interface that the packet came in by. What
// kernels say of the unspecified address differs.
func (m *machine) fromLink() bool {
	p := m.packet
	own := m.links[p.In].linkLocal
	return m.family == IPv6 && p.Out == "" && onLink().Contains(p.Source) && len(own) > 0 && !slices.Contains(own, p.Source)
}
