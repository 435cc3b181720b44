package rule

// guestRules are about a guest: what keeps it from an address, a route or the world.
var guestRules = []Rule{
	{
		ID: "guest.interface-down", Severity: Error, RFC: "4862 §5.1",
		Title: "the interface is down",
		Why:   "No packet goes in or out, and the kernel forms no address.",
		Fix:   "`ip link set DEV up`; if it is up and has no carrier, look at the tap on the KVM host: `v6probe kvm` there.",
	},
	{
		ID: "guest.mtu-below-1280", Severity: Error, RFC: "8200 §5",
		Title: "the interface's MTU is below 1280, the least that IPv6 works with",
		Why:   "The kernel takes IPv6 off the interface without a word.",
		Fix: "Raise it: `ip link set DEV mtu 1500`, and what gives it to the guest: CloudStack's privatemtu, which reaches guests by " +
			"DHCPv4 option 26.",
	},
	{
		ID: "guest.ipv6-disabled", Severity: Error, RFC: "4862 §5.1",
		Title: "IPv6 is turned off on the interface",
		Why:   "The kernel drops all IPv6 there and forms no address.",
		Fix: "`sysctl -w net.ipv6.conf.DEV.disable_ipv6=0`, and in /etc/sysctl.d for good; where the kernel was started with " +
			"ipv6.disable=1, remove that.",
	},
	{
		ID: "guest.no-link-local", Severity: Error, RFC: "4862 §5.3",
		Title: "the interface has no link-local address",
		Why:   "Without one the host can neither ask for a router nor use one.",
		Fix: "`sysctl -w net.ipv6.conf.DEV.addr_gen_mode=0`, then `ip link set DEV down` and `up`. Where NetworkManager or " +
			"systemd-networkd has the interface, set ipv6.method or LinkLocalAddressing there.",
	},
	{
		ID: "guest.dad-failed", Severity: Error, RFC: "4862 §5.4.5",
		Title: "duplicate address detection found another station with the address",
		Why:   "The kernel keeps the address but does not use it. A duplicate link-local address of EUI-64 ends IPv6 on the interface.",
		Fix: "Find the other one: `v6probe nd ADDRESS -i DEV` names its Ethernet address. Two machines with one MAC address must be " +
			"told apart; then set the link down and up.",
	},
	{
		ID: "guest.accept-ra-off", Severity: Error, RFC: "4861 §6.3.4",
		Title: "the host is set to ignore Router Advertisements",
		Why:   "It forms no address and learns no router, whatever is advertised.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.accept_ra=1` (2 on a host that forwards), and in /etc/sysctl.d for good.",
	},
	{
		ID: "guest.accept-ra-forwarding", Severity: Error, RFC: "4861 §6.3.4",
		Title: "the host forwards, and so ignores Router Advertisements",
		Why:   "With accept_ra=1 Linux ignores them where forwarding is 1. Docker and libvirt turn forwarding on.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.accept_ra=2`, or `net.ipv6.conf.DEV.forwarding=0` where it need not forward.",
	},
	{
		ID: "guest.accept-ra-pinfo-off", Severity: Error, RFC: "4861 §6.3.4",
		Title: "the host ignores the prefixes of Router Advertisements",
		Why:   "It learns the router but forms no address.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.accept_ra_pinfo=1`, and in /etc/sysctl.d for good.",
	},
	{
		ID: "guest.accept-ra-defrtr-off", Severity: Error, RFC: "4861 §6.3.4",
		Title: "the host takes no default router from Router Advertisements",
		Why:   "It has an address, and no way beyond the link.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.accept_ra_defrtr=1`, and in /etc/sysctl.d for good.",
	},
	{
		ID: "guest.autoconf-off", Severity: Error, RFC: "4862 §5.5",
		Title: "the host forms no addresses of advertised prefixes",
		Why:   "It has a default route, and no address to use it with.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.autoconf=1`, and in /etc/sysctl.d for good.",
	},
	{
		ID: "guest.hop-limit-refused", Severity: Warning, RFC: "4861 §6.3.2",
		Title: "the host refuses the hop limit that is advertised",
		Why:   "accept_ra_min_hop_limit is above it, so the host keeps its own.",
		Fix:   "Raise AdvCurHopLimit in radvd.conf (64), or lower net.ipv6.conf.DEV.accept_ra_min_hop_limit.",
	},
	{
		ID: "guest.ra-mtu-ignored", Severity: Warning, RFC: "4861 §6.3.4",
		Title: "the host ignores the MTU that is advertised",
		Why:   "accept_ra_mtu is 0: it sends longer packets than the link carries, and they vanish.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.accept_ra_mtu=1`.",
	},
	{
		ID: "guest.ra-client", Severity: Info, RFC: "4861 §6.3.4",
		Title: "another program than the kernel listens to Router Advertisements",
		Why:   "systemd-networkd and NetworkManager do that themselves; then accept_ra is 0 and says nothing about them.",
		Fix:   "Nothing; `networkctl status DEV` or `nmcli device show DEV` says what they made of them.",
	},
	{
		ID: "guest.address-missing", Severity: Error, RFC: "4862 §5.5.3",
		Title: "the host has not the address that it should have formed",
		Why:   "A valid advertisement came, its settings allow it, and the address is not there.",
		Fix: "`ip -6 addr show dev DEV` and the kernel's log (`dmesg | grep -i ipv6`); `v6probe slaac --drops` says whether the " +
			"kernel dropped the advertisement.",
	},
	{
		ID: "guest.not-eui64", Severity: Info, RFC: "4291 §2.5.1; 8981",
		Title: "the host uses another address than the one made of its MAC",
		Why: "CloudStack expects the EUI-64 address: its security groups drop other sources, and its DNS names another. It is an " +
			"error where an expectation names the address.",
		Fix: "`sysctl -w net.ipv6.conf.DEV.addr_gen_mode=0 net.ipv6.conf.DEV.use_tempaddr=0`, then set the link down and up; in " +
			"NetworkManager ipv6.addr-gen-mode=eui64 and ipv6.ip6-privacy=0.",
	},
	{
		ID: "guest.no-default-route", Severity: Error, RFC: "4861 §6.3.4",
		Title: "the host has no default route",
		Why:   "It reaches its own link and nothing else.",
		Fix: "Where routers advertise lifetime 0, set AdvDefaultLifetime in radvd.conf to 3 × MaxRtrAdvInterval and see that the " +
			"right router advertises; `v6probe ra -i DEV` shows each with its lifetime.",
	},
	{
		ID: "guest.gateway-unreachable", Severity: Error, RFC: "4861 §7.3",
		Title: "the default router does not answer neighbor solicitations",
		Why:   "Nothing leaves the link: the host does not learn where to send it.",
		Fix:   "`v6probe nd GATEWAY -i DEV` tells loss from filters; `v6probe kvm trace` on the KVM host shows where the question is lost.",
	},
	{
		ID: "guest.dns-silent", Severity: Error, RFC: "8106 §5.1",
		Title: "a DNS server that is advertised does not answer",
		Why:   "Names are not resolved, or only after a timeout for each.",
		Fix: "See that the server runs and is reached: `dig @SERVER .` from the router; else set other servers (ip6dns1, ip6dns2 of " +
			"the zone) and restart the network with cleanup.",
	},
	{
		ID: "guest.target-silent", Severity: Error, RFC: "4443 §4.2",
		Title: "the target does not answer",
		Why:   "The packets, or the answers to them, are lost on the way, and no router says why.",
		Fix: "`v6probe pmtu TARGET` shows how far they come. The commonest cause is that the network before the virtual router has no " +
			"route back to the guests' prefix: CloudStack lists it in ip6routes.",
	},
}

