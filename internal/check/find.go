package check

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
)

// Item is a capture to be judged, or what cannot be and fails.
type Item struct {
	Path   string // to open it by
	Name   string // the same with slashes, as it is told
	Expect string // the file beside it with what is expected of it; "" for none
	Known  string // the file with the baseline that goes for it; "" for none
	Err    error  // why it cannot be judged

	stray string // of an expectation that belongs to no capture: the file that it could be for, as finder.taken has it
}

// IsExpectation reports whether i is no capture but an expectation that belongs to none.
func (i Item) IsExpectation() bool { return i.stray != "" }

// The names of captures and of what belongs to them.
const (
	expectSuffix = ".expect.yaml"
	BaselineName = "v6probe.baseline" // used where it is in the directory of a capture, or above
)

var (
	captureSuffixes  = [...]string{".pcapng", ".pcap", ".cap"}
	compressSuffixes = [...]string{"", ".gz", ".zst"}
)

const namesHint = "captures are files that end in .pcap, .pcapng or .cap, also with .gz or .zst after it"

// hintError is an error with a line that says what to do about it.
type hintError struct {
	err  error
	hint string
}

func (e *hintError) Error() string { return e.err.Error() }
func (e *hintError) Unwrap() error { return e.err }

// Hint says what to do about it.
func (e *hintError) Hint() string { return e.hint }

func hinted(hint, format string, args ...any) error {
	return &hintError{fmt.Errorf(format, args...), hint}
}

// withHint adds a hint to err where it has none of its own.
func withHint(hint string, err error) error {
	if errors.As(err, new(interface{ Hint() string })) {
		return err
	}
	return &hintError{err, hint}
}

// Find returns the captures that paths name, each once however it is reached. Files are taken as they are. Directories are
// walked in the order of their names; captures are known there by theirs, and what is hidden is passed over. Links are
// followed, and no directory is entered twice. A baseline goes for the captures in its directory and below, up to the next
// one. An expectation in a directory that belongs to no capture is an item that fails: it would be a test that ended unseen.
func Find(paths []string) ([]Item, error) {
	f := finder{taken: make(map[string]bool), entered: make(map[string]bool), baselines: make(map[string]string)}
	for _, path := range paths {
		if err := f.add(path); err != nil {
			return nil, err
		}
	}
	return slices.DeleteFunc(f.items, func(i Item) bool { return i.stray != "" && f.taken[i.stray] }), nil
}

type finder struct {
	items     []Item
	seen      int               // captures, whether taken before or not, and expectations that belong to none
	taken     map[string]bool   // captures, by real directory and name
	entered   map[string]bool   // real directories
	baselines map[string]string // what the baseline of a real directory is called, so that it has one name
}

func (f *finder) add(path string) error {
	info, err := os.Stat(path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return hinted("name captures, or directories with captures in them", "%s: there is no such file or directory", path)
	case err != nil:
		return err
	case info.IsDir():
		return f.directory(path)
	case filepath.Base(path) == BaselineName:
		return hinted("name its directory, or give it by --baseline", "%s: that is a baseline and no capture", path)
	case isExpectation(path):
		return hinted("name the capture, beside which it is found, or the directory",
			"%s: that is an expectation and no capture", path)
	}
	dir, err := realDir(path)
	if err != nil {
		return err
	}
	f.take(path, dir, f.above(dir, filepath.IsAbs(path)))
	return nil
}

func (f *finder) directory(path string) error {
	real, err := realPath(path)
	if err != nil {
		return err
	}
	if f.entered[real] {
		return nil
	}
	known := ""
	if !exists(filepath.Join(real, repository)) {
		known = f.above(filepath.Dir(real), filepath.IsAbs(path))
	}
	before := f.seen
	if err := f.walk(path, known); err != nil {
		return err
	}
	if f.seen == before {
		return hinted(namesHint, "%s: there are no captures in it", path)
	}
	return nil
}

// repository is in the topmost directory of one, above which nothing belongs to it.
const repository = ".git"

// maxAbove bounds how many directories are looked into for a baseline where there is no repository.
const maxAbove = 16

// above returns the baseline in the real directory dir, or else in the nearest above it of the same repository; "" for none.
// It is told from the root where absolute, else from the working directory.
func (f *finder) above(dir string, absolute bool) string {
	for range maxAbove {
		path := filepath.Join(dir, BaselineName)
		if info, err := os.Stat(path); err == nil && !info.IsDir() {
			if wd, err := realPath("."); err == nil && !absolute {
				if rel, err := filepath.Rel(wd, path); err == nil {
					path = rel
				}
			}
			return f.baseline(dir, path)
		}
		up := filepath.Dir(dir)
		if up == dir || exists(filepath.Join(dir, repository)) {
			break
		}
		dir = up
	}
	return ""
}

