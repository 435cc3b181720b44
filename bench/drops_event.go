//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/cilium/ebpf"
	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
)

const (
	dropRounds  = 5
	eventFlood  = 100_000
	stackBudget = 1000 // stacks that v6probe walks on a CPU in a second
	stackSecond = 30   // that second is one of 1<<30 ns of the kernel's clock
)

// eventCase is a kind of packet whose dropping is measured.
type eventCase struct {
	name     string
	frame    []byte
	count    int
	matching bool // it is ICMPv6
	stack    bool // and v6probe walks the stack
	// second is for a measurement within one of the seconds for which there is a budget of stacks, of which the first
	// before packets have been sent unmeasured.
	second bool
	before int
	ns     [][]float64 // of each observer, of each round
}

// events is what programs took for a packet.
type events struct {
	observers []*observer
	cases     []*eventCase
	skipped   []string
}

// eventCases lists the kinds, cheapest first.
func eventCases() []*eventCase {
	const group, groupOf = "ff02::1:ff00:99", "fe80::99" // nobody has joined
	tcp := craft.Segment{From: 49152, To: 9, Flags: craft.SYN, Window: 65535}
	udp := craft.Join([]byte{0xc0, 0, 0, 9, 0, 12, 0, 0}, make([]byte, 4))
	inner := dropFrame(group, 255, craft.NS(groupOf, craft.SLLA(craft.RouterMAC)))
	vxlan := craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800,
		craft.VXLAN("192.0.2.1", "192.0.2.3", 8472, 100, inner)) // no address of the receiver
	return []*eventCase{
		{name: "neither IPv4 nor IPv6", count: eventFlood,
			frame: craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x88b5, make([]byte, 46))},
		{name: "IPv4, TCP", count: eventFlood, frame: dropFrame4(6, tcp.Message("192.0.2.1", "192.0.2.2"))},
		{name: "IPv4, UDP that is no VXLAN", count: eventFlood, frame: dropFrame4(17, udp)},
		{name: "IPv6, TCP", count: eventFlood, frame: craft.EthernetIPv6(craft.RouterMAC, craft.GuestLL,
			craft.IPv6(craft.RouterLL, craft.GuestLL, 64, 6, tcp.Message(craft.RouterLL, craft.GuestLL)))},
		{name: "ICMPv6, group not joined", count: eventFlood, matching: true,
			frame: dropFrame(group, 255, craft.NS(groupOf, craft.SLLA(craft.RouterMAC)))},
		{name: "ICMPv6, hop limit 64", count: eventFlood, matching: true,
			frame: dropFrame(craft.GuestLL, 64, craft.NS(craft.GuestLL, craft.SLLA(craft.RouterMAC)))},
		{name: "ICMPv6 in VXLAN", count: eventFlood, matching: true, frame: vxlan},
		{name: "ICMPv6, filter, no stacks left", count: eventFlood, matching: true, frame: filteredNS(),
			second: true, before: stackBudget + stackBudget/10},
		{name: "ICMPv6, filter, with its stack", count: stackBudget * 9 / 10, matching: true, frame: filteredNS(),
			second: true, stack: true},
	}
}

// measureEvents lets each observer in turn see the same floods, several times.
func (d *dropLab) measureEvents() (e *events, err error) {
	stats, err := ebpf.EnableStats(unix.BPF_STATS_RUN_TIME) // until it is closed, or this process ends
	if err != nil {
		return nil, fmt.Errorf("have the kernel measure its programs: %w", err)
	}
	defer func() { err = errors.Join(err, stats.Close()) }()
	e = &events{cases: eventCases()}
	e.observers, e.skipped = d.observers()
	for _, c := range e.cases {
		c.ns = make([][]float64, len(e.observers))
	}
	for range dropRounds {
		for i, o := range e.observers {
			if err := d.observe(e, i, o); err != nil {
				return nil, fmt.Errorf("%s: %w", o.name, err)
			}
		}
	}
	return e, nil
}

// observe starts observer i and has it see all cases once.
func (d *dropLab) observe(e *events, i int, o *observer) (err error) {
	program, stop, err := d.begin(o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stop()) }()
	for _, c := range e.cases {
		ns, err := d.measureEvent(program, c)
		if err != nil {
			return fmt.Errorf("%s: %w", c.name, err)
		}
		if ns > 0 {
			c.ns[i] = append(c.ns[i], ns)
		}
	}
	return nil
}

// measureEvent returns how long a program takes for one packet, 0 where all measurements were void.
func (d *dropLab) measureEvent(program *ebpf.Program, c *eventCase) (float64, error) {
	const attempts = 5
	for range attempts {
		ns, clean, err := d.tryEvent(program, c)
		if err != nil || clean {
			return ns, err
		}
	}
	return 0, nil
}

