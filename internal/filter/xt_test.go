package filter

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"
)

// anRA is a Router Advertisement that a bridge forwards.
func anRA() *Packet {
	return &Packet{In: "brvx-100", Out: "brvx-100", PhysIn: "vnet9", PhysOut: "vnet1",
		EtherSource: [6]byte{2, 1, 0, 0xcb, 0, 0xfe}, EtherTarget: [6]byte{0x33, 0x33, 0, 0, 0, 1},
		Source: netip.MustParseAddr("fe80::1:ff:fecb:fe"), Target: netip.MustParseAddr("ff02::1"),
		HopLimit: 255, Type: 134, Length: 118}
}

// inForward reads the rules as those of a chain FORWARD, beside which there is a chain "next".
func inForward(tool string, bridge bool, state *xtState, rules ...string) *Chain {
	text := "*filter\n:FORWARD ACCEPT [0:0]\n:next - [0:0]\n"
	for _, r := range rules {
		text += "-A FORWARD " + r + "\n"
	}
	return parseXT([]byte(text), tool, bridge, state).chains[0]
}

func TestRuleOfIP6Tables(t *testing.T) {
	tests := []struct {
		rule    string
		matches Truth
		act     Act
		chain   string
	}{
		{"", Yes, Continue, ""},
		{"-j DROP", Yes, Drop, ""},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type 134 -j ACCEPT", Yes, Accept, ""},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type 134/1 -j ACCEPT", No, Accept, ""},
		{"-p ipv6-icmp -m icmp6 ! --icmpv6-type router-advertisement -j ACCEPT", No, Accept, ""},
		{"-p ipv6-icmp -m icmp6 --icmpv6-type ! 134 -j ACCEPT", No, Accept, ""},
		{"-p IPv6-ICMP -m icmp6 --icmpv6-type no-such-type -j ACCEPT", CannotTell, Accept, ""},
		{"-p tcp -m tcp --dport 22 -j ACCEPT", No, Accept, ""},
		{"-p tcp -m unheard-of --x 1 2 3 -j ACCEPT", No, Accept, ""},
		{"! -p tcp -m comment --comment -j -j next", Yes, Jump, "next"},
		{`-m comment --comment "say \"-j DROP\"" -g next`, Yes, Goto, "next"},
		{"-m unheard-of ! --x 1 -y -j DROP", CannotTell, Drop, ""},
		{"--unheard-of -j DROP", CannotTell, Drop, ""},
		{"stray -j DROP", CannotTell, Drop, ""},
		{`-m string --string "-j" --algo bm -j DROP`, CannotTell, Drop, ""},
		{"-s fe80::/64 ! -d ff02::2/128 -j RETURN", Yes, Return, ""},
		{"-s fe80::fe/ffff::ff -j DROP", Yes, Drop, ""},
		{"-s fe80::/129 -j DROP", CannotTell, Drop, ""},
		{"-s 10.0.0.0/8 -j DROP", CannotTell, Drop, ""},
		{"-i brvx+ -o brvx-100 -j DROP", Yes, Drop, ""},
		{"! -i + -j DROP", No, Drop, ""},
		{"-m physdev --physdev-in vnet9 --physdev-out vnet+ --physdev-is-bridged -j DROP", Yes, Drop, ""},
		{"-m physdev ! --physdev-out vnet1 -j DROP", No, Drop, ""},
		{"-m hl --hl-gt 254 -j DROP", Yes, Drop, ""},
		{"-m hl --hl-eq 256 -j DROP", CannotTell, Drop, ""},
		{"-m conntrack --ctstate NEW,UNTRACKED -j DROP", Yes, Drop, ""},
		{"-m conntrack --ctorigsrc fe80::/64 -j DROP", No, Drop, ""},
		{"-m state ! --state INVALID -j DROP", Yes, Drop, ""},
		{"-m set --match-set nobody src -j DROP", CannotTell, Drop, ""},
		{"-m set --match-set six src -j DROP", Yes, Drop, ""},
		{"-m set ! --match-set six src,dst -j DROP", No, Drop, ""},
		{"-m set --match-set four dst -j DROP", No, Drop, ""},
		{"-m set ! --match-set four dst -j DROP", Yes, Drop, ""},
		{"-m set ! --match-set ports dst -j DROP", CannotTell, Drop, ""},
		{"-m set --match-set six src --packets-gt 5 -j DROP", CannotTell, Drop, ""},
		{"-m mac --mac-source 02:01:00:CB:00:FE -j DROP", Yes, Drop, ""},
		{"-m eui64 -j DROP", Yes, Drop, ""},
		{"-m pkttype --pkt-type multicast -j DROP", Yes, Drop, ""},
		{"-m length --length 0:117 -j DROP", No, Drop, ""},
		{"-m mark --mark 0x1/0x1 -j DROP", No, Drop, ""},
		{"-m mark --mark 0x10/0x10 -j DROP", CannotTell, Drop, ""}, // see the state below
		{"-m connmark ! --mark 0x1 -j DROP", No, Drop, ""},
		{"-m addrtype --dst-type MULTICAST -j DROP", Yes, Drop, ""},
		{"-m addrtype --src-type LOCAL -j DROP", CannotTell, Drop, ""},
		{"-m addrtype ! --src-type LOCAL,MULTICAST -j DROP", Yes, Drop, ""},
		{"-m ipv6header --header protocol -j DROP", Yes, Drop, ""},
		{"-m frag --fragid 1 -j DROP", No, Drop, ""},
		{"-m limit --limit 3/sec -j LOG --log-prefix \"-j DROP\"", CannotTell, Continue, ""},
		{"-j LOG --log-prefix -j DROP", Yes, Continue, ""},
		{"-j REJECT --reject-with icmp6-adm-prohibited", Yes, Drop, ""},
		{"-j NFQUEUE --queue-num 0 --queue-bypass", Yes, Elsewhere, ""},
		{"-j NOSUCHTHING --do it", CannotTell, Elsewhere, ""},
		{"-j", CannotTell, Elsewhere, ""},
	}
	for _, test := range tests {
		state := &xtState{sets: parseSets([]byte(savedSets))}
		state.change(changesMark, 0x30, nil)
		c := inForward("ip6tables", false, state, test.rule)
		if len(c.Rules) != 1 {
			t.Errorf("%q: %d rules", test.rule, len(c.Rules))
			continue
		}
		matches, act, chain := c.Rules[0].Apply(anRA())
		if matches != test.matches || act != test.act || chain != test.chain {
			t.Errorf("%q: %d %d %q", test.rule, matches, act, chain)
		}
	}
}

