package expect

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"v6probe/internal/rule"
)

// FuzzYAML holds that whatever is read is written and reads the same, that every value's place is in the file, and that an
// error is one line with a place that is there.
func FuzzYAML(f *testing.F) {
	for _, pattern := range []string{"good/*.yaml", "bad/*.yaml"} {
		files, err := filepath.Glob(filepath.Join("testdata", "yaml", pattern))
		if err != nil || len(files) == 0 {
			f.Fatalf("no files: %v", err)
		}
		for _, name := range files {
			data, err := os.ReadFile(name)
			if err != nil {
				f.Fatal(err)
			}
			f.Add(data)
		}
	}
	f.Add([]byte("expect: 1\nlinks: [{neighbors: [{mac: 02:00:00:00:00:05, addresses: [::, a::, 2::/0, \"::1\", ::1]}]}]\n"))
	f.Add([]byte("expect: 1\r\nlinks:\r- name: >-\r\n    a\n    b\n  forbidden: [{mac: '02:00:00:00:00:05', why: \"a\\\n b\"}]\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		lines := splitLines(data)
		s, err := parseYAML(Source{Name: "f", Data: data})
		if err != nil {
			checkError(t, err, lines)
			return
		}
		eachPlace(reflect.ValueOf(s), func(p rule.Place) {
			if p.File != "f" || p.Line < 1 || p.Line > len(lines) || p.Column < 1 {
				t.Fatalf("a value at %+v of %d lines", p, len(lines))
			}
			line := []rune(lines[p.Line-1])
			if p.Column > len(line) || line[p.Column-1] == ' ' || line[p.Column-1] == '\t' {
				t.Fatalf("a value at %+v, but line %d is %q", p, p.Line, string(line))
			}
		})
		var b bytes.Buffer
		if err := Write(&b, s, "about"); err != nil {
			t.Fatalf("Write: %v", err)
		}
		again, err := parseYAML(Source{Name: "f", Data: b.Bytes()})
		if err != nil {
			t.Fatalf("%v\n%s", err, b.Bytes())
		}
		if !reflect.DeepEqual(bare(s), bare(again)) {
			t.Fatalf("not the same after\n%s", b.Bytes())
		}
	})
}

func splitLines(data []byte) []string {
	text := strings.TrimPrefix(string(data), "\ufeff")
	return strings.Split(strings.ReplaceAll(strings.ReplaceAll(text, "\r\n", "\n"), "\r", "\n"), "\n")
}

// checkError checks the form of an error.
func checkError(t *testing.T, err error, lines []string) {
	t.Helper()
	var e *Error
	if !errors.As(err, &e) {
		t.Fatalf("%T, not an *Error: %v", err, err)
	}
	text := e.Error() + e.Hint()
	if strings.ContainsFunc(text, func(r rune) bool { return r < ' ' || r == 0x7f }) || len(text) > 800 {
		t.Fatalf("an error in one short line? %q", text)
	}
	if e.Place.File != "f" || e.Place.Line > len(lines) || (e.Place.Line > 0) != (e.Place.Column > 0) {
		t.Fatalf("%q at %+v of %d lines", text, e.Place, len(lines))
	}
	if e.Place.Line > 0 && e.Place.Column > len([]rune(lines[e.Place.Line-1]))+1 {
		t.Fatalf("%q at %+v, but the line is %q", text, e.Place, lines[e.Place.Line-1])
	}
}

func eachPlace(v reflect.Value, f func(rule.Place)) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() {
			eachPlace(v.Elem(), f)
		}
	case reflect.Slice:
		for i := range v.Len() {
			eachPlace(v.Index(i), f)
		}
	case reflect.Struct:
		if p, ok := v.Interface().(rule.Place); ok {
			f(p)
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				eachPlace(v.Field(i), f)
			}
		}
	}
}