// baseline returns what the baseline of the real directory dir is called: path, unless it has a name already.
func (f *finder) baseline(dir, path string) string {
	if f.baselines[dir] == "" {
		f.baselines[dir] = path
	}
	return f.baselines[dir]
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

// realPath returns path, which must be there, absolute and without links.
func realPath(path string) (string, error) {
	real, err := filepath.EvalSymlinks(path)
	if err != nil {
		return "", err
	}
	return filepath.Abs(real)
}

// realDir returns the directory of path, absolute and without links.
func realDir(path string) (string, error) { return realPath(filepath.Dir(path)) }

// walk takes the captures below dir, for which the baseline called known goes. A directory below the first that cannot be
// read fails by itself.
func (f *finder) walk(dir, known string) error {
	real, err := realPath(dir)
	if err != nil {
		return err
	}
	if f.entered[real] {
		return nil
	}
	f.entered[real] = true
	entries, err := os.ReadDir(dir)
	if err != nil {
		return err
	}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == BaselineName }) {
		known = f.baseline(real, filepath.Join(dir, BaselineName))
	}
	here := newFolder(dir, entries)
	for _, e := range entries {
		if strings.HasPrefix(e.Name(), ".") {
			continue
		}
		path := filepath.Join(dir, e.Name())
		mode := e.Type()
		if mode&fs.ModeSymlink != 0 {
			if info, err := os.Stat(path); err == nil {
				mode = info.Mode().Type()
			} // a link to nothing is an item that fails, if it is called a capture
		}
		switch {
		case mode.IsDir():
			if err := f.walk(path, known); err != nil {
				f.fail(Item{Path: path, Err: err})
			}
		case isCapture(e.Name()) && (mode.IsRegular() || mode&fs.ModeSymlink != 0):
			f.take(path, real, known)
		case isExpectation(e.Name()):
			if err := here.stray(e.Name()); err != nil {
				f.fail(Item{Path: path, Err: err, stray: filepath.Join(real, expectationOf(e.Name()))})
			}
		}
	}
	return nil
}

// fail adds an item that is no capture, and has an error.
func (f *finder) fail(item Item) {
	f.seen++
	item.Name = filepath.ToSlash(item.Path)
	f.items = append(f.items, item)
}

// take adds the capture at path, in the real directory dir.
func (f *finder) take(path, dir, known string) {
	f.seen++
	path = filepath.Clean(path)
	key := filepath.Join(dir, filepath.Base(path))
	if f.taken[key] {
		return
	}
	f.taken[key] = true
	item := Item{Path: path, Name: filepath.ToSlash(path), Known: known}
	item.Expect, item.Err = beside(path)
	f.items = append(f.items, item)
}

// isCapture reports whether a file of that name is a capture.
func isCapture(name string) bool { return stem(name) != name }

// stem returns name without the suffixes of a capture: "vm" of "vm.pcap.gz". A name without them is its own.
func stem(name string) string {
	rest := name
	for _, s := range compressSuffixes[1:] {
		if short, ok := cutSuffixFold(rest, s); ok {
			rest = short
			break
		}
	}
	for _, s := range captureSuffixes {
		if short, ok := cutSuffixFold(rest, s); ok && short != "" {
			return short
		}
	}
	return name
}

func cutSuffixFold(s, suffix string) (string, bool) {
	if n := len(s) - len(suffix); n >= 0 && strings.EqualFold(s[n:], suffix) {
		return s[:n], true
	}
	return s, false
}

// beside returns the file with what is expected of the capture at path: vm.expect.yaml, or vm.pcap.gz.expect.yaml where
// vm.pcap.gz is not the only vm. Both are one too many.
func beside(path string) (string, error) {
	dir, name := filepath.Split(path)
	names := slices.Compact([]string{name + expectSuffix, stem(name) + expectSuffix})
	var found []string
	for _, n := range names {
		info, err := os.Stat(dir + n)
		switch {
		case errors.Is(err, fs.ErrNotExist):
			continue
		case err == nil && !info.Mode().IsRegular():
			err = fmt.Errorf("%s: not a file that could be read", dir+n)
		}
		if err != nil {
			return "", err
		}
		found = append(found, n)
	}
	switch len(found) {
	case 0:
		return "", nil
	case 1:
		return dir + found[0], nil
	}
	return "", hinted("keep one of them", "%s: beside it there are both %s and %s", path, found[0], found[1])
}

// siblings returns the other captures in the directory of path that have the same stem: they share its stem's
// expectation.
func siblings(path string) []string {
	dir, name := filepath.Split(path)
	var names []string
	for _, c := range captureSuffixes {
		for _, z := range compressSuffixes {
			n := stem(name) + c + z
			if _, err := os.Stat(dir + n); err == nil && n != name {
				names = append(names, n)
			}
		}
	}
	return names
}
