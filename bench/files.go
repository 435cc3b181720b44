//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"
)

// contest is one input and the programs that read it, in the order in which they take turns.
type contest struct {
	input   string
	entries []*entry
}

// entry is one pipeline of programs, and how it did.
type entry struct {
	label    string
	pipeline [][]string
	env      []string // besides this process's
	against  []string // labels of the entries whose time is told as a multiple of this one's
	results  []result
	skipped  string // why it was not run
}

// Names that entries are told by.
const (
	byCat      = "cat"
	byTcpdump  = "tcpdump -w"
	byTcpdumpV = "tcpdump -nv"
	byTshark   = "tshark -T json"
)

// oneProcessor has v6probe do all its work on one.
const oneProcessor = "GOMAXPROCS=1"

// contests lists what is measured, less the programs that are not installed.
func contests(v6probe, dir string) []*contest {
	all := []*contest{mixed(v6probe, dir, "mixed.pcap"), mixed(v6probe, dir, "mixed.pcapng"), packed(v6probe, dir, "mixed.pcap.gz"),
		advertisements(v6probe, dir), neighbors(v6probe, dir), strangers(v6probe, dir)}
	for _, c := range all {
		for _, e := range c.entries {
			for _, args := range e.pipeline {
				if _, err := exec.LookPath(args[0]); err != nil {
					e.skipped = args[0] + " is missing"
				}
			}
		}
	}
	return all
}

// one is an entry of one program.
func one(label string, args ...string) *entry {
	return &entry{label: label, pipeline: [][]string{args}}
}

// ours is v6probe on as many processors as there are, and on one.
func ours(v6probe string, against []string, args ...string) []*entry {
	label := "v6probe " + args[0]
	for _, a := range args[1:] {
		if a == "--json" {
			label += " " + a
		}
	}
	args = append([]string{v6probe}, args...)
	many, alone := one(label, args...), one(label+", one CPU", args...)
	many.against, alone.against = against, against
	alone.env = []string{oneProcessor}
	return []*entry{many, alone}
}

// mixed is the pass over much that is no ICMPv6.
func mixed(v6probe, dir, name string) *contest {
	file := filepath.Join(dir, name)
	c := &contest{name, []*entry{one(byCat, "cat", file), one(byTcpdump, "tcpdump", "-r", file, "-w", os.DevNull, "icmp6")}}
	for _, args := range [][]string{{"ra", "-r", file}, {"ra", "-r", file, "--json"}, {"nd", "-r", file}} {
		c.entries = append(c.entries, ours(v6probe, []string{byTcpdump}, args...)...)
	}
	return c
}

// packed is the same, compressed.
func packed(v6probe, dir, name string) *contest {
	file := filepath.Join(dir, name)
	zcat := []string{"zcat", file}
	const piped = "zcat | tcpdump -w"
	c := &contest{name, []*entry{one("zcat", zcat...),
		{label: piped, pipeline: [][]string{zcat, {"tcpdump", "-r", "-", "-w", os.DevNull, "icmp6"}}}}}
	for _, args := range [][]string{{"ra", "-r", file}, {"nd", "-r", file}} {
		c.entries = append(c.entries, ours(v6probe, []string{piped}, args...)...)
	}
	return c
}

// advertisements is the judging and telling of every Router Advertisement.
func advertisements(v6probe, dir string) *contest {
	file := filepath.Join(dir, "neighbors.pcap")
	c := &contest{"neighbors.pcap, its RAs", []*entry{
		one(byTcpdumpV, "tcpdump", "-nv", "-r", file, "icmp6 and ip6[40] == 134"),
		one(byTshark, "tshark", "-n", "-r", file, "-Y", "icmpv6.type == 134", "-T", "json")}}
	c.entries = append(c.entries, ours(v6probe, []string{byTcpdumpV, byTshark}, "ra", "-r", file, "--json")...)
	return c
}

// neighbors is that of every message.
func neighbors(v6probe, dir string) *contest {
	file := filepath.Join(dir, "neighbors.pcap")
	c := &contest{"neighbors.pcap, all", []*entry{one(byCat, "cat", file), one(byTcpdump, "tcpdump", "-r", file, "-w", os.DevNull, "icmp6"),
		one(byTcpdumpV, "tcpdump", "-nv", "-r", file, "icmp6")}}
	for _, args := range [][]string{{"nd", "-r", file, "--json"}, {"nd", "-r", file}} {
		c.entries = append(c.entries, ours(v6probe, []string{byTcpdumpV}, args...)...)
	}
	return c
}

// strangers is a flood of routers, each with a prefix of its own.
func strangers(v6probe, dir string) *contest {
	file := filepath.Join(dir, "strangers.pcap")
	c := &contest{"strangers.pcap", []*entry{one(byTcpdumpV, "tcpdump", "-nv", "-r", file, "icmp6")}}
	for _, args := range [][]string{{"ra", "-r", file}, {"ra", "-r", file, "--json"}} {
		c.entries = append(c.entries, ours(v6probe, []string{byTcpdumpV}, args...)...)
	}
	return c
}

// measureFiles makes the captures and measures. The captures are made in another process: a program's peak of memory, as the
// kernel counts it, is never below that of the process that started it.
func measureFiles(out io.Writer, size, runs int, dir, v6probe string) error {
	if dir == "" {
		temp, err := os.MkdirTemp("", "v6probe-bench-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temp)
		dir = temp
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.Command(self, "-generate", "-keep", dir, "-size", strconv.Itoa(size))
	cmd.Stdout, cmd.Stderr = out, os.Stderr
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("make captures: %w", err)
	}
	list := contests(v6probe, dir)
	if err := measure(list, runs); err != nil {
		return err
	}
	fmt.Fprintf(out, "median of up to %d runs, what takes more than %v is run once and stopped after %v; up to %.1f MiB of a peak may be this runner's own\n\n",
		runs, slow, tooSlow, ownPeak())
	return print(out, list)
}

// What takes longer than slow is not run again, and what takes longer than tooSlow is stopped.
const (
	slow    = 10 * time.Second
	tooSlow = 2 * time.Minute
)
