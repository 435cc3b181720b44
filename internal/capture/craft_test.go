package capture

import (
	"bytes"
	"context"
	"encoding/binary"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// bytesOrder returns the byte order for big.
func byteOrder(big bool) binary.AppendByteOrder {
	if big {
		return binary.BigEndian
	}
	return binary.LittleEndian
}

// pcapHeader returns the header of a pcap file of version 2.4.
func pcapHeader(big bool, magic, network uint32) []byte {
	o := byteOrder(big)
	b := o.AppendUint32(nil, magic)
	b = o.AppendUint16(b, 2)
	b = o.AppendUint16(b, 4)
	for _, v := range []uint32{0, 0, 262144, network} {
		b = o.AppendUint32(b, v)
	}
	return b
}

// pcapRecord returns a record.
func pcapRecord(big bool, sec, frac uint32, length int, data []byte) []byte {
	var b []byte
	for _, v := range []uint32{sec, frac, uint32(len(data)), uint32(length)} {
		b = byteOrder(big).AppendUint32(b, v)
	}
	return append(b, data...)
}

// ng builds pcapng blocks in one byte order.
type ng struct{ big bool }

func (n ng) u16(v uint16) []byte { return byteOrder(n.big).AppendUint16(nil, v) }
func (n ng) u32(v uint32) []byte { return byteOrder(n.big).AppendUint32(nil, v) }
func (n ng) u64(v uint64) []byte { return byteOrder(n.big).AppendUint64(nil, v) }

// pad returns b with zeros up to a multiple of four bytes.
func pad(b []byte) []byte { return append(bytes.Clone(b), make([]byte, -len(b)&3)...) }

func (n ng) option(code uint16, value []byte) []byte {
	return craft.Join(n.u16(code), n.u16(uint16(len(value))), pad(value))
}

func (n ng) block(typ uint32, body ...[]byte) []byte {
	b := pad(craft.Join(body...))
	size := n.u32(uint32(len(b) + 12))
	return craft.Join(n.u32(typ), size, b, size)
}

func (n ng) section() []byte {
	return n.block(blockSection, n.u32(byteOrderMagic), n.u16(1), n.u16(0), n.u64(1<<64-1))
}

func (n ng) iface(linkType uint16, snapLen uint32, options ...[]byte) []byte {
	return n.block(blockInterface, n.u16(linkType), n.u16(0), n.u32(snapLen), craft.Join(options...))
}

func (n ng) enhanced(id uint32, ts uint64, length int, data []byte, options ...[]byte) []byte {
	return n.block(blockEnhanced, n.u32(id), n.u32(uint32(ts>>32)), n.u32(uint32(ts)), n.u32(uint32(len(data))),
		n.u32(uint32(length)), pad(data), craft.Join(options...))
}

// read reads a whole capture through standard input and returns its candidates, and what ended it.
func read(data []byte) ([]packet.Frame, Stats, error) {
	f, err := OpenFile("-", bytes.NewReader(data), Filter{})
	if err != nil {
		return nil, Stats{}, err
	}
	defer f.Close()
	return drain(f)
}

// drain reads src to its end.
func drain(src Source) ([]packet.Frame, Stats, error) {
	var frames []packet.Frame
	for {
		f, err := src.Next(context.Background())
		if err != nil {
			return frames, src.Stats(), err
		}
		f.Data = bytes.Clone(f.Data)
		frames = append(frames, f)
	}
}

// write writes frames with a Writer.
func write(tb testing.TB, frames []packet.Frame, stats Stats) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := NewWriter(&buf)
	for _, f := range frames {
		if err := w.Write(f); err != nil {
			tb.Fatal(err)
		}
	}
	if err := w.Close(stats); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}
