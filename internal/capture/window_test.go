package capture

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"
)

// TestSmallFileUnpacksToLarge reads a file that has a small window, as it is small itself, and records that need a large one.
func TestSmallFileUnpacksToLarge(t *testing.T) {
	large := pcapHeader(false, 0xa1b2c3d4, 1)
	const all = 40
	for n := range all {
		payload := make([]byte, []int{100, 60 << 10, 900 << 10, 1}[n%4]) // zeros: they pack well
		large = append(large, pcapRecord(false, uint32(n), 0, len(payload), payload)...)
	}
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write(large); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if packed.Len() >= blockSize || len(large) < 4*blockSize {
		t.Fatalf("%d bytes, packed %d: that is no test", len(large), packed.Len())
	}
	path := filepath.Join(t.TempDir(), "it.pcap.gz")
	if err := os.WriteFile(path, packed.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
	f, err := OpenFile(path, nil, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if n := len(f.stream.buf); n >= blockSize {
		t.Errorf("the window of a file of %d bytes begins with %d", packed.Len(), n)
	}
	if _, err := f.Next(t.Context()); err != io.EOF || f.Stats().Frames != all {
		t.Errorf("%d records, %v; want %d", f.Stats().Frames, err, all)
	}
	if n := len(f.stream.buf); n != fullWindow {
		t.Errorf("the window ends with %d bytes, want %d", n, fullWindow)
	}
}

// TestSmallFileHasSmallWindow wants it to stay small to the end, and a file that has grown since to be read on.
func TestSmallFileHasSmallWindow(t *testing.T) {
	path := filepath.Join(t.TempDir(), "it.pcap")
	small := append(pcapHeader(false, 0xa1b2c3d4, 1), pcapRecord(false, 1, 0, 1000, make([]byte, 1000))...)
	if err := os.WriteFile(path, small, 0o644); err != nil {
		t.Fatal(err)
	}
	for _, more := range [][]byte{nil, make([]byte, 900<<10)} {
		f, err := OpenFile(path, nil, Filter{})
		if err != nil {
			t.Fatal(err)
		}
		defer f.Close()
		want := uint64(1)
		if more != nil {
			file, err := os.OpenFile(path, os.O_APPEND|os.O_WRONLY, 0)
			if err != nil {
				t.Fatal(err)
			}
			defer file.Close()
			if _, err := file.Write(pcapRecord(false, 2, 0, len(more), more)); err != nil {
				t.Fatal(err)
			}
			want = 2
		}
		if _, err := f.Next(t.Context()); err != io.EOF || f.Stats().Frames != want {
			t.Errorf("%d records, %v; want %d", f.Stats().Frames, err, want)
		}
		if n := len(f.stream.buf); more == nil && n != pageSize+len(small) {
			t.Errorf("the window of %d bytes is of %d", len(small), n)
		}
	}
}
