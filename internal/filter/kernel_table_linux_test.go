package filter

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// base writes a base chain of the table t of a family.
func base(family, hook, priority, policy string, rules ...string) string {
	return chains(family, fmt.Sprintf("chain base {\n type filter hook %s priority %s; policy %s;\n %s\n }", hook, priority,
		policy,
		strings.Join(rules, "\n ")))
}

// chains writes a table; what is in it is written out.
func chains(family string, parts ...string) string {
	return "table " + family + " t {\n " + strings.Join(parts, "\n ") + "\n}\n"
}

// chain writes a chain that is called by others.
func chain(name string, rules ...string) string {
	return "chain " + name + " {\n " + strings.Join(rules, "\n ") + "\n }"
}

// input is a base chain of ip6 at input that drops what no rule accepts.
func input(rules ...string) string { return base("ip6", "input", "0", "drop", rules...) }

// cloudStackIsolated is what CloudStack has on the router of an isolated network.
func cloudStackIsolated() string {
	return `table ip6 ip6_firewall {
 chain fw_input {
  type filter hook input priority 0; policy drop;
  ct state established,related accept
  icmpv6 type { echo-request, echo-reply, nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
 }
 chain fw_forward {
  type filter hook forward priority 0; policy accept;
  ct state established,related accept
  ip6 saddr 2001:db8:1::/64 jump fw_chain_egress
  ip6 daddr 2001:db8:1::/64 jump fw_chain_ingress
 }
 chain fw_chain_egress {
  counter accept
 }
 chain fw_chain_ingress {
  icmpv6 type { destination-unreachable, packet-too-big, time-exceeded, parameter-problem } accept
  counter drop
 }
}
`
}

// cloudStackVPC is what CloudStack has on the router of a VPC.
func cloudStackVPC() string {
	return `table ip6 ip6_acl {
 chain acl_input {
  type filter hook input priority 0; policy drop;
  ct state established,related accept
  icmpv6 type { echo-request, echo-reply, nd-neighbor-solicit, nd-router-advert, nd-neighbor-advert } accept
 }
 chain acl_forward {
  type filter hook forward priority 0; policy accept;
  ct state established,related accept
  iifname "vr0" ip6 saddr 2001:db8:1::/64 jump vr0_egress_policy
  oifname "vr0" ip6 daddr 2001:db8:1::/64 jump vr0_ingress_policy
 }
 chain vr0_ingress_policy {
  counter drop
 }
 chain vr0_egress_policy {
  icmpv6 type echo-request icmpv6 code 0 accept
  counter drop
 }
}
`
}

// kernelCase is a ruleset and the way that packets take through it.
type kernelCase struct {
	way      way
	rules    string
	doubtful []uint8
}

// all are the types of all packets.
func all() []uint8 { return probeTypes() }

// kernelCases are rulesets of all that rules of nftables can say about ICMPv6.
func kernelCases() []kernelCase {
	return slices.Concat(cloudStackCases(), headerCases(), interfaceCases(), setCases(), chainCases(), trackCases(),
		otherCases())
}

func cloudStackCases() []kernelCase {
	return []kernelCase{
		{local, "", nil},
		{local, cloudStackIsolated(), nil},
		{forwarded, cloudStackIsolated(), nil},
		{local, cloudStackVPC(), nil},
		{forwarded, cloudStackVPC(), nil},
		{local, strings.Replace(cloudStackIsolated(), "  icmpv6 type", "  icmpv6 type nd-router-solicit accept\n  icmpv6 type", 1),
			nil},
	}
}

