package kvm

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"v6probe/internal/checklist"
	"v6probe/internal/lab"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// hypervisor builds a KVM host in a namespace: the bridge brvx-100 with a guest on vnet1, a virtual router on vnet9 and the
// VXLAN vxlan100, with CloudStack's security group for the guest. It is skipped where that cannot be.
func hypervisor(t *testing.T) *lab.Namespace {
	t.Helper()
	for _, tool := range []string{"ip", "bridge", "ip6tables", "ipset", "nft"} {
		if _, err := exec.LookPath(tool); err != nil && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip(err)
		}
	}
	n, err := lab.New()
	if errors.Is(err, unix.EPERM) && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs root:", err)
	}
	must(t, err)
	t.Cleanup(func() { n.Close() })
	for tap, end := range map[string]lab.End{"vnet1": {NS: n, Name: "g1", MAC: guestMAC.String()}, "vnet9": {NS: n, Name: "g9",
		MAC: vrMAC.String()}} {
		must(t, lab.Veth(lab.End{NS: n, Name: tap}, end))
	}
	must(t, lab.Veth(lab.End{NS: n, Name: "eth0"}, lab.End{NS: n, Name: "far"}))
	run(t, n, "ip link set eth0 mtu 1550", "ip link set far mtu 1550", "ip addr add 192.0.2.11/24 dev eth0",
		"ip link add vxlan100 type vxlan id 100 local 192.0.2.11 remote 192.0.2.12 dev eth0 dstport 8472", "ip link set "+
			"vxlan100 mtu 1500 up")
	must(t, n.AddBridge("brvx-100", "vnet1", "vnet9", "vxlan100"))
	run(t, n, "bridge fdb add "+guestMAC.String()+" dev vnet1 master static",
		"bridge fdb add "+vrMAC.String()+" dev vnet9 master static")
	if err := n.Sysctl("bridge/bridge-nf-call-ip6tables", "1"); err != nil && os.Getenv("V6PROBE_CI") != "1" {
		t.Skip("needs br_netfilter:", err)
	}
	run(t, n, "ipset create i-2-1-VM-6 hash:net family inet6", "ipset add i-2-1-VM-6 "+packet.LinkLocal(guestMAC).String())
	for line := range strings.Lines(securityGroup) {
		run(t, n, "ip6tables "+strings.TrimSpace(line))
	}
	return n
}

// securityGroup is what CloudStack's agent writes, as far as it is about neighbor discovery; with the line that lets a
// solicited advertisement pass.
const securityGroup = `-N BF-brvx-100
-N i-2-1-def
-A FORWARD -i brvx-100 -m physdev --physdev-is-bridged -j BF-brvx-100
-A FORWARD -i brvx-100 -j DROP
-A BF-brvx-100 -m state --state RELATED,ESTABLISHED -j ACCEPT
-A BF-brvx-100 -m physdev --physdev-is-bridged --physdev-in vnet1 -j i-2-1-def
-A BF-brvx-100 -m physdev --physdev-is-bridged --physdev-out vnet1 -j i-2-1-def
-A BF-brvx-100 -m physdev --physdev-is-bridged --physdev-in vnet9 -j ACCEPT
-A BF-brvx-100 -m physdev --physdev-is-bridged --physdev-out vnet9 -j ACCEPT
-A BF-brvx-100 -m physdev --physdev-is-bridged --physdev-out vxlan100 -j ACCEPT
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-out vnet1 -p icmpv6 --icmpv6-type router-advertisement -s fe80::/64 -m hl --hl-eq 255 -j ACCEPT
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-in vnet1 -p icmpv6 --icmpv6-type router-advertisement -j DROP
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-in vnet1 -p icmpv6 --icmpv6-type router-solicitation -d ff02::2 -m hl --hl-eq 255 -j RETURN
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-out vnet1 -p icmpv6 --icmpv6-type neighbour-solicitation -m hl --hl-eq 255 -j ACCEPT
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-in vnet1 -p icmpv6 --icmpv6-type neighbour-solicitation -m hl --hl-eq 255 -j RETURN
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-out vnet1 -p icmpv6 --icmpv6-type neighbour-advertisement -m hl --hl-eq 255 -j ACCEPT
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-in vnet1 -p icmpv6 --icmpv6-type neighbour-advertisement -m set --match-set i-2-1-VM-6 src -j RETURN
-A i-2-1-def -m physdev --physdev-is-bridged --physdev-out vnet1 -p icmpv6 --icmpv6-type packet-too-big -j ACCEPT
-A i-2-1-def -j DROP
`

func must(t *testing.T, errs ...error) {
	t.Helper()
	if err := errors.Join(errs...); err != nil {
		t.Fatal(err)
	}
}

