package counters

import (
	"bytes"
	"context"
	"errors"
	"os"
	"strings"

	"v6probe/internal/tool"
)

// toolError says why a program told nothing.
type toolError struct {
	tool   string
	text   string // its own words, or ours
	hint   string
	absent bool // it is not installed
}

func (e *toolError) Error() string { return e.tool + ": " + e.text }

func (e *toolError) Hint() string { return e.hint }

// run returns what a program prints. It runs in the network namespace of the calling thread.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	out, err := tool.Run(ctx, maxOutput, name, args...)
	var e *tool.Error
	switch {
	case !errors.As(err, &e):
		return out, err
	case e.Err != nil:
		return nil, failed(name, e.Said, e.Err)
	}
	return nil, &toolError{tool: name, text: e.Text, absent: e.Absent}
}

// failed words the end of a program that did not work.
func failed(name string, said []byte, err error) error {
	text := err.Error()
	for line := range bytes.Lines(said) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			_, after, ok := strings.Cut(string(line), "): ") // "ip6tables-nft-save v1.8.9 (nf_tables): Could not …"
			if ok && strings.HasPrefix(string(line), name) {
				line = []byte(after)
			}
			text = tool.Clean(string(line), maxText)
			break
		}
	}
	e := &toolError{tool: name, text: text}
	if noPermission(said, err) {
		e.hint = permissionHint
	}
	return e
}

const permissionHint = "it needs CAP_NET_ADMIN over this network namespace: run v6probe as root, outside a container" +
	" that lacks it"

// noPermission reports whether a program, or the kernel, says so.
func noPermission(said []byte, err error) bool {
	if errors.Is(err, os.ErrPermission) {
		return true
	}
	for _, words := range []string{"ermission denied", "not permitted", "must be root", "right permissions"} {
		if bytes.Contains(said, []byte(words)) {
			return true
		}
	}
	return false
}
