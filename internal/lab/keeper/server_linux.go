package keeper

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sys/unix"
)

const (
	maxClients  = 64
	requestTime = 10 * time.Second // in which a client must have said what it wants
	faultTime   = 2 * time.Minute  // in which a fault must be on
)

// zone is what a keeper keeps.
type zone interface {
	Nodes() []string
	// Start starts a command in a node of Nodes.
	Start(node string, cmd *exec.Cmd) error
	// Fault switches a scenario on, Heal switches it off again. A name that is none is an error.
	Fault(ctx context.Context, scenario string) error
	Heal(ctx context.Context, scenario string) error
	Files() string
}

// server does what clients ask for. It serves while the zone is built, to say so.
type server struct {
	path string // is put before PATH of what is started
	down func() // is called when a client wants the zone to end, and returns when it has

	clients  sync.WaitGroup
	changing sync.Mutex // held while a fault is switched on or off, or the zone ends

	mu     sync.Mutex
	zone   zone // nil while it is built
	status Status
}

// built has the server serve z, which has these faults from its beginning.
func (s *server) built(z zone, faults []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.zone = z
	s.status.Building = false
	s.status.Nodes, s.status.Files = z.Nodes(), z.Files()
	s.status.Faults = slices.Clone(faults)
}

func (s *server) now() (zone, Status) {
	s.mu.Lock()
	defer s.mu.Unlock()
	st := s.status
	st.Faults = slices.Clone(st.Faults)
	return s.zone, st
}

// serve takes clients until l is closed. ctx is of what they ask for.
func (s *server) serve(ctx context.Context, l *net.UnixListener) error {
	slots := make(chan struct{}, maxClients)
	for {
		c, err := l.AcceptUnix()
		if errors.Is(err, net.ErrClosed) {
			return nil
		}
		if err != nil {
			return err
		}
		select {
		case slots <- struct{}{}:
			s.clients.Go(func() {
				defer func() { <-slots }()
				defer c.Close()
				s.client(ctx, c)
			})
		default:
			c.Close() // so many are no user's
		}
	}
}

// wait waits for the clients that are there to have their answers, for no longer than d.
func (s *server) wait(d time.Duration) {
	done := make(chan struct{})
	go func() {
		s.clients.Wait()
		close(done)
	}()
	select {
	case <-done:
	case <-time.After(d):
	}
}

// client serves one.
func (s *server) client(ctx context.Context, c *net.UnixConn) {
	if checkPeer(c) != nil {
		return
	}
	c.SetReadDeadline(time.Now().Add(requestTime))
	var r request
	files, err := readRequest(c, &r)
	defer closeAll(files)
	if err != nil {
		s.answer(c, failure(fmt.Errorf("the request cannot be read: %w", err)))
		return
	}
	c.SetReadDeadline(time.Time{})
	if r.Version != protocol && r.Do != doStatus && r.Do != doDown {
		s.answer(c, failure(otherVersion()))
		return
	}
	if r.Do == doExec {
		s.answer(c, s.exec(c, &r, files))
		return
	}
	s.answer(c, s.do(ctx, &r))
}

// answer sends a reply; a client that has gone does not get it.
func (s *server) answer(c *net.UnixConn, r reply) {
	c.SetWriteDeadline(time.Now().Add(requestTime))
	_ = writeMessage(c, r)
}

// do does what needs no more than the request.
func (s *server) do(ctx context.Context, r *request) reply {
	switch r.Do {
	case doStatus:
		_, st := s.now()
		return reply{Last: true, Status: &st}
	case doDown:
		s.down()
		return reply{Last: true}
	case doFault, doHeal:
		if err := s.change(ctx, r.Do == doFault, r.Scenario); err != nil {
			return failure(err)
		}
		return reply{Last: true}
	}
	return failure(otherVersion())
}

// otherVersion is the complaint to a client that says what this does not know.
func otherVersion() error {
	return &Error{"the zone was built by another version of v6probe", "build it anew: v6probe lab down, then v6probe lab up"}
}

// errBuilding says that there is no zone yet.
func errBuilding() error {
	return &Error{"the zone is still being built", "wait for v6probe lab up to end"}
}

// change switches a fault on or off.
func (s *server) change(ctx context.Context, on bool, name string) error {
	s.changing.Lock()
	defer s.changing.Unlock()
	z, st := s.now()
	if z == nil {
		return errBuilding()
	}
	switch is := slices.Contains(st.Faults, name); {
	case on && is:
		return &Error{name + " is on already", "switch it off with: v6probe lab fault " + name + " --off"}
	case !on && len(st.Faults) == 0:
		return &Error{name + " is not on", "no fault is"}
	case !on && !is:
		return &Error{name + " is not on", "those that are: " + strings.Join(st.Faults, ", ")}
	}
	ctx, cancel := context.WithTimeout(ctx, faultTime)
	defer cancel()
	if on {
		if err := z.Fault(ctx, name); err != nil {
			_ = z.Heal(ctx, name) // of what it did, if it did anything
			return err
		}
	} else if err := z.Heal(ctx, name); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if on {
		s.status.Faults = append(s.status.Faults, name)
	} else {
		s.status.Faults = slices.DeleteFunc(slices.Clone(s.status.Faults), func(f string) bool { return f == name })
	}
	return nil
}

// readRequest reads the first message of a client and the files that came with its length. No more than a process's three
// are taken in: the kernel closes what else is sent.
func readRequest(c *net.UnixConn, r *request) ([]*os.File, error) {
	var head [4]byte
	control := make([]byte, unix.CmsgSpace(3*4))
	n, controlled, _, _, err := c.ReadMsgUnix(head[:], control)
	if err != nil {
		return nil, err
	}
	files, err := passed(control[:controlled])
	if err != nil {
		return files, err
	}
	for n < len(head) {
		more, err := c.Read(head[n:])
		if err != nil {
			return files, err
		}
		n += more
	}
	return files, readBody(c, head, r)
}

// passed returns the files in a control message.
func passed(control []byte) ([]*os.File, error) {
	messages, err := unix.ParseSocketControlMessage(control)
	if err != nil {
		return nil, err
	}
	var files []*os.File
	for i := range messages {
		fds, err := unix.ParseUnixRights(&messages[i])
		if err != nil {
			continue // something else than files
		}
		for _, fd := range fds {
			files = append(files, os.NewFile(uintptr(fd), "passed"))
		}
	}
	return files, nil
}

func closeAll(files []*os.File) {
	for _, f := range files {
		f.Close()
	}
}
