//go:build linux

package main

import (
	"errors"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"golang.org/x/sys/unix"
)

// sendFrames is how many packets a machine sends of its own for one figure.
const sendFrames = 1 << 20

// contendSending prints what it costs a machine's own sending that a program captures at the interface: the kernel has
// each packet looked at on its way out. What is sent passes nobody's filter.
func (l *liveLab) contendSending(out io.Writer, capturers []*capturer, runs int) error {
	fmt.Fprintf(out, "\nwhat the machine that captures takes for a packet of its own, ns; medians of %d runs of %d packets\n", runs, sendFrames)
	took := make([][]time.Duration, len(capturers)+1)
	for range runs {
		for i := range took {
			var running *capturing
			var err error
			if i > 0 {
				if running, err = l.begin(capturers[i-1]); err != nil {
					return err
				}
			}
			d, err := l.sendOwn()
			if running != nil {
				_, ended := running.end(unix.SIGINT)
				err = errors.Join(err, ended)
			}
			if err != nil {
				return err
			}
			took[i] = append(took[i], d)
		}
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(w, "captures\tns a packet\tmore than with nobody\t\n")
	var nobody float64
	for i := range took {
		ns := middle(took[i], func(d time.Duration) float64 { return float64(d.Nanoseconds()) / sendFrames })
		name := "nobody"
		if i == 0 {
			nobody = ns
		} else {
			name = capturers[i-1].name
		}
		fmt.Fprintf(w, "%s\t%.0f\t%.0f\t\n", name, ns, ns-nobody)
	}
	return w.Flush()
}

// sendOwn has the receiver, where programs capture, send packets itself, and returns how long that took.
func (l *liveLab) sendOwn() (took time.Duration, err error) {
	index, err := l.receiver.Index(liveInterface)
	if err != nil {
		return 0, err
	}
	frame := udpFlood().frame
	err = l.receiver.Do(func() error {
		if err := pin(l.send); err != nil { // the thread ends with this
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0) // of protocol 0, which nothing comes in by
		if err != nil {
			return fmt.Errorf("packet socket: %w", err)
		}
		defer unix.Close(fd)
		if err := unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: index}); err != nil {
			return fmt.Errorf("bind to %s: %w", liveInterface, err)
		}
		begin := time.Now()
		for range sendFrames {
			if _, err := unix.Write(fd, frame); err != nil && err != unix.ENOBUFS {
				return fmt.Errorf("send by %s: %w", liveInterface, err)
			}
		}
		took = time.Since(begin)
		return nil
	})
	return took, err
}
