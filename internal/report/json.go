// Package report says what was found: as text for people and as NDJSON for programs. What came off the wire is escaped
// before it is written.
package report

import (
	"io"

	"v6probe/internal/capture"
	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/resolve"
	"v6probe/internal/rule"
)

// Schema is the version of the NDJSON objects. It changes when a field changes its meaning or goes away.
const Schema = 1

// JSON writes NDJSON, one object a line, each line in one Write but for those that Prepared writes.
type JSON struct {
	w     io.Writer
	obj   object
	stamp timestamp // as the next, of AppendMessage
	memo  memo
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// Message writes a decoded message and the rules that it broke.
func (j *JSON) Message(p *packet.Packet, found []rule.Finding) error {
	j.obj = AppendFindings(j.AppendMessage(j.obj[:0], p), found)
	_, err := j.w.Write(j.obj)
	return err
}

// AppendMessage appends the line of a decoded message up to what AppendFindings appends. It writes nothing, and one goroutine
// at a time may call it.
func (j *JSON) AppendMessage(b []byte, p *packet.Packet) []byte {
	o := object(b).raw(`{"type":"message","schema":`).num(Schema)
	o = append(j.stamp.append(o.raw(`,"time":"`), p.Frame.Time), '"')
	return j.memo.append(o.packet(p), p)
}

// AppendFindings appends the rest of a message's line: the rules that it broke, each once, and the end of the line.
func AppendFindings(b []byte, found []rule.Finding) []byte {
	o := object(b).raw(`,"findings":[`)
	for i := range found {
		if !repeats(found[:i], found[i].Rule) {
			o = o.elem().string(string(found[i].Rule))
		}
	}
	return append(o, "]}\n"...)
}

func repeats(found []rule.Finding, id rule.ID) bool {
	for i := range found {
		if found[i].Rule == id {
			return true
		}
	}
	return false
}

// Finding writes a finding.
func (j *JSON) Finding(f rule.Finding) error { return j.end(j.obj.begin("finding").finding(f)) }

func (o object) finding(f rule.Finding) object {
	r, _ := rule.Lookup(f.Rule)
	o = o.key("rule").string(string(f.Rule)).key("severity").string(f.Severity.String())
	o = o.key("receiver").string(string(r.Receiver)).key("rfc").string(r.RFC)
	o = o.key("title").string(r.Title).key("detail").string(f.Detail).key("fix").string(Fix(f))
	if f.Link != "" {
		o = o.key("link").string(f.Link)
	}
	if f.Frame > 0 {
		o = o.uint("frame", f.Frame)
	}
	if !f.Time.IsZero() {
		o = o.time("time", f.Time)
	}
	if f.Source.IsValid() {
		o = o.addr("source", f.Source)
	}
	if f.Offset >= 0 && f.Frame > 0 {
		o = o.uint("offset", uint64(f.Offset))
	}
	if !f.Expected.IsZero() {
		o = o.place("expected", f.Expected)
	}
	return o
}

// place appends where something stands in what the user gave.
func (o object) place(k string, p rule.Place) object {
	o = o.key(k).open('{').key("file").string(p.File).positive("line", p.Line).positive("column", p.Column)
	return o.text("path", p.Path).close('}')
}

// Summary writes the last line.
func (j *JSON) Summary(s Summary) error {
	o := j.obj.begin("summary")
	o = o.key("verdict").string(s.Verdict())
	o = o.uint("frames", s.Stats.Frames).uint("messages", s.Messages)
	o = o.findings(s.Tally)
	o = o.uint("kernel_drops", s.Stats.KernelDrops)
	if s.Stats.Shed.Total() > 0 {
		o = o.shed(s.Stats.Shed)
	}
	if s.Forgotten > 0 {
		o = o.uint("forgotten_links", s.Forgotten)
	}
	if len(s.Evicted) > 0 {
		o = o.evicted(s.Evicted)
	}
	if s.ForgottenPaths > 0 {
		o = o.uint("forgotten_paths", s.ForgottenPaths)
	}
	if s.Cut > 0 {
		o = o.uint("cut_frames", s.Cut)
	}
	if s.Damage != "" {
		o = o.key("damage").string(s.Damage)
	}
	if s.Resolved != nil {
		o = o.resolved(s.Resolved)
	}
	if s.PathMTU != nil {
		o = o.pathMTU(s.PathMTU)
	}
	if s.Elsewhere.tally != nil {
		o = o.elsewhere(s.Elsewhere)
	}
	if s.Checklist != nil {
		conclusion, next := Conclusion(s.Checklist)
		o = o.key("conclusion").string(conclusion).key("next").string(next)
	}
	if s.Dropped != nil {
		o = o.key("drops").open('{').dropped(s.Dropped).close('}')
	}
	return j.end(o)
}

func (j *JSON) end(o object) error {
	o = append(o.close('}'), '\n')
	j.obj = o
	_, err := j.w.Write(o)
	return err
}

// Summary is what a run comes to.
type Summary struct {
	Stats          capture.Stats
	Messages       uint64
	Cut            uint64 // frames of which the capture has too little
	Tally          *rule.Tally
	Forgotten      uint64        // links, for lack of room
	ForgottenPaths uint64        // likewise
	Evicted        Evicted       // what else was, by kind
	FailOn         rule.Severity // findings from here on make the verdict "fail"
	NeverFail      bool
	Damage         string          // why the input ended early; "" when it did not
	Elsewhere      Elsewhere       // the zero value in a command that tells all it finds
	Resolved       *resolve.Result // what asking for a neighbor came to; may be nil
	PathMTU        *PathMTU        // what probing a path came to; may be nil
	Checklist      *checklist.List // of a role's command; may be nil
	Dropped        *Dropped        // what this kernel dropped meanwhile; nil where that was not counted
}

// Failed reports whether a finding is as severe as FailOn.
func (s Summary) Failed() bool {
	for sev := s.FailOn; sev <= rule.Error && !s.NeverFail; sev++ {
		if s.Tally.Count(sev) > 0 {
			return true
		}
	}
	return false
}

// Verdict returns "pass" or "fail".
func (s Summary) Verdict() string {
	if s.Failed() || s.Damage != "" {
		return "fail"
	}
	return "pass"
}

// Fix returns what to do about f: its own advice, else its rule's.
func Fix(f rule.Finding) string {
	if f.Fix != "" {
		return f.Fix
	}
	r, _ := rule.Lookup(f.Rule)
	return r.Fix
}
