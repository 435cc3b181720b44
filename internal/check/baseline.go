package check

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"

	"v6probe/internal/rule"
)

// unreadable stands in a baseline for a rule, where a capture is meant to be damaged or not to be one at all.
const unreadable rule.ID = "unreadable"

const (
	maxBaseline = 16 << 20 // bytes
	maxCount    = 1 << 30
)

const baselineHint = "a line is: CAPTURE  RULE  COUNT, as `v6probe check --update --baseline FILE` writes it"

const baselineHead = `# What is known to be wrong in these captures: v6probe check fails for what there is besides.
# Written by v6probe check --update --baseline; comments above a line are kept.
# capture  rule  count
`

// Baseline is the faults that are known of captures. It is a text file with a line for each rule that a capture breaks: its
// path from the baseline's directory, the rule, and how many faults of it are known. Lines that begin with # are comments. A
// path that begins with # or a quotation mark, or has blanks at its ends or what cannot be printed, is quoted as in Go.
type Baseline struct {
	path  string
	dir   string // without a relative path or links, so that paths from it can be told
	known map[string]map[rule.ID]int
	notes map[Entry]string // comments above a line, whose count is not looked at
	head  string           // comments above the first line, and not about it
	tail  string           // comments behind the last
}

// Baselines are those in use, by their file.
type Baselines map[string]*Baseline

// LoadBaselines reads the baselines that items name, and returns their files in order.
func LoadBaselines(items []Item) (Baselines, []string, error) {
	all := make(Baselines)
	var files []string
	for _, i := range items {
		if i.Known == "" || all[i.Known] != nil {
			continue
		}
		b, err := LoadBaseline(i.Known)
		if err != nil {
			return nil, nil, err
		}
		all[i.Known] = b
		files = append(files, i.Known)
	}
	return all, files, nil
}

// LoadBaseline reads the baseline called path.
func LoadBaseline(path string) (*Baseline, error) {
	data, err := read(path, maxBaseline)
	if err != nil {
		return nil, err
	}
	b, err := NewBaseline(path)
	if err != nil {
		return nil, err
	}
	return b, b.parse(data)
}

// NewBaseline returns an empty baseline that is to be written to path.
func NewBaseline(path string) (*Baseline, error) {
	dir, err := realDir(path)
	if err != nil {
		return nil, err
	}
	return &Baseline{path: path, dir: dir, known: make(map[string]map[rule.ID]int), head: baselineHead,
		notes: make(map[Entry]string)}, nil
}

// name returns what b calls the capture at path.
func (b *Baseline) name(path string) string {
	if dir, err := realDir(path); err == nil {
		path = filepath.Join(dir, filepath.Base(path))
	}
	if rel, err := filepath.Rel(b.dir, path); err == nil {
		path = rel
	}
	return filepath.ToSlash(path)
}

// of returns what is known of the capture at path.
func (b *Baseline) of(path string) map[rule.ID]int {
	if b == nil {
		return nil
	}
	return b.known[b.name(path)]
}

// Take makes what came of c, and nothing else, known of it. A capture that could not be judged to its end stays as it was,
// unless that is to become known of it, or is; Take reports whether anything did.
func (b *Baseline) Take(c *Capture, unjudged bool) bool {
	name := b.name(c.item.Path)
	unjudged = unjudged || b.known[name][unreadable] > 0
	if c.Err != nil && !(unjudged && c.damaged) {
		return false
	}
	known := make(map[rule.ID]int, len(c.counts))
	for id, n := range c.counts {
		known[id] = n
	}
	if c.Err != nil {
		known[unreadable] = 1
	}
	b.known[name] = known
	return true
}

// Knows reports whether the baseline that goes for c has a line about it.
func (all Baselines) Knows(c *Capture) bool { return len(all[c.item.Known].of(c.item.Path)) > 0 }

// Forget takes out the captures that are no longer there.
func (b *Baseline) Forget() {
	for name := range b.known {
		if b.isGone(name) {
			delete(b.known, name)
		}
	}
}

// Gone returns the captures below any of paths that b has lines about and that are no longer there, in order.
func (b *Baseline) Gone(paths []string) []string {
	var gone []string
	for name := range b.known {
		file := filepath.Join(b.dir, filepath.FromSlash(name))
		below := func(path string) bool {
			dir, err := realPath(path)
			if err != nil {
				return false
			}
			rel, err := filepath.Rel(dir, file)
			return err == nil && filepath.IsLocal(rel)
		}
		if b.isGone(name) && slices.ContainsFunc(paths, below) {
			gone = append(gone, name)
		}
	}
	slices.Sort(gone)
	return gone
}

