package main

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"syscall"
)

// The exit codes, the same for every command.
const (
	exitOK       = 0 // nothing at or above --fail-on
	exitFindings = 1 // findings, "nothing heard" among them
	exitTrouble  = 2 // the work could not be done: usage, permission, unreadable or damaged input
)

const exitCodesHelp = `v6probe ends with one of three codes, whatever the command:

  0  nothing was found that is at or above --fail-on (by default: error)
  1  something was found; hearing nothing at all is a finding (ra.absent)
  2  the work could not be done: wrong usage, no permission, an interface that
     is gone, or a capture that cannot be read or is damaged. What was read
     before the damage is still reported.

--fail-on warning makes warnings count; --fail-on never leaves only 0 and 2.`

// codeError carries an exit code that needs no message: the report has said it all.
type codeError int

func (e codeError) Error() string { return fmt.Sprintf("exit code %d", int(e)) }

// hintError is an error with a line that says what to do about it.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }
func (e *hintError) Hint() string  { return e.hint }

func hinted(hint, format string, args ...any) error {
	return &hintError{fmt.Errorf(format, args...), hint}
}

// withHint adds a hint to err where it has none of its own. There is none to add to nil.
func withHint(hint string, err error) error {
	if err == nil || errors.As(err, new(interface{ Hint() string })) {
		return err
	}
	return &hintError{err, hint}
}

// exitCode says err on w, with its hint if it has one, and returns the code to end with. A closed pipe is no news.
func exitCode(w io.Writer, err error) int {
	var code codeError
	switch {
	case err == nil:
		return exitOK
	case errors.As(err, &code):
		return int(code)
	case errors.Is(err, syscall.EPIPE):
		return exitOK
	}
	fmt.Fprintf(w, "v6probe: %s\n", oneLine(err.Error()))
	var h interface{ Hint() string }
	if errors.As(err, &h) && h.Hint() != "" {
		fmt.Fprintf(w, "         %s\n", oneLine(h.Hint()))
	}
	return exitTrouble
}

// oneLine keeps a message on its line whatever file or interface name is in it.
func oneLine(s string) string {
	return strings.Map(func(r rune) rune {
		if r < 0x20 || r >= 0x7f && r < 0xa0 {
			return '?'
		}
		return r
	}, s)
}
