package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"net/netip"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/spf13/cobra"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
)

var update = flag.Bool("update", false, "write the sessions in docs/drops.md anew; then read them")

// fakeDrops is a kernel that says what its readings are, ten seconds of them, and then ends the run.
type fakeDrops struct {
	begun    time.Time
	readings []drops.Snapshot
	notes    []string
	fails    error // at the last of them
	end      context.CancelFunc
	read     int
	closed   bool
}

func (f *fakeDrops) Read() (drops.Snapshot, error) {
	i := min(f.read, len(f.readings)-1)
	f.read++
	s := f.readings[i]
	s.Time = f.begun.Add(10 * time.Second * time.Duration(i+1) / time.Duration(len(f.readings)))
	if i == len(f.readings)-1 {
		f.end()
		return s, f.fails
	}
	return s, nil
}

func (f *fakeDrops) Notes() []string { return f.notes }

func (f *fakeDrops) Close() error { f.closed = true; return nil }

// begun is when all fake runs begin.
var begun = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// runFake runs drops with args on a machine that f and m make up, and returns what it wrote and how it ended.
func runFake(t *testing.T, f *fakeDrops, m machine, args ...string) (stdout, stderr string, code int) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	f.begun, f.end = begun, cancel
	if m.open == nil {
		m.open = func(drops.Options) (dropSource, error) { return f, nil }
	}
	if m.links == nil {
		m.links = func() ([]host.Link, error) { return nil, nil }
	}
	if m.notDrops == nil {
		m.notDrops = func([]string) ([]host.Statement, error) { return nil, nil }
	}
	if m.namespaces == nil {
		m.namespaces = func() namespaces { return &fakeNamespaces{} }
	}
	m.now = func() time.Time { return begun }
	root := &cobra.Command{Use: "v6probe", SilenceErrors: true, SilenceUsage: true}
	root.AddCommand(dropsCommand(m))
	var out, errs bytes.Buffer
	root.SetOut(&out)
	root.SetErr(&errs)
	root.SetArgs(append([]string{"drops", "--for", "0", "--interval", "100ms"}, args...))
	code = exitCode(&errs, root.ExecuteContext(ctx))
	return out.String(), errs.String(), code
}

func ip(s string) netip.Addr { return netip.MustParseAddr(s) }

// place is a drop, as the counter would hand it over.
func place(packets uint64, d drops.Drop) drops.Drop {
	d.Packets, d.Bytes = packets, packets*96
	d.First, d.Last = begun.Add(time.Second), begun.Add(9*time.Second)
	drops.Judge(&d)
	return d
}

// atBridge is what a rule of nftables' bridge family drops.
func atBridge(typ icmp6.Type, iface, arrived string) drops.Drop {
	return drops.Drop{
		Place: drops.Place{Type: typ, Reason: "NETFILTER_DROP", Location: "nft_do_chain", Interface: iface, Arrived: arrived,
			Flags: drops.Multicast},
		Callers: []string{"nft_do_chain_bridge", "nf_hook_slow", "__br_forward", "br_flood", "br_handle_frame_finish"},
		Source:  ip("fe80::1"), Destination: ip("ff02::1"),
	}
}

// atInput is what a rule of nftables' ip6 family drops.
func atInput(typ icmp6.Type, iface, from, to string) drops.Drop {
	return drops.Drop{
		Place:   drops.Place{Type: typ, Reason: "NETFILTER_DROP", Location: "nft_do_chain", Interface: iface},
		Callers: []string{"nft_do_chain_ipv6", "nf_hook_slow", "ip6_input", "ip6_sublist_rcv_finish"},
		Source:  ip(from), Destination: ip(to),
	}
}

// notJoined is for a group that this host is not in.
func notJoined(typ icmp6.Type, iface string) drops.Drop {
	return drops.Drop{Place: drops.Place{Type: typ, Location: "ip6_mc_input", Interface: iface, Flags: drops.Multicast}}
}

