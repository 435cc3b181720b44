package report

import "v6probe/internal/trace"

// Traces writes an object for each path of messages through a bridge.
func (j *JSON) Traces(paths []trace.Path) error {
	for i := range paths {
		p := &paths[i]
		o := j.obj.begin("path")
		o = o.key("message").string(p.Type.String()).addr("source", p.Source).addr("destination", p.Destination)
		if p.Target.IsValid() {
			o = o.addr("target", p.Target)
		}
		o = o.mac("mac", p.MAC).text("from", p.From).text("disguise", p.Disguise).text("untaken", p.Untaken)
		if p.Tunnel.Port != 0 {
			o = o.uint("vni", uint64(p.Tunnel.VNI)).addr("tunnel_source", p.Tunnel.Source).addr("tunnel_destination", p.Tunnel.Destination)
			o = o.uint("tunnel_port", uint64(p.Tunnel.Port))
		}
		o = o.bool("rogue", p.Rogue).uint("count", p.Count).uint("nowhere", p.Nowhere)
		o = o.key("exits").open('[')
		for _, e := range p.Exits {
			o = o.elem().open('{').key("port").string(e.Port).uint("seen", e.Seen).uint("missed", e.Missed)
			if e.Kind == trace.Overlay {
				o = o.uint("below", e.Below).text("device", e.Device)
			}
			o = o.close('}')
		}
		if err := j.end(o.close(']')); err != nil {
			return err
		}
	}
	return nil
}
