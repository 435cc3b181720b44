package icmp6

import (
	"bytes"
	"net/netip"
	"reflect"
	"testing"

	"v6probe/internal/craft"
)

const (
	here  = "2001:db8::1"
	there = "2001:db8:1::2"
)

// udp6 is a whole packet of 60 bytes.
func udp6() []byte {
	return craft.IPv6(here, there, 63, 17, craft.UDP6(here, there, 4000, 53, make([]byte, 12)))
}

func TestErrorFields(t *testing.T) {
	quoted := udp6()
	extended := craft.Extended(craft.Unreachable(1, quoted), 16, []byte{0, 8, 4, 1, 1, 2, 3, 4})
	unused := craft.TimeExceeded(1, quoted)
	copy(unused[4:], []byte{0, 0xab, 0xcd, 0xef})
	tests := []struct {
		name     string
		raw      []byte
		mtu      uint32
		pointer  uint32
		reserved uint32
		short    bool
		quoted   []byte
	}{
		{"packet too big", craft.TooBig(0xfffffff1, quoted), 0xfffffff1, 0, 0, false, quoted},
		{"parameter problem", craft.ParameterProblem(1, 0x01020304, quoted), 0, 0x01020304, 0, false, quoted},
		{"unreachable", craft.Unreachable(4, quoted), 0, 0, 0, false, quoted},
		{"unused bits", unused, 0, 0, 0xabcdef, false, quoted},
		{"extended", extended, 0, 0, 0, false, craft.Join(quoted, make([]byte, 128-60))},
		{"extended time exceeded", craft.Extended(craft.TimeExceeded(0, quoted), 8, nil), 0, 0, 0, false,
			craft.Join(quoted, make([]byte, 4))},
		{"length without extensions", craft.Extended(craft.Unreachable(1, quoted), 20)[:70], 0, 0, 0, false,
			craft.Join(quoted, make([]byte, 2))},
		{"length that is an mtu", craft.TooBig(0x01000000, quoted), 0x01000000, 0, 0, false, quoted},
		{"length that is a pointer", craft.ParameterProblem(0, 0x01000000, quoted), 0, 0x01000000, 0, false, quoted},
		{"quotes nothing", craft.TooBig(1400, nil), 1400, 0, 0, false, []byte{}},
		{"mtu cut off", craft.TooBig(1400, nil)[:7], 0, 0, 0, true, nil},
		{"pointer cut off", craft.ParameterProblem(0, 6, nil)[:7], 0, 0, 0, true, nil},
		{"one byte", []byte{1}, 0, 0, 0, true, nil},
		{"echo", craft.Echo(100), 0, 0, 0, false, nil},
		{"type 5", craft.Join([]byte{5, 0, 0, 0, 0, 0, 5, 0}, quoted), 0, 0, 0, false, nil},
		{"type 0", make([]byte, 60), 0, 0, 0, false, nil},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			m := decode(tt.raw)
			if m.MTU() != tt.mtu || m.Pointer() != tt.pointer || m.Reserved != tt.reserved || m.Short != tt.short {
				t.Errorf("mtu %d, pointer %d, reserved %#x, short %v; want %d, %d, %#x, %v", m.MTU(), m.Pointer(),
					m.Reserved, m.Short, tt.mtu, tt.pointer, tt.reserved, tt.short)
			}
			if got := m.Quoted(); !bytes.Equal(got, tt.quoted) || (got == nil) != (tt.quoted == nil) {
				t.Errorf("quotes % x\nwant   % x", got, tt.quoted)
			}
		})
	}
}

// quoteOf is what ParseQuote says of a packet from here to there with hop limit 63, changed by f.
func quoteOf(length, bytes int, f func(*Quote)) Quote {
	q := Quote{Source: netip.MustParseAddr(here), Destination: netip.MustParseAddr(there), HopLimit: 63,
		Length: length, Bytes: bytes, PayloadOffset: 40}
	f(&q)
	return q
}

