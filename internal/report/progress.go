package report

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"v6probe/internal/capture"
	"v6probe/internal/ra"
)

// Progress shows on a terminal how far a run is, and takes it away again at the end. Where there is no terminal it says
// in one line what is being waited for. It is safe for use by several goroutines.
type Progress struct {
	w     io.Writer
	style Style
	tty   bool
	quiet bool
	start time.Time

	mu      sync.Mutex
	iface   string
	timeout time.Duration
	lines   []string // one a router
	drawn   int      // terminal lines now on screen
	last    time.Time
	stop    chan struct{}
	done    sync.WaitGroup
}

// NewProgress returns a Progress on w.
func NewProgress(w io.Writer, s Style, tty, quiet bool) *Progress {
	return &Progress{w: w, style: s, tty: tty, quiet: quiet, start: time.Now()}
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
	if !p.tty {
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

// redrawAfter keeps a flood of advertisements from becoming one of escape sequences.
const redrawAfter = 100 * time.Millisecond

// Links updates the line of each router.
func (p *Progress) Links(links func() []*ra.Link) {
	if p.stop == nil || time.Since(p.last) < redrawAfter {
		return
	}
	const most = 12
	var lines []string
	for _, l := range links() {
		for _, r := range l.Routers {
			if len(lines) < most {
				lines = append(lines, routerLine(l, r))
			}
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lines, p.last = lines, time.Now()
	p.redraw()
}

func routerLine(l *ra.Link, r *ra.Router) string {
	s := fmt.Sprintf("%v  %s, last %s", r.Source, Plural(r.Count, "time"), r.Last.Local().Format(time.TimeOnly))
	if name := l.Where.String(); name != "" {
		s = printable(name) + "  " + s
	}
	for _, pre := range l.Prefixes() {
		if offers(r, pre) {
			s += "  " + pre.String()
		}
	}
	if len(r.Dropped) > 0 {
		s += "  invalid: " + string(r.Dropped[0])
	}
	return s
}

// File shows how much of a file was read, once that takes long enough to wonder.
func (p *Progress) File(s capture.Stats) {
	if !p.tty || p.quiet || p.stop != nil || s.TotalBytes == 0 {
		return
	}
	now := time.Now()
	if now.Sub(p.start) < time.Second || now.Sub(p.last) < redrawAfter {
		return
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.last = now
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
	p.lines, p.iface = nil, ""
}

func (p *Progress) redraw() {
	p.clear()
	p.draw()
}

// clear takes what draw drew off the screen again.
func (p *Progress) clear() {
	for ; p.drawn > 0; p.drawn-- {
		io.WriteString(p.w, "\x1b[A\x1b[2K")
	}
}

func (p *Progress) draw() {
	if !p.tty || p.quiet {
		return
	}
	lines := p.lines
	if p.iface != "" {
		lines = append([]string{p.status()}, lines...)
	}
	for _, l := range lines {
		if r := []rune(l); len(r) > p.style.width()-1 {
			l = string(r[:p.style.width()-1])
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
