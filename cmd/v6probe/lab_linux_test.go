package main

import (
	"bytes"
	"context"
	"io"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"v6probe/internal/lab/cloud"
	"v6probe/internal/lab/keeper"
	"v6probe/internal/rule"
)

func TestJudgeLab(t *testing.T) {
	of := func(words ...string) (found []labFinding) { // "severity rule"
		for _, w := range words {
			severity, id, _ := strings.Cut(w, " ")
			found = append(found, labFinding{"finding", id, severity})
		}
		return found
	}
	for name, c := range map[string]struct {
		wanted, also []string
		from         rule.Severity
		found        []labFinding
		code         int
		says         string // "" where all is as it should be
	}{
		"one":           {[]string{"a.a"}, nil, rule.Error, of("error a.a"), 1, ""},
		"one, others":   {[]string{"a.a"}, nil, rule.Error, of("info c.c", "warning b.b", "error a.a", "error a.a"), 1, ""},
		"two":           {[]string{"a.a", "b.b"}, nil, rule.Error, of("error a.a", "error b.b"), 1, ""},
		"a warning too": {[]string{"a.a", "b.b"}, nil, rule.Error, of("warning b.b", "error a.a"), 1, ""},
		"also":          {[]string{"a.a"}, []string{"b.b"}, rule.Error, of("error a.a", "error b.b"), 1, ""},
		"healthy":       {nil, nil, rule.Warning, of("info a.a"), 0, ""},
		"a warning":     {[]string{"a.a"}, nil, rule.Warning, of("info c.c", "warning a.a"), 1, ""},
		"not found":     {[]string{"a.a"}, nil, rule.Error, nil, 0, "it does not name a.a; its exit code is 0, not 1."},
		"another":       {[]string{"a.a"}, nil, rule.Error, of("error b.b"), 1, "it does not name a.a; it names b.b, which it should not."},
		"one too many":  {[]string{"a.a"}, nil, rule.Error, of("error a.a", "error b.b"), 1, "it names b.b, which it should not."},
		"also first": {[]string{"a.a"}, []string{"b.b"}, rule.Error, of("error b.b", "error a.a"), 1,
			"it does not name a.a first."},
		"order": {[]string{"a.a", "b.b"}, nil, rule.Error, of("error b.b", "error a.a"), 1, "it does not name a.a first."},
		"too mild": {[]string{"a.a"}, nil, rule.Error, of("warning a.a"), 0,
			"it does not name a.a first; its exit code is 0, not 1."},
		"false alarm":   {nil, nil, rule.Warning, of("warning a.a"), 1, "it names a.a, which it should not; its exit code is 1, not 0."},
		"stray warning": {[]string{"a.a"}, nil, rule.Warning, of("warning a.a", "warning b.b"), 1, "it names b.b, which it should not."},
	} {
		v := judgeLab(c.wanted, c.also, c.from, c.found, c.code)
		got := labSentence(&cloud.Scenario{Findings: c.wanted}, v, c.code)
		if v.ok() != (c.says == "") || c.says != "" && !strings.HasSuffix(got, ": "+c.says) {
			t.Errorf("%s: %v, %q, want %q", name, v.ok(), got, c.says)
		}
	}
}

func TestLabFailsFrom(t *testing.T) {
	for command, want := range map[string]rule.Severity{
		"vr": rule.Error, "vr --fail-on warning": rule.Warning, "vr --fail-on=warning -v": rule.Warning, "vr --fail-on": rule.Error,
		"vr --fail-on error": rule.Error,
	} {
		if got := labFailsFrom(strings.Fields(command)); got != want {
			t.Errorf("%s: %v", command, got)
		}
	}
}

