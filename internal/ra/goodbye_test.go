package ra

import (
	"testing"

	"v6probe/internal/craft"
)

// TestGoodbyePreference is about radvd with AdvDefaultPreference, which leaves the preference in its goodbye.
func TestGoodbyePreference(t *testing.T) {
	preferred := func(lifetime uint16) []byte {
		return fields(func(r *craft.RA) { r.Flags, r.Lifetime = 0x08, lifetime })
	}
	for _, tt := range []scene{
		{name: "a goodbye", shots: []shot{ra(0, preferred(45)), ra(10, preferred(45)), ra(12, preferred(0))},
			want: "ra.lifetime-zero-with-preference:info"},
		{name: "no default router ever", shots: []shot{ra(0, preferred(0)), ra(10, preferred(0))},
			want: "ra.lifetime-zero-with-preference ra.lifetime-zero-with-preference"},
	} {
		t.Run(tt.name, tt.run)
	}
}

func TestSilent(t *testing.T) {
	s := newStage(t, Options{})
	s.play(ra(0, fields(func(r *craft.RA) { r.Lifetime = 45 })))
	s.play(ns(30))
	if s.checker.Links()[0].Silent() {
		t.Error("silent within its lifetime")
	}
	s.play(ns(60))
	if l := s.checker.Links()[0]; !l.Silent() || len(l.Prefixes()) != 0 {
		t.Errorf("after its lifetime: silent %v, prefixes %v", l.Silent(), l.Prefixes())
	}
}