// links are those of a KVM host: a bridge with a guest's tap and a VXLAN over a VLAN of eth1, and a bond beside it.
func links() ([]host.Link, error) {
	return []host.Link{
		{Name: "lo", Index: 1, Up: true, Kind: "loopback"},
		{Name: "eth0", Index: 2, Up: true},
		{Name: "eth1", Index: 3, Up: true},
		{Name: "eth1.7", Index: 4, Up: true, Kind: "vlan", Lower: 3},
		{Name: "cloudbr1", Index: 5, Up: true, Kind: "bridge"},
		{Name: "vnet0", Index: 6, Up: true, Kind: "tap", Master: 5},
		{Name: "vxlan100", Index: 7, Up: true, Kind: "vxlan", Master: 5, Lower: 4, Tunnel: &host.Tunnel{ID: 100}},
		{Name: "veth9", Index: 8, Up: true, Kind: "veth", Master: 5, Lower: 2, Foreign: true},
		{Name: "bond0", Index: 9, Up: true, Kind: "bond"},
		{Name: "eth2", Index: 10, Up: true, Master: 9},
		{Name: "bond0.5", Index: 11, Up: true, Kind: "vlan", Lower: 9},
		{Name: "cloudbr2", Index: 12, Up: true, Kind: "bridge"},
		{Name: "bond0.6", Index: 13, Up: true, Kind: "vlan", Lower: 9, Master: 12},
		{Name: "mac0", Index: 14, Up: true, Kind: "macvtap", Lower: 2},
	}, nil
}

func TestDropScope(t *testing.T) {
	at := func(iface, arrived string) drops.Drop {
		return drops.Drop{Place: drops.Place{Interface: iface, Arrived: arrived}}
	}
	tagged := func(iface string) drops.Drop { return drops.Drop{Place: drops.Place{Interface: iface, VLAN: 6}} }
	inside := func(iface string, vni uint32) drops.Drop {
		return drops.Drop{Place: drops.Place{Interface: iface, VNI: vni, Flags: drops.Tunneled}}
	}
	in := func(netns string, d drops.Drop) drops.Drop { d.NetNS = netns; return d }
	for _, c := range []struct {
		about        string
		iface, netns string
		drop         drops.Drop
		want         bool
	}{
		{"all of our own", "", "", at("eth0", ""), true},
		{"without a device", "", "", at("", ""), true},
		{"another namespace", "", "", in("kvm1", at("eth0", "")), false},
		{"every namespace", "", "all", in("kvm1", at("eth0", "")), true},
		{"our own among all", "", "all", at("eth0", ""), true},
		{"the interface", "eth0", "", at("eth0", ""), true},
		{"any is all", "any", "", at("eth1", ""), true},
		{"another interface", "eth0", "", at("eth1", ""), false},
		{"of the same name elsewhere", "eth0", "", in("kvm1", at("eth0", "")), false},
		{"of the same name in all", "eth0", "all", in("kvm1", at("eth0", "")), true},
		{"not a name in all", "eth0", "all", in("kvm1", at("eth1", "")), false},
		{"it arrived there", "vnet0", "", at("vxlan100", "vnet0"), true},
		{"a bridge's port", "cloudbr1", "", at("vnet0", ""), true},
		{"by a bridge's port", "cloudbr1", "", at("cloudbr1", "vxlan100"), true},
		{"another's port", "cloudbr2", "", at("vnet0", ""), false},
		{"a port's bridge", "vnet0", "", at("cloudbr1", ""), false},
		{"the bridge's tunnel, below", "cloudbr1", "", inside("eth1.7", 100), true},
		{"another tunnel", "cloudbr1", "", inside("eth1.7", 101), false},
		{"not in the tunnel, below", "cloudbr1", "", at("eth1.7", ""), false},
		{"inside, and without a device any more", "vxlan100", "", inside("", 100), true},
		{"on eth1 itself", "eth1", "", inside("eth1", 101), true},
		{"a VLAN's own, below", "cloudbr2", "", tagged("bond0"), true},
		{"untagged, below", "cloudbr2", "", at("bond0", ""), false},
		{"a bond's port", "bond0", "", at("eth2", ""), true},
		{"below a macvtap", "mac0", "", at("eth0", ""), true},
		{"a veth's other end has another's index", "veth9", "", at("eth0", ""), false},
	} {
		t.Run(c.about, func(t *testing.T) {
			s, err := newDropScope(machine{links: links}, c.iface, c.netns)
			if err != nil {
				t.Fatal(err)
			}
			here, elsewhere := s.split([]drops.Drop{c.drop})
			if (len(here) == 1) != c.want || len(here)+len(elsewhere) != 1 {
				t.Errorf("-i %q --netns %q: %+v: asked for: %v", c.iface, c.netns, c.drop.Place, len(here) == 1)
			}
		})
	}
}

