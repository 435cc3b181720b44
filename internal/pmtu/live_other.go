//go:build !linux

package pmtu

import (
	"context"
	"errors"
	"net/netip"
	"time"
)

var errNeedsLinux = errors.New("to probe a path needs Linux")

// Live is the network as a Transport, which there is on Linux only.
type Live struct{}

// Open fails: probing needs Linux.
func Open(ctx context.Context, o Options) (*Live, error) { return nil, errNeedsLinux }

// Source returns the zero Addr.
func (l *Live) Source() netip.Addr { return netip.Addr{} }

// Now returns the time.
func (l *Live) Now() time.Time { return time.Now() }

// Send fails.
func (l *Live) Send(p Probe) error { return errNeedsLinux }

// Receive fails.
func (l *Live) Receive(until time.Time) (Reply, bool, error) { return Reply{}, false, errNeedsLinux }

// Close does nothing.
func (l *Live) Close() error { return nil }
