package ra

import (
	"cmp"
	"slices"
	"testing"

	"v6probe/internal/craft"
)

func TestTwins(t *testing.T) {
	msg := func(lifetime uint16, options ...[]byte) []byte {
		return craft.RA{CurHopLimit: 64, Lifetime: lifetime}.Message(options...)
	}
	second := craft.PIO("2001:db8:2::", 64, 0xc0, 86400, 14400)
	a := func(at float64) shot { return ra(at, msg(45, goodPIO)) }
	twin := func(at float64, msg []byte) shot {
		return shot{at: at, data: craft.Frame(otherMAC, craft.RouterLL, craft.AllNodes, msg)}
	}
	b := func(at float64) shot { return twin(at, msg(45, second)) }
	for _, tt := range []struct {
		name  string
		shots []shot
		want  bool
	}{
		{"two machines", inTurn(every(0, 10, 5, a), every(5, 10, 5, b)), true},
		{"the second with a prefix more", inTurn(every(0, 10, 5, a), every(5, 10, 5, func(at float64) shot { return twin(at, msg(45, goodPIO, second)) })), true},
		{"the same contents", inTurn(every(0, 10, 5, a), every(5, 10, 5, func(at float64) shot { return twin(at, msg(45, goodPIO, craft.SLLA(otherMAC))) })), false},
		{"failover", inTurn(every(0, 10, 5, a), every(45, 10, 5, b)), false},
		{"failover and back", inTurn(every(0, 10, 5, a), every(45, 10, 3, b), every(75, 10, 5, a)), false},
		{"failover with a goodbye, again and again", []shot{a(0), a(10), ra(20, msg(0)), b(21), b(30), twin(40, msg(0)), a(41), a(50), ra(60, msg(0)), b(61), b(70),
			twin(80, msg(0)), a(81)}, false},
		{"failover without a goodbye, again and again", []shot{a(0), b(50), a(100), b(150), a(200), b(250), a(300)}, false},
		{"the second comes and goes", []shot{a(0), b(5), twin(6, msg(0)), a(10), b(15), twin(16, msg(0)), a(20), b(25), twin(26, msg(0)), a(30)}, false},
		{"another address", inTurn(every(0, 10, 5, a), every(5, 10, 5, func(at float64) shot { return ra2(at, msg(45, second)) })), false},
	} {
		s := newStage(t, Options{})
		for _, x := range tt.shots {
			s.play(x)
		}
		routers := s.checker.Links()[0].Routers
		for _, r := range routers {
			if len(routers) != 2 || r.Twin != tt.want {
				t.Errorf("%s: twin %v of %d routers, want %v", tt.name, r.Twin, len(routers), tt.want)
			}
		}
	}
}

// inTurn joins parts in the order of time.
func inTurn(parts ...[]shot) []shot {
	shots := join(parts...)
	slices.SortStableFunc(shots, func(a, b shot) int { return cmp.Compare(a.at, b.at) })
	return shots
}
