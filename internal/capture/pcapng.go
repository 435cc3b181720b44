package capture

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"v6probe/internal/packet"
)

// Block types and options of pcapng (draft-ietf-opsawg-pcapng).
const (
	blockSection    = 0x0a0d0d0a // the same in both byte orders
	blockInterface  = 1
	blockPacket     = 2 // obsolete
	blockSimple     = 3
	blockStatistics = 5
	blockEnhanced   = 6

	byteOrderMagic = 0x1a2b3c4d

	optEnd        = 0
	optComment    = 1
	shbUserAppl   = 4
	ifName        = 2
	ifMACAddr     = 6
	ifTSResol     = 9
	ifFCSLen      = 13
	ifTSOffset    = 14
	epbFlags      = 2
	epbDropCount  = 4
	isbIfDrop     = 5
	isbOSDrop     = 7
	flagsIncoming = 1
	flagsOutgoing = 2
)

// ngReader reads the blocks of a pcapng file.
type ngReader struct {
	s       *stream
	big     bool // byte order of the current section
	ifaces  []ngInterface
	packets bool // stop at what is not a packet that is read
}

// errNoPacket says that what comes is not a packet that is read.
var errNoPacket = errors.New("not a packet")

// ngMagic recognises the first four bytes of a pcapng file.
func ngMagic(b []byte) bool { return binary.LittleEndian.Uint32(b) == blockSection }

// newNgReader reads the first section header, so that what is no pcapng file, or of another version, shows at once.
func newNgReader(ctx context.Context, s *stream) (*ngReader, error) {
	n := &ngReader{s: s}
	_, size, err := n.header(ctx)
	if err == nil {
		_, err = n.body(ctx, size)
	}
	if err == nil {
		err = n.section(s.buf[s.pos : s.pos+int(size)])
	}
	if err != nil {
		return nil, err
	}
	s.pos += int(size)
	return n, nil
}

// fork implements records. Its result does not touch the interfaces.
func (n *ngReader) fork(s *stream) records {
	return &ngReader{s: s, big: n.big, ifaces: n.ifaces, packets: true}
}

// look implements records. The time is left out.
func (n *ngReader) look(b []byte) (size int, sec uint32, ok bool) {
	if n.u32(b) != blockEnhanced {
		return 0, 0, false
	}
	block, id, captured := n.u32(b[4:]), int64(n.u32(b[8:])), n.u32(b[20:])
	ok = 32 <= block && block <= maxBlock && block%4 == 0 && captured <= block-32 && id < int64(len(n.ifaces))
	if size = int(block); ok && size <= len(b) {
		ok = n.u32(b[size-4:]) == block
	}
	return size, 0, ok
}

func (n *ngReader) u16(b []byte) uint16 {
	if n.big {
		return binary.BigEndian.Uint16(b)
	}
	return binary.LittleEndian.Uint16(b)
}

func (n *ngReader) u32(b []byte) uint32 { return order(n.big, binary.LittleEndian.Uint32(b)) }

func (n *ngReader) u64(b []byte) uint64 {
	if n.big {
		return binary.BigEndian.Uint64(b)
	}
	return binary.LittleEndian.Uint64(b)
}

// next walks to the next candidate and leaves it in s.frame.
func (n *ngReader) next(ctx context.Context) error {
	s := n.s
	for {
		n.skim()
		if s.stopped() {
			return errLimit
		}
		typ, size, err := n.header(ctx)
		if err != nil {
			if err == io.EOF {
				return n.end()
			}
			return err
		}
		if n.packets && typ != blockEnhanced {
			return errNoPacket
		}
		found := false
		switch typ {
		case blockEnhanced, blockPacket, blockSimple, blockSection, blockInterface, blockStatistics:
			var b []byte
			if b, err = n.body(ctx, size); err == nil {
				found, err = n.block(typ, b)
			}
			if err == nil {
				s.pos += int(size)
			}
		default:
			err = n.pass(ctx, size)
		}
		if err != nil || found {
			return err
		}
	}
}

