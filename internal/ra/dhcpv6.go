package ra

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// DHCPv6 message types (RFC 8415 §7.3) and ports, as far as they are looked at.
const (
	protocolUDP = 17

	portDHCPClient = 546
	portDHCPServer = 547

	dhcpSolicit            = 1
	dhcpAdvertise          = 2
	dhcpRequest            = 3
	dhcpRenew              = 5
	dhcpReply              = 7
	dhcpReconfigure        = 10
	dhcpInformationRequest = 11
)

// dhcpv6 is what is known of the DHCPv6 exchanges of a link.
type dhcpv6 struct {
	asks [16]ask // the newest of each client
	next int

	solicits, informations asked
}

// asked is how often clients sent one type of message in vain. A server without addresses to give away answers
// Information-requests only.
type asked struct {
	repeated bool // a client asked again: it got no answer
	own      time.Time
	frame    uint64 // the last ask
	last     time.Time
}

// vain reports whether a client got no answer at time t, or is not known to have got one. That it repeats itself shows
// that. From a single question only the host that asked could tell.
func (a *asked) vain(t time.Time) bool {
	return a.repeated || !a.own.IsZero() && t.Sub(a.own) >= time.Second
}

// ask is a client's message. A retransmission has the same transaction id (RFC 8415 §15).
type ask struct {
	client      netip.Addr
	transaction uint32
	at          time.Time
}

// retransmission is how far apart two asks are that are not one frame seen twice: the first timeout of RFC 8415 §7.6 is
// one second, give or take a tenth.
const retransmission = 500 * time.Millisecond

// dhcpv6 notes whether clients ask a DHCPv6 server and whether one answers.
func (c *Checker) dhcpv6(p *packet.Packet) {
	const header = 8
	b := p.Payload
	if len(b) < header+4 {
		return
	}
	from, to := binary.BigEndian.Uint16(b), binary.BigEndian.Uint16(b[2:])
	switch typ := b[header]; {
	case to == portDHCPServer && (typ == dhcpSolicit || typ == dhcpInformationRequest):
		if from != portDHCPServer {
			c.link(p).asked(p, typ, binary.BigEndian.Uint32(b[header:])&0xffffff)
		}
	case to == portDHCPServer && (typ == dhcpRequest || typ == dhcpRenew),
		// A client that requests or renews has heard a server, be it that its answer went past this place.
		from == portDHCPServer && (typ == dhcpAdvertise || typ == dhcpReply || typ == dhcpReconfigure):
		c.link(p).DHCPv6Answers = true
	}
}

func (l *Link) asked(p *packet.Packet, typ uint8, transaction uint32) {
	l.DHCPv6Asked = true
	d, t := &l.dhcpv6, p.Frame.Time
	q := &d.solicits
	if typ == dhcpInformationRequest {
		q = &d.informations
	}
	q.last, q.frame = t, p.Frame.Number
	if p.SentHere() {
		q.own = t
	}
	for i := range d.asks {
		a := &d.asks[i]
		if a.client == p.Source && a.transaction == transaction {
			q.repeated = q.repeated || t.Sub(a.at) >= retransmission
			return
		}
	}
	d.asks[d.next] = ask{p.Source, transaction, t}
	d.next = (d.next + 1) % len(d.asks)
}

// endManaged judges whether the DHCPv6 server is there that M or O sends hosts to: M for addresses, O for all else.
func (c *Checker) endManaged(l *Link) (rule.Finding, bool) {
	solicits, informations := l.dhcpv6.solicits.vain(c.clock.Now), l.dhcpv6.informations.vain(c.clock.Now)
	if l.DHCPv6Answers || !solicits && !informations {
		return rule.Finding{}, false
	}
	for _, r := range l.Routers {
		q, set := &l.dhcpv6.solicits, "M"
		switch {
		case r.managed && solicits:
		case r.other && informations:
			q, set = &l.dhcpv6.informations, "O"
		default:
			continue
		}
		if r.managed && r.other {
			set = "M and O"
		}
		f := l.finding("ra.managed-no-server",
			fmt.Sprintf("router %v sets %s; clients asked DHCPv6 servers, and none answered", r.Source, set))
		f.Source, f.Time, f.Frame = r.Source, q.last, q.frame
		return f, true
	}
	return rule.Finding{}, false
}
