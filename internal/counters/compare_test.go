package counters

import (
	"slices"
	"strings"
	"testing"
)

// sample makes a sample of counters given as "source key value", all read.
func sample(list ...counter) *Sample {
	s := &Sample{counters: list}
	for _, c := range list {
		if !s.read(c.Source) {
			s.Sources = append(s.Sources, Source{Name: c.Source, Read: true})
		}
	}
	return s
}

func ruleCounter(key string, value uint64) counter {
	return counter{Moved: Moved{Source: NFTables, Where: key, Drop: true}, key: key, group: "table ip6 f", value: value}
}

func deviceCounter(source, iface, name string, value uint64) counter {
	return counter{Moved: Moved{Source: source, Interface: iface, Name: name, Drop: true}, key: source + iface + name, group: iface,
		value: value, device: true}
}

func TestCompare(t *testing.T) {
	snmp := func(v uint64) counter { return deviceCounter(SNMP6, "", "Ip6InNoRoutes", v) }
	for _, c := range []struct {
		name          string
		before, after *Sample
		iface         string
		want          []Moved
	}{
		{name: "nothing moved", before: sample(ruleCounter("a", 5), snmp(3)), after: sample(ruleCounter("a", 5), snmp(3))},
		{name: "most first", before: sample(ruleCounter("a", 5), ruleCounter("b", 1)), after: sample(ruleCounter("a", 6), ruleCounter("b", 9)),
			want: []Moved{{Source: NFTables, Where: "b", Drop: true, Delta: 8}, {Source: NFTables, Where: "a", Drop: true, Delta: 1}}},
		{name: "up to the last number", before: sample(ruleCounter("a", 0)), after: sample(ruleCounter("a", 1<<64-1)),
			want: []Moved{{Source: NFTables, Where: "a", Drop: true, Delta: 1<<64 - 1}}},
		{name: "back", before: sample(ruleCounter("a", 5), ruleCounter("b", 5)), after: sample(ruleCounter("a", 4), ruleCounter("b", 0)),
			want: []Moved{{Source: NFTables, Where: "table ip6 f", Reset: true,
				Meaning: "The rules were changed or loaded anew between the samples (2 counters went back, 0 with a count came, 0 went):" +
					" what they counted is not known."}}},
		{name: "a new rule that begins with a number", before: sample(ruleCounter("a", 5)), after: sample(ruleCounter("a", 5), ruleCounter("b", 1e18)),
			want: []Moved{{Source: NFTables, Where: "table ip6 f", Reset: true,
				Meaning: "The rules were changed or loaded anew between the samples (0 counters went back, 1 with a count came, 0 went):" +
					" what they counted is not known."}}},
		{name: "a new rule that counted nothing", before: sample(ruleCounter("a", 5)), after: sample(ruleCounter("a", 5), ruleCounter("b", 0))},
		{name: "a rule went", before: sample(ruleCounter("a", 5), ruleCounter("b", 5)), after: sample(ruleCounter("b", 5)),
			want: []Moved{{Source: NFTables, Where: "table ip6 f", Reset: true,
				Meaning: "The rules were changed or loaded anew between the samples (0 counters went back, 0 with a count came, 1 went):" +
					" what they counted is not known."}}},
		{name: "not readable before", before: &Sample{Sources: []Source{{Name: NFTables}}}, after: sample(ruleCounter("a", 5))},
		{name: "not readable after", before: sample(ruleCounter("a", 5)), after: &Sample{Sources: []Source{{Name: NFTables}}}},
		{name: "one of two tools not readable", before: sample(ruleCounter("a", 5)),
			after: &Sample{Sources: []Source{{Name: NFTables, Read: true}, {Name: NFTables}}}},
		{name: "told of the interface only", before: sample(snmp(0), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 0)),
			after: sample(snmp(2), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 2)),
			want:  []Moved{{Source: DevSNMP6, Interface: "eth0", Name: "Ip6InNoRoutes", Drop: true, Delta: 2}}},
		{name: "of another interface", before: sample(snmp(0), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 0)),
			after: sample(snmp(2), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 2)), iface: "eth1"},
		{name: "of no interface", before: sample(snmp(0), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 0)),
			after: sample(snmp(2), deviceCounter(DevSNMP6, "eth0", "Ip6InNoRoutes", 0)), iface: "eth1",
			want: []Moved{{Source: SNMP6, Name: "Ip6InNoRoutes", Drop: true, Delta: 2}}},
		{name: "an interface came and went", before: sample(snmp(0), deviceCounter(DevSNMP6, "tap1", "Ip6InDiscards", 9)),
			after: sample(snmp(0), deviceCounter(DevSNMP6, "tap2", "Ip6InDiscards", 3)),
			want:  []Moved{{Source: DevSNMP6, Interface: "tap2", Name: "Ip6InDiscards", Drop: true, Delta: 3}}},
		{name: "an interface was reset", before: sample(deviceCounter(Link, "eth0", "tx_dropped", 9)),
			after: sample(deviceCounter(Link, "eth0", "tx_dropped", 3)),
			want: []Moved{{Source: Link, Interface: "eth0", Where: "eth0", Reset: true,
				Meaning: "1 counter went back: the interface was reset, and what was counted between is not known."}}},
	} {
		c.after.iface = c.iface
		if got := Compare(c.before, c.after); !slices.Equal(got, c.want) {
			t.Errorf("%s: %+v\nwant %+v", c.name, got, c.want)
		}
	}
}

// TestTablesAreCounters has a meaning, and a full stop, for all that may be told.
func TestTablesAreCounters(t *testing.T) {
	var all []string
	for _, c := range snmpCounters() {
		all = append(all, c.meaning)
	}
	for _, c := range linkCounters() {
		all = append(all, c.meaning)
		for _, kind := range []string{"tun", "vxlan"} {
			if s := linkMeaning(kind, c.name); s != "" {
				all = append(all, s)
			}
		}
	}
	for _, k := range icmpTypes() {
		all = append(all, (&about{only: true, types: []uint8{k.kind}}).meaning())
	}
	all = append(all, (&about{}).meaning(), (&about{only: true}).meaning(), (&about{only: true, types: []uint8{2, 200}}).meaning(),
		(&about{only: true, types: []uint8{200}}).meaning(), policyMeaning)
	for _, s := range all {
		if !strings.HasSuffix(s, ".") || strings.Contains(s, "  ") || strings.Contains(s, "..") {
			t.Errorf("%q", s)
		}
	}
	for _, name := range []string{SNMP6, DevSNMP6, NFTables, IP6Tables, EBTables, Link, Softnet} {
		for _, b := range blind(name) {
			if b == "" || strings.HasSuffix(b, ".") {
				t.Errorf("%s: %q", name, b)
			}
		}
		if len(blind(name)) == 0 {
			t.Errorf("%s sees all?", name)
		}
	}
}