// run runs commands inside the namespace.
func run(t *testing.T, n *lab.Namespace, lines ...string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	for _, line := range lines {
		f := strings.Fields(line)
		if f[0] == "nft" { // one argument, as its braces have blanks
			f = []string{"nft", strings.TrimPrefix(line, "nft ")}
		}
		if _, err := n.Output(ctx, f[0], f[1:]...); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
}

// judged reads the host and judges it.
func judged(t *testing.T, n *lab.Namespace) checklist.List {
	t.Helper()
	var in Input
	must(t, n.Do(func() error {
		f, err := Read(t.Context())
		in.Facts = f
		return err
	}))
	if in.Filter == nil {
		t.Fatal(in.FilterError)
	}
	return Judge(in)
}

// TestRead breaks a real host, one thing at a time, and mends it.
func TestRead(t *testing.T) {
	n := hypervisor(t)
	l := judged(t, n)
	for _, line := range l.Lines {
		if line.Status != checklist.OK {
			t.Errorf("healthy:\n%s", shown(l))
			break
		}
	}
	if !strings.Contains(shown(l), "RA from it is dropped, as it should be") || !strings.Contains(shown(l),
		"1 tap with rules; the addresses of 1 are") {
		t.Errorf("healthy:\n%s", shown(l))
	}
	for _, c := range []struct{ fault, mend, want string }{
		{"ip link set vnet1 down", "ip link set vnet1 up", "kvm.bridge-down"},
		{"ip link set brvx-100 down", "ip link set brvx-100 up", "kvm.bridge-down"},
		{"bridge fdb del 00:00:00:00:00:00 dev vxlan100 dst 192.0.2.12 via eth0",
			"bridge fdb append 00:00:00:00:00:00 dev vxlan100 dst 192.0.2.12 via eth0",
			"kvm.vxlan-no-flood"},
		{"bridge link set dev vxlan100 mcast_flood off", "bridge link set dev vxlan100 mcast_flood on", "kvm.vxlan-no-flood"},
		{"bridge link set dev vnet1 mcast_flood off", "bridge link set dev vnet1 mcast_flood on", "kvm.lost"},
		{"ip link set eth0 mtu 1500", "ip link set eth0 mtu 1550", "pmtu.tunnel-mtu"},
		{"ipset del i-2-1-VM-6 fe80::1:ff:fecb:1", "ipset add i-2-1-VM-6 fe80::1:ff:fecb:1", "kvm.set-member"},
		{"nft add table bridge fw { chain f { type filter hook forward priority -200; icmpv6 type nd-router-advert drop; }; }",
			"nft delete table bridge fw",
			"filter.router-advertisement"},
		{"nft add table bridge fw { chain f { type filter hook prerouting priority -300; icmpv6 type nd-neighbor-solicit drop; " +
			"}; }",
			"nft delete table bridge fw", "filter.neighbor-solicitation"},
		{"ip6tables -I BF-brvx-100 2 -m physdev --physdev-is-bridged --physdev-out vnet1 -p icmpv6 --icmpv6-type 136 -j DROP",
			"ip6tables -D BF-brvx-100 2",
			"filter.neighbor-advertisement"},
		{"ip6tables -I BF-brvx-100 1 -p icmpv6 --icmpv6-type packet-too-big -j DROP", "ip6tables -D BF-brvx-100 1",
			"filter.packet-too-big"},
		{"ip6tables -D BF-brvx-100 3", "ip6tables -I BF-brvx-100 3 -m physdev --physdev-is-bridged --physdev-out vnet1 -j " +
			"i-2-1-def", "error"},
	} {
		run(t, n, c.fault)
		l := judged(t, n)
		if c.want != "error" {
			wanted(t, l, c.fault, rule.ID(c.want))
		} else if _, ok := l.First(); !ok {
			t.Errorf("%s:\n%s", c.fault, shown(l))
		}
		run(t, n, c.mend)
		if c.mend == "ip link set vnet1 up" || c.mend == "ip link set brvx-100 up" {
			continue // addresses may have been forgotten
		}
		if got := told(judged(t, n)); got != "" {
			t.Errorf("after %s: %s", c.mend, got)
		}
	}
	run(t, n, "ip link set vnet1 nomaster", "ip link set vnet9 nomaster", "ip link set vxlan100 nomaster",
		"ip link del brvx-100")
	if l := judged(t, n); len(l.Lines) != 1 || len(l.Findings()) != 0 {
		t.Errorf("no bridge:\n%s", shown(l))
	}
}

// wanted checks that one rule is broken, and nothing else above a note.
func wanted(t *testing.T, l checklist.List, fault string, id rule.ID) {
	t.Helper()
	all := slices.DeleteFunc(l.Findings(), func(f rule.Finding) bool { return f.Severity == rule.Info })
	if len(all) != 1 || all[0].Rule != id || all[0].Severity != rule.Error {
		t.Errorf("%s: want %s\n%s", fault, id, shown(l))
	}
}
