package nd

import (
	"cmp"
	"net/netip"
	"slices"
	"strings"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

const (
	// maxRedirects is half of how many are kept on all links together.
	maxRedirects = 512
	// maxNamed is how many routers a detail names, maxRouters how many stations are known to be one.
	maxNamed   = 3
	maxRouters = 64
)

type redirectKey struct {
	link                              uint32
	router, host, destination, target ip
}

func (k redirectKey) hash(s *seed) uint64 {
	h := s.mix(s.mix(k.router.high, k.router.low), s.mix(k.host.high, k.host.low))
	return s.mix(h^uint64(k.link), s.mix(s.mix(k.destination.high, k.destination.low), s.mix(k.target.high, k.target.low)))
}

// redirects are the Redirects seen, and the routers by which they are judged.
type redirects struct {
	table   table[redirectKey, redirectEntry]
	routers []linkRouters // by link.id
}

type redirectEntry struct {
	Redirect
	checksum uint16 // of the last message, to know its copies by
	last     ndcheck.Stamp
}

// linkRouters are the first routers known on a link at some time: to look for them takes long.
type linkRouters struct {
	at         ndcheck.Stamp
	list       []netip.Addr
	stations   []packet.MAC // a router may be known by its global address alone, and redirects from its link-local one
	advertised bool         // one of them does
}

func newRedirects() redirects {
	return redirects{table: newTable[redirectKey, redirectEntry](maxRedirects)}
}

// redirect takes in a Redirect; dropped is why receivers drop it by itself, or "".
func (c *Checker) redirect(l *link, p *packet.Packet, dropped rule.ID) {
	m := &p.Message
	if m.Short || !p.Source.IsValid() {
		return
	}
	mac, hasMAC := c.this.mac, c.this.hasMAC
	if dropped == "" && !l.mixed {
		var trusted bool
		if dropped, trusted = c.judgeRedirect(l, p); trusted {
			c.learnRedirect(l, p, mac, hasMAC)
		}
	}

	key := redirectKey{l.id, c.this.source, c.this.destination, ipOf(m.RedirectDestination), c.this.target}
	at := c.clock.Packet
	r, isNew := c.redirects.table.add(key)
	if isNew {
		r.Redirect = Redirect{Router: p.Source, Host: p.Destination, Destination: m.RedirectDestination, Target: m.Target,
			OnLink: m.Target == m.RedirectDestination}
	} else {
		if r.checksum == m.Checksum && within(r.last, at, copyGap) {
			return
		}
		c.redirects.table.touch(key)
	}
	r.TargetMAC, r.HasMAC, r.Dropped = mac, hasMAC, dropped
	r.Count++
	r.last, r.Last, r.checksum = at, p.Frame.Time, m.Checksum
}

// judgeRedirect judges p, which is good by itself, by its sender. dropped is why hosts drop it all the same; trusted says
// that they follow a router that is known, and that it is its own word as far as can be seen.
func (c *Checker) judgeRedirect(l *link, p *packet.Packet) (dropped rule.ID, trusted bool) {
	n := c.neighbor(l, p.Source)
	if n != nil && n.Router {
		from := p.EthernetSource
		if from == (packet.MAC{}) || !n.HasMAC || from == n.MAC || from == n.user {
			return "", true
		}
		c.report.Add("redirect.spoofed", -1, from.String(), "the Redirect in the name of %v comes from %v, but that router is at %v; it "+
			"sends %v to %v", p.Source, from, n.MAC, p.Message.RedirectDestination, p.Message.Target)
		return "", false
	}
	routers, stations := c.routers(l)
	if len(routers) == 0 {
		return "", false
	}
	saidNo := n != nil && n.Learnt&(FromNA|FromUnsolicitedNA) != 0
	if !saidNo && slices.Contains(stations, p.EthernetSource) {
		return "", true
	}
	const format = "the sender %v at %s is not among the routers known here, %s; it sends %v to %v%s"
	station, known := stationText(p.EthernetSource, p.Source), addressList(routers)
	to, target := p.Message.RedirectDestination, p.Message.Target
	switch {
	case saidNo:
		c.report.Add("redirect.not-first-hop", -1, "", format, p.Source, station, known, to, target, ": its advertisement says R=0")
	case n != nil && n.Learnt&FromRS != 0:
		c.report.Add("redirect.not-first-hop", -1, "", format, p.Source, station, known, to, target, ": it asked for routers, as a host does")
	case c.advertised(l):
		// A host that heard just that drops it. But a router whose turn has not come yet may be one all the same.
		c.report.Add("redirect.not-first-hop", -1, "", format, p.Source, station, known, to, target, ": it has not advertised so far")
		c.report.Findings[len(c.report.Findings)-1].Severity = rule.Warning
		return "", false
	default:
		// Who does not advertise may be a router all the same.
		c.report.AddInfo("redirect.not-first-hop", -1, "", format, p.Source, station, known, to, target,
			"; it may be one that was not heard yet")
		return "", false
	}
	return "redirect.not-first-hop", false
}

// advertised reports whether a router of l advertises, as the others then do that hosts use.
func (c *Checker) advertised(l *link) bool {
	c.routers(l)
	return c.redirects.routers[l.id].advertised
}

// routers returns some routers of l, and the stations that are one, as they were known at most a second ago.
func (c *Checker) routers(l *link) ([]netip.Addr, []packet.MAC) {
	s := &c.redirects
	for len(s.routers) <= int(l.id) {
		s.routers = append(s.routers, linkRouters{})
	}
	r := &s.routers[l.id]
	// Of many links each waits longer for its turn: the neighbors of all are looked through.
	if within(r.at, c.clock.Stamp, time.Second*time.Duration(1+len(c.links.order)/32)) {
		return r.list, r.stations
	}
	r.at, r.list, r.stations, r.advertised = c.clock.Stamp, r.list[:0], r.stations[:0], false
	c.eachNeighbor(l, func(n *Neighbor) {
		if !n.Router {
			return
		}
		r.advertised = r.advertised || n.Learnt&FromRA != 0
		if len(r.list) < maxNamed {
			r.list = append(r.list, n.Address)
		}
		if n.HasMAC && n.MAC != (packet.MAC{}) && len(r.stations) < maxRouters && !slices.Contains(r.stations, n.MAC) {
			r.stations = append(r.stations, n.MAC)
		}
	})
	return r.list, r.stations
}

func addressList(list []netip.Addr) string {
	var b strings.Builder
	for i, a := range list {
		if i > 0 {
			b.WriteString(", ")
		}
		b.WriteString(a.String())
	}
	return b.String()
}

// learnRedirect takes in what a host learns of the target, besides the route (RFC 4861 §8.3).
func (c *Checker) learnRedirect(l *link, p *packet.Packet, mac packet.MAC, hasMAC bool) {
	target := p.Message.Target
	n := c.neighbor(l, target)
	if n == nil {
		if !hasMAC {
			return
		}
		n, _ = c.heard(l, c.this.target, target, p)
	}
	n.Learnt |= FromRedirect
	if target != p.Message.RedirectDestination {
		n.Router = true
	}
	switch {
	case !hasMAC:
	case !n.bound():
		n.bind(mac)
		if n.State == Incomplete || n.State == Failed {
			n.State = Stale
		}
	case n.MAC != mac:
		c.rebind(l, n, mac)
		n.to(Stale)
	}
}

func (c *Checker) viewRedirects(l *link, v *Link) {
	c.redirects.table.each(func(k redirectKey, r *redirectEntry) {
		if k.link == l.id {
			v.Redirects = append(v.Redirects, r.Redirect)
		}
	})
	slices.SortFunc(v.Redirects, func(a, b Redirect) int {
		return cmp.Or(a.Router.Compare(b.Router), a.Host.Compare(b.Host), a.Destination.Compare(b.Destination),
			a.Target.Compare(b.Target))
	})
}
