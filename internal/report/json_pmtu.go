package report

import (
	"strings"
	"time"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/pmtu"
)

// PathMTU writes what stands before the summary: an object for each probe, in sending order, and one for each hop.
func (j *JSON) PathMTU(p *PathMTU) error {
	for i := range p.Probes {
		if err := j.probe(&p.Probes[i]); err != nil {
			return err
		}
	}
	for i := range p.Hops {
		h := &p.Hops[i]
		o := j.obj.begin("hop").uint("number", uint64(i+1))
		if h.Address.IsValid() {
			o = o.addr("address", h.Address)
		}
		o = o.positiveMS("rtt", h.RTT).positive("largest", h.Largest).positive("link_mtu", h.MTU)
		if err := j.end(o); err != nil {
			return err
		}
	}
	return nil
}

func (j *JSON) probe(p *Probed) error {
	o := j.obj.begin("probe").time("time", p.Sent)
	o = o.uint("id", uint64(p.ID)).key("kind").string(p.Kind.String()).uint("size", uint64(p.Size))
	o = o.uint("hop_limit", uint64(p.HopLimit)).uint("flow", uint64(p.Flow))
	o = o.key("result").string(replyResult(p.Reply))
	if r := p.Reply; r != nil && r.Type != pmtu.Held {
		o = o.addr("source", r.Source).ms("rtt", p.RTT()).positive("reply_hop_limit", r.HopLimit)
		switch r.Type {
		case pmtu.TooBig:
			o = o.uint("mtu", uint64(r.MTU))
		case pmtu.Unreachable:
			o = o.uint("code", uint64(r.Code))
		}
		o = o.positive("fragment_size", r.FragmentSize)
		if r.Filtered {
			o = o.bool("filtered", true)
		}
	}
	return j.end(o)
}

func replyResult(r *pmtu.Reply) string {
	if r == nil {
		return "silent"
	}
	switch r.Type {
	case pmtu.TooBig:
		return "too-big"
	case pmtu.Exceeded:
		return "time-exceeded"
	case pmtu.Unreachable:
		return "unreachable"
	case pmtu.Held:
		return "held"
	}
	return "answer"
}

// pathMTU appends to the summary what probing a path came to. Sizes are in bytes, times in milliseconds; what is not
// known is left out.
func (o object) pathMTU(p *PathMTU) object {
	o = o.addr("target", p.Target)
	if p.Name != "" {
		o = o.key("name").string(p.Name)
	}
	if p.Interface != "" {
		o = o.key("iface").string(p.Interface)
	}
	if p.Source.IsValid() {
		o = o.addr("source", p.Source)
	}
	o = o.bool("reached", p.Reached).bool("complete", p.Complete)
	o = o.positive("mtu", p.MTU).positive("at_least", p.AtLeast).positive("too_big", p.TooBig)
	o = o.positive("return_mtu", p.Return.MTU).positive("return_most", p.Return.Most)
	if p.Return.Hole {
		o = o.bool("return_black_hole", true)
	}
	o = o.positive("local_mtu", p.Local).positive("max", p.Max).positive("expect_mtu", p.Expect).positive("cached_mtu", p.Cached)
	if p.Limit != host.LimitDevice {
		o = o.key("local_limit").string(p.Limit.String()).positive("device_mtu", p.DeviceMTU)
	}
	if p.Either {
		o = o.bool("either_way", true)
	}
	if p.MTU > 0 {
		o = o.key("method").string(p.Method.String())
	}
	o = o.key("unanswered").open('[')
	for k, silent := range p.Silence {
		if silent {
			o = o.elem().string(pmtu.Kind(k).String())
		}
	}
	o = o.close(']').positive("hops", p.Distance)
	if h := p.Hole; h != nil {
		o = o.hole(h)
	}
	if s := p.Split; s != nil {
		o = o.key("split").open('{').uint("echo", uint64(s.Echo)).key("other").string(s.Other.String()).close('}')
	}
	o = o.walk(p.Walk).said(p.Said).refused(p.Refused).flows(p.Flows).encapsulation(p)
	o = o.uint("sent", uint64(p.Sent)).uint("rounds", uint64(p.Rounds)).ms("took_ms", p.Took).positiveMS("rtt", p.RTT)
	return o.float("loss", p.Loss, 3).uint("forged", uint64(p.Forged)).positive("held", p.Held)
}

func (o object) hole(h *pmtu.Hole) object {
	o = o.key("black_hole").open('{').uint("size", uint64(h.Size)).uint("after", uint64(h.After)).positive("before", h.Before)
	if h.Here {
		o = o.bool("filtered_here", true)
	}
	if h.NotShrinking {
		o = o.bool("not_shrinking", true)
	}
	return o.close('}')
}

