//go:build linux

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// measureDrops prints what counting drops costs: for each packet, in a flood, and at the start.
func measureDrops(out io.Writer, v6probe string) (err error) {
	file, err := exec.LookPath(v6probe)
	if err != nil {
		return err
	}
	d, err := newDropLab(v6probe)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Close()) }()
	events, err := d.measureEvents()
	if err != nil {
		return err
	}
	events.print(out)
	floods, err := d.measureFloods()
	if err != nil {
		return err
	}
	floods.print(out)
	starts, err := d.measureStarts()
	if err != nil {
		return err
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	median := middle(starts, func(took time.Duration) time.Duration { return took })
	fmt.Fprintf(out, "v6probe counts %.0f ms after its start (median of %d); the program is %.1f MiB\n",
		median.Seconds()*1000, len(starts), float64(info.Size())/(1<<20))
	return nil
}

// dropLab is a network whose receiver drops all that it is sent, and why is for the frame to say.
type dropLab struct {
	v6probe          string
	cpu              int // where packets are sent and, by that, received
	sender, receiver *lab.Namespace
}

const dropInterface = "eth0" // at both ends

// dropRules count what they drop, so that there is a number to hold v6probe's against. They let no neighbor discovery
// pass but that with a wrong hop limit.
const dropRules = `table ip6 bench {
	counter ns { }
	chain in {
		type filter hook input priority 0
		tcp dport 9 drop
		ip6 hoplimit 255 ip6 daddr ` + craft.GuestLL + ` icmpv6 type nd-neighbor-solicit counter name ns drop
	}
}
table ip bench {
	chain in {
		type filter hook prerouting priority 0
		ip daddr 192.0.2.2 drop
	}
}`

func newDropLab(v6probe string) (*dropLab, error) {
	cpu, err := lastCPU()
	if err != nil {
		return nil, err
	}
	d := &dropLab{v6probe: v6probe, cpu: cpu}
	if d.sender, err = lab.New(); err != nil {
		return nil, err
	}
	if d.receiver, err = lab.New(); err != nil {
		return nil, errors.Join(err, d.sender.Close())
	}
	if err := d.build(); err != nil {
		return nil, errors.Join(err, d.Close())
	}
	return d, nil
}

func (d *dropLab) build() error {
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	// The sender says nothing of its own, so that all that the receiver gets is the flood.
	if err := errors.Join(d.receiver.SkipDAD(), d.receiver.Sysctl("ipv6/conf/default/router_solicitations", "0"),
		d.sender.Sysctl("ipv6/conf/default/disable_ipv6", "1")); err != nil {
		return err
	}
	if err := lab.Veth(lab.End{NS: d.sender, Name: dropInterface, MAC: craft.RouterMAC},
		lab.End{NS: d.receiver, Name: dropInterface, MAC: craft.GuestMAC}); err != nil {
		return err
	}
	if _, err := d.receiver.WaitLinkLocal(ctx, dropInterface); err != nil {
		return err
	}
	return d.receiver.Firewall(ctx, dropRules)
}

func (d *dropLab) Close() error { return errors.Join(d.receiver.Close(), d.sender.Close()) }

// flood sends a frame count times and returns how long that took, the dropping with it.
func (d *dropLab) flood(frame []byte, count int) (time.Duration, error) {
	return d.sender.Flood(dropInterface, frame, count, d.cpu)
}

// lastCPU returns the last CPU that this process may use: the first has the most interrupts.
func lastCPU() (int, error) {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return 0, fmt.Errorf("list the CPUs: %w", err)
	}
	last := 0
	for cpu, left := 0, set.Count(); left > 0; cpu++ {
		if set.IsSet(cpu) {
			last = cpu
			left--
		}
	}
	return last, nil
}

// dropFrame returns a frame to the receiver, or to the group that dst is, with an ICMPv6 message.
func dropFrame(dst string, hopLimit uint8, msg []byte) []byte {
	ip := craft.IPv6(craft.RouterLL, dst, hopLimit, 58, craft.ICMPv6(craft.RouterLL, dst, msg))
	return craft.EthernetIPv6(craft.RouterMAC, dst, ip)
}

// filteredNS is a solicitation that dropRules drop.
func filteredNS() []byte {
	return dropFrame(craft.GuestLL, 255, craft.NS(craft.GuestLL, craft.SLLA(craft.RouterMAC)))
}

// dropFrame4 returns a frame to the receiver with an IPv4 packet.
func dropFrame4(protocol uint8, payload []byte) []byte {
	ip := craft.IPv4("192.0.2.1", "192.0.2.2", protocol, payload)
	return craft.Ethernet(craft.MAC(craft.GuestMAC), craft.MAC(craft.RouterMAC), nil, 0x0800, ip)
}
