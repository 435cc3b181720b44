package drops

import (
	"fmt"
	"strings"
	"time"

	"v6probe/internal/rule"
)

// Findings returns one finding for each place where something is dropped that hurts. took is how long was counted.
func Findings(list []Drop, took time.Duration) []rule.Finding {
	var found []rule.Finding
	for i := range list {
		d := &list[i]
		if d.Class != Hurts {
			continue
		}
		found = append(found, rule.Finding{
			Rule:     d.Rule,
			Severity: d.Severity,
			Detail:   d.detail(took),
			Fix:      d.Fix,
			Time:     d.Last,
			Link:     d.Interface,
			Offset:   -1,
			Subject:  fmt.Sprint(d.Place),
		})
	}
	return found
}

// detail is the evidence. The interface stands in front of it as the finding's Link.
func (d *Drop) detail(took time.Duration) string {
	m := messageOf(d)
	what := m.several
	if d.Packets == 1 {
		what = m.one
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d %s", d.Packets, what)
	if d.Code != 0 {
		fmt.Fprintf(&b, " with code %d", d.Code)
	}
	fmt.Fprintf(&b, " dropped in %v at %s", took.Round(100*time.Millisecond), d.Hook)
	if d.Arrived != "" {
		fmt.Fprintf(&b, ", arrived by %s", d.Arrived)
	}
	if d.NetNS != "" {
		fmt.Fprintf(&b, ", in namespace %s", d.NetNS)
	}
	if d.VLAN != 0 {
		fmt.Fprintf(&b, ", VLAN %d", d.VLAN)
	}
	if d.Flags.Has(Tunneled) {
		fmt.Fprintf(&b, ", inside VXLAN %d", d.VNI)
	}
	if d.Source.IsValid() && d.Destination.IsValid() {
		fmt.Fprintf(&b, ", such as %v > %v", d.Source, d.Destination)
	}
	return b.String() + ". " + d.Why
}
