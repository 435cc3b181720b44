package guest

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// gatewayPlan is how a gateway is asked: quicker than a host does (RETRANS_TIMER, 1 s), more often, and in two ways.
func gatewayPlan() plan {
	const gap = 700 * time.Millisecond
	return plan{[]time.Duration{0, gap, 2 * gap, 3 * gap, 4 * gap}, 5 * gap}
}

// gatewayQuestion is what asking a gateway needs.
type gatewayQuestion struct {
	gateway, own netip.Addr // without a zone
	mac          packet.MAC // this host's
	known        bool       // the kernel knows where the gateway is, so that it can be asked by itself
}

// ask asks the group of the gateway first, as a host begins. After silence it asks every other time the gateway itself, as a
// host confirms what it knows: a bridge may lose the one and let the other pass.
func (q *gatewayQuestion) ask(w wire) (Gateway, error) {
	g := Gateway{Address: q.gateway}
	var asked *Status // of the last question
	var at time.Time
	err := gatewayPlan().follow(w, func(i int) error {
		to := packet.SolicitedNode(q.gateway)
		asked = &g.Group
		if q.known && i%2 == 1 {
			to, asked = q.gateway, &g.Unicast
		}
		at = w.now()
		g.Asked++
		*asked = Silent
		return w.send(q.solicitation(), to)
	}, func(m message) bool {
		mac, ok := q.answer(m)
		if ok {
			*asked, g.Status, g.MAC, g.Time = Answered, Answered, mac, w.now().Sub(at)
		}
		return ok
	})
	switch {
	case filtered(err):
		g.Asked--
		g.Group, g.Unicast = NotAsked, NotAsked
		g.Status, g.Why, err = Refused, whyFiltered, nil
	case err == nil && g.Status != Answered:
		g.Status = Silent
	}
	return g, err
}

// solicitation returns a Neighbor Solicitation (RFC 4861 §4.3). The kernel fills in its checksum.
func (q *gatewayQuestion) solicitation() []byte {
	b := make([]byte, 24, 32)
	b[0] = uint8(icmp6.TypeNeighborSolicitation)
	copy(b[8:], q.gateway.AsSlice())
	if q.mac == (packet.MAC{}) {
		return b
	}
	return append(append(b, 1, 1), q.mac[:]...) // the Source Link-Layer Address
}

// answer reports whether m is an advertisement that answers the question (RFC 4861 §7.1.2), and where the gateway is: zero where
// it does not say that.
func (q *gatewayQuestion) answer(m message) (packet.MAC, bool) {
	var mac packet.MAC
	var na icmp6.Message
	na.Decode(m.data)
	if m.hopLimit != 255 || na.Type != icmp6.TypeNeighborAdvertisement || na.Code != 0 || na.Short ||
		!na.NA.Solicited || na.Target != q.gateway {
		return mac, false
	}
	for _, o := range na.Options {
		if o.Length == 0 {
			return mac, false
		}
		if a, ok := o.LinkLayerAddress(); ok && o.Type == icmp6.OptTargetLinkLayerAddress && len(a) == len(mac) {
			mac = packet.MAC(a)
		}
	}
	return mac, true
}
