package report

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/drops"
	"v6probe/internal/host"
	"v6probe/internal/icmp6"
	"v6probe/internal/rule"
)

// everyKind is one drop of each class, and of each way to say where it was.
func everyKind() *Dropped {
	at := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	d := &Dropped{
		Took: 10 * time.Second, Where: "in all network namespaces",
		Snapshot: drops.Snapshot{Time: at.Add(10 * time.Second), Counts: drops.Counts{
			Seen: 1234567, ICMPv6: 1300, Unread: 12, MapFull: 1, NoStack: 1000, Missed: 2}},
		NotDrops: []host.Statement{{Interfaces: []string{"eth0", "eth1"}, Text: "accept_ra=0: they are received and not used",
			Fix: "`sysctl -w net.ipv6.conf.eth0.accept_ra=1`"}},
		Elsewhere: []drops.Drop{
			{Place: drops.Place{Interface: "eth7"}, Packets: 2, Verdict: drops.Verdict{Class: drops.Hurts}},
			{Place: drops.Place{Interface: "eth0", NetNS: "r-12-VM"}, Packets: 1, Verdict: drops.Verdict{Class: drops.Hurts}},
			{Place: drops.Place{Interface: "eth8"}, Packets: 9, Verdict: drops.Verdict{Class: drops.Benign}},
		},
	}
	add := func(n uint64, p drops.Place, v drops.Verdict, callers ...string) {
		d.Drops = append(d.Drops, drops.Drop{Place: p, Verdict: v, Packets: n, Bytes: 96 * n, Callers: callers,
			First: at.Add(time.Second), Last: at.Add(2 * time.Second), Source: ip("fe80::1"), Destination: ip("ff02::1")})
	}
	hurts := drops.Verdict{Class: drops.Hurts, Why: "Guests miss it.", Rule: "ra.hop-limit", Severity: rule.Error}
	hurts.Rule, hurts.Next = "nd.hop-limit", "v6probe ra -i vxlan100 -v"
	add(3, drops.Place{Type: icmp6.TypeRouterAdvertisement, Reason: "NETFILTER_DROP", Location: "nft_do_chain",
		Hook: "bridge forward (nftables or ebtables-nft)", Interface: "vnet0", Arrived: "vxlan100", NetNS: "kvm1",
		VLAN: 7, VNI: 100, Flags: drops.Tunneled | drops.Multicast}, hurts, "nft_do_chain_bridge", "nf_hook_slow")
	add(1, drops.Place{Type: icmp6.TypeNeighborSolicitation, Hook: "IPv6 input", Interface: "eth0"}, hurts)
	unknown := drops.Verdict{Class: drops.Unknown, Why: "The kernel gives no reason."}
	add(7, drops.Place{Type: icmp6.TypePacketTooBig, Location: "br_handle_frame", Arrived: "vnet3",
		Flags: drops.StackNotTaken}, unknown)
	add(2, drops.Place{Type: 200, Code: 3}, unknown)
	add(1, drops.Place{Flags: drops.LaterPiece, Reason: "TC_EGRESS", Location: "sch_handle_egress", Interface: "eth1"}, unknown)
	joined := drops.Verdict{Class: drops.Benign, Why: "This host has not joined the group."}
	add(1200, drops.Place{Type: icmp6.TypeMLDv2Report, Location: "ip6_mc_input", Interface: "eth0"}, joined)
	add(34, drops.Place{Type: icmp6.TypeNeighborSolicitation, Location: "ip6_mc_input", Interface: "eth0"}, joined)
	add(20, drops.Place{Type: icmp6.TypeEchoReply, Reason: "NO_SOCKET", Location: "ping_rcv", Interface: "eth0"},
		drops.Verdict{Class: drops.Benign, Why: "IPv6 has handed it on already."})
	return d
}

func (d *Dropped) tally() *rule.Tally {
	t := rule.NewTally()
	for _, e := range d.Drops {
		if e.Rule != "" {
			t.Add(rule.Finding{Rule: e.Rule, Severity: e.Severity, Link: e.Interface, Offset: -1, Subject: fmt.Sprint(e.Place),
				Detail: fmt.Sprintf("%d dropped", e.Packets)})
		}
	}
	return t
}

func droppedText(d *Dropped, width int, verbose bool) string {
	var out bytes.Buffer
	t := NewText(&out, Style{Width: width})
	t.Dropped(d, d.tally().Found(), verbose)
	t.Verdict(Summary{Tally: d.tally(), FailOn: rule.Error}, DropCount(d))
	return out.String()
}

// dropGolden compares with a file, which people have read; -update writes it.
func dropGolden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", "drops", file)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Errorf("%s: got:\n%s\nwant:\n%s", file, got, want)
	}
}

