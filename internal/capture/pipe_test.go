package capture

import (
	"context"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"v6probe/internal/craft"
)

// TestInterrupt ends the wait for a pipe with a context, twice, and then reads on.
func TestInterrupt(t *testing.T) {
	for name, pcap := range map[string][]byte{"plain": small(2), "compressed": gzipped(t, small(2))} {
		t.Run(name, func(t *testing.T) {
			r, w := io.Pipe()
			defer w.Close()
			f, err := OpenFile("-", r, Filter{})
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			for _, cause := range []error{context.Canceled, context.DeadlineExceeded} {
				ctx, cancel := context.WithCancel(context.Background())
				if cause == context.DeadlineExceeded {
					ctx, cancel = context.WithTimeout(context.Background(), time.Millisecond)
				} else {
					time.AfterFunc(time.Millisecond, cancel)
				}
				if _, err := f.Next(ctx); err != cause {
					t.Fatalf("got %v, want %v", err, cause)
				}
				cancel()
			}
			go func() {
				_, err := w.Write(pcap)
				w.CloseWithError(err)
			}()
			if frames, _, err := drain(f); err != io.EOF || len(frames) != 1 {
				t.Errorf("%d frames, %v", len(frames), err)
			}
		})
	}
}

// TestInterruptHeader interrupts the wait within the header of a file, and then reads on.
func TestInterruptHeader(t *testing.T) {
	n := ng{}
	pcapng := craft.Join(n.section(), n.iface(1, 0), n.enhanced(0, 0, len(ndFrame), ndFrame))
	for name, data := range map[string][]byte{"pcap": small(2), "pcapng": pcapng} {
		r, w := io.Pipe()
		f, err := OpenFile("-", r, Filter{})
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		go func() {
			w.Write(data[:20])
			cancel()
		}()
		if _, err := f.Next(ctx); err != context.Canceled {
			t.Fatalf("%s: %v", name, err)
		}
		go func() {
			w.Write(data[20:])
			w.Close()
		}()
		if frames, _, err := drain(f); err != io.EOF || len(frames) != 1 {
			t.Errorf("%s: %d frames, %v", name, len(frames), err)
		}
		f.Close()
	}
}

// TestLiveStdin gets each frame of a pipe as soon as it is there, and not when a block is full.
func TestLiveStdin(t *testing.T) {
	r, w := io.Pipe()
	f, err := OpenFile("-", r, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	parts := make(chan []byte, 1)
	go func() {
		for b := range parts {
			if _, err := w.Write(b); err != nil {
				return
			}
		}
		w.Close()
	}()
	parts <- pcapHeader(false, magicMicro, 1)
	for i := range uint32(5) {
		parts <- pcapRecord(false, i, 0, len(ndFrame), ndFrame)
		if got, err := f.Next(context.Background()); err != nil || got.Number != uint64(i+1) {
			t.Fatalf("%+v, %v", got, err)
		}
	}
	close(parts)
	if _, err := f.Next(context.Background()); err != io.EOF {
		t.Error(err)
	}
}

// TestNamedPipe ends the wait for somebody to write into a named pipe, and then reads what was written.
func TestNamedPipe(t *testing.T) {
	name := filepath.Join(t.TempDir(), "pipe")
	if out, err := exec.Command("mkfifo", name).CombinedOutput(); err != nil {
		t.Skipf("mkfifo: %v: %s", err, out) // Windows
	}
	f, err := OpenFile(name, nil, Filter{})
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := f.Next(ctx); err != context.Canceled {
		t.Fatalf("got %v, want %v", err, context.Canceled)
	}
	go os.WriteFile(name, small(2), 0)
	if frames, _, err := drain(f); err != io.EOF || len(frames) != 1 {
		t.Errorf("%d frames, %v", len(frames), err)
	}
}
