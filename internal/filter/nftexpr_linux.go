package filter

import (
	"slices"

	"golang.org/x/sys/unix"
)

// compiler makes a program of a rule's expressions, and the text that shows it.
type compiler struct {
	sets     map[string]*nftSet // of the table
	text     writer
	untracks bool // it has a notrack
	compat   bool // it has an expression of xtables
}

// rule returns the program of a rule from its NFTA_RULE_EXPRESSIONS. What is not known in it is never taken for nothing:
// such a rule may do anything.
func (c *compiler) rule(b []byte) []op {
	var program []op
	for _, x := range attributes(b) {
		e := parse(x)
		name, data := e.string(unix.NFTA_EXPR_NAME), parse(e[unix.NFTA_EXPR_DATA])
		if c.untracks && !slices.Contains([]string{"counter", "log", "immediate"}, name) {
			return []op{(*machine).giveUp} // it may have untracked what it then does not match
		}
		f := c.expression(name, data)
		if f == nil {
			c.text.give()
			f = (*machine).giveUp
		}
		program = append(program, f)
	}
	return program
}

// pass is the op of a statement that decides nothing.
func pass(*machine) {}

// perhaps is the op of a condition that cannot be told.
func perhaps(m *machine) { m.require(CannotTell) }

// expression returns the op of an expression, nil if it is not known or not well formed.
func (c *compiler) expression(name string, a attrs) op {
	switch name {
	case "meta":
		return c.meta(a)
	case "payload":
		return c.payload(a)
	case "exthdr":
		return c.exthdr(a)
	case "ct":
		return c.ct(a)
	case "bitwise":
		return c.bitwise(a)
	case "byteorder":
		return c.byteorder(a)
	case "cmp":
		return c.cmp(a)
	case "range":
		return c.between(a)
	case "lookup":
		return c.lookup(a)
	case "immediate":
		return c.immediate(a)
	case "objref":
		return c.object(a)
	case "match", "target":
		c.compat = true
		return nil
	case "notrack":
		c.untracks = true
		c.text.add("notrack")
		return pass
	case "fib":
		return c.fib(a)
	case "rt", "numgen", "hash", "xfrm", "socket", "osf", "tunnel":
		return c.unknown(name, a)
	}
	return c.statement(name, a)
}

// statement returns the op of an expression that loads nothing.
func (c *compiler) statement(name string, a attrs) op {
	switch name {
	case "counter", "log", "last", "dup":
		c.text.add(name)
		return pass
	case "limit":
		c.text.limit(a)
		return perhaps
	case "quota", "connlimit", "dynset":
		c.text.give()
		return perhaps
	case "flow_offload", "synproxy", "tproxy":
		c.text.add(name) // of TCP and of UDP; what else comes by does not match (nft_flow_offload_eval and the like)
		return (*machine).fail
	case "reject":
		c.text.add("reject")
		return func(m *machine) { m.conclude(Drop, "") }
	case "masq":
		c.text.add("masquerade")
		return func(m *machine) { m.conclude(Accept, "") }
	case "nat":
		if a.u32(unix.NFTA_NAT_TYPE) == unix.NFT_NAT_SNAT {
			c.text.add("snat")
			return func(m *machine) { m.conclude(Accept, "") }
		}
		c.text.add("dnat")
	case "redir", "queue", "fwd":
		c.text.add(name)
	default:
		return nil
	}
	return func(m *machine) { m.conclude(Elsewhere, "") } // it goes where these chains do not see it
}

// unknown returns the op of what loads something that cannot be told: whether there is such a thing is not known either.
func (c *compiler) unknown(name string, a attrs) op {
	// NFTA_RT_DREG, NFTA_NG_DREG, NFTA_XFRM_DREG, NFTA_OSF_DREG are 1; the others' are 2.
	kind := uint16(1)
	switch name {
	case "hash", "socket", "tunnel":
		kind = 2
	}
	offset, ok := register(a.u32(kind))
	if !ok {
		return nil
	}
	c.text.give()
	return func(m *machine) {
		m.store(offset, unknownBits(min(unix.IFNAMSIZ, registerBytes-offset)))
		m.require(CannotTell)
	}
}

func (c *compiler) meta(a attrs) op {
	key := a.u32(unix.NFTA_META_KEY)
	if a.has(unix.NFTA_META_SREG) {
		c.text.set(metaLabel(key).name)
		if key == unix.NFT_META_PKTTYPE || key == nftMetaBroute {
			return nil // later rules ask for the one; the other takes the packet off its bridge
		}
		return pass
	}
	offset, ok := register(a.u32(unix.NFTA_META_DREG))
	if !ok || offset+metaSize(key) > registerBytes {
		return nil
	}
	c.text.load(offset, metaLabel(key))
	return func(m *machine) {
		v, truth := m.meta(key)
		m.store(offset, v)
		m.require(truth)
	}
}

// maxOffset is more than any header that is looked into.
const maxOffset = 1 << 16

func (c *compiler) payload(a attrs) op {
	base, at, n := a.u32(unix.NFTA_PAYLOAD_BASE), a.u32(unix.NFTA_PAYLOAD_OFFSET), a.u32(unix.NFTA_PAYLOAD_LEN)
	if at > maxOffset || n == 0 || n > registerBytes {
		return nil
	}
	if a.has(unix.NFTA_PAYLOAD_SREG) {
		c.text.give()
		return func(m *machine) {
			// What was not known before need not be known after, such as the traffic class.
			v, truth := m.payload(base, int(at), int(n))
			if slices.Max(v.known) != 0 && !(base == unix.NFT_PAYLOAD_NETWORK_HEADER && at == 0 && n == 2) {
				m.giveUp()
			}
			m.require(truth)
		}
	}
	offset, ok := register(a.u32(unix.NFTA_PAYLOAD_DREG))
	if !ok || offset+int(n) > registerBytes {
		return nil
	}
	c.text.load(offset, c.text.payloadLabel(base, at, n))
	return func(m *machine) {
		v, truth := m.payload(base, int(at), int(n))
		m.store(offset, v)
		m.require(truth)
	}
}

// exthdr looks for an extension header. The only one here is the Hop-by-Hop header of MLD.
func (c *compiler) exthdr(a attrs) op {
	offset, ok := register(a.u32(unix.NFTA_EXTHDR_DREG))
	if !ok {
		if a.has(unix.NFTA_EXTHDR_SREG) && a.u32(unix.NFTA_EXTHDR_OP) != unix.NFT_EXTHDR_OP_IPV6 {
			c.text.give()
			return (*machine).fail // it changes an option of TCP's
		}
		return nil
	}
	kind, at, n := a[unix.NFTA_EXTHDR_TYPE], a.u32(unix.NFTA_EXTHDR_OFFSET), a.u32(unix.NFTA_EXTHDR_LEN)
	present := a.u32(unix.NFTA_EXTHDR_FLAGS)&unix.NFT_EXTHDR_F_PRESENT != 0
	if len(kind) != 1 || at > maxOffset || n == 0 || offset+int(n) > registerBytes {
		return nil
	}
	hopOpts := a.u32(unix.NFTA_EXTHDR_OP) == unix.NFT_EXTHDR_OP_IPV6 && kind[0] == protoHopOpts
	c.text.load(offset, exthdrLabel(a.u32(unix.NFTA_EXTHDR_OP), kind[0], present))
	return func(m *machine) {
		found := hopOpts && m.packet.hasHopOpts()
		switch {
		case present && found:
			m.store(offset, knownBits([]byte{1}))
		case present:
			m.store(offset, knownBits([]byte{0}))
		case found:
			v, truth := m.packet.read(sizeIPv6+int(at), int(n))
			m.store(offset, v)
			m.require(truth)
		default:
			m.fail()
		}
	}
}

func (c *compiler) ct(a attrs) op {
	key := a.u32(unix.NFTA_CT_KEY)
	if a.has(unix.NFTA_CT_SREG) {
		c.text.give()
		return pass
	}
	offset, ok := register(a.u32(unix.NFTA_CT_DREG))
	if !ok {
		return nil
	}
	if key == unix.NFT_CT_STATE {
		c.text.load(offset, label{name: "ct state", kind: kindState})
		return func(m *machine) { m.store(offset, m.state()) }
	}
	c.text.give()
	return func(m *machine) {
		if m.packet.Track == Untracked {
			m.fail() // there is no connection to ask about
			return
		}
		m.store(offset, unknownBits(min(32, registerBytes-offset))) // nothing is longer: a name of 16, addresses, a label of 16
		m.require(CannotTell)
	}
}
