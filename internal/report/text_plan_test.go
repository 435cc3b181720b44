package report

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"

	"v6probe/internal/encap"
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
