package rule

// prefixRules are about the Prefix Information option.
var prefixRules = []Rule{
	{
		ID: "pio.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "4861 §4.6.2",
		Title: "a Prefix Information option is not 32 bytes long",
		Why:   "Hosts ignore the option, so its prefix is not on the link and no address forms in it.",
		Fix:   "Find the sender by its Ethernet address and update its router software; radvd always sends 32 bytes.",
	},
	{
		ID: "pio.prefix-length", Severity: Error, Receiver: ReceiverIgnores, RFC: "4861 §4.6.2",
		Title: "the prefix length of a Prefix Information option is above 128",
		Why:   "No such prefix exists; hosts ignore the option.",
		Fix:   "Correct the router's `prefix` line (in CloudStack a /64) or update its software: radvd does not accept such a value.",
	},
	{
		ID: "pio.link-local", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4861 §4.6.2; 4862 §5.5.3(b)",
		Title: "a router advertises the link-local prefix",
		Why:   "Hosts ignore the option: fe80::/64 is always theirs. The prefix that was meant is missing.",
		Fix: "Put the network's prefix (ip6cidr) into the `prefix` block of radvd.conf. A block for ::/64 makes radvd take the " +
			"prefixes of the interface: check that it has a global address.",
	},
	{
		ID: "pio.preferred-over-valid", Severity: Error, Receiver: ReceiverIgnores, RFC: "4862 §5.5.3(c); 4861 §4.6.2",
		Title: "the preferred lifetime of a prefix is longer than its valid lifetime",
		Why:   "Hosts form no address from the option and do not refresh one that they have.",
		Fix: "Set AdvPreferredLifetime in radvd.conf no higher than AdvValidLifetime (14400 and 86400 in CloudStack). When a " +
			"prefix is being retired set both.",
	},
	{
		ID: "pio.not-64", Severity: Error, Receiver: ReceiverAccepts, RFC: "4862 §5.5.3(d); 4291 §2.5.1; 2464 §4",
		Title: "a prefix for autoconfiguration is not a /64",
		Why: "Prefix and interface identifier must make 128 bits, and on Ethernet the identifier has 64: guests form no " +
			"address in it.",
		Fix: "Use a /64: in CloudStack set the network's or the IPv6 pool's prefix so that each network gets one " +
			"(ip6cidr). With another length switch AdvAutonomous off and hand addresses out by DHCPv6.",
	},
	{
		ID: "pio.multicast", Severity: Error, Receiver: ReceiverIgnores, RFC: "4291 §2.7",
		Title: "a router advertises a multicast prefix",
		Why:   "No host can have an address in it; hosts ignore the option.",
		Fix:   "Put the network's prefix (ip6cidr) into the `prefix` block of radvd.conf.",
	},
	{
		ID: "pio.host-bits", Severity: Info, Receiver: ReceiverAccepts, RFC: "4861 §4.6.2",
		Title: "bits after the prefix are not zero",
		Why: "Routers must send zeros there, but hosts ignore the bits. CloudStack's template writes the gateway's address " +
			"(prefix::1/64) where the prefix belongs, and radvd copies it.",
		Fix: "Nothing needs doing. To silence it write the prefix without host bits into radvd.conf; CloudStack writes the " +
			"file anew when the network restarts.",
	},
	{
		ID: "pio.no-flags", Severity: Info, Receiver: ReceiverAccepts, RFC: "4861 §4.6.2, §6.3.4",
		Title: "a prefix is advertised with none of the flags L, A and P",
		Why:   "Hosts neither take the prefix as on the link nor form an address in it: the option says nothing.",
		Fix:   "Set `AdvOnLink on; AdvAutonomous on;` in the `prefix` block of radvd.conf, or remove the block.",
	},
	{
		ID: "pio.p-with-a", Severity: Info, Receiver: ReceiverAccepts, RFC: "9762 §4, §7.1",
		Title: "a prefix has both the P and the A flag",
		Why: "A host that knows P ignores A and asks DHCPv6 for a prefix of its own; all others autoconfigure an address. That " +
			"is how a transition looks, but is a surprise where every guest should have its EUI-64 address.",
		Fix: "Keep it if prefix delegation is wanted and served. Else switch the P flag off on the router; CloudStack delegates " +
			"no prefixes to guests.",
	},
	{
		ID: "pio.r-without-address", Severity: Warning, Receiver: ReceiverAccepts, RFC: "6275 §7.2",
		Title: "a prefix has the R flag but no router's address in it",
		Why:   "R says that the prefix field holds the router's whole address. Mobile nodes would take prefix:: for their home agent.",
		Fix: "Write the router's own address into the `prefix` line of radvd.conf, or set `AdvRouterAddr off`, which is the " +
			"default.",
	},
	{
		ID: "pio.two-hour-rule", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4862 §5.5.3(e)",
		Title: "a router cuts a valid lifetime below two hours",
		Why: "Hosts do not believe it: they keep the address for two hours, or for what it has left if that is less. Guests " +
			"hold on to the old prefix although the router gave it up.",
		Fix: "Deprecate the prefix instead: AdvPreferredLifetime 0 takes effect at once. Let the valid lifetime run down over " +
			"at least two hours, and keep routing the prefix that long.",
	},
	{
		ID: "pio.lifetime-long", Severity: Info, Receiver: ReceiverAccepts, RFC: "9096 §3.3; 8978 §2; 4861 §6.2.1",
		Title: "a prefix has very long lifetimes",
		Why: "With RFC 4861's old defaults (30 days valid, 7 days preferred) or more, hosts keep an address that long after " +
			"the prefix is gone, and use it.",
		Fix: "Set AdvPreferredLifetime and AdvValidLifetime in radvd.conf to hours (14400 and 86400 in CloudStack; RFC 9096 " +
			"asks home routers for 2700 and 5400).",
	},
	{
		ID: "pio.stale-prefix", Severity: Warning, Receiver: ReceiverAccepts, RFC: "9096 §3.5; 8978 §2",
		Title: "a router stopped advertising a prefix without retiring it",
		Why:   "Guests keep using their address in it until its lifetime ends, although answers may not come back.",
		Fix: "Advertise the old prefix with AdvPreferredLifetime 0 until its valid lifetime is over (radvd: `DeprecatePrefix " +
			"on` does so at a clean stop), or give guests a restart.",
	},
	{
		ID: "pio.duplicate", Severity: Warning, Receiver: ReceiverAccepts, RFC: "4861 §6.2.3, §6.3.4",
		Title: "one RA has the same prefix twice",
		Why:   "Hosts take the options one after the other. If their flags or lifetimes differ, the last one wins on most hosts.",
		Fix: "Remove one of the two `prefix` blocks from radvd.conf; look out for a `::/64` block beside a block with the " +
			"prefix itself.",
	},
}

