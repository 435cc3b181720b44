package filter

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"testing"
	"unicode"

	"golang.org/x/sys/unix"
)

// attribute encodes an attribute of what parts are one after the other.
func attribute(kind uint16, parts ...[]byte) []byte {
	var value []byte
	for _, p := range parts {
		value = append(value, p...)
	}
	b := binary.NativeEndian.AppendUint16(nil, uint16(unix.SizeofNlAttr+len(value)))
	b = append(binary.NativeEndian.AppendUint16(b, kind), value...)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}

func number(kind uint16, v uint32) []byte {
	return attribute(kind, binary.BigEndian.AppendUint32(nil, v))
}

// value encodes data as most expressions have it.
func value(kind uint16, v ...byte) []byte {
	return attribute(kind|unix.NLA_F_NESTED, attribute(unix.NFTA_DATA_VALUE, v))
}

// expression encodes one expression of a rule.
func expression(name string, parts ...[]byte) []byte {
	return attribute(unix.NFTA_LIST_ELEM|unix.NLA_F_NESTED, appendString(nil, unix.NFTA_EXPR_NAME, name),
		attribute(unix.NFTA_EXPR_DATA|unix.NLA_F_NESTED, parts...))
}

func verdict(code int32, chain string) []byte {
	parts := number(unix.NFTA_VERDICT_CODE, uint32(code))
	if chain != "" {
		parts = appendString(parts, unix.NFTA_VERDICT_CHAIN, chain)
	}
	return expression("immediate", number(unix.NFTA_IMMEDIATE_DREG, unix.NFT_REG_VERDICT),
		attribute(unix.NFTA_IMMEDIATE_DATA, attribute(unix.NFTA_DATA_VERDICT, parts)))
}

func loadType() []byte {
	return expression("payload", number(unix.NFTA_PAYLOAD_DREG, unix.NFT_REG_1),
		number(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_TRANSPORT_HEADER), number(unix.NFTA_PAYLOAD_OFFSET, 0),
		number(unix.NFTA_PAYLOAD_LEN, 1))
}

func equalTo(v ...byte) []byte {
	return expression("cmp", number(unix.NFTA_CMP_SREG, unix.NFT_REG_1), number(unix.NFTA_CMP_OP, unix.NFT_CMP_EQ),
		value(unix.NFTA_CMP_DATA, v...))
}

