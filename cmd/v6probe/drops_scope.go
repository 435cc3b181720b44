package main

import (
	"os"
	"strconv"
	"strings"

	"v6probe/internal/capture"
	"v6probe/internal/drops"
	"v6probe/internal/host"
)

// dropScope says which drops were asked for.
type dropScope struct {
	iface string // "" for all
	netns string // as --netns has it; "" for our own, "all" for every one
	inode uint32 // of that
	name  string // as drops.Namespaces call it

	parts *parts          // of iface, in the namespace
	blind error           // why they could not be read
	known map[string]bool // interfaces that were looked for among these
	links func() ([]host.Link, error)
	lost  uint64 // packets whose namespace is not known, when it was split last

	spaces namespaces // nil in our own, and for every one
	found  bool       // the namespace can be told from one that is gone
}

// newDropScope returns what iface and netns ask for.
func newDropScope(m machine, iface, netns string) (*dropScope, error) {
	if iface == capture.AnyInterface {
		iface = ""
	}
	s := &dropScope{iface: iface, netns: netns, known: make(map[string]bool), links: m.links}
	if netns != "" && netns != allNamespaces {
		if err := s.find(m); err != nil {
			return nil, err
		}
	}
	if iface == "" || netns == allNamespaces {
		return s, nil
	}
	links, err := s.links()
	switch {
	case err != nil && s.ours():
		return nil, err
	case err != nil:
		s.blind = err // its own name is something to go by
		return s, nil
	}
	s.parts = partsOf(links, iface)
	if s.parts == nil {
		return nil, s.noInterface(m, links)
	}
	for _, l := range links {
		s.known[l.Name] = true
	}
	return s, nil
}

func linkNames(links []host.Link) []string {
	var names []string
	for i := range links {
		names = append(names, links[i].Name)
	}
	return names
}

// ours reports whether our own namespace alone was asked for.
func (s *dropScope) ours() bool { return s.netns == "" || s.netns != allNamespaces && s.name == "" }

// where says for a sentence what was asked for: "on eth0".
func (s *dropScope) where() string {
	var parts []string
	switch {
	case s.iface == "":
	case s.blind != nil:
		parts = append(parts, "on "+s.iface+" alone (whether it has ports could not be read)")
	case s.netns == allNamespaces:
		parts = append(parts, "on all that is called "+s.iface+", without its ports,")
	default:
		parts = append(parts, "on "+s.iface)
	}
	switch {
	case s.netns == allNamespaces:
		parts = append(parts, "in all network namespaces")
	case s.name != "":
		parts = append(parts, "in namespace "+s.name)
	}
	return strings.Join(parts, " ")
}

// behind is where with a blank before it, if it is not empty.
func (s *dropScope) behind() string {
	if w := s.where(); w != "" {
		return " " + w
	}
	return ""
}

// stacks returns the namespace in which stacks are walked, 0 for all: the drops of others shall not use up the budget.
func (s *dropScope) stacks() uint32 {
	if s.netns == allNamespaces {
		return 0
	}
	if s.inode != 0 {
		return s.inode
	}
	own, err := drops.ProcessNamespace(os.Getpid())
	if err != nil {
		return 0
	}
	return own
}

// split returns the drops that were asked for, and the others. Those whose namespace is not known are neither, unless every
// one was asked for: to blame a namespace for what may be another's would be wrong.
func (s *dropScope) split(list []drops.Drop) (here, elsewhere []drops.Drop) {
	s.renew(list)
	s.lost = 0
	for _, d := range list {
		unknown := d.NetNS == drops.UnknownNamespace
		switch {
		case unknown && s.netns != allNamespaces:
			s.lost += d.Packets
		case s.has(&d):
			here = append(here, d)
			if unknown {
				s.lost += d.Packets
			}
		default:
			elsewhere = append(elsewhere, d)
		}
	}
	return here, elsewhere
}

// renew looks for the parts of the interface again where one has come up that was not there: a guest's tap, for example.
func (s *dropScope) renew(list []drops.Drop) {
	if s.parts == nil {
		return
	}
	fresh := false
	for i := range list {
		for _, name := range []string{list[i].Interface, list[i].Arrived} {
			if name != "" && s.inNamespace(&list[i]) && !s.known[name] && len(s.known) < maxKnown {
				s.known[name], fresh = true, true
			}
		}
	}
	if !fresh {
		return
	}
	if links, err := s.links(); err == nil {
		if parts := partsOf(links, s.iface); parts != nil {
			s.parts.add(parts)
		}
	}
}

// maxKnown bounds what is remembered of names.
const maxKnown = 1 << 16

func (s *dropScope) has(d *drops.Drop) bool {
	switch {
	case !s.inNamespace(d):
		return false
	case s.iface == "":
		return true
	case s.parts != nil:
		return s.parts.has(d)
	}
	return d.Interface == s.iface || d.Arrived == s.iface
}

// inNamespace reports whether d was dropped in a namespace that was asked for.
func (s *dropScope) inNamespace(d *drops.Drop) bool {
	switch {
	case s.netns == allNamespaces:
		return true
	case s.name == "" || d.NetNS == s.name:
		return d.NetNS == s.name
	}
	// A namespace without a name of its own is called by its first process, which may be another one by now.
	number := "inode " + strconv.FormatUint(uint64(s.inode), 10)
	return d.NetNS == number || strings.HasPrefix(d.NetNS, number+" (")
}

// parts are what belongs to an interface: itself, the ports of a bridge or bond, and what is below.
type parts struct {
	whole  map[string]bool // all that is dropped there
	tagged map[string]bool // what has a VLAN tag: below a VLAN interface
	vnis   map[uint32]bool // what is inside these VXLANs, wherever that is
}

func (p *parts) add(q *parts) {
	for name := range q.whole {
		p.whole[name] = true
	}
	for name := range q.tagged {
		p.tagged[name] = true
	}
	for vni := range q.vnis {
		p.vnis[vni] = true
	}
}

func (p *parts) has(d *drops.Drop) bool {
	switch {
	case p.whole[d.Interface] || p.whole[d.Arrived]:
		return true
	case d.Flags.Has(drops.Tunneled):
		return p.vnis[d.VNI]
	}
	return d.VLAN != 0 && (p.tagged[d.Interface] || p.tagged[d.Arrived])
}

// partsOf returns the parts of the interface of that name, nil where there is none.
func partsOf(links []host.Link, name string) *parts {
	p := &parts{make(map[string]bool), make(map[string]bool), make(map[uint32]bool)}
	byIndex := make(map[int]*host.Link)
	var walk []*host.Link
	for i := range links {
		byIndex[links[i].Index] = &links[i]
		if links[i].Name == name {
			walk = append(walk, &links[i])
		}
	}
	if len(walk) == 0 {
		return nil
	}
	for len(walk) > 0 {
		l := walk[0]
		walk = walk[1:]
		if p.whole[l.Name] {
			continue
		}
		p.whole[l.Name] = true
		for i := range links {
			if links[i].Master == l.Index {
				walk = append(walk, &links[i])
			}
		}
		lower := byIndex[l.Lower]
		if l.Lower == 0 || l.Foreign {
			lower = nil
		}
		switch {
		case l.Kind == "vxlan" && l.Tunnel != nil:
			p.vnis[l.Tunnel.ID] = true
		case lower == nil || l.Kind == "veth":
		case l.Kind == "vlan":
			p.tagged[lower.Name] = true
		case l.Kind == "macvlan" || l.Kind == "macvtap":
			walk = append(walk, lower)
		}
	}
	return p
}