// tryEvent measures once. That is clean unless it was too long for its second, or others dropped packets too.
func (d *dropLab) tryEvent(program *ebpf.Program, c *eventCase) (ns float64, clean bool, err error) {
	second := int64(0)
	if c.second {
		if second, err = nextSecond(); err != nil {
			return 0, false, err
		}
	}
	if c.before > 0 {
		if _, _, err := d.measured(program, c.frame, c.before); err != nil {
			return 0, false, err
		}
	}
	if ns, clean, err = d.measured(program, c.frame, c.count); err != nil || !c.second {
		return ns, clean, err
	}
	now, err := monotonic()
	return ns, clean && now>>stackSecond == second, err
}

// measured sends a flood and returns the mean time that a program took for a packet, and whether nearly all of those that
// it saw were the flood's.
func (d *dropLab) measured(program *ebpf.Program, frame []byte, count int) (ns float64, clean bool, err error) {
	before, err := program.Stats()
	if err != nil {
		return 0, false, err
	}
	if _, err := d.flood(frame, count); err != nil {
		return 0, false, err
	}
	for deadline := time.Now().Add(10 * time.Second); ; time.Sleep(100 * time.Microsecond) {
		after, err := program.Stats()
		if err != nil {
			return 0, false, err
		}
		if runs := after.RunCount - before.RunCount; runs >= uint64(count) {
			return float64(after.Runtime-before.Runtime) / float64(runs), runs <= uint64(count+count/100), nil
		}
		if time.Now().After(deadline) {
			return 0, false, fmt.Errorf("only %d of %d packets were dropped", after.RunCount-before.RunCount, count)
		}
	}
}

// nextSecond waits until a second of the budget of stacks begins, and returns its number.
func nextSecond() (int64, error) {
	now, err := monotonic()
	if err != nil {
		return 0, err
	}
	second := now>>stackSecond + 1
	time.Sleep(time.Duration(second<<stackSecond-now) + time.Millisecond)
	return second, nil
}

// monotonic reads the clock that the kernel's programs read.
func monotonic() (int64, error) {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_MONOTONIC, &ts); err != nil {
		return 0, fmt.Errorf("read the clock: %w", err)
	}
	return ts.Nano(), nil
}

// print writes the times, and whether they are what they should be.
func (e *events) print(out io.Writer) {
	fmt.Fprintf(out, "dropped packets: ns that a program on skb:kfree_skb takes for one, as the kernel measures it; medians of %d\n"+
		"rounds of %d packets (%d with stacks). What the empty program takes is the measurement's own.\n\n",
		dropRounds, eventFlood, stackBudget*9/10)
	const name, column = "%-32s", " %10s"
	fmt.Fprintf(out, name, "")
	for _, o := range e.observers {
		fmt.Fprintf(out, column, o.name)
	}
	fmt.Fprintf(out, "  v6probe's own\n")
	for _, c := range e.cases {
		fmt.Fprintf(out, name, c.name)
		for i := range e.observers {
			fmt.Fprintf(out, column, c.word(i))
		}
		fmt.Fprintf(out, "  %s\n", e.verdict(c))
	}
	fmt.Fprintln(out)
	for _, o := range e.observers {
		if o.about != "" {
			fmt.Fprintf(out, "%s: %s\n", o.name, o.about)
		}
	}
	for _, why := range e.skipped {
		fmt.Fprintf(out, "skipped: %s\n", why)
	}
	fmt.Fprintln(out)
}

// word is the median of an observer.
func (c *eventCase) word(observer int) string {
	if len(c.ns[observer]) == 0 {
		return "–"
	}
	return fmt.Sprintf("%.0f", c.median(observer))
}

// median is that of an observer, 0 without any measurement.
func (c *eventCase) median(observer int) float64 {
	if len(c.ns[observer]) == 0 {
		return 0
	}
	return middle(c.ns[observer], func(ns float64) float64 { return ns })
}

// rejectTarget is what a packet that is none of v6probe's may cost, in ns.
const rejectTarget = 20

// verdict says what v6probe's program takes more than the empty one, and holds it against its target: to reject is cheap,
// and to count cheaper than bpftrace's counting. Stacks are not many.
func (e *events) verdict(c *eventCase) string {
	var at [observerRoles]float64
	for i, o := range e.observers {
		at[o.role] = c.median(i)
	}
	if at[roleEmpty] == 0 || at[roleOwn] == 0 {
		return "–"
	}
	more := at[roleOwn] - at[roleEmpty]
	word := fmt.Sprintf("%+5.0f", more)
	switch than := at[roleBpftrace]; {
	case !c.matching:
		return word + met(more <= rejectTarget, fmt.Sprintf("at most %d", rejectTarget))
	case c.stack:
		return word + fmt.Sprintf(", %d times a second at most: %.1f %% of a CPU", stackBudget, at[roleOwn]*stackBudget/1e9*100)
	case than > 0:
		return word + met(at[roleOwn] < than, fmt.Sprintf("less than bpftrace's %+.0f", than-at[roleEmpty]))
	}
	return word
}

// met words a target.
func met(yes bool, target string) string {
	if yes {
		return ", as it should be: " + target
	}
	return ", MISSED: " + target
}
