package report

import (
	"bytes"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"v6probe/internal/encap"
	"v6probe/internal/pmtu"
	"v6probe/internal/rule"
)

// pathProbes are a probe of every outcome, as a run would log them.
func pathProbes() []Probed {
	var log ProbeLog
	start := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	at := func(after time.Duration) time.Time { return start.Add(after) }
	for id, p := range []pmtu.Probe{
		{Kind: pmtu.Echo, Size: 1450, HopLimit: 64}, {Kind: pmtu.Echo, Size: 1400, HopLimit: 64}, {Kind: pmtu.UDP, Size: 1280, HopLimit: 64},
		{Kind: pmtu.Echo, Size: 64, HopLimit: 1}, {Kind: pmtu.TCP, Size: 1280, HopLimit: 64, Flow: 1}, {Kind: pmtu.Option, Size: 1450, HopLimit: 64},
	} {
		p.ID = id + 1
		log.Note(p, at(time.Duration(id)*10*time.Microsecond), nil)
	}
	reply := func(id int, r pmtu.Reply) {
		r.ID = id
		log.Note(pmtu.Probe{ID: id, Size: 1400}, at(time.Duration(id-1)*10*time.Microsecond), &r)
	}
	reply(1, pmtu.Reply{Type: pmtu.TooBig, Source: pathHops[1], Time: at(10400 * time.Microsecond), MTU: 1400, HopLimit: 63, Filtered: true})
	reply(4, pmtu.Reply{Type: pmtu.Exceeded, Source: pathHops[0], Time: at(340 * time.Microsecond), HopLimit: 64})
	reply(2, pmtu.Reply{Type: pmtu.Answer, Source: pathTarget, Time: at(20610 * time.Microsecond), HopLimit: 61, FragmentSize: 1280})
	reply(5, pmtu.Reply{Type: pmtu.Unreachable, Source: pathHops[1], Time: at(10440 * time.Microsecond), Code: 1, HopLimit: 63})
	// The first word is kept, until an answer comes.
	reply(1, pmtu.Reply{Type: pmtu.Exceeded, Source: pathHops[2], Time: at(ms)})
	reply(6, pmtu.Reply{Type: pmtu.TooBig, Source: pathHops[2], Time: at(ms), MTU: 1400})
	reply(6, pmtu.Reply{Type: pmtu.Answer, Source: pathTarget, Time: at(2 * ms)})
	reply(0, pmtu.Reply{Type: pmtu.TooBig, Source: pathHops[2], MTU: 1300})
	reply(99, pmtu.Reply{Type: pmtu.Answer, Source: pathTarget})
	return log.All()
}

// pathJSON writes all that --json has of p.
func pathJSON(t *testing.T, p *PathMTU) string {
	t.Helper()
	var out bytes.Buffer
	j := NewJSON(&out)
	if err := errors.Join(j.PathMTU(p), j.Summary(Summary{Tally: rule.NewTally(), PathMTU: p})); err != nil {
		t.Fatal(err)
	}
	for line := range bytes.Lines(out.Bytes()) {
		if !json.Valid(line) {
			t.Errorf("no JSON: %s", line)
		}
	}
	return out.String()
}

func TestPathMTUJSON(t *testing.T) {
	for _, name := range []string{"clean-named", "mixed", "filtered-here", "ptb-1200", "ptb-high", "return-hole", "flows", "loop", "loss",
		"silent", "tunnel", "either"} {
		p := pathCases()[name]
		if name == "mixed" {
			p.Probes = pathProbes()
			p.Cached, p.Expect, p.Forged = 1400, 1500, 3
		}
		golden(t, name+".json", pathJSON(t, p))
	}
}

func TestPlanJSON(t *testing.T) {
	var out bytes.Buffer
	if err := NewJSON(&out).Plan(encap.Plan(carriers("vxlan", "pppoe", "gre6+key"), 1500, 1300)); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan.json", out.String())
}

func TestProbeLines(t *testing.T) {
	var out bytes.Buffer
	text := NewText(&out, Style{})
	var log ProbeLog
	at := time.Date(2026, 1, 1, 12, 0, 0, 0, time.Local)
	for id, p := range []pmtu.Probe{{Kind: pmtu.Echo, Size: 1450, HopLimit: 64}, {Kind: pmtu.TCP, Size: 64, HopLimit: 3, Flow: 2}} {
		p.ID = id + 1
		text.ProbeLine(log.Note(p, at, nil), nil)
	}
	for _, r := range []pmtu.Reply{
		{ID: 2, Type: pmtu.Exceeded, Source: pathHops[2]},
		{ID: 1, Type: pmtu.TooBig, Source: pathHops[1], MTU: 1400, Filtered: true},
		{ID: 1, Type: pmtu.Answer, Source: pathTarget, FragmentSize: 1280},
		{ID: 1, Type: pmtu.Unreachable, Source: pathHops[1], Code: 1},
		{Type: pmtu.TooBig, Source: pathHops[1], MTU: 1300},
		{ID: 1, Type: pmtu.Held},
	} {
		r.Time = at.Add(10400 * time.Microsecond)
		text.ProbeLine(log.Note(pmtu.Probe{ID: r.ID}, at, &r), &r)
	}
	want := `12:00:00.000000 sent echo 1450
12:00:00.000000 sent tcp 64, hop limit 3, flow 2
12:00:00.010400 hop limit exceeded from 2001:db8:2::2 after 10.4 ms: to tcp 64, hop limit 3, flow 2
12:00:00.010400 packet-too-big 1400 from 2001:db8:1::2, dropped by a filter of this host, after 10.4 ms: to echo 1450
12:00:00.010400 answer from 2001:db8:9::1, in fragments of up to 1280 bytes, after 10.4 ms: to echo 1450
12:00:00.010400 unreachable (prohibited) from 2001:db8:1::2 after 10.4 ms: to echo 1450
12:00:00.010400 packet-too-big 1300 from 2001:db8:1::2: matches no probe, ignored
12:00:00.010400 a filter of this host does not let it out: echo 1450
`
	if out.String() != want {
		t.Errorf("got:\n%s\nwant:\n%s", out.String(), want)
	}
	if got := strings.ReplaceAll(strings.Join(log.Lines(), "\n"), nbsp, " "); got != "2 packets, 2 answered" {
		t.Errorf("progress says %q", got)
	}
}