// routerRules are about a virtual router.
var routerRules = []Rule{
	{
		ID: "vr.ipv6-disabled", Severity: Error, RFC: "4861 §6.2.1",
		Title: "IPv6 is turned off on an interface of the virtual router",
		Why:   "It cannot advertise or forward there.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.disable_ipv6=0`; CloudStack sets it when the network's offering has IPv6.",
	},
	{
		ID: "vr.forwarding-off", Severity: Error, RFC: "4861 §6.2.2",
		Title: "the virtual router does not forward IPv6",
		Why:   "Guests have addresses and reach the router, and nothing beyond. radvd advertises with lifetime 0, or not at all.",
		Fix:   "`sysctl -w net.ipv6.conf.all.forwarding=1`: what CloudStack's manual calls \"ipv6.forwarding\".",
	},
	{
		ID: "vr.no-address", Severity: Error, RFC: "4861 §6.2.3",
		Title: "an interface of the virtual router lacks the address that it should have",
		Why:   "It is the gateway of its guests, or the way out.",
		Fix:   "Restart the network with cleanup; `ip -6 addr show dev DEV` shows what is there.",
	},
	{
		ID: "vr.no-link-local", Severity: Error, RFC: "4861 §6.1.2",
		Title: "a guest interface of the virtual router has no link-local address",
		Why:   "An advertisement must come from one; radvd refuses to send without it.",
		Fix:   "`sysctl -w net.ipv6.conf.DEV.addr_gen_mode=0`, then `ip link set DEV down` and `up`.",
	},
	{
		ID: "vr.no-default-route", Severity: Error, RFC: "4861 §6.2.1",
		Title: "the virtual router has no IPv6 default route",
		Why:   "What guests send to the world ends here.",
		Fix: "Add it: `ip -6 route add default via GATEWAY dev PUBLIC`. While it forwards the router ignores advertisements, so the " +
			"route is static: the public range's ip6gateway in CloudStack.",
	},
	{
		ID: "vr.radvd-down", Severity: Error, RFC: "4861 §6.2.4",
		Title: "radvd does not run",
		Why:   "Nobody advertises: guests get link-local addresses only (apache/cloudstack#6314).",
		Fix:   "`systemctl restart radvd`, and its log: `journalctl -u radvd`. `radvd --configtest` shows an error in its configuration.",
	},
	{
		ID: "vr.radvd-config", Severity: Error, RFC: "4861 §6.2.1",
		Title: "radvd's configuration cannot be read, or is wrong",
		Why:   "radvd does not start with it, or leaves out what is wrong.",
		Fix:   "`radvd --configtest`; restart the network with cleanup to have CloudStack write it again.",
	},
	{
		ID: "vr.radvd-interface", Severity: Error, RFC: "4861 §6.2.1",
		Title: "radvd's configuration has no entry for a guest interface",
		Why:   "No router advertises to these guests.",
		Fix:   "Restart the network, or the VPC, with cleanup: CloudStack writes one entry for each tier.",
	},
	{
		ID: "vr.radvd-unexpected", Severity: Error, RFC: "4861 §6.2.1",
		Title: "radvd runs where it must not",
		Why: "On a shared network the upstream router advertises, and of a redundant pair only the primary: guests get two default " +
			"routers, one of which leads nowhere (apache/cloudstack#6700).",
		Fix: "`systemctl stop radvd; systemctl disable radvd` on this router.",
	},
	{
		ID: "vr.second-router", Severity: Error, RFC: "6104 §3",
		Title: "another router advertises to the guests of the virtual router",
		Why:   "Guests have two default routers, and use either.",
		Fix: "Find it by its Ethernet address: a second virtual router, the backup of a redundant pair, or a guest. `v6probe kvm " +
			"trace` on the KVM host names the port it comes from.",
	},
	{
		ID: "vr.not-advertising", Severity: Error, RFC: "4861 §6.2.4",
		Title: "radvd runs and nothing is advertised on a guest interface",
		Why:   "Guests there get no address.",
		Fix: "`journalctl -u radvd` says why; the interface must be up, have a link-local address and AdvSendAdvert on. Is an output " +
			"chain dropping it: `nft list ruleset`.",
	},
	{
		ID: "vr.conntrack-full", Severity: Error, RFC: "7098 §1",
		Title: "the table of connections is nearly full",
		Why:   "When it is full the kernel drops the first packet of every new flow.",
		Fix: "`sysctl -w net.netfilter.nf_conntrack_max=…` above what `sysctl net.netfilter.nf_conntrack_count` shows (CloudStack " +
			"sets 1000000); `conntrack -L` shows who fills it.",
	},
	{
		ID: "vr.neighbor-table-full", Severity: Error, RFC: "6583 §4",
		Title: "the table of neighbors is nearly full",
		Why:   "When it is full the kernel resolves no new neighbor.",
		Fix: "`sysctl -w net.ipv6.neigh.default.gc_thresh3=8192` (and gc_thresh2=4096, gc_thresh1=1024); `v6probe nd -i DEV` names a scan " +
			"that fills it.",
	},
	{
		ID: "vr.backlog-drops", Severity: Warning, RFC: "4890 §4.3.1",
		Title: "the kernel drops received packets, as a processor's queue is full",
		Why:   "Advertisements, neighbor discovery and everything else is lost at random.",
		Fix:   "`sysctl -w net.core.netdev_max_backlog=5000`, and spread the load: more queues of the NIC, RPS.",
	},
	{
		ID: "vr.interface-mtu", Severity: Error, RFC: "8200 §5",
		Title: "an interface has another MTU than CloudStack says",
		Why:   "Packets that guests may send do not fit, or are cut short of need (apache/cloudstack#10001).",
		Fix:   "Restart the network with cleanup, or `ip link set DEV mtu BYTES`; see that the KVM host's bridge and VXLAN carry it.",
	},
}

