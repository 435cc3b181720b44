package resolve

import (
	"encoding/binary"
	"os"

	"golang.org/x/sys/unix"
)

// Socket sends frames as they are, by a packet socket: the kernel's own neighbor discovery has no part in it, and its
// neighbor cache is left alone.
type Socket struct {
	fd int
	to unix.SockaddrLinklayer
}

// Open returns a Socket that sends on l. It takes the capability CAP_NET_RAW.
func Open(l Link) (*Socket, error) {
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0) // of protocol 0 it hears nothing
	if err != nil {
		return nil, &os.SyscallError{Syscall: l.Name + ": packet socket", Err: err}
	}
	networkOrder := binary.NativeEndian.Uint16([]byte{etherTypeIPv6 >> 8, etherTypeIPv6 & 0xff})
	return &Socket{fd, unix.SockaddrLinklayer{Protocol: networkOrder, Ifindex: l.Index}}, nil
}

// Send sends one Ethernet frame. That a filter or a full queue of this host's drops it is no error: it is not seen to
// leave, then.
func (s *Socket) Send(frame []byte) error {
	if err := unix.Sendto(s.fd, frame, 0, &s.to); err != nil && err != unix.ENOBUFS {
		return err
	}
	return nil
}

// Close frees the socket.
func (s *Socket) Close() error { return unix.Close(s.fd) }