// TestPhysdevWithoutBridge: of what came over no bridge the kernel says that all is so that is inverted.
func TestPhysdevWithoutBridge(t *testing.T) {
	routed, local := anRA(), anRA()
	routed.PhysIn, routed.PhysOut = "", ""
	local.PhysOut = ""
	tests := []struct {
		match         string
		routed, local Truth
	}{
		{"--physdev-in vnet9", No, Yes}, {"! --physdev-in vnet9", Yes, No}, {"--physdev-out vnet1", No, No},
		{"! --physdev-out vnet1", Yes, No}, {"--physdev-is-bridged", No, No}, {"! --physdev-is-bridged", Yes, Yes},
		{"--physdev-is-in", No, Yes}, {"! --physdev-is-in", Yes, No},
	}
	for _, test := range tests {
		rule := inForward("ip6tables", false, &xtState{}, "-m physdev "+test.match+" -j DROP").Rules[0]
		if got, _, _ := rule.Apply(routed); got != test.routed {
			t.Errorf("%s, routed: %d", test.match, got)
		}
		if got, _, _ := rule.Apply(local); got != test.local {
			t.Errorf("%s, for this host: %d", test.match, got)
		}
	}
}

func TestRuleOfEBTables(t *testing.T) {
	tests := []struct {
		rule    string
		matches Truth
		act     Act
	}{
		{"-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type router-advertisement -j DROP", Yes, Drop},
		{"-p 0x86DD --ip6-proto ipv6-icmp --ip6-icmp-type 130:140/0:1 -j DROP", Yes, Drop},
		{"-p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type ! 134/0 -j DROP", No, Drop},
		{"-p IPv4 --ip-src 10.0.0.1 -j DROP", No, Drop},
		{"-p ! IPv4 -j DROP", Yes, Drop},
		{"-p ARP --arp-op Reply -j ACCEPT", No, Accept},
		{"-p IPv6 --ip6-src fe80::/ffff:ffff:ffff:ffff:: --ip6-dst ! ff02::1 -j DROP", No, Drop},
		{"-i vnet9 -o vnet+ --logical-in brvx-100 --logical-out ! brvx-200 -j next", Yes, Jump},
		{"-s 2:1:0:cb:0:fe -d Multicast -j CONTINUE", Yes, Continue},
		{"-s ! 02:01:00:00:00:00/ff:ff:00:00:00:00 -j DROP", No, Drop},
		{"-d BGA -j DROP", No, Drop},
		{"-d nonsense -j DROP", CannotTell, Drop},
		{"--pkttype-type ! multicast -j DROP", No, Drop},
		{"--among-src 02:01:00:cb:00:fe, -j DROP", CannotTell, Drop},
		{`--log-level notice --log-prefix "-j ACCEPT" --log-ip6 -j DROP`, Yes, Drop},
		{"--limit 3/sec --limit-burst 5 -j ACCEPT", CannotTell, Accept},
		{"--mark 0x1/0x1 -j DROP", No, Drop},
		{"-j mark --mark-set 0x1 --mark-target CONTINUE", Yes, Continue},
		{"-j mark --mark-set 0x1", Yes, Accept},
		{"-j snat --to-src 2:1:0:cb:0:fe --snat-target DROP", Yes, Drop},
		{"-j redirect", Yes, Elsewhere},
	}
	for _, test := range tests {
		c := inForward("ebtables", true, &xtState{}, test.rule)
		if matches, act, _ := c.Rules[0].Apply(anRA()); matches != test.matches || act != test.act {
			t.Errorf("%q: %d %d", test.rule, matches, act)
		}
	}
}

