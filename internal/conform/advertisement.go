package conform

import (
	"fmt"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// advertisement compares an RA that receivers accept.
func (c *Checker) advertisement(p *packet.Packet) {
	m := &p.Message
	l := c.link(p.Link())
	if l == nil || m.Short {
		return
	}
	o := &origin{p.Frame.Number, p.Frame.Time, p.Source, p.PayloadOffset}
	mixed := p.Frame.LinkType == packet.LinkTypeSLL
	prefixes := advertised(m)
	c.recognize(l, &clue{prefixes, expect.MAC(p.EthernetSource), p.SentHere()}, mixed)
	for _, pre := range prefixes {
		if len(l.prefixes) < 8 && !slices.Contains(l.prefixes, pre) {
			l.prefixes = append(l.prefixes, pre)
		}
	}
	r := c.router(l, p)
	if r == nil {
		r = &router{key: routerKey{p.Source, p.EthernetSource}}
	}
	leaving := r.leaves(m, o)
	c.turn(l, r, p)
	gap, regular := r.gap(p, c.clock.Era)
	decided := true
	for i := range l.matches {
		if l.matches[i].link == nil {
			decided = false
			continue
		}
		c.compare(l, &l.matches[i], r, m, o, leaving, !p.Complete)
		if regular {
			c.checkInterval(l, i, r, o, gap)
		}
		c.checkAdvertisers(l, &l.matches[i], o)
	}
	if !decided && p.Complete && !leaving {
		r.last, r.from = append(r.last[:0], m.Raw...), *o
	}
	r.lifetime, r.at, r.era = m.RA.RouterLifetime, p.Frame.Time, c.clock.Era
}

// maxFinal is how many goodbyes a router sends at most (RFC 4861 §10, MAX_FINAL_RTR_ADVERTISEMENTS).
const maxFinal = 3

// leaves reports whether m is a goodbye of r, or may be one: of the first with lifetime 0 it is not known whether the router
// ever offered itself.
func (r *router) leaves(m *icmp6.Message, o *origin) bool {
	switch {
	case m.RA.RouterLifetime > 0:
		r.offered, r.zeros = true, 0
		return false
	case r.zeros > 0 && o.time.Sub(r.at).Abs() < copyGap:
	default:
		if r.zeros == 0 {
			r.zero = *o
		}
		r.zeros++
	}
	return r.zeros <= maxFinal || !r.at.IsZero() && ends(m)
}

// ends reports whether m takes back what a router says besides that it is none: as the last of one that never was a default
// router.
func ends(m *icmp6.Message) bool {
	taken := false
	for i := range m.Options {
		o := &m.Options[i]
		lifetime := uint32(1)
		if v, ok := o.RDNSS(); ok {
			lifetime = v.Lifetime
		} else if v, ok := o.DNSSL(); ok {
			lifetime = v.Lifetime
		} else if v, ok := o.RouteInformation(); ok {
			lifetime = v.Lifetime
		} else {
			continue
		}
		if lifetime > 0 {
			return false
		}
		taken = true
	}
	return taken
}

// zeros reports routers that were heard with lifetime 0 alone, or too often for a goodbye, where another is expected.
func (c *Checker) zeros() {
	for _, l := range c.order {
		for _, r := range l.order {
			if r.offered || r.zeros == 0 || r.zeros > maxFinal {
				continue
			}
			for i := range l.matches {
				m := &l.matches[i]
				if m.link == nil {
					continue
				}
				if says := m.says(r); says != nil {
					d := &differ{c: c, l: l, o: &r.zero, of: m.link.Name, says: says}
					d.number("expect.router-lifetime", "the router lifetime", "", "s", 6, 0, says.RouterLifetime)
				}
			}
		}
	}
}

// advertised returns the prefixes that m gives.
func advertised(m *icmp6.Message) []netip.Prefix {
	var list []netip.Prefix
	for i := range m.Options {
		if p, ok := prefixOf(&m.Options[i]); ok && p.ValidLifetime > 0 && len(list) < 16 {
			list = append(list, p.Prefix())
		}
	}
	return list
}

// prefixOf returns the Prefix Information in o if a host can make anything of it.
func prefixOf(o *icmp6.Option) (icmp6.PrefixInformation, bool) {
	p, ok := o.PrefixInformation()
	return p, ok && sound(o) && o.Length == 4 && p.PrefixLength <= 128
}

func sound(o *icmp6.Option) bool { return o.Fault == icmp6.FaultNone && !o.Guessed }

// compareLast compares the last advertisement of r, which was kept until it was known with what to compare it.
func (c *Checker) compareLast(l *link, m *match, r *router) {
	if len(r.last) == 0 {
		return
	}
	var msg icmp6.Message
	msg.Decode(r.last)
	c.compare(l, m, r, &msg, &r.from, false, false)
}

// compare compares an RA of r with what m expects of it. leaving says that it is a goodbye, which says of everything that it
// ends; partial that the capture has not all of it.
func (c *Checker) compare(l *link, m *match, r *router, msg *icmp6.Message, o *origin, leaving, partial bool) {
	says, known := c.adviser(l, m, r, o)
	if !known {
		return
	}
	c.checkSegment(l, o, m)
	if says == nil || leaving {
		return
	}
	d := &differ{c: c, l: l, o: o, of: m.link.Name, says: says}
	d.fields(&msg.RA)
	if msg.RA.RouterLifetime == 0 && says.RouterLifetime != nil && !says.RouterLifetime.Has(0) {
		return // the rest may well be that of a goodbye
	}
	d.offer = m.offer(says, r)
	d.offer.partial = d.offer.partial || partial
	for i := range msg.Options {
		if sound(&msg.Options[i]) {
			d.option(&msg.Options[i])
		}
	}
}

// adviser says what r should say, nil for anything. known is false when it should say nothing at all.
func (c *Checker) adviser(l *link, m *match, r *router, o *origin) (says *expect.Advertisement, known bool) {
	e := m.link
	for i := range e.Forbidden {
		if f := &e.Forbidden[i]; isRouter(f, r) {
			c.add(l, o, finding{id: "ra.unknown-router", subject: e.Name, place: f.Place, offset: -1, fix: f.Fix},
				"%s must not advertise on %s: %s", machine(f.Name, r), e.Name, f.Why)
			return nil, false
		}
	}
	for i := range e.Routers {
		if w := &e.Routers[i]; isRouter(w, r) {
			c.seen[w] = true
		}
	}
	if allows(e, r) {
		return m.says(r), true
	}
	other, w := c.home(r)
	if other != nil && contradicts(other, l.where) {
		c.segment(l, o, other)
		return nil, false
	}
	whose := ""
	if other != nil {
		whose = fmt.Sprintf("; it is %s of %s", routerName(w), other.Name)
	}
	f := finding{id: "ra.unknown-router", subject: e.Name, place: e.Place, offset: -1}
	if len(e.Routers) == 0 {
		c.add(l, o, f, "%s advertises on %s, where nobody is expected to%s", machine("", r), e.Name, whose)
		return nil, false
	}
	f.place = e.Routers[0].Place
	c.add(l, o, f, "%s is none of the routers of %s: %s%s", machine("", r), e.Name, routerNames(e.Routers), whose)
	return nil, false
}

// home returns the link where a machine with r's Ethernet address is expected to advertise, or nil.
func (c *Checker) home(r *router) (*expect.Link, *expect.Router) {
	for _, e := range c.want.Links {
		for i := range e.Routers {
			if w := &e.Routers[i]; w.MAC != (expect.MAC{}) && isRouter(w, r) {
				return e, w
			}
		}
	}
	return nil, nil
}

// says returns what r should say; nil for anything, and for one that should say nothing.
func (m *match) says(r *router) *expect.Advertisement {
	e := m.link
	for i := range e.Routers {
		if w := &e.Routers[i]; isRouter(w, r) {
			if w.Says != nil {
				return w.Says
			}
			return e.Says
		}
	}
	if e.OnlyRouters {
		return nil
	}
	return e.Says
}

// allows reports whether r may advertise on e.
func allows(e *expect.Link, r *router) bool {
	is := func(w expect.Router) bool { return isRouter(&w, r) }
	return !slices.ContainsFunc(e.Forbidden, is) && (!e.OnlyRouters || slices.ContainsFunc(e.Routers, is))
}

func isRouter(w *expect.Router, r *router) bool {
	mac := expect.MAC(r.key.mac) // none in captures without an Ethernet header
	return (!w.Address.IsValid() || w.Address == r.key.source) && (w.MAC == expect.MAC{} || mac == expect.MAC{} || w.MAC == mac)
}

// machine names a router by what is known of it.
func machine(name string, r *router) string {
	s := r.key.source.String()
	if r.key.mac != (packet.MAC{}) {
		s += " (" + r.key.mac.String() + ")"
	}
	if name != "" {
		s = name + ", " + s + ","
	}
	return s
}

func routerNames(list []expect.Router) string {
	var names []string
	for _, r := range list[:min(len(list), 4)] {
		names = append(names, routerName(&r))
	}
	if n := len(list) - 4; n > 0 {
		names = append(names, fmt.Sprintf("and %d more", n))
	}
	return strings.Join(names, ", ")
}

func routerName(r *expect.Router) string {
	var parts []string
	if r.Name != "" {
		parts = append(parts, r.Name)
	}
	if r.Address.IsValid() {
		parts = append(parts, r.Address.String())
	}
	if r.MAC != (expect.MAC{}) {
		parts = append(parts, r.MAC.String())
	}
	return strings.Join(parts, " ")
}

// differ compares one advertisement.
type differ struct {
	c     *Checker
	l     *link
	o     *origin
	of    string // the link's name
	says  *expect.Advertisement
	offer *offer
}

// number reports a difference of a number.
func (d *differ) number(id rule.ID, what, subject, unit string, offset int, got uint64, want *expect.Range) {
	if want == nil || want.Has(got) {
		return
	}
	d.c.add(d.l, d.o, finding{id: id, subject: d.of + subject, place: want.Place, offset: offset}, "%s is %s, expected %s", what,
		quantity(expect.Number(got), unit), quantity(want.String(), unit))
}

// quantity puts a unit behind a number that has one.
func quantity(n, unit string) string {
	if unit == "" || n == expect.Number(expect.Infinity) {
		return n
	}
	return n + " " + unit
}

func (d *differ) flag(id rule.ID, what, subject string, offset int, got bool, want *expect.Switch) {
	if want == nil || want.On == got {
		return
	}
	word := map[bool]string{true: "set", false: "not set"}
	d.c.add(d.l, d.o, finding{id: id, subject: d.of + subject + what, place: want.Place, offset: offset}, "%s is %s, expected %s", what,
		word[got], word[want.On])
}

func (d *differ) word(id rule.ID, what, subject string, offset int, got string, want *expect.Text) {
	if want == nil || want.Want == got {
		return
	}
	d.c.add(d.l, d.o, finding{id: id, subject: d.of + subject, place: want.Place, offset: offset}, "%s is %s, expected %s", what, got,
		want.Want)
}

// fields compares the fixed fields (RFC 4861 §4.2).
func (d *differ) fields(f *icmp6.RouterFields) {
	s := d.says
	d.number("expect.hop-limit", "the Cur Hop Limit", "", "", 4, uint64(f.CurHopLimit), s.CurHopLimit)
	d.flag("expect.managed", "the M flag", "", 5, f.Managed, s.Managed)
	d.flag("expect.other-config", "the O flag", "", 5, f.Other, s.Other)
	d.flag("expect.home-agent", "the H flag", "", 5, f.HomeAgent, s.HomeAgent)
	preference := f.Preference
	if preference == icmp6.PreferenceReserved {
		preference = icmp6.PreferenceMedium // as receivers take it (RFC 4191 §2.2); that it is wrong is another rule's affair
	}
	d.word("expect.preference", "the router preference", "", 5, preference.String(), s.Preference)
	d.number("expect.router-lifetime", "the router lifetime", "", "s", 6, uint64(f.RouterLifetime), s.RouterLifetime)
	d.number("expect.reachable-time", "the Reachable Time", "", "ms", 8, uint64(f.ReachableTime), s.ReachableTime)
	d.number("expect.retrans-timer", "the Retrans Timer", "", "ms", 12, uint64(f.RetransTimer), s.RetransTimer)
}
