package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// builder builds a zone with what is said, and returns how to end it.
type builder func(ctx context.Context, o Options, log func(string)) (z zone, end func() error, err error)

// Keep is what the program runs that Up starts, with the argument that it is given: it builds the zone and keeps it until ctx
// ends or its user wants no more of it.
func Keep(ctx context.Context, argument string) error {
	k, err := inherit()
	if err != nil {
		return fmt.Errorf("this is for v6probe lab up to call: %w", err)
	}
	var o Options
	if err := json.Unmarshal([]byte(argument), &o); err != nil {
		return err
	}
	path, err := Settle()
	if err != nil {
		err = Explain(err)
		_ = writeMessage(k.report, failure(err))
		return err
	}
	return k.keep(ctx, path, o, buildCloud)
}

// keeper has the files that it was started with.
type keeper struct {
	dir, lock, socket, report *os.File
}

// inherit takes them over.
func inherit() (*keeper, error) {
	files := make([]*os.File, 0, 4)
	for fd := dirFile; fd <= reportFile; fd++ {
		// What is started in the zone must not have them.
		if _, err := unix.FcntlInt(uintptr(fd), unix.F_SETFD, unix.FD_CLOEXEC); err != nil {
			return nil, fmt.Errorf("file %d: %w", fd, err)
		}
		files = append(files, os.NewFile(uintptr(fd), "inherited"))
	}
	return &keeper{files[0], files[1], files[2], files[3]}, nil
}

// keep builds a zone, serves it, and ends it.
func (k *keeper) keep(ctx context.Context, path string, o Options, build builder) error {
	l, err := listener(k.socket)
	k.socket.Close()
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	gone := make(chan struct{})
	s := &server{path: path, status: Status{PID: os.Getpid(), Since: time.Now(), Building: true}}
	s.down = func() {
		cancel()
		<-gone
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		if s.serve(ctx, l) != nil {
			cancel() // a zone that nobody can reach is of no use
		}
	})
	z, end, err := build(ctx, o, func(text string) { _ = writeMessage(k.report, reply{Progress: text}) })
	last := reply{Last: true}
	if err != nil {
		last = failure(err)
	} else {
		s.built(z, o.Faults)
	}
	_ = writeMessage(k.report, last) // who started this may have gone
	k.report.Close()
	if err == nil {
		<-ctx.Done()
		s.changing.Lock() // for good
		err = end()
	}
	_ = unix.Unlinkat(int(k.dir.Fd()), socketName, 0)
	_ = unix.Flock(int(k.lock.Fd()), unix.LOCK_UN)
	close(gone)
	l.Close()
	serving.Wait()
	s.wait(grace)
	return err
}

// Settle makes the mount namespace that this process was started in its own: with a /run that has nothing of the host's, so
// that nobody takes the host's daemons for a node's and filters can lock their file; and with this binary in a directory,
// which it returns, for the PATH of what is started.
func Settle() (path string, err error) {
	if err := unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, ""); err != nil {
		return "", fmt.Errorf("mount namespace: %w", err)
	}
	if !isDir("/run") {
		return "", nil
	}
	if err := unix.Mount("tmpfs", "/run", "tmpfs", unix.MS_NOSUID|unix.MS_NODEV, "mode=755,size=16m"); err != nil {
		return "", fmt.Errorf("mount /run: %w", err)
	}
	self, err := os.Executable()
	if err != nil {
		return "", err
	}
	const bin = "/run/v6probe/bin"
	return bin, errors.Join(os.MkdirAll(bin, 0o755), os.Symlink(self, filepath.Join(bin, "v6probe")))
}

// killStrays kills the processes in the network namespaces with these inode numbers: what a command left in the background,
// which would keep its namespace.
func killStrays(inodes map[uint64]bool) {
	for range 10 { // one may be starting another
		if !killOnce(inodes) {
			return
		}
	}
}

func killOnce(inodes map[uint64]bool) (killed bool) {
	dirs, err := filepath.Glob("/proc/[0-9]*")
	if err != nil {
		return false
	}
	for _, dir := range dirs {
		var stat unix.Stat_t
		if unix.Stat(filepath.Join(dir, "ns/net"), &stat) != nil || !inodes[stat.Ino] {
			continue
		}
		pid := 0
		if _, err := fmt.Sscanf(filepath.Base(dir), "%d", &pid); err == nil && pid > 1 && pid != os.Getpid() {
			killed = syscall.Kill(pid, syscall.SIGKILL) == nil || killed
		}
	}
	return killed
}
