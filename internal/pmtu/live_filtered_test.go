package pmtu

import (
	"net/netip"
	"testing"
	"time"
)

func TestScreen(t *testing.T) {
	start := time.Unix(1000, 0)
	reply := func(id int, after time.Duration) Reply {
		return Reply{ID: id, Type: TooBig, Source: netip.MustParseAddr(wireHop), MTU: 1400, Time: start.Add(after)}
	}
	var s screen
	none := func(after time.Duration) {
		t.Helper()
		if r, ok := s.filtered(start.Add(after)); ok {
			t.Errorf("after %v: %+v", after, r)
		}
	}
	some := func(id int, after time.Duration) {
		t.Helper()
		r, ok := s.filtered(start.Add(after))
		if !ok || r.ID != id || !r.Filtered {
			t.Errorf("after %v: %+v, %v", after, r, ok)
		}
	}
	// Delivered after it came in, and before; at another time by the clock, and in fragments.
	s.comeIn(reply(1, 0))
	late := reply(1, time.Millisecond)
	late.FragmentSize = 1280
	if !s.deliver(late) || !s.deliver(reply(2, 0)) {
		t.Error("not delivered")
	}
	s.comeIn(reply(2, 0))
	none(time.Hour)
	// Never delivered: given out in the order of coming in, and not before its time.
	s.comeIn(reply(3, 0))
	s.comeIn(reply(4, time.Millisecond))
	none(delivery - 1)
	if at, ok := s.due(); !ok || !at.Equal(start.Add(delivery)) {
		t.Errorf("due at %v", at)
	}
	some(3, delivery)
	none(delivery)
	some(4, time.Hour)
	none(time.Hour)
	// One that is delivered after all is not given out twice, but a second one is.
	if s.deliver(reply(3, 0)) || !s.deliver(reply(3, 0)) {
		t.Error("twice")
	}
	s.comeIn(reply(3, 0))
	none(time.Hour)
	// Of two that say the same one is delivered.
	s.comeIn(reply(5, 0))
	s.comeIn(reply(5, 0))
	s.deliver(reply(5, 0))
	some(5, time.Hour)
	none(time.Hour)
	// Another MTU is another reply.
	other := reply(6, 0)
	other.MTU = 1300
	s.comeIn(reply(6, 0))
	s.deliver(other)
	some(6, time.Hour)
}

func TestScreenIsBounded(t *testing.T) {
	var s screen
	for id := range 3 * memory {
		s.comeIn(Reply{ID: id + 1})
		s.deliver(Reply{ID: -id - 1})
		if id%2 == 0 {
			s.filtered(time.Now())
		}
	}
	if len(s.held) > memory || len(s.delivered) > memory || len(s.gone) > memory || len(s.gone) == 0 || len(s.delivered) < memory/2 {
		t.Errorf("%d, %d, %d", len(s.held), len(s.delivered), len(s.gone))
	}
}
