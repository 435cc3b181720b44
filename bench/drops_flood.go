//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"time"
)

const floodSize = 1_000_000

// flooded is how a flood went while v6probe counted it.
type flooded struct {
	took     time.Duration
	received int // by the receiver's interface
	ruled    int // dropped by the rule, as it counted
	heard    heard
	seconds  int64         // for each of which there was a budget of stacks
	cpu      time.Duration // that v6probe used during the flood
	peak     float64       // MiB of resident memory
}

// exact reports whether nothing is missing.
func (f *flooded) exact() bool {
	return f.heard.total+f.heard.mapFull == f.received && f.heard.filtered == f.ruled
}

// floods are some floods, each with v6probe after one without.
type floods struct {
	without []time.Duration
	with    []flooded
}

// measureFloods has v6probe count floods to the packet.
func (d *dropLab) measureFloods() (*floods, error) {
	f := new(floods)
	for range dropRounds {
		took, err := d.flood(filteredNS(), floodSize)
		if err != nil {
			return nil, err
		}
		f.without = append(f.without, took)
		one, err := d.countFlood()
		if err != nil {
			return nil, err
		}
		f.with = append(f.with, one)
	}
	return f, nil
}

// countFlood sends one flood while v6probe counts.
func (d *dropLab) countFlood() (f flooded, err error) {
	c, err := d.startCounting()
	if err != nil {
		return f, err
	}
	err = d.floodCounted(&f, c)
	out, err2 := c.end(os.Interrupt)
	if err = errors.Join(err, err2); err != nil {
		return f, err
	}
	f.heard, err = parseCounted(out)
	return f, err
}

// floodCounted sends a flood while c counts, and notes what is known of it apart from what c says.
func (d *dropLab) floodCounted(f *flooded, c *counting) error {
	received, ruled, err1 := d.received()
	began, err2 := monotonic()
	cpu, _, err3 := c.usage()
	if err := errors.Join(err1, err2, err3); err != nil {
		return err
	}
	var err error
	if f.took, err = d.flood(filteredNS(), floodSize); err != nil {
		return err
	}
	deadline := time.Now().Add(10 * time.Second)
	for ; f.received < floodSize || f.ruled < floodSize; time.Sleep(time.Millisecond) {
		r, n, err := d.received()
		if err != nil {
			return err
		}
		if f.received, f.ruled = r-received, n-ruled; time.Now().After(deadline) {
			break // the numbers will tell
		}
	}
	ended, err1 := monotonic()
	after, peak, err2 := c.usage()
	f.seconds, f.cpu, f.peak = ended>>stackSecond-began>>stackSecond+1, after-cpu, peak
	return errors.Join(err1, err2)
}

// received returns how many packets the receiver's interface has got, and how many the rule has dropped.
func (d *dropLab) received() (packets, ruled int, err error) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	text, err := d.receiver.Output(ctx, "nft", "list", "counter", "ip6", "bench", "ns")
	if err != nil {
		return 0, 0, err
	}
	if ruled, err = numberAfter(text, "packets"); err != nil {
		return 0, 0, err
	}
	err = d.receiver.Do(func() error {
		// Of two columns that begin with the bytes: those of what was received and of what was sent.
		device, err := os.ReadFile("/proc/thread-self/net/dev")
		if err != nil {
			return err
		}
		_, columns, _ := strings.Cut(string(device), dropInterface+":")
		fields := strings.Fields(columns)
		if len(fields) < 2 {
			return errors.New("the kernel does not count what " + dropInterface + " receives")
		}
		packets, err = strconv.Atoi(fields[1])
		return err
	})
	return packets, ruled, err
}

// numberAfter returns the number that follows a word in text.
func numberAfter(text, word string) (n int, err error) {
	_, rest, _ := strings.Cut(text, word)
	if _, err := fmt.Sscan(rest, &n); err != nil {
		return 0, fmt.Errorf("no number after %q in %q", word, text)
	}
	return n, nil
}

// print writes the rates, and what was counted of each flood.
func (f *floods) print(out io.Writer) {
	rate := func(took time.Duration) float64 { return floodSize / took.Seconds() / 1e6 }
	without := middle(f.without, func(took time.Duration) time.Duration { return took })
	with := middle(f.with, func(f flooded) time.Duration { return f.took })
	var ratios []float64
	for i := range f.with {
		ratios = append(ratios, f.without[i].Seconds()/f.with[i].took.Seconds())
	}
	fmt.Fprintf(out, "%d floods of %d solicitations that a filter drops, on the CPU that sends them: medians of %.2f million a\n"+
		"second without v6probe and %.2f with it; ratios of neighbors %.2f (%.2f–%.2f)\n", len(f.with), floodSize, rate(without),
		rate(with), middle(ratios, func(r float64) float64 { return r }), slices.Min(ratios), slices.Max(ratios))
	for i := range f.with {
		f.with[i].print(out)
	}
	cpu := middle(f.with, func(f flooded) time.Duration { return f.cpu })
	peak := middle(f.with, func(f flooded) float64 { return f.peak })
	fmt.Fprintf(out, "v6probe itself used %.3f s of CPU in a flood of %.1f s, and %.1f MiB\n\n",
		cpu.Seconds(), with.Seconds(), peak)
}

// print writes the numbers of one flood.
func (f *flooded) print(out io.Writer) {
	verdict := "exact"
	if !f.exact() {
		verdict = "MISSED"
	}
	most := f.seconds * stackBudget * int64(runtime.NumCPU())
	budget := "within"
	if int64(f.heard.stacks) > most {
		budget = "MORE THAN"
	}
	fmt.Fprintf(out, "  received %d, dropped by the rule %d, counted %d (%d at the filter) and %d without room: %s; "+
		"%d stacks, %s %d in %d s\n",
		f.received, f.ruled, f.heard.total, f.heard.filtered, f.heard.mapFull, verdict, f.heard.stacks, budget, most, f.seconds)
}
