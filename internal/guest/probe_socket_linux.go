package guest

import (
	"context"
	"encoding/binary"
	"errors"
	"io/fs"
	"net/netip"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/icmp6"
)

// socket is a wire. It belongs to the network namespace of the thread that opened it.
type socket struct {
	ctx  context.Context
	file *os.File
	raw  syscall.RawConn
	stop func() bool

	index     int        // of the interface that link-local addresses are on
	connected bool       // to the one that is asked
	own       netip.Addr // what an ICMPv6 error of this host's own comes from
	data, oob []byte
}

// option is one of a socket's.
type option struct{ level, name, value int }

// openSocket opens a socket. Without the permission the error is a *PermissionError.
func openSocket(ctx context.Context, kind, proto int, options ...option) (*socket, error) {
	fd, err := unix.Socket(unix.AF_INET6, kind|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if errors.Is(err, fs.ErrPermission) {
		return nil, &PermissionError{os.NewSyscallError("raw socket", err)}
	}
	if err != nil {
		return nil, os.NewSyscallError("socket", err)
	}
	for _, o := range options {
		if err := unix.SetsockoptInt(fd, o.level, o.name, o.value); err != nil {
			unix.Close(fd)
			return nil, os.NewSyscallError("setsockopt", err)
		}
	}
	s := &socket{ctx: ctx, file: os.NewFile(uintptr(fd), "socket"), data: make([]byte, 1<<16), oob: make([]byte, 512)}
	if s.raw, err = s.file.SyscallConn(); err != nil {
		s.file.Close()
		return nil, err
	}
	// What waits for a message is woken by a deadline that has passed.
	s.stop = context.AfterFunc(ctx, func() { s.file.SetReadDeadline(time.Unix(1, 0)) })
	return s, nil
}

// close frees the socket.
func (s *socket) close() {
	s.stop()
	s.file.Close()
}

// control calls f with the descriptor.
func (s *socket) control(f func(fd int) error) error {
	var err error
	if e := s.raw.Control(func(fd uintptr) { err = f(int(fd)) }); e != nil {
		return e
	}
	return err
}

// address returns a as the system takes it.
func (s *socket) address(a netip.Addr, port int) *unix.SockaddrInet6 {
	to := &unix.SockaddrInet6{Addr: a.As16(), Port: port}
	if a.IsLinkLocalUnicast() || a.IsLinkLocalMulticast() {
		to.ZoneId = uint32(s.index)
	}
	return to
}

// bind has the socket send from its own address, and hear what comes to it alone.
func (s *socket) bind(own netip.Addr, port int) error {
	s.own = own
	err := s.control(func(fd int) error { return unix.Bind(fd, s.address(own, port)) })
	if err == unix.EADDRNOTAVAIL {
		return &SourceError{own.String() + " is no address of this host, or is tentative still"}
	}
	return os.NewSyscallError("bind", err)
}

// connect has the socket hear one server alone, and what the network says of the way there.
func (s *socket) connect(to netip.Addr, port int) error {
	s.connected = true
	return s.control(func(fd int) error {
		if err := unix.Connect(fd, s.address(to, port)); err != nil {
			return err
		}
		name, err := unix.Getsockname(fd)
		if own, ok := name.(*unix.SockaddrInet6); err == nil && ok {
			s.own = netip.AddrFrom16(own.Addr)
		}
		return os.NewSyscallError("getsockname", err)
	})
}

// only has a raw ICMPv6 socket hear messages of these types alone.
func (s *socket) only(types ...icmp6.Type) error {
	var filter unix.ICMPv6Filter // a bit set keeps the type out
	for i := range filter.Data {
		filter.Data[i] = 0xffffffff
	}
	for _, t := range types {
		filter.Data[t/32] &^= 1 << (t % 32)
	}
	return s.control(func(fd int) error {
		err := unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter)
		return os.NewSyscallError("setsockopt ICMPV6_FILTER", err)
	})
}

func (s *socket) now() time.Time { return time.Now() }

// send sends one packet. That a queue of this host's is full is no error: then it is lost as it may be elsewhere. What the kernel
// keeps of an earlier packet's error is told by receive.
func (s *socket) send(b []byte, to netip.Addr) error {
	err := s.control(func(fd int) error {
		if s.connected {
			return unix.Send(fd, b, unix.MSG_DONTWAIT)
		}
		return unix.Sendto(fd, b, unix.MSG_DONTWAIT, s.address(to, 0))
	})
	if err == unix.ENOBUFS || err == unix.EAGAIN || s.connected && isReport(err) {
		return nil
	}
	return os.NewSyscallError("send", err)
}

