package slaac

import (
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
)

// TestRefusals has each way in which RFC 4862 §5.5.3 keeps a host from an address, and that it does not keep the good prefix
// in the same message from giving one.
func TestRefusals(t *testing.T) {
	off := Defaults()
	off.AcceptRAPinfo = false
	noAuto := Defaults()
	noAuto.Autoconf = false
	tests := []struct {
		name   string
		option []byte
		knobs  *Knobs
		want   Reason
		onLink bool
	}{
		{"(a) A off", craft.PIO(prefix, 64, 0x80, 86400, 14400), nil, NotAutonomous, true},
		{"(b) link-local", craft.PIO("fe80::", 64, 0xc0, 86400, 14400), nil, LinkLocalPrefix, false},
		{"(c) preferred over valid", pio(100, 101), nil, PreferredOverValid, true},
		{"(c) preferred for ever, valid not", pio(100, infinity), nil, PreferredOverValid, true},
		{"(d) valid 0", pio(0, 0), nil, ValidZero, false},
		{"(d) /63", craft.PIO(prefix, 63, 0xc0, 86400, 14400), nil, NotSixtyFour, true},
		{"(d) /65", craft.PIO(prefix, 65, 0xc0, 86400, 14400), nil, NotSixtyFour, true},
		{"(d) /0", craft.PIO("::", 0, 0xc0, 86400, 14400), nil, NotSixtyFour, true},
		{"/128", craft.PIO(formed, 128, 0xc0, 86400, 14400), nil, NotSixtyFour, true},
		{"/129", craft.PIO(prefix, 129, 0xc0, 86400, 14400), nil, BadPrefixLength, false},
		{"multicast", craft.PIO("ff0e::", 64, 0xc0, 86400, 14400), nil, MulticastPrefix, false},
		{"too long", craft.Option(3, pio(86400, 14400)[2:], make([]byte, 8)), nil, BadLength, false},
		{"too short", craft.Option(3, pio(86400, 14400)[2:24]), nil, BadLength, false},
		{"accept_ra_pinfo=0", pio(86400, 14400), &off, PinfoOff, false},
		{"autoconf=0", pio(86400, 14400), &noAuto, AutoconfOff, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(Options{Knobs: tt.knobs})
			s.ra(0, craft.CloudStackRA(), tt.option)
			got := s.at(2)
			if len(got.Refused) != 1 || got.Refused[0].Reason != tt.want || got.Refused[0].Frame != 1 {
				t.Errorf("refused %+v, want one for reason %d in frame 1", got.Refused, tt.want)
			}
			if len(got.Addresses) != 0 {
				t.Errorf("addresses %+v, want none", got.Addresses)
			}
			if (len(got.Prefixes) == 1) != tt.onLink {
				t.Errorf("on the link: %+v, want one: %v", got.Prefixes, tt.onLink)
			}
			if tt.knobs != nil {
				return
			}
			s.ra(3, craft.CloudStackRA(), tt.option, craft.PIO("2001:db8:9::", 64, 0xc0, 86400, 14400))
			if a := one(t, s.at(6)); a.Address != addr("2001:db8:9::ff:fe00:2") || a.State != Preferred {
				t.Errorf("the good prefix gave %+v", a)
			}
			if got := s.at(6).Refused; len(got) != 1 || got[0].Count != 2 {
				t.Errorf("refused %+v, want the one twice", got)
			}
		})
	}
}

// TestForm: the address, its life from test to end, and what an A prefix without L means.
func TestForm(t *testing.T) {
	s := newScene(Options{})
	s.ra(0, craft.CloudStackRA(), craft.PIO("2001:db8:1::77", 64, 0x40, 300, 100)) // host bits do not count
	for _, tt := range []struct {
		at               float64
		want             AddressState
		valid, preferred time.Duration
		temporary        bool
	}{
		{0.9, Tentative, 299100 * time.Millisecond, 99100 * time.Millisecond, false},
		{1, Preferred, secs(299), secs(99), true},
		{99, Preferred, secs(201), secs(1), true},
		{100, Deprecated, secs(200), 0, false},
		{299, Deprecated, secs(1), 0, false},
		{300, Expired, 0, 0, false},
		{1e6, Expired, 0, 0, false},
	} {
		a := one(t, s.at(tt.at))
		if a.Address != addr(formed) || a.State != tt.want || a.Valid != tt.valid || a.Preferred != tt.preferred || a.Temporary != tt.temporary {
			t.Errorf("after %v s: %+v, want %v with %v and %v left", tt.at, a, tt.want, tt.valid, tt.preferred)
		}
	}
	if p := s.at(1).Prefixes; len(p) != 0 {
		t.Errorf("on the link without L: %v", p)
	}
	if before, after := s.at(299), s.at(300); before.Usable() == nil || after.Usable() != nil {
		t.Error("a deprecated address is usable, an expired one is not")
	}
	s.ra(400, craft.CloudStackRA(), pio(300, 300))
	if a := one(t, s.at(402)); a.State != Preferred {
		t.Errorf("formed anew after it had expired: %+v", a)
	}
}

