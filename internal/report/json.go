// Package report says what was found: as text for people and as NDJSON for programs. What came off the wire is escaped
// before it is written.
package report

import (
	"encoding/hex"
	"io"
	"net/netip"
	"strconv"
	"time"
	"unicode/utf8"

	"v6probe/internal/capture"
	"v6probe/internal/checklist"
	"v6probe/internal/packet"
	"v6probe/internal/resolve"
	"v6probe/internal/rule"
)

// Schema is the version of the NDJSON objects. It changes when a field changes its meaning or goes away.
const Schema = 1

// JSON writes NDJSON, one object a line, each line in one Write.
type JSON struct {
	w   io.Writer
	obj object
}

// NewJSON returns a JSON that writes to w.
func NewJSON(w io.Writer) *JSON { return &JSON{w: w} }

// Message writes a decoded message and the rules that it broke.
func (j *JSON) Message(p *packet.Packet, found []rule.Finding) error {
	o := j.obj.begin("message")
	o = o.time("time", p.Frame.Time)
	o = o.packet(p)
	o = o.message(p)
	o = o.key("findings").open('[')
	for i, f := range found {
		if i > 0 && repeats(found[:i], f.Rule) {
			continue
		}
		o = o.elem().string(string(f.Rule))
	}
	return j.end(o.close(']'))
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
	if s.Forgotten > 0 {
		o = o.uint("forgotten_links", s.Forgotten)
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

// object is JSON text under construction. Its methods append and return it, so that a line costs no allocation once the
// buffer has grown.
type object []byte

func (o object) begin(typ string) object {
	o = append(o[:0], `{"type":`...)
	return o.string(typ).uint("schema", Schema)
}

// elem begins an array element.
func (o object) elem() object {
	if c := o[len(o)-1]; c != '[' && c != '{' {
		o = append(o, ',')
	}
	return o
}

func (o object) key(k string) object {
	o = append(o.elem(), '"')
	o = append(o, k...)
	return append(o, '"', ':')
}

func (o object) open(c byte) object  { return append(o, c) }
func (o object) close(c byte) object { return append(o, c) }

func (o object) uint(k string, v uint64) object { return strconv.AppendUint(o.key(k), v, 10) }
func (o object) bool(k string, v bool) object   { return strconv.AppendBool(o.key(k), v) }

func (o object) addr(k string, a netip.Addr) object {
	o = append(o.key(k), '"')
	if a.IsValid() {
		o = a.AppendTo(o)
	}
	return append(o, '"')
}

func (o object) prefix(k string, p netip.Prefix) object {
	o = append(o.key(k), '"')
	if p.IsValid() {
		o = p.AppendTo(o)
	}
	return append(o, '"')
}

func (o object) time(k string, t time.Time) object {
	o = append(o.key(k), '"')
	o = t.UTC().AppendFormat(o, time.RFC3339Nano)
	return append(o, '"')
}

func (o object) hex(k string, b []byte) object {
	o = append(o.key(k), '"')
	o = hex.AppendEncode(o, b)
	return append(o, '"')
}

func (o object) mac(k string, m packet.MAC) object {
	o = append(o.key(k), '"')
	o = appendMAC(o, m[:])
	return append(o, '"')
}

func appendMAC(b []byte, m []byte) []byte {
	for i, c := range m {
		if i > 0 {
			b = append(b, ':')
		}
		b = hex.AppendEncode(b, []byte{c})
	}
	return b
}

// string appends s as a JSON string in which only printable characters stand for themselves: no control character of
// either set reaches a terminal. Bytes that are no UTF-8 become U+FFFD.
func (o object) string(s string) object {
	o = append(o, '"')
	for i := 0; i < len(s); {
		c := s[i]
		if c >= 0x20 && c < 0x7f {
			if c == '"' || c == '\\' {
				o = append(o, '\\')
			}
			o = append(o, c)
			i++
			continue
		}
		r, n := utf8.DecodeRuneInString(s[i:])
		if strconv.IsPrint(r) && r != utf8.RuneError {
			o = append(o, s[i:i+n]...)
		} else {
			o = appendEscape(o, r)
		}
		i += n
	}
	return append(o, '"')
}

// appendEscape appends r as one or two \uXXXX.
func appendEscape(o object, r rune) object {
	const digits = "0123456789abcdef"
	if r > 0xffff {
		r -= 0x10000
		o = appendEscape(o, 0xd800+r>>10)
		r = 0xdc00 + r&0x3ff
	}
	return append(o, '\\', 'u', digits[r>>12&15], digits[r>>8&15], digits[r>>4&15], digits[r&15])
}
