package report

import (
	"fmt"
	"strings"
	"time"

	"v6probe/internal/counters"
	"v6probe/internal/host"
	"v6probe/internal/rule"
)

// Counted is what the kernel's own counters say of drops, where none of v6probe's could be had or was wanted.
type Counted struct {
	Sources   []counters.Source
	Moved     []counters.Moved // drops first
	Took      time.Duration
	Interface string // that was asked for; "" for all
	Why       string // why eBPF cannot be had; "" where it was not wanted
	NotDrops  []host.Statement
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

// Findings returns one finding for each rule of a firewall that counted dropped ICMPv6 of a type that IPv6 cannot do without.
func (c *Counted) Findings() []rule.Finding {
	var found []rule.Finding
	for i := range c.Moved {
		if m := &c.Moved[i]; inFinding(m) {
			found = append(found, rule.Finding{
				Rule:     "drop.counted",
				Severity: rule.Warning,
				Detail: fmt.Sprintf("%d dropped in %v by %s %s. %s", m.Delta, c.Took.Round(100*time.Millisecond), m.Source, m.Where,
					m.Meaning),
				Offset:  -1,
				Subject: m.Source + " " + m.Where,
			})
		}
	}
	return found
}

// inFinding reports whether a counter is told as a finding.
func inFinding(m *counters.Moved) bool { return m.Drop && m.Vital && m.Delta > 0 }

// Counted writes which counters moved and what that means, and what could not be read. verbose has all listed that none of them
// can see.
func (t *Text) Counted(c *Counted, found []rule.Found, verbose bool) {
	for _, l := range wrap(countedHeadline(c), t.style.width()) {
		t.line(t.style.paint(sgrBold, l))
	}
	t.Findings(found)
	t.moved(c.Moved, "These counters say that packets were lost:", func(m *counters.Moved) bool { return m.Drop && !inFinding(m) })
	t.moved(c.Moved, "These moved too, which may well be as it should be:", func(m *counters.Moved) bool { return !m.Drop })
	t.notDrops(c.NotDrops, func(*host.Statement) bool { return verbose || c.Interface != "" })
	t.notRead(c.Sources)
	t.blind(c.Sources, verbose)
}

func countedHeadline(c *Counted) string {
	s := "In " + Duration(c.Took) + " the kernel's own counters "
	unread := unreadNames(c.Sources)
	if len(unread) > 0 {
		s += "that could be read "
	}
	not := ""
	if len(unread) > 0 {
		not = "; " + andJoin(unread) + " could not be read"
	}
	switch sure, perhaps := c.Lost(); {
	case sure > 0 && perhaps > 0:
		return s + "count " + many(sure, "dropped ICMPv6 packet") + ", and " + many(perhaps, "dropped packet") +
			" that may be ICMPv6 or anything else" + not + "."
	case sure > 0:
		return s + "count " + many(sure, "dropped ICMPv6 packet") + not + "."
	case perhaps > 0:
		return s + "count " + many(perhaps, "dropped packet") + ", which may be ICMPv6 or anything else" + not + "."
	case not != "":
		return s + "count no drop" + not + "."
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

// CountedCount says for the verdict what was counted.
func CountedCount(c *Counted) string {
	sure, perhaps := c.Lost()
	s := many(sure, "dropped ICMPv6 packet") + " and " + grouped(perhaps) + " of any kind in the kernel's own counters, in " +
		Duration(c.Took)
	if sure+perhaps > 0 {
		s += "; whether anybody misses them is not known"
	}
	return s + firewallUnread(c.Sources)
}
