package rule

// errorRules are about ICMPv6 error messages in general, and Packet Too Big.
var errorRules = []Rule{
	{
		ID: "icmp.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4443 §2.4, §3; 2710 §3.7; 3810 §5, §8.1",
		Title: "an ICMPv6 error or MLD message is shorter than its fields need",
		Why: "Receivers drop it. An error without the IPv6 header of the packet that it is about cannot be tied to " +
			"anything; an MLD message cut short reports or asks for nothing.",
		Fix: "Find the sender by its address and update it. If other messages of it are whole, something cuts packets on " +
			"the way: compare the IPv6 payload length at the sender and here.",
	},
	{
		ID: "ptb.below-1280", Severity: Error, Receiver: ReceiverDrops, RFC: "8201 §4; 8200 §5",
		Title: "a Packet Too Big says an MTU below 1280",
		Why: "Hosts discard it, because every IPv6 link carries 1280. They go on sending packets of the old size, which do " +
			"not get through: connections open and then hang.",
		Fix: "The link behind the sender is too small for IPv6, or its tunnel is: raise its MTU to 1280 or more. In " +
			"CloudStack look at privatemtu and publicmtu in listNetworks, which the API takes down to 68. If nothing there is " +
			"that small, the message is forged.",
	},
	{
		ID: "ptb.not-smaller", Severity: Error, Receiver: ReceiverAccepts, RFC: "8201 §4; 4443 §3.2",
		Title: "a Packet Too Big says an MTU that the packet it quotes fits into",
		Why: "Hosts take the MTU over if it is less than what they know (Linux does), yet go on sending packets of the quoted " +
			"size, which fit it. The router has just dropped one, so they vanish, and the sender never learns the right size.",
		Fix: "Compare the MTU of the router's outgoing interface with what it says: `ip -6 link show`, `ip -6 route get " +
			"DESTINATION`. A tunnel that does not subtract its own headers is the usual cause: set its MTU by hand (VXLAN: the " +
			"underlay's minus 50, over IPv6 minus 70).",
	},
	{
		ID: "ptb.increase", Severity: Error, Receiver: ReceiverDrops, RFC: "8201 §4",
		Title: "a Packet Too Big says a larger MTU than an earlier one for the same flow",
		Why: "Hosts must not raise their path MTU on its word. It is late, forged, or the path has changed. Where the quoted " +
			"packet is longer than both, it may have been on its way or a trial of the sender's, and that is a note only.",
		Fix: "If two routers send them, make the MTUs on both paths alike. If one says both, look for two tunnels or an " +
			"ECMP pair behind it; if the sender is on no path of yours, drop its messages.",
	},
	{
		ID: "ptb.quote-mismatch", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4443 §2.2, §2.4, §5.2",
		Title: "a Packet Too Big goes to another address than the source of the packet it quotes",
		Why: "The host that gets it did not send the quoted packet, so it ties the message to nothing and the real sender " +
			"is not told. So looks a translator that rewrites the outer header only, or a forged message.",
		Fix: "Look for NAT66 or NPTv6 on the way that does not translate the quoted packet (`nft list ruleset`; nftables' " +
			"own NAT does it). If there is none, find where the message comes from.",
	},
	{
		ID: "ptb.source-is-destination", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4443 §2.2, §5.2; 8201 §4",
		Title: "a Packet Too Big comes from the address that the quoted packet was sent to",
		Why: "A host that the packet reached has no need to call it too big: somebody answers in its name. On Linux a VXLAN " +
			"or Geneve port of a bridge does so when a guest's packet does not fit the underlay; else it may be forged.",
		Fix: "Make guests and tunnel agree: the network's MTU no more than the VXLAN device's, and that the underlay's " +
			"minus 50 (IPv6 underlay: 70). `ip -d link show type vxlan` on the KVM host, privatemtu in listNetworks, `ip link " +
			"show` in the guest.",
	},
	{
		ID: "ptb.oversize", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4443 §2.4(c)",
		Title: "a Packet Too Big is itself longer than 1280 bytes",
		Why: "It may not fit the links on its way back and then is lost without a word, and with it the news of the smaller " +
			"MTU.",
		Fix: "Update the router or tunnel endpoint that sends it: an error must stop quoting when the packet has 1280 bytes.",
	},
	{
		ID: "ptb.truncated-quote", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4443 §2.4(c), §3.2",
		Title: "a Packet Too Big quotes less of the packet than it must",
		Why: "The sender must find its connection in what is quoted. With extension headers or a tunnel's headers in front, " +
			"the ports are missing, and the message cannot be tied to a flow.",
		Fix: "Update the router that sends it: it must quote until the packet ends or its own message has 1280 bytes. Some " +
			"hardware routers have a setting for the quoted length.",
	},
	{
		ID: "ptb.code", Severity: Info, Receiver: ReceiverIgnores, RFC: "4443 §3.2",
		Title: "the code of a Packet Too Big is not 0",
		Why:   "Receivers ignore the code. A translator from IPv4 that takes over the old code may send this.",
		Fix:   "Nothing needs doing. Tell whoever makes the sender.",
	},
	{
		ID: "ptb.encapsulation", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.2; 7348 §4.3",
		Title: "the MTU of a Packet Too Big is what a tunnel leaves of a common link",
		Why: "It tells where the path narrows. As long as the message arrives, hosts adapt; where a filter drops it, " +
			"connections hang.",
		Fix: "If guests should not be narrowed, raise the underlay's MTU: 1550 carries 1500 in VXLAN over IPv4, 1570 over " +
			"IPv6. Else set the network's MTU to what the message says. See that filters let it pass: `icmpv6 type " +
			"packet-too-big accept`, or `ct state established,related accept` in the VR's fw_forward.",
	},
	{
		ID: "ptb.ignored", Severity: Warning, Receiver: ReceiverNone, RFC: "8201 §4; 4890 §4.3.1",
		Title: "a flow goes on sending packets that are too big",
		Why: "Its sender does not get the Packet Too Big, or does not act on it. Large packets never arrive: a connection " +
			"opens, small answers come, and a download hangs.",
		Fix: "Follow the message to the sender with `v6probe nd -i`: it is lost where it is seen last. On the VR `nft list " +
			"table ip6 ip6_firewall` must accept established,related in fw_forward; packets of the VR itself need `nft insert " +
			"rule ip6 ip6_firewall fw_input icmpv6 type packet-too-big accept`; a guest's own firewall must accept it too. As a " +
			"stopgap clamp TCP: `tcp flags syn tcp option maxseg size set rt mtu`.",
	},
}

