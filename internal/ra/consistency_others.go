package ra

import (
	"bytes"
	"fmt"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/icmp6"
)

// checkOthers compares what r says with what the other routers of its link say, as far as hosts have them as default
// routers now. What a router leaves unspecified contradicts nothing, and different prefixes are no contradiction (RFC
// 4861 §6.2.7). Hosts take the union of what all routers say about servers (§6.3.4): a router that has only some of
// another's contradicts nothing either.
func (c *Checker) checkOthers(l *Link, r *Router) {
	t := c.report.Packet.Frame.Time
	if len(l.Routers) < 2 || r.Fields.RouterLifetime == 0 || l.mixed || t.Before(l.flood.until) {
		return
	}
	for _, o := range l.Routers {
		if o != r && o.alive(t, c.clock.Era) {
			d := differ{c, l, r, o}
			d.fields()
			d.options()
			d.lifetimes()
		}
	}
}

// differ tells in what the router r, which was just heard, contradicts another.
type differ struct {
	*Checker
	link *Link
	r, o *Router
}

// conflict tells a contradiction, once for each pair.
func (d *differ) conflict(f field, prefix, says, otherSays string) {
	if !d.link.tell(f, d.r, d.o) {
		return
	}
	of := ""
	if prefix != "" {
		of = " for " + prefix
	}
	d.report.Add(f.rule(), -1, strings.TrimSpace(d.o.name(d.r)+" "+prefix), "%s says %s%s, %s says %s", d.r.name(d.o), says, of,
		d.o.name(d.r), otherSays)
}

// name returns the address of r, and if that does not tell it from another, its Ethernet address too.
func (r *Router) name(other *Router) string {
	if r.Source == other.Source {
		return fmt.Sprintf("%v at %v", r.Source, r.MAC)
	}
	return r.Source.String()
}

// settled reports whether the other router was heard since r's value of f changed: routers that are set anew together do
// not speak at the same moment.
func (d *differ) settled(f field) bool {
	changed := d.r.past[f].changed
	return changed.IsZero() || !d.o.accepted.Before(changed)
}

func (d *differ) fields() {
	a, b := &d.r.Fields, &d.o.Fields
	number := func(f field, x, y uint32, unit string) {
		if x != y && x != 0 && y != 0 && d.settled(f) {
			d.conflict(f, "", fmt.Sprintf("%d%s", x, unit), fmt.Sprintf("%d%s", y, unit))
		}
	}
	number(hopLimit, uint32(a.CurHopLimit), uint32(b.CurHopLimit), "")
	number(reachableTime, a.ReachableTime, b.ReachableTime, " ms")
	number(retransTimer, a.RetransTimer, b.RetransTimer, " ms")
	if a.Managed != b.Managed && d.settled(managed) {
		d.conflict(managed, "", fmt.Sprintf("M=%d", bit(a.Managed)), fmt.Sprintf("M=%d", bit(b.Managed)))
	}
	// With M set, O says nothing more (RFC 4861 §4.2).
	if a.Other != b.Other && !(a.Managed && b.Managed) && d.settled(other) {
		d.conflict(other, "", fmt.Sprintf("O=%d", bit(a.Other)), fmt.Sprintf("O=%d", bit(b.Other)))
	}
}

func (d *differ) options() {
	if a, ok := linkMTU(d.r.Options); ok && d.settled(mtu) {
		if b, ok := linkMTU(d.o.Options); ok && a != b {
			d.conflict(mtu, "", fmt.Sprint(a), fmt.Sprint(b))
		}
	}
	if a, b := uri(d.r.Options), uri(d.o.Options); len(a) > 0 && len(b) > 0 && !bytes.Equal(a, b) && d.settled(portal) {
		d.conflict(portal, "", fmt.Sprintf("%q", clip(a)), fmt.Sprintf("%q", clip(b)))
	}
	now := d.report.Packet.Frame.Time
	d.sets(rdnss, now, servers)
	d.sets(dnssl, now, domains)
	d.sets(pref64, now, translators)
}

// uri returns the URI of a Captive-Portal option.
func uri(options []icmp6.Option) []byte {
	for _, o := range options {
		if u, ok := o.CaptivePortal(); ok && sound(o) {
			return u
		}
	}
	return nil
}

