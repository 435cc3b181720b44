//go:build linux

// Guest is the init of the virtual machines in which package kernels tries v6probe: the first process and the only service.
// It makes the system fit for networks, has a second process of its own run the cases of the plan, and turns the machine
// off when that ends, however it does.
package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// runCases is the argument of the second process.
const runCases = "cases"

func main() {
	if len(os.Args) == 2 && os.Args[1] == runCases {
		if err := cases(); err != nil {
			fmt.Fprintln(os.Stderr, "guest:", err)
			os.Exit(1)
		}
		return
	}
	if os.Getpid() != 1 {
		fmt.Fprintln(os.Stderr, "guest: this is the init of a virtual machine; try: go run ./kernels")
		os.Exit(2)
	}
	if err := errors.Join(setUp(), supervise()); err != nil {
		fmt.Fprintln(os.Stderr, "guest:", err)
	}
	unix.Sync()
	fmt.Fprintln(os.Stderr, "guest: turning off:", unix.Reboot(unix.LINUX_REBOOT_CMD_POWER_OFF))
}

// mounts are the file systems that the programs expect.
var mounts = [...]struct{ kind, at string }{{"proc", "/proc"}, {"sysfs", "/sys"}, {"devtmpfs", "/dev"}, {"tmpfs", "/run"},
	{"tmpfs", "/tmp"}, {"tracefs", "/sys/kernel/tracing"}}

func setUp() error {
	for _, m := range mounts {
		// The kernel may have mounted it by itself.
		if err := unix.Mount(m.kind, m.at, m.kind, 0, ""); err != nil && !errors.Is(err, unix.EBUSY) {
			return fmt.Errorf("mount %s: %w", m.at, err)
		}
	}
	if err := os.Setenv("PATH", "/usr/sbin:/usr/bin"); err != nil {
		return err
	}
	// The module tun comes when this is opened.
	const tun = 10<<8 | 200
	err := errors.Join(os.MkdirAll("/dev/net", 0o755), os.MkdirAll("/run/netns", 0o755))
	if err = errors.Join(err, unix.Mknod("/dev/net/tun", unix.S_IFCHR|0o666, tun)); err != nil && !errors.Is(err, unix.EEXIST) {
		return err
	}
	return errors.Join(
		run("ip", "link", "set", "lo", "up"),
		// No program asks for this one, and bridges do other things once it is there: it is there for all cases.
		run("modprobe", "br_netfilter"))
}

func run(name string, args ...string) error {
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

// supervise runs the second process and reaps what it and others leave behind.
func supervise() error {
	console, err := os.OpenFile("/dev/console", os.O_RDWR, 0)
	if err != nil {
		return err
	}
	child, err := os.StartProcess("/init", []string{"/init", runCases},
		&os.ProcAttr{Env: os.Environ(), Files: []*os.File{console, console, console}})
	if err != nil {
		return err
	}
	for {
		var status syscall.WaitStatus
		pid, err := syscall.Wait4(-1, &status, 0, nil)
		switch {
		case err == syscall.EINTR:
		case err != nil:
			return fmt.Errorf("wait: %w", err)
		case pid == child.Pid && status != 0:
			return fmt.Errorf("the cases ended with %#x", int(status))
		case pid == child.Pid:
			return nil
		}
	}
}
