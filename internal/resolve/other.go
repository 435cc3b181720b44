//go:build !linux

package resolve

import (
	"errors"
	"net/netip"
)

var errNeedsLinux = errors.New("to ask for a neighbor needs Linux")

// Find fails: asking needs Linux.
func Find(iface string, target netip.Addr) (Link, error) { return Link{}, errNeedsLinux }

// Socket sends frames, which it does on Linux only.
type Socket struct{}

// Open fails: asking needs Linux.
func Open(l Link) (*Socket, error) { return nil, errNeedsLinux }

// Send fails.
func (s *Socket) Send(frame []byte) error { return errNeedsLinux }

// Close does nothing.
func (s *Socket) Close() error { return nil }
