package keeper

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"
)

// maxMessage is the length in bytes of the longest message: an environment and arguments are in one.
const maxMessage = 1 << 20

// protocol is the version of the messages. A keeper takes only its own, and of others what has them rid of it.
const protocol = 1

// The things that a keeper is asked to do.
const (
	doStatus = "status"
	doFault  = "fault"
	doHeal   = "heal"
	doExec   = "exec"
	doSignal = "signal" // after doExec, to what that started
	doDown   = "down"
)

// request is what a client sends: one, and after doExec any number of doSignal.
type request struct {
	Version  int     `json:"version"` // protocol
	Do       string  `json:"do"`
	Scenario string  `json:"scenario,omitempty"`
	Node     string  `json:"node,omitempty"`
	Command  *launch `json:"command,omitempty"`
	Signal   int     `json:"signal,omitempty"`
}

// launch is a command to run.
type launch struct {
	Path raw   `json:"path"`
	Dir  raw   `json:"dir"`
	Args []raw `json:"args"` // the command's name first
	Env  []raw `json:"env"`
}

// raw is text of which JSON, unlike the kernel, takes only what is UTF-8: it is sent as base64.
type raw []byte

func toRaw(list []string) []raw {
	all := make([]raw, len(list))
	for i, s := range list {
		all[i] = raw(s)
	}
	return all
}

func fromRaw(list []raw) []string {
	all := make([]string, len(list))
	for i, r := range list {
		all[i] = string(r)
	}
	return all
}

// reply is what the keeper sends: any number with progress, then one that is the last.
type reply struct {
	Progress string  `json:"progress,omitempty"`
	Last     bool    `json:"last,omitempty"`
	Error    string  `json:"error,omitempty"`
	Hint     string  `json:"hint,omitempty"`
	Code     int     `json:"code,omitempty"` // exit code of what doExec started
	Status   *Status `json:"status,omitempty"`
}

// Status is what a zone is like.
type Status struct {
	PID      int       `json:"pid"` // of the keeper, as its user sees it; 0 where it is not known
	Since    time.Time `json:"since"`
	Building bool      `json:"building,omitempty"`
	Nodes    []string  `json:"nodes"`
	Faults   []string  `json:"faults"` // names of scenarios that are on, in the order in which they were switched on
	Files    string    `json:"files"`  // the directory that {files} of a scenario's command stands for
}

// Error is what a keeper could not do, with what to do about it.
type Error struct{ Text, Advice string }

func (e *Error) Error() string { return e.Text }

// Hint returns what to do about it; it may be empty.
func (e *Error) Hint() string { return e.Advice }

// failure is the last reply of what failed.
func failure(err error) reply {
	r := reply{Last: true, Error: err.Error()}
	if h := (interface{ Hint() string })(nil); errors.As(err, &h) {
		r.Hint = h.Hint()
	}
	return r
}

// err is the error that a reply tells of, or nil.
func (r *reply) err() error {
	if r.Error == "" {
		return nil
	}
	return &Error{r.Error, r.Hint}
}

// writeMessage writes a message: its length in four bytes, most significant first, and its JSON.
func writeMessage(w io.Writer, message any) error {
	data, err := encode(message)
	if err == nil {
		_, err = w.Write(data)
	}
	return err
}

func encode(message any) ([]byte, error) {
	data, err := json.Marshal(message)
	if err != nil {
		return nil, err
	}
	if len(data) > maxMessage {
		return nil, fmt.Errorf("the command and its environment take %d bytes, and at most %d can be handed on",
			len(data), maxMessage)
	}
	return append(binary.BigEndian.AppendUint32(nil, uint32(len(data))), data...), nil
}

// readMessage reads a message. It returns io.EOF when there is none before the end.
func readMessage(r io.Reader, message any) error {
	var head [4]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return err
	}
	return readBody(r, head, message)
}

// readBody reads what follows the length of a message.
func readBody(r io.Reader, head [4]byte, message any) error {
	n := binary.BigEndian.Uint32(head[:])
	if n > maxMessage {
		return fmt.Errorf("a message of %d bytes is longer than any may be", n)
	}
	data := make([]byte, n)
	if _, err := io.ReadFull(r, data); err != nil {
		return fmt.Errorf("a message ends early: %w", err)
	}
	return json.Unmarshal(data, message)
}
