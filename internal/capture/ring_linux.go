package capture

import (
	"sync/atomic"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ring walks the blocks of a TPACKET_V3 receive ring. The kernel fills one block after the other with frames and hands
// each over by its status word, when it is full or has aged; the reader hands it back the same way.
type ring struct {
	mem       []byte // shared with the kernel
	blockSize int
	block     int  // the block to look at: its number
	held      bool // the kernel has handed it over
	left      uint32
	next      int // place in mem of the next frame of the block, when any is left
}

// statusOffset is the place in a block of its header, which begins with the status word: behind the version of the
// structure and the offset of the private area.
const statusOffset = 8

// sockaddrOffset is the place of the sockaddr_ll of a frame, counted from the frame's header.
const sockaddrOffset = (unix.SizeofTpacket3Hdr + unix.TPACKET_ALIGNMENT - 1) &^ (unix.TPACKET_ALIGNMENT - 1)

func (r *ring) header() *unix.TpacketHdrV1 {
	return (*unix.TpacketHdrV1)(unsafe.Pointer(&r.mem[r.block*r.blockSize+statusOffset]))
}

// blocks returns the number of blocks.
func (r *ring) blocks() int { return len(r.mem) / r.blockSize }

// ready reports whether the kernel has handed the current block over.
func (r *ring) ready() bool {
	return atomic.LoadUint32(&r.header().Block_status)&unix.TP_STATUS_USER != 0
}

// take makes the frames of the current block available, if the kernel has handed the block over.
func (r *ring) take() bool {
	if !r.ready() {
		return false
	}
	h := r.header()
	r.held = true
	r.left = h.Num_pkts
	r.next = r.block*r.blockSize + int(h.Offset_to_first_pkt)
	return true
}

// release hands the current block, if held, back to the kernel and goes on to the next.
func (r *ring) release() {
	if !r.held {
		return
	}
	atomic.StoreUint32(&r.header().Block_status, unix.TP_STATUS_KERNEL)
	r.held = false
	r.left = 0
	r.block = (r.block + 1) % r.blocks()
}

// frame returns the place in mem of the header of the next frame of the held block; false when there is none.
func (r *ring) frame() (int, bool) {
	if r.left == 0 {
		return 0, false
	}
	at := r.next
	r.left--
	r.next += int(r.frameHeader(at).Next_offset)
	return at, true
}

func (r *ring) frameHeader(at int) *unix.Tpacket3Hdr {
	return (*unix.Tpacket3Hdr)(unsafe.Pointer(&r.mem[at]))
}

func (r *ring) frameAddress(at int) *unix.RawSockaddrLinklayer {
	return (*unix.RawSockaddrLinklayer)(unsafe.Pointer(&r.mem[at+sockaddrOffset]))
}
