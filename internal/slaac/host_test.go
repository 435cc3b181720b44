package slaac

import (
	"fmt"
	"testing"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

const stranger = "02:00:00:00:00:05"

func group(target string) string {
	a := addr(target).As16()
	return fmt.Sprintf("ff02::1:ff%02x:%02x%02x", a[13], a[14], a[15])
}

// probe is a solicitation by which mac tests target.
func probe(mac, target string, options ...[]byte) []byte {
	return craft.Frame(mac, "::", group(target), craft.NS(target, options...))
}

func claim(mac, target string, options ...[]byte) []byte {
	return craft.Frame(mac, target, craft.AllNodes, craft.NA(0x20, target, options...))
}

// TestDAD is RFC 4862 §5.4.
func TestDAD(t *testing.T) {
	type shown struct {
		at    float64
		frame []byte
	}
	tests := []struct {
		name  string
		shown []shown
		want  AddressState
		other string
	}{
		{"nobody objects", nil, Preferred, ""},
		{"an advertisement while it is tested", []shown{{0.5, claim(stranger, formed)}}, Duplicate, stranger},
		{"by its target option", []shown{{0.5, claim(stranger, formed, craft.TLLA("02:00:00:00:00:06"))}}, Duplicate, "02:00:00:00:00:06"},
		{"another tests it too", []shown{{0.5, probe(stranger, formed)}}, Duplicate, stranger},
		{"another tests it later: the host defends it", []shown{{5, probe(stranger, formed)}}, Preferred, ""},
		{"another resolves it", []shown{{0.5, craft.Frame(stranger, "fe80::5", group(formed), craft.NS(formed))}}, Preferred, ""},
		{"another address", []shown{{0.5, claim(stranger, "2001:db8:1::5")}}, Preferred, ""},
		{"its own", []shown{{0.5, probe(craft.GuestMAC, formed)}, {0.6, claim(craft.GuestMAC, formed)}}, Preferred, ""},
		{"its own that comes back", []shown{
			{0.5, probe(craft.GuestMAC, formed, craft.Nonce([]byte("abcdef")))}, {0.6, probe(stranger, formed, craft.Nonce([]byte("abcdef")))},
		}, Preferred, ""},
		{"another's nonce", []shown{
			{0.5, probe(craft.GuestMAC, formed, craft.Nonce([]byte("abcdef")))}, {0.6, probe(stranger, formed, craft.Nonce([]byte("abcdeg")))},
		}, Duplicate, stranger},
		{"claimed before there is a prefix", []shown{{-5, claim(stranger, formed)}}, Duplicate, stranger},
		{"claimed later, and the host is not there to object", []shown{{5, claim(stranger, formed)}}, Duplicate, stranger},
		{"claimed later, from a host that had passed", []shown{{0.5, probe(craft.GuestMAC, formed)}, {5, claim(stranger, formed)}}, Preferred, stranger},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := newScene(Options{})
			s.frame(-10, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllRouters, craft.RS()))
			ra := func() { s.ra(0, craft.CloudStackRA(), pio(86400, 14400)) }
			if len(tt.shown) == 0 || tt.shown[0].at > 0 {
				ra()
			}
			for _, f := range tt.shown {
				s.frame(f.at, f.frame)
				if f.at < 0 {
					ra()
				}
			}
			a := one(t, s.at(20))
			if a.State != tt.want {
				t.Errorf("%v, want %v", a.State, tt.want)
			}
			if got := a.Contested.String(); got != tt.other && (tt.other != "" || a.Contested != packet.MAC{}) {
				t.Errorf("the other is %s, want %q", got, tt.other)
			}
		})
	}
}

