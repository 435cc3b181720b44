package capture

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"

	"v6probe/internal/craft"
)

// small returns a pcap file of n records, every other a candidate.
func small(n int) []byte {
	file := pcapHeader(false, magicMicro, 1)
	for i := range n {
		data := ndFrame
		if i%2 == 1 {
			data = tcp4
		}
		file = append(file, pcapRecord(false, uint32(i), 0, len(data), data)...)
	}
	return file
}

func gzipped(tb testing.TB, data []byte) []byte {
	tb.Helper()
	var buf bytes.Buffer
	w := gzip.NewWriter(&buf)
	if _, err := w.Write(data); err != nil {
		tb.Fatal(err)
	}
	if err := w.Close(); err != nil {
		tb.Fatal(err)
	}
	return buf.Bytes()
}

func zstandard(tb testing.TB, data []byte, options ...zstd.EOption) []byte {
	tb.Helper()
	w, err := zstd.NewWriter(nil, append(options, zstd.WithEncoderConcurrency(1))...)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Close()
	return w.EncodeAll(data, nil)
}

// save writes data to a file and returns its name.
func save(tb testing.TB, data []byte) string {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "capture")
	if err := os.WriteFile(name, data, 0o600); err != nil {
		tb.Fatal(err)
	}
	return name
}

func TestOpenFile(t *testing.T) {
	n := ng{}
	pcap := small(10)
	pcapng := craft.Join(n.section(), n.iface(1, 0), bytes.Repeat(n.enhanced(0, 0, 0, ndFrame), 5), bytes.Repeat(n.enhanced(0, 0, 0, tcp4), 5))
	skippable := []byte{0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3}
	tests := []struct {
		name string
		data []byte
		size int // of the stream
	}{
		{"pcap", pcap, len(pcap)},
		{"pcapng", pcapng, len(pcapng)},
		{"pcap.gz", gzipped(t, pcap), len(pcap)},
		{"pcapng.gz", gzipped(t, pcapng), len(pcapng)},
		{"pcap.gz in two members", craft.Join(gzipped(t, pcap[:300]), gzipped(t, pcap[300:])), len(pcap)},
		{"pcap.zst", zstandard(t, pcap), len(pcap)},
		{"pcapng.zst", zstandard(t, pcapng), len(pcapng)},
		{"pcap.zst in two frames", craft.Join(zstandard(t, pcap[:300]), zstandard(t, pcap[300:])), len(pcap)},
		{"pcap.zst behind a skippable frame", craft.Join(skippable, zstandard(t, pcap)), len(pcap)},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := save(t, tt.data)
			file, err := OpenFile(name, nil, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if total := file.Stats().TotalBytes; total != int64(len(tt.data)) {
				t.Errorf("a total of %d bytes", total)
			}
			regular, err := os.Open(name)
			if err != nil {
				t.Fatal(err)
			}
			defer regular.Close()
			redirected, err := OpenFile("-", regular, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			defer redirected.Close()
			piped, err := OpenFile("-", bytes.NewReader(tt.data), Filter{})
			if err != nil {
				t.Fatal(err)
			}
			defer piped.Close()
			for _, f := range []*File{file, redirected, piped} {
				frames, stats, err := drain(f)
				if err != io.EOF || len(frames) != 5 || stats.Frames != 10 || stats.Bytes != int64(len(tt.data)) {
					t.Errorf("%d frames, %+v, %v", len(frames), stats, err)
				}
				if _, err := f.Next(context.Background()); err != io.EOF {
					t.Errorf("after the end: %v", err)
				}
			}
			if piped.Stats().TotalBytes != 0 || redirected.Stats().TotalBytes != int64(len(tt.data)) {
				t.Errorf("totals of %d and %d bytes", piped.Stats().TotalBytes, redirected.Stats().TotalBytes)
			}
		})
	}
}

