package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"v6probe/internal/check"
)

// updateExpectations writes what each capture shows into the file beside it.
func (f *checkFlags) updateExpectations(c *cobra.Command, items []check.Item, o check.Options) error {
	r := f.newRun(c, c.OutOrStdout(), len(items))
	known := make(map[string]bool, len(items))
	for _, i := range items {
		known[i.Name] = i.Known != ""
	}
	var written, unchanged, left, without, faults int
	tell := func(capture *check.Capture) error {
		if capture.Err != nil {
			return r.line("nothing is written: %v", capture.Err)
		}
		u, err := capture.Update(!known[capture.Name], f.force)
		if err != nil {
			return withHint("--update needs a directory that can be written", err)
		}
		switch u.Outcome {
		case check.Nothing:
			without++
		case check.Unchanged:
			unchanged++
		case check.Written:
			written++
			faults += u.Faults
			return r.changed(f, u)
		case check.Left:
			left++
			if err := r.changed(f, u); err != nil {
				return err
			}
			return r.line("%s: left as it is: %s", u.Path, u.Why)
		}
		return nil
	}
	err := r.judge(c.Context(), items, o, tell, func() error {
		if faults > 0 {
			r.progress.Note(fmt.Sprintf("%s expected from now on, as `must`: look whether they should be", plural(faults, "fault")))
		}
		if without > 0 {
			r.progress.Note(plural(without, "capture") +
				" without one, as a baseline goes for them: name one alone to have it written")
		}
		return r.line("%s written, %d unchanged, %d left as they are", plural(written, "expectation"), unchanged, left)
	})
	var code codeError
	switch {
	case err != nil && !errors.As(err, &code):
		return err
	case left > 0:
		return codeError(exitFindings)
	}
	return nil // what failed before is expected now
}

// updateBaseline writes what is wrong with the captures into the baseline.
func (f *checkFlags) updateBaseline(c *cobra.Command, items []check.Item, o check.Options) error {
	b, err := check.LoadBaseline(f.baseline)
	if errors.Is(err, fs.ErrNotExist) {
		b, err = check.NewBaseline(f.baseline)
	}
	if err != nil {
		return err
	}
	r := f.newRun(c, c.OutOrStdout(), len(items))
	tell := func(capture *check.Capture) error {
		if b.Take(capture, f.force) {
			capture.Err = nil // it is known now
			return nil
		}
		return r.line("its lines stay as they are: %v", capture.Err)
	}
	err = r.judge(c.Context(), items, o, tell, func() error {
		b.Forget()
		u, err := b.Update()
		if err != nil {
			return withHint("--update needs a directory that can be written", err)
		}
		if err := r.changed(f, u); err != nil {
			return err
		}
		r.progress.Note(fmt.Sprintf("%s known, in %s", plural(u.Faults, "fault"), u.Path))
		return nil
	})
	if errors.As(err, new(codeError)) {
		return nil // what failed before is known now
	}
	return err
}

// changed shows what changes in a file.
func (r *checkRun) changed(f *checkFlags, u check.Update) error {
	if f.quiet {
		return nil
	}
	_, err := r.out.Write(u.Diff)
	return err
}

// line writes a line, whatever is in the names that it tells.
func (r *checkRun) line(format string, args ...any) error {
	_, err := fmt.Fprintln(r.out, oneLine(fmt.Sprintf(format, args...)))
	return err
}