// unreachableRules are about Destination Unreachable, one for each code (RFC 4443 §3.1).
var unreachableRules = []Rule{
	{
		ID: "unreach.no-route", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 0",
		Title: "a router has no route to the destination",
		Why: "The packet was dropped there. In CloudStack it is mostly the router upstream of the VR, which lacks the route " +
			"to the guest prefix: guests get out, and no answer gets back.",
		Fix: "Add the route on the router that sends the message: listNetworks shows it under ip6routes (subnet and " +
			"gateway), `ip -6 route add SUBNET via GATEWAY`. If the VR sends it: `ip -6 route show default` on it, and the " +
			"gateway of the public IPv6 range.",
	},
	{
		ID: "unreach.prohibited", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 1",
		Title: "a firewall forbids the communication",
		Why:   "The packet was dropped by a filter that says so. CloudStack's own rules drop without a word, so it is another.",
		Fix: "On the sender of the message: `nft list ruleset` and `ip6tables -S` for a reject with admin-prohibited " +
			"(firewalld does that on a guest), and `ip -6 route` for a route of type prohibit.",
	},
	{
		ID: "unreach.beyond-scope", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 2; 4007 §9",
		Title: "a packet from an address of too small a scope was to leave its zone",
		Why: "A router may not forward what comes from fe80::. The sender has no better address: no global one was formed, " +
			"or its prefix is missing in the RA (apache/cloudstack#13121).",
		Fix: "On the sender `ip -6 addr show scope global`. If there is none, see with `v6probe ra` whether a router offers " +
			"a prefix with the A flag.",
	},
	{
		ID: "unreach.address", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 3; 4861 §7.2.2",
		Title: "a router cannot resolve the destination's link-layer address",
		Why: "The route is right, but the last router asked for the neighbor three times and heard nothing: the machine is " +
			"off, does not have the address, or solicitations or answers get lost on its link.",
		Fix: "Run `v6probe nd -i DEV ADDRESS` on that router's link. If the guest is up and has the address, see what " +
			"`v6probe rules ns.unanswered` says.",
	},
	{
		ID: "unreach.port", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 4",
		Title: "nothing listens on the destination's port, or a firewall says so",
		Why: "The packet arrived. Sent by the destination itself it means that no program has the UDP port open; sent by " +
			"another it is a firewall's reject, whose default this is on Linux.",
		Fix: "On the destination `ss -lun` (`ss -ltn` for TCP), and see that the program listens on :: and not on 0.0.0.0 " +
			"alone. If another sends it: `nft list ruleset | grep reject` there.",
	},
	{
		ID: "unreach.source-policy", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 5; 2827",
		Title: "the source address failed an ingress or egress policy",
		Why: "The router does not let packets with this source in at that place: with two uplinks or two routers the guest " +
			"chose the wrong one, or the prefix was never registered upstream.",
		Fix: "Compare the source with ip6cidr in listNetworks. If it is right, the upstream's source filter (uRPF, BCP 38) " +
			"lacks the route to the guest prefix: see ip6routes. If not, find out how the guest got the address.",
	},
	{
		ID: "unreach.reject-route", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1, code 6",
		Title: "a route refuses the destination",
		Why: "The router has a route whose purpose is to refuse: mostly the aggregate of a prefix of which the part in " +
			"question was not delegated to anyone.",
		Fix: "On the router `ip -6 route get DESTINATION`: add the more specific route to the guest network (ip6routes in " +
			"listNetworks), or remove the one that refuses.",
	},
	{
		ID: "unreach.source-routing", Severity: Info, Receiver: ReceiverNone, RFC: "6554 §4.2; 4443 §3.1, code 7",
		Title: "a source routing header leads nowhere",
		Why: "A node on a low-power (RPL) network could not forward along the hops that the packet prescribes. No cloud " +
			"uses this.",
		Fix: "Find out who sends packets with a routing header: the message quotes one.",
	},
	{
		ID: "unreach.headers-too-long", Severity: Info, Receiver: ReceiverNone, RFC: "8883 §3; 4443 §3.1, code 8",
		Title: "a node cannot process as many header bytes as the packet has",
		Why:   "Routers and filters read so far only. A packet whose extension headers go further is dropped there.",
		Fix: "Let the sender use fewer or shorter extension headers; the quoted packet shows which. If it needs none, find " +
			"out what adds them.",
	},
	{
		ID: "unreach.code", Severity: Info, Receiver: ReceiverNone, RFC: "4443 §3.1",
		Title: "a Destination Unreachable has a code without a meaning",
		Why:   "Receivers take it as unreachable for a reason unknown.",
		Fix:   "Look the code up in the IANA registry \"ICMPv6 Parameters\": it may be newer than this tool.",
	},
}
