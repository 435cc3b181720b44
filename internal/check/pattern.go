package check

import (
	"strings"

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
	if like := nearest(name, ids); like != "" {
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

// nearest returns which of words is most like name, "" where none is much like it.
func nearest(name string, words []string) string {
	const most = 64 // longer than any rule's id
	if len(name) > most {
		return ""
	}
	best, least := "", len(name)/3+1
	for _, w := range words {
		if far := len(w) - len(name); far > least || -far > least {
			continue
		}
		if d := distance(name, w); d <= least && (best == "" || d < least) {
			best, least = w, d
		}
	}
	return best
}

// distance is how many letters must be put in, taken out or changed to make a into b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, diagonal+1)
		}
	}
	return row[len(b)]
}
