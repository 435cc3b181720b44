// Package trace follows neighbor discovery through a bridge: it sees what comes in and goes out at all of its ports, knows
// each message again by its content, and tells by which ports it came out and by which it did not.
package trace

import (
	"net/netip"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// Kind is what is behind a port.
type Kind uint8

// The kinds.
const (
	Machine Kind = iota // a virtual machine's tap
	Overlay             // a VXLAN device: the other hosts
	Uplink              // everything else: a NIC, a VLAN, a bond
)

// Port is a port of the bridge.
type Port struct {
	Name    string
	Kind    Kind
	Closed  bool   // down, or not forwarding: nothing is expected of it
	Deaf    bool   // multicast that nobody is known to want does not go out of it (mcast_flood off)
	Apart   bool   // isolated: nothing passes between it and other such ports
	Guest   bool   // the rules of a security group name it, so that it is a guest's and not a router's
	VNI     uint32 // of an Overlay
	UDPPort uint16 // likewise: what the device listens to
	Hidden  bool   // likewise: what leaves the host below it cannot be seen, or not be known again
	Trunk   bool   // devices for VLANs are on it, which take tagged frames before the bridge
	Spared  bool   // solicitations that the bridge can answer itself do not go out of it (neigh_suppress)
}

// Options says what is known of the bridge beforehand.
type Options struct {
	Bridge string
	Ports  []Port
	MACs   map[packet.MAC]string // behind which port a station is; more is learned from what is seen
	// Snoops says that the bridge sends multicast only where it is wanted, and Groups then where that is: names of ports.
	Snoops bool
	Groups map[netip.Addr][]string
	// VLANs says that the bridge keeps VLANs apart (vlan_filtering): who belongs to which is not known, so that nothing to a
	// group is missed.
	VLANs bool
	// Ours says whether an address is this host's, and Taken whether any of its devices takes VXLAN of a number at a UDP port.
	// What goes to others, and is overheard, says nothing of this host. Either may be nil.
	Ours  func(a netip.Addr) bool
	Taken func(vni uint32, port uint16) bool
	// Router says whether the sender of an advertisement is known to be a router, where the user says who is; else it is nil.
	Router func(p *packet.Packet) bool
	// Test says whether a packet was sent by this very run to test the guard; it may be nil.
	Test func(p *packet.Packet) bool
}

// What is kept at most; what has no room is counted.
const (
	maxOpen     = 1024 // messages on their way
	maxPaths    = 512
	maxOffers   = 256 // more, for advertisements only: a flood of other messages does not hide them
	maxStations = 4096
)

// settle is how long the sightings of one message may lie apart. A bridge forwards at once; the clock of the sockets and
// their queues do not add more.
const settle = 500 * time.Millisecond

// Checker follows the packets of a bridge. It is shown what all interfaces of the host bring, in their order.
type Checker struct {
	options Options
	ports   map[string]*Port
	beneath map[uint32]*Port // the overlay's by VNI
	macs    map[packet.MAC]string
	open    map[key]*journey
	order   []*journey // open ones, the oldest first
	paths   []*Path
	index   map[pathKey]*Path
	served  map[netip.Addr]string // routers, and the port by which they advertise
	strange map[uint16]Stray

	last      time.Time
	asked     time.Time // when the first solicitation of a router came in
	messages  uint64
	forgotten uint64
}

// Stray is VXLAN of one of the bridge's networks that comes to a UDP port that the bridge's device does not listen to.
type Stray struct {
	Overlay string // the device
	VNI     uint32
	Port    uint16 // to which it comes
	Listens uint16 // to which the device listens
	From    netip.Addr
	Count   uint64
}

// New returns a Checker that has seen nothing.
func New(o Options) *Checker {
	c := &Checker{
		options: o, ports: make(map[string]*Port), beneath: make(map[uint32]*Port), macs: make(map[packet.MAC]string),
		open: make(map[key]*journey), index: make(map[pathKey]*Path), served: make(map[netip.Addr]string),
		strange: make(map[uint16]Stray),
	}
	for i := range o.Ports {
		p := &o.Ports[i]
		c.ports[p.Name] = p
		if p.Kind == Overlay && !p.Hidden {
			c.beneath[p.VNI] = p
		}
	}
	for mac, port := range o.MACs {
		c.macs[mac] = port
	}
	return c
}

// key is the content by which a message is known again. The digest is of the whole ICMPv6 message.
type key struct {
	mac                 packet.MAC
	source, destination netip.Addr
	digest              uint64
	vlan                uint16 // 0 for none, and on a bridge that tags and untags
}

// sighting is where a message was seen. The tunnel is that of what was seen below an Overlay.
type sighting struct {
	device    string
	direction packet.Direction
	below     bool
}

// journey is one message on its way.
type journey struct {
	key      key
	typ      icmp6.Type
	target   netip.Addr
	to       packet.MAC
	disguise string
	lifetime uint16 // of an RA
	known    bool   // of an RA: the user says that its sender is a router
	test     bool
	first    time.Time
	seen     []sighting
	tunnel   packet.Tunnel // of the first sighting below
	entry    string        // the port, or the bridge itself; "" where it was not seen to come in
}

// Packet shows c one packet.
func (c *Checker) Packet(p *packet.Packet) {
	if p.Frame.Time.After(c.last) {
		c.last = p.Frame.Time
	}
	if !p.IsICMPv6 || p.IsPiece() || !p.Complete || p.Frame.Interface == nil || !followed(p.Message.Type) {
		return
	}
	s, ok := c.place(p)
	if !ok {
		return
	}
	c.settle(p.Frame.Time)
	k := key{p.EthernetSource, p.Source, p.Destination, digest(p.Payload), 0}
	if !c.options.VLANs {
		k.vlan = vlan(p)
	}
	j := c.open[k]
	if j != nil && j.has(s) { // the same once more: an RA says the same each time
		c.close(j)
		j = nil
	}
	if j == nil {
		j = c.begin(k, p)
	}
	c.sight(j, s, p)
}

// followed reports whether messages of that type are followed.
func followed(t icmp6.Type) bool {
	return t >= icmp6.TypeRouterSolicitation && t <= icmp6.TypeNeighborAdvertisement
}

// place returns where p was seen, if that is a place of the bridge: a port, the bridge itself, or below an overlay.
func (c *Checker) place(p *packet.Packet) (sighting, bool) {
	s := sighting{device: p.Frame.Interface.Name, direction: p.Frame.Direction}
	if s.direction == packet.DirectionUnknown {
		return s, false
	}
	if len(p.Tunnels) == 0 {
		port := c.ports[s.device]
		return s, s.device == c.options.Bridge || port != nil && !(port.Trunk && vlan(p) != 0)
	}
	t := &p.Tunnels[len(p.Tunnels)-1]
	o := c.beneath[t.VNI]
	if o == nil || c.ports[s.device] != nil {
		return s, false
	}
	if s.direction == packet.Incoming && c.options.Ours != nil && !t.Destination.IsMulticast() &&
		!c.options.Ours(t.Destination) {
		return s, false
	}
	if o.UDPPort != 0 && t.Port != o.UDPPort {
		if s.direction != packet.Incoming || c.options.Taken != nil && c.options.Taken(t.VNI, t.Port) {
			return s, false
		}
		st := c.strange[t.Port]
		c.strange[t.Port] = Stray{o.Name, t.VNI, t.Port, o.UDPPort, t.Source, st.Count + 1}
		return s, false
	}
	s.below = true
	return s, true
}

// vlan returns the number of the outer tag, 0 for none.
func vlan(p *packet.Packet) uint16 {
	if len(p.VLANs) == 0 {
		return 0
	}
	return p.VLANs[0].ID
}

func (j *journey) has(s sighting) bool {
	for _, o := range j.seen {
		if o == s {
			return true
		}
	}
	return false
}

func (c *Checker) begin(k key, p *packet.Packet) *journey {
	if len(c.order) >= maxOpen {
		c.close(c.order[0])
	}
	j := &journey{
		key: k, typ: p.Message.Type, target: p.Message.Target, to: p.EthernetDestination, first: p.Frame.Time,
		disguise: disguise(p),
	}
	if p.Message.Type == icmp6.TypeRouterAdvertisement {
		j.lifetime = p.Message.RA.RouterLifetime
		j.known = c.options.Router != nil && c.options.Router(p)
	}
	j.test = c.options.Test != nil && c.options.Test(p)
	c.open[k] = j
	c.order = append(c.order, j)
	c.messages++
	return j
}

// disguise says what hides a message from a simple filter (RFC 7113 §2), "" for nothing.
func disguise(p *packet.Packet) string {
	switch {
	case p.IsFragment && p.Fragment.Reassembled:
		return "in fragments"
	case p.IsFragment:
		return "behind a Fragment header"
	case len(p.Extensions) > 0:
		return "behind an extension header"
	}
	return ""
}

func (c *Checker) sight(j *journey, s sighting, p *packet.Packet) {
	if s.below && j.tunnel.Port == 0 {
		t := &p.Tunnels[len(p.Tunnels)-1]
		j.tunnel = packet.Tunnel{VNI: t.VNI, Source: t.Source, Destination: t.Destination, Port: t.Port}
	}
	j.seen = append(j.seen, s)
	switch {
	case s.below || s.direction != packet.Incoming && s.device != c.options.Bridge:
	case s.device == c.options.Bridge && s.direction == packet.Incoming: // the bridge's own copy of what it passes on
	case j.entry == "":
		j.entry = s.device
		if j.typ == icmp6.TypeRouterSolicitation && c.asked.IsZero() && s.device != c.options.Bridge {
			c.asked = j.first
		}
		if s.device != c.options.Bridge && (len(c.macs) < maxStations || c.macs[j.key.mac] != "") {
			c.macs[j.key.mac] = s.device
		}
	}
}

// settle closes the journeys that began long enough before now.
func (c *Checker) settle(now time.Time) {
	n := 0
	for n < len(c.order) && now.Sub(c.order[n].first) > settle {
		n++
	}
	for _, j := range append([]*journey(nil), c.order[:n]...) {
		c.close(j)
	}
}

// Messages returns how many messages were followed, and Forgotten how many had no room to be told.
func (c *Checker) Messages() uint64 { return c.messages }

// Forgotten returns how many messages are on paths that are not told, for lack of room.
func (c *Checker) Forgotten() uint64 { return c.forgotten }

// Asked returns when the first solicitation of a router came in by a port; the zero time for never.
func (c *Checker) Asked() time.Time { return c.asked }

// Strays returns what came to the wrong UDP port.
func (c *Checker) Strays() []Stray {
	var list []Stray
	for _, s := range c.strange {
		list = append(list, s)
	}
	return list
}

// digest is FNV-1a of 64 bits. Who forges a collision only confuses the picture of his own messages.
func digest(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, x := range b {
		h = (h ^ uint64(x)) * 1099511628211
	}
	return h
}