// filterRules are about a packet filter that was read, and followed with a packet in mind.
var filterRules = []Rule{
	{
		ID: "filter.router-advertisement", Severity: Error, RFC: "4890 §4.4.1",
		Title: "a filter drops Router Advertisements",
		Why:   "Guests get link-local addresses only. It is a warning where only those are dropped that go to one host, in answer to it.",
		Fix:   "Accept ICMPv6 type 134 with hop limit 255 from fe80::/10 before the rule that is named.",
	},
	{
		ID: "filter.router-solicitation", Severity: Warning, RFC: "4890 §4.4.1",
		Title: "a filter drops Router Solicitations",
		Why:   "Guests wait for the next periodic advertisement, up to 15 s with CloudStack's settings, instead of milliseconds.",
		Fix:   "`nft insert rule ip6 ip6_firewall fw_input icmpv6 type nd-router-solicit accept` on a virtual router.",
	},
	{
		ID: "filter.neighbor-solicitation", Severity: Error, RFC: "4890 §4.4.1",
		Title: "a filter drops Neighbor Solicitations",
		Why:   "Nobody can find the host behind it; its own duplicate address detection finds nobody.",
		Fix:   "Accept ICMPv6 type 135 before the rule that is named.",
	},
	{
		ID: "filter.neighbor-advertisement", Severity: Error, RFC: "4890 §4.4.1",
		Title: "a filter drops Neighbor Advertisements",
		Why:   "Answers to address resolution do not arrive: the neighbor stays unreachable.",
		Fix:   "Accept ICMPv6 type 136 before the rule that is named.",
	},
	{
		ID: "filter.packet-too-big", Severity: Error, RFC: "4890 §4.3.1; 8201 §4",
		Title: "a filter drops Packet Too Big",
		Why: "Senders never learn that their packets are too long: connections open and then stall. It is a warning where only those " +
			"are dropped that are for the router itself.",
		Fix: "Accept ICMPv6 type 2, or `ct state established,related`, before the rule that is named.",
	},
	{
		ID: "filter.established", Severity: Error, RFC: "4890 §4.3.1",
		Title: "a filter drops the answers to what guests send",
		Why:   "Guests have addresses and a way out, and nothing comes back: flows stall (apache/cloudstack#10970).",
		Fix:   "Accept `ct state established,related` before the rule that is named, as the first of the forward chain.",
	},
	{
		ID: "filter.listener-query", Severity: Warning, RFC: "4890 §4.4.1; 2710 §4",
		Title: "a filter drops multicast listener queries",
		Why: "A host that does not hear them does not report its groups; a snooping bridge with a querier then forgets it, and with " +
			"its solicited-node group nobody finds it.",
		Fix: "Accept ICMPv6 type 130 from fe80::/10 before the rule that is named: `nft insert rule ip6 ip6_firewall fw_input icmpv6 " +
			"type mld-listener-query accept`.",
	},
	{
		ID: "filter.cannot-tell", Severity: Info, RFC: "4890 §4",
		Title: "what a filter does with ICMPv6 that must pass cannot be told",
		Why:   "A rule on the way asks what only the kernel knows.",
		Fix:   "`v6probe drops` counts what the kernel really drops.",
	},
	{
		ID: "filter.guard-missing", Severity: Warning, RFC: "6105 §3; 7113 §4",
		Title: "nothing keeps a guest from sending Router Advertisements",
		Why:   "One guest can take over the traffic of all others.",
		Fix:   "Turn the zone's security groups on, or drop ICMPv6 type 134 that comes in from guests' taps in a bridge chain.",
	},
}

