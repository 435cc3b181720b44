package report

import (
	"bytes"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/drops"
	"v6probe/internal/rule"
)

func dropsJSON(t *testing.T) []byte {
	t.Helper()
	var out bytes.Buffer
	j := NewJSON(&out)
	d := everyKind()
	begin := drops.Snapshot{Time: d.Time.Add(-10 * time.Second)}
	err := j.Drops(&d.Snapshot, &begin, 10*time.Second)
	err = errors.Join(err, j.DropSummary(Summary{Tally: d.tally(), FailOn: rule.Error, Damage: "ended"}, d))
	err = errors.Join(err, j.Counted(counted()), j.CountedSummary(Summary{Tally: rule.NewTally(), Damage: "ended"}, counted()))
	// As ra has it.
	err = errors.Join(err, j.Summary(Summary{Tally: d.tally(), Dropped: d, Stats: capture.Stats{Frames: 3}}))
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestDropsJSON(t *testing.T) {
	out := dropsJSON(t)
	dropGolden(t, "drops.ndjson", string(out))
	for line := range bytes.Lines(out) {
		unmarshal(t, line)
	}
	var b bytes.Buffer
	d := everyKind()
	if err := NewJSON(&b).Drops(&d.Snapshot, &d.Snapshot, time.Second); err != nil {
		t.Fatal(err)
	}
	if s := b.String(); strings.Contains(s, `"drop"`) || !strings.Contains(s, `"seen":0,`) ||
		!strings.Contains(s, `"hurts":0,"unknown":0,"benign":0}`) {
		t.Errorf("where nothing moved: %s", s)
	}
}

// TestEveryDropFieldIsDocumented: docs/json.md names every field about drops, and every flag.
func TestEveryDropFieldIsDocumented(t *testing.T) {
	doc, err := os.ReadFile("../../docs/json.md")
	if err != nil {
		t.Fatal(err)
	}
	documented(t, string(doc), dropsJSON(t))
	for i, f := range dropFlags {
		if !strings.Contains(string(doc), "`"+f.name+"`") {
			t.Errorf("docs/json.md does not name %s", f.name)
		}
		if f.bit != 1<<i {
			t.Errorf("%s is bit %d", f.name, i)
		}
	}
}
