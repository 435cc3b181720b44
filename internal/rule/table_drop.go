package rule

// byMessage says how severe a drop is, as the rules of this table do not have one severity.
const byMessage = " It is an error for Router Advertisements, Neighbor Solicitations and Advertisements and Packet Too " +
	"Big, a warning for the other messages that IPv6 needs, and info for echo."

const (
	dropTitle = "the kernel drops ICMPv6: "
	mustPass  = "4890 §4.3.1, §4.4.1"
)

// dropRules are about the ICMPv6 that a kernel drops, as the kernel itself tells.
var dropRules = []Rule{
	{
		ID: "drop.filter", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter does, at a hook that is not known",
		Why:   "Who the message is for never gets it." + byMessage,
		Fix: "`nft -a list ruleset`, `ip6tables-save -c` and `ebtables-save -c` show all rules; those whose counters grow are " +
			"suspects. With fewer drops a second the hook becomes known: `v6probe drops --type ra`.",
	},
	{
		ID: "drop.filter-bridge", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter of a bridge does",
		Why:   "Guests behind the bridge do not get it: no router, no addresses, no neighbors." + byMessage,
		Fix: "Accept ICMPv6 in the bridge's rules, before what drops it: `nft -a list ruleset bridge` shows those of nftables " +
			"and of ebtables-nft, `ebtables-legacy -L --Lc` the old ones. The event does not say which rule it was.",
	},
	{
		ID: "drop.filter-security-group", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a hypervisor's security group does",
		Why: "With net.bridge.bridge-nf-call-ip6tables=1 the bridge asks ip6tables about what goes between guests. What no chain " +
			"accepts ends at its last rule." + byMessage,
		Fix: "`ip6tables-save -c | grep -w VNET` names the guest's chains (i-X-Y-def and others), `ipset list` the addresses it " +
			"may use. If its chain is missing or on the wrong interface, stop and start the guest, or restart cloudstack-agent.",
	},
	{
		ID: "drop.filter-input", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter does, of what comes in for this host",
		Why: "This host does not hear its neighbors, or is not told which packets are too big. CloudStack's Virtual Router is " +
			"built so: its fw_input accepts no Router Solicitation, no Packet Too Big and no MLD query." + byMessage,
		Fix: "On a Virtual Router `nft insert rule ip6 ip6_firewall fw_input icmpv6 type { nd-router-solicit, packet-too-big, " +
			"mld-listener-query } accept` (in a VPC ip6_acl acl_input); elsewhere accept these types in the chain of the hook input.",
	},
	{
		ID: "drop.filter-forward", Severity: Error, Receiver: ReceiverNone, RFC: "4890 §4.3.1",
		Title: dropTitle + "a filter does, of what this host should pass on",
		Why:   "Without Packet Too Big and the other errors connections open and then hang." + byMessage,
		Fix: "Begin the chain of the hook forward with `ct state established,related accept`: errors about known connections " +
			"pass then.",
	},
	{
		ID: "drop.filter-output", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter does, of what this host sends",
		Why:   "Its neighbors do not hear this host, or are not told which packets are too big." + byMessage,
		Fix:   "Accept ICMPv6 in the chains of the hooks output and postrouting: `nft -a list ruleset`, `ip6tables -vnL OUTPUT`.",
	},
	{
		ID: "drop.filter-device", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter of nftables on a device does",
		Why:   "It is dropped before any other program sees it." + byMessage,
		Fix:   "`nft -a list ruleset netdev` shows the chains that hang on devices; accept ICMPv6 there.",
	},
	{
		ID: "drop.tc", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a filter of tc does",
		Why:   "No firewall's counter shows it." + byMessage,
		Fix:   "`tc -s filter show dev IFACE ingress` and `egress` show the filters; let ICMPv6 pass before the one that drops.",
	},
	{
		ID: "drop.bpf", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a BPF program does",
		Why:   "An XDP program on a device, or one for a service's cgroup. No firewall's counter shows it." + byMessage,
		Fix:   "`bpftool net` and `bpftool cgroup tree` list the programs and where they hang.",
	},
	{
		ID: "drop.bridge-ingress", Severity: Error, Receiver: ReceiverNone, RFC: mustPass,
		Title: dropTitle + "a bridge does not take it in",
		Why: "A filter of the hook prerouting drops it, or the port does not forward. On some kernels the two look alike." +
			byMessage,
		Fix: "`bridge -d link show dev PORT` shows the port's state, `ebtables -t nat -L PREROUTING --Lc` and `nft -a list " +
			"ruleset bridge` the filters.",
	},
	{
		ID: "drop.bridge-no-listener", Severity: Warning, Receiver: ReceiverNone, RFC: "4541 §3; 4861 §7.2.2",
		Title: dropTitle + "a snooping bridge has heard of nobody who listens to the group",
		Why: "Who should get it does not report its groups, since it does not hear the MLD queries or its filter drops them; so " +
			"it cannot be resolved. An address that does not exist looks the same.",
		Fix: "On a Virtual Router `nft insert rule ip6 ip6_firewall fw_input icmpv6 type mld-listener-query accept`. As a " +
			"stopgap `ip link set BRIDGE type bridge mcast_snooping 0`. `bridge mdb show` lists the groups.",
	},
	{
		ID: "drop.bridge-port-mtu", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: dropTitle + "it is longer than the port of a bridge takes",
		Why:   "A bridge is no router and tells nobody, so all large packets that way vanish: connections open and hang.",
		Fix: "Give all ports of the bridge one MTU: `ip link set PORT mtu N`, and the guests no more (the network's MTU, " +
			"privatemtu): `v6probe pmtu --plan` says what fits.",
	},
	{
		ID: "drop.link-mtu", Severity: Error, Receiver: ReceiverNone, RFC: "8201 §4",
		Title: dropTitle + "it is longer than the other end of a link takes",
		Why:   "The two ends of the link have different MTUs, and nobody is told: all large packets that way vanish.",
		Fix:   "Give both ends one MTU: `ip -d link show IFACE` here and in the namespace of the other end.",
	},
	{
		ID: "drop.tap-full", Severity: Error, Receiver: ReceiverNone, RFC: "4861 §6.2.4",
		Title: dropTitle + "a guest does not take in what waits for it",
		Why:   "The queue of its tap is full: the guest hangs, is paused, or gets no CPU time." + byMessage,
		Fix: "`virsh list --all` shows paused guests. A longer queue helps against bursts only: `ip link set VNET txqueuelen " +
			"10000`.",
	},
	{
		ID: "drop.queue-full", Severity: Error, Receiver: ReceiverNone, RFC: "4861 §6.2.4",
		Title: dropTitle + "the queue of a device is full",
		Why:   "More is sent by the device than it takes, or than a limit allows." + byMessage,
		Fix:   "`tc -s qdisc show dev IFACE` shows which queue drops. A limit of your own should let ICMPv6 go first.",
	},
	{
		ID: "drop.backlog-full", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §6.2.4",
		Title: dropTitle + "more packets come in than a CPU takes",
		Why:   "Whatever comes by this host is lost in part, ICMPv6 with it.",
		Fix:   "`sysctl -w net.core.netdev_max_backlog=10000`; spread the load over more CPUs; find who sends so much.",
	},
	{
		ID: "drop.socket-full", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §6.2.6",
		Title: dropTitle + "a router's program does not read what it is sent",
		Why:   "Router Solicitations wait in its queue until that is full: it hangs, and guests get no answer.",
		Fix:   "`ss -6 -w -a -p -m` names the program, with what waits (Recv-Q). Start it anew: `systemctl restart radvd`.",
	},
	{
		ID: "drop.ipv6-disabled", Severity: Warning, Receiver: ReceiverNone, RFC: "4862 §5.5.3",
		Title: dropTitle + "IPv6 is off on the interface",
		Why:   "Router Advertisements come, and this host does not hear them: it gets no address there.",
		Fix:   "If the interface is to have IPv6: `sysctl -w net.ipv6.conf.IFACE.disable_ipv6=0`. If not, nothing needs doing.",
	},
	{
		ID: "drop.no-route", Severity: Warning, Receiver: ReceiverNone, RFC: "4443 §3.1",
		Title: dropTitle + "there is no route to where it is to go",
		Why:   "Senders of pings and connections are told by a Destination Unreachable; about errors nobody is told.",
		Fix: "`ip -6 route get ADDRESS` on this host. On a CloudStack network with routing see ip6routes in listNetworks: the " +
			"upstream router needs a route to the network, this host one to the rest.",
	},
	{
		ID: "drop.neighbor-failed", Severity: Warning, Receiver: ReceiverNone, RFC: "4861 §7.2.2",
		Title: dropTitle + "the next hop does not answer Neighbor Solicitations",
		Why:   "It is off or gone, or solicitations and answers get lost on the link.",
		Fix: "`ip -6 neigh show` lists those that are FAILED; `v6probe nd -i IFACE ADDRESS` asks and tells what is missing. If " +
			"the host is gone on purpose, nothing needs doing.",
	},
	{
		ID: "drop.malformed", Severity: Error, Receiver: ReceiverDrops, RFC: "4861 §6.1, §7.1; 8200 §4",
		Title: dropTitle + "it is not well formed",
		Why:   "A header, the message or an option of it is too short or has values that it must not have." + byMessage,
		Fix:   "`v6probe nd -i IFACE -v` shows what is wrong with it and who sends it: a broken or hostile program.",
	},
	{
		ID: "drop.ipsec-policy", Severity: Error, Receiver: ReceiverNone, RFC: "4301 §4.4.1; 4890 §4.4.1",
		Title: dropTitle + "a policy of IPsec wants it encrypted",
		Why:   "Neighbor discovery cannot be, before there are neighbors." + byMessage,
		Fix:   "Add a policy before it that lets ICMPv6 pass: `ip -6 xfrm policy` lists them.",
	},
	{
		ID: "drop.reassembly", Severity: Info, Receiver: ReceiverNone, RFC: "8200 §4.5",
		Title: dropTitle + "of a packet in fragments some did not come",
		Why:   "The packet is lost. Mostly a filter on the way drops fragments.",
		Fix:   "`nstat -az 'Ip6Reasm*'` counts them. Let fragments pass, or send what fits: `v6probe pmtu ADDRESS`.",
	},
	{
		ID: "drop.no-memory", Severity: Error, Receiver: ReceiverNone, RFC: "4861 §6.2.4",
		Title: dropTitle + "there is no memory for it",
		Why:   "Whatever this host does suffers.",
		Fix:   "`free -m` and the kernel's messages (`dmesg`) show how it came to that.",
	},
	{
		ID: "drop.vxlan-filtered", Severity: Error, Receiver: ReceiverNone, RFC: "7348 §4.1, §7",
		Title: dropTitle + "a filter drops the VXLAN packet around it",
		Why:   "Hosts that share a network do not hear each other: guests on the one have no router on the other." + byMessage,
		Fix: "Accept UDP to port 8472, and to 4789 with EVPN, in and out on the underlay: `nft insert rule ip TABLE CHAIN udp " +
			"dport { 4789, 8472 } accept`.",
	},
	{
		ID: "drop.vxlan-vni", Severity: Warning, Receiver: ReceiverNone, RFC: "7348 §4.1",
		Title: dropTitle + "it comes in a VXLAN packet that no device takes",
		Why: "The hosts disagree about the number of the network, or the other one still sends to a host that has no guests of " +
			"the network any more.",
		Fix: "`ip -d link show type vxlan` on both hosts: the VNI must be that of the network's broadcasturi. `bridge fdb show | " +
			"grep dst` on the other host lists where it sends to.",
	},
	{
		ID: "drop.vxlan-no-socket", Severity: Error, Receiver: ReceiverNone, RFC: "7348 §5",
		Title: dropTitle + "it comes in a VXLAN packet, and no device listens on the port",
		Why:   "This host has no VXLAN device, or one with another port: Linux takes 8472 unless told, EVPN 4789." + byMessage,
		Fix:   "`ip -d link show type vxlan` (dstport) on both hosts must be alike.",
	},
	{
		ID: "drop.vxlan-unreachable", Severity: Error, Receiver: ReceiverNone, RFC: "7348 §4.2",
		Title: dropTitle + "the other host of the VXLAN cannot be reached",
		Why:   "There is no route to it on the underlay, or it does not answer ARP or neighbor discovery." + byMessage,
		Fix: "`bridge fdb show | grep dst` lists the hosts; ping each. What is gone for good: `bridge fdb del 00:00:00:00:00:00 " +
			"dev VXLAN dst ADDRESS`, or see the EVPN daemon.",
	},
	{
		ID: "drop.vxlan-mtu", Severity: Error, Receiver: ReceiverNone, RFC: "7348 §4.3",
		Title: dropTitle + "with the headers of VXLAN it is longer than the underlay takes",
		Why:   "Large packets between hosts vanish, and guests are not told." + byMessage,
		Fix: "The underlay must take 50 bytes more than the tunnel, over IPv6 70, switches included; or lower the network's MTU " +
			"(privatemtu). `v6probe pmtu --plan --encap vxlan` does the sums.",
	},
	{
		ID: "drop.counted", Severity: Warning, Receiver: ReceiverNone, RFC: "4890 §4.3, §4.4",
		Title: "a rule of a firewall has counted dropped ICMPv6 that IPv6 cannot do without",
		Why: "The rule names a type such as Router Advertisement, Neighbor Solicitation or Packet Too Big, and its counter moved. Whose " +
			"packets they were a counter does not tell.",
		Fix: "Look at the rule: if it drops what comes from strangers only, all is well; else let the type pass before it. `v6probe drops` with " +
			"eBPF tells who sent what, and by which interface.",
	},
}
