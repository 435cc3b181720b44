//go:build linux

package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"v6probe/internal/craft"
)

const (
	smallCaptures = 1000 // that v6probe check judges
	peerCaptures  = 10   // that tshark reads
)

// measureChecks compares v6probe check over a thousand small captures, each with what is expected of it, with tshark over ten of
// them.
func measureChecks(out io.Writer, v6probe string, runs int) error {
	dir, err := os.MkdirTemp("", "v6probe-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	names, err := smallOnes(dir)
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%d captures of 20 packets, each with its expectation; median of %d runs\n\n", smallCaptures, runs)
	own, err := medianOf(runs, func() error { return quiet(v6probe, "check", dir) })
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-28s %5d captures  %8.1f ms\n", "v6probe check", smallCaptures, milliseconds(own))
	if _, err := exec.LookPath("tshark"); err != nil {
		fmt.Fprintln(out, "skipped: tshark: not installed")
		return nil
	}
	peer, err := medianOf(runs, func() error {
		for _, name := range names[:peerCaptures] {
			if err := quiet("tshark", "-r", name); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	fmt.Fprintf(out, "%-28s %5d captures  %8.1f ms\n", "tshark -r", peerCaptures, milliseconds(peer))
	fmt.Fprintf(out, "ratio of the times: %.1f; for each capture: %.0f\n", float64(peer)/float64(own),
		float64(peer)/peerCaptures/(float64(own)/smallCaptures))
	return nil
}

// smallOnes writes the captures: a minute of a healthy network each.
func smallOnes(dir string) (names []string, err error) {
	var expectation strings.Builder
	expectation.WriteString("expect: 1\nlinks:\n- routers: [{address: " + craft.RouterLL + ", required: true}]\n" +
		"  says: {hop-limit: 64, router-lifetime: 45, prefixes: [{prefix: \"2001:db8::/64\", valid: 86400}]}\n")
	msg := craft.CloudStackRA().Message(craft.SLLA(craft.RouterMAC), craft.PIO("2001:db8::", 64, 0xc0, 86400, 14400))
	ra := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg)
	ns := craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::1:ff00:1", craft.NS(craft.RouterLL, craft.SLLA(craft.GuestMAC)))
	na := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, craft.NA(0xe0, craft.RouterLL, craft.TLLA(craft.RouterMAC)))
	text := craft.PcapHeader()
	for i := range 5 {
		at := time.Duration(i) * 10 * time.Second
		for j, frame := range [][]byte{ra, ns, na, na} {
			text = craft.AppendPcapRecord(text, beginning.Add(at+time.Duration(j)*time.Millisecond), frame)
		}
	}
	for i := range smallCaptures {
		name := filepath.Join(dir, fmt.Sprintf("c%04d.pcap", i))
		if err := os.WriteFile(name, text, 0o644); err != nil {
			return nil, err
		}
		if err := os.WriteFile(strings.TrimSuffix(name, ".pcap")+".expect.yaml", []byte(expectation.String()), 0o644); err != nil {
			return nil, err
		}
		names = append(names, name)
	}
	return names, nil
}

// quiet runs a program, whose output is of no interest unless it fails.
func quiet(name string, args ...string) error {
	if b, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, b[:min(len(b), 2000)])
	}
	return nil
}

// medianOf returns the median of how long run takes, after once that does not count.
func medianOf(runs int, run func() error) (time.Duration, error) {
	var times []time.Duration
	for i := range runs + 1 {
		begin := time.Now()
		if err := run(); err != nil {
			return 0, err
		}
		if i > 0 {
			times = append(times, time.Since(begin))
		}
	}
	slices.Sort(times)
	return times[len(times)/2], nil
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
