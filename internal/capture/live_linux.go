package capture

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"os"
	"strconv"
	"sync/atomic"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/packet"
)

// Live captures from an interface, or from all of them, by a packet socket whose ring the kernel fills. Its methods
// but Stats are for one goroutine. Until Close, every frame's Data lies in the ring.
type Live struct {
	name string
	fd   int // the packet socket; -1 once closed
	ring ring
	wake *waker

	ignoreOutgoing bool
	filter         Filter

	iface  *packet.Interface         // nil for all interfaces
	ifaces map[int]*packet.Interface // by index, when capturing on all; nil values are of unknown hardware types

	number atomic.Uint64 // frames returned; these three are for any goroutine
	unread atomic.Uint64
	drops  atomic.Uint64

	onWait func() // may be nil

	done   <-chan struct{} // of the context that wakes the wait
	unwake func() bool

	failed   error     // what became of the interface
	deadline time.Time // once the context has ended or the interface failed: no wait beyond it
	budget   int       // and no more blocks than this
}

// drainTime is how long a frame can lie in a block of the ring before the kernel hands the block over: the age at which
// it does so, once more because older kernels look only every so often, and some for a timer that is late.
const drainTime = 3 * retireAfter

// Next returns the next frame, waiting for it. When ctx ends it returns all that came before, then ctx.Err(). When the
// interface goes down or away it returns an *InterfaceError, after the frames; once closed, io.EOF.
func (l *Live) Next(ctx context.Context) (packet.Frame, error) {
	if l.fd < 0 {
		return packet.Frame{}, io.EOF
	}
	for {
		at, ok := l.ring.frame()
		if !ok {
			l.ring.release()
			if err := l.nextBlock(ctx); err != nil {
				return packet.Frame{}, err
			}
			continue
		}
		if f, ok := l.read(at); ok {
			f.Number = l.number.Add(1)
			return f, nil
		}
	}
}

// nextBlock takes the next block of the ring, waiting for it.
func (l *Live) nextBlock(ctx context.Context) error {
	for {
		ended := ctx.Err()
		if l.failed != nil {
			ended = l.failed
		}
		switch {
		case ended == nil:
			l.deadline = time.Time{}
		case l.deadline.IsZero():
			// What came before the end is in the ring, so a ring full is enough even if frames keep coming.
			l.deadline = time.Now().Add(drainTime)
			l.budget = l.ring.blocks()
		case l.budget == 0:
			return ended
		}
		if l.ring.take() {
			l.budget--
			return nil
		}
		wait := time.Duration(-1)
		if ended != nil {
			if wait = time.Until(l.deadline); wait <= 0 {
				return ended
			}
		}
		if err := l.poll(ctx, wait); err != nil {
			return err
		}
	}
}

// poll waits until the ring may have a block, ctx has ended or the interface failed; at most for wait, unless that is
// negative.
func (l *Live) poll(ctx context.Context, wait time.Duration) error {
	fds := [2]unix.PollFd{{Fd: int32(l.fd), Events: unix.POLLIN}, {Fd: int32(l.wake.fd), Events: unix.POLLIN}}
	watch := fds[:]
	timeout := -1
	if wait >= 0 {
		// The end is known: the context would only wake the wait again.
		watch = fds[:1]
		timeout = int((wait + time.Millisecond - 1) / time.Millisecond)
	} else {
		l.wakeBy(ctx)
	}
	if l.onWait != nil {
		l.onWait()
	}
	if _, err := unix.Poll(watch, timeout); err != nil && err != unix.EINTR {
		return &os.SyscallError{Syscall: "poll", Err: err}
	}
	if fds[1].Revents != 0 {
		l.wake.clear()
	}
	if fds[0].Revents&unix.POLLERR != 0 {
		return l.socketError()
	}
	return nil
}

// socketError returns the error that the socket has pending. An interface that went down is no error yet: what it
// captured before is still to come.
func (l *Live) socketError() error {
	code, err := unix.GetsockoptInt(l.fd, unix.SOL_SOCKET, unix.SO_ERROR)
	switch {
	case err != nil:
		return os.NewSyscallError("getsockopt", err)
	case code == 0:
		return nil
	case unix.Errno(code) != unix.ENETDOWN:
		return os.NewSyscallError("packet socket", unix.Errno(code))
	}
	// It goes down before it goes away, and only the former is an error on the socket.
	l.failed = interfaceWentDown(l.name)
	if _, err := net.InterfaceByIndex(l.iface.Index); err != nil {
		l.failed = interfaceGone(l.name)
	}
	return nil
}

