package nd

import (
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
)

// learn takes in what p, an NS, NA, RS or RA that receivers accept, says of its sender or its target.
func (c *Checker) learn(l *link, p *packet.Packet) {
	switch p.Message.Type {
	case icmp6.TypeNeighborSolicitation:
		if p.Source.IsUnspecified() {
			c.learnTest(l, p)
		} else if c.this.misfit == nil {
			c.learnSender(l, p, FromNS)
		}
	case icmp6.TypeNeighborAdvertisement:
		if p.Message.Target.IsValid() && c.this.misfit == nil {
			c.learnAdvertisement(l, p)
		}
	case icmp6.TypeRouterSolicitation:
		if !p.Source.IsUnspecified() {
			c.learnSolicitor(l, p)
		}
	case icmp6.TypeRouterAdvertisement:
		c.learnRouter(l, p)
	}
}

// linkLayerAddress returns the Ethernet address in p's first option of type t. has says that there is such an option,
// whatever is in it, or that there may be one in what the capture cut off.
func linkLayerAddress(p *packet.Packet, t icmp6.OptionType) (mac packet.MAC, ok, has bool) {
	for i := range p.Message.Options {
		o := &p.Message.Options[i]
		if o.Type != t {
			continue
		}
		if a, whole := o.LinkLayerAddress(); whole && len(a) == len(mac) {
			return packet.MAC(a), true, true
		}
		return mac, false, true
	}
	return mac, false, !p.Complete
}

// misfit returns p's first option of type t if it is there as a whole and does not hold an Ethernet address, else nil.
// Receivers drop the whole message then, as no address that they can use has that length.
func misfit(p *packet.Packet, t icmp6.OptionType) *icmp6.Option {
	for i := range p.Message.Options {
		if o := &p.Message.Options[i]; o.Type == t {
			if p.EthernetSource != (packet.MAC{}) && o.Fault == icmp6.FaultNone && len(o.Raw) != 8 {
				return o
			}
			break
		}
	}
	return nil
}

// learnSolicitor takes in an RS. It is for routers alone: hosts, which this cache is the one of, ignore it (RFC 4861
// §6.2.6). So it shows who is there as long as nothing better is known, and neither changes what is nor clears IsRouter.
func (c *Checker) learnSolicitor(l *link, p *packet.Packet) {
	n := c.neighbor(l, p.Source)
	if mac, ok := c.this.mac, c.this.hasMAC; n == nil || !n.HasMAC || !ok || n.MAC == mac {
		c.learnSender(l, p, FromRS)
		return
	}
	n, _ = c.heard(l, c.this.source, p.Source, p)
	n.Learnt |= FromRS
}

// learnTest takes in a test of an address by its future owner (RFC 4862 §5.4.2). Hosts keep what they know of the address
// meanwhile, and so does this cache unless the tester is who has it already.
func (c *Checker) learnTest(l *link, p *packet.Packet) {
	n, isNew := c.heardTest(l, p)
	if n == nil {
		return
	}
	n.Learnt |= FromDAD
	n.tester = p.EthernetSource
	n.Outgoing = n.Outgoing || p.SentHere()
	if isNew || n.State == Failed {
		n.MAC, n.HasMAC, n.observed = p.EthernetSource, p.EthernetSource != packet.MAC{}, true
	}
	if n.State != InConflict {
		n.State = Tentative
	}
}

// heardTest returns the neighbor that p is a test of, or nil when the address is another station's.
func (c *Checker) heardTest(l *link, p *packet.Packet) (n *neighbor, isNew bool) {
	target := p.Message.Target
	if !target.IsValid() {
		return nil, false
	}
	if n := c.neighbor(l, target); n != nil && n.State != Failed && (!n.HasMAC || n.MAC != p.EthernetSource) {
		return nil, false
	}
	return c.heard(l, c.this.target, target, p)
}

