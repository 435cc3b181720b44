//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"math"
	"os"
	"path"
	"slices"
	"strings"
)

// tree is a file system that is to be: what there is at each path, without the slash before it.
type tree map[string]node

// node is a directory, a symbolic link, or a file whose content is data or that of another file.
type node struct {
	mode fs.FileMode
	data []byte // or the target of a symbolic link
	from string // the file to copy; "" for data
}

// put adds a file, and the directories above it.
func (t tree) put(name string, n node) {
	name = strings.TrimPrefix(path.Clean(name), "/")
	t[name] = n
	for dir := path.Dir(name); dir != "."; dir = path.Dir(dir) {
		if _, ok := t[dir]; ok {
			return
		}
		t[dir] = node{mode: fs.ModeDir | 0o755}
	}
}

func (t tree) dir(name string) { t.put(name, node{mode: fs.ModeDir | 0o755}) }
func (t tree) link(name, target string) {
	t.put(name, node{mode: fs.ModeSymlink | 0o777, data: []byte(target)})
}
func (t tree) text(name, text string) { t.put(name, node{mode: 0o644, data: []byte(text)}) }

// copy adds the file from under a name. Whether it may be executed is kept.
func (t tree) copy(name, from string) error {
	info, err := os.Stat(from)
	if err != nil {
		return err
	}
	if !info.Mode().IsRegular() {
		return fmt.Errorf("%s is not a file", from)
	}
	t.put(name, node{mode: info.Mode().Perm() | 0o444, from: from})
	return nil
}

// write writes the tree as the kernel takes an initrd: a cpio archive in the format newc, directories before what is in
// them, which is the order of the names. All belongs to root.
func (t tree) write(w io.Writer) error {
	c := cpio{w: w}
	for i, name := range slices.Sorted(maps.Keys(t)) {
		if err := c.entry(name, t[name], i+1); err != nil {
			return fmt.Errorf("initrd: %s: %w", name, err)
		}
	}
	return c.end()
}

// cpio writes an archive. The kernel's description of the format is Documentation/driver-api/early-userspace/buffer-format.rst.
type cpio struct{ w io.Writer }

// entry writes one file. Its inode number must be its own, as files of the same would be hard links.
func (c *cpio) entry(name string, n node, inode int) error {
	content, size, err := n.open()
	if err != nil {
		return err
	}
	defer content.Close()
	if err := c.header(name, n.mode, inode, size); err != nil {
		return err
	}
	if written, err := io.Copy(c.w, io.LimitReader(content, size)); err != nil || written != size {
		return errors.Join(fmt.Errorf("%d bytes of %d", written, size), err)
	}
	return c.pad(size)
}

func (n node) open() (io.ReadCloser, int64, error) {
	if n.from == "" {
		return io.NopCloser(strings.NewReader(string(n.data))), int64(len(n.data)), nil
	}
	f, err := os.Open(n.from)
	if err != nil {
		return nil, 0, err
	}
	info, err := f.Stat()
	if err == nil && info.Size() > math.MaxUint32 {
		err = errors.New("longer than 4 GiB")
	}
	if err != nil {
		return nil, 0, errors.Join(err, f.Close())
	}
	return f, info.Size(), nil
}

// header writes the thirteen numbers and the name.
func (c *cpio) header(name string, mode fs.FileMode, inode int, size int64) error {
	const headerLen = 110
	var kind uint32 // the file type as in st_mode
	switch mode.Type() {
	case fs.ModeDir:
		kind = 0o040000
	case fs.ModeSymlink:
		kind = 0o120000
	case 0:
		kind = 0o100000
	default:
		return fmt.Errorf("a file of type %v", mode.Type())
	}
	_, err := fmt.Fprintf(c.w, "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s\x00",
		inode, kind|uint32(mode.Perm()), 0, 0, 1, 0, size, 0, 0, 0, 0, len(name)+1, 0, name)
	if err != nil {
		return err
	}
	return c.pad(int64(headerLen + len(name) + 1))
}

// pad writes the zeros that make what has length n a multiple of four.
func (c *cpio) pad(n int64) error {
	_, err := c.w.Write(make([]byte, -n&3))
	return err
}

func (c *cpio) end() error { return c.header("TRAILER!!!", 0, 0, 0) }