// skim passes over packets in the window that are no candidates, until something else comes: that, and all that is
// damaged or out of the ordinary, is left to header and block, which would take three times as long for the rest.
func (n *ngReader) skim() {
	s, limits := n.s, n.s.filter.limits()
	for s.end-s.pos >= 32 {
		b := s.buf[s.pos:s.end]
		size, id, captured := int(n.u32(b[4:])), int(n.u32(b[8:])), int(n.u32(b[20:]))
		if n.u32(b) != blockEnhanced || size < 32 || size > min(len(b), maxBlock) || size%4 != 0 ||
			int(n.u32(b[size-4:])) != size || captured > min(size-32, maxCaptured) || id >= len(n.ifaces) {
			return
		}
		i := &n.ifaces[id]
		if !i.read || i.fcs > 0 || match(i.ifc.LinkType, b[28:28+captured], limits) {
			return
		}
		s.frames++
		s.pos += size
	}
}

// end is the end of the file at the end of a block.
func (n *ngReader) end() error {
	if s := n.s; s.unread > 0 && s.unread == s.frames {
		for _, i := range n.ifaces {
			if !i.read {
				return unreadable(s.name, i.ifc.LinkType)
			}
		}
	}
	return io.EOF
}

// header looks at the type and the length of the block that comes. A section header sets the byte order.
func (n *ngReader) header(ctx context.Context) (typ, size uint32, err error) {
	s := n.s
	if s.end-s.pos < 12 {
		if err := s.need(ctx, 12); err != nil {
			if err == io.EOF && s.pos == s.end {
				return 0, 0, io.EOF
			}
			return 0, 0, s.short(err, s.offset(), "block header", 12)
		}
	}
	b := s.buf[s.pos:s.end]
	typ = n.u32(b)
	if typ == blockSection {
		switch magic := b[8:12]; {
		case binary.LittleEndian.Uint32(magic) == byteOrderMagic:
			n.big = false
		case binary.BigEndian.Uint32(magic) == byteOrderMagic:
			n.big = true
		default:
			return 0, 0, s.damage(s.offset(), "section header with byte-order magic % x", magic)
		}
	}
	if size = n.u32(b[4:]); size < 12 || size%4 != 0 {
		return 0, 0, s.damage(s.offset(), "a block of type %#x claims a length of %d bytes", typ, size)
	}
	return typ, size, nil
}

// body returns the whole block, all size bytes of it. It stays in the window.
func (n *ngReader) body(ctx context.Context, size uint32) ([]byte, error) {
	s := n.s
	if size > maxBlock {
		return nil, s.damage(s.offset(), "a block claims a length of %d bytes; more than %d cannot be", size, maxBlock)
	}
	if s.end-s.pos < int(size) {
		if err := s.need(ctx, int(size)); err != nil {
			return nil, s.short(err, s.offset(), "block", int64(size))
		}
	}
	b := s.buf[s.pos : s.pos+int(size)]
	if last := n.u32(b[size-4:]); last != size {
		return nil, s.damage(s.offset(), "a block's length is %d at its beginning and %d at its end", size, last)
	}
	return b, nil
}

// pass skips a block that is not read, whatever its length.
func (n *ngReader) pass(ctx context.Context, size uint32) error {
	s, at := n.s, n.s.offset()
	err := s.skip(ctx, int64(size)-4)
	if err == nil {
		err = s.need(ctx, 4)
	}
	if err != nil {
		return s.short(err, at, "block", int64(size))
	}
	if last := n.u32(s.buf[s.pos:]); last != size {
		return s.damage(at, "a block's length is %d at its beginning and %d at its end", size, last)
	}
	s.pos += 4
	return nil
}

// block reads one block; found says that it holds the next candidate.
func (n *ngReader) block(typ uint32, b []byte) (found bool, err error) {
	switch typ {
	case blockEnhanced:
		return n.packet(b, 0xffffffff)
	case blockPacket:
		return n.packet(b, 0xffff) // the other half of the field counts drops
	case blockSimple:
		return n.simple(b)
	case blockSection:
		return false, n.section(b)
	case blockInterface:
		return false, n.iface(b)
	}
	n.statistics(b)
	return false, nil
}

