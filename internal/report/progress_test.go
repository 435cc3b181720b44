package report

import (
	"bytes"
	"fmt"
	"net/netip"
	"strings"
	"testing"
	"time"

	"v6probe/internal/capture"
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
	p.Begin("listening on eth0", 0)
	for range 3 {
		p.Show("router", manyRouters(200))
	}
	p.End()
	if strings.Contains(out.String(), "\x1b[J") {
		t.Error("some terminals keep in their scrollback what ESC [ J takes off the whole screen")
	}
	const begin, up = "\r\x1b[K", "\x1b[A\x1b[K"
	screens := strings.Split(out.String(), begin)
	if last := screens[len(screens)-1]; strings.ReplaceAll(last, up, "") != "" {
		t.Errorf("left behind: %q", last)
	}
	for i, screen := range screens[2:] {
		before := strings.ReplaceAll(screens[i+1], up, "")
		lines := strings.Split(strings.TrimSuffix(before, "\n"), "\n")
		if n := strings.Count(screen, up); n != len(lines) {
			t.Fatalf("%d lines are cleared by %d", len(lines), n)
		}
		if len(lines) == 1 {
			continue // listening, and nothing yet
		}
		if len(lines) != rows-2 {
			t.Errorf("%d lines on a screen of %d", len(lines), rows)
		}
		for _, l := range lines {
			if n := len([]rune(l)); n >= columns {
				t.Errorf("%d columns on a screen of %d: %q", n, columns, l)
			}
		}
		if want := "… and 194 routers more"; lines[len(lines)-1] != want {
			t.Errorf("the last line is %q, want %q", lines[len(lines)-1], want)
		}
	}
}

// TestProgressOnTinyScreens: a line of its own for the status, and no line that scrolls where one can help it.
func TestProgressOnTinyScreens(t *testing.T) {
	for rows := range 6 {
		var out bytes.Buffer
		p := NewProgress(&out, func() (int, int) { return 40, rows }, false)
		p.Begin("listening on eth0", 0)
		out.Reset()
		p.Show("router", manyRouters(9))
		p.mu.Lock()
		got := out.String()
		p.mu.Unlock()
		p.End()
		if n := strings.Count(got, "\n"); n != max(rows-2, 1) || !strings.Contains(got, "listening") {
			t.Errorf("%d rows: %q", rows, got)
		}
	}
}

// TestProgressShowsTheAnswerAtOnce: the advertisement that answers comes right after the solicitation, and the next one
// perhaps much later.
func TestProgressShowsTheAnswerAtOnce(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, func() (int, int) { return 80, 24 }, false)
	p.Begin("listening on eth0", 0)
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
		p.Begin("listening on eth0", 0)
		p.Show("router", manyRouters(3))
		p.Note("news")
		p.End()
		if out.String() != tt.want {
			t.Errorf("quiet %v: %q, want %q", tt.quiet, out.String(), tt.want)
		}
	}
}

// TestProgressTakesItsShare wants a picture that takes long drawn seldom.
func TestProgressTakesItsShare(t *testing.T) {
	for cost, want := range map[time.Duration]int{time.Millisecond: updatesPerSecond, 50 * time.Millisecond: 2} {
		var out bytes.Buffer
		p := NewProgress(&out, func() (int, int) { return 80, 24 }, false)
		p.Begin("listening on eth0", 0)
		now := time.Now()
		p.now = func() time.Time { return now }
		drawn := 0
		for end := now.Add(time.Second); now.Before(end); now = now.Add(time.Millisecond) { // a message each
			p.Show("link", func(int) ([]string, int) {
				drawn++
				now = now.Add(cost)
				return nil, 0
			})
		}
		p.End()
		if drawn != want {
			t.Errorf("a picture that takes %v was drawn %d times in a second, want %d", cost, drawn, want)
		}
	}
}

// TestProgressOfCaptures wants the bar after a second, and off the screen before anything else is written there.
func TestProgressOfCaptures(t *testing.T) {
	var screen bytes.Buffer
	p := NewProgress(&screen, func() (int, int) { return 120, 24 }, false)
	now := p.start
	p.now = func() time.Time { return now }
	out := p.Beside(&screen)
	p.Captures(1, 4, 0)
	if screen.Len() > 0 {
		t.Errorf("at once it shows %q", &screen)
	}
	now = now.Add(3 * time.Second)
	p.Captures(3, 4, 1)
	want := "[======================        ] 3 of 4 captures, 1 failed, 1s left\n"
	if screen.String() != want {
		t.Errorf("after three seconds it shows %q, want %q", &screen, want)
	}
	p.Captures(4, 4, 1)
	if screen.String() != want {
		t.Errorf("it is drawn anew at once: %q", &screen)
	}
	fmt.Fprintln(out, "FAIL")
	p.End()
	if want += "\r\x1b[K\x1b[A\x1b[KFAIL\n"; screen.String() != want {
		t.Errorf("with a line beside it is %q, want %q", &screen, want)
	}
	for _, mute := range []*Progress{NewProgress(&screen, nil, false), NewProgress(&screen, func() (int, int) { return 80, 24 }, true)} {
		screen.Reset()
		mute.now = func() time.Time { return now.Add(time.Hour) }
		mute.Captures(1, 4, 0)
		if screen.Len() > 0 {
			t.Errorf("where there is to be none it shows %q", &screen)
		}
	}
}

// TestProgressOfAFile: after a second, and not before, a bar tells how much was read, how fast, and how long it still takes.
func TestProgressOfAFile(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, func() (int, int) { return 80, 24 }, false)
	at := p.start
	p.now = func() time.Time { return at }
	at = at.Add(900 * time.Millisecond)
	p.Source(capture.Stats{Bytes: 1e8, TotalBytes: 1e9})
	if out.Len() > 0 {
		t.Errorf("before a second: %q", out.String())
	}
	at = at.Add(1100 * time.Millisecond)
	p.Source(capture.Stats{Bytes: 4e8, TotalBytes: 1e9})
	if want := "[============                  ]  40 %  200 MB/s  3s left\n"; out.String() != want {
		t.Errorf("%q, want %q", out.String(), want)
	}
	p.End()
}

// TestProgressTellsLosses: the line of a live capture has the frames that the kernel dropped and those that were shed.
func TestProgressTellsLosses(t *testing.T) {
	var out bytes.Buffer
	p := NewProgress(&out, func() (int, int) { return 80, 24 }, false)
	p.Begin("listening on eth0", 0)
	p.Source(capture.Stats{KernelDrops: 3, Shed: capture.Shed{1, 2}})
	p.Note("news")
	p.End()
	if !strings.Contains(out.String(), "listening on eth0, 0s, 6 frames lost, Ctrl-C ends") {
		t.Errorf("%q", out.String())
	}
}
