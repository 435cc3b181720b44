package drops

// tunnelRows are about packets of VXLAN, which carry what is counted. Whatever is lost of the one is lost of the other.
var tunnelRows = []row{
	{need: Tunneled, reason: one{"VXLAN_VNI_NOT_FOUND"}, hook: "VXLAN: no such VNI", class: Hurts, rule: "drop.vxlan-vni",
		severity: atMostWarning, why: whyVNI,
		fix: fixVNI, next: "{in}ip -d link show type vxlan"},
	{need: Tunneled, at: one{"vxlan_rcv"}, reason: one{"LOCAL_MAC"}, hook: "VXLAN: own packet", class: Benign,
		why: "This host's own packet came back to it through the tunnel, and is not taken twice."},
	{need: Tunneled, at: one{"vxlan_rcv"}, reason: one{noReason}, hook: "VXLAN: no such VNI", class: Hurts, rule: "drop.vxlan-vni",
		severity: atMostWarning, why: whyVNI,
		fix: fixVNI, next: "{in}ip -d link show type vxlan"},
	{need: Tunneled, at: one{"vxlan_rcv"}, hook: "VXLAN: not accepted", class: Hurts, rule: "drop.vxlan-vni",
		why: "The VXLAN device does not take the packet: its header is not well formed, or its sender not a known one.", fix: fixVNI,
		next: "{in}ip -d -s link show type vxlan"},
	{need: Tunneled, at: udpFunctions, reason: one{"NO_SOCKET", noReason}, hook: "VXLAN: no device listens", class: Hurts,
		rule: "drop.vxlan-no-socket", next: "{in}ss -uanp 'sport = :4789 or sport = :8472'",
		why: "VXLAN comes in, and no device of this host listens on its port.",
		fix: "No guest of that network is here, or the hosts use different ports: `{in}ip -d link show type vxlan` (dstport) on " +
			"both. If none is here that should be, start the network's bridge anew: stop and start a guest of it, or see the " +
			"agent's log."},
	{need: Tunneled, reason: one{"UDP_CSUM"}, hook: "VXLAN: checksum", class: Hurts, rule: "icmp.checksum", severity: always,
		why: "The UDP checksum of the VXLAN packet is wrong.", next: "{in}nstat -az UdpInCsumErrors Udp6InCsumErrors"},
	{need: Tunneled, at: neighborFunctions, hook: "VXLAN: other host does not " +
		"answer", class: Hurts, rule: "drop.vxlan-unreachable",
		why: whyOtherHost, fix: fixOtherHost, next: "{in}ip neigh show dev {iface}; {in}bridge fdb show | grep dst"},
	{need: Tunneled, reason: neighborReasons, hook: "VXLAN: other host does not " +
		"answer", class: Hurts, rule: "drop.vxlan-unreachable",
		why: whyOtherHost, fix: fixOtherHost, next: "{in}ip neigh show dev {iface}; {in}bridge fdb show | grep dst"},
	{need: Tunneled, at: receiveFunctions, reason: disabled, hook: "VXLAN: IPv6 off below it", class: Hurts, rule: "drop.vxlan-unreachable",
		why:  "IPv6 is off on the interface by which the VXLAN packet comes in.",
		fix:  "`{in}sysctl -w net/ipv6/conf/{iface}/disable_ipv6=0`, or have the other host use this one's IPv4 address.",
		next: "{in}sysctl net/ipv6/conf/{iface}/disable_ipv6"},
	{need: Tunneled, at: one{"ip6_mc_input"}, hook: "underlay", class: Unknown, next: "{in}ip -6 maddr show dev {iface}; {in}ip -d link show type vxlan",
		why: "The VXLAN packet is for a multicast group that was not joined on this interface: as it should be if no guest of that network " +
			"is here."},
	{need: Tunneled, at: one{"ip_pkt_discard", "ip_error", "ip6_pkt_discard", "ip6_pkt_discard_out"},
		hook:  "VXLAN: no route",
		class: Hurts, rule: "drop.vxlan-unreachable", why: "There is no route to the other host of the VXLAN.",
		fix: fixOtherHost, next: "{in}bridge fdb show | grep dst; {in}ip route"},
	{need: Tunneled, reason: one{"IP_OUTNOROUTES", "IP_INNOROUTES"}, hook: "VXLAN: no route", class: Hurts,
		rule: "drop.vxlan-unreachable",
		why:  "There is no route to the other host of the VXLAN.", fix: fixOtherHost,
		next: "{in}bridge fdb show | grep dst; {in}ip route"},
	{need: Tunneled, reason: one{"IP_RPFILTER"}, hook: "VXLAN: reverse path filter", class: Hurts, rule: "drop.vxlan-filtered",
		why:  "By the routes of this host the sender of the VXLAN packet is behind another interface.",
		fix:  "Mend the route to the other host, or `{in}sysctl -w net/ipv4/conf/{iface}/rp_filter=2`.",
		next: "{in}sysctl net.ipv4.conf.all.rp_filter net/ipv4/conf/{iface}/rp_filter"},
	{need: Tunneled, reason: one{"PKT_TOO_BIG"}, hook: "VXLAN: too big for the underlay", class: Hurts, rule: "drop.vxlan-mtu",
		severity: always,
		why:      whyUnderlay, fix: fixUnderlay, next: "v6probe pmtu --plan --encap vxlan"},
	{need: Tunneled, at: forwardToPeer, hook: "VXLAN: too big for the link, or its other end is down", class: Hurts,
		rule: "drop.vxlan-mtu",
		why:  "The other end of the link below the tunnel takes shorter packets, or is down.", fix: fixUnderlay,
		next: "{in}ip -d link show {iface}"},
	{need: Tunneled, at: one{"ip_fragment", "ip_do_fragment", "ip_finish_output", "ip6_fragment", "br_dev_queue_push_xmit", "ip_forward"},
		when: long, hook: "VXLAN: too big for the underlay", class: Hurts, rule: "drop.vxlan-mtu", severity: always, why: whyUnderlay,
		fix: fixUnderlay, next: "v6probe pmtu --plan --encap vxlan"},
	{need: Tunneled, at: one{"ip_rcv_core", "ip_rcv"}, reason: one{"OTHERHOST", ""}, hook: "underlay", class: Benign,
		why: "The VXLAN packet is for another host, and was flooded here."},
	{need: Tunneled, at: one{"ip_rcv_finish", "ip_rcv_finish_core", "ip_sublist_rcv_finish", "ip_list_rcv_finish", "ip_route_input_noref"},
		hook: "underlay", class: Unknown, next: "{in}ip maddr show dev {iface}; {in}ip -d link show type vxlan",
		why: "The VXLAN packet is not for this host: it is for a multicast group that was not joined on this interface, or for " +
			"an address that is not here."},
	// Not inside a tunnel yet.
	{at: one{"vxlan_xmit_one"}, hook: "VXLAN: no route", class: Hurts, rule: "drop.vxlan-unreachable",
		why: "There is no route to the other host of the VXLAN, or the address that it is to be sent from has gone.", fix: fixOtherHost,
		next: "{in}bridge fdb show dev {iface}; {in}ip -d link show dev {iface}; {in}ip route"},
	{at: one{"vxlan_xmit"}, hook: "VXLAN: nowhere to send it", class: Unknown, next: "{in}bridge fdb show dev {iface}",
		why: "The VXLAN device knows no host to send it to. If other hosts carry this network, the entries of its forwarding " +
			"table are missing: with EVPN those that begin with 00:00:00:00:00:00."},
}