// packet reads an Enhanced Packet Block, or the Packet Block before it, whose interface number has 16 bits.
func (n *ngReader) packet(b []byte, mask uint32) (bool, error) {
	s := n.s
	if len(b) < 32 {
		return false, s.damage(s.offset(), "a packet block of %d bytes", len(b))
	}
	id := n.u32(b[8:]) & mask
	if mask == 0xffff {
		id = uint32(n.u16(b[8:]))
	}
	if int64(id) >= int64(len(n.ifaces)) {
		return false, s.damage(s.offset(), "a packet of interface %d; the section describes %d", id, len(n.ifaces))
	}
	captured := n.u32(b[20:])
	if captured > maxCaptured || int(captured) > len(b)-32 {
		return false, s.damage(s.offset(), "a packet claims %d captured bytes in a block of %d", captured, len(b))
	}
	i := &n.ifaces[id]
	if n.packets && !i.read {
		return false, errNoPacket
	}
	s.frames++
	if !i.read {
		s.unread++
		return false, nil
	}
	end := 28 + int(captured)
	if !n.offer(i.ifc, b[28:end:end], int(n.u32(b[24:])), i.fcs) {
		return false, nil
	}
	s.frame.Time = ngTime(i.tsResol, i.tsOffset, uint64(n.u32(b[12:]))<<32|uint64(n.u32(b[16:])))
	for o := b[(end+3)&^3 : len(b)-4]; ; {
		code, value, rest := n.option(o)
		if code == optEnd {
			return true, nil
		}
		if code == optComment && string(value) == offloadComment {
			s.frame.Offload = true
		}
		if code == epbDropCount && len(value) == 8 {
			s.frame.Lost = n.u64(value)
		}
		if code == epbFlags && len(value) == 4 && !n.flags(n.u32(value), i) {
			return false, nil
		}
		o = rest
	}
}

// offer makes data, less the frame check sequence of fcs bytes at its end, the next frame if it is a candidate.
func (n *ngReader) offer(ifc *packet.Interface, data []byte, length, fcs int) bool {
	if fcs > 0 {
		data, length = trim(data, length, fcs)
	}
	if !n.s.filter.Match(ifc.LinkType, data) {
		return false
	}
	n.s.give(ifc, data, length)
	return true
}

// flags applies the flags of a packet: bits 0 and 1 are its direction, bits 5 to 8 the bytes of its own frame check
// sequence. It reports whether the packet is still a candidate.
func (n *ngReader) flags(v uint32, i *ngInterface) bool {
	s := n.s
	if fcs := int(v>>5) & 0xf; fcs > 0 && i.fcs == 0 {
		kept := s.frame
		if !n.offer(i.ifc, s.frame.Data, s.frame.Length, fcs) {
			return false
		}
		kept.Data, kept.Length = s.frame.Data, s.frame.Length
		s.frame = kept
	}
	switch v & 3 {
	case flagsIncoming:
		s.frame.Direction = packet.Incoming
	case flagsOutgoing:
		s.frame.Direction = packet.Outgoing
	}
	return true
}

// simple reads a Simple Packet Block: it is of the section's first interface and has no time.
func (n *ngReader) simple(b []byte) (bool, error) {
	s := n.s
	if len(b) < 16 || len(n.ifaces) == 0 {
		return false, s.damage(s.offset(), "a simple packet block of %d bytes; the section describes %d interfaces",
			len(b), len(n.ifaces))
	}
	i := &n.ifaces[0]
	length := n.u32(b[8:])
	captured := min(length, uint32(len(b)-16))
	if i.snapLen > 0 {
		captured = min(captured, i.snapLen)
	}
	if captured > maxCaptured {
		return false, s.damage(s.offset(), "a packet of %d captured bytes; more than %d cannot be", captured, maxCaptured)
	}
	s.frames++
	if !i.read {
		s.unread++
		return false, nil
	}
	end := 12 + int(captured)
	if !n.offer(i.ifc, b[12:end:end], int(length), i.fcs) {
		return false, nil
	}
	s.frame.Time = ngTime(0, 0, 0)
	return true, nil
}
