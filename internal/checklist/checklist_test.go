package checklist

import (
	"testing"

	"v6probe/internal/rule"
)

func TestAdd(t *testing.T) {
	info, warning, err := Finding("guest.not-eui64", "", "", ""), Finding("filter.listener-query", "", "", ""), Finding("vr.radvd-down", "", "", "")
	for _, tt := range []struct {
		status Status
		found  []rule.Finding
		want   Status
	}{
		{OK, nil, OK},
		{Unknown, nil, Unknown},
		{OK, []rule.Finding{info}, Note},
		{Note, []rule.Finding{info, err, warning}, Fail},
		{OK, []rule.Finding{warning, info}, Warning},
		{Fail, []rule.Finding{info}, Fail},
	} {
		var l List
		l.Add(Line{Status: tt.status, Findings: tt.found})
		if got := l.Lines[0].Status; got != tt.want {
			t.Errorf("%v with %d findings: %v, not %v", tt.status, len(tt.found), got, tt.want)
		}
	}
}

// TestFirst: what is to be mended first is the first of the severest, not the first of all.
func TestFirst(t *testing.T) {
	var l List
	if _, ok := l.First(); ok {
		t.Error("an empty list has something to mend")
	}
	l.Add(Line{Findings: []rule.Finding{Finding("guest.not-eui64", "", "", "")}})
	if _, ok := l.First(); ok {
		t.Error("a note is something to mend")
	}
	l.Add(Line{Findings: []rule.Finding{Finding("filter.listener-query", "", "", "")}})
	l.Add(Line{Findings: []rule.Finding{Finding("vr.forwarding-off", "", "", ""), Finding("vr.radvd-down", "", "", "")}})
	if f, ok := l.First(); !ok || f.Rule != "vr.forwarding-off" {
		t.Errorf("first is %v", f.Rule)
	}
	if n := len(l.Findings()); n != 4 {
		t.Errorf("%d findings, not 4", n)
	}
}

func TestFindingHasTheRulesSeverity(t *testing.T) {
	if f := Finding("filter.listener-query", "a", "b", "c"); f.Severity != rule.Warning || f.Subject != "a" || f.Offset != -1 {
		t.Errorf("%+v", f)
	}
}
