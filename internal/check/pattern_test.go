package check

import (
	"testing"

	"v6probe/internal/rule"
)

func TestParseRules(t *testing.T) {
	tests := []struct{ name, want, hint string }{
		{"ra.absent", "", ""},
		{"ra.inconsistent-*", "", ""},
		{"*", "", ""},
		{"ra.absnet", `no rule is called "ra.absnet"`, "did you mean: ra.absent"},
		{"ra.solicitunanswered", `no rule is called "ra.solicitunanswered"`, "did you mean: ra.solicit-unanswered"},
		{"quite another thing", `no rule is called "quite another thing"`, rulesHint},
		{"", `no rule is called ""`, rulesHint},
		{"xyz.*", `no rule begins with "xyz."`, rulesHint},
		{"ra.*-time", `"ra.*-time": a star stands at the end only`, "for example pio.*"},
	}
	for _, tt := range tests {
		_, err := ParseRules([]string{"pio.*", tt.name})
		got := ""
		if err != nil {
			got = err.Error()
		}
		if got != tt.want || hint(err) != tt.hint {
			t.Errorf("%q: %s (%s), want %s (%s)", tt.name, got, hint(err), tt.want, tt.hint)
		}
	}
}

func TestRulesHas(t *testing.T) {
	r := Rules{"ra.absent", "pio.*"}
	for id, want := range map[string]bool{"ra.absent": true, "pio.host-bits": true, "ra.absent-x": false, "ra": false, "pio": false} {
		if got := r.Has(rule.ID(id)); got != want {
			t.Errorf("Has(%s) = %v", id, got)
		}
	}
	if Rules(nil).Has("ra.absent") {
		t.Error("no rules have ra.absent")
	}
}
