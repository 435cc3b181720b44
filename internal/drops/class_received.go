package drops

// brokenRows are about packets that no host takes, wherever they are dropped.
var brokenRows = []row{
	{need: BadChecksum, hook: hookICMPv6, class: Hurts, rule: "icmp.checksum", severity: always,
		next: "{in}nstat -az Icmp6InCsumErrors",
		why:  "The kernel found the checksum to be wrong."},
	{need: BadHopLimit, hook: hookICMPv6, class: Hurts, rule: "nd.hop-limit", severity: always, next: "{in}v6probe nd -i " +
		"{iface} -v",
		why: "The hop limit of neighbor discovery is not 255, so it may have come through a router: no host takes it."},
	{need: BadCode, hook: hookICMPv6, class: Hurts, rule: "nd.code", severity: always, next: "{in}v6probe nd -i {iface} -v",
		why: "The code of neighbor discovery is not 0: no host takes it."},
	{need: BadSource, types: advertisements, hook: hookICMPv6, class: Hurts, rule: "ra.src-not-link-local", severity: always,
		next: "{in}v6probe ra -i {iface} -v",
		why:  "The Router Advertisement is not from a link-local address: no host takes it."},
	{need: BadSource, types: redirects, hook: hookICMPv6, class: Hurts, rule: "redirect.src-not-link-local", severity: always,
		next: "{in}v6probe nd -i {iface} -v", why: "The Redirect is not from a link-local address: no host takes it."},
}

// brokenRow returns the row of brokenRows that is true of d, or nil.
func brokenRow(d *Drop) *row {
	for i := range brokenRows {
		if brokenRows[i].is(d) {
			return &brokenRows[i]
		}
	}
	return nil
}

const hookICMPv6 = "the kernel's ICMPv6"

// discoveryFunctions are where the kernel frees what it has received of ICMPv6, used or not. It is mostly the first; the
// others are for kernels whose compiler does without the call.
var discoveryFunctions = one{"icmpv6_rcv", "ndisc_rcv", "ndisc_recv_ns", "ndisc_recv_na", "ndisc_recv_rs", "ndisc_router_discovery",
	"ndisc_redirect_rcv", "igmp6_event_query", "igmp6_event_report"}

// receivedRows are about what has come as far as the kernel's ICMPv6.
//
// Linux before 6.3 frees here whatever it has used: NS, NA, RA, RS, Redirect, errors and Echo Requests, and says it has
// dropped them. What makes it discard one of them is in the packet, and so in the flags.
var receivedRows = []row{
	{at: discoveryFunctions, reason: one{"ICMP_CSUM"}, hook: hookICMPv6, class: Hurts, rule: "icmp.checksum", severity: always,
		why: "The kernel found the checksum to be wrong.", next: "{in}nstat -az Icmp6InCsumErrors"},
	{at: discoveryFunctions, reason: one{"IPV6_NDISC_HOP_LIMIT"}, hook: hookICMPv6, class: Hurts, rule: "nd.hop-limit",
		severity: always,
		why:      "Its hop limit is not 255, so it may have come through a router.", next: "{in}v6probe nd -i {iface} -v"},
	{at: discoveryFunctions, reason: one{"IPV6_NDISC_BAD_CODE"}, hook: hookICMPv6, class: Hurts, rule: "nd.code", severity: always,
		why: "Its code is not 0.", next: "{in}v6probe nd -i {iface} -v"},
	{at: discoveryFunctions, reason: one{"IPV6_NDISC_FRAG"}, hook: hookICMPv6, class: Hurts, rule: "nd.fragmented", severity: always,
		why: "Neighbor discovery in fragments is taken by no host.", next: "{in}v6probe nd -i {iface} -v"},
	{at: discoveryFunctions, reason: one{"IPV6_NDISC_BAD_OPTIONS", "PKT_TOO_SMALL", "HDR_TRUNC", "IPV6_BAD_EXTHDR"}, hook: hookICMPv6,
		class: Hurts, rule: "drop.malformed", why: "The message is too short, or an option of it is not well formed.",
		next: "{in}v6probe nd -i {iface} -v"},
	{at: discoveryFunctions, reason: one{"IPV6_NDISC_NS_OTHERHOST"}, hook: hookICMPv6, class: Benign,
		why: "It asks for an address that this host does not have."},
	{at: discoveryFunctions, reason: one{noReason}, types: solicitations, hook: hookICMPv6, class: Benign,
		why: "Router Solicitations are of no use to a host, and kernels before 6.3 free here also those that they answer."},
	{at: discoveryFunctions, reason: one{noReason}, types: neighbors, hook: hookICMPv6, class: Benign,
		why: "This host has no use for it, as it does not talk to that neighbor; and kernels before 6.3 free here also what they " +
			"have used."},
	{at: discoveryFunctions, reason: one{noReason}, types: advertisements | redirects, hook: hookICMPv6, class: Benign,
		why: "Kernels before 6.3 free here Router Advertisements and Redirects that they have used."},
	{at: discoveryFunctions, reason: one{noReason}, types: listeners | queries, hook: hookICMPv6, class: Benign,
		why: "MLD is used and freed here, or meant for multicast routers."},
	{at: discoveryFunctions, reason: one{noReason}, types: tooBig | failures, hook: hookICMPv6, class: Benign,
		why: "Kernels before 6.3 free here errors that they have used."},
	{at: discoveryFunctions, reason: one{noReason}, types: echoRequests, hook: hookICMPv6, class: Benign,
		why: "Kernels before 6.3 free here Echo Requests that they have answered; later ones those that a sysctl has them ignore " +
			"(net.ipv6.icmp.echo_ignore_all and its like)."},
	{at: discoveryFunctions, reason: one{noReason, "NO_SOCKET"}, types: echoReplies, hook: hookICMPv6, class: Benign,
		why: "No ping socket waits for the Echo Reply: it was a program's with a raw socket, which has its own copy, or it came " +
			"late."},
	{at: discoveryFunctions, reason: one{noReason}, types: others, hook: hookICMPv6, class: Benign,
		why: "The kernel itself has no use for this type; programs that have were given copies."},
	{at: discoveryFunctions, reason: one{"IP_OUTNOROUTES"}, hook: hookICMPv6, class: Hurts, rule: "drop.no-route",
		why: "The kernel has no route to answer by.", next: "{in}ip -6 route show"},
}

