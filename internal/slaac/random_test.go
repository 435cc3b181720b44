package slaac

import (
	"fmt"
	"math/rand/v2"
	"net/netip"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/packet"
)

// invariants wants of a state what holds whatever the host was shown. accepted are the prefixes that were ever offered such
// that an address may form.
func invariants(t *testing.T, s *State, accepted map[netip.Prefix]bool) {
	t.Helper()
	if len(s.Addresses) > maxAddresses || len(s.Routers) > maxRouters || len(s.Routes) > maxRoutes || len(s.Prefixes) > maxPrefixes ||
		len(s.DNS) > maxServers || len(s.Domains) > maxDomains || len(s.Refused) > maxRefusals || len(s.Conflicts) > maxConflicts {
		t.Fatalf("more than is kept: %+v", s)
	}
	seen := make(map[netip.Prefix]bool)
	for _, a := range s.Addresses {
		switch {
		case a.Preferred > a.Valid:
			t.Fatalf("preferred for longer than valid: %+v", a)
		case a.Valid < 0 || a.Preferred < 0:
			t.Fatalf("less than nothing left: %+v", a)
		case a.Prefix.Bits() != 64 || !a.Prefix.Contains(a.Address) || a.Address != packet.EUI64(a.Prefix, s.MAC):
			t.Fatalf("the address does not fit its prefix: %+v", a)
		case a.Address.IsMulticast() || a.Address.IsLinkLocalUnicast():
			t.Fatalf("no address for SLAAC: %+v", a)
		case accepted != nil && !accepted[a.Prefix]:
			t.Fatalf("nobody offered the prefix of %+v", a)
		case seen[a.Prefix]:
			t.Fatalf("two addresses of %v", a.Prefix)
		case (a.State == Expired) != (a.Valid == 0):
			t.Fatalf("state and lifetime do not fit: %+v", a)
		case a.State == Preferred && a.Preferred == 0 || a.State == Deprecated && a.Preferred > 0:
			t.Fatalf("state and preferred lifetime do not fit: %+v", a)
		}
		seen[a.Prefix] = true
	}
	for _, p := range s.Prefixes {
		if p.Left <= 0 || p.Prefix != p.Prefix.Masked() {
			t.Fatalf("on the link: %+v", p)
		}
	}
	for i, r := range s.Routers {
		if r.Left < 0 || i > 0 && r.Left > 0 && s.Routers[i-1].Left == 0 || r.Preference == icmp6.PreferenceReserved {
			t.Fatalf("routers out of order: %+v", s.Routers)
		}
	}
	if s.MTU.Value != 0 && (s.MTU.Value < minMTU || s.LinkMTU > 0 && s.MTU.Value > s.LinkMTU) {
		t.Fatalf("MTU %+v on a link of %d", s.MTU, s.LinkMTU)
	}
}

// TestRandom shows hosts random advertisements of a few prefixes and routers.
func TestRandom(t *testing.T) {
	lifetimes := []uint32{0, 1, 60, 3600, 7199, 7200, 7201, 86400, infinity - 1, infinity}
	formedSome := false
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		pick := func() uint32 { return lifetimes[r.IntN(len(lifetimes))] }
		accepted := make(map[netip.Prefix]bool)
		s := newScene(Options{LinkMTU: []int{0, 1500}[r.IntN(2)]})
		at := 0.0
		for range 60 {
			var options [][]byte
			for range r.IntN(6) {
				p := []string{"2001:db8:1::", "2001:db8:2::", "fd00:1::", "fe80::", "ff0e::", "::"}[r.IntN(6)]
				switch r.IntN(4) {
				case 0, 1:
					length := []uint8{64, 64, 64, 63, 65, 0, 128, 200}[r.IntN(8)]
					valid, preferred := pick(), pick()
					flags := uint8(r.UintN(256))
					options = append(options, craft.PIO(p, length, flags, valid, preferred))
					if a := addr(p); flags&0x40 != 0 && length == 64 && preferred <= valid && valid > 0 && !a.IsMulticast() && !a.IsLinkLocalUnicast() {
						accepted[netip.PrefixFrom(a, 64)] = true
					}
				case 2:
					options = append(options, craft.MTU(r.Uint32N(10000)), craft.RDNSS(pick(), "2001:db8::1", p))
				case 3:
					options = append(options, craft.RIO(p, uint8(r.UintN(140)), uint8(r.UintN(256)), pick(), 8*r.IntN(3)))
				}
			}
			from := []string{"fe80::1", "fe80::2", "fe80::3"}[r.IntN(3)]
			m := craft.RA{CurHopLimit: uint8(r.UintN(256)), Flags: uint8(r.UintN(256)), Lifetime: uint16(r.UintN(65536)), RetransTimer: r.Uint32N(5000)}
			s.frame(at, craft.Frame(craft.RouterMAC, from, craft.AllNodes, m.Message(options...)))
			for _, later := range []float64{0, 10, 1e5, 1e10} {
				st := s.at(at + later)
				invariants(t, &st, accepted)
				formedSome = formedSome || len(st.Addresses) > 1
			}
			at += []float64{-3600, 0, 1, 1800, 7200, 1e6}[r.IntN(6)]
		}
	}
	if !formedSome {
		t.Error("no host formed two addresses: the test shows nothing")
	}
}

