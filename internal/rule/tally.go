package rule

import (
	"cmp"
	"net/netip"
	"slices"
)

// maxPerRule bounds how many different faults of one rule and severity a Tally keeps apart, so that a flood of random
// sources costs a fixed amount of memory, and notes do not take the room of errors. What comes after is counted.
const maxPerRule = 64

// Tally gathers findings and tells a new fault from one seen before.
type Tally struct {
	found    []Found
	index    map[key]int
	kept     map[kind]int
	unlisted uint64
}

// Found is a fault and how often it was seen.
type Found struct {
	Finding          // as first seen
	Count     uint64 // how often
	LastFrame uint64
}

type key struct {
	rule    ID
	link    string
	source  netip.Addr
	subject string
}

// kind is what maxPerRule bounds.
type kind struct {
	rule     ID
	severity Severity
}

// NewTally returns an empty tally.
func NewTally() *Tally {
	return &Tally{index: make(map[key]int), kept: make(map[kind]int)}
}

// Add counts f and reports whether it is a new fault that is to be told. A fault of a rule and severity that has
// maxPerRule already is counted only.
func (t *Tally) Add(f Finding) bool {
	k := key{f.Rule, f.Link, f.Source, f.Subject}
	if i, ok := t.index[k]; ok {
		t.found[i].Count++
		t.found[i].LastFrame = max(t.found[i].LastFrame, f.Frame)
		t.found[i].Severity = max(t.found[i].Severity, f.Severity)
		return false
	}
	of := kind{f.Rule, f.Severity}
	if t.kept[of] >= maxPerRule {
		t.unlisted++
		return false
	}
	t.kept[of]++
	t.index[k] = len(t.found)
	t.found = append(t.found, Found{Finding: f, Count: 1, LastFrame: f.Frame})
	return true
}

// Found returns the faults, worst first, and those of one severity in the order they were first seen.
func (t *Tally) Found() []Found {
	found := slices.Clone(t.found)
	slices.SortStableFunc(found, func(a, b Found) int { return cmp.Compare(b.Severity, a.Severity) })
	return found
}

// Count returns how many different faults of severity s there are.
func (t *Tally) Count(s Severity) int {
	n := 0
	for i := range t.found {
		if t.found[i].Severity == s {
			n++
		}
	}
	return n
}

// Unlisted returns how many findings were counted without being kept apart.
func (t *Tally) Unlisted() uint64 { return t.unlisted }
