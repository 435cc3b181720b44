package cloud

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

// Scenario is one file: a fault of the zone, or two at once, and what is to be said of it.
type Scenario struct {
	Name  string `yaml:"-"`     // of the file, without .yaml
	About string `yaml:"about"` // what is broken and what its users see, in a line
	Story string `yaml:"story"` // more of that, a few lines

	Role     string   `yaml:"role"`     // guest, vr or kvm: whose command it is
	Node     string   `yaml:"node"`     // where that is run
	Command  []string `yaml:"command"`  // the arguments of v6probe; {files} is Zone.Files, see Arguments
	Findings []string `yaml:"findings"` // the rules that must be named, the one to mend first first
	Also     []string `yaml:"also"`     // rules that may be errors besides; warnings and notes always may
	Needs    []string `yaml:"needs"`    // programs, and br_netfilter; see Missing

	// Faults names the scenarios of which this one has the faults, if it is a pair; Do and Zone are theirs then.
	Faults []string `yaml:"faults"`
	Do     []Step   `yaml:"do"`    // how the fault is made
	Zone   Build    `yaml:"zone"`  // what is built in another way for it
	Early  bool     `yaml:"early"` // it must be on before the zone is built; set also where Zone asks for it

	// Reach says how far guests still come: "server" where it says nothing, "address", "link-local", "nothing", or "any" where
	// nothing is to be said. "all" is for those not named.
	Reach map[string]string `yaml:"reach"`
	See   []Sight           `yaml:"see"` // how one sees the fault with other tools
}

// Step is a part of a fault: one thing that an operator could do on one node.
type Step struct {
	On   string `yaml:"on"`   // the node
	Run  string `yaml:"run"`  // a command; there is no shell
	Undo string `yaml:"undo"` // the command that undoes Run or Nft; "firewall" writes that of a router anew

	Nft    string            `yaml:"nft"`    // a script for nft
	Sysctl map[string]string `yaml:"sysctl"` // "net.ipv6.conf.eth0.accept_ra": "0"
	Radvd  string            `yaml:"radvd"`  // radvd.conf to start it with anew; {interval} stands for the zone's two lines
	Config string            `yaml:"config"` // radvd.conf that is written, and radvd not told; "good" is as it should be
	Stop   string            `yaml:"stop"`   // radvd or dns
	Send   *Send             `yaml:"send"`   // advertisements that no honest router sends
	Fill   int               `yaml:"fill"`   // the table of connections, to so many percent
	API    map[string]string `yaml:"api"`    // fields of the network in networks.json
}

// undoFirewall is the word of Step.Undo that is no command.
const undoFirewall = "firewall"

// Send is a sender of Router Advertisements with a mind of its own. What is left out is as CloudStack's.
type Send struct {
	Shape     string        `yaml:"shape"`     // plain, exthdr (a destination options header before it) or fragments; plain
	Source    string        `yaml:"source"`    // the address that it comes from; the interface's link-local one
	HopLimit  int           `yaml:"hop_limit"` // of the packet; 255
	Prefix    string        `yaml:"prefix"`
	Valid     int           `yaml:"valid"`     // seconds
	Preferred int           `yaml:"preferred"` // seconds
	Every     time.Duration `yaml:"every"`     // the zone's interval
}

// Build is what can be built in another way.
type Build struct {
	SecurityGroups *bool          `yaml:"security_groups"`
	VR2            bool           `yaml:"vr2"`          // the backup of a redundant pair, whose radvd is stopped
	Tier2          bool           `yaml:"tier2"`        // vr has eth3, with guests of a second network
	VXLANPort      map[string]int `yaml:"vxlan_port"`   // by host
	VXLANMTU       int            `yaml:"vxlan_mtu"`    // bytes of IP
	VXLANNoDev     bool           `yaml:"vxlan_no_dev"` // made without dev, as for EVPN
	UnderlayMTU    int            `yaml:"underlay_mtu"`
}

