package rule

// pmtuRules are about the path MTU: what probing it, a capture, or this host's own interfaces show.
var pmtuRules = []Rule{
	{
		ID: "pmtu.black-hole", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4; 4890 §4.3.1; 4821 §1",
		Title: "large packets vanish on the way without a Packet Too Big",
		Why: "Hosts are not told that the path is narrower than their link, so they go on sending packets that do not fit: " +
			"connections open, small answers come, and every download hangs.",
		Fix: "Between the two hops either a link or switch is narrower than its routers believe (compare `ip -6 link show` on " +
			"both, and the switch), or a filter eats the Packet Too Big: every filter on the way must have `icmpv6 type " +
			"packet-too-big accept` or `ct state established,related accept`. As a stopgap clamp TCP there, to what arrives " +
			"less 60 bytes: `tcp flags syn tcp option maxseg size set MSS`.",
	},
	{
		ID: "pmtu.return-black-hole", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4; 4890 §4.3.1",
		Title: "large answers get lost, though packets of that size arrive at the target",
		Why: "The way there is wide enough, but what the target sends in large packets does not arrive: uploads work, and " +
			"downloads hang. A filter that drops long echoes at the target looks the same.",
		Fix: "Run v6probe pmtu on the target towards this host: it sees the narrow place and names it, or finds none. Then let " +
			"packet-too-big pass on that way, or make the MTUs alike.",
	},
	{
		ID: "pmtu.return-narrow", Severity: Info, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: "the way back is narrower than the way there, and says so",
		Why:   "The target has been told and sends large answers in fragments. Nothing is lost.",
		Fix:   "Nothing needs doing, unless both ways should be alike: run v6probe pmtu on the target towards this host.",
	},
	{
		ID: "pmtu.narrow", Severity: Info, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: "the path is narrower than this host's link, and says so",
		Why:   "Packet Too Big arrives and is right, so hosts adapt after the first packet that does not fit.",
		Fix: "Nothing needs doing. Where the network is to carry more, raise the MTU of the link that the picture shows; where " +
			"guests are to know it from the start, set the network's MTU (privatemtu) to this one.",
	},
	{
		ID: "pmtu.below-expected", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: "the path MTU is less than expected",
		Why:   "The network does not carry what it was built for, in the one direction or in both.",
		Fix: "The picture shows the link that is narrower: raise its MTU, and that of the tunnels and switches below it. " +
			"`v6probe pmtu --plan` tells what each tunnel needs.",
	},
	{
		ID: "pmtu.below-1280", Severity: Error, Receiver: ReceiverNone, RFC: "8200 §5",
		Title: "packets of 1280 bytes do not get through, though small ones do",
		Why: "Every link that carries IPv6 must carry 1280. Hosts do not go below that, so connections open and hang, and DNS " +
			"answers get lost.",
		Fix: "Find the link below 1280: in CloudStack privatemtu and publicmtu in listNetworks, which the API takes down to 68; " +
			"else a tunnel in a tunnel. Raise what carries it: VXLAN takes 1330 of an IPv4 underlay, 1350 of an IPv6 one.",
	},
	{
		ID: "pmtu.unreachable", Severity: Error, Receiver: ReceiverNone, RFC: "4443 §3.1",
		Title: "the target answers nothing",
		Why:   "Neither an echo nor UDP, TCP or an unknown option got an answer, so nothing can be said of the path MTU.",
		Fix: "See whether the target is up and the address right: `ping -c 3 TARGET`. The last hop that answers is where to look " +
			"on: its route to the target, or a filter behind it. If the target answers one port only, name it with --port.",
	},
	{
		ID: "pmtu.routing-loop", Severity: Error, Receiver: ReceiverNone, RFC: "4443 §3.3",
		Title: "routers send the packets around in a circle",
		Why:   "A packet with an ample hop limit comes back as Time Exceeded: it never gets to the target.",
		Fix: "On the routers that the finding names: `ip -6 route get TARGET`. Mostly one has only a default route to the other for " +
			"a prefix that it should deliver itself: add that route (ip6routes in listNetworks), or an unreachable route for the " +
			"aggregate.",
	},
	{
		ID: "pmtu.ptb-wrong", Severity: Error, Receiver: ReceiverAccepts, RFC: "8201 §4; 4443 §3.2",
		Title: "a Packet Too Big says another MTU than the link has",
		Why: "Too low a value makes hosts send smaller packets than they could, and may be an attack. Too high a value is one at " +
			"which packets vanish: hosts believe it and hang.",
		Fix: "Compare the MTU of that router's outgoing interface with what it says: `ip -6 link show`, `ip -6 route get TARGET`. A " +
			"tunnel that does not subtract its own headers is the usual cause: set its MTU by hand (VXLAN: the underlay's minus 50, " +
			"over IPv6 minus 70).",
	},
	{
		ID: "pmtu.ptb-forged", Severity: Warning, Receiver: ReceiverNone, RFC: "4443 §5.2; 8201 §4",
		Title: "Packet Too Big messages match no probe that was sent",
		Why: "They quote a packet to this target that v6probe did not send: somebody forges them, to make hosts send small " +
			"packets; or they are about another program's packets. They had no part in the result.",
		Fix: "Watch them with `v6probe nd -i IFACE -v` while nothing else talks to the target. If they are forged, drop them where " +
			"they enter: they come from no router of this path.",
	},
	{
		ID: "pmtu.ptb-filtered-here", Severity: Error, Receiver: ReceiverDrops, RFC: "4890 §4.3.1; 8201 §4",
		Title: "a filter of this host drops the Packet Too Big that it is sent",
		Why: "The message comes in on the interface and never gets to the kernel's IPv6, so what this host sends in large packets " +
			"vanishes. CloudStack's Virtual Router is built so: its fw_input accepts no packet-too-big.",
		Fix: "On a Virtual Router `nft insert rule ip6 ip6_firewall fw_input icmpv6 type packet-too-big accept`; elsewhere find the " +
			"rule with `nft list ruleset` or `ip6tables -vnL INPUT` and accept `icmpv6 type packet-too-big` before it.",
	},
	{
		ID: "pmtu.held-here", Severity: Error, Receiver: ReceiverNone, RFC: "4890 §4.3",
		Title: "a filter of this host does not let packets out",
		Why:   "They never get on the wire: what is further on the way cannot be told, and other programs fare no better.",
		Fix: "Find the rule: `nft list ruleset`, chains of the hook output or postrouting; `ip6tables -vnL OUTPUT`; `tc filter show dev " +
			"IFACE egress`.",
	},
	{
		ID: "pmtu.host-cache", Severity: Warning, Receiver: ReceiverNone, RFC: "8201 §5.3",
		Title: "this host's route cache has another MTU for the target than the path",
		Why: "Until the entry expires (ten minutes on Linux) this host sends smaller packets than it could. An old Packet Too Big " +
			"left it there, or a forged one.",
		Fix: "`ip -6 route get TARGET` shows it, `ip -6 route flush cache` removes it. If it comes back, see who sends the Packet " +
			"Too Big: `v6probe nd -i IFACE`.",
	},
	{
		ID: "pmtu.encapsulation", Severity: Info, Receiver: ReceiverNone, RFC: "7348 §4.3",
		Title: "the path MTU is what a tunnel leaves of a common link",
		Why:   "The number tells what is probably on the way. It is a hint, and no proof.",
		Fix: "`v6probe pmtu --plan --encap vxlan` tells what the underlay must carry so that guests keep 1500: 1550 for VXLAN " +
			"over IPv4, 1570 over IPv6. Or set the network's MTU to what was found.",
	},
	{
		ID: "pmtu.flows-differ", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §5.2; 6438 §3",
		Title: "flows to one target have different path MTUs",
		Why: "Routers spread flows over several paths (ECMP), and one of them is narrower or broken: some connections work and " +
			"others hang, always the same ones.",
		Fix: "Make the parallel links alike: `ip -6 route show TARGET` on the routers shows the next hops, `ip -6 link show` their " +
			"MTUs. For a bond or a LAG see the MTU of each member and of the switch port behind it.",
	},
	{
		ID: "pmtu.loss", Severity: Info, Receiver: ReceiverNone, RFC: "8899 §4.4",
		Title: "packets of sizes that pass get lost",
		Why: "Each size was probed often enough to tell loss from a packet that is too big, so the result holds; connections are " +
			"slow all the same.",
		Fix: "Find where it begins: `mtr -6 TARGET`, and the error and drop counters of the links: `ip -s -s link show`.",
	},
	{
		ID: "pmtu.unknown", Severity: Error, Receiver: ReceiverNone, RFC: "8899 §4.4",
		Title: "the path MTU cannot be told",
		Why: "So many packets are lost, or so few are answered, that silence proves nothing. What is known is a size that " +
			"arrives.",
		Fix: "Mend the loss first: `ip -s -s link show` on the way. If the target limits its answers, probe by what it does not " +
			"limit: `--probe tcp --port PORT`, or `--probe echo`.",
	},
	{
		ID: "pmtu.tunnel-mtu", Severity: Error, Receiver: ReceiverNone, RFC: "7348 §4.3",
		Title: "a tunnel of this host carries larger packets than its underlay has room for",
		Why: "What is longer than the underlay leaves does not get through the tunnel, and behind a bridge nobody tells the " +
			"guests. CloudStack's EVPN script makes such devices: without `dev` the kernel takes 1500 whatever the underlay.",
		Fix: "Raise the underlay by what the tunnel takes (VXLAN: 50 bytes over IPv4, 70 over IPv6), switches included, or lower " +
			"the tunnel's MTU and the guests' with it (privatemtu).",
	},
	{
		ID: "pmtu.bridge-port-mtu", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: "the ports of a bridge have different MTUs",
		Why: "A bridge drops what does not fit the port that it goes out by, without a word, since it is no router: large packets " +
			"vanish between a guest and the port.",
		Fix: "Give all ports one MTU: `ip link set PORT mtu N`, and the guests no more than the smallest of them (the network's " +
			"MTU, privatemtu).",
	},
	{
		ID: "pmtu.black-hole-suspected", Severity: Warning, Receiver: ReceiverNone, RFC: "4821 §7.7; 8201 §4",
		Title: "a connection repeats its large packets in vain while small ones get through",
		Why: "So looks a path whose Packet Too Big is filtered: the sender never learns that its packets do not fit. Heavy loss " +
			"may look alike for a moment.",
		Fix: "Probe it from the sender: `v6probe pmtu DESTINATION` tells the size that passes and the hop behind which larger ones " +
			"vanish.",
	},
}
