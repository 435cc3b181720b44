package expect

import (
	"bytes"
	stdjson "encoding/json"
	"errors"
	"fmt"
	"math"
	"strconv"
	"unicode/utf8"

	"v6probe/internal/rule"
)

// apiReader walks JSON and knows the place of everything in it. That the JSON is valid is encoding/json's affair: check
// asks it, and all else relies on that. Nothing recurses by what is in the data.
type apiReader struct {
	file string
	data []byte
	at   int  // the next byte
	end  int  // of the document; another may follow
	room *int // for how many objects more there is room, in all files

	// Line and column of the offset counted. Places are asked for in the order of the data, so that one pass counts them
	// all, even where a file of 50 MB is one line.
	counted, line, column int
}

// maxObjects is how many networks, machines, interfaces and secondary addresses are read; each takes about 1 kB.
const maxObjects = 1 << 18

// apiText is a string of the API's; empty where it is null or not there.
type apiText struct {
	S     string
	Place rule.Place
}

// apiNumber is a whole number of the API's, 0 where it is null or not there.
type apiNumber struct {
	N     int
	Place rule.Place
}

// newAPIReader begins after a byte order mark and lines of comment, as kind does.
func newAPIReader(s Source, room *int) (*apiReader, error) {
	r := &apiReader{file: s.Name, data: s.Data, room: room, line: 1, column: 1}
	if !utf8.Valid(r.data) {
		return nil, r.fail(apiBadUTF8(r.data), "it is not valid UTF-8", "save what CloudStack answers as it comes")
	}
	r.at = len(r.data) - len(bytes.TrimPrefix(r.data, []byte("\xef\xbb\xbf")))
	r.counted = r.at
	r.end = len(r.data)
	for r.peek() == '#' {
		n := bytes.IndexByte(r.data[r.at:], '\n')
		if n < 0 {
			n = len(r.data) - r.at
		}
		r.at += n
	}
	return r, nil
}

// apiBadUTF8 is the offset of the first byte that is no UTF-8.
func apiBadUTF8(b []byte) int {
	for i := 0; ; {
		c, size := utf8.DecodeRune(b[i:])
		if c == utf8.RuneError && size <= 1 {
			return i
		}
		i += size
	}
}

// apiDiscard takes any JSON and keeps nothing of it.
type apiDiscard struct{}

func (apiDiscard) UnmarshalJSON([]byte) error { return nil }

// next checks the next document of the file and sets end behind it. It reports false where there is none.
func (r *apiReader) next() (bool, error) {
	r.end = len(r.data)
	if r.peek() == 0 && r.at == len(r.data) {
		return false, nil
	}
	if stdjson.Valid(r.data[r.at:]) {
		return true, nil
	}
	err := stdjson.Unmarshal(r.data[r.at:], &apiDiscard{}) // which says what is wrong
	var syntax *stdjson.SyntaxError
	if !errors.As(err, &syntax) {
		return false, r.fail(r.at, "it is not valid JSON", "")
	}
	// The offset is behind the byte that is wrong, or behind the last one. A document that another one follows, as when a
	// second command appends its answer, is whole up to there.
	wrong := r.at + int(max(syntax.Offset, 1)) - 1
	if wrong < len(r.data) && (r.data[wrong] == '{' || r.data[wrong] == '[') && stdjson.Valid(r.data[r.at:wrong]) {
		r.end = wrong
		return true, nil
	}
	return false, r.fail(wrong, "it is not valid JSON: "+syntax.Error(), "save what `cmk` prints once more, with `output json`")
}

// place is the place of an offset, which is none before the last one that was asked for.
func (r *apiReader) place(offset int, path string) rule.Place {
	passed := r.data[r.counted:offset]
	if n := bytes.Count(passed, []byte("\n")); n > 0 {
		r.line += n
		r.column = 1
		passed = passed[bytes.LastIndexByte(passed, '\n')+1:]
	}
	r.column += utf8.RuneCount(passed)
	r.counted = offset
	return rule.Place{File: r.file, Line: r.line, Column: r.column, Path: path}
}

func (r *apiReader) fail(offset int, reason, hint string) error {
	return &Error{Place: r.place(offset, ""), Reason: reason, hint: hint}
}

// peek is the first byte of what comes next, 0 at the end.
func (r *apiReader) peek() byte {
	for ; r.at < r.end; r.at++ {
		switch c := r.data[r.at]; c {
		case ' ', '\t', '\r', '\n':
		default:
			return c
		}
	}
	return 0
}

