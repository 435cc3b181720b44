package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"iter"

	"golang.org/x/sys/unix"
)

// conn is a socket to the kernel's routing, in the network namespace of the thread that opened it.
type conn struct {
	fd  int
	seq uint32
	buf []byte
}

// bufferSize is what the kernel fills at most in a dump, twice.
const bufferSize = 64 << 10

func dial() (*conn, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: %w", err)
	}
	return &conn{fd: fd, buf: make([]byte, bufferSize)}, nil
}

func (c *conn) close() { unix.Close(c.fd) }

// strict has the kernel look at what a dump asks for, instead of telling all that it has (Linux 4.20).
func (c *conn) strict() error {
	return unix.SetsockoptInt(c.fd, unix.SOL_NETLINK, unix.NETLINK_GET_STRICT_CHK, 1)
}

// errInterrupted says that something changed during a dump, so that parts of it may be missing.
var errInterrupted = errors.New("rtnetlink: interrupted by changes")

// ask sends a request and gives each answer's type and body to f, until the last. The body is valid during the call only.
// An error that the kernel answers with is a unix.Errno.
func (c *conn) ask(kind, flags uint16, body []byte, f func(kind uint16, body []byte)) error {
	c.seq++
	request := make([]byte, unix.SizeofNlMsghdr, unix.SizeofNlMsghdr+len(body))
	request = append(request, body...)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], kind)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|flags)
	binary.NativeEndian.PutUint32(request[8:], c.seq)
	if err := unix.Sendto(c.fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return err
	}
	interrupted := false
	for {
		n, _, got, _, err := unix.Recvmsg(c.fd, c.buf, nil, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return err
		}
		if got&unix.MSG_TRUNC != 0 {
			return errors.New("rtnetlink: an answer of more than 64 KiB")
		}
		done, err := messages(c.buf[:n], c.seq, &interrupted, f)
		if err != nil {
			return err
		}
		if done && interrupted {
			return errInterrupted
		}
		if done {
			return nil
		}
	}
}

// messages reads a datagram of answers; done says that nothing follows.
func messages(b []byte, seq uint32, interrupted *bool, f func(kind uint16, body []byte)) (done bool, err error) {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true, errors.New("rtnetlink: a damaged answer")
		}
		kind, flags := binary.NativeEndian.Uint16(b[4:]), binary.NativeEndian.Uint16(b[6:])
		body := b[unix.SizeofNlMsghdr:n]
		if binary.NativeEndian.Uint32(b[8:]) == seq {
			*interrupted = *interrupted || flags&unix.NLM_F_DUMP_INTR != 0
			switch kind {
			case unix.NLMSG_DONE, unix.NLMSG_ERROR: // both begin with an error number, 0 or negative
				if len(body) >= 4 {
					if e := int32(binary.NativeEndian.Uint32(body)); e < 0 {
						return true, unix.Errno(-e)
					}
				}
				return true, nil
			}
			f(kind, body)
			done = done || flags&unix.NLM_F_MULTI == 0
		}
		b = b[min(align(n), len(b)):]
	}
	return done, nil
}

// dump asks for a whole table, again when it changed meanwhile.
func (c *conn) dump(kind uint16, body []byte, begin func(), f func(kind uint16, body []byte)) error {
	var err error
	for range 3 {
		begin()
		if err = c.ask(kind, unix.NLM_F_DUMP, body, f); err != errInterrupted {
			break
		}
	}
	return err
}

func align(n int) int { return (n + unix.RTA_ALIGNTO - 1) &^ (unix.RTA_ALIGNTO - 1) }

// typeMask is what is left of an attribute's type without its flags (NLA_TYPE_MASK).
const typeMask = 0x3fff

// attributes walks over the attributes in b, as far as they are whole.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			kind := binary.NativeEndian.Uint16(b[2:]) & typeMask
			if !yield(kind, b[unix.SizeofRtAttr:n]) {
				return
			}
			b = b[min(align(n), len(b)):]
		}
	}
}

// appendAttribute appends one attribute, padded.
func appendAttribute(b []byte, kind uint16, value []byte) []byte {
	b = binary.NativeEndian.AppendUint16(b, uint16(unix.SizeofRtAttr+len(value)))
	b = binary.NativeEndian.AppendUint16(b, kind)
	b = append(b, value...)
	return append(b, make([]byte, align(len(value))-len(value))...)
}

// u32 and u8 read a number in the host's byte order, 0 from an attribute that is too short; u16be one in network order.
func u32(b []byte) uint32 {
	if len(b) < 4 {
		return 0
	}
	return binary.NativeEndian.Uint32(b)
}

func u8(b []byte) uint8 {
	if len(b) < 1 {
		return 0
	}
	return b[0]
}

func u16be(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.BigEndian.Uint16(b)
}
