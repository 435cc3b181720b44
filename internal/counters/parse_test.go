package counters

import (
	"fmt"
	"slices"
	"strings"
	"testing"
)

// nftRuleset is a ruleset of these objects.
func nftRuleset(objects ...string) string {
	return `{"nftables": [{"metainfo": {"version": "1.0.6", "json_schema_version": 1}}, ` + strings.Join(objects, ", ") + "]}"
}

func nftTable(family, name string, handle int) string {
	return fmt.Sprintf(`{"table": {"family": %q, "name": %q, "handle": %d}}`, family, name, handle)
}

func nftRuleOf(family, table, chain string, handle int, expr string) string {
	return fmt.Sprintf(`{"rule": {"family": %q, "table": %q, "chain": %q, "handle": %d, "expr": [%s]}}`, family, table, chain, handle, expr)
}

// Parts of rules, as nft 1.0.6 prints them.
const (
	five       = `{"counter": {"packets": 5, "bytes": 400}}`
	drop       = `{"drop": null}`
	isRS       = `{"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": "nd-router-solicit"}}`
	isFe80     = `{"match": {"op": "==", "left": {"payload": {"protocol": "ip6", "field": "saddr"}}, "right": {"prefix": {"addr": "fe80::", "len": 64}}}}`
	isICMPv6   = `{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "ipv6-icmp"}}`
	isNotTypes = `{"match": {"op": "!=", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": {"set": ["echo-request", {"range": ["nd-neighbor-solicit", "nd-neighbor-advert"]}]}}}`
	isMark     = `{"match": {"op": "==", "left": {"&": [{"ct": {"key": "mark"}}, 255]}, "right": 1}}`
	isSSH      = `{"match": {"op": "==", "left": {"payload": {"protocol": "tcp", "field": "dport"}}, "right": {"set": [22, {"range": [80, 90]}]}}}`
	isIPv4     = `{"match": {"op": "==", "left": {"meta": {"key": "nfproto"}}, "right": "ipv4"}}`
	isARP      = `{"match": {"op": "==", "left": {"payload": {"protocol": "ether", "field": "type"}}, "right": "arp"}}`
	isFrag     = `{"match": {"op": "==", "left": {"exthdr": {"name": "frag"}}, "right": true}}`
	isFib      = `{"match": {"op": "!=", "left": {"fib": {"result": "type", "flags": ["daddr", "iif"]}}, "right": "local"}}`
	isInvalid  = `{"match": {"op": "in", "left": {"ct": {"key": "state"}}, "right": "invalid"}}`
	isRaw      = `{"match": {"op": "==", "left": {"payload": {"base": "th", "offset": 0, "len": 8}}, "right": 134}}`
	isSet      = `{"match": {"op": "==", "left": {"meta": {"key": "l4proto"}}, "right": "@protocols"}}`
	limited    = `{"limit": {"rate": 10, "burst": 5, "per": "second"}}`
	vmap       = `{"vmap": {"key": {"payload": {"protocol": "icmpv6", "field": "type"}}, "data": {"set": [["nd-redirect", {"drop": null}]]}}}`
	xtMatch    = `{"xt": {"type": "match", "name": "icmp6"}}`
	xtReject   = `{"xt": {"type": "target", "name": "REJECT"}}`
)

