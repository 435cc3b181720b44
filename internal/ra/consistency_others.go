package ra

import (
	"bytes"
	"fmt"
	"math"
	"math/bits"
	"net/netip"
	"slices"
	"strings"

	"v6probe/internal/icmp6"
)

// checkOthers compares what r says with what the other routers of its link say, as far as hosts have them as default
// routers now. What a router leaves unspecified contradicts nothing, and different prefixes are no contradiction (RFC
// 4861 §6.2.7). Hosts take the union of what all routers say about servers (§6.3.4): a router that has only some of
// another's contradicts nothing either.
func (c *Checker) checkOthers(l *Link, r *Router) {
	t := c.now
	if len(l.Routers) < 2 || r.Fields.RouterLifetime == 0 || l.mixed || t < l.flood.until {
		return
	}
	for _, o := range l.Routers {
		if o == r || !o.alive(t, c.clock.Era) {
			continue
		}
		d := differ{c, l, r, o, peer{o.id, r.said.version, o.said.version, never}}
		if known := r.peer(o, len(l.Routers)); !known.holds(&d.peer, t) {
			d.fields()
			d.options()
			*known = d.peer
		}
		d.lifetimes()
	}
}

// peer is that two routers were compared, and their fields and options would bring nothing new if they were once more: what
// differs was told, or it is no contradiction. That holds until one of them says something else, or something runs out
// that it said earlier.
type peer struct {
	id          uint32 // of the other
	mine, other uint32 // said.version of both
	until       instant
}

const (
	maxPeers = 64 // a router
	never    = instant(math.MaxInt64)
)

// peer returns the place where r remembers how it was compared with o, or with another; they are on a link with so many routers.
func (r *Router) peer(o *Router, routers int) *peer {
	if len(r.peers) < min(routers, maxPeers) {
		r.peers = make([]peer, min(1<<bits.Len(uint(routers-1)), maxPeers)) // a power of two
	}
	return &r.peers[int(o.id)%len(r.peers)]
}

// holds reports whether p is about the same as q, and still true at time t.
func (p *peer) holds(q *peer, t instant) bool {
	return t <= p.until && p.id == q.id && p.mine == q.mine && p.other == q.other
}

// differ tells in what the router r, which was just heard, contradicts another.
type differ struct {
	*Checker
	link *Link
	r, o *Router
	peer peer
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
	if changed == 0 || d.o.accepted >= changed {
		return true
	}
	d.peer.until = 0
	return false
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
	d.sets(rdnss, servers)
	d.sets(dnssl, domains)
	d.sets(pref64, translators)
}

// uri returns the URI of a Captive-Portal option.
func uri(options []icmp6.Option) []byte {
	for i := range options {
		o := &options[i]
		if o.Type != icmp6.OptCaptivePortal {
			continue
		}
		if u, ok := o.CaptivePortal(); ok && sound(o) {
			return u
		}
	}
	return nil
}

// sets compares what the options that say f list.
func (d *differ) sets(f field, list func(*icmp6.Option) ([]string, uint32)) {
	typ := f.option()
	if !d.settled(f) || d.r.equal(d.o, typ) {
		return
	}
	a, b := d.all(d.r, typ, list), d.all(d.o, typ, list)
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

// all returns what r's options of type typ list that have not run out.
func (d *differ) all(r *Router, typ icmp6.OptionType, list func(*icmp6.Option) ([]string, uint32)) []string {
	var all []string
	for i := range r.Options {
		o := &r.Options[i]
		if o.Type != typ || !sound(o) {
			continue
		}
		names, lifetime := list(o)
		switch {
		case lifetime == 0:
		case r.expired(i, lifetime, d.now):
			d.peer.until = 0 // it may be heard again
		default:
			all = append(all, names...)
			if lifetime != infinity {
				d.peer.until = min(d.peer.until, r.heard[i].add(seconds(lifetime)))
			}
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
	for i := range r.Options {
		p, ok := prefixOf(&r.Options[i])
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
func servers(o *icmp6.Option) (list []string, lifetime uint32) {
	s, ok := o.RDNSS()
	if !ok || o.Length%2 == 0 {
		return nil, 0
	}
	for i := range s.Len() {
		list = append(list, s.Server(i).String())
	}
	return list, s.Lifetime
}

func domains(o *icmp6.Option) (list []string, lifetime uint32) {
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

func translators(o *icmp6.Option) (list []string, lifetime uint32) {
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
		b := d.o.findPrefix(a.prefix, i)
		if b == nil {
			continue
		}
		d.lifetime(validLifetime, a, b, a.info.ValidLifetime, b.info.ValidLifetime, a.valid.changed)
		if forms(&a.info) && forms(&b.info) {
			d.lifetime(preferredLifetime, a, b, a.info.PreferredLifetime, b.info.PreferredLifetime, a.preferred.changed)
		}
	}
}

// forms reports whether hosts form addresses in the prefix, so that its preferred lifetime matters.
func forms(p *icmp6.PrefixInformation) bool { return p.Autonomous || p.DHCPv6PD }

func (d *differ) lifetime(f field, a, b *routerPrefix, says, otherSays uint32, changed instant) {
	if says == otherSays || sameEnd(says, a.at, otherSays, b.at) || changed != 0 && b.at < changed {
		return
	}
	d.conflict(f, a.prefix.String(), lifetime(says), lifetime(otherSays))
}
