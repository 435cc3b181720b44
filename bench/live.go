//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// liveCase is a flood, and who captures it.
type liveCase struct {
	title     string
	flood     *flood
	filtered  bool  // the flood does not pass the filter of who captures
	rates     []int // frames a second, 0 for as many as there can be
	capturers []*capturer
}

// own is v6probe, which tells as NDJSON what it saw.
func own(v6probe, name, command string, more ...string) *capturer {
	args := append([]string{v6probe, command, "-i", liveInterface, "--timeout", "30s"}, more...)
	return &capturer{name: name, args: args, piped: true,
		parse: func(output []byte, _ string) (account, error) { return parseSummary(output) }}
}

// other is tcpdump. Who changes its user, as it does, is no longer killed when this program ends.
func other(name string, more ...string) *capturer {
	args := append([]string{"tcpdump", "-Z", "root", "-i", liveInterface}, more...)
	return &capturer{name: name, args: args,
		parse: func(_ []byte, diagnostics string) (account, error) { return parseTcpdump(diagnostics) }}
}

// liveCases are what is measured.
func liveCases(v6probe string) []*liveCase {
	ra := own(v6probe, "v6probe ra --json", "ra", "--json", "--passive")
	ra.mark = advertMark
	ndJSON := own(v6probe, "v6probe nd --json", "nd", "--json")
	nd := own(v6probe, "v6probe nd", "nd", "--color", "never")
	nd.parse = func(output []byte, _ string) (account, error) { return parseText(output) }
	write := other("tcpdump -w", "-w", os.DevNull, "icmp6")
	print := other("tcpdump -nv", "-nv", "icmp6")
	return []*liveCase{
		{"UDP to one address, from 2^32", udpFlood(), true, []int{1e6, 0}, []*capturer{ra, write, print}},
		{"Neighbor Solicitations from 2^64 for 2^32 addresses, of one group", nsFlood(), false, []int{1e6, 0},
			[]*capturer{ndJSON, nd, write, print}},
		{"Router Advertisements of 2^64 routers, for 2^32 prefixes", raFlood(), false, []int{5e5}, []*capturer{ra, write, print}},
	}
}

// measureLive prints what v6probe and tcpdump lose of floods, and what they take for it.
func measureLive(out io.Writer, v6probe string, runs int) (err error) {
	if _, err := exec.LookPath(v6probe); err != nil {
		return err
	}
	l, err := newLiveLab()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.Close()) }()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, unix.SIGTERM)
	defer stop()
	l.stop = ctx.Done()
	l.about(out, runs)
	for i, c := range liveCases(v6probe) {
		fmt.Fprintf(out, "\ncase %d: %s; and a known router's advertisements, one a millisecond\n", i+1, c.title)
		if err := l.contend(out, c, runs); err != nil {
			return err
		}
	}
	return l.contendSending(out, sendingCases(v6probe), runs)
}

// sendingCases are who captures while the machine sends packets of its own.
func sendingCases(v6probe string) []*capturer {
	return []*capturer{
		own(v6probe, "v6probe ra -Q in", "ra", "--json", "--passive", "-Q", "in"),
		own(v6probe, "v6probe ra", "ra", "--json", "--passive"),
		other("tcpdump -Q in", "-Q", "in", "-w", os.DevNull, "icmp6"),
		other("tcpdump", "-w", os.DevNull, "icmp6"),
	}
}

// about says how things are measured.
func (l *liveLab) about(out io.Writer, runs int) {
	fmt.Fprintf(out, "live: floods of %v over a veth pair, sent by CPU %d and captured on CPU %d; medians of %d runs.\n"+
		"RAs lost are those of the known router that a program did not show, or, with ≈, what was their share of the frames that\n"+
		"it did not see. CPU is user and system time of the program alone, from its start to its end, and that by a million\n"+
		"frames that it saw. v6probe's output goes to a pipe that is read, tcpdump's to /dev/null. Up to %.0f MiB of a peak may\n"+
		"be this runner's own.\n", liveTime, l.send, l.capture, runs, ownPeak())
	if l.send == l.capture {
		fmt.Fprintln(out, "There is one CPU only, for who sends and who captures: the rates and the losses are those of both.")
	}
}

// present returns the capturers that are installed, and why the others are left out.
func (c *liveCase) present() (found []*capturer, missing []string) {
	for _, who := range c.capturers {
		if _, err := exec.LookPath(who.args[0]); err != nil {
			missing = append(missing, fmt.Sprintf("skipped: %s: %v", who.name, err))
			continue
		}
		found = append(found, who)
	}
	return found, missing
}

// contend runs the capturers of a case, in turn, and prints how they did.
func (l *liveLab) contend(out io.Writer, c *liveCase, runs int) error {
	capturers, missing := c.present()
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, liveHeader)
	notes := missing
	for _, rate := range c.rates {
		all := make([][]liveRun, len(capturers))
		for range runs {
			for i, who := range capturers {
				r, err := l.once(c, who, rate)
				if err != nil {
					return err
				}
				all[i] = append(all[i], r)
			}
		}
		for i, who := range capturers {
			row := liveRow{who.name, rate, all[i]}
			row.print(w)
			notes = append(notes, row.notes()...)
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, n := range notes {
		fmt.Fprintln(out, n)
	}
	return nil
}

// once has one capturer capture one flood.
func (l *liveLab) once(c *liveCase, who *capturer, rate int) (r liveRun, err error) {
	running, err := l.begin(who)
	if err != nil {
		return r, err
	}
	before, err := l.received()
	if err == nil {
		r.poured, err = l.flooder.send(c.flood, rate, knownRouter(int(liveTime/liveTick)), l.stop)
	}
	if err != nil {
		_, _ = running.end(os.Kill) // what it came to is of no interest
		return r, err
	}
	time.Sleep(captureDrains)
	after, err := l.received()
	r.early = r.poured.frames + r.poured.adverts - (after - before)
	r.due = after - before
	if c.filtered {
		r.due = r.poured.adverts
	}
	var err2 error
	r.captured, err2 = running.end(os.Interrupt)
	if len(who.mark) > 0 {
		r.account.adverts = r.marks
	}
	return r, errors.Join(err, err2)
}

// captureDrains is how long a capturer may take for what waits for it when the flood has ended.
const captureDrains = time.Second
