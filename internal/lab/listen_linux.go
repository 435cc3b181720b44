package lab

import (
	"context"
	"errors"
	"fmt"
	"time"

	"golang.org/x/sys/unix"
)

// Listener receives the frames that an interface sends and receives.
type Listener struct {
	fd     int
	buffer []byte
}

// Listen opens a Listener. A VLAN tag that the kernel takes off is missing from its frames.
func (n *Namespace) Listen(name string) (*Listener, error) {
	index, err := n.Index(name)
	if err != nil {
		return nil, err
	}
	l := &Listener{fd: -1, buffer: make([]byte, 64<<10)}
	err = n.Do(func() error {
		var err error
		if l.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
			return err
		}
		const everything = unix.ETH_P_ALL << 8 // in network byte order
		return errors.Join(
			unix.SetsockoptTimeval(l.fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}),
			unix.Bind(l.fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index}))
	})
	if err != nil {
		if l.fd >= 0 {
			unix.Close(l.fd)
		}
		return nil, fmt.Errorf("listen on %s: %w", name, err)
	}
	return l, nil
}

// Await returns when a frame came for which ok, with its time. The frame is valid during the call.
func (l *Listener) Await(ctx context.Context, ok func(frame []byte) bool) (time.Time, error) {
	for {
		if err := ctx.Err(); err != nil {
			return time.Time{}, fmt.Errorf("wait for a frame: %w", err)
		}
		n, err := unix.Read(l.fd, l.buffer)
		switch {
		case err == unix.EAGAIN || err == unix.EINTR:
			continue
		case err != nil:
			return time.Time{}, fmt.Errorf("wait for a frame: %w", err)
		}
		if ok(l.buffer[:n]) {
			return time.Now(), nil
		}
	}
}

// Close ends the listening.
func (l *Listener) Close() error { return unix.Close(l.fd) }

// ICMPv6Type returns a condition for Await: an ICMPv6 message of that type, with no extension header, in Ethernet.
func ICMPv6Type(t byte) func(frame []byte) bool {
	return func(f []byte) bool {
		return len(f) > 54 && f[12] == 0x86 && f[13] == 0xdd && f[20] == 58 && f[54] == t
	}
}
