package rule

// raRules are about one Router Advertisement by itself: its header and where it came from.
var raRules = []Rule{
	{
		ID: "ra.src-not-link-local", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.2",
		Title: "the source of a Router Advertisement is not a link-local address",
		Why:   "Hosts drop it: they know routers by their link-local addresses only.",
		Fix: "Give the router's interface a link-local address: `ip -6 addr show dev DEV scope link`; if there is none, " +
			"`sysctl net.ipv6.conf.DEV.addr_gen_mode=0` and set the link down and up. radvd refuses to send without one, so " +
			"look for another sender too.",
	},
	{
		ID: "ra.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.2",
		Title: "a Router Advertisement is shorter than 16 bytes",
		Why:   "Hosts drop it: its fixed fields are not all there.",
		Fix:   "Find the sender by its Ethernet address; no router daemon in use sends this.",
	},
	{
		ID: "ra.dst-invalid", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §4.2, §6.2.6",
		Title: "a Router Advertisement goes to an address that no host expects it at",
		Why: "RAs go to ff02::1, or to the one host that solicited. Sent to another group, most hosts never hear it; KVM hosts " +
			"with security groups pass RAs to ff02::1 only.",
		Fix: "Remove a `clients { … }` list or a modified multicast group from the router's configuration; radvd sends to " +
			"ff02::1 by default (UnicastOnly off).",
	},
	{
		ID: "ra.lifetime-range", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.1; 8319 §4",
		Title: "the router lifetime is outside the range that routers may send",
		Why: "A lifetime of 1 to 3 s is below any interval that RFC 4861 allows between RAs: hosts lose their default route " +
			"between two of them. Above 9000 s, which RFC 8319 allows and which is only noted, some old hosts take 9000 or " +
			"refuse, and a dead router stays in use for hours.",
		Fix: "Set AdvDefaultLifetime in radvd.conf to 0 or to 3 × MaxRtrAdvInterval, its default (45 in CloudStack's template), " +
			"and no more than 9000.",
	},
	{
		ID: "ra.lifetime-zero-with-preference", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4191 §2.2",
		Title: "a router that is no default router claims a preference",
		Why: "With router lifetime 0 the preference must be medium, and hosts ignore it. Somebody meant this router to be a " +
			"default router, or meant the preference for its routes.",
		Fix: "radvd.conf: drop AdvDefaultPreference, or set AdvDefaultLifetime above 0. The preference of a route is set by " +
			"AdvRoutePreference in its `route` block.",
	},
	{
		ID: "ra.preference-reserved", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4191 §2.1, §2.2",
		Title: "the router preference has the reserved value",
		Why:   "Hosts treat it as medium, whatever was meant.",
		Fix:   "Set AdvDefaultPreference to low, medium or high in radvd.conf.",
	},
	{
		ID: "ra.reachable-range", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.1",
		Title: "the reachable time is above one hour",
		Why:   "Hosts take it over and then keep sending to neighbors that are long gone.",
		Fix:   "Set AdvReachableTime in radvd.conf to at most 3600000 (milliseconds), or to 0 to leave it to the host.",
	},
	{
		ID: "ra.hop-limit-low", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.3.2; CVE-2015-2922",
		Title: "the router gives hosts a very low hop limit",
		Why: "Hosts take it for everything they send, so packets die before they reach distant servers. Attackers cut off " +
			"whole links with it.",
		Fix: "Set AdvCurHopLimit to 64 in radvd.conf. If the router is not yours, shut its port, and guard guests with " +
			"`sysctl net.ipv6.conf.DEV.accept_ra_min_hop_limit=32`.",
	},
	{
		ID: "ra.no-address-source", Severity: Error, Receiver: ReceiverAccepts, RFC: "4862 §5.5.3; 4861 §6.2.3",
		Title: "no router offers an address source",
		Why: "Guests get a default route but no address beside fe80::, because no RA of the link has a usable prefix with A " +
			"(or P), nor the M flag. That is what apache/cloudstack#13121 looked like on a redundant VPC.",
		Fix: "On the VR look for the `prefix` block of the interface in /etc/radvd.conf and for `AdvAutonomous on` in it, then " +
			"`systemctl restart radvd`. If the block is missing, the network has no IPv6 range: see ip6cidr in listNetworks, " +
			"then restart the network with cleanup so that CloudStack writes the file again.",
	},
	{
		ID: "ra.managed-no-server", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §4.2; 8415 §18",
		Title: "the RA sends hosts to DHCPv6, but no DHCPv6 server answers",
		Why: "With M hosts wait for an address that never comes, with O for DNS servers. CloudStack serves no DHCPv6 " +
			"(apache/cloudstack#12696).",
		Fix: "Remove AdvManagedFlag and AdvOtherConfigFlag from radvd.conf and give hosts a prefix with `AdvAutonomous on` and " +
			"an RDNSS; or start a DHCPv6 server and let UDP ports 546 and 547 through.",
	},
	{
		ID: "ra.interval-vs-lifetime", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.1",
		Title: "RAs come further apart than the router lifetime lasts",
		Why:   "Hosts lose their default route between two RAs, and with it every connection to the outside.",
		Fix: "Set AdvDefaultLifetime in radvd.conf to at least 3 × MaxRtrAdvInterval. If it is, RAs get lost: look for " +
			"multicast loss on the bridge (`bridge mdb show`, mcast_snooping without a querier) and for drops on the VXLAN.",
	},
	{
		ID: "ra.too-fast", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.6, §10",
		Title: "a router sends RAs to all nodes faster than one in 3 s",
		Why:   "Every RA wakes every guest. A router answering solicitations must collect them.",
		Fix: "Raise MinRtrAdvInterval to 3 or more in radvd.conf, keep MinDelayBetweenRAs at 3, and see that only one radvd runs " +
			"on the interface: `pgrep -a radvd`.",
	},
	{
		ID: "ra.flood", Severity: Warning, Receiver: ReceiverNone, RFC: "6104 §2; 6105",
		Title: "Router Advertisements flood the link",
		Why: "Hosts spend their time on them, and their tables fill with routers and prefixes that are not there. It is an " +
			"attack or a loop.",
		Fix: "Find the senders by their Ethernet addresses (`bridge fdb show`), look for a bridging loop, and switch on RA guard " +
			"or storm control on the ports that have no router.",
	},
	{
		ID: "ra.final-missing", Severity: Info, Receiver: ReceiverNone, RFC: "4861 §6.2.5",
		Title: "a router went silent without a final RA",
		Why: "Hosts keep its default route until the router lifetime ends. A clean stop of radvd sends an RA with lifetime 0; " +
			"a crash, a kill -9 or a cut link does not.",
		Fix: "See whether the router is alive: `systemctl status radvd`, the link of its interface, and on a redundant pair " +
			"which VR is primary.",
	},
	{
		ID: "ra.unknown-router", Severity: Error, Receiver: ReceiverNone, RFC: "6104; 6105",
		Title: "a router advertises that is not among the expected ones",
		Why: "Guests take it as a default router and send it their traffic. In a shared network radvd on the VR beside the " +
			"upstream router is apache/cloudstack#6700.",
		Fix: "Find it by its Ethernet address (`bridge fdb show`, `virsh domiflist`). A VR of a shared network: `systemctl " +
			"disable --now radvd` on it. A guest: switch on the security group or RA guard for its port.",
	},
	{
		ID: "ra.unknown-prefix", Severity: Error, Receiver: ReceiverNone, RFC: "6104; 6105",
		Title: "a prefix is advertised that is not among the expected ones",
		Why: "Guests form an address in it and may use it as their source; nothing routes the answers back. CloudStack " +
			"expects guests in the network's ip6cidr only.",
		Fix: "Compare with ip6cidr in listNetworks. If the router is the VR, restart the network with cleanup; else find the " +
			"sender by its Ethernet address.",
	},
	{
		ID: "ra.absent", Severity: Error, Receiver: ReceiverNone, RFC: "4861 §6.2.4",
		Title: "no Router Advertisement was heard",
		Why:   "Without one, guests get no prefix and no default route (apache/cloudstack#6314).",
		Fix: "On the VR: `systemctl status radvd`, the interface's block in /etc/radvd.conf, and that this VR is the primary. " +
			"Then follow the RA with this tool from the VR's interface to the bridge and to the guest's vnetN; on a snooping " +
			"bridge `bridge mdb show`, between hosts the VXLAN group of the network.",
	},
	{
		ID: "ra.solicit-unanswered", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §6.2.6",
		Title: "a router advertises but does not answer solicitations",
		Why: "A booting guest waits for the next periodic RA instead of a fraction of a second. CloudStack's VR drops " +
			"solicitations in its input chain.",
		Fix: "On the VR of an isolated network: `nft insert rule ip6 ip6_firewall fw_input icmpv6 type nd-router-solicit " +
			"accept`; of a VPC: `nft insert rule ip6 ip6_acl acl_input icmpv6 type nd-router-solicit accept`. Elsewhere look " +
			"for MLD snooping that withholds ff02::2 from the router.",
	},
	{
		ID: "ra.from-guest", Severity: Error, Receiver: ReceiverNone, RFC: "6104; 6105",
		Title: "a virtual machine sends Router Advertisements on its tap",
		Why: "It offers itself to its neighbors as a default router and reads or loses their traffic. A virtual router is a " +
			"virtual machine too: where nothing proves that the sender is none, this is only noted.",
		Fix: "Find the machine: `virsh list`, and `virsh domiflist` of each. If it is the VR (r-N-VM), all is well. If it is a " +
			"guest, switch on its security group, which drops RAs from guests, and look in it for radvd, for Docker or " +
			"libvirt with IPv6, or for connection sharing.",
	},
	{
		ID: "ra.snac", Severity: Info, Receiver: ReceiverIgnores, RFC: "draft-ietf-6man-snac-router-ra-flag",
		Title: "the RA comes from a stub network router (SNAC flag)",
		Why: "Such a router, a Thread border router for one, connects a stub network and configures itself. It is no rogue as " +
			"such, but does not belong into a cloud's network.",
		Fix: "Nothing needs doing if you know the device. Else find it by its Ethernet address.",
	},
}
