package host

import (
	"math"
	"net"
	"net/netip"
	"time"
)

// Forever is what is left of a lifetime that has no end.
const Forever = time.Duration(math.MaxInt64)

// Device is an interface with what a host's own use of it depends on.
type Device struct {
	Link
	MAC        net.HardwareAddr // nil where it has no Ethernet address
	Carrier    bool             // IFF_LOWER_UP
	Running    bool             // IFF_RUNNING
	Loopback   bool
	NoARP      bool   // IFF_NOARP: no neighbor discovery
	Multicast  bool   // IFF_MULTICAST
	State      string // operstate (RFC 2863): "up", "down", "lowerlayerdown", "dormant", "testing", "notpresent" or "unknown"
	MasterName string // of the interface that it is a port of
	MasterKind string // "bridge", "bond", "vrf" and so on
	Table      uint32 // the routing table of its VRF; MainTable without one
}

// MainTable is the routing table that packets are routed by where no rule says otherwise.
const MainTable = 254

// OwnAddress is an IPv6 address of an interface, as the kernel has it.
type OwnAddress struct {
	Prefix    netip.Prefix  // the address itself, host bits and all
	Valid     time.Duration // left; Forever without an end
	Preferred time.Duration // left; 0 where it is deprecated

	Tentative     bool // duplicate address detection is under way, or it failed
	Failed        bool // it found another station with the address (IFA_F_DADFAILED)
	Optimistic    bool // used although it is tested still (RFC 4429)
	Deprecated    bool // its preferred lifetime is over
	Temporary     bool // RFC 8981
	ManageTemp    bool // temporary ones are made beside it (IFA_F_MANAGETEMPADDR)
	Permanent     bool // without an end, as one that is set by hand or link-local; those of an advertisement are not, as a rule
	StablePrivacy bool // RFC 7217 made its identifier
	NoPrefixRoute bool // IFA_F_NOPREFIXROUTE: as NetworkManager and systemd-networkd add theirs

	// Origin is who made it, as the kernel remembers since Linux 5.18: "kernel_ra" of an advertisement, "kernel_ll" link-local,
	// "kernel_lo"; "" where it was added by a program or by hand, or the kernel does not tell.
	Origin string
}

// DefaultRoute is an IPv6 route to the whole world. One of several routers at once is several of these.
type DefaultRoute struct {
	Gateway    netip.Addr   // not valid where the whole world is said to be on the link
	From       netip.Prefix // the sources that it is for; not valid for all
	Device     string
	Index      int // of the device
	Table      uint32
	Metric     uint32 // the least wins
	Protocol   string // "ra", "kernel", "boot", "static", "dhcp" and so on, or a number: who set it
	Preference uint8  // of RFC 4191 §2.1, as on the wire: 0 medium, 1 high, 3 low
	Expires    time.Duration
	Refusing   string // "unreachable", "prohibit" or "blackhole": it refuses packets; "" where it carries them
	Dead       bool   // its device is down
	LinkDown   bool   // its device has no carrier
}

// NeighborEntry is what the neighbor cache holds of an address.
type NeighborEntry struct {
	Address netip.Addr
	MAC     net.HardwareAddr // nil while it is not known
	State   string           // "reachable", "stale", "delay", "probe", "incomplete", "failed", "permanent", "noarp" or "none"
	Router  bool             // it said that it is one
}
