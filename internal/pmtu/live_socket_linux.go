package pmtu

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"os"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"v6probe/internal/icmp6"
)

// Bytes that the kernel may hold for a socket: a batch of jumbo packets, or what a router sends that has gone mad.
const socketBuffer = 4 << 20

// socket returns a raw socket.
func (l *Live) socket(proto int) (int, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, proto)
	if err != nil {
		return -1, os.NewSyscallError("raw socket", err)
	}
	enlarge(fd)
	return fd, nil
}

// enlarge gives a socket large buffers, as far as the system allows it.
func enlarge(fd int) {
	for _, o := range []struct{ force, plain int }{{unix.SO_RCVBUFFORCE, unix.SO_RCVBUF}, {unix.SO_SNDBUFFORCE, unix.SO_SNDBUF}} {
		if unix.SetsockoptInt(fd, unix.SOL_SOCKET, o.force, socketBuffer) != nil {
			unix.SetsockoptInt(fd, unix.SOL_SOCKET, o.plain, socketBuffer)
		}
	}
}

// bind gives a socket its own address, which is also the only one that it hears.
func (l *Live) bind(fd int, source netip.Addr) error {
	address := unix.SockaddrInet6{Addr: source.As16()}
	if source.IsLinkLocalUnicast() {
		address.ZoneId = uint32(l.index)
	}
	switch err := unix.Bind(fd, &address); err {
	case nil:
		return nil
	case unix.EADDRNOTAVAIL:
		return &SendError{fmt.Sprintf("%v is no address of this host", source), "see ip -6 addr: it may be tentative still"}
	default:
		return os.NewSyscallError("bind", err)
	}
}

// listenICMP returns a socket for the replies. It is not connected: it could not hear routers then, and what it heard
// would go into the route cache.
func (l *Live) listenICMP() (int, error) {
	fd, err := l.socket(unix.IPPROTO_ICMPV6)
	if err != nil {
		return -1, err
	}
	var filter unix.ICMPv6Filter // a bit set keeps the type out
	for i := range filter.Data {
		filter.Data[i] = 0xffffffff
	}
	for _, t := range replyTypes() {
		filter.Data[t/32] &^= 1 << (t % 32)
	}
	if err := unix.SetsockoptICMPv6Filter(fd, unix.IPPROTO_ICMPV6, unix.ICMPV6_FILTER, &filter); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt ICMPV6_FILTER", err)
	}
	return l.listen(fd)
}

// replyTypes returns the types of ICMPv6 messages that can be replies.
func replyTypes() []icmp6.Type {
	return []icmp6.Type{icmp6.TypeDestinationUnreachable, icmp6.TypePacketTooBig, icmp6.TypeTimeExceeded,
		icmp6.TypeParameterProblem, icmp6.TypeEchoReply}
}

// listenTCP returns a socket for the replies to TCP probes. Connected, it would have the kernel put each Packet Too Big
// about them into the route cache; so it is a filter that keeps out the segments of others.
func (l *Live) listenTCP() (int, error) {
	fd, err := l.socket(unix.IPPROTO_TCP)
	if err != nil {
		return -1, err
	}
	if err := attach(fd, tcpFilter(l.matcher.tcpPort)); err != nil {
		unix.Close(fd)
		return -1, os.NewSyscallError("setsockopt SO_ATTACH_FILTER", err)
	}
	return l.listen(fd)
}

// listen sets up what comes with each message, and binds the socket to the source address.
func (l *Live) listen(fd int) (int, error) {
	unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVFRAGSIZE, 1) // kernels before 4.13 lack it
	err := errors.Join(
		os.NewSyscallError("setsockopt IPV6_RECVHOPLIMIT", unix.SetsockoptInt(fd, unix.IPPROTO_IPV6, unix.IPV6_RECVHOPLIMIT, 1)),
		os.NewSyscallError("setsockopt SO_TIMESTAMPNS", unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)))
	if err == nil {
		err = l.bind(fd, l.matcher.source)
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

// openTap returns a packet socket that hears the ICMPv6 messages to the source address as they come in on the interface,
// or on all for index 0, before this host's filters see them.
func openTap(source netip.Addr, index int) (int, error) {
	// Of protocol 0 the socket hears nothing yet, so that no packet can precede the filter.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, 0)
	if err != nil {
		return -1, err
	}
	enlarge(fd)
	// It only saves work, and kernels before 4.20 lack it.
	unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	err = attach(fd, tapFilter(source))
	if err == nil {
		err = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_TIMESTAMPNS, 1)
	}
	if err == nil {
		networkOrder := binary.NativeEndian.Uint16([]byte{unix.ETH_P_IPV6 >> 8, unix.ETH_P_IPV6 & 0xff})
		err = unix.Bind(fd, &unix.SockaddrLinklayer{Protocol: networkOrder, Ifindex: index})
	}
	if err != nil {
		unix.Close(fd)
		return -1, err
	}
	return fd, nil
}

const whole = 1 << 18 // more than any packet has

// tapFilter lets those IPv6 packets pass that are ICMPv6 messages to the destination and can be replies. Fragments are
// left out, as an answer in fragments is delivered or not as a whole.
func tapFilter(destination netip.Addr) []bpf.Instruction {
	const nextHeader, destinationAt = 6, 24
	var p []bpf.Instruction
	// must goes on when the byte or word at the offset has the value, and drops the packet otherwise.
	must := func(offset, size, value uint32) {
		p = append(p, bpf.LoadAbsolute{Off: offset, Size: int(size)},
			bpf.JumpIf{Cond: bpf.JumpEqual, Val: value, SkipTrue: 1}, bpf.RetConstant{})
	}
	must(nextHeader, 1, protoICMPv6)
	address := destination.As16()
	for i := uint32(0); i < 16; i += 4 {
		must(destinationAt+i, 4, binary.BigEndian.Uint32(address[i:]))
	}
	p = append(p, bpf.LoadAbsolute{Off: ipv6HeaderSize, Size: 1})
	types := replyTypes()
	for i, t := range types {
		p = append(p, bpf.JumpIf{Cond: bpf.JumpEqual, Val: uint32(t), SkipTrue: uint8(len(types) - i)})
	}
	return append(p, bpf.RetConstant{}, bpf.RetConstant{Val: whole})
}

// tcpFilter lets those segments pass that come from the port and begin or reset a connection. It sees them from the TCP
// header on.
func tcpFilter(port uint16) []bpf.Instruction {
	const flags = 13
	return []bpf.Instruction{
		bpf.LoadAbsolute{Off: 0, Size: 2},
		bpf.JumpIf{Cond: bpf.JumpNotEqual, Val: uint32(port), SkipTrue: 2},
		bpf.LoadAbsolute{Off: flags, Size: 1},
		bpf.JumpIf{Cond: bpf.JumpBitsSet, Val: flagSYN | flagRST, SkipTrue: 1},
		bpf.RetConstant{},
		bpf.RetConstant{Val: whole},
	}
}

func attach(fd int, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}
