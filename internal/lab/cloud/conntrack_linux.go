package cloud

import (
	"context"
	"encoding/binary"
	"fmt"
	"net/netip"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// mostConnections is more than a lab should take of the kernel's memory: each entry is some 300 bytes.
const mostConnections = 1 << 20

// fillConnections fills the table of connections of a node, as a guest does that opens flow after flow to the server.
func (z *Zone) fillConnections(n *lab.Namespace, percent int) (undo, error) {
	empty := func(context.Context) error {
		return n.Do(func() error {
			fd, err := conntrackSocket()
			if err != nil {
				return err
			}
			defer unix.Close(fd)
			return conntrackSend(fd, conntrackMessage(unix.NLM_F_REQUEST, conntrackDelete, nil))
		})
	}
	err := n.Do(func() error {
		const name = "/proc/sys/net/netfilter/nf_conntrack_max"
		text, err := os.ReadFile(name)
		if err != nil {
			return err
		}
		most, err := strconv.Atoi(strings.TrimSpace(string(text)))
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		count := most / 100 * percent
		if count > mostConnections {
			return fmt.Errorf("%s is %d: so many connections are too many for a lab", name, most)
		}
		fd, err := conntrackSocket()
		if err != nil {
			return err
		}
		defer unix.Close(fd)
		return connections(fd, count)
	})
	return empty, err
}

// Of linux/netfilter/nfnetlink_conntrack.h: the messages, 0 and 2, of the subsystem 1.
const (
	conntrackNew    = 1 << 8
	conntrackDelete = 1<<8 | 2
)

func conntrackSocket() (int, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_NETFILTER)
	if err != nil {
		return -1, err
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUFFORCE, 4<<20); err != nil {
		// Without the right to it the default must do: the batches are small enough for that.
		_ = unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_SNDBUF, 4<<20)
	}
	return fd, nil
}

func conntrackSend(fd int, message []byte) error {
	return unix.Sendto(fd, message, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK})
}

// conntrackMessage is one of netlink with the header of nfnetlink.
func conntrackMessage(flags uint16, kind uint16, attributes []byte) []byte {
	m := make([]byte, 20, 20+len(attributes))
	binary.NativeEndian.PutUint32(m, uint32(20+len(attributes)))
	binary.NativeEndian.PutUint16(m[4:], kind)
	binary.NativeEndian.PutUint16(m[6:], flags)
	m[16] = unix.AF_INET6
	return append(m, attributes...)
}

// attribute is one of netlink, padded. Those of conntrack are big-endian.
func attribute(kind uint16, body ...[]byte) []byte {
	a := make([]byte, 4)
	for _, b := range body {
		a = append(a, b...)
	}
	binary.NativeEndian.PutUint16(a, uint16(len(a)))
	binary.NativeEndian.PutUint16(a[2:], kind)
	for len(a)%4 != 0 {
		a = append(a, 0)
	}
	return a
}

// tuple is one direction of a flow over UDP.
func tuple(kind uint16, source, destination netip.Addr, from, to uint16) []byte {
	const nested = 1 << 15
	const ip, proto, v6Source, v6Destination, number, sourcePort, destinationPort = 1, 2, 3, 4, 1, 2, 3
	port := func(p uint16) []byte { return binary.BigEndian.AppendUint16(nil, p) }
	return attribute(kind|nested,
		attribute(ip|nested, attribute(v6Source, source.AsSlice()), attribute(v6Destination, destination.AsSlice())),
		attribute(proto|nested, attribute(number, []byte{unix.IPPROTO_UDP}), attribute(sourcePort, port(from)),
			attribute(destinationPort, port(to))))
}

// connections enters so many flows, in batches.
func connections(fd, count int) error {
	const original, reply, timeout = 1, 2, 7
	const perBatch = 400
	client, server := netip.MustParseAddr(guests()[2].address), netip.MustParseAddr(Server)
	day := attribute(timeout, binary.BigEndian.AppendUint32(nil, 86400))
	var batch []byte
	for i := range count {
		from, to := uint16(1024+i%60000), uint16(2000+i/60000)
		attributes := append(tuple(original, client, server, from, to), tuple(reply, server, client, to, from)...)
		batch = append(batch, conntrackMessage(unix.NLM_F_REQUEST|unix.NLM_F_CREATE, conntrackNew, append(attributes, day...))...)
		if i%perBatch == perBatch-1 || i == count-1 {
			if err := conntrackSend(fd, batch); err != nil {
				return fmt.Errorf("fill the table of connections: %w", err)
			}
			batch = batch[:0]
		}
	}
	return nil
}
