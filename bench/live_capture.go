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
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// capturer is a program that captures.
type capturer struct {
	name  string
	args  []string
	mark  []byte // of its output: an advertisement of the known router; may be empty
	piped bool   // its output is read; else it is thrown away
	parse func(output []byte, diagnostics string) (account, error)
}

// capturing is a capturer that runs.
type capturing struct {
	*capturer
	cmd    *exec.Cmd
	cancel context.CancelFunc
	ended  sync.WaitGroup // of what it writes
	output scribe
	ready  chan struct{} // closed when it listens, or has ended
	heard  bool          // it listens
	said   bytes.Buffer  // its standard error; after ended
}

const (
	captureTimeout = time.Minute // for all of a run
	captureSettles = 300 * time.Millisecond
)

// begin starts a capturer and waits until it listens.
func (l *liveLab) begin(c *capturer) (*capturing, error) {
	ctx, cancel := context.WithTimeout(context.Background(), captureTimeout)
	// Both programs exec the next, so that the process is that of the capturer.
	wrapped := append([]string{"-c", strconv.Itoa(l.capture), "nice", "-n", "-20"}, c.args...)
	r := &capturing{capturer: c, cancel: cancel, ready: make(chan struct{})}
	r.cmd = exec.CommandContext(ctx, "taskset", wrapped...)
	r.output.mark = c.mark
	stderr, err := r.cmd.StderrPipe()
	if err != nil {
		cancel()
		return nil, err
	}
	var read, write *os.File
	if c.piped {
		if read, write, err = widePipe(); err != nil {
			cancel()
			return nil, err
		}
		r.cmd.Stdout = write
	}
	err = l.receiver.Start(r.cmd)
	if write != nil {
		write.Close()
	}
	if err != nil {
		if read != nil {
			read.Close()
		}
		cancel()
		return nil, fmt.Errorf("%s: %w", c.name, err)
	}
	if read != nil {
		r.ended.Add(1)
		onCPU(l.spare, func() {
			defer r.ended.Done()
			defer read.Close()
			_, _ = io.CopyBuffer(&r.output, struct{ io.Reader }{read}, make([]byte, widePipeSize)) // in such large parts
		})
	}
	r.ended.Go(func() { r.listen(stderr) })
	<-r.ready
	if !r.heard {
		_, err := r.end(os.Kill)
		return nil, fmt.Errorf("%s does not listen: %w", c.name, err)
	}
	// It has said so, or is just about to do it.
	time.Sleep(captureSettles)
	return r, nil
}

// listen reads the standard error to its end.
func (r *capturing) listen(stderr io.Reader) {
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		if !r.heard && strings.Contains(lines.Text(), "listening on") {
			r.heard = true
			close(r.ready)
		}
		if r.said.Len() < 1<<16 {
			fmt.Fprintln(&r.said, lines.Text())
		}
	}
	_, _ = io.Copy(io.Discard, stderr) // after a line too long
	if !r.heard {
		close(r.ready)
	}
}

// widePipeSize is the largest that a pipe may be as a rule.
const widePipeSize = 1 << 20

// widePipe returns a pipe with more room than usual, where that may be had.
func widePipe() (read, write *os.File, err error) {
	if read, write, err = os.Pipe(); err != nil {
		return nil, nil, err
	}
	_, _ = unix.FcntlInt(write.Fd(), unix.F_SETPIPE_SZ, widePipeSize)
	return read, write, nil
}

// captured is what a capturer came to.
type captured struct {
	account
	marks int           // in its output
	cpu   time.Duration // user and system time
	peak  float64       // MiB of resident memory
}

// end ends a capturer by a signal and returns what it came to.
func (r *capturing) end(signal os.Signal) (c captured, err error) {
	defer r.cancel()
	err = r.cmd.Process.Signal(signal)
	r.ended.Wait()
	failed := r.cmd.Wait()
	state := r.cmd.ProcessState
	said := strings.TrimSpace(r.said.String())
	// Exit status 1 of v6probe means findings: no failure of the measurement.
	if err = errors.Join(err, failed); err != nil && (state == nil || state.ExitCode() != 1) {
		return c, fmt.Errorf("%s: %w: %s", r.name, err, said)
	}
	if c.account, err = r.parse(r.output.end, said); err != nil {
		return c, fmt.Errorf("%s: %w", r.name, err)
	}
	c.marks, c.cpu = r.output.marks, state.UserTime()+state.SystemTime()
	if usage, ok := state.SysUsage().(*syscall.Rusage); ok {
		c.peak = float64(usage.Maxrss) / 1024
	}
	return c, nil
}
