package expect

import (
	"net/netip"

	"github.com/goccy/go-yaml/ast"
)

func (d *yamlFile) rootFields(s *State) []yamlField {
	return []yamlField{
		{"expect", func(ast.Node) error { return nil }}, // check has read it
		{"links", d.list("links", "`- name: web` in a line below", func(n ast.Node) error {
			l := &Link{Place: d.place(n)}
			s.Links = append(s.Links, l)
			return d.link(n, l)
		})},
		{"rules", func(n ast.Node) error { return d.mapping(n, "rules", d.rulesFields(&s.Rules)) }},
	}
}

func (d *yamlFile) rulesFields(r *Rules) []yamlField {
	return []yamlField{
		{"must", d.ruleRef(&r.Must, false)},
		{"must-not", d.ruleRef(&r.MustNot, true)},
		{"ignore", d.ruleRef(&r.Ignore, true)},
	}
}

// otherRouters is what a link says of routers besides those that it lists.
type otherRouters struct {
	listed bool // there is a list
	given  *Switch
}

func (d *yamlFile) link(n ast.Node, l *Link) error {
	var o otherRouters
	if err := d.mapping(n, "a link", d.linkFields(l, &o)); err != nil {
		return err
	}
	if !o.listed && o.given != nil && !o.given.On {
		return d.fail(o.given.Place, "`routers: []` is nobody",
			"other-routers is false, but routers does not say who may advertise")
	}
	l.OnlyRouters = o.listed && (o.given == nil || !o.given.On)
	return nil
}

func (d *yamlFile) linkFields(l *Link, o *otherRouters) []yamlField {
	return []yamlField{
		{"name", d.text(&l.Name, "a name", "web")},
		{"iface", d.text(&l.Iface, "the name of an interface", "eth2")},
		{"vni", func(n ast.Node) error {
			return d.count("a VNI", "1234", 0, 1<<24-1, func(v uint64) { l.VNI = &ID{uint32(v), d.place(n)} })(n)
		}},
		{"vlan", func(n ast.Node) error {
			return d.count("a VLAN id", "100", 0, 4095, func(v uint64) { l.VLAN = &ID{uint32(v), d.place(n)} })(n)
		}},
		{"advertisers", d.count("a number of routers", "1", 1, 65535, func(v uint64) { l.Advertisers = int(v) })},
		{"routers", func(n ast.Node) error {
			o.listed = true
			return d.list("routers", "[{address: fe80::1}]", d.router(&l.Routers, "a router", d.routerFields))(n)
		}},
		{"other-routers", d.flag(&o.given)},
		{"forbidden", d.list("routers", "[{mac: 02:00:00:00:00:09}]",
			d.router(&l.Forbidden, "a forbidden router", d.forbiddenFields))},
		{"says", d.says(&l.Says)},
		{"neighbors", d.list("neighbors", "[{mac: 02:00:00:00:00:05}]", func(n ast.Node) error {
			w := Neighbor{Place: d.place(n)}
			err := d.one(n, "a neighbor", "02:00:00:00:00:05", d.neighborFields(&w))
			l.Neighbors = append(l.Neighbors, w)
			return err
		})},
	}
}

// router returns a reader of a router into list, with the keys that fields gives.
func (d *yamlFile) router(list *[]Router, what string, fields func(*Router) []yamlField) func(ast.Node) error {
	return func(n ast.Node) error {
		r := Router{Place: d.place(n)}
		if err := d.mapping(n, what, fields(&r)); err != nil {
			return err
		}
		if !r.Address.IsValid() && r.MAC == (MAC{}) {
			return d.fail(r.Place, "for example address: fe80::1, or mac: 02:00:00:00:00:01", "%s without its address or mac", what)
		}
		*list = append(*list, r)
		return nil
	}
}

func (d *yamlFile) routerFields(r *Router) []yamlField {
	return []yamlField{
		{"address", d.address(&r.Address, "fe80::1")},
		{"mac", d.mac(&r.MAC)},
		{"name", d.text(&r.Name, "a name", "r-12-VM")},
		{"required", d.yes(&r.Required)},
		{"says", d.says(&r.Says)},
	}
}

func (d *yamlFile) forbiddenFields(r *Router) []yamlField {
	return []yamlField{
		{"address", d.address(&r.Address, "fe80::1")},
		{"mac", d.mac(&r.MAC)},
		{"name", d.text(&r.Name, "a name", "r-13-VM")},
		{"why", d.text(&r.Why, "a clause", `"it is the backup"`)},
	}
}

func (d *yamlFile) neighborFields(w *Neighbor) []yamlField {
	return []yamlField{
		{"mac", d.mac(&w.MAC)},
		{"name", d.text(&w.Name, "a name", "i-2-7-VM")},
		{"addresses", d.list("IPv6 addresses", "[2001:db8:1::5]", func(n ast.Node) error {
			var a netip.Addr
			if err := d.address(&a, "2001:db8:1::5")(n); err != nil {
				return err
			}
			w.Addresses = append(w.Addresses, a)
			return nil
		})},
		{"required", d.yes(&w.Required)},
	}
}

func (d *yamlFile) saysFields(a *Advertisement, more *[]Text) []yamlField {
	return []yamlField{
		{"hop-limit", d.number(&a.CurHopLimit, hopLimits)},
		{"managed", d.flag(&a.Managed)},
		{"other-config", d.flag(&a.Other)},
		{"home-agent", d.flag(&a.HomeAgent)},
		{"preference", d.preference(&a.Preference)},
		{"router-lifetime", d.number(&a.RouterLifetime, routerLifetimes)},
		{"reachable-time", d.number(&a.ReachableTime, milliseconds)},
		{"retrans-timer", d.number(&a.RetransTimer, milliseconds)},
		{"interval", d.seconds(&a.Interval, intervals)},
		{"source-link-layer", d.flag(&a.SourceLinkLayer)},
		{"mtu", d.mtu(&a.MTU)},
		{"prefixes", d.prefixes(&a.Prefixes)},
		{"routes", d.routes(&a.Routes)},
		{"rdnss", d.servers(&a.RDNSS)},
		{"dnssl", d.domains(&a.DNSSL)},
		{"pref64", d.nat64s(&a.PREF64)},
		{"captive-portal", d.portal(&a.Portal)},
		{"options", d.options(&a.Options)},
		{"more", d.moreOf(more)},
	}
}
