package dropzone

// routeCases are about drops of a router, of Echo Requests from the left host.
func routeCases() []Case {
	at := func(l Loss) []Loss {
		l.Type, l.Packets, l.NetNS = typeEcho, count, "router"
		return []Loss{l}
	}
	tooBig := Loss{Reason: reason("PKT_TOO_BIG", Version{5, 18}), Where: always("ip6_forward"), Class: "benign",
		Interface: "right0", Arrived: "left0"}
	return []Case{
		{
			Name: "too-big", About: "a packet is longer than the next link takes, and its sender is told",
			Losses: at(tooBig),
			build:  narrow,
		},
		{
			Name: "too-big-blocked", About: "the same, and a filter drops the Packet Too Big",
			Losses: append(at(tooBig), Loss{Type: typeTooBig, Packets: count, Class: "hurts", Hook: "output", NetNS: "router",
				Reason: reason("NETFILTER_DROP", Version{5, 18}), Interface: "left0",
				Where: byNft("nf_hook_slow", "nf_hook_slow")}),
			build: func(n *network) {
				narrow(n)
				n.nft("router", "table ip6 filter {\n\tchain c {\n\t\ttype filter hook output priority 0; policy accept;\n"+
					"\t\ticmpv6 type packet-too-big drop\n\t}\n}\n")
			},
		},
		{
			Name: "no-route", About: "a router has no route",
			Losses: at(Loss{Reason: reason("IP_INNOROUTES", Version{6, 1}),
				Where: always("ip6_pkt_discard|ip6_pkt_drop"), Class: "hurts", Interface: "left0"}),
			build: onRoute(echo("2001:db8:9::1", 64, 100)),
		},
		{
			Name: "hop-limit-exceeded", About: "an Echo Request has been passed on too often, or is one of traceroute's",
			Losses: at(Loss{Reason: reason("IP_INHDR", Version{5, 18}), Where: always("ip6_forward"), Class: "unknown",
				Interface: "left0"}),
			build: onRoute(echo(rightHost, 1, 100)),
		},
		{
			Name: "neighbor-failed", About: "a router forwards to who is not there",
			Losses: at(Loss{Reason: unspecified(), Where: always("neigh_invalidate"), Class: "hurts",
				Interface: "right0", Arrived: "left0"}),
			build: func(n *network) {
				onRoute(echo("2001:db8:2::9", 64, 100))(n)
				impatient(n, "router", "ipv6", "right0")
			},
		},
	}
}

// onRoute sends a frame of the left host's to the router.
func onRoute(frame []byte) func(*network) {
	return func(n *network) {
		routed(n)
		n.inject("left:eth0", frame)
	}
}

// narrow has the router's way to the right host take 1280 bytes, and the left host send more.
func narrow(n *network) {
	onRoute(echo(rightHost, 64, 1400))(n)
	n.do(func() error { return n.spaces["router"].SetMTU("right0", 1280) })
}

// impatient has a part give a neighbor up quickly.
func impatient(n *network, part, family, name string) {
	n.sysctl(part, family+"/neigh/"+name+"/retrans_time_ms", "100")
	n.sysctl(part, family+"/neigh/"+name+"/mcast_solicit", "1")
}