// TestLinkLocalDuplicate is RFC 4862 §5.4.5: the interface is of no use then.
func TestLinkLocalDuplicate(t *testing.T) {
	s := newScene(Options{})
	s.frame(0, claim(stranger, craft.GuestLL))
	s.ra(1, craft.CloudStackRA(), pio(86400, 14400))
	got := s.at(5)
	if got.LinkLocal.State != Duplicate || got.Deaf != InterfaceOff || len(got.Addresses) != 0 || got.Advertisements != 1 {
		t.Errorf("%+v", got)
	}
	s = newScene(Options{})
	s.frame(0, probe(craft.GuestMAC, craft.GuestLL))
	if got := s.at(0.5).LinkLocal; got.State != Tentative || got.Valid != Forever {
		t.Errorf("while it is tested: %+v", got)
	}
	if got := s.at(1).LinkLocal; got.State != Preferred || got.Temporary {
		t.Errorf("once it was tested: %+v", got)
	}
}

// TestConflictWithoutPrefix: a test of its own that failed is told although no router was heard.
func TestConflictWithoutPrefix(t *testing.T) {
	s := newScene(Options{})
	s.frame(0, probe(craft.GuestMAC, formed))
	s.frame(0.1, claim(stranger, formed))
	if got := s.at(1).Conflicts; len(got) != 1 || got[0].Address != addr(formed) || got[0].MAC.String() != stranger {
		t.Errorf("conflicts %+v", got)
	}
}

// TestAcceptRA has the settings by which a host takes no advertisement, and those that a host never gets.
func TestAcceptRA(t *testing.T) {
	for _, tt := range []struct {
		accept  int
		forward bool
		want    Reason
	}{
		{0, false, AcceptRAOff}, {0, true, AcceptRAOff}, {1, false, Accepted}, {1, true, Forwards}, {2, false, Accepted}, {2, true, Accepted},
	} {
		k := Defaults()
		k.AcceptRA, k.Forwarding = tt.accept, tt.forward
		s := newScene(Options{Knobs: &k})
		s.ra(0, craft.CloudStackRA(), craft.CloudStackOptions()...)
		got := s.at(1)
		if got.Deaf != tt.want || (len(got.Addresses) == 1) != (tt.want == Accepted) || (len(got.Routers) == 1) != (tt.want == Accepted) {
			t.Errorf("accept_ra=%d forwarding=%v: %+v", tt.accept, tt.forward, got)
		}
	}
}

func TestWhoHears(t *testing.T) {
	msg := craft.CloudStackRA().Message(pio(86400, 14400))
	other := craft.Ethernet(craft.MAC(stranger), craft.MAC(craft.RouterMAC), nil, 0x86dd,
		craft.IPv6(craft.RouterLL, "fe80::5", 255, 58, craft.ICMPv6(craft.RouterLL, "fe80::5", msg)))
	for _, tt := range []struct {
		name  string
		frame []byte
		hears bool
	}{
		{"all nodes", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg), true},
		{"it alone", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.GuestLL, msg), true},
		{"another alone", other, false},
		{"another group", craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllRouters, msg), false},
		{"its own", craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllNodes, msg), false},
	} {
		s := newScene(Options{})
		s.frame(0, tt.frame)
		if got := s.at(0); (got.Advertisements == 1) != tt.hears || (len(got.Addresses) == 1) != tt.hears {
			t.Errorf("%s: %+v", tt.name, got)
		}
	}
}

// TestDropped: what a receiver drops is counted and says nothing.
func TestDropped(t *testing.T) {
	h := New(Options{MAC: guest})
	frame := craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, craft.CloudStackRA().Message(craft.CloudStackOptions()...))
	f := packet.Frame{Number: 1, Time: t0, Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet, Interface: ethOnly}
	var p packet.Packet
	packet.NewDecoder().Decode(&f, &p)
	h.Packet(&p, true)
	if got := h.At(t0); got.Advertisements != 1 || got.Dropped != 1 || len(got.Addresses)+len(got.Routers)+len(got.DNS) != 0 {
		t.Errorf("%+v", got)
	}
}

