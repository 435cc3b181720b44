package expect

import (
	"slices"

	"github.com/goccy/go-yaml/ast"
)

// says returns a reader of what an advertisement says into a.
func (d *yamlFile) says(a **Advertisement) func(ast.Node) error {
	return func(n ast.Node) error {
		*a = &Advertisement{}
		var more []Text
		if err := d.mapping(n, "says", d.saysFields(*a, &more)); err != nil {
			return err
		}
		for _, m := range more {
			open := (*a).more(m.Want)
			if open == nil {
				return d.fail(m.Place, "leave it out: where there is no list, any may be advertised",
					"more has %q, but says has no %s", m.Want, m.Want)
			}
			*open = true
		}
		return nil
	}
}

// moreKinds are what `more` can name.
var moreKinds = []string{"prefixes", "routes", "rdnss", "dnssl", "pref64", "options"}

// more returns where a says whether otherRouters of the kind may be advertised, nil where it has no list of them.
func (a *Advertisement) more(kind string) *bool {
	switch {
	case kind == "prefixes" && a.Prefixes != nil:
		return &a.Prefixes.More
	case kind == "routes" && a.Routes != nil:
		return &a.Routes.More
	case kind == "rdnss" && a.RDNSS != nil:
		return &a.RDNSS.More
	case kind == "dnssl" && a.DNSSL != nil:
		return &a.DNSSL.More
	case kind == "pref64" && a.PREF64 != nil:
		return &a.PREF64.More
	case kind == "options" && a.Options != nil:
		return &a.Options.More
	}
	return nil
}

// one reads n, an element of a list, and refuses it without its first key, of whose value example is one.
func (d *yamlFile) one(n ast.Node, what, example string, fields []yamlField) error {
	hint := "for example {" + fields[0].key + ": " + example + "}"
	m, ok := n.(*ast.MappingNode)
	if !ok {
		return d.fail(d.place(n), hint, "%s has keys and values; this is %s", what, yamlDescribe(n))
	}
	if err := d.mapping(n, what, fields); err != nil {
		return err
	}
	if !slices.ContainsFunc(m.Values, func(v *ast.MappingValueNode) bool { return v.Key.GetToken().Value == fields[0].key }) {
		return d.fail(d.place(n), hint, "the key %q is missing", fields[0].key)
	}
	return nil
}

func (d *yamlFile) prefixes(to **Prefixes) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &Prefixes{Place: d.place(n)}
		return d.list("prefixes", "[{prefix: 2001:db8:1::/64}]", func(n ast.Node) error {
			p := Prefix{Place: d.place(n)}
			err := d.one(n, "a prefix", "2001:db8:1::/64", d.prefixFields(&p))
			(*to).List = append((*to).List, p)
			return err
		})(n)
	}
}

func (d *yamlFile) prefixFields(p *Prefix) []yamlField {
	return []yamlField{
		{"prefix", d.prefix(&p.Prefix, "2001:db8:1::/64")},
		{"on-link", d.flag(&p.OnLink)},
		{"autonomous", d.flag(&p.Autonomous)},
		{"router-address", d.flag(&p.RouterAddress)},
		{"valid", d.number(&p.Valid, lifetimes)},
		{"preferred", d.number(&p.Preferred, lifetimes)},
	}
}

func (d *yamlFile) routes(to **Routes) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &Routes{Place: d.place(n)}
		return d.list("routes", `[{prefix: "::/0"}]`, func(n ast.Node) error {
			r := Route{Place: d.place(n)}
			err := d.one(n, "a route", `"::/0"`, d.routeFields(&r))
			(*to).List = append((*to).List, r)
			return err
		})(n)
	}
}

func (d *yamlFile) routeFields(r *Route) []yamlField {
	return []yamlField{
		{"prefix", d.prefix(&r.Prefix, `"::/0"`)},
		{"preference", d.preference(&r.Preference)},
		{"lifetime", d.number(&r.Lifetime, lifetimes)},
	}
}

