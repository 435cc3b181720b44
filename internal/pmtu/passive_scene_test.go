package pmtu

import (
	"bytes"
	"encoding/binary"
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

// The ends of most scenes, a router between them, and where their sequence numbers begin.
const (
	sceneA, sceneB, sceneR = "2001:db8:a::1", "2001:db8:b::1", "2001:db8:f::1"
	startA, startB         = 0xfffffc18, 5000 // A's numbers pass zero soon
)

// sight is a packet of a scene, at a time in seconds.
type sight struct {
	at     float64
	ip     []byte
	change func(*packet.Frame)
}

// fromA is a segment of A's, with its numbers counted from its SYN and the checksum that it should have.
func fromA(at float64, g craft.Segment) sight {
	g.From, g.To = 40000, 443
	g.Sequence, g.Ack = g.Sequence+startA, g.Ack+startB
	return sight{at: at, ip: craft.IPv6(sceneA, sceneB, 64, 6, g.Message(sceneA, sceneB))}
}

// fromB is one of B's, the other way round. Its SACK edges are counted by the caller.
func fromB(at float64, g craft.Segment) sight {
	g.From, g.To = 443, 40000
	g.Sequence, g.Ack = g.Sequence+startB, g.Ack+startA
	return sight{at: at, ip: craft.IPv6(sceneB, sceneA, 57, 6, g.Message(sceneB, sceneA))}
}

// data is that A sends the bytes of a packet of so many bytes, at a sequence number.
func data(at float64, sequence uint32, size int) sight {
	return fromA(at, craft.Segment{Sequence: sequence, Ack: 1, Flags: craft.ACK, Window: 500, Data: size - 60})
}

// ack is that B acknowledges all before a number, and some after it: edges of spans, by turns.
func ack(at float64, number uint32, edges ...uint32) sight { return ackRoom(at, 500, number, edges...) }

// ackRoom is ack with a window, in units of 128 bytes.
func ackRoom(at float64, window uint16, number uint32, edges ...uint32) sight {
	g := craft.Segment{Sequence: 1, Ack: number, Flags: craft.ACK, Window: window}
	for i := range edges {
		edges[i] += startA
	}
	if len(edges) > 0 {
		g.Options = craft.SACK(edges...)
	}
	return fromB(at, g)
}

// greet is how the connection begins, with the MSS that each names.
func greet(a, b uint16) []sight {
	return []sight{
		fromA(0, craft.Segment{Flags: craft.SYN, Window: 65000, Options: craft.Join(craft.MSS(a), craft.WindowScale(7))}),
		fromB(0.01, craft.Segment{Ack: 1, Flags: craft.SYN | craft.ACK, Window: 65000, Options: craft.Join(craft.MSS(b), craft.WindowScale(7))}),
		fromA(0.02, craft.Segment{Sequence: 1, Ack: 1, Flags: craft.ACK, Window: 500}),
	}
}

// again is a segment sent at each of the times.
func again(sequence uint32, size int, at ...float64) []sight {
	var list []sight
	for _, t := range at {
		list = append(list, data(t, sequence, size))
	}
	return list
}

// backoff is when a host sends again that waits 200 ms at first.
var backoff = []float64{1.2, 1.6, 2.4, 4.0, 7.2}

// offloaded returns list with the checksums that are left to the hardware: all that may be cut or joined looks so.
func offloaded(list []sight) []sight {
	list = slices.Clone(list)
	for i := range list {
		if list[i].ip[6] == 6 {
			list[i].ip = bytes.Clone(list[i].ip)
			list[i].ip[40+16] ^= 0x55
		}
	}
	return list
}

// later returns list by some seconds later, as another connection of the same ports: with other numbers from A, and whatever
// checksums.
func later(seconds float64, numbers uint32, list []sight) []sight {
	list = slices.Clone(list)
	for i := range list {
		list[i].at += seconds
		list[i].ip = bytes.Clone(list[i].ip)
		shift := func(at int) {
			b := list[i].ip[40+at:]
			binary.BigEndian.PutUint32(b, binary.BigEndian.Uint32(b)+numbers)
		}
		if list[i].ip[7] == 64 {
			shift(4)
			continue
		}
		shift(8)
		for at := 24; at < len(list[i].ip)-40 && list[i].ip[60] == 1; at += 4 {
			shift(at)
		}
	}
	return list
}

// tooBig is a Packet Too Big to A about a packet.
func tooBig(at float64, mtu uint32, of sight) sight {
	quoted := of.ip[:min(len(of.ip), 1232)]
	return sight{at: at, ip: craft.IPv6(sceneR, sceneA, 63, 58, craft.ICMPv6(sceneR, sceneA, craft.TooBig(mtu, quoted)))}
}

// ping is an echo from one address to another, in a packet of so many bytes; a reply if it is to be one.
func ping(at float64, from, to string, hopLimit uint8, size int, reply bool) sight {
	msg := craft.Echo(size - 48)
	if reply {
		msg[0] = 129
	}
	return sight{at: at, ip: craft.IPv6(from, to, hopLimit, 58, craft.ICMPv6(from, to, msg))}
}

// with returns list changed.
func with(change func(*packet.Frame), list ...sight) []sight {
	list = slices.Clone(list)
	for i := range list {
		before := list[i].change
		list[i].change = func(f *packet.Frame) {
			if before != nil {
				before(f)
			}
			change(f)
		}
	}
	return list
}

func incoming(f *packet.Frame) { f.Direction = packet.Incoming }
func outgoing(f *packet.Frame) { f.Direction = packet.Outgoing }

// snapped cuts frames after the header of TCP.
func snapped(f *packet.Frame) { f.Data = f.Data[:min(len(f.Data), 120)] }

var sceneStart = time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)

