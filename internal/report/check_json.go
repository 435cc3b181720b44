package report

import (
	"v6probe/internal/check"
	"v6probe/internal/rule"
)

// checkJSON writes NDJSON: an object for each capture, after it one for each of its findings, and a summary at the end.
type checkJSON struct{ j *JSON }

func (r *checkJSON) Capture(c *check.Capture) error {
	o := r.j.obj.begin("capture").key("capture").string(c.Name).key("against").open('[')
	for _, f := range c.Against {
		o = o.elem().string(f)
	}
	o = o.close(']').key("verdict").string(captureVerdict(c))
	o = o.uint("frames", c.Frames).uint("messages", c.Messages)
	o = o.uint("ignored", uint64(max(c.Ignored, 0))).uint("known", uint64(max(c.Known, 0)))
	if len(c.Gone) > 0 {
		o = o.key("gone").open('[')
		for _, e := range c.Gone {
			o = o.elem().open('{').key("rule").string(string(e.Rule)).uint("count", uint64(max(e.Count, 0))).close('}')
		}
		o = o.close(']')
	}
	o = o.float("seconds", c.Took.Seconds(), 3)
	if c.Err != nil {
		o = o.key("error").string(rawError(c)).text("hint", errorHint(c))
	}
	if err := r.j.end(o); err != nil {
		return err
	}
	for i := range c.Found {
		if err := r.finding(c, &c.Found[i]); err != nil {
			return err
		}
	}
	return nil
}

// finding writes a finding as JSON.Finding does, with the capture and how often it was seen there.
func (r *checkJSON) finding(c *check.Capture, f *rule.Found) error {
	return r.j.end(r.j.obj.begin("finding").key("capture").string(c.Name).finding(f.Finding).uint("count", f.Count))
}

func (r *checkJSON) End(s CheckSummary) error {
	o := r.j.obj.begin("summary").key("verdict").string(s.Verdict())
	if s.Interrupted {
		o = o.bool("interrupted", true)
	}
	o = o.uint("captures", uint64(max(s.Captures, 0))).uint("failed", uint64(max(s.Failed, 0)))
	o = o.uint("broken", uint64(max(s.Damaged, 0)))
	o = o.key("findings").open('{').uint("error", uint64(max(s.Errors, 0))).uint("warning", uint64(max(s.Warnings, 0)))
	o = o.uint("info", uint64(max(s.Notes, 0))).close('}')
	o = o.uint("ignored", uint64(max(s.Ignored, 0))).uint("known", uint64(max(s.Known, 0)))
	return r.j.end(o.float("seconds", s.Took.Seconds(), 3))
}
