package cloud

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	"v6probe/internal/lab"
)

// Files of Zone.Files.
const (
	radvdFile     = "radvd.conf"
	radvdVR2File  = "radvd-vr2.conf"
	radvdGoodFile = "radvd-good.conf"
	networksFile  = "networks.json"
)

// radvd is one that runs, or the built-in sender in its place.
type radvd struct {
	cmd     *exec.Cmd
	pidfile string
	log     output
	sender  undo // ends the built-in one
}

// output keeps the first 64 kB that a program writes.
type output struct {
	mu   sync.Mutex
	data bytes.Buffer
}

func (o *output) Write(p []byte) (int, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.data.Write(p[:min(len(p), 64<<10-o.data.Len())])
	return len(p), nil
}

// String returns it in one line.
func (o *output) String() string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return strings.Join(strings.Fields(o.data.String()), " ")
}

// startRadvd starts the virtual router's, as it should be.
func (z *Zone) startRadvd(ctx context.Context) error {
	good := z.radvdConf()
	if err := os.WriteFile(filepath.Join(z.dir, radvdGoodFile), []byte(good), 0o644); err != nil {
		return err
	}
	if z.build.VR2 {
		if err := os.WriteFile(filepath.Join(z.dir, radvdVR2File), []byte(good), 0o644); err != nil {
			return err
		}
		if _, err := z.spaces["vr2"].WaitLinkLocal(ctx, "eth0"); err != nil {
			return err
		}
	}
	z.closers = append(z.closers, func() error { return errors.Join(z.stopRadvd("vr"), z.stopRadvd("vr2")) })
	if _, err := z.spaces["vr"].WaitLinkLocal(ctx, "eth0"); err != nil {
		return err
	}
	return z.carried(ctx, func() error { return z.runRadvd(ctx, "vr", good) })
}

// carried starts what advertises and waits until the bridge that is farthest away has the first advertisement: the underlay may
// hold it for a second while the hypervisors ask for each other, and a guest that is started then would take it, whatever
// fault there is by now. The next one comes 3 s later at the earliest.
func (z *Zone) carried(ctx context.Context, start func() error) error {
	if len(z.build.VXLANPort) > 0 { // they do not hear each other
		return start()
	}
	l, err := z.spaces["kvm2"].Listen(bridge)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := start(); err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if _, err := l.Await(ctx, lab.ICMPv6Type(134)); err != nil {
		return fmt.Errorf("the other hypervisor does not get an advertisement: %w", err)
	}
	return nil
}

// ofNode is the radvd of a router, and its file.
func (z *Zone) ofNode(node string) (**radvd, string) {
	if node == "vr2" {
		return &z.vr2, filepath.Join(z.dir, radvdVR2File)
	}
	return &z.radvd, filepath.Join(z.dir, radvdFile)
}

// runRadvd ends the radvd of a router, if it runs, without a word to its hosts, and starts it with that configuration.
// radvd itself may refuse that, as a broken one.
func (z *Zone) runRadvd(ctx context.Context, node, config string) error {
	if err := z.stopRadvd(node); err != nil {
		return err
	}
	at, file := z.ofNode(node)
	if err := os.WriteFile(file, []byte(config), 0o644); err != nil {
		return err
	}
	path, ok := tool("radvd")
	if !ok {
		return z.runAdvertiser(node, config)
	}
	if out, err := exec.Command(path, "--configtest", "--config", file).CombinedOutput(); err != nil {
		return &refusedError{strings.Join(strings.Fields(string(out)), " ")}
	}
	r := &radvd{pidfile: filepath.Join(z.dir, "radvd-"+node+".pid")}
	r.cmd = exec.Command(path, "--nodaemon", "--logmethod", "stderr", "--debug", "1", "--config", file, "--pidfile", r.pidfile)
	r.cmd.Stderr = &r.log
	if err := z.spaces[node].Start(r.cmd); err != nil {
		return fmt.Errorf("radvd: %w", err)
	}
	*at = r
	return r.ready(ctx)
}

// ready waits until radvd has read its configuration, after which it writes its process id: before that the file must not
// change.
func (r *radvd) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	for {
		if data, err := os.ReadFile(r.pidfile); err == nil && len(data) > 0 {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("radvd does not start: %w: %s", ctx.Err(), r.log.String())
		case <-time.After(2 * time.Millisecond):
		}
	}
}

// refusedError is that radvd finds its configuration wrong.
type refusedError struct{ said string }

func (e *refusedError) Error() string { return "radvd refuses its configuration: " + e.said }

// runAdvertiser starts the built-in sender, which knows but one configuration.
func (z *Zone) runAdvertiser(node, config string) error {
	if config != z.radvdConf() {
		return errors.New("this machine lacks radvd")
	}
	z.log("a built-in sender advertises: this machine lacks radvd")
	end, err := z.send(z.spaces[node], Step{On: node, Send: &Send{}})
	if err != nil {
		return err
	}
	at, _ := z.ofNode(node)
	*at = &radvd{sender: end}
	return nil
}

// stopRadvd ends the radvd of a router, if it runs, as a crash does: with no word to its hosts.
func (z *Zone) stopRadvd(node string) error {
	at, _ := z.ofNode(node)
	r := *at
	if r == nil {
		return nil
	}
	*at = nil
	if r.sender != nil {
		return r.sender(context.Background())
	}
	if err := r.cmd.Process.Signal(syscall.SIGKILL); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("stop radvd: %w", err)
	}
	err := r.cmd.Wait()
	if e := os.Remove(r.pidfile); e != nil && !errors.Is(e, os.ErrNotExist) {
		return e
	}
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.Exited() {
		return fmt.Errorf("radvd ended by itself: %w: %s", err, r.log.String())
	}
	return nil
}
