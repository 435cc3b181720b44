package report

import (
	"fmt"
	"time"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/rule"
)

// Drop writes what was counted at a place: packets of them since the last time that it was written.
func (j *JSON) Drop(d *drops.Drop, packets uint64) error {
	o := j.obj.begin("drop")
	o = o.time("time", d.Last).key("class").string(d.Class.String())
	o = o.uint("packets", packets).uint("total", d.Packets).uint("bytes", d.Bytes)
	o = o.key("message").string(d.Type.String()).uint("icmp_type", uint64(d.Type)).uint("code", uint64(d.Code))
	o = o.text("reason", d.Reason).text("hook", d.Hook).text("location", d.Location)
	if len(d.Callers) > 0 {
		o = o.key("callers").open('[')
		for _, c := range d.Callers {
			o = o.elem().string(c)
		}
		o = o.close(']')
	}
	o = o.text("iface", d.Interface).text("arrived", d.Arrived).text("netns", d.NetNS)
	o = o.positive("vlan", int(d.VLAN))
	if d.Flags.Has(drops.Tunneled) {
		o = o.uint("vni", uint64(d.VNI))
	}
	if d.Flags != 0 {
		o = o.key("flags").open('[')
		for _, f := range dropFlags {
			if d.Flags.Has(f.bit) {
				o = o.elem().string(f.name)
			}
		}
		o = o.close(']')
	}
	if d.Source.IsValid() {
		o = o.addr("source", d.Source)
	}
	if d.Destination.IsValid() {
		o = o.addr("destination", d.Destination)
	}
	o = o.text("why", d.Why)
	if d.Rule != "" {
		o = o.key("rule").string(string(d.Rule)).key("severity").string(d.Severity.String())
		o = o.text("fix", Fix(rule.Finding{Rule: d.Rule, Fix: d.Fix}))
	}
	return j.end(o.text("next", d.Next))
}

// DropFinding writes a finding as Finding does. If it is about a place of list, that is added: how many packets, where, and the
// command to run next.
func (j *JSON) DropFinding(f rule.Finding, list []drops.Drop) error {
	o := j.obj.begin("finding").finding(f)
	if d := dropOf(f, list); d != nil {
		o = o.uint("packets", d.Packets).text("hook", d.Hook).text("netns", d.NetNS).text("next", d.Next)
	}
	return j.end(o)
}

// dropOf returns the place that a finding is about, nil for none.
func dropOf(f rule.Finding, list []drops.Drop) *drops.Drop {
	for i := range list {
		d := &list[i]
		if d.Rule != "" && d.Rule == f.Rule && d.Interface == f.Link && fmt.Sprint(d.Place) == f.Subject {
			return d
		}
	}
	return nil
}

// Drops writes the places whose count moved from before to now, and what the interval came to. span is how long it was.
func (j *JSON) Drops(now, before *drops.Snapshot, span time.Duration) error {
	var sum [3]uint64
	for i, n := range Moved(now.Drops, before.Drops) {
		if n == 0 {
			continue
		}
		sum[min(now.Drops[i].Class, drops.Benign)] += n
		if err := j.Drop(&now.Drops[i], n); err != nil {
			return err
		}
	}
	o := j.obj.begin("interval").time("time", now.Time).float("seconds", span.Seconds(), 3)
	o = o.counts(since(&now.Counts, &before.Counts))
	return j.end(o.uint("hurts", sum[drops.Hurts]).uint("unknown", sum[drops.Unknown]).uint("benign", sum[drops.Benign]))
}

// since returns what was counted from before to now.
func since(now, before *drops.Counts) *drops.Counts {
	return &drops.Counts{
		Seen: grown(now.Seen, before.Seen), ICMPv6: grown(now.ICMPv6, before.ICMPv6), Unread: grown(now.Unread, before.Unread),
		MapFull: grown(now.MapFull, before.MapFull), NoStack: grown(now.NoStack, before.NoStack),
		Missed: grown(now.Missed, before.Missed),
	}
}

func grown(now, before uint64) uint64 { return max(now, before) - before }

func (o object) counts(c *drops.Counts) object {
	return o.uint("seen", c.Seen).uint("icmpv6", c.ICMPv6).uint("unread", c.Unread).uint("map_full", c.MapFull).
		uint("no_stack", c.NoStack).uint("missed", c.Missed)
}

// text appends a string that is known when it is not empty.
func (o object) text(k, v string) object {
	if v == "" {
		return o
	}
	return o.key(k).string(v)
}

// DropSummary writes the last line of a command that counts drops: as Summary does, without what is about captures.
func (j *JSON) DropSummary(s Summary, d *Dropped) error {
	o := j.obj.begin("summary").key("verdict").string(s.Verdict())
	o = o.dropped(d).findings(s.Tally)
	return j.end(o.text("damage", s.Damage))
}

// findings appends how many different faults there are.
func (o object) findings(t *rule.Tally) object {
	o = o.key("findings").open('{')
	o = o.uint("error", uint64(t.Count(rule.Error))).uint("warning", uint64(t.Count(rule.Warning)))
	o = o.uint("info", uint64(t.Count(rule.Info))).close('}')
	if n := t.Unlisted(); n > 0 {
		o = o.uint("unlisted", n)
	}
	return o
}

// dropped appends to a summary what counting drops came to.
func (o object) dropped(d *Dropped) object {
	o = o.float("seconds", d.Took.Seconds(), 3).counts(&d.Counts)
	o = o.uint("hurts", d.Packets(drops.Hurts)).uint("unknown", d.Packets(drops.Unknown)).uint("benign", d.Packets(drops.Benign))
	if n := packetsOf(d.Elsewhere, drops.Hurts); n > 0 {
		o = o.uint("hurts_elsewhere", n)
	}
	return o.key("source").string("ebpf").statements(d.NotDrops)
}

// statements appends what is not a drop, an object for each.
func (o object) statements(list []host.Statement) object {
	o = o.key("not_drops").open('[')
	for i := range list {
		s := &list[i]
		o = o.elem().open('{').key("ifaces").open('[')
		for _, name := range s.Interfaces {
			o = o.elem().string(name)
		}
		o = o.close(']').key("text").string(s.Text).text("fix", s.Fix).close('}')
	}
	return o.close(']')
}
