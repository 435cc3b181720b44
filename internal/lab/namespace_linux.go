package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"
)

// Namespace is a network namespace without a name. Its loopback interface is up.
type Namespace struct {
	file *os.File // the namespace itself
	// keeper runs functions on the one thread that was born into the namespace and that ends with Close: the parent
	// of every process started in it, so that Pdeathsig ends these too.
	keeper chan func()
	closed chan struct{}
	once   sync.Once
}

// New makes an empty namespace.
func New() (*Namespace, error) {
	n := &Namespace{keeper: make(chan func()), closed: make(chan struct{})}
	ready := make(chan error)
	go onThread(func() { n.keep(ready) })
	if err := <-ready; err != nil {
		return nil, fmt.Errorf("network namespace: %w", err)
	}
	if err := n.SetUp("lo"); err != nil {
		n.Close()
		return nil, err
	}
	return n, nil
}

// keep owns the keeper thread, which ends with it.
func (n *Namespace) keep(ready chan<- error) {
	if err := unix.Unshare(unix.CLONE_NEWNET); err != nil {
		ready <- fmt.Errorf("unshare: %w", err)
		return
	}
	var err error
	n.file, err = os.Open("/proc/thread-self/ns/net")
	ready <- err
	if err != nil {
		return
	}
	for {
		select {
		case f := <-n.keeper:
			f()
		case <-n.closed:
			return
		}
	}
}

// Close ends the processes started in the namespace and lets go of it; the kernel removes it, links and all, when
// nobody else holds it.
func (n *Namespace) Close() error {
	var err error
	n.once.Do(func() {
		close(n.closed)
		err = n.file.Close()
	})
	return err
}

// Do runs f on a thread of its own inside the namespace: sockets that f opens, and what it reads below /proc/sys/net,
// belong there. Goroutines that f starts do not run inside.
func (n *Namespace) Do(f func() error) error {
	done := make(chan error, 1)
	go onThread(func() {
		if err := unix.Setns(int(n.file.Fd()), unix.CLONE_NEWNET); err != nil {
			done <- fmt.Errorf("enter the network namespace: %w", err)
			return
		}
		done <- f()
	})
	return <-done
}

// onThread runs f locked to a thread that ends with it. The process's first thread cannot end: it would stay in the last
// namespace that it entered, and /proc/self/net with it, so that it waits for another to do the work.
func onThread(f func()) {
	runtime.LockOSThread()
	if unix.Gettid() != unix.Getpid() {
		f()
		return // still locked
	}
	done := make(chan struct{})
	go func() {
		onThread(f)
		close(done)
	}()
	<-done
	runtime.UnlockOSThread()
}

// Start starts cmd inside the namespace. The process is killed when the namespace is closed or this program ends.
func (n *Namespace) Start(cmd *exec.Cmd) error {
	if cmd.SysProcAttr == nil {
		cmd.SysProcAttr = &syscall.SysProcAttr{}
	}
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	done := make(chan error, 1)
	select {
	case n.keeper <- func() { done <- cmd.Start() }:
		return <-done
	case <-n.closed:
		return errors.New("start in a closed namespace: " + cmd.Path)
	}
}

// Run starts cmd inside the namespace and waits for its end.
func (n *Namespace) Run(cmd *exec.Cmd) error {
	if err := n.Start(cmd); err != nil {
		return err
	}
	return cmd.Wait()
}

// Output runs a program to its end inside the namespace and returns its standard output; the error has its standard
// error.
func (n *Namespace) Output(ctx context.Context, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...)
	var out, diagnostics limitedBuffer
	cmd.Stdout, cmd.Stderr = &out, &diagnostics
	if err := n.Run(cmd); err != nil {
		return out.String(), fmt.Errorf("%s: %w: %s", name, err, diagnostics.String())
	}
	return out.String(), nil
}

// Sysctl writes value to a setting below /proc/sys/net, given as "ipv6/conf/eth0/forwarding": the names of interfaces
// may have dots in them.
func (n *Namespace) Sysctl(name, value string) error {
	return n.Do(func() error {
		if err := os.WriteFile(filepath.Join("/proc/sys/net", name), []byte(value), 0o644); err != nil {
			return fmt.Errorf("sysctl: %w", err)
		}
		return nil
	})
}

// limitedBuffer keeps the first mebibyte written to it, so that a program that does not stop talking harms nobody.
type limitedBuffer struct{ data []byte }

func (b *limitedBuffer) Write(p []byte) (int, error) {
	b.data = append(b.data, p[:min(len(p), 1<<20-len(b.data))]...)
	return len(p), nil
}

func (b *limitedBuffer) String() string { return string(b.data) }
