package report

import (
	"bytes"
	"flag"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"v6probe/internal/encap"
	"v6probe/internal/host"
	"v6probe/internal/pmtu"
)

var update = flag.Bool("update", false, "write the golden files of the path MTU anew; then read them")

var (
	pathTarget = ip("2001:db8:9::1")
	pathHops   = []netip.Addr{ip("fd17:625c:f037:2::1"), ip("2001:db8:1::2"), ip("2001:db8:2::2"), ip("2001:db8:3::2")}
)

const ms = time.Millisecond

// pathResult is a clean path of four hops whose first link has the MTU local.
func pathResult(local int) *PathMTU {
	return &PathMTU{Interface: "eth0", Source: ip("fd17:625c:f037:2::a"), Result: &pmtu.Result{
		Target: pathTarget, Local: local, MTU: local, Reached: true, Complete: true, Distance: 4,
		Return: pmtu.Return{MTU: local}, Walk: []pmtu.Step{{Size: local, Passed: true}},
		Sent: 19, Rounds: 1, Took: 35200 * time.Microsecond, RTT: 20600 * time.Microsecond,
	}}
}

// narrow makes of it a path that carries mtu beyond hop n, whose routers were asked.
func narrow(local, mtu, n int) *PathMTU {
	p := pathResult(local)
	p.MTU, p.Return.MTU = mtu, mtu
	p.Sent, p.Rounds, p.Took = 41, 2, 71300*time.Microsecond
	for i, a := range pathHops[:3] {
		h := pmtu.Hop{Address: a, RTT: time.Duration(310+10000*min(i, 1)+130*i) * time.Microsecond, Largest: 64}
		if i < n {
			h.Largest = mtu + 1
		}
		p.Hops = append(p.Hops, h)
	}
	return p
}

// hole makes of it a path on which what is longer vanishes behind hop n.
func hole(local, mtu, n int) *PathMTU {
	p := narrow(local, mtu, n)
	p.Hole = &pmtu.Hole{Size: mtu + 1, After: n, Before: n + 1}
	p.Walk = []pmtu.Step{{Size: local, Silent: true}}
	return p
}

// told makes of it a path on which hop n says that its next link carries mtu.
func refused(local, mtu, n int, said uint32) *PathMTU {
	p := narrow(local, mtu, n)
	source := pathTarget
	if n > 0 {
		source = pathHops[n-1]
		p.Hops[n-1].MTU = int(said)
	}
	p.Said = []pmtu.Said{{Source: source, Hop: n, Tunnel: n == 0, MTU: said, Smallest: mtu + 1, Largest: local, Count: 12}}
	p.Walk = []pmtu.Step{{Size: local, MTU: said, Source: source}, {Size: int(said), Passed: true}}
	return p
}

func with(p *PathMTU, change func(p *PathMTU)) *PathMTU {
	change(p)
	return p
}

func carriers(names ...string) (list []encap.Encapsulation) {
	for _, name := range names {
		e, err := encap.Parse(name)
		if err != nil {
			panic(err)
		}
		list = append(list, e)
	}
	return list
}

