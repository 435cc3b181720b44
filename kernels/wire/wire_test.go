package wire

import (
	"bytes"
	"strings"
	"testing"
)

func TestMessage(t *testing.T) {
	for _, m := range []Message{
		{Type: Hello, Kernel: "6.1.0-57-cloud-amd64"},
		{Type: Done, Case: "a", Result: Differs, Text: "one\ntwo\x1b\x00\u2028", Seconds: 1.5},
	} {
		line, err := Append([]byte("firmware "), m)
		if err != nil {
			t.Fatal(err)
		}
		if n := bytes.Count(line, []byte("\n")); n != 1 {
			t.Errorf("%q has %d ends of lines", line, n)
		}
		if got, ok, err := Parse(line); got != m || !ok || err != nil {
			t.Errorf("got %+v, %v, %v, want %+v", got, ok, err, m)
		}
	}
}

func TestLongText(t *testing.T) {
	line, err := Append(nil, Message{Type: Done, Text: strings.Repeat("\x00", 1<<20)})
	if err != nil || len(line) > MaxLine {
		t.Fatalf("a line of %d bytes, %v", len(line), err)
	}
	if m, ok, err := Parse(line); !ok || err != nil || !strings.HasSuffix(m.Text, "\x00 …") {
		t.Errorf("got %d bytes, %v, %v", len(m.Text), ok, err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte(`@v6probe {"type":"done","case":"a","result":"ok"}`))
	f.Add([]byte(`@v6probe {`))
	f.Add([]byte("[    1.0] kernel"))
	f.Fuzz(func(t *testing.T, line []byte) {
		m, ok, err := Parse(line)
		if err == nil && ok != bytes.Contains(line, []byte(prefix)) {
			t.Errorf("%q: a message: %v", line, ok)
		}
		if (err != nil || !ok) && m != (Message{}) {
			t.Errorf("%q: %+v of no message", line, m)
		}
	})
}
