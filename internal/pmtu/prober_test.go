package pmtu

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"v6probe/internal/rule"
)

// found lists the rules that a result breaks, with the severity of each.
func found(r *Result, w Wanted) []string {
	var list []string
	for _, f := range r.Findings(w) {
		list = append(list, string(f.Rule)+":"+f.Severity.String())
	}
	return list
}

func TestFindings(t *testing.T) {
	type change = func(*simPath)
	silent := func(s *simPath) { s.there[2], s.nodes[2].silent = 1400, true }
	tests := []struct {
		name   string
		change change
		flows  int
		wanted Wanted
		mtu    int
		want   []string
	}{
		{"clean", func(*simPath) {}, 1, Wanted{}, 1450, nil},
		{"clean, as wanted", func(*simPath) {}, 1, Wanted{MTU: 1450, Cached: 1450}, 1450, nil},
		{"told", func(s *simPath) { s.there[2] = 1400 }, 1, Wanted{}, 1400, []string{"pmtu.narrow:info"}},
		{"told, less than wanted", func(s *simPath) { s.there[2] = 1400 }, 1, Wanted{MTU: 1450}, 1400, []string{"pmtu.below-expected:error"}},
		{"told, a tunnel's", func(s *simPath) { s.there[2] = 1430 }, 1, Wanted{}, 1430, []string{"pmtu.narrow:info", "pmtu.encapsulation:info"}},
		{"silent", silent, 1, Wanted{}, 1400, []string{"pmtu.black-hole:error"}},
		{"filtered here", func(s *simPath) { s.there[2], s.filter = 1400, true }, 1, Wanted{Link: "eth0"}, 1400,
			[]string{"pmtu.ptb-filtered-here:error"}},
		{"stale cache", func(*simPath) {}, 1, Wanted{Cached: 1400}, 1450, []string{"pmtu.host-cache:warning"}},
		{"back, told", func(s *simPath) { s.back[2] = 1400 }, 1, Wanted{}, 1450, []string{"pmtu.return-narrow:info"}},
		{"back, silent", func(s *simPath) { s.back[2], s.backPTB[2] = 1400, false }, 1, Wanted{}, 1450,
			[]string{"pmtu.return-black-hole:error"}},
		{"says too little", func(s *simPath) { s.there[2], s.nodes[2].says = 1400, 1300 }, 1, Wanted{}, 1400,
			[]string{"pmtu.narrow:info", "pmtu.ptb-wrong:error"}},
		{"says too much", func(s *simPath) { s.there[2], s.nodes[2].says = 1400, 1440 }, 1, Wanted{}, 1400, []string{"pmtu.ptb-wrong:error"}},
		{"refuses what it passes on", func(s *simPath) { s.nodes[2].shouts = 1300 }, 1, Wanted{}, 1450, []string{"pmtu.ptb-wrong:error"}},
		{"says less than the least", func(s *simPath) { s.there[2], s.nodes[2].says = 1280, 1200 }, 1, Wanted{}, 1280,
			[]string{"ptb.below-1280:error"}},
		{"forged", func(s *simPath) { s.forger = true }, 1, Wanted{}, 1450, []string{"pmtu.ptb-forged:warning"}},
		{"tunnel", func(s *simPath) { s.there[2], s.nodes[2].tunnel = 1400, true }, 1, Wanted{}, 1400,
			[]string{"pmtu.narrow:info", "ptb.source-is-destination:warning"}},
		{"below the least", func(s *simPath) { s.there[2] = 1000 }, 1, Wanted{}, 0, []string{"pmtu.below-1280:error", "ptb.below-1280:error"}},
		{"below the least, silent", func(s *simPath) { s.there[2], s.nodes[2].silent = 1000, true }, 1, Wanted{}, 0,
			[]string{"pmtu.below-1280:error"}},
		{"nobody there", func(s *simPath) { s.answers = [4]bool{} }, 1, Wanted{}, 0, []string{"pmtu.unreachable:error"}},
		{"no route", func(s *simPath) { s.refuses = true }, 1, Wanted{}, 0, []string{"unreach.no-route:error"}},
		{"loop", func(s *simPath) { s.loop = true }, 1, Wanted{}, 0, []string{"pmtu.routing-loop:error"}},
		{"rejected", func(s *simPath) { s.rejects = 1400 }, 1, Wanted{}, 1400, []string{"unreach.no-route:error"}},
		{"held here", func(s *simPath) { s.holds = 1400 }, 1, Wanted{}, 1400, []string{"pmtu.held-here:error"}},
		{"all held here", func(s *simPath) { s.holds = 1 }, 1, Wanted{}, 0, []string{"pmtu.held-here:error"}},
		{"echoes go by another path", func(s *simPath) { s.echo = 1400 }, 1, Wanted{}, 1400, []string{"pmtu.flows-differ:error"}},
		{"lossy", func(s *simPath) { s.loss = .15 }, 1, Wanted{}, 1450, []string{"pmtu.loss:info"}},
		{"too lossy", func(s *simPath) { silent(s); s.loss = .68 }, 1, Wanted{}, 0, []string{"pmtu.unknown:error", "pmtu.loss:info"}},
		{"flows alike", func(*simPath) {}, 8, Wanted{}, 1450, nil},
		{"a flow is dead", func(s *simPath) { s.flows = map[int]int{2: 1} }, 8, Wanted{}, 1450, []string{"pmtu.flows-differ:error"}},
		{"flows differ", func(s *simPath) { s.flows = map[int]int{2: 1400, 5: 1400} }, 8, Wanted{}, 1450, []string{"pmtu.flows-differ:error"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newSimPath(3, 3, 1450)
			tt.change(s)
			r := probeSim(s, tt.flows)
			if r.MTU != tt.mtu {
				t.Errorf("MTU %d, want %d", r.MTU, tt.mtu)
			}
			got := found(r, tt.wanted)
			if !slices.Equal(got, tt.want) {
				t.Errorf("findings %q, want %q", got, tt.want)
				for _, f := range r.Findings(tt.wanted) {
					t.Log(f.Rule, f.Detail)
				}
			}
		})
	}
}