// TestLabFindings reads the same findings from a report for people as from NDJSON.
func TestLabFindings(t *testing.T) {
	run := func(args ...string) io.Reader {
		var out, said bytes.Buffer
		if code := execute(context.Background(), args, streams{out: &out, err: &said}); code != exitFindings {
			t.Fatalf("%q: exit code %d: %s", args, code, &said)
		}
		return &out
	}
	for _, file := range []string{"radvd-vpc-redundant-no-prefix.pcap", "ra.too-fast_bad.pcap", "pio.not-64_bad.pcap"} {
		command := []string{"ra", "--fail-on", "warning", "-r", "../../fixtures/pcaps/" + file}
		text, err := findingsText(run(append(command, "--color", "always")...))
		if err != nil {
			t.Fatal(err)
		}
		list, err := findingsJSON(run(append(command, "--json")...))
		if err != nil {
			t.Fatal(err)
		}
		for _, l := range []*[]labFinding{&text, &list} {
			slices.SortFunc(*l, func(a, b labFinding) int { return strings.Compare(a.Rule+a.Severity, b.Rule+b.Severity) })
			*l = slices.Compact(*l)
		}
		if len(list) == 0 || !slices.Equal(text, list) {
			t.Errorf("%s: text has %v, NDJSON %v", file, text, list)
		}
	}
	if _, err := findingsJSON(strings.NewReader("no JSON")); err == nil {
		t.Error("what is no NDJSON is taken")
	}
}

// TestLabText has what the lab writes fit a terminal.
func TestLabText(t *testing.T) {
	all, err := cloud.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	b := &strings.Builder{}
	if err := writeScenarios(b, labOrdered(all), true); err != nil {
		t.Fatal(err)
	}
	if err := writeZone(b, keeper.Status{Faults: []string{"no-prefix"}}, keeper.Options{Underlay6: true}); err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(b.String()) {
		copied := strings.HasPrefix(line, "  command ")
		if n := utf8.RuneCountInString(strings.TrimSuffix(line, "\n")); n > 80 && !copied {
			t.Errorf("%d columns: %s", n, line)
		}
	}
	for _, s := range all {
		if !strings.Contains(b.String(), "\n"+s.Name+"\n") {
			t.Errorf("%s is not listed: is its role %q one of labRoles", s.Name, s.Role)
		}
	}
}

// TestLabGroups has every scenario in one group of its role, and no group with another.
func TestLabGroups(t *testing.T) {
	all, err := cloud.Scenarios()
	if err != nil {
		t.Fatal(err)
	}
	in := map[string]int{}
	for _, r := range labRoles() {
		for _, g := range r.groups {
			for _, n := range g.names {
				in[r.name+" "+n]++
			}
		}
	}
	for _, s := range all {
		if in[s.Role+" "+s.Name] != 1 {
			t.Errorf("%s is in %d groups of %s", s.Name, in[s.Role+" "+s.Name], s.Role)
		}
		delete(in, s.Role+" "+s.Name)
		if _, g := labGroupOf(s); g.column()+utf8.RuneCountInString(s.About) > 80 {
			t.Errorf("%s takes more than a line in the list: %s", s.Name, s.About)
		}
	}
	for n := range in {
		t.Errorf("no scenario is %s", n)
	}
	ordered := labOrdered([]*cloud.Scenario{{Role: "kvm", Name: "new"}, {Role: "kvm", Name: "set-member"}, {Role: "guest", Name: "new"}})
	if ordered[0].Role != "guest" || ordered[1].Name != "set-member" {
		t.Errorf("what is in no group does not come after the others: %v", ordered)
	}
}

// TestLabExecComplete completes v6probe's commands after v6probe, and node names nowhere but first.
func TestLabExecComplete(t *testing.T) {
	root := newRoot()
	c, _, err := root.Find([]string{"lab", "exec"})
	if err != nil {
		t.Fatal(err)
	}
	for _, x := range []struct {
		args []string
		want string
	}{{[]string{"vr"}, "--"}, {[]string{"vr", "--"}, "v6probe"}, {[]string{"vr", "--", "v6probe"}, "slaac\t"}, {[]string{"vr", "v6probe"}, "kvm\t"}} {
		names, _ := completeExec(c, x.args, "")
		if !slices.ContainsFunc(names, func(n string) bool { return strings.HasPrefix(n, x.want) }) {
			t.Errorf("%q: %q", x.args, names)
		}
	}
}