// learnSender takes in what an NS, RS or RA says of its sender by its source link-layer address (RFC 4861 §7.2.3, §6.2.6,
// §6.3.4).
func (c *Checker) learnSender(l *link, p *packet.Packet, how Learnt) *neighbor {
	n, isNew := c.heard(l, c.this.source, p.Source, p)
	n.Learnt |= how
	n.Outgoing = n.Outgoing || p.SentHere()
	n.use(p, c.clock.Stamp, true)
	mac, ok := c.this.mac, c.this.hasMAC
	switch {
	case !ok:
		n.observe(p)
		if isNew && n.HasMAC {
			n.State = Stale
		}
	case !n.bound():
		n.bind(mac)
		if n.State == Incomplete {
			n.State = Stale
		}
	case n.MAC != mac:
		c.rebind(l, n, mac)
		n.to(Stale)
	}
	if n.State == Failed || n.State == Tentative { // it is alive, and has its address
		n.State = Incomplete
		if n.HasMAC {
			n.State = Stale
		}
	}
	return n
}

// learnRouter takes in an RA (RFC 4861 §6.3.4). Its sender is a router whatever the router lifetime, but one that hosts
// do not use by default when it is 0.
func (c *Checker) learnRouter(l *link, p *packet.Packet) {
	n := c.learnSender(l, p, FromRA)
	n.Router = true
	c.routed(l).router = true
	n.advertised, n.lifetime = c.clock.Stamp, time.Duration(p.Message.RA.RouterLifetime)*time.Second
	c.setTimers(l, &p.Message.RA)
}

// learnAdvertisement takes in an NA as RFC 4861 §7.2.5 has it. An address that is not in the cache is taken in, as a host
// would have it that had asked.
func (c *Checker) learnAdvertisement(l *link, p *packet.Packet) {
	target, flags := p.Message.Target, p.Message.NA
	n, _ := c.heard(l, c.this.target, target, p)
	how := FromUnsolicitedNA
	if flags.Solicited {
		how = FromNA
	}
	n.Learnt |= how
	own := p.Source == target
	if own {
		n.use(p, c.clock.Stamp, false)
		n.Outgoing = n.Outgoing || p.SentHere()
	}
	mac, ok := c.this.mac, c.this.hasMAC
	switch n.State {
	case Incomplete, Failed, Tentative:
		tester, tested := n.MAC, n.State == Tentative && n.HasMAC
		if ok {
			n.bind(mac)
		} else if own {
			n.HasMAC = false
			n.observe(p)
		}
		if n.State = Incomplete; !n.HasMAC {
			return
		}
		n.State = Stale
		if tested && tester != n.MAC && !l.several(target) { // and not its tester's
			n.State, n.conflict = InConflict, c.clock.Stamp
			c.neighbors.table.touch(keyOf(l, n.Address)) // whatever floods the table
		}
		c.confirm(n, flags.Solicited)
		n.Router = false // it begins anew
		c.setRouter(l, n, p)
		return
	}
	differs := ok && n.HasMAC && mac != n.MAC
	if differs && !flags.Override {
		if n.State == Reachable {
			n.State = Stale
		}
		return
	}
	if differs {
		c.rebind(l, n, mac)
		n.to(Stale)
	} else if ok {
		n.bind(mac)
	}
	c.confirm(n, flags.Solicited)
	c.setRouter(l, n, p)
}

// use takes in that p came from the address of n. sure says that only its owner sends such a message.
func (n *neighbor) use(p *packet.Packet, now ndcheck.Stamp, sure bool) {
	mac := p.EthernetSource
	if mac != (packet.MAC{}) && (sure || n.userAt == 0 || n.user == mac) {
		n.userSure = sure || n.userSure && n.user == mac
		n.user, n.userAt = mac, now
	}
}

// whereabouts returns the link-layer address of n's owner, zero when it is not known. n may be nil.
func (n *neighbor) whereabouts() packet.MAC {
	switch {
	case n == nil:
		return packet.MAC{}
	case n.userSure || !n.HasMAC:
		return n.user
	}
	return n.MAC
}

// bound reports whether n has a link-layer address that an option told.
func (n *neighbor) bound() bool { return n.HasMAC && !n.observed }

