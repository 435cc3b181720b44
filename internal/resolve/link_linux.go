package resolve

import (
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

	"v6probe/internal/ifaddr"
	"v6probe/internal/packet"
)

// Find looks at the interface for what asking for target needs. A *Refusal says why it cannot be asked there.
func Find(iface string, target netip.Addr) (Link, error) {
	l := Link{Name: iface}
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return l, &Refusal{iface + ": no such interface", "interfaces here: " + strings.Join(names(), ", ")}
	}
	l.Index = ifi.Index
	if ethernet, err := isEthernet(iface); err != nil {
		return l, fmt.Errorf("%s: hardware type: %w", iface, err)
	} else if !ethernet || len(ifi.HardwareAddr) != len(l.MAC) {
		return l, &Refusal{iface + " has no Ethernet addresses: there is nothing to resolve", "ask on an Ethernet interface, a bridge or a VLAN"}
	}
	if ifi.Flags&net.FlagUp == 0 {
		return l, &Refusal{iface + ": the interface is down", "bring it up: ip link set " + iface + " up"}
	}
	if ifi.Flags&net.FlagRunning == 0 {
		return l, &Refusal{iface + " has no carrier: nothing leaves it", "see its cable, or the other end of a veth or tap: ip link show " + iface}
	}
	l.MAC = packet.MAC(ifi.HardwareAddr)
	all, err := ifaddr.List()
	if err != nil {
		return l, fmt.Errorf("%s: addresses: %w", iface, err)
	}
	if err := l.choose(all, target); err != nil {
		return l, err
	}
	l.Cached = cached(ifi.Index, target)
	if l.Own != "" {
		l.Cached, l.OwnMACs = packet.MAC{}, otherMACs(l.MAC)
	}
	return l, nil
}

// names lists the interfaces of this host.
func names() []string {
	var list []string
	all, _ := net.Interfaces()
	for _, ifi := range all {
		list = append(list, ifi.Name)
	}
	return list
}

// otherMACs lists the Ethernet addresses of this host's interfaces but for mac.
func otherMACs(mac packet.MAC) []packet.MAC {
	var list []packet.MAC
	all, _ := net.Interfaces()
	for _, ifi := range all {
		if len(ifi.HardwareAddr) == len(mac) && packet.MAC(ifi.HardwareAddr) != mac {
			list = append(list, packet.MAC(ifi.HardwareAddr))
		}
	}
	return list
}

// isEthernet reports whether the interface has the hardware type of Ethernet.
func isEthernet(name string) (bool, error) {
	fd, err := unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return false, err
	}
	defer unix.Close(fd)
	ifr, err := unix.NewIfreq(name)
	if err != nil {
		return false, err
	}
	if err := unix.IoctlIfreq(fd, unix.SIOCGIFHWADDR, ifr); err != nil {
		return false, err
	}
	return ifr.Uint16() == unix.ARPHRD_ETHER, nil
}

// choose takes over the address to ask from: a link-local one, or else one in the target's prefix. An address of this
// host is asked for from another one of its own, or from :: as duplicate address detection does.
func (l *Link) choose(all []ifaddr.Address, target netip.Addr) error {
	var tentative, failed, own []string
	for _, a := range all {
		ip := a.Prefix.Addr()
		if ip == target && (a.Index == l.Index || !ip.IsLinkLocalUnicast()) {
			l.Own = a.Name
		}
		if a.Index != l.Index {
			continue
		}
		switch {
		case a.Flags&unix.IFA_F_DADFAILED != 0:
			failed = append(failed, ip.String())
			continue
		case a.Flags&unix.IFA_F_TENTATIVE != 0:
			tentative = append(tentative, ip.String())
			continue
		}
		own = append(own, ip.String())
		if ip == target {
			l.Prefixes = append(l.Prefixes, a.Prefix.Masked())
			continue
		}
		if ip.IsLinkLocalUnicast() {
			if !l.Source.IsValid() || !l.Source.IsLinkLocalUnicast() {
				l.Source = ip
			}
			continue
		}
		l.Prefixes = append(l.Prefixes, a.Prefix.Masked())
		if !l.Source.IsValid() && a.Prefix.Contains(target) {
			l.Source = ip
		}
	}
	switch {
	case l.Source.IsValid():
		return nil
	case l.Own != "":
		l.Source = netip.IPv6Unspecified()
		return nil
	case len(tentative) > 0:
		return &Refusal{fmt.Sprintf("%s has no address to ask from yet: %s is tentative, duplicate address detection is under way",
			l.Name, strings.Join(tentative, ", ")), "try again in a few seconds"}
	case len(failed) > 0:
		return &Refusal{fmt.Sprintf("%s has no address to ask from: %s is a duplicate of another station's", l.Name, strings.Join(failed, ", ")),
			"see who has it: v6probe nd -i " + l.Name}
	case len(own) > 0:
		return &Refusal{fmt.Sprintf("%s has no address to ask from: no link-local one, and none in the prefix of %v", l.Name, target),
			"set net.ipv6.conf." + l.Name + ".addr_gen_mode to 0, or add one: ip addr add fe80::…/64 dev " + l.Name}
	}
	return &Refusal{l.Name + " has no IPv6 address to ask from",
		"a bridge port or a bridge of a KVM host has none: ask from the guest or the router, or see net.ipv6.conf." + l.Name + ".disable_ipv6"}
}

// Attributes of a neighbor message (linux/neighbour.h), and the size of its fixed part.
const (
	attributeDestination = 1 // NDA_DST
	attributeLinkLayer   = 2 // NDA_LLADDR
	sizeofNdmsg          = 12
)

// cached returns the Ethernet address that this host's neighbor cache has of target, zero for none. It only looks.
func cached(index int, target netip.Addr) packet.MAC {
	table, err := syscall.NetlinkRIB(syscall.RTM_GETNEIGH, syscall.AF_INET6)
	if err != nil {
		return packet.MAC{}
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return packet.MAC{}
	}
	for i := range messages {
		if m := &messages[i]; m.Header.Type == syscall.RTM_NEWNEIGH {
			if mac, ok := neighbor(m.Data, index, target); ok {
				return mac
			}
		}
	}
	return packet.MAC{}
}

// neighbor reads a struct ndmsg and its attributes: the Ethernet address, if it is about target on that interface.
func neighbor(b []byte, index int, target netip.Addr) (packet.MAC, bool) {
	// ndm_ifindex comes after the family and padding.
	if len(b) < sizeofNdmsg || int(binary.NativeEndian.Uint32(b[4:])) != index {
		return packet.MAC{}, false
	}
	var mac packet.MAC
	same, has := false, false
	for b = b[sizeofNdmsg:]; len(b) >= unix.SizeofRtAttr; {
		n := int(binary.NativeEndian.Uint16(b))
		if n < unix.SizeofRtAttr || n > len(b) {
			break
		}
		value := b[unix.SizeofRtAttr:n]
		switch binary.NativeEndian.Uint16(b[2:]) {
		case attributeDestination:
			a, ok := netip.AddrFromSlice(value)
			same = ok && a == target
		case attributeLinkLayer:
			if has = len(value) == len(mac); has {
				mac = packet.MAC(value)
			}
		}
		b = b[min((n+unix.RTA_ALIGNTO-1)&^(unix.RTA_ALIGNTO-1), len(b)):]
	}
	return mac, same && has
}
