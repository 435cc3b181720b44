//go:build linux

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/lab/dropzone"
	"v6probe/kernels/wire"
)

// cases runs the plan and tells the host of it.
func cases() error {
	text, err := os.ReadFile(wire.PlanFile)
	if err != nil {
		return err
	}
	var plan wire.Plan
	if err := json.Unmarshal(text, &plan); err != nil {
		return fmt.Errorf("%s: %w", wire.PlanFile, err)
	}
	host, err := openLine("/dev/ttyS0")
	if err != nil {
		return err
	}
	var name unix.Utsname
	if err := unix.Uname(&name); err != nil {
		return err
	}
	err = host.tell(wire.Message{Type: wire.Hello, Kernel: unix.ByteSliceToString(name.Release[:])})
	for _, name := range plan.Cases {
		err = errors.Join(err, host.tell(wire.Message{Type: wire.Begin, Case: name}))
		began := time.Now()
		m := runCase(name, plan)
		m.Type, m.Case, m.Seconds = wire.Done, name, time.Since(began).Seconds()
		err = errors.Join(err, host.tell(m))
	}
	return errors.Join(err, host.tell(wire.Message{Type: wire.End}), host.close())
}

// runCase runs one case within its time.
func runCase(name string, plan wire.Plan) wire.Message {
	limit := plan.Limit
	if name == wire.Healthy {
		limit += plan.Healthy
	}
	ctx, cancel := context.WithTimeout(context.Background(), limit)
	defer cancel()
	switch name {
	case wire.Environment:
		return checkEnvironment(ctx)
	case wire.Counters:
		return checkCounters(ctx)
	case wire.Healthy:
		return judge(dropzone.Healthy(ctx, wire.Binary, plan.Healthy))
	}
	all := dropzone.Cases()
	i := slices.IndexFunc(all, func(c dropzone.Case) bool { return c.Name == name })
	if i < 0 {
		return wire.Message{Result: wire.Differs, Text: "the machine does not know the case"}
	}
	r, err := dropzone.Run(ctx, wire.Binary, all[i])
	return judge(r, err)
}

// judge puts what came of a case into a message.
func judge(r dropzone.Result, err error) wire.Message {
	if missing := (*dropzone.Missing)(nil); errors.As(err, &missing) {
		return wire.Message{Result: wire.Missing, Text: err.Error()}
	}
	lines := r.Differences
	if err != nil {
		lines = append(lines, err.Error())
	}
	if len(lines) == 0 {
		return wire.Message{Result: wire.OK}
	}
	if r.Diagnostics != "" {
		lines = append(lines, "v6probe: "+r.Diagnostics)
	}
	return wire.Message{Result: wire.Differs, Text: strings.Join(lines, "\n")}
}

// line is the serial line to the host.
type line struct{ file *os.File }

// openLine opens a serial line and has the terminal driver pass all bytes as they are.
func openLine(name string) (*line, error) {
	f, err := os.OpenFile(name, os.O_WRONLY|unix.O_NOCTTY, 0)
	if err != nil {
		return nil, err
	}
	t, err := unix.IoctlGetTermios(int(f.Fd()), unix.TCGETS)
	if err == nil {
		t.Oflag &^= unix.OPOST
		t.Lflag &^= unix.ECHO | unix.ICANON | unix.ISIG
		err = unix.IoctlSetTermios(int(f.Fd()), unix.TCSETS, t)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", name, err), f.Close())
	}
	return &line{f}, nil
}

func (l *line) tell(m wire.Message) error {
	text, err := wire.Append(nil, m)
	if err == nil {
		_, err = l.file.Write(text)
	}
	return err
}

// close waits until all is sent: a machine that is turned off sends no more.
func (l *line) close() error {
	const drain = 1 // the argument for which TCSBRK is tcdrain
	return errors.Join(unix.IoctlSetInt(int(l.file.Fd()), unix.TCSBRK, drain), l.file.Close())
}