// read makes a frame of the record at the given place of the ring; false if it is one to leave out.
func (l *Live) read(at int) (packet.Frame, bool) {
	h, address := l.ring.frameHeader(at), l.ring.frameAddress(at)
	outgoing := address.Pkttype == unix.PACKET_OUTGOING
	// On the loopback interface what goes out comes in as well.
	if outgoing && (l.ignoreOutgoing || address.Hatype == hardwareLoopback) {
		return packet.Frame{}, false
	}
	iface := l.iface
	if iface == nil {
		if iface = l.lookup(int(address.Ifindex), address.Hatype); iface == nil {
			l.unread.Add(1)
			return packet.Frame{}, false
		}
	}
	start := at + int(h.Mac)
	end := start + int(h.Snaplen)
	f := packet.Frame{
		Time:      time.Unix(int64(h.Sec), int64(h.Nsec)).UTC(),
		Length:    int(h.Len),
		LinkType:  iface.LinkType,
		Interface: iface,
		Direction: packet.Incoming,
		Offload:   h.Status&unix.TP_STATUS_CSUMNOTREADY != 0,
	}
	if outgoing {
		f.Direction = packet.Outgoing
	}
	if h.Status&unix.TP_STATUS_VLAN_VALID == 0 || f.LinkType != packet.LinkTypeEthernet || h.Snaplen < 12 {
		f.Data = l.ring.mem[start:end:end]
		return f, true
	}
	f.Data = restoreTag(l.ring.mem[start-tagLength:end:end], h)
	f.Length += tagLength
	// The filter has judged the frame without its outer tag, which may be one more than Match follows.
	return f, l.filter.Match(f.LinkType, f.Data)
}

// tagLength is the length of a VLAN tag.
const tagLength = 4

// restoreTag puts the outer VLAN tag, which the kernel took out of the frame, back behind the addresses. The frame
// begins tagLength bytes into b.
func restoreTag(b []byte, h *unix.Tpacket3Hdr) []byte {
	tpid := uint16(0x8100)
	if h.Status&unix.TP_STATUS_VLAN_TPID_VALID != 0 {
		tpid = h.Hv1.Vlan_tpid
	}
	copy(b[:12], b[tagLength:])
	binary.BigEndian.PutUint16(b[12:], tpid)
	binary.BigEndian.PutUint16(b[14:], uint16(h.Hv1.Vlan_tci))
	return b
}

// lookup returns the interface of the given index and hardware type, nil if its frames cannot be decoded.
func (l *Live) lookup(index int, hardware uint16) *packet.Interface {
	if iface, ok := l.ifaces[index]; ok {
		return iface
	}
	var iface *packet.Interface
	if link, ok := linkTypeOf(hardware); ok {
		if ifi, err := net.InterfaceByIndex(index); err == nil {
			iface = interfaceOf(ifi, link)
		} else {
			// It has gone in the meantime, with its name.
			iface = &packet.Interface{Name: "if" + strconv.Itoa(index), Index: index, LinkType: link, MarksOffload: true}
		}
	}
	l.ifaces[index] = iface
	return iface
}

func interfaceOf(ifi *net.Interface, link packet.LinkType) *packet.Interface {
	iface := &packet.Interface{Name: ifi.Name, Index: ifi.Index, LinkType: link, MTU: ifi.MTU, MarksOffload: true}
	copy(iface.HardwareAddr[:], ifi.HardwareAddr)
	return iface
}

// Ready implements LiveSource.
func (l *Live) Ready() bool { return l.ring.ready() }

// OnWait implements Waiter.
func (l *Live) OnWait(f func()) { l.onWait = f }

// Stats returns the counts so far, to any goroutine; after Close, those at its time. Unread are, when capturing on all interfaces, the
// frames that came over links of unknown hardware types and would have passed the filter.
func (l *Live) Stats() Stats {
	if l.fd >= 0 {
		// The kernel's counts start again from zero with each reading.
		if s, err := unix.GetsockoptTpacketStatsV3(l.fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err == nil {
			l.drops.Add(uint64(s.Drops))
		}
	}
	unread := l.unread.Load()
	return Stats{Frames: l.number.Load() + unread, Unread: unread, KernelDrops: l.drops.Load()}
}

// Close ends the capture and frees the ring. It must not be called while Next runs: end its context instead.
func (l *Live) Close() error {
	if l.fd < 0 {
		return nil
	}
	l.Stats()
	l.forget()
	err := unix.Munmap(l.ring.mem)
	l.wake.close()
	if e := unix.Close(l.fd); err == nil {
		err = e
	}
	l.fd = -1
	return err
}
