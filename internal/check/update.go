package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/rogpeppe/go-internal/diff"

	"v6probe/internal/expect"
	"v6probe/internal/rule"
)

// recorded is what is to be expected of a capture from now on.
type recorded struct {
	text   []byte
	faults int // that must show
}

// about is the first comment of what Update writes, and ours how that begins in the file.
const (
	ours  = "# Written by v6probe"
	about = "Written by v6probe check --update: what %s shows."
)

// record returns s, what was seen in the capture of item, as a file, after it was held against the capture once more: what
// is written must pass. What before, which may be nil, says of rules that must not break or are not looked at stays.
func record(ctx context.Context, item Item, s, before *expect.State) (*recorded, error) {
	var excused Rules
	if before != nil {
		s.Rules.MustNot, s.Rules.Ignore = before.Rules.MustNot, before.Rules.Ignore
		excused = patterns(s.Rules.MustNot, s.Rules.Ignore)
	}
	var differs *rule.Found
	for range 2 {
		s.Rules.Must = slices.DeleteFunc(s.Rules.Must, func(r expect.RuleRef) bool { return excused.Has(rule.ID(r.ID)) })
		var text bytes.Buffer
		if err := expect.Write(&text, s, fmt.Sprintf(about, printable(filepath.Base(item.Path)))); err != nil {
			return nil, fmt.Errorf("%s: %w", item.Path, err)
		}
		again, err := expect.Load([]expect.Source{{Name: updated(item), Data: text.Bytes()}})
		if err != nil {
			return nil, fmt.Errorf("what was recorded cannot be read again: %w", err)
		}
		result, err := newJudge(again).run(ctx, item.Path)
		if err != nil {
			return nil, err
		}
		differs = nil
		for _, f := range result.Tally.Found() {
			if f.Severity >= rule.Warning && !excused.Has(f.Rule) {
				differs = &f
			}
			if f.Rule == ruleMissing {
				excused = append(excused, f.Subject) // it is none any more when the routers that were heard are expected
			}
		}
		if differs == nil {
			return &recorded{expect.Sign(text.Bytes()), len(s.Rules.Must)}, nil
		}
	}
	return nil, hinted("please report this, with the capture if you may",
		"%s: what was recorded of it does not hold for it: %s: %s", item.Path, differs.Rule, differs.Detail)
}

// ruleMissing is the rule that a fault must show which does not.
const ruleMissing rule.ID = "expect.rule-missing"

func patterns(lists ...[]expect.RuleRef) (r Rules) {
	for _, ref := range slices.Concat(lists...) {
		r = append(r, ref.ID)
	}
	return r
}

// updated returns the file to which is written what is expected of item.
func updated(item Item) string {
	if item.Expect != "" {
		return item.Expect
	}
	dir, name := filepath.Split(item.Path)
	if len(siblings(item.Path)) > 0 {
		return dir + name + expectSuffix
	}
	return dir + stem(name) + expectSuffix
}

// Outcome is what came of an update.
type Outcome int

// The outcomes.
const (
	Nothing   Outcome = iota // the capture could not be judged, or is not to have an expectation
	Unchanged                // the capture passes against what is there, or that is what was recorded
	Written
	Left // the capture does not pass against what is there, and that is not ours to rewrite
)

// Update is a change to the file with what is expected of a capture, or to a baseline.
type Update struct {
	Outcome Outcome
	Path    string
	Diff    []byte // empty where nothing changes; without control characters
	Why     string // Left: why, a clause
	Faults  int    // rules that are expected to be broken from now on
}

