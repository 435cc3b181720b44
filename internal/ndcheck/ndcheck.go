// Package ndcheck judges what every Neighbor Discovery message must satisfy before a receiver looks at its contents
// (RFC 4861 §6.1 and §7.1, RFC 6980, RFC 7112, RFC 5722), and gathers the findings about one packet.
package ndcheck

import (
	"fmt"
	"slices"

	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Report gathers the findings about one packet. It is reused from packet to packet.
type Report struct {
	Packet   *packet.Packet
	Findings []rule.Finding

	// The text of the last link that a finding named: packets of one link follow each other.
	link     packet.Link
	linkText string

	memos *[memoSlots]memo // nil until there is one
}

// Reset makes r ready for p and keeps its memory.
func (r *Report) Reset(p *packet.Packet) { r.Packet, r.Findings = p, r.Findings[:0] }

// Add adds a finding of rule id, with the rule's severity. offset is from the start of the message, -1 for none; it is
// stored as an offset in the frame. subject may be "".
func (r *Report) Add(id rule.ID, offset int, subject, format string, args ...any) {
	r.AddAt(id, r.frameOffset(offset), subject, format, args...)
}

// AddInfo is Add for a case of the rule that is worth a note only.
func (r *Report) AddInfo(id rule.ID, offset int, subject, format string, args ...any) {
	r.AddAt(id, r.frameOffset(offset), subject, format, args...)
	r.Findings[len(r.Findings)-1].Severity = rule.Info
}

// frameOffset turns an offset in the message into one in the frame, or in the reassembled packet.
func (r *Report) frameOffset(offset int) int {
	if offset < 0 {
		return -1
	}
	return r.Packet.PayloadOffset + offset
}

// AddAt is Add with an offset in the frame (or the reassembled packet) itself.
func (r *Report) AddAt(id rule.ID, offset int, subject, format string, args ...any) {
	known, _ := rule.Lookup(id)
	p := r.Packet
	if link := p.Link(); r.linkText == "" || link != r.link {
		r.link, r.linkText = link, link.String()
	}
	r.Findings = append(r.Findings, rule.Finding{
		Rule:     id,
		Severity: known.Severity,
		Detail:   Escape(fmt.Sprintf(format, args...)),
		Frame:    p.Frame.Number,
		Time:     p.Frame.Time,
		Link:     r.linkText,
		Source:   p.Source,
		Offset:   offset,
		Subject:  subject,
	})
}

// Drops reports whether one of the findings says that a receiver drops the packet.
func (r *Report) Drops() bool {
	return slices.ContainsFunc(r.Findings, func(f rule.Finding) bool {
		known, _ := rule.Lookup(f.Rule)
		return known.Receiver == rule.ReceiverDrops
	})
}

// Escape writes the bytes of s that are not printable ASCII as \xNN: whatever text of the wire got into a detail cannot
// reach a terminal as it is.
func Escape(s string) string {
	clean := func(c byte) bool { return c >= ' ' && c < 0x7f }
	i := 0
	for i < len(s) && clean(s[i]) {
		i++
	}
	if i == len(s) {
		return s
	}
	b := []byte(s[:i])
	for ; i < len(s); i++ {
		if clean(s[i]) {
			b = append(b, s[i])
			continue
		}
		b = fmt.Appendf(b, `\x%02x`, s[i])
	}
	return string(b)
}
