package cloud

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"v6probe/internal/lab"
)

// links makes the nodes and joins them. The guests' interfaces stay down until they are started.
func (z *Zone) links(context.Context) error {
	for _, name := range nodes() {
		if name == "vr2" && !z.build.VR2 {
			continue
		}
		n, err := lab.New()
		if err != nil {
			return err
		}
		z.spaces[name] = n
		z.closers = append(z.closers, n.Close)
	}
	err := z.settings()
	join := func(node, name, mac, other, port string) {
		a, b := lab.End{NS: z.spaces[node], Name: name, MAC: mac}, lab.End{NS: z.spaces[other], Name: port}
		err = errors.Join(err, lab.Veth(a, b))
	}
	// The kernel tells a bridge late, up to a second, of the carrier of a veth port that has the same index as its other end in
	// the other namespace. Each end of a pair gets an index of its own if the hypervisors' own interfaces are made first.
	err = errors.Join(err, z.spaces["kvm2"].AddBridge(bridge))
	join("kvm1", "eth0", "", "kvm2", "eth0")
	err = errors.Join(err, z.spaces["kvm1"].AddBridge(bridge))
	for _, g := range guests() {
		join(g.node, "eth0", g.mac, g.host, g.tap)
		err = errors.Join(err, z.spaces[g.node].SetDown("eth0"))
	}
	join("vr", "eth0", VRMAC, "kvm1", "vnet9")
	if z.build.VR2 {
		join("vr2", "eth0", BackupMAC, "kvm2", "vnet8")
	}
	if z.build.Tier2 {
		join("vr", "eth3", tier2MAC, "kvm1", "vnet10")
	}
	join("vr", "eth2", "", "upstream", "eth0")
	join("upstream", "eth1", "", "server", "eth0")
	return err
}

// settings are the sysctls of all nodes, before there are interfaces.
func (z *Zone) settings() error {
	var err error
	for name, n := range z.spaces {
		if strings.HasPrefix(name, "guest") {
			// As any host, but that it does not wait before it asks for a router, and asks twice for a duplicate of its address, as
			// the first question can be lost while the bridge takes notice of the carrier. See hasten.
			err = errors.Join(err, n.Sysctl("ipv6/conf/default/router_solicitation_delay", "0"),
				n.Sysctl("ipv6/conf/default/dad_transmits", "2"))
			continue
		}
		err = errors.Join(err, n.SkipDAD())
		switch name {
		case "vr", "vr2":
			// As CloudStack sets its routers. accept_ra is ignored while they forward.
			err = errors.Join(err, n.Sysctl("ipv6/conf/all/accept_ra", "1"), n.Sysctl("ipv6/conf/all/forwarding", "1"))
		case "upstream":
			err = errors.Join(err, n.Sysctl("ipv6/conf/all/forwarding", "1"))
		default:
			err = errors.Join(err, n.Sysctl("ipv6/conf/default/accept_ra", "0"))
		}
		if strings.HasPrefix(name, "kvm") {
			e := n.Sysctl("bridge/bridge-nf-call-ip6tables", "1")
			if !errors.Is(e, os.ErrNotExist) || z.groups {
				err = errors.Join(err, e)
			}
		}
	}
	return err
}

// overlay makes the bridges of the hypervisors and the VXLAN between them.
func (z *Zone) overlay(context.Context) error {
	length, overhead := "/24", 50
	if z.options.Underlay == 6 {
		length, overhead = "/64", 70
	}
	mtu := z.build.UnderlayMTU
	if mtu == 0 {
		mtu = serverMTU + overhead
	}
	var err error
	for _, host := range []string{"kvm1", "kvm2"} {
		n := z.spaces[host]
		v := lab.VXLAN{VNI: vni, Port: 8472, Device: "eth0",
			Local: underlay(z.options.Underlay, host), Remote: underlay(z.options.Underlay, other(host))}
		if z.build.VXLANNoDev {
			v.Device = ""
		}
		if port := z.build.VXLANPort[host]; port != 0 {
			v.Port = port
		}
		err = errors.Join(err, n.SetMTU("eth0", mtu), n.AddAddress("eth0", v.Local+length), n.AddVXLAN(tunnel, v))
		size := min(serverMTU, mtu-overhead)
		if z.build.VXLANNoDev {
			size = serverMTU
		}
		if z.build.VXLANMTU != 0 {
			size = z.build.VXLANMTU
		}
		err = errors.Join(err, n.SetMTU(tunnel, size))
		for _, port := range z.taps(host) {
			err = errors.Join(err, n.AddPort(bridge, port))
		}
	}
	if z.build.Tier2 {
		err = errors.Join(err, z.spaces["kvm1"].AddBridge("brvx-101", "vnet10"))
	}
	return err
}