// pathCases are the paths that the golden files in testdata/pmtu show.
func pathCases() map[string]*PathMTU {
	return map[string]*PathMTU{
		"clean": pathResult(1450),
		"clean-named": with(pathResult(1500), func(p *PathMTU) {
			p.Name = "www.example.org"
			p.Distance = 0
		}),
		"jumbo": with(pathResult(9000), func(p *PathMTU) { p.Distance = 1 }),
		"max":   with(pathResult(1400), func(p *PathMTU) { p.Max = 1400 }),
		"limit": with(pathResult(1400), func(p *PathMTU) { p.Limit, p.DeviceMTU = host.LimitRoute, 1500 }),
		"split": with(hole(1500, 1400, 1), func(p *PathMTU) {
			p.AtLeast, p.Split = 1500, &pmtu.Split{Echo: 1400, Other: pmtu.TCP}
		}),
		"split-told": with(refused(1500, 1400, 1, 1400), func(p *PathMTU) {
			p.AtLeast, p.Split = 1500, &pmtu.Split{Echo: 1400, Other: pmtu.TCP, Told: true}
		}),
		"held": with(narrow(1450, 1400, 0), func(p *PathMTU) {
			p.Held, p.Walk = 12, []pmtu.Step{{Size: 1450, Held: true}}
		}),
		"held-all": with(pathResult(1450), func(p *PathMTU) {
			p.Held, p.Sent, p.Reached, p.MTU, p.AtLeast, p.Hops, p.Distance, p.Return = 66, 66, false, 0, 0, nil, 0, pmtu.Return{}
		}),
		"rejected": with(narrow(1500, 1400, 2), func(p *PathMTU) {
			p.Walk = []pmtu.Step{{Size: 1500, Refused: true, Code: 1, Source: pathHops[1]}}
		}),
		"ptb": refused(1450, 1400, 2, 1400),
		"staircase": with(narrow(1500, 1280, 1), func(p *PathMTU) {
			p.Hops[1].Largest, p.Hops[2].Largest = 1450, 1400
			p.Walk = nil
			for i, m := range []uint32{1450, 1400, 1280} {
				p.Hops[i].MTU = int(m)
				p.Said = append(p.Said, pmtu.Said{Source: pathHops[i], Hop: i + 1, MTU: m, Smallest: int(m) + 1,
					Largest: []int{1500, 1450, 1400}[i], Count: 3})
				p.Walk = append(p.Walk, pmtu.Step{Size: []int{1500, 1450, 1400}[i], MTU: m, Source: pathHops[i]})
			}
			p.Walk = append(p.Walk, pmtu.Step{Size: 1280, Passed: true})
		}),
		"mixed": with(narrow(1500, 1280, 1), func(p *PathMTU) {
			p.Hops[1].Largest, p.Hops[2].Largest = 1450, 1400
			p.Said = []pmtu.Said{
				{Source: pathHops[0], Hop: 1, MTU: 1450, Smallest: 1451, Largest: 1500, Count: 3},
				{Source: pathHops[2], Hop: 3, MTU: 1280, Smallest: 1281, Largest: 1400, Count: 5}}
			p.Hole = &pmtu.Hole{Size: 1450, After: 2, Before: 3}
			p.Walk = []pmtu.Step{{Size: 1500, MTU: 1450, Source: pathHops[0]}, {Size: 1450, Silent: true}}
		}),
		"hole": hole(1450, 1400, 2),
		"hole-below-ptb": with(refused(1500, 1450, 1, 1450), func(p *PathMTU) {
			p.MTU, p.Hops[1].Largest, p.Hole = 1400, 1420, &pmtu.Hole{Size: 1420, After: 2, Before: 3}
			p.Walk[1] = pmtu.Step{Size: 1450, Silent: true}
		}),
		"hole-overlay": hole(1500, 1450, 0),
		"hole-last": with(hole(1450, 1400, 3), func(p *PathMTU) {
			p.Hole.Before = 4
		}),
		"hole-nohops": with(hole(1450, 1400, 0), func(p *PathMTU) {
			p.Hole.After, p.Hole.Before = 0, 0
			p.Hops = make([]pmtu.Hop, 3)
		}),
		"hole-silent-hops": with(hole(1450, 1400, 1), func(p *PathMTU) {
			p.Distance, p.Hole.Before = 12, 6
			for len(p.Hops) < 11 {
				p.Hops = append(p.Hops, pmtu.Hop{})
			}
			for _, n := range []int{2, 3, 4, 5, 8, 9} {
				p.Hops[n-1] = pmtu.Hop{}
			}
			p.Hops[5] = pmtu.Hop{Address: pathHops[3], RTT: 11 * ms, Largest: 1400}
			p.Hops[6] = pmtu.Hop{Address: ip("2001:db8:ffff:1234:5678:9abc:def0:1234"), RTT: 12340 * time.Microsecond, Largest: 1400}
			p.Hops[10] = pmtu.Hop{Address: ip("2001:db8:b::1"), RTT: 19 * ms, Largest: 1400}
		}),
		"tunnel": refused(1500, 1450, 0, 1450),
		"tunnel-advice": with(hole(1500, 1450, 0), func(p *PathMTU) {
			p.Carriers, p.Underlay = carriers("vxlan"), 1500
		}),
		"return-narrow": with(pathResult(1450), func(p *PathMTU) {
			p.Return = pmtu.Return{MTU: 1400, Most: 1407}
			p.Rounds, p.Sent, p.Took = 2, 30, 60*ms
		}),
		"return-hole": with(pathResult(1450), func(p *PathMTU) {
			p.Return = pmtu.Return{MTU: 1400, Most: 1400, Hole: true}
			p.Method, p.Rounds, p.Sent, p.Took = pmtu.UDP, 2, 44, 88*ms
		}),
		"ptb-low": with(refused(1450, 1400, 2, 1300), func(p *PathMTU) { p.Said[0].Low = true }),
		"ptb-high": with(refused(1500, 1400, 2, 1480), func(p *PathMTU) {
			p.Said[0].High = true
			p.Hole = &pmtu.Hole{Size: 1480, NotShrinking: true}
			p.Walk[1] = pmtu.Step{Size: 1480, MTU: 1480, Source: pathHops[1]}
		}),
		"ptb-1200": with(refused(1450, 1280, 2, 1200), func(p *PathMTU) {
			p.Walk = []pmtu.Step{{Size: 1450, MTU: 1200, Source: pathHops[1], Ignored: true}}
		}),
		"filtered-here": with(refused(1450, 1400, 2, 1400), func(p *PathMTU) {
			p.Said[0].Filtered = true
			p.Hole = &pmtu.Hole{Size: 1420, After: 2, Before: 3, Here: true}
			p.Walk = []pmtu.Step{{Size: 1450, Silent: true}}
		}),
		"tcp": with(hole(1450, 1400, 2), func(p *PathMTU) {
			p.Method, p.Silence, p.Return = pmtu.TCP, pmtu.Silence{pmtu.Echo: true, pmtu.UDP: true}, pmtu.Return{}
		}),
		"flows": with(pathResult(1450), func(p *PathMTU) {
			for n := range 8 {
				f := pmtu.Flow{Number: n, MTU: 1450}
				if n%3 == 1 {
					f.MTU, f.Silent = 1400, true
				}
				p.Flows = append(p.Flows, f)
			}
			p.Flows[6] = pmtu.Flow{Number: 6, Dead: true}
			p.Rounds, p.Sent, p.Took = 4, 260, 140*ms
		}),
		"flows-alike": with(pathResult(1450), func(p *PathMTU) {
			p.Flows = []pmtu.Flow{{Number: 0, MTU: 1450}, {Number: 1, MTU: 1450}}
		}),
		"silent": {Interface: "eth0", Result: &pmtu.Result{Target: pathTarget, Local: 1450, Complete: true, Sent: 30, Rounds: 3,
			Took: 3100 * ms, Silence: pmtu.Silence{true, true, true, true}}},
		"no-route": with(narrow(1450, 1450, 0), func(p *PathMTU) {
			p.Reached, p.MTU, p.Distance, p.RTT, p.Hops = false, 0, 0, 0, p.Hops[:2]
			p.Refused = []pmtu.Refusal{{Source: pathHops[1], Hop: 2, Code: 0, Count: 19}}
			p.Walk, p.Return = nil, pmtu.Return{}
		}),
		"unanswered": with(refused(1450, 1400, 2, 1400), func(p *PathMTU) {
			p.Reached, p.MTU, p.Distance, p.RTT, p.Return, p.Walk = false, 0, 0, 0, pmtu.Return{}, p.Walk[:1]
			p.Silence = pmtu.Silence{true, true, true, true}
		}),
		"loss": with(narrow(1450, 1380, 2), func(p *PathMTU) {
			p.MTU, p.AtLeast, p.TooBig, p.Loss, p.Rounds, p.Sent, p.Took = 0, 1380, 1420, 0.42, 9, 312, 2400*ms
			p.Walk = nil
		}),
		"hole-undecided": with(hole(1450, 1380, 2), func(p *PathMTU) {
			p.MTU, p.AtLeast, p.TooBig, p.Complete, p.Hole = 0, 1380, 1420, false, &pmtu.Hole{Size: 1450}
		}),
		"probably": with(refused(1450, 1400, 2, 1400), func(p *PathMTU) {
			p.MTU, p.AtLeast, p.TooBig, p.Complete = 0, 1400, 1401, false
		}),
		"interrupted": with(pathResult(1450), func(p *PathMTU) {
			p.MTU, p.AtLeast, p.Complete, p.Walk, p.Return, p.Distance = 0, 1280, false, nil, pmtu.Return{MTU: 1280}, 0
		}),
		"early-nothing": {Interface: "eth0", Result: &pmtu.Result{Target: pathTarget, Local: 1450, Sent: 30, Rounds: 1, Took: 300 * ms}},
		"early-told": with(refused(9000, 1400, 2, 1400), func(p *PathMTU) {
			p.Reached, p.Complete, p.MTU, p.Distance, p.RTT, p.Return, p.Walk = false, false, 0, 0, 0, pmtu.Return{}, nil
		}),
		"usual-link": refused(9000, 1500, 2, 1500),
		"either": with(hole(1450, 1400, 0), func(p *PathMTU) {
			p.Either, p.Hole.After, p.Hole.Before, p.Hops, p.Distance = true, 0, 0, nil, 0
			p.Silence = pmtu.Silence{pmtu.UDP: true, pmtu.TCP: true, pmtu.Option: true}
		}),
		"loop": with(narrow(1450, 1450, 0), func(p *PathMTU) {
			p.Reached, p.MTU, p.Distance, p.RTT, p.Hops = false, 0, 0, 0, p.Hops[:2]
			p.Refused = []pmtu.Refusal{{Source: pathHops[1], Hop: 2, Loop: true, Count: 19}}
			p.Walk, p.Return = nil, pmtu.Return{}
		}),
		"flow-dead": with(pathResult(1450), func(p *PathMTU) {
			p.Flows = []pmtu.Flow{{Number: 0, MTU: 1450}, {Number: 1, Dead: true}}
		}),
		"odd": refused(1500, 1397, 1, 1397),
		"link-local": with(pathResult(1500), func(p *PathMTU) {
			p.Target, p.Distance = ip("fe80::1"), 1
		}),
		"refused-at-once": with(pathResult(1450), func(p *PathMTU) {
			p.Reached, p.MTU, p.Distance, p.RTT = false, 0, 0, 0
			p.Refused = []pmtu.Refusal{{Source: pathHops[0], Code: 3, Count: 19}}
			p.Walk, p.Return = nil, pmtu.Return{}
		}),
		"below-1280": with(narrow(1450, 64, 2), func(p *PathMTU) { p.MTU, p.AtLeast, p.TooBig, p.Walk = 0, 64, 1280, nil }),
		"encap": with(refused(1450, 1400, 2, 1400), func(p *PathMTU) {
			p.Carriers = carriers("vxlan", "geneve6+vlan")
		}),
	}
}

