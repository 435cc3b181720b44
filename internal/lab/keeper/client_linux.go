package keeper

import (
	"errors"
	"fmt"
	"net"
	"os"
	"os/signal"
	"syscall"

	"golang.org/x/sys/unix"
)

// call connects to the keeper of the zone. Where there is no zone the error is ErrNone.
func (all places) call() (*net.UnixConn, error) {
	for _, p := range all {
		c, err := p.dial()
		if err == nil || !errors.Is(err, ErrNone) {
			return c, err
		}
	}
	return nil, ErrNone
}

// ask sends a request and waits for its last reply.
func (all places) ask(r request) (reply, error) {
	c, err := all.call()
	if err != nil {
		return reply{}, err
	}
	defer c.Close()
	r.Version = protocol
	if err := writeMessage(c, r); err != nil {
		return reply{}, fmt.Errorf("the zone's keeper: %w", err)
	}
	return lastReply(c)
}

// lastReply waits for it.
func lastReply(c *net.UnixConn) (reply, error) {
	for {
		var r reply
		if err := readMessage(c, &r); err != nil {
			return r, &Error{fmt.Sprintf("the zone's keeper is gone: %v", err), "build a zone: v6probe lab up"}
		}
		if r.Last {
			return r, r.err()
		}
	}
}

// State tells what this user's zone is like, or fails with ErrNone.
func State() (Status, error) { return ours().state() }

func (all places) state() (Status, error) {
	r, err := all.ask(request{Do: doStatus})
	if err != nil {
		return Status{}, err
	}
	if r.Status == nil {
		return Status{}, errors.New("the zone's keeper tells nothing of the zone")
	}
	return *r.Status, nil
}

// Fault switches a scenario on in this user's zone, or off.
func Fault(scenario string, on bool) error { return ours().fault(scenario, on) }

func (all places) fault(scenario string, on bool) error {
	do := doFault
	if !on {
		do = doHeal
	}
	_, err := all.ask(request{Do: do, Scenario: scenario})
	return err
}

// Down ends this user's zone and waits until it has gone.
func Down() error { return ours().down() }

func (all places) down() error {
	_, err := all.ask(request{Do: doDown})
	return err
}

// Command is a command to run in a node.
type Command struct {
	Node  string
	Path  string   // absolute
	Args  []string // the command's name first
	Dir   string
	Env   []string
	Files [3]*os.File // standard input, output and error
}

// Exec runs a command in a node of this user's zone and returns its exit code. Meanwhile signals go to the command and not to
// this process.
func Exec(cmd Command) (code int, err error) { return ours().exec(cmd) }

func (all places) exec(cmd Command) (code int, err error) {
	c, err := all.call()
	if err != nil {
		return 0, err
	}
	defer c.Close()
	signals := make(chan os.Signal, 16)
	signal.Notify(signals, forwarded()...)
	defer signal.Stop(signals)
	// There is no job control: one that stopped would leave its terminal to two readers.
	signal.Ignore(syscall.SIGTSTP)
	defer signal.Reset(syscall.SIGTSTP)
	if err := sendCommand(c, cmd); err != nil {
		return 0, err
	}
	done := make(chan struct{})
	defer close(done)
	go func() {
		for {
			select {
			case s := <-signals:
				number, _ := s.(syscall.Signal)
				if writeMessage(c, request{Do: doSignal, Signal: int(number)}) != nil {
					return
				}
			case <-done:
				return
			}
		}
	}()
	r, err := lastReply(c)
	return r.Code, err
}

// sendCommand sends the request with the three files beside the message's length.
func sendCommand(c *net.UnixConn, cmd Command) error {
	data, err := encode(request{Version: protocol, Do: doExec, Node: cmd.Node,
		Command: &launch{raw(cmd.Path), raw(cmd.Dir), toRaw(cmd.Args), toRaw(cmd.Env)}})
	if err != nil {
		return err
	}
	var fds []int
	for _, f := range cmd.Files {
		fds = append(fds, int(f.Fd()))
	}
	if _, _, err := c.WriteMsgUnix(data[:4], unix.UnixRights(fds...), nil); err != nil {
		return fmt.Errorf("hand the terminal to the zone's keeper: %w", err)
	}
	if _, err := c.Write(data[4:]); err != nil {
		return fmt.Errorf("the zone's keeper: %w", err)
	}
	return nil
}
