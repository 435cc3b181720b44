package host

import (
	"encoding/binary"
	"net"
	"net/netip"
	"slices"

	"golang.org/x/sys/unix"
)

// NeighborEntries returns what the neighbor cache has of these addresses on one interface, in their order.
func NeighborEntries(index int, of []netip.Addr) ([]NeighborEntry, error) {
	c, err := dial()
	if err != nil {
		return nil, err
	}
	defer c.close()
	found := make(map[netip.Addr]NeighborEntry)
	body := make([]byte, sizeofNdmsg)
	body[0] = unix.AF_INET6
	err = c.dump(unix.RTM_GETNEIGH, body, func() { clear(found) }, func(kind uint16, body []byte) {
		e, on, ok := parseNeighbor(body)
		if ok && kind == unix.RTM_NEWNEIGH && on == index && slices.Contains(of, e.Address) {
			found[e.Address] = e
		}
	})
	var list []NeighborEntry
	for _, a := range of {
		if e, ok := found[a]; ok {
			list = append(list, e)
			delete(found, a)
		}
	}
	return list, err
}

// parseNeighbor reads a struct ndmsg and its attributes.
func parseNeighbor(b []byte) (e NeighborEntry, index int, ok bool) {
	if len(b) < sizeofNdmsg || b[0] != unix.AF_INET6 {
		return e, 0, false
	}
	index = int(int32(u32(b[4:])))
	e.State, e.Router = neighborState(native16(b[8:])), b[10]&unix.NTF_ROUTER != 0
	for kind, v := range attributes(b[sizeofNdmsg:]) {
		switch {
		case kind == unix.NDA_DST:
			e.Address = address(v)
		case kind == unix.NDA_LLADDR && len(v) == 6:
			e.MAC = net.HardwareAddr(append([]byte(nil), v...))
		}
	}
	return e, index, e.Address.Is6()
}

// neighborState names NUD_….
func neighborState(n uint16) string {
	switch n {
	case unix.NUD_INCOMPLETE:
		return "incomplete"
	case unix.NUD_REACHABLE:
		return "reachable"
	case unix.NUD_STALE:
		return "stale"
	case unix.NUD_DELAY:
		return "delay"
	case unix.NUD_PROBE:
		return "probe"
	case unix.NUD_FAILED:
		return "failed"
	case unix.NUD_NOARP:
		return "noarp"
	case unix.NUD_PERMANENT:
		return "permanent"
	}
	return "none"
}

// native16 reads a number in the host's byte order, 0 from too few bytes.
func native16(b []byte) uint16 {
	if len(b) < 2 {
		return 0
	}
	return binary.NativeEndian.Uint16(b)
}
