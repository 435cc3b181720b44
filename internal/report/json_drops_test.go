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
	for _, f := range d.tally().Found() {
		err = errors.Join(err, j.DropFinding(f.Finding, d.Drops))
	}
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

// TestDropFinding: a finding has what is known of its own place, and of no other of the same rule and interface.
func TestDropFinding(t *testing.T) {
	at := func(n uint64, hook string) drops.Drop {
		return drops.Drop{Packets: n, Place: drops.Place{Interface: "eth0", Hook: hook, NetNS: "vr"},
			Verdict: drops.Verdict{Class: drops.Hurts, Rule: "drop.tc", Next: "tc filter show " + hook}}
	}
	list := []drops.Drop{at(1, "one"), at(2, "two")}
	for i, f := range drops.Findings(list, time.Second) {
		var b bytes.Buffer
		if err := NewJSON(&b).DropFinding(f, list); err != nil {
			t.Fatal(err)
		}
		want := []string{`"packets":1,"hook":"one","netns":"vr","next":"tc filter show one"}`,
			`"packets":2,"hook":"two","netns":"vr","next":"tc filter show two"}`}[i]
		if !strings.HasSuffix(b.String(), ","+want+"\n") {
			t.Errorf("%s lacks %s", b.String(), want)
		}
	}
	var with, without bytes.Buffer
	f := rule.Finding{Rule: "ra.absent", Offset: -1}
	if err := errors.Join(NewJSON(&with).DropFinding(f, list), NewJSON(&without).Finding(f)); err != nil || with.String() != without.String() {
		t.Errorf("%v: %s, want %s", err, with.String(), without.String())
	}
}
