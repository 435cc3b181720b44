package encap

import (
	"slices"
	"testing"
)

func TestExplain(t *testing.T) {
	tests := []struct {
		mtu  int
		want []string
	}{
		{1450, []string{"1450 = 1500 - 50: VXLAN or Geneve over IPv4"}},
		{1430, []string{"1430 = 1500 - 70: VXLAN or Geneve over IPv6"}},
		{1446, []string{"1446 = 1500 - 54: VXLAN or Geneve with an inner VLAN tag over IPv4"}},
		{1426, []string{"1426 = 1500 - 74: VXLAN or Geneve with an inner VLAN tag over IPv6"}},
		{1440, []string{"1440 = 1500 - 60: WireGuard over IPv4"}},
		{1420, []string{"1420 = 1500 - 80: WireGuard over IPv6"}},
		{1480, []string{"1480 = 1500 - 20: SIT or IPIP over IPv4"}},
		{1460, []string{"1460 = 1500 - 40: ip6tnl over IPv6"}},
		{1476, []string{"1476 = 1500 - 24: GRE over IPv4"}},
		{1456, []string{"1456 = 1500 - 44: GRE over IPv6"}},
		{1472, []string{"1472 = 1500 - 28: GRE with a key over IPv4"}},
		{1452, []string{"1452 = 1500 - 48: ip6tnl with its encapsulation limit over IPv6", "1452 = 1500 - 48: GRE with a key over IPv6"}},
		{1468, []string{"1468 = 1500 - 32: GRE with two of key, checksum and sequence number over IPv4"}},
		{1448, []string{"1448 = 1500 - 52: GRE with its encapsulation limit over IPv6",
			"1448 = 1500 - 52: GRE with two of key, checksum and sequence number over IPv6"}},
		{1464, []string{"1464 = 1500 - 36: GRE with key, checksum and sequence number over IPv4",
			"1464 = 1500 - 36: VXLAN-GPE with IP inside over IPv4"}},
		{1444, []string{"1444 = 1500 - 56: GRE with key, checksum and sequence number over IPv6",
			"1444 = 1500 - 56: VXLAN-GPE with IP inside over IPv6"}},
		{1462, []string{"1462 = 1500 - 38: gretap over IPv4"}},
		{1442, []string{"1442 = 1500 - 58: gretap over IPv6"}},
		{1458, []string{"1458 = 1500 - 42: gretap with a key, or NVGRE over IPv4"}},
		{1438, []string{"1438 = 1500 - 62: gretap with a key, or NVGRE over IPv6"}},
		{1492, []string{"1492 = 1500 - 8: PPPoE"}},
		{8950, []string{"8950 = 9000 - 50: VXLAN or Geneve over IPv4"}},
		{8930, []string{"8930 = 9000 - 70: VXLAN or Geneve over IPv6"}},
		{8980, []string{"8980 = 9000 - 20: SIT or IPIP over IPv4"}},
		{1550, []string{"1550 = 1600 - 50: VXLAN or Geneve over IPv4"}},
		{9166, []string{"9166 = 9216 - 50: VXLAN or Geneve over IPv4"}},
	}
	for _, tt := range tests {
		var got []string
		for _, c := range Explain(tt.mtu) {
			got = append(got, c.String())
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("Explain(%d) = %q, want %q", tt.mtu, got, tt.want)
		}
	}
	// What a link has without a tunnel, what IPv6 needs at least, and what is only near to a tunnel's.
	for _, mtu := range []int{-1, 0, 68, 576, 1200, 1280, 1400, 1449, 1451, 1499, 1500, 1501, 1592, 1600, 4352, 8192, 8992,
		9000, 9216, 65535, 1 << 31} {
		if got := Explain(mtu); got != nil {
			t.Errorf("Explain(%d) = %v, want nothing", mtu, got)
		}
	}
}

// TestTunnels wants each tunnel's MTU named for it on every link, with the arithmetic right.
func TestTunnels(t *testing.T) {
	for _, link := range links {
		for _, tunnel := range tunnels {
			for i, overhead := range []int{tunnel.ipv4, tunnel.ipv6} {
				if overhead == 0 {
					continue
				}
				want := Candidate{Link: link, Overhead: overhead, Tunnel: tunnel.name, IPv6Outer: i == 1}
				if got := Explain(link - overhead); !slices.Contains(got, want) {
					t.Errorf("Explain(%d) = %v, want %+v among them", link-overhead, got, want)
				}
			}
		}
	}
}

func TestNoAllocations(t *testing.T) {
	if n := testing.AllocsPerRun(100, func() { Explain(1500) }); n != 0 {
		t.Errorf("%v allocations for an MTU that no tunnel explains", n)
	}
}
