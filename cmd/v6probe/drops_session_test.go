package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/counters"
	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

const sessionsFile = "../../docs/drops.md"

// bridgeEatsRAs is a KVM host whose bridge rule drops Router Advertisements.
func bridgeEatsRAs() drops.Snapshot {
	return drops.Snapshot{
		Drops: []drops.Drop{
			place(34, atBridge(icmp6.TypeRouterAdvertisement, "vnet0", "vxlan100")),
			place(1200, notJoined(icmp6.TypeMLDv2Report, "cloudbr1")),
			place(34, notJoined(icmp6.TypeNeighborSolicitation, "cloudbr1")),
		},
		Counts: drops.Counts{Seen: 14302, ICMPv6: 1268},
	}
}

// vrDropsRSs is a Virtual Router whose fw_input drops what it should accept.
func vrDropsRSs() drops.Snapshot {
	return drops.Snapshot{
		Drops: []drops.Drop{
			place(9, atInput(icmp6.TypePacketTooBig, "eth2", "2001:db8:ffff::1", "2001:db8:1::1")),
			place(3, atInput(icmp6.TypeRouterSolicitation, "eth0", "fe80::1c00:aff:fe00:17", "ff02::2")),
			place(6, atInput(icmp6.TypeMLDQuery, "eth0", "fe80::1c00:aff:fe00:1", "ff02::1")),
		},
		Counts: drops.Counts{Seen: 803, ICMPv6: 18},
	}
}

// healthy drops what every network drops.
func healthy() drops.Snapshot {
	other := drops.Drop{Place: drops.Place{Type: icmp6.TypeNeighborSolicitation, Reason: "OTHERHOST", Location: "ipv6_rcv",
		Interface: "eth0", Flags: drops.OtherHost}}
	return drops.Snapshot{
		Drops: []drops.Drop{
			place(1200, notJoined(icmp6.TypeMLDv2Report, "eth0")),
			place(34, other),
		},
		Counts: drops.Counts{Seen: 1911, ICMPv6: 1234},
	}
}

// TestSessions holds the sessions in the documentation against what the command writes.
func TestSessions(t *testing.T) {
	disabled := machine{links: links, notDrops: func([]string) ([]host.Statement, error) {
		return []host.Statement{{Interfaces: []string{"cloudbr1"}, Text: "disable_ipv6=1: this host itself takes no IPv6 there, " +
			"which is as it should be on a KVM host; what is forwarded for guests is not concerned"}}, nil
	}}
	unused := machine{notDrops: func([]string) ([]host.Statement, error) {
		return []host.Statement{{Interfaces: []string{"eth0"}, Text: "accept_ra=0: Router Advertisements are received and not used"}}, nil
	}}
	for _, c := range []struct {
		name     string
		command  string
		snapshot drops.Snapshot
		machine  machine
		args     []string
		code     int
	}{
		{"bridge", "v6probe drops -i cloudbr1 --for 10s", bridgeEatsRAs(), disabled, []string{"-i", "cloudbr1"}, exitFindings},
		{"router", "v6probe drops --for 10s", vrDropsRSs(), machine{}, nil, exitFindings},
		{"healthy", "v6probe drops --for 10s", healthy(), unused, nil, exitOK},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := &fakeDrops{readings: []drops.Snapshot{{}, c.snapshot}}
			out, errs, code := runFake(t, f, c.machine, c.args...)
			if code != c.code || !strings.HasPrefix(errs, "v6probe: counting") {
				t.Errorf("exit code %d, %q", code, errs)
			}
			documented(t, c.name, "$ "+c.command+"\n"+out)
		})
	}
	t.Run("counters", func(t *testing.T) {
		var out bytes.Buffer
		r := &dropsRun{dropsFlags: &dropsFlags{}, output: output{text: report.NewText(&out, report.Style{})}}
		err := r.tellCounted(&report.Counted{
			Took: 20 * time.Second,
			Sources: []counters.Source{
				{Name: counters.SNMP6, Read: true, Blind: []string{"netfilter moves none of these", "another"}},
				{Name: counters.NFTables, Read: true, Blind: []string{"rules without a counter, policies of chains, and elements of " +
					"sets and verdict maps do not count"}},
				{Name: counters.IP6Tables, Why: "ip6tables-nft-save: Permission denied", Hint: "it needs CAP_NET_ADMIN"},
			},
			Moved: []counters.Moved{
				{Source: counters.NFTables, Where: "table ip6 ip6_acl chain eth2_ingress_policy, rule 7: " +
					"icmpv6 type packet-too-big counter drop", Name: "packets", Delta: 12, Drop: true, ICMPv6: true, Vital: true,
					Meaning: "A rule dropped ICMPv6 Packet Too Big: connections hang as soon as they send more than the narrowest " +
						"link on their way carries."},
				{Source: counters.DevSNMP6, Interface: "eth0", Name: "Ip6InNoRoutes", Delta: 3, Drop: true,
					Meaning: "Received packets had no route from here: see `ip -6 route`."},
			},
		}, report.Summary{Tally: rule.NewTally(), FailOn: rule.Error})
		if err != nil {
			t.Error(err)
		}
		documented(t, "counters", "$ v6probe drops\nv6probe: "+fallbackNote("this kernel has no BTF")+"\n"+out.String())
	})
	t.Run("live", func(t *testing.T) {
		now, before := bridgeEatsRAs().Drops, bridgeEatsRAs().Drops
		before[0].Packets, before[1].Packets = 31, 1100
		lines, _ := report.DropLines(now, before, time.Second, 80)
		documented(t, "live", "counting dropped ICMPv6 on cloudbr1, 9s of 20s, Ctrl-C ends early\n"+
			strings.Join(lines, "\n")+"\n")
	})
}

// documented compares what a command wrote with the documentation, which people have read; -update writes it there.
func documented(t *testing.T, name, got string) {
	t.Helper()
	doc, err := os.ReadFile(sessionsFile)
	if err != nil {
		t.Fatal(err)
	}
	before, after, ok := strings.Cut(string(doc), "<!-- session "+name+" -->\n```\n")
	want, rest, ends := strings.Cut(after, "```\n")
	if !ok || !ends {
		t.Fatalf("%s has no session %s", sessionsFile, name)
	}
	if *update && got != want {
		text := before + "<!-- session " + name + " -->\n```\n" + got + "```\n" + rest
		if err := os.WriteFile(sessionsFile, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		want = got
	}
	if got != want {
		t.Errorf("%s shows\n%s\nand not\n%s", sessionsFile, want, got)
	}
	for line := range strings.Lines(got) {
		copied := strings.HasPrefix(line, "  next") || strings.HasPrefix(line, "v6probe: ")
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !copied {
			t.Errorf("%d columns: %s", n, line)
		}
	}
}