// TestTables looks at what is read beside the rules.
func TestTables(t *testing.T) {
	saved := strings.Join([]string{
		"# Generated by ip6tables-save v1.8.9 on Sat Nov 28 18:52:29 2026",
		"*raw", ":PREROUTING ACCEPT [0:0]", "[5:400] -A PREROUTING -p ipv6-icmp -j CT --notrack", "COMMIT",
		"*nat", ":POSTROUTING ACCEPT [0:0]", "-A POSTROUTING -j MASQUERADE", "COMMIT",
		"*filter", ":INPUT DROP [1:104]", ":a-chain - [0:0]", "-A INPUT -j a-chain", "-A a-chain -s fe80::/64 -j ACCEPT",
		"-A no-chain -j DROP", "COMMIT", ""}, "\n")
	want := []string{
		"ip6tables-legacy raw PREROUTING prerouting -300 policy 1: 1 -p ipv6-icmp -j CT --notrack (untracks);",
		"ip6tables-legacy nat POSTROUTING postrouting 100 policy 1 nat: 1 -j MASQUERADE;",
		"ip6tables-legacy filter INPUT input 0 policy 2: 1 -j a-chain;",
		"ip6tables-legacy filter a-chain: 1 -s fe80::/64 -j ACCEPT;"}
	compareChains(t, parseXT([]byte(saved), "ip6tables-legacy", false, &xtState{}), want)

	listed := strings.Join([]string{
		"Bridge table: nat", "", "Bridge chain: PREROUTING, entries: 1, policy: ACCEPT", "-i vnet1 -j i-2-7-VM-in ", "",
		"Bridge chain: i-2-7-VM-in, entries: 2, policy: DROP", "-s ! 2:1:0:cb:0:7 -j DROP", "-p IPv6 -j ACCEPT", ""}, "\n")
	read := parseXT([]byte(listed), "ebtables-legacy", true, &xtState{})
	compareChains(t, read, []string{
		"ebtables-legacy nat PREROUTING prerouting -300 policy 1: 1 -i vnet1 -j i-2-7-VM-in ;",
		"ebtables-legacy nat i-2-7-VM-in: 1 -s ! 2:1:0:cb:0:7 -j DROP; 2 -p IPv6 -j ACCEPT; 3 policy drop;"})
	p := anRA()
	p.PhysIn = "vnet1"
	r := &Ruleset{Chains: read.chains}
	if got := r.Bridged(p, false); got.Verdict != Dropped || got.At.Chain != "i-2-7-VM-in" || got.At.Handle != 1 {
		t.Errorf("a MAC of somebody else's: %+v", got)
	}
	p.EtherSource = [6]byte{2, 1, 0, 0xcb, 0, 7}
	if got := r.Bridged(p, false); got.Verdict != Passes {
		t.Errorf("the guest's MAC: %+v", got)
	}
}

