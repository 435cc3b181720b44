package nd

import (
	"strings"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/rule"
)

// segment returns an IPv6 packet of length bytes with a TCP segment in it.
func segment(src, dst string, length int) []byte {
	return craft.IPv6(src, dst, 63, 6, craft.TCP6(src, dst, 40000, 443, make([]byte, length-60)))
}

// errorFrom returns the frame of an ICMPv6 error from a router far away to nodeA.
func errorFrom(msg []byte) []byte { return limited(nodeR.as("2001:db8:f::1"), nodeA.addr, 60, msg) }

// tooBig returns the frame of a Packet Too Big from there, which quotes what fits.
func tooBig(mtu uint32, quoted []byte) []byte {
	return errorFrom(craft.TooBig(mtu, quoted[:min(len(quoted), 1280-48)]))
}

// withCode returns msg with another code.
func withCode(msg []byte, code uint8) []byte {
	msg = craft.Join(msg)
	msg[1] = code
	return msg
}

// withPayloadLength returns the IPv6 packet ip with another payload length.
func withPayloadLength(ip []byte, n uint16) []byte {
	ip = craft.Join(ip)
	ip[4], ip[5] = byte(n>>8), byte(n)
	return ip
}

var (
	full  = segment(nodeA.addr, nodeB.addr, 1500)
	short = segment(nodeA.addr, nodeB.addr, 100)
	// two extension headers before the message: they count among the 1280 bytes
	behindOptions = func(msg []byte) []byte {
		src := "2001:db8:f::1"
		return craft.EthernetIPv6(craft.RouterMAC, nodeA.addr, craft.IPv6(src, nodeA.addr, 60, 60,
			craft.Join(craft.DestinationOptions(60, 0), craft.DestinationOptions(58, 0), craft.ICMPv6(src, nodeA.addr, msg))))
	}
)

