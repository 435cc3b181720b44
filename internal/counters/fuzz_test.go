package counters

import (
	"bytes"
	"strconv"
	"strings"
	"testing"
	"unicode/utf8"
)

// checkRules holds what must be so whatever was read: nothing that harms a terminal or takes all the room there is.
func checkRules(t *testing.T, r rules) {
	t.Helper()
	shown := append([]string(nil), r.blind...)
	for _, c := range r.counters {
		if c.Source == "" || c.key == "" || c.group == "" || c.Name == "" || c.Meaning == "" {
			t.Errorf("%+v", c)
		}
		shown = append(shown, c.Where, c.group)
	}
	for _, s := range shown {
		if !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !strconv.IsPrint(r) }) {
			t.Errorf("not to be shown: %q", s)
		}
		if len(s) > 40*maxText {
			t.Errorf("%d bytes", len(s))
		}
	}
}

func FuzzNFT(f *testing.F) {
	for _, expr := range []string{isRS + "," + five + "," + drop, five + "," + vmap, isNotTypes + "," + isMark + "," + isFib + "," + five + "," + drop,
		isSSH + "," + isRaw + "," + isFrag + "," + limited + "," + five + "," + xtReject, isRS + `,{"counter": "n"},` + drop} {
		f.Add([]byte(nftRuleset(nftTable("ip6", "f", 1), nftRuleOf("ip6", "f", "c", 2, expr),
			`{"counter": {"family": "ip6", "name": "n", "table": "f", "packets": 3}}`,
			`{"chain": {"family": "bridge", "table": "f", "name": "c", "hook": "input", "policy": "drop"}}`)))
	}
	f.Add([]byte(nftRuleset(nftRuleOf("inet", "f", "c", 2, `{"match": {"left": `+strings.Repeat(`{"set": [`, 500)+strings.Repeat("]}", 500)+`}},`+five+","+drop))))
	f.Fuzz(func(t *testing.T, b []byte) {
		r, err := parseNFT(bytes.NewReader(b), func(_, table string) bool { return table == "filter" })
		if err != nil && len(r.counters) > 0 {
			t.Error("counters and an error")
		}
		checkRules(t, r)
	})
}

func FuzzXTables(f *testing.F) {
	f.Add([]byte("*filter\n:INPUT DROP [7:104]\n[1:1] -A INPUT -p ipv6-icmp -m icmp6 --icmpv6-type 134 -j DROP\nCOMMIT\n"))
	f.Add([]byte("*filter\n:FORWARD DROP\n[1:1] -A FORWARD ! -p IPv6 -m comment --comment \"a \\\" b\" -j REJECT\n"))
	f.Add([]byte("Bridge table: nat\nBridge chain: PREROUTING, entries: 1, policy: DROP\n-p IPv6 -j DROP , pcnt = 5 -- bcnt = 400\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		checkRules(t, newXTReader(IP6Tables, "").parseSave(b))
		x := newXTReader(EBTables, "legacy ")
		x.parseList(b)
		checkRules(t, x.finish())
	})
}

func FuzzProc(f *testing.F) {
	f.Add([]byte("ifIndex 2\nIp6InDiscards 7\nIcmp6InErrors 9\n"))
	f.Add([]byte("0034775d 0000000a 2 0 0 0 0 0 0 0 00000001 0 0 0 0\n"))
	f.Fuzz(func(t *testing.T, b []byte) {
		if all := snmp(parseSNMP(b), "eth0", 2, true); len(all) > len(snmpCounters()) {
			t.Errorf("%d counters", len(all))
		}
		if all := softnet(b); len(all) != 2 {
			t.Errorf("%d counters", len(all))
		}
	})
}
