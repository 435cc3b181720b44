package like

import (
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	words := []string{"name", "routers", "mac", "hop-limit", "router-lifetime", "AdvSendAdvert", "ra.absent"}
	for in, want := range map[string]string{
		"routres": "routers", "hop_limit": "hop-limit", "routerLifetime": "router-lifetime", "MAC": "mac", "ma": "mac",
		"advsendadverts": "AdvSendAdvert", "ra.absnt": "ra.absent", "name": "name",
		"lan": "", "nothing-like-it": "", "": "", strings.Repeat("x", 1<<20): "",
	} {
		if got := Nearest(in, words); got != want {
			t.Errorf("nearest to %.40q is %q, not %q", in, got, want)
		}
	}
	if got := Nearest("ab", []string{"abx", "aby"}); got != "abx" {
		t.Errorf("of two that are as like it is %q", got)
	}
}
