// Package guest judges a host that configures itself (RFC 4862): by what it reads of the host, by what the network answers, and
// by what others heard on its link.
package guest

import (
	"net/netip"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
	"v6probe/internal/slaac"
)

// Forever is a lifetime without an end.
const Forever = slaac.Forever

// Facts is what the kernel and the files of this host say of one interface, at one time. Nothing is sent for it. All text in it
// may be shown as it is: what came from elsewhere is escaped.
type Facts struct {
	Interface Interface
	IPv6      IPv6 // whether this kernel has it at all

	// Settings is nil where the interface has none: without IPv6 in the kernel, or with an MTU below 1280, at which Linux takes
	// IPv6 off an interface; or where they could not be read, which Unread then says.
	Settings *Settings
	All      *AllSettings // of net.ipv6.conf.all; nil without IPv6, or unread

	Addresses []Address  // the IPv6 addresses of this interface, link-local ones first
	Routes    []Route    // the IPv6 default routes of this host, of whatever interface and table; the least metric first
	Neighbors []Neighbor // what the neighbor cache has of the gateways of Routes, on this interface

	// World is how the kernel would send to a global address that is nobody's (2000::1), by whatever table or rule: a VPN may lead
	// there without a default route. It is nil where there is no way, and NoWorld says then why.
	World   *host.Way
	NoWorld string
	Refused string // "unreachable", "prohibit" or "blackhole", where a route or a rule of this host refuses to send there; else ""

	Managers  []Manager    // the programs that may configure the interface in the kernel's place
	Resolvers []netip.Addr // of /etc/resolv.conf, IPv4 and loopback ones included; informative

	Unread []Unread // what could not be read: to be called unknown, not wrong
}

// Part is a part of Facts that may be unread.
type Part uint8

// The parts.
const (
	PartSettings Part = iota
	PartAllSettings
	PartAddresses
	PartRoutes
	PartNeighbors
	PartManagers
	PartResolvers
)

// Unread says that a part is missing from Facts, and why.
type Unread struct {
	Part Part
	Why  string // one clause, escaped
}

// Misses returns why a part could not be read; ok is false where it was.
func (f *Facts) Misses(p Part) (why string, ok bool) {
	for _, u := range f.Unread {
		if u.Part == p {
			return u.Why, true
		}
	}
	return "", false
}

// Interface is what is known of it without IPv6.
type Interface struct {
	Name       string // printable
	Index      int
	MAC        packet.MAC // zero where it has no Ethernet address
	Up         bool       // IFF_UP: set up by whoever administers the host
	Carrier    bool       // IFF_LOWER_UP: the other end is there
	State      string     // "up", "down", "lowerlayerdown", "dormant", "testing", "notpresent" or "unknown" (RFC 2863, operstate)
	Running    bool       // IFF_RUNNING: State is up or unknown, so that packets pass
	MTU        int        // bytes of IP
	Kind       string     // as host.Link has it: "" for hardware
	Loopback   bool
	NoARP      bool   // IFF_NOARP: no neighbor discovery, as on tun and WireGuard
	Multicast  bool   // IFF_MULTICAST: without it there are no advertisements
	Master     string // the bridge, bond, VRF or team that it is a port of; "" for none
	MasterKind string // "bridge", "bond", "vrf", "openvswitch" and so on
	Table      uint32 // the routing table of its VRF; 254, the main one, without
}

// IPv6 is whether the kernel speaks it.
type IPv6 uint8

// The ways of a kernel with IPv6.
const (
	IPv6On       IPv6 = iota
	IPv6Missing       // not built, or its module is not loaded: no /proc/sys/net/ipv6
	IPv6Disabled      // ipv6.disable=1 was given to the kernel or the module
)

// Unset is the value of a setting that this kernel does not have.
const Unset = -1 << 31

// Settings are the sysctls of the interface, net.ipv6.conf.DEV. Those beside host.Conf are Unset on a kernel that is older.
type Settings struct {
	host.Conf

	AcceptRAMinHopLimit int // a Cur Hop Limit below it is not taken (Linux 4.3)
	AcceptRAMTU         int // 1: the MTU option is taken
	AcceptRAFromLocal   int // 1: also advertisements that this very host sent
	RouterSolicitations int // how many are sent: -1 without end, 0 none
	HopLimit            int // of packets sent
	IgnoreRoutesDown    int // ignore_routes_with_linkdown
	AcceptRAMinLft      int // lifetimes below it are not taken, in seconds (Linux 6.6)
	KeepAddrOnDown      int // keep_addr_on_down
	RouteInfoMaxPlen    int // accept_ra_rt_info_max_plen: routes of RIOs up to that length are taken; 0 none
}

// AllSettings are those of net.ipv6.conf.all that hold for every interface.
type AllSettings struct {
	Forwarding  int // writing it sets every interface's
	DisableIPv6 int // likewise
}

// Address is one of the interface, with what the kernel says of it: its lifetimes, its flags, its origin.
type Address host.OwnAddress

// Addr returns the address without its prefix's length.
func (a *Address) Addr() netip.Addr { return a.Prefix.Addr() }

