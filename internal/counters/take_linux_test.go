package counters

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/lab"
)

// TestNFTables has the firewall of CloudStack's virtual router, with a counter where an operator may have added one.
func TestNFTables(t *testing.T) {
	need(t, "nft")
	guest, router := pair(t)
	shell(t, router, `nft -f - <<'END'
table ip6 ip6_firewall {
	counter advertised { }
	chain fw_input {
		type filter hook input priority 0; policy drop;
		icmpv6 type { echo-request, nd-neighbor-solicit, nd-neighbor-advert } accept
		icmpv6 type nd-router-solicit counter drop
		icmpv6 type nd-router-advert counter name "advertised" drop
	}
}
END`)
	before := take(t, router, Options{})
	if s := source(before, "nft"); !s.Read || s.Counters != 2 ||
		!s.said("table ip6 ip6_firewall chain fw_input: the policy drops, and has no counter") {
		t.Errorf("nft: %+v", s)
	}
	send(t, guest, "eth0", 3, rs())
	send(t, guest, "eth0", 2, ra())
	m, _ := await(t, router, before, Options{}, func(m Moved) bool { return m.Delta == 3 })
	want := Moved{Source: NFTables, Name: "packets",
		Where:   "table ip6 ip6_firewall chain fw_input, rule 2: icmpv6 type nd-router-solicit drop",
		Delta:   3,
		Meaning: "A rule dropped ICMPv6 Router Solicitation: a guest that starts waits for the next periodic Router Advertisement.",
		Drop:    true, ICMPv6: true}
	if m != want {
		t.Errorf("%+v, want\n%+v", m, want)
	}
	m, all := await(t, router, before, Options{}, func(m Moved) bool { return m.Delta == 2 })
	if m.Where != "table ip6 ip6_firewall counter advertised (table ip6 ip6_firewall chain fw_input, rule 3)" || !m.ICMPv6 {
		t.Errorf("%+v", m)
	}
	if len(all) != 2 {
		t.Errorf("netfilter moves nothing else, but here did: %+v", all)
	}

	// Loaded anew, the rules have other handles and begin at zero.
	file := filepath.Join(t.TempDir(), "rules.nft")
	shell(t, router, "nft list ruleset | sed 's/packets 3/packets 1000000/' > "+file+"; nft flush ruleset; nft -f "+file)
	all = Compare(before, take(t, router, Options{}))
	if len(all) != 1 || !all[0].Reset || all[0].Delta != 0 || all[0].Drop || all[0].Where != "table ip6 ip6_firewall" ||
		!strings.Contains(all[0].Meaning, "0 counters went back, 2 with a count came, 2 went") {
		t.Errorf("after the rules were loaded anew: %+v", all)
	}
}

// TestIP6Tables has the two kinds of ip6tables side by side, whose rules are told once each.
func TestIP6Tables(t *testing.T) {
	need(t, "nft", "ip6tables-nft", "ip6tables-nft-save", "ip6tables-legacy", "ip6tables-legacy-save")
	guest, router := pair(t)
	shell(t, router, `ip6tables-nft -A INPUT -p icmpv6 --icmpv6-type 133 -m comment --comment 'says "-j ACCEPT"' -j DROP
ip6tables-nft -A INPUT -p tcp -j DROP
ip6tables-legacy -P INPUT DROP
ip6tables-legacy -A INPUT -p icmpv6 --icmpv6-type 133 -j ACCEPT`)
	before := take(t, router, Options{})
	if s := source(before, "nft"); !s.Read || s.Counters != 0 {
		t.Errorf("nft tells what ip6tables-nft-save does: %+v", s)
	}
	send(t, guest, "eth0", 3, rs())
	send(t, guest, "eth0", 2, ra())
	m, _ := await(t, router, before, Options{}, func(m Moved) bool { return m.Delta == 3 })
	if m.Source != IP6Tables || !m.ICMPv6 || !strings.HasPrefix(m.Where, `table filter chain INPUT, rule 1: -p ipv6-icmp `) ||
		!strings.HasSuffix(m.Where, " -j DROP") || !strings.Contains(m.Meaning, "Router Solicitation") {
		t.Errorf("%+v", m)
	}
	m, all := await(t, router, before, Options{}, func(m Moved) bool { return m.Delta == 2 })
	if m.Source != IP6Tables || m.ICMPv6 || m.Where != "legacy table filter chain INPUT, policy DROP" {
		t.Errorf("%+v", m)
	}
	if len(all) != 2 {
		t.Errorf("also moved: %+v", all)
	}
	shell(t, router, "ip6tables-nft -Z; ip6tables-legacy -Z INPUT")
	later := take(t, router, Options{})
	send(t, guest, "eth0", 1, rs())
	_, all = await(t, router, later, Options{}, func(m Moved) bool { return m.Delta == 1 })
	if len(all) != 1 {
		t.Errorf("also moved: %+v", all)
	}
	for _, m := range Compare(take(t, router, Options{}), before) {
		if !m.Reset || m.Delta != 0 {
			t.Errorf("counters that go back, as a number: %+v", m)
		}
	}
}

