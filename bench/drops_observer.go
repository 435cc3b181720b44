//go:build linux

package main

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
)

// observer brings a program to the kernel that runs for every dropped packet.
type observer struct {
	name  string
	about string
	role  observerRole
	args  []string // the command, or none for the empty program, which is loaded from here
}

type observerRole int

const (
	roleEmpty observerRole = iota
	roleOwn
	roleBpftrace
	roleBpftraceStack
	observerRoles // how many there are
)

// observers returns those that can be had, and why the others cannot.
func (d *dropLab) observers() (list []*observer, missing []string) {
	const (
		probe   = "tracepoint:skb:kfree_skb { @[args->reason, args->location, ((struct sk_buff *)args->skbaddr)->dev->ifindex"
		counted = "] = count(); }"
	)
	all := []*observer{
		{name: "empty", role: roleEmpty},
		{name: "v6probe", role: roleOwn, args: []string{d.v6probe, "drops", "--for", "0", "--json"}},
		{name: "bpftrace", role: roleBpftrace, args: []string{"bpftrace", "-e", probe + counted},
			about: "counts all packets by reason, location and ifindex"},
		{name: "and kstack", role: roleBpftraceStack, args: []string{"bpftrace", "-e", probe + ", kstack(6)" + counted},
			about: "as bpftrace, by six frames of the stack too"},
	}
	for _, o := range all {
		if len(o.args) > 0 {
			if _, err := exec.LookPath(o.args[0]); err != nil {
				missing = append(missing, o.name+": "+err.Error())
				continue
			}
		}
		list = append(list, o)
	}
	return list, missing
}

// begin starts an observer and returns its program in the kernel when that runs, and what stops it.
func (d *dropLab) begin(o *observer) (*ebpf.Program, func() error, error) {
	if len(o.args) == 0 {
		return loadEmpty()
	}
	cmd := exec.Command(o.args[0], o.args[1:]...)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := d.receiver.Start(cmd); err != nil {
		return nil, nil, err
	}
	end := func() error {
		err := errors.Join(cmd.Process.Kill(), cmd.Wait())
		if status, ok := cmd.ProcessState.Sys().(syscall.WaitStatus); ok && status.Signal() == syscall.SIGKILL {
			return nil
		}
		return fmt.Errorf("%w: %s", err, bytes.TrimSpace(said.Bytes()))
	}
	program, err := d.awaitProgram(cmd.Process.Pid)
	if err != nil {
		return nil, nil, errors.Join(err, end())
	}
	return program, func() error { return errors.Join(program.Close(), end()) }, nil
}

// awaitProgram waits until a process has a program in the kernel that sees packets dropped. Until then it may have others
// for moments, by which it finds out what the kernel can do.
func (d *dropLab) awaitProgram(pid int) (*ebpf.Program, error) {
	for deadline := time.Now().Add(20 * time.Second); time.Now().Before(deadline); time.Sleep(time.Millisecond) {
		id := programOf(pid)
		if id == 0 {
			continue
		}
		program, err := ebpf.NewProgramFromID(id)
		if err != nil {
			continue // it is gone by now
		}
		_, err = d.flood(filteredNS(), 1)
		stats, err2 := program.Stats()
		if err = errors.Join(err, err2); err == nil && stats.RunCount > 0 {
			return program, nil
		}
		if err = errors.Join(err, program.Close()); err != nil {
			return nil, err
		}
	}
	return nil, errors.New("it has no program in the kernel that runs when packets are dropped")
}

// programOf returns the number of the program that a process has open, 0 for none.
func programOf(pid int) ebpf.ProgramID {
	files, _ := filepath.Glob(fmt.Sprintf("/proc/%d/fdinfo/*", pid)) // of a right pattern there is no error
	for _, name := range files {
		text, err := os.ReadFile(name)
		if err != nil {
			continue // closed since
		}
		if id, ok := programID(string(text)); ok {
			return id
		}
	}
	return 0
}

// programID finds the number in what the kernel says of a file.
func programID(fdinfo string) (ebpf.ProgramID, bool) {
	for line := range strings.Lines(fdinfo) {
		if number, ok := strings.CutPrefix(line, "prog_id:"); ok {
			id, err := strconv.ParseUint(strings.TrimSpace(number), 10, 32)
			return ebpf.ProgramID(id), err == nil && id != 0
		}
	}
	return 0, false
}

// loadEmpty attaches a program that does nothing, in the way of v6probe's.
func loadEmpty() (*ebpf.Program, func() error, error) {
	program, err := ebpf.NewProgram(&ebpf.ProgramSpec{
		Name: "empty", Type: ebpf.Tracing, AttachType: ebpf.AttachTraceRawTp, AttachTo: "kfree_skb", License: "GPL",
		Instructions: asm.Instructions{asm.Mov.Imm(asm.R0, 0), asm.Return()},
	})
	if err != nil {
		return nil, nil, err
	}
	attached, err := link.AttachTracing(link.TracingOptions{Program: program})
	if err != nil {
		return nil, nil, errors.Join(err, program.Close())
	}
	return program, func() error { return errors.Join(attached.Close(), program.Close()) }, nil
}
