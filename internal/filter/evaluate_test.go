package filter

import (
	"fmt"
	"net/netip"
	"reflect"
	"slices"
	"testing"
)

// does returns a rule whose handle is n.
func does(n uint64, matches Truth, act Act, target string) Rule {
	return Rule{Handle: n, Text: fmt.Sprint("rule ", n), Apply: func(*Packet) (Truth, Act, string) {
		return matches, act,
			target
	}}
}

// when returns a rule that matches a packet for which ok.
func when(n uint64, act Act, ok func(p *Packet) bool) Rule {
	return Rule{Handle: n, Text: fmt.Sprint("rule ", n), Apply: func(p *Packet) (Truth, Act, string) {
		if ok(p) {
			return Yes, act, ""
		}
		return No, act, ""
	}}
}

func hooked(name string, h Hook, priority int, policy Act, rules ...Rule) *Chain {
	return &Chain{Tool: "nft", Table: "ip6 t", Name: name, Base: true, Hook: h, Priority: priority, Policy: policy,
		Rules: rules}
}

func called(name string, rules ...Rule) *Chain {
	return &Chain{Tool: "nft", Table: "ip6 t", Name: name, Policy: Accept, Rules: rules}
}

// evaluatorCase is chains and what becomes of a packet at input; at and doubts are handles, 0 the policy.
type evaluatorCase struct {
	name    string
	chains  []*Chain
	verdict Verdict
	at      string
	doubts  []uint64
}

func evaluatorCases() []evaluatorCase {
	in := func(policy Act, rules ...Rule) *Chain { return hooked("in", Input, 0, policy, rules...) }
	return []evaluatorCase{
		{"nothing", nil, Passes, "", nil},
		{"policy", []*Chain{in(Drop)}, Dropped, "in 0", nil},
		{"other hook", []*Chain{hooked("out", Output, 0, Drop)}, Passes, "", nil},
		{"accept ends its chain only", []*Chain{in(Drop, does(1, Yes, Accept, "")), hooked("late", Input, 10, Drop)}, Dropped,
			"late 0", nil},
		{"the first drop", []*Chain{hooked("late", Input, 10, Drop), in(Drop)}, Dropped, "in 0", nil},
		{"no match", []*Chain{in(Accept, does(1, No, Drop, ""))}, Passes, "", nil},
		{"jump and come back", []*Chain{in(Accept, does(1, Yes, Jump, "a"), does(2, Yes, Drop, "")), called("a")}, Dropped, "in 2",
			nil},
		{"goto does not come back", []*Chain{in(Accept, does(1, Yes, Goto, "a"), does(2, Yes, Drop, "")), called("a")}, Passes, "",
			nil},
		{"goto in a called chain", []*Chain{in(Accept, does(1, Yes, Jump, "a"), does(4, Yes, Drop, "")),
			called("a", does(2, Yes, Goto, "b"), does(3, Yes, Accept, "")), called("b")}, Dropped, "in 4", nil},
		{"return from the base", []*Chain{in(Drop, does(1, Yes, Return, ""), does(2, Yes, Accept, ""))}, Dropped, "in 0", nil},
		{"return from a called chain", []*Chain{in(Drop, does(1, Yes, Jump, "a"), does(3, Yes, Accept, "")),
			called("a", does(2, Yes, Return, ""), does(4, Yes, Drop, ""))}, Passes, "", nil},
		{"perhaps accepted", []*Chain{in(Drop, does(1, CannotTell, Accept, ""))}, Doubtful, "in 0", []uint64{1}},
		{"perhaps accepted, or else", []*Chain{in(Accept, does(1, CannotTell, Accept, ""))}, Passes, "", nil},
		{"perhaps dropped", []*Chain{in(Accept, does(1, CannotTell, Drop, ""))}, Doubtful, "in 1", []uint64{1}},
		{"perhaps dropped, or else", []*Chain{in(Accept, does(1, CannotTell, Drop, ""), does(2, Yes, Drop, ""))}, Dropped, "in 2",
			nil},
		{"perhaps counted", []*Chain{in(Accept, does(1, CannotTell, Continue, ""))}, Passes, "", nil},
		{"perhaps called", []*Chain{in(Accept, does(1, CannotTell, Jump, "a")), called("a", does(2, Yes, Drop, ""))}, Doubtful,
			"a 2",
			[]uint64{1}},
		{"perhaps called, in vain", []*Chain{in(Accept, does(1, CannotTell, Jump, "a")), called("a", does(2, Yes, Return, ""))},
			Passes,
			"", nil},
		{"perhaps gone", []*Chain{in(Drop, does(1, CannotTell, Goto, "a"), does(2, Yes, Accept, "")), called("a")}, Doubtful,
			"in 0",
			[]uint64{1}},
		{"accepted here, dropped there", []*Chain{in(Drop, does(1, CannotTell, Accept, "")), hooked("late", Input, 10, Drop)},
			Dropped,
			"in 0", nil},
		{"elsewhere", []*Chain{in(Accept, does(1, Yes, Elsewhere, ""))}, Doubtful, "in 1", []uint64{1}},
		{"elsewhere, and dropped after", []*Chain{in(Accept, does(1, Yes, Elsewhere, "")), hooked("late", Input, 10, Drop)},
			Dropped,
			"late 0", nil},
		{"a chain that is not there", []*Chain{in(Accept, does(1, Yes, Jump, "a"))}, Doubtful, "in 1", []uint64{1}},
		{"a chain that calls itself", []*Chain{in(Accept, does(1, Yes, Jump, "a")), called("a", does(2, Yes, Jump, "a"))},
			Doubtful, "a 2",
			[]uint64{2}},
		{"nat asks only about new connections", []*Chain{{Tool: "nft", Base: true, Hook: Input, NAT: true, Policy: Drop}}, Passes,
			"", nil},
	}
}

