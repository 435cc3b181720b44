package rule

// ndRules are about what every Neighbor Discovery message must satisfy, and about the packet around it.
var ndRules = []Rule{
	{
		ID: "nd.hop-limit", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1",
		Title: "the hop limit of a Neighbor Discovery message is not 255",
		Why: "255 proves that no router forwarded the message. Hosts drop any other value without a word, so a router that " +
			"sends it does not exist for them.",
		Fix: "Send with hop limit 255. If the sender does, something on the way forwards the packet instead of bridging it: " +
			"look for a routed hop, a proxy or a tunnel between sender and guest, and for `ip6tables -t mangle` or nftables " +
			"rules that set the hop limit.",
	},
	{
		ID: "icmp.checksum", Severity: Error, Receiver: ReceiverDrops, RFC: "4443 §2.3",
		Title: "the ICMPv6 checksum is wrong",
		Why:   "The receiver drops the message and only counts it (Icmp6InCsumErrors).",
		Fix: "If the sender runs on this host or on a VM of it, switch checksum offload off on the way to see whether it is " +
			"to blame: `ethtool -K DEV tx off` on the sender's NIC and on the VXLAN device. If it came over the wire, look for " +
			"a box that rewrites addresses (NPTv6, NAT66) or for failing hardware: `nstat -az Icmp6InCsumErrors`.",
	},
	{
		ID: "nd.code", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1.1, §6.1.2, §7.1.1, §7.1.2, §8.1",
		Title: "the ICMPv6 code of a Neighbor Discovery message is not 0",
		Why:   "No code but 0 is defined for these messages; receivers drop the rest.",
		Fix:   "Find the sender by its Ethernet address. No router daemon in use sends this: it is a broken or a hostile tool.",
	},
	{
		ID: "nd.opt-len-zero", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §4.6, §6.1.2",
		Title: "an option says that its length is zero",
		Why:   "A receiver drops the whole message, the good options with it, because it could never step over this one.",
		Fix:   "Find the sender by its Ethernet address and update its software. In CloudStack only radvd on the VR should send RAs.",
	},
	{
		ID: "nd.opt-overrun", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §4.6, §6.1.2",
		Title: "an option is longer than what is left of the message",
		Why:   "A receiver drops the whole message, the good options with it.",
		Fix: "Find the sender by its Ethernet address. If other messages of it are whole, something cuts packets on the way: " +
			"compare the IPv6 payload length at the sender and here.",
	},
	{
		ID: "nd.trailing-bytes", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §4.6, §6.1.2",
		Title: "bytes follow the last option that are no option",
		Why: "Options come in units of 8 bytes. Receivers read the rest as one more option, find that it does not fit, and " +
			"drop the whole message.",
		Fix: "Find the sender by its Ethernet address and update its software: the IPv6 payload length must end with the last " +
			"option. Padding belongs behind the IPv6 packet, in the Ethernet frame.",
	},
	{
		ID: "nd.fragmented", Severity: Error, Receiver: ReceiverDrops, RFC: "6980 §5",
		Title: "a Neighbor Discovery message came in fragments",
		Why: "Hosts must ignore such messages, because fragments slip past RA guards. A router whose RA is that long is not " +
			"heard; anyone else who sends this is attacking.",
		Fix: "A router: put fewer options into the RA (fewer RIOs, a shorter DNSSL), or split them over several RAs. Else find " +
			"the sender by its Ethernet address and shut its port.",
	},
	{
		ID: "nd.atomic-fragment", Severity: Error, Receiver: ReceiverDrops, RFC: "6980 §5; 6946",
		Title: "a Neighbor Discovery message has a Fragment header although it is whole",
		Why: "Hosts must ignore such messages just as real fragments. The header has no use here but to confuse RA guards, or " +
			"it is the answer to a Packet Too Big below 1280.",
		Fix: "Find the sender by its Ethernet address. If it is a router, look for forged or tunnel-made Packet Too Big " +
			"messages below 1280 in its route cache (`ip -6 route show cache`); else shut its port.",
	},
	{
		ID: "nd.ext-header", Severity: Warning, Receiver: ReceiverAccepts, RFC: "7113 §2, §3",
		Title: "an extension header stands before a Neighbor Discovery message",
		Why: "Hosts accept it, but filters that look only at the first next-header byte do not see the message: that is how a " +
			"rogue RA gets past an RA guard and past security groups.",
		Fix: "No ordinary stack sends this: find the sender by its Ethernet address. Make the switch drop what its RA guard " +
			"cannot parse (\"undetermined-transport\"), and on KVM let the filter follow headers: `ip6tables -p icmpv6` and " +
			"nftables `meta l4proto icmpv6` do, `ip6 nexthdr icmpv6` does not.",
	},
	{
		ID: "ip.first-fragment-incomplete", Severity: Error, Receiver: ReceiverDrops, RFC: "7112 §5",
		Title: "the first fragment ends before the packet's header chain does",
		Why: "Nobody on the way can tell what the packet is, so it passes filters unseen. Hosts should drop it and may answer " +
			"with a Parameter Problem, code 3.",
		Fix: "No honest sender does this: find it by its Ethernet address. Let the switch drop first fragments whose upper " +
			"layer it cannot see (\"undetermined-transport\").",
	},
	{
		ID: "ip.overlapping-fragment", Severity: Error, Receiver: ReceiverDrops, RFC: "5722 §4; 8200 §4.5",
		Title: "fragments of one packet overlap",
		Why: "Overlap lets a packet look harmless to a filter and different to the host. Hosts must discard all fragments of " +
			"the packet without a word.",
		Fix: "Find the sender by its Ethernet address: no ordinary stack makes such fragments. If it is a middlebox that " +
			"refragments, update it.",
	},
	{
		ID: "ip.fragment-length", Severity: Error, Receiver: ReceiverDrops, RFC: "8200 §4.5",
		Title: "a fragment has a length or a place that it cannot have",
		Why: "All fragments but the last hold a multiple of eight bytes, none reaches past 65535 or past the last. Hosts " +
			"discard it, and with it the packet that it belongs to.",
		Fix: "Find the sender by its Ethernet address. If it is a middlebox or a tunnel endpoint that fragments, update it.",
	},
	{
		ID: "ip.payload-length", Severity: Error, Receiver: ReceiverDrops, RFC: "8200 §3",
		Title: "a packet claims more bytes than were on the wire",
		Why:   "Hosts drop it as truncated (Ip6InTruncatedPkts in /proc/net/snmp6 counts them): something on the way cut it.",
		Fix: "Look for a device that shortens frames between the sender and here: compare with a capture on the sending side, " +
			"switch offloads off for a test (`ethtool -K DEV tso off gso off gro off`), and see `ethtool -S DEV`.",
	},
	{
		ID: "ip.extension-header", Severity: Error, Receiver: ReceiverDrops, RFC: "8200 §4; 4302 §2.2",
		Title: "an extension header does not parse, or has an option that makes hosts drop the packet",
		Why:   "Hosts drop the packet, and a filter that gives up at this header has not seen what is behind it.",
		Fix:   "No honest sender does this: find it by its Ethernet address.",
	},
	{
		ID: "ip.not-followed", Severity: Info, Receiver: ReceiverNone, RFC: "8200 §4; 7045 §2",
		Title: "a packet is wrapped deeper than v6probe looks",
		Why: "More tunnels, tags, extension headers or fragments than anyone has reason to use: what is inside is not known, " +
			"here as on any filter with such a limit.",
		Fix: "Find the sender by its Ethernet address; on a hypervisor let a filter drop what is wrapped like this.",
	},
	{
		ID: "nd.reserved-nonzero", Severity: Info, Receiver: ReceiverIgnores, RFC: "4861 §4; 5175",
		Title: "a reserved field or flag is not zero",
		Why:   "Receivers ignore it. Either the sender uses an extension newer than this tool, or it does not clear its buffers.",
		Fix:   "Nothing needs doing. If the sender should not know extensions, update its software.",
	},
	{
		ID: "nd.opt-unknown", Severity: Info, Receiver: ReceiverIgnores, RFC: "4861 §4.6, §9",
		Title: "an option is of a type that is not decoded here",
		Why:   "Receivers ignore options that they do not know. The raw bytes are shown.",
		Fix: "Nothing needs doing. Look the type up in the IANA registry \"IPv6 Neighbor Discovery Option Formats\" if you " +
			"wonder who needs it.",
	},
	{
		ID: "nd.opt-not-allowed", Severity: Info, Receiver: ReceiverIgnores, RFC: "4861 §4.1-4.5, §6.1.1, §6.1.2",
		Title: "an option stands in a message of a type in which it has no meaning",
		Why:   "Receivers ignore it, so whatever it was meant to tell is not heard.",
		Fix:   "If it is meant to be heard, let the sender put it into the right message: prefixes, MTU and DNS go into the RA.",
	},
	{
		ID: "nd.l2-multicast-mismatch", Severity: Warning, Receiver: ReceiverAccepts, RFC: "2464 §7; 6085",
		Title: "a multicast message was sent to an Ethernet group that does not belong to its address",
		Why: "NICs filter by Ethernet group and snooping switches forward by it: hosts that listen to the right group never " +
			"see the message.",
		Fix: "The Ethernet destination must be 33:33 and the last four bytes of the IPv6 address, or the receiver's own " +
			"unicast address. Look for a proxy, a NAT64 box or a script that builds frames itself.",
	},
	{
		ID: "nd.slla-not-ethernet-source", Severity: Warning, Receiver: ReceiverAccepts, RFC: "3756 §4.1.1; 4861 §4.6.1",
		Title: "the source link-layer address option differs from the frame's Ethernet source",
		Why: "Receivers send to the address in the option. If it is not the sender's, their traffic goes to someone else: so " +
			"looks a spoofed router. A VRRP virtual address or a bond in an active-active mode can also look like this.",
		Fix: "Check that both addresses are the same machine's: `ip neigh`, `bridge fdb show | grep ADDRESS`. On a redundant VR " +
			"let keepalived and radvd use the same virtual address; on a KVM host see that no bond or bridge rewrites sources.",
	},
}
