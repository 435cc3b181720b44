//go:build linux

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/netip"
	"os"
	"os/exec"
	"strconv"
	"syscall"
	"time"

	"v6probe/internal/lab"
	"v6probe/internal/lab/zone"
)

// tool is a program, or a recipe of programs, that finds the MTU of a path.
type tool struct {
	name, program string
	own           bool // v6probe, with which the others are compared
	find          func(ctx context.Context, z *zone.Zone) (answer, error)
	judge         func(*zone.Truth, *answer) bool
	outcomes      []outcome
}

// answer is what a tool says of a path.
type answer struct {
	text string // to print
	mtu  int    // 0 for none
	path *path  // what v6probe says
}

// plain is the answer of a tool that knows an MTU, 0 for none, and nothing else.
func plain(mtu int) answer {
	if mtu == 0 {
		return answer{text: "none"}
	}
	return answer{text: strconv.Itoa(mtu), mtu: mtu}
}

// ownTool is the v6probe at a path.
func ownTool(binary string) *tool {
	return &tool{name: "v6probe", program: binary, own: true, judge: judgePath,
		find: func(ctx context.Context, z *zone.Zone) (answer, error) {
			args := append([]string{binary, "pmtu", z.Target.String(), "--json"}, z.Scenario.Args...)
			out, diagnostics, _, err := runTool(ctx, z.Guest, args...)
			if err != nil {
				return answer{}, err
			}
			p, err := parsePath(out)
			if err != nil {
				return answer{}, fmt.Errorf("%w: %s", err, bytes.TrimSpace(diagnostics))
			}
			return answer{text: p.word(), mtu: p.MTU, path: p}, nil
		}}
}

// peers are the others. Their flags are the usual ones, but for scamper: it waits 5 s for each answer if not told
// otherwise, and its usual way, UDP-Paris, knows answers by a checksum that a veth pair leaves unwritten.
func peers() []*tool {
	command := func(name string, parse func(out []byte, target netip.Addr) int, args ...string) *tool {
		return &tool{name: name, program: args[0], judge: judgeMTU,
			find: func(ctx context.Context, z *zone.Zone) (answer, error) {
				out, _, _, err := runTool(ctx, z.Guest, append(args[:len(args):len(args)], z.Target.String())...)
				return plain(parse(out, z.Target)), err
			}}
	}
	return []*tool{
		command("tracepath", parseTracepath, "tracepath", "-6", "-n", "-m", "12"),
		command("traceroute --mtu", parseTraceroute, "traceroute", "-6", "-n", "--mtu"),
		{name: "ping, bisected", program: "ping", judge: judgeMTU, find: bisect},
		command("scamper trace -M", parseScamper, "scamper", "-O", "text", "-c", "trace -P udp -w 1 -M", "-i"),
	}
}

// bisect asks by ping for the largest packet that is answered, as one does by hand.
func bisect(ctx context.Context, z *zone.Zone) (answer, error) {
	answers := func(size int) (bool, error) {
		const headers = 40 + 8
		_, diagnostics, code, err := runTool(ctx, z.Guest,
			"ping", "-6", "-M", "do", "-c1", "-W1", "-s", strconv.Itoa(size-headers), z.Target.String())
		if err == nil && code > 1 {
			err = fmt.Errorf("exit code %d: %s", code, bytes.TrimSpace(diagnostics))
		}
		return code == 0, err
	}
	low, high := 1280, z.Scenario.Guest
	if yes, err := answers(high); yes || err != nil {
		return plain(high), err
	}
	if yes, err := answers(low); !yes || err != nil {
		return plain(0), err
	}
	for high-low > 1 {
		size := (low + high) / 2
		yes, err := answers(size)
		if err != nil {
			return answer{}, err
		}
		if yes {
			low = size
		} else {
			high = size
		}
	}
	return plain(low), nil
}

// runTool runs a program inside a namespace until it ends or ctx does, and kills it and what it has started in that case.
func runTool(ctx context.Context, n *lab.Namespace, args ...string) (out, diagnostics []byte, code int, err error) {
	var stdout, stderr bytes.Buffer
	cmd := exec.CommandContext(ctx, args[0], args[1:]...)
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	cmd.Cancel = func() error { return syscall.Kill(-cmd.Process.Pid, syscall.SIGKILL) }
	cmd.WaitDelay = time.Second
	err = n.Run(cmd)
	if _, ended := errors.AsType[*exec.ExitError](err); ended {
		err = ctx.Err() // what its exit code means is for the caller to say
	}
	if cmd.ProcessState != nil {
		code = cmd.ProcessState.ExitCode()
	}
	return stdout.Bytes(), stderr.Bytes(), code, err
}

// sent returns how many packets an interface has sent, less those of neighbor discovery and MLD, which are the kernel's.
func sent(n *lab.Namespace, name string) (int, error) {
	var device, icmp []byte
	err := n.Do(func() error {
		var err1, err2 error
		device, err1 = os.ReadFile("/proc/thread-self/net/dev")
		icmp, err2 = os.ReadFile("/proc/thread-self/net/dev_snmp6/" + name)
		return errors.Join(err1, err2)
	})
	if err != nil {
		return 0, err
	}
	return countSent(device, icmp, name)
}
