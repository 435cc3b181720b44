package report

import (
	"fmt"
	"strings"

	"v6probe/internal/drops"
	"v6probe/internal/host"
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

// DropCount says for the verdict what was counted: "dropped: 36 missed, 12 unknown, 1,234 as they should be, in 10.0 s".
func DropCount(d *Dropped) string {
	they := "they"
	if d.Packets(drops.Benign) == 1 {
		they = "it"
	}
	return "dropped: " + grouped(d.Packets(drops.Hurts)) + " missed, " + grouped(d.Packets(drops.Unknown)) + " unknown, " +
		grouped(d.Packets(drops.Benign)) + " as " + they + " should be, in " + Duration(d.Took)
}

// AllDropped is the headline where this kernel dropped all messages of a type that were heard on an interface, before its IPv6
// could use them. It writes nothing where that is not so.
func (t *Text) AllDropped(d *Dropped, typ icmp6.Type, heard uint64) {
	var lost []*drops.Drop
	var n uint64
	for i := range d.Drops {
		e := &d.Drops[i]
		if e.Type == typ && e.Class == drops.Hurts && e.Interface == d.Interface && e.NetNS == "" &&
			!e.Flags.Has(drops.LaterPiece) && atTheWayIn(e.Hook) {
			lost = append(lost, e)
			n += e.Packets
		}
	}
	if n == 0 || n < heard || d.Interface == "" {
		return
	}
	_, one, several := icmpNames(typ)
	what, them := "all "+grouped(n)+nbsp+several+" that reach it", "them"
	if n == 1 {
		what, them = "the one "+one+" that reached it", "it"
	}
	if at := atPlaces(lost); at != "" {
		what += " (" + strings.TrimPrefix(strings.TrimPrefix(at, ", "), "all ") + ")"
	}
	s := printable(d.Interface) + ": this kernel drops " + what + ": this host forms no address"
	for _, l := range wrap(s+" from "+them+".", t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	t.line("")
}

// atTheWayIn reports whether a hook is passed by what comes in for this host.
func atTheWayIn(hook string) bool {
	for _, name := range []string{"ip6 prerouting", "ip6 input", "netdev ingress", "inet ingress", "tc ingress", "XDP"} {
		if strings.HasPrefix(hook, name) {
			return true
		}
	}
	return false
}

// HeardAndDropped says how many of the messages of a type that were heard this kernel dropped, and where; and what looks like
// a drop and is none.
func (t *Text) HeardAndDropped(d *Dropped, typ icmp6.Type, heard uint64) {
	t.heardAndDropped(d, typ, heard)
	t.notDrops(d.NotDrops, func(*host.Statement) bool { return true })
}

// sumPlaces returns where list was dropped, in its order, and how many packets in each of these places: what is counted apart may
// read the same.
func sumPlaces(list []*drops.Drop) (places []string, count map[string]uint64) {
	count = make(map[string]uint64)
	for _, d := range list {
		place := placeText(&d.Place)
		if _, known := count[place]; !known {
			places = append(places, place)
		}
		count[place] += d.Packets
	}
	return places, count
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
	places, count := sumPlaces(lost)
	for i, place := range firstOf(places, maxKinds) {
		s += [...]string{": ", "; "}[min(i, 1)] + place
		if len(places) > 1 {
			s += " (" + grouped(count[place]) + ")"
		}
	}
	if more := len(places) - maxKinds; more > 0 {
		s += fmt.Sprintf("; and at %s more", Plural(more, "place"))
	}
	t.item(0, "", 0, s+".")
	if len(lost) > 0 && lost[0].Next != "" {
		t.line("  " + fmt.Sprintf("%-6s", "next") + printable(lost[0].Next))
	}
}
