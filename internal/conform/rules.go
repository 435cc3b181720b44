package conform

import (
	"fmt"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// rules is what is expected of the findings themselves.
type rules struct {
	want   *expect.Rules
	fired  map[string]bool    // of want.Must
	judged func(rule.ID) bool // nil: all are
}

func newRules(want *expect.Rules) rules { return rules{want: want, fired: make(map[string]bool)} }

// apply takes out what is to be ignored, makes a note of what must be there, and an error of what must not.
func (r *rules) apply(found []rule.Finding) []rule.Finding {
	kept := found[:0]
	for _, f := range found {
		if named(r.want.Ignore, f.Rule) != nil {
			continue
		}
		if ref := named(r.want.Must, f.Rule); ref != nil {
			r.fired[ref.ID] = true
			f.Severity, f.Expected = rule.Info, ref.Place
		}
		if ref := named(r.want.MustNot, f.Rule); ref != nil {
			f.Severity = rule.Error
			if f.Expected.IsZero() {
				f.Expected = ref.Place
			}
		}
		kept = append(kept, f)
	}
	return kept
}

// missing returns what was to be found and was not.
func (r *rules) missing() []rule.Finding {
	var list []rule.Finding
	for i := range r.want.Must {
		ref := &r.want.Must[i]
		if r.fired[ref.ID] || r.judged != nil && !r.judged(rule.ID(ref.ID)) {
			continue
		}
		r.fired[ref.ID] = true // it may be named twice
		list = append(list, rule.Finding{Rule: "expect.rule-missing", Severity: rule.Error, Subject: ref.ID, Expected: ref.Place,
			Offset: -1, Detail: fmt.Sprintf("%s must be found, and nothing broke it", ref.ID)})
	}
	return list
}

// named returns the reference in list that names the rule id, or nil.
func named(list []expect.RuleRef, id rule.ID) *expect.RuleRef {
	for i := range list {
		name, all := strings.CutSuffix(list[i].ID, "*")
		if name == string(id) || all && strings.HasPrefix(string(id), name) {
			return &list[i]
		}
	}
	return nil
}
