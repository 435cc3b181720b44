package report

import (
	"strconv"

	"v6probe/internal/resolve"
)

// resolveKinds are the kinds of solicitations by their names in JSON.
var resolveKinds = [...]struct {
	name string
	kind resolve.Kind
}{
	{"multicast", resolve.Group}, {"all_nodes", resolve.AllNodes}, {"unicast", resolve.Unicast},
	{"slow", resolve.Slow}, {"burst", resolve.Burst}, {"unicast_burst", resolve.UnicastBurst},
}

// resolved appends to the summary what asking for a neighbor came to. Round-trip times are in milliseconds, rates a
// second. What stands beside "mac" is of the first station that answered.
func (o object) resolved(r *resolve.Result) object {
	o = o.addr("address", r.Target).bool("own", r.Link.Own != "")
	if len(r.Stations) > 0 {
		s := &r.Stations[0]
		o = o.mac("mac", s.MAC).bool("router", s.Router).rtt(s, resolve.Unicast)
	}
	c := r.Asked()
	o = o.uint("sent", uint64(c.Sent)).uint("answered", uint64(c.Answered)).bool("complete", r.Complete)
	o = o.key("stations").open('[')
	for i := range r.Stations {
		s := &r.Stations[i]
		o = o.elem().open('{').mac("mac", s.MAC).mac("source_mac", s.EthernetSource).addr("source", s.Source)
		o = o.bool("router", s.Router).bool("solicited", s.Solicited)
		if s.OverrideKnown {
			o = o.bool("override", s.Override)
		}
		o = o.uint("answers", uint64(s.Answers)).stationKinds(r, s).close('}')
	}
	o = o.close(']')
	for _, k := range resolveKinds {
		if c := r.Counts[k.kind]; c.Sent > 0 {
			o = o.key(k.name).open('{').uint("sent", uint64(c.Sent)).uint("answered", uint64(c.Answered))
			if len(r.Stations) > 0 && k.kind < resolve.Burst {
				o = o.rtt(&r.Stations[0], k.kind)
			}
			if c.Held > 0 {
				o = o.uint("held", uint64(c.Held))
			}
			if rate := c.Rate(); rate > 0 && k.kind >= resolve.Slow {
				o = o.float("rate", rate, 1)
			}
			if c.Steady > 0 {
				o = o.uint("answered_at_once", uint64(c.AtOnce)).float("answers_per_second", c.Steady, 1)
			}
			o = o.close('}')
		}
	}
	return o
}

// stationKinds appends what a station answered of each kind but for bursts.
func (o object) stationKinds(r *resolve.Result, s *resolve.Station) object {
	for _, k := range resolveKinds {
		sent := r.Counts[k.kind].Sent
		if k.kind == resolve.Unicast {
			sent = s.AskedAlone
		}
		if sent > 0 && k.kind < resolve.Burst {
			o = o.key(k.name).open('{').uint("sent", uint64(sent)).uint("answered", uint64(s.Answered[k.kind])).rtt(s, k.kind).close('}')
		}
	}
	return o
}

// rtt appends a station's round-trip times of a kind.
func (o object) rtt(s *resolve.Station, k resolve.Kind) object {
	o = o.key("rtt").open('[')
	for _, rtt := range s.RTT {
		if rtt.Kind != k {
			continue
		}
		o = strconv.AppendFloat(o.elem(), float64(rtt.Time)/1e6, 'f', 3, 64)
	}
	return o.close(']')
}

func (o object) float(k string, v float64, digits int) object {
	return strconv.AppendFloat(o.key(k), v, 'f', digits, 64)
}
