package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"os"
	"time"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"v6probe/internal/packet"
)

// The kernel hands over a block when it is full or, so that nothing is seen late, when it has aged. A block that has aged
// may hold one frame only, so it takes many of them: while frames trickle in, the reader may be busy elsewhere for as
// long as all blocks together need to age, 2.5 s, before any is lost.
const (
	ringBlock   = 128 << 10 // bytes; a frame may be as long
	ringDefault = 16 << 20
	retireAfter = 20 * time.Millisecond
)

// OpenLive starts a capture on the interface of that name, or on all for AnyInterface. An *InterfaceError says what is
// wrong with the interface, a *PermissionError that the system does not allow it.
func OpenLive(iface string, o LiveOptions) (*Live, error) {
	l := &Live{name: iface, fd: -1, ignoreOutgoing: o.IgnoreOutgoing, filter: o.Filter}
	var ifi *net.Interface
	if iface != AnyInterface {
		var err error
		if ifi, err = interfaceByName(iface); err != nil {
			return nil, err
		}
	}
	// Of protocol 0 the socket hears nothing yet, so that no frame can precede the filter.
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		if errors.Is(err, os.ErrPermission) {
			return nil, &PermissionError{Name: iface, Err: err}
		}
		return nil, fmt.Errorf("%s: packet socket: %w", iface, err)
	}
	if err := l.setUp(fd, ifi, o); err != nil {
		unix.Close(fd)
		if l.ring.mem != nil {
			unix.Munmap(l.ring.mem)
		}
		if l.wake != nil {
			l.wake.close()
		}
		return nil, err
	}
	l.fd = fd
	return l, nil
}

func interfaceByName(name string) (*net.Interface, error) {
	list, err := net.Interfaces()
	if err != nil {
		return nil, fmt.Errorf("%s: list of interfaces: %w", name, err)
	}
	for i := range list {
		if list[i].Name == name {
			return &list[i], nil
		}
	}
	return nil, noSuchInterface(name)
}

// setUp makes fd a capturing socket: on ifi, or on all interfaces if that is nil.
func (l *Live) setUp(fd int, ifi *net.Interface, o LiveOptions) error {
	var program []bpf.Instruction
	var err error
	if ifi == nil {
		l.ifaces = make(map[int]*packet.Interface)
		program, err = anyFilterProgram(l.filter)
	} else {
		var link packet.LinkType
		if link, err = linkTypeByName(fd, ifi.Name); err != nil {
			return err
		}
		l.iface = interfaceOf(ifi, link)
		program, err = filterProgram(l.filter, link)
	}
	if err != nil {
		return err
	}
	if err := attach(fd, program); err != nil {
		return fmt.Errorf("%s: packet filter: %w", l.name, err)
	}
	if err := l.makeRing(fd, o); err != nil {
		return fmt.Errorf("%s: packet ring: %w", l.name, err)
	}
	if l.wake, err = newWaker(); err != nil {
		return err
	}
	return l.bind(fd)
}

// linkTypeByName asks for the hardware type of an interface.
func linkTypeByName(fd int, name string) (packet.LinkType, error) {
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return 0, noSuchInterface(name)
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, ifr); err != nil {
		if err == unix.ENODEV {
			return 0, noSuchInterface(name)
		}
		return 0, fmt.Errorf("%s: hardware type: %w", name, err)
	}
	hardware := ifr.Uint16() // the family of the hardware address
	link, ok := linkTypeOf(hardware)
	if !ok {
		return 0, &InterfaceError{
			Name:   name,
			Reason: fmt.Sprintf("frames of hardware type %d cannot be decoded", hardware),
			advice: "what can be is Ethernet, loopback, tun and IP tunnels",
		}
	}
	return link, nil
}

func attach(fd int, program []bpf.Instruction) error {
	raw, err := bpf.Assemble(program)
	if err != nil {
		return err
	}
	code := make([]unix.SockFilter, len(raw))
	for i, ins := range raw {
		code[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(code)), Filter: &code[0]})
}

func (l *Live) makeRing(fd int, o LiveOptions) error {
	size := o.Buffer
	if size <= 0 {
		size = ringDefault
	}
	blocks := max((size+ringBlock-1)/ringBlock, 2) // one to be filled while the other is read
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	// Room in front of each frame for the VLAN tag that the kernel takes out.
	if err := unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_RESERVE, tagLength); err != nil {
		return err
	}
	// Frames are packed in version 3; their size here only has to add up.
	const frame = 2048
	err := unix.SetsockoptTpacketReq3(fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &unix.TpacketReq3{
		Block_size:     ringBlock,
		Block_nr:       uint32(blocks),
		Frame_size:     frame,
		Frame_nr:       uint32(blocks * (ringBlock / frame)),
		Retire_blk_tov: uint32(retireAfter / time.Millisecond),
	})
	if err != nil {
		return err
	}
	if o.IgnoreOutgoing {
		// It only saves work, and kernels before 4.20 lack it: read leaves outgoing frames out all the same.
		unix.SetsockoptInt(fd, unix.SOL_PACKET, unix.PACKET_IGNORE_OUTGOING, 1)
	}
	l.ring.blockSize = ringBlock
	l.ring.mem, err = unix.Mmap(fd, 0, blocks*ringBlock, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
	return err
}

// bind starts the capture.
func (l *Live) bind(fd int) error {
	address := unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16([]byte{0, unix.ETH_P_ALL})}
	if l.iface != nil {
		address.Ifindex = l.iface.Index
	}
	if err := unix.Bind(fd, &address); err != nil {
		if err == unix.ENODEV {
			return noSuchInterface(l.name)
		}
		return fmt.Errorf("%s: bind: %w", l.name, err)
	}
	if l.iface == nil {
		return nil
	}
	if code, err := unix.GetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_ERROR); err != nil {
		return os.NewSyscallError("getsockopt", err)
	} else if unix.Errno(code) == unix.ENETDOWN {
		return interfaceIsDown(l.name)
	}
	l.join(fd)
	return nil
}

// join has the interface hear what is to be found. One that runs IPv6 is made to hear three groups and is not put into
// promiscuous mode: radvd takes that for a change of the interface, and advertises anew because it is watched. One
// without IPv6, on a hypervisor or under a tunnel, may hear next to nothing by itself, so that one is. What an interface
// hears anyway is enough for most of what is to be found, and a refusal no failure.
func (l *Live) join(fd int) {
	if !runsIPv6(l.name) {
		unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(l.iface.Index), Type: unix.PACKET_MR_PROMISC})
		return
	}
	// ff02::1, ff02::2 and ff02::1:2, all nodes, routers and DHCPv6 servers, as Ethernet addresses (RFC 2464 §7).
	for _, group := range [][8]byte{{0x33, 0x33, 0, 0, 0, 1}, {0x33, 0x33, 0, 0, 0, 2}, {0x33, 0x33, 0, 1, 0, 2}} {
		unix.SetsockoptPacketMreq(fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
			&unix.PacketMreq{Ifindex: int32(l.iface.Index), Type: unix.PACKET_MR_MULTICAST, Alen: 6, Address: group})
	}
}

// runsIPv6 reports whether the kernel speaks IPv6 on the interface.
func runsIPv6(name string) bool {
	off, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + name + "/disable_ipv6")
	return err == nil && len(off) > 0 && off[0] == '0'
}
