//go:build linux

// Demo shows v6probe's main job on a network of its own, without root: it makes a user namespace, in it a guest and a
// router joined by a link, and runs v6probe on the guest while the router advertises as CloudStack's does. Then it runs
// v6probe on a capture of a network with a fault. It ends with 0 when v6probe said what it should.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"v6probe/internal/lab"
)

const (
	guestMAC  = "02:00:00:00:00:02"
	routerMAC = "02:00:00:00:00:01"

	fault = "fixtures/pcaps/radvd-vpc-redundant-no-prefix.pcap"
	// inside is the argument that the demo gives itself when it starts itself in a user namespace.
	inside = "-inside"
	// exitNoLab tells it that there can be no network.
	exitNoLab = 3
)

func main() {
	// An interrupt is for v6probe, which then tells what it has seen so far.
	signal.Notify(make(chan os.Signal, 1), os.Interrupt)
	os.Exit(run(os.Args[1:]))
}

func run(args []string) int {
	if len(args) == 2 && args[0] == inside {
		return live(args[1])
	}
	if len(args) != 1 {
		fmt.Fprintln(os.Stderr, "usage: demo PATH-OF-V6PROBE, in the directory of the project")
		return 2
	}
	v6probe, err := filepath.Abs(args[0])
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	code := rootless(v6probe)
	if code == exitNoLab {
		fmt.Println("So only a capture is shown here.")
		code = 0
	}
	fmt.Printf("\nA capture of a redundant VPC whose radvd has no prefix (apache/cloudstack#13121):\n")
	replay := exec.Command(v6probe, "ra", "-r", fault)
	if got := show(replay, replay.Run); got != 1 {
		fmt.Fprintf(os.Stderr, "demo: exit code %d, not 1 for a fault\n", got)
		code = 1
	}
	return code
}

// rootless runs the live part where there is a root to be: in a new user namespace, unless this is root already.
func rootless(v6probe string) int {
	self, err := os.Executable()
	if err != nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	cmd := exec.Command(self, inside, v6probe)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	if os.Geteuid() != 0 {
		cmd.SysProcAttr.Cloneflags = syscall.CLONE_NEWUSER
		cmd.SysProcAttr.UidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}
		cmd.SysProcAttr.GidMappings = []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}
	}
	if err := cmd.Start(); err != nil {
		fmt.Println("This machine makes no user namespace for us, so there is no network to listen to:", err)
		return exitNoLab
	}
	if err := cmd.Wait(); err != nil && cmd.ProcessState.ExitCode() < 0 {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return 2
	}
	return cmd.ProcessState.ExitCode()
}

// live runs v6probe on a guest of a CloudStack network.
func live(v6probe string) int {
	guest, router, err := network()
	if err != nil {
		fmt.Println("This machine lets us make no network to listen to:", err)
		return exitNoLab
	}
	defer guest.Close()
	defer router.Close()
	fmt.Println("A guest on a network whose router advertises like CloudStack's:")
	cmd := exec.Command(v6probe, "ra", "--iface", "eth0", "-c", "3")
	if got := show(cmd, func() error { return guest.Run(cmd) }); got != 0 {
		fmt.Fprintf(os.Stderr, "demo: exit code %d, not 0 for a healthy network\n", got)
		return 1
	}
	return 0
}

// network makes the guest, whose interface is eth0, and its router, which advertises.
func network() (guest, router *lab.Namespace, err error) {
	if guest, err = lab.New(); err != nil {
		return nil, nil, err
	}
	if router, err = lab.New(); err != nil {
		return nil, nil, errors.Join(err, guest.Close())
	}
	if err = connect(guest, router); err != nil {
		return nil, nil, errors.Join(err, guest.Close(), router.Close())
	}
	return guest, router, nil
}

func connect(guest, router *lab.Namespace) error {
	// Where /proc/sys cannot be written to, duplicate address detection takes its two seconds.
	_, _ = guest.SkipDAD(), router.SkipDAD()
	err := lab.Veth(lab.End{NS: guest, Name: "eth0", MAC: guestMAC},
		lab.End{NS: router, Name: "vr0", MAC: routerMAC})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	for ns, name := range map[*lab.Namespace]string{guest: "eth0", router: "vr0"} {
		if _, err := ns.WaitLinkLocal(ctx, name); err != nil {
			return err
		}
	}
	// RFC 4861 §6.2.1 wants three seconds between RAs at the least. CloudStack lets fifteen pass at the most.
	ra, err := lab.CloudStackRA(routerMAC)
	if err != nil {
		return err
	}
	_, err = router.Advertise("vr0", 3200*time.Millisecond, ra)
	return err
}

// show prints a command as one would type it, runs it, and returns its exit code, or -1.
func show(cmd *exec.Cmd, run func() error) int {
	fmt.Println("$ v6probe", strings.Join(cmd.Args[1:], " "))
	cmd.Stdin, cmd.Stdout, cmd.Stderr = os.Stdin, os.Stdout, os.Stderr
	if err := run(); err != nil && cmd.ProcessState == nil {
		fmt.Fprintln(os.Stderr, "demo:", err)
		return -1
	}
	return cmd.ProcessState.ExitCode()
}