// stage shows packets to a Checker.
type stage struct {
	checker *Checker
	decoder *packet.Decoder
	iface   *packet.Interface
	packet  packet.Packet
	number  uint64
	found   []rule.Finding
}

func newStage() *stage {
	d := packet.NewDecoder()
	d.Large, d.TCP = true, true
	return &stage{checker: NewChecker(), decoder: d, iface: &packet.Interface{Name: "eth0"}}
}

// play shows one packet, and spoils its bytes afterwards: they are not the checker's.
func (s *stage) play(x sight) {
	s.number++
	f := packet.Frame{Number: s.number, Time: sceneStart.Add(time.Duration(math.Round(x.at * 1e9))), Data: bytes.Clone(x.ip),
		Length: len(x.ip), LinkType: packet.LinkTypeIPv6, Interface: s.iface}
	if x.change != nil {
		x.change(&f)
	}
	if !s.decoder.Decode(&f, &s.packet) {
		return
	}
	s.found = append(s.found, slices.Clone(s.checker.Packet(&s.packet))...)
	for i := range f.Data {
		f.Data[i] = 0xa5
	}
}

// summary writes a path down in short, "a>b 1500 tcp-ack".
func summary(p *Path) string {
	name := func(a netip.Addr) string {
		return strings.TrimSuffix(strings.TrimPrefix(a.String(), "2001:db8:"), "::1")
	}
	s := fmt.Sprintf("%s>%s", name(p.Source), name(p.Destination))
	if p.AtLeast > 0 {
		s += fmt.Sprintf(" %d %s", p.AtLeast, p.AtLeastBy)
	}
	if p.SeenHere > 0 && p.AtLeastBy != BySeen {
		s += fmt.Sprintf(" here %d", p.SeenHere)
	}
	if p.AtMost > 0 {
		s += fmt.Sprintf(" most %d by %d", p.AtMost, len(p.AtMostFrom))
	}
	if p.LargerPassed {
		s += " passed"
	}
	if p.Fragment > 0 {
		s += fmt.Sprintf(" fragment %d", p.Fragment)
	}
	if x := p.Suspected; x.Size > 0 {
		s += fmt.Sprintf(" hole %d sent %d small %d passed %d", x.Size, x.Sent, x.Small, x.Passed)
	}
	if p.SourceMSS+p.DestinationMSS > 0 {
		s += fmt.Sprintf(" mss %d/%d", p.SourceMSS, p.DestinationMSS)
	}
	return s
}

// scene is a row of packets and what is to come of it: the paths as summary has them, and the findings in number.
type scene struct {
	name   string
	sights []sight
	paths  []string
	found  int
	detail string // a part of the last finding's
}

func (tt scene) run(t *testing.T) {
	s := newStage()
	for _, x := range tt.sights {
		s.play(x)
	}
	s.found = append(s.found, s.checker.Finish(true)...)
	var paths []string
	for _, p := range s.checker.Paths() {
		paths = append(paths, summary(&p))
		if p.Frame == 0 || p.First.IsZero() || p.Last.Before(p.First) {
			t.Errorf("path %+v", p)
		}
	}
	if !slices.Equal(paths, tt.paths) {
		t.Errorf("paths\n\t%s\nwant\n\t%s", strings.Join(paths, "\n\t"), strings.Join(tt.paths, "\n\t"))
	}
	for _, f := range s.found {
		t.Logf("%s: frame %d: %s", f.Rule, f.Frame, f.Detail)
		if f.Rule != "pmtu.black-hole-suspected" || f.Severity != rule.Warning || f.Link != "eth0" || f.Frame == 0 || f.Time.IsZero() ||
			f.Source != netip.MustParseAddr(sceneA) || f.Subject != sceneB || f.Offset != -1 || strings.Contains(f.Detail, "%!") {
			t.Errorf("finding %+v", f)
		}
	}
	if len(s.found) != tt.found {
		t.Fatalf("%d findings, want %d", len(s.found), tt.found)
	}
	if tt.detail != "" && !strings.Contains(s.found[len(s.found)-1].Detail, tt.detail) {
		t.Errorf("detail %q lacks %q", s.found[len(s.found)-1].Detail, tt.detail)
	}
}