// Sight is a command that shows the fault. It must succeed.
type Sight struct {
	On    string `yaml:"on"`
	Run   string `yaml:"run"`
	Shows string `yaml:"shows"` // a regular expression that must match what it writes
	Hides string `yaml:"hides"` // one that must not
	Fails bool   `yaml:"fails"` // it must fail instead
}

// Arguments returns Command with {files} filled in.
func (s *Scenario) Arguments(files string) []string {
	var out []string
	for _, a := range s.Command {
		out = append(out, strings.ReplaceAll(a, "{files}", files))
	}
	return out
}

// reach is how far a guest comes with this fault.
func (s *Scenario) reach(node string) string {
	for _, who := range []string{node, "all"} {
		if far, ok := s.Reach[who]; ok {
			return far
		}
	}
	return "server"
}

// Scenarios returns all scenarios in the order of their names.
func Scenarios() ([]*Scenario, error) {
	entries, err := files.ReadDir("scenarios")
	if err != nil {
		return nil, err
	}
	var all []*Scenario
	byName := map[string]*Scenario{}
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
		byName[s.Name] = s
	}
	for _, s := range all {
		if err := s.join(byName); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// Parse reads a scenario from a file of that name. Errors begin with the name, the line and the column. What a pair takes from
// others only Scenarios fills in.
func Parse(name string, data []byte) (*Scenario, error) {
	s := &Scenario{Name: strings.TrimSuffix(path.Base(name), ".yaml")}
	if err := yaml.UnmarshalWithOptions(data, s, yaml.Strict()); err != nil {
		var at yaml.Error
		if errors.As(err, &at) && at.GetToken() != nil {
			p := at.GetToken().Position
			return nil, fmt.Errorf("%s:%d:%d: %s", name, p.Line, p.Column, at.GetMessage())
		}
		return nil, fmt.Errorf("%s:1:1: %w", name, err)
	}
	if where, err := s.check(); err != nil {
		line, column := position(data, where)
		return nil, fmt.Errorf("%s:%d:%d: %w", name, line, column, err)
	}
	s.Early = s.Early || s.Zone.early()
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

// join gives a pair the faults of those that it names.
func (s *Scenario) join(byName map[string]*Scenario) error {
	for _, name := range s.Faults {
		part := byName[name]
		if part == nil || len(part.Faults) > 0 {
			return fmt.Errorf("%s.yaml: %q is no single fault", s.Name, name)
		}
		s.Do = append(s.Do, part.Do...)
		s.Needs = append(s.Needs, part.Needs...)
		if err := s.Zone.merge(part.Zone); err != nil {
			return fmt.Errorf("%s.yaml: %q: %w", s.Name, name, err)
		}
		s.Early = s.Early || part.Early
	}
	return nil
}

// early reports whether a zone must be built for it. Security groups aside: a zone has them, or has them not.
func (b Build) early() bool {
	return b.VR2 || b.Tier2 || len(b.VXLANPort) > 0 || b.VXLANMTU != 0 || b.VXLANNoDev || b.UnderlayMTU != 0
}

// merge adds what other asks for.
func (b *Build) merge(other Build) error {
	if other.SecurityGroups != nil {
		if b.SecurityGroups != nil && *b.SecurityGroups != *other.SecurityGroups {
			return errors.New("one fault needs security groups, another one none")
		}
		b.SecurityGroups = other.SecurityGroups
	}
	b.VR2, b.Tier2 = b.VR2 || other.VR2, b.Tier2 || other.Tier2
	b.VXLANNoDev = b.VXLANNoDev || other.VXLANNoDev
	for host, port := range other.VXLANPort {
		if b.VXLANPort == nil {
			b.VXLANPort = map[string]int{}
		}
		b.VXLANPort[host] = port
	}
	for _, size := range []struct{ to, from *int }{{&b.VXLANMTU, &other.VXLANMTU}, {&b.UnderlayMTU, &other.UnderlayMTU}} {
		if *size.from == 0 {
			continue
		}
		if *size.to != 0 && *size.to != *size.from {
			return errors.New("two faults ask for different MTUs")
		}
		*size.to = *size.from
	}
	return nil
}