// TestTwoHours is RFC 4862 §5.5.3(e).
func TestTwoHours(t *testing.T) {
	const h = 3600
	tests := []struct {
		name                    string
		first, valid, preferred uint32
		after                   float64
		wantValid               time.Duration
		held                    bool
	}{
		{"1: above two hours, shorter than before", 24 * h, 3 * h, 1 * h, 10, secs(3 * h), false},
		{"1: longer than what is left", 1 * h, 1*h + 5, 1 * h, 10, secs(1*h + 5), false},
		{"1: as before", 1 * h, 1 * h, 1 * h, 10, secs(1 * h), false},
		{"2: two hours or less left", 1 * h, 60, 30, 10, secs(1*h - 10), true},
		{"2: zero", 2 * h, 0, 0, 10, secs(2*h - 10), true},
		{"2: exactly two hours left", 2*h + 10, 60, 60, 10, secs(2 * h), true},
		{"3: more left, cut below two hours", 24 * h, 60, 60, 10, secs(2 * h), true},
		{"3: more left, cut to zero", 24 * h, 0, 0, 10, secs(2 * h), true},
		{"3: cut to exactly two hours", 24 * h, 2 * h, 0, 10, secs(2 * h), false},
		{"3: from infinity", infinity, 0, 0, 10, secs(2 * h), true},
		{"1: to infinity", 1 * h, infinity, infinity, 10, Forever, false},
		{"(c) goes before: nothing changes", 1 * h, 60, 61, 10, secs(1*h - 10), false},
		{"it had expired: formed anew", 5, 60, 60, 10, secs(60), false},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(Options{})
			s.ra(0, craft.CloudStackRA(), pio(tt.first, min(tt.first, 50)))
			s.ra(tt.after, craft.CloudStackRA(), pio(tt.valid, tt.preferred))
			a := one(t, s.at(tt.after))
			if a.Valid != tt.wantValid || a.Held != tt.held {
				t.Errorf("valid for %v, held %v; want %v, %v", a.Valid, a.Held, tt.wantValid, tt.held)
			}
			want := secs(int64(tt.preferred))
			switch {
			case tt.preferred == infinity:
				want = Forever
			case tt.preferred > tt.valid:
				want = secs(40) // of the first
			}
			if a.Preferred != want {
				t.Errorf("preferred for %v, want %v", a.Preferred, want)
			}
		})
	}
}

// TestOnLink is RFC 4861 §6.3.4: unlike an address a prefix leaves the list at once.
func TestOnLink(t *testing.T) {
	s := newScene(Options{})
	s.ra(0, craft.CloudStackRA(), pio(100, 100))
	if p := s.at(1).Prefixes; len(p) != 1 || p[0].Left != secs(99) {
		t.Errorf("on the link: %+v", p)
	}
	if p := s.at(100).Prefixes; len(p) != 0 {
		t.Errorf("on the link when its lifetime is over: %+v", p)
	}
	s.ra(10, craft.CloudStackRA(), pio(0, 0))
	if p := s.at(10).Prefixes; len(p) != 0 {
		t.Errorf("on the link after valid lifetime 0: %+v", p)
	}
	if a := one(t, s.at(11)); a.State != Deprecated || a.Valid != secs(89) {
		t.Errorf("the address after valid lifetime 0: %+v", a)
	}
}

