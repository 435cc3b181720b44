package check

import (
	"testing"

	"v6probe/internal/rule"
)

// BenchmarkRun judges the small captures of fixtures.
func BenchmarkRun(b *testing.B) {
	items, err := Find([]string{"../../fixtures/pcaps"})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		n := 0
		if err := Run(b.Context(), items, Options{FailOn: rule.Error}, func(*Capture) error { n++; return nil }); err != nil {
			b.Fatal(err)
		}
		b.ReportMetric(float64(n), "captures/op")
	}
}