func TestParseQuote(t *testing.T) {
	ip := func(next uint8, payload ...[]byte) []byte {
		return craft.IPv6(here, there, 63, next, craft.Join(payload...))
	}
	udp := craft.UDP6(here, there, 4000, 53, make([]byte, 12))
	tcp := craft.TCP6(here, there, 40000, 443, []byte{1, 2, 3})
	echo := craft.Echo(4) // 12 bytes, identifier 0x1234, sequence number 1
	ns := craft.NS("fe80::1")
	labelled := ip(17, udp)
	copy(labelled, []byte{0x6a, 0xb1, 0x23, 0x45})
	routing := craft.Join([]byte{17, 2, 4, 1, 0, 0, 0, 0}, craft.Addr("2001:db8::9"))
	ten := craft.Join(craft.HopByHop(60), bytes.Repeat(craft.HopByHop(60), 8), craft.HopByHop(17), udp)
	jumbo := ip(0, []byte{6, 0, 0xc2, 4, 0, 1, 0, 0}, tcp)
	jumbo[4], jumbo[5] = 0, 0
	odd := ip(0, []byte{6, 0, 0xc2, 4, 0xff, 0xff, 0xff, 0xff}, tcp)
	odd[4], odd[5] = 0, 0
	small := ip(0, []byte{6, 0, 0xc2, 4, 0, 0, 0xff, 0xff}, tcp)
	small[4], small[5] = 0, 0
	both := ip(0, []byte{6, 0, 0xc2, 4, 0, 1, 0, 0}, tcp)
	reserved := ip(44, craft.WithLength(craft.FragmentHeader(17, 0, true, 7), 1), udp)
	ports := func(payload []byte, proto uint8, source, destination uint16) func(*Quote) {
		return func(q *Quote) {
			q.Protocol, q.Payload = proto, payload
			q.HasPorts, q.SourcePort, q.DestinationPort = true, source, destination
		}
	}
	icmp := func(payload []byte, typ Type) func(*Quote) {
		return func(q *Quote) {
			q.Protocol, q.Payload, q.HasICMP, q.ICMPType = 58, payload, true, typ
		}
	}

	tests := []struct {
		name string
		b    []byte
		want Quote
	}{
		{"udp", ip(17, udp), quoteOf(60, 60, ports(udp, 17, 4000, 53))},
		{"tcp", ip(6, tcp), quoteOf(63, 63, ports(tcp, 6, 40000, 443))},
		{"udp-lite", ip(136, udp), quoteOf(60, 60, ports(udp, 136, 4000, 53))},
		{"sctp", ip(132, udp), quoteOf(60, 60, ports(udp, 132, 4000, 53))},
		{"dccp", ip(33, udp), quoteOf(60, 60, ports(udp, 33, 4000, 53))},
		{"traffic class and flow label", labelled, quoteOf(60, 60, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.TrafficClass, q.FlowLabel = 0xab, 0x12345
		})},
		{"padding after the packet", craft.Join(ip(17, udp), make([]byte, 20)),
			quoteOf(60, 60, ports(udp, 17, 4000, 53))},
		{"cut behind the ports", ip(17, udp)[:44], quoteOf(60, 44, ports(udp[:4], 17, 4000, 53))},
		{"cut within the ports", ip(17, udp)[:43], quoteOf(60, 43, func(q *Quote) {
			q.Protocol, q.Payload = 17, udp[:3]
		})},
		{"cut before the upper layer", ip(17, udp)[:40], quoteOf(60, 40, func(q *Quote) { q.Protocol = 17 })},
		{"nothing after the header", ip(59), quoteOf(40, 40, func(q *Quote) { q.Protocol = 59 })},

		{"echo", ip(58, echo), quoteOf(52, 52, func(q *Quote) {
			icmp(echo, 128)(q)
			q.HasEcho, q.EchoID, q.EchoSequence = true, 0x1234, 1
		})},
		{"echo cut within the sequence number", ip(58, echo)[:47], quoteOf(52, 47, icmp(echo[:7], 128))},
		{"neighbor solicitation", ip(58, ns), quoteOf(64, 64, icmp(ns, 135))},
		{"icmpv6 code", ip(58, []byte{1, 4, 0, 0}), quoteOf(44, 44, func(q *Quote) {
			icmp([]byte{1, 4, 0, 0}, 1)(q)
			q.ICMPCode = 4
		})},
		{"icmpv6 type and code alone", ip(58, ns)[:42], quoteOf(64, 42, icmp(ns[:2], 135))},
		{"icmpv6 type alone", ip(58, ns)[:41], quoteOf(64, 41, func(q *Quote) { q.Protocol, q.Payload = 58, ns[:1] })},

		{"extension headers", ip(0, craft.HopByHop(43), routing, udp), quoteOf(92, 92, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{0, 43}, 2, 40+8+24
		})},
		{"destination options of two units", ip(60, craft.DestinationOptions(17, 1), udp),
			quoteOf(76, 76, func(q *Quote) {
				ports(udp, 17, 4000, 53)(q)
				q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{60}, 1, 56
			})},
		{"authentication", ip(51, craft.AH(17, 4), udp), quoteOf(84, 84, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{51}, 1, 64
		})},
		{"mobility, hip, shim6", ip(135, craft.HopByHop(139), craft.HopByHop(140), craft.HopByHop(17), udp),
			quoteOf(84, 84, func(q *Quote) {
				ports(udp, 17, 4000, 53)(q)
				q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{135, 139, 140}, 3, 64
			})},
		{"ten extension headers", ip(0, ten), quoteOf(140, 140, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{0, 60, 60, 60, 60, 60, 60, 60}, 10, 120
		})},
		{"esp", ip(50, udp), quoteOf(60, 60, func(q *Quote) { q.Protocol, q.Payload = 50, udp })},
		{"no next header", ip(59, udp), quoteOf(60, 60, func(q *Quote) { q.Protocol, q.Payload = 59, udp })},
		{"cut within an extension header", ip(60, craft.DestinationOptions(17, 1), udp)[:55],
			quoteOf(76, 55, func(q *Quote) { q.Protocol, q.Extensions, q.ExtensionCount = 17, [8]uint8{60}, 1 })},
		{"cut behind its first byte", ip(60, craft.DestinationOptions(17, 1), udp)[:41],
			quoteOf(76, 41, func(q *Quote) { q.Protocol, q.Extensions, q.ExtensionCount = 17, [8]uint8{60}, 1 })},
		{"cut before it", ip(60, craft.DestinationOptions(17, 1), udp)[:40],
			quoteOf(76, 40, func(q *Quote) { q.Protocol = 60 })},

		{"first fragment", ip(44, craft.FragmentHeader(17, 0, true, 0xdeadbeef), udp), quoteOf(68, 68, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{44}, 1, 48
			q.IsFragment, q.FragmentID = true, 0xdeadbeef
		})},
		{"reserved byte of a fragment header", reserved, quoteOf(68, 68, func(q *Quote) {
			ports(udp, 17, 4000, 53)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{44}, 1, 48
			q.IsFragment, q.FragmentID = true, 7
		})},
		{"later fragment", ip(44, craft.FragmentHeader(17, 1448, false, 7), udp), quoteOf(68, 68, func(q *Quote) {
			q.Protocol, q.Extensions, q.ExtensionCount, q.PayloadOffset = 17, [8]uint8{44}, 1, 48
			q.IsFragment, q.FragmentOffset, q.FragmentID = true, 1448, 7
		})},
		{"later fragment of an extension header", ip(44, craft.FragmentHeader(60, 8, true, 7), craft.HopByHop(17), udp),
			quoteOf(76, 76, func(q *Quote) {
				q.Protocol, q.Extensions, q.ExtensionCount, q.PayloadOffset = 60, [8]uint8{44}, 1, 48
				q.IsFragment, q.FragmentOffset, q.FragmentID = true, 8, 7
			})},
		{"fragment header cut", ip(44, craft.FragmentHeader(17, 1448, false, 7), udp)[:47],
			quoteOf(68, 47, func(q *Quote) { q.Protocol, q.Extensions, q.ExtensionCount = 17, [8]uint8{44}, 1 })},

		{"jumbogram", jumbo, quoteOf(40+65536, len(jumbo), func(q *Quote) {
			ports(tcp, 6, 40000, 443)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{0}, 1, 48
		})},
		{"jumbo length cut off", jumbo[:47], quoteOf(40, 40, func(q *Quote) { q.Protocol = 0 })},
		{"jumbo length beside a payload length", both, quoteOf(len(both), len(both), func(q *Quote) {
			ports(tcp, 6, 40000, 443)(q)
			q.Extensions, q.ExtensionCount, q.PayloadOffset = [8]uint8{0}, 1, 48
		})},
		{"jumbo length that a payload length could hold", small, quoteOf(40, 40, func(q *Quote) { q.Protocol = 0 })},
		{"jumbo length of four gigabytes", odd, quoteOf(40, 40, func(q *Quote) { q.Protocol = 0 })},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got, ok := ParseQuote(tt.b)
			if !ok || !reflect.DeepEqual(got, tt.want) {
				t.Errorf("%v\ngot  %+v\nwant %+v", ok, got, tt.want)
			}
		})
	}
	for name, b := range map[string][]byte{"nothing": nil, "39 bytes": udp6()[:39],
		"ipv4": craft.IPv4("192.0.2.1", "192.0.2.2", 17, make([]byte, 60))} {
		if q, ok := ParseQuote(b); ok || !reflect.DeepEqual(q, Quote{}) {
			t.Errorf("%s: %v, %+v", name, ok, q)
		}
	}
}

// TestQuoteInRedirect reads a packet that option 4 quotes, with the padding that the option has.
func TestQuoteInRedirect(t *testing.T) {
	m := decode(craft.Redirect("fe80::1", there, craft.TLLA(craft.RouterMAC), craft.RedirectedHeader(udp6())))
	if len(m.Options) != 2 {
		t.Fatalf("%d options", len(m.Options))
	}
	b, _ := m.Options[1].RedirectedHeader()
	q, ok := ParseQuote(b)
	if !ok || len(b) != 64 || q.Bytes != 60 || q.SourcePort != 4000 || q.DestinationPort != 53 {
		t.Errorf("%d bytes, %v, %+v", len(b), ok, q)
	}
}

func TestQuoteAllocations(t *testing.T) {
	m := decode(craft.Extended(craft.Unreachable(1, craft.IPv6(here, there, 63, 0, craft.Join(craft.HopByHop(44),
		craft.FragmentHeader(58, 0, true, 1), craft.Echo(100)))), 20))
	n := testing.AllocsPerRun(100, func() {
		if q, ok := ParseQuote(m.Quoted()); !ok || !q.HasEcho {
			t.Errorf("no echo in %+v", q)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations, want 0", n)
	}
}
