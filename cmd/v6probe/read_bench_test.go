package main

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
)

// BenchmarkRead runs the commands on large captures, as a user would. make profile has the compiler learn from it.
func BenchmarkRead(b *testing.B) {
	dir := b.TempDir()
	capture := func(name string, size int, next func() (time.Duration, []byte)) string {
		file := craft.PcapHeader()
		begin := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		for len(file) < size {
			after, data := next()
			file = craft.AppendPcapRecord(file, begin.Add(after), data)
		}
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, file, 0o666); err != nil {
			b.Fatal(err)
		}
		return name
	}
	captures := []string{
		capture("mixed.pcap", 64<<20, craft.NewMixed(1).Next),
		capture("neighbors.pcap", 32<<20, craft.NewNeighbors(1).Next),
		capture("strangers.pcap", 8<<20, craft.NewStrangers(1).Next),
	}
	for _, name := range captures {
		size, err := os.Stat(name)
		if err != nil {
			b.Fatal(err)
		}
		for _, command := range []string{"ra", "ra --json", "nd", "nd --json"} {
			b.Run(fmt.Sprintf("%s/%s", filepath.Base(name), command), func(b *testing.B) {
				b.SetBytes(size.Size())
				for b.Loop() {
					args := append(strings.Fields(command), "-r", name)
					if code := execute(b.Context(), args, streams{in: strings.NewReader(""), out: io.Discard, err: io.Discard}); code > 1 {
						b.Fatalf("%v: exit code %d", args, code)
					}
				}
			})
		}
	}
}