// Usable reports whether packets may be sent from it.
func (a *Address) Usable() bool { return !a.Failed && (!a.Tentative || a.Optimistic) }

// Route is an IPv6 default route. One of several routers at once is several of these.
type Route struct {
	Gateway    netip.Addr   // not valid where the whole world is said to be on the link
	From       netip.Prefix // the sources that it is for; not valid for all
	Device     string       // printable
	Index      int          // of the device
	Table      uint32       // 254 is the main one
	Metric     uint32       // the least wins
	Protocol   string       // "ra", "kernel", "boot", "static", "dhcp" and so on, or a number: who set it
	FromRA     bool         // Protocol is ra: the kernel, or a program, took it from an advertisement
	Preference icmp6.Preference
	Expires    time.Duration // left; Forever without an end
	Refusing   string        // "unreachable", "prohibit" or "blackhole": it refuses packets; "" where it carries them
	Dead       bool          // its device is down
	LinkDown   bool          // its device has no carrier
}

// Neighbor is what the kernel holds of a gateway.
type Neighbor struct {
	Address netip.Addr
	MAC     packet.MAC // zero while it is not known
	State   string     // "reachable", "stale", "delay", "probe", "incomplete", "failed", "permanent", "noarp" or "none"
	Router  bool       // it said that it is one
}

// Manager is a program that may configure the interface in the kernel's place.
type Manager struct {
	Name string // "systemd-networkd", "NetworkManager", "dhcpcd" and so on
	// Manages says that it is known to have this very interface, and not just to run.
	Manages bool
	// RA says that it takes advertisements itself where it is set to, so that accept_ra=0 may be its doing and no fault.
	RA       bool
	Evidence string // "/run/systemd/netif/links/2: ADMIN_STATE=configured"
}

// Status is what became of a question.
type Status uint8

// The outcomes. The zero value is that nobody asked.
const (
	NotAsked Status = iota
	Answered
	Silent
	Refused // an ICMPv6 error, or this host's own refusal to send, came instead
)

// String returns "not asked", "answered", "silent" or "refused".
func (s Status) String() string {
	switch s {
	case Answered:
		return "answered"
	case Silent:
		return "silent"
	case Refused:
		return "refused"
	}
	return "not asked"
}

// Gateway is what asking a router for its link-layer address gave (RFC 4861 §7.2, as §7.3 has it confirm a neighbor).
type Gateway struct {
	Address netip.Addr
	Status  Status // Answered when either of the two below is; Refused with Why where this host does not let the question out
	Group   Status // a question to the solicited-node group, as a host begins
	Unicast Status // one to the address itself, as a host confirms; asked only after silence, where the kernel knows where it is
	MAC     packet.MAC
	Time    time.Duration // from question to answer
	Asked   int           // questions sent
	Before  string        // the kernel's own state of it before, as Neighbor.State; "" where it had none
	Why     string        // of Refused
}

// Server is a DHCPv6 server that answered.
type Server struct {
	Address   netip.Addr // without a zone
	Message   string     // "advertise" or "reply"
	DUID      string     // hexadecimal
	Addresses []netip.Addr
	DNS       []netip.Addr
	// Code is the status code of the message, or of its IA_NA where that has one: 0 success, 2 NoAddrsAvail (RFC 8415 §21.13).
	Code     int
	CodeText string // what the server says to it, escaped
}

// DHCPv6 is what asking all DHCPv6 servers gave.
type DHCPv6 struct {
	Stateless bool // an Information-request was sent, not a Solicit
	Asked     int
	Servers   []Server // those that answered; more than one is worth a note
	Time      time.Duration
}

// DNS is what asking a DNS server gave.
type DNS struct {
	Server netip.Addr
	Status Status
	Rcode  string // of an answer: "NOERROR", "REFUSED" and so on
	Time   time.Duration
	Asked  int
	Error  *Error // of Refused, where a router or the server said so
	Why    string // of Refused
}

// Target is what an echo request to a target gave.
type Target struct {
	Address netip.Addr
	Source  netip.Addr
	Status  Status
	Asked   int
	Replies int
	Time    time.Duration // the least
	Errors  []Error       // that came instead, each once
	Why     string        // of Refused
}

// Error is an ICMPv6 error that quotes what was sent.
type Error struct {
	Type  icmp6.Type
	Code  uint8
	From  netip.Addr // without a zone
	Local bool       // it is this host's own: it found no neighbor of that address
	MTU   uint32     // of a Packet Too Big
	Count int
}

// Probes is what was asked of the network. What is nil was not asked, or could not be: Failed says why.
type Probes struct {
	Gateways []Gateway
	DHCPv6   *DHCPv6
	DNS      []DNS
	Target   *Target

	Failed []Failure
}

// Probe names one.
type Probe uint8

// The probes.
const (
	ProbeGateway Probe = iota
	ProbeDHCPv6
	ProbeDNS
	ProbeTarget
)

// Failure says why one of the probes could not be made: no permission, no address to send from. To be called unknown, not wrong.
type Failure struct {
	Probe Probe
	Why   string // one clause
	Hint  string // what helps; may be empty
}
