package cloud

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"strings"

	"v6probe/internal/lab"
)

// securityGroups writes what CloudStack's agent writes for IPv6 on the hypervisors, and for the virtual router's tap what it
// writes for IPv4 only: without that a hypervisor on which both are passes nothing from a guest to its router. One more
// line lets the answer to a solicitation through, which CloudStack drops.
func (z *Zone) securityGroups(ctx context.Context) error {
	if !z.groups {
		return nil
	}
	for _, host := range []string{"kvm1", "kvm2"} {
		var sets, chains, rules strings.Builder
		fmt.Fprintf(&chains, ":BF-%[1]s - [0:0]\n:BF-%[1]s-IN - [0:0]\n:BF-%[1]s-OUT - [0:0]\n", bridge)
		rules.WriteString(bridgeRules(tunnel))
		for _, g := range guests() {
			if g.host != host {
				continue
			}
			fmt.Fprintf(&sets, "create %[1]s-VM-6 hash:net family inet6\nadd %[1]s-VM-6 %[2]s\nadd %[1]s-VM-6 %[3]s\n",
				g.instance, g.linkLocal, g.address)
			fmt.Fprintf(&chains, ":%[1]s-def - [0:0]\n:%[1]s-VM - [0:0]\n:%[1]s-VM-eg - [0:0]\n", g.instance)
			rules.WriteString(machineRules(g))
		}
		routers := map[string]string{"kvm1": "vnet9"}
		if z.build.VR2 {
			routers["kvm2"] = "vnet8"
		}
		if tap := routers[host]; tap != "" {
			name := "r-4-VM"
			if tap == "vnet8" {
				name = "r-5-VM"
			}
			fmt.Fprintf(&chains, ":%s - [0:0]\n", name)
			rules.WriteString(routerRules(name, tap))
		}
		n := z.spaces[host]
		if err := feed(ctx, n, sets.String(), "ipset", "restore"); err != nil {
			return err
		}
		if err := feed(ctx, n, "*filter\n"+chains.String()+rules.String()+"COMMIT\n", "ip6tables-restore"); err != nil {
			return err
		}
	}
	return nil
}

// bridgeRules lead what a bridge forwards into the chains of its ports.
func bridgeRules(uplink string) string {
	return strings.NewReplacer("BR", bridge, "UP", uplink).Replace(`-A FORWARD -o BR -m physdev --physdev-is-bridged -j BF-BR
-A FORWARD -i BR -m physdev --physdev-is-bridged -j BF-BR
-A FORWARD -o BR -j DROP
-A FORWARD -i BR -j DROP
-A BF-BR -m state --state RELATED,ESTABLISHED -j ACCEPT
-A BF-BR -m physdev --physdev-is-in --physdev-is-bridged -j BF-BR-IN
-A BF-BR -m physdev --physdev-is-out --physdev-is-bridged -j BF-BR-OUT
-A BF-BR -m physdev --physdev-out UP --physdev-is-bridged -j ACCEPT
`)
}

// routerRules let all through to and from the tap of a virtual router.
func routerRules(name, tap string) string {
	return strings.NewReplacer("BR", bridge, "NAME", name, "TAP", tap).Replace(
		`-A BF-BR-OUT -m physdev --physdev-out TAP --physdev-is-bridged -j NAME
-A BF-BR-IN -m physdev --physdev-in TAP --physdev-is-bridged -j NAME
-A NAME -m physdev --physdev-in TAP --physdev-is-bridged -j RETURN
-A NAME -j ACCEPT
`)
}

// machineRules are a guest's. IN is from it, OUT to it.
func machineRules(g guest) string {
	var b strings.Builder
	add := func(chain, match, target string) {
		match = strings.NewReplacer(
			"OUT", "-m physdev --physdev-out "+g.tap+" --physdev-is-bridged",
			"IN", "-m physdev --physdev-in "+g.tap+" --physdev-is-bridged",
			"TYPE", "-p ipv6-icmp -m icmp6 --icmpv6-type",
			"OURS", "-m set --match-set "+g.instance+"-VM-6 src",
			"HL", "-m hl --hl-eq 255").Replace(match)
		fmt.Fprintf(&b, "-A %s %s -j %s\n", chain, match, target)
	}
	def := g.instance + "-def"
	add("BF-"+bridge+"-OUT", "OUT", def)
	add("BF-"+bridge+"-IN", "IN", def)
	add(def, "-m state --state RELATED,ESTABLISHED", "ACCEPT")
	add(def, "OUT -s fe80::/64 -d ff02::1/128 TYPE 134 HL", "ACCEPT")
	add(def, "OUT -s fe80::/64 -d fe80::/64 TYPE 134 HL", "ACCEPT") // CloudStack lacks it
	add(def, "IN -d ff02::2/128 TYPE 133 HL", "RETURN")
	add(def, "IN TYPE 134", "DROP")
	add(def, "IN TYPE 135 HL", "RETURN")
	add(def, "OUT TYPE 135 HL", "ACCEPT")
	add(def, "IN TYPE 136 OURS HL", "RETURN")
	add(def, "OUT TYPE 136 HL", "ACCEPT")
	for _, kind := range []string{"2", "1", "3", "4"} { // too big, unreachable, time exceeded, parameter problem
		add(def, "IN TYPE "+kind+" OURS", "RETURN")
		add(def, "OUT TYPE "+kind, "ACCEPT")
	}
	add(def, "IN -d ff02::16/128 -p ipv6-icmp", "RETURN")
	add(def, "IN -s "+g.linkLocal+"/128 -d ff02::1:2/128 -p udp -m udp --sport 546", "RETURN")
	add(def, "OUT -s fe80::/64 -d "+g.linkLocal+"/128 -p udp -m udp --dport 546", "ACCEPT")
	add(def, "IN ! -d fe80::/64 -p udp -m udp --sport 547", "DROP")
	add(def, "IN -p udp -m udp --dport 53 OURS", "RETURN")
	add(def, "IN -p tcp -m tcp --dport 53 OURS", "RETURN")
	add(def, "IN -m set ! --match-set "+g.instance+"-VM-6 src", "DROP")
	add(def, "IN OURS", g.instance+"-VM-eg")
	add(def, "OUT", g.instance+"-VM")
	add(g.instance+"-VM", "TYPE 128", "ACCEPT") // the group's own rules: echo requests and SSH
	add(g.instance+"-VM", "-p tcp -m tcp --dport 22 -m state --state NEW", "ACCEPT")
	add(g.instance+"-VM", "", "DROP")
	add(g.instance+"-VM-eg", "", "RETURN")
	return b.String()
}

// feed runs a program on a node with a text for its standard input.
func feed(ctx context.Context, n *lab.Namespace, text, name string, args ...string) error {
	path, _ := tool(name)
	cmd := exec.CommandContext(ctx, path, args...)
	cmd.Stdin = strings.NewReader(text)
	var said bytes.Buffer
	cmd.Stderr = &said
	if err := n.Run(cmd); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, strings.Join(strings.Fields(said.String()), " "))
	}
	return nil
}
