package drops

import (
	"os/exec"
	"strings"
	"testing"
)

func TestNext(t *testing.T) {
	tests := []struct {
		name, reason, stack, iface, netns, want string
		typ                                     uint8
	}{
		{"nft bridge", "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward", "vnet1<vxlan100", "",
			"nft -a list ruleset bridge", 134},
		{"nft bridge elsewhere", "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward", "vnet1<vxlan100", "kvm1",
			"ip netns exec kvm1 nft -a list ruleset bridge", 134},
		{"ebtables-legacy", "NETFILTER_DROP", "nf_hook_slow __br_forward", "vnet1<vnet0", "", "ebtables-legacy -L FORWARD --Lc", 134},
		{"ebtables, 5.10", "", "nf_hook_slow br_forward_finish", "vnet1<vnet0", "", "ebtables -t nat -L POSTROUTING --Lc", 134},
		{"security group", "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip", "vnet1<eth1", "",
			"ip6tables-legacy-save -c | grep -w -e DROP -e REJECT -e vnet1", 134},
		{"security group, from a guest", "NETFILTER_DROP", "nf_hook_slow br_nf_forward_ip", "eth1<vnet1", "",
			"ip6tables-legacy-save -c | grep -w -e DROP -e REJECT -e vnet1", 136},
		{"nft input", "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input", "eth0", "", "nft -a list ruleset ip6", 134},
		{"nft inet", "NETFILTER_DROP", "nft_do_chain nft_do_chain_inet nf_hook_slow ip6_input", "eth0", "", "nft -a list ruleset inet", 134},
		{"ip6tables-legacy", "NETFILTER_DROP", "nf_hook_slow ip6_input", "eth0", "", "ip6tables-legacy -vnL INPUT", 134},
		{"ip6tables-legacy in several tables", "NETFILTER_DROP", "nf_hook_slow ipv6_rcv", "eth0", "", "ip6tables-legacy-save -c | grep PREROUTING", 134},
		{"process known", "NETFILTER_DROP", "nf_hook_slow ip6_input", "eth0", "inode 4026531840 (radvd, pid 17)",
			"nsenter -t 17 -n ip6tables-legacy -vnL INPUT", 134},
		{"process unknown", "NETFILTER_DROP", "nf_hook_slow ip6_input", "eth0", "inode 4026531840", "lsns -t net -o NS,PID,COMMAND", 134},
		{"a process that calls itself so", "NETFILTER_DROP", "nf_hook_slow ip6_input", "eth0", "inode 4026531840 (a, pid 1; reboot)",
			"lsns -t net -o NS,PID,COMMAND", 134},
		{"a namespace that is called so", "NETFILTER_DROP", "nf_hook_slow ip6_input", "eth0", "a; reboot",
			"ip netns exec 'a; reboot' ip6tables-legacy -vnL INPUT", 134},
		{"a device that is called so", "FULL_RING", "tun_net_xmit", "v$(reboot)'", "", `ip -s -s link show 'v$(reboot)'\'''`, 134},
		{"no device", "FULL_RING", "tun_net_xmit", "", "", "", 134},
	}
	for _, tt := range tests {
		location, callers, _ := strings.Cut(tt.stack, " ")
		iface, arrived, _ := strings.Cut(tt.iface, "<")
		d := Drop{Place: Place{Type: 134, Reason: tt.reason, Location: location, Interface: iface, Arrived: arrived, NetNS: tt.netns, Flags: Multicast},
			Callers: strings.Fields(callers)}
		d.Type = icmpType(tt.typ)
		if Judge(&d); d.Next != tt.want {
			t.Errorf("%s: %q, want %q", tt.name, d.Next, tt.want)
		}
	}
}

func TestFix(t *testing.T) {
	tests := []struct{ name, reason, stack, want string }{
		{"CloudStack's router", "NETFILTER_DROP", "nft_do_chain nft_do_chain_ipv6 nf_hook_slow ip6_input",
			"`ip netns exec r-4-VM nft insert rule ip6 ip6_firewall fw_input icmpv6 type nd-router-solicit accept`"},
		{"ip6tables-legacy", "NETFILTER_DROP", "nf_hook_slow ip6_forward",
			"`ip netns exec r-4-VM ip6tables-legacy -I FORWARD -p ipv6-icmp --icmpv6-type 133 -j ACCEPT`"},
		{"ebtables-legacy", "NETFILTER_DROP", "nf_hook_slow __br_forward",
			"`ip netns exec r-4-VM ebtables-legacy -I FORWARD -p IPv6 --ip6-protocol ipv6-icmp --ip6-icmp-type 133 -j ACCEPT`"},
		{"nft bridge", "NETFILTER_DROP", "nft_do_chain nft_do_chain_bridge nf_hook_slow __br_forward",
			"`ip netns exec r-4-VM nft insert rule bridge TABLE CHAIN icmpv6 type nd-router-solicit accept`"},
	}
	for _, tt := range tests {
		fields := strings.Fields(tt.stack)
		d := Drop{Place: Place{Type: 133, Reason: tt.reason, Location: fields[0], Interface: "eth0", Arrived: "eth1", NetNS: "r-4-VM"}, Callers: fields[1:]}
		if Judge(&d); !strings.Contains(d.Fix, tt.want) {
			t.Errorf("%s: %q is not in %q", tt.name, tt.want, d.Fix)
		}
	}
}

// TestQuote asks a shell what it makes of names.
func TestQuote(t *testing.T) {
	for _, name := range []string{"eth0", "-e", "a b", "it's", `a"b`, "$(id)", "`id`", "a;b", "a|b&c", "ä", "a\\b", "*", "~", "vnet1.7", "#", "''", "!x"} {
		out, err := exec.Command("sh", "-c", "printf '<%s>' "+quote(name)).Output()
		if err != nil || string(out) != "<"+name+">" {
			t.Errorf("%q is %s for a shell, which makes %q of it (%v)", name, quote(name), out, err)
		}
	}
	if quote("vnet1") != "vnet1" {
		t.Errorf("a plain name is quoted: %s", quote("vnet1"))
	}
}
