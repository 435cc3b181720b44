//go:build linux

package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"
)

// counting is a v6probe that counts drops.
type counting struct {
	cmd     *exec.Cmd
	out     bytes.Buffer
	stderr  io.ReadCloser
	cancel  context.CancelFunc
	started time.Duration // from the start of the process until its program ran in the kernel
}

// startCounting starts v6probe and waits until it counts.
func (d *dropLab) startCounting() (*counting, error) {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	c := &counting{cmd: exec.CommandContext(ctx, d.v6probe, "drops", "--netns", "all", "--for", "0", "--json"), cancel: cancel}
	c.cmd.Stdout = &c.out
	var err error
	if c.stderr, err = c.cmd.StderrPipe(); err != nil {
		return nil, err
	}
	begin := time.Now()
	if err := d.receiver.Start(c.cmd); err != nil {
		cancel()
		return nil, err
	}
	var said strings.Builder
	for lines := bufio.NewScanner(c.stderr); lines.Scan(); {
		if strings.Contains(lines.Text(), "counting") {
			c.started = time.Since(begin)
			return c, nil
		}
		fmt.Fprintln(&said, lines.Text())
	}
	_, err = c.end(os.Kill)
	return nil, fmt.Errorf("v6probe does not count: %w: %s", err, strings.TrimSpace(said.String()))
}

// end ends v6probe by a signal and returns what it has written.
func (c *counting) end(signal os.Signal) ([]byte, error) {
	defer c.cancel()
	err := c.cmd.Process.Signal(signal)
	rest, err2 := io.ReadAll(c.stderr)
	if err = errors.Join(err, err2); err != nil {
		return nil, errors.Join(err, c.cmd.Process.Kill(), c.cmd.Wait())
	}
	// Exit status 1 means findings: no failure of the measurement.
	if err := c.cmd.Wait(); err != nil && c.cmd.ProcessState.ExitCode() != 1 {
		return nil, fmt.Errorf("v6probe drops: %w: %s", err, bytes.TrimSpace(rest))
	}
	return c.out.Bytes(), nil
}

// usage returns the CPU time that v6probe has used so far, in its units of 10 ms, and its peak of resident memory in MiB.
func (c *counting) usage() (cpu time.Duration, peak float64, err error) {
	dir := fmt.Sprintf("/proc/%d/", c.cmd.Process.Pid)
	stat, err1 := os.ReadFile(dir + "stat")
	status, err2 := os.ReadFile(dir + "status")
	if err := errors.Join(err1, err2); err != nil {
		return 0, 0, err
	}
	if cpu, err = cpuOf(string(stat)); err != nil {
		return 0, 0, err
	}
	kib, err := numberAfter(string(status), "VmHWM:")
	return cpu, float64(kib) / 1024, err
}

// cpuOf returns user and system time in /proc/PID/stat (proc_pid_stat(5)).
func cpuOf(stat string) (time.Duration, error) {
	const tick = 10 * time.Millisecond // USER_HZ is 100 on all of Linux's architectures that v6probe is built for
	// The name, which is the second field, may have anything in it but ends with the last parenthesis.
	_, rest, _ := cutLast(stat, ") ")
	fields := strings.Fields(rest)
	if len(fields) < 13 {
		return 0, fmt.Errorf("no times in %q", stat)
	}
	user, err1 := strconv.Atoi(fields[11])
	system, err2 := strconv.Atoi(fields[12])
	return time.Duration(user+system) * tick, errors.Join(err1, err2)
}

// cutLast is strings.Cut around the last separator.
func cutLast(s, sep string) (before, after string, found bool) {
	if i := strings.LastIndex(s, sep); i >= 0 {
		return s[:i], s[i+len(sep):], true
	}
	return s, "", false
}

// heard is what v6probe says was dropped.
type heard struct {
	total    int // solicitations in its own namespace
	filtered int // of them, by a filter
	stacks   int // how many stacks were walked: for all that filters dropped in any namespace, but where there were too many
	mapFull  int // in all namespaces, of any type
}

// parseCounted adds up the NDJSON of drops: the last total of each place.
func parseCounted(out []byte) (h heard, err error) {
	type place struct{ message, numbers, reason, hook, location, iface, arrived, netns, flags string }
	totals := make(map[place]int)
	ended := false
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var line struct {
			Type, Message, Reason, Hook, Location, Iface, Arrived, NetNS string
			Flags                                                        []string
			Code, VLAN, VNI, Total                                       int
			MapFull                                                      int `json:"map_full"`
			NoStack                                                      int `json:"no_stack"`
		}
		if err := dec.Decode(&line); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return h, err
		}
		switch {
		case line.Type == "drop":
			numbers := fmt.Sprint(line.Code, line.VLAN, line.VNI)
			totals[place{line.Message, numbers, line.Reason, line.Hook, line.Location, line.Iface, line.Arrived, line.NetNS,
				strings.Join(line.Flags, ",")}] = line.Total
		case line.Type == "summary":
			h.mapFull, h.stacks, ended = line.MapFull, -line.NoStack, true
		}
	}
	for p, n := range totals {
		ours, filtered := p.netns == "" && p.message == "neighbor-solicitation", p.reason == "NETFILTER_DROP"
		if ours {
			h.total += n
		}
		if ours && filtered {
			h.filtered += n
		}
		if filtered {
			h.stacks += n
		}
	}
	if !ended {
		return h, errors.New("v6probe drops wrote no summary")
	}
	return h, nil
}

// measureStarts returns how long v6probe took to begin to count.
func (d *dropLab) measureStarts() ([]time.Duration, error) {
	var all []time.Duration
	for range dropRounds {
		c, err := d.startCounting()
		if err != nil {
			return nil, err
		}
		if _, err := c.end(os.Interrupt); err != nil {
			return nil, err
		}
		all = append(all, c.started)
	}
	return all, nil
}
