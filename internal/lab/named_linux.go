package lab

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Inode returns the inode number of the namespace, by which the kernel and its tools know it.
func (n *Namespace) Inode() (uint32, error) {
	var stat unix.Stat_t
	if err := unix.Fstat(int(n.file.Fd()), &stat); err != nil {
		return 0, fmt.Errorf("network namespace: %w", err)
	}
	return uint32(stat.Ino), nil
}

// Bind gives the namespace a name as "ip netns add" does, until unbind. The name keeps the namespace alive.
func (n *Namespace) Bind(name string) (unbind func() error, err error) {
	const dir = "/run/netns"
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, name)
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL, 0)
	if err != nil {
		return nil, err
	}
	remove := func() error {
		err := unix.Unmount(path, unix.MNT_DETACH)
		if err != nil {
			err = fmt.Errorf("unmount %s: %w", path, err)
		}
		return errors.Join(err, os.Remove(path))
	}
	source := fmt.Sprintf("/proc/self/fd/%d", n.file.Fd())
	if err := errors.Join(file.Close(), unix.Mount(source, path, "", unix.MS_BIND, "")); err != nil {
		return nil, errors.Join(fmt.Errorf("mount %s: %w", path, err), os.Remove(path))
	}
	return remove, nil
}

// WaitUp waits until the kernel has noticed that an interface is up and has a carrier, which it does a moment later.
func (n *Namespace) WaitUp(ctx context.Context, name string) error {
	tick := time.NewTicker(time.Millisecond)
	defer tick.Stop()
	for {
		up := false
		err := n.withLink(name, "find", func(l netlink.Link) error {
			up = l.Attrs().OperState == netlink.OperUp
			return nil
		})
		if err != nil || up {
			return err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("wait for %s to be up: %w", name, ctx.Err())
		case <-tick.C:
		}
	}
}