func headerCases() []kernelCase {
	return []kernelCase{
		{local, input("icmpv6 type nd-router-advert accept"), nil},
		{local, input("icmpv6 type != nd-router-advert accept"), nil},
		{local, input("icmpv6 type 130-134 accept"), nil},
		{local, input("icmpv6 type != 130-134 accept"), nil},
		{local, input("icmpv6 type > 133 accept"), nil},
		{local, input("icmpv6 type <= 133 accept"), nil},
		{local, input("icmpv6 code 0 accept"), nil},
		{local, input("ip6 nexthdr icmpv6 accept"), nil}, // not MLD
		{local, input("meta l4proto icmpv6 accept"), nil},
		{local, input("ip6 nexthdr 0 accept"), nil},
		{local, input("exthdr hbh exists accept"), nil},
		{local, input("exthdr frag missing accept"), nil},
		{local, input("hbh nexthdr 58 accept"), nil},
		{local, input("ip6 hoplimit 255 accept"), nil},
		{local, input("ip6 hoplimit < 255 accept"), nil},
		{local, input("ip6 saddr fe80::/10 accept"), nil},
		{local, input("ip6 saddr fe80::/64 ip6 daddr ff02::1 accept"), nil},
		{local, input("ip6 saddr != fe80::/10 accept"), nil},
		{local, input("ip6 daddr ff02::/16 accept"), nil},
		{local, input("ip6 daddr & ffff:: == ff02:: accept"), nil},
		{local, input("ip6 daddr ff02::1-ff02::2 accept"), nil},
		{local, input("ip6 version 6 accept"), nil},
		{local, input("ip6 length 0-100 accept"), nil},
		{local, input("ip6 length > 24 accept"), nil},
		{local, input("meta length 60-80 accept"), nil},
		{local, input("meta length < 73 accept"), nil},
		{local, input("@nh,192,16 0xff02 accept"), nil},
		{local, input("@th,0,8 134 accept"), nil},
		{local, input("@th,560,32 0 accept"), []uint8{134, 2}}, // the others are shorter
		{local, input("icmpv6 mtu 1400 accept"), []uint8{2}},
		{local, input("ether saddr 02:00:00:00:00:02 accept"), nil},
		{local, input("ether daddr 33:33:00:00:00:01 accept"), nil},
		{local, input("ether type ip6 accept"), nil},
		{local, input("ip6 dscp cs0 accept"), all()},
	}
}

func interfaceCases() []kernelCase {
	return []kernelCase{
		{local, input("iifname vr0 accept"), nil},
		{local, input("iif vr0 accept"), nil},
		{local, input("iif vr1 accept"), nil},
		{local, input(`iifname "vr*" accept`), nil},
		{local, input(`iifname != "vr*" accept`), nil},
		{local, input(`iifname { "vr0", "lo" } accept`), nil},
		{local, input("iif { vr0, lo } accept"), nil},
		{local, input("oifname vr0 accept"), nil},
		{local, input(`oifname != "vr1" accept`), nil},
		{local, input("meta iiftype ether accept"), nil},
		{local, input("meta iiftype loopback accept"), nil},
		{local, input("meta pkttype multicast accept"), nil},
		{local, input("meta pkttype host accept"), nil},
		{local, base("inet", "input", "0", "drop", "meta nfproto ipv6 accept"), nil},
		{local, base("inet", "input", "0", "drop", "meta nfproto ipv4 accept", "icmpv6 type 135 accept"), nil},
		{local, base("ip6", "prerouting", "0", "drop", "oifname vr1 accept", "iifname vr0 icmpv6 type 133 accept"), nil},
		{forwarded, base("ip6", "postrouting", "0", "drop", "oif vr1 iif vr0 icmpv6 type 135 accept"), nil},
		{forwarded, base("ip6", "forward", "0", "drop", `iifname "vr0" oifname "vr1" accept`), nil},
		{forwarded, base("ip6", "forward", "0", "accept", `oifname vr1 icmpv6 type { 2, 128 } drop`), nil},
		{sent, base("ip6", "output", "0", "drop", "oifname vr0 icmpv6 type 134 accept"), nil},
		{sent, base("ip6", "output", "0", "drop", "iifname vr0 accept", "ether type ip6 accept", "icmpv6 type 135 accept"), nil},
		{sent, base("ip6", "output", "0", "drop", "@ll,96,16 0x86dd accept", "icmpv6 type 135 accept"), nil},
		{sent, base("inet", "postrouting", "0", "drop", "oif vr0 icmpv6 type != 130 accept"), nil},
		{sent, base("netdev", "egress device vr0", "0", "accept", "icmpv6 type 200 drop"), nil},
	}
}

