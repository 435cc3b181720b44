package dropzone

import (
	"slices"
	"strings"
	"testing"
)

func TestCasesAreWhole(t *testing.T) {
	names := map[string]bool{}
	for _, c := range Cases() {
		if c.Name == "" || c.About == "" || c.build == nil || names[c.Name] {
			t.Errorf("case %q: the name or what it is about is missing, it cannot be built, or there are two of that name", c.Name)
		}
		names[c.Name] = true
		if len(c.Losses) == 0 || c.NotDrop != "" && c.Inside == "" {
			t.Errorf("case %q says nothing of losses, or not where v6probe runs", c.Name)
		}
		for _, l := range c.Losses {
			if l.Before == (Version{1, 0}) {
				continue // nothing of that type may be lost
			}
			known := slices.Contains([]string{"hurts", "unknown", "benign"}, l.Class)
			if !known || l.Packets == 0 || l.NetNS == "" || l.Where.On(Version{5, 10}) == "" ||
				l.Reason.On(Version{6, 18}) == "" || l.Reason.On(Version{5, 10}) != "" {
				t.Errorf("case %q has half a loss: %+v", c.Name, l)
			}
		}
	}
}

func TestByKernel(t *testing.T) {
	r := reason("IPV6_NDISC_HOP_LIMIT", Version{6, 3})
	for v, want := range map[Version]string{
		{5, 10}: "", {5, 17}: "NOT_SPECIFIED", {6, 2}: "NOT_SPECIFIED", {6, 3}: "IPV6_NDISC_HOP_LIMIT", {6, 18}: "IPV6_NDISC_HOP_LIMIT",
		{7, 0}: "IPV6_NDISC_HOP_LIMIT",
	} {
		if got := r.On(v); got != want {
			t.Errorf("reason %q on %v, want %q", got, v, want)
		}
	}
}

func TestPasses(t *testing.T) {
	stack := []string{"nft_do_chain", "nft_do_chain_bridge", "nf_hook_slow", "__br_forward"}
	for where, want := range map[string]bool{
		"nft_do_chain":                                 true,
		"nft_do_chain < nf_hook_slow":                  true,
		"other|nft_do_chain < other|__br_forward":      true,
		"nf_hook_slow":                                 false,
		"nft_do_chain < __br_forward < nf_hook_slow":   false,
		"nft_do_chain < __br_forward < br_flood":       false,
		"nft_do_chain < nft_do_chain":                  false,
		"nft_do_chain_bridge|other < nf_hook_slow":     false,
		"nft_do_chain < nft_do_chain_bridge|ip6_input": true,
	} {
		if passes(stack, strings.Split(where, " < ")) != want {
			t.Errorf("%q: %v, want %v", where, !want, want)
		}
	}
}

// TestCompare has v6probe say what is wrong in one way at a time.
func TestCompare(t *testing.T) {
	c := Case{NotDrop: "isolated", Losses: []Loss{{
		Type: 134, Packets: 7, Reason: always("NETFILTER_DROP"), Where: always("nft_do_chain < nf_hook_slow"), Hook: "bridge",
		Class: "hurts", Interface: "vnet1", Arrived: "vnet0", NetNS: "kvm", VNI: 5, Flags: []string{"multicast"},
		Absent: []string{"bad-code"}, Rule: "drop.filter",
	}}}
	n := &network{shown: map[string]string{"kvm": "inode 7"}}
	right := Record{Kind: "drop", Class: "hurts", Total: 7, Type: 134, Reason: "NETFILTER_DROP", Hook: "bridge forward",
		Location: "nft_do_chain", Callers: []string{"nft_do_chain_bridge", "nf_hook_slow"}, Iface: "vnet1", Arrived: "vnet0",
		NetNS: "inode 7 (x, pid 1)", VNI: 5, Flags: []string{"multicast"}, Rule: "drop.filter"}
	for _, tt := range []struct {
		name string
		edit func(r *Record)
		want string // a part of the only difference; "" for none
	}{
		{"right", func(*Record) {}, ""},
		{"too few", func(r *Record) { r.Total = 6 }, "counted 6 packets"},
		{"reason", func(r *Record) { r.Reason = "NOT_SPECIFIED" }, `reason "NOT_SPECIFIED"`},
		{"class", func(r *Record) { r.Class = "benign" }, `class "benign"`},
		{"hook", func(r *Record) { r.Hook = "ip6 input" }, `hook "ip6 input"`},
		{"location", func(r *Record) { r.Location = "nf_hook_slow" }, `at "nf_hook_slow`},
		{"callers", func(r *Record) { r.Callers = nil }, `at "nft_do_chain"`},
		{"arrived", func(r *Record) { r.Arrived = "" }, `arrived ""`},
		{"VNI", func(r *Record) { r.VNI = 0 }, `VNI "0"`},
		{"flag", func(r *Record) { r.Flags = nil }, "flag multicast is missing"},
		{"wrong flag", func(r *Record) { r.Flags = append(r.Flags, "bad-code") }, "flag bad-code is wrong"},
		{"other network", func(r *Record) { r.NetNS = "inode 77" }, "counted 0 packets"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := right
			r.Flags = slices.Clone(r.Flags)
			tt.edit(&r)
			_, got := c.compare(n, Version{6, 18}, said(r))
			check(t, got, tt.want)
		})
	}
	extra, mark := right, right
	extra.Type, extra.Code = 135, 0
	mark.Type = markType
	hidden := right
	hidden.Type, hidden.Class = 143, "benign"
	missed := Record{Kind: "summary", Missed: 3, NotDrops: []statement{{Text: "isolated ports"}}}
	for _, tt := range []struct {
		name string
		said []Record
		want string
	}{
		{"hurts too", said(right, extra), "not expected"},
		{"benign too", said(right, hidden), ""},
		{"nothing", said(), "counted 0 packets"},
		{"no summary", []Record{right, mark, {Kind: "finding", Rule: "drop.filter"}}, "no summary"},
		{"no mark", said(right)[:3], "sent after all"},
		{"no finding", slices.DeleteFunc(said(right), func(r Record) bool { return r.Kind == "finding" }), "no finding"},
		{"missed elsewhere", slices.Concat([]Record{missed}, said(right)), ""},
		{"not said", slices.Concat([]Record{{Kind: "summary"}}, said(right)), "not said"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			_, got := c.compare(n, Version{6, 18}, tt.said)
			check(t, got, tt.want)
		})
	}
}

// said is what v6probe says of drops, with the mark last.
func said(drops ...Record) []Record {
	return slices.Concat(drops, []Record{{Kind: "finding", Rule: "drop.filter"},
		{Kind: "summary", NotDrops: []statement{{Text: "isolated ports"}}}, {Kind: "drop", Type: markType, NetNS: "inode 7"}})
}

func check(t *testing.T, got []string, want string) {
	t.Helper()
	switch {
	case want == "" && len(got) > 0, want != "" && len(got) != 1, want != "" && !strings.Contains(got[0], want):
		t.Errorf("differences %q, want one with %q", got, want)
	}
}
