// Package zone builds the practice network for path MTU cases: a guest on a KVM host, a VXLAN overlay, a Virtual Router,
// two routers and a server, 20 ms away, all of them real parts in network namespaces of their own.
//
//	guest ─ bridge on host1 ═ VXLAN ═ bridge on host2 ─ VR ─┤20 ms├─ r1 ─ r2 ─ server
//
// What a network is like and what is true of it stands in a file of the directory scenarios: a new case is a new file. It
// is for tests and measurements; the binary does not contain it. To build a zone needs Linux and root.
package zone

import (
	"embed"
	"errors"
	"fmt"
	"path"
	"strings"
	"time"

	"github.com/goccy/go-yaml"
	"github.com/goccy/go-yaml/parser"
)

//go:embed scenarios/*.yaml
var files embed.FS

// Scenario is one file: a network, and what is true of it. All sizes are bytes of IP packets, headers included.
type Scenario struct {
	Name  string `yaml:"-"` // of the file, without .yaml
	About string `yaml:"about"`

	Guest        int      `yaml:"guest"`        // MTU of the guest's and the VR's interface in the guest network; 1450
	Overlay      int      `yaml:"overlay"`      // MTU of the hosts' VXLAN devices; as Guest
	Underlay     Underlay `yaml:"underlay"`     // what carries the VXLAN
	BrNetfilter  bool     `yaml:"br_netfilter"` // bridges hand IPv6 to netfilter, which makes them exact about the MTU
	Links        Links    `yaml:"links"`
	Second       *Link    `yaml:"second"`        // another path from r1 to r2; the flows are spread over both
	SecondReturn bool     `yaml:"second_return"` // the flows back are spread too; else they go the first way
	Drop         []Drop   `yaml:"drop"`
	Loss         int      `yaml:"loss"`   // percent of the packets that the VR forwards, each way
	Liar         *Liar    `yaml:"liar"`   // who sends false Packet Too Big at r1
	Forger       *Forger  `yaml:"forger"` // who sends forged ones from there
	Cache        int      `yaml:"cache"`  // a path MTU that the guest's kernel was told before; 0 for none

	Args   []string      `yaml:"args"`   // more arguments for v6probe pmtu
	Within time.Duration `yaml:"within"` // how long a measurement may take; 0 for any time
	Truth  Truth         `yaml:"truth"`
}

// Underlay is the network between the hosts.
type Underlay struct {
	Family int `yaml:"family"` // 4 or 6; 4
	MTU    int `yaml:"mtu"`    // of the hosts' interfaces; just enough for the overlay
	Port   int `yaml:"port"`   // UDP port of VXLAN; 8472
	Switch int `yaml:"switch"` // a switch between the hosts silently drops what is longer; 0 for none
}

// Links are the links between the routers.
type Links struct {
	VRR1     Link `yaml:"vr-r1"`
	R1R2     Link `yaml:"r1-r2"`
	R2Server Link `yaml:"r2-server"`
}

// Link is a link between two routers.
type Link struct {
	MTU        int `yaml:"mtu"`         // of the interface towards the server; 1500, or 9000 for a jumbo guest
	Return     int `yaml:"return"`      // of the interface towards the guest; as MTU
	Switch     int `yaml:"switch"`      // a switch on the link silently drops what is longer, both ways; 0 for none
	BridgePort int `yaml:"bridge_port"` // a Linux bridge on the link whose port to the server has this MTU; 0 for none
}

// Drop is a filter.
type Drop struct {
	At   string `yaml:"at"`   // guest, vr, r1, r2 or server
	Hook string `yaml:"hook"` // input, forward or output
	What string `yaml:"what"` // packet-too-big, time-exceeded, echo-request, echo-reply, destination-unreachable or udp
	// Rate lets that many through in a second, no two of them at once; 0 lets none through.
	Rate int `yaml:"rate"`
}

// Liar says what r1 says instead of the truth, to packets longer than Above.
type Liar struct {
	Above int `yaml:"above"`
	Says  int `yaml:"says"`
}