func setCases() []kernelCase {
	set := func(typ, flags, elements string) string {
		if flags != "" {
			flags = "flags " + flags + "; "
		}
		return fmt.Sprintf("set s {\n type %s; %selements = { %s }\n }", typ, flags, elements)
	}
	with := func(set string, rules ...string) string {
		return chains("ip6", set, "chain base {\n type filter hook input priority 0; policy drop;\n "+strings.Join(rules,
			"\n ")+"\n }")
	}
	return []kernelCase{
		{local, with(set("icmpv6_type", "", "133, 134"), "icmpv6 type @s accept"), nil},
		{local, with(set("icmpv6_type", "", "133, 134"), "icmpv6 type != @s accept"), nil},
		{local, with(set("icmpv6_type", "interval", "1-4, 130-132, 135-255"), "icmpv6 type @s accept"), nil},
		{local, with(set("icmpv6_type", "interval", "0-133"), "icmpv6 type != @s accept"), nil},
		{local, with(set("ipv6_addr", "interval", "fe80::/64, 2001:db8::/32"), "ip6 saddr @s accept"), nil},
		{local, with(set("ipv6_addr", "interval", "fe80::-fe80::ff:fe00:1, fe80::ff:fe00:3-febf::"), "ip6 saddr @s accept"), nil},
		{local, with(set("ipv6_addr", "interval", "::/0"), "ip6 daddr @s accept"), nil},
		{local, with(set("ipv6_addr", "", "ff02::1, ff02::2"), "ip6 daddr @s accept"), nil},
		{local, with("set s {\n type ipv6_addr\n }", "ip6 daddr @s accept"), nil},
		{local, with(set("ifname", "", `"vr0", "vr1"`), "iifname @s icmpv6 type 135 accept"), nil},
		{local, with(set("ifname", "interval", `"vr*"`), "iifname @s icmpv6 type 135 accept"), nil},
		{local, with(set("ifname . icmpv6_type", "", `"vr0" . 135, "vr1" . 136`), "iifname . icmpv6 type @s accept"), nil},
		{local, with(set("ipv6_addr . icmpv6_type", "", "ff02::1 . 134, ff02::1 . 135"), "ip6 daddr . icmpv6 type @s accept"),
			nil},
		{local, with(set("ipv6_addr . icmpv6_type", "interval", "ff02::/16 . 130-133, fe80::/10 . 136"),
			"ip6 daddr . icmpv6 type @s accept"), nil},
		{local, with(set("icmpv6_type . ipv6_addr", "interval", "130-134 . ff02::1, 136 . fe80::/10"),
			"icmpv6 type . ip6 daddr @s accept"), nil},
		{local, with(set("ifname . ipv6_addr", "interval", `"vr0" . fe80::-fe80::ff:fe00:a`), "iifname . ip6 daddr @s accept"),
			nil},
		{local, with(set("ether_addr . ipv6_addr", "", "02:00:00:00:00:02 . "+"fe80::ff:fe00:2"),
			"ether saddr . ip6 saddr @s accept"), nil},
		{local, with(set("ipv6_addr", "dynamic,timeout", "fe80::ff:fe00:2 timeout 1h"), "ip6 saddr @s accept"), nil},
		{local, input("ip6 saddr . ip6 daddr { fe80::/10 . ff02::/16 } accept"), nil},
		{local, input("icmpv6 type . icmpv6 code { 133 . 0, 2 . 1 } accept"), nil},
		{local, input("icmpv6 type vmap { 133 : accept, 134 : drop, 135 : continue }", "icmpv6 type 135 accept"), nil},
		{local, input("icmpv6 type vmap { 0-127 : drop, 128-255 : accept }"), nil},
		{local, input("ip6 daddr vmap { ff02::/16 : accept, fe80::/10 : drop }"), nil},
		{local, input("icmpv6 type vmap { 133 : drop, * : accept }"), nil},
		{local, input("iifname . icmpv6 type vmap { vr0 . 133 : accept, vr0 . 134 : drop }"), nil},
		{local, input("meta mark set icmpv6 type map { 133 : 1, 134 : 2 } accept"), nil},
	}
}

