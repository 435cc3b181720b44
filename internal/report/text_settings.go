package report

import (
	"slices"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
)

// notDrops writes what a user may take for a drop and is none, so that no counter shows it. What is not wanted in full takes
// one line.
func (t *Text) notDrops(list []host.Statement, full func(*host.Statement) bool) {
	var told, named []*host.Statement
	for i := range list {
		if full(&list[i]) {
			told = append(told, &list[i])
		} else {
			named = append(named, &list[i])
		}
	}
	if len(told) > 0 {
		t.line("")
		t.item(0, "", 0, "Settings of this host that look like drops, and are none:")
	}
	for _, s := range told {
		t.entry(2, printable(s.Names())+": "+s.Text+".")
		if s.Fix != "" {
			t.item(6, "fix", 5, printable(s.Fix))
		}
	}
	if len(named) == 0 {
		return
	}
	var all host.Statement
	for _, s := range named {
		for _, name := range s.Interfaces {
			if !slices.Contains(all.Interfaces, name) {
				all.Interfaces = append(all.Interfaces, name)
			}
		}
	}
	head := "Settings"
	if len(told) > 0 {
		head = "More settings"
	}
	t.line("")
	t.item(0, "", 0, head+" that look like drops: "+printable(all.Names())+" (-v tells).")
}

// countedRAs reports whether Router Advertisements were dropped on an interface that s is about.
func (d *Dropped) countedRAs(s *host.Statement) bool {
	return slices.ContainsFunc(d.Drops, func(e drops.Drop) bool {
		return e.Type == icmp6.TypeRouterAdvertisement && e.NetNS == "" &&
			(slices.Contains(s.Interfaces, e.Interface) || slices.Contains(s.Interfaces, e.Arrived))
	})
}
