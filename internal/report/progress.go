package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"v6probe/internal/capture"
)

// Progress shows on a terminal how far a run is, and takes it away again at the end. Where there is no terminal it says
// in one line what is being waited for. It is safe for use by several goroutines.
type Progress struct {
	w     io.Writer
	size  func() (columns, rows int) // of the terminal; nil when there is none to draw on
	quiet bool
	start time.Time
	now   func() time.Time

	last    time.Time // of an update; these three belong to the goroutine that runs the pipeline
	next    time.Time // when the next may be
	updates int

	mu      sync.Mutex
	doing   string
	timeout time.Duration
	lost    uint64   // frames
	noun    string   // what a line is about: "router"
	lines   []string // what Show was given, or the bar of a file
	more    int      // of noun, without a line
	drawn   int      // terminal lines now on screen
	stop    chan struct{}
	done    sync.WaitGroup
}

// NewProgress returns a Progress on w. size tells how large the terminal is, each time it is drawn on; it is nil where
// there is none.
func NewProgress(w io.Writer, size func() (columns, rows int), quiet bool) *Progress {
	return &Progress{w: w, size: size, quiet: quiet, start: time.Now(), now: time.Now}
}

// Note says a line of news.
func (p *Progress) Note(text string) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.w, "v6probe: "+printable(strings.ReplaceAll(text, nbsp, " ")))
	p.draw()
}

// Begin says what is being done, "listening on eth0", and for how long at most, 0 for ever.
func (p *Progress) Begin(doing string, timeout time.Duration) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.doing, p.timeout = printable(doing), timeout
	if p.size == nil {
		until := "until interrupted"
		if timeout > 0 {
			until = "for up to " + timeout.String()
		}
		fmt.Fprintf(p.w, "v6probe: %s %s\n", p.doing, until)
		return
	}
	p.draw()
	p.stop = make(chan struct{})
	p.done.Go(p.tick)
}

const (
	updatesPerSecond = 30
	redrawAfter      = time.Second / updatesPerSecond
)

func (p *Progress) tick() {
	t := time.NewTicker(time.Second)
	defer t.Stop()
	for {
		select {
		case <-p.stop:
			return
		case <-t.C:
			p.mu.Lock()
			p.redraw()
			p.mu.Unlock()
		}
	}
}

// Show puts on the screen what lines returns: at once, but no more than a few dozen times a second, so that a flood of
// messages does not become one of escape sequences, and for a small share of the time only where that takes long. lines is
// given the width of the terminal and returns the lines to show and how many there are beyond them; noun is what a line is
// about.
func (p *Progress) Show(noun string, lines func(columns int) (lines []string, more int)) {
	if p.stop == nil {
		return
	}
	begin := p.now()
	if begin.Before(p.next) {
		return
	}
	if begin.Sub(p.last) >= time.Second {
		p.last, p.updates = begin, 0
	}
	if p.updates++; p.updates > updatesPerSecond {
		return
	}
	columns, _ := p.size()
	list, more := lines(columns)
	p.mu.Lock()
	p.noun, p.lines, p.more = noun, list, more
	p.redraw()
	p.mu.Unlock()
	end := p.now()
	if cost := end.Sub(begin); cost > cheapPicture {
		p.next = end.Add(idleShare * cost)
	}
}

const (
	cheapPicture = 3 * time.Millisecond // updatesPerSecond of these harm nobody
	idleShare    = 9                    // how many times as long as a dearer one took there is none
)

// Source shows how much of a file was read, once that takes long enough to wonder, or how many frames of a live capture were
// lost.
func (p *Progress) Source(s capture.Stats) {
	if p.stop != nil {
		p.mu.Lock()
		p.lost = s.Lost()
		p.mu.Unlock()
	}
	if p.size == nil || p.quiet || p.stop != nil || s.TotalBytes == 0 {
		return
	}
	now := p.now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < redrawAfter {
		return
	}
	p.last = now
	p.mu.Lock()
	defer p.mu.Unlock()
	share := min(float64(s.Bytes)/float64(s.TotalBytes), 1)
	rate := float64(s.Bytes) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(s.TotalBytes-s.Bytes) / rate * float64(time.Second)).Round(time.Second)
	p.lines = []string{fmt.Sprintf("%s %3.0f %%  %.0f MB/s  %v left", bar(share), 100*share, rate/1e6, left)}
	p.redraw()
}

