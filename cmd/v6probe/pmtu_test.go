package main

import (
	"slices"
	"testing"
	"time"

	"v6probe/internal/host"
	"v6probe/internal/pmtu"
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
		a, _, err := f.target(t.Context(), tt.text)
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
