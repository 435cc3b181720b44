package drops

const (
	whyGone = "An interface has just gone or is not up yet."
	fixTap  = "The guest does not take packets in: it hangs, is paused, or its driver has stopped. `virsh list --all` shows " +
		"paused ones; if it runs, give the tap a longer queue: `{in}ip link set {iface} txqueuelen 10000`."
	fixQueue = "`{in}tc -s qdisc show dev {iface}` shows which queue drops, and the rate that it is held to."
	fixTC    = "Find the filter: `{in}tc -s filter show dev {iface} ingress` or `egress`, and let `ip_proto icmpv6` pass " +
		"before it."
	fixXDP = "Find the program: `{in}ip -d link show dev {iface}`, take it off to see: `{in}ip link set dev {iface} xdp off`."
)

// deviceRows are about devices and what is between them and protocols.
var deviceRows = []row{
	{reason: one{"TC_INGRESS"}, hook: "tc ingress", class: Hurts, rule: "drop.tc",
		why: "A filter of tc drops what comes in by the device.",
		fix: fixTC, next: "{in}tc -s filter show dev {iface} ingress"},
	{reason: one{"TC_EGRESS"}, hook: "tc egress", class: Hurts, rule: "drop.tc",
		why: "A filter of tc drops what goes out by the device.",
		fix: fixTC, next: "{in}tc -s filter show dev {iface} egress"},
	{reason: one{"TC_COOKIE_ERROR", "TC_CHAIN_NOTFOUND", "TC_RECLASSIFY_LOOP"}, hook: "tc", class: Hurts, rule: "drop.tc", fix: fixTC,
		why: "The filters of tc lead nowhere, or in a circle.", next: "{in}tc -s filter show dev {iface} ingress"},
	{at: one{"__dev_queue_xmit"}, reason: one{""}, hook: "tc egress", class: Hurts, rule: "drop.tc", fix: fixTC,
		why: "A filter of tc drops what goes out by the device.", next: "{in}tc -s filter show dev {iface} egress"},
	{at: one{"__netif_receive_skb_core"}, reason: one{""}, hook: "tc ingress, or no protocol", class: Unknown,
		next: "{in}tc -s filter show dev {iface} ingress",
		why: "A filter of tc drops what comes in by the device, or the device is the idle member of a bond; this kernel does not " +
			"say which."},
	{at: one{"nf_queue", "nf_reinject"}, hook: "nfqueue", class: Hurts, rule: "drop.filter", fix: "Start that program, or take the rule out.",
		why:  "A rule hands it to a program (NFQUEUE) that does not listen, or is too slow.",
		next: "{in}cat /proc/net/netfilter/nfnetlink_queue"},
	{reason: one{"UNHANDLED_PROTO"}, hook: "no protocol", class: Benign,
		why: "No protocol takes what comes in by this device: the idle member of a bond, or a kernel whose IPv6 is off."},

	{reason: one{"XDP"}, hook: "XDP", class: Hurts, rule: "drop.bpf", why: "An XDP program on the device drops it.", fix: fixXDP,
		next: "{in}ip -d link show dev {iface}"},
	{at: one{"do_xdp_generic", "netif_receive_generic_xdp", "veth_xdp_rcv_skb", "veth_poll", "tun_xdp_act"}, hook: "XDP",
		class: Hurts, rule: "drop.bpf",
		why: "An XDP program on the device drops it.", fix: fixXDP, next: "{in}ip -d link show dev {iface}"},

	{at: one{"tun_net_xmit", "tap_handle_frame"}, reason: one{"FULL_RING", ""}, hook: "tap queue full", class: Hurts,
		rule: "drop.tap-full",
		why:  "The queue of the guest's tap is full.", fix: fixTap, next: "{in}ip -s -s link show {iface}"},
	{at: one{"tun_net_xmit", "tap_handle_frame"}, reason: one{noReason, "DEV_READY"}, hook: "tap: no guest", class: Benign,
		why: "No guest is attached to the tap (any more)."},
	{reason: one{"FULL_RING"}, hook: "device queue full", class: Hurts, rule: "drop.queue-full", why: "The device's queue is " +
		"full.",
		fix: fixQueue, next: "{in}ip -s -s link show {iface}"},

	{reason: one{"QDISC_OVERLIMIT", "QDISC_CONGESTED", "CAKE_FLOOD", "FQ_BAND_LIMIT", "FQ_HORIZON_LIMIT", "FQ_FLOW_LIMIT", "DUALPI2_STEP_DROP"},
		hook: "qdisc full", class: Hurts, rule: "drop.queue-full", severity: atMostWarning, fix: fixQueue,
		why: "The queue by which it was to leave is full.", next: "{in}tc -s qdisc show dev {iface}"},
	{reason: one{"QDISC_DROP"}, types: listeners, hook: "qdisc", class: Benign, why: whyGone},
	{reason: one{"QDISC_DROP"}, hook: "qdisc", class: Unknown, next: "{in}tc -s qdisc show dev {iface}",
		why: "The queue by which it was to leave is full, or the interface has no carrier. The counters of the queue tell."},
	{reason: one{"CPU_BACKLOG"}, hook: "CPU backlog full", class: Hurts, rule: "drop.backlog-full", severity: atMostWarning,
		why:  "More packets come in than this CPU takes.",
		fix:  "`sysctl -w net.core.netdev_max_backlog=10000`, and spread the load over CPUs (RSS, RPS).",
		next: "cat /proc/net/softnet_stat"},
	{at: one{"enqueue_to_backlog"}, reason: one{noReason}, hook: "CPU backlog", class: Unknown, next: "cat /proc/net/softnet_stat",
		why: "More packets come in than this CPU takes, or the interface has just gone down. The second column counts the former."},

	{reason: one{"DEV_READY", "DEV_HDR"}, hook: "device down", class: Benign, why: whyGone},
	// All of a list at once: a queue whose device has no carrier or goes down.
	{at: one{"kfree_skb_list", "kfree_skb_list_reason", "__dev_queue_xmit", "noop_enqueue", "dev_deactivate_queue", "qdisc_reset", "pfifo_fast_reset",
		"qdisc_reset_queue"}, reason: one{noReason}, types: onLink, hook: "qdisc", class: Benign, why: whyGone},
	{at: one{"kfree_skb_list", "kfree_skb_list_reason", "__dev_queue_xmit", "noop_enqueue"}, reason: one{noReason}, hook: "qdisc",
		class: Unknown,
		next:  "{in}tc -s qdisc show dev {iface}",
		why:   "The queue by which it was to leave is full, or the interface is down. The counters of the queue tell."},
	{at: forwardToPeer, when: long, hook: "veth: too big", class: Hurts, rule: "drop.link-mtu", severity: always,
		why:  "It is longer than the other end of the link takes.",
		fix:  "Give both ends of {iface} one MTU: `{in}ip -d link show {iface}`, and the same inside the namespace of the other end.",
		next: "{in}ip -d link show {iface}"},
	{at: forwardToPeer, types: onLink, hook: "veth: other end down", class: Benign, why: "The other end of the link is down " +
		"or gone."},
	{at: forwardToPeer, hook: "veth: other end down", class: Unknown, next: "{in}ip -d link show {iface}",
		why: "The other end of the link is down or gone, or takes shorter packets only."},
	{at: one{"net_tx_action", "dev_kfree_skb_any_reason", "__dev_kfree_skb_any", "dev_kfree_skb_irq_reason", "__dev_kfree_skb_irq"}, hook: "driver",
		class: Benign, why: "A driver freed it, as some do with packets that they have sent. What a driver drops it counts " +
			"itself: `ip -s -s link`."},
	{reason: one{"NOMEM", "PFMEMALLOC"}, hook: "out of memory", class: Hurts, rule: "drop.no-memory", severity: always,
		why: "The kernel had no memory for it.", next: "free -m; dmesg | tail"},
}

// forwardToPeer are where a virtual device gives a packet to its other end.
var forwardToPeer = one{"__dev_forward_skb", "__dev_forward_skb2", "____dev_forward_skb", "dev_forward_skb", "veth_xmit"}