// Update writes what c has shown into the file beside it, where create says so also if there is none yet. It leaves a file
// alone against which c passes, one that v6probe did not write and one that was edited since, unless force is given; one
// that is of several captures in any case.
func (c *Capture) Update(create, force bool) (Update, error) {
	u := Update{Path: updated(c.item)}
	if c.record == nil || c.item.Expect == "" && !create {
		return u, nil
	}
	u.Faults = c.record.faults
	var old []byte
	if c.item.Expect != "" {
		var err error
		if old, err = read(u.Path, maxExpectation); err != nil {
			return u, err
		}
		u.Why = c.keep(old, force)
		if bytes.Equal(old, c.record.text) || !c.Failed && (!force || u.Why != "") {
			u.Outcome, u.Why = Unchanged, ""
			return u, nil
		}
	}
	u.Diff = difference(u.Path, old, c.record.text)
	if u.Why != "" {
		u.Outcome = Left
		return u, nil
	}
	u.Outcome = Written
	return u, replace(u.Path, c.record.text)
}

// keep says why the file with what is expected of c, of the content old, is not to be rewritten; "" where it may be.
func (c *Capture) keep(old []byte, force bool) string {
	switch others := siblings(c.item.Path); {
	case len(others) > 0 && filepath.Base(c.item.Expect) == stem(filepath.Base(c.item.Path))+expectSuffix:
		return "it is for " + strings.Join(others, ", ") + " as well"
	case force || expect.Untouched(old):
		return ""
	case bytes.HasPrefix(old, []byte(ours)):
		return "edited by hand since v6probe wrote it; --force rewrites it"
	}
	return "v6probe did not write it; --force rewrites it"
}

// Update writes b to its file, where that changes anything.
func (b *Baseline) Update() (Update, error) {
	u := Update{Path: b.path, Outcome: Unchanged}
	for _, e := range b.Entries() {
		u.Faults += e.Count
	}
	old, err := read(b.path, maxBaseline)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return u, err
	}
	text := b.Text()
	if err == nil && bytes.Equal(old, text) {
		return u, nil
	}
	u.Outcome, u.Diff = Written, difference(b.path, old, text)
	return u, replace(b.path, text)
}

// difference returns how the file called path changes, as a unified diff. old is nil where there is no such file yet.
func difference(path string, old, new []byte) []byte {
	name := printable(filepath.ToSlash(path))
	before := name
	if old == nil {
		before = "/dev/null" // on Windows too: it is what tools that read differences know
	}
	d := diff.Diff(before, old, name, new)
	if _, rest, ok := bytes.Cut(d, []byte("\n")); ok {
		d = rest // the line that names the files once more
	}
	return bytes.Map(func(r rune) rune {
		if r == '\n' {
			return r
		}
		return shown(r)
	}, d)
}

// printable keeps a name on its line, and off a terminal's controls.
func printable(s string) string { return strings.Map(shown, s) }

func shown(r rune) rune {
	if r < 0x20 && r != '\t' || r >= 0x7f && r < 0xa0 {
		return '?'
	}
	return r
}

// replace puts text into the file called path at once or not at all. Its error names that file.
func replace(path string, text []byte) error {
	target, mode := path, fs.FileMode(0o644)
	if real, err := filepath.EvalSymlinks(path); err == nil {
		target = real
		if info, err := os.Stat(path); err == nil {
			mode = info.Mode().Perm()
		}
	}
	if err := swap(target, text, mode); err != nil {
		return &fs.PathError{Op: "write", Path: path, Err: cause(err)}
	}
	return nil
}

// swap writes text to a file beside target, and puts that in its place.
func swap(target string, text []byte, mode fs.FileMode) error {
	file, err := os.CreateTemp(filepath.Dir(target), ".v6probe-*")
	if err != nil {
		return err
	}
	_, err = file.Write(text)
	if err == nil {
		err = file.Chmod(mode)
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(file.Name(), target)
	}
	if err != nil {
		os.Remove(file.Name())
	}
	return err
}

// cause returns err without the names of the files it is about.
func cause(err error) error {
	var path *fs.PathError
	var link *os.LinkError
	switch {
	case errors.As(err, &path):
		return path.Err
	case errors.As(err, &link):
		return link.Err
	}
	return err
}
