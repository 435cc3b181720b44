package trace

import (
	"net/netip"
	"slices"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// Path is what became of the messages of one kind from one sender.
type Path struct {
	Type        icmp6.Type
	Source      netip.Addr
	Destination netip.Addr
	Target      netip.Addr // of NS and NA
	MAC         packet.MAC // of the sender
	Disguise    string     // what hides the messages from a simple filter, "" for nothing
	Lifetime    uint16     // of the last RA

	From    string // the port by which they came in; the bridge, for the host itself; "" where that was not seen
	Kind    Kind   // of From
	Guest   bool   // From is a guest's
	Rogue   bool   // an RA of a machine that is no router
	Suspect bool   // an RA of a machine that may be none, as another router, Other, advertises too
	Other   netip.Addr
	Tunnel  Tunnel // by which they came, or the last of them left; Port is 0 for none
	Count   uint64
	Nowhere uint64 // of them, that came out of no port at all
	Untaken string // the overlay's device that did not take what came for it in VXLAN, "" for none
	Test    bool   // sent to test the guard, by this very run
	Exits   []Exit // in the order of the bridge's ports
}

// Tunnel is the outside of VXLAN.
type Tunnel struct {
	VNI         uint32
	Source      netip.Addr
	Destination netip.Addr
	Port        uint16
}

// Exit is a port by which messages left, or should have.
type Exit struct {
	Port   string
	Kind   Kind
	Seen   uint64
	Missed uint64 // that should have come out
	Below  uint64 // of Seen, what left the host in VXLAN
	Device string // by which it did
	Hidden bool   // what leaves the host cannot be seen
}

type pathKey struct {
	typ                         icmp6.Type
	source, destination, target netip.Addr
	mac                         packet.MAC
	from, disguise              string
	test                        bool
}

// close ends a journey and counts it on its path.
func (c *Checker) close(j *journey) {
	delete(c.open, j.key)
	if i := slices.Index(c.order, j); i >= 0 {
		c.order = slices.Delete(c.order, i, i+1)
	}
	from := c.ports[j.entry]
	if j.typ == icmp6.TypeRouterAdvertisement && j.lifetime > 0 && from != nil && !(from.Kind == Machine && from.Guest) {
		if _, ok := c.served[j.key.source]; ok || len(c.served) < maxPaths {
			c.served[j.key.source] = j.entry
		}
	}
	p := c.path(j)
	if p == nil {
		c.forgotten++
		return
	}
	p.Count++
	p.Lifetime = j.lifetime
	if j.tunnel.Port != 0 {
		p.Tunnel = Tunnel{j.tunnel.VNI, j.tunnel.Source, j.tunnel.Destination, j.tunnel.Port}
	}
	if o := c.beneath[j.tunnel.VNI]; o != nil && j.entry == "" && j.arrived() {
		p.Untaken = o.Name
	}
	out, moved := 0, c.moved(j)
	for i := range c.options.Ports {
		port := &c.options.Ports[i]
		seen := j.has(sighting{device: port.Name, direction: packet.Outgoing})
		if !seen && (moved || !c.expected(j, port)) {
			continue
		}
		e := p.exit(port, c.options.Ports)
		if !seen {
			e.Missed++
			continue
		}
		out++
		e.Seen++
		if port.Kind == Overlay {
			e.beneath(j)
		}
	}
	if out == 0 {
		p.Nowhere++
	}
}

// moved reports whether a message to one station came out of a port: if that is not the one behind which it was, the bridge
// has learned better.
func (c *Checker) moved(j *journey) bool {
	return j.to[0]&1 == 0 && slices.ContainsFunc(j.seen, func(s sighting) bool {
		return !s.below && s.direction == packet.Outgoing && c.ports[s.device] != nil
	})
}

// Changed takes back that messages were missed at ports that were closed, or taken away, while c was shown packets. It is
// called after Finish.
func (c *Checker) Changed(ports ...string) {
	for _, p := range c.paths {
		for i := range p.Exits {
			if slices.Contains(ports, p.Exits[i].Port) {
				p.Exits[i].Missed = 0
			}
		}
		p.Exits = slices.DeleteFunc(p.Exits, func(e Exit) bool { return e.Seen+e.Missed == 0 })
	}
}

// arrived reports whether j came to this host in VXLAN.
func (j *journey) arrived() bool {
	return slices.ContainsFunc(j.seen, func(s sighting) bool { return s.below && s.direction == packet.Incoming })
}

func (c *Checker) path(j *journey) *Path {
	k := pathKey{j.typ, j.key.source, j.key.destination, j.target, j.key.mac, j.entry, j.disguise, j.test}
	if p := c.index[k]; p != nil {
		return p
	}
	room := maxPaths
	if j.typ == icmp6.TypeRouterAdvertisement {
		room += maxOffers
	}
	if len(c.paths) >= room {
		return nil
	}
	p := &Path{
		Type: j.typ, Source: j.key.source, Destination: j.key.destination, Target: j.target, MAC: j.key.mac, Disguise: j.disguise,
		From: j.entry, Kind: Uplink, Test: j.test,
	}
	if port := c.ports[j.entry]; port != nil {
		p.Kind, p.Guest = port.Kind, port.Guest
	}
	if j.typ == icmp6.TypeRouterAdvertisement && p.Kind == Machine {
		switch {
		case c.options.Router != nil:
			p.Rogue = !j.known
		default:
			p.Rogue = p.Guest
		}
		p.Suspect = !p.Rogue && c.options.Router == nil && !c.groups()
	}
	c.index[k] = p
	c.paths = append(c.paths, p)
	return p
}

// groups reports whether security groups tell guests from routers on this bridge.
func (c *Checker) groups() bool {
	return slices.ContainsFunc(c.options.Ports, func(p Port) bool { return p.Guest })
}

// exit returns the exit by port, which is added in the order of the ports.
func (p *Path) exit(port *Port, order []Port) *Exit {
	rank := func(name string) int { return slices.IndexFunc(order, func(o Port) bool { return o.Name == name }) }
	at, found := slices.BinarySearchFunc(p.Exits, rank(port.Name), func(e Exit, r int) int { return rank(e.Port) - r })
	if !found {
		p.Exits = slices.Insert(p.Exits, at, Exit{Port: port.Name, Kind: port.Kind, Hidden: port.Hidden})
	}
	return &p.Exits[at]
}

// beneath counts what left the host below an overlay's device.
func (e *Exit) beneath(j *journey) {
	for _, s := range j.seen {
		if s.below && s.direction == packet.Outgoing {
			e.Below++
			e.Device = s.device
			return
		}
	}
}

// expected reports whether a message should come out of a port: to the one station that it is for, where that is known; to
// all for an advertisement; to the routers for a solicitation. Of what else goes to a group it is not known who wants it.
func (c *Checker) expected(j *journey, port *Port) bool {
	from := c.ports[j.entry]
	if port.Closed || port.Name == j.entry || j.entry == "" || from != nil && from.Apart && port.Apart {
		return false
	}
	if j.to[0]&1 == 0 {
		return c.macs[j.to] == port.Name
	}
	if port.Deaf || c.options.VLANs {
		return false
	}
	switch j.typ {
	case icmp6.TypeRouterAdvertisement:
		return !(from != nil && from.Kind == Machine && from.Guest) // what a guest says need not come out
	case icmp6.TypeRouterSolicitation:
		return slices.Contains(c.routerPorts(), port.Name)
	case icmp6.TypeNeighborSolicitation:
		owner, ok := c.owner(j.target)
		return ok && owner == port.Name && !port.Spared
	}
	return false
}

func (c *Checker) routerPorts() []string {
	var list []string
	for _, port := range c.served {
		list = append(list, port)
	}
	return list
}

// owner returns the port behind which the station is whose interface identifier the address is made of (RFC 4291 appendix
// A).
func (c *Checker) owner(a netip.Addr) (port string, ok bool) {
	m, ok := packet.EmbeddedMAC(a)
	if !ok {
		return "", false
	}
	port, ok = c.macs[m]
	return port, ok
}
