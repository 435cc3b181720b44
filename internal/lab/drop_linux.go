package lab

import (
	"fmt"
	"runtime"
	"unsafe"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// DropXDP has an interface drop all that comes in by an XDP program: in its driver, or, if generic, in the kernel's
// substitute for drivers that cannot. The program stays until the interface goes.
func (n *Namespace) DropXDP(name string, generic bool) error {
	const xdpDrop = 1 // XDP_DROP, linux/bpf.h
	fd, err := dropProgram(unix.BPF_PROG_TYPE_XDP, xdpDrop)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	flags := unix.XDP_FLAGS_DRV_MODE
	if generic {
		flags = unix.XDP_FLAGS_SKB_MODE
	}
	return n.withLink(name, "attach an XDP program to", func(l netlink.Link) error {
		return netlink.LinkSetXdpFdWithFlags(l, fd, flags)
	})
}

// DropTC has tc drop the IPv6 that comes in at an interface, or that goes out if egress.
func (n *Namespace) DropTC(name string, egress bool) error {
	const shot = 2 // TC_ACT_SHOT, linux/pkt_cls.h
	fd, err := dropProgram(unix.BPF_PROG_TYPE_SCHED_CLS, shot)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	parent := uint32(netlink.HANDLE_MIN_INGRESS)
	if egress {
		parent = netlink.HANDLE_MIN_EGRESS
	}
	return n.withLink(name, "attach a program of tc to", func(l netlink.Link) error {
		index := l.Attrs().Index
		qdisc := &netlink.GenericQdisc{QdiscType: "clsact", QdiscAttrs: netlink.QdiscAttrs{
			LinkIndex: index, Parent: netlink.HANDLE_CLSACT, Handle: netlink.MakeHandle(0xffff, 0)}}
		if err := netlink.QdiscAdd(qdisc); err != nil {
			return err
		}
		return netlink.FilterAdd(&netlink.BpfFilter{
			FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: parent, Handle: 1, Protocol: unix.ETH_P_IPV6, Priority: 1},
			Fd:          fd, Name: "drop", DirectAction: true,
		})
	})
}

// dropProgram loads the shortest program there is of a kind, one that returns verdict, and returns its descriptor.
func dropProgram(kind uint32, verdict uint8) (int, error) {
	// struct bpf_insn, linux/bpf.h: code, registers, offset (16 bits), immediate (32 bits).
	program := [...]uint64{
		0xb7 | uint64(verdict)<<32, // r0 = verdict
		0x95,                       // exit
	}
	license := [...]byte{'G', 'P', 'L', 0}
	var pinned runtime.Pinner // attr has their addresses as numbers, which do not keep them where they are
	defer pinned.Unpin()
	pinned.Pin(&program)
	pinned.Pin(&license)
	// The beginning of the part of union bpf_attr for BPF_PROG_LOAD; the kernel takes what is left out for zero.
	attr := struct {
		kind, count    uint32
		insns, license uint64
		_              [2]uint64
	}{
		kind: kind, count: uint32(len(program)),
		insns:   uint64(uintptr(unsafe.Pointer(&program))),
		license: uint64(uintptr(unsafe.Pointer(&license))),
	}
	fd, _, errno := unix.Syscall(unix.SYS_BPF, unix.BPF_PROG_LOAD, uintptr(unsafe.Pointer(&attr)), unsafe.Sizeof(attr))
	if errno != 0 {
		return -1, fmt.Errorf("load a program that drops: %w", errno)
	}
	return int(fd), nil
}