func TestOpenFileErrors(t *testing.T) {
	pcap := small(2)
	tests := []struct {
		name string
		data []byte
		want string
	}{
		{"empty", nil, "empty file"},
		{"text", []byte("hello, world\n"), "not a capture file: bytes 68 65 6c 6c …; pcap and pcapng are read"},
		{"one byte", []byte{0xd4}, "not a capture file: bytes d4"},
		{"three bytes of a pcap file", pcap[:3], "not a capture file: bytes d4 c3 b2"},
		{"pcap header cut", pcap[:23], "damaged at byte 0, after frame 0: pcap file header of 24 bytes is cut short: 23 are there"},
		{"empty gzip", gzipped(t, nil), "gzip of empty file"},
		{"gzip of text", gzipped(t, []byte("hello")), "not a capture file: gzip of bytes 68 65 6c 6c"},
		{"gzip of gzip", gzipped(t, gzipped(t, pcap)), "gzip of bytes 1f 8b 08"},
		{"gzip header cut", gzipped(t, pcap)[:5], "gzip: the compressed file is cut short"},
		{"gzip of another method", with(gzipped(t, pcap), 2, 9), "gzip: "},
		{"zstd of text", zstandard(t, []byte("hello")), "zstd of bytes 68 65 6c 6c"},
		{"zstd header cut", zstandard(t, pcap)[:5], "zstd: the compressed file is cut short"},
		{"zstd with a window of 16 MiB", []byte{0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x70, 0, 0, 0, 0, 0, 0}, "window would exceed 8 MiB"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			name := save(t, tt.data)
			_, err := OpenFile(name, nil, Filter{})
			if err == nil || !strings.Contains(err.Error(), tt.want) || strings.Count(err.Error(), name) != 1 {
				t.Errorf("regular file: %v", err)
			}
			_, _, err = read(tt.data)
			if err == nil || !strings.Contains(err.Error(), tt.want) || !strings.Contains(err.Error(), "standard input") {
				t.Errorf("standard input: %v", err)
			}
		})
	}
	if _, err := OpenFile(filepath.Join(t.TempDir(), "missing"), nil, Filter{}); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("missing file: %v", err)
	}
	if _, err := OpenFile(t.TempDir(), nil, Filter{}); err == nil || !strings.Contains(err.Error(), "is a directory") {
		t.Errorf("directory: %v", err)
	}
}

// TestCompressedCut cuts compressed files: the frames that can be had come, and then a DamageError.
func TestCompressedCut(t *testing.T) {
	pcap := small(4000)
	for name, data := range map[string][]byte{"gzip": gzipped(t, pcap), "zstd": zstandard(t, pcap)} {
		most := 0
		for n := 20; n < len(data); n += 1 + len(data)/97 {
			frames, stats, err := read(data[:n])
			var damage *DamageError
			if !errors.As(err, &damage) || damage.Reason != name+": the compressed file is cut short" {
				t.Fatalf("%s, %d of %d bytes: %v", name, n, len(data), err)
			}
			if damage.Frame != stats.Frames || len(frames) != int(stats.Frames+1)/2 {
				t.Errorf("%s, %d of %d bytes: %d frames, %+v, %v", name, n, len(data), len(frames), stats, err)
			}
			most = max(most, len(frames))
		}
		if most < 1000 {
			t.Errorf("%s: no more than %d frames before the cut", name, most)
		}
	}
	bad := gzipped(t, pcap)
	bad[len(bad)-5] ^= 1 // in the checksum
	frames, _, err := read(bad)
	if len(frames) != 2000 || err == nil || !strings.Contains(err.Error(), "gzip: invalid checksum") {
		t.Errorf("bad checksum: %d frames, %v", len(frames), err)
	}
}

// TestBomb reads 256 MiB of records out of 1 MiB of gzip, in little memory.
func TestBomb(t *testing.T) {
	if testing.Short() {
		t.Skip("takes seconds")
	}
	record := pcapRecord(false, 0, 0, maxCaptured, make([]byte, maxCaptured))
	var buf bytes.Buffer
	w, err := gzip.NewWriterLevel(&buf, gzip.BestSpeed)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Write(pcapHeader(false, magicMicro, 1)); err != nil {
		t.Fatal(err)
	}
	for range 256 {
		if _, err := w.Write(record); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	var before, after runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&before)
	frames, stats, err := read(buf.Bytes())
	runtime.ReadMemStats(&after)
	if err != io.EOF || len(frames) != 0 || stats.Frames != 256 {
		t.Errorf("%d frames, %+v, %v", len(frames), stats, err)
	}
	if grown := after.TotalAlloc - before.TotalAlloc; grown > 8<<20 {
		t.Errorf("%d bytes were allocated to read %d", grown, buf.Len())
	}
}