// object reads an object. A value that each does not read is skipped.
func (r *apiReader) object(each func(key []byte) error) error {
	r.at++
	for {
		switch r.peek() {
		case '}':
			r.at++
			return nil
		case ',':
			r.at++
			continue
		case 0:
			return nil
		}
		key := r.quoted()
		r.peek()
		r.at++ // the colon
		if err := r.value(func() error { return each(key) }); err != nil {
			return err
		}
	}
}

// list reads a list, likewise.
func (r *apiReader) list(each func(i int) error) error {
	r.at++
	for i := 0; ; {
		switch r.peek() {
		case ']':
			r.at++
			return nil
		case ',':
			r.at++
			continue
		case 0:
			return nil
		}
		if err := r.value(func() error { return each(i) }); err != nil {
			return err
		}
		i++
	}
}

func (r *apiReader) value(read func() error) error {
	r.peek()
	start := r.at
	err := read()
	if r.at == start {
		r.skip()
	}
	return err
}

// skip goes behind the value that comes next.
func (r *apiReader) skip() {
	depth := 0
	for r.peek() != 0 {
		switch r.data[r.at] {
		case '"':
			r.pass()
		case '{', '[':
			depth++
			r.at++
		case '}', ']':
			depth--
			r.at++
		case ',', ':':
			r.at++
		default:
			r.bare()
		}
		if depth == 0 {
			return
		}
	}
}

// pass goes behind a string, and reports whether it has escapes.
func (r *apiReader) pass() (escapes bool) {
	for r.at++; r.at < r.end; r.at++ {
		switch r.data[r.at] {
		case '"':
			r.at++
			return escapes
		case '\\':
			escapes = true
			r.at++
		}
	}
	return escapes
}

// bare returns a number, or a word.
func (r *apiReader) bare() string {
	start := r.at
	for r.at++; r.at < r.end && bytes.IndexByte([]byte(" \t\r\n,:]}"), r.data[r.at]) < 0; r.at++ {
	}
	return string(r.data[start:r.at])
}

// quoted returns what a string says.
func (r *apiReader) quoted() []byte {
	start := r.at
	escapes := r.pass()
	raw := r.data[start:r.at]
	if !escapes {
		return raw[1 : len(raw)-1]
	}
	var s string
	if stdjson.Unmarshal(raw, &s) != nil {
		return nil
	}
	return []byte(s)
}

// text reads a string into t.
func (r *apiReader) text(t *apiText, path string) error {
	p, err := r.once(t.Place, path)
	if err != nil {
		return err
	}
	t.Place = p
	switch r.peek() {
	case '"':
		t.S = string(r.quoted())
	case 'n':
	default:
		return r.wrong(path, "a string")
	}
	return nil
}

// number reads a whole number into n.
func (r *apiReader) number(n *apiNumber, path string) error {
	p, err := r.once(n.Place, path)
	if err != nil {
		return err
	}
	n.Place = p
	switch c := r.peek(); {
	case c == 'n':
	case c == '-' || '0' <= c && c <= '9':
		start := r.at
		s := r.bare()
		v, err := strconv.ParseInt(s, 10, 32)
		if err != nil || v < 0 {
			return r.fail(start, fmt.Sprintf("%s is %s, not a whole number up to %d", path, apiShort(s), math.MaxInt32), "")
		}
		n.N = int(v)
	default:
		return r.wrong(path, "a number")
	}
	return nil
}

// once is the place of the value that comes next; before is that of an earlier one of the same name.
func (r *apiReader) once(before rule.Place, path string) (rule.Place, error) {
	r.peek()
	if !before.IsZero() {
		return before, r.fail(r.at, fmt.Sprintf("%s is there twice; first in line %d", path, before.Line), "")
	}
	return r.place(r.at, path), nil
}

// begin takes room for the object that comes next, and gives its place.
func (r *apiReader) begin(path string) (rule.Place, error) {
	if r.peek() != '{' {
		return rule.Place{}, r.wrong(path, "an object")
	}
	if *r.room--; *r.room < 0 {
		return rule.Place{}, r.fail(r.at, fmt.Sprintf("there are more than %d networks, machines and interfaces", maxObjects),
			"list a zone or an account of them: `cmk list networks zoneid=ZONE`")
	}
	return r.place(r.at, path), nil
}

// wrong is the error that the value that comes next is of another type.
func (r *apiReader) wrong(path, want string) error {
	is := "a number"
	switch r.peek() {
	case '{':
		is = "an object"
	case '[':
		is = "a list"
	case '"':
		is = "a string"
	case 't', 'f':
		is = "true or false"
	case 'n':
		is = "null"
	}
	if path == "" {
		path = "this"
	}
	return r.fail(r.at, fmt.Sprintf("%s is %s, not %s", path, is, want), "")
}