// hypervisorRules are about a KVM host.
var hypervisorRules = []Rule{
	{
		ID: "kvm.bridge-down", Severity: Error, RFC: "4861 §7.2.2",
		Title: "a bridge, or a port of it, is down",
		Why:   "Nothing passes there.",
		Fix:   "`ip link set DEV up`; the agent's log says why CloudStack left it down: /var/log/cloudstack/agent/agent.log.",
	},
	{
		ID: "kvm.guest-mtu", Severity: Error, RFC: "8200 §5",
		Title: "the guests' side of a bridge has a larger MTU than the tunnel on it",
		Why:   "The bridge drops what is too long without a word: connections open and then stall.",
		Fix:   "Raise the MTU of the underlay and the tunnel, or lower the network's (privatemtu) to what the tunnel carries.",
	},
	{
		ID: "kvm.vxlan-no-flood", Severity: Error, RFC: "7348 §4.2",
		Title: "a VXLAN device sends multicast to nobody",
		Why: "Its forwarding database has no entry for all other stations, and it has no group: advertisements and address resolution " +
			"do not leave this host (apache/cloudstack#10934, #5078).",
		Fix: "`bridge fdb append 00:00:00:00:00:00 dev DEV dst OTHER-HOST` for each other host; with EVPN see that FRR's " +
			"advertise-all-vni is on and that the type-3 routes are there.",
	},
	{
		ID: "kvm.vxlan-port", Severity: Error, RFC: "7348 §5",
		Title: "the hosts of an overlay use different UDP ports",
		Why:   "VXLAN that comes to the other port is not taken: 8472 is Linux' old default, 4789 the standard.",
		Fix:   "Make the device with the same dstport on every host: `ip link add … type vxlan id VNI dstport 4789 …`.",
	},
	{
		ID: "kvm.vxlan-vni", Severity: Error, RFC: "7348 §5",
		Title: "a bridge carries another VNI than its network has",
		Why:   "Guests of two networks meet, or those of one do not.",
		Fix:   "Compare `ip -d link show type vxlan` with the network's broadcasturi; stop and start the guest's machine on this host.",
	},
	{
		ID: "kvm.snooping-no-querier", Severity: Warning, RFC: "4541 §3",
		Title: "a bridge snoops multicast and nobody asks who listens",
		Why:   "Without a querier Linux floods, so that all works; a querier that comes up later cuts off whoever does not report.",
		Fix:   "`ip link set BRIDGE type bridge mcast_snooping 0`, as CloudStack's bridges need none; or a querier: `mcast_querier 1`.",
	},
	{
		ID: "kvm.snooping-group-lost", Severity: Error, RFC: "4541 §3; 4861 §7.2.2",
		Title: "a snooping bridge does not know that a machine listens to its solicited-node group",
		Why: "There is a querier, so the bridge sends neighbor solicitations only where the group was reported: nobody finds the " +
			"machine. CloudStack's input chain makes its virtual router deaf for the queries.",
		Fix: "`ip link set BRIDGE type bridge mcast_snooping 0`, or let the machine hear MLD queries: on a virtual router `nft insert " +
			"rule ip6 ip6_firewall fw_input icmpv6 type mld-listener-query accept`.",
	},
	{
		ID: "kvm.set-member", Severity: Error, RFC: "4890 §4.4.1",
		Title: "a guest's address is not in the ipset of its security group",
		Why:   "What it sends from there is dropped: it cannot answer address resolution, and reaches nobody.",
		Fix:   "Stop and start the machine, or add the address by hand: `ipset add VM-6 ADDRESS`.",
	},
	{
		ID: "kvm.set-family", Severity: Error, RFC: "4890 §4.4.1",
		Title: "the ipset that IPv6 rules use cannot hold IPv6 addresses",
		Why:   "No address matches (apache/cloudstack#2990).",
		Fix:   "`ipset create VM-6 hash:net family inet6`; then stop and start the machine.",
	},
	{
		ID: "kvm.group-missing", Severity: Error, RFC: "4890 §4.4.1",
		Title: "a guest's tap has no IPv6 rules though others of the host have",
		Why:   "What becomes of its packets depends on the last rule of the bridge's chain (apache/cloudstack#12697, #3568).",
		Fix:   "Stop and start the machine, or restart cloudstack-agent, which writes them again.",
	},
	{
		ID: "kvm.lost", Severity: Error, RFC: "4861 §6.2.6, §7.2",
		Title: "a message came into the bridge and did not come out where it should",
		Why:   "It was lost between two ports: a filter, a port's state, or a snooping table.",
		Fix:   "`v6probe drops` on this host names what the kernel drops, and where; `v6probe kvm` follows the rules.",
	},
	{
		ID: "kvm.guard-passed", Severity: Error, RFC: "7113 §3; 6104 §2",
		Title: "a Router Advertisement from a guest passed to others",
		Why:   "A guest can make itself everybody's router.",
		Fix: "Drop it where it comes in, extension headers and fragments too: `nft add rule bridge FILTER forward iifname vnet3 exthdr " +
			"frag exists drop` and `icmpv6 type nd-router-advert drop`; with security groups CloudStack's rules drop the plain one.",
	},
}
