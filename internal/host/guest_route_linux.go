package host

import (
	"cmp"
	"net/netip"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sys/unix"
)

// maxDefaultRoutes bounds what is kept.
const maxDefaultRoutes = 256

// DefaultRoutes returns the IPv6 default routes of all tables, those of the main one first, then by metric. The name of a device
// is printable.
func DefaultRoutes() ([]DefaultRoute, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	var list []DefaultRoute
	body := make([]byte, unix.SizeofRtMsg)
	body[0] = unix.AF_INET6
	err = c.dump(unix.RTM_GETROUTE, body, func() { list = nil }, func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWROUTE && len(list) < maxDefaultRoutes {
			list = append(list, parseDefaultRoute(body)...)
		}
	})
	if err != nil {
		return nil, err
	}
	links, err := c.links()
	for i := range list {
		r := &list[i]
		r.Device = strconv.Itoa(r.Index)
		for _, l := range links {
			if l.Index == r.Index {
				r.Device = printable(l.Name)
			}
		}
	}
	slices.SortStableFunc(list, func(a, b DefaultRoute) int {
		return cmp.Or(cmp.Compare(tableRank(a.Table), tableRank(b.Table)), cmp.Compare(a.Metric, b.Metric))
	})
	return list, err
}

func tableRank(t uint32) uint32 {
	if t == MainTable {
		return 0
	}
	return t + 1
}

// parseDefaultRoute reads a struct rtmsg and its attributes: nothing where it is no default route of IPv6.
func parseDefaultRoute(b []byte) []DefaultRoute {
	if len(b) < unix.SizeofRtMsg || b[0] != unix.AF_INET6 || b[1] != 0 {
		return nil
	}
	flags := u32(b[8:])
	if flags&unix.RTM_F_CLONED != 0 {
		return nil
	}
	r := DefaultRoute{Table: uint32(b[4]), Protocol: protocolName(b[5]), Expires: Forever}
	switch b[7] {
	case unix.RTN_UNICAST:
	case unix.RTN_UNREACHABLE:
		r.Refusing = "unreachable"
	case unix.RTN_PROHIBIT:
		r.Refusing = "prohibit"
	case unix.RTN_BLACKHOLE:
		r.Refusing = "blackhole"
	default:
		return nil
	}
	r.setFlags(flags)
	var several []byte
	for kind, v := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_SRC:
			if a, ok := netip.AddrFromSlice(v); ok && int(b[2]) <= a.BitLen() {
				r.From = netip.PrefixFrom(a, int(b[2]))
			}
		case unix.RTA_OIF:
			r.Index = int(int32(u32(v)))
		case unix.RTA_GATEWAY:
			r.Gateway = address(v)
		case unix.RTA_PRIORITY:
			r.Metric = u32(v)
		case unix.RTA_TABLE:
			r.Table = u32(v)
		case unix.RTA_PREF:
			r.Preference = u8(v) & 3
		case unix.RTA_CACHEINFO: // rta_expires is the third number; 0 is never
			if left := int32(u32(v[min(8, len(v)):])); left != 0 {
				r.Expires = max(time.Duration(left)*clockTick, 0)
			}
		case unix.RTA_MULTIPATH:
			several = v
		}
	}
	if several != nil {
		return r.split(several)
	}
	return []DefaultRoute{r}
}

func (r *DefaultRoute) setFlags(flags uint32) {
	r.Dead, r.LinkDown = flags&unix.RTNH_F_DEAD != 0, flags&unix.RTNH_F_LINKDOWN != 0
}

// split reads the struct rtnexthops of a route of several routers.
func (r *DefaultRoute) split(b []byte) []DefaultRoute {
	var list []DefaultRoute
	for len(b) >= unix.SizeofRtNexthop && len(list) < maxDefaultRoutes {
		n := int(native16(b))
		if n < unix.SizeofRtNexthop || n > len(b) {
			break
		}
		one := *r
		one.setFlags(uint32(b[2]))
		one.Index = int(int32(u32(b[4:])))
		for kind, v := range attributes(b[unix.SizeofRtNexthop:n]) {
			if kind == unix.RTA_GATEWAY {
				one.Gateway = address(v)
			}
		}
		list = append(list, one)
		b = b[min(align(n), len(b)):]
	}
	return list
}

// protocolName names RTPROT_… as iproute2 does.
func protocolName(n uint8) string {
	switch n {
	case unix.RTPROT_UNSPEC:
		return "unspec"
	case unix.RTPROT_REDIRECT:
		return "redirect"
	case unix.RTPROT_KERNEL:
		return "kernel"
	case unix.RTPROT_BOOT:
		return "boot"
	case unix.RTPROT_STATIC:
		return "static"
	case unix.RTPROT_RA:
		return "ra"
	case unix.RTPROT_ZEBRA:
		return "zebra"
	case unix.RTPROT_BIRD:
		return "bird"
	case unix.RTPROT_DHCP:
		return "dhcp"
	case unix.RTPROT_KEEPALIVED:
		return "keepalived"
	case unix.RTPROT_BGP:
		return "bgp"
	case unix.RTPROT_OSPF:
		return "ospf"
	}
	return strconv.Itoa(int(n))
}
