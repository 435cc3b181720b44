// Package tool runs the programs of a host that know what v6probe has to ask them for, such as ip6tables-save, and takes no more
// from them than they may say.
package tool

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

// Time is how long a program may take. Rules by the ten thousand take one a second.
const Time = 10 * time.Second

// maxSaid is how many bytes of what a program says on standard error are kept.
const maxSaid = 4096

// Error says why a program told nothing.
type Error struct {
	Tool   string
	Text   string // of ours; "" where the program itself said why, or failed without a word
	Said   []byte // what it said on standard error, not escaped
	Err    error  // of the run; may be nil
	Absent bool   // it is not installed
}

func (e *Error) Error() string {
	switch {
	case e.Text != "":
		return e.Tool + ": " + e.Text
	case e.Err != nil:
		return e.Tool + ": " + e.Err.Error()
	}
	return e.Tool + ": it failed"
}

// Unwrap returns the error of the run.
func (e *Error) Unwrap() error { return e.Err }

// FirstLine returns the first line that the program said, "" for none. It is not escaped.
func (e *Error) FirstLine() string {
	for line := range bytes.Lines(e.Said) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			return string(line)
		}
	}
	return ""
}

// Absent reports whether err says that a program is not installed.
func Absent(err error) bool {
	var e *Error
	return errors.As(err, &e) && e.Absent
}

// Find looks where programs for root are first: these places are not in every user's PATH.
func Find(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if i, err := os.Stat(path); err == nil && i.Mode().IsRegular() && i.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// Run returns what a program prints, of which more than max bytes are an error. The program runs in the network namespace of the
// calling thread. An error is an *Error, or that of ctx.
func Run(ctx context.Context, max int, name string, args ...string) ([]byte, error) {
	path, err := Find(name)
	if err != nil {
		return nil, &Error{Tool: name, Text: "not installed", Absent: true}
	}
	limited, cancel := context.WithTimeout(ctx, Time)
	defer cancel()
	cmd := exec.CommandContext(limited, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second // for what it started and that holds the pipe
	out, said := &buffer{max: max, full: cancel}, &buffer{max: maxSaid}
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	switch {
	case out.over:
		return nil, &Error{Tool: name, Text: fmt.Sprintf("it prints more than %d MiB", max>>20)}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, &Error{Tool: name, Text: fmt.Sprintf("no answer within %v", Time)}
	case err != nil:
		return nil, &Error{Tool: name, Said: said.data, Err: err}
	}
	return out.data, nil
}

// buffer keeps what is written to it, up to max bytes. Then it calls full, if there is one, and takes the rest for nothing.
type buffer struct {
	data []byte
	max  int
	full func()
	over bool
}

func (b *buffer) Write(p []byte) (int, error) {
	room := b.max - len(b.data)
	b.data = append(b.data, p[:min(len(p), room)]...)
	if len(p) > room {
		if !b.over && b.full != nil {
			b.full()
		}
		b.over = true
	}
	return len(p), nil
}
