package capture

import (
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/bits"
	"time"

	"v6probe/internal/packet"
)

// The first four bytes of a pcap file, in the byte order of the machine that wrote it.
const (
	magicMicro    = 0xa1b2c3d4
	magicNano     = 0xa1b23c4d
	magicModified = 0xa1b2cd34 // microseconds, with the interface and the direction in a longer record header
)

// pcapReader reads the records of a pcap file (draft-ietf-opsawg-pcap).
type pcapReader struct {
	s        *stream
	ifc      *packet.Interface
	big      bool
	unit     int64 // nanoseconds
	header   int   // bytes of a record header
	fcs      int   // bytes of a frame check sequence at the end of each frame
	oldOrder bool  // before version 2.3 the two lengths of a record stood the other way round
	version3 bool  // and in 2.3 it depended on the writer
}

// pcapMagic recognises the first four bytes of a pcap file.
func pcapMagic(b []byte) (magic uint32, big, ok bool) {
	for _, big := range []bool{false, true} {
		switch m := order(big, binary.LittleEndian.Uint32(b)); m {
		case magicMicro, magicNano, magicModified:
			return m, big, true
		}
	}
	return 0, false, false
}

// order turns what was read as little-endian around if it is big-endian.
func order(big bool, v uint32) uint32 {
	if big {
		return bits.ReverseBytes32(v)
	}
	return v
}

// newPcapReader reads the file header.
func newPcapReader(ctx context.Context, s *stream) (*pcapReader, error) {
	if err := s.need(ctx, 24); err != nil {
		return nil, s.short(err, 0, "pcap file header", 24)
	}
	b := s.buf[s.pos:s.end]
	magic, big, _ := pcapMagic(b)
	p := &pcapReader{s: s, big: big, unit: 1000, header: 16}
	if magic == magicNano {
		p.unit = 1
	}
	if magic == magicModified {
		p.header = 24
	}
	version := p.u32(b[4:])
	major, minor := version&0xffff, version>>16
	if big {
		major, minor = minor, major
	}
	if major != 2 {
		return nil, fmt.Errorf("%s: pcap version %d.%d is not read, only 2.x", s.name, major, minor)
	}
	p.oldOrder, p.version3 = minor < 3, minor == 3
	network := p.u32(b[20:])
	if network&0x04000000 != 0 {
		p.fcs = 2 * int(network>>28)
	}
	p.ifc = &packet.Interface{LinkType: linkType(uint16(network))}
	if !readable(p.ifc.LinkType) {
		return nil, unreadable(s.name, p.ifc.LinkType)
	}
	s.pos += 24
	return p, nil
}

// fork implements records.
func (p *pcapReader) fork(s *stream) records {
	q := *p
	q.s = s
	return &q
}

// look implements records.
func (p *pcapReader) look(b []byte) (size int, sec uint32, ok bool) {
	captured, length := p.lengths(b)
	ok = 0 < captured && captured <= maxCaptured && captured <= length && length < 1<<24 &&
		int64(p.u32(b[4:]))*p.unit < 1e9
	return p.header + int(captured), p.u32(b), ok
}

// lengths returns those in a record header.
func (p *pcapReader) lengths(h []byte) (captured, length uint32) {
	captured, length = p.u32(h[8:]), p.u32(h[12:])
	if p.oldOrder || p.version3 && captured > length {
		captured, length = length, captured
	}
	return captured, length
}

func (p *pcapReader) u32(b []byte) uint32 { return order(p.big, binary.LittleEndian.Uint32(b)) }

// next walks to the next candidate and leaves it in s.frame.
func (p *pcapReader) next(ctx context.Context) error {
	s := p.s
	for {
		p.skim()
		if s.stopped() {
			return errLimit
		}
		if s.end-s.pos < p.header {
			if err := s.need(ctx, p.header); err == io.EOF && s.pos == s.end {
				return io.EOF
			} else if err != nil {
				return s.short(err, s.offset(), "record header", int64(p.header))
			}
		}
		h := s.buf[s.pos:s.end]
		captured, length := p.lengths(h)
		if captured > maxCaptured {
			return s.damage(s.offset(), "a record claims %d captured bytes; more than %d cannot be", captured, maxCaptured)
		}
		size := p.header + int(captured)
		if len(h) < size {
			if err := s.need(ctx, size); err != nil {
				return s.short(err, s.offset(), "record", int64(size))
			}
			h = s.buf[s.pos:s.end]
		}
		s.pos += size
		s.frames++
		data, wire := h[p.header:size:size], int(length)
		if p.fcs > 0 {
			data, wire = trim(data, wire, p.fcs)
		}
		if !s.filter.Match(p.ifc.LinkType, data) {
			continue
		}
		s.give(p.ifc, data, wire)
		s.frame.Time = time.Unix(int64(p.u32(h)), int64(p.u32(h[4:]))*p.unit).UTC()
		if p.header == 24 {
			s.frame.Direction = packetType(h[22])
		}
		return nil
	}
}

// skim passes over records in the window that are no candidates, until something else comes. What is damaged or out of
// the ordinary is left to next, which would take longer for the rest.
func (p *pcapReader) skim() {
	if p.fcs > 0 || p.oldOrder || p.version3 {
		return
	}
	s, header, lt, limits := p.s, p.header, p.ifc.LinkType, p.s.filter.limits()
	b := s.buf[s.pos:s.end]
	for len(b) >= header {
		captured := int(p.u32(b[8:]))
		if captured > min(len(b)-header, maxCaptured) || match(lt, b[header:header+captured], limits) {
			break
		}
		s.frames++
		b = b[header+captured:]
	}
	s.pos = s.end - len(b)
}
