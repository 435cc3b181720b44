package encap

import (
	"errors"
	"slices"
	"strings"
	"testing"
)

// TestParse has every kind and option, with what it leaves of 1500 bytes and what it needs for 1500 and for 1280.
func TestParse(t *testing.T) {
	tests := []struct {
		name, title              string
		outer                    Outer
		from1500, need, need1280 int
	}{
		{"vxlan", "VXLAN over IPv4", IPv4, 1450, 1550, 1330},
		{"vxlan6", "VXLAN over IPv6", IPv6, 1430, 1570, 1350},
		{"vxlan+vlan", "VXLAN over IPv4, inner VLAN tag", IPv4, 1446, 1554, 1334},
		{"vxlan6+vlan", "VXLAN over IPv6, inner VLAN tag", IPv6, 1426, 1574, 1354},
		{"vxlan-gpe", "VXLAN-GPE with IP inside over IPv4", IPv4, 1464, 1536, 1316},
		{"vxlan-gpe6", "VXLAN-GPE with IP inside over IPv6", IPv6, 1444, 1556, 1336},
		{"geneve", "Geneve over IPv4", IPv4, 1450, 1550, 1330},
		{"geneve6", "Geneve over IPv6", IPv6, 1430, 1570, 1350},
		{"geneve+vlan", "Geneve over IPv4, inner VLAN tag", IPv4, 1446, 1554, 1334},
		{"geneve6+16", "Geneve over IPv6, 16 bytes of options", IPv6, 1414, 1586, 1366},
		{"geneve+252+vlan", "Geneve over IPv4, 252 bytes of options, inner VLAN tag", IPv4, 1194, 1806, 1586},
		{"gre", "GRE over IPv4", IPv4, 1476, 1524, 1304},
		{"gre6", "GRE over IPv6", IPv6, 1456, 1544, 1324},
		{"gre+key", "GRE over IPv4, key", IPv4, 1472, 1528, 1308},
		{"gre+csum", "GRE over IPv4, checksum", IPv4, 1472, 1528, 1308},
		{"gre+seq+key", "GRE over IPv4, sequence number, key", IPv4, 1468, 1532, 1312},
		{"gre6+key+csum+seq", "GRE over IPv6, key, checksum, sequence number", IPv6, 1444, 1556, 1336},
		{"gre6+encaplimit", "GRE over IPv6, encapsulation limit", IPv6, 1448, 1552, 1332},
		{"gretap", "gretap over IPv4", IPv4, 1462, 1538, 1318},
		{"gretap6", "gretap over IPv6", IPv6, 1442, 1558, 1338},
		{"gretap+key+vlan", "gretap over IPv4, key, inner VLAN tag", IPv4, 1454, 1546, 1326},
		{"gretap6+encaplimit", "gretap over IPv6, encapsulation limit", IPv6, 1434, 1566, 1346},
		{"sit", "SIT over IPv4", IPv4, 1480, 1520, 1300},
		{"ipip", "IPIP over IPv4", IPv4, 1480, 1520, 1300},
		{"ip6tnl", "ip6tnl over IPv6", IPv6, 1460, 1540, 1320},
		{"ip6tnl+encaplimit", "ip6tnl over IPv6, encapsulation limit", IPv6, 1452, 1548, 1328},
		{"wireguard", "WireGuard over IPv4", IPv4, 1440, 1560, 1340},
		{"wireguard6", "WireGuard over IPv6", IPv6, 1420, 1580, 1360},
		{"pppoe", "PPPoE", Ethernet, 1492, 1508, 1288},
	}
	seen := make(map[string]bool)
	for _, tt := range tests {
		e, err := Parse(tt.name)
		if err != nil || e.Name != tt.name || e.Title != tt.title || e.Outer != tt.outer || e.Overlay(1500) != tt.from1500 ||
			e.Underlay(1500) != tt.need || e.Underlay(MinMTU) != tt.need1280 {
			t.Errorf("%s: %+v, %d of 1500, %d for 1500, %d for 1280, %v", tt.name, e, e.Overlay(1500), e.Underlay(1500),
				e.Underlay(MinMTU), err)
		}
		seen[tt.name] = true
	}
	for _, e := range Common() {
		if !seen[e.Name] {
			t.Errorf("%s is not in the table", e.Name)
		}
	}
	for _, k := range kinds {
		if !seen[k.name] {
			t.Errorf("%s is not in the table", k.name)
		}
	}
}

