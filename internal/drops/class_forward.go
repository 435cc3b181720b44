package drops

// leastMTU is what every link carries of IPv6 (RFC 8200 §5), in bytes.
const leastMTU = 1280

// long reports whether the packets are so long that a link may not take them.
func long(d *Drop) bool { return d.Packets > 0 && d.Bytes/d.Packets > leastMTU }

// passedOn reports whether d has been given the device by which it was to leave.
func passedOn(d *Drop) bool { return d.Arrived != "" }

const (
	hookForwarding = "IPv6 forwarding"
	hookRoute      = "IPv6 route"
)

var (
	noRouteFunctions = one{"ip6_pkt_discard", "ip6_pkt_discard_out", "ip6_pkt_drop"}
	prohibitions     = one{"ip6_pkt_prohibit", "ip6_pkt_prohibit_out"}
)

// forwardRows are about routes and routers.
var forwardRows = []row{
	{at: one{"ip6_forward"}, reason: one{"PKT_TOO_BIG"}, hook: hookForwarding + ": too big", class: Benign,
		why: "It is longer than the next link takes, and its sender is told so by a Packet Too Big."},
	{at: one{"ip6_forward"}, reason: one{noReason}, when: func(d *Drop) bool { return passedOn(d) && long(d) },
		hook:  hookForwarding + ": too big",
		class: Benign, why: "It is longer than the next link takes, and its sender is told so by a Packet Too Big."},
	{at: one{"ip6_forward"}, types: onLink, hook: hookForwarding, class: Benign,
		why: "Neighbor discovery and MLD are not forwarded: the address that it is for has gone from this host."},
	{at: one{"ip6_forward"}, reason: one{"IP_INHDR"}, hook: hookForwarding + ": hop limit", class: Unknown,
		next: "{in}ip -6 route show",
		why: "Its hop limit is used up, and its sender is told so by a Time Exceeded: a traceroute does that on purpose, a " +
			"routing loop does not."},
	{at: one{"ip6_forward"}, reason: one{""}, hook: hookForwarding + ": hop limit, or forwarding is off", class: Unknown,
		why:  "Its hop limit is used up, as a traceroute has it, or this host does not forward; this kernel does not say which.",
		next: "{in}sysctl net.ipv6.conf.all.forwarding; {in}ip -6 route show"},
	{at: one{"ip6_forward"}, reason: one{noReason, "IP_INADDRERRORS"}, hook: hookForwarding, class: Unknown,
		next: "{in}sysctl net.ipv6.conf.all.forwarding",
		why: "It is for an address that is not this host's, and this host does not forward it. A Virtual Router must forward " +
			"(net.ipv6.conf.all.forwarding=1); elsewhere the address has probably gone, or the sender's is link-local, which no router passes on."},

	{at: noRouteFunctions, types: onLink, hook: hookRoute, class: Benign,
		why: "Neighbor discovery and MLD are not routed: the address that it is for or from has gone from this host."},
	{at: noRouteFunctions, hook: hookRoute + ": none", class: Hurts, rule: "drop.no-route", severity: atMostWarning,
		fix: "See which address it is for, and what the kernel finds: `{in}ip -6 route show`. Add the route, or have the " +
			"sender's mended.",
		why: "There is no route to where it is to go; its sender is told so by a Destination Unreachable.", next: "{in}ip -6 " +
			"route show"},
	{at: prohibitions, types: onLink, hook: hookRoute, class: Benign,
		why: "Neighbor discovery and MLD are not routed: the address that it is for or from has gone from this host."},
	{at: prohibitions, hook: hookRoute + ": prohibited", class: Hurts, rule: "drop.no-route", severity: atMostWarning,
		fix: "`{in}ip -6 route show type prohibit` names the route; delete it if it is not meant so.",
		why: "A route of type prohibit forbids it; its sender is told so by a Destination Unreachable.", next: "{in}ip -6 route " +
			"show"},
	{at: one{"dst_discard", "dst_discard_out", "dst_blackhole_discard"}, types: onLink, hook: hookRoute, class: Benign,
		why: "Its interface or its route has just gone."},
	{at: one{"dst_discard", "dst_discard_out", "dst_blackhole_discard"}, hook: hookRoute, class: Unknown,
		next: "{in}ip -6 route show type blackhole",
		why:  "Its route is one of type blackhole, or has just gone with its interface."},

	{at: one{"ip6_fragment"}, need: Outgoing, hook: hookIPv6 + ": too big", class: Benign,
		why: "It is longer than its link takes, and the program that sends it is told so."},
	{at: one{"ip6_fragment"}, when: passedOn, hook: hookPortMTU, class: Hurts, rule: "drop.bridge-port-mtu", severity: always,
		why: whyPortMTU, fix: fixPortMTU, next: "{in}ip link show {iface}"},
}

// neighborFunctions are where packets end that wait for the Ethernet address of the next hop.
var neighborFunctions = one{"neigh_invalidate", "ndisc_error_report", "arp_error_report", "__neigh_event_send", "neigh_resolve_output"}

// neighborReasons say the same, where the kernel gives a reason.
var neighborReasons = one{"NEIGH_FAILED", "NEIGH_QUEUEFULL"}

const (
	hookNeighbor = "neighbor: no answer"
	whyNeighbor  = "The next hop does not answer Neighbor Solicitations: it is off or gone, or they get lost."
	fixNeighbor  = "See which address it is: `{in}ip -6 neigh show dev {iface}`, those that are FAILED or INCOMPLETE. If it " +
		"is up, ask for it: `{in}v6probe nd -i {iface} ADDRESS`."
)

// neighborRows are about next hops that do not answer.
var neighborRows = []row{
	{reason: one{"NEIGH_DEAD"}, hook: "neighbor: gone", class: Benign, why: "Its interface has just gone."},
	{reason: one{"NEIGH_CREATEFAIL"}, types: listeners, hook: "neighbor: none", class: Benign, why: "Its interface has just " +
		"gone."},
	{reason: one{"NEIGH_CREATEFAIL"}, hook: "neighbor: no room", class: Unknown, next: "{in}sysctl " +
		"net.ipv6.neigh.default.gc_thresh3",
		why: "The kernel could not add the next hop to its neighbors: there are as many as net.ipv6.neigh.default.gc_thresh3 " +
			"allows, or the interface has just gone."},
	{reason: neighborReasons, types: onLink, hook: hookNeighbor, class: Unknown, why: whyNeighbor,
		next: "{in}ip -6 neigh show dev {iface}"},
	{reason: neighborReasons, hook: hookNeighbor, class: Hurts, rule: "drop.neighbor-failed", severity: atMostWarning,
		why: whyNeighbor,
		fix: fixNeighbor, next: "{in}ip -6 neigh show dev {iface}"},
	{at: neighborFunctions, types: onLink, hook: hookNeighbor, class: Unknown, why: whyNeighbor,
		next: "{in}ip -6 neigh show dev {iface}"},
	{at: neighborFunctions, hook: hookNeighbor, class: Hurts, rule: "drop.neighbor-failed", severity: atMostWarning, why: whyNeighbor,
		fix: fixNeighbor, next: "{in}ip -6 neigh show dev {iface}"},
}