// TestDropScopeGrows has a guest start after v6probe.
func TestDropScopeGrows(t *testing.T) {
	asked, started := 0, false
	m := machine{links: func() ([]host.Link, error) {
		asked++
		list, err := links()
		if started {
			list = append(list, host.Link{Name: "vnet1", Index: 20, Kind: "tap", Master: 5})
		}
		return list, err
	}}
	s, err := newDropScope(m, "cloudbr1", "")
	if err != nil {
		t.Fatal(err)
	}
	started = true
	fresh := []drops.Drop{{Place: drops.Place{Interface: "vnet1"}}, {Place: drops.Place{Interface: "eth0"}}}
	for range 3 {
		if here, _ := s.split(fresh); len(here) != 1 || here[0].Interface != "vnet1" {
			t.Errorf("asked for: %+v", here)
		}
	}
	if asked != 2 {
		t.Errorf("links were read %d times", asked)
	}
	started = false
	fresh = append(fresh, drops.Drop{Place: drops.Place{Interface: "vnet2"}})
	if here, _ := s.split(fresh); len(here) != 1 || asked != 3 {
		t.Error("what was counted of a guest that has stopped is gone")
	}
}

// TestDropScopeOfProcess has a namespace whose first process is another one by now.
func TestDropScopeOfProcess(t *testing.T) {
	s := &dropScope{netns: "pid:17", name: "inode 4026532321 (radvd, pid 17)", inode: 4026532321}
	for name, want := range map[string]bool{
		"inode 4026532321 (radvd, pid 17)": true, "inode 4026532321 (sh, pid 18)": true, "inode 4026532321": true,
		"inode 40265323210": false, "inode 4026532322 (radvd, pid 17)": false, "": false, "kvm1": false,
	} {
		if got := s.has(&drops.Drop{Place: drops.Place{NetNS: name}}); got != want {
			t.Errorf("%q: %v", name, got)
		}
	}
}

func TestICMPTypes(t *testing.T) {
	for text, want := range map[string][]icmp6.Type{
		"":                         nil,
		"ra":                       {134},
		"RA,ns":                    {134, 135},
		"ptb, 200,0,255":           {0, 2, 200, 255},
		"ra,134":                   {134},
		"mld":                      {130, 131, 132, 143},
		"echo,unreach":             {1, 128, 129},
		"router-advertisement,rs":  {133, 134},
		"time-exceeded,redirect":   {3, 137},
		"parameter-problem,na,mld": {4, 130, 131, 132, 136, 143},
	} {
		var list []string
		if text != "" {
			list = strings.Split(text, ",")
		}
		got, err := icmpTypes(list)
		if err != nil || len(got) != len(want) {
			t.Errorf("%q: %v, %v", text, got, err)
			continue
		}
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("%q: %v, want %v", text, got, want)
			}
		}
	}
	for _, text := range []string{"raa", "256", "-1", "1.5", ""} {
		if _, err := icmpTypes([]string{text}); err == nil {
			t.Errorf("%q is taken", text)
		}
	}
}

