package expect

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/rule"
)

// Source is a file that says what is expected.
type Source struct {
	Name   string // as the user named it
	Data   []byte
	Select string // the one link of it that is meant, by one of its Keys; "" is all
}

// Load reads sources and puts together what they say. What they are is told by their content: a radvd.conf, JSON of
// CloudStack's API, or YAML. JSON files are read together, as one lists the networks and another their machines.
// An error is an *Error.
func Load(sources []Source) (*State, error) {
	all := &State{}
	var api []Source
	for _, s := range sources {
		switch kind(s.Data) {
		case json:
			api = append(api, s)
			continue
		case radvd:
			if err := all.add(s, parseRadvd); err != nil {
				return nil, err
			}
		default:
			if err := all.add(s, parseYAML); err != nil {
				return nil, err
			}
		}
	}
	if len(api) == 0 {
		return all, nil
	}
	state, err := parseCloudStack(api)
	if err != nil {
		return nil, err
	}
	if err := state.choose(api); err != nil {
		return nil, err
	}
	all.join(state)
	return all, nil
}

func (s *State) add(src Source, parse func(Source) (*State, error)) error {
	state, err := parse(src)
	if err != nil {
		return err
	}
	if err := state.choose([]Source{src}); err != nil {
		return err
	}
	s.join(state)
	return nil
}

func (s *State) join(o *State) {
	s.Links = append(s.Links, o.Links...)
	s.Flaws = append(s.Flaws, o.Flaws...)
	s.Rules.Must = append(s.Rules.Must, o.Rules.Must...)
	s.Rules.MustNot = append(s.Rules.MustNot, o.Rules.MustNot...)
	s.Rules.Ignore = append(s.Rules.Ignore, o.Rules.Ignore...)
}

// choose leaves the links that the sources select, and their flaws. Where none selects anything, all stay.
func (s *State) choose(sources []Source) error {
	chosen := make(map[*Link]bool)
	for _, src := range sources {
		if src.Select == "" {
			continue
		}
		l := s.find(src.Select)
		if l == nil {
			return s.unknown(src)
		}
		chosen[l] = true
	}
	if len(chosen) == 0 {
		return nil
	}
	s.Links = slices.DeleteFunc(s.Links, func(l *Link) bool { return !chosen[l] })
	s.Flaws = slices.DeleteFunc(s.Flaws, func(f Flaw) bool {
		return !slices.ContainsFunc(s.Links, func(l *Link) bool { return l.Name == f.Link })
	})
	return nil
}

// find returns the link with that key, or nil.
func (s *State) find(key string) *Link {
	for _, l := range s.Links {
		if slices.Contains(l.Keys, key) {
			return l
		}
	}
	return nil
}

// keysTold is how many keys a hint names.
const keysTold = 16

func (s *State) unknown(src Source) error {
	e := &Error{Place: rule.Place{File: src.Name}, Reason: fmt.Sprintf("nothing in it is called %q", src.Select)}
	var keys []string
	for _, l := range s.Links {
		keys = append(keys, l.Keys...)
	}
	if len(keys) > 0 {
		e.hint = "it has: " + strings.Join(keys[:min(len(keys), keysTold)], ", ")
	}
	if n := len(keys) - keysTold; n > 0 {
		e.hint += fmt.Sprintf(" and %d more", n)
	}
	return e
}

type format int

const (
	yaml format = iota
	json
	radvd
)

// kind tells what a source is: JSON begins with a brace or bracket, radvd.conf with the word interface and a name.
func kind(b []byte) format {
	b = bytes.TrimPrefix(b, []byte("\xef\xbb\xbf"))
	for {
		b = bytes.TrimLeft(b, " \t\r\n")
		if len(b) == 0 || b[0] != '#' {
			break
		}
		if _, rest, ok := bytes.Cut(b, []byte("\n")); ok {
			b = rest
		} else {
			b = nil
		}
	}
	switch {
	case len(b) == 0:
		return yaml
	case b[0] == '{' || b[0] == '[':
		return json
	case isWord(b, "interface"):
		return radvd
	}
	return yaml
}

// isWord reports whether b begins with word, in any case as radvd reads it, and a blank after it.
func isWord(b []byte, word string) bool {
	return len(b) > len(word) && strings.EqualFold(string(b[:len(word)]), word) && strings.IndexByte(" \t\r\n", b[len(word)]) >= 0
}
