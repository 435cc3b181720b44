package drops

const (
	hookPortMTU = "bridge port: too big"
	whyPortMTU  = "It is longer than the port takes by which it is to leave, and a bridge tells nobody."
	fixPortMTU  = "Give all ports one MTU, and the guests no more: `{in}ip link set {iface} mtu 1500`, if what carries it has " +
		"room for that; or set the network's MTU (privatemtu) to that of {iface}."

	hookListener = "bridge snooping: no listener"
	fixListener  = "Does who is asked for exist? If so it did not answer the MLD queries: on a Virtual Router `{in}nft insert rule ip6 " +
		"ip6_firewall fw_input icmpv6 type mld-listener-query accept`. As a stopgap switch snooping off on the bridge: `{in}ip link set " +
		"BRIDGE type bridge mcast_snooping 0`."
)

// flooding are where a bridge gives a packet to ports.
var flooding = one{"br_handle_frame_finish", "br_multicast_flood", "br_flood", "br_forward", "br_dev_xmit"}

// bridgeRows are about what bridges do besides filtering.
var bridgeRows = []row{
	{reason: one{"BRIDGE_INGRESS_STP_STATE"}, hook: "bridge port: not forwarding", class: Unknown,
		next: "{in}bridge -d link show dev {from}",
		why: "Spanning tree blocks the port by which it came: by design where it is the second of two ways, or for the half minute after a " +
			"port has come up, in which a guest that boots gets no answer."},
	{reason: one{"MAC_INVALID_SOURCE"}, hook: "bridge prerouting", class: Hurts, rule: "drop.malformed",
		why: "The Ethernet address that it comes from is no valid one.", next: "{in}v6probe nd -i {from} -v"},
	// The old ebtables drops here too, without a stack of its own, and so do all filters before Linux 6.7.
	{at: one{"br_handle_frame"}, reason: one{noReason},
		hook:  "bridge prerouting (ebtables, nftables, or a port that does not forward)",
		class: Hurts, rule: "drop.bridge-ingress", severity: atMostWarning,
		why: "The bridge does not take it in: a filter drops it, or the port does not forward; this kernel does not say which.",
		fix: "First see whether the port forwards: `{in}bridge -d link show dev {from}`. If it does: `{in}ebtables -t nat -L " +
			"PREROUTING --Lc` and `{in}ebtables -t broute -L BROUTING --Lc`, `{in}nft -a list ruleset bridge`.",
		next: "{in}bridge -d link show dev {from}; {in}ebtables -t nat -L PREROUTING --Lc; {in}nft -a list ruleset bridge"},

	{at: flooding, types: listeners | queries, hook: hookListener, class: Benign,
		why: "Reports of listeners go to multicast routers only, and the bridge knows of none; its own part it has taken."},
	{at: flooding, need: Multicast | NoSource, types: neighbors, hook: hookListener, class: Benign,
		why: "It asks whether an address is in use, and nobody has it."},
	{at: flooding, need: Multicast | Outgoing, hook: "bridge: no port to leave by", class: Unknown, next: "{in}bridge link show; {in}bridge mdb show",
		why: "This host sends it, and the bridge has no port that is up, or, if it snoops, none with a listener of the group."},
	{at: flooding, need: Multicast, types: discovery, hook: hookListener, class: Hurts, rule: "drop.bridge-no-listener",
		severity: atMostWarning,
		why: "The bridge has heard no listener of the group on another port: who should get it has not reported, or does not exist; or " +
			"there is no other port.",
		fix: fixListener, next: "{in}bridge mdb show; {in}bridge link show"},
	{at: flooding, need: Multicast, hook: hookListener, class: Benign,
		why: "It is for a group of which the bridge has heard no listener."},
	{at: flooding, hook: "bridge: no port to leave by", class: Unknown, next: "{in}bridge -d link show",
		why: "The bridge has no other port for it: the station is on the side from which it came, or its port is down, blocked " +
			"or isolated."},
	{at: one{"br_pass_frame_up"}, hook: "bridge device", class: Benign,
		why: "The host's own copy; the bridge itself is not in that VLAN."},
	{at: one{"__allowed_ingress", "br_allowed_ingress", "br_handle_vlan", "br_should_learn"}, hook: "bridge VLAN filter",
		class: Unknown,
		why:   "The port is not in the VLAN of the packet. A trunk that carries other networks too is dropped like this by design.",
		next:  "{in}bridge vlan show dev {from}"},

	{at: one{"br_dev_queue_push_xmit", "br_nf_dev_queue_xmit"}, when: long, hook: hookPortMTU, class: Hurts,
		rule:     "drop.bridge-port-mtu",
		severity: always, why: whyPortMTU, fix: fixPortMTU, next: "{in}ip link show {iface}"},
	{at: one{"br_dev_queue_push_xmit", "br_nf_dev_queue_xmit"}, hook: "bridge port: down", class: Benign,
		why: "The port by which it was to leave has just gone down."},
}
