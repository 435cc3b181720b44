package ra

import (
	"bytes"
	"math"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// The second router and guest of scenes, and a DHCPv6 server.
const (
	otherLL, otherMAC   = "fe80::ff:fe00:3", "02:00:00:00:00:03"
	otherGuestLL        = "fe80::ff:fe00:5"
	otherGuestMAC       = "02:00:00:00:00:05"
	serverLL, serverMAC = "fe80::ff:fe00:6", "02:00:00:00:00:06"
)

// shot is a frame of a scene, at a time in seconds.
type shot struct {
	at     float64
	data   []byte
	change func(*packet.Frame)
}

// ra is msg from the router to all nodes, ra2 from the other router, raTo from the router to one host.
func ra(at float64, msg []byte) shot { return shot{at: at, data: toAll(msg)} }
func ra2(at float64, msg []byte) shot {
	return shot{at: at, data: craft.Frame(otherMAC, otherLL, craft.AllNodes, msg)}
}
func raTo(at float64, dst string, msg []byte) shot {
	return shot{at: at, data: craft.Frame(craft.RouterMAC, craft.RouterLL, dst, msg)}
}

// rs is a guest's solicitation to all routers.
func rs(at float64) shot {
	return shot{at: at, data: solicitation(craft.RS(craft.SLLA(craft.GuestMAC)))}
}

// ns is other traffic, which shows that time goes on.
func ns(at float64) shot {
	return shot{at: at, data: craft.Frame(craft.GuestMAC, craft.GuestLL, "ff02::1:ff00:1", craft.NS(craft.RouterLL))}
}

// every returns what f makes, n times, step seconds apart.
func every(from, step float64, n int, f func(at float64) shot) []shot {
	var shots []shot
	for i := range n {
		shots = append(shots, f(from+step*float64(i)))
	}
	return shots
}

// sends returns an f for every: the router repeats msg.
func sends(msg []byte) func(float64) shot { return func(at float64) shot { return ra(at, msg) } }

func join(parts ...[]shot) []shot { return slices.Concat(parts...) }

// dhcp is a client's DHCPv6 message, dhcpAnswer a server's.
func dhcp(at float64, typ uint8, transaction uint32) shot {
	return dhcpFrom(at, craft.GuestMAC, craft.GuestLL, typ, transaction)
}

func dhcpFrom(at float64, mac, src string, typ uint8, transaction uint32) shot {
	const all = "ff02::1:2"
	return shot{at: at, data: craft.EthernetIPv6(mac, all, craft.IPv6(src, all, 1, 17,
		craft.UDP6(src, all, 546, 547, craft.DHCPv6(typ, transaction, craft.DHCPv6Option(8, []byte{0, 0})))))}
}

func dhcpAnswer(at float64, typ uint8) shot {
	return shot{at: at, data: craft.EthernetIPv6(serverMAC, craft.GuestLL, craft.IPv6(serverLL, craft.GuestLL, 64, 17,
		craft.UDP6(serverLL, craft.GuestLL, 547, 546, craft.DHCPv6(typ, 1, craft.DHCPv6Option(8, []byte{0, 0})))))}
}

// start is when every scene begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stage plays frames to a Checker.
type stage struct {
	t       testing.TB
	checker *Checker
	decoder *packet.Decoder
	iface   *packet.Interface
	packet  packet.Packet
	number  uint64
	found   []rule.Finding
}

func newStage(t testing.TB, o Options) *stage {
	return &stage{t: t, checker: New(o), decoder: packet.NewDecoder(), iface: &packet.Interface{Name: "eth0"}}
}

// play gives one frame to the checker, and spoils its bytes afterwards: they are not the checker's.
func (s *stage) play(x shot) []rule.Finding {
	s.number++
	f := packet.Frame{Number: s.number, Time: start.Add(time.Duration(math.Round(x.at * 1e9))), Data: bytes.Clone(x.data),
		Length: len(x.data), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
	if x.change != nil {
		x.change(&f)
	}
	if !s.decoder.Decode(&f, &s.packet) {
		return nil
	}
	found := s.checker.Packet(&s.packet)
	s.found = append(s.found, found...)
	for i := range f.Data {
		f.Data[i] = 0xa5
	}
	return found
}

// afterLoss is x after n frames were lost.
func afterLoss(n uint64, x shot) shot {
	x.change = func(f *packet.Frame) { f.Lost = n }
	return x
}

// end returns all findings as row.want has them, those of Finish included.
func (s *stage) end() string {
	s.found = append(s.found, s.checker.Finish(true)...)
	var list []string
	for _, f := range s.found {
		known, ok := rule.Lookup(f.Rule)
		if !ok || f.Detail == "" || strings.Contains(f.Detail, "%!") || strings.ContainsFunc(f.Detail, func(c rune) bool { return c < ' ' || c > '~' }) &&
			!strings.Contains(f.Detail, "×") {
			s.t.Errorf("finding %+v", f)
		}
		id := string(f.Rule)
		if f.Severity != known.Severity {
			id += ":" + f.Severity.String()
		}
		list = append(list, id)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// scene is a row of frames and what is to be said of them, in the form of row.want; a rule that fires twice stands there
// twice.
type scene struct {
	name    string
	shots   []shot
	want    string
	detail  string // a part of the last finding's detail; "" if it does not matter
	routers []netip.Addr
}

func (tt scene) run(t *testing.T) {
	t.Helper()
	s := newStage(t, Options{Routers: tt.routers})
	for _, x := range tt.shots {
		s.play(x)
	}
	got := s.end()
	if got != tt.want {
		for _, f := range s.found {
			t.Logf("%s: %s", f.Rule, f.Detail)
		}
		t.Fatalf("findings %q, want %q", got, tt.want)
	}
	if n := len(s.found); tt.detail != "" && !strings.Contains(s.found[n-1].Detail, tt.detail) {
		t.Errorf("detail %q lacks %q", s.found[n-1].Detail, tt.detail)
	}
	if again := s.checker.Finish(true); len(again) > 0 && !slices.Equal(again, s.found[len(s.found)-len(again):]) {
		t.Errorf("the second end is %v", again)
	}
}

// fields returns the healthy message with another fixed part.
func fields(change func(*craft.RA), more ...[]byte) []byte {
	r := goodRA
	change(&r)
	return r.Message(goodPIO, craft.SLLA(craft.RouterMAC), craft.Join(more...))
}

func routerLifetime(s uint16) []byte {
	return fields(func(r *craft.RA) { r.Lifetime = s })
}

// prefixed returns the healthy message with another prefix option.
func prefixed(pios ...[]byte) []byte { return goodRA.Message(craft.Join(pios...)) }

func slaac(valid, preferred uint32) []byte {
	return craft.PIO("2001:db8::", 64, 0xc0, valid, preferred)
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }
