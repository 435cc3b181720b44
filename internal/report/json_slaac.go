package report

import (
	"time"

	"v6probe/internal/packet"
	"v6probe/internal/slaac"
)

// Host writes what a host that nobody has changed makes of what was heard. chosen says why it is this host: "interface", "given",
// "solicited", "tested" or "example"; link, which may be empty, where it is.
func (j *JSON) Host(st *slaac.State, chosen, link string) error {
	o := j.obj.begin("host").mac("mac", st.MAC).key("chosen").string(chosen).bool("present", st.Present)
	if link != "" {
		o = o.key("link").string(link)
	}
	if !st.Time.IsZero() {
		o = o.time("time", st.Time)
	}
	o = o.bool("global_address", len(st.Usable()) > 0)
	o = o.key("link_local").open('{').address(st.LinkLocal).close('}')
	o = o.key("addresses").open('[')
	for _, d := range st.Addresses {
		o = o.elem().open('{').address(d).close('}')
	}
	o = o.close(']').key("refused").open('[')
	for _, r := range st.Refused {
		o = o.elem().open('{').prefix("prefix", r.Prefix).key("reason").string(r.Reason.String()).addr("router", r.Router)
		o = o.uint("frame", r.Frame).uint("count", r.Count).close('}')
	}
	o = o.close(']').hostRoutes(st).hostDNS(st).hostParameters(st)
	return j.end(o)
}

func (o object) address(d slaac.Address) object {
	o = o.addr("address", d.Address).prefix("prefix", d.Prefix).key("state").string(d.State.String())
	o = o.left("valid", d.Valid).left("preferred", d.Preferred)
	if d.Router.IsValid() {
		o = o.addr("router", d.Router)
	}
	if d.Held {
		o = o.bool("held", true)
	}
	if d.Temporary {
		o = o.bool("temporary", true)
	}
	if d.Contested != (packet.MAC{}) {
		o = o.mac("other_mac", d.Contested)
	}
	return o
}

// left appends what is left of a lifetime in seconds, 4294967295 for infinity.
func (o object) left(k string, d time.Duration) object {
	if d == slaac.Forever {
		return o.uint(k, 1<<32-1)
	}
	return o.uint(k, uint64(d/time.Second))
}

func (o object) hostRoutes(st *slaac.State) object {
	o = o.key("routers").open('[')
	for _, r := range st.Routers {
		o = o.elem().open('{').addr("address", r.Address)
		if r.MAC != (packet.MAC{}) {
			o = o.mac("mac", r.MAC)
		}
		o = o.left("lifetime", r.Left).key("preference").string(r.Preference.String()).bool("was_default", r.WasDefault)
		o = o.bool("farewell", r.Farewell).uint("count", r.Count).close('}')
	}
	o = o.close(']').key("on_link").open('[')
	for _, p := range st.Prefixes {
		o = o.elem().open('{').prefix("prefix", p.Prefix).left("valid", p.Left).close('}')
	}
	o = o.close(']').key("routes").open('[')
	for _, r := range st.Routes {
		o = o.elem().open('{').prefix("prefix", r.Prefix).addr("router", r.Router)
		o = o.key("preference").string(r.Preference.String()).left("lifetime", r.Left).close('}')
	}
	return o.close(']')
}

func (o object) hostDNS(st *slaac.State) object {
	o = o.key("dns").open('[')
	for _, d := range st.DNS {
		o = o.elem().open('{').addr("address", d.Address).left("lifetime", d.Left).addr("router", d.Router).close('}')
	}
	o = o.close(']').key("search").open('[')
	for _, d := range st.Domains {
		o = o.elem().open('{').key("domain").string(d.Name).left("lifetime", d.Left).addr("router", d.Router).close('}')
	}
	return o.close(']')
}

func (o object) hostParameters(st *slaac.State) object {
	if st.MTU.Value > 0 {
		o = o.uint("mtu", uint64(st.MTU.Value))
	}
	if st.MTU.Reason != slaac.Accepted {
		o = o.uint("mtu_refused", uint64(st.MTU.Refused))
	}
	if st.LinkMTU > 0 {
		o = o.uint("link_mtu", uint64(st.LinkMTU))
	}
	o = o.uint("hop_limit", uint64(st.HopLimit.Value)).uint("reachable_time", uint64(st.ReachableTime/time.Millisecond))
	o = o.uint("retrans_timer", uint64(st.RetransTimer/time.Millisecond)).bool("managed", st.Managed).bool("other", st.Other)
	return o.uint("advertisements", st.Advertisements).uint("dropped", st.Dropped).uint("unheard", st.Unheard)
}
