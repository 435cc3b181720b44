//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"time"

	"v6probe/kernels/wire"
)

// machine is a virtual machine to be run once.
type machine struct {
	kernel
	dir     string        // for its files
	initrd  string        // of them
	silence time.Duration // the longest time without a message
	heard   func(wire.Message)
}

func (m *machine) console() string { return filepath.Join(m.dir, m.series+".console") }

// run boots the machine and hears it until it ends. The error says how it died, with the last of what it said on its
// console.
func (m *machine) run(ctx context.Context) error {
	// The thread must live as long as the child, whose end comes with the thread's.
	runtime.LockOSThread()
	defer runtime.UnlockOSThread()
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	cmd := exec.CommandContext(ctx, "qemu-system-x86_64", "-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", "1024",
		"-display", "none", "-no-reboot", "-nodefaults", "-serial", "stdio", "-serial", "file:"+m.console(),
		"-kernel", m.image, "-initrd", m.initrd,
		// The messages have the first line for themselves. A kernel in trouble ends at once.
		"-append", "console=ttyS1 quiet panic=-1 oops=panic mitigations=off")
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	var said bytes.Buffer
	cmd.Stderr = &said
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	ended := m.listen(stdout, func(d time.Duration) *time.Timer {
		return time.AfterFunc(d, func() { cancel(fmt.Errorf("no word for %v", d)) })
	})
	if ended != nil {
		cancel(ended)
	}
	err = cmd.Wait()
	if cause := context.Cause(ctx); cause != nil {
		err = cause
	}
	if err == nil {
		return nil
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	return fmt.Errorf("%w%s", err, m.lastWords(said.Bytes()))
}

// listen hears messages until the last. The watch is started anew with each of them.
func (m *machine) listen(r io.Reader, watch func(time.Duration) *time.Timer) error {
	timer := watch(m.silence)
	defer timer.Stop()
	lines := bufio.NewScanner(r)
	lines.Buffer(nil, wire.MaxLine)
	ended := false
	for lines.Scan() {
		message, ok, err := wire.Parse(lines.Bytes())
		if err != nil {
			return err
		}
		if !ok {
			continue
		}
		timer.Reset(m.silence)
		m.heard(message)
		ended = ended || message.Type == wire.End
	}
	if err := lines.Err(); err != nil && !errors.Is(err, os.ErrClosed) {
		return fmt.Errorf("messages of the machine: %w", err)
	}
	if !ended {
		return errors.New("the machine died")
	}
	return nil
}

// lastWords returns the end of what the console and qemu said, to be shown on a terminal.
func (m *machine) lastWords(qemu []byte) string {
	var b strings.Builder
	tail, err := readTail(m.console(), 64<<10)
	if err != nil {
		fmt.Fprintf(&b, "\n  console: %v", err)
	}
	for _, line := range append(lastLines(tail, 40), lastLines(qemu, 5)...) {
		b.WriteString("\n  | " + line)
	}
	return b.String()
}

// readTail reads the last bytes of a file.
func readTail(name string, limit int64) ([]byte, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		return nil, err
	}
	if _, err := f.Seek(max(0, info.Size()-limit), io.SeekStart); err != nil {
		return nil, err
	}
	return io.ReadAll(io.LimitReader(f, limit))
}
