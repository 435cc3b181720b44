package main

import (
	"context"
	"errors"
	"io"
	"os"
	"sync"

	"github.com/spf13/cobra"

	"v6probe/internal/capture"
	"v6probe/internal/packet"
	"v6probe/internal/report"
	"v6probe/internal/solicit"
)

// session is an open source and what belongs to it.
type session struct {
	source capture.Source
	live   bool
	iface  string
	tee    func(packet.Frame) error
	file   *os.File
	writer *capture.Writer
}

// open opens what f asks for.
func (f *sourceFlags) open(c *cobra.Command) (*session, error) {
	s := &session{iface: f.iface}
	if f.read != "" {
		src, err := capture.OpenFile(f.read, c.InOrStdin())
		if err != nil {
			return nil, err
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
		src, err := capture.OpenLive(s.iface, capture.LiveOptions{})
		if err != nil {
			return nil, err
		}
		s.source, s.live = src, true
	}
	if f.write != "" {
		if err := s.openTee(f.write, f.read); err != nil {
			s.source.Close()
			return nil, err
		}
	}
	return s, nil
}

func (s *session) openTee(name, reading string) error {
	if name == "-" {
		return hinted("name a file: results go to standard output", "-w -: cannot write the capture there")
	}
	if sameFile(name, reading) {
		return hinted("name another file", "-w %s: that is the capture being read", name)
	}
	file, err := os.Create(name)
	if err != nil {
		return err
	}
	s.file, s.writer = file, capture.NewWriter(file)
	s.tee = s.writer.Write
	return nil
}

func (s *session) close() error {
	stats := s.source.Stats()
	s.source.Close() // it was only read from: nothing can be lost
	if s.writer == nil {
		return nil
	}
	return errors.Join(s.writer.Close(stats), s.file.Close())
}

func sameFile(a, b string) bool {
	x, errX := os.Stat(a)
	y, errY := os.Stat(b)
	return errX == nil && errY == nil && os.SameFile(x, y)
}

// progress returns what shows on w how far the work is.
func (s *session) progress(w io.Writer, f *sourceFlags) *report.Progress {
	style, _ := textStyle(f.color, w)
	p := report.NewProgress(w, style, isTerminal(w) && !f.verbose, f.quiet)
	if s.live {
		p.Listen(s.iface, f.timeout)
	}
	return p
}

// ask sends Router Solicitations on iface, if this host may, until answered is called or ctx ends. wait returns once the
// asking is over.
func ask(ctx context.Context, iface string, p *report.Progress) (answered, wait func()) {
	none := func() {}
	if ok, reason := solicit.Allowed(iface); !ok {
		p.Note("not soliciting: " + reason)
		return none, none
	}
	asker, err := solicit.New(iface)
	if err != nil {
		p.Note("not soliciting: " + err.Error())
		return none, none
	}
	heard := make(chan struct{})
	ctx, cancel := context.WithCancel(ctx)
	var wg sync.WaitGroup
	wg.Go(func() {
		if err := asker.Run(ctx, heard); err != nil {
			p.Note("soliciting failed: " + err.Error())
		}
	})
	return sync.OnceFunc(func() { close(heard) }), func() { cancel(); wg.Wait(); asker.Close() }
}
