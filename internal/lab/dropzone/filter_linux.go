package dropzone

import (
	"fmt"

	"v6probe/internal/craft"
)

// filtered completes what a filter drops of the RAs.
func filtered(l Loss) []Loss {
	l.Type, l.Class = typeRA, "hurts"
	if l.Packets == 0 {
		l.Packets = count
	}
	if l.Reason == nil {
		l.Reason = reason("NETFILTER_DROP", Version{5, 18})
	}
	return []Loss{l}
}

// nftDrops is the first of the kernels that were tried on which nft drops packets itself. Older ones leave it to who asked
// nft. Linux 6.7 began with it, and the stable series of 6.1 has it too.
func nftDrops() Version { return Version{6, 1} }

// byNft is where nft drops, with its callers, before nftDrops and since.
func byNft(callers, before string) ByKernel {
	return ByKernel{{nftDrops(), "nft_do_chain < " + callers}, {Text: before}}
}

// dropAdverts is a ruleset of nft whose one chain drops RAs.
func dropAdverts(family, hook string) string {
	return fmt.Sprintf("table %s filter {\n\tchain c {\n\t\ttype filter hook %s priority 0; policy accept;\n"+
		"\t\ticmpv6 type nd-router-advert drop\n\t}\n}\n", family, hook)
}

// filterCases are about filters on IPv6.
func filterCases() []Case {
	input := Loss{Hook: "input", Interface: "eth0", NetNS: "guest"}
	at := func(where ByKernel, l Loss) []Loss {
		l.Where = where
		return filtered(l)
	}
	prerouting := input
	prerouting.Hook = "prerouting"
	return []Case{
		{
			Name: "nft-input", About: "nft drops RAs at a guest",
			Losses: at(byNft("nf_hook_slow < ip6_input", "nf_hook_slow < ip6_input"), input),
			build: func(n *network) {
				linked(n)
				n.nft("guest", dropAdverts("ip6", "input"))
				n.inject("vr:eth0", advert())
			},
		},
		{
			Name: "cloudstack-input", About: "the policy of CloudStack's router drops Router Solicitations",
			Losses: []Loss{{
				Type: typeRS, Packets: count, Reason: reason("NETFILTER_DROP", Version{5, 18}), Class: "hurts", Hook: "input",
				Where: byNft("nf_hook_slow < ip6_input", "nf_hook_slow < ip6_input"), Interface: "eth0", NetNS: "vr",
			}},
			build: cloudStackInput,
		},
		{
			Name: "nft-netdev-ingress", About: "nft drops RAs before any protocol sees them",
			Losses: at(byNft("nft_do_chain_netdev", "nf_hook_slow < __netif_receive_skb_core"),
				Loss{Hook: "ingress", Interface: "eth0", NetNS: "guest", Reason: reason("NETFILTER_DROP", nftDrops())}),
			build: func(n *network) {
				linked(n)
				n.nft("guest", dropAdverts("netdev", `ingress device "eth0"`))
				n.inject("vr:eth0", advert())
			},
		},
		{
			Name: "ip6tables-nft-input", About: "ip6tables, the one that speaks to nft, drops RAs",
			Losses: at(byNft("nft_do_chain_ipv6", "nf_hook_slow < ip6_input"), input),
			build:  ip6tables("ip6tables-nft", "-A INPUT -p icmpv6 --icmpv6-type 134 -j DROP"),
		},
		{
			Name: "ip6tables-legacy-input", About: "the old ip6tables drops RAs",
			Losses: at(always("nf_hook_slow < ip6_input"), input),
			build:  ip6tables("ip6tables-legacy", "-A INPUT -p icmpv6 --icmpv6-type 134 -j DROP"),
		},
		{
			Name: "ip6tables-legacy-prerouting", About: "the old ip6tables drops RAs in its table raw",
			Losses: at(always("nf_hook_slow < ipv6_rcv"), prerouting),
			build:  ip6tables("ip6tables-legacy", "-t raw -A PREROUTING -p icmpv6 --icmpv6-type 134 -j DROP"),
		},
	}
}

func ip6tables(program, rule string) func(*network) {
	return func(n *network) {
		linked(n)
		n.run("guest", program, rule)
		n.inject("vr:eth0", advert())
	}
}

