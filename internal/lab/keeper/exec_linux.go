package keeper

import (
	"errors"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// grace is how long a command has to end when its client has gone.
const grace = 5 * time.Second

// exec runs a command in a node with the client's three files and hands on the client's signals, until it ends. A client
// that goes takes it along.
func (s *server) exec(c *net.UnixConn, r *request, files []*os.File) reply {
	z, _ := s.now()
	switch {
	case z == nil:
		return failure(errBuilding())
	case len(files) != 3 || r.Command == nil || len(r.Command.Args) == 0:
		return failure(errors.New("the request to run a command lacks its files or its name"))
	case !slices.Contains(z.Nodes(), r.Node):
		return failure(&Error{"there is no node \"" + r.Node + "\"", "nodes: " + strings.Join(z.Nodes(), ", ")})
	}
	cmd := &exec.Cmd{
		Path: string(r.Command.Path), Args: fromRaw(r.Command.Args), Dir: string(r.Command.Dir),
		Env:   s.environment(r.Node, fromRaw(r.Command.Env)),
		Stdin: files[0], Stdout: files[1], Stderr: files[2],
		// The client's terminal sends its signals to the client, which hands them on: to all of a group.
		SysProcAttr: &syscall.SysProcAttr{Setpgid: true},
	}
	if info, err := os.Stat(cmd.Dir); err != nil || !info.IsDir() {
		cmd.Dir = "/" // the client's may be out of sight from here
	}
	if !filepath.IsAbs(cmd.Path) {
		return failure(errors.New("the command's path is not absolute: " + cmd.Path))
	}
	if err := z.Start(r.Node, cmd); err != nil {
		return failure(err)
	}
	closeAll(files) // so that a pipe ends when the command does
	p := &started{pid: cmd.Process.Pid}
	go p.heed(c)
	p.await()
	_ = cmd.Wait() // the exit code says all
	return reply{Last: true, Code: exitCode(cmd.ProcessState)}
}

// environment returns the client's, with the binary that v6probe lab keeps in PATH and the node's name.
func (s *server) environment(node string, client []string) []string {
	env := make([]string, 0, len(client)+2)
	path := os.Getenv("PATH")
	for _, e := range client {
		if value, ok := strings.CutPrefix(e, "PATH="); ok {
			path = value
			continue
		}
		env = append(env, e)
	}
	if s.path != "" {
		path = s.path + ":" + path
	}
	return append(env, "PATH="+path, NodeVariable+"="+node)
}

// NodeVariable is the environment variable that has the name of the node for what runs in one.
const NodeVariable = "V6PROBE_LAB_NODE"

// exitCode returns the exit code of a process as a shell has it: 128 and the signal's number for one that was killed.
func exitCode(state *os.ProcessState) int {
	if status, ok := state.Sys().(syscall.WaitStatus); ok && status.Signaled() {
		return 128 + int(status.Signal())
	}
	return state.ExitCode()
}

// started is a process that was started, the first of its group.
type started struct {
	pid int

	mu    sync.Mutex
	ended bool // the number may be another's soon
}

// await waits for the end of the process and leaves it to be waited for.
func (p *started) await() {
	for {
		err := unix.Waitid(unix.P_PID, p.pid, nil, unix.WEXITED|unix.WNOWAIT, nil)
		if err != unix.EINTR {
			break
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ended = true
}

// signal sends a signal to the group, and reports whether the process is still there.
func (p *started) signal(s syscall.Signal) bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.ended {
		_ = syscall.Kill(-p.pid, s)
	}
	return !p.ended
}

// heed hands on the signals that a client sends, until it goes.
func (p *started) heed(c *net.UnixConn) {
	for {
		var r request
		if err := readMessage(c, &r); err != nil || r.Do != doSignal {
			break
		}
		if s := syscall.Signal(r.Signal); slices.Contains(forwarded(), os.Signal(s)) {
			p.signal(s)
		}
	}
	if p.signal(syscall.SIGHUP) {
		time.AfterFunc(grace, func() { p.signal(syscall.SIGKILL) })
	}
}

// forwarded are the signals that a client hands on.
func forwarded() []os.Signal {
	return []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGQUIT, syscall.SIGHUP, syscall.SIGWINCH}
}
