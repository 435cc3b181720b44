package nd

import (
	"bytes"
	"fmt"
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

// node is a station of a scene: its Ethernet address and one IPv6 address of it.
type node struct{ mac, addr string }

// The nodes of most scenes.
var (
	nodeR = node{craft.RouterMAC, craft.RouterLL}
	nodeG = node{craft.GuestMAC, craft.GuestLL}
	nodeA = node{"02:00:00:00:00:0a", "2001:db8::a"}
	nodeB = node{"02:00:00:00:00:0b", "2001:db8::b"}
	nodeC = node{"02:00:00:00:00:0c", "2001:db8::c"}
)

// as returns n with another IPv6 address.
func (n node) as(a string) node { return node{n.mac, a} }

// The flags of a Neighbor Advertisement.
const (
	flagR = 0x80
	flagS = 0x40
	flagO = 0x20
)

// shot is a frame of a scene, at a time in seconds.
type shot struct {
	at     float64
	data   []byte
	change func(*packet.Frame)
}

// icmpFrom is any ICMPv6 message from a node with hop limit 255.
func icmpFrom(at float64, from node, dst string, msg []byte) shot {
	return shot{at: at, data: craft.Frame(from.mac, from.addr, dst, msg)}
}

// nsFrom is a node's multicast solicitation for target, with its link-layer address.
func nsFrom(at float64, from node, target string) shot {
	return icmpFrom(at, from, solicitedNode(target), craft.NS(target, craft.SLLA(from.mac)))
}

// nsUnicast is a node's solicitation to the target itself, as neighbor unreachability detection sends it.
func nsUnicast(at float64, from node, target string) shot {
	return icmpFrom(at, from, target, craft.NS(target, craft.SLLA(from.mac)))
}

// dadFrom is a station's test of target (RFC 4862 §5.4.2), with a nonce if one is given.
func dadFrom(at float64, mac, target string, nonce ...byte) shot {
	var options [][]byte
	if len(nonce) > 0 {
		options = append(options, craft.Nonce(nonce))
	}
	return icmpFrom(at, node{mac, "::"}, solicitedNode(target), craft.NS(target, options...))
}

// naFrom is a node's advertisement of its own address with its link-layer address.
func naFrom(at float64, from node, dst string, flags uint8) shot {
	return naFor(at, from, dst, flags, from.addr)
}

// naFor is a node's advertisement of an address with its own link-layer address.
func naFor(at float64, from node, dst string, flags uint8, target string) shot {
	return icmpFrom(at, from, dst, craft.NA(flags, target, craft.TLLA(from.mac)))
}

// naBare is naFrom without the link-layer address.
func naBare(at float64, from node, dst string, flags uint8) shot {
	return icmpFrom(at, from, dst, craft.NA(flags, from.addr))
}

// raFrom is a node's Router Advertisement with a lifetime in seconds.
func raFrom(at float64, from node, lifetime uint16) shot {
	return icmpFrom(at, from, craft.AllNodes, craft.RA{CurHopLimit: 64, Lifetime: lifetime}.Message(craft.SLLA(from.mac)))
}

// tick is a frame that says nothing and shows that time goes on: an echo request of a station outside the scene.
func tick(at float64) shot {
	return icmpFrom(at, node{"02:00:00:00:00:fe", "fe80::ff:fe00:fe"}, "fe80::ff:fe00:ff", craft.Echo(8))
}

// incoming and outgoing return x with a direction, as seen from the interface.
func incoming(x shot) shot { return directed(x, packet.Incoming) }
func outgoing(x shot) shot { return directed(x, packet.Outgoing) }

// afterLoss is x after n frames were lost.
func afterLoss(n uint64, x shot) shot {
	return changed(x, func(f *packet.Frame) { f.Lost = n })
}

func directed(x shot, d packet.Direction) shot {
	return changed(x, func(f *packet.Frame) { f.Direction = d })
}

// on returns x as seen on another interface.
func on(i *packet.Interface, x shot) shot {
	return changed(x, func(f *packet.Frame) { f.Interface = i })
}

// changed returns x with one more change.
func changed(x shot, change func(*packet.Frame)) shot {
	before := x.change
	x.change = func(f *packet.Frame) {
		if before != nil {
			before(f)
		}
		change(f)
	}
	return x
}

// every returns what f makes, n times, step seconds apart.
func every(from, step float64, n int, f func(at float64) shot) []shot {
	var shots []shot
	for i := range n {
		shots = append(shots, f(from+step*float64(i)))
	}
	return shots
}

func join(parts ...[]shot) []shot { return slices.Concat(parts...) }

// inOrder returns the shots of all parts by their time.
func inOrder(parts ...[]shot) []shot {
	all := join(parts...)
	slices.SortStableFunc(all, func(a, b shot) int {
		switch {
		case a.at < b.at:
			return -1
		case a.at > b.at:
			return 1
		}
		return 0
	})
	return all
}

// start is when every scene begins.
var start = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// after returns the time of a scene in seconds.
func after(seconds float64) time.Time { return start.Add(time.Duration(math.Round(seconds * 1e9))) }

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

func newStage(t testing.TB) *stage {
	s := &stage{t: t, checker: New(), decoder: packet.NewDecoder(), iface: &packet.Interface{Name: "eth0"}}
	s.decoder.Large = true // as v6probe nd has it
	return s
}

// play gives one frame to the checker, and spoils its bytes afterwards: they are not the checker's.
func (s *stage) play(x shot) []rule.Finding {
	s.number++
	f := packet.Frame{Number: s.number, Time: after(x.at), Data: bytes.Clone(x.data), Length: len(x.data),
		LinkType: packet.LinkTypeEthernet, Interface: s.iface}
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

// link returns the picture of the only link.
func (s *stage) link() Link {
	s.t.Helper()
	all := s.checker.Links()
	if len(all) != 1 {
		s.t.Fatalf("%d links", len(all))
	}
	return all[0]
}

// neighbor returns what the picture of the first link has of an address; the zero Neighbor for nothing.
func (s *stage) neighbor(a string) Neighbor {
	s.t.Helper()
	var v Link
	s.checker.viewNeighbors(s.checker.links.order[0], &v)
	for _, n := range v.Neighbors {
		if n.Address == addr(a) {
			return n
		}
	}
	return Neighbor{}
}

// end returns the rules of all findings in order of their names, those of Finish included; the severity follows after a
// colon where it is not the rule's own.
func (s *stage) end() string {
	s.t.Helper()
	s.found = append(s.found, s.checker.Finish(true)...)
	var list []string
	for _, f := range s.found {
		known, ok := rule.Lookup(f.Rule)
		if !ok {
			s.t.Errorf("%s is not in the catalogue", f.Rule)
		}
		unclean := strings.ContainsFunc(f.Detail, func(c rune) bool { return c < ' ' || c > '~' && c != '×' })
		if f.Detail == "" || strings.Contains(f.Detail, "%!") || unclean || f.Link == "" || f.Time.IsZero() {
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

// scene is a row of frames and what is to be said of them, as stage.end returns it: a rule that fires twice stands there
// twice.
type scene struct {
	name   string
	shots  []shot
	want   string
	detail string // a part of the last finding's detail; "" if it does not matter
}

// run plays the scene and returns its stage, for a look at the picture.
func (tt scene) run(t *testing.T) *stage {
	t.Helper()
	s := newStage(t)
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
	return s
}

func runScenes(t *testing.T, scenes []scene) {
	t.Helper()
	for _, tt := range scenes {
		t.Run(tt.name, func(t *testing.T) { tt.run(t) })
	}
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

// solicitedNode returns the solicited-node group of an address (RFC 4291 §2.7.1).
func solicitedNode(a string) string {
	b := addr(a).As16()
	return fmt.Sprintf("ff02::1:ff%02x:%x", b[13], int(b[14])<<8|int(b[15]))
}

func hwaddr(s string) packet.MAC { return packet.MAC(craft.MAC(s)) }
