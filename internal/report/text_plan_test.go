package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"v6probe/internal/encap"
	"v6probe/internal/host"
)

func TestPlanGolden(t *testing.T) {
	for _, c := range []struct {
		name      string
		kinds     []encap.Encapsulation
		guest     int
		underlays []int
	}{
		{"plan_one", carriers("vxlan"), 1500, nil},
		{"plan_common", encap.Common(), 1500, nil},
		{"plan_underlay", carriers("vxlan", "vxlan6+vlan", "gre6+key"), 1500, []int{1300, 1574}},
		{"plan_least", carriers("geneve+16"), 1280, []int{1500}},
	} {
		var out bytes.Buffer
		text := NewText(&out, Style{})
		text.Plan(encap.Plan(c.kinds, c.guest, c.underlays...), c.underlays)
		golden(t, c.name+".txt", out.String())
		for line := range strings.Lines(out.String()) {
			if utf8.RuneCountInString(line) > 81 {
				t.Errorf("%s: wider than 80 columns: %q", c.name, line)
			}
		}
	}
	var out bytes.Buffer
	if NewText(&out, Style{}).Plan(nil, nil); out.Len() > 0 {
		t.Errorf("a plan of nothing says %q", out.String())
	}
}

// hostFits are a tunnel that fits, one with room to spare, one that is too large, and one of which nothing is known.
func hostFits() []host.Fit {
	vxlan := carriers("vxlan")[0]
	return []host.Fit{
		{Tunnel: "vxlan100", MTU: 1450, Underlay: "eth0, MTU 1500", Encapsulation: vxlan, Left: 1450},
		{Tunnel: "vxlan9", MTU: 1450, Underlay: "eth0, MTU 1600", Encapsulation: vxlan, Left: 1550},
		{Tunnel: "vxlan200", MTU: 1500, Underlay: "eth0 to 192.0.2.2, MTU 1500", Encapsulation: vxlan, Left: 1450},
		{Tunnel: "vxlan300", MTU: 1500, Encapsulation: vxlan},
	}
}

func TestFits(t *testing.T) {
	var out bytes.Buffer
	text := NewText(&out, Style{})
	text.Fits(nil)
	if out.Len() > 0 {
		t.Errorf("a host without tunnels has %q", out.String())
	}
	text.Fits(hostFits())
	golden(t, "plan_fits.txt", out.String())
	out.Reset()
	if err := NewJSON(&out).Fits(hostFits()); err != nil {
		t.Fatal(err)
	}
	golden(t, "plan_fits.ndjson", out.String())
}