// sets compares what the options that say f list.
func (d *differ) sets(f field, now time.Time, list func(icmp6.Option) ([]string, uint32)) {
	typ := f.option()
	if !d.settled(f) || d.r.equal(d.o, typ) {
		return
	}
	a, b := d.r.all(typ, now, list), d.o.all(typ, now, list)
	if f == rdnss {
		// Each router is a DNS server itself: hosts ask both, or the one that is left.
		a, b = slices.DeleteFunc(a, d.r.owns), slices.DeleteFunc(b, d.o.owns)
	}
	if len(a) > 0 && len(b) > 0 && !subset(a, b) && !subset(b, a) {
		d.conflict(f, "", strings.Join(a, ", "), strings.Join(b, ", "))
	}
}

// equal reports whether the options of type typ that r and o have are the same byte for byte, which is quicker told
// than what they say.
func (r *Router) equal(o *Router, typ icmp6.OptionType) bool {
	for n := 0; ; n++ {
		i, j := r.find(typ, n), o.find(typ, n)
		switch {
		case i < 0 || j < 0:
			return i == j
		case !bytes.Equal(r.Options[i].Raw, o.Options[j].Raw):
			return false
		}
	}
}

// all returns what the options of type typ list that have not run out.
func (r *Router) all(typ icmp6.OptionType, now time.Time, list func(icmp6.Option) ([]string, uint32)) []string {
	var all []string
	for i, o := range r.Options {
		if o.Type != typ || !sound(o) {
			continue
		}
		if names, lifetime := list(o); lifetime > 0 && !r.expired(i, lifetime, now, r.era) {
			all = append(all, names...)
		}
	}
	return all
}

// owns reports whether the address is one of r's own, as far as its RAs tell: its link-local one, the same interface
// identifier in a prefix of the link, or what it sends as a prefix is its whole address, as radvd does for CloudStack.
func (r *Router) owns(address string) bool {
	a, err := netip.ParseAddr(address)
	if err != nil || a == r.Source {
		return err == nil
	}
	id, own := a.As16(), r.Source.As16()
	for _, o := range r.Options {
		p, ok := prefixOf(o)
		if !ok || !p.Prefix().Contains(a) {
			continue
		}
		if p.Address == a || p.PrefixLength == 64 && bytes.Equal(id[8:], own[8:]) {
			return true
		}
	}
	return false
}

func subset(a, b []string) bool {
	return !slices.ContainsFunc(a, func(s string) bool { return !slices.Contains(b, s) })
}

// servers, domains and translators return what an option lists, and its lifetime in seconds.
func servers(o icmp6.Option) (list []string, lifetime uint32) {
	s, ok := o.RDNSS()
	if !ok || o.Length%2 == 0 {
		return nil, 0
	}
	for i := range s.Len() {
		list = append(list, s.Server(i).String())
	}
	return list, s.Lifetime
}

func domains(o icmp6.Option) (list []string, lifetime uint32) {
	d, ok := o.DNSSL()
	if !ok {
		return nil, 0
	}
	list, err := d.Domains()
	if err != nil {
		return nil, 0
	}
	for i := range list {
		list[i] = strings.ToLower(list[i])
	}
	return list, d.Lifetime
}

func translators(o icmp6.Option) (list []string, lifetime uint32) {
	p, ok := o.PREF64()
	if !ok || p.Prefix() == (netip.Prefix{}) {
		return nil, 0
	}
	return []string{p.Prefix().String()}, p.Lifetime
}

// lifetimes compares the lifetimes of the prefixes that both routers have: they are the same, or end at the same moment.
func (d *differ) lifetimes() {
	for i := range d.r.prefixes {
		a := &d.r.prefixes[i]
		if a.last != d.r.turn {
			continue // not in this RA
		}
		j := slices.IndexFunc(d.o.prefixes, func(b routerPrefix) bool { return b.prefix == a.prefix })
		if j < 0 {
			continue
		}
		b := &d.o.prefixes[j]
		d.lifetime(validLifetime, a, b, a.info.ValidLifetime, b.info.ValidLifetime, a.valid.changed)
		if forms(a.info) && forms(b.info) {
			d.lifetime(preferredLifetime, a, b, a.info.PreferredLifetime, b.info.PreferredLifetime, a.preferred.changed)
		}
	}
}

// forms reports whether hosts form addresses in the prefix, so that its preferred lifetime matters.
func forms(p icmp6.PrefixInformation) bool { return p.Autonomous || p.DHCPv6PD }

func (d *differ) lifetime(f field, a, b *routerPrefix, says, otherSays uint32, changed time.Time) {
	if says == otherSays || sameEnd(says, a.at, otherSays, b.at) || !changed.IsZero() && b.at.Before(changed) {
		return
	}
	d.conflict(f, a.prefix.String(), lifetime(says), lifetime(otherSays))
}
