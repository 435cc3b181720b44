package rule

// neighborRules are about Neighbor Solicitations and Advertisements, and about what they say of the link together.
var neighborRules = []Rule{
	{
		ID: "ns.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.1",
		Title: "a Neighbor Solicitation is shorter than 24 bytes",
		Why:   "Receivers drop it: the target is not all there, so nobody can answer.",
		Fix:   "Find the sender by its Ethernet address and update its network stack or boot firmware.",
	},
	{
		ID: "ns.target-multicast", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.1, §4.3",
		Title: "a Neighbor Solicitation asks for a multicast address",
		Why:   "Receivers drop it: a group has no link-layer address to ask for, it is computed (RFC 2464 §7).",
		Fix:   "Find the sender by its Ethernet address: no ordinary stack sends this, look for a script or a broken tool.",
	},
	{
		ID: "ns.dad-with-slla", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.1, §4.3",
		Title: "a Neighbor Solicitation from :: has a source link-layer address option",
		Why: "Receivers drop it, so the sender's test whether its address is free (DAD) finds no one even when another " +
			"station has it.",
		Fix: "Find the sender by its Ethernet address and update its network stack or boot firmware (iPXE, an appliance).",
	},
	{
		ID: "ns.dad-destination", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.1; 4291 §2.7.1",
		Title: "a Neighbor Solicitation from :: goes to an address that is no solicited-node group",
		Why: "Receivers drop it, so the sender's test whether its address is free (DAD) finds no one even when another " +
			"station has it.",
		Fix: "Find the sender by its Ethernet address and update its network stack: the destination must be ff02::1:ff00:0 " +
			"with the target's last three bytes.",
	},
	{
		ID: "ns.unanswered", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §7.2.2",
		Title: "a station asks for a neighbor again and again and gets no answer",
		Why: "It cannot send to that address at all. When the target is the gateway, the guest is cut off " +
			"(apache/cloudstack#8314).",
		Fix: "See whether the target has the address (`ip -6 addr`, no `dadfailed` and no `tentative`). If it has, follow " +
			"the question with `v6probe nd -i` from the asker's vnetN to the target's: it is lost where it is seen last. On a " +
			"snooping bridge `bridge mdb show` must list the target's solicited-node group; between hosts look at the VXLAN " +
			"(`bridge fdb show dev DEV`: an all-zero entry or a group); filters show in `nft list ruleset` and `ip6tables -S`. " +
			"Both solicitations and advertisements must pass: `icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert } accept`.",
	},
	{
		ID: "ns.flood", Severity: Warning, Receiver: ReceiverNone, RFC: "6583 §2, §6",
		Title: "solicitations for addresses that nobody has flood the link",
		Why: "Somebody scans the prefix. Each probe makes the router ask and keep an entry; when its neighbor table is full " +
			"it cannot resolve real neighbors either, and every guest hears the multicast.",
		Fix: "When one router asks, the scan comes from outside: drop what is not for a guest's address there (network ACL " +
			"or firewall of the VR), and give its table room: `sysctl -w net.ipv6.neigh.default.gc_thresh3=8192`, with " +
			"gc_thresh1 and gc_thresh2 below it. When a guest asks, find it by its Ethernet address (`bridge fdb show | grep " +
			"MAC`).",
	},
	{
		ID: "na.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.2",
		Title: "a Neighbor Advertisement is shorter than 24 bytes",
		Why:   "Receivers drop it: the target is not all there, so the question stays unanswered.",
		Fix:   "Find the sender by its Ethernet address and update its network stack or boot firmware.",
	},
	{
		ID: "na.target-multicast", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.2, §4.4",
		Title: "a Neighbor Advertisement is about a multicast address",
		Why:   "Receivers drop it. Taken for true it would send a group's traffic to one station.",
		Fix:   "Find the sender by its Ethernet address: no ordinary stack sends this, look for a script or an attacker.",
	},
	{
		ID: "na.solicited-to-multicast", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §7.1.2, §7.2.4",
		Title: "a Neighbor Advertisement to a group says that it was solicited",
		Why: "Receivers drop it, so what it announces is not heard: after a failover, neighbors keep sending to the old " +
			"Ethernet address.",
		Fix: "An announcement to ff02::1 must have the S flag clear: update the software that sends it (a failover script, " +
			"keepalived, an appliance).",
	},
	{
		ID: "na.missing-tlla", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4861 §4.4, §7.2.4, §7.2.5",
		Title: "the answer to a multicast solicitation has no target link-layer address",
		Why: "The asker does not know the address yet and learns none from such an answer, so it ignores it and goes on " +
			"asking: the neighbor cannot be reached.",
		Fix: "Find the sender by its Ethernet address and update its network stack; if it is a proxy or a filter that " +
			"rewrites answers, let it keep option 2.",
	},
	{
		ID: "dad.conflict", Severity: Error, Receiver: ReceiverNone, RFC: "4862 §5.4.3, §5.4.4, §5.4.5",
		Title: "a station tests an address that another one has",
		Why: "The station that tests must not use the address (`dadfailed` in `ip -6 addr`). When it is its only one, the " +
			"guest is without IPv6; when it is the EUI-64 link-local address, Linux may switch IPv6 off on the interface.",
		Fix: "Find both machines by their Ethernet addresses (`bridge fdb show | grep MAC`, `virsh domiflist`, macaddress " +
			"in listVirtualMachines). In CloudStack a guest's address follows from its MAC, so look for a cloned or imported VM, " +
			"a static address in the image, or two networks on one VNI. Then `ip link set DEV down`, `ip link set DEV up`.",
	},
	{
		ID: "dad.looped", Severity: Warning, Receiver: ReceiverNone, RFC: "7527 §4.1; 4862 §5.4.3",
		Title: "a station hears its own duplicate address test",
		Why: "Something sends frames back to where they came from. A stack without enhanced DAD takes its own test for " +
			"another station's and gives the address up; everyone else gets every multicast twice.",
		Fix: "Look for a loop of bridges (`bridge -d link`: hairpin on), a bond whose ports the switch does not bundle, or " +
			"a VXLAN that floods to itself (`bridge fdb show dev DEV` with the host's own tunnel address). Until then `sysctl " +
			"net.ipv6.conf.DEV.enhanced_dad=1` on the guest.",
	},
	{
		ID: "nd.duplicate-address", Severity: Error, Receiver: ReceiverNone, RFC: "4861 §7.2.5; 4862 §5.4",
		Title: "two stations answer for one address",
		Why: "Whoever answers last gets the traffic, so connections to either break at random. Neither noticed, because one " +
			"of them does not test its address (CloudStack's VR has DAD off) or was cut off when it did.",
		Fix: "Find both machines by their Ethernet addresses (`bridge fdb show | grep MAC`, `virsh domiflist`). When the " +
			"address is the gateway's, see listRouters for two routers with redundantstate PRIMARY, and for a second VR or a " +
			"router of your own on the VNI. Else remove the static address from one.",
	},
	{
		ID: "nd.binding-flap", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §7.2.5; 3756 §4.1.1",
		Title: "an address moves to and fro between Ethernet addresses",
		Why: "Neighbors send now here, now there. One change is a failover or a migration; there and back within a minute " +
			"is two stations that both mean it, or one that is spoofing.",
		Fix: "Redundant VRs: see that one is primary only (redundantstate in listRouters, `systemctl status keepalived` on " +
			"both). Guests: find both by their Ethernet addresses (`bridge fdb show | grep MAC`); a bond in an active-active " +
			"mode needs one address for all its ports. If one of the two should not have it, that station spoofs: shut its port, " +
			"and let security groups or a bridge filter drop its advertisements.",
	},
	{
		ID: "nd.router-flag-cleared", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §7.2.5, §7.3.3",
		Title: "a router says in a Neighbor Advertisement that it is none",
		Why: "Hosts take it out of their default router list at once, until its next RA comes: outages of seconds that " +
			"repeat.",
		Fix: "On the router `sysctl net.ipv6.conf.all.forwarding` and that of the interface must be 1: Linux sets the R " +
			"flag by it. If they are, somebody else answers for the router: compare the Ethernet addresses.",
	},
	{
		ID: "nd.proxy", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §7.2.8; 4389",
		Title: "a station answers for addresses of others",
		Why: "It gets the traffic that is theirs. When it answers duplicate address tests as well, every new guest finds " +
			"its address taken and has no IPv6.",
		Fix: "If it should be no proxy: on it `ip -6 neigh show proxy`, `sysctl net.ipv6.conf.all.proxy_ndp`, `pgrep -a " +
			"ndppd`, and a NAT66 or VPN appliance's setting; find it by its Ethernet address. If it should, limit it to prefixes " +
			"that are not on this link.",
	},
	{
		ID: "nd.rate-limited", Severity: Warning, Receiver: ReceiverNone, RFC: "6583 §6.4, §7.2",
		Title: "a part of a burst of solicitations is not answered",
		Why: "Somebody on the way limits Neighbor Discovery. With many guests, or after a failover when all ask at once, " +
			"some do not get through and wait for seconds.",
		Fix: "Look for a limit for ICMPv6, ND or multicast in the switch (storm control, control-plane policing) and raise " +
			"it, for `limit rate` in `nft list ruleset`, and for a full neighbor table in `dmesg` (\"neighbor table overflow\": " +
			"raise net.ipv6.neigh.default.gc_thresh3). See both ends with `v6probe nd` to tell lost questions from lost answers.",
	},
}

