//go:build linux

package main

import (
	"encoding/binary"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/cilium/ebpf"
	"github.com/cilium/ebpf/asm"
	"github.com/cilium/ebpf/link"
	"golang.org/x/sys/unix"

	"v6probe/internal/lab"
)

// liveInterface is the name of both ends of the veth pair.
const liveInterface = "eth0"

// flooder sends floods from inside the kernel, as the xdp-trafficgen of xdp-tools does: BPF_PROG_RUN in its live frame mode
// makes frames in memory that is used again, and the program redirects them to the sender's end of the veth pair. What trafgen
// and mausezahn send by a packet socket takes several times as long for a frame, and no core reaches a million a second.
type flooder struct {
	from, to *lab.Namespace
	cpu      int
	index    int       // of the sender's interface
	attached link.Link // a program that passes all: without one, a veth does not take what is redirected
}

func newFlooder(from, to *lab.Namespace, cpu int) (*flooder, error) {
	index, err1 := from.Index(liveInterface)
	peer, err2 := to.Index(liveInterface)
	if err := errors.Join(err1, err2); err != nil {
		return nil, err
	}
	f := &flooder{from: from, to: to, cpu: cpu, index: index}
	const xdpPass = 2
	pass, err := loadXDP("pass", asm.Instructions{asm.Mov.Imm(asm.R0, xdpPass), asm.Return()})
	if err != nil {
		return nil, err
	}
	defer pass.Close()
	err = to.Do(func() (err error) {
		f.attached, err = link.AttachXDP(link.XDPOptions{Program: pass, Interface: peer, Flags: link.XDPDriverMode})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("XDP program of %s: %w", liveInterface, err)
	}
	return f, nil
}

func (f *flooder) Close() error { return f.attached.Close() }

func loadXDP(name string, code asm.Instructions) (*ebpf.Program, error) {
	p, err := ebpf.NewProgram(&ebpf.ProgramSpec{Name: name, Type: ebpf.XDP, License: "GPL", Instructions: code})
	if err != nil {
		return nil, fmt.Errorf("XDP program: %w", err)
	}
	return p, nil
}

// poured is what a flood has come to.
type poured struct {
	frames  int // of the flood
	adverts int // of the known router beside them
	took    time.Duration
}

// rate is in millions of frames a second.
func (s *poured) rate() float64 { return float64(s.frames+s.adverts) / s.took.Seconds() / 1e6 }

const (
	liveTime = 5 * time.Second  // how long a flood lasts
	liveTick = time.Millisecond // how often the known router advertises
)

// send sends a flood for liveTime, rate frames a second or, for 0, as many as there can be, and with it the advertisements,
// one each liveTick. It ends early with stop.
func (f *flooder) send(o *flood, rate int, adverts [][]byte, stop <-chan struct{}) (done poured, err error) {
	now, err := monotonic()
	if err != nil {
		return done, err
	}
	counts, err := ebpf.NewMap(&ebpf.MapSpec{Name: "flood", Type: ebpf.Array, KeySize: 4, ValueSize: 16, MaxEntries: 1})
	if err != nil {
		return done, fmt.Errorf("BPF map: %w", err)
	}
	defer counts.Close()
	// The thread that sends the advertisements waits for this CPU, too, and the program takes a while to load.
	begin := now + (100 * time.Millisecond).Nanoseconds()
	until := func(end int64) error { return counts.Put(uint32(0), [2]uint64{0, uint64(end)}) }
	end := begin + liveTime.Nanoseconds()
	if err := until(end); err != nil {
		return done, err
	}
	program, err := loadXDP("flood", o.code(f.index, counts.FD(), begin, rate))
	if err != nil {
		return done, err
	}
	defer program.Close()
	flooded := make(chan error, 1)
	go func() { flooded <- f.from.Do(func() error { return f.pour(o, program, counts) }) }()
	err = f.from.Do(func() (err error) {
		done.adverts, err = f.advertise(adverts, begin, stop)
		return err
	})
	if err != nil {
		err = errors.Join(err, until(0))
	}
	if err = errors.Join(err, <-flooded); err != nil {
		return done, err
	}
	var counted [2]uint64 // how many, and until when
	err = counts.Lookup(uint32(0), &counted)
	done.frames, done.took = int(counted[0]), liveTime
	return done, err
}

// pour runs the program of a flood until the end that the map has. The kernel takes some 20 ms to begin and to end one run.
func (f *flooder) pour(o *flood, program *ebpf.Program, counts *ebpf.Map) error {
	if err := pin(f.cpu); err != nil { // the thread ends with this
		return err
	}
	const (
		liveFrames = 1 << 1  // BPF_F_TEST_XDP_LIVE_FRAMES, linux/bpf.h
		turns      = 1 << 23 // a second or more, but for what is left of them at the end, when there is nothing to do in a turn
	)
	md := make([]byte, 24) // struct xdp_md
	binary.NativeEndian.PutUint32(md[4:], uint32(len(o.frame)))
	for {
		if _, err := program.Run(&ebpf.RunOptions{Data: o.frame, Context: md, Repeat: turns, Flags: liveFrames}); err != nil {
			return fmt.Errorf("send from an XDP program: %w", err)
		}
		var counted [2]uint64
		err := counts.Lookup(uint32(0), &counted)
		now, err2 := monotonic()
		if err = errors.Join(err, err2); err != nil || now >= int64(counted[1]) {
			return err
		}
	}
}

// advertise sends the known router's advertisements, one each liveTick from begin on.
func (f *flooder) advertise(adverts [][]byte, begin int64, stop <-chan struct{}) (count int, err error) {
	if err := pin(f.cpu); err != nil { // the thread ends with this
		return 0, err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return 0, err
	}
	defer unix.Close(fd)
	if err := errors.Join(unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_QDISC_BYPASS, 1),
		unix.Bind(fd, &unix.SockaddrLinklayer{Ifindex: f.index})); err != nil {
		return 0, err
	}
	for count < len(adverts) {
		now, err := monotonic()
		if err != nil {
			return count, err
		}
		due := begin + int64(count)*liveTick.Nanoseconds()
		if now < due {
			select {
			case <-stop:
				return count, errors.New("interrupted")
			case <-time.After(time.Duration(due - now)):
			}
			continue
		}
		if _, err := unix.Write(fd, adverts[count]); err != nil {
			return count, err
		}
		count++
	}
	return count, nil
}

