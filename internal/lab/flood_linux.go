package lab

import (
	"errors"
	"fmt"
	"runtime"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// floodBatch is how many frames are given to the kernel at once.
const floodBatch = 64

// Flood sends an Ethernet frame count times out of an interface, as fast as one CPU can, and returns how long that took. Over
// a veth pair this is with the way of the frame through the other end, which the kernel goes on the same CPU.
func (n *Namespace) Flood(name string, frame []byte, count, cpu int) (took time.Duration, err error) {
	index, err := n.Index(name)
	if err != nil {
		return 0, err
	}
	err = n.Do(func() error {
		var one unix.CPUSet
		one.Set(cpu)
		if err := unix.SchedSetaffinity(0, &one); err != nil { // of this thread, which ends
			return fmt.Errorf("CPU %d: %w", cpu, err)
		}
		// Others on that CPU make the time longer. Where it cannot be had, they do.
		_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		if err := errors.Join(
			unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
			unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index})); err != nil {
			return err
		}
		begin := time.Now()
		err = sendCopies(fd, frame, count)
		took = time.Since(begin)
		return err
	})
	if err != nil {
		return 0, fmt.Errorf("flood %s: %w", name, err)
	}
	return took, nil
}

// sendCopies writes frame to a socket count times.
func sendCopies(fd int, frame []byte, count int) error {
	if len(frame) == 0 {
		return errors.New("the frame is empty")
	}
	type message struct { // struct mmsghdr, linux/socket.h
		header unix.Msghdr
		_      uint32 // how much of it was sent: all, as of any packet
	}
	var pinner runtime.Pinner // the kernel is given addresses that are inside other memory, which do not keep it in place
	defer pinner.Unpin()
	part := &unix.Iovec{Base: &frame[0]}
	part.SetLen(len(frame))
	batch := new([floodBatch]message)
	for _, p := range []any{&frame[0], part, batch} {
		pinner.Pin(p)
	}
	for i := range batch {
		batch[i].header.Iov = part
		batch[i].header.SetIovlen(1)
	}
	for count > 0 {
		sent, _, errno := unix.Syscall6(unix.SYS_SENDMMSG, uintptr(fd), uintptr(unsafe.Pointer(batch)),
			uintptr(min(count, floodBatch)), 0, 0, 0)
		switch errno {
		case 0:
			count -= int(sent)
		case unix.EINTR:
		default:
			return errno
		}
	}
	return nil
}
