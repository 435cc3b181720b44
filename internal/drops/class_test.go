package drops

import (
	"strings"
	"testing"

	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// seen are drops as they were counted on Linux 5.10, 6.1, 6.12 and 6.18 in networks that were built to lose packets, and what
// they mean. The stack has the function that freed the packet first. Where that differs by kernel there is a row for each.
var seen = []struct {
	name     string
	typ      icmp6.Type
	reason   string
	stack    string
	flags    Flags
	iface    string // with "vnet1<eth1" it arrived by eth1
	hook     string // a part of it
	class    Class
	rule     rule.ID
	severity rule.Severity
}{
	// Filters of a bridge.
	{"nft bridge forward", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward br_handle_frame_finish br_handle_frame",
		Multicast, "vnet1<vnet0", "bridge forward (nftables or ebtables-nft)", Hurts, "drop.filter-bridge", rule.Error},
	{"nft bridge forward, 5.10", 134, "", "nf_hook_slow __br_forward br_handle_frame_finish br_handle_frame", Multicast, "vnet1<vnet0",
		"bridge forward (nftables or ebtables)", Hurts, "drop.filter-bridge", rule.Error},
	{"nft bridge flood", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward maybe_deliver br_flood", Multicast,
		"vnet2<vnet0", "bridge forward (nftables or ebtables-nft)", Hurts, "drop.filter-bridge", rule.Error},
	{"nft bridge prerouting", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge br_handle_frame __netif_receive_skb_core", Multicast, "vnet0",
		"bridge prerouting (nftables or ebtables-nft)", Hurts, "drop.filter-bridge", rule.Error},
	{"bridge prerouting, 5.10", 134, "", "br_handle_frame __netif_receive_skb_core", Multicast, "vnet0",
		"bridge prerouting (ebtables, nftables", Hurts, "drop.bridge-ingress", rule.Warning},
	{"ebtables-legacy prerouting, 6.1", 134, "NOT_SPECIFIED", "br_handle_frame __netif_receive_skb_core", Multicast, "vnet0",
		"bridge prerouting (ebtables, nftables", Hurts, "drop.bridge-ingress", rule.Warning},
	{"ebtables-legacy forward", 134, "NETFILTER_DROP", "nf_hook_slow __br_forward br_handle_frame_finish", Multicast, "vnet1<vnet0",
		"bridge forward (ebtables-legacy", Hurts, "drop.filter-bridge", rule.Error},
	{"nft bridge output", 135, "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward maybe_deliver br_flood",
		Multicast | Outgoing, "vnet1", "bridge output (nftables or ebtables-nft)", Hurts, "drop.filter-bridge", rule.Error},

	// Security groups.
	{"security group", 134, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", Multicast, "vnet1<eth1",
		"br_netfilter forward (ip6tables-legacy", Hurts, "drop.filter-security-group", rule.Error},
	{"security group of nft", 136, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow br_nf_forward_ip nf_hook_slow", 0, "vnet1<vnet0",
		"br_netfilter forward (nftables or ip6tables-nft)", Hurts, "drop.filter-security-group", rule.Error},
	{"security group, 5.10", 135, "", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", Multicast, "vnet1<eth1",
		"br_netfilter forward (nftables or ip6tables)", Hurts, "drop.filter-security-group", rule.Error},
	{"RA guard", 134, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", Multicast, "vnet1<vnet0",
		"security group", Unknown, "", 0},
	{"unicast RA of a machine of this host", 134, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", 0, "vnet1<vnet0",
		"security group", Hurts, "drop.filter-security-group", rule.Warning},
	{"unicast RA to a guest", 134, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", 0, "vnet1<eth1",
		"security group", Hurts, "drop.filter-security-group", rule.Warning},
	{"MLD query to a guest", 130, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", Multicast, "vnet1<eth1",
		"security group", Hurts, "drop.filter-security-group", rule.Warning},
	{"ping to a guest", 128, "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip nf_hook_slow __br_forward", 0, "vnet1<eth1",
		"security group", Unknown, "", 0},

	// Filters of IPv6 and of devices.
	{"fw_input and an RS", 133, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input ip6_mc_input", Multicast, "eth0",
		"ip6 input (nftables or ip6tables-nft)", Hurts, "drop.filter-input", rule.Warning},
	{"fw_input and an RS, 5.10", 133, "", "nf_hook_slow ip6_input ip6_mc_input", Multicast, "eth0",
		"ip6 input (nftables or ip6tables)", Hurts, "drop.filter-input", rule.Warning},
	{"fw_input and a PTB", 2, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input ip6_input_finish", 0, "eth2",
		"ip6 input (nftables or ip6tables-nft)", Hurts, "drop.filter-input", rule.Error},
	{"ip6tables-legacy input", 134, "NETFILTER_DROP", "nf_hook_slow ip6_input ip6_mc_input", Multicast, "eth0",
		"ip6 input (ip6tables-legacy", Hurts, "drop.filter-input", rule.Error},
	{"ip6tables-legacy prerouting", 134, "NETFILTER_DROP", "nf_hook_slow ipv6_rcv __netif_receive_skb_one_core", Multicast, "eth0",
		"ip6 prerouting (ip6tables-legacy", Hurts, "drop.filter-input", rule.Error},
	{"nft output and a PTB", 2, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow __ip6_local_out ip6_local_out ip6_send_skb",
		Outgoing, "left0", "ip6 output (nftables or ip6tables-nft)", Hurts, "drop.filter-output", rule.Error},
	{"nft forward", 2, "NETFILTER_DROP", "nft_do_chain nft_do_chain_inet nf_hook_slow ip6_forward", 0, "right0<left0",
		"ip6 forward (nftables)", Hurts, "drop.filter-forward", rule.Error},
	{"nft netdev ingress", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_netdev nf_hook_slow __netif_receive_skb_core", Multicast, "eth0",
		"netdev ingress (nftables)", Hurts, "drop.filter-device", rule.Error},
	{"nft netdev ingress, 5.10", 134, "", "nf_hook_slow __netif_receive_skb_core __netif_receive_skb_one_core", Multicast, "eth0",
		"netdev ingress (nftables)", Hurts, "drop.filter-device", rule.Error},
	{"nft inet ingress", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_inet nf_hook_slow __netif_receive_skb_core", Multicast, "eth0",
		"inet ingress (nftables)", Hurts, "drop.filter-device", rule.Error},
	{"ping", 128, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input", 0, "eth0", "ip6 input", Hurts, "drop.filter-input",
		rule.Info},
	{"unknown type", 200, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input", 0, "eth0", "ip6 input", Hurts,
		"drop.filter-input", rule.Info},
	{"no stack", 134, "NETFILTER_DROP", "nft_do_chain", Multicast | StackNotTaken, "eth0", "netfilter (which hook is not known: there were too many",
		Hurts, "drop.filter", rule.Error},
	{"no names", 134, "NETFILTER_DROP", "", Multicast, "eth0", "netfilter (which hook is not known: the kernel's functions have no names",
		Hurts, "drop.filter", rule.Error},
	{"filtered and at fault", 135, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input", BadHopLimit, "eth0", "ip6 input",
		Unknown, "", 0},

	// Packets at fault.
	{"hop limit 64", 135, "IPV6_NDISC_HOP_LIMIT", "icmpv6_rcv", BadHopLimit, "eth0", "ICMPv6", Hurts, "nd.hop-limit", rule.Error},
	{"hop limit 64, 6.1", 135, "NOT_SPECIFIED", "icmpv6_rcv", BadHopLimit, "eth0", "ICMPv6", Hurts, "nd.hop-limit", rule.Error},
	{"hop limit 64, 5.10", 133, "", "icmpv6_rcv", BadHopLimit | Multicast, "eth0", "ICMPv6", Hurts, "nd.hop-limit", rule.Error},
	{"code 3", 135, "IPV6_NDISC_BAD_CODE", "icmpv6_rcv", BadCode, "eth0", "ICMPv6", Hurts, "nd.code", rule.Error},
	{"code 3, 6.1", 135, "NOT_SPECIFIED", "icmpv6_rcv", BadCode, "eth0", "ICMPv6", Hurts, "nd.code", rule.Error},
	{"source of an RA", 134, "NOT_SPECIFIED", "icmpv6_rcv", BadSource | Multicast, "eth0", "ICMPv6", Hurts, "ra.src-not-link-local", rule.Error},
	{"source of a Redirect", 137, "", "icmpv6_rcv", BadSource, "eth0", "ICMPv6", Hurts, "redirect.src-not-link-local", rule.Error},
	{"checksum", 128, "ICMP_CSUM", "icmpv6_rcv", 0, "eth0", "ICMPv6", Hurts, "icmp.checksum", rule.Error},
	{"checksum, 5.10", 135, "", "icmpv6_rcv", BadChecksum, "eth0", "ICMPv6", Hurts, "icmp.checksum", rule.Error},
	{"bad option", 134, "IPV6_NDISC_BAD_OPTIONS", "icmpv6_rcv", Multicast, "eth0", "ICMPv6", Hurts, "drop.malformed", rule.Error},
	{"fragments", 135, "IPV6_NDISC_FRAG", "icmpv6_rcv", 0, "eth0", "ICMPv6", Hurts, "nd.fragmented", rule.Error},

	// Received, and as it should be.
	{"NS that was answered, 5.10", 135, "", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"NS that was answered, 6.1", 135, "NOT_SPECIFIED", "icmpv6_rcv", Multicast, "eth0", "ICMPv6", Benign, "", 0},
	{"NA that was used, 6.1", 136, "NOT_SPECIFIED", "icmpv6_rcv", Solicited, "eth0", "ICMPv6", Benign, "", 0},
	{"RA that was used, 5.10", 134, "", "icmpv6_rcv", Multicast, "eth0", "ICMPv6", Benign, "", 0},
	{"RA where functions are inlined otherwise", 134, "", "ndisc_rcv", Multicast, "eth0", "ICMPv6", Benign, "", 0},
	{"PTB that was used, 6.1", 2, "NOT_SPECIFIED", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"unreachable that was used, 5.10", 1, "", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"echo that was answered, 5.10", 128, "", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"reply to a raw socket, 5.10", 129, "", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"reply to a raw socket, 6.1", 129, "NO_SOCKET", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"reply to a raw socket, 6.18", 129, "NO_SOCKET", "ping_rcv", 0, "eth0", "ping socket", Benign, "", 0},
	{"MLD query, 5.10", 130, "", "icmpv6_rcv", Multicast, "eth0", "ICMPv6", Benign, "", 0},
	{"RS at a host", 133, "NOT_SPECIFIED", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"NA unasked", 136, "NOT_SPECIFIED", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"NS for another", 135, "IPV6_NDISC_NS_OTHERHOST", "icmpv6_rcv", 0, "eth0", "ICMPv6", Benign, "", 0},
	{"group not joined", 135, "NOT_SPECIFIED", "ip6_mc_input", Multicast, "eth0", "IPv6", Benign, "", 0},
	{"group not joined, 5.10", 143, "", "ip6_mc_input", Multicast, "eth0", "IPv6", Benign, "", 0},
	{"other station", 128, "OTHERHOST", "ip6_rcv_core", OtherHost, "eth0", "IPv6", Benign, "", 0},
	{"other station, 5.10", 136, "", "ip6_rcv_core", OtherHost | Solicited, "eth0", "IPv6", Benign, "", 0},
	{"address gone, no route left", 135, "IP_INNOROUTES", "ip6_pkt_discard", 0, "eth0", "IPv6 route", Benign, "", 0},
	{"report to who has gone", 143, "IP_INNOROUTES", "ip6_pkt_discard", Multicast, "eth0", "IPv6 route", Benign, "", 0},
	{"address gone, at a router", 136, "NOT_SPECIFIED", "ip6_forward", Solicited, "eth0", "IPv6 forwarding", Benign, "", 0},

	// IPv6 off.
	{"IPv6 off", 134, "IPV6DISABLED", "ip6_rcv_core", Multicast, "eth0", "IPv6 off", Hurts, "drop.ipv6-disabled", rule.Warning},
	{"IPv6 off, 5.10", 134, "", "ip6_rcv_core", Multicast, "eth0", "IPv6 off", Hurts, "drop.ipv6-disabled", rule.Warning},
	{"IPv6 off, NS", 135, "IPV6DISABLED", "ip6_rcv_core", Multicast, "eth0", "IPv6 off", Benign, "", 0},
	{"IPv6 off, ping", 128, "IPV6DISABLED", "ip6_rcv_core", 0, "eth0", "IPv6 off", Unknown, "", 0},
	{"IPv6 off on a bridge", 134, "IPV6DISABLED", "ip6_rcv_core", Multicast | OnBridge, "br0", "bridge device", Benign, "", 0},
	{"IPv6 off on a bridge, 5.10", 134, "", "ip6_rcv_core", Multicast | OnBridge, "br0", "bridge device", Benign, "", 0},
	{"IPv6 off, own report", 143, "IPV6DISABLED", "ip6_output", Multicast | Outgoing, "br0", "IPv6 off", Benign, "", 0},

	// Sockets and queues.
	{"raw socket closed", 134, "QUEUE_PURGE", "inet_sock_destruct", Multicast, "<eth0", "queue", Benign, "", 0},
	{"raw socket closed, 5.10", 134, "", "inet_sock_destruct", Multicast, "<eth0", "queue", Benign, "", 0},
	{"raw socket closed, 6.1", 134, "NOT_SPECIFIED", "inet_sock_destruct", Multicast, "<eth0", "queue", Benign, "", 0},
	{"interface gone", 128, "QUEUE_PURGE", "neigh_destroy", Outgoing, "eth0", "queue", Benign, "", 0},
	{"capture behind", 134, "PACKET_SOCK_ERROR", "tpacket_rcv", Multicast, "eth0", "packet socket", Benign, "", 0},
	{"capture behind, 5.10", 134, "", "packet_rcv", Multicast, "eth0", "packet socket", Benign, "", 0},
	{"radvd does not read", 133, "SOCKET_RCVBUFF", "rawv6_rcv_skb", Multicast, "eth0", "raw socket", Hurts, "drop.socket-full", rule.Warning},
	{"radvd does not read, 5.10", 133, "", "rawv6_rcv", Multicast, "eth0", "raw socket", Unknown, "", 0},
	{"ping does not read", 129, "SOCKET_RCVBUFF", "rawv6_rcv", 0, "eth0", "raw socket", Benign, "", 0},

	// Routers.
	{"too big", 128, "PKT_TOO_BIG", "ip6_forward", 0, "right0<left0", "too big", Benign, "", 0},
	{"too big, 5.10", 128, "", "ip6_forward", 0, "right0<left0", "too big", Benign, "", 0},
	{"hop limit used up", 128, "IP_INHDR", "ip6_forward", 0, "left0", "hop limit", Unknown, "", 0},
	{"hop limit used up, 5.10", 128, "", "ip6_forward", 0, "left0", "hop limit", Unknown, "", 0},
	{"forwarding off", 128, "NOT_SPECIFIED", "ip6_forward", 0, "left0", "IPv6 forwarding", Unknown, "", 0},
	{"no route", 128, "IP_INNOROUTES", "ip6_pkt_discard", 0, "left0", "IPv6 route", Hurts, "drop.no-route", rule.Info},
	{"no route, 5.10", 2, "", "ip6_pkt_drop", 0, "left0", "IPv6 route", Hurts, "drop.no-route", rule.Warning},
	{"neighbor failed", 128, "NOT_SPECIFIED", "neigh_invalidate", 0, "right0<left0", "neighbor", Hurts, "drop.neighbor-failed", rule.Info},
	{"neighbor failed, PTB", 2, "NEIGH_QUEUEFULL", "__neigh_event_send", Outgoing, "right0", "neighbor", Hurts, "drop.neighbor-failed", rule.Warning},
	{"neighbor failed, NA", 136, "NEIGH_FAILED", "__neigh_event_send", Outgoing, "right0", "neighbor", Unknown, "", 0},

	// Bridges.
	{"port blocked", 134, "BRIDGE_INGRESS_STP_STATE", "br_handle_frame __netif_receive_skb_core", Multicast, "vnet0", "bridge port", Unknown, "", 0},
	{"no port for what this host sends", 135, "NO_TX_TARGET", "br_dev_xmit dev_hard_start_xmit", Multicast | Outgoing, "br0", "bridge: no port", Unknown,
		"", 0},
	{"no route below VXLAN, 6.18", 134, "IP_OUTNOROUTES", "vxlan_xmit_one vxlan_xmit", Multicast, "vxlan100<vnet1", "VXLAN: no route", Hurts,
		"drop.vxlan-unreachable", rule.Error},
	{"IPv6 off below VXLAN", 135, "IPV6DISABLED", "ip6_rcv_core ipv6_rcv", Multicast | Tunneled, "eth0", "VXLAN: IPv6 off", Hurts,
		"drop.vxlan-unreachable", rule.Error},
	{"group not joined below VXLAN", 134, "NOT_SPECIFIED", "ip6_mc_input", Multicast | Tunneled, "eth0", "underlay", Unknown, "", 0},
	{"not forwarded, 6.18", 128, "IP_INADDRERRORS", "ip6_forward", 0, "eth0", "IPv6 forwarding", Unknown, "", 0},
	{"a VLAN that is not set up", 134, "OTHERHOST", "ip6_rcv_core", Multicast | OtherHost, "eth0", "VLAN", Unknown, "", 0},
	{"NFQUEUE without a program", 135, "NOT_SPECIFIED", "nf_queue nf_hook_slow", 0, "eth0", "nfqueue", Hurts, "drop.filter", rule.Error},
	{"no names, but a reason of its own", 135, "IPV6_NDISC_HOP_LIMIT", "", BadHopLimit, "eth0", "the kernel's ICMPv6", Hurts, "nd.hop-limit", rule.Error},
	{"no listener", 135, "NO_TX_TARGET", "br_handle_frame_finish", Multicast, "vnet0", "no listener", Hurts, "drop.bridge-no-listener", rule.Warning},
	{"no listener, 6.1", 135, "NOT_SPECIFIED", "br_multicast_flood", Multicast, "vnet0", "no listener", Hurts, "drop.bridge-no-listener", rule.Warning},
	{"no listener, DAD", 135, "NO_TX_TARGET", "br_handle_frame_finish", Multicast | NoSource, "vnet0", "no listener", Benign, "", 0},
	{"report without a router", 143, "NO_TX_TARGET", "br_multicast_flood", Multicast, "vnet0", "no listener", Benign, "", 0},
	{"unicast without a port", 136, "NO_TX_TARGET", "br_handle_frame_finish", OtherHost, "vnet0", "no port", Unknown, "", 0},
	{"port MTU", 128, "NOT_SPECIFIED", "br_dev_queue_push_xmit", OtherHost, "vnet1<vnet0", "too big", Hurts, "drop.bridge-port-mtu", rule.Error},
	{"port MTU with br_netfilter", 128, "NOT_SPECIFIED", "ip6_fragment", OtherHost, "vnet1<vnet0", "too big", Hurts, "drop.bridge-port-mtu", rule.Error},

	// Devices.
	{"tc ingress", 134, "TC_INGRESS", "__netif_receive_skb_core", Multicast, "eth0", "tc ingress", Hurts, "drop.tc", rule.Error},
	{"tc ingress, 5.10", 134, "", "__netif_receive_skb_core", Multicast, "eth0", "tc ingress", Unknown, "", 0},
	{"tc egress", 134, "TC_EGRESS", "__dev_queue_xmit", Multicast | Outgoing, "eth0", "tc egress", Hurts, "drop.tc", rule.Error},
	{"tc egress, 5.10", 134, "", "__dev_queue_xmit", Multicast | Outgoing, "eth0", "tc egress", Hurts, "drop.tc", rule.Error},
	{"XDP of veth", 134, "NOT_SPECIFIED", "veth_xdp_rcv_skb", Multicast | Outgoing, "eth0", "XDP", Hurts, "drop.bpf", rule.Error},
	{"XDP of veth, 5.10", 134, "", "veth_poll", Multicast | Outgoing, "eth0", "XDP", Hurts, "drop.bpf", rule.Error},
	{"XDP generic", 134, "NOT_SPECIFIED", "do_xdp_generic", Multicast, "eth0", "XDP", Hurts, "drop.bpf", rule.Error},
	{"XDP generic, 5.10", 134, "", "netif_receive_generic_xdp", Multicast, "eth0", "XDP", Hurts, "drop.bpf", rule.Error},
	{"tap full", 134, "FULL_RING", "tun_net_xmit", Multicast | Outgoing, "vnet9", "tap queue full", Hurts, "drop.tap-full", rule.Error},
	{"tap full, 5.10", 134, "", "tun_net_xmit", Multicast | Outgoing, "vnet9", "tap queue full", Hurts, "drop.tap-full", rule.Error},
	{"tap without a guest", 134, "DEV_READY", "tun_net_xmit", Multicast | Outgoing, "vnet9", "no guest", Benign, "", 0},
	{"report of a link that goes down", 143, "QDISC_DROP", "__dev_queue_xmit", Multicast | Outgoing, "eth0", "qdisc", Benign, "", 0},
	{"report of a link that goes down, 5.10", 143, "", "kfree_skb_list", Multicast | Outgoing, "eth0", "qdisc", Benign, "", 0},
	{"peer down", 143, "NOT_SPECIFIED", "__dev_forward_skb2", Multicast | Outgoing, "eth0", "other end down", Benign, "", 0},
	{"shaper", 134, "QDISC_OVERLIMIT", "__dev_queue_xmit", Multicast | Outgoing, "eth0", "qdisc", Hurts, "drop.queue-full", rule.Warning},

	// VXLAN.
	{"VXLAN filtered in", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv4 nf_hook_slow ip_local_deliver", Tunneled | Multicast, "eth0",
		"ip input (nftables or iptables-nft)", Hurts, "drop.vxlan-filtered", rule.Error},
	{"VXLAN filtered in, 5.10", 134, "", "nf_hook_slow ip_local_deliver __netif_receive_skb_one_core", Tunneled | Multicast, "eth0",
		"ip input (nftables or iptables)", Hurts, "drop.vxlan-filtered", rule.Error},
	{"VXLAN filtered out", 134, "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv4 nf_hook_slow __ip_local_out ip_local_out iptunnel_xmit",
		Tunneled | Multicast | Outgoing, "vxlan100", "ip output (nftables or iptables-nft)", Hurts, "drop.vxlan-filtered", rule.Error},
	{"VXLAN wrong VNI", 134, "VXLAN_VNI_NOT_FOUND", "vxlan_rcv", Tunneled | Multicast, "eth0", "no such VNI", Hurts, "drop.vxlan-vni", rule.Warning},
	{"VXLAN wrong VNI, 6.1", 134, "NOT_SPECIFIED", "vxlan_rcv", Tunneled | Multicast, "eth0", "no such VNI", Hurts, "drop.vxlan-vni", rule.Warning},
	{"VXLAN no socket", 134, "NO_SOCKET", "__udp4_lib_rcv", Tunneled | Multicast, "eth0", "no device listens", Hurts, "drop.vxlan-no-socket", rule.Error},
	{"VXLAN no socket, 5.10", 134, "", "__udp4_lib_rcv", Tunneled | Multicast, "eth0", "no device listens", Hurts, "drop.vxlan-no-socket", rule.Error},
	{"VXLAN ARP failed", 134, "NEIGH_FAILED", "neigh_invalidate", Tunneled | Multicast | Outgoing, "eth0", "does not answer", Hurts,
		"drop.vxlan-unreachable", rule.Error},
	{"VXLAN ARP failed, 5.10", 134, "", "neigh_invalidate", Tunneled | Multicast | Outgoing, "eth0", "does not answer", Hurts,
		"drop.vxlan-unreachable", rule.Error},
	{"VXLAN link MTU", 134, "NOT_SPECIFIED", "__dev_forward_skb2", Tunneled | Multicast | Outgoing, "eth0", "too big", Hurts, "drop.vxlan-mtu", rule.Error},
	{"VXLAN link MTU, 5.10", 134, "", "__dev_forward_skb", Tunneled | Multicast | Outgoing, "eth0", "too big", Hurts, "drop.vxlan-mtu", rule.Error},
	{"VXLAN with nowhere to go", 134, "NO_TX_TARGET", "vxlan_xmit", Multicast, "vxlan100", "nowhere", Unknown, "", 0},

	{"a function that nobody knows", 134, "NEW_REASON", "new_function", Multicast, "eth0", "", Unknown, "", 0},
	{"no name and no reason", 134, "", "", Multicast, "eth0", "", Unknown, "", 0},
}

// sized are those of seen whose packets are long.
var sized = []string{"too big, 5.10", "port MTU", "port MTU with br_netfilter"}

func TestJudge(t *testing.T) {
	for _, tt := range seen {
		t.Run(tt.name, func(t *testing.T) {
			location, callers, _ := strings.Cut(tt.stack, " ")
			iface, arrived, _ := strings.Cut(tt.iface, "<")
			d := Drop{Place: Place{Type: tt.typ, Reason: tt.reason, Location: location, Interface: iface, Arrived: arrived, Flags: tt.flags},
				Callers: strings.Fields(callers), Packets: 7, Bytes: 7 * 150}
			for _, name := range sized {
				if name == tt.name {
					d.Bytes = 7 * 1400
				}
			}
			Judge(&d)
			if d.Class != tt.class || d.Rule != tt.rule || d.Severity != tt.severity || !strings.Contains(d.Hook, tt.hook) {
				t.Errorf("%v, rule %q, %v, hook %q; want %v, %q, %v, %q", d.Class, d.Rule, d.Severity, d.Hook, tt.class, tt.rule, tt.severity, tt.hook)
			}
			if !strings.HasSuffix(d.Why, ".") || strings.ContainsAny(d.Why+d.Fix+d.Next, "\n\t") {
				t.Errorf("why %q, fix %q, next %q", d.Why, d.Fix, d.Next)
			}
			if d.Class == Hurts && d.Next == "" {
				t.Error("what hurts has no next command")
			}
			if d.Class == Unknown && d.Next == "" {
				t.Error("what is unknown has nothing to look at")
			}
			for _, mark := range []string{"{in}", "{iface}", "{arrived}", "{from}", "{port}", "{vni}"} {
				if strings.Contains(d.Why+d.Fix+d.Next, mark) {
					t.Errorf("%s was not filled in: %q, %q", mark, d.Fix, d.Next)
				}
			}
			before := d
			Judge(&d)
			if d.Verdict != before.Verdict || d.Place != before.Place {
				t.Errorf("judged again it is another: %+v, %+v", before, d)
			}
		})
	}
}

// TestRows holds each row of the tables to what all rows are.
func TestRows(t *testing.T) {
	for _, table := range append(tables[:], brokenRows) {
		for _, r := range table {
			known, ok := rule.Lookup(r.rule)
			switch {
			case r.class == Hurts && !ok:
				t.Errorf("%q: no rule %q", r.why, r.rule)
			case r.class != Hurts && (r.rule != "" || r.fix != "" || r.severity != byMessage):
				t.Errorf("%q: what does not hurt needs no rule, fix or severity", r.why)
			case r.class != Benign && r.next == "":
				t.Errorf("%q: no next command", r.why)
			case r.hook == "":
				t.Errorf("%q: no hook", r.why)
			case !strings.HasSuffix(r.why, "."):
				t.Errorf("%q is no sentence", r.why)
			case strings.Count(r.fix, "`")%2 != 0 || strings.Contains(r.next, "`"):
				t.Errorf("%q: an odd backquote in %q or %q", r.why, r.fix, r.next)
			case r.at == nil && r.reason == nil && r.need&^Tunneled == 0:
				t.Errorf("%q: is true of everything", r.why)
			case r.class == Hurts && r.severity == always && known.Severity != rule.Error:
				t.Errorf("%q: is an error, which %s never is", r.why, r.rule)
			}
		}
	}
}

// TestSeverity says how bad it is to miss each message.
func TestSeverity(t *testing.T) {
	for typ, want := range map[icmp6.Type]rule.Severity{1: rule.Warning, 2: rule.Error, 3: rule.Warning, 4: rule.Warning, 128: rule.Info,
		129: rule.Info, 130: rule.Warning, 131: rule.Warning, 132: rule.Warning, 133: rule.Warning, 134: rule.Error, 135: rule.Error,
		136: rule.Error, 137: rule.Warning, 143: rule.Warning, 0: rule.Info, 155: rule.Info} {
		d := Drop{Place: Place{Type: typ, Reason: "NETFILTER_DROP", Location: "nft_do_chain"}, Callers: []string{"nft_do_chain_bridge", "__br_forward"}}
		if Judge(&d); d.Severity != want {
			t.Errorf("type %d: %v, want %v", typ, d.Severity, want)
		}
		d.Flags |= LaterPiece
		if Judge(&d); d.Severity != rule.Info {
			t.Errorf("type %d, a later piece: %v, want info", typ, d.Severity)
		}
	}
}