// TestBounds floods a host: its tables fill and no more.
func TestBounds(t *testing.T) {
	s := newScene(Options{})
	for i := range 300 {
		b := []byte{byte(i >> 8), byte(i)}
		p := netip.AddrFrom16([16]byte{0x20, 1, 0xd, 0xb8, b[0], b[1]}).String()
		from := netip.AddrFrom16([16]byte{0xfe, 0x80, 14: b[0], 15: b[1]}).String()
		m := craft.RA{Lifetime: 9000}.Message(craft.PIO(p, 64, 0xc0, 86400, 14400), craft.PIO(p, 48, 0xc0, 86400, 14400),
			craft.RIO(p, 48, 0, 600, 16), craft.RDNSS(600, p+"53"), craft.DNSSL(600, craft.Name(fmt.Sprint("n", i), "example")))
		s.frame(float64(i)/100, craft.Frame(craft.RouterMAC, from, craft.AllNodes, m))
		s.frame(float64(i)/100, claim(stranger, packet.EUI64(netip.PrefixFrom(addr(p), 64), guest).String()))
	}
	got := s.at(10)
	invariants(t, &got, nil)
	if len(got.Addresses) != maxAddresses || len(got.Routers) != maxRouters || len(got.Routes) != maxRoutes || len(got.DNS) != maxServers || got.NoRoom == 0 {
		t.Errorf("%d addresses, %d routers, %d routes, %d servers, %d without room", len(got.Addresses), len(got.Routers), len(got.Routes),
			len(got.DNS), got.NoRoom)
	}
	if len(s.conflicts) > maxConflicts {
		t.Errorf("%d conflicts are kept", len(s.conflicts))
	}
}

// FuzzHost shows a host any messages at any times.
func FuzzHost(f *testing.F) {
	f.Add(craft.CloudStackRA().Message(craft.CloudStackOptions()...), craft.NA(0x20, formed), int64(time.Second), true)
	f.Add(craft.NS(formed, craft.Nonce([]byte("abcdef"))), craft.CloudStackRA().Message(pio(0, 0), craft.MTU(1280)), int64(-1), false)
	f.Add(craft.CloudStackRA().Message(craft.RIO("::", 0, 8, infinity, 8)), craft.RA{}.Message(craft.DNSSL(1, craft.Name("a"))), int64(1<<62), false)
	f.Fuzz(func(t *testing.T, a, b []byte, gap int64, own bool) {
		s := newScene(Options{})
		from := craft.RouterMAC
		if own {
			from = craft.GuestMAC
		}
		now := t0
		var p packet.Packet
		for i := range 4 {
			msg, mac := a, craft.RouterMAC
			if i%2 == 1 {
				msg, mac = b, from
			}
			if len(msg) < 4 || len(msg) > 1400 {
				return
			}
			frame := craft.Frame(mac, craft.RouterLL, craft.AllNodes, msg)
			fr := packet.Frame{Number: uint64(i), Time: now, Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet, Interface: ethOnly}
			if s.decoder.Decode(&fr, &p) {
				s.Packet(&p, false)
			}
			st := s.At(now)
			invariants(t, &st, nil)
			st = s.At(now.Add(time.Duration(gap)))
			invariants(t, &st, nil)
			now = now.Add(time.Duration(gap))
		}
	})
}
