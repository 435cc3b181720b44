package report

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"v6probe/internal/counters"
	"v6probe/internal/rule"
)

func (c *Counted) tally() *rule.Tally {
	t := rule.NewTally()
	for _, f := range c.Findings() {
		t.Add(f)
	}
	return t
}

// counted is what a host without eBPF says.
func counted() *Counted {
	return &Counted{Took: 20 * time.Second, Why: "this kernel has no BTF", Moved: []counters.Moved{
		{Source: counters.NFTables, Where: "table ip6 f chain c, rule 1: icmpv6 type 134 \"\x1b\"", Name: "packets", Delta: 1234,
			Meaning: "A rule dropped ICMPv6 Router Advertisement.", Drop: true, ICMPv6: true, Vital: true},
		{Source: counters.Link, Interface: "eth0\n", Name: "rx_missed_errors", Delta: 2, Meaning: "Lost.", Drop: true},
		{Source: counters.DevSNMP6, Interface: "eth1", Name: "Ip6ReasmFails", Delta: 1, Meaning: "Not put together."},
		{Source: counters.IP6Tables, Where: "table filter", Reset: true, Meaning: "The rules were loaded anew."},
	}, Sources: []counters.Source{
		{Name: counters.SNMP6, Tool: "/proc/net/snmp6", Read: true, Counters: 30, Blind: []string{"one", "two", "three"}},
		{Name: counters.IP6Tables, Tool: "ip6tables-legacy-save", Why: "not permitted", Hint: "run as root"},
		{Name: counters.NFTables, Tool: "nft", Why: "nft: not permitted", Hint: "run as root"},
	}, NotDrops: everyKind().NotDrops}
}

func TestCountedGolden(t *testing.T) {
	for name, c := range map[string]*Counted{"counted.txt": counted(), "counted-none.txt": {Took: time.Second}} {
		var out bytes.Buffer
		text := NewText(&out, Style{})
		text.Counted(c, c.tally().Found(), false)
		text.Verdict(Summary{Tally: c.tally()}, CountedCount(c))
		dropGolden(t, name, out.String())
	}
	var out bytes.Buffer
	NewText(&out, Style{}).Counted(counted(), nil, true)
	if !strings.Contains(out.String(), "three") {
		t.Errorf("-v does not list all:\n%s", out.String())
	}
}

// TestFirewallUnread: the headline and the verdict say what no counter could be read of.
func TestFirewallUnread(t *testing.T) {
	read := counters.Source{Name: counters.SNMP6, Read: true}
	nft, ip6 := counters.Source{Name: counters.NFTables, Why: "no"}, counters.Source{Name: counters.IP6Tables, Why: "no"}
	eb, had := counters.Source{Name: counters.EBTables, Tool: "ebtables-nft-save", Why: "no"}, counters.Source{Name: counters.NFTables, Read: true}
	for _, c := range []struct {
		sources    []counters.Source
		head, tail string
	}{
		{[]counters.Source{read, had}, "count no drop. They do not count every drop: see below.", "own counters, in 1.0 s"},
		{[]counters.Source{read, nft, ip6, eb}, "that could be read count no drop; nftables, ip6tables and ebtables could not be read.",
			"; the firewall's counters could not be read"},
		{[]counters.Source{read, had, ip6}, "that could be read count no drop; ip6tables could not be read.",
			"; not all of the firewall's counters could be read"},
	} {
		of := &Counted{Sources: c.sources, Took: time.Second}
		head, tail := strings.ReplaceAll(countedHeadline(of), nbsp, " "), strings.ReplaceAll(CountedCount(of), nbsp, " ")
		if !strings.HasSuffix(head, " counters "+c.head) || !strings.HasSuffix(tail, c.tail) {
			t.Errorf("%q and %q, want %q and %q", head, tail, c.head, c.tail)
		}
	}
}
