package lab

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

// virtioHeader is the length of the struct virtio_net_hdr before each frame of a port.
const virtioHeader = 10

// maxFrame is more than any frame that a veth carries, segments not cut yet included.
const maxFrame = 64<<10 + 512

// port is a packet socket on one interface that takes what comes in there and sends out of it. Each frame has its struct
// virtio_net_hdr before it, so that a checksum which a sender left to the hardware stays left to the hardware on
// the way on, as it does through a veth pair: without that such a frame would be sent with a wrong one.
type port struct {
	fd  int
	oob [64]byte
}

func (n *Namespace) openPort(name string) (*port, error) {
	index, err := n.Index(name)
	if err != nil {
		return nil, err
	}
	p := &port{fd: -1}
	err = n.Do(func() error {
		var err error
		if p.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0); err != nil {
			return err
		}
		const everything = unix.ETH_P_ALL << 8 // in network byte order
		return errors.Join(
			unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1),
			unix.SetsockoptInt(p.fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1),
			unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1),
			// A batch of jumbo frames is more than the default holds.
			unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 16<<20),
			unix.SetsockoptInt(p.fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 16<<20),
			unix.Bind(p.fd, &unix.SockaddrLinklayer{Protocol: everything, Ifindex: index}))
	})
	if err != nil {
		if p.fd >= 0 {
			unix.Close(p.fd)
		}
		return nil, fmt.Errorf("open %s: %w", name, err)
	}
	return p, nil
}

// receive reads the next frame, its virtio header before it, into b and returns its length and how long ago it came in.
// ok is false when there is none now.
func (p *port) receive(b []byte) (n int, ago time.Duration, ok bool, err error) {
	for {
		n, control, _, _, err := unix.Recvmsg(p.fd, b, p.oob[:], 0)
		switch {
		case err == unix.EINTR || err == unix.ENETDOWN:
			continue // the latter once, when the interface goes down
		case err == unix.EAGAIN:
			return 0, 0, false, nil
		case err != nil:
			return 0, 0, false, err
		case n < virtioHeader+14:
			continue
		}
		return n, since(p.oob[:control]), true, nil
	}
}

// since returns how long ago the time stamp in a control message was, 0 without one.
func since(control []byte) time.Duration {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return 0
	}
	for _, m := range messages {
		if m.Header.Level == unix.SOL_SOCKET && m.Header.Type == unix.SCM_TIMESTAMPNS && len(m.Data) >= 16 {
			stamp := time.Unix(int64(binary.NativeEndian.Uint64(m.Data)), int64(binary.NativeEndian.Uint64(m.Data[8:])))
			return time.Since(stamp)
		}
	}
	return 0
}

// send sends a frame, its virtio header before it, and reports whether the interface took it.
func (p *port) send(b []byte) bool {
	for {
		_, err := unix.Write(p.fd, b)
		if err != unix.EINTR {
			return err == nil
		}
	}
}

// packetSize returns the length of the IP packet in a frame, in bytes, or of the longest that it will be cut into.
func packetSize(b []byte) int {
	size := len(b) - virtioHeader - 14
	// struct virtio_net_hdr: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset. hdr_len is only a hint.
	const gsoUDP = 5
	kind, segment := b[1], int(binary.NativeEndian.Uint16(b[4:]))
	start := int(binary.NativeEndian.Uint16(b[6:]))
	switch offset := virtioHeader + start + 12; {
	case kind == 0:
	case kind == gsoUDP:
		size = min(size, start-14+8+segment)
	case offset < len(b): // TCP, whose header says how long it is
		size = min(size, start-14+int(b[offset]>>4)*4+segment)
	}
	return size
}

// loop is a goroutine on a thread of its own that waits for frames, and how it is ended.
type loop struct {
	stop int // an eventfd, readable when it is to end
	done sync.WaitGroup
	once sync.Once
}

func newLoop() (*loop, error) {
	fd, err := unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK)
	if err != nil {
		return nil, fmt.Errorf("eventfd: %w", err)
	}
	return &loop{stop: fd}, nil
}

// run calls step when p has frames or the time that step returned last is over, until end or an error. A zero time is never
// over.
func (l *loop) run(p *port, step func() (time.Time, error)) {
	l.done.Add(1)
	go func() {
		defer l.done.Done()
		runtime.LockOSThread() // for good: the thread ends with the goroutine
		// The runtime's timers are good to a millisecond when nothing else runs; ppoll is good to microseconds, on a
		// thread that need not wait for others. Where it must, it is late; that is no error.
		_ = unix.Prctl(unix.PR_SET_TIMERSLACK, 1, 0, 0, 0)
		_ = unix.SchedSetAttr(0, &unix.SchedAttr{Size: unix.SizeofSchedAttr, Policy: unix.SCHED_RR, Priority: 1}, 0)
		fds := []unix.PollFd{{Fd: int32(p.fd), Events: unix.POLLIN}, {Fd: int32(l.stop), Events: unix.POLLIN}}
		var next time.Time
		for {
			var timeout *unix.Timespec
			if !next.IsZero() {
				t := unix.NsecToTimespec(max(0, time.Until(next).Nanoseconds()))
				timeout = &t
			}
			fds[1].Revents = 0
			if _, err := unix.Ppoll(fds, timeout, nil); err != nil && err != unix.EINTR {
				return
			}
			if fds[1].Revents != 0 {
				return
			}
			var err error
			if next, err = step(); err != nil {
				return
			}
		}
	}()
}

// end ends the goroutines and waits for them.
func (l *loop) end() error {
	var err error
	l.once.Do(func() {
		_, err = unix.Write(l.stop, []byte{1, 0, 0, 0, 0, 0, 0, 0})
		l.done.Wait()
		err = errors.Join(err, unix.Close(l.stop))
	})
	return err
}
