package filter

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// size is the length of a value of the kind in bytes.
func (l label) size() int {
	switch l.kind {
	case kindAddress:
		return 16
	case kindMAC:
		return 6
	case kindName:
		return unix.IFNAMSIZ
	case kindProtocol, kindICMPv6, kindFamily, kindPacketType, kindExists:
		return 1
	case kindEther:
		return 2
	}
	return 4
}

// value shows a value.
func (l label) value(b []byte) string {
	number := uint64(0)
	for _, c := range b[:min(len(b), 8)] {
		number = number<<8 | uint64(c)
	}
	switch {
	case l.kind == kindAddress && len(b) == 16:
		return netip.AddrFrom16([16]byte(b)).String()
	case l.kind == kindMAC && len(b) == 6:
		return net.HardwareAddr(b).String()
	case l.kind == kindName:
		return interfacePattern(b)
	case l.kind == kindNumber && len(b) <= 8:
		return strconv.FormatUint(number, 10)
	case l.kind == kindHost && len(b) == 4:
		return strconv.FormatUint(uint64(binary.NativeEndian.Uint32(b)), 10)
	case l.kind == kindHost && len(b) == 2:
		return strconv.FormatUint(uint64(binary.NativeEndian.Uint16(b)), 10)
	case l.kind == kindState && len(b) == 4:
		return stateNames(binary.NativeEndian.Uint32(b))
	case l.kind == kindFound: // a byte, or a word
		return valueName(kindExists, slices.Max(b))
	case l.kind == kindEther && number == etherIPv6:
		return "ip6"
	case len(b) == 1:
		if name := valueName(l.kind, b[0]); name != "" {
			return name
		}
		return strconv.Itoa(int(b[0]))
	}
	return "0x" + hex.EncodeToString(b)
}

// interfacePattern shows a name, one that is shorter than the register as the beginning of names.
func interfacePattern(b []byte) string {
	if bytes.IndexByte(b, 0) < 0 && len(b) < unix.IFNAMSIZ {
		return `"` + escape(string(b)) + `*"`
	}
	return `"` + escape(unix.ByteSliceToString(b)) + `"`
}

func stateNames(state uint32) string {
	var list []string
	for _, s := range [...]struct {
		bit  uint32
		name string
	}{{stateInvalid, "invalid"}, {stateEstablished, "established"}, {stateRelated, "related"}, {stateNew, "new"},
		{stateUntracked, "untracked"}} {
		if state&s.bit != 0 {
			list = append(list, s.name)
			state &^= s.bit
		}
	}
	if state != 0 || len(list) == 0 {
		list = append(list, fmt.Sprintf("0x%x", state))
	}
	return strings.Join(list, ",")
}
