package lab

import (
	"errors"
	"time"

	"golang.org/x/sys/unix"
)

// Station takes the frames that come in at an interface, answers them, and sends others, past the addresses, routes and
// filters of the namespace. It is for what no honest daemon sends, and to see what arrives.
type Station struct {
	port *port
	loop *loop
}

// OpenStation calls f with each frame that comes in at the interface, on one goroutine until Close, and sends what it
// returns out of there. The frame is valid during the call.
func (n *Namespace) OpenStation(name string, f func(frame []byte) [][]byte) (*Station, error) {
	p, err := n.openPort(name)
	if err != nil {
		return nil, err
	}
	l, err := newLoop()
	if err != nil {
		return nil, errors.Join(err, unix.Close(p.fd))
	}
	s := &Station{port: p, loop: l}
	buffer := make([]byte, maxFrame)
	l.run(p, func() (time.Time, error) {
		for {
			n, _, ok, err := p.receive(buffer)
			if !ok || err != nil {
				return time.Time{}, err
			}
			for _, frame := range f(buffer[virtioHeader:n]) {
				s.Send(frame)
			}
		}
	})
	return s, nil
}

// Send sends a frame as it is and reports whether the interface took it.
func (s *Station) Send(frame []byte) bool {
	return s.port.send(append(make([]byte, virtioHeader), frame...))
}

// Close ends the station.
func (s *Station) Close() error {
	err := s.loop.end()
	if s.port != nil {
		err = errors.Join(err, unix.Close(s.port.fd))
		s.port = nil
	}
	return err
}
