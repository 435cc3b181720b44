package host

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"slices"
	"time"

	"golang.org/x/sys/unix"
)

// Exception returns the least MTU that the IPv6 route cache has learned for target, and for how much longer it believes
// that; ok is false when there is none. The zone tells link-local targets of two interfaces apart. Of a multipath route the
// kernel does not tell all: Route says what packets from one source meet.
func Exception(target netip.Addr) (mtu int, expires time.Duration, ok bool) {
	c, err := dial()
	if err != nil {
		return 0, 0, false
	}
	defer c.close()
	list, err := c.exceptions(target)
	if err != nil {
		return 0, 0, false
	}
	for _, e := range list {
		if !ok || e.mtu < mtu {
			mtu, expires, ok = e.mtu, e.expires, true
		}
	}
	return mtu, expires, ok
}

// FlushException removes from the IPv6 route cache what it has learned of the MTU to target, and nothing else. It needs
// CAP_NET_ADMIN. That there is none is no error. Of a multipath route the kernel removes but what it has for the first
// router; a *Refusal tells that something stays.
func FlushException(target netip.Addr) error {
	c, err := dial()
	if err != nil {
		return err
	}
	defer c.close()
	list, err := c.exceptions(target)
	if err != nil {
		return fmt.Errorf("route cache: %w", err)
	}
	for _, e := range list {
		stays := fmt.Sprintf("route cache: the MTU of %d to %v stays", e.mtu, target)
		byItself := fmt.Sprintf("it goes by itself in %v", e.expires.Round(time.Second))
		if e.message == nil {
			return &Refusal{stays + ": the kernel does not remove what it knows of the second router of a route", byItself}
		}
		// To tell the kernel which, its own words are sent back: destination, table, device and router.
		err := c.ask(unix.RTM_DELROUTE, unix.NLM_F_ACK, e.message, func(uint16, []byte) {})
		switch {
		case errors.Is(err, unix.EPERM):
			return &Refusal{stays + ": to remove it needs CAP_NET_ADMIN", byItself}
		case err != nil && !errors.Is(err, unix.ESRCH): // it may have gone meanwhile
			return fmt.Errorf("%s: %w", stays, err)
		}
	}
	return nil
}

// exception is an entry of the route cache.
type exception struct {
	route
	message []byte // the kernel's; nil when it is in no list, but was found by a lookup
}

// exceptions returns those that a Packet Too Big made for target. The cache is read through, as a lookup finds but what is
// in the table, and of the router, that it chooses. It is made as well, because the list has only the first router of a
// multipath route.
func (c *conn) exceptions(target netip.Addr) ([]exception, error) {
	oif, err := 0, error(nil)
	if target.Zone() != "" {
		if oif, err = c.scope(target, ""); err != nil {
			return nil, err
		}
	}
	target = target.WithZone("")
	list, err := c.listed(target, oif)
	if err != nil || len(list) > 0 {
		return list, err
	}
	own, err := c.route(target, netip.Addr{}, oif, unix.RTM_F_FIB_MATCH)
	if err != nil || !own.multipath {
		return nil, nil // without a route there is nothing to learn
	}
	met, err := c.route(target, netip.Addr{}, oif, 0)
	if err == nil && met.prefsrc.IsValid() {
		met, err = c.route(target, met.prefsrc, oif, 0) // what packets meet, which have a source
	}
	if err == nil && met.learned(own.mtu) {
		list = append(list, exception{route: met})
	}
	return list, nil
}

// listed reads through the cache.
func (c *conn) listed(target netip.Addr, oif int) ([]exception, error) {
	strict, err := dial() // a connection of its own: lookups are not asked for strictly
	if err != nil {
		return nil, err
	}
	defer strict.close()
	if err := strict.strict(); err != nil {
		return nil, err
	}
	body := []byte{unix.AF_INET6, 0, 0, 0, 0, 0, 0, 0}
	body = binary.NativeEndian.AppendUint32(body, unix.RTM_F_CLONED)
	var list []exception
	err = strict.dump(unix.RTM_GETROUTE, body, func() { list = nil }, func(kind uint16, body []byte) {
		if kind != unix.RTM_NEWROUTE {
			return
		}
		r, ok := parseRoute(body)
		if ok && r.dst == target && (oif == 0 || r.oif == oif) && r.learned(0) {
			list = append(list, exception{r, slices.Clone(body)})
		}
	})
	return list, err
}
