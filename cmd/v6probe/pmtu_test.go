package main

import (
	"bytes"
	"context"
	"errors"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/pmtu"
	"v6probe/internal/report"
	"v6probe/internal/rule"
)

// TestBelow: what a path goes through of a KVM host, whose other tunnels are not its affair.
func TestBelow(t *testing.T) {
	links := []host.Link{
		{Index: 1, Name: "lo"},
		{Index: 2, Name: "eth0", Master: 3},
		{Index: 3, Name: "cloudbr0"},
		{Index: 4, Name: "vxlan100", Master: 5, Lower: 7},
		{Index: 5, Name: "brvx-100"},
		{Index: 6, Name: "vnet0", Master: 5},
		{Index: 7, Name: "cloudbr0.50", Lower: 3},
		{Index: 8, Name: "vxlan200", Lower: 3},
	}
	for _, tt := range []struct {
		index int
		want  []string
	}{
		{1, []string{"lo"}},
		{2, []string{"eth0"}},
		{3, []string{"eth0", "cloudbr0"}},
		{5, []string{"eth0", "cloudbr0", "vxlan100", "brvx-100", "vnet0", "cloudbr0.50"}},
		{8, []string{"eth0", "cloudbr0", "vxlan200"}},
		{9, nil},
	} {
		var got []string
		for _, l := range below(links, tt.index) {
			got = append(got, l.Name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("below %d: %v, want %v", tt.index, got, tt.want)
		}
	}
}

func TestPMTUFlags(t *testing.T) {
	for probe, want := range map[string][]pmtu.Kind{
		"auto": {pmtu.Echo, pmtu.UDP, pmtu.TCP, pmtu.Option}, "echo": {pmtu.Echo}, "udp": {pmtu.UDP}, "tcp": {pmtu.TCP}, "": nil,
	} {
		f := pmtuFlags{probe: probe}
		if got, err := f.kinds(); !slices.Equal(got, want) || (err != nil) != (want == nil) {
			t.Errorf("--probe %q: %v, %v", probe, got, err)
		}
	}
	for rate, want := range map[int]time.Duration{0: 0, 1: time.Second, 500: 2 * time.Millisecond} {
		f := pmtuFlags{rate: rate}
		if got := f.gap(); got != want {
			t.Errorf("--rate %d leaves a gap of %v, want %v", rate, got, want)
		}
	}
}

// TestPMTUTarget reads addresses; names would need a resolver.
func TestPMTUTarget(t *testing.T) {
	for _, tt := range []struct{ text, iface, want, wantIface string }{
		{"2001:db8::1", "", "2001:db8::1", ""},
		{"[2001:db8::1]", "", "2001:db8::1", ""},
		{"2001:db8::1", "eth7", "2001:db8::1", "eth7"},
		{"fe80::1%eth7", "", "fe80::1", "eth7"},
		{"fe80::1%eth7", "eth7", "fe80::1", "eth7"},
		{"fe80::1", "eth7", "fe80::1", "eth7"},
		{"fe80::1", "", "", ""},
		{"fe80::1%eth7", "eth8", "", ""},
		{"10.0.0.1", "", "", ""},
		{"ff0e::1", "", "", ""},
		{"::", "", "", ""},
	} {
		f := pmtuFlags{}
		f.iface = tt.iface
		a, _, err := f.target(t.Context(), tt.text, nil)
		if tt.want == "" {
			if err == nil {
				t.Errorf("%s: %v, want an error", tt.text, a)
			}
			continue
		}
		if err != nil || a.String() != tt.want || f.iface != tt.wantIface {
			t.Errorf("%s by %q: %v by %q, %v", tt.text, tt.iface, a, f.iface, err)
		}
	}
}

// TestPMTUTrace: a reply is timed from when its probe was sent, whenever that is told.
func TestPMTUTrace(t *testing.T) {
	var out bytes.Buffer
	f := pmtuFlags{}
	f.verbose = true
	r := pathRun{pmtuFlags: &f, output: output{text: report.NewText(&out, report.Style{})}}
	sent := time.Now()
	p := pmtu.Probe{ID: 1, Kind: pmtu.Echo, Size: 1280, HopLimit: 64}
	r.trace(p, sent, nil)
	r.trace(p, sent, &pmtu.Reply{ID: 1, Type: pmtu.Answer, Source: netip.MustParseAddr("2001:db8::1"),
		Time: sent.Add(420 * time.Microsecond)})
	if !strings.Contains(out.String(), "answer from 2001:db8::1 after 0.420 ms: to echo 1280") {
		t.Errorf("-v shows %q", out.String())
	}
	if rtt := r.log.All()[0].RTT(); rtt != 420*time.Microsecond {
		t.Errorf("the RTT is %v", rtt)
	}
}

// TestPMTUEndsEarly: what ended it is said once, in the verdict.
func TestPMTUEndsEarly(t *testing.T) {
	for want, ended := range map[string]error{
		"the --timeout of 3s was not enough, a longer one or 0 gives it time": context.DeadlineExceeded,
		"interrupted":               context.Canceled,
		"the path MTU is not known": nil,
	} {
		var out bytes.Buffer
		f := pmtuFlags{}
		f.timeout = 3 * time.Second
		r := pathRun{pmtuFlags: &f, output: output{text: report.NewText(&out, report.Style{Width: 200})}, ended: ended,
			failOn: rule.Error, target: netip.MustParseAddr("2001:db8::1")}
		err := r.report(&report.PathMTU{Result: &pmtu.Result{Target: r.target, Local: 1500, Sent: 7, Took: time.Second}}, nil)
		var code codeError
		if !errors.As(err, &code) || code != exitTrouble {
			t.Errorf("%v: %v", ended, err)
		}
		if !strings.Contains(out.String(), "\nFAIL  ended early: "+want+"; 0 errors, ") || strings.Count(out.String(), "7 packets") != 2 {
			t.Errorf("%v: %s", ended, out.String())
		}
	}
}

// TestPMTUFix: what is to be done can be copied.
func TestPMTUFix(t *testing.T) {
	r := pathRun{pmtuFlags: &pmtuFlags{}, target: netip.MustParseAddr("fe80::1"), way: host.Way{Device: "eth0"}}
	r.iface = "eth0"
	for id, want := range map[rule.ID]string{
		"pmtu.unreachable": "`ping -c 3 fe80::1%eth0`", "pmtu.ptb-forged": "`v6probe nd -i eth0 -v`", "pmtu.host-cache": "`v6probe nd -i eth0`",
	} {
		got := r.fix(rule.Finding{Rule: id})
		if !strings.Contains(got, want) || strings.Contains(got, "TARGET") || strings.Contains(got, "IFACE") {
			t.Errorf("%s: %s", id, got)
		}
	}
	if got := r.fix(rule.Finding{Rule: "pmtu.unreachable", Fix: "its own"}); got != "its own" {
		t.Errorf("its own advice became %q", got)
	}
}

// TestCacheNote: the route cache is named once.
func TestCacheNote(t *testing.T) {
	got := cacheNote(&host.Refusal{Reason: "route cache: the MTU of 1400 to fd00::1 stays: to remove it needs CAP_NET_ADMIN",
		Advice: "it goes by itself in 10m0s"})
	want := "this host's route cache: the MTU of 1400 to fd00::1 stays: to remove it needs CAP_NET_ADMIN; it goes by itself in 10m0s"
	if got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := cacheNote(errors.New("netlink: no")); got != "this host's route cache: netlink: no" {
		t.Errorf("got %q", got)
	}
}

// TestLookUpEnds: a lookup that is cut short says what cut it.
func TestLookUpEnds(t *testing.T) {
	over, cancel := context.WithTimeout(t.Context(), 0)
	defer cancel()
	if _, err := lookUp(over, "host.example"); err == nil || !strings.Contains(err.Error(), "in the time that there is") {
		t.Errorf("a time that is over: %v", err)
	}
	stopped, stop := context.WithCancel(t.Context())
	stop()
	if _, err := lookUp(stopped, "host.example"); err == nil || !strings.Contains(err.Error(), "interrupted") {
		t.Errorf("an interrupt: %v", err)
	}
}
