package filter

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
)

// generator writes rulesets.
type generator struct{ *rand.Rand }

func (g generator) pick(list ...string) string { return list[g.IntN(len(list))] }

// match writes a condition that any hook of the family has.
func (g generator) match(family string, w way) string {
	list := []string{"", "icmpv6 type %t", "icmpv6 type != %t", "icmpv6 type { %t, %t }", "icmpv6 type 130-%r",
		"icmpv6 type != { %t }",
		"icmpv6 code 0", "icmpv6 type . icmpv6 code { %t . 0, %t . 77 }", "ip6 nexthdr icmpv6", "exthdr hbh %e", "ip6 hoplimit %h",
		"ip6 hoplimit != %h", "ip6 hoplimit 1-%h", "ip6 saddr %p", "ip6 daddr %p", "ip6 saddr != %p", "ip6 daddr { %p, %q }",
		"ip6 saddr . icmpv6 type { %p . %t, %q . %t }", "ip6 saddr @addresses", "icmpv6 type @types", "meta length %l",
		"ip6 daddr . icmpv6 type @both", "meta length 40-%l", "meta l4proto != { 6, 17 }", "@th,0,8 & 1 == 1", "@nh,48,8 58",
		"ip6 daddr & ffff::ff == ff02::1", "icmpv6 type < %t", "icmpv6 type >= %t", "ip6 daddr != @addresses"}
	switch w {
	case forwarded:
		list = append(list, `iifname "vr0"`, `iifname "vr*" oifname != "vr1"`, "oif vr1", `oifname { "vr1", "vr2" }`,
			"iif != { vr0, lo }")
	case local:
		list = append(list, `iifname "vr0"`, "iif vr1", "meta pkttype %k", "ether saddr 02:00:00:00:00:02",
			`iifname { "vr*", "lo" }`)
	case bridged:
		list = append(list, `iifname "vnet1"`, `oifname "vnet*"`, "ether saddr 02:00:00:00:00:02", "ether type ip6",
			"ether daddr . icmpv6 type { 33:33:00:00:00:01 . %t }")
	case sent:
		list = append(list, `oifname "vr0"`, `iifname "vr0"`, "oif != vr1")
	}
	if family != "bridge" {
		list = append(list, "ct state %s", "ct state %s,%s", "ct state != %s", "ct state { %s, new }")
	}
	return g.fill(g.pick(list...))
}

// fill writes values for what a condition asks.
func (g generator) fill(s string) string {
	types := []string{"134", "133", "135", "136", "2", "130", "128", "1", "143"}
	prefixes := []string{"fe80::/64", "ff02::1", "2001:db8:1::/64", "ff00::/8", "fe80::ff:fe00:2", "::/1"}
	others := []string{"2001:db8:2::/48", "3000::/4", "fd00::/8"}
	for strings.Contains(s, "%") {
		at := strings.IndexByte(s, '%')
		value := ""
		switch s[at+1] {
		case 't':
			i := g.IntN(len(types))
			value, types = types[i], append(types[:i:i], types[i+1:]...)
		case 'r':
			value = g.pick("133", "134", "135", "255")
		case 'p':
			value = g.pick(prefixes...)
		case 'q':
			value = "fc00::/8"
			if g.IntN(2) == 0 {
				value = others[0]
			}
		case 'h':
			value = g.pick("64", "254", "255")
		case 'l':
			value = g.pick("64", "72", "73", "64", "200")
		case 'e':
			value = g.pick("exists", "missing")
		case 'k':
			value = g.pick("multicast", "host", "broadcast")
		case 's':
			value = g.pick("established", "related", "invalid", "untracked")
		}
		s = s[:at] + value + s[at+2:]
	}
	return s
}

// rule writes a rule that may call the chains.
func (g generator) rule(family string, w way, chains []string) string {
	verdicts := []string{"accept", "drop", "return", "counter", "continue", "accept", "drop"}
	for _, c := range chains {
		verdicts = append(verdicts, "jump "+c, "goto "+c)
	}
	r := g.match(family, w)
	if g.IntN(3) == 0 {
		r += " " + g.match(family, w)
	}
	if g.IntN(8) == 0 {
		return r + " icmpv6 type vmap " + g.fill(fmt.Sprintf("{ %%t : %s, %%t : %s }", g.pick(verdicts[:3]...),
			g.pick(verdicts[5:]...)))
	}
	return r + " " + g.pick(verdicts...)
}

// ruleset writes a ruleset for a way.
func (g generator) ruleset(w way) string {
	var b strings.Builder
	for i := range 1 + g.IntN(2) {
		family := g.pick("ip6", "inet")
		hooks := map[way][]string{local: {"prerouting", "input"}, forwarded: {"prerouting", "forward", "postrouting"},
			sent: {"output", "postrouting"}, bridged: {"prerouting", "forward", "postrouting"}}[w]
		if w == bridged {
			family = "bridge"
		}
		fmt.Fprintf(&b, "table %s t%d {\n", family, i)
		b.WriteString(" set addresses {\n type ipv6_addr; flags interval; elements = { fe80::/64, ff02::2, " +
			"2001:db8:1::8-2001:db8:1::f }\n }\n")
		b.WriteString(" set types {\n type icmpv6_type; elements = { 134, 135, 2 }\n }\n")
		b.WriteString(" set both {\n type ipv6_addr . icmpv6_type; flags interval; elements = { ff02::/16 . 130-134, fe80::/10 " +
			". 128 }\n }\n")
		var names []string
		for j := range g.IntN(4) {
			fmt.Fprintf(&b, " chain c%d {\n", j)
			for range 1 + g.IntN(3) {
				b.WriteString(" " + g.rule(family, w, names) + "\n")
			}
			b.WriteString(" }\n")
			names = append(names, fmt.Sprintf("c%d", j))
		}
		for j := range 1 + g.IntN(2) {
			fmt.Fprintf(&b, " chain base%d {\n type filter hook %s priority %s; policy %s;\n", j, g.pick(hooks...),
				g.pick("-300", "-150", "0", "10", "0"), g.pick("accept", "accept", "drop"))
			for range 1 + g.IntN(4) {
				b.WriteString(" " + g.rule(family, w, names) + "\n")
			}
			b.WriteString(" }\n")
		}
		b.WriteString("}\n")
	}
	return b.String()
}

func TestKernelAgreesRandomly(t *testing.T) {
	for i, w := range []way{local, forwarded, bridged, sent} {
		t.Run(string(w), func(t *testing.T) {
			t.Parallel()
			k := newKernel(t)
			passed, dropped := 0, 0
			for seed := range uint64(80) {
				rules := generator{rand.New(rand.NewPCG(seed, uint64(i)))}.ruleset(w)
				k.check(k.load(rules))
				for _, o := range k.compare(w, rules) {
					switch o.Verdict {
					case Passes:
						passed++
					case Dropped:
						dropped++
					default:
						t.Errorf("seed %d: doubtful: %+v\n%s", seed, o, rules)
					}
				}
				if t.Failed() {
					t.Fatal("seed", seed)
				}
			}
			if passed < 100 || dropped < 100 {
				t.Errorf("one-sided: %d packets pass, %d are dropped", passed, dropped)
			}
		})
	}
}
