package pmtu

import "time"

// limited reports whether targets limit the rate of the answers to a kind: Linux has a burst of six, and ten a second.
func limited(k Kind) bool { return k == UDP || k == Option }

const (
	limitedBatch = 5                      // of a limited kind in a round
	limitedPause = 500 * time.Millisecond // until that many are answered again
	// maxLimited is after how many such rounds it is given up: the limit is a stricter one.
	maxLimited = 16
)

// maxPackets bounds what one flow sends, whatever comes back. A path that loses a quarter of them takes half of that.
const maxPackets = 600

// sentAll counts the packets of the flow.
func (t *track) sentAll() int {
	n := 0
	for range t.mine {
		n++
	}
	return n
}

// spacing keeps the probes of a round apart: the more, the more is lost, as bursts of loss and short queues do not take all of
// them then.
func (t *track) spacing() time.Duration {
	switch n, lost := t.controls(all...); {
	case lost == 0:
		return spacing
	case 4*lost < n:
		return 5 * time.Millisecond
	}
	return 20 * time.Millisecond
}

// How slowly probes are sent where much of a batch is lost: what limits the rate of echoes lets ten a second pass, mostly.
const (
	calmGap    = 120 * time.Millisecond
	calmBatch  = 8
	calmRounds = 12
	// calmSample is how many probes that pass it takes to tell heavy loss from chance.
	calmSample = 10
)

// calmDown has the flow sent slowly from now on, as the loss may be that of a limit; false when that has not helped.
func (t *track) calmDown() bool {
	n, _ := t.controls(all...)
	if t.calm == 0 {
		if n >= calmSample {
			t.calm = t.round + 1
		}
		return true
	}
	return n <= mostSilence && t.round < t.calm+calmRounds
}

// slowly reports whether probes are to be sent slowly: as long as that has not been seen to make no difference.
func (t *track) slowly() bool {
	n, lost := t.controls(all...)
	return t.calm > 0 && (n < calmSample || lost <= n/4)
}