// redirectRules are about Redirects.
var redirectRules = []Rule{
	{
		ID: "redirect.src-not-link-local", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §8.1",
		Title: "the source of a Redirect is not a link-local address",
		Why:   "Hosts drop it: they know routers by their link-local addresses only.",
		Fix: "If the sender is a router, give its interface a link-local address: `ip -6 addr show dev DEV scope link`. " +
			"Else it is an attempt to divert traffic: find it by its Ethernet address.",
	},
	{
		ID: "redirect.too-short", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §8.1",
		Title: "a Redirect is shorter than 40 bytes",
		Why:   "Hosts drop it: its two addresses are not all there.",
		Fix:   "Find the sender by its Ethernet address; no router in use sends this.",
	},
	{
		ID: "redirect.dst-multicast", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §8.1",
		Title: "a Redirect is about a multicast destination",
		Why:   "Hosts drop it: packets to a group have no next hop.",
		Fix:   "Find the sender by its Ethernet address; no router in use sends this.",
	},
	{
		ID: "redirect.target", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §8.1, §4.5",
		Title: "the target of a Redirect is neither a link-local address nor the destination itself",
		Why: "Hosts drop it and go on sending through the first router. A target is a router, known by its link-local " +
			"address, or the destination, when that is on the link.",
		Fix: "On the router, give the next hop of the route by its link-local address: `ip -6 route replace PREFIX via " +
			"fe80::… dev DEV`. If the sender is no router, find it by its Ethernet address.",
	},
	{
		ID: "redirect.not-first-hop", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §8.1, §11.1",
		Title: "a Redirect comes from a station that is no router of the link",
		Why: "Hosts take Redirects from the router only that they use for the destination, so they drop it. Somebody tries " +
			"to divert traffic, or a router redirects that does not advertise.",
		Fix: "Find the sender by its Ethernet address (`bridge fdb show | grep MAC`). Guests need no Redirects in " +
			"CloudStack: `sysctl net.ipv6.conf.DEV.accept_redirects=0`; on the KVM host drop `icmpv6 type nd-redirect` from " +
			"guests' taps.",
	},
	{
		ID: "redirect.spoofed", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §11.1; 3756 §4.2.4",
		Title: "a Redirect in a router's name comes from another Ethernet address",
		Why: "Hosts cannot tell it from the router's own and follow it: their traffic goes where the sender wants it. A " +
			"failover between routers that share a link-local address can look like this once.",
		Fix: "Find the sender by its Ethernet address (`bridge fdb show | grep MAC`, `virsh domiflist`). Let guests ignore " +
			"Redirects: `sysctl net.ipv6.conf.DEV.accept_redirects=0`; on the KVM host drop `icmpv6 type nd-redirect` from " +
			"guests' taps.",
	},
}