// taps are the ports of the bridge of a hypervisor.
func (z *Zone) taps(host string) []string {
	ports := []string{tunnel}
	for _, g := range guests() {
		if g.host == host {
			ports = append(ports, g.tap)
		}
	}
	if host == "kvm1" {
		return append(ports, "vnet9")
	}
	if z.build.VR2 {
		ports = append(ports, "vnet8")
	}
	return ports
}

func other(host string) string {
	if host == "kvm1" {
		return "kvm2"
	}
	return "kvm1"
}

// routers sets up all that is not a guest: addresses, routes, filters, radvd and the DNS server.
func (z *Zone) routers(ctx context.Context) error {
	vr, up, server := z.spaces["vr"], z.spaces["upstream"], z.spaces["server"]
	err := errors.Join(
		vr.AddAddress("eth0", Gateway+gatewayLength), vr.AddAddress("eth2", vrPublic+"/64"),
		up.AddAddress("eth0", Upstream+"/64"), up.AddAddress("eth1", upstreamServer+"/64"),
		server.AddAddress("eth0", serverLink+"/64"), server.AddAddress("lo", Server+"/128"))
	if z.build.Tier2 {
		err = errors.Join(err, vr.AddAddress("eth3", secondTier+gatewayLength))
	}
	for _, l := range [][2]string{{"vr", "eth0"}, {"vr", "eth2"}, {"upstream", "eth0"}, {"upstream", "eth1"}, {"server", "eth0"}} {
		err = errors.Join(err, z.spaces[l[0]].WaitUp(ctx, l[1]))
	}
	if err != nil {
		return err
	}
	err = errors.Join(
		vr.AddRoute("::/0", Upstream),
		up.AddRoute(Prefix, vrPublic), up.AddRoute(serverNetwork, serverLink),
		server.AddRoute("::/0", upstreamServer))
	if err != nil {
		return err
	}
	if _, ok := tool("nft"); ok {
		err = errors.Join(err, z.firewall(ctx, vr))
		if z.build.VR2 {
			err = errors.Join(err, z.firewall(ctx, z.spaces["vr2"]))
		}
	} else {
		z.log("no filter on the virtual router: this machine lacks nft")
	}
	if err != nil {
		return err
	}
	return errors.Join(z.startRadvd(ctx), z.startDNS(), z.writeNetworks())
}

// firewall gives a router the rules of CloudStack's isolated networks, and three more messages that it takes in: Router
// Solicitations, Packet Too Big and listener queries, without which it does not do as a router should.
func (z *Zone) firewall(ctx context.Context, n *lab.Namespace) error {
	return feed(ctx, n, fmt.Sprintf(`table ip6 ip6_firewall
delete table ip6 ip6_firewall
table ip6 ip6_firewall {
	chain fw_chain_egress {
		counter accept
	}
	chain fw_chain_ingress {
		icmpv6 type echo-request accept
		tcp dport 22 accept
		counter drop
	}
	chain fw_input {
		type filter hook input priority 0; policy drop;
		icmpv6 type { echo-request, echo-reply, nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
		icmpv6 type { packet-too-big, mld-listener-query, nd-router-solicit } accept
	}
	chain fw_forward {
		type filter hook forward priority 0; policy accept;
		ct state established,related accept
		ip6 saddr %[1]s jump fw_chain_egress
		ip6 daddr %[1]s jump fw_chain_ingress
	}
}
`, Prefix), "nft", "-f", "-")
}

// radvdConf returns a radvd.conf of CloudStack's for eth0 of a router, with the zone's interval. interval stands for the two
// lines, which name the router's lifetime too: CloudStack's is three times its interval, whatever that is here.
func (z *Zone) radvdConf() string {
	text := lab.CloudStackRadvd("eth0", Gateway+gatewayLength, Server)
	if z.build.Tier2 {
		text += lab.CloudStackRadvd("eth3", secondTier+gatewayLength, Server)
	}
	return strings.ReplaceAll(text, "\tMinRtrAdvInterval 5;\n\tMaxRtrAdvInterval 15;\n", "\t"+z.intervalLines()+"\n")
}

func (z *Zone) intervalLines() string {
	most := int(z.options.Interval.Seconds())
	lines := "MinRtrAdvInterval " + strconv.Itoa(max(3, most/3)) + "; MaxRtrAdvInterval " + strconv.Itoa(most) + ";"
	if most != 15 {
		lines += " AdvDefaultLifetime 45;"
	}
	return lines
}
