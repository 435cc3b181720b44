package lab

import (
	"errors"

	"github.com/vishvananda/netlink"
	"golang.org/x/sys/unix"
)

// ForgetNeighbors empties the IPv6 neighbor cache of an interface, but for what was put there by hand.
func (n *Namespace) ForgetNeighbors(name string) error {
	return n.withLink(name, "forget the neighbors of", func(l netlink.Link) error {
		all, err := netlink.NeighList(l.Attrs().Index, netlink.FAMILY_V6)
		if err != nil && !errors.Is(err, netlink.ErrDumpInterrupted) { // the list changed while it was read
			return err
		}
		for _, neighbor := range all {
			if neighbor.State&(netlink.NUD_PERMANENT|netlink.NUD_NOARP) != 0 {
				continue
			}
			if err := netlink.NeighDel(&neighbor); err != nil && !errors.Is(err, unix.ENOENT) {
				return err
			}
		}
		return nil
	})
}
