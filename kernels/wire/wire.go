// Package wire is what the host and the init inside a virtual machine tell each other: a Plan goes in as a file, Messages
// come out, one a line, by a serial line.
package wire

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"
)

// PlanFile is where the Plan is inside the machine.
const PlanFile = "/etc/plan.json"

// Binary is where v6probe is inside the machine.
const Binary = "/usr/bin/v6probe"

// The cases that are not the network of a loss.
const (
	Environment = "environment" // the programs and modules of which networks are made
	Counters    = "counters"    // v6probe drops --counters
	Healthy     = "healthy"     // a zone that loses nothing that hurts
)

// prefix comes before each message: firmware and kernel may write to the same line, also in the middle of one.
const prefix = "@v6probe "

// MaxLine is the length of the longest line that Parse takes, and Append makes.
const MaxLine = 64 << 10

// maxText bounds Text, which JSON may make six times as long.
const maxText = 8 << 10

// Plan says what to do inside the machine.
type Plan struct {
	Cases   []string      // names, in this order
	Healthy time.Duration // how long the healthy zone is watched
	Limit   time.Duration // for each other case
}

// Message is one line from the machine.
type Message struct {
	Type    Type    `json:"type"`
	Kernel  string  `json:"kernel,omitempty"`  // of Hello: the release
	Case    string  `json:"case,omitempty"`    // of Begin and Done
	Result  Result  `json:"result,omitempty"`  // of Done
	Text    string  `json:"text,omitempty"`    // of Done: how it differs, what is missing, or a remark
	Seconds float64 `json:"seconds,omitempty"` // of Done
}

// Type is the kind of a Message.
type Type string

// The types, in the order of their coming: after Hello a Begin and a Done for each case.
const (
	Hello Type = "hello"
	Begin Type = "begin"
	Done  Type = "done"
	End   Type = "end"
)

// Result is what came of a case.
type Result string

// The results. Missing says that this kernel, or the machine whose programs were taken, cannot have the case.
const (
	OK      Result = "ok"
	Differs Result = "differs"
	Missing Result = "missing"
)

// Append appends a message as a line. A text that is too long loses its end.
func Append(b []byte, m Message) ([]byte, error) {
	if len(m.Text) > maxText {
		m.Text = m.Text[:maxText] + " …"
	}
	text, err := json.Marshal(m)
	if err != nil {
		return b, err
	}
	return append(append(append(b, prefix...), text...), '\n'), nil
}

// Parse reads a line, of which there may be something else before the message. ok is false for a line without one.
func Parse(line []byte) (m Message, ok bool, err error) {
	_, text, found := bytes.Cut(line, []byte(prefix))
	if !found {
		return m, false, nil
	}
	if err := json.Unmarshal(text, &m); err != nil {
		return Message{}, true, fmt.Errorf("message from the machine: %w", err)
	}
	return m, true, nil
}
