package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"time"

	"golang.org/x/sys/unix"
)

// clockTick is the unit of time in what the kernel tells of routes, 1/USER_HZ.
const clockTick = time.Second / 100

// Route asks the kernel how it reaches target: by iface, "" for whichever, from source, invalid for whichever. Target may be
// an IPv4 address, for the underlay of a tunnel. A *Refusal says why there is no way.
func Route(target netip.Addr, iface string, source netip.Addr) (Way, error) {
	w := Way{Target: target}
	c, err := dial()
	if err != nil {
		return w, err
	}
	defer c.close()
	oif, err := c.scope(target, iface)
	if err != nil {
		return w, err
	}
	cached, err := c.route(target, source, oif, 0)
	if err != nil {
		return w, unreachable(c, target, oif, err)
	}
	own, err := c.route(target, source, oif, unix.RTM_F_FIB_MATCH)
	if err != nil {
		return w, unreachable(c, target, oif, err)
	}
	device, err := c.device(cached.oif)
	if err != nil {
		return w, fmt.Errorf("interface %d of the route to %v: %w", cached.oif, target, err)
	}
	w.Device, w.Index, w.DeviceMTU = device.Name, device.Index, device.MTU
	w.Gateway, w.Source, w.RouteMTU = cached.gateway, cached.prefsrc, own.mtu
	if source.IsValid() {
		w.Source = source
	}
	if target.Is6() {
		w.ConfMTU, w.Advertised = device.conf, device.advertised
	}
	if w.Local = cached.kind == unix.RTN_LOCAL; w.Local {
		if holder, err := c.device(own.oif); err == nil {
			w.Holder = holder.Name
		}
	}
	if cached.learned(own.mtu) {
		w.CachedMTU, w.CachedExpires = cached.mtu, cached.expires
	}
	w.settle()
	return w, nil
}

// scope returns the index of the interface that a lookup is bound to, by the name or by target's zone, 0 for none.
func (c *conn) scope(target netip.Addr, iface string) (int, error) {
	zone := target.Zone()
	if zone == "" {
		zone = iface
	}
	switch {
	case zone == "" && (target.IsLinkLocalUnicast() || target.IsLinkLocalMulticast()) && target.Is6():
		return 0, &Refusal{fmt.Sprintf("%v is a link-local address: it needs an interface", target),
			fmt.Sprintf("say which, as %v%%eth0 or with -i; interfaces here: %s", target, c.names())}
	case zone == "":
		return 0, nil
	}
	l, err := c.named(zone)
	if err != nil {
		return 0, &Refusal{printable(zone) + ": no such interface", "interfaces here: " + c.names()}
	}
	if iface == "" || l.Name == iface {
		return l.Index, nil
	}
	if other, err := c.named(iface); err != nil || other.Index != l.Index {
		return 0, &Refusal{fmt.Sprintf("%v is on another interface than %s", target, printable(iface)), "leave one of them out"}
	}
	return l.Index, nil
}

// unreachable words the kernel's refusal to tell a route.
func unreachable(c *conn, target netip.Addr, oif int, err error) error {
	family, by := "-6", ""
	if target.Is4() {
		family = "-4"
	}
	show := "ip " + family + " route show"
	if l, err := c.device(oif); oif != 0 && err == nil {
		by = " by " + printable(l.Name)
		if !l.Up {
			return &Refusal{printable(l.Name) + ": the interface is down", "bring it up: ip link set " + printable(l.Name) + " up"}
		}
		show += " dev " + printable(l.Name)
	}
	get := fmt.Sprintf("find it: ip %s route get fibmatch %v", family, target)
	switch {
	case errors.Is(err, unix.ENETUNREACH):
		return &Refusal{fmt.Sprintf("no route to %v%s", target, by),
			"there must be an address of its scope and a route, mostly the default one: " + show + "; ip " + family + " addr"}
	case errors.Is(err, unix.EHOSTUNREACH):
		return &Refusal{fmt.Sprintf("%v%s: a route of this host says unreachable", target, by), get}
	case errors.Is(err, unix.EACCES):
		return &Refusal{fmt.Sprintf("%v%s: a route of this host says prohibit", target, by), get}
	case errors.Is(err, unix.EINVAL):
		return &Refusal{fmt.Sprintf("%v%s: a route of this host says blackhole", target, by), get}
	case errors.Is(err, unix.EOPNOTSUPP), errors.Is(err, unix.EAFNOSUPPORT):
		return &Refusal{"this kernel runs without IPv6", "look for ipv6.disable=1 in /proc/cmdline, or load it: modprobe ipv6"}
	}
	return fmt.Errorf("route to %v%s: %w", target, by, err)
}

