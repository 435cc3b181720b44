package pmtu

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// Live is the network as a Transport. Its methods are for one goroutine.
type Live struct {
	ctx     context.Context
	matcher *matcher
	iface   string // "" for any
	index   int    // of iface, 0 for any
	to      unix.SockaddrInet6

	// The sockets; -1 for none.
	out  int // sends packets that have their own header
	icmp int // hears messages
	tcp  int // hears TCP segments
	tap  int // hears messages as they come in on the interface, before any filter

	screen screen
	denied []Reply // of the probes that a filter of this host held, to be received
	packet []byte  // room for what is sent
	buffer []byte  // and received
	oob    []byte

	wake int           // an eventfd, readable once ctx has ended
	stop func() bool   // of the context's function that makes it so
	woke chan struct{} // closed when that is done
}

// Open returns a Live. It takes the capability CAP_NET_RAW: the error is a *PermissionError without it. When ctx ends,
// Receive does.
func Open(ctx context.Context, o Options) (*Live, error) {
	l := &Live{ctx: ctx, out: -1, icmp: -1, tcp: -1, tap: -1, wake: -1, woke: make(chan struct{}),
		buffer: make([]byte, 1<<16), oob: make([]byte, 256)}
	if err := l.open(o); err != nil {
		l.Close()
		if errors.Is(err, fs.ErrPermission) {
			return nil, &PermissionError{err}
		}
		return nil, err
	}
	l.stop = context.AfterFunc(ctx, func() {
		defer close(l.woke)
		unix.Write(l.wake, []byte{1, 1, 1, 1, 1, 1, 1, 1}) // any number but 0: nobody reads it
	})
	return l, nil
}

func (l *Live) open(o Options) error {
	if o.Port == 0 {
		o.Port = DefaultPort
	}
	if o.UDPPort == 0 {
		o.UDPPort = DefaultUDPPort
	}
	if err := l.address(o); err != nil {
		return err
	}
	source, err := l.openOut(o.Source.WithZone(""))
	if err != nil {
		return err
	}
	l.matcher = newMatcher(newWire(source, o.Target, o.Port, o.UDPPort))
	if l.icmp, err = l.listenICMP(); err != nil {
		return err
	}
	if l.tcp, err = l.listenTCP(); err != nil {
		return err
	}
	// It only adds to what is found out.
	if l.tap, err = openTap(source, l.index); err != nil {
		l.tap = -1
	}
	if l.wake, err = unix.Eventfd(0, unix.EFD_NONBLOCK|unix.EFD_CLOEXEC); err != nil {
		return os.NewSyscallError("eventfd", err)
	}
	return nil
}

// openOut opens the socket that sends. It returns the source address, which is the one given if that is valid.
func (l *Live) openOut(source netip.Addr) (netip.Addr, error) {
	var err error
	if l.out, err = l.socket(unix.IPPROTO_RAW); err != nil {
		return source, err
	}
	// Without it the kernel refuses what is longer than its route cache says.
	err = unix.SetsockoptInt(l.out, unix.IPPROTO_IPV6, unix.IPV6_MTU_DISCOVER, unix.IPV6_PMTUDISC_INTERFACE)
	if err != nil {
		return source, os.NewSyscallError("setsockopt IPV6_MTU_DISCOVER", err)
	}
	if l.iface != "" {
		if err := unix.BindToDevice(l.out, l.iface); err != nil {
			return source, os.NewSyscallError("setsockopt SO_BINDTODEVICE", err)
		}
	}
	if !source.IsValid() {
		if source, err = l.choose(); err != nil {
			return source, err
		}
	}
	return source, l.bind(l.out, source) // routes may depend on the source
}

// address takes over where packets go.
func (l *Live) address(o Options) error {
	if !o.Target.Is6() || o.Target.Is4In6() || o.Target.IsMulticast() || o.Target.IsUnspecified() {
		return &SendError{fmt.Sprintf("%v is not the IPv6 address of one host", o.Target), ""}
	}
	if l.iface = o.Interface; l.iface == "" {
		l.iface = o.Target.Zone()
	}
	if l.iface != "" {
		if err := l.find(); err != nil {
			return err
		}
	}
	l.to.Addr = o.Target.As16()
	if o.Target.IsLinkLocalUnicast() && l.index == 0 {
		return &SendError{fmt.Sprintf("%v is link-local: each interface has its own", o.Target),
			"name the interface: -i IFACE"}
	}
	return nil
}