func pathText(t *testing.T, s Style, p *PathMTU) string {
	t.Helper()
	var out bytes.Buffer
	text := NewText(&out, s)
	text.PathMTU(p)
	if err := text.Err(); err != nil {
		t.Fatal(err)
	}
	return out.String()
}

// golden compares with a file, which people have read; -update writes it.
func golden(t *testing.T, file, got string) {
	t.Helper()
	file = filepath.Join("testdata", "pmtu", file)
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

func TestPathMTUGolden(t *testing.T) {
	cases := pathCases()
	for name, p := range cases {
		t.Run(name, func(t *testing.T) {
			got := pathText(t, Style{}, p)
			golden(t, name+".txt", got)
			for line := range strings.Lines(got) {
				if utf8.RuneCountInString(line) > 81 {
					t.Errorf("wider than 80 columns: %q", line)
				}
				for _, r := range line {
					if r > 0x7e {
						t.Errorf("not ASCII: %q in %q", r, line)
					}
				}
			}
		})
	}
	files, err := os.ReadDir("testdata/pmtu")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		name, isText := strings.CutSuffix(f.Name(), ".txt")
		if isText && cases[name] == nil && !strings.Contains(name, "_") {
			t.Errorf("testdata/pmtu/%s shows no case", f.Name())
		}
	}
}