func join(parts ...[]byte) (b []byte) {
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// testPacket is a Router Advertisement.
func testPacket() *Packet {
	return &Packet{In: "eth0", Source: netip.MustParseAddr("fe80::1"), Target: netip.MustParseAddr("ff02::1"), HopLimit: 255,
		Type:   134,
		Length: 56}
}

// runRule runs a rule on p.
func runRule(body []byte, p *Packet) (Truth, Act, string) {
	c := &compiler{}
	m := &machine{packet: p, registers: unknownBits(registerBytes), matches: Yes}
	return m.run(c.rule(body))
}

// What the kernel of the test may not have, and what this package has never heard of.
func TestExpressions(t *testing.T) {
	drop := verdict(nftVerdictDrop, "")
	cases := []struct {
		name    string
		body    []byte
		matches Truth
		act     Act
	}{
		{"nothing", nil, Yes, Continue},
		{"type", join(loadType(), equalTo(134), drop), Yes, Drop},
		{"other type", join(loadType(), equalTo(133), drop), No, Continue},
		{"jump", verdict(unix.NFT_JUMP, "c"), Yes, Jump},
		{"goto", verdict(unix.NFT_GOTO, "c"), Yes, Goto},
		{"return", verdict(unix.NFT_RETURN, ""), Yes, Return},
		{"break", verdict(unix.NFT_BREAK, ""), No, Continue},
		{"queue, the verdict", verdict(nftVerdictQueue|9<<16, ""), Yes, Elsewhere},
		{"queue", expression("queue", attribute(unix.NFTA_QUEUE_NUM, []byte{0, 9})), Yes, Elsewhere},
		{"unheard of", join(expression("new"), verdict(nftVerdictAccept, "")), CannotTell, Elsewhere},
		{"unheard of, after what does not match", join(loadType(), equalTo(133), expression("new")), No, Continue},
		{"a match of xtables", expression("match"), CannotTell, Elsewhere},
		{"notrack before a condition", join(expression("notrack"), loadType(), equalTo(133)), CannotTell, Elsewhere},
		{"no register", join(expression("payload", number(unix.NFTA_PAYLOAD_LEN, 1)), drop), CannotTell, Elsewhere},
		{"a set that is not there", join(loadType(), expression("lookup", appendString(nil, unix.NFTA_LOOKUP_SET, "s"),
			number(unix.NFTA_LOOKUP_SREG, unix.NFT_REG_1)), drop), CannotTell, Elsewhere},
		{"a register that nobody wrote", join(equalTo(0), drop), CannotTell, Drop},
		{"shift", join(loadType(), expression("bitwise", number(unix.NFTA_BITWISE_SREG, unix.NFT_REG_1),
			number(unix.NFTA_BITWISE_DREG, unix.NFT_REG_1), number(unix.NFTA_BITWISE_LEN, 1), number(nftaBitwiseOp, 1)),
			equalTo(134), drop), CannotTell, Drop},
		{"fwd", expression("fwd"), Yes, Elsewhere},
		{"dnat", expression("nat", number(unix.NFTA_NAT_TYPE, unix.NFT_NAT_DNAT)), Yes, Elsewhere},
		{"flow offload is of TCP", join(expression("flow_offload"), drop), No, Continue},
		{"quota", join(expression("quota"), drop), CannotTell, Drop},
		{"limit by name", join(expression("objref", number(unix.NFTA_OBJREF_IMM_TYPE, nftObjectLimit)), drop), CannotTell, Drop},
		{"counter by name", join(expression("objref", number(unix.NFTA_OBJREF_IMM_TYPE, nftObjectCounter)), drop), Yes, Drop},
		{"what an address needs is not written", expression("payload", number(unix.NFTA_PAYLOAD_SREG, 1),
			number(unix.NFTA_PAYLOAD_BASE, unix.NFT_PAYLOAD_NETWORK_HEADER), number(unix.NFTA_PAYLOAD_OFFSET, 8),
			number(unix.NFTA_PAYLOAD_LEN, 16)), CannotTell, Elsewhere},
	}
	for _, c := range cases {
		if matches, act, _ := runRule(c.body, testPacket()); matches != c.matches || matches != No && act != c.act {
			t.Errorf("%s: %d, %d; want %d, %d", c.name, matches, act, c.matches, c.act)
		}
	}
	if _, _, chain := runRule(verdict(unix.NFT_JUMP, "c"), testPacket()); chain != "c" {
		t.Errorf("jumps to %q", chain)
	}
}

// element encodes an element of a set of one byte.
func element(key byte, flags uint32, parts ...[]byte) []byte {
	return attribute(unix.NFTA_LIST_ELEM, value(unix.NFTA_SET_ELEM_KEY, key), number(unix.NFTA_SET_ELEM_FLAGS, flags),
		join(parts...))
}

func testSet(flags uint32, elements ...[]byte) *nftSet {
	s := parseSet(parse(join(appendString(nil, unix.NFTA_SET_NAME, "s"), number(unix.NFTA_SET_FLAGS, flags),
		number(unix.NFTA_SET_KEY_LEN, 1))))
	s.add(parse(attribute(unix.NFTA_SET_ELEM_LIST_ELEMENTS, elements...)))
	s.finish()
	return s
}

func TestLookup(t *testing.T) {
	const end = unix.NFT_SET_ELEM_INTERVAL_END
	limited := attribute(unix.NFTA_SET_ELEM_EXPR, appendString(nil, unix.NFTA_EXPR_NAME, "limit"))
	plain := testSet(0, element(1, 0), element(5, 0, limited))
	ranges := testSet(unix.NFT_SET_INTERVAL, element(0x20, 0), element(0x20, end), element(0x10, 0), element(0x30, end),
		element(0xf0, 0),
		element(0, end))
	withRest := testSet(0, element(1, 0), attribute(unix.NFTA_LIST_ELEM, number(unix.NFTA_SET_ELEM_FLAGS, nftSetElemCatchall)))
	broken := testSet(0, attribute(unix.NFTA_LIST_ELEM, value(unix.NFTA_SET_ELEM_KEY, 1, 2)))
	cases := []struct {
		set          *nftSet
		value, known byte
		want         Truth
	}{
		{plain, 1, 0xff, Yes}, {plain, 2, 0xff, No}, {plain, 0, 0xf0, CannotTell}, {plain, 0x10, 0xf0, No}, {plain, 5, 0xff,
			CannotTell},
		{ranges, 0x0f, 0xff, No}, {ranges, 0x10, 0xff, Yes}, {ranges, 0x20, 0xff, Yes}, {ranges, 0x2f, 0xff, Yes}, {ranges, 0x30,
			0xff, No},
		{ranges, 0xff, 0xff, Yes}, {ranges, 0xf0, 0xf0, Yes}, {ranges, 0x40, 0xf0, No}, {ranges, 0x20, 0xe0, CannotTell},
		{ranges, 0, 0, CannotTell},
		{withRest, 9, 0xff, Yes}, {withRest, 0, 0, CannotTell}, {broken, 1, 0xff, CannotTell},
	}
	for i, c := range cases {
		if got, _ := c.set.lookup(bits{[]byte{c.value}, []byte{c.known}}); got != c.want {
			t.Errorf("case %d: %d, want %d", i, got, c.want)
		}
	}
}

func FuzzRule(f *testing.F) {
	f.Add([]byte(nil), []byte(nil), uint32(0), uint8(1))
	f.Add(join(loadType(), equalTo(134), verdict(unix.NFT_JUMP, "c")), join(element(1, 0), element(2, 1)),
		uint32(unix.NFT_SET_INTERVAL),
		uint8(1))
	f.Add(join(loadType(), expression("lookup", appendString(nil, unix.NFTA_LOOKUP_SET, "s"),
		number(unix.NFTA_LOOKUP_SREG, unix.NFT_REG_1)), verdict(0, "")), join(element(134, 0)), uint32(nftSetConcat|unix.NFT_SET_ANONYMOUS), uint8(1))
	f.Add(join(loadType(), expression("lookup", appendString(nil, unix.NFTA_LOOKUP_SET, "s"), number(unix.NFTA_LOOKUP_DREG, 0),
		number(unix.NFTA_LOOKUP_SREG, unix.NFT_REG_1))), join(element(134, 0)), uint32(unix.NFT_SET_MAP|unix.NFT_SET_ANONYMOUS), uint8(1))
	f.Add(expression("bitwise", number(unix.NFTA_BITWISE_SREG, 1), number(unix.NFTA_BITWISE_DREG, 1),
		number(unix.NFTA_BITWISE_LEN, 4),
		value(unix.NFTA_BITWISE_MASK, 1, 2, 3, 4), value(unix.NFTA_BITWISE_XOR, 0, 0, 0, 0)), []byte(nil), uint32(0), uint8(0))
	f.Add(expression("meta", number(unix.NFTA_META_DREG, 23), number(unix.NFTA_META_KEY, 4)), []byte(nil), uint32(0), uint8(0))
	f.Fuzz(func(t *testing.T, body, elements []byte, flags uint32, keyLen uint8) {
		set := parseSet(attrs{unix.NFTA_SET_NAME: []byte("s"), unix.NFTA_SET_FLAGS: binary.BigEndian.AppendUint32(nil, flags),
			unix.NFTA_SET_KEY_LEN: {0, 0, 0, keyLen}, unix.NFTA_SET_DESC: elements})
		set.add(attrs{unix.NFTA_SET_ELEM_LIST_ELEMENTS: elements})
		set.finish()
		c := &compiler{sets: map[string]*nftSet{"s": set}}
		program := c.rule(body)
		for _, r := range c.text.show(1) {
			if !unicode.IsPrint(r) {
				t.Fatalf("shows %q", c.text.show(1))
			}
		}
		for family := IPv6; family <= Netdev; family++ {
			for _, p := range []*Packet{testPacket(), {}} {
				m := &machine{packet: p, family: family, registers: unknownBits(registerBytes), matches: Yes}
				if matches, act, _ := m.run(program); matches > CannotTell || act > Elsewhere {
					t.Fatal(matches, act)
				}
				for i, v := range m.registers.value {
					if v&^m.registers.known[i] != 0 {
						t.Fatal("what is not known is not zero at", strconv.Itoa(i))
					}
				}
			}
		}
	})
}