func TestDroppedGolden(t *testing.T) {
	t.Setenv("TZ", "UTC")
	dropGolden(t, "every.txt", droppedText(everyKind(), 80, false))
	dropGolden(t, "every-verbose.txt", utc(t, droppedText(everyKind(), 80, true)))
	dropGolden(t, "nothing.txt", droppedText(&Dropped{Took: time.Second}, 80, false))
	some := everyKind()
	some.Drops, some.Elsewhere, some.NotDrops, some.Counts = some.Drops[2:], nil, nil, drops.Counts{}
	dropGolden(t, "unknown.txt", droppedText(some, 80, false))
	some.Drops = some.Drops[5:]
	some.Drops[0].Packets = 1
	some.Where = "on eth0"
	dropGolden(t, "benign-one.txt", droppedText(some, 80, false))
}

// utc returns the text with the times of day of the golden files, wherever the test runs.
func utc(t *testing.T, text string) string {
	t.Helper()
	local := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC).Local().Format("15:04:")
	return strings.ReplaceAll(text, local, "12:00:")
}

func TestDroppedFitsTheWidth(t *testing.T) {
	for _, width := range []int{60, 80, 110} {
		for line := range strings.Lines(droppedText(everyKind(), width, true)) {
			if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > width && !strings.HasPrefix(line, "  next") {
				t.Errorf("%d columns of %d: %s", n, width, line)
			}
		}
	}
}

// TestManyPlaces: however many there are, the report stays one.
func TestManyPlaces(t *testing.T) {
	d := &Dropped{Took: time.Second}
	for i := range 3000 {
		d.Drops = append(d.Drops, drops.Drop{Packets: uint64(i + 1),
			Place:   drops.Place{Type: icmp6.Type(i), Interface: fmt.Sprint("vnet", i)},
			Verdict: drops.Verdict{Class: drops.Class(i % 3), Why: fmt.Sprintf("Reason %d.", i)}})
	}
	for verbose, want := range map[bool]int{false: 200, true: 3000} {
		if n := strings.Count(droppedText(d, 80, verbose), "\n"); n > want {
			t.Errorf("verbose %v: %d lines", verbose, n)
		}
	}
	if s := droppedText(d, 80, false); !strings.Contains(s, "… and 988 places more.") ||
		!strings.Contains(s, "And for 996 reasons more.") {
		t.Errorf("what is not shown is not counted:\n%s", s)
	}
}

// TestNext: below a finding stand the commands of its places, each once.
func TestNext(t *testing.T) {
	d := &Dropped{}
	for i, next := range []string{"first", "first", "second \x1b[2J", "", "third", "fourth"} {
		d.Drops = append(d.Drops, drops.Drop{Packets: 1, Place: drops.Place{Interface: fmt.Sprint("eth", i)},
			Verdict: drops.Verdict{Class: drops.Hurts, Rule: "nd.code", Next: next}})
	}
	d.Drops = append(d.Drops, drops.Drop{Verdict: drops.Verdict{Class: drops.Hurts, Rule: "nd.hop-limit", Next: "another"}})
	var out bytes.Buffer
	NewText(&out, Style{}).DropFindings(d.tally().Found()[:6], d.Drops)
	_, got, _ := strings.Cut(out.String(), "  next")
	if want := "  first\n        second \\x1b[2J\n        third\n"; got != want {
		t.Errorf("%q, want %q", got, want)
	}
}

func TestDropLines(t *testing.T) {
	now := everyKind().Drops
	before := everyKind().Drops[:6]
	before[0].Packets, before[5].Packets = 1, 1000
	for _, columns := range []int{1, 10, 20, 40, 60, 79, 80, 100, 132, 200} {
		lines, more := DropLines(now, before, 2*time.Second, columns)
		if len(lines) != 1+5+1 || more != 0 {
			t.Errorf("%d lines and %d more", len(lines), more)
		}
		for _, l := range lines {
			if n := utf8.RuneCountInString(strings.ReplaceAll(l, nbsp, " ")); n > max(columns-1, 0) {
				t.Errorf("%d columns of %d: %q", n, columns, l)
			}
		}
		if columns == 40 || columns == 60 || columns == 80 || columns == 132 {
			dropGolden(t, fmt.Sprintf("live-%d.txt", columns), strings.ReplaceAll(strings.Join(lines, "\n"), nbsp, " ")+"\n")
		}
	}
	if lines, _ := DropLines(nil, nil, time.Second, 80); len(lines) != 1 || !strings.Contains(lines[0], "nothing yet") {
		t.Errorf("without a drop: %q", lines)
	}
	if lines, _ := DropLines(now, nil, 0, 80); !strings.HasPrefix(lines[1], "    0      3  RA") {
		t.Errorf("in no time: %q", lines[1])
	}
	var many []drops.Drop
	for i := range 100 {
		many = append(many, drops.Drop{Packets: 1, Place: drops.Place{Interface: fmt.Sprint(i)}})
	}
	if lines, more := DropLines(many, nil, time.Second, 80); len(lines)-1+more != 100 || len(lines) > maxLines+1 {
		t.Errorf("%d lines and %d more", len(lines), more)
	}
	// A letter that takes two columns would make the line wider than the terminal.
	wide := []drops.Drop{{Packets: 1, Place: drops.Place{Interface: "網路", Arrived: "\x1b[2J", NetNS: "網"}}}
	for _, l := range first(DropLines(wide, nil, time.Second, 80)) {
		for _, r := range l {
			if r >= 0x2e80 || r < 0x20 {
				t.Errorf("%q has %q", l, r)
			}
		}
	}
}

