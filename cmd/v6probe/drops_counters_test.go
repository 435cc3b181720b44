package main

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"v6probe/internal/counters"
	"v6probe/internal/drops"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// TestCountedFinding: a rule that counted what IPv6 cannot do without is a warning, which --fail-on may ask for.
func TestCountedFinding(t *testing.T) {
	counted := func(vital bool) *report.Counted {
		return &report.Counted{Took: time.Second, Moved: []counters.Moved{{Source: counters.IP6Tables, Name: "packets", Delta: 5,
			Where: "table filter chain INPUT, rule 1: -p ipv6-icmp --icmpv6-type 134 -j DROP", Drop: true, ICMPv6: true, Vital: vital,
			Meaning: "A rule dropped ICMPv6."}}}
	}
	const detail = "5 dropped in 1s by ip6tables table filter chain INPUT, rule 1: -p ipv6-icmp --icmpv6-type 134 -j DROP"
	for _, c := range []struct {
		about  string
		failOn rule.Severity
		flags  dropsFlags
		vital  bool
		fails  bool
		want   []string // what it writes, in order
	}{
		{"a warning does not fail by itself", rule.Error, dropsFlags{}, true, false, []string{"WARNING drop.counted\n", "PASS  0 errors, 1 warning"}},
		{"unless that is asked for", rule.Warning, dropsFlags{}, true, true, []string{"WARNING drop.counted\n", "FAIL  0 errors, 1 warning"}},
		{"quiet", rule.Warning, quietly(), true, true, []string{"WARNING drop.counted\n", "FAIL  0 errors, 1 warning"}},
		{"NDJSON", rule.Warning, dropsFlags{sourceFlags: sourceFlags{json: true}}, true, true,
			[]string{`"rule":"drop.counted","severity":"warning"`, detail, `"verdict":"fail"`, `"warning":1`}},
		{"other types are none", rule.Warning, dropsFlags{}, false, false, []string{"These counters say that packets were lost", "PASS"}},
		{"quiet, and nothing found", rule.Warning, quietly(), false, false, []string{"PASS"}},
	} {
		t.Run(c.about, func(t *testing.T) {
			var out bytes.Buffer
			r := &dropsRun{dropsFlags: &c.flags,
				output: output{text: report.NewText(&out, report.Style{}), json: report.NewJSON(&out)}}
			err := r.tellCounted(counted(c.vital), report.Summary{Tally: rule.NewTally(), FailOn: c.failOn})
			if fails := errors.Is(err, codeError(exitFindings)); fails != c.fails || err != nil && !fails {
				t.Errorf("%v", err)
			}
			if strings.HasPrefix(out.String(), "\n") {
				t.Error("begins with an empty line")
			}
			rest := out.String()
			for _, want := range c.want {
				_, after, ok := strings.Cut(rest, want)
				if !ok {
					t.Errorf("no %q in order in\n%s", want, out.String())
				}
				rest = after
			}
		})
	}
}

func quietly() dropsFlags { return dropsFlags{sourceFlags: sourceFlags{quiet: true}} }

// TestDropsQuiet: -q writes findings and the verdict, and no empty line above them.
func TestDropsQuiet(t *testing.T) {
	for begin, snapshot := range map[string]drops.Snapshot{"PASS ": healthy(), "ERROR ": bridgeEatsRAs()} {
		f := &fakeDrops{readings: []drops.Snapshot{snapshot}}
		if out, _, _ := runFake(t, f, machine{}, "-q"); !strings.HasPrefix(out, begin) {
			t.Errorf("%q does not begin with %s", out, begin)
		}
	}
}