func TestMTU(t *testing.T) {
	off := Defaults()
	off.AcceptRAMTU = false
	for _, tt := range []struct {
		link  int
		knobs *Knobs
		said  uint32
		want  MTU
	}{
		{1500, nil, 1279, MTU{0, 1279, BelowMinimum}},
		{1500, nil, 1280, MTU{1280, 0, Accepted}},
		{1500, nil, 1500, MTU{1500, 0, Accepted}},
		{1500, nil, 1501, MTU{0, 1501, AboveLink}},
		{0, nil, 9000, MTU{9000, 0, Accepted}},
		{0, nil, 0xffffffff, MTU{0, 0xffffffff, AboveLink}},
		{1500, &off, 1400, MTU{0, 1400, MTUOff}},
	} {
		s := newScene(Options{Knobs: tt.knobs})
		s.iface = &packet.Interface{LinkType: packet.LinkTypeEthernet, MTU: tt.link}
		s.ra(0, craft.CloudStackRA(), craft.MTU(tt.said))
		if got := s.at(0); got.MTU != tt.want || got.LinkMTU != tt.link {
			t.Errorf("MTU %d on a link of %d: %+v", tt.said, tt.link, got.MTU)
		}
	}
	s := newScene(Options{LinkMTU: 1450})
	s.ra(0, craft.CloudStackRA(), craft.MTU(1500))
	s.ra(1, craft.CloudStackRA(), craft.MTU(1400))
	if got := s.at(1).MTU; got != (MTU{Value: 1400}) {
		t.Errorf("after a good one: %+v", got)
	}
}

// TestDNS is RFC 8106 §5, §6.
func TestDNS(t *testing.T) {
	s := newScene(Options{})
	zone := craft.Name("cloud", "example")
	s.ra(0, craft.CloudStackRA(), craft.RDNSS(30, "2001:db8::53", "ff02::1", "::"), craft.DNSSL(30, zone))
	s.ra(1, craft.CloudStackRA(), craft.RDNSS(infinity, "2001:db8::54"), craft.WithLength(craft.RDNSS(30, "2001:db8::55"), 2))
	got := s.at(10)
	if len(got.DNS) != 2 || got.DNS[0].Left != secs(20) || got.DNS[1].Address != addr("2001:db8::54") || got.DNS[1].Left != Forever {
		t.Errorf("servers %+v", got.DNS)
	}
	if len(got.Domains) != 1 || got.Domains[0].Name != "cloud.example" || got.Domains[0].Left != secs(20) {
		t.Errorf("domains %+v", got.Domains)
	}
	if got := s.at(30); got.DNS[0].Left != 0 || got.Domains[0].Left != 0 {
		t.Errorf("when their lifetime is over: %+v %+v", got.DNS, got.Domains)
	}
	s.ra(11, craft.CloudStackRA(), craft.RDNSS(0, "2001:db8::53"), craft.DNSSL(0, zone))
	if got := s.at(11); len(got.DNS) != 1 || len(got.Domains) != 0 {
		t.Errorf("after lifetime 0: %+v %+v", got.DNS, got.Domains)
	}
}

// TestRoutes is RFC 4191 §2.3.
func TestRoutes(t *testing.T) {
	s := newScene(Options{})
	s.ra(0, craft.RA{}, craft.RIO("2001:db8:8::", 48, 0x08, 600, 8), craft.RIO("2001:db8:9::", 48, 0x10, 600, 8),
		craft.RIO("2001:db8:a::", 65, 0, 600, 8), craft.RIO("2001:db8:b::", 129, 0, 600, 16))
	got := s.at(100)
	if len(got.Routes) != 1 || got.Routes[0].Prefix.String() != "2001:db8:8::/48" || got.Routes[0].Left != secs(500) {
		t.Errorf("routes %+v", got.Routes)
	}
	if _, ok := got.Default(); ok {
		t.Error("a router with lifetime 0 and a route is no default router")
	}
	s.ra(101, craft.RA{}, craft.RIO("2001:db8:8::", 48, 0x08, 0, 8))
	if got := s.at(101).Routes; len(got) != 0 {
		t.Errorf("after lifetime 0: %+v", got)
	}
}
