package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/solicit"
)

const captureHint = "-r reads a pcap or pcapng file, also .gz or .zst; - is standard input"

// session is an open source and what belongs to it.
type session struct {
	source capture.Source
	live   bool
	filter capture.Filter // what comes through besides the usual
	iface  string
	tee    func(packet.Frame) error

	file    *os.File
	writer  *capture.Writer
	flushed time.Time
}

// open opens what f asks for.
func (f *sourceFlags) open(c *cobra.Command, filter capture.Filter) (*session, error) {
	s := &session{iface: f.iface, filter: filter}
	if f.read != "" {
		src, err := capture.OpenFile(f.read, c.InOrStdin(), filter)
		if err != nil {
			return nil, withHint(captureHint, err)
		}
		s.source = src
	} else {
		if s.iface == "" {
			name, err := chooseInterface()
			if err != nil {
				return nil, err
			}
			s.iface = name
		}
		src, err := openLive(s.iface, capture.LiveOptions{Filter: filter, Buffer: int(f.capture.buffer),
			IgnoreOutgoing: f.capture.direction == "in"})
		if err != nil {
			return nil, err
		}
		s.source, s.live = src, true
	}
	if f.write != "" {
		if err := s.openTee(f.write, f.read, c.InOrStdin()); err != nil {
			s.source.Close()
			return nil, err
		}
	}
	return s, nil
}

// openLive listens on an interface, behind a queue.
func openLive(name string, o capture.LiveOptions) (capture.Source, error) {
	live, err := capture.OpenLive(name, o)
	if err != nil {
		return nil, err
	}
	return capture.NewQueue(live), nil
}

func (s *session) openTee(name, reading string, stdin io.Reader) error {
	if name == "-" {
		return hinted("name a file: results go to standard output", "-w -: cannot write the capture there")
	}
	if !s.live && sameFile(name, reading, stdin) {
		return hinted("name another file", "-w %s: that is the capture being read", name)
	}
	file, err := os.Create(name)
	if err != nil {
		return withHint("-w needs a file that can be written", err)
	}
	s.file, s.writer = file, capture.NewWriter(file)
	s.tee = s.writeFrame
	return nil
}

// flushEvery is how far the file of -w may lag behind a live capture.
const flushEvery = time.Second

func (s *session) writeFrame(f packet.Frame) error {
	err := s.writer.Write(f)
	if s.live && err == nil && time.Since(s.flushed) >= flushEvery {
		err, s.flushed = s.writer.Flush(), time.Now()
	}
	if err != nil {
		return fmt.Errorf("-w: %w", err)
	}
	return nil
}

// close ends the source and completes the file of -w.
func (s *session) close() error {
	stats := s.source.Stats()
	s.source.Close() // it was only read from: nothing can be lost
	if s.writer == nil {
		return nil
	}
	if err := errors.Join(s.writer.Close(stats), s.file.Close()); err != nil {
		return fmt.Errorf("-w: %w", err)
	}
	return nil
}

// sameFile reports whether the file called name is the one being read.
func sameFile(name, reading string, stdin io.Reader) bool {
	a, err := os.Stat(name)
	if err != nil {
		return false
	}
	b, err := os.Stat(reading)
	if file, ok := stdin.(*os.File); ok && reading == "-" {
		b, err = file.Stat()
	}
	return err == nil && a.Mode().IsRegular() && os.SameFile(a, b)
}

// worthAhead is how large a file is for which a second goroutine is worth while.
const worthAhead = 1 << 20

// large reports whether there may be so much to read that two goroutines are better than one.
func (s *session) large() bool {
	return runtime.GOMAXPROCS(0) > 1 && (s.live || s.source.Stats().TotalBytes >= worthAhead)
}

// newProgress returns what shows on w how far the work is.
func (s *session) newProgress(out, w io.Writer, f *sourceFlags) *report.Progress {
	p := f.progressOn(out, w)
	if s.live {
		doing := "listening on " + s.iface
		if f.asking != "" {
			doing = "asking on " + s.iface + " for " + f.asking
		}
		p.Begin(doing, f.timeout)
	}
	return p
}

// progressOn returns a Progress on w that has not begun.
func (f *sourceFlags) progressOn(out, w io.Writer) *report.Progress {
	// Where results go to the terminal as they come, they are the progress.
	var size func() (columns, rows int)
	if canDraw(w) && !(isTerminal(out) && (f.verbose || f.json)) {
		size = func() (int, int) { return terminalSize(w) }
	}
	return report.NewProgress(w, size, f.quiet)
}

// ask sends Router Solicitations on iface, if this host may, until answered is called or ctx ends. wait returns once the
// asking is over.
func ask(ctx context.Context, iface string, p *report.Progress) (answered, wait func()) {
	heard := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if ok, reason := solicit.Await(ctx, iface); !ok {
			p.Note("not soliciting: " + reason)
			return
		}
		asker, err := solicit.New(iface)
		if err != nil {
			p.Note("not soliciting: " + err.Error())
			return
		}
		defer asker.Close()
		select {
		case <-heard:
			return // a router spoke up while the address was waited for
		default:
		}
		if err := asker.Run(ctx, heard); err != nil {
			p.Note("soliciting failed: " + err.Error())
		}
	})
	return sync.OnceFunc(func() { close(heard) }), func() { cancel(); wg.Wait() }
}
