package solicit

import (
	"bytes"
	"encoding/binary"

	"golang.org/x/sys/unix"
)

func nativeInt(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }

// slaveKind returns the IFLA_INFO_SLAVE_KIND among the attributes in an IFLA_LINKINFO: what kind of master the
// interface is a part of, "" for none.
func slaveKind(info []byte) string {
	for len(info) >= unix.SizeofRtAttr {
		length := int(binary.NativeEndian.Uint16(info))
		if length < unix.SizeofRtAttr || length > len(info) {
			return ""
		}
		if binary.NativeEndian.Uint16(info[2:]) == unix.IFLA_INFO_SLAVE_KIND {
			return string(bytes.TrimRight(info[unix.SizeofRtAttr:length], "\x00"))
		}
		info = info[min((length+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(info)):]
	}
	return ""
}
