package resolve

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

// except returns neighbors that do as n, but for the questions that are lost.
func except(n neighbors, lost func(question) bool) neighbors {
	return func(q question) []reply {
		if lost(q) {
			return nil
		}
		return n(q)
	}
}

// bucket is a limit as nftables has it: so many at once, and so many a second.
func bucket(rate float64, reserve float64) func(question) bool {
	tokens, last := reserve, time.Duration(0)
	return func(q question) bool {
		tokens = min(tokens+rate*(q.at-last).Seconds(), reserve)
		last = q.at
		if tokens < 1 {
			return true
		}
		tokens--
		return false
	}
}

func toGroup(q question) bool { return q.to == groupOf }

func TestJudge(t *testing.T) {
	one, other := host(oneMAC, 0x60, ms), host(otherMAC, 0x60, 2*ms)
	few := bucket(20, 5)
	multicastFew := bucket(20, 5)
	for _, c := range []struct {
		name      string
		neighbors neighbors
		burst     int
		found     []string
		detail    []string // parts of the first
	}{
		{"found", one, 0, nil, nil},
		{"found, burst passes", one, 500, nil, nil},
		{"absent", nobody, 500, []string{"ns.unanswered error"}, []string{
			"v6probe asked 3 times for " + target + " at " + groupOf + " in 2.00 s, 3 times at all nodes (ff02::1): no answer"}},
		{"duplicate", all(one, other), 0, []string{"nd.duplicate-address error"}, []string{
			oneMAC + " with O=1 and " + otherMAC + " with O=1 answer for " + target}},
		{"duplicate, one at a time", func(q question) []reply { // a host that is slow
			if q.mac == oneMAC {
				return nil
			}
			return append(one(q), host(otherMAC, 0x60, 700*ms)(q)...)
		}, 0, []string{"nd.duplicate-address error"}, nil},
		{"anycast", all(host(oneMAC, 0x40, ms), host(otherMAC, 0x40, 2*ms)), 0, []string{"nd.duplicate-address info"}, []string{"no duplicate"}},
		{"own and proxy", all(one, host(otherMAC, 0x40, 2*ms)), 0, []string{"nd.duplicate-address info"}, []string{
			oneMAC + " with O=1 and " + otherMAC + " with O=0"}},
		{"one proxy", host(oneMAC, 0x40, 800*ms), 0, nil, nil},
		{"group lost", except(one, toGroup), 0, []string{"ns.unanswered error"}, []string{
			"v6probe asked 3 times for " + target + " at its solicited-node group " + groupOf + " in 2.00 s",
			oneMAC + " answers 1 of 1 to all nodes (ff02::1) and 3 of 3 to its own Ethernet address"}},
		{"limited to 20 a second", except(one, few), 1000, []string{"nd.rate-limited warning"}, []string{
			"of 20 solicitations at 10 a second none was lost, of 1000 at 500 a second 957 (95.7 %)",
			"about 3 were answered at once, then 20 a second", "so unicast is limited as well"}},
		{"multicast limited", except(one, func(q question) bool { return toGroup(q) && multicastFew(q) }), 500,
			[]string{"nd.rate-limited warning"}, []string{"of 500 as fast to " + oneMAC + " alone none was lost, so it is multicast"}},
		{"every fourth lost", except(one, func(q question) bool { return q.number > 4 && q.number%4 == 0 }), 1000, nil, nil},
		{"three of four lost", except(one, func(q question) bool { return q.number > 4 && q.number%4 != 0 }), 1000, nil, nil},
		{"burst lost altogether", except(one, func(q question) bool { return q.number > 24 }), 100,
			[]string{"nd.rate-limited warning"}, []string{"none was answered"}},
		{"too little lost to tell", except(one, func(q question) bool { return q.number > 24 && q.number%20 == 0 }), 1000, nil, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, r, found := run(t, testLink(), c.burst, c.neighbors)
			if got := rules(found); !slices.Equal(got, c.found) {
				t.Fatalf("found %v, want %v; %+v", got, c.found, r.Counts)
			}
			for _, want := range c.detail {
				if !strings.Contains(found[0].Detail, want) {
					t.Errorf("%q lacks %q", found[0].Detail, want)
				}
			}
		})
	}
}

func TestPlainLoss(t *testing.T) {
	one := host(oneMAC, 0x60, ms)
	_, r, _ := run(t, testLink(), 400, except(one, func(q question) bool { return q.number > 4 && q.number%4 == 0 }))
	if !r.PlainLoss() || r.RateLimited() {
		t.Errorf("%+v", r.Counts)
	}
	_, r, _ = run(t, testLink(), 400, except(one, func(q question) bool { return q.number > 24 && q.number%40 == 0 }))
	if r.PlainLoss() || r.RateLimited() {
		t.Errorf("%+v", r.Counts)
	}
}

// TestByChance compares with values that can be had by hand.
func TestByChance(t *testing.T) {
	for _, c := range []struct {
		slow, slowLost, burst, burstLost int
		want                             float64
	}{
		{1, 0, 1, 1, 0.5},
		{2, 0, 2, 2, 1.0 / 6},
		{2, 1, 2, 1, 5.0 / 6},
		{20, 0, 100, 0, 1},
		{20, 20, 100, 100, 1},
		{20, 20, 100, 0, 1},
	} {
		if got := byChance(c.slow, c.slowLost, c.burst, c.burstLost); math.Abs(got-c.want) > 1e-9 {
			t.Errorf("%+v: %v", c, got)
		}
	}
	if p := byChance(20, 0, 10000, 9999); p > 1e-20 {
		t.Error(p)
	}
}
