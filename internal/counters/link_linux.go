package counters

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"iter"
	"strconv"
	"syscall"

	"golang.org/x/sys/unix"
)

// readLinks asks the kernel for the interfaces of this network namespace. /sys/class/net will not do: it shows those of the
// namespace that it was mounted in.
func readLinks() ([]linkStats, error) {
	answer, err := syscall.NetlinkRIB(unix.RTM_GETLINK, unix.AF_UNSPEC)
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: %w", err)
	}
	messages, err := syscall.ParseNetlinkMessage(answer)
	if err != nil {
		return nil, fmt.Errorf("rtnetlink: %w", err)
	}
	var all []linkStats
	for _, m := range messages {
		if m.Header.Type != unix.RTM_NEWLINK || len(all) >= maxDevices {
			continue
		}
		if l, ok := parseLink(m.Data); ok {
			all = append(all, l)
		}
	}
	return all, nil
}

func parseLink(b []byte) (linkStats, bool) {
	var l linkStats
	if len(b) < unix.SizeofIfInfomsg {
		return l, false
	}
	l.index = int(int32(binary.NativeEndian.Uint32(b[4:])))
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			l.name = text(v)
		case unix.IFLA_STATS64:
			for l.stats = nil; len(v) >= 8; v = v[8:] {
				l.stats = append(l.stats, binary.NativeEndian.Uint64(v))
			}
		case unix.IFLA_LINKINFO:
			for kind, v := range attributes(v) {
				if kind == unix.IFLA_INFO_KIND {
					l.kind = text(v)
				}
			}
		}
	}
	return l, l.name != ""
}

// attributes walks over the attributes in b, as far as they are whole.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofRtAttr {
			n := int(binary.NativeEndian.Uint16(b))
			if n < unix.SizeofRtAttr || n > len(b) {
				return
			}
			if !yield(binary.NativeEndian.Uint16(b[2:])&^(unix.NLA_F_NESTED|unix.NLA_F_NET_BYTEORDER), b[unix.SizeofRtAttr:n]) {
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
}

// text reads a string that ends with a zero.
func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

func links() ([]counter, error) {
	all, err := readLinks()
	if err != nil {
		return nil, err
	}
	var list []counter
	for _, l := range all {
		list = append(list, l.counters(Link+" "+strconv.Itoa(l.index))...)
	}
	return list, nil
}
