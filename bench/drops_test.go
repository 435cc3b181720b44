//go:build linux

package main

import (
	"strings"
	"testing"
	"time"
)

func TestParseCounted(t *testing.T) {
	const drop = `{"type":"drop","message":"neighbor-solicitation","reason":"NETFILTER_DROP","hook":"ip6 input","iface":"eth0",`
	const other = `{"type":"drop","message":"neighbor-solicitation","reason":"NOT_SPECIFIED","hook":"ip6 input","iface":"eth0",`
	tests := []struct {
		name, out string
		want      heard
		fails     bool
	}{
		{"the last total of a place counts", drop + `"packets":3,"total":3}` + drop + `"packets":4,"total":7}` +
			`{"type":"interval","map_full":9}{"type":"summary","map_full":2,"no_stack":5}`, heard{7, 7, 2, 2}, false},
		{"places are told apart", drop + `"total":3}` + other + `"total":10}` + drop + `"flags":["multicast"],"total":100}` +
			`{"type":"summary"}`, heard{113, 103, 103, 0}, false},
		{"others' drops are not ours, others' stacks are walked too", drop + `"netns":"kvm1","total":3}` +
			`{"type":"drop","message":"router-advertisement","total":5}{"type":"summary","no_stack":1}`, heard{stacks: 2}, false},
		{"no summary", drop + `"total":3}`, heard{3, 3, 3, 0}, true},
		{"not JSON", "v6probe: no", heard{}, true},
	}
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			got, err := parseCounted([]byte(c.out))
			if got != c.want || (err != nil) != c.fails {
				t.Errorf("heard %+v, error %v; want %+v", got, err, c.want)
			}
		})
	}
}

func TestExact(t *testing.T) {
	for _, c := range []struct {
		f    flooded
		want bool
	}{
		{flooded{received: 10, ruled: 10, heard: heard{total: 10, filtered: 10}}, true},
		{flooded{received: 10, ruled: 8, heard: heard{total: 10, filtered: 8}}, true}, // two were lost on the way
		{flooded{received: 10, ruled: 8, heard: heard{total: 8, filtered: 8, mapFull: 2}}, true},
		{flooded{received: 10, ruled: 10, heard: heard{total: 9, filtered: 9}}, false},
		{flooded{received: 10, ruled: 10, heard: heard{total: 11, filtered: 10}}, false},
		{flooded{received: 10, ruled: 10, heard: heard{total: 10, filtered: 9}}, false},
	} {
		if got := c.f.exact(); got != c.want {
			t.Errorf("%+v is exact: %v", c.f, got)
		}
	}
}

func TestProgramID(t *testing.T) {
	const program = "pos:\t0\nflags:\t02000002\nprog_type:\t26\nprog_jited:\t1\nprog_id:\t1072\nrun_time_ns:\t0\n"
	if id, ok := programID(program); !ok || id != 1072 {
		t.Errorf("id %d, %v", id, ok)
	}
	for _, bad := range []string{"", "pos:\t0\nmap_id:\t4163\n", "prog_id:\tmany\n", "prog_id:\t0\n", "prog_id:\t-1\n"} {
		if id, ok := programID(bad); ok {
			t.Errorf("%q has the id %d", bad, id)
		}
	}
}

func TestCPUOf(t *testing.T) {
	const stat = "17 (a) b (c) R 1 17 17 0 -1 4194560 100 0 0 0 25 17 3 4 20 0 9 0 100 0 0"
	got, err := cpuOf(stat)
	if want := 420 * time.Millisecond; err != nil || got != want {
		t.Errorf("%v, error %v; want %v", got, err, want)
	}
	for _, bad := range []string{"", "17 (a) R 1 2 3", strings.Replace(stat, " 17 3 4", " x 3 4", 1)} {
		if got, err := cpuOf(bad); err == nil {
			t.Errorf("%q has %v", bad, got)
		}
	}
}

func TestNumberAfter(t *testing.T) {
	const counter = "table ip6 bench {\n\tcounter ns {\n\t\tpackets 1000000 bytes 72000000\n\t}\n}\n"
	if n, err := numberAfter(counter, "packets"); err != nil || n != 1_000_000 {
		t.Errorf("%d, error %v", n, err)
	}
	for _, bad := range []string{"", "packets", "packets many"} {
		if n, err := numberAfter(bad, "packets"); err == nil {
			t.Errorf("%q has %d", bad, n)
		}
	}
}

func TestEventVerdict(t *testing.T) {
	e := &events{observers: []*observer{{role: roleEmpty}, {role: roleOwn}, {role: roleBpftrace}, {role: roleBpftraceStack}}}
	row := func(matching, stack bool, ns ...float64) *eventCase {
		c := &eventCase{matching: matching, stack: stack, ns: make([][]float64, len(e.observers))}
		for i, n := range ns {
			c.ns[i] = []float64{n}
		}
		return c
	}
	for _, c := range []struct {
		c    *eventCase
		want string
	}{
		{row(false, false, 60, 80, 240, 1800), "  +20, as it should be: at most 20"},
		{row(false, false, 60, 81, 240, 1800), "  +21, MISSED: at most 20"},
		{row(true, false, 60, 239, 240, 1800), " +179, as it should be: less than bpftrace's +180"},
		{row(true, false, 60, 240, 240, 1800), " +180, MISSED: less than bpftrace's +180"},
		{row(true, false, 60, 240), " +180"},
		{row(true, true, 60, 2060, 240, 1800), "+2000, 1000 times a second at most: 0.2 % of a CPU"},
		{row(true, false, 60), "–"},
	} {
		if got := e.verdict(c.c); got != c.want {
			t.Errorf("%q, want %q", got, c.want)
		}
	}
	// The middle of rounds that differ is what counts.
	rounds := &eventCase{ns: [][]float64{{60, 900, 61}, {}}}
	if rounds.word(0) != "61" || rounds.word(1) != "–" {
		t.Errorf("medians %s and %s", rounds.word(0), rounds.word(1))
	}
}
