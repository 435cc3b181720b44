package filter

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"

	"golang.org/x/sys/unix"
)

// PermissionError is that the rules may not be read.
type PermissionError struct{ Err error }

func (e *PermissionError) Error() string { return "read the rules of nftables: " + e.Err.Error() }

func (e *PermissionError) Unwrap() error { return e.Err }

// Hint returns what to do about it.
func (e *PermissionError) Hint() string {
	return "the kernel tells its packet filter only to root (CAP_NET_ADMIN): run it with sudo"
}

// errInterrupted is that the rules were changed while they were read.
var errInterrupted = errors.New("the rules change while they are read")

// socket is a netlink socket of netfilter's.
type socket struct {
	fd  int
	seq uint32
	buf []byte
}

// openSocket opens a socket in the network namespace of the calling thread.
func openSocket() (*socket, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return nil, err
	}
	s := &socket{fd: fd, buf: make([]byte, 64<<10)}
	// The kernel answers at once: that it does not is a fault which must not hang the caller.
	err = errors.Join(unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}),
		unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Sec: 10}))
	if err != nil {
		s.close()
		return nil, err
	}
	return s, nil
}

func (s *socket) close() { unix.Close(s.fd) }

// ask sends a request of nftables' about the family and calls f with the attributes of each message of the answer and the
// family that it is of.
func (s *socket) ask(ctx context.Context, kind, flags uint16, family uint8, body []byte, f func(family uint8,
	a []byte)) error {
	s.seq++
	const header = unix.SizeofNlMsghdr + 4 // struct nlmsghdr, struct nfgenmsg
	b := binary.NativeEndian.AppendUint32(nil, uint32(header+len(body)))
	b = binary.NativeEndian.AppendUint16(b, unix.NFNL_SUBSYS_NFTABLES<<8|kind)
	b = binary.NativeEndian.AppendUint16(b, unix.NLM_F_REQUEST|flags)
	b = binary.NativeEndian.AppendUint32(b, s.seq)
	b = append(b, 0, 0, 0, 0, family, 0, 0, 0)
	if err := unix.Sendto(s.fd, append(b, body...), 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		n, _, err := unix.Recvfrom(s.fd, s.buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		done, err := s.answer(s.buf[:n], f)
		if done || err != nil {
			return err
		}
	}
}

// answer takes one datagram, and reports whether the answer ends with it.
func (s *socket) answer(b []byte, f func(family uint8, a []byte)) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true, errors.New("a message of netlink is cut off")
		}
		kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
		ours := binary.NativeEndian.Uint32(b[8:]) == s.seq
		body := b[unix.SizeofNlMsghdr:n]
		b = b[min((n+3)&^3, len(b)):]
		switch {
		case !ours:
		case kind == unix.NLMSG_DONE || kind == unix.NLMSG_ERROR:
			if len(body) >= 4 {
				if errno := int32(binary.NativeEndian.Uint32(body)); errno != 0 {
					return true, unix.Errno(-errno)
				}
			}
			return true, nil
		case flags&unix.NLM_F_DUMP_INTR != 0:
			err = errInterrupted
		case len(body) >= 4:
			f(body[0], body[4:])
			done = flags&unix.NLM_F_MULTI == 0
		}
	}
	return done, err
}

// generation returns the number of the ruleset that is in force.
func (s *socket) generation(ctx context.Context) (uint32, error) {
	var id uint32
	err := s.ask(ctx, unix.NFT_MSG_GETGEN, 0, unix.AF_UNSPEC, nil, func(_ uint8, a []byte) {
		id = parse(a).u32(unix.NFTA_GEN_ID)
	})
	if err != nil {
		return 0, fmt.Errorf("generation of the rules: %w", err)
	}
	return id, nil
}

// appendString appends an attribute that is a string.
func appendString(b []byte, kind uint16, s string) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofNlAttr+len(s)+1))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(append(b, s...), 0)
	for len(b)%4 != 0 {
		b = append(b, 0)
	}
	return b
}
