package inject

import (
	"errors"
	"fmt"
	"os"
	"runtime"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// Injector puts frames into one interface. Close takes away all that it needs for that.
type Injector struct {
	pair netlink.Link // one end of it; the other goes with it
	fd   int
}

// Error says what keeps frames from being put in, and what can be done.
type Error struct {
	Err    error
	Advice string
}

func (e *Error) Error() string { return e.Err.Error() }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint says what can be done about it.
func (e *Error) Hint() string { return e.Advice }

// Into prepares to put frames into the interface of that name. A bridge's port is in the hands of who opened it, so that the
// frames take a way round: out of an interface made for that, whose every frame the kernel turns round into the port
// (tc-mirred(8), ingress redirect).
func Into(name string) (*Injector, error) {
	port, err := netlink.LinkByName(name)
	if err != nil {
		return nil, &Error{fmt.Errorf("%s: %w", name, err), "name a port of the bridge: `bridge link` lists them"}
	}
	i := &Injector{fd: -1}
	if err := i.open(port); err != nil {
		i.Close()
		return nil, &Error{fmt.Errorf("inject into %s: %w", name, err),
			"it needs CAP_NET_ADMIN, CAP_NET_RAW and the kernel's act_mirred, cls_u32 and veth"}
	}
	return i, nil
}

func (i *Injector) open(port netlink.Link) error {
	name := fmt.Sprintf("v6p%d", os.Getpid()%10000000)
	pair := &netlink.Veth{LinkAttrs: netlink.LinkAttrs{Name: name + "a", TxQLen: -1}, PeerName: name + "b"}
	if err := netlink.LinkAdd(pair); err != nil {
		return fmt.Errorf("make an interface to send by: %w", err)
	}
	i.pair = pair
	for _, end := range []string{pair.Name, pair.PeerName} {
		// Or it would say things of its own, in the name of the machine behind the port.
		if err := silence(end); err != nil {
			return err
		}
		link, err := netlink.LinkByName(end)
		if err != nil {
			return err
		}
		if err := netlink.LinkSetUp(link); err != nil {
			return err
		}
	}
	index := pair.Attrs().Index
	clsact := &netlink.GenericQdisc{
		QdiscAttrs: netlink.QdiscAttrs{LinkIndex: index, Handle: netlink.MakeHandle(0xffff, 0), Parent: netlink.HANDLE_CLSACT},
		QdiscType:  "clsact",
	}
	if err := netlink.QdiscAdd(clsact); err != nil {
		return fmt.Errorf("clsact: %w", err)
	}
	turn := netlink.NewMirredAction(port.Attrs().Index)
	turn.MirredAction = netlink.TCA_INGRESS_REDIR
	err := netlink.FilterAdd(&netlink.U32{ // without a key it matches all
		FilterAttrs: netlink.FilterAttrs{LinkIndex: index, Parent: netlink.HANDLE_MIN_EGRESS, Priority: 1, Protocol: unix.ETH_P_ALL},
		Actions:     []netlink.Action{turn},
	})
	if err != nil {
		return fmt.Errorf("mirred: %w", err)
	}
	if i.fd, err = unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0); err != nil {
		return err
	}
	return unix.Bind(i.fd, &unix.SockaddrLinklayer{Ifindex: index})
}

// silence keeps IPv6 off an interface. Where IPv6 is off altogether there is nothing to keep off.
func silence(name string) error {
	err := os.WriteFile("/proc/sys/net/ipv6/conf/"+name+"/disable_ipv6", []byte("1"), 0o644)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// Send puts in one Ethernet frame.
func (i *Injector) Send(frame []byte) error {
	_, err := unix.Write(i.fd, frame)
	runtime.KeepAlive(i)
	return err
}

// Close removes the interface that was made.
func (i *Injector) Close() error {
	var err error
	if i.fd >= 0 {
		err, i.fd = unix.Close(i.fd), -1
	}
	if i.pair != nil {
		err = errors.Join(err, netlink.LinkDel(i.pair))
		i.pair = nil
	}
	return err
}
