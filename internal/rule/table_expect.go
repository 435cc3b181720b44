package rule

// expectRules are about the difference between what is seen and what the user expects to be there.
var expectRules = []Rule{
	{
		ID: "expect.router-missing", Severity: Error, RFC: "4861 §6.2.4",
		Title: "a router that is expected was not heard",
		Why:   "Its guests lose their default route, and their addresses once the lifetimes run out.",
		Fix: "See whether it is up and its radvd runs; `v6probe ra` on its own interface tells whether it sends. If it is meant " +
			"to be gone, take it out of what is expected.",
	},
	{
		ID: "expect.advertisers", Severity: Error, RFC: "4861 §6.2.4; 6104",
		Title: "more routers offer themselves at one time than are expected to",
		Why:   "Guests spread over all of them. Of a redundant pair of Virtual Routers only the primary may advertise.",
		Fix: "Look which of them should (`cmk list routers`: redundantstate). If both say PRIMARY, mend the path between them " +
			"(VRRP, protocol 112, on the guest network), then restart the backup.",
	},
	{
		ID: "expect.hop-limit", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the Cur Hop Limit is not the one expected",
		Why:   "Guests send with another hop limit than was meant.",
		Fix:   "Set AdvCurHopLimit in radvd.conf to what is expected, or correct the expectation.",
	},
	{
		ID: "expect.managed", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the M flag is not as expected",
		Why:   "Guests ask for addresses by DHCPv6, or do not, against what was meant.",
		Fix:   "Set AdvManagedFlag in radvd.conf as expected. CloudStack serves no DHCPv6, so there it is off.",
	},
	{
		ID: "expect.other-config", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the O flag is not as expected",
		Why:   "Guests ask for DNS servers by DHCPv6, or do not, against what was meant.",
		Fix:   "Set AdvOtherConfigFlag in radvd.conf as expected. CloudStack serves no DHCPv6, so there it is off.",
	},
	{
		ID: "expect.home-agent", Severity: Error, Receiver: ReceiverAccepts, RFC: "6275 §7.1",
		Title: "the H flag is not as expected",
		Why:   "Mobile nodes take the router for a home agent, or do not, against what was meant.",
		Fix:   "Set AdvHomeAgentFlag in radvd.conf as expected.",
	},
	{
		ID: "expect.preference", Severity: Error, Receiver: ReceiverAccepts, RFC: "4191 §2.2",
		Title: "the router preference is not the one expected",
		Why:   "Where there are several routers, guests choose another than was meant.",
		Fix:   "Set AdvDefaultPreference in radvd.conf as expected.",
	},
	{
		ID: "expect.router-lifetime", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the router lifetime is not the one expected",
		Why:   "Guests keep the default route for longer or shorter than was meant; with 0 they have none.",
		Fix: "Set AdvDefaultLifetime in radvd.conf as expected; without it, it is three times MaxRtrAdvInterval (45 seconds in " +
			"CloudStack).",
	},
	{
		ID: "expect.reachable-time", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the Reachable Time is not the one expected",
		Why:   "Guests hold neighbors for reachable for another time than was meant.",
		Fix:   "Set AdvReachableTime in radvd.conf as expected; 0 leaves it to the guests.",
	},
	{
		ID: "expect.retrans-timer", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "the Retrans Timer is not the one expected",
		Why:   "Guests repeat Neighbor Solicitations after another time than was meant.",
		Fix:   "Set AdvRetransTimer in radvd.conf as expected; 0 leaves it to the guests.",
	},
	{
		ID: "expect.interval", Severity: Error, RFC: "4861 §6.2.1",
		Title: "a router advertises in other intervals than expected",
		Why: "Too seldom, and what guests learnt may run out in between; too often, and it costs every guest. The router may " +
			"run another configuration than the one given.",
		Fix: "Set MinRtrAdvInterval and MaxRtrAdvInterval in radvd.conf as expected (5 and 15 in CloudStack), and restart radvd.",
	},
	{
		ID: "expect.source-link-layer", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.6.1",
		Title: "the Source Link-Layer Address option is missing, or there against expectation",
		Why:   "Without it guests must resolve the router's address before they can send.",
		Fix:   "Set AdvSourceLLAddress in radvd.conf as expected.",
	},
	{
		ID: "expect.mtu", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.6.4",
		Title: "the MTU option is not as expected",
		Why:   "Guests send larger packets than the tunnels below them carry, or smaller ones than they could.",
		Fix: "Set AdvLinkMTU in radvd.conf as expected; 0 sends no option. CloudStack sends none: there the MTU comes by DHCPv4 " +
			"(option 26).",
	},
	{
		ID: "expect.network-mtu", Severity: Error, RFC: "8200 §5",
		Title: "a network has an MTU below 1280, so that IPv6 does not work in it",
		Why: "Every link must carry 1280 bytes. The kernel takes IPv6 off an interface with a smaller MTU. CloudStack's API " +
			"accepts values from 68.",
		Fix: "`cmk update network id=ID publicmtu=1500 privatemtu=1450`, and 1280 at least; then restart the network.",
	},
	{
		ID: "expect.prefix-missing", Severity: Error, RFC: "4861 §4.6.2; 4862 §5.5.3",
		Title: "a prefix that is expected is not advertised",
		Why:   "Guests form no address in it, and treat its addresses as off the link.",
		Fix: "Put a `prefix` block with it into radvd.conf and restart radvd. In CloudStack restart the network with cleanup: that " +
			"writes the file anew from ip6cidr (apache/cloudstack#13121).",
	},
	{
		ID: "expect.prefix-flags", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.6.2",
		Title: "the flags of a prefix are not as expected",
		Why:   "Guests form no address in it, or do against what was meant; or take it for on-link, or not.",
		Fix:   "Set AdvOnLink, AdvAutonomous and AdvRouterAddr in the `prefix` block of radvd.conf as expected.",
	},
	{
		ID: "expect.prefix-lifetime", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.6.2",
		Title: "a lifetime of a prefix is not the one expected",
		Why:   "Guests keep their addresses for longer or shorter than was meant.",
		Fix: "Set AdvValidLifetime and AdvPreferredLifetime in the `prefix` block of radvd.conf as expected (86400 and 14400 " +
			"without them).",
	},
	{
		ID: "expect.route-missing", Severity: Error, RFC: "4191 §2.3",
		Title: "a route that is expected is not advertised",
		Why:   "Guests send what belongs to it by their default router.",
		Fix:   "Put a `route` block with it into radvd.conf and restart radvd.",
	},
	{
		ID: "expect.route-unknown", Severity: Error, Receiver: ReceiverAccepts, RFC: "4191 §2.3",
		Title: "a route is advertised that is not expected",
		Why:   "Guests send what belongs to it by this router.",
		Fix:   "Take the `route` block out of radvd.conf, or find who else advertises it by its Ethernet address.",
	},
	{
		ID: "expect.route", Severity: Error, Receiver: ReceiverAccepts, RFC: "4191 §2.3",
		Title: "the preference or lifetime of a route is not the one expected",
		Why:   "Guests choose another router for it, or keep it for longer or shorter, than was meant.",
		Fix:   "Set AdvRoutePreference and AdvRouteLifetime in the `route` block of radvd.conf as expected.",
	},
	{
		ID: "expect.rdnss", Severity: Error, Receiver: ReceiverAccepts, RFC: "8106 §5.1",
		Title: "the DNS servers are not those expected",
		Why:   "Guests ask servers that were not meant for them, or have none.",
		Fix: "Put the servers into the `RDNSS` block of radvd.conf. In CloudStack they come from ip6dns1 and ip6dns2 of the " +
			"network, or else of the zone; restart the network after a change.",
	},
	{
		ID: "expect.rdnss-lifetime", Severity: Error, Receiver: ReceiverAccepts, RFC: "8106 §5.1",
		Title: "the lifetime of a DNS server is not the one expected",
		Why:   "Guests keep the server for longer or shorter than was meant.",
		Fix:   "Set AdvRDNSSLifetime in the `RDNSS` block of radvd.conf as expected (30 in CloudStack).",
	},
	{
		ID: "expect.dnssl", Severity: Error, Receiver: ReceiverAccepts, RFC: "8106 §5.2",
		Title: "the DNS search domains are not those expected",
		Why:   "Guests look short names up in other domains than was meant.",
		Fix:   "Put the domains into the `DNSSL` block of radvd.conf. CloudStack advertises none.",
	},
	{
		ID: "expect.dnssl-lifetime", Severity: Error, Receiver: ReceiverAccepts, RFC: "8106 §5.2",
		Title: "the lifetime of a DNS search domain is not the one expected",
		Why:   "Guests keep the domain for longer or shorter than was meant.",
		Fix:   "Set AdvDNSSLLifetime in the `DNSSL` block of radvd.conf as expected.",
	},
	{
		ID: "expect.pref64", Severity: Error, Receiver: ReceiverAccepts, RFC: "8781 §4",
		Title: "the NAT64 prefixes are not those expected",
		Why:   "Guests reach IPv4 by another translator than was meant, or by none.",
		Fix:   "Set the router's PREF64 (radvd 2.20: `nat64prefix`) as expected.",
	},
	{
		ID: "expect.captive-portal", Severity: Error, Receiver: ReceiverAccepts, RFC: "8910 §2.3",
		Title: "the captive portal is not the one expected",
		Why:   "Guests are sent to another page than was meant, or to none.",
		Fix:   "Set the router's captive portal URI as expected.",
	},
	{
		ID: "expect.option", Severity: Error, Receiver: ReceiverAccepts, RFC: "4861 §4.2",
		Title: "an option is missing, other than expected, or not expected at all",
		Why:   "The router says something else than was meant: it may run another configuration, or be another router.",
		Fix:   "Compare the router's configuration with what is expected; `v6probe ra -v` shows the options that it sends.",
	},
	{
		ID: "expect.segment", Severity: Error, RFC: "7348 §4; 4861 §6.2.6",
		Title: "a network is advertised in another VXLAN or VLAN than its own",
		Why:   "Guests of another network form addresses in it, and its own may get none: segments were mixed up or joined.",
		Fix: "Compare broadcasturi of the network with the bridge and the VXLAN device (`bridge link`, `ip -d link show type " +
			"vxlan`) on this host and on that of the router.",
	},
	{
		ID: "expect.unmatched", Severity: Error, RFC: "4861 §6.2.7",
		Title: "nothing that is expected is about this link, so that it was not compared",
		Why: "The expectation names its links by interface, VNI, VLAN or prefix, and none of them is that of this one: it is " +
			"about another link, or a wrong prefix hides which. Where others of its links were found it is a note, and a warning where it may be one of several.",
		Fix: "Choose the one that is meant: `--expect FILE#NAME`, with an interface of radvd.conf or a network's name or id. " +
			"`v6probe expect show FILE` lists them.",
	},
	{
		ID: "expect.address", Severity: Error, RFC: "4862 §5.5.3; 4291 §2.5.1",
		Title: "a guest uses another address than the one expected",
		Why: "CloudStack knows the guest by the EUI-64 address that its MAC makes in the prefix: DNS, security groups and firewall " +
			"rules are for that one, and packets of another are dropped by security groups.",
		Fix: "On the guest: `sysctl -w net.ipv6.conf.eth0.addr_gen_mode=0 net.ipv6.conf.eth0.use_tempaddr=0` (NetworkManager: " +
			"ipv6.addr-gen-mode eui64, ipv6.ip6-privacy 0), and bring the interface down and up.",
	},
	{
		ID: "expect.neighbor", Severity: Error, RFC: "4861 §7.2; 3756 §4.1.1",
		Title: "an address is used by another machine than the one expected",
		Why:   "Packets for the guest go to somebody else: a duplicate address, or one that is stolen.",
		Fix:   "Find the machine by its Ethernet address (`bridge fdb show`, `virsh domiflist`), and take the address from it.",
	},
	{
		ID: "expect.neighbor-missing", Severity: Error, RFC: "4861 §7.2",
		Title: "a neighbor that is expected was not seen",
		Why:   "It is down, on another segment, or something filters its neighbor discovery.",
		Fix:   "Ask for it: `v6probe nd ADDRESS -i IFACE`. If it is meant to be gone, take it out of what is expected.",
	},
	{
		ID: "expect.source", Severity: Warning, RFC: "4862 §5.5.3; 4861 §6.2.1",
		Title: "the expectation itself is at fault",
		Why:   "A network that is as it says does not work.",
		Fix:   "Correct it where the detail says.",
	},
	{
		ID: "expect.rule-missing", Severity: Error, RFC: "4861 §6.2.7",
		Title: "a fault that must show does not",
		Why:   "The capture no longer shows it, or its judge no longer finds it.",
		Fix:   "If the fault is gone for good, take the rule out of `must` in the expectation (`v6probe check --update`).",
	},
}
