package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/google/gopacket"
	"github.com/google/gopacket/layers"
	"github.com/google/gopacket/pcapgo"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

func TestPcap(t *testing.T) {
	fcs := craft.Join(ndFrame, []byte{1, 2, 3, 4})
	modified := func(big bool, kind byte) []byte {
		r := pcapRecord(big, 7, 8, len(ndFrame), ndFrame)
		return craft.Join(pcapHeader(big, magicModified, 1), r[:16], []byte{0, 0, 0, 2, 0x86, 0xdd, kind, 0}, r[16:])
	}
	plain := func(big bool, magic, network uint32, data []byte) []byte {
		return craft.Join(pcapHeader(big, magic, network), pcapRecord(big, 7, 8, len(data), data))
	}
	old := func(minor byte, b []byte, swap bool) []byte {
		b = with(b, 6, minor)
		if swap {
			b = craft.Join(b[:32], b[36:40], b[32:36], b[40:])
		}
		return b
	}
	cut := craft.Join(pcapHeader(false, magicMicro, 1), pcapRecord(false, 7, 8, 1500, ndFrame))
	cutFCS := craft.Join(pcapHeader(false, magicMicro, 0x24000001), pcapRecord(false, 7, 8, len(fcs), fcs[:len(fcs)-1]))
	sll := craft.Join([]byte{0, 4}, make([]byte, 12), []byte{0x86, 0xdd}, ndIP)
	sll2 := craft.Join([]byte{0x86, 0xdd}, make([]byte, 8), []byte{1}, make([]byte, 9), ndIP)
	micro, nano := time.Unix(7, 8000), time.Unix(7, 8)
	const in, out, unknown = packet.Incoming, packet.Outgoing, packet.DirectionUnknown
	tests := []struct {
		name      string
		file      []byte
		lt        packet.LinkType
		time      time.Time
		data      []byte
		length    int
		direction packet.Direction
	}{
		{"micro", plain(false, magicMicro, 1, ndFrame), 1, micro, ndFrame, len(ndFrame), unknown},
		{"micro, big-endian", plain(true, magicMicro, 1, ndFrame), 1, micro, ndFrame, len(ndFrame), unknown},
		{"nano", plain(false, magicNano, 1, ndFrame), 1, nano, ndFrame, len(ndFrame), unknown},
		{"nano, big-endian", plain(true, magicNano, 1, ndFrame), 1, nano, ndFrame, len(ndFrame), unknown},
		{"modified", modified(false, 4), 1, micro, ndFrame, len(ndFrame), out},
		{"modified, big-endian", modified(true, 1), 1, micro, ndFrame, len(ndFrame), in},
		{"raw", plain(false, magicMicro, 101, ndIP), 101, micro, ndIP, len(ndIP), unknown},
		{"raw as 12", plain(false, magicMicro, 12, ndIP), 101, micro, ndIP, len(ndIP), unknown},
		{"raw as 14", plain(false, magicMicro, 14, ndIP), 101, micro, ndIP, len(ndIP), unknown},
		{"ipv6", plain(false, magicMicro, 229, ndIP), 229, micro, ndIP, len(ndIP), unknown},
		{"sll, outgoing", plain(false, magicMicro, 113, sll), 113, micro, sll, len(sll), out},
		{"sll2, incoming", plain(false, magicMicro, 276, sll2), 276, micro, sll2, len(sll2), in},
		{"fcs", plain(false, magicMicro, 0x24000001, fcs), 1, micro, ndFrame, len(ndFrame), unknown},
		{"fcs, big-endian", plain(true, magicMicro, 0x24000001, fcs), 1, micro, ndFrame, len(ndFrame), unknown},
		{"fcs length without its flag", plain(false, magicMicro, 0x20000001, fcs), 1, micro, fcs, len(fcs), unknown},
		{"fcs, partly captured", cutFCS, 1, micro, ndFrame, len(ndFrame), unknown},
		{"cut frame", cut, 1, micro, ndFrame, 1500, unknown},
		{"version 2.2", old(2, cut, true), 1, micro, ndFrame, 1500, unknown},
		{"version 2.3", old(3, cut, false), 1, micro, ndFrame, 1500, unknown},
		{"version 2.3, lengths exchanged", old(3, cut, true), 1, micro, ndFrame, 1500, unknown},
		{"length on the wire below the captured one", craft.Join(pcapHeader(false, magicMicro, 1),
			pcapRecord(false, 7, 8, 1, ndFrame)), 1, micro, ndFrame, len(ndFrame), unknown},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames, stats, err := read(tt.file)
			if err != io.EOF || len(frames) != 1 {
				t.Fatalf("%d frames, %v", len(frames), err)
			}
			f := frames[0]
			if !bytes.Equal(f.Data, tt.data) || f.Length != tt.length {
				t.Errorf("%d bytes of %d, want %d of %d", len(f.Data), f.Length, len(tt.data), tt.length)
			}
			if !f.Time.Equal(tt.time) || f.LinkType != tt.lt || f.Interface.LinkType != tt.lt || f.Direction != tt.direction ||
				f.Number != 1 {
				t.Errorf("got %+v", f)
			}
			if stats.Frames != 1 || stats.Bytes != int64(len(tt.file)) {
				t.Errorf("stats %+v", stats)
			}
		})
	}
}

