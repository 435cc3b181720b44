package lab

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"time"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// End is one end of a veth pair: a new interface of that name in NS. An empty MAC leaves the choice to the kernel.
type End struct {
	NS   *Namespace
	Name string
	MAC  string
}

// Veth joins two namespaces, which may be the same, with a pair of interfaces, both up.
func Veth(a, b End) error {
	aMAC, err := parseMAC(a.MAC)
	if err != nil {
		return err
	}
	bMAC, err := parseMAC(b.MAC)
	if err != nil {
		return err
	}
	err = a.NS.Do(func() error {
		return netlink.LinkAdd(&netlink.Veth{
			LinkAttrs:        netlink.LinkAttrs{Name: a.Name, HardwareAddr: aMAC, TxQLen: -1},
			PeerName:         b.Name,
			PeerHardwareAddr: bMAC,
			PeerNamespace:    netlink.NsFd(b.NS.file.Fd()),
		})
	})
	if err != nil {
		return fmt.Errorf("veth %s-%s: %w", a.Name, b.Name, err)
	}
	return errors.Join(a.NS.SetUp(a.Name), b.NS.SetUp(b.Name))
}

// parseMAC parses an Ethernet address; "" is nil.
func parseMAC(s string) (net.HardwareAddr, error) {
	if s == "" {
		return nil, nil
	}
	return net.ParseMAC(s)
}

// AddBridge adds a bridge that is up and has the given interfaces as ports. Like CloudStack's bridges it has no IPv6 of
// its own. It does not snoop multicast.
func (n *Namespace) AddBridge(name string, ports ...string) error {
	snooping := false
	err := n.add(&netlink.Bridge{
		LinkAttrs:         netlink.LinkAttrs{Name: name, TxQLen: -1},
		MulticastSnooping: &snooping,
	})
	if err != nil {
		return err
	}
	if err := n.Sysctl("ipv6/conf/"+name+"/disable_ipv6", "1"); err != nil {
		return err
	}
	for _, port := range ports {
		if err := n.AddPort(name, port); err != nil {
			return err
		}
	}
	return n.SetUp(name)
}

// AddPort makes the interface port a port of the bridge, without IPv6 of its own, as CloudStack has its ports.
func (n *Namespace) AddPort(bridge, port string) error {
	if err := n.Sysctl("ipv6/conf/"+port+"/disable_ipv6", "1"); err != nil {
		return err
	}
	return n.withLink(bridge, "use", func(b netlink.Link) error {
		p, err := netlink.LinkByName(port)
		if err != nil {
			return err
		}
		return netlink.LinkSetMaster(p, b)
	})
}

// VXLAN says what a VXLAN device is like.
type VXLAN struct {
	VNI    int
	Port   int    // UDP: 8472 or 4789
	Local  string // address of the underlay
	Remote string // the other end, or a multicast group
	Device string // the interface of the underlay; may be empty for a unicast Remote
	MAC    string
}

// AddVXLAN adds a VXLAN device that is up.
func (n *Namespace) AddVXLAN(name string, v VXLAN) error {
	mac, err := parseMAC(v.MAC)
	if err != nil {
		return err
	}
	device := 0
	if v.Device != "" {
		if device, err = n.Index(v.Device); err != nil {
			return err
		}
	}
	err = n.add(&netlink.Vxlan{
		LinkAttrs:    netlink.LinkAttrs{Name: name, HardwareAddr: mac, TxQLen: -1},
		VxlanId:      v.VNI,
		VtepDevIndex: device,
		SrcAddr:      net.ParseIP(v.Local),
		Group:        net.ParseIP(v.Remote),
		Port:         v.Port,
		Learning:     true,
	})
	if err != nil {
		return err
	}
	return n.SetUp(name)
}

