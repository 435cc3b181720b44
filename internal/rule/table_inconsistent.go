package rule

// inconsistentRules are about routers of one link that contradict each other (RFC 4861 §6.2.7). Values that a router
// does not specify contradict nothing.
var inconsistentRules = []Rule{
	{
		ID: "ra.inconsistent-cur-hop-limit", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise different hop limits",
		Why:   "Hosts use whichever they heard last, so how far their packets reach changes with every RA.",
		Fix:   "Set the same AdvCurHopLimit on all routers of the link (64). " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-managed", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7; 4862 §5.5.3",
		Title: "routers of the link disagree on the M flag",
		Why:   "Some hosts start DHCPv6 for addresses and others do not, depending on which RA they heard first.",
		Fix:   "Set AdvManagedFlag alike on all routers of the link; off in CloudStack, which serves no DHCPv6. " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-other", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link disagree on the O flag",
		Why:   "Some hosts ask DHCPv6 for DNS servers and others do not, depending on which RA they heard first.",
		Fix: "Set AdvOtherConfigFlag alike on all routers of the link; off in CloudStack, which serves no DHCPv6. " +
			fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-reachable-time", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise different reachable times",
		Why:   "Hosts use whichever they heard last, so neighbor detection keeps changing its pace.",
		Fix:   "Set the same AdvReachableTime on all routers of the link, or 0 to leave it to the hosts. " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-retrans-timer", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise different retransmission timers",
		Why:   "Hosts use whichever they heard last, so address resolution and DAD keep changing their pace.",
		Fix:   "Set the same AdvRetransTimer on all routers of the link, or 0 to leave it to the hosts. " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-mtu", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise different MTUs",
		Why:   "Hosts use whichever they heard last. With the larger one, big packets may vanish in the underlay.",
		Fix: "Set the same AdvLinkMTU on all routers of the link: no more than the network's MTU (privatemtu in listNetworks). " +
			fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-valid-lifetime", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise one prefix with different valid lifetimes",
		Why:   "Addresses live as long as the last RA said. When one router has given the prefix up, the others keep it alive.",
		Fix:   "Set the same AdvValidLifetime on all routers of the link (86400 in CloudStack). " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-preferred-lifetime", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.7",
		Title: "routers of the link advertise one prefix with different preferred lifetimes",
		Why:   "Hosts switch between using the prefix and avoiding it, with every RA.",
		Fix:   "Set the same AdvPreferredLifetime on all routers of the link (14400 in CloudStack). " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-rdnss", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8106 §6",
		Title: "routers of the link advertise different DNS servers",
		Why:   "Hosts collect them all and keep few, so which server they ask is a matter of chance.",
		Fix:   "List the same servers in the `RDNSS` blocks of all routers of the link (ip6dns1, ip6dns2). " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-dnssl", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8106 §6",
		Title: "routers of the link advertise different DNS search lists",
		Why:   "A short name can mean one machine on one host and another on the next.",
		Fix:   "List the same domains in the `DNSSL` blocks of all routers of the link. " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-captive-portal", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8910 §3",
		Title: "routers of the link advertise different captive portals",
		Why:   "Hosts cannot tell which portal lets them out, and log the contradiction.",
		Fix:   "Set the same AdvCaptivePortalAPI on all routers of the link, and the same URI in DHCP. " + newRadvd + " " + fixTwoRouters,
	},
	{
		ID: "ra.inconsistent-pref64", Severity: Warning, Receiver: ReceiverAccepts, RFC: "8781 §5",
		Title: "routers of the link advertise different NAT64 prefixes",
		Why:   "Hosts may send packets for one translator to the router of the other, which drops them.",
		Fix:   "Set the same `nat64prefix` on all routers of the link. " + newRadvd + " " + fixTwoRouters,
	},
}

// fixTwoRouters is what else may be wrong when two routers contradict each other.
const fixTwoRouters = "If there should be one router only: in a shared network no VR may run radvd, in a redundant pair " +
	"only the primary."