// find finds the interface, whose name may be its index, as in a zone.
func (l *Live) find() error {
	ifi, err := net.InterfaceByName(l.iface)
	if n, e := strconv.Atoi(l.iface); err != nil && e == nil {
		ifi, err = net.InterfaceByIndex(n)
	}
	if err != nil {
		return &SendError{l.iface + ": no such interface", "ip link shows which there are"}
	}
	l.iface, l.index = ifi.Name, ifi.Index
	return nil
}

// choose returns the source address that the kernel takes for the target (RFC 6724).
func (l *Live) choose() (netip.Addr, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return netip.Addr{}, os.NewSyscallError("socket", err)
	}
	defer unix.Close(fd)
	if l.iface != "" {
		if err := unix.BindToDevice(fd, l.iface); err != nil {
			return netip.Addr{}, os.NewSyscallError("setsockopt SO_BINDTODEVICE", err)
		}
	}
	to := l.to
	to.Port = DefaultUDPPort // nothing is sent
	if err := unix.Connect(fd, &to); err != nil {
		return netip.Addr{}, l.refused(err, 0)
	}
	own, err := unix.Getsockname(fd)
	if err != nil {
		return netip.Addr{}, os.NewSyscallError("getsockname", err)
	}
	return netip.AddrFrom16(own.(*unix.SockaddrInet6).Addr), nil
}

// Source returns the address that probes are sent from.
func (l *Live) Source() netip.Addr { return l.matcher.source }

// Now returns the time.
func (l *Live) Now() time.Time { return time.Now() }

// Send sends a probe. That a filter or a full queue of this host's drops it is no error; the first shows in Held.
func (l *Live) Send(p Probe) error {
	b, err := l.matcher.build(l.packet, p)
	if err != nil {
		return err
	}
	l.packet = b
	l.matcher.add(p)
	switch err := unix.Sendto(l.out, b, unix.MSG_DONTWAIT, &l.to); err {
	case nil, unix.ENOBUFS, unix.EAGAIN:
		return nil
	case unix.EPERM:
		l.denied = append(l.denied, Reply{ID: p.ID, Type: Held, Time: time.Now()})
		return nil
	default:
		return l.refused(err, p.Size)
	}
}

// refused words what the system says to sending a packet of that size to the target.
func (l *Live) refused(err error, size int) error {
	target := netip.AddrFrom16(l.to.Addr).String()
	route, link := "ip -6 route get "+target, "ip link set IFACE"
	if l.iface != "" {
		route, link = route+" oif "+l.iface, "ip link set "+l.iface
	}
	route = "see what the routing table says: " + route
	switch err {
	case unix.ENETUNREACH:
		return &SendError{"no route to " + target, route}
	case unix.EHOSTUNREACH, unix.EACCES, unix.EINVAL: // "unreachable", "prohibit" and "blackhole" in the routing table
		return &SendError{fmt.Sprintf("the route to %s refuses packets: %v", target, err), route}
	case unix.EADDRNOTAVAIL:
		return &SendError{"no address to reach " + target + " from", "see ip -6 addr: one may be missing, or tentative still"}
	case unix.ENETDOWN, unix.ENODEV, unix.ENXIO:
		return &SendError{fmt.Sprintf("the interface to %s is down: %v", target, err), "bring it up: " + link + " up"}
	case unix.EMSGSIZE:
		return &SendError{fmt.Sprintf("%d bytes are more than the MTU of this host's own interface", size),
			"send less, or raise it: " + link + " mtu BYTES"}
	}
	return &SendError{fmt.Sprintf("send to %s: %v", target, err), ""}
}

// Close frees the sockets. It must not be called while Receive runs: end its context instead.
func (l *Live) Close() error {
	if l.stop != nil && !l.stop() {
		<-l.woke
	}
	l.stop = nil
	var err error
	for _, fd := range []*int{&l.out, &l.icmp, &l.tcp, &l.tap, &l.wake} {
		if *fd >= 0 {
			err = errors.Join(err, os.NewSyscallError("close", unix.Close(*fd)))
		}
		*fd = -1
	}
	return err
}
