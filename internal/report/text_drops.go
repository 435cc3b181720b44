package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/rule"
)

// Dropped is what counting drops came to.
type Dropped struct {
	drops.Snapshot               // of Drops those that were asked for; Counts are of the whole machine
	Took           time.Duration // how long it was counted
	Where          string        // that was asked for, for a sentence: "on eth0"; "" for all of our own namespace
	Interface      string        // that was asked for; "" for all
	Elsewhere      []drops.Drop  // that were not asked for: at other interfaces, in other namespaces
	NotDrops       []host.Statement
}

// Packets returns how many packets there are of a class.
func (d *Dropped) Packets(c drops.Class) uint64 { return packetsOf(d.Drops, c) }

func packetsOf(list []drops.Drop, c drops.Class) (n uint64) {
	for i := range list {
		if list[i].Class == c {
			n += list[i].Packets
		}
	}
	return n
}

// of returns the drops of a class, those with most packets first.
func (d *Dropped) of(c drops.Class) []*drops.Drop {
	var list []*drops.Drop
	for i := range d.Drops {
		if d.Drops[i].Class == c {
			list = append(list, &d.Drops[i])
		}
	}
	slices.SortStableFunc(list, func(a, b *drops.Drop) int { return cmp.Compare(b.Packets, a.Packets) })
	return list
}

