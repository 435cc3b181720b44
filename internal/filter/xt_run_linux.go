package filter

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"
)

const (
	toolTime  = 10 * time.Second // how long a program may take; rules by the ten thousand take it a second
	maxOutput = 64 << 20         // bytes that one may print
)

// toolError says why a program told nothing.
type toolError struct {
	tool, text string
	absent     bool // it is not installed
}

func (e *toolError) Error() string { return e.tool + ": " + e.text }

func missing(err error) bool {
	t, ok := err.(*toolError)
	return ok && t.absent
}

// findTool looks where programs for root are first: these places are not in every user's PATH.
func findTool(name string) (string, error) {
	for _, dir := range []string{"/usr/sbin", "/sbin", "/usr/bin", "/bin", "/usr/local/sbin"} {
		path := filepath.Join(dir, name)
		if i, err := os.Stat(path); err == nil && i.Mode().IsRegular() && i.Mode()&0o111 != 0 {
			return path, nil
		}
	}
	return exec.LookPath(name)
}

// run returns what a program prints. It runs in the network namespace of the calling thread.
func run(ctx context.Context, name string, args ...string) ([]byte, error) {
	path, err := findTool(name)
	if err != nil {
		return nil, &toolError{tool: name, text: "not installed", absent: true}
	}
	limited, cancel := context.WithTimeout(ctx, toolTime)
	defer cancel()
	cmd := exec.CommandContext(limited, path, args...)
	cmd.Env = append(os.Environ(), "LC_ALL=C")
	cmd.WaitDelay = time.Second // for what it started and that holds the pipe
	out, said := &limitedBuffer{max: maxOutput, full: cancel}, &limitedBuffer{max: 4096}
	cmd.Stdout, cmd.Stderr = out, said
	err = cmd.Run()
	switch {
	case out.over:
		return nil, &toolError{tool: name, text: fmt.Sprintf("prints more than %d MiB", maxOutput>>20)}
	case ctx.Err() != nil:
		return nil, &toolError{tool: name, text: ctx.Err().Error()}
	case limited.Err() != nil:
		return nil, &toolError{tool: name, text: fmt.Sprintf("no answer within %v", toolTime)}
	case err == nil:
		return out.data, nil
	}
	text := err.Error()
	for line := range bytes.Lines(said.data) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			text = clean(string(line))
			break
		}
	}
	return nil, &toolError{tool: name, text: text}
}

// limitedBuffer keeps what is written to it, up to max bytes. Then it calls full, if there is one, and takes the rest for
// nothing.
type limitedBuffer struct {
	data []byte
	max  int
	full func()
	over bool
}

func (b *limitedBuffer) Write(p []byte) (int, error) {
	room := b.max - len(b.data)
	b.data = append(b.data, p[:min(len(p), room)]...)
	if len(p) > room {
		if !b.over && b.full != nil {
			b.full()
		}
		b.over = true
	}
	return len(p), nil
}
