//go:build linux

package main

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"v6probe/kernels/wire"
)

func TestPrint(t *testing.T) {
	done := func(name string, r wire.Result, text string) wire.Message {
		return wire.Message{Type: wire.Done, Case: name, Result: r, Text: text}
	}
	old := func() *trial {
		return &trial{series: "5.10", release: "5.10.0", done: []wire.Message{done("a", wire.OK, ""), done("b", wire.OK, "")}}
	}
	for _, tt := range []struct {
		name    string
		trials  []*trial
		require bool
		good    bool
		want    string
	}{
		{"all is good", []*trial{old()}, false, true, "case  5.10.0\na     ok\nb     ok\n"},
		{"one is missing", []*trial{old(), {series: "6.1", release: "6.1.0",
			done: []wire.Message{done("b", wire.Missing, "radvd is missing"), done("a", wire.OK, "in 3 s")}}}, false, true,
			"case  5.10.0  6.1.0\na     ok      ok\nb     ok      missing\n\n" +
				"6.1 a: ok\n  in 3 s\n\n6.1 b: missing\n  radvd is missing\n"},
		{"one differs", []*trial{{series: "6.1", release: "6.1\x1b", done: []wire.Message{done("a", wire.OK, ""),
			done("b", wire.Differs, "one\n\x1b[2Jtwo")}}}, false, false,
			"case  6.1\\x1b\na     ok\nb     differs\n\n6.1 b: differs\n  one\n  \\x1b[2Jtwo\n"},
		{"a result that is none", []*trial{{series: "6.1", release: "6.1", done: []wire.Message{done("a", wire.OK, ""),
			done("b", "fine\r", "")}}}, false, false,
			"case  6.1\na     ok\nb     fine\\r\n\n6.1 b: fine\\r\n"},
		{"a machine died", []*trial{{series: "6.1", release: "6.1", running: "a", err: errors.New("died")}}, false, false,
			"case  6.1\na     died\nb     not run\n\n6.1: died\n"},
		{"a machine ended early", []*trial{{series: "6.1", release: "6.1"}}, false, false,
			"case  6.1\na     not run\nb     not run\n"},
		{"a kernel is not there", []*trial{old(), {series: "6.1", err: fmt.Errorf("%w", errNoKernel)}}, false, true,
			"case  5.10.0\na     ok\nb     ok\n\n6.1: skipped: no such kernel in the archive\n"},
		{"but has to be", []*trial{old(), {series: "6.1", err: fmt.Errorf("%w", errNoKernel)}}, true, false,
			"case  5.10.0\na     ok\nb     ok\n\n6.1: no such kernel in the archive\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var b strings.Builder
			if good := print(&b, tt.trials, []string{"a", "b"}, tt.require); good != tt.good {
				t.Errorf("good: %v", good)
			}
			if b.String() != tt.want {
				t.Errorf("got\n%s\nwant\n%s", b.String(), tt.want)
			}
		})
	}
}
