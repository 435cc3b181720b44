package slaac

import (
	"net/netip"
	"slices"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// address is an address of the host; its times are the host's.
type address struct {
	addr             netip.Addr
	prefix           netip.Prefix
	valid, preferred time.Duration // their ends
	tested           time.Duration // the end of its test
	router           netip.Addr
	held             bool
	duplicate        bool
	contested        packet.MAC
}

// at returns what becomes of a at now.
func (a *address) at(now time.Duration) Address {
	v := Address{
		Address: a.addr, Prefix: a.prefix, Valid: left(a.valid, now), Preferred: left(a.preferred, now), Router: a.router,
		Held: a.held, Contested: a.contested,
	}
	switch {
	case v.Valid == 0:
		v.State, v.Preferred = Expired, 0
	case a.duplicate:
		v.State = Duplicate
	case now < a.tested:
		v.State = Tentative
	case v.Preferred == 0:
		v.State = Deprecated
	default:
		v.State = Preferred
	}
	v.Temporary = v.State == Preferred && a.prefix != linkLocalPrefix
	return v
}

// conflict is another station that claims an address with h's interface identifier.
type conflict struct {
	addr netip.Addr
	mac  packet.MAC
}

// address returns the address addr of h, or nil.
func (h *Host) address(addr netip.Addr) *address {
	if addr == h.linkLocal.addr {
		return &h.linkLocal
	}
	for i := range h.addresses {
		if h.addresses[i].addr == addr {
			return &h.addresses[i]
		}
	}
	return nil
}

// formed returns the address that was formed of prefix, or nil.
func (h *Host) formed(prefix netip.Prefix) *address {
	for i := range h.addresses {
		if h.addresses[i].prefix == prefix {
			return &h.addresses[i]
		}
	}
	return nil
}

// form makes an address of pio (RFC 4862 §5.5.3(d)) and begins its test (§5.4), unless it is known to have another owner.
func (h *Host) form(p *packet.Packet, pio icmp6.PrefixInformation) Reason {
	a := address{
		addr: packet.EUI64(pio.Prefix(), h.mac), prefix: pio.Prefix(), router: p.Source, tested: h.clock.now + h.retrans,
		valid: h.clock.end(pio.ValidLifetime), preferred: h.clock.end(pio.PreferredLifetime),
	}
	for _, c := range h.conflicts {
		if c.addr == a.addr {
			a.duplicate, a.contested = true, c.mac
		}
	}
	if old := h.formed(a.prefix); old != nil { // it had expired
		*old = a
		return Accepted
	}
	if len(h.addresses) < maxAddresses {
		h.addresses = append(h.addresses, a)
		return Accepted
	}
	for i := range h.addresses {
		if h.addresses[i].valid <= h.clock.now {
			h.addresses[i] = a
			return Accepted
		}
	}
	h.noRoom++
	return NoRoom
}

// neighbor looks at a Neighbor Solicitation or Advertisement for what duplicate address detection makes of it (RFC 4862
// §5.4.3, §5.4.4).
func (h *Host) neighbor(p *packet.Packet) {
	m := &p.Message
	if !h.identifies(m.Target) {
		return
	}
	solicits := m.Type == icmp6.TypeNeighborSolicitation
	if solicits && !p.Source.IsUnspecified() {
		return // somebody resolves the address, who does not claim it
	}
	owner := p.EthernetSource
	if target, ok := targetMAC(m); ok && !solicits {
		owner = target
	}
	switch {
	case owner == h.mac || h.sent(p):
		if solicits {
			h.test(m)
		}
		return
	case owner == packet.MAC{} || solicits && h.own(m):
		return // nobody knows whose it is, or it is h's own that comes back (RFC 7527)
	}
	a := h.address(m.Target)
	passed := a != nil && !a.duplicate && h.clock.now >= a.tested
	if solicits && passed {
		return // h defends it, and the other one has the duplicate
	}
	h.conflict(m.Target, owner)
	if a == nil {
		return
	}
	a.contested = owner
	// A host that is not there could not object: had it tested the address, it would have heard this.
	if !passed || !h.heard {
		a.duplicate = true
	}
}

// identifies reports whether addr has h's interface identifier.
func (h *Host) identifies(addr netip.Addr) bool {
	if !addr.Is6() {
		return false
	}
	a, own := addr.As16(), h.linkLocal.addr.As16()
	return [8]byte(a[8:]) == [8]byte(own[8:])
}

// test takes in that h itself tests an address: its packets are in the capture, so that the test is over when its own is.
func (h *Host) test(m *icmp6.Message) {
	if n, ok := nonce(m); ok && !slices.Contains(h.nonces, n) {
		if len(h.nonces) == maxNonces {
			h.nonces = slices.Delete(h.nonces, 0, 1)
		}
		h.nonces = append(h.nonces, n)
	}
	if !slices.Contains(h.tests, m.Target) {
		if len(h.tests) == maxTests {
			h.tests = slices.Delete(h.tests, 0, 1)
		}
		h.tests = append(h.tests, m.Target)
	}
	if a := h.address(m.Target); a != nil {
		a.tested = h.clock.now + h.retrans
	}
}

// own reports whether m has a nonce of h's own tests.
func (h *Host) own(m *icmp6.Message) bool {
	n, ok := nonce(m)
	return ok && slices.Contains(h.nonces, n)
}

// conflict remembers who claims an address that h may form later.
func (h *Host) conflict(addr netip.Addr, mac packet.MAC) {
	for i := range h.conflicts {
		if h.conflicts[i].addr == addr {
			h.conflicts[i].mac = mac
			return
		}
	}
	if len(h.conflicts) == maxConflicts {
		h.conflicts = slices.Delete(h.conflicts, 0, 1)
	}
	h.conflicts = append(h.conflicts, conflict{addr, mac})
}

// maxNonce is the longest nonce that is looked at, in bytes: hosts send six (RFC 7527 §4.1).
const maxNonce = 64

func nonce(m *icmp6.Message) (string, bool) {
	for _, o := range m.Options {
		if n, ok := o.Nonce(); ok && o.Fault == icmp6.FaultNone && !o.Guessed && len(n) <= maxNonce {
			return string(n), true
		}
	}
	return "", false
}

// targetMAC returns the address in a target link-layer address option.
func targetMAC(m *icmp6.Message) (packet.MAC, bool) {
	for _, o := range m.Options {
		if o.Type != icmp6.OptTargetLinkLayerAddress || o.Fault != icmp6.FaultNone || o.Guessed {
			continue
		}
		if b, ok := o.LinkLayerAddress(); ok && len(b) == len(packet.MAC{}) {
			return packet.MAC(b), true
		}
	}
	return packet.MAC{}, false
}
