package check

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"v6probe/internal/expect"
	"v6probe/internal/like"
	"v6probe/internal/rule"
)

// misspelt is how the names of expectations end that are not read.
const misspelt = ".expect.yml"

// isExpectation reports whether a file of that name is meant to be an expectation.
func isExpectation(name string) bool { return expectationOf(name) != name }

// expectationOf returns what the expectation called name is of by its name: a capture, or the stem of one.
func expectationOf(name string) string {
	return strings.TrimSuffix(strings.TrimSuffix(name, expectSuffix), misspelt)
}

// folder is a directory whose expectations are looked at.
type folder struct {
	dir      string
	files    map[string]bool
	captures map[string]string // by each name that an expectation may have before its suffix
	free     []string          // those of them of captures that have no expectation
}

func newFolder(dir string, entries []fs.DirEntry) *folder {
	f := &folder{dir: dir, files: make(map[string]bool), captures: make(map[string]string)}
	for _, e := range entries {
		f.files[e.Name()] = true
	}
	for _, e := range entries {
		name := e.Name()
		if !isCapture(name) || e.IsDir() {
			continue
		}
		f.captures[name], f.captures[stem(name)] = name, name
		if !f.files[name+expectSuffix] && !f.files[stem(name)+expectSuffix] {
			f.free = append(f.free, stem(name), name)
		}
	}
	return f
}

// stray says that the expectation called name belongs to no capture; it returns nil if it does.
func (f *folder) stray(name string) error {
	path, of := filepath.Join(f.dir, name), expectationOf(name)
	right := of + expectSuffix
	switch known := f.captures[of] != ""; {
	case known && right == name || f.folded(of, name):
		return nil
	case known && f.files[right]:
		return badExpectation(path, "it is not read: expectations end in "+expectSuffix, "remove it: there is "+right+" as well")
	case known:
		return badExpectation(path, "it is not read: expectations end in "+expectSuffix, "rename it to "+right)
	case f.files[of]:
		return badExpectation(path, "it belongs to no capture: "+of+" is not called one", namesHint)
	}
	return badExpectation(path, "it belongs to no capture", f.advice(of))
}

// folded reports whether the expectation called name is of a capture as the file system takes capitals for small letters.
func (f *folder) folded(of, name string) bool {
	for after := range f.captures {
		if after != of && strings.EqualFold(after, of) {
			a, err := os.Stat(filepath.Join(f.dir, after+expectSuffix))
			b, otherErr := os.Stat(filepath.Join(f.dir, name))
			return err == nil && otherErr == nil && os.SameFile(a, b)
		}
	}
	return false
}

// maxFree bounds with how many names one that belongs to nothing is compared.
const maxFree = 1000

// advice says what to do about an expectation that would be of the capture called of.
func (f *folder) advice(of string) string {
	if like := like.Nearest(of, f.free[:min(len(f.free), maxFree)]); like != "" {
		return "if it is for " + f.captures[like] + ", rename it to " + like + expectSuffix
	}
	return "rename it after its capture, as vm.expect.yaml for vm.pcap, or remove it"
}

// badExpectation says what is wrong with the file itself, so that it is told apart from a damaged capture.
func badExpectation(path, why, hint string) error {
	return &hintError{&expect.Error{Place: rule.Place{File: path}, Reason: why}, hint}
}