// bridgeCases are about filters of a hypervisor's bridge.
func bridgeCases() []Case {
	forward := Loss{Hook: "bridge forward", Interface: "vnet1", Arrived: "vnet0", NetNS: "kvm"}
	at := func(where ByKernel, l Loss) []Loss {
		l.Where = where
		return filtered(l)
	}
	own := bridgeItself(typeRA)
	second := forward
	second.Interface = "vnet2"
	nftForward := byNft("nft_do_chain_bridge < nf_hook_slow", "nf_hook_slow < __br_forward")
	prerouting := Loss{Hook: "bridge prerouting", Interface: "vnet0", NetNS: "kvm", Reason: reason("NETFILTER_DROP", nftDrops())}
	legacyPrerouting := prerouting
	legacyPrerouting.Reason = unspecified()
	return []Case{
		{
			Name: "nft-bridge-forward", About: "nft drops RAs that a bridge forwards",
			Losses: append(at(nftForward, forward), own),
			build:  onBridge(func(n *network) { n.nft("kvm", dropAdverts("bridge", "forward")) }),
		},
		{
			Name: "nft-bridge-flood", About: "nft drops RAs that a bridge floods to two guests: each is two",
			Losses: append(append(at(nftForward, forward), own), at(nftForward, second)...),
			build: func(n *network) {
				bridged(n, "vnet0", 2)
				n.nft("kvm", dropAdverts("bridge", "forward"))
				n.inject("vr:eth0", advert())
			},
		},
		{
			Name: "nft-bridge-prerouting", About: "nft drops RAs that come in at a bridge",
			Losses: at(byNft("nft_do_chain_bridge < br_handle_frame", "br_handle_frame"), prerouting),
			build:  onBridge(func(n *network) { n.nft("kvm", dropAdverts("bridge", "prerouting")) }),
		},
		{
			Name: "security-group", About: "the security group of a guest drops the RA that it asked for",
			Losses: at(always("nf_hook_slow < br_nf_forward_ip"), Loss{Hook: "security group", Interface: "vnet1",
				Arrived: "eth1", NetNS: "kvm", Absent: []string{"multicast"}}),
			build: func(n *network) {
				bridged(n, "eth1", 1)
				securityGroup(n)
				n.inject("vr:eth0", toGuest(255, craft.CloudStackRA().Message(craft.CloudStackOptions()...)))
			},
		},
		{
			Name: "ra-guard", About: "a security group drops the RAs of a guest",
			Losses: []Loss{{Type: typeRA, Packets: count, Reason: reason("NETFILTER_DROP", Version{5, 18}), Class: "unknown",
				Where: always("nf_hook_slow < br_nf_forward_ip"), Hook: "security group", Interface: "vnet1", Arrived: "vnet0",
				NetNS: "kvm"}, own},
			build: onBridge(securityGroup),
		},
		{
			Name: "ebtables-nft-forward", About: "ebtables, the one that speaks to nft, drops RAs",
			Losses: append(at(nftForward, forward), own),
			build:  onBridge(ebtables("ebtables-nft", "-A FORWARD")),
		},
		{
			Name: "ebtables-legacy-forward", About: "the old ebtables drops RAs",
			Losses: append(at(always("nf_hook_slow < __br_forward"), forward), own),
			build:  onBridge(ebtables("ebtables-legacy", "-A FORWARD")),
		},
		{
			Name: "ebtables-legacy-prerouting", About: "the old ebtables drops RAs in its table nat",
			Losses: at(always("br_handle_frame"), legacyPrerouting),
			build:  onBridge(ebtables("ebtables-legacy", "-t nat -A PREROUTING")),
		},
	}
}

// bridgeItself is the copy that a bridge takes of what is flooded. As its own IPv6 is off, that is dropped, on each of
// CloudStack's hypervisors, and nobody misses it.
func bridgeItself(t uint8) Loss {
	return Loss{Type: t, Packets: count, Reason: reason("IPV6DISABLED", Version{5, 18}), Where: always("ip6_rcv_core"),
		Class: "benign", Hook: "bridge device", Interface: "br0", NetNS: "kvm"}
}

// onBridge builds a bridge between the router and a guest, and what is particular.
func onBridge(f func(*network)) func(*network) {
	return func(n *network) {
		bridged(n, "vnet0", 1)
		f(n)
		n.inject("vr:eth0", advert())
	}
}

// securityGroup has the bridge hand IPv6 to ip6tables, which drops RAs.
func securityGroup(n *network) {
	n.sysctl("kvm", "bridge/bridge-nf-call-ip6tables", "1")
	n.run("kvm", "ip6tables-legacy", "-A FORWARD -m physdev --physdev-is-bridged -p icmpv6 --icmpv6-type 134 -j DROP")
}

func ebtables(program, chain string) func(*network) {
	return func(n *network) {
		n.run("kvm", program, chain+" -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type 134 -j DROP")
	}
}
