package counters

import (
	"cmp"
	"fmt"
	"slices"
)

// Compare returns what moved from one sample to the next: drops first, of these those of ICMPv6, and then the most packets. A
// source that could not be read in both says nothing. The counters of the namespace are left out where an interface has the
// same one and it moved as well.
func Compare(before, after *Sample) []Moved {
	old := make(map[string]uint64, len(before.counters))
	for _, c := range before.counters {
		old[c.key] = c.value
	}
	both := func(name string) bool { return before.read(name) && after.read(name) }
	resets := make(map[string]*reset)
	var moved []Moved
	for _, c := range after.counters {
		was, known := old[c.key]
		delete(old, c.key)
		switch {
		case !both(c.Source), c.value == was:
		case c.value < was:
			resetOf(resets, &c).back++
		case !known && !c.device:
			resetOf(resets, &c).fresh++
		default:
			c.Delta = c.value - was
			moved = append(moved, c.Moved)
		}
	}
	for _, c := range before.counters {
		if _, left := old[c.key]; left && !c.device && both(c.Source) {
			resetOf(resets, &c).gone++
		}
	}
	moved = onlyOnce(moved, after.iface)
	for _, r := range resets {
		moved = append(moved, r.moved())
	}
	slices.SortFunc(moved, func(a, b Moved) int {
		return cmp.Or(first(a.Drop, b.Drop), first(a.ICMPv6, b.ICMPv6), cmp.Compare(b.Delta, a.Delta),
			cmp.Compare(a.Source, b.Source), cmp.Compare(a.Interface, b.Interface), cmp.Compare(a.Where, b.Where),
			cmp.Compare(a.Name, b.Name))
	})
	return moved
}

func first(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return -1
	}
	return 1
}

// read reports whether the source of that name was read, by each of its tools.
func (s *Sample) read(name string) bool {
	read := false
	for _, of := range s.Sources {
		if of.Name == name {
			if !of.Read {
				return false
			}
			read = true
		}
	}
	return read
}

// onlyOnce leaves out what is told of an interface and of the namespace, and interfaces other than iface if that is set.
func onlyOnce(moved []Moved, iface string) []Moved {
	at := make(map[string]bool) // counters that moved at an interface
	for _, m := range moved {
		if m.Source == DevSNMP6 {
			at[m.Name] = true
		}
	}
	return slices.DeleteFunc(moved, func(m Moved) bool {
		return m.Source == SNMP6 && at[m.Name] || m.Interface != "" && iface != "" && m.Interface != iface
	})
}

// reset counts, for what is loaded at once, what cannot be compared.
type reset struct {
	of                *counter
	back, fresh, gone int
}

func resetOf(all map[string]*reset, c *counter) *reset {
	key := c.Source + " " + c.group
	if all[key] == nil {
		all[key] = &reset{of: c}
	}
	return all[key]
}

func (r *reset) moved() Moved {
	m := Moved{Source: r.of.Source, Interface: r.of.Interface, Where: r.of.group, Reset: true}
	if r.of.device {
		m.Meaning = fmt.Sprintf("%s went back: the interface was reset, and what was counted between is not known.",
			count(r.back, "counter"))
		return m
	}
	m.Meaning = fmt.Sprintf("The rules were changed or loaded anew between the samples (%s went back, %d with a count"+
		" came, %d went): what they counted is not known.", count(r.back, "counter"), r.fresh, r.gone)
	return m
}

func count(n int, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return fmt.Sprintf("%d %ss", n, what)
}
