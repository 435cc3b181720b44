package report

import (
	"strings"

	"v6probe/internal/pmtu"
)

// Paths writes an object for each path of which a capture proves something.
func (j *JSON) Paths(list []pmtu.Path) error {
	for i := range list {
		p := &list[i]
		o := j.obj.begin("path").addr("source", p.Source).addr("destination", p.Destination)
		if p.AtLeast > 0 {
			proof := strings.ReplaceAll(string(p.AtLeastBy), " ", "-")
			o = o.uint("at_least", uint64(p.AtLeast)).key("proof").string(proof).uint("at_least_frame", p.AtLeastFrame)
		}
		o = o.positive("seen_here", p.SeenHere)
		if p.AtMost > 0 {
			o = o.uint("at_most", uint64(p.AtMost)).uint("at_most_frame", p.AtMostFrame).bool("larger_passed", p.LargerPassed)
		}
		o = o.key("said").open('[')
		for k := range p.Said {
			s := &p.Said[k]
			o = o.elem().open('{').addr("source", s.Source).uint("mtu", uint64(s.MTU)).uint("smallest", uint64(s.Smallest))
			o = o.uint("largest", uint64(s.Largest)).uint("count", uint64(s.Count)).close('}')
		}
		o = o.close(']').positive("fragment", p.Fragment)
		if s := p.Suspected; s.Size > 0 {
			o = o.key("suspected").open('{').uint("size", uint64(s.Size)).uint("sent", uint64(s.Sent)).ms("span", s.Span)
			o = o.uint("frame", s.Frame).positive("small", s.Small).positive("passed", s.Passed).close('}')
		}
		o = o.positive("source_mss", p.SourceMSS).positive("destination_mss", p.DestinationMSS)
		if !p.First.IsZero() {
			o = o.time("first", p.First).time("last", p.Last)
		}
		if err := j.end(o.uint("frame", p.Frame)); err != nil {
			return err
		}
	}
	return nil
}
