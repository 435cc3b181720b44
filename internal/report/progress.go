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

	last    time.Time // of an update; these two belong to the goroutine that runs the pipeline
	updates int

	mu      sync.Mutex
	iface   string
	timeout time.Duration
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
	return &Progress{w: w, size: size, quiet: quiet, start: time.Now()}
}

// Note says a line of news.
func (p *Progress) Note(text string) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.clear()
	fmt.Fprintln(p.w, "v6probe: "+printable(text))
	p.draw()
}

// Listen says that packets of iface are awaited for the given time, 0 for ever.
func (p *Progress) Listen(iface string, timeout time.Duration) {
	if p.quiet {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.iface, p.timeout = printable(iface), timeout
	if p.size == nil {
		until := "until interrupted"
		if timeout > 0 {
			until = "for up to " + timeout.String()
		}
		fmt.Fprintf(p.w, "v6probe: listening on %s %s\n", p.iface, until)
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
// messages does not become one of escape sequences. lines is given the width of the terminal and returns the lines to
// show and how many there are beyond them; noun is what a line is about.
func (p *Progress) Show(noun string, lines func(columns int) (lines []string, more int)) {
	if p.stop == nil {
		return
	}
	if now := time.Now(); now.Sub(p.last) >= time.Second {
		p.last, p.updates = now, 0
	}
	if p.updates++; p.updates > updatesPerSecond {
		return
	}
	columns, _ := p.size()
	list, more := lines(columns)
	p.mu.Lock()
	defer p.mu.Unlock()
	p.noun, p.lines, p.more = noun, list, more
	p.redraw()
}

// File shows how much of a file was read, once that takes long enough to wonder.
func (p *Progress) File(s capture.Stats) {
	if p.size == nil || p.quiet || p.stop != nil || s.TotalBytes == 0 {
		return
	}
	now := time.Now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < redrawAfter {
		return
	}
	p.last = now
	p.mu.Lock()
	defer p.mu.Unlock()
	share := min(float64(s.Bytes)/float64(s.TotalBytes), 1)
	rate := float64(s.Bytes) / now.Sub(p.start).Seconds()
	left := time.Duration(float64(s.TotalBytes-s.Bytes) / rate * float64(time.Second)).Round(time.Second)
	const width = 30
	full := int(share * width)
	p.lines = []string{fmt.Sprintf("[%s%s] %3.0f %%  %.0f MB/s  %v left",
		strings.Repeat("=", full), strings.Repeat(" ", width-full), 100*share, rate/1e6, left)}
	p.redraw()
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
	p.lines, p.more, p.iface = nil, 0, ""
}

func (p *Progress) redraw() {
	p.clear()
	p.draw()
}

// clear takes what draw drew off the screen again, and what was typed behind it, ^C above all.
func (p *Progress) clear() {
	if p.drawn > 0 {
		fmt.Fprintf(p.w, "\r\x1b[%dA\x1b[J", p.drawn)
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
	if p.iface != "" {
		lines = append([]string{p.status()}, lines...)
	}
	if room := max(rows-2, 1); len(lines) > room {
		more += len(lines) - room
		lines = lines[:room]
	}
	if more > 0 {
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
	if p.timeout == 0 {
		return fmt.Sprintf("listening on %s, %v, Ctrl-C ends", p.iface, gone)
	}
	return fmt.Sprintf("listening on %s, %v of %v, Ctrl-C ends early", p.iface, gone, p.timeout)
}
