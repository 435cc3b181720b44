// Package check judges many captures, each against what is expected of it.
package check

import (
	"time"

	"v6probe/internal/rule"
)

// Capture is what came of one capture.
type Capture struct {
	Name     string       // its path, with slashes
	Against  []string     // the files with what is expected of it; none: it was judged by the rules alone
	Found    []rule.Found // worst first, without those that were left out
	Ignored  int          // findings left out, as their rule is ignored
	Known    int          // findings left out, as the baseline has them
	Gone     []Entry      // what the baseline has and the capture no longer shows
	Frames   uint64
	Messages uint64
	Err      error // why it could not be read, or not to its end, or its expectation not; nil otherwise
	Failed   bool  // Err, or a finding that counts
	Took     time.Duration

	item    Item
	damaged bool            // Err is what the capture itself is at fault for
	counts  map[rule.ID]int // of errors and warnings, before the baseline left any out
	record  *recorded       // nil when it was not wanted, or could not be had
}

// Entry is a line of a baseline: so many findings of one rule in one capture.
type Entry struct {
	Capture string
	Rule    rule.ID
	Count   int
}