// TestPcapNumbers sees to it that what is no candidate is counted, and that a candidate bears its own number.
func TestPcapNumbers(t *testing.T) {
	file := pcapHeader(false, magicMicro, 1)
	for i := range 10 {
		data := tcp4
		if i == 3 || i == 8 {
			data = ndFrame
		}
		file = append(file, pcapRecord(false, uint32(i), 0, len(data), data)...)
	}
	file = append(file, pcapRecord(false, 0, 0, 0, nil)...)
	frames, stats, err := read(file)
	if err != io.EOF || len(frames) != 2 || frames[0].Number != 4 || frames[1].Number != 9 || stats.Frames != 11 {
		t.Errorf("%v, %+v, %v", frames, stats, err)
	}
}

func TestPcapErrors(t *testing.T) {
	header, good := pcapHeader(false, magicMicro, 1), pcapRecord(false, 1, 0, len(ndFrame), ndFrame)
	claims := func(n uint32) []byte {
		r := bytes.Clone(good)
		binary.LittleEndian.PutUint32(r[8:], n)
		return craft.Join(header, good, r)
	}
	second := int64(24 + len(good))
	tests := []struct {
		name   string
		file   []byte
		offset int64 // -1: no DamageError
		want   string
	}{
		{"version 1", with(header, 4, 1), -1, "pcap version 1.4 is not read"},
		{"version 543", with(header, 5, 2), -1, "pcap version 514.4 is not read"},
		{"802.11", pcapHeader(false, magicMicro, 105), -1, "link type 105 are not read"},
		{"record of 4 GiB", claims(0xffffffff), second, "claims 4294967295 captured bytes"},
		{"record of 1 MiB + 1", claims(1<<20 + 1), second, "claims 1048577 captured bytes"},
		{"record of 1 MiB", claims(1 << 20), second, "record of 1048592 bytes is cut short"},
		{"record of 2 GiB", claims(1 << 31), second, "claims 2147483648 captured bytes"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			frames, _, err := read(tt.file)
			var damage *DamageError
			if !strings.Contains(fmt.Sprint(err), tt.want) || errors.As(err, &damage) != (tt.offset >= 0) {
				t.Fatalf("%d frames, %v", len(frames), err)
			}
			if damage != nil && (damage.Offset != tt.offset || damage.Frame != 1 || len(frames) != 1) {
				t.Errorf("%+v after %d frames", damage, len(frames))
			}
		})
	}
}

// TestPcapLargest reads a record of the largest size there may be.
func TestPcapLargest(t *testing.T) {
	data := craft.Join(ndFrame, make([]byte, maxCaptured-len(ndFrame)))
	record := pcapRecord(false, 1, 0, len(data), data)
	frames, _, err := read(craft.Join(pcapHeader(false, magicMicro, 1), record, record, record))
	if err != io.EOF || len(frames) != 3 || !bytes.Equal(frames[2].Data, data) {
		t.Errorf("%d frames, %v", len(frames), err)
	}
}

