package vr

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// readConnections reads how full the table of connections is. The count is that of the thread's network namespace, the limit
// that of the machine.
func readConnections() Table {
	var t Table
	for _, f := range []struct {
		to   *uint64
		name string
	}{{&t.Used, "nf_conntrack_count"}, {&t.Max, "nf_conntrack_max"}} {
		b, err := os.ReadFile("/proc/sys/net/netfilter/" + f.name)
		if errors.Is(err, fs.ErrNotExist) {
			return Table{Absent: true}
		}
		if err == nil {
			*f.to, err = strconv.ParseUint(strings.TrimSpace(string(b)), 10, 64)
		}
		if err != nil {
			return Table{Unread: err.Error()}
		}
	}
	return t
}

// ReadBacklog returns how many packets were dropped as a processor's queue was full, on all processors since the start.
func ReadBacklog() (uint64, error) {
	b, err := os.ReadFile("/proc/thread-self/net/softnet_stat")
	if err != nil {
		return 0, err
	}
	return parseSoftnet(b)
}

// parseSoftnet adds up the second column of softnet_stat, which has 32 bits for each processor, in hexadecimal.
func parseSoftnet(b []byte) (dropped uint64, err error) {
	for lines := bufio.NewScanner(bytes.NewReader(b)); lines.Scan(); {
		columns := strings.Fields(lines.Text())
		if len(columns) < 2 {
			return 0, errors.New("softnet_stat has another form than is known")
		}
		n, err := strconv.ParseUint(columns[1], 16, 32)
		if err != nil {
			return 0, errors.New("softnet_stat has another form than is known")
		}
		dropped += n
	}
	return dropped, nil
}

// Attributes of a table of neighbors (linux/neighbour.h), which golang.org/x/sys/unix does not have.
const (
	ndtaName    = 1
	ndtaThresh3 = 4
	ndtaConfig  = 5
)

// sizeofNdtMsg is that of struct ndtmsg, a family and padding.
const sizeofNdtMsg = 4

// readNeighbors asks how full the table of IPv6 neighbors is. It is one for all network namespaces, as are its thresholds,
// which only the first one shows in /proc.
func readNeighbors() Table {
	b, err := dumpNeighborTables()
	if err != nil {
		return Table{Unread: "rtnetlink: " + err.Error()}
	}
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			break
		}
		if binary.NativeEndian.Uint16(b[4:]) == unix.RTM_NEWNEIGHTBL && n >= unix.SizeofNlMsghdr+sizeofNdtMsg {
			if t, ok := parseNeighborTable(b[unix.SizeofNlMsghdr+sizeofNdtMsg : n]); ok {
				return t
			}
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return Table{Unread: "rtnetlink: no such table"}
}

// parseNeighborTable reads the attributes of a table; ok is false for those of IPv4 and of single interfaces.
func parseNeighborTable(b []byte) (t Table, ok bool) {
	name, config := "", false
	for len(b) >= unix.SizeofRtAttr {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			break
		}
		v := b[unix.SizeofRtAttr:n]
		switch binary.NativeEndian.Uint16(b[2:]) & 0x3fff {
		case ndtaName:
			name = unix.ByteSliceToString(v)
		case ndtaThresh3:
			if len(v) >= 4 {
				t.Max = uint64(binary.NativeEndian.Uint32(v))
			}
		case ndtaConfig: // struct ndt_config: key_len and entry_size of 16 bits each, then entries
			if config = len(v) >= 8; config {
				t.Used = uint64(binary.NativeEndian.Uint32(v[4:]))
			}
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return t, name == "ndisc_cache" && config && t.Max > 0
}

// dumpNeighborTables returns the answers of the kernel, one after another.
func dumpNeighborTables() ([]byte, error) {
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC, unix.NETLINK_ROUTE)
	if err != nil {
		return nil, err
	}
	defer unix.Close(fd)
	request := make([]byte, unix.SizeofNlMsghdr+sizeofNdtMsg)
	binary.NativeEndian.PutUint32(request, uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_GETNEIGHTBL)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	request[unix.SizeofNlMsghdr] = unix.AF_INET6
	if err := unix.Sendto(fd, request, 0, &unix.SockaddrNetlink{Family: unix.AF_NETLINK}); err != nil {
		return nil, err
	}
	var all []byte
	buf := make([]byte, 64<<10)
	for len(all) < maxFile {
		n, _, err := unix.Recvfrom(fd, buf, 0)
		if err == unix.EINTR {
			continue
		}
		if err != nil {
			return nil, err
		}
		all = append(all, buf[:n]...)
		if done, err := ended(buf[:n]); done || err != nil {
			return all, err
		}
	}
	return all, nil
}

// ended reports whether a datagram has the last answer.
func ended(b []byte) (bool, error) {
	for len(b) >= unix.SizeofNlMsghdr {
		n := int(binary.NativeEndian.Uint32(b))
		if n < unix.SizeofNlMsghdr || n > len(b) {
			return true, errors.New("a damaged answer")
		}
		switch binary.NativeEndian.Uint16(b[4:]) {
		case unix.NLMSG_DONE:
			return true, nil
		case unix.NLMSG_ERROR:
			return true, fmt.Errorf("it refuses: %w", unix.EOPNOTSUPP)
		}
		b = b[min((n+3)&^3, len(b)):]
	}
	return false, nil
}