func TestEBTables(t *testing.T) {
	need(t, "ebtables-nft", "ebtables-nft-save")
	host, guest, vr := namespace(t), namespace(t), namespace(t)
	check(t, lab.Veth(lab.End{NS: host, Name: "vnet0"}, lab.End{NS: guest, Name: "eth0", MAC: craft.GuestMAC}),
		lab.Veth(lab.End{NS: host, Name: "vnet1"}, lab.End{NS: vr, Name: "eth0", MAC: craft.RouterMAC}),
		host.AddBridge("cloudbr0", "vnet0", "vnet1"))
	shell(t, host, `ebtables-nft -A FORWARD -p IPv6 --ip6-proto ipv6-icmp --ip6-icmp-type router-advertisement -o vnet0 -j DROP
ebtables-nft -A FORWARD -p ARP -j DROP
ebtables-nft -P FORWARD DROP`)
	before := take(t, host, Options{})
	if s := source(before, "ebtables-nft-save"); !s.Read || s.Counters != 1 || !s.said("table filter chain FORWARD: the policy drops") {
		t.Errorf("%+v", s)
	}
	send(t, vr, "eth0", 3, ra())
	m, _ := await(t, host, before, Options{}, func(m Moved) bool { return m.Source == EBTables && m.Delta == 3 })
	if !m.Drop || !m.ICMPv6 || !strings.Contains(m.Where, "table filter chain FORWARD, rule 1: ") ||
		!strings.HasPrefix(m.Meaning, "A rule dropped ICMPv6 Router Advertisement") {
		t.Errorf("%+v", m)
	}
	// The bridge itself hears the RA, and has no IPv6 by design.
	m, _ = await(t, host, before, Options{}, func(m Moved) bool { return m.Name == "Ip6InDiscards" })
	if m.Interface != "cloudbr0" || m.Drop || !strings.Contains(m.Meaning, "as it should be") {
		t.Errorf("%+v", m)
	}
}

// TestIPv6 has packets that IPv6 itself drops, at an interface with an odd name.
func TestIPv6(t *testing.T) {
	guest, router := pair(t)
	shell(t, guest, "ip link set eth0 down; ip link set eth0 name 'a.b$c~é'; ip link set 'a.b$c~é' up")
	_, err := guest.WaitLinkLocal(deadline(t), "a.b$c~é")
	check(t, err)
	before := take(t, guest, Options{Interface: "a.b$c~é"})
	bad := ra()
	bad[len(bad)-1] ^= 1
	send(t, router, "vr0", 4, bad)
	is := func(name string) func(Moved) bool {
		return func(m Moved) bool { return m.Name == name && m.Delta == 4 }
	}
	m, all := await(t, guest, before, Options{Interface: "a.b$c~é"}, is("Icmp6InCsumErrors"))
	if m.Source != DevSNMP6 || m.Interface != "a.b$c~é" || !m.Drop || !m.ICMPv6 {
		t.Errorf("%+v", m)
	}
	for _, m := range all {
		if m.Source == SNMP6 {
			t.Errorf("told twice: %+v", m)
		}
	}
	if all = Compare(before, take(t, guest, Options{Interface: "lo"})); len(all) != 0 {
		t.Errorf("of lo: %+v", all)
	}
	err = guest.Do(func() error {
		_, err := Take(deadline(t), Options{Interface: "../eth0"})
		return err
	})
	if err == nil || err.Error() != "../eth0: no such interface" {
		t.Errorf("error %v", err)
	}
}

