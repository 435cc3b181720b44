package filter

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
)

// registerBytes is the size of nftables' data registers: sixteen of four bytes, or four of sixteen.
const registerBytes = 64

// register returns where a register begins.
func register(number uint32) (offset int, ok bool) {
	switch {
	case number >= unix.NFT_REG_1 && number <= unix.NFT_REG_4:
		return int(number-unix.NFT_REG_1) * 16, true
	case number >= unix.NFT_REG32_00 && number <= unix.NFT_REG32_15:
		return int(number-unix.NFT_REG32_00) * 4, true
	}
	return 0, false
}

// machine runs the expressions of one rule on a packet of which not everything is known.
type machine struct {
	packet    *Packet
	family    Family
	inet      bool // the table's rules see the layer of IPv6
	links     map[string]linkInfo
	registers bits
	matches   Truth
	act       Act
	chain     string
	over      bool
}

// op is one expression.
type op func(m *machine)

// run runs the program and returns what a Rule's Apply does.
func (m *machine) run(program []op) (Truth, Act, string) {
	for _, f := range program {
		if f(m); m.over {
			break
		}
	}
	return m.matches, m.act, m.chain
}

// fail ends the rule: it does not match.
func (m *machine) fail() { m.matches, m.over = No, true }

// require goes on where t says so.
func (m *machine) require(t Truth) {
	switch t {
	case No:
		m.fail()
	case CannotTell:
		m.matches = CannotTell
	}
}

// conclude ends the rule with an act.
func (m *machine) conclude(act Act, chain string) { m.act, m.chain, m.over = act, chain, true }

// give up: what the rule does cannot be told.
func (m *machine) giveUp() {
	m.matches = CannotTell
	m.conclude(Elsewhere, "")
}

// store writes v to a register. As in the kernel the last word that it touches is zero after v.
func (m *machine) store(offset int, v bits) {
	m.registers.set(offset, make([]byte, (len(v.value)+3)&^3)...)
	copy(m.registers.value[offset:], v.value)
	copy(m.registers.known[offset:], v.known)
}

// verdict ends the rule, or goes on.
func (m *machine) verdict(v nftVerdict) {
	switch v.code {
	case nftVerdictDrop:
		m.conclude(Drop, "")
	case nftVerdictAccept:
		m.conclude(Accept, "")
	case unix.NFT_CONTINUE:
	case unix.NFT_BREAK:
		m.fail()
	case unix.NFT_JUMP:
		m.conclude(Jump, v.chain)
	case unix.NFT_GOTO:
		m.conclude(Goto, v.chain)
	case unix.NFT_RETURN:
		m.conclude(Return, "")
	default: // to a queue, or a number that is not known
		m.conclude(Elsewhere, "")
	}
}

// interfaces returns those that the rules of this family see.
func (m *machine) interfaces() (in, out string) {
	if m.family == Bridge {
		return m.packet.PhysIn, m.packet.PhysOut
	}
	return m.packet.In, m.packet.Out
}

// payload reads from a header. Yes says that the packet has such bytes.
func (m *machine) payload(base uint32, offset, n int) (bits, Truth) {
	p := m.packet
	switch base {
	case unix.NFT_PAYLOAD_NETWORK_HEADER:
		return p.read(offset, n)
	case unix.NFT_PAYLOAD_TRANSPORT_HEADER:
		return p.read(p.transport()+offset, n)
	case unix.NFT_PAYLOAD_LL_HEADER:
		in, _ := m.interfaces()
		if in == "" && m.family == IPv6 {
			return unknownBits(n), No // it gets its header later
		}
		if kind := m.links[in].kind; kind != unix.ARPHRD_ETHER && in != "" {
			break
		}
		if offset >= sizeEthernet {
			return p.read(offset-sizeEthernet, n)
		}
		b := p.link().slice(offset, n)
		if rest := offset + n - sizeEthernet; rest > 0 {
			more, truth := p.read(0, rest)
			copy(b.value[n-rest:], more.value)
			copy(b.known[n-rest:], more.known)
			return b, truth
		}
		return b, Yes
	}
	return unknownBits(n), CannotTell
}

// Sizes of what meta loads, in bytes, where it is not four.
func metaSize(key uint32) int {
	switch key {
	case unix.NFT_META_IIFNAME, unix.NFT_META_OIFNAME, unix.NFT_META_BRI_IIFNAME, unix.NFT_META_BRI_OIFNAME,
		26, 27, 34: // NFT_META_IIFKIND, NFT_META_OIFKIND, NFT_META_SDIFNAME
		return unix.IFNAMSIZ
	case unix.NFT_META_PROTOCOL, unix.NFT_META_IIFTYPE, unix.NFT_META_OIFTYPE:
		return 2
	case unix.NFT_META_NFPROTO, unix.NFT_META_L4PROTO, unix.NFT_META_PKTTYPE:
		return 1
	case 30: // NFT_META_TIME_NS
		return 8
	}
	return 4
}