func TestEvaluate(t *testing.T) {
	for _, c := range evaluatorCases() {
		r := &Ruleset{Chains: c.chains}
		o := r.Hook(IPv6, Input, &Packet{In: "eth0"})
		at := ""
		if o.At != (Place{}) {
			at = fmt.Sprint(o.At.Chain, " ", o.At.Handle)
		}
		var doubts []uint64
		for _, d := range o.Doubts {
			doubts = append(doubts, d.Handle)
		}
		if o.Verdict != c.verdict || at != c.at || !slices.Equal(doubts, c.doubts) {
			t.Errorf("%s: %d at %q, doubts %v; want %d at %q, doubts %v", c.name, o.Verdict, at, doubts, c.verdict, c.at, c.doubts)
		}
	}
}

func TestPlace(t *testing.T) {
	r := &Ruleset{Chains: []*Chain{hooked("in", Input, 0, Drop)}}
	want := Place{Tool: "nft", Table: "ip6 t", Chain: "in", Hook: Input, Rule: "policy drop"}
	if got := r.Hook(IPv6, Input, &Packet{}).At; got != want {
		t.Errorf("%+v, want %+v", got, want)
	}
}

// Both ways of every rule in chains that call each other are more than can be followed one by one.
func TestManyWays(t *testing.T) {
	r := &Ruleset{Chains: []*Chain{hooked("c0", Input, 0, Accept, does(1, CannotTell, Jump, "c1"), does(2, CannotTell, Jump,
		"c1"))}}
	for i := 1; i < 15; i++ {
		next := fmt.Sprint("c", i+1)
		c := called(fmt.Sprint("c", i))
		for n := range uint64(30) {
			c.Rules = append(c.Rules, does(n, CannotTell, Jump, next))
		}
		r.Chains = append(r.Chains, c)
	}
	r.Chains = append(r.Chains, called("c15", does(1, CannotTell, Drop, "")))
	o := r.Hook(IPv6, Input, &Packet{})
	if o.Verdict != Doubtful || len(o.Doubts) != maxDoubts {
		t.Errorf("%+v", o)
	}
}

func TestUnread(t *testing.T) {
	r := &Ruleset{Unread: []string{"ebtables: no such program"}}
	if o := r.Local(&Packet{}); o.Verdict != Doubtful || !reflect.DeepEqual(o.Unread, r.Unread) {
		t.Errorf("%+v", o)
	}
	r.Chains = []*Chain{hooked("in", Input, 0, Drop)}
	if o := r.Local(&Packet{}); o.Verdict != Dropped || o.Unread != nil {
		t.Errorf("%+v", o)
	}
}