func chainCases() []kernelCase {
	call := func(policy string, rules []string, chains ...string) string {
		return "table ip6 t {\n" + strings.Join(chains, "\n") + "\n chain base {\n type filter hook input priority 0; policy " +
			policy + ";\n " + strings.Join(rules, "\n ") + "\n }\n}\n"
	}
	two := func(first, second string) string {
		return strings.Replace(first, "table ip6 t", "table ip6 first", 1) + strings.Replace(second, "table ip6 t",
			"table ip6 second", 1)
	}
	return []kernelCase{
		{local, call("drop", []string{"icmpv6 type 130-140 jump a", "icmpv6 type 2 accept"},
			chain("a", "icmpv6 type 135 return", "icmpv6 type 136 drop", "icmpv6 type 134 accept")), nil},
		{local, call("drop", []string{"goto a", "accept"}, chain("a", "icmpv6 type 135 return", "icmpv6 type 134 accept")), nil},
		{local, call("accept", []string{"goto a", "drop"}, chain("a", "icmpv6 type 135 return", "icmpv6 type 134 drop")), nil},
		{local, call("accept", []string{"jump a", "drop"}, chain("b", "icmpv6 type 134 return"), chain("a",
			"icmpv6 type 133 goto b",
			"icmpv6 type 135 accept")), nil},
		{local, call("drop", []string{"icmpv6 type 134 return", "accept"}), nil},
		{local, call("drop", []string{"icmpv6 type vmap { 133 : jump a, 134 : goto a, 135 : return }", "accept"},
			chain("a", "icmpv6 code 0 return")), nil},
		{local, two(base("ip6", "input", "-10", "accept", "icmpv6 type 133 drop", "accept"),
			base("ip6", "input", "10", "accept", "icmpv6 type 134 drop")), nil},
		{local, two(base("ip6", "prerouting", "-300", "accept", "icmpv6 type 133 drop"),
			base("ip6", "input", "10", "drop", "icmpv6 type 134 accept")), nil},
		{local, base("inet", "input", "-5", "accept", "icmpv6 type 133 drop") + base("ip6", "input", "0", "drop", "accept"), nil},
		{local, "table ip6 t {\n flags dormant;\n chain c {\n type filter hook input priority 0; policy drop;\n }\n}\n", nil},
		{forwarded, base("ip6", "input", "0", "drop"), nil},
		{local, base("ip6", "forward", "0", "drop"), nil},
		{local, base("netdev", "ingress device vr0", "0", "accept", "icmpv6 type { 133, 2 } drop"), nil},
		{local, base("netdev", "ingress device vr1", "0", "drop"), nil},
		{local, base("inet", "ingress device vr0", "0", "accept", "meta nfproto ipv6 icmpv6 type 135 drop"), nil},
		{forwarded, base("netdev", "ingress device vr0", "0", "accept", "iifname vr0 meta protocol ip6 icmpv6 type 134 drop"),
			nil},
	}
}

func trackCases() []kernelCase {
	raw := func(rule string) string {
		return strings.Replace(base("ip6", "prerouting", "raw", "accept", rule), "table ip6 t", "table ip6 raw6", 1)
	}
	return []kernelCase{
		{local, input("ct state new accept"), nil},
		{local, input("ct state untracked accept"), nil},
		{local, input("ct state invalid accept"), nil},
		{local, input("ct state established,related accept"), nil},
		{local, input("ct state invalid drop", "accept"), nil},
		{local, input("ct state != new accept"), nil},
		{local, input("ct state { new, untracked } accept"), nil},
		{local, input("ct state vmap { established : accept, invalid : drop, untracked : accept }"), nil},
		{local, input("ct state new accept") + raw("notrack"), nil},
		{local, input("ct state untracked accept") + raw("icmpv6 type 2 notrack"), nil},
		{local, input("ct state new accept") + base("inet", "prerouting", "-10", "accept", "notrack"), nil},
		{local, raw("ct state invalid drop") + input("ct state new accept"), nil},
		{local, raw("ct state untracked drop"), nil},
		{local, input("ct mark 0 accept"), []uint8{2, 128}},
		{local, input("ct direction original accept"), []uint8{2, 128}},
		{forwarded, base("ip6", "forward", "0", "drop", "ct state established,related accept", "ct state new accept"), nil},
		{sent, base("ip6", "output", "0", "drop", "ct state new accept"), []uint8{}},
		{sent, base("ip6", "output", "0", "drop", "ct state untracked accept"), nil},
		{local, "table ip6 t {\n chain c {\n type nat hook prerouting priority -100; policy accept;\n icmpv6 type { 2, 128, " +
			"134 } drop\n }\n}\n" +
			input("ct state new,untracked accept"), nil},
		{forwarded, "table ip6 t {\n chain c {\n type nat hook postrouting priority 100; policy accept;\n masquerade\n drop\n " +
			"}\n}\n", nil},
	}
}