// TestPathMTUColor: colour adds to the text, it takes nothing from it and changes nothing.
func TestPathMTUColor(t *testing.T) {
	golden(t, "hole_color.txt", pathText(t, Style{Color: true}, pathCases()["hole"]))
	strip := strings.NewReplacer(sgrBold, "", sgrDim, "", sgrRed, "", sgrGreen, "", sgrYellow, "", sgrReset, "")
	for name, p := range pathCases() {
		colored, plain := pathText(t, Style{Color: true}, p), pathText(t, Style{}, p)
		if strip.Replace(colored) != plain {
			t.Errorf("%s: %q without its colours is not %q", name, colored, plain)
		}
		for line := range strings.Lines(colored) {
			if strings.Contains(line, "\x1b") && !strings.HasSuffix(line, sgrReset+"\n") {
				t.Errorf("%s: the colour does not end with its line: %q", name, line)
			}
		}
	}
}

// TestPathMTUHeadIsRed: where connections hang or cannot be made, and nowhere else.
func TestPathMTUHeadIsRed(t *testing.T) {
	red := map[string]bool{"silent": true, "loop": true, "no-route": true, "unanswered": true, "refused-at-once": true, "either": true,
		"mixed": true, "tcp": true, "tunnel-advice": true, "return-hole": true, "ptb-high": true, "ptb-1200": true, "filtered-here": true,
		"flows": true, "flow-dead": true, "below-1280": true, "split": true, "held": true, "held-all": true, "rejected": true}
	for name, p := range pathCases() {
		got := strings.HasPrefix(pathText(t, Style{Color: true}, p), sgrBold+sgrRed)
		if want := red[name] || strings.HasPrefix(name, "hole"); got != want {
			t.Errorf("%s: the headline is red: %v, want %v", name, got, want)
		}
	}
}

// TestPathMTUNarrow: on a narrow terminal the picture loses columns, and no line of it is broken in its midst.
func TestPathMTUNarrow(t *testing.T) {
	for width, file := range map[int]string{50: "ptb_50.txt", 45: "ptb_45.txt", 40: "ptb_40.txt"} {
		got := pathText(t, Style{Width: width}, pathCases()["ptb"])
		for line := range strings.Lines(got) {
			if utf8.RuneCountInString(line) > width+1 {
				t.Errorf("wider than %d columns: %q", width, line)
			}
		}
		golden(t, file, got)
	}
}

// TestPathMTUNarrowAndHostile: no width and no name breaks it.
func TestPathMTUNarrowAndHostile(t *testing.T) {
	for name, p := range pathCases() {
		p.Interface, p.Name = "eth\x1b[2J", "a\x07.example"
		for _, width := range []int{1, 40, 60, 110} {
			if got := pathText(t, Style{Width: width}, p); strings.ContainsAny(got, "\x1b\x07") {
				t.Errorf("%s at %d columns lets a control character through: %q", name, width, got)
			}
		}
	}
}
