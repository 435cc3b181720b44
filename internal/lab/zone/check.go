package zone

import (
	"fmt"
	"slices"
	"strings"
)

// The sizes that a network can be built with: IPv6 needs 1280 (RFC 8200 §5), and the rest of the zone carries 9216.
const (
	minMTU = 1280
	maxMTU = 9216
)

// matches says how nft names what a Drop drops.
func matches(what string) (string, bool) {
	switch what {
	case "packet-too-big", "time-exceeded", "echo-request", "echo-reply", "destination-unreachable":
		return "icmpv6 type " + what, true
	case "udp":
		return "meta l4proto udp", true
	}
	return "", false
}

// check returns what is wrong and the YAML path of the value. It judges what complete has completed.
func (s *Scenario) check() (where string, err error) {
	if strings.TrimSpace(s.About) == "" {
		return "$.about", fmt.Errorf("about is missing: say what the case is")
	}
	for _, size := range s.sizes() {
		if size.value < size.least || size.value > maxMTU {
			return size.where, fmt.Errorf("%s is %d, no size from %d to %d", size.where[2:], size.value, size.least, maxMTU)
		}
	}
	switch {
	case s.Underlay.Family != 4 && s.Underlay.Family != 6:
		return "$.underlay.family", fmt.Errorf("family is %d, not 4 or 6", s.Underlay.Family)
	case s.Underlay.Port < 1 || s.Underlay.Port > 65535:
		return "$.underlay.port", fmt.Errorf("%d is no UDP port", s.Underlay.Port)
	case s.Loss < 0 || s.Loss > 99:
		return "$.loss", fmt.Errorf("%d is no percentage from 0 to 99", s.Loss)
	case s.SecondReturn && s.Second == nil:
		return "$.second_return", fmt.Errorf("second_return without a second path")
	case s.Within < 0:
		return "$.within", fmt.Errorf("within is negative")
	}
	for i, d := range s.Drop {
		if what, err := d.check(); err != nil {
			return fmt.Sprintf("$.drop[%d].%s", i, what), err
		}
	}
	return s.Truth.check(s.Guest)
}

type size struct {
	where        string
	value, least int
}

func (s *Scenario) sizes() []size {
	all := []size{
		{"$.guest", s.Guest, minMTU},
		{"$.overlay", s.Overlay, minMTU},
		{"$.underlay.mtu", s.Underlay.MTU, minMTU},
		{"$.truth.mtu", s.Truth.MTU, minMTU},
		{"$.truth.return_mtu", s.Truth.ReturnMTU, minMTU},
	}
	optional := func(where string, value int) {
		if value != 0 {
			all = append(all, size{where, value, minMTU})
		}
	}
	link := func(where string, l *Link) {
		all = append(all, size{where + ".mtu", l.MTU, minMTU}, size{where + ".return", l.Return, minMTU})
		optional(where+".switch", l.Switch)
		optional(where+".bridge_port", l.BridgePort)
	}
	optional("$.underlay.switch", s.Underlay.Switch)
	optional("$.cache", s.Cache)
	link("$.links.vr-r1", &s.Links.VRR1)
	link("$.links.r1-r2", &s.Links.R1R2)
	link("$.links.r2-server", &s.Links.R2Server)
	if s.Second != nil {
		link("$.second", s.Second)
	}
	if s.Liar != nil { // its word may be any
		all = append(all, size{"$.liar.above", s.Liar.Above, minMTU}, size{"$.liar.says", s.Liar.Says, 1})
	}
	if s.Forger != nil {
		all = append(all, size{"$.forger.says", s.Forger.Says, 1})
	}
	for i, mtu := range s.Truth.Flows {
		all = append(all, size{fmt.Sprintf("$.truth.flows[%d]", i), mtu, minMTU})
	}
	return all
}

// check returns the field that is wrong and why.
func (d Drop) check() (string, error) {
	if nodes := []string{"guest", "vr", "r1", "r2", "server"}; !slices.Contains(nodes, d.At) {
		return "at", fmt.Errorf("%q is none of %s", d.At, strings.Join(nodes, ", "))
	}
	if hooks := []string{"input", "forward", "output"}; !slices.Contains(hooks, d.Hook) {
		return "hook", fmt.Errorf("%q is none of %s", d.Hook, strings.Join(hooks, ", "))
	}
	if _, ok := matches(d.What); !ok {
		return "what", fmt.Errorf("%q is nothing that can be dropped", d.What)
	}
	if d.Rate < 0 {
		return "rate", fmt.Errorf("rate is negative")
	}
	return "", nil
}

func (t Truth) check(guest int) (where string, err error) {
	const server = 4
	switch {
	case t.MTU > guest:
		return "$.truth.mtu", fmt.Errorf("mtu is %d, more than the guest's %d", t.MTU, guest)
	case t.BlackHole && (t.After < 0 || t.After >= t.Before || t.Before > server):
		return "$.truth.before", fmt.Errorf("no hole can be after hop %d and before hop %d", t.After, t.Before)
	case !t.BlackHole && (t.After != 0 || t.Before != 0):
		return "$.truth.before", fmt.Errorf("after and before are of a black hole")
	case len(t.Flows) == 1:
		return "$.truth.flows", fmt.Errorf("one flow is no comparison")
	}
	for i, h := range t.Hops {
		if h < 1 || h >= server || i > 0 && h <= t.Hops[i-1] {
			return fmt.Sprintf("$.truth.hops[%d]", i), fmt.Errorf("hop %d is no router behind the one before", h)
		}
	}
	return "", nil
}
