package report

import (
	"fmt"
	"strings"

	"v6probe/internal/drops"
	"v6probe/internal/icmp6"
)

// counting writes how well it was counted, so that nothing is lost in silence.
func (t *Text) counting(c *drops.Counts) {
	var said []string
	add := func(n uint64, format string, args ...any) {
		if n > 0 {
			said = append(said, fmt.Sprintf(format, args...))
		}
	}
	add(c.Seen, "looked at %s of every protocol that the kernel dropped, in all namespaces", many(c.Seen, "packet"))
	add(c.Unread, "%s of them may be ICMPv6, but the headers could not be read", grouped(c.Unread))
	add(c.MapFull, "%s in no line above, as there was no room for more places (`--type ra,rs,ns,na` leaves less to count)",
		many(c.MapFull, "ICMPv6 packet"))
	add(c.NoStack, "%s counted without asking which function called, as there were too many a second: at which hook they were "+
		"dropped is concluded from the others, or not known", many(c.NoStack, "packet"))
	add(c.Missed, "%s missed, as the kernel was already counting another one there", many(c.Missed, "drop"))
	if len(said) == 0 {
		return
	}
	t.line("")
	t.item(0, "Counting", 10, strings.Join(said, "; ")+".")
}

// everyDrop lists all places with what the kernel says of them.
func (t *Text) everyDrop(d *Dropped) {
	if len(d.Drops) == 0 {
		return
	}
	t.line("")
	t.line("Every place, worst first:")
	for i := range firstOf(d.Drops, maxPlaces) {
		e := &d.Drops[i]
		t.entry(2, messageCount(e.Packets, &e.Place)+" "+placeText(&e.Place)+": "+e.Class.String())
		t.item(6, "kernel", 8, kernelWords(e))
		if !e.Last.IsZero() {
			t.item(6, "when", 8, fmt.Sprintf("%s to %s, %s in all", clock(e.First), clock(e.Last), many(e.Bytes, "byte")))
		}
		if e.Source.IsValid() && e.Destination.IsValid() {
			t.item(6, "packet", 8, fmt.Sprintf("%v > %v, code%s%d", e.Source, e.Destination, nbsp, e.Code)+flagText(e.Flags))
		}
		if e.Why != "" {
			t.item(6, "why", 8, printable(e.Why))
		}
	}
	t.andMore(2, len(d.Drops)-maxPlaces, "place")
}

// flagText lists the flags: ", multicast, bad-hop-limit".
func flagText(f drops.Flags) string {
	s := ""
	for _, n := range dropFlags {
		if f.Has(n.bit) {
			s += ", " + n.name
		}
	}
	return s
}

// DropCount says for the verdict what was counted: "36 packets hurt, 12 unknown, 1,234 benign, in 10.0 s".
func DropCount(d *Dropped) string {
	verb := " hurt"
	if d.Packets(drops.Hurts) == 1 {
		verb = " hurts"
	}
	return many(d.Packets(drops.Hurts), "packet") + verb + ", " + grouped(d.Packets(drops.Unknown)) + " unknown, " +
		grouped(d.Packets(drops.Benign)) + " benign, in " + Duration(d.Took)
}

// HeardAndDropped says how many of the messages of a type that were heard this kernel dropped, and where; and what looks like
// a drop and is none.
func (t *Text) HeardAndDropped(d *Dropped, typ icmp6.Type, heard uint64) {
	t.heardAndDropped(d, typ, heard)
	t.notDrops(d.NotDrops)
}

func (t *Text) heardAndDropped(d *Dropped, typ icmp6.Type, heard uint64) {
	var lost []*drops.Drop
	var n uint64
	for i := range d.Drops {
		if e := &d.Drops[i]; e.Type == typ && e.Class != drops.Benign && !e.Flags.Has(drops.LaterPiece) {
			lost = append(lost, e)
			n += e.Packets
		}
	}
	if heard == 0 && n == 0 {
		return
	}
	where := "here"
	if d.Where != "" {
		where = strings.TrimPrefix(d.Where, "on ")
	}
	of, them := drops.Place{Type: typ}, "them"
	if heard == 1 {
		them = "it"
	}
	s := messageCount(heard, &of) + " reached " + printable(where) + ", and this kernel dropped "
	switch {
	case heard == 0:
		_, one, _ := icmpNames(typ)
		s = "No " + one + " was heard on " + printable(where) + ", and yet this kernel dropped " + grouped(n)
	case n == 0:
		s += "none of " + them
	case n > heard: // a bridge makes a copy for each port
		s += grouped(n) + " copies of " + them
	case n == 1 && heard == 1:
		s += "it"
	default:
		s += grouped(n) + " of " + them
	}
	t.line("")
	for i, e := range firstOf(lost, maxKinds) {
		s += [...]string{": ", "; "}[min(i, 1)] + placeText(&e.Place)
		if len(lost) > 1 {
			s += " (" + grouped(e.Packets) + ")"
		}
	}
	if more := len(lost) - maxKinds; more > 0 {
		s += fmt.Sprintf("; and at %s more", Plural(more, "place"))
	}
	t.item(0, "", 0, s+".")
	if len(lost) > 0 && lost[0].Next != "" {
		t.line("  " + fmt.Sprintf("%-6s", "next") + printable(lost[0].Next))
	}
}
