package report

import (
	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// Expectation writes an object for each link of a source of expectations, one for its rules if it has any, and its flaws as
// findings.
func (j *JSON) Expectation(s *expect.State) error {
	for _, l := range s.Links {
		if err := j.end(j.obj.begin("expectation").expectation(l)); err != nil {
			return err
		}
	}
	if r := s.Rules; len(r.Must)+len(r.MustNot)+len(r.Ignore) > 0 {
		o := j.obj.begin("expectation-rules").ruleRefs("must", r.Must).ruleRefs("must_not", r.MustNot).ruleRefs("ignore", r.Ignore)
		if err := j.end(o); err != nil {
			return err
		}
	}
	for _, f := range flawsFound(s.Flaws) {
		if err := j.Finding(f.Finding); err != nil {
			return err
		}
	}
	return nil
}

func (o object) ruleRefs(k string, list []expect.RuleRef) object {
	o = o.key(k).open('[')
	for _, r := range list {
		o = o.elem().open('{').key("rule").string(r.ID).at(r.Place).close('}')
	}
	return o.close(']')
}

// at appends the place of a value.
func (o object) at(p rule.Place) object {
	if p.IsZero() {
		return o
	}
	return o.place("at", p)
}

func (o object) expectation(l *expect.Link) object {
	o = o.key("link").string(l.Name).at(l.Place).text("iface", l.Iface)
	if l.VNI != nil {
		o = o.uint("vni", uint64(l.VNI.Number))
	}
	if l.VLAN != nil {
		o = o.uint("vlan", uint64(l.VLAN.Number))
	}
	o = o.key("prefixes").open('[')
	for _, p := range l.Prefixes {
		o = o.elem().string(p.String())
	}
	o = o.close(']').routers("routers", l.Routers).bool("only_routers", l.OnlyRouters).routers("forbidden", l.Forbidden)
	o = o.positive("advertisers", l.Advertisers).advertisement(l.Says).positive("guest_mtu", l.MTU)
	o = o.key("neighbors").open('[')
	for i := range l.Neighbors {
		n := &l.Neighbors[i]
		o = o.elem().open('{').text("name", n.Name).expectMAC(n.MAC).key("addresses").open('[')
		for _, a := range n.Addresses {
			o = o.elem().string(a.String())
		}
		o = o.close(']').bool("required", n.Required).at(n.Place).close('}')
	}
	return o.close(']')
}

func (o object) routers(k string, list []expect.Router) object {
	o = o.key(k).open('[')
	for i := range list {
		r := &list[i]
		o = o.elem().open('{').text("name", r.Name)
		if r.Address.IsValid() {
			o = o.addr("address", r.Address)
		}
		o = o.expectMAC(r.MAC).bool("required", r.Required).advertisement(r.Says)
		o = o.text("why", r.Why).text("fix", r.Fix).at(r.Place).close('}')
	}
	return o.close(']')
}

func (o object) expectMAC(m expect.MAC) object {
	if m == (expect.MAC{}) {
		return o
	}
	return o.key("mac").string(m.String())
}

// advertisement appends what should be said; a field that is not there expects nothing.
func (o object) advertisement(a *expect.Advertisement) object {
	if a == nil {
		return o
	}
	o = o.key("says").open('{')
	o = o.wantRange("hop_limit", a.CurHopLimit).wantSwitch("managed", a.Managed).wantSwitch("other_config", a.Other)
	o = o.wantSwitch("home_agent", a.HomeAgent).wantText("preference", a.Preference).wantRange("router_lifetime", a.RouterLifetime)
	o = o.wantRange("reachable_time", a.ReachableTime).wantRange("retrans_timer", a.RetransTimer).wantRange("interval_ms", a.Interval)
	o = o.wantSwitch("source_link_layer", a.SourceLinkLayer).wantRange("mtu", a.MTU).wantText("captive_portal", a.Portal)
	if l := a.Prefixes; l != nil {
		o = o.list("prefixes")
		for _, p := range l.List {
			o = o.elem().open('{').prefix("prefix", p.Prefix).wantSwitch("on_link", p.OnLink).wantSwitch("autonomous", p.Autonomous)
			o = o.wantSwitch("router_address", p.RouterAddress)
			o = o.wantRange("valid", p.Valid).wantRange("preferred", p.Preferred).at(p.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	if l := a.Routes; l != nil {
		o = o.list("routes")
		for _, r := range l.List {
			o = o.elem().open('{').prefix("prefix", r.Prefix).wantText("preference", r.Preference).wantRange("lifetime", r.Lifetime)
			o = o.at(r.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	return o.services(a).close('}')
}

func (o object) services(a *expect.Advertisement) object {
	if l := a.RDNSS; l != nil {
		o = o.list("rdnss")
		for _, s := range l.List {
			o = o.elem().open('{').addr("address", s.Address).wantRange("lifetime", s.Lifetime).at(s.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	if l := a.DNSSL; l != nil {
		o = o.list("dnssl")
		for _, d := range l.List {
			o = o.elem().open('{').key("domain").string(d.Name).wantRange("lifetime", d.Lifetime).at(d.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	if l := a.PREF64; l != nil {
		o = o.list("pref64")
		for _, n := range l.List {
			o = o.elem().open('{').prefix("prefix", n.Prefix).wantRange("lifetime", n.Lifetime).at(n.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	if l := a.Options; l != nil {
		o = o.list("options")
		for _, v := range l.List {
			o = o.elem().open('{').uint("type", uint64(v.Type)).hex("raw", v.Data).at(v.Place).close('}')
		}
		o = o.listEnd(l.More, l.Place)
	}
	return o
}

func (o object) list(k string) object { return o.key(k).open('{').key("list").open('[') }

func (o object) listEnd(more bool, p rule.Place) object {
	return o.close(']').bool("more", more).at(p).close('}')
}

// wantRange appends a range of numbers in the field's unit.
func (o object) wantRange(k string, r *expect.Range) object {
	if r == nil {
		return o
	}
	return o.key(k).open('{').uint("min", r.Min).uint("max", r.Max).at(r.Place).close('}')
}

func (o object) wantSwitch(k string, s *expect.Switch) object {
	if s == nil {
		return o
	}
	return o.key(k).open('{').bool("on", s.On).at(s.Place).close('}')
}

func (o object) wantText(k string, t *expect.Text) object {
	if t == nil {
		return o
	}
	return o.key(k).open('{').key("want").string(t.Want).at(t.Place).close('}')
}
