package conform

import (
	"fmt"
	"net/netip"

	"v6probe/internal/expect"
	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// row is a list of Advertisement.
type row int

const (
	rowPrefix row = iota
	rowRoute
	rowServer
	rowDomain
	rowNAT64
	rowOption
	rows
)

// offerKey tells offers apart.
type offerKey struct {
	says   *expect.Advertisement
	of     *expect.Link
	router *router // nil: of all
}

// offer is what of an expected advertisement was seen of a router, in all that it sent: an RA may say a part only (RFC 4861
// §6.2.3), and hosts put together what they hear. Where the link says so it is of all routers together.
type offer struct {
	offerKey
	by              []netip.Addr // the routers, the first few
	items           [rows]map[int]bool
	sourceLinkLayer bool
	mtu, portal     bool
	partial         bool // of an advertisement the capture has the beginning only
}

func (o *offer) add(r row, i int) {
	if o.items[r] == nil {
		o.items[r] = make(map[int]bool)
	}
	o.items[r][i] = true
}

// offer returns what was seen of says by r, and takes note that it speaks.
func (m *match) offer(says *expect.Advertisement, r *router) *offer {
	source := r.key.source
	key := offerKey{says, m.link, r}
	if m.link.Together {
		key.router = nil
	} else if !r.kept {
		return &offer{offerKey: key} // it is one of a flood, and will not be judged by what it lacks
	}
	o := m.offers[key]
	if o == nil {
		o = &offer{offerKey: key}
		if m.offers == nil {
			m.offers = make(map[offerKey]*offer)
		}
		m.offers[key] = o
		m.order = append(m.order, o)
	}
	known := len(o.by) >= 4
	for _, a := range o.by {
		known = known || a == source
	}
	if !known {
		o.by = append(o.by, source)
	}
	return o
}

// missing reports what is expected of the routers on l and was not said.
func (c *Checker) missing(l *link, m *match) {
	for _, o := range m.order {
		if o.partial || o.of != m.link {
			continue
		}
		lack := func(id rule.ID, place rule.Place, what string) {
			c.add(l, nil, finding{id: id, subject: m.link.Name + what, place: place, offset: -1}, "%s is expected, and not advertised by %s",
				what, listed(o.by, "nobody"))
		}
		s := o.says
		if s.SourceLinkLayer != nil && s.SourceLinkLayer.On && !o.sourceLinkLayer {
			lack("expect.source-link-layer", s.SourceLinkLayer.Place, "the router's link-layer address")
		}
		if s.MTU != nil && s.MTU.Min > 0 && !o.mtu {
			lack("expect.mtu", s.MTU.Place, "the MTU "+s.MTU.String())
		}
		if s.Portal != nil && s.Portal.Want != "" && !o.portal {
			lack("expect.captive-portal", s.Portal.Place, "the captive portal "+s.Portal.Want)
		}
		o.lists(lack)
	}
}

// lists reports which items of the lists were not said.
func (o *offer) lists(lack func(rule.ID, rule.Place, string)) {
	s := o.says
	if s.Prefixes != nil {
		for i, w := range s.Prefixes.List {
			if !o.items[rowPrefix][i] {
				lack("expect.prefix-missing", w.Place, "the prefix "+w.Prefix.String())
			}
		}
	}
	if s.Routes != nil {
		for i, w := range s.Routes.List {
			if !o.items[rowRoute][i] {
				lack("expect.route-missing", w.Place, "the route "+w.Prefix.String())
			}
		}
	}
	if s.RDNSS != nil {
		for i, w := range s.RDNSS.List {
			if !o.items[rowServer][i] {
				lack("expect.rdnss", w.Place, "the DNS server "+w.Address.String())
			}
		}
	}
	if s.DNSSL != nil {
		for i, w := range s.DNSSL.List {
			if !o.items[rowDomain][i] {
				lack("expect.dnssl", w.Place, "the search domain "+w.Name)
			}
		}
	}
	if s.PREF64 != nil {
		for i, w := range s.PREF64.List {
			if !o.items[rowNAT64][i] {
				lack("expect.pref64", w.Place, "the NAT64 prefix "+w.Prefix.String())
			}
		}
	}
	if s.Options != nil {
		for i, w := range s.Options.List {
			if !o.items[rowOption][i] {
				lack("expect.option", w.Place, fmt.Sprintf("the option %v (%d)", icmp6.OptionType(w.Type), w.Type))
			}
		}
	}
}
