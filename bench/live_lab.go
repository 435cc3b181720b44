//go:build linux

package main

import (
	"errors"
	"fmt"
	"os"

	"golang.org/x/sys/unix"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// liveLab is a veth pair: what the sender sends, who is at the receiver captures. Neither has IPv6 of its own, as the ports of
// a bridge have none, so that there is nothing but what is sent on purpose.
type liveLab struct {
	sender, receiver *lab.Namespace
	flooder          *flooder
	send             int // the CPU of who sends, which receives as well
	capture          int // that of who captures
	spare            int // that of who reads what is written
	stop             <-chan struct{}
}

func newLiveLab() (l *liveLab, err error) {
	l = new(liveLab)
	if err := l.choose(); err != nil {
		return nil, err
	}
	if l.sender, err = lab.New(); err != nil {
		return nil, err
	}
	if l.receiver, err = lab.New(); err != nil {
		return nil, errors.Join(err, l.sender.Close())
	}
	err = errors.Join(l.sender.Sysctl("ipv6/conf/default/disable_ipv6", "1"),
		l.receiver.Sysctl("ipv6/conf/default/disable_ipv6", "1"))
	if err == nil {
		err = lab.Veth(lab.End{NS: l.sender, Name: liveInterface, MAC: craft.RouterMAC},
			lab.End{NS: l.receiver, Name: liveInterface, MAC: craft.GuestMAC})
	}
	if err == nil {
		l.flooder, err = newFlooder(l.sender, l.receiver, l.send)
	}
	if err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

func (l *liveLab) Close() error {
	var err error
	if l.flooder != nil {
		err = l.flooder.Close()
	}
	return errors.Join(err, l.receiver.Close(), l.sender.Close())
}

// choose chooses the CPUs: as many different ones as there are.
func (l *liveLab) choose() error {
	var set unix.CPUSet
	if err := unix.SchedGetaffinity(0, &set); err != nil {
		return fmt.Errorf("list the CPUs: %w", err)
	}
	var cpus []int
	for cpu := 0; len(cpus) < set.Count(); cpu++ {
		if set.IsSet(cpu) {
			cpus = append(cpus, cpu)
		}
	}
	last := len(cpus) - 1
	l.send, l.capture, l.spare = cpus[last], cpus[max(0, last-1)], cpus[last]
	if last >= 2 {
		l.spare = cpus[last-2]
	}
	return nil
}

// received returns how many frames the receiver's interface has got.
func (l *liveLab) received() (n int, err error) {
	err = l.receiver.Do(func() error {
		device, err := os.ReadFile("/proc/thread-self/net/dev")
		if err == nil {
			var bytes int
			_, err = fmt.Sscan(textAfter(string(device), liveInterface+":"), &bytes, &n)
		}
		return err
	})
	return n, err
}
