package drops

import (
	"net/netip"
	"strings"
	"testing"
	"time"

	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

func icmpType(n uint8) icmp6.Type { return icmp6.Type(n) }

func TestFindings(t *testing.T) {
	list := []Drop{
		{Place: Place{Type: 134, Code: 1, Reason: "NETFILTER_DROP", Location: "nft_do_chain", Interface: "vnet1", Arrived: "vxlan100", NetNS: "kvm1", VLAN: 7},
			Callers: []string{"nft_do_chain_bridge", "__br_forward"}, Packets: 3, Last: time.Unix(9, 0),
			Source: netip.MustParseAddr("fe80::1"), Destination: netip.MustParseAddr("ff02::1")},
		{Place: Place{Type: 135, Reason: "NOT_SPECIFIED", Location: "ip6_mc_input"}, Packets: 1000},
		{Place: Place{Type: 134, Location: "neigh_invalidate", Interface: "eth0", VNI: 100, Flags: Tunneled}, Packets: 1},
		{Place: Place{Type: 134, Location: "new_function", Interface: "eth0"}, Packets: 4},
	}
	for i := range list {
		Judge(&list[i])
	}
	found := Findings(list, 2500*time.Millisecond)
	if len(found) != 2 {
		t.Fatalf("%d findings: %+v", len(found), found)
	}
	f := found[0]
	want := "3 Router Advertisements with code 1 dropped in 2.5s at bridge forward (nftables or ebtables-nft), arrived by vxlan100, in namespace " +
		"kvm1, VLAN 7, such as fe80::1 > ff02::1. "
	if !strings.HasPrefix(f.Detail, want) {
		t.Errorf("detail %q, want %q", f.Detail, want)
	}
	if f.Rule != "drop.filter-bridge" || f.Severity != rule.Error || f.Link != "vnet1" || f.Offset != -1 || !f.Time.Equal(time.Unix(9, 0)) || f.Fix == "" {
		t.Errorf("found %+v", f)
	}
	if f := found[1]; !strings.HasPrefix(f.Detail, "1 Router Advertisement dropped in 2.5s at VXLAN: other host does not answer, inside VXLAN 100. ") {
		t.Errorf("detail %q", f.Detail)
	}
	if found[0].Subject == found[1].Subject {
		t.Error("two places have one subject")
	}
}
