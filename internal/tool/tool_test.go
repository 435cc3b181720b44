package tool

import (
	"context"
	"errors"
	"strings"
	"testing"
)

func TestBuffer(t *testing.T) {
	full := 0
	b := buffer{max: 10, full: func() { full++ }}
	for i, want := range []int{4, 8, 10, 10} {
		if n, err := b.Write([]byte("four")); n != 4 || err != nil || len(b.data) != want || b.over != (i > 1) {
			t.Errorf("write %d: %d, %v; kept %q, over %v", i, n, err, b.data, b.over)
		}
	}
	if full != 1 {
		t.Errorf("full was called %d times", full)
	}
}

func TestRun(t *testing.T) {
	if out, err := Run(t.Context(), 1<<20, "echo", "a"); err != nil || string(out) != "a\n" {
		t.Errorf("%q, %v", out, err)
	}
	if out, err := Run(t.Context(), 1<<20, "yes"); err == nil || !strings.Contains(err.Error(), "yes: it prints more than 1 MiB") {
		t.Errorf("%d bytes of a program without end, %v", len(out), err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Run(canceled, 1<<20, "yes"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := Run(t.Context(), 1<<20, "v6probe-no-such-program"); !Absent(err) {
		t.Errorf("error %v", err)
	}
	_, err := Run(t.Context(), 1<<20, "cat", "/nowhere")
	var e *Error
	if !errors.As(err, &e) || e.Absent || !strings.Contains(e.FirstLine(), "/nowhere") || !strings.HasPrefix(err.Error(), "cat: ") {
		t.Errorf("error %v", err)
	}
}

func TestClean(t *testing.T) {
	for in, want := range map[string]string{"plain é": "plain …", "cafés": "cafés", "a\x1b[31mb": `a\x1b[31mb`, "\xff": `\xff`, "ééé": "ééé", "éééé": "ééé…",
		"a\nb": `a\nb`, "12345678": "1234567…", "\xff\xff\xff\xff\xff\xff\xff\xff": `\xff\xff\xff\xff…`} {
		if got := Clean(in, 7); got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}
