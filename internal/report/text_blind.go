package report

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/counters"
)

// notRead writes which sources of counters could not be read and why, and what can be done about that.
func (t *Text) notRead(sources []counters.Source) {
	column := nameColumn(sources)
	var hints []string
	head := "Could not be read:"
	for i := range sources {
		s := &sources[i]
		if s.Read {
			continue
		}
		if head != "" {
			t.line("")
			t.line(head)
			head = ""
		}
		t.item(2, sourceName(s), column, printable(s.Why))
		if s.Hint != "" && !slices.Contains(hints, s.Hint) {
			hints = append(hints, s.Hint)
		}
	}
	for _, hint := range hints {
		t.item(2, "fix", column, printable(hint))
	}
}

// blind writes what the counters cannot see: in a sentence, or where verbose is set all of it.
func (t *Text) blind(sources []counters.Source, verbose bool) {
	t.line("")
	if !verbose {
		t.item(0, "", 0, "These counters see neither who sent what was dropped, nor to whom, nor whether anybody misses it, and "+
			"much of what a firewall or a bridge drops they do not count (-v tells what each cannot see).")
		return
	}
	t.line("What these counters cannot see:")
	column := nameColumn(sources)
	for i := range sources {
		s := &sources[i]
		if !s.Read {
			continue
		}
		name := sourceName(s)
		for _, b := range s.Blind {
			t.item(2, name, column, printable(b))
			name = ""
		}
	}
	t.item(2, "all", column, "who sent what was dropped, and to whom; whether anybody misses it")
}

// sourceName is the name of a source that tells the old kind of ip6tables and ebtables from the one that is in nftables.
func sourceName(s *counters.Source) string {
	if strings.Contains(s.Tool, "legacy") {
		return s.Name + "-legacy"
	}
	return s.Name
}

// nameColumn returns how wide the names of the sources are, with a gap.
func nameColumn(sources []counters.Source) int {
	width := 0
	for i := range sources {
		width = max(width, len(sourceName(&sources[i])))
	}
	return width + tableGap
}

// unreadNames lists the sources that could not be read.
func unreadNames(sources []counters.Source) []string {
	var names []string
	for i := range sources {
		if s := &sources[i]; !s.Read && !slices.Contains(names, sourceName(s)) {
			names = append(names, sourceName(s))
		}
	}
	return names
}

// andJoin lists names as a sentence does: "nftables, ip6tables and ebtables".
func andJoin(names []string) string {
	last := len(names) - 1
	if last < 1 {
		return strings.Join(names, "")
	}
	return fmt.Sprintf("%s and %s", strings.Join(names[:last], ", "), names[last])
}

// firewallUnread says for the verdict that the counters of the firewall, or some of them, could not be read.
func firewallUnread(sources []counters.Source) string {
	read, unread := 0, 0
	for i := range sources {
		switch s := &sources[i]; {
		case s.Name != counters.NFTables && s.Name != counters.IP6Tables && s.Name != counters.EBTables:
		case s.Read:
			read++
		default:
			unread++
		}
	}
	switch {
	case unread == 0:
		return ""
	case read == 0:
		return "; the firewall's counters could not be read"
	}
	return "; not all of the firewall's counters could be read"
}