// TestJudgeNFT has rules of each kind: those that tell how much they dropped, those that do not, and those that have nothing
// to do with ICMPv6.
func TestJudgeNFT(t *testing.T) {
	const counted, bare, nothing = "counted", "bare", ""
	for _, c := range []struct {
		expr []string
		want string
		only bool   // ICMPv6
		text string // of what is counted
	}{
		{[]string{isRS, five, drop}, counted, true, "icmpv6 type nd-router-solicit drop"},
		{[]string{isRS, five, `{"log": {"prefix": "x"}}`, drop}, counted, true, "icmpv6 type nd-router-solicit log drop"},
		{[]string{isRS, five, `{"reject": {"type": "icmpv6"}}`}, counted, true, "icmpv6 type nd-router-solicit reject"},
		{[]string{isRS, drop}, bare, true, ""},
		{[]string{isRS, five}, nothing, true, ""},
		{[]string{isRS, five, `{"accept": null}`}, nothing, true, ""},
		{[]string{isRS, five, `{"jump": {"target": "x"}}`}, nothing, true, ""},
		{[]string{five, isRS, drop}, bare, true, ""}, // counts all that comes by
		{[]string{isRS, five, limited, drop}, bare, true, ""},
		{[]string{isRS, limited, five, drop}, counted, true, "icmpv6 type nd-router-solicit limit rate 10/second drop"},
		{[]string{isRS, `{"counter": null}`, drop}, bare, true, ""},
		{[]string{five, vmap}, bare, false, ""},
		{[]string{isSSH, five, drop}, nothing, false, ""},
		{[]string{isIPv4, five, drop}, nothing, false, ""},
		{[]string{isARP, drop}, nothing, false, ""},
		{[]string{isFe80, five, drop}, counted, false, "ip6 saddr fe80::/64 drop"},
		{[]string{isICMPv6, xtMatch, five, drop}, counted, true, "meta l4proto ipv6-icmp icmp6 drop"},
		{[]string{five, xtReject}, counted, false, "REJECT"},
		{[]string{five, xtMatch, drop}, bare, false, ""},
		{[]string{isNotTypes, isMark, five, drop}, counted, true,
			"icmpv6 type != { echo-request, nd-neighbor-solicit-nd-neighbor-advert } ct mark & 255 1 drop"},
		{[]string{isFib, isFrag, isInvalid, five, drop}, counted, false, "fib daddr . iif type != local exthdr frag exists ct state invalid drop"},
		{[]string{isRaw, five, drop}, counted, false, "@th,0,8 134 drop"},
		{[]string{isSet, five, drop}, counted, false, "meta l4proto @protocols drop"},
		{[]string{five, drop}, counted, false, "drop"},
	} {
		in := nftRuleset(nftTable("inet", "f", 3), nftRuleOf("inet", "f", "c", 9, strings.Join(c.expr, ", ")))
		r, err := parseNFT(strings.NewReader(in), func(_, _ string) bool { return false })
		if err != nil {
			t.Fatal(err)
		}
		got := nothing
		switch {
		case len(r.counters) > 0:
			got = counted
		case len(r.blind) > 0:
			got = bare
		}
		if got != c.want || got == bare && !strings.HasPrefix(r.blind[0], "table inet f chain c, rule 1: drops, or may, without") {
			t.Errorf("%s: %q, want %q: %v", c.expr, got, c.want, r.blind)
		}
		if got != counted {
			continue
		}
		if m := r.counters[0]; m.Where != "table inet f chain c, rule 1: "+c.text || m.ICMPv6 != c.only || m.value != 5 || !m.Drop {
			t.Errorf("%s: %+v", c.expr, m)
		}
	}
}

// TestVital: a rule is told apart that names a type without which IPv6 does not work.
func TestVital(t *testing.T) {
	for rule, want := range map[string]bool{
		"-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP":            true,
		"-p ipv6-icmp -m icmp6 --icmpv6-type packet-too-big -j DROP": true,
		"-p ipv6-icmp -m icmp6 --icmpv6-type 135 -j REJECT":          true,
		"-p ipv6-icmp -m icmp6 --icmpv6-type 136/0 -j DROP":          true,
		"-p ipv6-icmp -m icmp6 ! --icmpv6-type 134 -j DROP":          false,
		"-p ipv6-icmp -m icmp6 --icmpv6-type 128 -j DROP":            false,
		"-p ipv6-icmp -m icmp6 --icmpv6-type 133 -j DROP":            false,
		"-p ipv6-icmp -j DROP":                                       false,
		"-j DROP":                                                    false,
	} {
		r := newXTReader(IP6Tables, "").parseSave([]byte("*filter\n:INPUT ACCEPT [0:0]\n[5:400] -A INPUT " + rule + "\n"))
		if len(r.counters) != 1 || r.counters[0].Vital != want {
			t.Errorf("%s: %+v, want %v", rule, r.counters, want)
		}
	}
	const isRA = `{"match": {"op": "==", "left": {"payload": {"protocol": "icmpv6", "field": "type"}}, "right": "nd-router-advert"}}`
	for expr, want := range map[string]bool{isRA: true, isRS: false} {
		r, err := parseNFT(strings.NewReader(nftRuleset(nftRuleOf("ip6", "f", "c", 1, expr+","+five+","+drop))), func(string, string) bool {
			return false
		})
		if err != nil || len(r.counters) != 1 || r.counters[0].Vital != want {
			t.Errorf("%s: %+v, %v, want %v", expr, r.counters, err, want)
		}
	}
}

