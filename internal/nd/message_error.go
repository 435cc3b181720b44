package nd

import (
	"fmt"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/rule"
)

const (
	errorSize = 8  // bytes of an ICMPv6 error before the packet that it quotes (RFC 4443 §3)
	ipv6Size  = 40 // bytes of the IPv6 header
	minMTU    = encap.MinMTU
)

// checkError judges an ICMPv6 error message. before is how many findings there were before this message's.
func checkError(r *ndcheck.Report, before int) {
	p := r.Packet
	m := &p.Message
	if p.Complete && len(m.Raw) < errorSize {
		r.Add("icmp.too-short", 0, "", "%d bytes, a %v has at least %d", len(m.Raw), m.Type, errorSize)
	} else if n := len(m.Raw) - errorSize; p.Complete && n < ipv6Size {
		r.Add("icmp.too-short", 0, "", "the %v quotes %d bytes of a packet: not even its IPv6 header", m.Type, n)
	}
	if len(m.Raw) < errorSize {
		return
	}
	quote, ok := icmp6.ParseQuote(m.Quoted())
	switch m.Type {
	case icmp6.TypePacketTooBig:
		checkTooBig(r, &quote, ok, before)
	case icmp6.TypeDestinationUnreachable:
		if drops(r.Findings[before:]) == "" {
			noteUnreachable(r, &quote, ok)
		}
	}
}

// checkTooBig judges a Packet Too Big; q is the packet that it quotes, if ok.
func checkTooBig(r *ndcheck.Report, q *icmp6.Quote, ok bool, before int) {
	p := r.Packet
	m := &p.Message
	mtu := m.MTU()
	if m.Code != 0 {
		r.Add("ptb.code", 1, "", "code is %d, not 0", m.Code)
	}
	// A payload length of 0 is that of a packet too long for the field, with or without the option that says so.
	known := ok && q.Length > ipv6Size
	switch {
	case mtu < minMTU:
		r.Add("ptb.below-1280", 4, "", "the MTU is %d", mtu)
	case known && uint64(mtu) >= uint64(q.Length):
		r.Add("ptb.not-smaller", 4, "", "the MTU is %d, but the quoted packet has %d bytes only", mtu, q.Length)
	}
	size := ipv6Size + int(p.PayloadLength)
	if size > minMTU {
		r.AddAt("ptb.oversize", p.IPOffset+4, "", "the message has %d bytes with its headers, not %d at most", size, minMTU)
	}
	if ok {
		checkTooBigQuote(r, q)
		if p.Complete && known && q.Bytes < q.Length && size < minMTU {
			r.Add("ptb.truncated-quote", errorSize, "", "it quotes %d of %d bytes, though there was room for %d", q.Bytes, q.Length,
				min(q.Length, q.Bytes+minMTU-size))
		}
	}
	if drops(r.Findings[before:]) == "" {
		if list := explain(mtu); list != "" {
			r.Add("ptb.encapsulation", 4, fmt.Sprint(mtu), "%s", list)
		}
	}
}

// checkTooBigQuote compares the addresses of a Packet Too Big with those of the packet that it quotes.
func checkTooBigQuote(r *ndcheck.Report, q *icmp6.Quote) {
	p := r.Packet
	if p.Destination != q.Source {
		r.Add("ptb.quote-mismatch", errorSize+8, p.Destination.String(), "it goes to %v, but the quoted packet came from %v",
			p.Destination, q.Source)
	}
	if p.Source == q.Destination {
		r.Add("ptb.source-is-destination", errorSize+24, "", "the quoted packet went to %v, from where the message comes",
			q.Destination)
	}
}

// explain returns the tunnels that an MTU points to, likeliest first; "" when there is none.
func explain(mtu uint32) string {
	var list []string
	for _, c := range encap.Explain(int(mtu)) {
		list = append(list, c.String())
	}
	return strings.Join(list, "; or ")
}

// noteUnreachable notes a Destination Unreachable with its usual cause; q is the packet that it quotes, if ok.
func noteUnreachable(r *ndcheck.Report, q *icmp6.Quote, ok bool) {
	code := r.Packet.Message.Code
	id, cause := unreachable(code)
	subject := ""
	if id == "unreach.code" {
		subject = fmt.Sprint(code)
		cause = fmt.Sprintf("code %d", code)
	}
	if !ok {
		r.Add(id, 1, subject, "%s; no IPv6 packet is quoted", cause)
		return
	}
	if q.Destination == r.Packet.Source { // the destination itself says it
		switch id {
		case "unreach.prohibited":
			cause = "its own firewall forbids it"
		case "unreach.port":
			cause = "nothing listens there"
		}
	}
	r.Add(id, 1, subject, "%s: %s", flowText(q), cause)
}

// unreachable returns the rule of a code of Destination Unreachable (RFC 4443 §3.1, RFC 6550, RFC 8883) and what it
// mostly means when it does not come from the destination itself.
func unreachable(code uint8) (id rule.ID, cause string) {
	switch code {
	case 0:
		return "unreach.no-route", "the sender of this has no route to the destination"
	case 1:
		return "unreach.prohibited", "a firewall forbids it"
	case 2:
		return "unreach.beyond-scope", "the source address is not valid beyond its link"
	case 3:
		return "unreach.address", "the last router's neighbor solicitations were not answered"
	case 4:
		return "unreach.port", "not said by the destination, so a firewall rejects it"
	case 5:
		return "unreach.source-policy", "the source address is not allowed in here"
	case 6:
		return "unreach.reject-route", "a route refuses the destination"
	case 7:
		return "unreach.source-routing", "the source route leads nowhere"
	case 8:
		return "unreach.headers-too-long", "its headers are longer than the sender of this can process"
	}
	return "unreach.code", ""
}

// flowText names the flow of a quoted packet: "2001:db8::a > 2001:db8::b, TCP 40000 > 443".
func flowText(q *icmp6.Quote) string {
	s := fmt.Sprintf("%v > %v", q.Source, q.Destination)
	switch {
	case q.HasPorts:
		return fmt.Sprintf("%s, %s %d > %d", s, protocolText(q.Protocol), q.SourcePort, q.DestinationPort)
	case q.HasEcho:
		return fmt.Sprintf("%s, %v id %d", s, q.ICMPType, q.EchoID)
	case q.HasICMP:
		return fmt.Sprintf("%s, %v", s, q.ICMPType)
	}
	return fmt.Sprintf("%s, %s", s, protocolText(q.Protocol))
}

// protocolText returns the name of an upper-layer protocol (IANA, Assigned Internet Protocol Numbers).
func protocolText(proto uint8) string {
	switch proto {
	case 4:
		return "IPv4"
	case 6:
		return "TCP"
	case 17:
		return "UDP"
	case 33:
		return "DCCP"
	case 41:
		return "IPv6"
	case 47:
		return "GRE"
	case 50:
		return "ESP"
	case 58:
		return "ICMPv6"
	case 132:
		return "SCTP"
	case 136:
		return "UDP-Lite"
	}
	return fmt.Sprintf("protocol %d", proto)
}