var errorRows = []messageRow{
	{name: "Too Big", frame: tooBig(1400, full)},
	{name: "Too Big, 1280", frame: tooBig(1280, full)},
	{name: "Too Big, one less than the packet", frame: tooBig(1499, full)},
	{name: "Too Big for an echo in a fragment", frame: tooBig(1400, craft.FragmentIPv6(nodeA.addr, nodeB.addr, 64, 58, 7,
		craft.Echo(3000), 1448)[0])},
	{name: "Too Big, the whole packet quoted", frame: tooBig(1280, segment(nodeA.addr, nodeB.addr, 1281)[:1232])},
	{name: "Too Big behind extension headers", frame: behindOptions(craft.TooBig(1400, full[:1216]))},
	{name: "ptb.below-1280", frame: tooBig(1279, full), want: "ptb.below-1280", detail: "1279"},
	{name: "ptb.below-1280, 0", frame: tooBig(0, full), want: "ptb.below-1280"},
	{name: "ptb.below-1280, that the packet fits into", frame: tooBig(1000, short), want: "ptb.below-1280"},
	{name: "ptb.not-smaller", frame: tooBig(1500, full), want: "ptb.not-smaller", detail: "has 1500 bytes"},
	{name: "ptb.not-smaller, a tunnel's MTU", frame: tooBig(1450, short), want: "ptb.encapsulation ptb.not-smaller"},
	{name: "ptb.not-smaller, beyond 31 bits", frame: tooBig(0xffffffff, full), want: "ptb.not-smaller"},
	{name: "Too Big for a packet longer than its field says", frame: tooBig(1400, withPayloadLength(full, 0))},
	{name: "Too Big for a jumbogram", frame: tooBig(1400, withPayloadLength(craft.IPv6(nodeA.addr, nodeB.addr, 64, 0, craft.Join([]byte{6, 0, 0xc2, 4,
		0, 1, 0, 0}, make([]byte, 2000))), 0))},
	{name: "ptb.quote-mismatch", frame: tooBig(1400, segment(nodeC.addr, nodeB.addr, 1500)), want: "ptb.quote-mismatch",
		detail: nodeC.addr},
	{name: "ptb.source-is-destination", frame: tooBig(1400, segment(nodeA.addr, "2001:db8:f::1", 1500)), want: "ptb.source-is-destination",
		detail: "2001:db8:f::1"},
	{name: "ptb.oversize", frame: errorFrom(craft.TooBig(1400, full[:1233])), want: "ptb.oversize", detail: "1281 bytes"},
	{name: "ptb.oversize behind extension headers", frame: behindOptions(craft.TooBig(1400, full[:1232])), want: "ptb.oversize"},
	{name: "ptb.truncated-quote", frame: errorFrom(craft.TooBig(1400, full[:1231])), want: "ptb.truncated-quote",
		detail: "1231 of 1500 bytes, though there was room for 1232"},
	{name: "ptb.truncated-quote, by the last byte", frame: errorFrom(craft.TooBig(1280, segment(nodeA.addr, nodeB.addr, 1281)[:1200])),
		want: "ptb.truncated-quote", detail: "room for 1232"},
	{name: "ptb.truncated-quote, IPv6 header only", frame: errorFrom(craft.TooBig(1400, full[:40])), want: "ptb.truncated-quote"},
	{name: "ptb.code", frame: errorFrom(withCode(craft.TooBig(1400, full[:1232]), 4)), want: "ptb.code", detail: "4"},
	{name: "ptb.encapsulation", frame: tooBig(1450, full), want: "ptb.encapsulation",
		detail: "1450 = 1500 - 50: VXLAN or Geneve over IPv4"},
	{name: "ptb.encapsulation, two ways", frame: tooBig(1452, full), want: "ptb.encapsulation", detail: "over IPv6; or 1452 = 1500"},
	{name: "ptb.encapsulation with a bad checksum", frame: spoilt(tooBig(1450, full)), want: "icmp.checksum"},
	{name: "Too Big that quotes IPv4", frame: errorFrom(craft.TooBig(1400, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 100))))},

	{name: "icmp.too-short", frame: errorFrom(craft.TooBig(1400, nil)[:7]), want: "icmp.too-short", detail: "7 bytes"},
	{name: "icmp.too-short, type only", frame: errorFrom(craft.Unreachable(0, nil)[:4]), want: "icmp.too-short"},
	{name: "icmp.too-short, nothing quoted", frame: errorFrom(craft.TooBig(1400, nil)), want: "icmp.too-short", detail: "0 bytes of a packet"},
	{name: "icmp.too-short, no whole IPv6 header", frame: errorFrom(craft.TimeExceeded(0, full[:39])), want: "icmp.too-short",
		detail: "39 bytes"},
	{name: "icmp.too-short, Parameter Problem", frame: errorFrom(craft.ParameterProblem(1, 40, nil)), want: "icmp.too-short"},
	{name: "Time Exceeded", frame: errorFrom(craft.TimeExceeded(0, full[:1232]))},
	{name: "Time Exceeded with extensions", frame: errorFrom(craft.Extended(craft.TimeExceeded(0, full[:128]), 16))},
	{name: "Parameter Problem", frame: errorFrom(craft.ParameterProblem(1, 6, short))},
	{name: "Parameter Problem with a bad checksum", frame: spoilt(errorFrom(craft.ParameterProblem(1, 6, short))), want: "icmp.checksum"},

	{name: "no route", frame: errorFrom(craft.Unreachable(0, short)), want: "unreach.no-route",
		detail: "2001:db8::a > 2001:db8::b, TCP 40000 > 443: the sender of this has no route"},
	{name: "prohibited", frame: errorFrom(craft.Unreachable(1, short)), want: "unreach.prohibited", detail: "a firewall"},
	{name: "prohibited by the destination", frame: errorFrom(craft.Unreachable(1, segment(nodeA.addr, "2001:db8:f::1", 100))),
		want: "unreach.prohibited", detail: "its own firewall"},
	{name: "beyond scope", frame: errorFrom(craft.Unreachable(2, short)), want: "unreach.beyond-scope"},
	{name: "address", frame: errorFrom(craft.Unreachable(3, short)), want: "unreach.address", detail: "not answered"},
	{name: "port", frame: errorFrom(craft.Unreachable(4, segment(nodeA.addr, "2001:db8:f::1", 100))), want: "unreach.port",
		detail: "nothing listens there"},
	{name: "port, by a firewall", frame: errorFrom(craft.Unreachable(4, short)), want: "unreach.port", detail: "a firewall rejects it"},
	{name: "source policy", frame: errorFrom(craft.Unreachable(5, short)), want: "unreach.source-policy"},
	{name: "reject route", frame: errorFrom(craft.Unreachable(6, short)), want: "unreach.reject-route"},
	{name: "source routing", frame: errorFrom(craft.Unreachable(7, short)), want: "unreach.source-routing"},
	{name: "headers too long", frame: errorFrom(craft.Unreachable(8, short)), want: "unreach.headers-too-long"},
	{name: "another code", frame: errorFrom(craft.Unreachable(9, short)), want: "unreach.code", detail: "code 9"},
	{name: "Unreachable with extensions", frame: errorFrom(craft.Extended(craft.Unreachable(0, short), 16)), want: "unreach.no-route"},
	{name: "Unreachable that quotes IPv4", frame: errorFrom(craft.Unreachable(0, craft.IPv4("192.0.2.1", "192.0.2.2", 6, make([]byte, 100)))),
		want: "unreach.no-route", detail: "no IPv6 packet"},
	{name: "Unreachable with a bad checksum", frame: spoilt(errorFrom(craft.Unreachable(0, short))), want: "icmp.checksum"},
	{name: "Unreachable for an echo", frame: errorFrom(craft.Unreachable(3, craft.IPv6(nodeA.addr, nodeB.addr, 63, 58, craft.Echo(8)))),
		want: "unreach.address", detail: "echo-request id 4660"},
	{name: "Unreachable for a solicitation", frame: errorFrom(craft.Unreachable(3, craft.IPv6(nodeA.addr, nodeB.addr, 63, 58,
		craft.NS(nodeB.addr)))), want: "unreach.address", detail: "2001:db8::b, neighbor-solicitation:"},
	{name: "Unreachable for UDP", frame: errorFrom(craft.Unreachable(3, craft.IPv6(nodeA.addr, nodeB.addr, 63, 17,
		craft.UDP6(nodeA.addr, nodeB.addr, 500, 53, nil)))), want: "unreach.address", detail: "UDP 500 > 53"},
	{name: "Unreachable for ESP", frame: errorFrom(craft.Unreachable(3, craft.IPv6(nodeA.addr, nodeB.addr, 63, 50, make([]byte, 20)))),
		want: "unreach.address", detail: "2001:db8::b, ESP:"},
	{name: "Unreachable for an unknown protocol", frame: errorFrom(craft.Unreachable(3, craft.IPv6(nodeA.addr, nodeB.addr, 63, 200, nil))),
		want: "unreach.address", detail: "protocol 200"},
}

func TestErrorMessages(t *testing.T) {
	for _, tt := range errorRows {
		t.Run(tt.name, tt.run)
	}
}

// TestUnreachableOnce wants one finding for each source and code, whatever the flow.
func TestUnreachableOnce(t *testing.T) {
	tally := rule.NewTally()
	for _, code := range []uint8{0, 0, 3, 9, 10, 9} {
		for _, dst := range []string{nodeB.addr, nodeC.addr} {
			for _, f := range judgeMessage(decodeMessage(t, 0, errorFrom(craft.Unreachable(code, segment(nodeA.addr, dst, 100))))).Findings {
				tally.Add(f)
			}
		}
	}
	var list []string
	for _, f := range tally.Found() {
		list = append(list, string(f.Rule)+f.Subject)
	}
	if got, want := strings.Join(list, " "), "unreach.no-route unreach.address unreach.code9 unreach.code10"; got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