func TestParseNFT(t *testing.T) {
	named := func(name string) string { return fmt.Sprintf(`{"counter": %q}`, name) }
	object := func(name string) string {
		return fmt.Sprintf(`{"counter": {"family": "ip6", "name": %q, "table": "f", "handle": 3, "packets": 18446744073709551615, "bytes": 0}}`, name)
	}
	in := nftRuleset(
		nftRuleOf("ip6", "f", "c", 1, isRS+","+named("mixed")+","+drop),
		nftRuleOf("ip6", "f", "c", 2, isFe80+","+named("mixed")),
		nftRuleOf("ip6", "f", "c", 3, isRS+","+named("two")+","+drop),
		nftRuleOf("ip6", "f", "c", 4, isSSH+","+named("two")+","+drop),
		nftRuleOf("ip6", "f", "c", 5, isRS+","+named("gone")+","+drop),
		nftRuleOf("ip6", "f", "c", 6, isSSH+","+named("ssh")+","+drop),
		object("mixed"), object("two"), object("ssh"), object("unused"),
		nftRuleOf("ip", "v4", "c", 1, five+","+drop), nftRuleOf("ip6", "filter", "INPUT", 1, five+","+drop),
		`{"table": {"family": ["another", "form"]}}`, `{"set": {"name": "s"}}`, `null`, `{}`,
		`{"chain": {"family": "inet", "table": "f", "name": "in\u001b[31m", "handle": 1, "hook": "input", "policy": "drop"}}`,
		`{"chain": {"family": "inet", "table": "f", "name": "regular", "policy": "drop"}}`,
	)
	r, err := parseNFT(strings.NewReader(in), func(family, table string) bool { return family == "ip6" && table == "filter" })
	if err != nil {
		t.Fatal(err)
	}
	slices.SortFunc(r.counters, func(a, b counter) int { return strings.Compare(a.Where, b.Where) })
	if len(r.counters) != 2 || r.counters[0].Where != "table ip6 f counter mixed (table ip6 f chain c, rule 1)" || r.counters[0].Drop ||
		r.counters[1].Where != "table ip6 f counter two (2 rules)" || !r.counters[1].Drop || r.counters[1].ICMPv6 ||
		r.counters[1].value != 1<<64-1 {
		t.Errorf("%+v", r.counters)
	}
	if len(r.blind) != 1 || !strings.HasPrefix(r.blind[0], `table inet f chain in\x1b[31m: the policy drops`) {
		t.Errorf("blind: %q", r.blind)
	}
	for _, bad := range []string{"", "{}", "[]", `{"nftables": 7}`, in[:len(in)/2], `{"nftables": [{"rule": }]}`} {
		if _, err := parseNFT(strings.NewReader(bad), func(_, _ string) bool { return false }); err == nil {
			t.Errorf("%q was read", bad)
		}
	}
}

// TestManyRules has more rules than are looked at.
func TestManyRules(t *testing.T) {
	var objects []string
	var save strings.Builder
	save.WriteString("*filter\n")
	for i := range maxRules + 7 {
		objects = append(objects, nftRuleOf("ip6", "f", "c", i, five+","+drop))
		save.WriteString("[1:2] -A C -j DROP\n")
	}
	r, err := parseNFT(strings.NewReader(nftRuleset(objects...)), func(_, _ string) bool { return false })
	if err != nil || len(r.counters) != maxRules || !slices.Contains(r.blind, "7 rules more than are looked at") {
		t.Errorf("%d counters, %q, %v", len(r.counters), r.blind, err)
	}
	r = newXTReader(IP6Tables, "").parseSave([]byte(save.String()))
	if len(r.counters) != maxRules || !slices.Contains(r.blind, "7 rules more than are looked at") {
		t.Errorf("%d counters, %q", len(r.counters), r.blind)
	}
}

