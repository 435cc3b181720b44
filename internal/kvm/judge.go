package kvm

import (
	"fmt"
	"slices"
	"strings"

	"v6probe/internal/checklist"
	"v6probe/internal/expect"
	"v6probe/internal/host"
	"v6probe/internal/packet"
	"v6probe/internal/rule"
)

// Judge says what of the facts keeps IPv6 from the guests. It looks at what is plugged into bridges only.
func Judge(in Input) checklist.List {
	j := newJudge(in)
	l := checklist.List{
		Title:   j.title(),
		Healthy: "Nothing that was looked at on this host keeps IPv6 from its guests.",
		Broken:  "This host keeps IPv6 from its guests",
	}
	if len(j.bridges) == 0 {
		l.Healthy = "This host has no bridge, and so no guests."
		l.Add(checklist.Line{Name: "bridges", Status: checklist.Note,
			Text: "none: this is no KVM host, or no guest's network is on it"})
		return l
	}
	if in.Filter == nil {
		l.Healthy = "Nothing that could be looked at on this host keeps IPv6 from its guests; to look at its packet filter " +
			"needs root."
	}
	l.Add(j.bridgesLine())
	l.Add(j.tapsLine())
	l.Add(j.vxlanLine())
	l.Add(j.underlayLine())
	l.Add(j.floodingLine())
	l.Add(j.multicastLine())
	j.judgeSets()
	for _, line := range j.filterLines() {
		l.Add(line)
	}
	l.Add(j.groupLine())
	l.Add(j.rogueLine())
	return l
}

// judge is one run.
type judge struct {
	Input
	bridges []*bridge
	groups  groups

	walks []*walk         // what the filter does, tap by tap
	sets  []rule.Finding  // about ipsets
	inSet int             // taps whose addresses are in their sets
	named map[string]bool // links by name
}

// bridge is a bridge with its ports sorted.
type bridge struct {
	host.Bridge
	taps    []*tap             // where guests are
	uplinks []*host.BridgePort // by which other hosts, or the world, are reached
	down    bool
}

// tap is a port with a guest, or a virtual router, behind it.
type tap struct {
	*host.BridgePort
	bridge *bridge
	mac    packet.MAC // of the machine, where it is known
	known  bool
	router bool // it advertises, or is expected to, or has no rules where every guest has

	group bool     // it has the rules of a security group
	sets  []string // ipsets of addresses that it may use

	broken bool // a finding is about the tap itself: what is dropped there is its consequence
	unset  bool // its address is not in its set: likewise for what it sends
}

func newJudge(in Input) *judge {
	j := &judge{Input: in, named: make(map[string]bool)}
	for _, l := range in.Links {
		j.named[l.Name] = true
	}
	j.groups = readGroups(in.Filter)
	for _, b := range in.Bridges {
		if in.Bridge == "" || in.Bridge == b.Name {
			j.bridges = append(j.bridges, j.sort(b))
		}
	}
	return j
}

// sort makes a bridge of what the host says of one.
func (j *judge) sort(b host.Bridge) *bridge {
	sorted := &bridge{Bridge: b, down: !b.Up}
	for i := range b.Ports {
		p := &b.Ports[i]
		switch {
		case isTap(p):
			sorted.taps = append(sorted.taps, j.tap(p, sorted))
		case isUplink(p):
			sorted.uplinks = append(sorted.uplinks, p)
		}
	}
	return sorted
}

// isTap reports whether a machine or a container is behind a port. A veth that is named as hardware is, in a container, the
// way out.
func isTap(p *host.BridgePort) bool {
	return p.Kind == "tap" && !strings.HasSuffix(p.Name, "-nic") || // libvirt gives a bridge such a one for its address
		p.Kind == "veth" && !strings.HasPrefix(p.Name, "eth") && !strings.HasPrefix(p.Name, "en")
}

// isUplink reports whether a port leads to other hosts.
func isUplink(p *host.BridgePort) bool {
	return !isTap(p) && !slices.Contains([]string{"tap", "tun", "dummy", "ifb"}, p.Kind)
}