var udpFunctions = one{"__udp4_lib_rcv", "__udp6_lib_rcv", "udp_rcv", "udpv6_rcv", "udp_queue_rcv_one_skb", "udpv6_queue_rcv_one_skb",
	"udp_unicast_rcv_skb", "udp6_unicast_rcv_skb", "__udp4_lib_mcast_deliver", "__udp6_lib_mcast_deliver"}

const (
	whyVNI = "No VXLAN device of this host that is up has the number of the network."
	fixVNI = "The packet has VNI {vni}: compare `{in}ip -d link show type vxlan` on both hosts with the network's " +
		"broadcasturi in listNetworks. Where no guest of that network is here, the other host's forwarding table is out of date: " +
		"`{in}bridge fdb show | grep dst`."
	whyOtherHost = "The other host of the VXLAN does not answer ARP or neighbor discovery on the underlay."
	fixOtherHost = "See that the address is right and the host up: `{in}bridge fdb show | grep dst` names the hosts, `{in}ip " +
		"neigh show dev {iface}` those that do not answer. Entries of hosts that have gone: `{in}bridge fdb del " +
		"00:00:00:00:00:00 dev VXLAN dst ADDRESS`."
	whyUnderlay = "With the headers of VXLAN it is longer than the underlay takes."
	fixUnderlay = "The underlay must take 50 bytes more than the tunnel, over IPv6 70: raise it, switches included, `{in}ip " +
		"link set {iface} mtu 1600`; or lower the network's MTU (privatemtu)."
)
