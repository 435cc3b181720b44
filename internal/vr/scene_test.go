package vr

import (
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/filter"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// scene is a healthy virtual router that a test breaks.
type scene struct{ Input }

const radvdConf = `interface eth0 {
	AdvSendAdvert on;
	MinRtrAdvInterval 5;
	MaxRtrAdvInterval 15;
	prefix fd17:625c:f037:2::1/64 { AdvOnLink on; AdvAutonomous on; };
	RDNSS 2001:db8:80::80 { AdvRDNSSLifetime 30; };
};
`

// isolated is the virtual router of an isolated network, with the accept rules that CloudStack's chains lack.
func isolated(t *testing.T) *scene {
	t.Helper()
	s := &scene{}
	s.Role = Role{Type: Isolated, Gateways: map[string]netip.Addr{}}
	s.All = host.Conf{Forwarding: 1}
	s.add("lo", "")
	s.add("eth0", "02:01:00:cb:00:fe", "fe80::1:ff:fecb:fe/64", "fd17:625c:f037:2::1/64")
	s.add("eth1", "0e:00:a9:fe:00:01")
	s.add("eth2", "1e:00:01:00:00:02", "fe80::1c00:1ff:fe00:2/64", "2001:db8:1::2/64")
	s.World = &host.Way{Device: "eth2", Gateway: addr("2001:db8:1::1")}
	s.Radvd = Radvd{Running: true, PID: 400, Installed: true, File: "/etc/radvd.conf"}
	s.radvd(t, radvdConf)
	s.Connections, s.Neighbors = Table{Used: 10, Max: 1000000}, Table{Used: 12, Max: 1024}
	s.Filter = &filter.Ruleset{Chains: []*filter.Chain{chain("fw_input", filter.Input), chain("fw_forward", filter.Forward),
		chain("fw_output", filter.Output)}}
	s.Listened = 16 * time.Second
	s.says("eth0", "fe80::1:ff:fecb:fe")
	return s
}

func addr(s string) netip.Addr { return netip.MustParseAddr(s) }

func (s *scene) add(name, mac string, addresses ...string) {
	i := Interface{Device: host.Device{Link: host.Link{Name: name, Index: len(s.Interfaces) + 1, MTU: 1500, Up: true}}}
	i.MAC, _ = net.ParseMAC(mac)
	i.Conf = &host.Conf{Forwarding: 1}
	i.Loopback = name == "lo"
	for _, a := range addresses {
		i.Addresses = append(i.Addresses, host.OwnAddress{Prefix: netip.MustParsePrefix(a)})
	}
	s.Interfaces = append(s.Interfaces, i)
}

func (s *scene) radvd(t *testing.T, conf string) {
	t.Helper()
	state, err := expect.Load([]expect.Source{{Name: s.Radvd.File, Data: []byte(conf)}})
	if err != nil {
		t.Fatal(err)
	}
	s.Radvd.State = state
}

// says has this machine heard to advertise.
func (s *scene) says(name, source string) {
	s.Heard = append(s.Heard, Heard{Interface: name, Own: []Speaker{{Source: addr(source), Count: 2, Lifetime: 45}}})
}

func (s *scene) iface(name string) *Interface { return s.Facts.iface(name) }

// lose takes from an interface the addresses that begin so.
func (s *scene) lose(name, prefix string) {
	i := s.iface(name)
	i.Addresses = slices.DeleteFunc(i.Addresses, func(a host.OwnAddress) bool { return strings.HasPrefix(a.Prefix.String(), prefix) })
}

func chain(name string, h filter.Hook) *filter.Chain {
	return &filter.Chain{Tool: "nft", Family: filter.IPv6, Table: "ip6 ip6_firewall", Name: name, Base: true, Hook: h, Policy: filter.Accept}
}

// rule adds a rule to a chain of the scene, for packets that match accepts.
func (s *scene) rule(name, text string, act filter.Act, matches func(p *filter.Packet) filter.Truth) {
	for _, c := range s.Filter.Chains {
		if c.Name == name {
			c.Rules = append(c.Rules, filter.Rule{Handle: uint64(len(c.Rules) + 7), Text: text,
				Apply: func(p *filter.Packet) (filter.Truth, filter.Act, string) { return matches(p), act, "" }})
		}
	}
}

func ofType(types ...uint8) func(p *filter.Packet) filter.Truth {
	return func(p *filter.Packet) filter.Truth {
		if slices.Contains(types, p.Type) {
			return filter.Yes
		}
		return filter.No
	}
}

// judged chooses the interfaces and judges.
func (s *scene) judged(t *testing.T, named ...string) checklist.List {
	t.Helper()
	if err := s.Choose(named, s.Expect); err != nil {
		t.Fatal(err)
	}
	return Judge(s.Input)
}

// found lists the findings as rule@severity.
func found(l checklist.List) []string {
	list := []string{}
	for _, f := range l.Findings() {
		list = append(list, fmt.Sprintf("%s@%v", f.Rule, f.Severity))
	}
	return list
}

func line(l checklist.List, name string) checklist.Line {
	for _, line := range l.Lines {
		if line.Name == name {
			return line
		}
	}
	return checklist.Line{}
}

// wire adds a finding of the judges of what was heard.
func (s *scene) wire(id rule.ID, source string, place rule.Place) {
	f := checklist.Finding(id, "", "seen on the wire", "")
	f.Link, f.Expected = "eth0", place
	if source != "" {
		f.Source = addr(source)
	}
	s.Wire = append(s.Wire, f)
}

// network has CloudStack's API say that eth0 is in a network of that type, where the scene's machine is the router.
func (s *scene) network(t *testing.T, typ, fields string) {
	t.Helper()
	data := fmt.Sprintf(`{"network":[{"id":"n1","name":"web","type":%q,"ip6cidr":"fd17:625c:f037:2::/64",`+
		`"ip6gateway":"fd17:625c:f037:2::1","internetprotocol":"DualStack"%s}],"router":[{"id":"r1","name":"r-4-VM","nic":[`+
		`{"networkid":"n1","macaddress":"02:01:00:cb:00:fe","type":%q,"traffictype":"Guest"}]}]}`, typ, fields, typ)
	state, err := expect.Load([]expect.Source{{Name: "net.json", Data: []byte(data)}})
	if err != nil {
		t.Fatal(err)
	}
	s.Expect = state
}

// other is a router beside this one.
func other(lifetime uint16) Speaker {
	return Speaker{Source: addr("fe80::bad"), MAC: packet.MAC{2, 0, 0, 0, 0x0b, 0xad}, Count: 3, Lifetime: lifetime,
		Prefixes: []netip.Prefix{netip.MustParsePrefix("2001:db8:bad::/64")}}
}
