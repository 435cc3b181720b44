package nd

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"v6probe/internal/packet"
)

// countClaim counts m, the claim that p makes of an address that n is known of (nil for nothing), for its station and, if
// it shows that another one's claim is of an address that p's sender owns, for that one.
func (c *Checker) countClaim(l *link, p *packet.Packet, a *answers, m *claim, s *station, n *neighbor) {
	target, now, from := p.Message.Target, c.clock.Now, p.EthernetSource
	if n == nil {
		n = &neighbor{}
	}
	used := !n.userAt.IsZero()
	mine := used && (n.user == m.mac || n.user == from)
	foreign := p.Source != target
	if foreign && !mine && !m.foreign {
		m.foreign = true
		s.foreign++
	}
	// Who advertises an address from itself may be its owner as well as another who did so before.
	others := used && !mine && (n.userSure || foreign)
	for i := range a.claims {
		o := &a.claims[i]
		if o == m || o.mac == (packet.MAC{}) || o.asker != p.Destination || !within(o.last, now, answerSpread) {
			continue
		}
		// Both answered one solicitation.
		if others && (n.user == o.mac || n.user == o.source) {
			m.own(s)
		} else if mine && (n.userSure || o.foreign) || !used && !foreign && o.foreign {
			o.own(c.stations.all.peek(stationKey{l.id, o.mac}))
		}
	}
	// A new owner may have taken over from an old one, which is silent then, but it answers with Override.
	between := within(m.last, now, useWindow) && n.userAt.After(m.last)
	if others && (between || !p.Message.NA.Override && within(n.userAt, now, ownerWindow)) {
		m.own(s)
	}
	if n.testedBy(m.mac) && c.probing(l, target) {
		s.test(n.MAC, target)
	}
}

// own counts m as a claim of an address that another station has. s, its station, may be nil.
func (m *claim) own(s *station) {
	if s != nil && !m.owned {
		m.owned = true
		s.owned++
	}
}

// testedBy reports whether n is, or was, under test by another station than mac.
func (n *neighbor) testedBy(mac packet.MAC) bool {
	return (n.State == Tentative || n.State == InConflict) && n.Learnt&FromDAD != 0 && n.HasMAC && n.MAC != mac
}

// test counts an answer to the test of target by tester.
func (s *station) test(tester packet.MAC, target netip.Addr) {
	if s.tested == proxyTests || slices.Contains(s.testers[:s.tested], tester) {
		return
	}
	s.testers[s.tested], s.tests[s.tested] = tester, target
	s.tested++
}

// judgeProxy says once that s, the station that p comes from, answers for others, and once that it answers their tests.
func (c *Checker) judgeProxy(l *link, p *packet.Packet, s *station, mac packet.MAC, n *neighbor) {
	switch {
	case s.tested == proxyTests && !s.toldTests:
		s.proxy, s.toldTests = true, true
		c.report.Add("nd.proxy", -1, mac.String()+" tests", "%v answers the duplicate address detection of others, of %v for %v and of %v "+
			"for %v: with it no guest gets an address", mac, s.testers[0], s.tests[0], s.testers[1], s.tests[1])
	case s.proxy:
	case s.owned >= proxyOwned:
		s.proxy = true
		c.report.Add("nd.proxy", -1, mac.String(), "%v answers for %d addresses that other stations use, %v of %v among them",
			mac, s.owned, p.Message.Target, stationText(n.owner(), p.Message.Target))
	case s.foreign >= proxyForeign:
		s.proxy = true
		c.report.Add("nd.proxy", -1, mac.String(), "%v answers for %d addresses from another one than each of them, now for %v from %v",
			mac, s.foreign, p.Message.Target, p.Source)
	}
}

// owner returns the station that uses the address of n, zero when that is not known. n may be nil.
func (n *neighbor) owner() packet.MAC {
	if n == nil {
		return packet.MAC{}
	}
	return n.user
}

// judgeDuplicate looks for a second station in the answers for an address, of which m, with Override, is the last. What a
// test of the address proves is duplicate address detection's to say.
func (c *Checker) judgeDuplicate(l *link, p *packet.Packet, a *answers, m *claim, n *neighbor) {
	now := c.clock.Now
	before := a.speaker
	a.speaker = *m
	if !m.full {
		a.turns = 0 // it announces that it takes the address over
		return
	}
	var other *claim
	switch {
	case before.mac == (packet.MAC{}) || !m.apart(&before):
	case !within(before.last, now, turnWindow):
		a.turns = 0
	default:
		if a.turns++; a.turns >= 2 {
			other = &before
		}
	}
	both := false
	for i := range a.claims {
		o := &a.claims[i]
		if o.mac != (packet.MAC{}) && o.full && o.asker == m.asker && within(o.last, now, answerSpread) && m.apart(o) {
			other, both = o, true
		}
	}
	if other == nil || c.isProxy(l, m.mac) || c.isProxy(l, other.mac) || c.probing(l, p.Message.Target) {
		return
	}
	target := p.Message.Target
	a.duplicate = Duplicate{Address: target, Prober: other.mac, Defender: m.mac, At: p.Frame.Time, Frame: p.Frame.Number}
	a.proved = now
	if n != nil {
		n.State, n.conflict = InConflict, now
		c.neighbors.table.touch(keyOf(l, target))
	}
	if within(a.told, now, turnWindow) {
		return
	}
	a.told = now
	c.report.Add("nd.duplicate-address", -1, target.String(), "two stations have %v: %v and %v", target, other.mac, m.mac)
	f := &c.report.Findings[len(c.report.Findings)-1]
	f.Source = target
	if gap := seconds(now.Sub(other.last)); both {
		f.Detail += fmt.Sprintf(" answered %v within %s, both with Override", m.asker, gap)
	} else {
		f.Detail += fmt.Sprintf(" answer in turns, with Override, the last time %s apart", gap)
	}
}

func (c *Checker) isProxy(l *link, mac packet.MAC) bool {
	s := c.stations.all.peek(stationKey{l.id, mac})
	return s != nil && s.proxy
}

func (c *Checker) viewStations(l *link, v *Link) {
	c.stations.all.each(func(k stationKey, s *station) {
		if k.link == l.id && s.proxy {
			v.Proxies = append(v.Proxies, Proxy{MAC: k.mac, Targets: s.targets, Owned: s.owned})
		}
	})
	slices.SortFunc(v.Proxies, func(a, b Proxy) int { return bytes.Compare(a.MAC[:], b.MAC[:]) })

	from := len(v.Duplicates)
	c.stations.answers.each(func(k addrKey, a *answers) {
		if k.link == l.id && !a.proved.IsZero() {
			v.Duplicates = append(v.Duplicates, a.duplicate)
		}
	})
	slices.SortFunc(v.Duplicates[from:], func(a, b Duplicate) int { return a.Address.Compare(b.Address) })

	if len(v.Proxies) == 0 {
		return
	}
	for i := range v.Neighbors {
		n := &v.Neighbors[i]
		if a := c.stations.answers.peek(keyOf(l, n.Address)); a != nil {
			n.Proxied = slices.ContainsFunc(a.claims[:], func(m claim) bool { return c.isProxy(l, m.mac) })
		}
	}
}