// Captures shows how many captures of all were judged, and how many of them failed, once that takes long enough to wonder.
func (p *Progress) Captures(done, all, failed int) {
	if p.size == nil || p.quiet {
		return
	}
	now := p.now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < redrawAfter {
		return
	}
	p.last = now
	p.mu.Lock()
	defer p.mu.Unlock()
	left := time.Duration(float64(all-done) / float64(done) * float64(now.Sub(p.start))).Round(time.Second)
	p.lines = []string{fmt.Sprintf("%s %d of %s, %d failed, %v left", bar(float64(done)/float64(all)), done,
		Plural(uint64(all), "capture"), failed, left)}
	p.redraw()
}

// bar draws how much of something is done, from 0 to 1.
func bar(share float64) string {
	const width = 30
	full := int(share * width)
	return "[" + strings.Repeat("=", full) + strings.Repeat(" ", width-full) + "]"
}

// Beside returns a writer to w, which may be the same terminal: the progress makes way for what is written, whole lines at a
// time, until it is shown anew.
func (p *Progress) Beside(w io.Writer) io.Writer { return &beside{w, p} }

type beside struct {
	w io.Writer
	p *Progress
}

func (b *beside) Write(text []byte) (int, error) {
	b.p.mu.Lock()
	defer b.p.mu.Unlock()
	b.p.clear()
	return b.w.Write(text)
}

// End takes the progress off the terminal.
func (p *Progress) End() {
	if p.stop != nil {
		close(p.stop)
		p.done.Wait()
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	p.lines, p.more, p.doing = nil, 0, ""
}

func (p *Progress) redraw() {
	p.clear()
	p.draw()
}

// clear takes what draw drew off the screen again, and what was typed behind it, ^C above all. It does so line by line:
// some terminals take the erasing of a whole screen for a reason to keep it in their scrollback.
func (p *Progress) clear() {
	if p.drawn > 0 {
		fmt.Fprint(p.w, "\r\x1b[K"+strings.Repeat("\x1b[A\x1b[K", p.drawn))
	}
	p.drawn = 0
}

// draw writes as many lines as the screen has room for, none of them wider than it: what scrolled could not be cleared.
func (p *Progress) draw() {
	if p.size == nil || p.quiet {
		return
	}
	columns, rows := p.size()
	lines, more := p.lines, p.more
	if p.doing != "" {
		lines = append([]string{p.status()}, lines...)
	}
	room := max(rows-2, 1) // the first line is below the top of the screen, and the cursor below the last
	if len(lines) > room || more > 0 && len(lines) == room {
		keep := max(room-1, 1)
		more += len(lines) - keep
		lines = lines[:keep]
	}
	if more > 0 && len(lines) < room {
		lines = append(lines[:len(lines):len(lines)], fmt.Sprintf("… and %s more", Plural(more, p.noun)))
	}
	for _, l := range lines {
		if r := []rune(l); len(r) > columns-1 {
			l = string(r[:max(columns-1, 0)])
		}
		fmt.Fprintln(p.w, strings.ReplaceAll(l, nbsp, " "))
	}
	p.drawn = len(lines)
}

func (p *Progress) status() string {
	gone := time.Since(p.start).Round(time.Second)
	lost := ""
	if p.lost > 0 {
		lost = fmt.Sprintf(", %s lost", Plural(p.lost, "frame"))
	}
	if p.timeout == 0 {
		return fmt.Sprintf("%s, %v%s, Ctrl-C ends", p.doing, gone, lost)
	}
	return fmt.Sprintf("%s, %v of %v%s, Ctrl-C ends early", p.doing, gone, p.timeout, lost)
}
