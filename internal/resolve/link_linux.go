package resolve

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"

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
	list, err := os.ReadFile("/proc/thread-self/net/if_inet6") // /proc/net would show the namespace of the first thread
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return l, fmt.Errorf("%s: addresses: %w", iface, err)
	}
	if err := l.choose(parseAddresses(list), target); err != nil {
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

// address is one of this host's.
type address struct {
	prefix netip.Prefix
	index  int // of its interface
	name   string
	flags  uint64 // IFA_F_…
}

// parseAddresses reads if_inet6: per line the address, the interface's index, the prefix length, the scope and the flags,
// all in hexadecimal, and the interface's name.
func parseAddresses(list []byte) []address {
	var all []address
	for lines := bufio.NewScanner(bytes.NewReader(list)); lines.Scan(); {
		f := strings.Fields(lines.Text())
		if len(f) < 6 {
			continue
		}
		raw, err := hex.DecodeString(f[0])
		index, err2 := strconv.ParseUint(f[1], 16, 31)
		bits, err3 := strconv.ParseUint(f[2], 16, 8)
		flags, err4 := strconv.ParseUint(f[4], 16, 32)
		ip, ok := netip.AddrFromSlice(raw)
		if !ok || !ip.Is6() || errors.Join(err, err2, err3, err4) != nil {
			continue
		}
		all = append(all, address{netip.PrefixFrom(ip, int(bits)), int(index), f[5], flags})
	}
	return all
}

// choose takes over the address to ask from: a link-local one, or else one in the target's prefix. An address of this
// host is asked for from another one of its own, or from :: as duplicate address detection does.
func (l *Link) choose(all []address, target netip.Addr) error {
	var tentative, failed, own []string
	for _, a := range all {
		ip := a.prefix.Addr()
		if ip == target && (a.index == l.Index || !ip.IsLinkLocalUnicast()) {
			l.Own = a.name
		}
		if a.index != l.Index {
			continue
		}
		switch {
		case a.flags&unix.IFA_F_DADFAILED != 0:
			failed = append(failed, ip.String())
			continue
		case a.flags&unix.IFA_F_TENTATIVE != 0:
			tentative = append(tentative, ip.String())
			continue
		}
		own = append(own, ip.String())
		if ip == target {
			l.Prefixes = append(l.Prefixes, a.prefix.Masked())
			continue
		}
		if ip.IsLinkLocalUnicast() {
			if !l.Source.IsValid() || !l.Source.IsLinkLocalUnicast() {
				l.Source = ip
			}
			continue
		}
		l.Prefixes = append(l.Prefixes, a.prefix.Masked())
		if !l.Source.IsValid() && a.prefix.Contains(target) {
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
