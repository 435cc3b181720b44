package drops

// receiveFunctions are where the kernel's IPv6 looks at a header first.
var receiveFunctions = one{"ip6_rcv_core", "ipv6_rcv", "ipv6_list_rcv"}

const hookIPv6 = "the kernel's IPv6"

// hostRows are about what a host does not take in.
var hostRows = []row{
	{reason: one{"OTHERHOST"}, need: OtherHost | Multicast, not: Tunneled, hook: "VLAN", class: Unknown, next: "{in}ip -d link show type vlan",
		why: "It is for many and yet not for us: it most likely had a VLAN tag, and no VLAN interface of this host takes it."},
	{reason: one{"OTHERHOST"}, hook: hookIPv6, class: Benign,
		why: "The frame is for another station, and was flooded here or is seen by a program that captures."},
	{at: receiveFunctions, need: OtherHost, hook: hookIPv6, class: Benign,
		why: "The frame is for another station, and was flooded here or is seen by a program that captures."},
	{at: one{"ip6_mc_input"}, not: Tunneled, hook: hookIPv6, class: Benign, why: "It is for a group that this host has not joined."},

	{at: receiveFunctions, reason: disabled, need: OnBridge, hook: "bridge device (IPv6 off)", class: Benign,
		why: "IPv6 is off on the hypervisor's bridge, as it should be: this is the host's own copy, guests have theirs."},
	{at: receiveFunctions, reason: disabled, types: advertisements, hook: hookDisabled, class: Hurts, rule: "drop.ipv6-disabled",
		severity: atMostWarning, why: "IPv6 is off on the interface that is sent it.",
		fix: "If this interface is to have IPv6: `{in}sysctl -w net/ipv6/conf/{iface}/disable_ipv6=0`, and in /etc/sysctl.d so " +
			"that it stays. If not, nothing needs doing.",
		next: "{in}sysctl net/ipv6/conf/{iface}/disable_ipv6"},
	{at: receiveFunctions, reason: disabled, types: onLink, hook: hookDisabled, class: Benign,
		why: "IPv6 is off on this interface: nobody can miss what its neighbors ask each other."},
	{at: receiveFunctions, reason: disabled, need: Multicast, hook: hookDisabled, class: Benign,
		why: "IPv6 is off on this interface: nobody can miss what its neighbors ask each other."},
	{at: receiveFunctions, reason: disabled, hook: hookDisabled, class: Unknown, next: "{in}sysctl " +
		"net/ipv6/conf/{iface}/disable_ipv6",
		why: "Somebody sends to this host although IPv6 is off on the interface: switch it on if that is not meant so."},
	{reason: one{"IPV6DISABLED"}, types: advertisements, hook: hookDisabled, class: Hurts, rule: "drop.ipv6-disabled",
		severity: atMostWarning, why: "A program of this host sends it by an interface on which IPv6 is off.",
		fix:  "`{in}sysctl -w net/ipv6/conf/{iface}/disable_ipv6=0`, or take the interface out of the program's configuration.",
		next: "{in}sysctl net/ipv6/conf/{iface}/disable_ipv6"},
	{reason: one{"IPV6DISABLED"}, hook: hookDisabled, class: Benign,
		why: "The kernel has just been told to do without IPv6 on this interface."},

	{reason: one{"XFRM_POLICY"}, hook: "IPsec", class: Hurts, rule: "drop.ipsec-policy", why: "A policy of IPsec wants it " +
		"encrypted.",
		fix:  "Except neighbor discovery and the errors from the policy: `{in}ip -6 xfrm policy`.",
		next: "{in}ip -6 -s xfrm policy"},
	{reason: one{"BPF_CGROUP_EGRESS"}, hook: "cgroup filter", class: Hurts, rule: "drop.bpf",
		why:  "A BPF program of the sending service's cgroup drops it; systemd's IPAddressDeny= is one.",
		fix:  "Let the service send to fe80::/10 and ff02::/16 (systemd: IPAddressAllow=).",
		next: "bpftool cgroup tree"},
	{at: one{"ip6_frag_expire", "ip6frag_expire_frag_queue", "inet_frag_rbtree_purge", "inet_frag_destroy"},
		reason: one{noReason, "FRAG_REASM_TIMEOUT"}, hook: "reassembly", class: Hurts, rule: "drop.reassembly",
		why: "Of a packet in fragments one did not come in time.", fix: reassemblyFix, next: "{in}nstat -az 'Ip6Reasm*'"},
	{reason: one{"FRAG_REASM_TIMEOUT", "FRAG_TOO_FAR"}, hook: "reassembly", class: Hurts, rule: "drop.reassembly",
		why: "Of a packet in fragments one did not come in time.", fix: reassemblyFix, next: "{in}nstat -az 'Ip6Reasm*'"},
	{at: one{"ipv6_frag_rcv"}, reason: one{noReason}, hook: "reassembly", class: Hurts, rule: "drop.reassembly",
		why: "The memory for packets in fragments is used up (net.ipv6.ip6frag_high_thresh), or the fragments contradict each other.",
		fix: reassemblyFix, next: "{in}nstat -az 'Ip6Reasm*'"},
	{reason: one{"DUP_FRAG"}, hook: "reassembly", class: Benign, why: "A fragment came twice."},
	{reason: one{"IPV6_BAD_EXTHDR", "PKT_TOO_SMALL", "HDR_TRUNC", "IP_INHDR"}, not: Tunneled, when: notForwarded, hook: hookIPv6,
		class: Hurts,
		rule:  "drop.malformed", why: "The IPv6 header, or one behind it, is not well formed.", next: "{in}v6probe nd -i {iface} -v"},
	{at: one{"ip6_parse_tlv", "ip6_parse_tlv.part", "ip6_tlvopt_unknown", "ipv6_destopt_rcv", "ipv6_rthdr_rcv", "ipv6_hop_jumbo", "ipv6_hop_ioam"},
		hook:  hookIPv6,
		class: Hurts, rule: "drop.malformed", why: "The kernel does not take an extension header of the packet.",
		next: "{in}v6probe nd -i {iface} -v"},
	{reason: one{"UNICAST_IN_L2_MULTICAST"}, hook: hookIPv6, class: Benign,
		why: "It is for one station, in a frame for many, and a sysctl has such packets dropped (drop_unicast_in_l2_multicast)."},
}

const hookDisabled = "IPv6 off (disable_ipv6)"

// disabled is the reason where IPv6 is off. Kernels before 5.17 give none.
var disabled = one{"IPV6DISABLED", ""}

const reassemblyFix = "Look for what loses fragments on the way, mostly a filter without connection tracking; or send " +
	"smaller packets: `v6probe pmtu SOURCE` tells the size that passes."

func notForwarded(d *Drop) bool { return d.Location != "ip6_forward" }
