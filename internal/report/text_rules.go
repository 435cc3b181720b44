package report

import (
	"fmt"

	"v6probe/internal/rule"
)

// Rules writes the catalogue, a line or two a rule.
func (t *Text) Rules(rules []rule.Rule) {
	const idColumn, severityColumn = 34, 9
	for _, r := range rules {
		head := fmt.Sprintf("%-*s%-*s", idColumn, r.ID, severityColumn, r.Severity)
		t.item(0, head, idColumn+severityColumn, r.Title)
	}
}

// Rule writes one rule, explained.
func (t *Text) Rule(r rule.Rule) {
	const column = 10
	t.line(t.style.paint(sgrBold, string(r.ID)) + "  " + t.style.severity(r.Severity, r.Severity.String()))
	t.item(2, "what", column, sentence(r.Title))
	t.item(2, "why", column, r.Why)
	if s := receiver(r); s != "" {
		t.item(2, "receiver", column, s)
	}
	t.item(2, "source", column, rfc(r))
	t.item(2, "fix", column, r.Fix)
}
