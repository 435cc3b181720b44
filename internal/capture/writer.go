package capture

import (
	"bufio"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"
	"strings"
	"time"

	"v6probe/internal/packet"
)

// Writer writes frames to a pcapng file that keeps all that a Frame knows: the time to the nanosecond, the length on
// the wire, the direction, and of the interface its name, address and MTU. pcapng has no option for the MTU: it is a
// comment on the interface, and so is whether checksums were left to the hardware, "v6probe: mtu 1450, checksum offload".
// What comes back when the file is read is what was written, but for Number and Interface.Index.
type Writer struct {
	w      *bufio.Writer
	ids    map[ngKey]uint32
	last   ngKey // of the frame before, and its number: most frames are of one interface
	lastID uint32
	block  []byte    // under construction
	latest time.Time // of the frames
}

// ngKey tells interfaces apart: one that changes its link type in mid-capture is two.
type ngKey struct {
	ifc      *packet.Interface
	linkType packet.LinkType
}

// NewWriter returns a Writer to w, which it does not close. It writes through a buffer: see Flush and Close.
func NewWriter(w io.Writer) *Writer {
	nw := &Writer{w: bufio.NewWriterSize(w, 1<<16), ids: make(map[ngKey]uint32)}
	nw.begin(blockSection)
	nw.u32(byteOrderMagic)
	nw.u16(1) // version 1.0
	nw.u16(0)
	nw.u64(1<<64 - 1) // length of the section: not said
	nw.option(shbUserAppl, "v6probe")
	nw.u32(optEnd)
	// A buffer's error stays: it comes back with the next write, or with Close.
	_ = nw.finish()
	return nw
}

// Write adds f to the file.
func (w *Writer) Write(f packet.Frame) error {
	if len(f.Data) > maxCaptured {
		return fmt.Errorf("write capture: a frame of %d bytes; at most %d", len(f.Data), maxCaptured)
	}
	id, err := w.id(ngKey{f.Interface, f.LinkType})
	if err != nil {
		return err
	}
	if f.Time.After(w.latest) {
		w.latest = f.Time
	}
	w.begin(blockEnhanced)
	w.u32(id)
	w.stamp(f.Time)
	w.u32(uint32(len(f.Data)))
	w.u32(uint32(max(f.Length, len(f.Data))))
	w.block = append(w.block, f.Data...)
	w.pad()
	options := len(w.block)
	if f.Direction != packet.DirectionUnknown {
		flags := uint32(flagsIncoming)
		if f.Direction == packet.Outgoing {
			flags = flagsOutgoing
		}
		w.u16(epbFlags)
		w.u16(4)
		w.u32(flags)
	}
	if f.Lost > 0 {
		w.count(epbDropCount, f.Lost)
	}
	if f.Offload {
		w.option(optComment, offloadComment)
	}
	if len(w.block) > options {
		w.u32(optEnd)
	}
	return w.finish()
}

// Flush writes out what is buffered, so that all frames so far can be read from the file.
func (w *Writer) Flush() error { return w.w.Flush() }

// Close ends the file with the statistics of each interface, and flushes. What was lost is counted for a whole capture:
// it stands with the first interface.
func (w *Writer) Close(stats Stats) error {
	for id := range uint32(len(w.ids)) {
		w.begin(blockStatistics)
		w.u32(id)
		w.stamp(w.latest)
		if id == 0 {
			w.count(isbIfDrop, stats.Lost())
			w.u32(optEnd)
		}
		if err := w.finish(); err != nil {
			return err
		}
	}
	return w.Flush()
}

// id returns the number of the interface, which it describes when it is new.
func (w *Writer) id(key ngKey) (uint32, error) {
	if key == w.last && len(w.ids) > 0 {
		return w.lastID, nil
	}
	id, ok := w.ids[key]
	if !ok {
		if len(w.ids) == maxInterfaces {
			return 0, fmt.Errorf("write capture: more than %d interfaces", maxInterfaces)
		}
		id = uint32(len(w.ids))
		if err := w.describe(key); err != nil {
			return 0, err
		}
		w.ids[key] = id
	}
	w.last, w.lastID = key, id
	return id, nil
}

// describe writes an Interface Description Block.
func (w *Writer) describe(key ngKey) error {
	w.begin(blockInterface)
	w.u16(uint16(key.linkType))
	w.u16(0)
	w.u32(0) // snap length: no limit
	if name := key.ifc.Name; name != "" {
		w.option(ifName, name[:min(len(name), maxName)])
	}
	if mac := key.ifc.HardwareAddr; mac != (packet.MAC{}) {
		w.option(ifMACAddr, string(mac[:]))
	}
	w.option(ifTSResol, "\x09")
	var notes []string
	if key.ifc.MTU > 0 {
		notes = append(notes, mtuNote+strconv.Itoa(key.ifc.MTU))
	}
	if key.ifc.MarksOffload {
		notes = append(notes, offloadNote)
	}
	if len(notes) > 0 {
		w.option(optComment, ownComment+strings.Join(notes, ", "))
	}
	w.u32(optEnd)
	return w.finish()
}

// begin starts a block; finish fills in its length, ends it with the same and hands it to the buffer.
func (w *Writer) begin(typ uint32) {
	w.block = w.block[:0]
	w.u32(typ)
	w.u32(0)
}

func (w *Writer) finish() error {
	size := uint32(len(w.block) + 4)
	binary.LittleEndian.PutUint32(w.block[4:], size)
	w.u32(size)
	_, err := w.w.Write(w.block)
	return err
}

func (w *Writer) u16(v uint16) { w.block = binary.LittleEndian.AppendUint16(w.block, v) }
func (w *Writer) u32(v uint32) { w.block = binary.LittleEndian.AppendUint32(w.block, v) }
func (w *Writer) u64(v uint64) { w.block = binary.LittleEndian.AppendUint64(w.block, v) }

// stamp writes a time as two halves, the high one first in either byte order.
func (w *Writer) stamp(t time.Time) {
	v := ngStamp(t)
	w.u32(uint32(v >> 32))
	w.u32(uint32(v))
}

func (w *Writer) option(code uint16, value string) {
	w.u16(code)
	w.u16(uint16(len(value)))
	w.block = append(w.block, value...)
	w.pad()
}

// count writes an option that is a number of 64 bits.
func (w *Writer) count(code uint16, n uint64) {
	w.u16(code)
	w.u16(8)
	w.u64(n)
}

func (w *Writer) pad() {
	for len(w.block)%4 != 0 {
		w.block = append(w.block, 0)
	}
}
