package capture

import (
	"context"
	"errors"
	"fmt"
	"io"

	"v6probe/internal/packet"
)

const (
	// blockSize is how much is asked of the file at once: large enough that a read's fixed cost does not show,
	// small enough that what was read is still in the processor's cache when it is walked. From 128 KiB to 1 MiB
	// it makes no measurable difference.
	blockSize = 1 << 18
	// pageSize aligns the reads, in memory as in the file, which spares the kernel's copy a slow start.
	pageSize = 1 << 12
	// maxCaptured bounds the captured bytes of one record. libpcap stops at 256 KiB; no link has longer frames.
	maxCaptured = 1 << 20
	// maxBlock bounds a pcapng block that must be in memory as a whole: a packet and its options.
	maxBlock = maxCaptured + 1<<18
	// fullWindow bounds the window: the longest block, behind what aligns it and before what is read with its end.
	fullWindow = pageSize + maxBlock + blockSize
)

// stream is the (uncompressed) content of a capture file, a window of which, buf[pos:end], is in memory. Records are
// read where they lie; only the rest of one that the window cuts is moved. It also holds what the readers of both
// formats keep: the counts, and the frame to hand out, which lives here so that no frame is ever allocated.
type stream struct {
	name     string
	r        io.Reader
	size     int64 // of the file as it is stored, 0 when unknown
	filter   Filter
	buf      []byte
	pos, end int
	start    int64 // of buf[0] in the stream
	err      error // why r gives no more
	limit    int64 // if not 0: records that begin here or later are not read, and not a byte more than they need
	epoch    int   // counts what changes how the records that follow are read

	frame  packet.Frame
	frames uint64
	unread uint64
	drops  uint64
}

// offset is where in the stream the window begins.
func (s *stream) offset() int64 { return s.start + int64(s.pos) }

// need makes the window at least n bytes long (at most maxBlock), or says why it cannot.
func (s *stream) need(ctx context.Context, n int) error {
	if s.end-s.pos >= n {
		return nil
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	rest := s.end - s.pos
	at := int(s.offset() & (pageSize - 1))
	window := s.buf[s.pos:s.end]
	if room := s.room(at + n); room > len(s.buf) {
		s.buf = make([]byte, room)
	}
	copy(s.buf[at:], window)
	s.start += int64(s.pos - at)
	s.pos, s.end = at, at+rest
	for empty := 0; s.end-s.pos < n; {
		if s.err != nil {
			return s.err
		}
		m, err := s.r.Read(s.buf[s.end : s.end+s.ask(n)])
		s.end += m
		if m > 0 {
			empty = 0
		} else if empty++; empty == 100 && err == nil {
			err = io.ErrNoProgress
		}
		if err != nil && ctx.Err() != nil {
			return ctx.Err()
		}
		s.err = err
	}
	return nil
}

// room returns how large buf is to be for n bytes in it: as the longest block needs, but for a small file, which has no such
// block, little more than the file. Of many small files, most of the time would go into buffers. A small file may grow, or
// unpack to a large one: so does the buffer.
func (s *stream) room(n int) int {
	room := len(s.buf)
	switch {
	case room == 0 && 0 < s.size && s.size < blockSize:
		room = pageSize + int(s.size)
	case room == 0:
		room = fullWindow
	case s.end == room:
		room *= 4
	}
	for room <= n {
		room *= 4
	}
	return min(room, fullWindow)
}

// ask returns how many bytes to read, for a window of n: up to the end of the file's block, but no further than to the
// limit if that is enough.
func (s *stream) ask(n int) int {
	at := s.start + int64(s.end)
	m := min(blockEnd(at)-at, int64(len(s.buf)-s.end))
	if s.limit > 0 {
		m = min(m, max(s.limit-at, int64(s.pos+n-s.end)))
	}
	return int(m)
}

// blockEnd is where the file's block ends that has the byte at offset at.
func blockEnd(at int64) int64 { return at&^(blockSize-1) + blockSize }

// stopped reports whether the stream is at its limit.
func (s *stream) stopped() bool { return s.limit > 0 && s.offset() >= s.limit }

// jump makes the stream go on at offset at, where its reader is now.
func (s *stream) jump(at int64) { s.start, s.pos, s.end, s.err = at, 0, 0, nil }

// skip drops the next n bytes without keeping them.
func (s *stream) skip(ctx context.Context, n int64) error {
	for n > 0 {
		m := int(min(n, blockSize))
		if err := s.need(ctx, m); err != nil {
			return err
		}
		s.pos += m
		n -= int64(m)
	}
	return nil
}

// damage returns the error for what begins at offset at.
func (s *stream) damage(at int64, format string, args ...any) error {
	return &DamageError{Name: s.name, Offset: at, Frame: s.frames, Reason: fmt.Sprintf(format, args...)}
}

// short turns err, with which need or skip failed, into what Next returns: what, of n bytes, begins at offset at.
func (s *stream) short(err error, at int64, what string, n int64) error {
	var bad *codecError
	switch {
	case err == io.EOF:
		return s.damage(at, "%s of %d bytes is cut short: %d are there", what, n, s.start+int64(s.end)-at)
	case errors.As(err, &bad):
		return s.damage(at, "%s", bad)
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded):
		return err
	}
	return fmt.Errorf("read %s: %w", s.name, err)
}

// give makes data, which has matched, the next frame. length is its length on the wire.
func (s *stream) give(ifc *packet.Interface, data []byte, length int) {
	s.frame = packet.Frame{Number: s.frames, Data: data, Length: max(length, len(data)), LinkType: ifc.LinkType,
		Interface: ifc, Direction: cookedDirection(ifc.LinkType, data)}
}

// trim takes the frame check sequence, of fcs bytes, off the end of a frame, or as much of it as was captured.
func trim(data []byte, length, fcs int) ([]byte, int) {
	length = max(length-fcs, 0)
	return data[:min(len(data), length)], length
}

// cookedDirection reads the packet type of a Linux cooked capture: 4 is PACKET_OUTGOING. Match has seen that the
// header is there.
func cookedDirection(lt packet.LinkType, data []byte) packet.Direction {
	switch {
	case lt == packet.LinkTypeSLL && data[0] == 0:
		return packetType(data[1])
	case lt == packet.LinkTypeSLL2:
		return packetType(data[10])
	}
	return packet.DirectionUnknown
}

// packetType turns the kernel's packet type (sll_pkttype) into a direction.
func packetType(t uint8) packet.Direction {
	switch {
	case t < 4:
		return packet.Incoming
	case t == 4:
		return packet.Outgoing
	}
	return packet.DirectionUnknown
}

// linkType maps the values that DLT_RAW has on some systems, and that stray writers put in files, to LINKTYPE_RAW.
func linkType(lt uint16) packet.LinkType {
	if lt == 12 || lt == 14 {
		return packet.LinkTypeRaw
	}
	return packet.LinkType(lt)
}