// TestFallbacks wants the right answer whatever the target does not answer.
func TestFallbacks(t *testing.T) {
	tests := []struct {
		name    string
		answers [4]bool
		method  Kind
		either  bool // there is no telling the ways apart where the last link is narrow
	}{
		{"all", [4]bool{true, true, true, true}, Echo, false},
		{"echo alone", [4]bool{Echo: true}, Echo, true},
		{"no echo", [4]bool{UDP: true, TCP: true, Option: true}, TCP, false},
		{"UDP alone", [4]bool{UDP: true}, UDP, false},
		{"TCP alone", [4]bool{TCP: true}, TCP, false},
		{"options alone", [4]bool{Option: true}, Option, false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			for _, last := range []bool{false, true} {
				s := newSimPath(4, 3, 1450)
				s.answers = tt.answers
				link := 2
				if last {
					link = 3
				}
				s.there[link], s.nodes[link].silent = 1404, true
				r := probeSim(s, 1)
				if err := verify(s, r); err != nil {
					t.Error(err)
				}
				if r.MTU != 1404 || r.Either != (tt.either && last) || r.Method != tt.method {
					t.Errorf("link %d: MTU %d, either %v, by %v", link, r.MTU, r.Either, r.Method)
				}
				if h := r.Hole; h == nil || h.After != link || h.Before != link+1 {
					t.Errorf("link %d: hole %+v", link, h)
				}
				t.Logf("%d packets, %d rounds, %v", r.Sent, r.Rounds, r.Took)
			}
		})
	}
}

// TestKinds wants only probes of the kinds that are allowed.
func TestKinds(t *testing.T) {
	for _, kind := range []Kind{Echo, UDP, TCP, Option} {
		s := newSimPath(5, 3, 1450)
		s.there[1] = 1420
		_, err := Run(context.Background(), Config{Target: simTarget, Local: 1450, Kinds: []Kind{kind}, Trace: func(p Probe, _ time.Time, r *Reply) {
			if r == nil && p.Kind != kind {
				t.Errorf("%v: a probe by %v", kind, p.Kind)
			}
		}}, s)
		if err != nil {
			t.Error(err)
		}
	}
}