// listenerRules are about Multicast Listener Discovery, without which a snooping bridge loses Neighbor Discovery.
var listenerRules = []Rule{
	{
		ID: "mld.invalid", Severity: Error, Receiver: ReceiverDrops, RFC: "3810 §5, §6.2, §7.4; 2710 §3; 3590 §4",
		Title: "an MLD message lacks what proves that it is of this link",
		Why: "Listeners and queriers drop one whose hop limit is not 1, whose source is not link-local (a report may come " +
			"from ::), or that has no Router Alert. A snooping bridge then forgets the group, or never hears of it.",
		Fix: "Find the sender by its Ethernet address. A switch or a bridge as querier needs an IPv6 link-local address on " +
			"the VLAN (a Linux bridge: `ip -6 addr show dev BRIDGE scope link`; CloudStack's bridges have none). A proxy or a " +
			"tunnel must leave hop limit and hop-by-hop options alone.",
	},
	{
		ID: "mld.no-report", Severity: Warning, Receiver: ReceiverNone, RFC: "3810 §6.2; 4541 §3; 4861 §7.2.1",
		Title: "a neighbor does not report its solicited-node group to the querier",
		Why: "A snooping bridge forgets the group and no longer forwards solicitations to the neighbor: nobody can resolve " +
			"its address any more, and if it is the gateway, all guests are cut off. CloudStack's VR drops queries in its input " +
			"chain.",
		Fix: "On the VR of an isolated network: `nft insert rule ip6 ip6_firewall fw_input icmpv6 type mld-listener-query " +
			"accept`; of a VPC: `nft insert rule ip6 ip6_acl acl_input icmpv6 type mld-listener-query accept`. A guest behind " +
			"security groups: let its host pass the query. Or take the snooping off: `ip link set BRIDGE type bridge " +
			"mcast_snooping 0`. Look at the groups with `bridge mdb show`.",
	},
}
