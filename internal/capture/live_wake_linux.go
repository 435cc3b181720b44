package capture

import (
	"context"
	"encoding/binary"
	"os"
	"sync"

	"golang.org/x/sys/unix"
)

// waker ends a poll from another goroutine.
type waker struct {
	mu sync.Mutex // of fd: a context may end while the capture is being closed
	fd int        // an eventfd, readable once signalled; -1 when closed
}

func newWaker() (*waker, error) {
	fd, err := unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC)
	if err != nil {
		return nil, os.NewSyscallError("eventfd", err)
	}
	return &waker{fd: fd}, nil
}

func (w *waker) signal() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.fd < 0 {
		return
	}
	var one [8]byte
	binary.NativeEndian.PutUint64(one[:], 1)
	// It can only fail when the count is full, and then the poll wakes all the same.
	unix.Write(w.fd, one[:])
}

func (w *waker) clear() {
	var count [8]byte
	unix.Read(w.fd, count[:])
}

func (w *waker) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	unix.Close(w.fd)
	w.fd = -1
}

// wakeBy makes the end of ctx wake the wait. As a rule it is the same context each time, and nothing is to do.
func (l *Live) wakeBy(ctx context.Context) {
	if ctx.Done() == l.done && l.unwake != nil {
		return
	}
	l.forget()
	l.done = ctx.Done()
	l.unwake = context.AfterFunc(ctx, l.wake.signal)
}

// forget takes back wakeBy.
func (l *Live) forget() {
	if l.unwake != nil {
		l.unwake()
	}
	l.unwake, l.done = nil, nil
}