func TestTracking(t *testing.T) {
	untrack := func(ok Truth) Rule {
		r := does(9, ok, Continue, "")
		r.Untracks = true
		return r
	}
	is := func(track Track) Rule {
		return when(1, Drop, func(p *Packet) bool { return p.Track == track })
	}
	cases := []struct {
		name   string
		chains []*Chain
		want   Verdict
	}{
		{"tracked", []*Chain{hooked("in", Input, 0, Accept, is(New))}, Dropped},
		{"not tracked yet", []*Chain{hooked("raw", Prerouting, -300, Accept, is(New))}, Passes},
		{"not tracked yet is invalid", []*Chain{hooked("raw", Prerouting, -300, Accept, is(Invalid))}, Dropped},
		{"tracked from -200 on", []*Chain{hooked("pre", Prerouting, -199, Accept, is(New))}, Dropped},
		{"untracked", []*Chain{hooked("raw", Prerouting, -300, Accept, untrack(Yes)), hooked("in", Input, 0, Accept,
			is(Untracked))},
			Dropped},
		{"untracked at once", []*Chain{hooked("raw", Prerouting, -300, Accept, untrack(Yes), is(Untracked))}, Dropped},
		{"perhaps untracked", []*Chain{hooked("raw", Prerouting, -300, Accept, untrack(CannotTell)),
			hooked("in", Input, 0, Accept, is(Untracked))}, Doubtful},
		{"untracked too late", []*Chain{hooked("pre", Prerouting, 0, Accept, untrack(Yes)),
			hooked("in", Input, 0, Accept, is(Untracked))}, Passes},
	}
	for _, c := range cases {
		if o := (&Ruleset{Chains: c.chains}).Local(&Packet{Track: New}); o.Verdict != c.want {
			t.Errorf("%s: %+v, want %d", c.name, o, c.want)
		}
	}
}

func TestHooksSeeWhatTheKernelShows(t *testing.T) {
	full := Packet{In: "in", Out: "out", PhysIn: "pin", PhysOut: "pout", HopLimit: 64, Source: netip.MustParseAddr("fe80::1")}
	seen := ""
	see := func(f Family, h Hook, device string) *Chain {
		return &Chain{Base: true, Family: f, Hook: h, Device: device, Policy: Accept, Rules: []Rule{when(1, Drop,
			func(p *Packet) bool {
				seen += fmt.Sprintf("%d %s: %s>%s %s>%s %d\n", f, h, p.In, p.Out, p.PhysIn, p.PhysOut, p.HopLimit)
				return false
			})}}
	}
	r := &Ruleset{Chains: []*Chain{see(Netdev, Ingress, "in"), see(IPv6, Prerouting, ""), see(IPv6, Input, ""), see(IPv6,
		Forward, ""),
		see(IPv6, Output, ""), see(IPv6, Postrouting, ""), see(Netdev, Egress, "o*"), see(Netdev, Egress, "out2"),
		see(Bridge, Postrouting, "")}}
	cases := []struct {
		follow func(p *Packet) Outcome
		want   string
	}{
		{r.Local, "2 ingress: in> > 64\n0 prerouting: in> pin> 64\n0 input: in> pin> 64\n"},
		{r.Forwarded, "2 ingress: in> > 64\n0 prerouting: in> pin> 64\n0 forward: in>out pin>pout 63\n" +
			"0 postrouting: in>out pin>pout 63\n2 egress: >out > 63\n"},
		{r.Sent, "0 output: >out > 64\n0 postrouting: >out > 64\n2 egress: >out > 64\n"},
		{func(p *Packet) Outcome { return r.Hook(Bridge, Postrouting, p) }, "1 postrouting: >out >pout 64\n"},
	}
	for i, c := range cases {
		seen = ""
		p := full
		c.follow(&p)
		if seen != c.want || p != full {
			t.Errorf("case %d:\n%swant\n%s", i, seen, c.want)
		}
	}
}
