package ra

import (
	"testing"

	"v6probe/internal/craft"
)

// TestDoubt has what looks like a fault and may be none, and what may look like none and is one.
func TestDoubt(t *testing.T) {
	with := func(lifetime uint16, options ...[]byte) []byte {
		return craft.RA{CurHopLimit: 64, Lifetime: lifetime}.Message(options...)
	}
	other := func(msg []byte) func(float64) shot { return func(at float64) shot { return ra2(at, msg) } }
	answers := func(at float64) shot { return raTo(at, craft.GuestLL, healthy()) }
	brief := craft.PIO("2001:db8::", 64, 0xc0, 60, 60)
	server := craft.RDNSS(10, "2001:db8::53")
	var uneven []shot // 3 and 12 seconds in turn
	for i := range 40 {
		uneven = append(uneven, ra(float64(15*i), healthy(server)), ra(float64(15*i+3), healthy(server)))
	}
	for _, tt := range []scene{
		{name: "the router with the prefix is restarted at the end",
			shots: join(every(0, 10, 5, sends(with(45, goodPIO))), every(5, 10, 4, other(with(45))), []shot{ra(43, with(0, goodPIO)), ra2(45, with(45))})},
		{name: "the router with the prefix is set to be no default router",
			shots: join([]shot{ra(0, with(45, goodPIO)), ra2(5, with(45))}, every(10, 10, 2, sends(with(0, goodPIO))), []shot{ra2(31, with(45))})},
		{name: "the router with the prefix is slow",
			shots: inTurn(every(0, 40, 4, sends(with(30, goodPIO))), every(5, 10, 16, other(with(45)))),
			want:  "ra.final-missing ra.interval-vs-lifetime"},
		{name: "all fell silent, and the prefix ran out after that",
			shots: join(every(0, 10, 5, sends(with(45, brief))), []shot{ns(600)}), want: "ra.final-missing"},
		{name: "answers to two hundred hosts a second", shots: every(0, 0.005, 200, answers)},
		{name: "servers that expire in every other gap", shots: uneven, want: "rdnss.lifetime-short"},
		{name: "one RA only", shots: []shot{ra(0, with(45))}, want: "ra.no-address-source", detail: "the only RA of it that was heard"},
	} {
		t.Run(tt.name, tt.run)
	}
}

// TestForgottenLinks has more links than are kept: what one of them lacks may have been forgotten.
func TestForgottenLinks(t *testing.T) {
	s := newStage(t, Options{})
	bare := craft.RA{CurHopLimit: 64, Lifetime: 1800}.Message()
	const links = maxLinks + 100
	for round := range 3 {
		for i := range links {
			at := float64(10*round) + float64(i)/1000
			for _, x := range []shot{ra(at, healthy()), ra2(at, bare)} {
				data := tagged(x.data)
				data[14], data[15] = byte(i>>8), byte(i)
				s.play(shot{at: at, data: data})
			}
		}
	}
	if got := s.end(); got != "" {
		t.Errorf("findings %q", got)
	}
	if s.checker.Forgotten() == 0 {
		t.Error("no link was forgotten")
	}
}
