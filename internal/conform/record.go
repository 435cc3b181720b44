package conform

import (
	"bytes"
	"cmp"
	"fmt"
	"net/netip"
	"slices"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// What is recorded at most.
const (
	maxRecordedLinks     = 64
	maxRecordedRouters   = 64   // a link
	maxRecordedItems     = 64   // of each list
	maxRecordedNeighbors = 4096 // on all links
	maxRecordedAddresses = 16   // a neighbor
)

// Recorder writes down what is seen, so that it can be expected the next time.
type Recorder struct {
	links map[packet.Link]*record
	order []*record
	must  []string

	neighbors int // on all links
}

// record is what was seen on a link.
type record struct {
	where     packet.Link
	routers   []*recordedRouter
	neighbors []*expect.Neighbor
	proxies   map[*expect.Neighbor]bool // they answer for too many addresses to write them down
}

type recordedRouter struct {
	key   routerKey
	says  *recorded
	stays bool
}

// NewRecorder returns a Recorder that has seen nothing.
func NewRecorder() *Recorder { return &Recorder{links: make(map[packet.Link]*record)} }

// Packet takes in a packet, and what was found about it.
func (r *Recorder) Packet(p *packet.Packet, found []rule.Finding) {
	r.faults(found)
	if !p.IsICMPv6 || p.IsPiece() || dropped(found) {
		return
	}
	switch p.Message.Type {
	case icmp6.TypeRouterAdvertisement:
		r.advertisement(p)
	case icmp6.TypeNeighborSolicitation, icmp6.TypeNeighborAdvertisement:
		r.neighbor(p)
	}
}

// Finish takes in what was found at the end.
func (r *Recorder) Finish(found []rule.Finding) { r.faults(found) }

// faults takes note of the rules that were broken, but for what is only worth knowing, and for what is none any more once the
// router is expected.
func (r *Recorder) faults(found []rule.Finding) {
	for _, f := range found {
		if id := string(f.Rule); f.Severity > rule.Info && id != "ra.from-guest" && !slices.Contains(r.must, id) {
			r.must = append(r.must, id)
		}
	}
}

func (r *Recorder) link(where packet.Link) *record {
	l := r.links[where]
	if l == nil && len(r.order) < maxRecordedLinks {
		l = &record{where: where, proxies: make(map[*expect.Neighbor]bool)}
		r.links[where] = l
		r.order = append(r.order, l)
	}
	return l
}

func (r *Recorder) advertisement(p *packet.Packet) {
	l := r.link(p.Link())
	if l == nil || p.Message.Short || !p.Complete {
		return
	}
	key := routerKey{p.Source, p.EthernetSource}
	i := slices.IndexFunc(l.routers, func(k *recordedRouter) bool { return k.key == key })
	if i < 0 {
		if len(l.routers) == maxRecordedRouters {
			return
		}
		i = len(l.routers)
		l.routers = append(l.routers, &recordedRouter{key: key, says: &recorded{}})
	}
	w := l.routers[i]
	if p.Message.RA.RouterLifetime == 0 && w.stays {
		return // a goodbye
	}
	w.stays = p.Message.RA.RouterLifetime > 0
	w.says.take(&p.Message)
}

// neighbor takes note of who uses which global address.
func (r *Recorder) neighbor(p *packet.Packet) {
	own := p.Source
	if p.Message.Type == icmp6.TypeNeighborAdvertisement || own.IsUnspecified() {
		own = p.Message.Target
	}
	l := r.link(p.Link())
	if l == nil || !own.IsGlobalUnicast() || p.EthernetSource == (packet.MAC{}) {
		return
	}
	mac := expect.MAC(p.EthernetSource)
	i := slices.IndexFunc(l.neighbors, func(n *expect.Neighbor) bool { return n.MAC == mac })
	if i < 0 {
		if r.neighbors == maxRecordedNeighbors {
			return
		}
		r.neighbors++
		i = len(l.neighbors)
		l.neighbors = append(l.neighbors, &expect.Neighbor{MAC: mac})
	}
	n := l.neighbors[i]
	switch {
	case l.proxies[n] || slices.Contains(n.Addresses, own):
	case len(n.Addresses) == maxRecordedAddresses:
		l.proxies[n], n.Addresses = true, nil
	default:
		n.Addresses = append(n.Addresses, own)
	}
}

// State returns what was seen, as an expectation.
func (r *Recorder) State() *expect.State {
	s := &expect.State{}
	names := make(map[string]int)
	for _, l := range r.order {
		if len(l.routers) == 0 && len(l.neighbors) == 0 {
			continue
		}
		e := &expect.Link{Name: cmp.Or(l.where.String(), "link")}
		if names[e.Name]++; names[e.Name] > 1 {
			e.Name = fmt.Sprintf("%s %d", e.Name, names[e.Name])
		}
		l.segment(e, len(r.order) > 1)
		l.fill(e)
		s.Links = append(s.Links, e)
	}
	for _, id := range r.must {
		s.Rules.Must = append(s.Rules.Must, expect.RuleRef{ID: id})
	}
	return s
}

// segment says how to tell the link apart. The interface's name does that only where there are several: the next capture may
// be of another machine's.
func (l *record) segment(e *expect.Link, several bool) {
	switch vlan := l.where.VLANs; {
	case l.where.Tunneled:
		e.VNI = &expect.ID{Number: l.where.VNI}
	case vlan[1] != 0:
		e.VLAN = &expect.ID{Number: uint32(vlan[1])}
	case vlan[0] != 0:
		e.VLAN = &expect.ID{Number: uint32(vlan[0])}
	case several:
		e.Iface = l.where.Interface
	}
}

func (l *record) fill(e *expect.Link) {
	for _, w := range l.routers {
		says := w.says.advertisement()
		if len(l.routers) > 1 {
			e.Routers = append(e.Routers, expect.Router{Address: w.key.source, MAC: expect.MAC(w.key.mac), Required: true, Says: says})
		} else {
			e.Routers = append(e.Routers, expect.Router{Address: w.key.source, MAC: expect.MAC(w.key.mac), Required: true})
			e.Says = says
		}
		e.OnlyRouters = true
		for _, p := range says.Prefixes.List {
			if !slices.Contains(e.Prefixes, p.Prefix) {
				e.Prefixes = append(e.Prefixes, p.Prefix)
			}
		}
	}
	for _, n := range l.neighbors {
		router := slices.ContainsFunc(l.routers, func(w *recordedRouter) bool { return expect.MAC(w.key.mac) == n.MAC })
		if !router {
			slices.SortFunc(n.Addresses, netip.Addr.Compare)
			e.Neighbors = append(e.Neighbors, *n)
		}
	}
	slices.SortFunc(e.Neighbors, func(a, b expect.Neighbor) int { return bytes.Compare(a.MAC[:], b.MAC[:]) })
}
