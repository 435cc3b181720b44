package filter

import (
	"encoding/binary"
	"iter"

	"golang.org/x/sys/unix"
)

// What golang.org/x/sys/unix does not have (linux/netfilter/nf_tables.h).
const (
	nftSetConcat           = 0x80
	nftSetElemCatchall     = 0x2
	nftaSetElemKeyEnd      = 10
	nftaSetElemExpressions = 11
	nftaSetDescConcat      = 2
	nftaSetFieldLen        = 1
	nftaBitwiseOp          = 6
	nftaHookDevs           = 4
	nftaDeviceName         = 1
	nftaDevicePrefix       = 2
	nftMetaBroute          = 35
	nfInetIngress          = 5 // linux/netfilter.h

	nftVerdictDrop   = 0
	nftVerdictAccept = 1
	nftVerdictQueue  = 3

	nftObjectCounter  = 1
	nftObjectQuota    = 2
	nftObjectLimit    = 4
	nftObjectConn     = 5
	nftObjectSynproxy = 10
)

// attributes yields the netlink attributes in b, without the flags of their types, up to the first that is cut off.
func attributes(b []byte) iter.Seq2[uint16, []byte] {
	return func(yield func(uint16, []byte) bool) {
		for len(b) >= unix.SizeofNlAttr {
			n := int(binary.NativeEndian.Uint16(b))
			kind := binary.NativeEndian.Uint16(b[2:]) &^ (unix.NLA_F_NESTED | unix.NLA_F_NET_BYTEORDER)
			if n < unix.SizeofNlAttr || n > len(b) || !yield(kind, b[unix.SizeofNlAttr:n]) {
				return
			}
			b = b[min((n+3)&^3, len(b)):]
		}
	}
}

// attrs are the attributes of a message, the last of each type.
type attrs map[uint16][]byte

func parse(b []byte) attrs {
	a := attrs{}
	for kind, v := range attributes(b) {
		a[kind] = v
	}
	return a
}

// u32 returns a number in network byte order, 0 where there is none.
func (a attrs) u32(kind uint16) uint32 {
	if v := a[kind]; len(v) >= 4 {
		return binary.BigEndian.Uint32(v)
	}
	return 0
}

func (a attrs) u64(kind uint16) uint64 {
	if v := a[kind]; len(v) >= 8 {
		return binary.BigEndian.Uint64(v)
	}
	return 0
}

func (a attrs) string(kind uint16) string { return unix.ByteSliceToString(a[kind]) }

// value returns the bytes of a nested NFTA_DATA_VALUE.
func (a attrs) value(kind uint16) []byte { return parse(a[kind])[unix.NFTA_DATA_VALUE] }

func (a attrs) has(kind uint16) bool {
	_, ok := a[kind]
	return ok
}
