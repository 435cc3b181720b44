package solicit

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"net/netip"
	"os"
	"strconv"
	"strings"
	"syscall"
	"time"

	"github.com/mdlayher/ndp"
	"golang.org/x/net/ipv6"
	"golang.org/x/sys/unix"

	"v6probe/internal/ifaddr"
)

// Allowed reports whether a host in the place of this machine would solicit on the interface; if not, why. A router
// does not, nor can an interface without a link-local address that has passed duplicate address detection; and on a
// port of a bridge a solicitation would come from a station that is not there.
func Allowed(iface string) (ok bool, reason string) {
	if iface == "any" {
		return false, "any is no single interface"
	}
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return false, noInterface(iface).Error()
	}
	if master, port := bridgeOf(ifi.Index); port {
		return false, iface + " is a port of bridge " + master
	}
	off, err := setting(iface, "disable_ipv6")
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return false, iface + " has no IPv6"
	case err != nil:
		return false, err.Error()
	case off != 0:
		return false, "IPv6 is off on " + iface + " (disable_ipv6)"
	}
	if forwarding, err := setting(iface, "forwarding"); err != nil {
		return false, err.Error()
	} else if forwarding != 0 {
		return false, "this machine is a router on " + iface + " (forwarding)"
	}
	if _, err := linkLocal(ifi); err != nil {
		return false, err.Error()
	}
	return true, ""
}

// Await is Allowed, but while duplicate address detection is still at the link-local address it waits for the end of it,
// or of ctx.
func Await(ctx context.Context, iface string) (ok bool, reason string) {
	const pause = 100 * time.Millisecond
	for {
		ok, reason = Allowed(iface)
		if ok || !pending(iface) {
			return ok, reason
		}
		select {
		case <-ctx.Done():
			return ok, reason
		case <-time.After(pause):
		}
	}
}

// pending reports whether duplicate address detection is all that is missing.
func pending(iface string) bool {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return false
	}
	_, err = linkLocal(ifi)
	return errors.Is(err, errTentative)
}

// errTentative is of an address that has not passed duplicate address detection yet.
var errTentative = errors.New("duplicate address detection is under way")

// New returns an Asker for the interface. It takes the capability CAP_NET_RAW.
func New(iface string) (*Asker, error) {
	ifi, err := net.InterfaceByName(iface)
	if err != nil {
		return nil, noInterface(iface)
	}
	address, err := linkLocal(ifi)
	if err != nil {
		return nil, err
	}
	c, _, err := ndp.Listen(ifi, ndp.Addr(address.String()))
	if err != nil {
		return nil, fmt.Errorf("%s: socket for router solicitations: %w", iface, err)
	}
	// It only sends. What it heard would stay in its buffer, unread.
	var none ipv6.ICMPFilter
	none.SetAll(true)
	if err := c.SetICMPFilter(&none); err != nil {
		c.Close()
		return nil, fmt.Errorf("%s: socket for router solicitations: %w", iface, err)
	}
	return newAsker(iface, ifi.HardwareAddr, c), nil
}

func noInterface(name string) error { return fmt.Errorf("there is no interface %q", name) }

// setting reads one of the kernel's IPv6 settings of an interface.
func setting(iface, name string) (int, error) {
	b, err := os.ReadFile("/proc/sys/net/ipv6/conf/" + iface + "/" + name)
	if err != nil {
		return 0, err
	}
	return strconv.Atoi(strings.TrimSpace(string(b)))
}

// linkLocal returns a link-local address of the interface that may be sent from.
func linkLocal(ifi *net.Interface) (netip.Addr, error) {
	all, err := ifaddr.List()
	if err != nil {
		return netip.Addr{}, err
	}
	return chooseLinkLocal(all, ifi)
}

// chooseLinkLocal looks for that address among all of this host's.
func chooseLinkLocal(all []ifaddr.Address, ifi *net.Interface) (netip.Addr, error) {
	tentative, failed := false, false
	for _, a := range all {
		ip := a.Prefix.Addr()
		if a.Index != ifi.Index || !ip.IsLinkLocalUnicast() {
			continue
		}
		switch {
		case a.Flags&unix.IFA_F_DADFAILED != 0:
			failed = true
		case a.Flags&unix.IFA_F_TENTATIVE != 0:
			tentative = true
		default:
			return ip, nil
		}
	}
	switch {
	case tentative:
		return netip.Addr{}, fmt.Errorf("the link-local address of %s may not be used yet: %w", ifi.Name, errTentative)
	case failed:
		return netip.Addr{}, fmt.Errorf("the link-local address of %s is a duplicate of another station's", ifi.Name)
	}
	return netip.Addr{}, fmt.Errorf("%s has no link-local address", ifi.Name)
}

// bridgeOf reports whether the interface of that index is a port of a bridge, and the name of the bridge.
func bridgeOf(index int) (name string, port bool) {
	table, err := syscall.NetlinkRIB(syscall.RTM_GETLINK, syscall.AF_UNSPEC)
	if err != nil {
		return "", false
	}
	messages, err := syscall.ParseNetlinkMessage(table)
	if err != nil {
		return "", false
	}
	for i := range messages {
		master, kind, ok := portOf(&messages[i], index)
		if !ok || (kind != "bridge" && kind != "openvswitch") {
			continue
		}
		if ifi, err := net.InterfaceByIndex(master); err == nil {
			return ifi.Name, true
		}
		return strconv.Itoa(master), true
	}
	return "", false
}

// portOf returns what a link message says of the interface of that index: its master and what it is a part of it as;
// false if the message is of another interface.
func portOf(m *syscall.NetlinkMessage, index int) (master int, kind string, ok bool) {
	if m.Header.Type != syscall.RTM_NEWLINK || len(m.Data) < unix.SizeofIfInfomsg {
		return 0, "", false
	}
	// ifi_index comes after the family, a byte of padding and the type.
	if int(nativeInt(m.Data[4:])) != index {
		return 0, "", false
	}
	attributes, err := syscall.ParseNetlinkRouteAttr(m)
	if err != nil {
		return 0, "", false
	}
	for _, a := range attributes {
		switch a.Attr.Type {
		case unix.IFLA_MASTER:
			if len(a.Value) >= 4 {
				master = int(nativeInt(a.Value))
			}
		case unix.IFLA_LINKINFO:
			kind = slaveKind(a.Value)
		}
	}
	return master, kind, true
}