// TestGap wants the rate kept.
func TestGap(t *testing.T) {
	s := newSimPath(6, 3, 1450)
	var last time.Time
	_, err := Run(context.Background(), Config{Target: simTarget, Local: 1450, Gap: 10 * time.Millisecond, Trace: func(_ Probe, _ time.Time, r *Reply) {
		if r != nil {
			return
		}
		if gap := s.now.Sub(last); !last.IsZero() && gap < 10*time.Millisecond {
			t.Errorf("%v between two probes", gap)
		}
		last = s.now
	}}, s)
	if err != nil {
		t.Error(err)
	}
}

// cut is a network that fails after some replies.
type cut struct {
	*simPath
	replies int
	err     error
	end     func()
}

func (c *cut) Receive(until time.Time) (Reply, bool, error) {
	if c.replies--; c.replies < 0 {
		c.end()
		return Reply{}, false, c.err
	}
	return c.simPath.Receive(until)
}

func TestInterrupted(t *testing.T) {
	for replies := range 20 {
		ctx, cancel := context.WithCancel(context.Background())
		s := newSimPath(7, 3, 1450)
		s.there[2], s.nodes[2].silent = 1400, true
		r, err := Run(ctx, Config{Target: simTarget, Local: 1450}, &cut{s, replies, context.Canceled, cancel})
		if err != nil || r.Complete {
			t.Errorf("after %d replies: %v, complete %v", replies, err, r.Complete)
		}
		if r.MTU != 0 && r.MTU != 1400 {
			t.Errorf("after %d replies: MTU %d", replies, r.MTU)
		}
		for _, f := range r.Findings(Wanted{MTU: 1450}) {
			if f.Severity == rule.Error {
				t.Errorf("after %d replies: %s", replies, f.Rule)
			}
		}
	}
}

func TestNetworkFails(t *testing.T) {
	down := errors.New("network is down")
	r, err := Run(context.Background(), Config{Target: simTarget, Local: 1450}, &cut{newSimPath(8, 3, 1450), 3, down, func() {}})
	if err != down || r == nil || r.Complete {
		t.Errorf("%v, %+v", err, r)
	}
}

func TestSilences(t *testing.T) {
	for _, tt := range []struct{ n, lost, want int }{
		{0, 0, 20}, {2, 0, 8}, {6, 0, 6}, {30, 0, 5}, {10, 1, 7}, {20, 6, 12}, {10, 10, 1e6},
	} {
		if got := silences(tt.n, tt.lost); got != tt.want && !(tt.want == 1e6 && got > mostSilence) {
			t.Errorf("silences(%d, %d) = %d, want %d", tt.n, tt.lost, got, tt.want)
		}
	}
}

func TestLadder(t *testing.T) {
	for _, local := range []int{1280, 1281, 1450, 1500, 9000, 65535} {
		sizes := ladder(local)
		if sizes[0] != local || sizes[len(sizes)-1] != MinMTU {
			t.Errorf("ladder(%d) = %v", local, sizes)
		}
		if !slices.IsSortedFunc(sizes, func(a, b int) int { return b - a }) || len(slices.Compact(slices.Clone(sizes))) != len(sizes) {
			t.Errorf("ladder(%d) = %v: not descending", local, sizes)
		}
	}
	for _, tt := range []struct{ low, high, n, want int }{{1400, 1402, 9, 1}, {1400, 1420, 9, 9}, {1400, 1404, 9, 3}, {1400, 1401, 9, 0}} {
		sizes := between(tt.low, tt.high, tt.n)
		if len(sizes) != tt.want || len(sizes) > 0 && (sizes[0] <= tt.low || sizes[len(sizes)-1] >= tt.high) {
			t.Errorf("between(%d, %d, %d) = %v", tt.low, tt.high, tt.n, sizes)
		}
	}
}

// TestSplitFlow has the echoes of the first flow go by another path than its UDP: flows are compared by their echoes.
func TestSplitFlow(t *testing.T) {
	s := newSimPath(1, 3, 1450)
	s.echo = 1400
	r := probeSim(s, 2)
	if r.Split == nil || r.MTU != 1400 {
		t.Fatalf("MTU %d, split %+v, want echoes of 1400 apart", r.MTU, r.Split)
	}
	for i, f := range r.Flows {
		if f.MTU != 1400 || !f.Silent {
			t.Errorf("flow %d is %+v, want 1400 and silence", i, f)
		}
	}
}
