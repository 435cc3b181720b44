package host

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// Links returns the interfaces of this network namespace, by index.
func Links() ([]Link, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	list, err := c.links()
	if err != nil {
		return nil, err
	}
	// Only where nothing else tells the underlay: a forwarding database can be long.
	for i := range list {
		l := &list[i]
		if l.Kind == "vxlan" && l.Lower == 0 && !l.Tunnel.Remote.IsValid() {
			l.Tunnel.Remotes = c.remotes(l.Index)
		}
	}
	return list, nil
}

func (c *conn) links() ([]Link, error) {
	var list []Link
	body := make([]byte, unix.SizeofIfInfomsg)
	err := c.dump(unix.RTM_GETLINK, body, func() { list = nil }, func(kind uint16, body []byte) {
		if d, ok := parseLink(body); ok && kind == unix.RTM_NEWLINK {
			list = append(list, d.Link)
		}
	})
	slices.SortFunc(list, func(a, b Link) int { return cmp.Compare(a.Index, b.Index) })
	return list, err
}

// names lists the interfaces for a hint.
func (c *conn) names() string {
	var names []string
	list, _ := c.links()
	for _, l := range list {
		names = append(names, printable(l.Name))
	}
	return strings.Join(names, ", ")
}

// device is a link with what IPv6 is set to on it.
type device struct {
	Link
	conf       int // net.ipv6.conf.DEV.mtu, 0 without IPv6
	advertised int // by a router, 0 for none
}

// device asks for one interface by its index.
func (c *conn) device(index int) (device, error) {
	body := make([]byte, unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	return c.link(body)
}

// named asks for one by its name, or by its index as a zone may have it.
func (c *conn) named(name string) (device, error) {
	if len(name) < unix.IFNAMSIZ {
		body := make([]byte, unix.SizeofIfInfomsg)
		d, err := c.link(appendAttribute(body, unix.IFLA_IFNAME, append([]byte(name), 0)))
		if err == nil {
			return d, nil
		}
	}
	index, err := strconv.ParseInt(name, 10, 32)
	if err != nil || index <= 0 {
		return device{}, unix.ENODEV
	}
	return c.device(int(index))
}

func (c *conn) link(body []byte) (device, error) {
	var d device
	ok := false
	err := c.ask(unix.RTM_GETLINK, 0, body, func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWLINK {
			d, ok = parseLink(body)
		}
	})
	if err == nil && !ok {
		err = errors.New("rtnetlink: no answer")
	}
	return d, err
}

// devconfMTU is the place of the MTU among the IPv6 settings (linux/ipv6.h, DEVCONF_MTU6).
const devconfMTU = 2

// parseLink reads a struct ifinfomsg and its attributes.
func parseLink(b []byte) (device, bool) {
	var d device
	if len(b) < unix.SizeofIfInfomsg {
		return d, false
	}
	d.Index = int(int32(u32(b[4:])))
	d.Up = u32(b[8:])&unix.IFF_UP != 0
	loopback := u32(b[8:])&unix.IFF_LOOPBACK != 0
	var info []byte
	for kind, v := range attributes(b[unix.SizeofIfInfomsg:]) {
		switch kind {
		case unix.IFLA_IFNAME:
			d.Name = text(v)
		case unix.IFLA_MTU:
			d.MTU = int(u32(v))
		case unix.IFLA_MASTER:
			d.Master = int(u32(v))
		case unix.IFLA_LINK:
			d.Lower = int(u32(v))
		case unix.IFLA_LINK_NETNSID:
			d.Foreign = true
		case unix.IFLA_LINKINFO:
			info = v
		case unix.IFLA_AF_SPEC:
			d.parseIPv6(v)
		}
	}
	d.parseInfo(info)
	if d.Kind == "" && loopback {
		d.Kind = "loopback"
	}
	if d.Kind == "veth" { // the other end is not below
		d.Lower, d.Foreign = 0, false
	}
	if d.Foreign || d.Lower == d.Index { // an index means something else elsewhere; some devices name themselves
		d.Lower = 0
	}
	return d, true
}

// parseIPv6 reads IFLA_AF_SPEC: the settings that IPv6 has on the interface.
func (d *device) parseIPv6(b []byte) {
	for family, v := range attributes(b) {
		if family != unix.AF_INET6 {
			continue
		}
		for kind, v := range attributes(v) {
			switch {
			case kind == unix.IFLA_INET6_CONF && len(v) >= 4*(devconfMTU+1):
				d.conf = int(u32(v[4*devconfMTU:]))
			case kind == unix.IFLA_INET6_RA_MTU:
				d.advertised = int(u32(v))
			}
		}
	}
}

// parseInfo reads IFLA_LINKINFO: the kind and what is particular to it.
func (d *device) parseInfo(b []byte) {
	var data []byte
	for kind, v := range attributes(b) {
		switch kind {
		case unix.IFLA_INFO_KIND:
			d.Kind = text(v)
		case unix.IFLA_INFO_DATA:
			data = v
		}
	}
	t := new(Tunnel)
	switch d.Kind {
	case "tun":
		for kind, v := range attributes(data) {
			if kind == unix.IFLA_TUN_TYPE && u8(v) == unix.IFF_TAP {
				d.Kind = "tap"
			}
		}
		return
	case "vxlan":
		d.Lower = t.parseVXLAN(data)
	case "geneve":
		t.parseGeneve(data)
	case "gre", "gretap", "ip6gre", "ip6gretap":
		d.Lower = t.parseGRE(data, strings.HasPrefix(d.Kind, "ip6"))
	case "sit", "ipip", "ip6tnl":
		d.Lower = t.parseIP(data, d.Kind == "ip6tnl")
	case "wireguard":
	default:
		return
	}
	d.Tunnel = t
}

// remotes returns the ends that the forwarding database of a VXLAN names. Without an answer there are none.
func (c *conn) remotes(index int) []netip.Addr {
	if c.strict() != nil {
		return nil
	}
	body := make([]byte, sizeofNdmsg)
	body[0] = unix.AF_BRIDGE
	binary.NativeEndian.PutUint32(body[4:], uint32(index))
	var list []netip.Addr
	err := c.dump(unix.RTM_GETNEIGH, body, func() { list = nil }, func(_ uint16, body []byte) {
		if len(body) < sizeofNdmsg || int(u32(body[4:])) != index || len(list) >= maxRemotes {
			return
		}
		for kind, v := range attributes(body[sizeofNdmsg:]) {
			if a := address(v); kind == unix.NDA_DST && a.IsValid() && !slices.Contains(list, a) {
				list = append(list, a)
			}
		}
	})
	if err != nil {
		return nil
	}
	return list
}

// sizeofNdmsg is the size of struct ndmsg (linux/neighbour.h); the interface's index is at offset 4.
const sizeofNdmsg = 12

// text reads a string that ends with a zero.
func text(b []byte) string {
	s, _, _ := bytes.Cut(b, []byte{0})
	return string(s)
}

// address reads an address that is set.
func address(b []byte) netip.Addr {
	a, ok := netip.AddrFromSlice(b)
	if !ok || a.IsUnspecified() {
		return netip.Addr{}
	}
	return a
}