func otherCases() []kernelCase {
	frames := func(hook string, rules ...string) string { return base("bridge", hook, "0", "drop", rules...) }
	return []kernelCase{
		{local, input("icmpv6 type 134 counter log prefix \"x\" accept"), nil},
		{local, input("icmpv6 type 134 meta mark set 1 accept"), nil},
		{local, input("icmpv6 type 134 reject", "accept"), nil},
		{local, input("icmpv6 type 134 limit rate 1000/second accept"), []uint8{134}},
		{local, input("icmpv6 type 134 limit rate over 1000/second drop", "accept"), []uint8{134}},
		{local, input("icmpv6 type 134 limit rate over 1000/second drop", "icmpv6 type 134 drop", "accept"), nil},
		{local, input("icmpv6 type 134 limit rate 1/second accept", "accept"), nil},
		{local, input("meta mark 0 accept"), all()},
		{local, input("meta mark 1 accept", "icmpv6 type 133 accept"), []uint8{134, 135, 136, 2, 130, 128}},
		{local, input("fib saddr . iif oif exists accept"), []uint8{2}},
		{local, input("fib saddr . iif oif vr0 accept"), []uint8{2}},
		{local, input(`fib saddr . iif oifname "vr1" accept`), []uint8{2}},
		{local, base("inet", "prerouting", "-290", "accept", "icmpv6 type { 134, 135 } accept",
			"meta nfproto ipv6 fib saddr . mark . iif oif missing drop"), []uint8{2}}, // firewalld
		{forwarded, base("ip6", "prerouting", "0", "accept", "fib saddr . iif oif missing drop"), all()},
		{local, input("fib daddr type { local, multicast } accept"), all()},
		{local, input("numgen random mod 2 1 drop", "accept"), all()},
		{local, input("tcp dport 22 drop", "th dport 0 drop", "accept"), []uint8{134, 133, 135, 136, 2, 130, 128}},
		{local, input("udp dport 547 drop", "icmpv6 type 134 drop", "accept"), nil},
		{local, base("ip6", "prerouting", "0", "accept", "ip6 dscp set cs1", "icmpv6 type 133 drop"), nil},
		{local, base("ip6", "prerouting", "0", "accept", "ip6 hoplimit set 5", "icmpv6 type 133 drop"), all()},
		{local, base("ip6", "input", "0", "accept", "tcp option maxseg size set 1200", "icmpv6 type 133 drop"), nil},
		{bridged, frames("forward", "icmpv6 type { 134, 135 } accept"), nil},
		{bridged, frames("forward", `iifname "vnet1" oifname "vnet*" icmpv6 type 133 accept`), nil},
		{bridged, frames("forward", "ether saddr 02:00:00:00:00:02 ether daddr & ff:ff:00:00:00:00 == 33:33:00:00:00:00 accept"),
			nil},
		{bridged, frames("forward", "ether type != ip6 accept"), nil},
		{bridged, frames("forward", "meta protocol ip6 ip6 saddr fe80::/10 accept"), nil},
		{bridged, frames("prerouting", "iifname vnet1 icmpv6 type != 133 accept"), nil},
		{bridged, frames("prerouting", "meta pkttype multicast accept"), []uint8{136, 2, 128}},
		{bridged, frames("postrouting", "iifname vnet1 accept", "oifname vnet2 icmpv6 type 136 accept"), nil},
		{bridged, frames("forward", "ip6 nexthdr icmpv6 accept"), nil},
		{bridged, frames("forward", "icmpv6 type . ether saddr { 133 . 02:00:00:00:00:02 } accept"), nil},
		{bridged, base("bridge", "input", "0", "drop"), nil},
		{bridged, base("netdev", "ingress device vnet1", "0", "accept", "icmpv6 type 133 drop"), nil},
	}
}

func TestKernelAgrees(t *testing.T) {
	cases := kernelCases()
	for _, w := range []way{local, forwarded, bridged, sent} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			k := newKernel(t)
			for _, c := range cases {
				if c.way == w {
					k.agree(c)
				}
			}
		})
	}
	if len(cases) < 60 {
		t.Errorf("%d rulesets", len(cases))
	}
}

// agree compares what the kernel does with a ruleset, and what is doubtful about it with what has to be.
func (k *kernel) agree(c kernelCase) {
	k.t.Helper()
	if err := k.load(c.rules); err != nil {
		k.t.Errorf("%v\n%s", err, c.rules)
		return
	}
	var doubtful []uint8
	for typ, o := range k.compare(c.way, c.rules) {
		if o.Verdict == Doubtful {
			doubtful = append(doubtful, typ)
		}
	}
	if !slices.Equal(sorted(doubtful), sorted(c.doubtful)) {
		k.t.Errorf("%s: doubtful %v, want %v:\n%s", c.way, doubtful, c.doubtful, c.rules)
	}
}

func sorted(list []uint8) []uint8 { return slices.Sorted(slices.Values(list)) }