func (j *judge) tap(p *host.BridgePort, b *bridge) *tap {
	t := &tap{BridgePort: p, bridge: b, group: j.groups.taps[p.Name], sets: j.groups.sets[p.Name]}
	t.mac, t.known = j.machine(t)
	t.router = j.advertises(t) || j.groups.any() && !t.group && !j.groups.named[p.Name] && !j.expectedGuest(t)
	return t
}

// machine returns the Ethernet address of the machine behind a tap: one that was heard there, or that the bridge has
// learned; else the one of whose link-local address its rules speak, or its set.
func (j *judge) machine(t *tap) (packet.MAC, bool) {
	var all []packet.MAC
	for _, h := range j.Heard {
		if h.Device == t.Name {
			all = append(all, h.MAC)
		}
	}
	for _, m := range t.Stations {
		all = append(all, packet.MAC(m))
	}
	// Of several the one that libvirt made the tap's own address of, or that its rules are about.
	ruled, ok := j.groups.machines[t.Name]
	for _, m := range all {
		if [5]byte(m[1:]) == [5]byte(t.Address[1:]) || ok && m == ruled || j.inSets(t, m) {
			return m, true
		}
	}
	if len(all) > 0 {
		return all[0], true
	}
	if ok {
		return ruled, true
	}
	for _, set := range t.sets {
		for _, p := range j.Filter.Sets[set].Members {
			if m, ok := packet.EmbeddedMAC(p.Addr()); ok && p.IsSingleIP() && p.Addr().IsLinkLocalUnicast() {
				return m, true
			}
		}
	}
	return packet.MAC{}, false
}

// advertises reports whether a router is behind a tap: it was heard, or is expected.
func (j *judge) advertises(t *tap) bool {
	if slices.ContainsFunc(j.Heard, func(h Heard) bool { return h.Device == t.Name && h.Advertises }) && !t.group {
		return true
	}
	return t.known && slices.ContainsFunc(j.links(), func(l *expect.Link) bool { return hasRouter(l, t.mac) })
}

func hasRouter(l *expect.Link, m packet.MAC) bool {
	return slices.ContainsFunc(l.Routers, func(r expect.Router) bool {
		return packet.MAC(r.MAC) == m || r.MAC == expect.MAC{} && r.Address == packet.LinkLocal(m)
	})
}

// expectedGuest reports whether the expectation names the machine behind a tap as one that is no router.
func (j *judge) expectedGuest(t *tap) bool {
	return t.known && slices.ContainsFunc(j.links(), func(l *expect.Link) bool {
		return slices.ContainsFunc(l.Neighbors, func(n expect.Neighbor) bool { return packet.MAC(n.MAC) == t.mac })
	})
}

func (j *judge) links() []*expect.Link {
	if j.Expect == nil {
		return nil
	}
	return j.Expect.Links
}

// taps lists those of all bridges.
func (j *judge) taps() []*tap {
	var all []*tap
	for _, b := range j.bridges {
		all = append(all, b.taps...)
	}
	return all
}

// works lists the bridges that are up and have guests: what is judged of the others would say nothing.
func (j *judge) works() []*bridge {
	var list []*bridge
	for _, b := range j.bridges {
		if !b.down && len(b.taps) > 0 {
			list = append(list, b)
		}
	}
	return list
}

func (j *judge) title() string {
	taps := 0
	var names []string
	for _, b := range j.bridges {
		taps += len(b.taps)
		names = append(names, printable(b.Name))
	}
	switch {
	case len(names) == 0:
		return "KVM host"
	case len(names) == 1:
		return fmt.Sprintf("KVM host, bridge %s with %s", names[0], count(taps, "tap"))
	}
	return fmt.Sprintf("KVM host, %s with %s", count(len(names), "bridge"), count(taps, "tap"))
}

// idle is the line for which there is nothing to look at: why says that, and where it was kept from by a bridge that is
// down, that one is named.
func (j *judge) idle(name, why string) checklist.Line {
	for _, b := range j.bridges {
		if b.down && len(b.taps) > 0 {
			return checklist.Line{Name: name, Status: checklist.Skipped, Text: printable(b.Name) + " is down"}
		}
	}
	return checklist.Line{Name: name, Text: why}
}