// isReport reports whether the error of a connected socket is one that an ICMPv6 message made.
func isReport(err error) bool {
	switch err {
	case unix.ECONNREFUSED, unix.EHOSTUNREACH, unix.ENETUNREACH, unix.EACCES, unix.EPROTO, unix.EMSGSIZE:
		return true
	}
	return false
}

// receive returns the next message, or the error that the network sent instead.
func (s *socket) receive(until time.Time) (message, bool, error) {
	s.file.SetReadDeadline(until)
	if err := s.ctx.Err(); err != nil { // its deadline may just have been overwritten
		return message{}, false, err
	}
	var m message
	var err error
	wait := s.raw.Read(func(fd uintptr) bool {
		m, err = s.read(int(fd))
		return err != unix.EAGAIN
	})
	switch {
	case s.ctx.Err() != nil:
		return message{}, false, s.ctx.Err()
	case errors.Is(wait, os.ErrDeadlineExceeded):
		return message{}, false, nil
	case wait != nil:
		return message{}, false, wait
	}
	return m, err == nil, os.NewSyscallError("receive", err)
}

// read takes a message that is there, or one of the errors; with neither its error is EAGAIN. To have sent may have taken away
// the socket's own note that there is one.
func (s *socket) read(fd int) (message, error) {
	for {
		if m, ok := s.report(fd); ok {
			return m, nil
		}
		n, control, _, from, err := unix.Recvmsg(fd, s.data, s.oob, 0)
		if err == unix.EINTR || s.connected && isReport(err) {
			continue
		}
		if err != nil {
			return message{}, err
		}
		m := message{data: s.data[:n], hopLimit: hopLimit(s.oob[:control])}
		if a, ok := from.(*unix.SockaddrInet6); ok {
			m.from = netip.AddrFrom16(a.Addr)
		}
		return m, nil
	}
}

// hopLimit reads the hop limit out of what came with a message, 0 where it is not there.
func hopLimit(oob []byte) int {
	list, err := unix.ParseSocketControlMessage(oob)
	if err != nil {
		return 0
	}
	for _, c := range list {
		if c.Header.Level == unix.IPPROTO_IPV6 && c.Header.Type == unix.IPV6_HOPLIMIT && len(c.Data) >= 4 {
			return int(binary.NativeEndian.Uint32(c.Data))
		}
	}
	return 0
}

// report takes an ICMPv6 error from the queue of a connected socket (ipv6(7), IPV6_RECVERR); ok is false when there is none.
func (s *socket) report(fd int) (m message, ok bool) {
	if !s.connected {
		return m, false
	}
	_, control, _, _, err := unix.Recvmsg(fd, s.data, s.oob, unix.MSG_ERRQUEUE|unix.MSG_DONTWAIT)
	if err != nil {
		return m, false
	}
	list, err := unix.ParseSocketControlMessage(s.oob[:control])
	if err != nil {
		return m, false
	}
	for _, c := range list {
		if c.Header.Level == unix.IPPROTO_IPV6 && c.Header.Type == unix.IPV6_RECVERR {
			if e, ok := parseReport(c.Data); ok {
				e.Local = e.From == s.own
				return message{refused: &e}, true
			}
		}
	}
	return m, false
}

// sizeofReport is that of struct sock_extended_err (linux/errqueue.h); the address of who sent the error follows it.
const sizeofReport = 16

// parseReport reads such a struct.
func parseReport(b []byte) (Error, bool) {
	const sockaddr = 28 // struct sockaddr_in6, its address from byte 8 on
	if len(b) < sizeofReport || b[4] != unix.SO_EE_ORIGIN_ICMP6 {
		return Error{}, false
	}
	e := Error{Type: icmp6.Type(b[5]), Code: b[6], Count: 1}
	if e.Type == icmp6.TypePacketTooBig {
		e.MTU = binary.NativeEndian.Uint32(b[8:])
	}
	if from := b[sizeofReport:]; len(from) >= sockaddr && binary.NativeEndian.Uint16(from) == unix.AF_INET6 {
		e.From = netip.AddrFrom16([16]byte(from[8:24]))
	}
	return e, true
}
