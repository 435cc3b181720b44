package pmtu

import (
	"encoding/binary"
	"net/netip"
	"os"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/packet"
)

// overtime is how many messages are looked at after the time to wait has passed: what had come by then is read, and a
// flood does not keep Receive.
const overtime = 1024

// Receive returns the next reply. It waits for one until the time given, or until the context ends; then the error is the
// context's.
func (l *Live) Receive(until time.Time) (Reply, bool, error) {
	if len(l.denied) > 0 {
		r := l.denied[0]
		l.denied = l.denied[1:]
		return r, true, nil
	}
	for budget := overtime; ; {
		if err := l.ctx.Err(); err != nil {
			return Reply{}, false, err
		}
		now := time.Now()
		late := !now.Before(until)
		if late {
			budget--
		}
		readable, err := l.poll(l.wait(now, until))
		if err != nil {
			return Reply{}, false, err
		}
		for i, fd := range []int{l.icmp, l.tcp, l.tap} {
			if !readable[i] {
				continue
			}
			if r, ok, err := l.read(fd); err != nil || ok {
				return r, ok, err
			}
		}
		if readable == [3]bool{} {
			// All that was delivered has been read, so what is held was not.
			if r, ok := l.screen.filtered(time.Now()); ok {
				return r, true, nil
			}
		}
		if late && (readable == [3]bool{} || budget <= 0) {
			return Reply{}, false, nil
		}
	}
}

// wait returns how long to wait for a socket: until the time given, or until a reply can be taken for filtered.
func (l *Live) wait(now, until time.Time) time.Duration {
	if at, ok := l.screen.due(); ok && at.Before(until) {
		until = at
	}
	return max(until.Sub(now), 0)
}

// poll waits until one of icmp, tcp and tap can be read, the time is over or the context has ended.
func (l *Live) poll(wait time.Duration) (readable [3]bool, err error) {
	fds := [...]unix.PollFd{ // those of -1 are passed over
		{Fd: int32(l.icmp), Events: unix.POLLIN},
		{Fd: int32(l.tcp), Events: unix.POLLIN},
		{Fd: int32(l.tap), Events: unix.POLLIN},
		{Fd: int32(l.wake), Events: unix.POLLIN},
	}
	timeout := unix.NsecToTimespec(int64(wait))
	if _, err := unix.Ppoll(fds[:], &timeout, nil); err != nil && err != unix.EINTR {
		return readable, os.NewSyscallError("ppoll", err)
	}
	for i := range readable {
		readable[i] = fds[i].Revents != 0
	}
	return readable, nil
}

// read takes one message from a socket. A reply that came in on the interface is for the screen, and not returned.
func (l *Live) read(fd int) (Reply, bool, error) {
	n, control, flags, from, err := unix.Recvmsg(fd, l.buffer, l.oob, 0)
	switch {
	case err == unix.EAGAIN || err == unix.EINTR:
		return Reply{}, false, nil
	case err != nil && fd == l.tap:
		// The interface went away or down: go on without.
		unix.Close(l.tap)
		l.tap = -1
		return Reply{}, false, nil
	case err != nil:
		return Reply{}, false, os.NewSyscallError("recvmsg", err)
	case flags&unix.MSG_TRUNC != 0:
		return Reply{}, false, nil
	}
	about := ancillary(l.oob[:control], time.Now())
	b := l.buffer[:n]
	switch from := from.(type) {
	case *unix.SockaddrLinklayer:
		if from.Pkttype == unix.PACKET_HOST {
			l.comeIn(b, about.time)
		}
	case *unix.SockaddrInet6:
		source := netip.AddrFrom16(from.Addr)
		if fd == l.tcp {
			r, ok := l.matcher.tcp(source, about.hopLimit, b)
			r.Time = about.time
			return r, ok, nil
		}
		r, ok := l.matcher.icmp(source, about.hopLimit, b)
		r.Time, r.FragmentSize = about.time, about.fragment
		if ok && r.ID != 0 && l.tap >= 0 {
			ok = l.screen.deliver(r)
		}
		return r, ok, nil
	}
	return Reply{}, false, nil
}

// comeIn takes an IPv6 packet off the interface that has an ICMPv6 message right behind its header. What matches no probe
// is not worth a place among those that are held.
func (l *Live) comeIn(b []byte, at time.Time) {
	if len(b) < ipv6HeaderSize {
		return
	}
	length := int(binary.BigEndian.Uint16(b[4:]))
	if length > len(b)-ipv6HeaderSize {
		return
	}
	source, destination := netip.AddrFrom16([16]byte(b[8:])), netip.AddrFrom16([16]byte(b[24:]))
	message := b[ipv6HeaderSize : ipv6HeaderSize+length]
	r, ok := l.matcher.icmp(source, int(b[7]), message)
	// A damaged one is not delivered, and no filter has a part in that.
	if !ok || r.ID == 0 || packet.ICMPv6Checksum(source, destination, message) != 0 {
		return
	}
	r.Time = at
	l.screen.comeIn(r)
}

// aside is what the kernel tells about a message.
type aside struct {
	time               time.Time
	hopLimit, fragment int
}

// ancillary reads the control messages b of a message that is read now.
func ancillary(b []byte, now time.Time) aside {
	a := aside{time: now}
	messages, err := unix.ParseSocketControlMessage(b)
	if err != nil {
		return a
	}
	for i := range messages {
		h, data := &messages[i].Header, messages[i].Data
		switch {
		case h.Level == unix.SOL_SOCKET && h.Type == unix.SO_TIMESTAMPNS && len(data) >= 16:
			stamp := time.Unix(int64(binary.NativeEndian.Uint64(data)), int64(binary.NativeEndian.Uint64(data[8:])))
			// The stamp is of the wall clock, which somebody may have set in the meantime.
			if age := now.Round(0).Sub(stamp); age > 0 && age < time.Minute {
				a.time = now.Add(-age)
			}
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_HOPLIMIT && len(data) >= 4:
			a.hopLimit = int(int32(binary.NativeEndian.Uint32(data)))
		case h.Level == unix.IPPROTO_IPV6 && h.Type == unix.IPV6_RECVFRAGSIZE && len(data) >= 4:
			a.fragment = int(int32(binary.NativeEndian.Uint32(data)))
		}
	}
	return a
}
