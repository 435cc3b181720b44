package nd

import (
	"fmt"
	"net/netip"
	"time"

	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// mirrorState tells a loop, in which one frame comes back, from a mirror port that shows every frame twice. One frame seen
// twice within lateCopyGap may be either: what becomes of the others decides.
type mirrorState struct {
	marks  [16]mark   // the last messages that are no test for a duplicate address
	sums   [16]uint16 // and their checksums
	ends   [256]uint8 // how many of them end so: mostly none does as that of the next message
	next   int
	others uint64 // such messages, copies not counted
	copies uint64

	twice *sighting // the first solicitation of duplicate address detection that was seen twice
}

// mark is what two sightings of one message have in common, besides their checksum, which covers the addresses.
type mark struct {
	at     ndcheck.Stamp
	length int
	source ip
}

// sighting is a solicitation that was seen twice.
type sighting struct {
	from   packet.MAC
	target netip.Addr
	gap    time.Duration
	frame  uint64
	at     time.Time
}

// mark takes in a message that is no test for a duplicate address.
func (s *mirrorState) mark(p *packet.Packet, source ip, at ndcheck.Stamp) {
	checksum := p.Message.Checksum
	if s.ends[uint8(checksum)] > 0 && s.copied(checksum, len(p.Message.Raw), source, at) {
		s.copies++
		return
	}
	if s.others++; s.others > uint64(len(s.marks)) {
		s.ends[uint8(s.sums[s.next])]--
	}
	s.ends[uint8(checksum)]++
	s.marks[s.next], s.sums[s.next] = mark{at, len(p.Message.Raw), source}, checksum
	s.next = (s.next + 1) % len(s.marks)
}

func (s *mirrorState) copied(checksum uint16, length int, source ip, at ndcheck.Stamp) bool {
	for i, sum := range s.sums {
		if sum != checksum {
			continue
		}
		if o := &s.marks[i]; o.length == length && o.source == source && within(o.at, at, lateCopyGap) {
			return true
		}
	}
	return false
}

// fewOthers is up to how many messages prove nothing by being seen once.
const fewOthers = 3

// judgeTwice tells at the end of a link's solicitation that was seen twice, unless that is a mirror port's doing.
func (c *Checker) judgeTwice(l *link) {
	t := l.twice
	if t == nil || l.mixed || l.copies > 0 {
		return
	}
	l.twice = nil
	from := macText(t.from)
	f := c.add(l, "dad.looped", fmt.Sprintf("the solicitation by which %s tests %v was seen again %s later, with the same nonce, and none of "+
		"%d other messages was: it comes back", from, t.target, seconds(t.gap), l.others))
	if l.others < fewOthers {
		f.Severity = rule.Info
		f.Detail = fmt.Sprintf("the solicitation by which %s tests %v was seen again %s later, with the same nonce: whether it comes back or a "+
			"mirror port shows frames twice cannot be known from so few", from, t.target, seconds(t.gap))
	}
	f.Source, f.Subject, f.Frame, f.Time = t.target, from, t.frame, t.at
}
