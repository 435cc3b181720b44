package lab

import (
	"encoding/binary"
	"fmt"

	"golang.org/x/sys/unix"
)

// Inject sends an Ethernet frame, as it is, out of an interface.
func (n *Namespace) Inject(name string, frame []byte) error {
	return n.inject(name, frame, nil)
}

// InjectOffloaded sends a frame out of an interface and leaves its checksum to the hardware, as a host with checksum
// offload does: the sum is to begin at the byte start of the frame and to be stored offset bytes after that. The kernel
// calls such a packet CHECKSUM_PARTIAL; a capture on the sending side shows what the frame has there now.
func (n *Namespace) InjectOffloaded(name string, frame []byte, start, offset uint16) error {
	// struct virtio_net_hdr, linux/virtio_net.h: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset.
	const needsChecksum = 1
	header := make([]byte, 10)
	header[0] = needsChecksum
	binary.NativeEndian.PutUint16(header[6:], start)
	binary.NativeEndian.PutUint16(header[8:], offset)
	return n.inject(name, frame, header)
}

// inject sends a frame; virtio is the struct virtio_net_hdr before it, or nil.
func (n *Namespace) inject(name string, frame, virtio []byte) error {
	index, err := n.Index(name)
	if err != nil {
		return err
	}
	err = n.Do(func() error {
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if virtio != nil {
			if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VNET_HDR, 1); err != nil {
				return err
			}
		}
		data := append(append([]byte(nil), virtio...), frame...)
		return unix.Sendto(fd, data, 0, &unix.SockaddrLinklayer{Ifindex: index})
	})
	if err != nil {
		return fmt.Errorf("send a frame out of %s: %w", name, err)
	}
	return nil
}