// TestContextEnds reads a regular file with a context that has ended: it is looked at with every block.
func TestContextEnds(t *testing.T) {
	f, err := OpenFile(save(t, small(40000)), nil, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	n := 0
	for ; err == nil; n++ {
		_, err = f.Next(ctx)
	}
	if err != context.Canceled || n > 3000 {
		t.Errorf("%v after %d frames", err, n)
	}
	if frames, stats, err := drain(f); err != io.EOF || len(frames) != 20000-(n-1) || stats.Frames != 40000 {
		t.Errorf("%d frames, %+v, %v", len(frames), stats, err)
	}
}

// failing gives data and then err.
type failing struct {
	data []byte
	err  error
}

func (f *failing) Read(p []byte) (int, error) {
	if len(f.data) == 0 {
		return 0, f.err
	}
	n := copy(p, f.data)
	f.data = f.data[n:]
	return n, nil
}

// TestReadError tells a file that cannot be read from a damaged one.
func TestReadError(t *testing.T) {
	broken := errors.New("input/output error")
	for _, data := range [][]byte{small(10), gzipped(t, small(10))} {
		f, err := OpenFile("-", &failing{data[:len(data)/2], broken}, Filter{})
		if err != nil {
			t.Fatal(err)
		}
		_, _, err = drain(f)
		var damage *DamageError
		if !errors.Is(err, broken) || errors.As(err, &damage) || !strings.HasPrefix(fmt.Sprint(err), "read standard input: ") {
			t.Errorf("got %v", err)
		}
	}
	f, err := OpenFile("-", &failing{small(10), nil}, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := drain(f); !errors.Is(err, io.ErrNoProgress) {
		t.Errorf("a reader that gives nothing: %v", err)
	}
}

// TestFileAllocates wants no allocation for a frame, candidate or not.
func TestFileAllocates(t *testing.T) {
	const each = 1000
	n := ng{}
	pcap, pcapng := pcapHeader(false, magicMicro, 1), craft.Join(n.section(), n.iface(1, 0))
	for range 12 * each {
		pcap = append(pcap, pcapRecord(false, 1, 0, 0, tcp4)...)
		pcap = append(pcap, pcapRecord(false, 1, 0, 0, ndFrame)...)
		pcapng = append(pcapng, n.enhanced(0, 1, 0, tcp4)...)
		pcapng = append(pcapng, n.enhanced(0, 1, 0, ndFrame, n.option(epbFlags, n.u32(1)))...)
	}
	for name, data := range map[string][]byte{"pcap": pcap, "pcapng": pcapng} {
		f, err := OpenFile(save(t, data), nil, Filter{})
		if err != nil {
			t.Fatal(err)
		}
		got := testing.AllocsPerRun(10, func() {
			for range each {
				if _, err := f.Next(context.Background()); err != nil {
					t.Fatal(err)
				}
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations for %d frames", name, got, each)
		}
		f.Close()
	}
}

// TestMixed reads the traffic of the benchmarks in every format: all give the same.
func TestMixed(t *testing.T) {
	want := -1
	for _, format := range []struct{ ng, compressed bool }{{false, false}, {true, false}, {false, true}, {true, true}} {
		name, size, frames := mixedFile(t, 4<<20, format.ng, format.compressed)
		got, stats := count(t, name, Filter{})
		if stats.Frames != frames || stats.Bytes != stats.TotalBytes || !format.compressed && stats.Bytes != size {
			t.Errorf("%+v: %+v of %d frames, %d bytes", format, stats, frames, size)
		}
		if format.ng {
			continue // a little larger a frame: fewer of them
		}
		if want >= 0 && got != want || got < int(frames/150) || got > int(frames/50) {
			t.Errorf("%+v: %d candidates, first time %d", format, got, want)
		}
		want = got
	}
}

var _ Source = (*File)(nil)