// TestHealthy has neighbor discovery at work: nothing is called a drop.
func TestHealthy(t *testing.T) {
	need(t, "ping")
	guest, router := pair(t)
	before := take(t, guest, Options{})
	send(t, router, "vr0", 3, ra())
	shell(t, guest, "ping -6 -c 2 -i 0.2 -W 5 "+craft.RouterLL+"%eth0")
	for _, m := range Compare(before, take(t, guest, Options{})) {
		if m.Drop || m.Reset {
			t.Errorf("%+v", m)
		}
	}
}

// TestTapQueue fills the queue of a tap that nobody reads.
func TestTapQueue(t *testing.T) {
	host := namespace(t)
	tap, err := host.AddTap("vnet0", "")
	check(t, err)
	defer tap.Close()
	shell(t, host, "ip link set vnet0 txqueuelen 2")
	before := take(t, host, Options{})
	send(t, host, "vnet0", 12, ra())
	m, _ := await(t, host, before, Options{}, func(m Moved) bool { return m.Source == Link && m.Name == "tx_dropped" })
	if m.Interface != "vnet0" || !m.Drop || m.ICMPv6 || !strings.Contains(m.Meaning, "tap") {
		t.Errorf("%+v", m)
	}
	// A new tap of the same name begins anew, and is no counter that went back.
	tap.Close()
	again, err := host.AddTap("vnet0", "")
	check(t, err)
	defer again.Close()
	for _, m := range Compare(before, take(t, host, Options{})) {
		if m.Drop || m.Reset {
			t.Errorf("%+v", m)
		}
	}
}

// TestChangesNothing shows that no tables are made by looking for them.
func TestChangesNothing(t *testing.T) {
	need(t, "nft")
	n := namespace(t)
	s := take(t, n, Options{})
	if got := shell(t, n, "nft list ruleset; cat /proc/self/net/ip6_tables_names 2>/dev/null || true"); got != "" {
		t.Errorf("there are now %s", got)
	}
	if source(s, "ip6tables-legacy-save").Tool != "" {
		t.Error("there are no tables of ip6tables-legacy, but it was asked for them")
	}
	for _, of := range s.Sources {
		if !of.Read || of.Why != "" || len(of.Blind) == 0 {
			t.Errorf("%+v", of)
		}
	}
}

// TestWithoutPrivileges takes a sample in a user namespace of its own, which has no say over the network namespace, as in a
// container.
func TestWithoutPrivileges(t *testing.T) {
	const inside = "V6PROBE_TEST_USERNS"
	if os.Getenv(inside) == "" {
		need(t, "nft", "ip6tables-nft-save", "ebtables-nft-save")
		cmd := exec.Command("/proc/self/exe", "-test.run=^TestWithoutPrivileges$", "-test.v")
		cmd.Env = append(os.Environ(), inside+"=1")
		cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER,
			UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}}}
		out, err := cmd.CombinedOutput()
		if errors.Is(err, os.ErrPermission) && os.Getenv("V6PROBE_CI") != "1" {
			t.Skip("no user namespaces:", err)
		}
		if err != nil || !strings.Contains(string(out), "--- PASS") {
			t.Errorf("%v: %s", err, out)
		}
		return
	}
	s, err := Take(deadline(t), Options{})
	check(t, err)
	for tool, want := range map[string]bool{"/proc/net/snmp6": true, "/proc/net/dev_snmp6": true, "rtnetlink": true,
		"/proc/net/softnet_stat": true, "nft": false, "ip6tables-nft-save": false, "ebtables-nft-save": false} {
		of := source(s, tool)
		if of.Read != want || !want && (!strings.Contains(of.Hint, "CAP_NET_ADMIN") || !strings.HasPrefix(of.Why, tool+": ")) {
			t.Errorf("%s: %+v", tool, of)
		}
		t.Logf("%s: %s", tool, of.Why)
	}
}

func TestRunBounds(t *testing.T) {
	if out, err := run(t.Context(), "yes"); err == nil || !strings.Contains(err.Error(), "yes: it prints more than 8 MiB") {
		t.Errorf("%d bytes of a program without end, %v", len(out), err)
	}
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := run(canceled, "yes"); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
	if _, err := run(t.Context(), "v6probe-no-such-program"); !missing(err) {
		t.Errorf("error %v", err)
	}
	if _, err := run(t.Context(), "cat", "/no\x1bwhere"); err == nil || strings.Contains(err.Error(), "\x1b") {
		t.Errorf("error %q", err)
	}
	if _, err := Take(canceled, Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v, want the context's", err)
	}
}
