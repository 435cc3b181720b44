package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"v6probe/internal/ra"
)

func manyRouters(n int) func(int) ([]string, int) {
	l := &ra.Link{}
	for i := range n {
		l.Routers = append(l.Routers, &ra.Router{Source: netip.MustParseAddr(fmt.Sprintf("fe80::%x", i+1)), Count: 1, Accepted: 1})
	}
	return func(int) ([]string, int) { return RouterLines([]*ra.Link{l}) }
}

// TestProgressFitsTheScreen: what is taller or wider than the screen scrolls, and cannot be taken off again.
func TestProgressFitsTheScreen(t *testing.T) {
	const columns, rows = 40, 10
	var out bytes.Buffer
	p := NewProgress(&out, func() (int, int) { return columns, rows }, false)
	p.Listen("eth0", 0)
	for range 3 {
		p.Show("router", manyRouters(200))
	}
	p.End()
	screens := strings.Split(out.String(), "\x1b[J")
	if last := screens[len(screens)-1]; last != "" {
		t.Errorf("left behind: %q", last)
	}
	for _, screen := range screens[1 : len(screens)-1] {
		body, up, ok := strings.Cut(screen, "\r\x1b[")
		lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
		if !ok || up != fmt.Sprintf("%dA", len(lines)) {
			t.Fatalf("%d lines are cleared by %q", len(lines), up)
		}
		if len(lines) >= rows {
			t.Errorf("%d lines on a screen of %d", len(lines), rows)
		}
		for _, l := range lines {
			if n := len([]rune(l)); n >= columns {
				t.Errorf("%d columns on a screen of %d: %q", n, columns, l)
			}
		}
		if want := "… and 193 routers more"; lines[len(lines)-1] != want {
			t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
		}
	}
}

// TestProgressShowsTheAnswerAtOnce: the advertisement that answers comes right after the solicitation, and the next one
// perhaps much later.
func TestProgressShowsTheAnswerAtOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, func() (int, int) { return 80, 24 }, false)
	p.Listen("eth0", 0)
	p.Show("router", manyRouters(0))
	p.Show("router", manyRouters(1))
	p.mu.Lock()
	shown := out.String()
	p.mu.Unlock()
	p.End()
	if !strings.Contains(shown, "fe80::1  once") {
		t.Errorf("the router is not on the screen: %q", shown)
	}
}

func TestProgressWithoutTerminal(t *testing.T) {
	for _, tt := range []struct {
		quiet bool
		want  string
	}{{false, "v6probe: listening on eth0 until interrupted\nv6probe: news\n"}, {true, ""}} {
		var out bytes.Buffer
		p := NewProgress(&out, nil, tt.quiet)
		p.Listen("eth0", 0)
		p.Show("router", manyRouters(3))
		p.Note("news")
		p.End()
		if out.String() != tt.want {
			t.Errorf("quiet %v: %q, want %q", tt.quiet, out.String(), tt.want)
		}
	}
}
