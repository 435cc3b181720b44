package check

import (
	"strings"

	"v6probe/internal/like"
	"v6probe/internal/rule"
)

// Rules names rules, by id or by the beginning of it with a star behind: "ra.flood", "pio.*".
type Rules []string

// ParseRules checks that each of names is a rule, or the beginning of one.
func ParseRules(names []string) (Rules, error) {
	for _, name := range names {
		head, open := strings.CutSuffix(name, "*")
		switch {
		case strings.Contains(head, "*"):
			return nil, hinted("for example pio.*", "%q: a star stands at the end only", name)
		case !Rules{name}.any():
			if open {
				return nil, hinted(rulesHint, "no rule begins with %q", head)
			}
			return nil, unknownRule(name)
		}
	}
	return names, nil
}

const rulesHint = "list them: v6probe rules"

func unknownRule(name string) error {
	var ids []string
	for _, r := range rule.All() {
		ids = append(ids, string(r.ID))
	}
	hint := rulesHint
	if like := like.Nearest(name, ids); like != "" {
		hint = "did you mean: " + like
	}
	return hinted(hint, "no rule is called %q", name)
}

func (r Rules) any() bool {
	for _, known := range rule.All() {
		if r.Has(known.ID) {
			return true
		}
	}
	return false
}

// Has reports whether id is one of r.
func (r Rules) Has(id rule.ID) bool {
	for _, name := range r {
		if head, open := strings.CutSuffix(name, "*"); head == string(id) || open && strings.HasPrefix(string(id), head) {
			return true
		}
	}
	return false
}
