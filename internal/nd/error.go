package nd

import (
	"cmp"
	"slices"

	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// maxErrorGroups is half of how many groups of each message type are kept, each with some 500 bytes.
const maxErrorGroups = 512

// errorKey tells groups of errors apart. It has no pointers.
type errorKey struct {
	link   uint32
	code   uint8
	source ip
	flow   flowKey // as far as it is quoted
}

func (k errorKey) hash(s *seed) uint64 {
	return s.mix(k.flow.hash(s)^uint64(k.code)<<32^uint64(k.link), s.mix(k.source.high, k.source.low))
}

// errorGroups are the ICMPv6 errors by kind, source and flow. Each message type has a table of its own, so that a flood of
// one leaves the others alone. In it, a group counts as in use at once when the flow's own packets were seen: whoever makes
// up errors does not know flows, mostly.
type errorGroups struct {
	tables [4]table[errorKey, errorGroup] // by type, from 1 on
}

type errorGroup struct {
	ErrorGroup
	checksum uint16 // of the last message, to know its copies by
	last     ndcheck.Stamp
}

func newErrorGroups() errorGroups {
	var g errorGroups
	for i := range g.tables {
		g.tables[i] = newTable[errorKey, errorGroup](maxErrorGroups)
	}
	return g
}

// complain takes in an ICMPv6 error; dropped is why receivers drop it, or "".
func (c *Checker) complain(l *link, p *packet.Packet, dropped rule.ID) {
	m := &p.Message
	if len(m.Raw) < errorSize || !p.Source.IsValid() {
		return
	}
	key := errorKey{link: l.id, code: m.Code, source: c.this.source}
	q, quoted := icmp6.ParseQuote(m.Quoted())
	tied, seen, takes := false, false, dropped == ""
	if quoted {
		key.flow, tied = quotedFlow(&q)
	}
	if tied {
		f := c.flows.table.peek(key.flow)
		seen = f != nil && f.seen
		// One that goes elsewhere does not tell the sender.
		if m.Type == icmp6.TypePacketTooBig && takes && p.Destination == q.Source {
			takes = c.tooBig(p, &q, key.flow)
		}
	}

	at := c.clock.Packet
	groups := &c.errors.tables[m.Type-icmp6.TypeDestinationUnreachable]
	g, isNew := groups.add(key)
	if isNew {
		g.ErrorGroup = newErrorGroup(p, &q, quoted)
		g.SeenBefore = seen
	} else if g.checksum == m.Checksum && within(g.last, at, copyGap) {
		return
	}
	if seen || !isNew {
		groups.touch(key)
	}
	g.Count++
	g.HopLimit, g.checksum = p.HopLimit, m.Checksum
	g.last, g.Last, g.LastFrame = at, p.Frame.Time, p.Frame.Number
	if takes || isNew {
		g.MTU, g.QuotedLength = m.MTU(), q.Length
	}
}

// newErrorGroup returns the group that p begins, with what its messages have in common.
func newErrorGroup(p *packet.Packet, q *icmp6.Quote, quoted bool) ErrorGroup {
	g := ErrorGroup{Type: uint8(p.Message.Type), Code: p.Message.Code, Source: p.Source, First: p.Frame.Time}
	if !quoted {
		return g
	}
	g.From, g.To, g.Protocol = q.Source, q.Destination, q.Protocol
	g.HasPorts, g.HasEcho = q.HasPorts, q.HasEcho
	g.SourcePort, g.Port = q.SourcePort, q.DestinationPort
	if q.HasEcho {
		g.SourcePort = q.EchoID
	}
	return g
}

func (c *Checker) viewErrors(l *link, v *Link) {
	for i := range c.errors.tables {
		c.errors.tables[i].each(func(k errorKey, g *errorGroup) {
			if k.link != l.id {
				return
			}
			e := g.ErrorGroup
			if icmp6.Type(e.Type) == icmp6.TypePacketTooBig {
				e.Encapsulation = explain(e.MTU)
				c.viewFlow(k.flow, &e)
			}
			v.Errors = append(v.Errors, e)
		})
	}
	slices.SortStableFunc(v.Errors, compareErrors)
}

// viewFlow fills in what became of the flow that a group of Packet Too Big is about.
func (c *Checker) viewFlow(key flowKey, e *ErrorGroup) {
	f := c.flows.table.peek(key)
	if f == nil || f.told == nil {
		return
	}
	e.Fate, e.LargestSince, e.TooBigSince = f.fate(c.clock.Stamp), f.told.largest, f.told.tooBig
}

func compareErrors(a, b ErrorGroup) int {
	return cmp.Or(cmp.Compare(a.Type, b.Type), cmp.Compare(a.Code, b.Code), a.Source.Compare(b.Source),
		a.From.Compare(b.From), a.To.Compare(b.To), cmp.Compare(a.Protocol, b.Protocol),
		cmp.Compare(a.SourcePort, b.SourcePort), cmp.Compare(a.Port, b.Port))
}