// route is what the kernel tells of one route.
type route struct {
	dst       netip.Addr // valid if it is to one address
	kind      uint8      // RTN_…
	flags     uint32     // RTM_F_…
	oif       int
	gateway   netip.Addr
	prefsrc   netip.Addr
	mtu       int // 0 for none of its own
	expires   time.Duration
	multipath bool // by several routers at once
}

// learned reports whether it is an exception that a Packet Too Big made, where own is the MTU given to the route.
func (r *route) learned(own int) bool {
	return r.flags&unix.RTM_F_CLONED != 0 && r.mtu > 0 && r.mtu != own && r.expires > 0
}

// route looks up one target. The flags are 0 for what a packet would meet, exceptions included, and RTM_F_FIB_MATCH for the
// route as it was set.
func (c *conn) route(target, source netip.Addr, oif int, flags uint32) (route, error) {
	family := byte(unix.AF_INET6)
	if target.Is4() {
		family = unix.AF_INET
	}
	body := []byte{family, byte(target.BitLen()), 0, 0, 0, 0, 0, 0}
	if source.IsValid() {
		body[2] = byte(source.BitLen())
	}
	body = binary.NativeEndian.AppendUint32(body, flags)
	body = appendAttribute(body, unix.RTA_DST, target.AsSlice())
	if source.IsValid() {
		body = appendAttribute(body, unix.RTA_SRC, source.AsSlice())
	}
	if oif != 0 {
		body = appendAttribute(body, unix.RTA_OIF, binary.NativeEndian.AppendUint32(nil, uint32(oif)))
	}
	var r route
	ok := false
	err := c.ask(unix.RTM_GETROUTE, 0, body, func(kind uint16, body []byte) {
		if kind == unix.RTM_NEWROUTE {
			r, ok = parseRoute(body)
		}
	})
	if err == nil && !ok {
		err = errors.New("rtnetlink: no answer")
	}
	return r, err
}

// parseRoute reads a struct rtmsg and its attributes.
func parseRoute(b []byte) (route, bool) {
	var r route
	if len(b) < unix.SizeofRtMsg {
		return r, false
	}
	bits := int(b[1])
	r.kind, r.flags = b[7], binary.NativeEndian.Uint32(b[8:])
	for kind, v := range attributes(b[unix.SizeofRtMsg:]) {
		switch kind {
		case unix.RTA_DST:
			if a, ok := netip.AddrFromSlice(v); ok && bits == a.BitLen() {
				r.dst = a
			}
		case unix.RTA_OIF:
			r.oif = int(int32(u32(v)))
		case unix.RTA_GATEWAY:
			r.gateway, _ = netip.AddrFromSlice(v)
		case unix.RTA_VIA: // an IPv4 route by an IPv6 router: the family, then the address
			if len(v) > 2 {
				r.gateway, _ = netip.AddrFromSlice(v[2:])
			}
		case unix.RTA_MULTIPATH:
			r.multipath = true
		case unix.RTA_PREFSRC:
			r.prefsrc, _ = netip.AddrFromSlice(v)
		case unix.RTA_METRICS:
			for metric, v := range attributes(v) {
				if metric == unix.RTAX_MTU {
					r.mtu = int(u32(v))
				}
			}
		case unix.RTA_CACHEINFO: // rta_expires is the third number
			if len(v) >= 12 {
				r.expires = time.Duration(int32(u32(v[8:]))) * clockTick
			}
		}
	}
	return r, true
}