func compareChains(t *testing.T, x *xtReader, want []string) {
	t.Helper()
	var got []string
	for _, c := range x.chains {
		s := c.Tool + " " + c.Table + " " + c.Name
		if c.Base {
			s += fmt.Sprintf(" %s %d policy %d", c.Hook, c.Priority, c.Policy)
		}
		if c.NAT {
			s += " nat"
		}
		s += ":"
		for _, r := range c.Rules {
			s += fmt.Sprintf(" %d %s", r.Handle, r.Text)
			if r.Untracks {
				s += " (untracks)"
			}
			s += ";"
		}
		got = append(got, s)
	}
	if g, w := strings.Join(got, "\n"), strings.Join(want, "\n"); g != w {
		t.Errorf("read\n%s\nnot\n%s", g, w)
	}
}

// TestTextIsClean: names and comments may have any bytes in them.
func TestTextIsClean(t *testing.T) {
	c := inForward("ip6tables", false, &xtState{}, "-m comment --comment \"\x1b[31m\xff\" -j DROP",
		"-m comment --comment "+strings.Repeat("é", maxText)+" -j DROP")
	if got, want := c.Rules[0].Text, `-m comment --comment \"\x1b[31m\xff\" -j DROP`; got != want {
		t.Errorf("%q", got)
	}
	if got := c.Rules[1].Text; len(got) > maxText+3 || !strings.HasSuffix(got, "é…") {
		t.Errorf("%d bytes: %q", len(got), got)
	}
}

const savedSets = `create six hash:net family inet6 hashsize 1024 maxelem 65536 bucketsize 12 initval 0x88815f3d
add six fe80::/64
add six 2001:db8::/32
add six 2001:db8:1::/48 nomatch
add six 2001:db8:1:2::1 timeout 99 comment "no nomatch"
create four hash:net family inet hashsize 1024 maxelem 65536
add four 10.0.0.0/8
create masked hash:ip family inet6 hashsize 1024 maxelem 65536 netmask 64
add masked 2001:db8:5::
create ports hash:ip,port family inet6 hashsize 1024 maxelem 65536
add ports fe80::1,tcp:80
create sets list:set size 8
add sets six
create odd hash:net family inet6
add odd something
`

func TestSets(t *testing.T) {
	sets := parseSets([]byte(savedSets))
	tests := []struct {
		set, address string
		want         Truth
	}{
		{"six", "fe80::1", Yes}, {"six", "fe81::1", No}, {"six", "2001:db8::1", Yes}, {"six", "2001:db8:1::1", No},
		{"six", "2001:db8:1:2::1", Yes}, {"four", "fe80::1", No}, {"masked", "2001:db8:5::77", Yes},
		{"masked", "2001:db8:5:1::", No}, {"ports", "fe80::1", CannotTell}, {"sets", "fe80::1", CannotTell},
		{"odd", "fe80::1", CannotTell},
	}
	for _, test := range tests {
		s, ok := sets[test.set]
		if got := s.Has(netip.MustParseAddr(test.address)); !ok || got != test.want {
			t.Errorf("%s in %s: %d, %+v", test.address, test.set, got, s)
		}
	}
}