func first(lines []string, _ int) []string { return lines }

func TestMoved(t *testing.T) {
	at := func(iface string, n uint64) drops.Drop {
		return drops.Drop{Packets: n, Place: drops.Place{Interface: iface}}
	}
	got := Moved([]drops.Drop{at("a", 5), at("b", 2), at("c", 1), at("d", 3)}, []drops.Drop{at("d", 4), at("c", 1), at("a", 2)})
	if want := []uint64{3, 2, 0, 0}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("moved by %v, want %v", got, want)
	}
}

func TestPerSecond(t *testing.T) {
	for r, want := range map[float64]string{0: "0", 0.04: "0.04", 0.5: "0.5", 3: "3.0", 99.94: "99.9", 99.96: "100", 100: "100",
		1234.5: "1,235", 999999.4: "999,999", 999999.9: "1.0 M", 12345678: "12.3 M"} {
		if got := perSecond(r); got != want {
			t.Errorf("%v: %q, want %q", r, got, want)
		}
	}
}

func TestGrouped(t *testing.T) {
	for n, want := range map[uint64]string{0: "0", 999: "999", 1000: "1,000", 123456: "123,456",
		1<<64 - 1: "18,446,744,073,709,551,615"} {
		if got := grouped(n); got != want {
			t.Errorf("%d: %q, want %q", n, got, want)
		}
	}
}

func TestHeardAndDropped(t *testing.T) {
	d := everyKind()
	d.Where, d.NotDrops = "on eth0", nil
	for _, c := range []struct {
		drops []drops.Drop
		heard uint64
		want  string
	}{
		{nil, 0, ""},
		{nil, 4, "4 Router Advertisements reached eth0, and this kernel dropped none of them."},
		{d.Drops, 1, "1 Router Advertisement reached eth0, and this kernel dropped 3 copies of it: at"},
		{d.Drops, 2, "2 Router Advertisements reached eth0, and this kernel dropped 3 copies of them: at"},
		{d.Drops, 4, "4 Router Advertisements reached eth0, and this kernel dropped 3 of them: at bridge forward (nftables or"},
		{d.Drops, 0, "No Router Advertisement was heard on eth0, and yet this kernel dropped 3: at"},
	} {
		var out bytes.Buffer
		d.Drops = c.drops
		NewText(&out, Style{}).HeardAndDropped(d, icmp6.TypeRouterAdvertisement, c.heard)
		got := strings.ReplaceAll(strings.TrimPrefix(out.String(), "\n"), "\n", " ")
		if !strings.HasPrefix(got, c.want) || c.want == "" && got != "" {
			t.Errorf("%d heard: %q, want %q", c.heard, got, c.want)
		}
	}
}

