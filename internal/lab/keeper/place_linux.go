package keeper

import (
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

const (
	socketName = "socket"
	lockName   = "lock"
	logName    = "log"
)

// ErrNone says that there is no zone.
var ErrNone = errors.New("no zone is up")

// place is the directory of a user's zone.
type place string

// places are where a zone of a user may be; a new one is put at the first.
type places []place

// PlaceVariable is the environment variable that names another directory than the usual one, so that there can be a second zone.
const PlaceVariable = "V6PROBE_LAB_DIR"

// ours returns the places of this user.
func ours() places {
	uid := os.Geteuid()
	fallback := place("/tmp/v6probe-lab-" + strconv.Itoa(uid))
	if dir := os.Getenv(PlaceVariable); filepath.IsAbs(dir) {
		return places{place(dir)}
	}
	runtime := "/run"
	if uid != 0 {
		runtime = os.Getenv("XDG_RUNTIME_DIR")
	}
	if !filepath.IsAbs(runtime) || !isDir(runtime) {
		return places{fallback}
	}
	return places{place(filepath.Join(runtime, "v6probe-lab")), fallback}
}

func isDir(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.IsDir()
}

func (p place) file(name string) string { return filepath.Join(string(p), name) }

// check says whether the directory is there, is this user's, and nobody else's affair. Where it is not there the error is
// fs.ErrNotExist.
func (p place) check() error {
	info, err := os.Lstat(string(p))
	if err != nil {
		return err
	}
	stat, ok := info.Sys().(*syscall.Stat_t)
	switch {
	case !info.IsDir():
		err = fmt.Errorf("%s is no directory", p)
	case !ok || int(stat.Uid) != os.Geteuid():
		err = fmt.Errorf("%s belongs to somebody else", p)
	case info.Mode().Perm()&0o077 != 0:
		err = fmt.Errorf("%s is open to others: its mode is %v", p, info.Mode().Perm())
	}
	if err != nil {
		variable := "XDG_RUNTIME_DIR"
		if os.Getenv(PlaceVariable) == string(p) || os.Geteuid() == 0 {
			variable = PlaceVariable
		}
		return &Error{err.Error(), "remove it, or set " + variable + " to a directory that is yours alone"}
	}
	return nil
}

// make makes the directory if it is not there.
func (p place) make() error {
	if err := os.Mkdir(string(p), 0o700); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return p.check()
}

// lock takes the lock of the place, which its keeper holds for as long as it lives. It fails with errTaken where one does.
func (p place) lock() (*os.File, error) {
	f, err := os.OpenFile(p.file(lockName), os.O_RDWR|os.O_CREATE|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		return nil, err
	}
	if err := unix.Flock(int(f.Fd()), unix.LOCK_EX|unix.LOCK_NB); err != nil {
		f.Close()
		if errors.Is(err, unix.EWOULDBLOCK) {
			return nil, errTaken
		}
		return nil, fmt.Errorf("lock %s: %w", f.Name(), err)
	}
	return f, nil
}

var errTaken = errors.New("a keeper lives here")

// listen listens at the socket of a place whose lock is held: a socket that is there is of a keeper that died.
func (p place) listen() (*net.UnixListener, error) {
	path := p.file(socketName)
	if len(path) >= len(unix.RawSockaddrUnix{}.Path) {
		return nil, fmt.Errorf("%s is too long a name for a socket", path)
	}
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	l, err := net.ListenUnix("unix", &net.UnixAddr{Name: path, Net: "unix"})
	if err != nil {
		return nil, err
	}
	l.SetUnlinkOnClose(false)
	return l, nil
}

// dial connects to the keeper of a place. Where there is none, or one that died, the error is ErrNone.
func (p place) dial() (*net.UnixConn, error) {
	switch err := p.check(); {
	case errors.Is(err, fs.ErrNotExist):
		return nil, ErrNone
	case err != nil:
		return nil, err
	}
	d := net.Dialer{Timeout: 10 * time.Second}
	c, err := d.Dial("unix", p.file(socketName))
	switch {
	case errors.Is(err, fs.ErrNotExist), errors.Is(err, unix.ECONNREFUSED):
		return nil, ErrNone
	case err != nil:
		return nil, err
	}
	conn := c.(*net.UnixConn)
	if err := checkPeer(conn); err != nil {
		conn.Close()
		return nil, err
	}
	return conn, nil
}

// checkPeer says whether the other end of a connection is a process of this user. In a user namespace of one user others are
// the overflow user, and root is.
func checkPeer(c *net.UnixConn) error {
	raw, err := c.SyscallConn()
	if err != nil {
		return err
	}
	var peer *unix.Ucred
	var failed error
	if err := raw.Control(func(fd uintptr) {
		peer, failed = unix.GetsockoptUcred(int(fd), unix.SOL_SOCKET, unix.SO_PEERCRED)
	}); err != nil {
		return err
	}
	if failed != nil {
		return fmt.Errorf("who is at the other end of the socket: %w", failed)
	}
	if int(peer.Uid) != os.Geteuid() {
		return errors.New("the other end of the socket belongs to another user")
	}
	return nil
}

// RootHas reports whether root has, or had, a zone on this machine, whose state others cannot see.
func RootHas() bool { return isDir("/run/v6probe-lab") }
