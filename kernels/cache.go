//go:build linux

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
)

// kernel is one that is unpacked and can be booted.
type kernel struct {
	series  string // "6.1"
	release string // as uname tells it
	dir     string // its package, unpacked
	image   string
}

// cache keeps unpacked kernels, the last of each series, and apt's private lists.
type cache struct {
	dir  string
	lock *os.File
	note func(format string, args ...any)
}

// openCache opens the cache for this process alone.
func openCache(note func(format string, args ...any)) (*cache, error) {
	dir := os.Getenv("V6PROBE_CACHE")
	if dir == "" {
		user, err := os.UserCacheDir()
		if err != nil {
			return nil, fmt.Errorf("%w: V6PROBE_CACHE may name a directory to use instead", err)
		}
		dir = filepath.Join(user, "v6probe")
	}
	dir, err := filepath.Abs(filepath.Join(dir, "kernels"))
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return nil, err
	}
	lock, err := os.OpenFile(filepath.Join(dir, "lock"), os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		lock.Close()
		return nil, fmt.Errorf("%s is in use by another run (V6PROBE_CACHE may name another directory): %w", dir, err)
	}
	return &cache{dir, lock, note}, nil
}

func (c *cache) Close() error { return c.lock.Close() }

// kernel returns the newest kernel of a series that can be had. Where the archive cannot be asked, that is the one of the
// last time. The error is errNoKernel where there is none.
func (c *cache) kernel(ctx context.Context, series string) (kernel, error) {
	k, err := c.fetch(ctx, series)
	if err == nil || ctx.Err() != nil {
		return k, cmp.Or(ctx.Err(), err)
	}
	kept, _ := filepath.Glob(filepath.Join(c.dir, series, "linux-image-*"))
	for _, dir := range kept {
		if k, keptErr := unpacked(series, dir); keptErr == nil {
			c.note("%s: %v; using %s of an earlier run", series, err, k.release)
			return k, nil
		}
	}
	return kernel{}, err
}

// fetch looks for a series in the machine's own archive first.
func (c *cache) fetch(ctx context.Context, series string) (kernel, error) {
	c.note("%s: looking for the newest kernel", series)
	k, err := c.newest(ctx, apt{}, series)
	release, known := releases[series]
	if err == nil || !known || ctx.Err() != nil {
		return k, err
	}
	c.note("%s: not among this machine's packages: reading the lists of %s", series, release)
	lists, err := private(ctx, filepath.Join(c.dir, "apt", release), release)
	if err != nil {
		return kernel{}, err
	}
	return c.newest(ctx, lists, series)
}

// newest unpacks the newest kernel of a series that can be downloaded. Package lists get old: what they name may have left
// the archive.
func (c *cache) newest(ctx context.Context, a apt, series string) (kernel, error) {
	const tries = 4
	names, err := a.search(ctx, series)
	if err != nil {
		return kernel{}, err
	}
	if len(names) == 0 {
		return kernel{}, errNoKernel
	}
	for _, name := range names[:min(len(names), tries)] {
		k, err := c.unpack(ctx, a, series, name)
		if err == nil || ctx.Err() != nil {
			return k, err
		}
		c.note("%s: %v", series, err)
	}
	return kernel{}, fmt.Errorf("%w: none of the newest can be downloaded (apt-get update may help)", errNoKernel)
}

// unpack downloads a kernel unless it is there, and removes the others of its series.
func (c *cache) unpack(ctx context.Context, a apt, series, name string) (kernel, error) {
	file, err := a.file(ctx, name)
	if err != nil {
		return kernel{}, err
	}
	parent := filepath.Join(c.dir, series)
	dir := filepath.Join(parent, strings.TrimSuffix(file, ".deb"))
	if k, err := unpacked(series, dir); err == nil {
		return k, nil
	}
	if err := os.MkdirAll(parent, 0o755); err != nil {
		return kernel{}, err
	}
	temp, err := os.MkdirTemp(parent, ".unpack-")
	if err != nil {
		return kernel{}, err
	}
	defer os.RemoveAll(temp)
	c.note("%s: downloading %s", series, file)
	if _, err := a.run(ctx, temp, "apt-get", "-q", "download", name); err != nil {
		return kernel{}, err
	}
	c.note("%s: unpacking %s", series, file)
	root := filepath.Join(temp, "root")
	if err := runQuietly(ctx, "dpkg-deb", "-x", filepath.Join(temp, file), root); err != nil {
		return kernel{}, err
	}
	if err := prepare(ctx, series, root); err != nil {
		return kernel{}, err
	}
	old, err := filepath.Glob(filepath.Join(parent, "linux-image-*"))
	if err != nil {
		return kernel{}, err
	}
	for _, o := range old {
		if err := os.RemoveAll(o); err != nil {
			return kernel{}, err
		}
	}
	if err := os.Rename(root, dir); err != nil {
		return kernel{}, err
	}
	return unpacked(series, dir)
}

// prepare has the dependencies of the modules written down, as the package's installation would.
func prepare(ctx context.Context, series, root string) error {
	// Newer packages have their modules below /usr.
	for name, target := range map[string]string{"lib": "usr/lib", "usr/lib": "../lib"} {
		at := filepath.Join(root, name)
		if _, err := os.Lstat(at); errors.Is(err, os.ErrNotExist) {
			if err := os.MkdirAll(filepath.Dir(at), 0o755); err != nil {
				return err
			}
			if err := os.Symlink(target, at); err != nil {
				return err
			}
		}
	}
	k, err := unpacked(series, root)
	if err != nil {
		return err
	}
	depmod, err := lookPath("depmod")
	if err != nil {
		return fmt.Errorf("depmod is not installed (Debian: apt-get install kmod): %w", err)
	}
	return runQuietly(ctx, depmod, "-b", root, k.release)
}

// unpacked returns the kernel in a directory.
func unpacked(series, dir string) (kernel, error) {
	images, err := filepath.Glob(filepath.Join(dir, "boot/vmlinuz-*"))
	if err != nil {
		return kernel{}, err
	}
	if len(images) != 1 {
		return kernel{}, fmt.Errorf("%d kernels in %s", len(images), dir)
	}
	release := strings.TrimPrefix(filepath.Base(images[0]), "vmlinuz-")
	return kernel{series, release, dir, images[0]}, nil
}

// runQuietly runs a program; what it says is for the error.
func runQuietly(ctx context.Context, name string, args ...string) error {
	out, err := exec.CommandContext(ctx, name, args...).CombinedOutput()
	if err != nil {
		err = fmt.Errorf("%s: %w: %s", filepath.Base(name), err, strings.Join(lastLines(out, 3), "; "))
	}
	return cmp.Or(ctx.Err(), err)
}