// Dropped writes what was dropped: in a sentence first, then what hurts, with the evidence, then the rest. verbose has every
// place listed, with its stack.
func (t *Text) Dropped(d *Dropped, found []rule.Found, verbose bool) {
	for _, l := range wrap(dropHeadline(d), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	t.DropFindings(found, d.Drops)
	t.unknownDrops(d.of(drops.Unknown))
	t.benignDrops(d, verbose)
	t.dropsElsewhere(d)
	t.notDrops(d.NotDrops, func(s *host.Statement) bool { return verbose || d.Interface != "" || d.countedRAs(s) })
	t.counting(&d.Counts)
	if verbose {
		t.everyDrop(d)
	}
}

// unlessUncounted ends a sentence that nothing was lost: with what was not counted, if there is any.
func unlessUncounted(d *Dropped) string {
	if n := d.Counts.MapFull; n > 0 {
		return ", as far as there was room to count: " + many(n, "more packet") + " could not be."
	}
	return "."
}

// dropHeadline answers the one question: does this kernel drop what somebody misses?
func dropHeadline(d *Dropped) string {
	s := "In " + Duration(d.Took)
	if d.Where != "" {
		s += ", " + printable(d.Where) + ","
	}
	s += " this kernel dropped "
	hurts, unknown := d.of(drops.Hurts), d.of(drops.Unknown)
	switch {
	case len(hurts) > 0:
		return s + withTypes(hurts, " that somebody misses"+atPlaces(hurts))
	case len(unknown) == 1 && unknown[0].Packets == 1:
		return s + withTypes(unknown, " of which it is not known whether anybody misses it")
	case len(unknown) > 0:
		return s + withTypes(unknown, " of which it is not known whether anybody misses them")
	case len(d.Drops) > 0:
		return s + "no ICMPv6 that anybody misses" + unlessUncounted(d)
	}
	return s + "no ICMPv6" + unlessUncounted(d)
}

// atPlaces says where list was dropped, if that is one place or two: ", all at ip6 input (nftables or ip6tables-nft)".
func atPlaces(list []*drops.Drop) string {
	var places []string
	var n uint64
	for _, d := range list {
		n += d.Packets
		if p := atHook(&d.Place); !slices.Contains(places, p) {
			places = append(places, p)
		}
		if d.Hook == "" && d.Location == "" || len(places) > 2 {
			return ""
		}
	}
	if n > 1 && len(places) == 1 {
		return ", all " + places[0]
	}
	return ", " + strings.Join(places, " and ")
}

// withTypes says how many packets of which types, and what of them.
func withTypes(list []*drops.Drop, what string) string {
	types := byType(list)
	if len(types) == 1 {
		return types[0] + what + "."
	}
	var n uint64
	for _, d := range list {
		n += d.Packets
	}
	return many(n, "ICMPv6 packet") + what + ": " + strings.Join(types, ", ") + "."
}

// byType says how many packets of each type there are, most first.
func byType(list []*drops.Drop) []string {
	type total struct {
		place *drops.Place
		n     uint64
	}
	var totals []total
	for _, d := range list {
		i := slices.IndexFunc(totals, func(t total) bool { return shortMessage(t.place) == shortMessage(&d.Place) })
		if i < 0 {
			i = len(totals)
			totals = append(totals, total{place: &d.Place})
		}
		totals[i].n += d.Packets
	}
	slices.SortStableFunc(totals, func(a, b total) int { return cmp.Compare(b.n, a.n) })
	var parts []string
	for i, of := range totals {
		if i == maxKinds && len(totals) > maxKinds+1 {
			parts = append(parts, fmt.Sprintf("%d other types", len(totals)-i))
			break
		}
		parts = append(parts, messageCount(of.n, of.place))
	}
	return parts
}

// What is listed at most; the rest is counted.
const (
	maxKinds   = 4  // of messages, and of reasons for what is as it should be
	maxUnknown = 12 // places
	maxNext    = 3  // commands below a finding
	maxPlaces  = 500
)

// DropFindings writes findings as Findings does, with the command that tells more below each.
func (t *Text) DropFindings(found []rule.Found, list []drops.Drop) {
	for len(found) > 0 {
		var group, rest []rule.Found
		for i := range found {
			if alike(&found[0], &found[i]) {
				group = append(group, found[i])
			} else {
				rest = append(rest, found[i])
			}
		}
		t.line("")
		t.findings(group, true)
		t.next(group, list)
		found = rest
	}
}

// next writes the commands to run next, each on a line of its own however long it is, to be copied.
func (t *Text) next(group []rule.Found, list []drops.Drop) {
	name, told := "next", []string{""}
	for i := range group {
		for j := range list {
			d := &list[j]
			of := d.Rule == group[i].Rule && d.Interface == group[i].Link && d.Fix == group[i].Fix
			if !of || slices.Contains(told, d.Next) || len(told) > maxNext {
				continue
			}
			told = append(told, d.Next)
			t.line(fmt.Sprintf("  %-6s%s", name, printable(d.Next)))
			name = ""
		}
	}
}

// unknownDrops writes what v6probe cannot judge, with what is known of each.
func (t *Text) unknownDrops(list []*drops.Drop) {
	if len(list) == 0 {
		return
	}
	t.line("")
	t.line("Not known whether anybody misses these:")
	for _, d := range firstOf(list, maxUnknown) {
		// The number stands for the first word.
		_, text, _ := strings.Cut(messageCount(d.Packets, &d.Place), nbsp)
		text += " " + placeText(&d.Place)
		if d.Reason != "" && !strings.Contains(d.Why, d.Reason) {
			text += " (" + printable(d.Reason) + ")"
		}
		text += sample(d) + "."
		if d.Why != "" {
			text += " " + printable(d.Why)
		}
		t.item(2, grouped(d.Packets), 8, text)
		if d.Next != "" {
			t.line("  " + fmt.Sprintf("%-8s", "") + "next  " + printable(d.Next))
		}
	}
	t.andMore(2, len(list)-maxUnknown, "place")
}

// sample says from and to whom one of the packets was: ", such as fe80::1 > ff02::1".
func sample(d *drops.Drop) string {
	if !d.Source.IsValid() || !d.Destination.IsValid() {
		return ""
	}
	return fmt.Sprintf(", such as %v > %v", d.Source, d.Destination)
}

// benignDrops writes in one sentence what is as it should be, and why.
func (t *Text) benignDrops(d *Dropped, verbose bool) {
	list := d.of(drops.Benign)
	if len(list) == 0 {
		return
	}
	var whys []string
	count := make(map[string]uint64)
	for _, b := range list {
		why := printable(clause(b.Why))
		if count[why] == 0 {
			whys = append(whys, why)
		}
		count[why] += b.Packets
	}
	slices.SortStableFunc(whys, func(a, b string) int { return cmp.Compare(count[b], count[a]) })
	s := many(d.Packets(drops.Benign), "packet")
	if d.Packets(drops.Benign) == 1 {
		s += " was dropped as it should be"
	} else {
		s += " were dropped as they should be"
	}
	if len(whys) == 1 {
		s += ": " + whys[0] + "."
	} else {
		s += "."
		for _, why := range firstOf(whys, maxKinds) {
			s += " " + grouped(count[why]) + ": " + why + "."
		}
	}
	if n := len(whys) - maxKinds; n > 0 {
		s += fmt.Sprintf(" And for %s more.", Plural(n, "reason"))
	}
	if !verbose {
		s += " -v lists each place, with its stack."
	}
	t.line("")
	t.item(0, "", 0, s)
}

// clause returns a sentence as it may stand behind a colon: without its full stop, and small unless its first word is a name.
func clause(s string) string {
	s = strings.TrimSuffix(s, ".")
	if len(s) > 1 && s[0] >= 'A' && s[0] <= 'Z' && (s[1] >= 'a' && s[1] <= 'z' || s[1] == ' ') {
		s = strings.ToLower(s[:1]) + s[1:]
	}
	return s
}

// dropsElsewhere says that what was not asked for has drops that hurt.
func (t *Text) dropsElsewhere(d *Dropped) {
	n := packetsOf(d.Elsewhere, drops.Hurts)
	if n == 0 {
		return
	}
	var places []string
	for i := range d.Elsewhere {
		e := &d.Elsewhere[i]
		name := printable(e.Interface)
		if e.NetNS != "" {
			name = printable(e.NetNS)
		}
		if e.Class == drops.Hurts && name != "" && !slices.Contains(places, name) {
			places = append(places, name)
		}
	}
	s := "Not shown: " + many(n, "packet") + " dropped elsewhere on this machine that somebody misses"
	if len(places) > 0 {
		s += " (" + strings.Join(firstOf(places, maxKinds), ", ")
		if len(places) > maxKinds {
			s += ", …"
		}
		s += ")"
	}
	t.line("")
	t.item(0, "", 0, s+".")
	next := "all"
	if len(places) == 1 { // a namespace without a name is asked for by its number
		if n, ok := strings.CutPrefix(places[0], "inode "); ok {
			next, _, _ = strings.Cut(n, " ")
		}
	}
	t.line("  next  v6probe drops --netns " + next)
}