// cutEverywhere reads all beginnings of a file. ends are the offsets behind the records, the first behind the header;
// candidates is the number of candidates before each.
func cutEverywhere(t *testing.T, file []byte, ends []int, frames, candidates []int) {
	t.Helper()
	for n := range len(file) + 1 {
		last := -1
		for i, end := range ends {
			if n >= end {
				last = i
			}
		}
		got, _, err := read(file[:n])
		var damage *DamageError
		switch {
		case last < 0:
			if err == nil || err == io.EOF || len(got) > 0 {
				t.Errorf("%d bytes: %d frames, %v", n, len(got), err)
			}
		case n == ends[last]:
			if err != io.EOF || len(got) != candidates[last] {
				t.Errorf("%d bytes: %d frames, %v", n, len(got), err)
			}
		case !errors.As(err, &damage) || damage.Offset != int64(ends[last]) || damage.Frame != uint64(frames[last]) ||
			len(got) != candidates[last]:
			t.Errorf("%d bytes: %d frames, %v", n, len(got), err)
		}
	}
}

func TestPcapCut(t *testing.T) {
	for _, big := range []bool{false, true} {
		file, ends, candidates := pcapHeader(big, magicMicro, 1), []int{24}, []int{0}
		for i, data := range [][]byte{ndFrame, tcp4, ndFrame, ndFrame[:40]} {
			file = append(file, pcapRecord(big, uint32(i), 0, len(data), data)...)
			ends = append(ends, len(file))
		}
		candidates = append(candidates, 1, 1, 2, 3)
		cutEverywhere(t, file, ends, []int{0, 1, 2, 3, 4}, candidates)
	}
}

// TestPcapAgainstPcapgo reads what pcapgo writes, and has pcapgo read the same.
func TestPcapAgainstPcapgo(t *testing.T) {
	for _, nano := range []bool{false, true} {
		var buf bytes.Buffer
		w := pcapgo.NewWriter(&buf)
		if nano {
			w = pcapgo.NewWriterNanos(&buf)
		}
		if err := w.WriteFileHeader(262144, layers.LinkTypeEthernet); err != nil {
			t.Fatal(err)
		}
		for i, data := range [][]byte{ndFrame, tcp6, vxlan4(8472, ndFrame), tcp4, ndFrame[:30]} {
			ci := gopacket.CaptureInfo{Timestamp: time.Unix(1700000000, int64(i)*123456789), CaptureLength: len(data),
				Length: len(data) + i}
			if err := w.WritePacket(ci, data); err != nil {
				t.Fatal(err)
			}
		}
		r, err := pcapgo.NewReader(bytes.NewReader(buf.Bytes()))
		if err != nil {
			t.Fatal(err)
		}
		frames, _, err := read(buf.Bytes())
		if err != io.EOF {
			t.Fatal(err)
		}
		if n := compare(t, frames, r.ReadPacketData); n != 5 {
			t.Errorf("pcapgo reads %d records", n)
		}
	}
}

// compare compares frames with the candidates among what pcapgo reads, and returns the number of its records.
func compare(t *testing.T, frames []packet.Frame, next func() ([]byte, gopacket.CaptureInfo, error)) int {
	t.Helper()
	n := 0
	for {
		data, ci, err := next()
		if err == io.EOF {
			break
		} else if err != nil {
			t.Fatal(err)
		}
		n++
		if !Match(packet.LinkTypeEthernet, data) {
			continue
		}
		if len(frames) == 0 {
			t.Fatalf("no frame for record %d", n)
		}
		f := frames[0]
		frames = frames[1:]
		if f.Number != uint64(n) || !bytes.Equal(f.Data, data) || !f.Time.Equal(ci.Timestamp) || f.Length != ci.Length {
			t.Errorf("record %d is % x at %v, %d bytes long, and the frame %+v", n, data, ci.Timestamp, ci.Length, f)
		}
	}
	if len(frames) > 0 {
		t.Errorf("%d frames too many", len(frames))
	}
	return n
}
