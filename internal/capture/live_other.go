//go:build !linux

package capture

import (
	"context"
	"errors"
	"io"

	"v6probe/internal/packet"
)

// Live is a live capture, which there is on Linux only.
type Live struct{}

// OpenLive fails: live capture needs Linux.
func OpenLive(iface string, o LiveOptions) (*Live, error) {
	return nil, errors.New("live capture needs Linux: run v6probe there, or read a capture with -r")
}

// Next returns io.EOF.
func (l *Live) Next(ctx context.Context) (packet.Frame, error) { return packet.Frame{}, io.EOF }

// OnWait does nothing.
func (l *Live) OnWait(f func()) {}

// Ready reports that nothing is at hand.
func (l *Live) Ready() bool { return false }

// Stats returns zeros.
func (l *Live) Stats() Stats { return Stats{} }

// Close does nothing.
func (l *Live) Close() error { return nil }