// code is a program that sends the frame, its spots filled in, out of an interface when it is time to: between begin and the
// end that the map has, as CLOCK_MONOTONIC counts, and not more than rate a second, unless that is 0. It counts
// them in the map. The frame lies in memory that has had others before, their spots filled in.
func (o *flood) code(index, counted int, begin int64, rate int) asm.Instructions {
	const data, number, counts = asm.R6, asm.R8, asm.R9
	code := asm.Instructions{
		asm.LoadMem(data, asm.R1, 0, asm.Word), // struct xdp_md, linux/bpf.h
		asm.LoadMem(asm.R3, asm.R1, 4, asm.Word),
		asm.Mov.Reg(asm.R2, data),
		asm.Add.Imm(asm.R2, int32(len(o.frame))),
		asm.JGT.Reg(asm.R2, asm.R3, "drop"),
		asm.LoadMapValue(counts, counted, 0),
		asm.FnKtimeGetNs.Call(),
		asm.LoadMem(asm.R1, counts, 8, asm.DWord),
		asm.JGE.Reg(asm.R0, asm.R1, "drop"),
		asm.LoadImm(asm.R1, begin, asm.DWord),
		asm.JLT.Reg(asm.R0, asm.R1, "drop"),
		asm.LoadMem(number, counts, 0, asm.DWord),
	}
	if rate > 0 {
		code = append(code, asm.Sub.Reg(asm.R0, asm.R1), asm.Mul.Imm(asm.R0, int32(rate)), asm.Div.Imm(asm.R0, 1e9),
			asm.JLE.Reg(asm.R0, number, "drop"))
	}
	code = append(code, asm.Add.Imm(number, 1), asm.StoreMem(counts, 0, number, asm.DWord))
	last := -1 // the number in the register
	for _, s := range o.spots {
		if s.number != last {
			code, last = append(code, asm.FnGetPrandomU32.Call(), asm.Mov.Reg(number, asm.R0)), s.number
		}
		code = append(code, asm.Mov.Reg(asm.R1, number))
		if s.inverted {
			code = append(code, asm.Xor.Imm(asm.R1, -1))
		}
		code = append(code, asm.StoreMem(data, int16(s.offset), asm.R1, asm.Word))
	}
	const xdpDrop = 1
	return append(code,
		asm.Mov.Imm(asm.R1, int32(index)), asm.Mov.Imm(asm.R2, 0), asm.FnRedirect.Call(), asm.Return(),
		asm.Mov.Imm(asm.R0, xdpDrop).WithSymbol("drop"), asm.Return())
}

// pin keeps this thread, which must be locked and end with its function, on a CPU and before others.
func pin(cpu int) error {
	var one unix.CPUSet
	one.Set(cpu)
	if err := unix.SchedSetaffinity(0, &one); err != nil {
		return fmt.Errorf("CPU %d: %w", cpu, err)
	}
	// Where it cannot be had, others are in the way.
	_ = unix.Setpriority(unix.PRIO_PROCESS, 0, -20)
	return nil
}

// onCPU runs fn on a thread of its own on a CPU, and returns at once.
func onCPU(cpu int, fn func()) {
	go func() {
		runtime.LockOSThread() // for ever: the thread ends with the goroutine
		_ = pin(cpu)           // it is only slower without
		fn()
	}()
}
