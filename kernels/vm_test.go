//go:build linux

package main

import (
	"os"
	"strings"
	"testing"
	"time"

	"v6probe/kernels/wire"
)

func TestListen(t *testing.T) {
	const (
		hello = "\x1bc\x1b[?7l@v6probe {\"type\":\"hello\",\"kernel\":\"6.1.0\"}\r\n"
		begin = "@v6probe {\"type\":\"begin\",\"case\":\"a\"}\n"
		done  = "@v6probe {\"type\":\"done\",\"case\":\"a\",\"result\":\"ok\"}\n"
		end   = "@v6probe {\"type\":\"end\"}\n"
	)
	for _, tt := range []struct {
		name, said string
		heard      string // the types
		err        string // a part of it
	}{
		{"all", hello + begin + done + end, "hello begin done end", ""},
		{"other lines between", hello + "SeaBIOS\n\n\x00\xff\n" + begin + done + end, "hello begin done end", ""},
		{"dies", hello + begin, "hello begin", "died"},
		{"dies in a message", hello + begin[:20], "hello", "JSON"},
		{"never up", "", "", "died"},
		{"not JSON", hello + "@v6probe {oops\n" + end, "hello", "invalid"},
		{"endless line", hello + strings.Repeat("x", 2*wire.MaxLine), "hello", "too long"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			var heard []string
			m := &machine{silence: time.Hour, heard: func(m wire.Message) { heard = append(heard, string(m.Type)) }}
			watch := func(d time.Duration) *time.Timer { return time.AfterFunc(d, func() { t.Error("an hour went by") }) }
			err := m.listen(strings.NewReader(tt.said), watch)
			if got := strings.Join(heard, " "); got != tt.heard {
				t.Errorf("heard %q, want %q", got, tt.heard)
			}
			if tt.err == "" && err != nil || tt.err != "" && (err == nil || !strings.Contains(err.Error(), tt.err)) {
				t.Errorf("error %v, want %q", err, tt.err)
			}
		})
	}
}

func TestLastWords(t *testing.T) {
	m := &machine{kernel: kernel{series: "6.1"}, dir: t.TempDir()}
	if got := m.lastWords(nil); !strings.Contains(got, "no such file") {
		t.Errorf("without a console: %q", got)
	}
	console := strings.Repeat("old\n", 100) + "\x1b[2Jpanic\r\n\n" + strings.Repeat("y", 1000) + "\n"
	if err := os.WriteFile(m.console(), []byte(console), 0o644); err != nil {
		t.Fatal(err)
	}
	got := m.lastWords([]byte("qemu: \x07bell\n"))
	for _, want := range []string{"\n  | \\x1b[2Jpanic\n", "\n  | qemu: \\abell", "y…\n"} {
		if !strings.Contains(got, want) {
			t.Errorf("%q is not in %q", want, got)
		}
	}
	if n := strings.Count(got, "\n"); n != 41 || len(got) > 1200 {
		t.Errorf("%d lines in %d bytes", n, len(got))
	}
}
