package report

import "v6probe/internal/counters"

// Counted writes an object for each counter that moved, and one for each source of counters.
func (j *JSON) Counted(c *Counted) error {
	for i := range c.Moved {
		m := &c.Moved[i]
		o := j.obj.begin("counter").key("counters").string(m.Source).text("where", m.Where)
		o = o.text("iface", m.Interface).text("name", m.Name).uint("packets", m.Delta).key("meaning").string(m.Meaning)
		o = o.bool("dropped", m.Drop).bool("icmpv6_only", m.ICMPv6)
		if m.Reset {
			o = o.bool("reset", true)
		}
		if err := j.end(o); err != nil {
			return err
		}
	}
	for i := range c.Sources {
		if err := j.counterSource(&c.Sources[i]); err != nil {
			return err
		}
	}
	return nil
}

func (j *JSON) counterSource(s *counters.Source) error {
	o := j.obj.begin("counter-source").key("name").string(s.Name).key("tool").string(s.Tool).bool("read", s.Read)
	o = o.text("reason", s.Why).text("fix", s.Hint).uint("count", uint64(max(s.Counters, 0)))
	o = o.key("blind").open('[')
	for _, b := range s.Blind {
		o = o.elem().string(b)
	}
	return j.end(o.close(']'))
}

// CountedSummary writes the last line where the kernel's own counters were read. Of what they count it is not known whether
// anybody misses it.
func (j *JSON) CountedSummary(s Summary, c *Counted) error {
	sure, perhaps := c.Lost()
	o := j.obj.begin("summary").key("verdict").string(s.Verdict()).float("seconds", c.Took.Seconds(), 3)
	o = o.uint("unknown", sure).uint("perhaps_icmpv6", perhaps)
	o = o.key("source").string("counters").text("reason", c.Why).statements(c.NotDrops).findings(s.Tally)
	return j.end(o.text("damage", s.Damage))
}