func (b *Baseline) isGone(name string) bool {
	_, err := os.Stat(filepath.Join(b.dir, filepath.FromSlash(name)))
	return errors.Is(err, fs.ErrNotExist)
}

// Entries returns the lines of b in their order.
func (b *Baseline) Entries() []Entry {
	var list []Entry
	for name, known := range b.known {
		for id, n := range known {
			list = append(list, Entry{name, id, n})
		}
	}
	slices.SortFunc(list, Entry.compare)
	return list
}

func (e Entry) compare(o Entry) int {
	return cmp.Or(cmp.Compare(e.Capture, o.Capture), cmp.Compare(e.Rule, o.Rule))
}

// Text returns b as it is written.
func (b *Baseline) Text() []byte {
	var out bytes.Buffer
	out.WriteString(b.head)
	for _, e := range b.Entries() {
		out.WriteString(b.notes[Entry{Capture: e.Capture, Rule: e.Rule}])
		fmt.Fprintf(&out, "%s  %s  %d\n", quoted(e.Capture), e.Rule, e.Count)
	}
	out.WriteString(b.tail)
	return out.Bytes()
}

// quoted returns name as a line of a baseline has it.
func quoted(name string) string {
	plain := func(r rune) bool { return unicode.IsPrint(r) && r != utf8.RuneError }
	if name != "" && name[0] != '#' && name[0] != '"' && strings.TrimSpace(name) == name &&
		strings.IndexFunc(name, func(r rune) bool { return !plain(r) }) < 0 {
		return name
	}
	return strconv.Quote(name)
}

// parse reads the text of a baseline.
func (b *Baseline) parse(data []byte) error {
	b.head = ""
	notes, number := "", 0
	for raw := range strings.Lines(strings.TrimPrefix(string(data), "\ufeff")) {
		number++
		line := strings.TrimSpace(raw)
		if line == "" || line[0] == '#' {
			notes += strings.TrimRight(line+"\n", " ")
			if len(b.known) == 0 && (line == "" || line == lastHead) {
				b.head, notes = b.head+notes, ""
			}
			continue
		}
		e, column, err := parseEntry(raw)
		if err == nil && b.known[e.Capture][e.Rule] > 0 {
			err = hinted("leave one of the lines out", "there is a line before for %s in %s", e.Rule, e.Capture)
		}
		if err != nil {
			return withHint(baselineHint, fmt.Errorf("%s:%d:%d: %w", b.path, number, column, err))
		}
		if b.known[e.Capture] == nil {
			b.known[e.Capture] = make(map[rule.ID]int)
		}
		b.known[e.Capture][e.Rule] = e.Count
		b.notes[Entry{Capture: e.Capture, Rule: e.Rule}] = notes
		notes = ""
	}
	b.tail = notes
	return nil
}

// lastHead ends what stands above the first line without being about it; a blank line does as well.
const lastHead = "# capture  rule  count"

// parseEntry reads a line. When it cannot, it says at which column, from 1 and in characters.
func parseEntry(raw string) (e Entry, column int, err error) {
	line := strings.TrimRight(raw, " \t\r\n")
	begin := len(line) - len(strings.TrimLeft(line, " \t"))
	at := func(i int) int { return utf8.RuneCountInString(raw[:i]) + 1 }
	i, count := lastField(line)
	j, id := lastField(line[:i])
	name := strings.TrimRight(line[:j], " \t")
	if len(name) <= begin {
		return e, at(begin), errors.New("there must be a capture, a rule and a count")
	}
	e.Capture, e.Rule = name[begin:], rule.ID(id)
	if e.Count, err = strconv.Atoi(count); err != nil || e.Count < 1 || e.Count > maxCount {
		return e, at(i), fmt.Errorf("not a count from 1: %q", count)
	}
	if _, known := rule.Lookup(e.Rule); !known && e.Rule != unreadable {
		return e, at(j), unknownRule(id)
	}
	if e.Capture[0] == '"' {
		if e.Capture, err = strconv.Unquote(e.Capture); err != nil || e.Capture == "" {
			return e, at(begin), errors.New("not a name in quotation marks")
		}
	}
	return e, at(begin), nil
}

// lastField returns the last of the fields of s, and where it begins.
func lastField(s string) (int, string) {
	s = strings.TrimRight(s, " \t")
	i := strings.LastIndexAny(s, " \t") + 1
	return i, s[i:]
}