// AddTap adds a tap interface that is up and returns its other side: what is written there the interface receives.
// The interface goes when the file is closed.
func (n *Namespace) AddTap(name, mac string) (*os.File, error) {
	address, err := parseMAC(mac)
	if err != nil {
		return nil, err
	}
	tap := &netlink.Tuntap{
		LinkAttrs:  netlink.LinkAttrs{Name: name},
		Mode:       netlink.TUNTAP_MODE_TAP,
		Flags:      netlink.TUNTAP_NO_PI,
		NonPersist: true,
		Queues:     1,
	}
	if err := n.add(tap); err != nil {
		return nil, err
	}
	if address != nil {
		err = n.withLink(name, "set the address of", func(l netlink.Link) error {
			return netlink.LinkSetHardwareAddr(l, address)
		})
	}
	if err = errors.Join(err, n.SetUp(name)); err != nil {
		tap.Fds[0].Close()
		return nil, err
	}
	return tap.Fds[0], nil
}

// SetUp sets an interface up.
func (n *Namespace) SetUp(name string) error { return n.withLink(name, "set up", netlink.LinkSetUp) }

// SetDown sets an interface down.
func (n *Namespace) SetDown(name string) error {
	return n.withLink(name, "set down", netlink.LinkSetDown)
}

// Delete removes an interface.
func (n *Namespace) Delete(name string) error { return n.withLink(name, "delete", netlink.LinkDel) }

// Index returns the index of an interface.
func (n *Namespace) Index(name string) (int, error) {
	index := 0
	err := n.withLink(name, "find", func(l netlink.Link) error {
		index = l.Attrs().Index
		return nil
	})
	return index, err
}

// SkipDAD lets interfaces that are added from now on use their addresses at once, as CloudStack sets its routers.
func (n *Namespace) SkipDAD() error { return n.Sysctl("ipv6/conf/default/accept_dad", "0") }

// AddAddress gives an interface an address such as "fd00::1/64", without duplicate address detection, so that it is of
// use at once.
func (n *Namespace) AddAddress(name, cidr string) error {
	address, err := netlink.ParseAddr(cidr)
	if err != nil {
		return err
	}
	if address.IP.To4() == nil {
		address.Flags = unix.IFA_F_NODAD
	}
	return n.withLink(name, "add "+cidr+" to", func(l netlink.Link) error { return netlink.AddrAdd(l, address) })
}

// Addresses returns the IPv6 addresses of an interface that are not tentative, the prefix length of each with it.
func (n *Namespace) Addresses(name string) ([]netip.Prefix, error) {
	var all []netip.Prefix
	err := n.withLink(name, "list the addresses of", func(l netlink.Link) error {
		list, err := netlink.AddrList(l, netlink.FAMILY_V6)
		for _, a := range list {
			if a.Flags&unix.IFA_F_TENTATIVE != 0 {
				continue
			}
			ip, _ := netip.AddrFromSlice(a.IP)
			bits, _ := a.Mask.Size()
			all = append(all, netip.PrefixFrom(ip, bits))
		}
		return err
	})
	return all, err
}

// WaitAddress waits until the interface has an address for which ok, one that is not tentative, and returns it.
func (n *Namespace) WaitAddress(ctx context.Context, name string, ok func(netip.Addr) bool) (netip.Addr, error) {
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		all, err := n.Addresses(name)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // the list changed while it was read
			return netip.Addr{}, err
		}
		for _, p := range all {
			if ok(p.Addr()) {
				return p.Addr(), nil
			}
		}
		select {
		case <-ctx.Done():
			return netip.Addr{}, fmt.Errorf("wait for an address on %s: %w; it has %v", name, ctx.Err(), all)
		case <-tick.C:
		}
	}
}

// WaitLinkLocal waits until the interface has a link-local address that it may use.
func (n *Namespace) WaitLinkLocal(ctx context.Context, name string) (netip.Addr, error) {
	return n.WaitAddress(ctx, name, netip.Addr.IsLinkLocalUnicast)
}

func (n *Namespace) add(l netlink.Link) error {
	if err := n.Do(func() error { return netlink.LinkAdd(l) }); err != nil {
		return fmt.Errorf("add the %s interface %s: %w", l.Type(), l.Attrs().Name, err)
	}
	return nil
}

// withLink runs f inside the namespace with the named interface. verb is for the error.
func (n *Namespace) withLink(name, verb string, f func(netlink.Link) error) error {
	err := n.Do(func() error {
		l, err := netlink.LinkByName(name)
		if err != nil {
			return err
		}
		return f(l)
	})
	if err != nil {
		return fmt.Errorf("%s %s: %w", verb, name, err)
	}
	return nil
}
