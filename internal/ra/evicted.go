package ra

// Evicted is what a Checker forgot for lack of room, on all links. What came back is counted again.
type Evicted struct {
	Links, Routers, Hosts uint64
	Prefixes              uint64 // of routers, and of what hosts hold of them
	Options               uint64 // of routers; those for which there was no room at all count too
}

// Evicted returns what was forgotten so far.
func (c *Checker) Evicted() Evicted {
	sum := c.lost
	for _, l := range c.order {
		sum.Routers += l.EvictedRouters
		sum.Hosts += l.EvictedHosts
		sum.Prefixes += l.EvictedPrefixes
		for _, r := range l.Routers {
			sum.addSaid(r)
		}
	}
	return sum
}

// addLink takes in that l is forgotten, with all on it.
func (e *Evicted) addLink(l *Link) {
	e.Links++
	e.Routers += l.EvictedRouters + uint64(len(l.Routers))
	e.Hosts += l.EvictedHosts + uint64(len(l.Hosts))
	e.Prefixes += l.EvictedPrefixes
	for _, r := range l.Routers {
		e.addSaid(r)
	}
}

// addSaid takes in what was forgotten of what r said.
func (e *Evicted) addSaid(r *Router) {
	e.Prefixes += r.EvictedPrefixes
	e.Options += r.EvictedOptions
}