// mtuRules are about the MTU option.
var mtuRules = []Rule{
	{
		ID: "mtu.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "4861 §4.6.4",
		Title: "an MTU option is not 8 bytes long",
		Why:   "Hosts may ignore the option and keep their own MTU.",
		Fix:   "Find the sender by its Ethernet address and update its router software; radvd always sends 8 bytes.",
	},
	{
		ID: "mtu.below-1280", Severity: Error, Receiver: ReceiverIgnores, RFC: "4861 §6.3.4; 8200 §5",
		Title: "a router advertises an MTU below 1280",
		Why: "IPv6 needs 1280. Hosts ignore the option, keep the larger MTU of their link, and their big packets vanish if the " +
			"link really is that small.",
		Fix: "Set AdvLinkMTU in radvd.conf to 1280 or more, or to 0 for no option. Look at the network's MTU in CloudStack too: " +
			"its API takes a privatemtu down to 68, with which IPv6 does not work.",
	},
	{
		ID: "mtu.above-link", Severity: Warning, Receiver: ReceiverIgnores, RFC: "4861 §6.3.4; 2464 §2",
		Title: "a router advertises an MTU above that of the link",
		Why: "Hosts whose interface has the link's MTU ignore the option; one with a larger MTU sends packets that the bridge " +
			"or the VXLAN device drops without a word.",
		Fix: "Set AdvLinkMTU in radvd.conf to the link's MTU (`ip link show DEV`), or raise the link's MTU on every host of the " +
			"zone.",
	},
	{
		ID: "mtu.encapsulation", Severity: Error, Receiver: ReceiverAccepts, RFC: "7348 §4.3; 4861 §4.6.4",
		Title: "the advertised MTU does not fit into the underlay with its tunnel headers",
		Why: "A full-sized packet of a guest does not fit the physical link once VXLAN has wrapped it (50 bytes over IPv4, 70 " +
			"over IPv6): connections open and then hang.",
		Fix: "Raise the underlay's MTU on every hypervisor and switch, or set AdvLinkMTU and the network's MTU in CloudStack to " +
			"the underlay's MTU minus 50 (IPv6 underlay: 70). EVPN devices without `dev` ignore the underlay: set their MTU by " +
			"hand.",
	},
}

// routeRules are about the Route Information option.
var routeRules = []Rule{
	{
		ID: "rio.length", Severity: Error, Receiver: ReceiverIgnores, RFC: "4191 §2.3",
		Title: "a Route Information option has a length that does not fit its prefix",
		Why:   "A prefix length above 64 needs 24 bytes, above 0 at least 16, and none takes more than 24. Hosts ignore the route.",
		Fix:   "Find the sender by its Ethernet address and update its router software; radvd always sends enough.",
	},
	{
		ID: "rio.prefix-length", Severity: Error, Receiver: ReceiverIgnores, RFC: "4191 §2.3",
		Title: "the prefix length of a Route Information option is above 128",
		Why:   "No such prefix exists; hosts ignore the route.",
		Fix:   "Correct the router's `route` line or update its software: radvd does not accept such a value.",
	},
	{
		ID: "rio.preference-reserved", Severity: Error, Receiver: ReceiverIgnores, RFC: "4191 §2.1, §2.3",
		Title: "the preference of a route has the reserved value",
		Why:   "Hosts must ignore the whole option, unlike the reserved router preference, which they read as medium.",
		Fix:   "Set AdvRoutePreference in the `route` block of radvd.conf to low, medium or high.",
	},
	{
		ID: "rio.duplicate", Severity: Error, Receiver: ReceiverAccepts, RFC: "4191 §4",
		Title: "one RA has the same route twice",
		Why:   "A router must not send this. Which lifetime and preference a host takes is its own choice.",
		Fix:   "Remove one of the two `route` blocks from radvd.conf.",
	},
}