// socketRows are about copies for programs, and about what waits in queues that are thrown away.
var socketRows = []row{
	{at: one{"ping_rcv"}, hook: "ping socket", class: Benign,
		why: "No ping socket waits for the Echo Reply: it was a program's with a raw socket, which has its own copy, or it came " +
			"late."},
	{at: one{"ping_queue_rcv_skb", "__ping_queue_rcv_skb"}, hook: "ping socket", class: Benign,
		why: "The program that pings reads its answers too slowly."},
	{at: one{"packet_rcv", "tpacket_rcv", "packet_rcv_spkt", "packet_rcv_fanout"}, hook: "packet socket", class: Benign,
		why: "A copy for a program that captures, which has fallen behind; the packet itself went on."},
	{reason: one{"PACKET_SOCK_ERROR"}, hook: "packet socket", class: Benign,
		why: "A copy for a program that captures, which has fallen behind; the packet itself went on."},
	{reason: one{"QUEUE_PURGE", "SOCKET_CLOSE"}, hook: "queue thrown away", class: Benign,
		why: "It waited in a queue that was thrown away: a program closed its socket, or an interface went."},
	{at: one{"skb_queue_purge", "skb_queue_purge_reason", "inet_sock_destruct", "packet_sock_destruct", "sock_queue_free", "neigh_destroy",
		"neigh_flush_dev", "pneigh_queue_purge", "skb_rbtree_purge"}, reason: one{noReason}, hook: "queue thrown away", class: Benign,
		why: "It waited in a queue that was thrown away: a program closed its socket, or an interface went."},
	{reason: one{"SOCKET_FILTER"}, hook: "raw socket", class: Benign,
		why: "A copy for a program that does not want it, by a filter of its own; the packet itself went on."},
	{at: rawFunctions, reason: one{"SOCKET_RCVBUFF", "PROTO_MEM"}, types: solicitations, hook: "raw socket", class: Hurts,
		rule: "drop.socket-full", severity: atMostWarning, next: "{in}ss -6 -w -a -p -m",
		why: "The queue of a program with a raw socket is full: radvd or the like does not read what it is sent.",
		fix: "See whether the program hangs: `{in}ss -6 -w -a -p -m` names it, with the bytes that wait (Recv-Q). Start it anew, " +
			"on a Virtual Router `{in}systemctl restart radvd`."},
	{at: rawFunctions, reason: one{"SKB_CSUM"}, hook: "raw socket", class: Hurts, rule: "icmp.checksum", severity: always,
		why: "The checksum was found to be wrong.", next: "{in}nstat -az Icmp6InCsumErrors"},
	{at: rawFunctions, reason: one{noReason, "SOCKET_RCVBUFF", "PROTO_MEM"}, types: solicitations | advertisements,
		hook: "raw socket", class: Unknown,
		why: "A program with a raw socket did not get its copy, mostly as its queue is full. Recv-Q of `ss` tells; if it is " +
			"radvd, solicitations go unanswered.",
		next: "{in}ss -6 -w -a -p -m"},
	{at: rawFunctions, reason: one{noReason, "SOCKET_RCVBUFF", "PROTO_MEM"}, hook: "raw socket", class: Benign,
		why: "A copy for a program with a raw socket that does not read it in time; the packet itself went on."},
}

var rawFunctions = one{"rawv6_rcv", "rawv6_rcv_skb", "rawv6_local_deliver", "ipv6_raw_deliver", "raw6_local_deliver"}
