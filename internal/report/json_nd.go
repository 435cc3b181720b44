package report

import (
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/nd"
	"v6probe/internal/packet"
)

// Neighbors writes the picture of every link, an object for each thing that is known of it.
func (j *JSON) Neighbors(links []nd.Link) error {
	for i := range links {
		if err := j.neighborLink(&links[i]); err != nil {
			return err
		}
	}
	return nil
}

func (j *JSON) neighborLink(l *nd.Link) error {
	name := l.Where.String()
	if err := each(j, name, "neighbor", l.Neighbors, object.neighbor); err != nil {
		return err
	}
	if err := each(j, name, "question", l.Questions, object.question); err != nil {
		return err
	}
	if err := each(j, name, "duplicate", l.Duplicates, object.duplicate); err != nil {
		return err
	}
	if err := each(j, name, "proxy", l.Proxies, object.proxy); err != nil {
		return err
	}
	if l.Scan != nil {
		if err := j.end(j.obj.begin("scan").link(name).scan(l.Scan)); err != nil {
			return err
		}
	}
	if err := each(j, name, "error-group", l.Errors, object.errorGroup); err != nil {
		return err
	}
	if err := each(j, name, "redirect-entry", l.Redirects, object.redirectEntry); err != nil {
		return err
	}
	return each(j, name, "silent-group", l.Silent, object.silentGroup)
}

// each writes a line for each element of list.
func each[T any](j *JSON, link, typ string, list []T, fields func(object, *T) object) error {
	for i := range list {
		if err := j.end(fields(j.obj.begin(typ).link(link), &list[i])); err != nil {
			return err
		}
	}
	return nil
}

func (o object) link(name string) object {
	if name == "" {
		return o
	}
	return o.key("link").string(name)
}

// span appends from when to when something was seen.
func (o object) span(first, last time.Time) object { return o.time("first", first).time("last", last) }

func (o object) neighbor(n *nd.Neighbor) object {
	o = o.addr("address", n.Address)
	if n.HasMAC {
		o = o.mac("mac", n.MAC)
	}
	o = o.bool("router", n.Router).key("state").string(stateName(n.State))
	o = o.key("learnt").open('[')
	for i := range learntFrom {
		if n.Learnt&learntFrom[i].bit != 0 {
			o = o.elem().string(learntFrom[i].json)
		}
	}
	o = o.close(']').bool("own", n.Outgoing).bool("proxied", n.Proxied).uint("changes", uint64(n.Changes))
	return o.span(n.First, n.Last).frame(n.LastFrame)
}

// frame appends the number of the frame that something was last seen in.
func (o object) frame(n uint64) object {
	if n == 0 {
		return o
	}
	return o.uint("frame", n)
}

func (o object) question(q *nd.Question) object {
	o = o.addr("asker", q.Asker).mac("asker_mac", q.AskerMAC).addr("target", q.Target).uint("tries", uint64(q.Tries))
	o = o.bool("target_known", q.Known).uint("answers_seen", uint64(q.Seen))
	if q.Invalid != "" {
		o = o.key("answers_dropped").string(string(q.Invalid))
	}
	if q.By != (packet.MAC{}) {
		o = o.mac("answered_by", q.By)
	}
	return o.bool("own", q.Here).span(q.First, q.Last).frame(q.LastFrame)
}

func (o object) duplicate(d *nd.Duplicate) object {
	o = o.addr("address", d.Address).mac("mac", d.Prober).mac("other_mac", d.Defender)
	return o.bool("probed", d.Probed).bool("both_probed", d.Both).time("time", d.At).frame(d.Frame)
}

func (o object) proxy(p *nd.Proxy) object {
	return o.mac("mac", p.MAC).uint("targets", uint64(p.Targets)).uint("owned_by_others", uint64(p.Owned))
}

func (o object) scan(s *nd.Scan) object {
	o = o.uint("solicitations", s.Solicitations).uint("peak", uint64(s.Peak)).uint("askers", uint64(s.Askers))
	return o.addr("asker", s.Asker).mac("mac", s.MAC).span(s.First, s.Last)
}

func (o object) errorGroup(e *nd.ErrorGroup) object {
	t := icmp6.Type(e.Type)
	o = o.key("message").string(t.String()).uint("code", uint64(e.Code))
	if t == icmp6.TypePacketTooBig {
		o = o.uint("mtu", uint64(e.MTU))
	}
	o = o.addr("source", e.Source).uint("hop_limit", uint64(e.HopLimit)).uint("count", e.Count)
	if e.From.IsValid() {
		o = o.key("flow").open('{').addr("source", e.From).addr("destination", e.To).uint("protocol", uint64(e.Protocol))
		if e.HasPorts {
			o = o.uint("source_port", uint64(e.SourcePort)).uint("destination_port", uint64(e.Port))
		}
		if e.HasEcho {
			o = o.uint("echo_id", uint64(e.SourcePort))
		}
		o = o.close('}').uint("quoted_length", uint64(e.QuotedLength)).bool("seen_before", e.SeenBefore)
	}
	if t == icmp6.TypePacketTooBig {
		o = o.key("fate").string(fateName(e.Fate)).uint("largest_since", uint64(e.LargestSince))
		o = o.uint("too_big_since", e.TooBigSince)
		if e.Encapsulation != "" {
			o = o.key("encapsulation").string(e.Encapsulation)
		}
	}
	return o.span(e.First, e.Last).frame(e.LastFrame)
}

func fateName(f nd.Fate) string {
	switch f {
	case nd.FateShrank:
		return "shrank"
	case nd.FateIgnored:
		return "ignored"
	case nd.FateQuiet:
		return "quiet"
	case nd.FateUnclear:
		return "unclear"
	}
	return "unknown"
}

func (o object) redirectEntry(r *nd.Redirect) object {
	o = o.addr("router", r.Router).addr("host", r.Host).addr("destination", r.Destination).addr("target", r.Target)
	if r.HasMAC {
		o = o.mac("target_mac", r.TargetMAC)
	}
	o = o.bool("on_link", r.OnLink)
	if r.Dropped != "" {
		o = o.key("dropped").string(string(r.Dropped))
	}
	return o.uint("count", r.Count).time("last", r.Last)
}

func (o object) silentGroup(g *nd.SilentGroup) object {
	o = o.addr("group", g.Group).addr("neighbor", g.Neighbor).addr("querier", g.Querier)
	return o.uint("missed", uint64(g.Missed)).time("last", g.Last)
}
