package ra

import (
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/craft"
	"v6probe/internal/icmp6"
	"v6probe/internal/ndcheck"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// The healthy RA that tests change: nothing is to be said of it.
var (
	goodRA  = craft.RA{CurHopLimit: 64, Lifetime: 1800}
	goodPIO = craft.PIO("2001:db8::", 64, 0xc0, 86400, 14400)
)

// healthy returns the healthy RA with more options at its end.
func healthy(more ...[]byte) []byte {
	return goodRA.Message(goodPIO, craft.SLLA(craft.RouterMAC), craft.Join(more...))
}

// toAll returns the frame in which the router sends msg to all nodes.
func toAll(msg []byte) []byte {
	return craft.Frame(craft.RouterMAC, craft.RouterLL, craft.AllNodes, msg)
}

// solicitation returns the frame in which the guest sends msg to all routers.
func solicitation(msg []byte) []byte {
	return craft.Frame(craft.GuestMAC, craft.GuestLL, craft.AllRouters, msg)
}

// decodeFrame decodes a whole Ethernet frame; change, if not nil, may alter what is known of it.
func decodeFrame(t testing.TB, data []byte, change func(*packet.Frame)) *packet.Packet {
	t.Helper()
	f := packet.Frame{Number: 1, Data: data, Length: len(data), LinkType: packet.LinkTypeEthernet,
		Interface: &packet.Interface{Name: "eth0"}}
	if change != nil {
		change(&f)
	}
	var p packet.Packet
	if !packet.NewDecoder().Decode(&f, &p) || !p.IsICMPv6 {
		t.Fatalf("no ICMPv6 message in % x", data)
	}
	return &p
}

// judge returns what is to be said of a packet with an RA or an RS.
func judge(p *packet.Packet) *ndcheck.Report {
	r := new(ndcheck.Report)
	r.Reset(p)
	if p.Message.Type == icmp6.TypeRouterSolicitation {
		checkRS(r)
	} else {
		checkRA(r)
	}
	return r
}

// row is a message and the rules that it breaks, sorted, joined by spaces; a rule judged milder than the catalogue has
// it stands there with ":info".
type row struct {
	name   string
	frame  []byte
	want   string
	detail string // a part of the first finding's detail; "" if it does not matter
	change func(*packet.Frame)
}

func (tt row) run(t *testing.T) {
	t.Helper()
	r := judge(decodeFrame(t, tt.frame, tt.change))
	if got := broken(r); got != tt.want {
		t.Fatalf("findings %q, want %q", got, tt.want)
	}
	for _, f := range r.Findings {
		if f.Detail == "" || strings.Contains(f.Detail, "%!") || f.Offset >= len(tt.frame) {
			t.Errorf("finding %+v", f)
		}
	}
	if len(r.Findings) > 0 && !strings.Contains(r.Findings[0].Detail, tt.detail) {
		t.Errorf("detail %q lacks %q", r.Findings[0].Detail, tt.detail)
	}
}

// broken returns the rules of r's findings in the form of row.want.
func broken(r *ndcheck.Report) string {
	var list []string
	for _, f := range r.Findings {
		id := string(f.Rule)
		if known, _ := rule.Lookup(f.Rule); f.Severity != known.Severity {
			id += ":" + f.Severity.String()
		}
		list = append(list, id)
	}
	slices.Sort(list)
	return strings.Join(list, " ")
}

// onInterface returns a change that makes the frame captured on an interface.
func onInterface(name string, mtu int) func(*packet.Frame) {
	return func(f *packet.Frame) { f.Interface = &packet.Interface{Name: name, MTU: mtu} }
}

// directed returns a change that makes the frame go in a direction on an interface.
func directed(name string, d packet.Direction) func(*packet.Frame) {
	return func(f *packet.Frame) {
		f.Interface = &packet.Interface{Name: name}
		f.Direction = d
	}
}

// TestRepeats wants a message judged alike by a Report that has seen it before, among others, and one that has not; and
// wants it done without an allocation.
func TestRepeats(t *testing.T) {
	var packets []*packet.Packet
	for _, tt := range append(append([]row{}, messageRows...), optionRows...) {
		packets = append(packets, decodeFrame(t, tt.frame, tt.change))
		// The same bytes, but captured elsewhere or otherwise.
		packets = append(packets, decodeFrame(t, tt.frame, onInterface("vnet7", 1280)),
			decodeFrame(t, tt.frame, directed("vnet7", packet.Incoming)),
			decodeFrame(t, tt.frame, func(f *packet.Frame) { f.Length += 40; f.Offload = true }))
	}
	var seasoned ndcheck.Report
	for round := range 3 {
		for i, p := range packets {
			for range 2 {
				p.Frame.Number += uint64(round)
				p.Frame.Time = p.Frame.Time.Add(time.Second)
				seasoned.Reset(p)
				if p.Message.Type == icmp6.TypeRouterSolicitation {
					checkRS(&seasoned)
				} else {
					checkRA(&seasoned)
				}
				if want := judge(p).Findings; !slices.Equal(seasoned.Findings, want) {
					t.Fatalf("round %d, packet %d:\n%+v\nwant\n%+v", round, i, seasoned.Findings, want)
				}
			}
		}
	}

	p := decodeFrame(t, toAll(craft.CloudStackRA().Message(craft.CloudStackOptions()...)), nil)
	n := testing.AllocsPerRun(100, func() { seasoned.Reset(p); checkRA(&seasoned) })
	if n != 0 || len(seasoned.Findings) != 1 {
		t.Errorf("%v allocations for a repeated message, findings %v", n, seasoned.Findings)
	}
}
