package capture

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

// mixedFile writes a capture of about size bytes of mixed traffic and returns its name, its size and its frames.
func mixedFile(tb testing.TB, size int64, ng, compressed bool) (string, int64, uint64) {
	tb.Helper()
	name := filepath.Join(tb.TempDir(), "mixed")
	file, err := os.Create(name)
	if err != nil {
		tb.Fatal(err)
	}
	out := io.WriteCloser(file)
	if compressed {
		out = gzip.NewWriter(file)
	}
	count := &countWriter{w: out}
	w := NewWriter(count)
	put := w.Write
	if !ng {
		count.Write(pcapHeader(false, magicNano, 1))
		put = func(f packet.Frame) error {
			_, err := count.Write(pcapRecord(false, uint32(f.Time.Unix()), uint32(f.Time.Nanosecond()), f.Length, f.Data))
			return err
		}
	}
	m := craft.NewMixed(1)
	ifc := &packet.Interface{Name: "eth0", LinkType: packet.LinkTypeEthernet}
	var frames uint64
	for ; count.n < size; frames++ {
		at, data := m.Next()
		f := packet.Frame{Time: time.Unix(1700000000, 0).Add(at), Data: data, Length: len(data), Interface: ifc,
			LinkType: packet.LinkTypeEthernet}
		if err := put(f); err != nil {
			tb.Fatal(err)
		}
	}
	if ng {
		if err := w.Close(Stats{}); err != nil {
			tb.Fatal(err)
		}
	}
	if compressed {
		if err := out.Close(); err != nil {
			tb.Fatal(err)
		}
	}
	if err := file.Close(); err != nil {
		tb.Fatal(err)
	}
	return name, count.n, frames
}

type countWriter struct {
	w io.Writer
	n int64
}

func (c *countWriter) Write(p []byte) (int, error) {
	c.n += int64(len(p))
	return c.w.Write(p)
}

// count reads a file to its end and returns the number of candidates.
func count(tb testing.TB, name string, filter Filter) (candidates int, stats Stats) {
	tb.Helper()
	f, err := OpenFile(name, nil, filter)
	if err != nil {
		tb.Fatal(err)
	}
	defer f.Close()
	for ; ; candidates++ {
		if _, err := f.Next(context.Background()); err == io.EOF {
			return candidates, f.Stats()
		} else if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkFile reads 64 MiB of mixed traffic, opening included. The first one is the mark to hold the others against:
// reading the same file in blocks and doing nothing with it.
func BenchmarkFile(b *testing.B) {
	b.Run("read", func(b *testing.B) {
		name, size, _ := mixedFile(b, 64<<20, false, false)
		b.SetBytes(size)
		for b.Loop() {
			f, err := os.Open(name)
			if err != nil {
				b.Fatal(err)
			}
			buf := make([]byte, 1<<17) // as cat does
			for err == nil {
				_, err = f.Read(buf)
			}
			f.Close()
		}
	})
	for _, bb := range []struct {
		name           string
		ng, compressed bool
		filter         Filter
	}{{name: "pcap"}, {name: "pcapng", ng: true}, {name: "pcap.gz", compressed: true},
		{name: "pcap, large", filter: Filter{Large: true}}, {name: "pcap, tcp", filter: Filter{Large: true, TCP: true}}} {
		b.Run(bb.name, func(b *testing.B) {
			name, size, frames := mixedFile(b, 64<<20, bb.ng, bb.compressed)
			b.SetBytes(size)
			b.ReportAllocs()
			for b.Loop() {
				if _, stats := count(b, name, bb.filter); stats.Frames != frames {
					b.Fatalf("%d frames of %d", stats.Frames, frames)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(frames), "ns/frame")
		})
	}
}