// TestAllDropped: the headline stands where what came in was dropped, all of it, on the interface that is listened on.
func TestAllDropped(t *testing.T) {
	at := func(n uint64, iface, hook string) drops.Drop {
		return drops.Drop{Packets: n, Place: drops.Place{Type: icmp6.TypeRouterAdvertisement, Interface: iface, Hook: hook},
			Verdict: drops.Verdict{Class: drops.Hurts}}
	}
	const input = "ip6 input (nftables or ip6tables-nft)"
	for _, c := range []struct {
		iface string
		heard uint64
		drops []drops.Drop
		want  string
	}{
		{"eth0", 8, []drops.Drop{at(8, "eth0", input)}, "eth0: this kernel drops all 8 Router Advertisements that reach it (at ip6 input " +
			"(nftables or ip6tables-nft)): this host forms no address from them."},
		{"eth0", 1, []drops.Drop{at(1, "eth0", input)}, "eth0: this kernel drops the one Router Advertisement that reached it (at ip6 " +
			"input (nftables or ip6tables-nft)): this host forms no address from it."},
		{"eth0", 8, []drops.Drop{at(5, "eth0", input), at(3, "eth0", "inet ingress (nftables)")}, "eth0: this kernel drops all 8 Router " +
			"Advertisements that reach it (at ip6 input (nftables or ip6tables-nft) and at inet ingress (nftables)): this host " +
			"forms no address from them."},
		{"eth0", 9, []drops.Drop{at(8, "eth0", input)}, ""},
		{"eth0", 0, nil, ""},
		{"eth0", 8, []drops.Drop{at(8, "eth1", input)}, ""},
		{"br0", 8, []drops.Drop{at(16, "br0", "bridge forward (nftables or ebtables-nft)")}, ""},
		{"", 8, []drops.Drop{at(8, "", input)}, ""},
	} {
		var out bytes.Buffer
		d := &Dropped{Interface: c.iface, Snapshot: drops.Snapshot{Drops: c.drops}}
		NewText(&out, Style{}).AllDropped(d, icmp6.TypeRouterAdvertisement, c.heard)
		if got := strings.TrimSpace(strings.ReplaceAll(out.String(), "\n", " ")); got != c.want {
			t.Errorf("%d heard on %q, %+v: %q, want %q", c.heard, c.iface, c.drops, got, c.want)
		}
	}
}

// TestSettings: they are told in full where Router Advertisements were dropped, one interface was asked for, or all is listed.
func TestSettings(t *testing.T) {
	d := everyKind()
	d.Drops[0].NetNS, d.Drops[0].Arrived = "", "br0"
	d.NotDrops = append(d.NotDrops, host.Statement{Interfaces: []string{"br0"}, Text: "of br0"})
	full, line := "  eth0, eth1: accept_ra=0", "\nMore settings that look like drops: eth0, eth1 (-v tells).\n"
	if s := droppedText(d, 80, false); !strings.Contains(s, "  br0: of br0.") || !strings.Contains(s, line) || strings.Contains(s, full) {
		t.Errorf("without -v:\n%s", s)
	}
	if s := droppedText(d, 80, true); !strings.Contains(s, full) || strings.Contains(s, line) {
		t.Errorf("with -v:\n%s", s)
	}
	d.Interface = "eth0"
	if s := droppedText(d, 80, false); !strings.Contains(s, full) || strings.Contains(s, line) {
		t.Errorf("with -i:\n%s", s)
	}
}

// TestSeveral: findings that share a block are as many as the verdict counts.
func TestSeveral(t *testing.T) {
	tally := rule.NewTally()
	for _, link := range []string{"eth0", "eth1", "eth2"} {
		tally.Add(rule.Finding{Rule: "drop.tc", Severity: rule.Error, Link: link, Offset: -1})
	}
	tally.Add(rule.Finding{Rule: "drop.bpf", Severity: rule.Error, Offset: -1})
	for name, write := range map[string]func(*Text){
		"Findings":     func(t *Text) { t.Findings(tally.Found()) },
		"DropFindings": func(t *Text) { t.DropFindings(tally.Found(), nil) },
	} {
		var out bytes.Buffer
		write(NewText(&out, Style{}))
		if s := out.String(); !strings.Contains(s, "drop.tc (3 findings)\n") || !strings.Contains(s, "drop.bpf\n") {
			t.Errorf("%s:\n%s", name, s)
		}
	}
}

// TestPlacesOnce: what reads the same is told once.
func TestPlacesOnce(t *testing.T) {
	at := drops.Drop{Packets: 2, Place: drops.Place{Type: icmp6.TypeRouterAdvertisement, Hook: "ip6 input", Interface: "eth0"}}
	other := at
	other.Flags = drops.Multicast
	var out bytes.Buffer
	d := &Dropped{Where: "on eth0", Snapshot: drops.Snapshot{Drops: []drops.Drop{at, other}}}
	NewText(&out, Style{}).HeardAndDropped(d, icmp6.TypeRouterAdvertisement, 5)
	if s := strings.ReplaceAll(out.String(), "\n", " "); !strings.HasSuffix(s, "dropped 4 of them: at ip6 input on eth0. ") {
		t.Errorf("%q", s)
	}
}

// TestBare: no empty line stands above the first other one.
func TestBare(t *testing.T) {
	var out bytes.Buffer
	text := NewText(&out, Style{})
	text.Bare()
	text.DropFindings(nil, nil)
	text.Verdict(Summary{Tally: rule.NewTally()}, "what")
	text.Blank()
	if got := out.String(); !strings.HasPrefix(got, "PASS") || !strings.HasSuffix(got, "what\n\n") {
		t.Errorf("%q", got)
	}
}