func TestParseSave(t *testing.T) {
	const in = `# Warning: ip6tables-legacy tables present, use ip6tables-legacy-save to see them
*filter
:INPUT DROP [7:104]
:FORWARD ACCEPT [3:3]
:OUTPUT DROP
:i-2-7-def - [0:0]
[1:1] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP
[2:1] -A INPUT -p ipv6-icmp -m icmp6 ! --icmpv6-type 134 -j REJECT --reject-with icmp6-adm-prohibited
[3:1] -A INPUT -p tcp -m tcp --dport 22 -j DROP
[4:1] -A INPUT ! -p tcp -m comment --comment "says \"-p tcp\" -j ACCEPT" -j DROP
[5:1] -A i-2-7-def -m comment --comment "a -j DROP" -j RETURN
[6:1] -A i-2-7-def -s fe80::/64 -p all -j DROP
[6:1] -A i-2-7-def -s fe80::/64 -p all -j DROP
[x:1] -A i-2-7-def -j DROP
-A i-2-7-def -j DROP
COMMIT
*nat
:PREROUTING ACCEPT [0:0]
[99999999999999999999:1] -A PREROUTING -j DROP
[8:1] -A PREROUTING -j DROP`
	r := newXTReader(IP6Tables, "").parseSave([]byte(in))
	var got []string
	keys := make(map[string]bool)
	for _, c := range r.counters {
		only := ""
		if c.ICMPv6 {
			only = " ICMPv6"
		}
		got = append(got, fmt.Sprintf("%d%s %s", c.value, only, c.Where))
		keys[c.key] = true
	}
	want := []string{
		"7 table filter chain INPUT, policy DROP",
		"1 ICMPv6 table filter chain INPUT, rule 1: -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP",
		"2 ICMPv6 table filter chain INPUT, rule 2: -p ipv6-icmp -m icmp6 ! --icmpv6-type 134 -j REJECT --reject-with icmp6-adm-prohibited",
		`4 table filter chain INPUT, rule 4: ! -p tcp -m comment --comment "says \"-p tcp\" -j ACCEPT" -j DROP`,
		"6 table filter chain i-2-7-def, rule 2: -s fe80::/64 -p all -j DROP",
		"6 table filter chain i-2-7-def, rule 3: -s fe80::/64 -p all -j DROP",
		"8 table nat chain PREROUTING, rule 1: -j DROP",
	}
	if !slices.Equal(got, want) {
		t.Errorf("%s\nwant\n%s", strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
	if len(keys) != len(want) || !slices.Equal(r.tables, []string{"filter", "nat"}) ||
		!slices.Equal(r.blind, []string{"table filter chain OUTPUT: the policy drops, and has no counter"}) {
		t.Errorf("%v %v %q", keys, r.tables, r.blind)
	}
}

func TestParseList(t *testing.T) {
	x := newXTReader(EBTables, "legacy ")
	x.parseList([]byte(`Bridge table: filter

Bridge chain: INPUT, entries: 0, policy: ACCEPT

Bridge chain: FORWARD, entries: 3, policy: DROP
-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type router-advertisement -j DROP , pcnt = 5 -- bcnt = 400
-p ARP -j DROP , pcnt = 6 -- bcnt = 400
-p ! ARP -i vnet0 -j DROP , pcnt = 7 -- bcnt = 400
-p IPv6 -j CONTINUE , pcnt = 8 -- bcnt = 400
`))
	r := x.finish()
	if len(r.counters) != 2 || r.counters[0].value != 5 || !r.counters[0].ICMPv6 || r.counters[1].value != 7 || r.counters[1].ICMPv6 ||
		r.counters[1].Where != "legacy table filter chain FORWARD, rule 3: -p ! ARP -i vnet0 -j DROP" {
		t.Errorf("%+v", r.counters)
	}
	if !slices.Equal(r.blind, []string{"legacy table filter chain FORWARD: the policy drops, and has no counter"}) {
		t.Errorf("%q", r.blind)
	}
}

func TestParseSNMP(t *testing.T) {
	list := parseSNMP([]byte("ifIndex\t2\nIp6InDiscards   \t7\nIcmp6InErrors 18446744073709551616\nIcmp6InErrors\nIcmp6InMsgs 9\nIcmp6InCsumErrors 3"))
	all := snmp(list, "br0", 2, true)
	if len(all) != 2 || all[0].value != 7 || all[0].Drop || all[1].value != 3 || !all[1].ICMPv6 || all[1].Interface != "br0" {
		t.Errorf("%+v", all)
	}
	if on := snmp(list, "br0", 2, false); !on[0].Drop || on[0].key != all[0].key {
		t.Errorf("%+v", on)
	}
	if again := snmp(list, "br0", 3, false); again[0].key == all[0].key {
		t.Error("another interface of the same name is taken for the same")
	}
}

func TestParseSoftnet(t *testing.T) {
	for in, want := range map[string][2]uint64{
		"0034775d 0000000a 2 0 0 0 0 0 0 0 00000001 0 0 0 0\n00358449 ffffffff 0 0 0 0 0 0 0 0 00000002 0 0 1 0\n": {0x100000009, 3},
		"1 2\n3 x 4\n\n5": {2, 0}, // before Linux 3.11 there were fewer
	} {
		if a, b := parseSoftnet([]byte(in)); a != want[0] || b != want[1] {
			t.Errorf("%q: %d %d, want %d", in, a, b, want)
		}
	}
}

func TestTypeOf(t *testing.T) {
	for name, want := range map[string]int{"134": 134, "134/0": 134, "134:134/0:255": 134, "nd-router-advert": 134, "router-advertisement": 134,
		"neighbour-solicitation": 135, "echo-request": 128, "packet-too-big": 2, "mld2-listener-report": 143, "133:134": -1, "256": -1, "": -1,
		"nd router": -1} {
		got, ok := typeOf(name)
		if ok != (want >= 0) || ok && int(got) != want {
			t.Errorf("%q is %d, %v, want %d", name, got, ok, want)
		}
	}
}
