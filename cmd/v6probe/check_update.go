package main

import (
	"errors"
	"fmt"
	"io/fs"

	"github.com/spf13/cobra"

	"v6probe/internal/check"
)

// writeHint is for a file that cannot be written: it is replaced as a whole.
const writeHint = "--update needs a directory that can be written"

// updating writes what is expected of many captures, and counts what came of it.
type updating struct {
	*checkRun
	f     *checkFlags
	items map[string]check.Item // by their names
	known check.Baselines

	written, unchanged, left int
	without                  int // have no expectation, as the baseline has lines about them
	unwritten                int
	first                    error // why the first of those could not be written
	failing                  int   // failed, and were not taken over
	faults                   int   // that are expected from now on
}

// updateExpectations writes what each capture shows into the file beside it.
func (f *checkFlags) updateExpectations(c *cobra.Command, items []check.Item, o check.Options) error {
	u := &updating{checkRun: f.newRun(c, c.OutOrStdout(), len(items)), f: f, known: o.Known,
		items: make(map[string]check.Item, len(items))}
	for _, i := range items {
		u.items[i.Name] = i
	}
	err := u.judge(c.Context(), items, o, u.capture, u.end)
	switch {
	case err != nil && !errors.As(err, new(codeError)):
		return err
	case u.unwritten > 0:
		return withHint(writeHint,
			fmt.Errorf("%s could not be written; the first: %w", plural(u.unwritten, "expectation"), u.first))
	case u.failing > 0:
		return codeError(exitFindings)
	}
	return nil // what failed before is expected now
}

// capture updates the expectation of c. One that cannot be written does not keep the others from it.
func (u *updating) capture(c *check.Capture) error {
	if c.Err != nil {
		return u.line("nothing is written: %v", c.Err)
	}
	change, err := c.Update(!u.known.Knows(c), u.f.force)
	if err != nil {
		if u.unwritten++; u.first == nil {
			u.first = err
		}
		return u.line("not written: %v", err)
	}
	if c.Failed && change.Outcome != check.Written {
		u.failing++
	}
	switch change.Outcome {
	case check.Nothing:
		if u.without++; c.Failed {
			return u.line("%s: not taken over, as the baseline has lines about it: --update --baseline %s does",
				c.Name, u.items[c.Name].Known)
		}
	case check.Unchanged:
		u.unchanged++
	case check.Written:
		u.written++
		u.faults += change.Faults
		return u.changed(u.f, change)
	case check.Left:
		u.left++
		if err := u.changed(u.f, change); err != nil {
			return err
		}
		return u.line("%s: left as it is: %s", change.Path, change.Why)
	}
	return nil
}

func (u *updating) end() error {
	if u.faults > 0 {
		u.progress.Note(plural(u.faults, "fault") + " expected from now on, as `must`: look whether they should be")
	}
	if u.without > 0 {
		u.progress.Note(plural(u.without, "capture") + " without an expectation, as the baseline has lines about them")
	}
	failed := ""
	if u.unwritten > 0 {
		failed = fmt.Sprintf(", %d could not be written", u.unwritten)
	}
	return u.line("%s written, %d unchanged, %d left as they are%s", plural(u.written, "expectation"), u.unchanged, u.left, failed)
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
			return withHint(writeHint, err)
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
