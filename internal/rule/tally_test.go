package rule

import (
	"fmt"
	"testing"
)

func TestTallyIsBounded(t *testing.T) {
	tally := NewTally()
	const faults = 10000
	told := 0
	for i := range faults {
		if tally.Add(Finding{Rule: "ra.flood", Subject: fmt.Sprint(i)}) {
			told++
		}
	}
	if told != maxPerRule || len(tally.Found()) != maxPerRule || tally.Unlisted() != faults-maxPerRule {
		t.Errorf("told %d, kept %d, counted %d", told, len(tally.Found()), tally.Unlisted())
	}
	if !tally.Add(Finding{Rule: "ra.absent", Severity: Error}) {
		t.Error("the flood of one rule silenced another")
	}
	if !tally.Add(Finding{Rule: "ra.flood", Severity: Warning, Subject: "worse"}) || tally.Count(Warning) != 1 {
		t.Error("the flood of notes silenced a warning of the same rule")
	}
	if worst := tally.Found()[0]; worst.Rule != "ra.absent" {
		t.Errorf("the worst finding is %v, want ra.absent", worst.Rule)
	}
}

func TestTallySeverityRises(t *testing.T) {
	tally := NewTally()
	tally.Add(Finding{Rule: "rdnss.lifetime-short", Severity: Info})
	if tally.Add(Finding{Rule: "rdnss.lifetime-short", Severity: Warning}) {
		t.Error("the same fault was told twice")
	}
	if tally.Count(Warning) != 1 || tally.Count(Info) != 0 {
		t.Errorf("%d warnings and %d notes, want 1 and 0", tally.Count(Warning), tally.Count(Info))
	}
}
