package counters

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// toolTime is how long a program may take. Rules by the ten thousand take it a second.
const toolTime = 10 * time.Second

// toolError says why a program told nothing.
type toolError struct {
	tool   string
	text   string // its own words, or ours
	hint   string
	absent bool // it is not installed
}

func (e *toolError) Error() string { return e.tool + ": " + e.text }

func (e *toolError) Hint() string { return e.hint }

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
	out, words := &limitedBuffer{max: maxOutput, full: cancel}, &limitedBuffer{max: 4096}
	cmd.Stdout, cmd.Stderr = out, words
	err = cmd.Run()
	switch {
	case out.over:
		return nil, &toolError{tool: name, text: errTooLong.Error() + " of rules: not looked at"}
	case ctx.Err() != nil:
		return nil, ctx.Err()
	case limited.Err() != nil:
		return nil, &toolError{tool: name, text: fmt.Sprintf("no answer within %v", toolTime)}
	case err != nil:
		return nil, failed(name, words.data, err)
	}
	return out.data, nil
}

// failed words the end of a program that did not work.
func failed(name string, said []byte, err error) error {
	text := err.Error()
	for line := range bytes.Lines(said) {
		if line = bytes.TrimSpace(line); len(line) > 0 {
			_, after, ok := strings.Cut(string(line), "): ") // "ip6tables-nft-save v1.8.9 (nf_tables): Could not …"
			if ok && strings.HasPrefix(string(line), name) {
				line = []byte(after)
			}
			text = clean(string(line), maxText)
			break
		}
	}
	e := &toolError{tool: name, text: text}
	if noPermission(said, err) {
		e.hint = permissionHint
	}
	return e
}

const permissionHint = "it needs CAP_NET_ADMIN over this network namespace: run v6probe as root, outside a container" +
	" that lacks it"

// noPermission reports whether a program, or the kernel, says so.
func noPermission(said []byte, err error) bool {
	if errors.Is(err, os.ErrPermission) {
		return true
	}
	for _, words := range []string{"ermission denied", "not permitted", "must be root", "right permissions"} {
		if bytes.Contains(said, []byte(words)) {
			return true
		}
	}
	return false
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
