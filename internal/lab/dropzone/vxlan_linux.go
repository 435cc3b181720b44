package dropzone

// vxlanCases are about the packets around the overlay's RAs.
func vxlanCases() []Case {
	at := func(part, device string, l Loss) []Loss {
		l.Type, l.Packets, l.Class, l.VNI, l.NetNS, l.Interface = typeRA, count, "hurts", 100, part, device
		l.Flags = append(l.Flags, "tunneled")
		return []Loss{l}
	}
	filter := func(hook string) string {
		return "table ip filter {\n\tchain c {\n\t\ttype filter hook " + hook + " priority 0; policy accept;\n" +
			"\t\tudp dport 8472 drop\n\t}\n}\n"
	}
	netfilter := reason("NETFILTER_DROP", Version{5, 18})
	build := func(remote string, f func(*network)) func(*network) {
		return func(n *network) {
			overlay(n, remote)
			f(n)
			n.inject("kvm1:vxlan100", advert())
		}
	}
	return []Case{
		{
			Name: "vxlan-nft-in", About: "a filter of the receiving hypervisor drops VXLAN",
			Losses: at("kvm2", "eth0", Loss{Reason: netfilter, Hook: "input",
				Where: byNft("nf_hook_slow < ip_local_deliver", "nf_hook_slow < ip_local_deliver")}),
			build: build(under2, func(n *network) { n.nft("kvm2", filter("input")) }),
		},
		{
			Name: "vxlan-nft-out", About: "a filter of the sending hypervisor drops VXLAN",
			Losses: at("kvm1", "vxlan100", Loss{Reason: netfilter, Hook: "output",
				Where: byNft("nf_hook_slow", "nf_hook_slow")}),
			build: build(under2, func(n *network) { n.nft("kvm1", filter("output")) }),
		},
		{
			Name: "vxlan-wrong-vni", About: "the hypervisors disagree about the VNI",
			Losses: at("kvm2", "eth0", Loss{Reason: reason("VXLAN_VNI_NOT_FOUND", Version{6, 12}), Where: always("vxlan_rcv")}),
			build:  build(under2, func(n *network) { n.vxlan("kvm2", 200, under2, under1) }),
		},
		{
			Name: "vxlan-no-socket", About: "the receiving hypervisor has no VXLAN device",
			Losses: at("kvm2", "eth0", Loss{Reason: reason("NO_SOCKET", Version{5, 17}), Where: always("__udp4_lib_rcv")}),
			build:  build(under2, func(*network) {}),
		},
		{
			Name: "vxlan-arp-failed", About: "the receiving hypervisor does not answer ARP",
			Losses: at("kvm1", "eth0", Loss{Reason: reason("NEIGH_FAILED", Version{6, 1}), Where: always("neigh_invalidate")}),
			build:  build("192.0.2.9", func(n *network) { impatient(n, "kvm1", "ipv4", "eth0") }),
		},
		{
			Name: "vxlan-link-mtu", About: "the receiving end of the link takes shorter packets",
			Losses: at("kvm1", "eth0", Loss{Reason: unspecified(), Where: always("__dev_forward_skb2|__dev_forward_skb")}),
			build: build(under2, func(n *network) {
				n.do(func() error { return n.spaces["kvm2"].SetMTU("eth0", 150) })
			}),
		},
	}
}