// TestChanges: what other rules change is not known any more, for the packets that they may be about.
func TestChanges(t *testing.T) {
	state := &xtState{sets: parseSets([]byte(savedSets))}
	c := inForward("ip6tables", false, state,
		"-p tcp -j MARK --set-xmark 0x1/0xffffffff", "-s fe80::/64 -j MARK --set-xmark 0x4/0x4", "-s fe80::/64 -j HL --hl-dec 1",
		"-p tcp -j SET --add-set six src",
		"-m mark --mark 0x3/0x3 -j DROP", "-m mark --mark 0x4/0xc -j DROP", "-m hl --hl-eq 255 -j DROP",
		"-m set --match-set six src -j DROP")
	link, global := anRA(), anRA()
	global.Source = netip.MustParseAddr("2001:db8::1")
	for i, want := range [][2]Truth{{No, No}, {CannotTell, No}, {CannotTell, Yes}, {CannotTell, CannotTell}} {
		for j, p := range []*Packet{link, global} {
			if got, _, _ := c.Rules[4+i].Apply(p); got != want[j] {
				t.Errorf("%s, from %s: %d", c.Rules[4+i].Text, p.Source, got)
			}
		}
	}
	for range 2 * maxChanges {
		state.change("x", 1, []condition{never})
	}
	if len(state.changed["x"]) != maxChanges || !state.changes("x", 1, link) {
		t.Error("too many changes are not taken for one of all packets")
	}
}

// FuzzXT: whatever a tool prints can be read and followed.
func FuzzXT(f *testing.F) {
	f.Add([]byte("*filter\n:FORWARD DROP [0:0]\n:a - [0:0]\n-A FORWARD -p ipv6-icmp -m icmp6 ! --icmpv6-type 134/1 -m hl "+
		"--hl-eq 255 -j a\n"+
		"-A a -s fe80::/64 -m physdev --physdev-in vnet+ -m set --match-set six src,dst -m conntrack --ctstate NEW -g a\n"), false)
	f.Add([]byte("*broute\n:BROUTING DROP\n-A BROUTING -p IPv6 --ip6-src ! fe80::/ffff:: --ip6-icmp-type 1:2/3:4 -s Unicast "+
		"-j mark --mark-set 1\n"), true)
	f.Add([]byte("Bridge table: filter\nBridge chain: FORWARD, entries: 1, policy: DROP\n-p IPv6 -j DROP , pcnt = 5 -- bcnt "+
		"= 400\n"), true)
	f.Add([]byte("*mangle\n:PREROUTING ACCEPT\n-A PREROUTING -m ipv6header ! --header hop,prot --soft -m addrtype "+
		"--src-type LOCAL -m mark --mark 1/2 "+
		"-m length --length 1:2 -m iprange --src-range ::-::1 -m pkttype --pkt-type unicast -m mac --mac-source 0:0:0:0:0:0 -j "+
		"MARK --set-xmark 1/2\n"), false)
	f.Fuzz(func(t *testing.T, b []byte, bridge bool) {
		state := &xtState{sets: parseSets(append([]byte(savedSets), b...))}
		r := &Ruleset{Chains: parseXT(b, "tool", bridge, state).chains}
		for _, c := range r.Chains {
			for i, rule := range c.Rules {
				if strings.ContainsFunc(rule.Text, func(r rune) bool { return r < ' ' }) {
					t.Errorf("%q", rule.Text)
				}
				if rule.Handle != uint64(i+1) {
					t.Errorf("rule %d has the number %d", i+1, rule.Handle)
				}
				rule.Apply(anRA())
				rule.Apply(&Packet{})
			}
		}
		r.Bridged(anRA(), true)
	})
}