func (o object) walk(steps []pmtu.Step) object {
	o = o.key("walk").open('[')
	for _, s := range steps {
		o = o.elem().open('{').uint("size", uint64(s.Size)).key("result")
		switch {
		case s.Passed:
			o = o.string("answer")
		case s.Silent:
			o = o.string("silent")
		case s.Ignored:
			o = o.string("ignored")
		case s.Refused:
			o = o.string("unreachable").uint("code", uint64(s.Code))
		case s.Held:
			o = o.string("held")
		default:
			o = o.string("too-big")
		}
		if s.MTU > 0 {
			o = o.uint("mtu", uint64(s.MTU))
		}
		if s.Source.IsValid() {
			o = o.addr("source", s.Source)
		}
		o = o.close('}')
	}
	return o.close(']')
}

func (o object) said(list []pmtu.Said) object {
	o = o.key("said").open('[')
	for i := range list {
		s := &list[i]
		o = o.elem().open('{').addr("source", s.Source).positive("hop", s.Hop).bool("tunnel", s.Tunnel).uint("mtu", uint64(s.MTU))
		o = o.uint("smallest", uint64(s.Smallest)).uint("largest", uint64(s.Largest)).uint("count", uint64(s.Count))
		o = o.bool("filtered", s.Filtered).key("wrong")
		switch {
		case s.MTU < pmtu.MinMTU:
			o = o.string("below-1280")
		case s.Low:
			o = o.string("low")
		case s.High:
			o = o.string("high")
		default:
			o = o.string("")
		}
		o = o.close('}')
	}
	return o.close(']')
}

func (o object) refused(list []pmtu.Refusal) object {
	o = o.key("refused").open('[')
	for i := range list {
		r := &list[i]
		reason, _ := refusal(r)
		o = o.elem().open('{').addr("source", r.Source).positive("hop", r.Hop).uint("code", uint64(r.Code)).bool("loop", r.Loop)
		o = o.key("reason").string(strings.ReplaceAll(reason, nbsp, " ")).uint("count", uint64(r.Count)).close('}')
	}
	return o.close(']')
}

func (o object) flows(list []pmtu.Flow) object {
	o = o.key("flows").open('[')
	for _, f := range list {
		o = o.elem().open('{').uint("number", uint64(f.Number)).positive("mtu", f.MTU).positive("at_least", f.AtLeast)
		o = o.bool("silent", f.Silent).bool("dead", f.Dead).close('}')
	}
	return o.close(']')
}

// encapsulation appends the tunnels that would explain the numbers: candidates, no more.
func (o object) encapsulation(p *PathMTU) object {
	o = o.key("encapsulation").open('[')
	for _, c := range candidates(p) {
		o = o.elem().open('{').uint("mtu", uint64(c.Link-c.Overhead)).uint("underlay_mtu", uint64(c.Link))
		o = o.uint("overhead", uint64(c.Overhead)).key("tunnel").string(c.Tunnel).bool("ipv6_underlay", c.IPv6Outer)
		if c.Inside != "" {
			o = o.key("inside").string(c.Inside)
		}
		o = o.close('}')
	}
	return o.close(']')
}

// positive appends a number that is known when it is more than 0.
func (o object) positive(k string, v int) object {
	if v <= 0 {
		return o
	}
	return o.uint(k, uint64(v))
}

// ms appends a time in milliseconds, to the microsecond.
func (o object) ms(k string, d time.Duration) object { return o.float(k, float64(d)/1e6, 3) }

func (o object) positiveMS(k string, d time.Duration) object {
	if d <= 0 {
		return o
	}
	return o.ms(k, d)
}

// Plan writes an object for each encapsulation.
func (j *JSON) Plan(rows []encap.Row) error {
	for _, r := range rows {
		e := r.Encapsulation
		o := j.obj.begin("plan").key("encapsulation").string(e.Name).key("title").string(e.Title)
		o = o.key("outer").string(strings.ToLower(e.Outer.String())).uint("overhead", uint64(e.Overhead))
		o = o.uint("guest_mtu", uint64(r.Guest)).uint("underlay_mtu", uint64(r.Underlay))
		o = o.uint("least_underlay_mtu", uint64(r.Minimum))
		o = o.key("left").open('[')
		for _, l := range r.Left {
			o = o.elem().open('{').uint("underlay_mtu", uint64(l.Underlay)).uint("mtu", uint64(max(l.Overlay, 0)))
			o = o.uint("missing", uint64(l.Missing)).bool("ipv6", !l.TooSmall).close('}')
		}
		if err := j.end(o.close(']')); err != nil {
			return err
		}
	}
	return nil
}

// Fits writes an object for each tunnel of this host.
func (j *JSON) Fits(list []host.Fit) error {
	for _, f := range list {
		o := j.obj.begin("tunnel").key("iface").string(f.Tunnel).uint("mtu", uint64(f.MTU)).key("encapsulation").string(f.Encapsulation.Name)
		if f.Underlay != "" {
			o = o.key("underlay").string(f.Underlay).uint("left", uint64(max(f.Left, 0))).bool("fits", f.MTU <= f.Left)
		}
		if err := j.end(o); err != nil {
			return err
		}
	}
	return nil
}