// TestDropsReadings: each interval tells what moved in it, the summary all of it.
func TestDropsReadings(t *testing.T) {
	hurts := drops.Verdict{Class: drops.Hurts, Rule: "nd.hop-limit", Why: "A host drops it."}
	at := func(n uint64) drops.Drop {
		return drops.Drop{Place: drops.Place{Type: 134, Interface: "eth0"}, Packets: n, Verdict: hurts}
	}
	f := &fakeDrops{readings: []drops.Snapshot{
		{Drops: []drops.Drop{at(3)}, Counts: drops.Counts{Seen: 5, ICMPv6: 3}},
		{Drops: []drops.Drop{at(3)}, Counts: drops.Counts{Seen: 9, ICMPv6: 3}},
		{Drops: []drops.Drop{at(10)}, Counts: drops.Counts{Seen: 20, ICMPv6: 10, Unread: 1, MapFull: 2, NoStack: 3, Missed: 4}},
	}}
	out, errs, _ := runFake(t, f, machine{}, "--json")
	if errs != "v6probe: counting the ICMPv6 that this kernel drops until interrupted\n" {
		t.Errorf("says %q", errs)
	}
	if !f.closed {
		t.Error("the counter is left open")
	}
	wants := []string{`"type":"drop","schema":1,"time":`, `"packets":3,"total":3,`, `"seconds":3.333,"seen":5,"icmpv6":3,`,
		`"seconds":3.333,"seen":4,"icmpv6":0,`, `"packets":7,"total":10,`,
		`"seen":11,"icmpv6":7,"unread":1,"map_full":2,"no_stack":3,"missed":4,"hurts":7,"unknown":0,"benign":0}`,
		`"type":"summary"`, `"seconds":10.000,"seen":20,"icmpv6":10,"unread":1,"map_full":2,"no_stack":3,"missed":4,"hurts":10,`,
		`"source":"ebpf"`}
	for rest := out; len(wants) > 0; wants = wants[1:] {
		_, after, ok := strings.Cut(rest, wants[0])
		if !ok {
			t.Fatalf("no %s in order in\n%s", wants[0], out)
		}
		rest = after
	}
	if n := strings.Count(out, `"type":"drop"`); n != 2 {
		t.Errorf("%d drops, in a run with two intervals in which something moved:\n%s", n, out)
	}
}

// TestDropsReadFails: what was counted until then is told, and the exit code says that it is not all.
func TestDropsReadFails(t *testing.T) {
	f := &fakeDrops{readings: []drops.Snapshot{{Counts: drops.Counts{Seen: 7}}, {}}, fails: errors.New("read the counters: gone")}
	out, errs, code := runFake(t, f, machine{})
	if code != exitTrouble || !strings.Contains(errs, "read the counters: gone") {
		t.Errorf("exit code %d, %q", code, errs)
	}
	if !strings.Contains(out, "FAIL  ended early: read the counters: gone") || !strings.Contains(out, "looked at 7 packets") {
		t.Errorf("tells\n%s", out)
	}
}

// TestDropsUnavailable: without eBPF the counters are read, unless what was asked for cannot be had of them.
func TestDropsUnavailable(t *testing.T) {
	m := machine{open: func(drops.Options) (dropSource, error) {
		return nil, &drops.Unavailable{Why: "this kernel has no BTF"}
	}}
	out, errs, code := runFake(t, &fakeDrops{}, m, "--netns", "all")
	if code != exitTrouble || out != "" || errs != "v6probe: cannot count drops with eBPF: this kernel has no BTF\n"+
		"         --counters reads what any kernel counts\n" {
		t.Errorf("exit code %d, %q, %q", code, out, errs)
	}
}

// TestDropsHostileNames: names of interfaces and namespaces are whatever somebody chose.
func TestDropsHostileNames(t *testing.T) {
	evil := "e\x1b[2J\r\n\u202eth"
	d := drops.Drop{Packets: 5,
		Place:   drops.Place{Type: 134, Interface: evil, Arrived: evil, NetNS: evil, Reason: evil, Location: evil},
		Callers: []string{evil}, Verdict: drops.Verdict{Class: drops.Hurts, Rule: "nd.code", Next: "v6probe ra -i " + evil}}
	unknown := d
	unknown.Verdict = drops.Verdict{Class: drops.Unknown, Why: evil + "."}
	benign := d
	benign.Verdict = drops.Verdict{Class: drops.Benign, Why: evil + "."}
	m := machine{notDrops: func([]string) ([]host.Statement, error) {
		return []host.Statement{{Interfaces: []string{"eth0"}, Text: "accept_ra=0", Fix: "none"}}, nil
	}}
	f := func() *fakeDrops {
		return &fakeDrops{readings: []drops.Snapshot{{Drops: []drops.Drop{d, unknown, benign}}}, notes: []string{evil}}
	}
	for _, args := range [][]string{{"-v"}, {"--json"}, {}} {
		out, errs, _ := runFake(t, f(), m, append(args, "--netns", "all")...)
		for i, r := range strings.ReplaceAll(out+errs, "\n", " ") {
			if r < 0x20 || r >= 0x7f && r < 0xa0 || r == '\u202e' || r == utf8.RuneError {
				t.Fatalf("%q: %q at %d of\n%s", args, r, i, out+errs)
			}
		}
		if !strings.Contains(out, "2J") {
			t.Errorf("%q: the name is not shown at all:\n%s", args, out)
		}
	}
}