func TestParseSpelling(t *testing.T) {
	for name, want := range map[string]string{"VXLAN+VLAN": "vxlan+vlan", "WireGuard6": "wireguard6", "geneve+008": "geneve+8"} {
		if e, err := Parse(name); err != nil || e.Name != want {
			t.Errorf("Parse(%q) = %q, %v, want %q", name, e.Name, err, want)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	const all = "there are vxlan[6][+vlan], vxlan-gpe[6], geneve[6][+vlan][+N], gre[6][+key][+csum][+seq], gre6[+encaplimit], " +
		"gretap[6][+key][+csum][+seq][+vlan], gretap6[+encaplimit], sit, ipip, ip6tnl[+encaplimit], wireguard[6], pppoe"
	for _, tt := range []struct{ name, reason, advice string }{
		{"", `no encapsulation ""`, all},
		{"vxlan7", `no encapsulation "vxlan7"`, all},
		{"sit6", `no encapsulation "sit6"`, all},
		{"vx\x1b[2J", `no encapsulation "vx\x1b[2j"`, all},
		{"vxlan+", `vxlan has no option ""`, "vxlan has +vlan, each once"},
		{"vxlan+key", `vxlan has no option "key"`, "vxlan has +vlan, each once"},
		{"vxlan+16", `vxlan has no option "16"`, "vxlan has +vlan, each once"},
		{"vxlan+vlan+vlan", `vxlan has the option "vlan" twice`, "vxlan has +vlan, each once"},
		{"pppoe+vlan", `pppoe has no option "vlan"`, "pppoe has none"},
		{"gre+encaplimit", `gre has no option "encaplimit"`, "gre has +key, +csum, +seq, each once"},
		{"geneve+0", `geneve has no option "0"`, "geneve has +vlan, +N for N bytes of options, a multiple of 4 up to 252, each once"},
		{"geneve+6", `geneve has no option "6"`, "+N for N bytes"},
		{"geneve+256", `geneve has no option "256"`, "+N for N bytes"},
		{"geneve+-4", `geneve has no option "-4"`, "+N for N bytes"},
		{"geneve+4+8", `geneve has the option "8" twice`, "each once"},
	} {
		e, err := Parse(tt.name)
		var refusal *Refusal
		if !errors.As(err, &refusal) || err.Error() != tt.reason || !strings.Contains(refusal.Hint(), tt.advice) ||
			e != (Encapsulation{}) {
			t.Errorf("Parse(%q) = %+v, %v: %v", tt.name, e, err, refusal)
		}
	}
}

// TestNames: what is offered is understood.
func TestNames(t *testing.T) {
	names := Names()
	for _, n := range names {
		if e, err := Parse(n); err != nil || e.Name != n {
			t.Errorf("Parse(%q) = %q, %v", n, e.Name, err)
		}
	}
	for _, k := range kinds {
		if !slices.Contains(names, k.name) {
			t.Errorf("%s is not offered", k.name)
		}
	}
	if unique := slices.Compact(slices.Sorted(slices.Values(names))); len(unique) != len(names) {
		t.Errorf("some are offered twice: %v", names)
	}
	if got := len(Common()); got != len(strings.Fields(common)) {
		t.Errorf("%d common ones, want %d", got, len(strings.Fields(common)))
	}
}

// TestExplainsAll: what can be named is found again by its number.
func TestExplainsAll(t *testing.T) {
	for _, name := range Names() {
		e, err := Parse(name)
		if err != nil {
			t.Fatal(err)
		}
		want := e.Outer == IPv6
		if name == "gretap6+encaplimit" {
			continue // two rarities at once: it would only blur what a number says
		}
		if !slices.ContainsFunc(Explain(e.Overlay(1500)), func(c Candidate) bool {
			return c.Overhead == e.Overhead && c.IPv6Outer == want
		}) {
			t.Errorf("%d is not explained by %s: %v", e.Overlay(1500), name, Explain(e.Overlay(1500)))
		}
	}
}

func TestPlan(t *testing.T) {
	vxlan6, err := Parse("vxlan6")
	if err != nil {
		t.Fatal(err)
	}
	pppoe, err := Parse("pppoe")
	if err != nil {
		t.Fatal(err)
	}
	rows := Plan([]Encapsulation{vxlan6, pppoe}, 0, 1600, 1340, 1500)
	if len(rows) != 2 {
		t.Fatalf("%+v", rows)
	}
	for i, want := range []Row{
		{vxlan6, 1500, 1570, 1350, []Left{{1340, 1270, 230, true}, {1500, 1430, 70, false}, {1600, 1530, 0, false}, {9000, 8930, 0, false}}},
		{pppoe, 1500, 1508, 1288, []Left{{1340, 1332, 168, false}, {1500, 1492, 8, false}, {1600, 1592, 0, false}, {9000, 8992, 0, false}}},
	} {
		got := rows[i]
		if !slices.Equal(got.Left, want.Left) {
			t.Errorf("left %+v, want %+v", got.Left, want.Left)
		}
		got.Left, want.Left = nil, nil
		if got.Encapsulation != want.Encapsulation || got.Guest != want.Guest || got.Underlay != want.Underlay || got.Minimum != want.Minimum {
			t.Errorf("%+v, want %+v", got, want)
		}
	}
	if r := Plan([]Encapsulation{vxlan6}, 8930)[0]; r.Underlay != 9000 || r.Left[1] != (Left{9000, 8930, 0, false}) {
		t.Errorf("%+v", r)
	}
}

func TestNested(t *testing.T) {
	for mtu, want := range map[int][]string{
		1390: {"1390 = 1450 - 60: WireGuard over IPv4, within VXLAN or Geneve over IPv4"},
		1400: {"1400 = 1450 - 50: VXLAN or Geneve over IPv4, within VXLAN or Geneve over IPv4"},
		1380: {"1380 = 1450 - 70: VXLAN or Geneve over IPv6, within VXLAN or Geneve over IPv4",
			"1380 = 1430 - 50: VXLAN or Geneve over IPv4, within VXLAN or Geneve over IPv6"},
		1370: {"1370 = 1450 - 80: WireGuard over IPv6, within VXLAN or Geneve over IPv4",
			"1370 = 1430 - 60: WireGuard over IPv4, within VXLAN or Geneve over IPv6"},
		1360: {"1360 = 1430 - 70: VXLAN or Geneve over IPv6, within VXLAN or Geneve over IPv6"},
		1350: {"1350 = 1430 - 80: WireGuard over IPv6, within VXLAN or Geneve over IPv6"},
	} {
		var got []string
		for _, c := range Nested(mtu) {
			got = append(got, c.String())
		}
		if !slices.Equal(got, want) {
			t.Errorf("Nested(%d) = %q, want %q", mtu, got, want)
		}
	}
	for _, mtu := range []int{-1, 0, 1280, 1399, 1401, 1430, 1450, 1500, 1 << 31} {
		if got := Nested(mtu); got != nil {
			t.Errorf("Nested(%d) = %v", mtu, got)
		}
	}
}
