package keeper

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// The files that a keeper is started with, after the usual three.
const (
	dirFile = 3 + iota
	lockFile
	socketFile
	reportFile // what becomes of the building, as replies
)

// Options say what a zone is to be like.
type Options struct {
	Underlay6 bool     `json:"underlay6,omitempty"` // the VXLAN of the hosts goes over IPv6
	Faults    []string `json:"faults,omitempty"`    // scenarios that are on from the beginning
}

// ErrUp says that there is a zone already.
var ErrUp = errors.New("a zone is up already")

// Up starts program, whose arguments begin with its name, in the background with one argument more, for Keep, and returns
// when the zone is up. progress is told what is being done. It fails with ErrUp where this user has a zone.
func Up(ctx context.Context, program *exec.Cmd, o Options, progress func(string)) error {
	files, err := ours().claim()
	defer closeAll(files)
	if err != nil {
		return err
	}
	options, err := json.Marshal(o)
	if err != nil {
		return err
	}
	report, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer report.Close()
	// Its log has what only a fault of the program itself writes.
	log, err := os.OpenFile(files[0].Name()+"/"+logName, os.O_WRONLY|os.O_CREATE|os.O_TRUNC|unix.O_NOFOLLOW, 0o600)
	if err != nil {
		w.Close()
		return err
	}
	defer log.Close()
	cmd := &exec.Cmd{
		Path: program.Path, Args: append(program.Args, string(options)), Dir: "/", Env: sensible(os.Environ()),
		Stdout: log, Stderr: log, ExtraFiles: append(files, w), SysProcAttr: isolation(),
	}
	cmd.SysProcAttr.Setsid = true
	err = cmd.Start()
	w.Close()
	if err != nil {
		return Explain(err)
	}
	// A keeper that is interrupted while it builds takes down what there is.
	stop := context.AfterFunc(ctx, func() { cmd.Process.Signal(syscall.SIGTERM) })
	defer stop()
	if err := follow(report, progress); err != nil {
		_ = cmd.Wait()
		if ctx.Err() != nil {
			return &Error{"interrupted: the zone is gone again", ""}
		}
		if errors.Is(err, io.EOF) {
			err = fmt.Errorf("the zone's keeper ended (%v), and says why in %s", cmd.ProcessState, log.Name())
		}
		return err
	}
	return cmd.Process.Release()
}

// claim takes the first place for a zone and returns its directory, its lock and its socket.
func (all places) claim() ([]*os.File, error) {
	for _, p := range all[1:] {
		if c, err := p.dial(); err == nil {
			c.Close()
			return nil, ErrUp
		}
	}
	p := all[0]
	if err := p.make(); err != nil {
		return nil, err
	}
	dir, err := os.Open(string(p))
	if err != nil {
		return nil, err
	}
	files := []*os.File{dir}
	lock, err := p.lock()
	if errors.Is(err, errTaken) {
		return files, ErrUp
	}
	if err != nil {
		return files, err
	}
	files = append(files, lock)
	l, err := p.listen()
	if err != nil {
		return files, err
	}
	defer l.Close()
	socket, err := l.File()
	if err != nil {
		return files, err
	}
	return append(files, socket), nil
}

// follow tells the progress until the zone is up.
func follow(report io.Reader, progress func(string)) error {
	for {
		var r reply
		if err := readMessage(report, &r); err != nil {
			return err
		}
		if r.Last {
			return r.err()
		}
		if r.Progress != "" {
			progress(r.Progress)
		}
	}
}

// isolation puts a process into a mount namespace of its own, and where this is not root into a user namespace, in which it is.
func isolation() *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWNS}
	if os.Geteuid() != 0 {
		attr.Cloneflags |= syscall.CLONE_NEWUSER | syscall.CLONE_NEWNET
		attr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}}
		attr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}}
	}
	return attr
}

// Isolate has cmd start as a process that can build a zone, which calls Settle first, and that ends with this thread.
func Isolate(cmd *exec.Cmd) {
	cmd.SysProcAttr = isolation()
	cmd.SysProcAttr.Pdeathsig = syscall.SIGKILL
	cmd.Env = sensible(os.Environ())
}

// Explain says of an error that a zone takes more rights than there are, where it is about that.
func Explain(err error) error {
	refused := func(e error) bool { return errors.Is(err, e) }
	if !slices.ContainsFunc([]error{unix.EPERM, unix.ENOSPC, unix.EACCES, unix.ENOSYS}, refused) {
		return err
	}
	return &Error{"this machine does not let us build a zone: " + err.Error(), namespaceHint()}
}

func namespaceHint() string {
	if os.Geteuid() == 0 {
		return "it needs the capabilities cap_sys_admin and cap_net_admin, which a container may lack"
	}
	return "run it as root, with sudo; or allow user namespaces: sysctl user.max_user_namespaces, " +
		"kernel.unprivileged_userns_clone, kernel.apparmor_restrict_unprivileged_userns"
}

// sensible returns an environment in which the programs of an administrator are found.
func sensible(env []string) []string {
	path := ""
	var rest []string
	for _, e := range env {
		name, value, _ := strings.Cut(e, "=")
		switch {
		case name == "PATH":
			path = value
		case name == "TMPDIR" && strings.HasPrefix(value, "/run/"): // what is there is out of sight
		default:
			rest = append(rest, e)
		}
	}
	return append(rest, "PATH="+WithAdminPrograms(path))
}

// WithAdminPrograms returns a PATH that has the directories of ip, nft and radvd too, which that of a user lacks on Debian.
func WithAdminPrograms(path string) string {
	if path == "" {
		path = "/usr/local/bin:/usr/bin:/bin"
	}
	parts := strings.Split(path, ":")
	for _, dir := range []string{"/usr/local/sbin", "/usr/sbin", "/sbin"} {
		if !slices.Contains(parts, dir) {
			parts = append(parts, dir)
		}
	}
	return strings.Join(parts, ":")
}

// listener returns the listener of a file.
func listener(f *os.File) (*net.UnixListener, error) {
	l, err := net.FileListener(f)
	if err != nil {
		return nil, err
	}
	u, ok := l.(*net.UnixListener)
	if !ok {
		return nil, errors.Join(errors.New("it is no unix socket"), l.Close())
	}
	u.SetUnlinkOnClose(false)
	return u, nil
}
