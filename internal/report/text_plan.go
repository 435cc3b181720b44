package report

import (
	"fmt"
	"slices"
	"strconv"
	"strings"

	"v6probe/internal/encap"
	"v6probe/internal/host"
)

// Plan writes what encapsulations ask of an underlay. underlays are those that the user asks about: for these it says in
// words whether the packets fit. All rows are about the same packets and underlays.
func (t *Text) Plan(rows []encap.Row, underlays []int) {
	if len(rows) == 0 {
		return
	}
	guest := rows[0].Guest
	t.item(0, "", 0, fmt.Sprintf("What the underlay needs for packets of%s%d bytes and for the least that IPv6 takes, and what is "+
		"left of an underlay. All are MTUs in bytes of IP.", nbsp, guest))
	t.line("")
	head, width := []string{"takes", planFor(guest)}, len("encapsulation")
	if guest != encap.MinMTU {
		head = append(head, planFor(encap.MinMTU))
	}
	for _, l := range rows[0].Left {
		head = append(head, "of "+strconv.Itoa(l.Underlay))
	}
	for _, r := range rows {
		width = max(width, len(r.Encapsulation.Name))
	}
	t.planLine(width, "encapsulation", head, head)
	six, small := false, false
	for i := range rows {
		r := &rows[i]
		cells := []string{strconv.Itoa(r.Encapsulation.Overhead), strconv.Itoa(r.Underlay)}
		if guest != encap.MinMTU {
			cells = append(cells, strconv.Itoa(r.Minimum))
		}
		for _, l := range r.Left {
			cells = append(cells, leftCell(l))
			small = small || l.TooSmall
		}
		six = six || strings.Contains(r.Encapsulation.Title, "over IPv6")
		t.planLine(width, r.Encapsulation.Name, head, cells)
	}
	t.planNotes(rows, underlays, six, small)
}

// planNotes writes what is to be known of the table, and for the underlays that were asked about what follows from it.
func (t *Text) planNotes(rows []encap.Row, underlays []int, six, small bool) {
	note := "A VLAN tag outside the tunnel costs nothing: MTUs do not count it."
	if six {
		note = "A 6 stands for an underlay of IPv6. " + note
	}
	if small {
		note += fmt.Sprintf(" With ! there is no room for IPv6, which needs%s%d.", nbsp, encap.MinMTU)
	}
	t.line("")
	t.item(0, "", 0, note)
	if len(underlays) == 0 {
		return
	}
	t.line("")
	for _, r := range rows {
		for _, l := range r.Left {
			if slices.Contains(underlays, l.Underlay) {
				t.item(0, "", 0, fitText(&r, l))
			}
		}
	}
}

func planFor(guest int) string { return "for " + strconv.Itoa(guest) }

func leftCell(l encap.Left) string {
	if l.TooSmall {
		return strconv.Itoa(l.Overlay) + "!"
	}
	return strconv.Itoa(l.Overlay)
}

// planLine writes a name and cells that are aligned under head to the right.
func (t *Text) planLine(width int, name string, head, cells []string) {
	l := fmt.Sprintf("%-*s", width, name)
	for i, c := range cells {
		l += fmt.Sprintf("  %*s", max(len(head[i]), 5), c)
	}
	t.line(l)
}

// fitText says whether packets fit into an underlay.
func fitText(r *encap.Row, l encap.Left) string {
	s := fmt.Sprintf("%s in an underlay of%s%d: ", r.Encapsulation.Name, nbsp, l.Underlay)
	switch {
	case l.TooSmall:
		return s + fmt.Sprintf("no IPv6, as only%s%d are left; it takes at least%s%d, and%s%d for packets of%s%d.",
			nbsp, max(l.Overlay, 0), nbsp, r.Minimum, nbsp, r.Underlay, nbsp, r.Guest)
	case l.Missing > 0:
		return s + fmt.Sprintf("packets of%s%d do not fit, %s are missing; raise it to%s%d, or give the guests%s%d.", nbsp, r.Guest,
			Plural(l.Missing, "byte"), nbsp, r.Underlay, nbsp, l.Overlay)
	}
	return s + fmt.Sprintf("packets of%s%d fit.", nbsp, r.Guest)
}

// Fits writes whether the tunnels of this host have room in what carries them; nothing where it has none.
func (t *Text) Fits(list []host.Fit) {
	if len(list) == 0 {
		return
	}
	t.line("On this host:")
	width := 0
	for _, f := range list {
		width = max(width, len(f.Tunnel))
	}
	for _, f := range list {
		carries := fmt.Sprintf("carries%s%d, %s; ", nbsp, f.MTU, f.Encapsulation.Title)
		if f.Underlay == "" {
			t.item(2, f.Tunnel, width+2, carries+"what carries it is not known")
			continue
		}
		verdict := "fits"
		switch {
		case f.MTU > f.Left:
			verdict = Plural(f.MTU-f.Left, "byte") + " too many"
		case f.MTU < f.Left:
			verdict = "fits, with " + Plural(f.Left-f.MTU, "byte") + " to spare"
		}
		t.item(2, f.Tunnel, width+2, carries+fmt.Sprintf("%s leaves%s%d: %s", f.Underlay, nbsp, f.Left, verdict))
	}
}
