package ra

import (
	"net/netip"
)

// spares are what was forgotten for lack of room, to be used again: else a flood, whose every message is from somebody new,
// would have the garbage collector run all the time.
type spares struct {
	links   []*Link
	routers []*Router
	hosts   []*Host
}

// What is kept at most: what one round of forgetting brings.
const (
	spareLinks   = maxLinks / 4
	spareRouters = maxLinks / 4 // one on each link
	spareHosts   = maxHosts / 4

	spareBytes = 4096 // what a spare Router may have said
)

// router returns an empty Router.
func (s *spares) router() *Router {
	if r := pop(&s.routers); r != nil {
		return r
	}
	return new(Router)
}

// pop takes the last of a list, nil where there is none.
func pop[T any](list *[]*T) *T {
	last := len(*list) - 1
	if last < 0 {
		return nil
	}
	one := (*list)[last]
	*list = (*list)[:last]
	return one
}

// keepRouter empties r for the next one. Its slices keep their room.
func (s *spares) keepRouter(r *Router) {
	if len(s.routers) == spareRouters {
		return
	}
	options, heard, prefixes, order := r.Options[:0], r.heard[:0], r.prefixes[:0], r.said.order[:0]
	dropped, tunnels, small := r.Dropped[:0], r.Tunnels[:0], r.bytes() <= spareBytes
	*r = Router{}
	if small {
		r.Options, r.heard, r.prefixes, r.said.order, r.Dropped, r.Tunnels = options, heard, prefixes, order, dropped, tunnels
	}
	s.routers = append(s.routers, r)
}

// host returns an empty Host.
func (s *spares) host() *Host {
	if h := pop(&s.hosts); h != nil {
		return h
	}
	return new(Host)
}

func (s *spares) keepHost(h *Host) {
	if len(s.hosts) < spareHosts {
		*h = Host{}
		s.hosts = append(s.hosts, h)
	}
}

// link returns an empty Link.
func (s *spares) link() *Link {
	if l := pop(&s.links); l != nil {
		return l
	}
	return &Link{linkState: linkState{routers: make(map[netip.Addr]*Router), hosts: make(map[routerKey]*Host)}}
}

// keepLink empties l for the next one, unless there was much on it, of which its maps would keep the room.
func (s *spares) keepLink(l *Link) {
	for _, r := range l.Routers {
		s.keepRouter(r)
	}
	for _, h := range l.Hosts {
		s.keepHost(h)
	}
	const few = 8
	if len(s.links) == spareLinks || len(l.Routers) > few || len(l.Hosts) > few {
		return
	}
	routers, hosts, prefixes := l.routers, l.hosts, l.prefixes[:0]
	clear(routers)
	clear(hosts)
	clear(l.Routers)
	clear(l.Hosts)
	list, solicitors := l.Routers[:0], l.Hosts[:0]
	*l = Link{Routers: list, Hosts: solicitors}
	l.routers, l.hosts, l.prefixes = routers, hosts, prefixes
	s.links = append(s.links, l)
}
