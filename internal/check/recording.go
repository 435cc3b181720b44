package check

import (
	"v6probe/internal/conform"
	"v6probe/internal/expect"
	"v6probe/internal/packet"
)

// Recording judges packets by the rules alone and writes down what is seen.
type Recording struct{ *judge }

// NewRecording returns a Recording that has seen nothing.
func NewRecording() *Recording {
	j := newJudge(nil)
	j.recorder = conform.NewRecorder()
	return &Recording{j}
}

// Wanted takes the packets that matter.
func (*Recording) Wanted(p *packet.Packet) (message, counts bool) { return wanted(p) }

// State returns what was seen, as an expectation.
func (r *Recording) State() *expect.State { return r.recorder.State() }