func (d *yamlFile) servers(to **Servers) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &Servers{Place: d.place(n)}
		return d.list("DNS servers", "[{address: 2001:db8::53}]", func(n ast.Node) error {
			s := Server{Place: d.place(n)}
			err := d.one(n, "a DNS server", "2001:db8::53", d.serverFields(&s))
			(*to).List = append((*to).List, s)
			return err
		})(n)
	}
}

func (d *yamlFile) serverFields(s *Server) []yamlField {
	return []yamlField{
		{"address", d.address(&s.Address, "2001:db8::53")},
		{"lifetime", d.number(&s.Lifetime, lifetimes)},
	}
}

func (d *yamlFile) domains(to **Domains) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &Domains{Place: d.place(n)}
		return d.list("domains", "[{domain: example.org}]", func(n ast.Node) error {
			s := Domain{Place: d.place(n)}
			err := d.one(n, "a domain", "example.org", d.domainFields(&s))
			(*to).List = append((*to).List, s)
			return err
		})(n)
	}
}

func (d *yamlFile) domainFields(s *Domain) []yamlField {
	return []yamlField{
		{"domain", d.domain(&s.Name)},
		{"lifetime", d.number(&s.Lifetime, lifetimes)},
	}
}

func (d *yamlFile) nat64s(to **NAT64s) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &NAT64s{Place: d.place(n)}
		return d.list("NAT64 prefixes", "[{prefix: 64:ff9b::/96}]", func(n ast.Node) error {
			p := NAT64{Place: d.place(n)}
			err := d.one(n, "a NAT64 prefix", "64:ff9b::/96", d.nat64Fields(&p))
			(*to).List = append((*to).List, p)
			return err
		})(n)
	}
}

func (d *yamlFile) nat64Fields(p *NAT64) []yamlField {
	return []yamlField{
		{"prefix", d.nat64(&p.Prefix)},
		{"lifetime", d.number(&p.Lifetime, lifetimes)},
	}
}

// ownKeys are the keys of the options that are not listed under options.
var ownKeys = map[uint8]string{1: "source-link-layer", 3: "prefixes", 5: "mtu", 24: "routes", 25: "rdnss", 31: "dnssl",
	37: "captive-portal", 38: "pref64"}

func (d *yamlFile) options(to **Options) func(ast.Node) error {
	return func(n ast.Node) error {
		*to = &Options{Place: d.place(n)}
		return d.list("options", `[{type: 34, hex: "000000000000"}]`, func(n ast.Node) error {
			o := Option{Place: d.place(n)}
			var data []byte
			if err := d.one(n, "an option", "34", d.optionFields(&o, &data)); err != nil {
				return err
			}
			if key, ok := ownKeys[o.Type]; ok {
				return d.fail(o.Place, "it stands under `"+key+"`", "options of type %d have a key of their own", o.Type)
			}
			// The length of an option counts eights, type and length included (RFC 4861 §4.6).
			if len(data)%8 != 6 || len(data) > 255*8-2 {
				return d.fail(o.Place, "what follows type and length is 6, 14, 22, … bytes, and 2038 at most",
					"an option cannot have hex of %d bytes", len(data))
			}
			o.Data = data
			(*to).List = append((*to).List, o)
			return nil
		})(n)
	}
}

func (d *yamlFile) optionFields(o *Option, data *[]byte) []yamlField {
	return []yamlField{
		{"type", d.count("the type of an option", "34", 0, 255, func(v uint64) { o.Type = uint8(v) })},
		{"hex", d.bytes(data)},
	}
}

func (d *yamlFile) portalFields(data *[]byte) []yamlField {
	return []yamlField{{"hex", d.bytes(data)}}
}

func (d *yamlFile) moreOf(to *[]Text) func(ast.Node) error {
	return d.list("kinds", "[prefixes, options]", func(n ast.Node) error {
		kind, _ := yamlScalar(n)
		if !slices.Contains(moreKinds, kind) {
			return d.notOneOf(n, "kind", moreKinds)
		}
		*to = append(*to, Text{kind, d.place(n)})
		return nil
	})
}