// bind gives n the link-layer address of an option where it had none of one.
func (n *neighbor) bind(mac packet.MAC) { n.MAC, n.HasMAC, n.observed = mac, true, false }

// observe takes the Ethernet source of p, which came from the address of n, for its link-layer address as long as no
// option has told it. Solicitations of one that is known need not have the option (RFC 4861 §4.4).
func (n *neighbor) observe(p *packet.Packet) {
	if !n.HasMAC && p.EthernetSource != (packet.MAC{}) {
		n.MAC, n.HasMAC, n.observed = p.EthernetSource, true, true
	}
}

// to sets the state. A conflict lasts until it is over for some time.
func (n *neighbor) to(s State) {
	if n.State != InConflict {
		n.State = s
	}
}

// confirm takes in that an advertisement with S=1 came, which proves that the neighbor is reached.
func (c *Checker) confirm(n *neighbor, solicited bool) {
	if solicited {
		n.confirmed = c.clock.Stamp
		n.to(Reachable)
	}
}

// rebind gives n another link-layer address than it has, and says so when it is the one that it had shortly before. Where
// two stations have the address that is no wonder, and said already.
func (c *Checker) rebind(l *link, n *neighbor, mac packet.MAC) {
	if l.several(n.Address) {
		n.bind(mac)
		return
	}
	now := c.clock.Stamp
	back := mac == n.before && within(n.changed, now, flapWindow)
	n.Changes++
	if back && n.State != InConflict && !within(n.flapTold, now, flapWindow) {
		n.flapTold = now
		who := ""
		if n.Router {
			who = "; it is a router's, so whoever claims it without right takes what goes through that router"
		}
		c.report.Add("nd.binding-flap", -1, n.Address.String(),
			"%v is at %v again, after %s at %v: its link-layer address has changed %d times so far%s", n.Address, mac,
			seconds(now.Sub(n.changed)), n.MAC, n.Changes, who)
	}
	n.before, n.changed = n.MAC, now
	n.bind(mac)
}

// setRouter sets IsRouter as an advertisement says. Hosts that see it go from true to false take the neighbor from their
// default routers (RFC 4861 §7.2.5).
func (c *Checker) setRouter(l *link, n *neighbor, p *packet.Packet) {
	router := p.Message.NA.Router
	if router {
		c.routed(l).router = true
	}
	// Only link-local addresses stand in the list of default routers (RFC 4861 §6.3.4).
	if n.Router && !router && n.Address.IsLinkLocalUnicast() && !l.several(n.Address) {
		if why := n.stillRouter(c.clock.Stamp); why != "" {
			c.report.Add("nd.router-flag-cleared", 4, n.Address.String(), "the advertisement of %v from %s says R=0, %s",
				n.Address, stationText(p.EthernetSource, p.Source), why)
		}
	}
	n.Router, n.saidRouter = router, router
}

// stillRouter says why hosts take n for a router, "" when it has stopped to be one as it should.
func (n *neighbor) stillRouter(now ndcheck.Stamp) string {
	switch {
	case n.advertised == 0 && n.saidRouter:
		return "though it said R=1 before"
	case n.lifetime > 0 && within(n.advertised, now, n.lifetime):
		return fmt.Sprintf("though its RA, %s before, is good for %s: hosts drop it from their default routers until the next one",
			seconds(now.Sub(n.advertised)), seconds(n.lifetime))
	}
	return ""
}

// stationText names a station by its Ethernet address, or by its IPv6 address where there is none.
func stationText(mac packet.MAC, a netip.Addr) string {
	if mac == (packet.MAC{}) {
		return a.String()
	}
	return mac.String()
}

// seconds writes d with as many digits as matter: "0.026 ms", "0.2 s", "12 s".
func seconds(d time.Duration) string {
	switch {
	case d < 100*time.Millisecond:
		return fmt.Sprintf("%.3g ms", float64(d)/1e6)
	case d < 10*time.Second:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.0f s", d.Seconds())
}
