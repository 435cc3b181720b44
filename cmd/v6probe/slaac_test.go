package main

import (
	"testing"
	"time"

	"v6probe/internal/expect"
	"v6probe/internal/slaac"
)

// TestAnswer: what came after a solicitation is its answer, may be one, or is none.
func TestAnswer(t *testing.T) {
	t0 := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	sec := func(s float64) time.Time { return t0.Add(time.Duration(s * float64(time.Second))) }
	for _, tt := range []struct {
		name     string
		asks     []float64
		came     map[float64]bool // to the host alone
		answered bool
		after    time.Duration
		missed   int // at 12 s
	}{
		{"at once", []float64{0}, map[float64]bool{0.25: true}, true, 250 * time.Millisecond, 0},
		{"to all, soon", []float64{0}, map[float64]bool{0.5: false}, true, 500 * time.Millisecond, 0},
		{"to all, soon, and then alone", []float64{0}, map[float64]bool{0.25: false, 2: true}, true, 2 * time.Second, 0},
		{"to all, later: it may be due anyhow", []float64{0, 4}, map[float64]bool{2: false, 6: false}, false, 0, 0},
		{"only much later", []float64{0, 4, 8}, map[float64]bool{11.75: false}, false, 0, 3},
		{"in between", []float64{0, 4, 8}, map[float64]bool{5: false}, false, 0, 2},
		{"never", []float64{0, 4, 8}, nil, false, 0, 3},
		{"before it was asked", []float64{4}, map[float64]bool{3.5: true}, false, 0, 1},
		{"the last is not over yet", []float64{0, 4, 10}, nil, false, 0, 2},
		{"not asked", nil, map[float64]bool{1: false}, false, 0, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			v := newSlaacView(slaac.Options{}, chosen{why: own}, new(expect.State))
			for _, a := range tt.asks {
				v.asks = append(v.asks, sec(a))
			}
			for at, alone := range tt.came {
				v.came = append(v.came, arrival{sec(at), alone})
			}
			after, _, answered := v.answer()
			if answered != tt.answered || after != tt.after {
				t.Errorf("answered %v after %v, want %v after %v", answered, after, tt.answered, tt.after)
			}
			if got := v.missed(sec(12)); got != tt.missed {
				t.Errorf("missed %d, want %d", got, tt.missed)
			}
		})
	}
}

// TestGoal: an address is taken as it is, a name is left for later, and the rest is refused.
func TestGoal(t *testing.T) {
	for _, tt := range []struct {
		text, address, name string
		refused             bool
	}{
		{"", "invalid IP", "", false},
		{"2001:db8::1", "2001:db8::1", "", false},
		{"[2001:db8::1]", "2001:db8::1", "", false},
		{"fe80::1%eth0", "fe80::1", "", false},
		{"fe80::1%eth1", "", "", true},
		{"www.example.org", "invalid IP", "www.example.org", false},
		{"192.0.2.1", "", "", true},
		{"::ffff:192.0.2.1", "", "", true},
		{"ff02::1", "", "", true},
		{"::1", "", "", true},
		{"2001:db8::/64", "", "", true},
		{"https://example.org", "", "", true},
	} {
		f := slaacFlags{target: tt.text}
		f.iface = "eth0"
		got, err := f.goal()
		if (err != nil) != tt.refused || err == nil && (got.address.String() != tt.address || got.name != tt.name) {
			t.Errorf("%q: %v %q, %v", tt.text, got.address, got.name, err)
		}
	}
}

// TestStopper: listening ends soon after an answer, or after anything once no answer is due.
func TestStopper(t *testing.T) {
	for _, tt := range []struct {
		name string
		do   func(*stopper)
		ends bool
	}{
		{"an answer", func(s *stopper) { s.heard(true) }, true},
		{"something else", func(s *stopper) { s.heard(false) }, false},
		{"something else, and nothing is due", func(s *stopper) { s.heard(false); s.over() }, true},
		{"nothing is due, and then something", func(s *stopper) { s.over(); s.heard(false) }, true},
		{"nothing is due", func(s *stopper) { s.over() }, false},
	} {
		answered := make(chan struct{})
		s := &stopper{end: func() {}, answered: answered}
		tt.do(s)
		s.mu.Lock()
		if got := s.timer != nil; got != tt.ends {
			t.Errorf("%s: it ends: %v, want %v", tt.name, got, tt.ends)
		} else if got {
			s.timer.Stop()
		}
		s.mu.Unlock()
	}
}
