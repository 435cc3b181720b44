package nd

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// countClaim counts m, the claim that p makes of an address that n is known of (nil for nothing), for its station and, if
// it shows that another one's claim is of an address that p's sender owns, for that one.
func (c *Checker) countClaim(l *link, p *packet.Packet, asker ip, a *answers, m *claim, s *station, n *neighbor) {
	target, now, from := p.Message.Target, c.clock.Stamp, p.EthernetSource
	if l.several(target) {
		return
	}
	if n == nil {
		n = &neighbor{}
	}
	used := n.userAt != 0
	mine := used && (n.user == m.mac || n.user == from)
	foreign := p.Source != target
	if foreign && !mine && !m.foreign {
		m.foreign = true
		s.foreign++
		if m.meek = !p.Message.NA.Override; m.meek {
			s.meek++
		}
	}
	// Who advertises an address from itself may be its owner as well as another who did so before.
	others := used && !mine && (n.userSure || foreign)
	for i := range a.claims {
		o := &a.claims[i]
		if o == m || o.mac == (packet.MAC{}) || o.asker != asker || !within(o.last, now, answerSpread) {
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
	between := within(m.last, now, useWindow) && n.userAt > m.last
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
	case s.foreign >= proxyForeign && s.owned+s.tested > 0:
		s.proxy = true
		c.report.Add("nd.proxy", -1, mac.String(), "%v answers for %d addresses from another one than each of them, now for %v from %v; "+
			"%d of them %s another station's", mac, s.foreign, p.Message.Target, p.Source, s.owned+s.tested, isOrAre(s.owned+s.tested))
	case s.foreign >= proxyForeign && !s.doubted:
		s.doubted = true
		c.doubtProxy(p, s, mac)
	}
}

// doubtProxy says of s, the station that p comes from, that it answers for many addresses that nobody else was heard to
// have. A router does so on purpose for clients behind it (RFC 4861 §7.2.8), and a host with many addresses may do so.
func (c *Checker) doubtProxy(p *packet.Packet, s *station, mac packet.MAC) {
	if s.meek == s.foreign {
		c.report.Add("nd.proxy", -1, mac.String(), "%v answers for %d addresses without Override from another one than each of them, as a "+
			"proxy does, now for %v from %v; no other station was heard to have one of them", mac, s.foreign, p.Message.Target, p.Source)
	} else {
		c.report.Add("nd.proxy", -1, mac.String(), "%v answers for %d addresses from another one than each of them, with Override, now for "+
			"%v from %v: a proxy, or addresses of its own, which cannot be told apart", mac, s.foreign, p.Message.Target, p.Source)
	}
	c.report.Findings[len(c.report.Findings)-1].Severity = rule.Info
}

func isOrAre(n int) string {
	if n == 1 {
		return "is"
	}
	return "are"
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
	now := c.clock.Stamp
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
	if a.dispute == nil {
		a.dispute = new(dispute)
	}
	d, target := a.dispute, p.Message.Target
	if l.several(target) {
		if !d.doubted {
			d.doubted = true
			c.report.Add("nd.duplicate-address", -1, target.String(), "two stations have %v: %v and %v%s", target, other.mac, m.mac, oneLinkDoubt)
			f := &c.report.Findings[len(c.report.Findings)-1]
			f.Severity, f.Source = rule.Info, target
		}
		return
	}
	d.duplicate = Duplicate{Address: target, Prober: other.mac, Defender: m.mac, At: p.Frame.Time, Frame: p.Frame.Number}
	d.proved = now
	if n != nil {
		n.State, n.conflict = InConflict, now
		c.neighbors.table.touch(l.key(c.this.target))
	}
	if within(d.told, now, turnWindow) {
		return
	}
	d.told = now
	c.report.Add("nd.duplicate-address", -1, target.String(), "two stations have %v: %v and %v", target, other.mac, m.mac)
	f := &c.report.Findings[len(c.report.Findings)-1]
	f.Source = target
	if gap := seconds(now.Sub(other.last)); both {
		f.Detail += fmt.Sprintf(" answered %v within %s, both with Override", m.asker.addr(), gap)
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
		if k.link == l.id && a.dispute != nil && a.dispute.proved != 0 {
			v.Duplicates = append(v.Duplicates, a.dispute.duplicate)
		}
	})
	slices.SortFunc(v.Duplicates[from:], func(a, b Duplicate) int { return a.Address.Compare(b.Address) })
}
