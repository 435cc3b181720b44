package slaac

import (
	"net/netip"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/packet"
)

var (
	guest   = packet.MAC(craft.MAC(craft.GuestMAC))
	t0      = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	ethOnly = &packet.Interface{LinkType: packet.LinkTypeEthernet}
)

// scene shows frames to a host.
type scene struct {
	*Host
	decoder *packet.Decoder
	number  uint64
	iface   *packet.Interface
}

func newScene(o Options) *scene {
	if o.MAC == (packet.MAC{}) {
		o.MAC = guest
	}
	return &scene{Host: New(o), decoder: packet.NewDecoder(), iface: ethOnly}
}

// frame shows the host a frame at second s.
func (s *scene) frame(at float64, frame []byte) {
	var p packet.Packet
	s.number++
	f := packet.Frame{Number: s.number, Time: moment(at), Data: frame, Length: len(frame), LinkType: packet.LinkTypeEthernet, Interface: s.iface}
	if s.decoder.Decode(&f, &p) {
		s.Packet(&p, false)
	}
}

// ra shows it a Router Advertisement of the usual router, to all nodes.
func (s *scene) ra(at float64, r craft.RA, options ...[]byte) {
	s.frame(at, craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, r.Message(options...)))
}

func (s *scene) at(seconds float64) State { return s.At(moment(seconds)) }

func moment(seconds float64) time.Time { return t0.Add(time.Duration(seconds * float64(time.Second))) }

const (
	prefix = "2001:db8:1::"
	formed = "2001:db8:1::ff:fe00:2"
)

// pio is a prefix with L and A.
func pio(valid, preferred uint32) []byte { return craft.PIO(prefix, 64, 0xc0, valid, preferred) }

// one returns the only address in s.
func one(t *testing.T, s State) Address {
	t.Helper()
	if len(s.Addresses) != 1 {
		t.Fatalf("addresses %+v, want one", s.Addresses)
	}
	return s.Addresses[0]
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func secs(n int64) time.Duration { return time.Duration(n) * time.Second }