// meta returns what is known about the packet beside its bytes. Yes says that there is such a thing.
func (m *machine) meta(key uint32) (bits, Truth) {
	in, out := m.interfaces()
	switch key {
	case unix.NFT_META_LEN:
		if m.packet.Length > 0 && (m.family != Netdev || out == "") {
			return native32(uint32(m.packet.Length)), Yes
		}
		return unknownBits(4), Yes
	case unix.NFT_META_PROTOCOL:
		return knownBits([]byte{etherIPv6 >> 8, etherIPv6 & 0xff}), Yes
	case unix.NFT_META_L4PROTO:
		return knownBits([]byte{protoICMPv6}), Yes
	case unix.NFT_META_NFPROTO:
		return knownBits([]byte{m.protocolFamily()}), Yes
	case unix.NFT_META_IIFNAME:
		return interfaceName(in), Yes
	case unix.NFT_META_OIFNAME:
		return interfaceName(out), Yes
	case unix.NFT_META_IIF:
		return m.interfaceIndex(in), Yes
	case unix.NFT_META_OIF:
		return m.interfaceIndex(out), Yes
	case unix.NFT_META_IIFTYPE:
		return m.interfaceKind(in)
	case unix.NFT_META_OIFTYPE:
		return m.interfaceKind(out)
	case unix.NFT_META_BRI_IIFNAME:
		return bridgeName(m.packet.In, in)
	case unix.NFT_META_BRI_OIFNAME:
		return bridgeName(m.packet.Out, out)
	case unix.NFT_META_PKTTYPE:
		return m.packetType(in, out)
	}
	return unknownBits(metaSize(key)), CannotTell
}

func native32(v uint32) bits { return knownBits(binary.NativeEndian.AppendUint32(nil, v)) }

func (m *machine) protocolFamily() byte {
	switch {
	case m.family == Bridge:
		return unix.NFPROTO_BRIDGE
	case m.family == Netdev && !m.inet:
		return unix.NFPROTO_NETDEV
	}
	return unix.NFPROTO_IPV6
}

// interfaceName returns a name, zeros where there is no interface.
func interfaceName(name string) bits {
	b := make([]byte, unix.IFNAMSIZ)
	copy(b[:unix.IFNAMSIZ-1], name)
	return knownBits(b)
}

func (m *machine) interfaceIndex(name string) bits {
	link, ok := m.links[name]
	if !ok && name != "" {
		return unknownBits(4)
	}
	return native32(link.index)
}

func (m *machine) interfaceKind(name string) (bits, Truth) {
	if name == "" {
		return unknownBits(2), No
	}
	link, ok := m.links[name]
	if !ok {
		return unknownBits(2), Yes
	}
	return knownBits(binary.NativeEndian.AppendUint16(nil, link.kind)), Yes
}

// bridgeName returns the name of the bridge that a port belongs to.
func bridgeName(bridge, port string) (bits, Truth) {
	switch {
	case port == "":
		return unknownBits(unix.IFNAMSIZ), No
	case bridge == "":
		return unknownBits(unix.IFNAMSIZ), CannotTell
	}
	return interfaceName(bridge), Yes
}

// packetType tells broadcast, multicast and this host's own from each other where a packet comes in.
func (m *machine) packetType(in, out string) (bits, Truth) {
	switch {
	case in == "" || out != "":
	case m.packet.Target.IsMulticast():
		return knownBits([]byte{unix.PACKET_MULTICAST}), Yes
	case m.family == IPv6 && m.packet.PhysIn == "":
		return knownBits([]byte{unix.PACKET_HOST}), Yes
	}
	return unknownBits(1), Yes
}

// Bits of ct state (linux/netfilter/nf_conntrack_tuple_common.h).
const (
	stateInvalid     = 1
	stateEstablished = 2
	stateRelated     = 4
	stateNew         = 8
	stateUntracked   = 64
)

// state returns the tracking state of the packet.
func (m *machine) state() bits {
	states := [...]uint32{Untracked: stateUntracked, New: stateNew, Established: stateEstablished, Related: stateRelated,
		Invalid: stateInvalid}
	if int(m.packet.Track) >= len(states) {
		return unknownBits(4)
	}
	return native32(states[m.packet.Track])
}