// TestClock: time that is set back costs no lifetime, and lifetimes go on.
func TestClock(t *testing.T) {
	s := newScene(Options{})
	s.ra(1000, craft.CloudStackRA(), pio(100, 100))
	s.frame(1030, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.RS()))
	s.frame(5, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.RS()))
	s.frame(15, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.RS()))
	if a := one(t, s.at(15)); a.Valid != secs(60) {
		t.Errorf("valid for %v, want 1m: 30 s before the clock was set, 10 s after", a.Valid)
	}
	if got := New(Options{MAC: guest}).At(t0); got.LinkLocal.Address != addr(craft.GuestLL) || got.Addresses != nil {
		t.Errorf("a host that has seen nothing: %+v", got)
	}
}

// TestParameters: what no router says has the defaults of RFC 4861 §10.
func TestParameters(t *testing.T) {
	s := newScene(Options{})
	s.ra(0, craft.RA{Lifetime: 45})
	got := s.at(1)
	if got.HopLimit.Value != 64 || got.ReachableTime != 30*time.Second || got.RetransTimer != time.Second {
		t.Errorf("hop limit %d, reachable %v, retrans %v", got.HopLimit.Value, got.ReachableTime, got.RetransTimer)
	}
	s.ra(1, craft.RA{CurHopLimit: 20, ReachableTime: 5000, RetransTimer: 250, Flags: 0xc0})
	s.ra(2, craft.RA{Flags: 0x40})
	got = s.at(2)
	if got.HopLimit.Value != 20 || got.ReachableTime != 5*time.Second || got.RetransTimer != 250*time.Millisecond {
		t.Errorf("hop limit %d, reachable %v, retrans %v", got.HopLimit.Value, got.ReachableTime, got.RetransTimer)
	}
	if got.Managed || !got.Other {
		t.Errorf("M %v O %v, want those of the last", got.Managed, got.Other)
	}
	k := Defaults()
	k.AcceptRAMinHopLimit = 32
	s = newScene(Options{Knobs: &k})
	s.ra(0, craft.RA{CurHopLimit: 31})
	if got := s.at(0).HopLimit; got.Value != 64 || got.Refused != 31 {
		t.Errorf("accept_ra_min_hop_limit=32: %+v", got)
	}
	s.ra(1, craft.RA{CurHopLimit: 32})
	if got := s.at(1).HopLimit; got.Value != 32 || got.Refused != 0 {
		t.Errorf("accept_ra_min_hop_limit=32: %+v", got)
	}
}

// TestRouters is RFC 4861 §6.3.4 and RFC 4191 §2.2, §3.
func TestRouters(t *testing.T) {
	s := newScene(Options{})
	second := func(at float64, r craft.RA, options ...[]byte) {
		s.frame(at, craft.Frame("02:00:00:00:00:03", "fe80::3", craft.AllNodes, r.Message(options...)))
	}
	best := func(at float64, want string) {
		t.Helper()
		st := s.at(at)
		if r, ok := st.Default(); ok != (want != "") || ok && r.Address != addr(want) {
			t.Errorf("after %v s the default router is %+v (%v), want %q", at, r, ok, want)
		}
	}
	best(0, "")
	s.ra(0, craft.RA{Lifetime: 45, Flags: 0x10}) // reserved: medium
	second(0, craft.RA{Lifetime: 1800, Flags: 0x18})
	best(1, craft.RouterLL)
	if r := s.at(1).Routers; r[0].Preference != icmp6.PreferenceMedium || r[1].Preference != icmp6.PreferenceLow || r[0].Left != secs(44) {
		t.Errorf("routers %+v", r)
	}
	best(45, "fe80::3")
	second(2, craft.RA{Lifetime: 1800, Flags: 0x08})
	best(2, "fe80::3")
	second(3, craft.RA{})
	best(3, craft.RouterLL)
	if r := s.at(3).Routers[1]; !r.Farewell || !r.WasDefault || r.Left != 0 || r.Count != 3 {
		t.Errorf("after its goodbye: %+v", r)
	}
	second(4, craft.RA{}, craft.RIO("::", 0, 0x08, 600, 8)) // stands above the header
	best(4, "fe80::3")

	k := Defaults()
	k.AcceptRADefrtr = false
	s = newScene(Options{Knobs: &k})
	s.ra(0, craft.CloudStackRA(), pio(100, 100))
	best(1, "")
	if one(t, s.at(2)).State != Preferred {
		t.Error("accept_ra_defrtr=0 is about routers only")
	}
}