// Forger sends a Packet Too Big that quotes a packet which nobody sent for each packet of the guest's that passes r1.
type Forger struct {
	Says int `yaml:"says"`
}

// Truth is what is true of a network. Hops are counted from the guest: 1 the VR, 2 r1, 3 r2, 4 the server; 0 is the guest.
type Truth struct {
	MTU       int  `yaml:"mtu"`        // of the path to the server
	ReturnMTU int  `yaml:"return_mtu"` // of the path back; as MTU
	BlackHole bool `yaml:"black_hole"` // a host that begins with its own MTU and believes what it must gets nowhere
	// After is the last hop that an oversized packet can be seen to reach, Before the first that it can be seen not to.
	After  int `yaml:"after"`
	Before int `yaml:"before"`
	// ReturnHole says that too long packets to the guest vanish without a word. The guest can see that only where the way
	// to the server is wider.
	ReturnHole bool `yaml:"return_hole"`
	// Hops are those that send a Packet Too Big to the guest, in order. Tunnel says that a tunnel endpoint does, in the
	// server's name.
	Hops   []int `yaml:"hops"`
	Tunnel bool  `yaml:"tunnel"`
	Flows  []int `yaml:"flows"` // the path MTUs of the flows, where they differ
	// Findings are the ids of the findings that are due; nil where the file does not say.
	Findings []string `yaml:"findings"`
}

// Scenarios returns all scenarios in the order of their names.
func Scenarios() ([]*Scenario, error) {
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	for _, e := range entries {
		data, err := files.ReadFile(path.Join("scenarios", e.Name()))
		if err != nil {
			return nil, err
		}
		s, err := Parse(e.Name(), data)
		if err != nil {
			return nil, err
		}
		all = append(all, s)
	}
	return all, nil
}

// Parse reads a scenario from a file of that name and fills in what the file leaves out. Errors begin with the name, the
// line and the column.
func Parse(name string, data []byte) (*Scenario, error) {
	s := &Scenario{Name: strings.TrimSuffix(path.Base(name), ".yaml")}
	if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			p := at.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, at.GetMessage())
		}
		// The library gives no place for what is no duration. There is one field of that kind.
		line, column := position(data, "$.within")
		return nil, fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	}
	s.complete()
	if where, err := s.check(); err != nil {
		line, column := position(data, where)
		return nil, fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	}
	return s, nil
}

// position returns where the value with the YAML path stands, or, as it may be left out, what it would be part of.
func position(data []byte, where string) (line, column int) {
	file, err := parser.ParseBytes(data, 0)
	for err == nil && where != "$" {
		var p *yaml.Path
		if p, err = yaml.PathString(where); err != nil {
			break
		}
		if node, err := p.FilterFile(file); err == nil && node.GetToken() != nil {
			at := node.GetToken().Position
			return at.Line, at.Column
		}
		where = where[:strings.LastIndexAny(where, ".[")]
	}
	return 1, 1
}

// complete fills in what is left out.
func (s *Scenario) complete() {
	or := func(field *int, value int) {
		if *field == 0 {
			*field = value
		}
	}
	or(&s.Guest, 1450)
	or(&s.Overlay, s.Guest)
	or(&s.Underlay.Family, 4)
	or(&s.Underlay.Port, 8472)
	or(&s.Underlay.MTU, s.Overlay+s.Underlay.overhead())
	links := []*Link{&s.Links.VRR1, &s.Links.R1R2, &s.Links.R2Server}
	if s.Second != nil {
		links = append(links, s.Second)
	}
	for _, l := range links {
		if s.Guest > 1500 {
			or(&l.MTU, 9000)
		}
		or(&l.MTU, 1500)
		or(&l.Return, l.MTU)
	}
	or(&s.Truth.ReturnMTU, s.Truth.MTU)
}

// overhead is what VXLAN adds to a packet: Ethernet, VXLAN, UDP and IP.
func (u Underlay) overhead() int {
	if u.Family == 6 {
		return 14 + 8 + 8 + 40
	}
	return 14 + 8 + 8 + 20
}
