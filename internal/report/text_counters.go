package report

import (
	"fmt"
	"strings"
	"time"

	"v6probe/internal/counters"
	"v6probe/internal/host"
)

// Counted is what the kernel's own counters say of drops, where none of v6probe's could be had or was wanted.
type Counted struct {
	Sources  []counters.Source
	Moved    []counters.Moved // drops first
	Took     time.Duration
	Why      string // why eBPF cannot be had; "" where it was not wanted
	NotDrops []host.Statement
}

// maxMoved is how many counters are listed.
const maxMoved = 200

// Lost returns how many packets the counters of drops counted that were ICMPv6, and how many that may have been.
func (c *Counted) Lost() (sure, perhaps uint64) {
	for i := range c.Moved {
		switch m := &c.Moved[i]; {
		case m.Drop && m.ICMPv6:
			sure += m.Delta
		case m.Drop:
			perhaps += m.Delta
		}
	}
	return sure, perhaps
}

// Counted writes which counters moved and what that means, and what none of them can see. verbose has all of the latter
// listed.
func (t *Text) Counted(c *Counted, verbose bool) {
	for _, l := range wrap(countedHeadline(c), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	t.moved(c.Moved, "These counters say that packets were lost:", func(m *counters.Moved) bool { return m.Drop })
	t.moved(c.Moved, "These moved too, which may well be as it should be:", func(m *counters.Moved) bool { return !m.Drop })
	t.notDrops(c.NotDrops)
	t.blind(c.Sources, verbose)
}

func countedHeadline(c *Counted) string {
	s := "In " + Duration(c.Took) + " the kernel's own counters "
	switch sure, perhaps := c.Lost(); {
	case sure > 0 && perhaps > 0:
		return s + "count " + many(sure, "dropped ICMPv6 packet") + ", and " + many(perhaps, "dropped packet") +
			" that may be ICMPv6 or anything else."
	case sure > 0:
		return s + "count " + many(sure, "dropped ICMPv6 packet") + "."
	case perhaps > 0:
		return s + "count " + many(perhaps, "dropped packet") + ", which may be ICMPv6 or anything else."
	}
	return s + "count no drop. They do not count every drop: see below."
}

func (t *Text) moved(list []counters.Moved, head string, is func(*counters.Moved) bool) {
	var those []*counters.Moved
	for i := range list {
		if is(&list[i]) {
			those = append(those, &list[i])
		}
	}
	if len(those) == 0 {
		return
	}
	t.line("")
	t.line(head)
	for _, m := range firstOf(those, maxMoved) {
		n := grouped(m.Delta)
		if m.Reset {
			n = "?"
		}
		t.item(2, n, 8, movedPlace(m)+": "+printable(m.Meaning))
	}
	t.andMore(2, len(those)-maxMoved, "counter")
}

// movedPlace says which counter it is, and where: "nftables, table ip6 ip6_firewall chain fw_input, rule 7: …".
func movedPlace(m *counters.Moved) string {
	var parts []string
	if m.Interface != "" {
		parts = append(parts, printable(m.Interface))
	}
	switch {
	case m.Where != "":
		parts = append(parts, m.Source+" "+printable(m.Where))
	case m.Name != "":
		parts = append(parts, printable(m.Name))
	default:
		parts = append(parts, m.Source)
	}
	return strings.Join(parts, " ")
}

// blind writes what was not read, and what the rest cannot see.
func (t *Text) blind(sources []counters.Source, verbose bool) {
	t.line("")
	t.line("What these counters cannot see:")
	for i := range sources {
		s := &sources[i]
		if !s.Read {
			text := "not read: " + printable(s.Why)
			if s.Hint != "" {
				text += "; " + printable(s.Hint)
			}
			t.item(2, s.Name, 11, text)
			continue
		}
		for j, b := range s.Blind {
			if j > 0 && !verbose {
				t.item(2, "", 11, fmt.Sprintf("… and %s more; -v lists them", Plural(len(s.Blind)-j, "limit")))
				break
			}
			name := s.Name
			if j > 0 {
				name = ""
			}
			t.item(2, name, 11, printable(b))
		}
	}
	t.item(2, "all", 11, "who sent what was dropped, and to whom; whether anybody misses it")
}

// CountedCount says for the verdict what was counted.
func CountedCount(c *Counted) string {
	sure, perhaps := c.Lost()
	s := many(sure, "dropped ICMPv6 packet") + " and " + grouped(perhaps) + " of any kind in the kernel's own counters, in " +
		Duration(c.Took)
	if sure+perhaps > 0 {
		s += "; whether anybody misses them is not known"
	}
	return s
}
